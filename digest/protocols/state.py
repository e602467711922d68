"""The seam of the state folder: what a store holds that a run on another one goes on from.

Rows are plain tuples: a store has tens of thousands of them. May import models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple, Protocol


class NewsletterRow(NamedTuple):
    """Where a newsletter stands."""

    id: str
    mark: int
    feed_id: str | None = None
    paused: bool = False


class EditionRow(NamedTuple):
    """An edition; a store that is asked for all of them leaves out what is large."""

    newsletter: str
    number: int
    date: date
    sha256: str
    instant: datetime
    after: int
    upto: int
    snapshot: str = ""
    #: (key of a paper, `new` or `revised`)
    entries: tuple[tuple[str, str], ...] = ()


class DumpRow(NamedTuple):
    """A committed dump, without its bytes."""

    #: names it among the rows of one Contents
    id: int
    source: str
    sha256: str
    name: str
    size: int
    received: datetime
    date: date
    date_rule: str
    note: str | None
    seq: int
    log_end: int
    announced: bool
    listed: int = 0
    new: int = 0
    revised: int = 0
    enriched: int = 0
    seen: int = 0
    rejected: int = 0


class SightingRow(NamedTuple):
    """That a dump listed a paper."""

    dump: int
    paper: str
    kind: str
    comments: int | None = None
    upvotes: int | None = None
    stars: int | None = None
    silent: bool = False


class TextRow(NamedTuple):
    """A text under which a paper is known."""

    dump: int
    title: str
    abstract: str


class PaperRow(NamedTuple):
    """A paper with its texts."""

    id: int
    key: str
    #: the key of the paper that it was merged into
    into: str | None
    #: the Paper as JSON, without what is default
    data: str
    #: in the order they came
    texts: tuple[TextRow, ...] = ()
    #: taxonomy -> JSON list of Tag
    tags: Mapping[str, str] = {}
    #: what finds it where its text is not at hand
    sketch: tuple[int, ...] = ()


class ChangeRow(NamedTuple):
    """A change of the log."""

    number: int
    paper: str
    kind: str
    source: str
    dump: int
    #: JSON list
    fields: str | None = None
    before: tuple[str, str] | None = None


class FetchRow(NamedTuple):
    """A fetch."""

    source: str
    at: datetime
    status: str
    note: str | None = None


class SubscriptionRow(NamedTuple):
    """A subscription, without the address."""

    #: signed into links that are out
    id: int
    hash: str
    newsletter: str
    status: str
    mark: int
    origin: str
    since: datetime
    confirmed_by: str | None = None
    ended: datetime | None = None
    why: str | None = None
    returns: bool = False
    format: str = "html"
    timezone: str | None = None
    cadence: str = "each"
    hour: int | None = None


class SuppressionRow(NamedTuple):
    """An address that nothing goes to."""

    hash: str
    reason: str
    at: datetime


class DeliveryRow(NamedTuple):
    """A delivery, without the address and what servers said."""

    #: signed into the addresses that bounces go to
    id: int
    hash: str
    newsletter: str
    after: int
    upto: int
    state: str
    tries: int
    at: datetime
    first_try: datetime | None = None
    not_before: datetime | None = None
    code: int | None = None
    settled: bool = False
    returned: datetime | None = None
    returned_as: str | None = None


@dataclass
class People:
    """Who reads, and what went to them."""

    subscriptions: list[SubscriptionRow] = field(default_factory=list)
    suppressions: list[SuppressionRow] = field(default_factory=list)
    deliveries: list[DeliveryRow] = field(default_factory=list)


@dataclass
class Contents:
    """All that later runs depend on."""

    newsletters: list[NewsletterRow] = field(default_factory=list)
    editions: list[EditionRow] = field(default_factory=list)
    #: by seq
    dumps: list[DumpRow] = field(default_factory=list)
    #: by id
    papers: list[PaperRow] = field(default_factory=list)
    #: in the order of dumps and of their listings
    sightings: list[SightingRow] = field(default_factory=list)
    #: number of the newest change
    log_end: int = 0
    #: after the oldest mark, by number
    changes: list[ChangeRow] = field(default_factory=list)
    #: source -> name -> value
    memory: dict[str, dict[str, str]] = field(default_factory=dict)
    #: oldest first; those that tell how a source is
    fetches: list[FetchRow] = field(default_factory=list)
    people: People = field(default_factory=People)
    #: receipts as JSON, oldest first
    receipts: list[str] = field(default_factory=list)


class Tables(Protocol):
    """A store as a whole, without raw dumps. All methods raise StoreError for what the driver refuses."""

    def is_empty(self) -> bool:
        """Whether nothing was ever written to it but its secret."""

    def read(self) -> Contents:
        """Return all that later runs depend on, as of one moment."""

    def people(self) -> People:
        """Return who reads, and what went to them."""

    def sketches(self, papers: Sequence[int]) -> Mapping[int, tuple[int, ...]]:
        """Return what finds papers whose texts differ a little."""

    def snapshot(self, newsletter: str, number: int) -> bytes:
        """Return the bytes of an edition (StoreError if there is none)."""

    def hashes(self, subscriptions: Sequence[int]) -> Mapping[int, str]:
        """Return the hash of the address of each subscription."""

    def fill(self, contents: Contents) -> None:
        """Write what an empty store is to hold, all or nothing."""

    def key_with(self, secret: bytes) -> bool:
        """Make `secret` the store's, unless it has another one that people are known by; False: so it is."""
