"""What the tests of pages, feeds and publishing share: papers, editions, a store that holds them, a publisher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from digest.edition import view
from digest.models import (
    Change,
    Count,
    Counts,
    Dating,
    Dump,
    Edition,
    EditionRef,
    Entry,
    Evidence,
    Listing,
    Match,
    Newsletter,
    Paper,
    Reason,
    Receipt,
    Section,
    Span,
    Tag,
    Top,
)
from digest.protocols import DumpOutcome, Store
from digest.rendering.publish import SitePublisher
from digest.store import open_store

NAMES = {"vision": "Vision", "snn": "Spiking & neuromorphic", "pruning": "Pruning", "theory": "Learning & theory"}
FEED_ID = "tag:papers.example.org,2026:daily"
BASE = "https://papers.example.org/site"
FIRST = date(2026, 1, 5)
DAILY = Newsletter(id="daily", title="Daily Papers")


def paper(n: int, **changes: Any) -> Paper:
    """Return a paper with everything there is, unless `changes` say otherwise."""
    given: dict[str, Any] = {
        "key": f"2601.{n:05d}",
        "title": f"Paper {n} on R&D: a < b & c > d, for $\\alpha$",
        "abstract": f"We study thing {n}. We propose a method that works, and say so in a sentence.\n\nIt has a tail.",
        "authors": ("Ada Lovelace", "Kurt Gödel"),
        "published": FIRST - timedelta(days=n),
        "comments": Count(value=n, as_of=FIRST),
        "first_seen": FIRST,
        "ids": ({"scheme": "arxiv", "value": f"2601.{n:05d}"},),
    }
    return Paper.model_validate(given | changes)


def entry(one: Paper, *tags: str, **changes: Any) -> Entry:
    """Return an entry under its first tag."""
    evidence = (Evidence(phrase="spiking", where="title", weight=8.0),)
    given: dict[str, Any] = {
        "paper": one,
        "change": "new",
        "listed": FIRST,
        "tags": tuple(Tag(id=tag, score=5.0, evidence=evidence) for tag in tags),
        "heading": tags[0] if tags else None,
        "score": 3.0,
        "reasons": (
            Reason(signal="tag", text="about spiking networks", weight=1.0),
            Reason(signal="interest", text="matches your “secret wish”", weight=1.0, personal=True),
        ),
        "summary": "We propose a method that works, and say so in a sentence.",
    }
    return Entry.model_validate(given | changes)


def edition(number: int, entries: Sequence[Entry], **changes: Any) -> Edition:
    """Return edition `number` of a daily newsletter, one a day."""
    day = FIRST + timedelta(days=number - 1)
    headings = dict.fromkeys(one.heading or "also-new" for one in entries if one.change == "new")
    revised = tuple(one.paper.key for one in entries if one.change == "revised")
    sections = [
        Section(
            id=id,
            title=NAMES.get(id, "Also new"),
            keys=tuple(one.paper.key for one in entries if (one.heading or "also-new") == id and one.change == "new"),
        )
        for id in headings
    ]
    if revised:
        sections.append(Section(id="revised", title="Revised", keys=revised))
    new = sum(one.change == "new" for one in entries)
    given: dict[str, Any] = {
        "newsletter": "daily",
        "title": "Daily Papers",
        "number": number,
        "date": day,
        "instant": datetime(day.year, day.month, day.day, 8, tzinfo=UTC),
        "timezone": "UTC",
        "language": "en",
        "after": number - 1,
        "upto": number,
        "counts": Counts(listed=len(entries) + 2, had=2, new=new, revised=len(revised), late=0),
        "lead": f"{new} papers & a lead < 3.",
        "top": Top(label="by comments", keys=tuple(one.paper.key for one in entries[:1] if one.change == "new")),
        "sections": tuple(sections),
        "entries": tuple(entries),
        "tag_names": {tag: NAMES.get(tag, tag) for one in entries for tag in [*(t.id for t in one.tags)]},
        "previous": EditionRef(number=number - 1, date=day - timedelta(days=1)) if number > 1 else None,
        "feed_id": FEED_ID,
        "base_url": BASE,
        "show": 25,
    }
    return Edition.model_validate(given | changes)


def editions(count: int, each: int = 3) -> list[Edition]:
    """Return editions with papers under turning tags, each with one revised paper of the edition before."""
    ids, found = list(NAMES), []
    for number in range(1, count + 1):
        entries = [
            entry(paper(number * 1000 + n), ids[(number + n) % 4], ids[(number + n + 1) % 4]) for n in range(each)
        ]
        if number > 1:
            old = paper((number - 1) * 1000, version=2)
            renamed = old.model_copy(update={"title": old.title.replace("Paper", "Revised Paper")})
            entries.append(entry(renamed, "vision", change="revised", heading=None, revision="title changed, v2"))
        found.append(edition(number, entries))
    return found


def add(store: Store, one: Edition) -> None:
    """Commit a dump with an edition's papers, and publish the edition."""
    known = store.papers([each.paper.key for each in one.entries])
    kept = store.keep(Dump(source="test", name=f"{one.date}.txt", content=one.canonical_json()), one.instant)
    changes = [_change(each, known=each.paper.key in known) for each in one.entries]
    tags = {"taxonomy": {each.paper.key: each.tags for each in one.entries if each.paper.key not in known}}
    store.commit(
        DumpOutcome(
            dump=kept.id,
            dating=Dating(date=one.date, rule="option"),
            changes=changes,
            rejected=(),
            announce=True,
            tags=tags,
        )
    )
    store.enrol(one.newsletter, one.after)
    assert store.publish(one, Receipt(verdict="published", started_at=one.instant))


def _change(one: Entry, *, known: bool) -> Change:
    found = one.paper
    listing = Listing(span=Span(first=1, last=1), title=found.title, abstract=found.abstract, authors=found.authors)
    if found.comments:
        listing = listing.model_copy(update={"comments": found.comments.value})
    if not known:
        return Change(kind="new", listing=listing, match=Match(key=None, rule="none"), paper=found)
    match = Match(key=found.key, rule="id")
    return Change(kind="revised", listing=listing, match=match, paper=found, fields=("title",), before=("", ""))


def enrich(store: Store, one: Paper, day: date) -> None:
    """Commit a dump that moves what is known of a paper, but no text."""
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    kept = store.keep(Dump(source="test", name=f"{day} {one.key}", content=one.key.encode()), at)
    listing = Listing(
        span=Span(first=1, last=1), title=one.title, comments=one.comments.value if one.comments else None
    )
    match = Match(key=one.key, rule="id")
    change = Change(kind="enriched", listing=listing, match=match, paper=one, fields=("comments",))
    dating = Dating(date=day, rule="option")
    store.commit(DumpOutcome(dump=kept.id, dating=dating, changes=(change,), rejected=(), announce=True, tags={}))


def filled(*given: Edition) -> Store:
    """Return a store in memory that holds editions and their papers."""
    store = open_store(":memory:")
    for one in given:
        add(store, one)
    return store


def publisher(output: Path, **changes: Any) -> SitePublisher:
    """Return a publisher into `output`."""
    plain = SitePublisher(
        output=output,
        newsletters=(DAILY,),
        base_url=BASE,
        mail_view=view.mail_view,
        page_view=view.page_view,
        subject=view.subject,
        preheader=view.preheader,
        minutes=view.reading_minutes,
    )
    return replace(plain, **changes)


def contents(folder: Path) -> dict[str, bytes]:
    """Return path -> bytes of every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
