"""Newsletters, editions and views of them. May import papers and deliveries."""

from __future__ import annotations

import json
from datetime import date as Date
from functools import cached_property
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from digest.models.base import Value
from digest.models.deliveries import UnknownPolicy
from digest.models.papers import Paper, Tag


class Interests(Value):
    """What a reader wants and does not want. Phrases are matched as whole words, without case."""

    want: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    mute: tuple[str, ...] = ()
    #: a view holds only what matches
    only_matches: bool = False


class Newsletter(Value):
    """The standing publication, as configured."""

    id: str
    title: str
    #: IANA name
    timezone: str = "UTC"
    #: local time `HH:MM` from which the day's edition may come out; None: at once
    at: str | None = None
    #: seconds to wait for late sources after `at`
    wait: int = 0
    #: ISO weekdays (Monday is 1) on which editions come out
    days: frozenset[int] = frozenset(range(1, 8))
    #: entries shown in the mail
    show: int = 25
    #: `auto`, `ml`, `arxiv`, or the path of a taxonomy file
    headings: str = "auto"
    #: names of the sources it covers; None: all
    sources: tuple[str, ...] | None = None
    #: BCP 47
    language: str = "en"
    #: `tag:` URI that its feed ids begin with; None: made at its first edition
    feed_id: str | None = None
    #: whether pages say which interest an entry matches
    public_reasons: bool = False
    #: what is done about a mail of which nobody knows whether a server took it
    unknown: UnknownPolicy = "skip"


class Reason(Value):
    """One signal of a score, in words a reader understands."""

    #: name of the signal: comments, upvotes, rising, code, typical, tag, interest, fresh, ...
    signal: str
    text: str
    #: what it adds to the score
    weight: float
    #: true where it tells of a reader's interests
    personal: bool = False


class Entry(Value):
    """One paper in one edition."""

    paper: Paper
    change: Literal["new", "revised"]
    #: the date of the dump it came with
    listed: Date
    #: days between that date and the last edition it could have been in; None: in time
    late: int | None = None
    #: what a revision changed, e.g. `title changed, v2`
    revision: str | None = None
    tags: tuple[Tag, ...] = ()
    #: id of the heading it stands under; None for a revised one
    heading: str | None = None
    score: float
    #: it meets an interest of the newsletter
    matches: bool = False
    #: heaviest first; those worth showing
    reasons: tuple[Reason, ...] = ()
    #: the sentence that says what was done; "" where there is no abstract
    summary: str = ""


class Section(Value):
    """A part of an edition: a heading with its entries, best first."""

    #: heading id, or `also-new`, `all` (an edition without headings), `revised`
    id: str
    title: str
    #: keys of papers
    keys: tuple[str, ...]


class Top(Value):
    """The best of an edition; its papers also stand in their sections."""

    #: by what they were chosen, e.g. `by comments, then code and fit`
    label: str
    keys: tuple[str, ...]


class Counts(Value):
    """What came: listings and papers behind an edition."""

    listed: int
    #: listings of papers already announced or known
    had: int
    new: int
    revised: int
    late: int


class EditionRef(Value):
    """Names an edition."""

    number: int
    date: Date


class Edition(Value):
    """One dated, numbered, immutable number of a newsletter; everything its pages and mails need."""

    newsletter: str
    title: str
    number: int
    date: Date
    #: the instant it is said to come out; feeds and mails carry it
    instant: AwareDatetime
    timezone: str
    language: str
    #: the interval of the change log it covers: after < number <= upto
    after: int
    upto: int
    counts: Counts
    #: one sentence made of facts
    lead: str
    #: notes on its sources, e.g. what is missing today
    notes: tuple[str, ...] = ()
    top: Top
    #: headings by size, `also-new` after them, `revised` last
    sections: tuple[Section, ...]
    entries: tuple[Entry, ...]
    #: heading or tag id -> name, for every tag that an entry has
    tag_names: dict[str, str]
    #: tag id -> id of the tag above it, where there is one: their papers count for it too
    tag_parents: dict[str, str] = Field(default_factory=dict)
    #: the edition before; None for the first
    previous: EditionRef | None = None
    #: authority of all ids in its feeds, a `tag:` URI
    feed_id: str
    #: base of absolute links; None: there are none
    base_url: str | None = None
    #: entries shown in the mail
    show: int
    #: its mail holds only what matches the interests
    only_matches: bool = False
    public_reasons: bool = False

    def entry(self, key: str) -> Entry:
        """Return the entry of the paper `key` (KeyError where there is none)."""
        return self.by_key[key]

    @cached_property
    def by_key(self) -> dict[str, Entry]:
        """The entries by their papers' keys."""
        return {entry.paper.key: entry for entry in self.entries}

    def canonical_json(self) -> bytes:
        """Return the snapshot: UTF-8 JSON, keys sorted, no spaces; equal editions give equal bytes."""
        data: dict[str, Any] = self.model_dump(mode="json")
        return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


Density = Literal["abstract", "two", "one", "title"]


class ViewEntry(Value):
    """An entry as a view shows it."""

    entry: Entry
    #: how much of it: the abstract, two sentences, the one that says what was done, the title alone
    density: Density


class ViewSection(Value):
    """A section as a view shows it: its first entries, and how many more there are."""

    id: str
    title: str
    #: entries in the edition's section, wherever the view shows them
    total: int
    #: without those that stand in the view's top
    entries: tuple[ViewEntry, ...]
    #: entries of the section that the view shows nowhere
    more: int = 0


class View(Value):
    """What one mail, page or feed shows of an edition: a selection, an order, a density."""

    edition: Edition
    top: tuple[ViewEntry, ...]
    #: all sections of the edition, also those of which nothing is shown
    sections: tuple[ViewSection, ...]

    @property
    def shown(self) -> int:
        """How many entries it shows."""
        return len(self.top) + sum(len(section.entries) for section in self.sections)


class Stored(Value):
    """An edition as the store keeps it."""

    ref: EditionRef
    newsletter: str
    sha256: str
    #: when it is said to have come out
    instant: AwareDatetime
