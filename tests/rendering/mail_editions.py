"""Editions and views for the tests of mails, made of nothing but arguments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

from digest.models import (
    Alias,
    Count,
    Counts,
    Density,
    Edition,
    Entry,
    Link,
    Paper,
    Reason,
    Section,
    Top,
    View,
    ViewEntry,
    ViewSection,
)

DAY = date(2026, 6, 16)
SUMMARY = "We show that {n} pruned networks learn as fast as dense ones at a tenth of the cost of training."
NEXT = "On ImageNet this saves 41 % of the energy, without a loss of accuracy on any of the tasks that were tried."


def make_entry(n: int, **paper: object) -> Entry:
    summary = SUMMARY.format(n=n)
    fields: dict[str, object] = {
        "key": f"2606.{n:05}",
        "title": f"Paper {n}: On the Training of Sparse and Spiking Networks from Scratch",
        "abstract": f"Networks are large. {summary} {NEXT}",
        "author_count": 4,
        "published": date(2021, 2, 26),
        "comments": Count(value=n % 4 + 1, as_of=DAY),
        "ids": (Alias(scheme="arxiv", value=f"2606.{n:05}"),),
        "links": (Link(rel="code", url=f"https://github.com/lab/paper-{n}"),) if n % 3 == 0 else (),
        "first_seen": DAY,
    }
    return Entry(
        paper=Paper.model_validate({**fields, **paper}),
        change="new",
        listed=DAY,
        heading=f"h{n % 6}",
        score=1000.0 - n,
        reasons=(
            Reason(signal="tag", text="about “pruning”", weight=2.0),
            Reason(signal="interest", text="matches your ‘spiking’", weight=1.0, personal=True),
        ),
        summary=summary,
    )


def make_edition(count: int = 12, *, entries: Sequence[Entry] = (), **fields: object) -> Edition:
    entries = entries or [make_entry(n) for n in range(count)]
    headings: dict[str, list[str]] = {}
    for entry in entries:
        headings.setdefault(entry.heading or "revised", []).append(entry.paper.key)
    revised = [entry for entry in entries if entry.change == "revised"]
    given: dict[str, object] = {
        "newsletter": "daily",
        "title": "Daily Papers",
        "number": 3,
        "date": DAY,
        "instant": datetime(2026, 6, 16, 8, tzinfo=UTC),
        "timezone": "UTC",
        "language": "en",
        "after": 0,
        "upto": len(entries),
        "counts": Counts(listed=len(entries) + 6, had=6, new=len(entries) - len(revised), revised=len(revised), late=0),
        "lead": f"2 of {len(entries)} are on heading 0; the most discussed is “Paper 0” (4 comments today).",
        "top": Top(label="by comments, then code", keys=tuple(entry.paper.key for entry in entries[:3])),
        "sections": tuple(
            Section(id=id, title=f"Heading & more {id}", keys=tuple(keys)) for id, keys in headings.items()
        ),
        "entries": tuple(entries),
        "tag_names": {id: f"Heading & more {id}" for id in headings},
        "feed_id": "tag:papers.example.org,2026:daily",
        "base_url": "https://papers.example.org",
        "show": 25,
    }
    return Edition.model_validate({**given, **fields})


def make_view(edition: Edition, density: Density = "one", top: Density = "two") -> View:
    """Show all of an edition."""
    above = frozenset(edition.top.keys)
    return View(
        edition=edition,
        top=tuple(ViewEntry(entry=edition.entry(key), density=top) for key in edition.top.keys),
        sections=tuple(
            ViewSection(
                id=section.id,
                title=section.title,
                total=len(section.keys),
                entries=tuple(
                    ViewEntry(entry=edition.entry(key), density=density) for key in section.keys if key not in above
                ),
            )
            for section in edition.sections
        ),
    )
