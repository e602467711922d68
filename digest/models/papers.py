"""What is known: papers, changes, tags. May import listings."""

from __future__ import annotations

from datetime import date as Date
from functools import cached_property
from typing import Literal, NamedTuple

from pydantic import Field

from digest.models.base import Value
from digest.models.listings import Alias, Category, Link, Listing, Organization

ChangeKind = Literal["new", "revised", "enriched", "seen"]


class Count(Value):
    """A number that moves, with the date of the dump that said so."""

    value: int
    as_of: Date


class Paper(Value):
    """The work itself, as its listings together tell it."""

    key: str
    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    author_count: int | None = None
    organization: Organization | None = None
    published: Date | None = None
    comments: Count | None = None
    upvotes: Count | None = None
    ids: tuple[Alias, ...] = ()
    links: tuple[Link, ...] = ()
    categories: tuple[Category, ...] = ()
    keywords: tuple[str, ...] = ()
    venue: str | None = None
    stars: Count | None = None
    version: int | None = None
    withdrawn: bool = False
    #: listed so far only as a replacement: known, but no news yet
    dormant: bool = False
    #: the date of the first dump that listed it
    first_seen: Date
    #: field name -> date of the dump that its value comes from; a newer dump replaces, an older one fills gaps
    as_of: dict[str, Date] = Field(default_factory=dict)


# What only travels within a run, once or more for every listing, is a named tuple: made in a third of the time.


class Known(NamedTuple):
    """A paper as a candidate for a listing: its present text, and every text it was ever listed under."""

    paper: Paper
    #: (title, abstract) of every version known
    texts: tuple[tuple[str, str], ...] = ()
    #: those values of its sketch by which it was found
    sketch: tuple[int, ...] = ()
    #: keys of papers that were merged into it
    former: tuple[str, ...] = ()
    #: keys of papers that people parted from it by splits
    parted: tuple[str, ...] = ()


class Match(NamedTuple):
    """Why a listing is, or is not, a known paper: the audit trail of identity."""

    #: None: a paper not met before
    key: str | None
    #: `decided`: an id says otherwise, but people split this very text off
    rule: Literal["id", "decided", "text", "title", "near", "none", "ambiguous"]
    #: 0..100, where it was measured
    title_score: float | None = None
    abstract_score: float | None = None
    #: keys that came near without being it: possible duplicates
    rivals: tuple[str, ...] = ()


class Change(NamedTuple):
    """One listing against what is known."""

    kind: ChangeKind
    listing: Listing
    match: Match
    #: the paper after the listing
    paper: Paper
    #: for `revised` and `enriched`: names of the fields that changed, in the order of Paper
    fields: tuple[str, ...] = ()
    #: for `revised`: the title and abstract before
    before: tuple[str, str] | None = None
    #: a replacement of a paper that is dormant: known from now on, in no edition
    silent: bool = False


class Evidence(Value):
    """One phrase that spoke for a tag."""

    phrase: str
    where: Literal["title", "lead", "abstract", "category", "keyword"]
    weight: float


class Tag(Value):
    """A name from the taxonomy given to a paper, with what earned it."""

    #: leaf id, e.g. `snn`
    id: str
    score: float
    #: strongest first
    evidence: tuple[Evidence, ...] = ()


class TagName(Value):
    """A tag as the taxonomy names it: a leaf with its parent, or a parent."""

    id: str
    #: as an edition prints it
    name: str
    #: id of the parent; None for a parent itself
    parent: str | None = None
    description: str = ""


class Taxonomy(Value):
    """The tags there are, in two levels; the phrases that earn them are the tagger's own."""

    #: name and fingerprint of all that decides tags: equal ids give equal tags
    id: str
    #: parents and leaves, in taxonomy order
    names: tuple[TagName, ...]

    @cached_property
    def by_id(self) -> dict[str, TagName]:
        """The names by their ids."""
        return {name.id: name for name in self.names}


class Sighting(Value):
    """That a dump listed a paper, with the counts it had."""

    date: Date
    comments: int | None = None
    upvotes: int | None = None


class Logged(Value):
    """A paper with its changes in an interval of the log, as composing needs it."""

    #: number of the newest change in the interval
    number: int
    kind: Literal["new", "revised"]
    paper: Paper
    #: Date of the dump that brought the change; of the first one for `new`
    date: Date
    #: fields changed over the interval, for `revised`
    fields: tuple[str, ...] = ()
    #: title and abstract before the interval, for `revised`
    before: tuple[str, str] | None = None
    #: by date, up to the end of the interval; one a date, the last of it
    sightings: tuple[Sighting, ...] = ()
    #: None: never tagged under the newsletter's taxonomy
    tags: tuple[Tag, ...] | None = None
