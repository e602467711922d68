"""The seams around the catalogue: sources, the store, the output folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol, runtime_checkable

from digest.models import (
    Change,
    Dating,
    Dump,
    Edition,
    EditionRef,
    Known,
    Listing,
    Logged,
    Notice,
    Paper,
    Parsed,
    Receipt,
    Rejected,
    Sighting,
    Stored,
    Tag,
)
from digest.protocols.care import Care
from digest.protocols.delivery import Ledger, Subscribers
from digest.protocols.returning import Returns
from digest.protocols.state import Tables


class FetchMemory(Protocol):
    """What a source may know of its past when it fetches."""

    @property
    def now(self) -> datetime:
        """The one clock of the run."""

    @property
    def latest(self) -> date | None:
        """The newest date of the source's committed dumps; None: it was never read."""

    def recall(self, key: str) -> str | None:
        """Return what an earlier dump asked to remember; lost together with a dump that was not kept."""


class Source(Protocol):
    """Where listings come from."""

    @property
    def name(self) -> str:
        """The name in the configuration; unique."""

    @property
    def daily(self) -> bool:
        """Whether it has a batch every working day, for which an edition waits."""

    def fetch(self, memory: FetchMemory) -> Iterator[Dump | Notice]:
        """Yield the dumps there are now, in any order, or why there is none.

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


@runtime_checkable
class Remote(Source, Protocol):
    """A source behind a network: its fetches overlap with those of other hosts, in a thread."""

    @property
    def host(self) -> str:
        """The host it asks; sources of one host are asked one after the other."""


class Fetching(Protocol):
    """Fetches sources, one after the other or side by side."""

    def __call__(
        self, sources: Sequence[tuple[Source, FetchMemory]]
    ) -> AbstractContextManager[Sequence[Iterator[Dump | Notice]]]:
        """Return what each source yields, in the same order; to be read in this order, inside the block.

        An iterator raises what the source's `fetch` raises.
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
class Batch:
    """What a source listed on one date, in all its dumps of it."""

    date: date
    #: different papers listed
    papers: int
    #: how many of them were new
    new: int


@dataclass(frozen=True)
class Health:
    """How a source has been doing."""

    #: the last fetch: when, `ok`, `failed` or what a notice said, and why
    at: datetime
    status: str
    note: str | None
    #: the first fetch of the days on which it failed, up to now; None: it does not fail
    failing_since: datetime | None = None
    #: on how many days in a row its last fetch failed
    failing_days: int = 0
    #: the dates of its dumps that had something new, newest first
    news: Sequence[date] = ()


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


@dataclass(frozen=True)
class PossibleDuplicate:
    """Two papers that came near each other without being taken for one."""

    #: the paper of the listing that was judged, and how that told its title
    key: str
    title: str
    #: the paper it came near to
    other: str
    other_title: str
    #: what was decided about the listing: `none`, `ambiguous`, or the rule by which it is another paper
    rule: str
    #: 0..100, where measured
    title_score: float | None
    abstract_score: float | None
    #: the dump with the listing, and where in it
    source: str
    dump: str
    date: date
    first: int


@dataclass(frozen=True)
class Decision:
    """What a person decided about two papers."""

    at: datetime
    by: str
    #: `merge`, `split`, `apart`
    kind: str
    #: the paper that stayed, and the other side
    key: str
    other: str
    undone: bool


@dataclass(frozen=True)
class Holder:
    """A process that holds a lease."""

    owner: str
    host: str
    pid: int
    since: datetime


class Lease(Protocol):
    """The right to a work that one process at a time does; it ends by itself if it is not extended."""

    def take(self) -> Holder | None:
        """Take it, or extend it where it is ours; return who else holds it, None: it is ours now.

        One whose process is dead, or that was not extended in time, is free.
        """

    def holder(self) -> Holder | None:
        """Return who holds it; None: nobody that lives."""

    def release(self) -> None:
        """Give it back, unless it was taken away."""


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

    def lease(self, name: str, owner: str, token: str) -> Lease:
        """Return the lease of a work that one process at a time does for long; it is not taken yet.

        Args:
            name: of the work.
            owner: what people are told about the holder.
            token: unguessable; whoever has it holds the same lease.
        """

    # Dumps (tx 1)

    def keep(self, dump: Dump, received: datetime) -> KeptDump:
        """Keep the raw bytes, compressed, once per (source, sha256), and note that they came at `received`."""

    def find(self, dump: Dump) -> KeptDump | None:
        """Return the dump if its bytes are kept already; writes nothing."""

    def note_known(
        self, source: str, known: Sequence[KeptDump], at: datetime, remember: Mapping[str, str] | None = None
    ) -> None:
        """Note, in one transaction, that bytes kept before came again, and what the source wants to recall of it."""

    def recall(self, source: str, key: str) -> str | None:
        """Return what a kept dump of the source asked to remember under `key`; the newest counts."""

    def remembered(self, source: str) -> Mapping[str, str]:
        """Return all that kept dumps of the source asked to remember."""

    def keep_notes(self, owner: str, told: Mapping[str, str]) -> None:
        """Keep notes of a part of the program instead of all it had; `remembered` returns them.

        Its name is in brackets, as no source's is.
        """

    def note_fetch(self, source: str, at: datetime, status: str, note: str | None) -> None:
        """Note a fetch that brought no dump: an empty or failed one."""

    def dump_count(self, source: str | None = None) -> int:
        """Return how many dumps there are, of one source or of all."""

    def latest_dump_date(self, source: str) -> date | None:
        """Return the newest date of the source's committed dumps."""

    def has_announced(self, source: str) -> bool:
        """Whether a dump of the source was ever committed with its changes logged: then it is past its baseline.

        So it is once a fetch was noted as `baseline`.
        """

    def health(self, source: str) -> Health | None:
        """Return how the source's fetches went; None: it was never fetched."""

    def batches(self, source: str, limit: int) -> Sequence[Batch]:
        """Return what the source listed on its newest dates, newest first."""

    def overlap(self, source: str, day: date, before: date) -> int:
        """Return how many papers the source listed on both dates."""

    def unfinished(self, source: str) -> Sequence[tuple[KeptDump, Dump]]:
        """Return the source's dumps that were kept but never committed (a killed run's), oldest first."""

    def committed(self, source: str) -> Sequence[KeptDump]:
        """Return the committed dumps of a source by date, then name."""

    def dumps_of(self, source: str, day: date) -> Sequence[tuple[str, KeptDump]]:
        """Return name and row of the source's committed dumps of one date, by name."""

    def texts(self, dump: int) -> Sequence[tuple[str, str]]:
        """Return title and abstract of every listing of a committed dump, in its order."""

    def raw(self, dump: int) -> Dump:
        """Return a kept dump with its bytes (StoreError if there is none)."""

    # Catalogue

    def known(self, listings: Sequence[Listing]) -> Sequence[Known]:
        """Return every paper that shares an alias, a compact title or some of its sketch with one of `listings`."""

    def paper(self, key: str) -> PaperRecord | None:
        """Return a paper by key, or by an id of any scheme; a merged one's key names what it was merged into."""

    def papers(self, keys: Sequence[str]) -> Mapping[str, PaperRecord]:
        """Return many papers by key; unknown keys are left out."""

    def search(self, words: str, limit: int) -> Sequence[Paper]:
        """Return papers whose title or abstract holds every word, newest first."""

    # What people decide about identity

    def possible_duplicates(self, limit: int) -> Sequence[PossibleDuplicate]:
        """Return pairs that came near each other and that nobody decided on, newest first."""

    def merge(self, key: str, into: str, at: datetime, by: str, *, keep: str | None = None) -> str:
        """Make two papers one, and return the key that stays: the older paper's, unless `keep` names the other.

        The other key names the same paper from then on; editions keep their bytes; nothing is announced again.
        StoreError where there is no such paper, or they are one already.
        """

    def split(self, key: str, at: datetime, by: str, *, sightings: Sequence[int] = ()) -> str:
        """Take back the newest merge of a paper, or make some of its sightings a paper; return that one's key.

        Args:
            key: the paper.
            at: when it was decided.
            by: by whom.
            sightings: which, counted from 1 in the order of its record.
        """

    def apart(self, key: str, other: str, at: datetime, by: str) -> None:
        """Note that two papers are two works: they are no possible duplicates any more."""

    def decisions(self) -> Sequence[Decision]:
        """Return all that was decided, newest first."""

    # The commit of a dump (tx 2)

    def commit(self, outcome: DumpOutcome) -> bool:
        """Write papers, aliases, versions, sightings, changes and tags of one dump, all or nothing.

        Returns False, and writes nothing, where the dump was committed before.
        """

    def mend(self, outcome: DumpOutcome) -> None:
        """Write what a committed dump says when it is read again, all or nothing.

        Its sightings and rejected parts are replaced; papers and texts that it no longer has stay. It keeps date and
        place in the order of commits, and whether it is announced: what it has new is in the log once more after that.
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

    # What goes to whom

    @property
    def subscribers(self) -> Subscribers:
        """The people."""

    @property
    def ledger(self) -> Ledger:
        """What went to them."""

    @property
    def returns(self) -> Returns:
        """What came back of it."""

    @property
    def care(self) -> Care:
        """Copies of it, and what it lets go of."""

    # All of it at once

    @property
    def tables(self) -> Tables:
        """All of it, for a state that is kept elsewhere."""

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
