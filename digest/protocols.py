"""Every seam of the system on one page: what a stage may ask of the parts that hold a resource.

Implementations live below `sources/`, `store/`, `rendering/`; `bootstrap` wires them, `pipeline` uses them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from digest.models import (
    Change,
    Dating,
    Dump,
    Edition,
    EditionRef,
    Known,
    Listing,
    Logged,
    Paper,
    Parsed,
    Receipt,
    Rejected,
    Sighting,
    Stored,
    Tag,
)


class Source(Protocol):
    """Where listings come from."""

    @property
    def name(self) -> str:
        """The name in the configuration; unique."""

    @property
    def daily(self) -> bool:
        """Whether it has a batch every working day, for which an edition waits."""

    def fetch(self) -> Iterator[Dump]:
        """Yield the dumps there are now, in any order.

        Raises:
            SourceError: it cannot be read; dumps yielded before stay valid.
        """

    def parse(self, dump: Dump, received: datetime) -> Parsed:
        """Read one dump. Pure: equal arguments give equal values.

        Args:
            dump: the bytes with their name.
            received: the instant at which the store first kept these bytes: the upper bound of its date.

        Raises:
            ParseError: the whole of it has no known form.
        """


@dataclass(frozen=True)
class KeptDump:
    """A dump in the store, after tx 1."""

    id: int
    sha256: str
    #: when its bytes first came
    received: datetime
    #: set once tx 2 has committed; then it is never parsed again by a run
    dating: Dating | None
    #: listings and rejected ones among them, once committed
    listed: int = 0
    rejected: int = 0

    @property
    def done(self) -> bool:
        """Whether its listings are committed."""
        return self.dating is not None


@dataclass(frozen=True)
class DumpOutcome:
    """All that tx 2 writes for one dump."""

    dump: int
    dating: Dating
    changes: Sequence[Change]
    rejected: Sequence[Rejected]
    #: False for a baseline: papers become known, no change is logged
    announce: bool
    #: taxonomy id -> paper key -> tags, for every paper that is new or whose text changed
    tags: Mapping[str, Mapping[str, Sequence[Tag]]]


@dataclass(frozen=True)
class NewsletterState:
    """Where a newsletter stands."""

    id: str
    #: number of the last change that an edition covers
    mark: int
    last: EditionRef | None
    last_instant: datetime | None
    feed_id: str | None


@dataclass(frozen=True)
class PaperRecord:
    """A paper with its history, for its page and for `digest papers show`."""

    paper: Paper
    #: title, abstract, date of the dump: oldest first
    versions: Sequence[tuple[str, str, date]]
    #: newsletter, edition, `new` or `revised`: oldest first
    editions: Sequence[tuple[str, EditionRef, str]]
    #: source, dump name, dump date, change, rule of the match: oldest first
    sightings: Sequence[tuple[str, str, date, str, str]]
    #: its counts over time, one a date
    counts: Sequence[Sighting]
    #: taxonomy id -> tags
    tags: Mapping[str, Sequence[Tag]]


class Store(Protocol):
    """The catalogue, the change log, the editions. All methods raise StoreError for what the driver refuses.

    Every method that writes is one transaction: all or nothing, durable when it returns.
    """

    def close(self) -> None:
        """Let go of the database."""

    def lock(self, owner: str, *, timeout: float) -> AbstractContextManager[None]:
        """Hold the run lock for the block; a lock whose process is dead or whose lease is over is taken.

        Raises:
            LockHeldError: another run held it for `timeout` seconds; the message names it.
        """

    # Dumps (tx 1)

    def keep(self, dump: Dump, received: datetime) -> KeptDump:
        """Keep the raw bytes, compressed, once per (source, sha256), and note that they came at `received`."""

    def recall(self, dump: Dump) -> KeptDump | None:
        """Return the dump if its bytes are kept already; writes nothing."""

    def note_known(self, source: str, dumps: Sequence[KeptDump], at: datetime) -> None:
        """Note, in one transaction, that bytes kept before came again."""

    def note_fetch(self, source: str, at: datetime, status: str, note: str | None) -> None:
        """Note a fetch that brought no dump: an empty or failed one."""

    def dump_count(self, source: str | None = None) -> int:
        """Return how many dumps there are, of one source or of all."""

    def latest_dump_date(self, source: str) -> date | None:
        """Return the newest date of the source's committed dumps."""

    def has_announced(self, source: str) -> bool:
        """Whether a dump of the source was ever committed with its changes logged: then it is past its baseline."""

    def unfinished(self, source: str) -> Sequence[tuple[KeptDump, Dump]]:
        """Return the source's dumps that were kept but never committed (a killed run's), oldest first."""

    def raw(self, dump: int) -> Dump:
        """Return a kept dump with its bytes (StoreError if there is none)."""

    # Catalogue

    def known(self, listings: Sequence[Listing]) -> Sequence[Known]:
        """Return every paper that shares an alias or a compact title with one of `listings`, by key."""

    def paper(self, key: str) -> PaperRecord | None:
        """Return a paper by key, or by an id of any scheme."""

    def papers(self, keys: Sequence[str]) -> Mapping[str, PaperRecord]:
        """Return many papers by key; unknown keys are left out."""

    def search(self, words: str, limit: int) -> Sequence[Paper]:
        """Return papers whose title or abstract holds every word, newest first."""

    # The commit of a dump (tx 2)

    def commit(self, outcome: DumpOutcome) -> bool:
        """Write papers, aliases, versions, sightings, changes and tags of one dump, all or nothing.

        Returns False, and writes nothing, where the dump was committed before.
        """

    # The log

    def log_end(self) -> int:
        """Return the number of the newest change, 0 for an empty log. Numbers have no gaps."""

    def logged(
        self, newsletter: str, after: int, upto: int, sources: Sequence[str] | None, taxonomy: str
    ) -> Sequence[Logged]:
        """Return what an edition over `after < number <= upto` holds, by number.

        A paper is `new` whose first sighting in a covered source lies in the interval, and was never announced in
        this newsletter; `revised` if it was announced in it and a revision lies in the interval. One row a paper,
        in its state now.
        """

    def tallies(self, after: int, upto: int, sources: Sequence[str] | None) -> tuple[int, int]:
        """Return (listed, already known) of the covered dumps that brought the interval's changes."""

    # Newsletters and editions (tx 3)

    def newsletter(self, id: str) -> NewsletterState | None:
        """Return where a newsletter stands; None: never met."""

    def enrol(self, id: str, mark: int) -> NewsletterState:
        """Meet a newsletter, with its mark at `mark`; one met before stays as it is."""

    def publish(self, edition: Edition, receipt: Receipt) -> bool:
        """Store the edition, move the newsletter's mark from `after` to `upto`, keep the receipt.

        Returns False, and writes nothing, where the mark was not at `after`: another run was faster.
        """

    def receive(self, receipt: Receipt) -> None:
        """Keep the receipt of a run that published nothing."""

    def editions(self, newsletter: str) -> Sequence[Stored]:
        """Return all editions of a newsletter, oldest first."""

    def edition(self, newsletter: str, number: int) -> Edition:
        """Return one edition (StoreError if there is none)."""

    def newsletters(self) -> Sequence[NewsletterState]:
        """Return every newsletter ever met, by id."""

    # What the output folder holds

    def touched(self, after: int) -> tuple[int, Sequence[str]]:
        """Return the number of the last commit, and the keys of announced papers touched after commit `after`."""

    def output_state(self, folder: str) -> bytes | None:
        """Return what `keep_output_state` kept for an output folder."""

    def keep_output_state(self, folder: str, state: bytes) -> None:
        """Remember what an output folder holds."""


class Publisher(Protocol):
    """Makes the output folder the projection of the store."""

    def publish(self, store: Store) -> Sequence[str]:
        """Write what differs, remove what is no longer there; return the paths changed. Safe to repeat.

        Raises:
            RenderError: a template cannot be rendered.
        """


class Progress(Protocol):
    """Shows long work to a person."""

    def start(self, total: int) -> None:
        """There are `total` steps."""

    def step(self, text: str) -> None:
        """One more is done; `text` says which comes."""
