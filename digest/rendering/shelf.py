"""The editions at a glance: what index, archive, tag and paper pages need of every edition, kept small.

A card is a pure function of an immutable edition, so cards are remembered between runs and never wrong; an edition
itself is read only where its whole text is wanted. May import links, models, protocols and text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date as Date
from datetime import datetime
from functools import cached_property

from pydantic import ValidationError

from digest.models import Edition, Entry, Newsletter, Paper, Taxonomy, Value
from digest.protocols import Store
from digest.text import count_noun

#: Ids of sections that are no tags.
NO_TAGS = frozenset({"also-new", "all", "revised"})
#: raised when a card's fields, or what they mean, change
_FORM = 2


class Row(Value):
    """One entry of an edition, as lists show it."""

    key: str
    title: str
    #: authors or organisation, short; "" where the source has neither
    who: str
    #: heading first, then further tags
    tags: tuple[str, ...]
    #: withdrawn, revised, late in words; "" for a plain new one
    note: str
    heading: str | None


class Card(Value):
    """One edition, as lists show it."""

    newsletter: str
    number: int
    date: Date
    instant: datetime
    #: of the edition's canonical JSON
    sha256: str
    title: str
    language: str
    feed_id: str
    lead: str
    #: `48 new papers under 6 headings, 2 revised`
    counted: str
    #: `Learning & theory 12 · Graphs 8`
    headings: str
    top: tuple[str, ...]
    rows: tuple[Row, ...]
    names: dict[str, str]
    #: tag id -> the tag above it
    parents: dict[str, str]

    @cached_property
    def by_key(self) -> dict[str, Row]:
        """The rows by their papers' keys."""
        return {row.key: row for row in self.rows}


class _Cards(Value):
    """What is remembered between runs."""

    form: int
    cards: tuple[Card, ...]


def who(paper: Paper) -> str:
    """Return who wrote a paper in a few words: up to three names, else the first and how many more."""
    names, count = paper.authors, max(paper.author_count or 0, len(paper.authors))
    if not names:
        authors = count_noun(count, "author") if count else ""
    elif count <= 3 and count == len(names):
        authors = ", ".join(names)
    else:
        authors = f"{names[0]} and {count - 1} more"
    organization = paper.organization.name if paper.organization else ""
    return " · ".join(part for part in (authors, organization) if part)


def note(entry: Entry) -> str:
    """Return in words what an edition says of an entry beside its text: withdrawn, revised, late, or nothing."""
    return " · ".join(filter(None, ["Withdrawn" if entry.paper.withdrawn else "", _news(entry)]))


def _news(entry: Entry) -> str:
    if entry.change == "revised":
        told = ", ".join(part for part in (entry.revision or "").split(", ") if part != "withdrawn")
        if told and told != "changed":
            return f"Revised: {told}"
        return "" if entry.paper.withdrawn else "Revised"
    if entry.late is not None:
        return f"Late: first seen {count_noun(entry.late, 'day')} after its date" if entry.late else "Late"
    return ""


def tags_of(edition: Edition, entry: Entry) -> tuple[str, ...]:
    """Return the ids of an entry's heading and tags, as far as they have a name."""
    ids = dict.fromkeys([entry.heading or "", *(tag.id for tag in entry.tags)])
    return tuple(id for id in ids if id in edition.tag_names and id not in NO_TAGS)


def counted(edition: Edition) -> str:
    """Return how much an edition holds: `48 new papers under 6 headings · 18 revised · 2 late`."""
    headings = sum(section.id not in {"all", "also-new", "revised"} for section in edition.sections)
    first = count_noun(edition.counts.new, "new paper")
    if headings > 1:
        first += f" under {count_noun(headings, 'heading')}"
    more = ((edition.counts.revised, "revised"), (edition.counts.late, "late"))
    return " · ".join([first, *(f"{count:,} {word}" for count, word in more if count)])


def card(edition: Edition, sha256: str) -> Card:
    """Return the card of an edition."""
    sections = [section for section in edition.sections if section.id not in {"all", "revised"}]
    return Card(
        newsletter=edition.newsletter,
        number=edition.number,
        date=edition.date,
        instant=edition.instant,
        sha256=sha256,
        title=edition.title,
        language=edition.language,
        feed_id=edition.feed_id,
        lead=edition.lead,
        counted=counted(edition),
        headings=" · ".join(f"{section.title} {len(section.keys)}" for section in sections),
        top=edition.top.keys,
        rows=tuple(_row(edition, entry) for entry in edition.entries),
        names={id: name for id, name in edition.tag_names.items() if id not in NO_TAGS},
        parents={id: parent for id, parent in edition.tag_parents.items() if parent in edition.tag_names},
    )


def _row(edition: Edition, entry: Entry) -> Row:
    return Row(
        key=entry.paper.key,
        title=entry.paper.title,
        who=who(entry.paper),
        tags=tags_of(edition, entry),
        note=note(entry),
        heading=edition.tag_names.get(entry.heading or ""),
    )


def read_cards(store: Store, newsletters: Iterable[str], remembered: bytes | None) -> tuple[tuple[Card, ...], bool]:
    """Return the cards of all editions, oldest first within a newsletter, and whether any was made anew.

    Args:
        store: where the editions are.
        newsletters: ids, in the order wanted.
        remembered: what `pack_cards` returned once; cards in it that still fit are not made again.
    """
    known = {(one.newsletter, one.number, one.sha256): one for one in _unpack(remembered)}
    cards: list[Card] = []
    anew = False
    for newsletter in newsletters:
        for stored in store.editions(newsletter):
            found = known.get((newsletter, stored.ref.number, stored.sha256))
            if found is None:
                found, anew = card(store.edition(newsletter, stored.ref.number), stored.sha256), True
            cards.append(found)
    return tuple(cards), anew


def pack_cards(cards: Iterable[Card]) -> bytes:
    """Return cards as bytes to be remembered."""
    return _Cards(form=_FORM, cards=tuple(cards)).model_dump_json().encode()


def _unpack(remembered: bytes | None) -> tuple[Card, ...]:
    if not remembered:
        return ()
    try:
        kept = _Cards.model_validate_json(remembered)
    except ValidationError:  # written by another release: they are made again
        return ()
    return kept.cards if kept.form == _FORM else ()


class Shelf:
    """A newsletter with its cards: what its archive, its tags' pages and its feeds are about."""

    def __init__(
        self, id: str, configured: Newsletter | None, cards: Sequence[Card], taxonomy: Taxonomy | None = None
    ) -> None:
        self.id = id
        #: oldest first
        self.cards = cards
        self._configured = configured
        self._taxonomy = taxonomy

    @property
    def newest(self) -> Card | None:
        """The newest edition; None before the first."""
        return self.cards[-1] if self.cards else None

    @property
    def title(self) -> str:
        """The title as configured, else as the newest edition has it."""
        if self._configured:
            return self._configured.title
        return self.cards[-1].title if self.cards else self.id

    @property
    def language(self) -> str:
        """The language, as a BCP 47 tag."""
        if self._configured:
            return self._configured.language
        return self.cards[-1].language if self.cards else "en"

    @property
    def feed_id(self) -> str | None:
        """The authority of its feed ids, once it is fixed."""
        configured = self._configured.feed_id if self._configured else None
        return self.cards[-1].feed_id if self.cards else configured

    @cached_property
    def tags(self) -> dict[str, list[Card]]:
        """Tag id -> the editions with a paper under it, oldest first; a leaf's papers count for its parent too."""
        found: dict[str, list[Card]] = {}
        for one in self.cards:
            for tag in dict.fromkeys(tag for row in one.rows for tag in self.tags_of(row)):
                found.setdefault(tag, []).append(one)
        return found

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Tag id -> how many papers stand under it."""
        found: dict[str, set[str]] = {tag: set() for tag in self.tags}
        for one in self.cards:
            for row in one.rows:
                for tag in self.tags_of(row):
                    found[tag].add(row.key)
        return {tag: len(keys) for tag, keys in found.items()}

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Tag id -> name, as the newest edition with it has it."""
        found: dict[str, str] = {}
        for one in self.cards:
            found.update(one.names)
        return {name.id: name.name for name in self._taxonomy.names} | found if self._taxonomy else found

    def tags_of(self, row: Row) -> tuple[str, ...]:
        """Return the tags whose pages and feeds list a paper: its own and their parents."""
        by_id = self._taxonomy.by_id if self._taxonomy else {}
        parents = (by_id[tag].parent if tag in by_id else self._parents.get(tag) for tag in row.tags)
        return tuple(dict.fromkeys([*row.tags, *filter(None, parents)]))

    @cached_property
    def _parents(self) -> Mapping[str, str]:
        """Tag id -> the tag above it, as the newest edition has it: for tags that the taxonomy does not have."""
        return {tag: parent for one in self.cards for tag, parent in one.parents.items()}

    def rows(self, tag: str) -> list[tuple[Card, Row]]:
        """Return the papers under a tag, newest edition first, each once, where it last appeared."""
        found: dict[str, tuple[Card, Row]] = {}
        for one in reversed(self.tags.get(tag, [])):
            for row in one.rows:
                if tag in self.tags_of(row):
                    found.setdefault(row.key, (one, row))
        return list(found.values())
