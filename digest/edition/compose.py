"""A newsletter, an interval of the log and its ranking -> one Edition. Pure; may import models and its own package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date as Date
from datetime import datetime
from typing import Protocol

from digest.edition.headings import assign_headings
from digest.edition.lead import lead
from digest.edition.summary import summarise
from digest.edition.top import choose_top
from digest.models import (
    Counts,
    Edition,
    EditionRef,
    Entry,
    Interests,
    Logged,
    Newsletter,
    Reason,
    Section,
    Tag,
    Taxonomy,
)

REVISED = "revised"


class Ranked(Protocol):
    """What a ranker says about one paper."""

    @property
    def score(self) -> float:
        """The more, the better; below zero: muted."""

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """All that adds up to the score, heaviest first."""

    @property
    def shown(self) -> tuple[Reason, ...]:
        """Those worth showing, heaviest first; at least one."""


class Ranker(Protocol):
    """Scores the papers of an edition; `digest.ranking.rank` is one."""

    def __call__(
        self,
        logged: Sequence[Logged],
        tags: Mapping[str, Sequence[Tag]],
        headings: Mapping[str, str],
        interests: Interests,
        edition_date: Date,
        *,
        taxonomy: Taxonomy | None = None,
    ) -> Mapping[str, Ranked]:
        """Return what it found out, by key, for every paper of `logged`."""


def compose(
    newsletter: Newsletter,
    logged: Sequence[Logged],
    tags: Mapping[str, Sequence[Tag]],
    taxonomy: Taxonomy,
    interests: Interests,
    *,
    rank: Ranker,
    number: int,
    date: Date,
    instant: datetime,
    after: int,
    upto: int,
    counts_listed: int,
    counts_had: int,
    previous: EditionRef | None,
    feed_id: str,
    base_url: str | None,
    notes: tuple[str, ...] = (),
) -> Edition:
    """Make the edition that covers `after < number <= upto` of the log: every paper of `logged`, once.

    Args:
        newsletter: whose edition it is.
        logged: the papers, in any order: none changes the edition.
        tags: paper key -> its tags under `taxonomy`, strongest first.
        taxonomy: names tags and headings.
        interests: of the newsletter; they rank.
        rank: scores the papers.
        number: of the edition.
        date: its local date; counts, lateness and freshness are measured against it.
        instant: when it is said to come out, aware.
        after: the mark before it.
        upto: the mark after it.
        counts_listed: listings behind the interval.
        counts_had: listings of papers known before.
        previous: the edition before.
        feed_id: authority of its feed ids.
        base_url: base of absolute links.
        notes: on its sources.
    """
    logged = sorted(logged, key=lambda one: one.paper.key)
    new = [one for one in logged if one.kind == "new"]
    found = assign_headings([(one.paper.key, tags.get(one.paper.key, ())) for one in new], taxonomy)
    heading = {key: id for id, _, keys in found.sections for key in keys}
    ranked = rank(logged, tags, heading, interests, date, taxonomy=taxonomy)
    entries = tuple(
        _entry(one, tags.get(one.paper.key, ()), heading.get(one.paper.key), ranked[one.paper.key], date, previous)
        for one in sorted(logged, key=lambda one: (one.kind != "new", -ranked[one.paper.key].score, one.paper.key))
    )
    sections = _sections(found.sections, entries)
    return Edition(
        newsletter=newsletter.id,
        title=newsletter.title,
        number=number,
        date=date,
        instant=instant,
        timezone=newsletter.timezone,
        language=newsletter.language,
        after=after,
        upto=upto,
        counts=_counts(entries, counts_listed, counts_had),
        lead=lead(entries, sections, date, coded=sum(_has_code(ranked[one.paper.key]) for one in new)),
        notes=notes,
        top=choose_top(entries, {key: one.reasons for key, one in ranked.items()}),
        sections=sections,
        entries=entries,
        tag_names=_tag_names(entries, taxonomy, sections),
        tag_parents=_tag_parents(entries, taxonomy),
        previous=previous,
        feed_id=feed_id,
        base_url=base_url,
        show=newsletter.show,
        only_matches=interests.only_matches,
        public_reasons=newsletter.public_reasons,
    )


def _entry(
    one: Logged, tags: Sequence[Tag], heading: str | None, ranked: Ranked, day: Date, previous: EditionRef | None
) -> Entry:
    new = one.kind == "new"
    late = new and previous is not None and one.date <= previous.date and one.date < day
    return Entry(
        paper=one.paper,
        change=one.kind,
        listed=one.date,
        late=(day - one.date).days if late else None,
        revision=None if new else revision(one.fields, one.paper.version),
        tags=tuple(tags),
        heading=heading if new else None,
        score=ranked.score,
        matches=any(reason.personal for reason in ranked.reasons),
        reasons=ranked.shown,
        summary=summarise(one.paper.title, one.paper.abstract),
    )


def revision(fields: Sequence[str], version: int | None) -> str:
    """Return what a revision changed, as the soft line says it: `withdrawn, title and abstract changed, v2`."""
    texts = [field for field in ("title", "abstract") if field in fields]
    parts = ["withdrawn"] if "withdrawn" in fields else []
    if texts:
        parts.append(f"{' and '.join(texts)} changed")
    if "version" in fields and version:
        parts.append(f"v{version}")
    return ", ".join(parts) or "changed"


def _sections(found: Sequence[tuple[str, str, Sequence[str]]], entries: Sequence[Entry]) -> tuple[Section, ...]:
    """Return the sections, best entry first in each, the revised ones last."""
    place = {entry.paper.key: n for n, entry in enumerate(entries)}
    sections = [
        Section(id=id, title=title, keys=tuple(sorted(keys, key=place.__getitem__)))
        for id, title, keys in found
        if keys
    ]
    revised = tuple(entry.paper.key for entry in entries if entry.change == "revised")
    if revised:
        sections.append(Section(id=REVISED, title="Revised", keys=revised))
    return tuple(sections)


def _has_code(ranked: Ranked) -> bool:
    return any(reason.signal == "code" for reason in ranked.reasons)


def _counts(entries: Sequence[Entry], listed: int, had: int) -> Counts:
    revised = sum(entry.change == "revised" for entry in entries)
    late = sum(entry.late is not None for entry in entries)
    return Counts(listed=listed, had=had, new=len(entries) - revised, revised=revised, late=late)


def _tag_names(entries: Sequence[Entry], taxonomy: Taxonomy, sections: Sequence[Section]) -> dict[str, str]:
    """Return the names of all tags that an entry has, of their parents and of the headings."""
    ids = {tag.id for entry in entries for tag in entry.tags}
    known = taxonomy.by_id
    ids |= {parent for id in ids if id in known and (parent := known[id].parent)}
    names = {id: known[id].name if id in known else id for id in ids}
    names |= {section.id: section.title for section in sections if section.id in known}
    return dict(sorted(names.items()))


def _tag_parents(entries: Sequence[Entry], taxonomy: Taxonomy) -> dict[str, str]:
    """Return what stands above the tags that an entry has, each by its id."""
    ids = sorted({tag.id for entry in entries for tag in entry.tags})
    known = taxonomy.by_id
    return {id: parent for id in ids if id in known and (parent := known[id].parent)}
