"""Papers, logged papers and editions for tests of ranking, composing and views."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from digest import text
from digest.edition.compose import compose
from digest.models import (
    Count,
    Dump,
    Edition,
    EditionRef,
    Evidence,
    Interests,
    Listing,
    Logged,
    Newsletter,
    Paper,
    Sighting,
    Tag,
    TagName,
    Taxonomy,
)
from digest.ranking import rank
from digest.sources import open_source, settings_for
from digest.tagging import load_taxonomy

DAY = date(2026, 6, 16)
LETTER = Newsletter(id="daily", title="Daily Papers", timezone="Europe/Berlin")

TAXONOMY = Taxonomy(
    id="test",
    names=(
        TagName(id="efficient", name="Efficient models"),
        TagName(id="prune", name="Pruning", parent="efficient"),
        TagName(id="graphs", name="Graphs"),
        TagName(id="gnn", name="Graph neural networks", parent="graphs"),
        TagName(id="vision", name="Vision"),
        TagName(id="detect", name="Object detection", parent="vision"),
    ),
)
_PHRASES = {"prune": "pruning", "gnn": "graph", "detect": "detection"}
_WORDS = "amber birch cedar delta ember flint grove heron iris jade kelp lotus maple north opal pearl quartz".split()


def paper(n: int, title: str | None = None, **more: Any) -> Paper:
    """Return a paper whose text is its own; `more` overrides."""
    a, b, c = (_WORDS[(n * k + k) % len(_WORDS)] for k in (1, 5, 7))
    fields: dict[str, Any] = {
        "key": f"2606.{n:05d}",
        "title": title or f"{a.title()}{n}: A {b} {c} study",
        "abstract": f"Much is known of {b}. To mend this, we propose {a}{n}, a {c} for {b}. It works {n} times.",
        "first_seen": DAY,
    }
    return Paper(**fields | more)


def new(n: int, *, day: date = DAY, sightings: Sequence[Sighting] = (), **more: Any) -> Logged:
    """Return a paper that is new on `day`."""
    return Logged(number=n, kind="new", paper=paper(n, **more), date=day, sightings=tuple(sightings))


def revised(n: int, *fields: str, day: date = DAY, **more: Any) -> Logged:
    """Return an announced paper of which `fields` changed on `day`."""
    before = ("An older title", "An older abstract.")
    return Logged(number=n, kind="revised", paper=paper(n, **more), date=day, fields=fields, before=before)


def counted(value: int, day: date = DAY) -> Count:
    """Return a count of a day."""
    return Count(value=value, as_of=day)


def tag(id: str, score: float = 10.0, phrase: str | None = None) -> Tag:
    """Return a tag with one phrase as its evidence."""
    return Tag(id=id, score=score, evidence=(Evidence(phrase=phrase or _PHRASES[id], where="title", weight=3.0),))


def issue(
    logged: Sequence[Logged],
    tags: Mapping[str, Sequence[Tag]] | None = None,
    *,
    day: date = DAY,
    interests: Interests | None = None,
    previous: EditionRef | None = None,
    letter: Newsletter = LETTER,
    taxonomy: Taxonomy = TAXONOMY,
    **more: Any,
) -> Edition:
    """Compose an edition; what a test says nothing about is plausible."""
    return compose(
        letter,
        logged,
        tags or {},
        taxonomy,
        interests or Interests(),
        rank=rank,
        number=previous.number + 1 if previous else 1,
        date=day,
        instant=datetime.combine(day, time(6), tzinfo=UTC),
        after=0,
        upto=max(one.number for one in logged),
        counts_listed=len(logged) + 2,
        counts_had=2,
        previous=previous,
        feed_id="tag:papers.example.org,2026:daily",
        base_url=None,
        **more,
    )


def seed(path: Path) -> tuple[date, list[Logged]]:
    """Return a bundled dump as the log of a first edition: its date and its papers, each once."""
    kind = settings_for("folder")
    source = open_source(kind(name="seeds", kind="folder", path=str(path), year=2026), path.parent)  # type: ignore[call-arg]
    parsed = source.parse(
        Dump(source="seeds", name=path.name, content=path.read_bytes()), datetime(2026, 12, 1, tzinfo=UTC)
    )
    day = parsed.dating.date
    found = {text.compact(listing.title): _known(listing, day) for listing in reversed(parsed.listings)}
    return day, [
        Logged(number=n, kind="new", paper=one, date=day) for n, one in enumerate(reversed(found.values()), start=1)
    ]


def _known(listing: Listing, day: date) -> Paper:
    key = "t-" + hashlib.sha256(text.compact(listing.title).encode()).hexdigest()[:16]
    same = {"title", "abstract", "authors", "author_count", "organization", "published", "ids", "links", "categories"}
    count = None if listing.comments is None else counted(listing.comments, day)
    return Paper(key=key, first_seen=day, comments=count, **{name: getattr(listing, name) for name in same})


def tagged(logged: Sequence[Logged]) -> dict[str, Sequence[Tag]]:
    """Return the tags of the papers under the bundled taxonomy."""
    tagger = load_taxonomy()
    return {one.paper.key: tagger.tag(one.paper.title, one.paper.abstract) for one in logged}


def seed_edition(path: Path, *, backwards: bool = False, letter: Newsletter = LETTER) -> Edition:
    """Return the edition of a bundled dump."""
    day, logged = seed(path)
    tags = tagged(logged)
    logged = logged[::-1] if backwards else logged
    return issue(logged, tags, day=day, letter=letter, taxonomy=load_taxonomy().taxonomy)
