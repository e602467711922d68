"""What ships for tests, ours and those of third parties: a clock that is moved by hand, and builders of values.

A builder fills in what a test does not care about. May import models, protocols, text and the ground.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from digest.models import (
    Alias,
    Change,
    ChangeKind,
    Counts,
    Dating,
    Dump,
    Edition,
    Entry,
    Listing,
    Match,
    Paper,
    Receipt,
    Rejected,
    Section,
    Span,
    Tag,
    Top,
)
from digest.protocols import DumpOutcome, KeptDump, Store

#: the date that builders use where none is given
DAY = date(2026, 11, 20)
#: the instant that builders use where none is given
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class FrozenClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return the instant at which it stands."""
        return self.now

    def advance(self, **duration: float) -> None:
        """Move it forward, by the arguments of timedelta."""
        self.now += timedelta(**duration)


def ids(*names: str) -> tuple[Alias, ...]:
    """Return aliases written as `scheme:value`."""
    split = (name.split(":", 1) for name in names)
    return tuple(Alias.model_validate({"scheme": scheme, "value": value}) for scheme, value in split)


def make_listing(title: str = "Pruning Spiking Networks", abstract: str = "We prune them.", **fields: Any) -> Listing:
    """Return a listing; `ids` may be written as `scheme:value`."""
    fields["ids"] = ids(*(one for one in fields.get("ids", ()) if isinstance(one, str))) or fields.get("ids", ())
    return Listing(**{"span": Span(first=1, last=1), **fields, "title": title, "abstract": abstract})


def make_paper(listing: Listing, key: str | None = None, **fields: Any) -> Paper:
    """Return the paper that a listing tells of; its key is the listing's first id, unless given."""
    told = {name: getattr(listing, name) for name in ("title", "abstract", "authors", "ids", "links", "categories")}
    return Paper(**{"key": key or listing.ids[0].value, "first_seen": DAY, **told, **fields})


def make_change(
    kind: ChangeKind = "new",
    listing: Listing | None = None,
    paper: Paper | None = None,
    *,
    fields: Sequence[str] = (),
    before: tuple[str, str] | None = None,
    **match: Any,
) -> Change:
    """Return a change; further arguments are those of its match."""
    listing = listing or make_listing(ids=["arxiv:2611.00001"])
    paper = paper or make_paper(listing)
    decided: dict[str, Any] = {"key": None, "rule": "none"} if kind == "new" else {"key": paper.key, "rule": "id"}
    return Change(
        kind=kind,
        listing=listing,
        match=Match(**{**decided, **match}),
        paper=paper,
        fields=tuple(fields),
        before=before,
    )


def make_outcome(
    dump: KeptDump | int,
    changes: Iterable[Change] = (),
    *,
    day: date = DAY,
    announce: bool = True,
    rejected: Sequence[Rejected] = (),
    tags: Mapping[str, Mapping[str, Sequence[Tag]]] | None = None,
    note: str | None = None,
) -> DumpOutcome:
    """Return what the commit of a dump writes."""
    return DumpOutcome(
        dump=dump if isinstance(dump, int) else dump.id,
        dating=Dating(date=day, rule="option", note=note),
        changes=tuple(changes),
        rejected=rejected,
        announce=announce,
        tags=tags or {},
    )


def commit_dump(
    store: Store, changes: Iterable[Change], *, source: str = "papers", name: str | None = None, **outcome: Any
) -> KeptDump:
    """Keep a dump of its own bytes and commit `changes` for it; return it as kept, before the commit."""
    name = name or f"dump {store.dump_count()}"
    kept = store.keep(Dump(source=source, name=name, content=name.encode()), NOON)
    store.commit(make_outcome(kept, changes, **outcome))
    return kept


def make_edition(papers: Sequence[Paper], *, revised: Sequence[Paper] = (), **fields: Any) -> Edition:
    """Return an edition of one section with `papers`, and one with those that are only revised."""
    entries = [Entry(paper=paper, change="new", listed=DAY, score=1, heading="all") for paper in papers]
    entries += [Entry(paper=paper, change="revised", listed=DAY, score=0) for paper in revised]
    sections = (
        Section(id="all", title="All", keys=tuple(paper.key for paper in papers)),
        Section(id="revised", title="Revised", keys=tuple(paper.key for paper in revised)),
    )
    told: dict[str, Any] = {
        "newsletter": "daily",
        "title": "Daily Papers",
        "number": 1,
        "date": DAY,
        "instant": NOON,
        "timezone": "UTC",
        "language": "en",
        "after": 0,
        "upto": 1,
        "counts": Counts(listed=len(entries), had=0, new=len(papers), revised=len(revised), late=0),
        "lead": "What came.",
        "top": Top(label="by score", keys=()),
        "sections": tuple(section for section in sections if section.keys),
        "entries": tuple(entries),
        "tag_names": {},
        "feed_id": "tag:digest.invalid,2026:daily",
        "show": 25,
    }
    return Edition(**{**told, **fields})


def make_receipt(**fields: Any) -> Receipt:
    """Return a receipt."""
    return Receipt(**{"verdict": "published", "started_at": NOON, **fields})
