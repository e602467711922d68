"""The store: each method one transaction over the statements of its topic. May import all of this package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime

from digest.logs import logger
from digest.models import Dump, Edition, Known, Listing, Logged, Paper, Receipt, Stored
from digest.protocols import (
    Batch,
    Decision,
    DumpOutcome,
    Health,
    KeptDump,
    NewsletterState,
    PaperRecord,
    PossibleDuplicate,
)
from digest.store import catalogue, commit, decisions, dumps, duplicates, editions, health, lock, log, notes, outputs
from digest.store.care import SqlCare
from digest.store.engine import Database
from digest.store.lease import SqlLease
from digest.store.ledger import SqlLedger
from digest.store.people import SqlSubscribers
from digest.store.returns import SqlReturns
from digest.store.state import SqlTables


class SqlStore:
    """A Store in a database; safe to use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._subscribers = SqlSubscribers(database)
        self._ledger = SqlLedger(database)

    @property
    def subscribers(self) -> SqlSubscribers:
        """The people."""
        return self._subscribers

    @property
    def ledger(self) -> SqlLedger:
        """What went to them."""
        return self._ledger

    @property
    def returns(self) -> SqlReturns:
        """What came back of it."""
        return SqlReturns(self._database)

    @property
    def tables(self) -> SqlTables:
        """All of it at once, for a state that is kept elsewhere."""
        return SqlTables(self._database)

    @property
    def care(self) -> SqlCare:
        """Copies of it, and what it lets go of."""
        return SqlCare(self._database)

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def lock(self, owner: str, *, timeout: float) -> AbstractContextManager[None]:
        """Hold the run lock for the block."""
        return lock.hold(self._database, owner, timeout)

    def lease(self, name: str, owner: str, token: str) -> SqlLease:
        """Return the lease of a work that one process at a time does for long; it is not taken yet."""
        return SqlLease(self._database, name, owner, token)

    # Dumps (tx 1)

    def keep(self, dump: Dump, received: datetime) -> KeptDump:
        """Keep the raw bytes once per (source, sha256), and note that they came."""
        with self._database.writing() as connection:
            kept = dumps.keep(connection, dump, received)
        logger().info("dump kept", source=dump.source, name=dump.name)
        return kept

    def find(self, dump: Dump) -> KeptDump | None:
        """Return the dump if its bytes are kept already."""
        with self._database.reading() as connection:
            return dumps.find(connection, dump)

    def recall(self, source: str, key: str) -> str | None:
        """Return what a kept dump of the source asked to remember under `key`."""
        with self._database.reading() as connection:
            return dumps.recall(connection, source, key)

    def remembered(self, source: str) -> Mapping[str, str]:
        """Return all that kept dumps of the source asked to remember."""
        with self._database.reading() as connection:
            return dumps.remembered(connection, source)

    def keep_notes(self, owner: str, told: Mapping[str, str]) -> None:
        """Keep notes of a part of the program instead of all it had; `remembered` returns them."""
        with self._database.writing() as connection:
            notes.replace(connection, owner, told)

    def note_known(
        self, source: str, known: Sequence[KeptDump], at: datetime, remember: Mapping[str, str] | None = None
    ) -> None:
        """Note, in one transaction, that bytes kept before came again."""
        if known:
            with self._database.writing() as connection:
                dumps.note_known(connection, source, known, at, remember or {})

    def note_fetch(self, source: str, at: datetime, status: str, note: str | None) -> None:
        """Note a fetch that brought no dump."""
        with self._database.writing() as connection:
            dumps.note_fetch(connection, source, at, status, note)

    def dump_count(self, source: str | None = None) -> int:
        """Return how many dumps there are, of one source or of all."""
        with self._database.reading() as connection:
            return dumps.count(connection, source)

    def latest_dump_date(self, source: str) -> date | None:
        """Return the newest date of the source's committed dumps."""
        with self._database.reading() as connection:
            return dumps.latest_date(connection, source)

    def has_announced(self, source: str) -> bool:
        """Whether a dump of the source was ever committed with its changes logged."""
        with self._database.reading() as connection:
            return dumps.has_announced(connection, source)

    def health(self, source: str) -> Health | None:
        """Return how the source's fetches went; None: it was never fetched."""
        with self._database.reading() as connection:
            return health.health(connection, source)

    def batches(self, source: str, limit: int) -> Sequence[Batch]:
        """Return what the source listed on its newest dates, newest first."""
        with self._database.reading() as connection:
            return health.batches(connection, source, limit)

    def overlap(self, source: str, day: date, before: date) -> int:
        """Return how many papers the source listed on both dates."""
        with self._database.reading() as connection:
            return health.overlap(connection, source, day, before)

    def unfinished(self, source: str) -> Sequence[tuple[KeptDump, Dump]]:
        """Return the source's dumps that were kept but never committed, oldest first."""
        with self._database.reading() as connection:
            return dumps.unfinished(connection, source)

    def committed(self, source: str) -> Sequence[KeptDump]:
        """Return the committed dumps of a source by date, then name."""
        with self._database.reading() as connection:
            return dumps.committed(connection, source)

    def dumps_of(self, source: str, day: date) -> Sequence[tuple[str, KeptDump]]:
        """Return name and row of the source's committed dumps of one date, by name."""
        with self._database.reading() as connection:
            return dumps.of_date(connection, source, day)

    def texts(self, dump: int) -> Sequence[tuple[str, str]]:
        """Return title and abstract of every listing of a committed dump, in its order."""
        with self._database.reading() as connection:
            return dumps.texts(connection, dump)

    def raw(self, dump: int) -> Dump:
        """Return a kept dump with its bytes, and its date where it is committed."""
        with self._database.reading() as connection:
            return dumps.raw(connection, dump)

    # Catalogue

    def known(self, listings: Sequence[Listing]) -> Sequence[Known]:
        """Return every paper that shares an alias, a compact title or some of its sketch with one of `listings`."""
        with self._database.reading(roomy=True) as connection:
            return catalogue.known(connection, listings)

    def paper(self, key: str) -> PaperRecord | None:
        """Return a paper by key, by an id of any scheme, or by `scheme:id`."""
        with self._database.reading() as connection:
            return catalogue.paper(connection, key)

    def papers(self, keys: Sequence[str]) -> Mapping[str, PaperRecord]:
        """Return many papers by key; unknown keys are left out."""
        with self._database.reading() as connection:
            return catalogue.records(connection, keys)

    def search(self, words: str, limit: int) -> Sequence[Paper]:
        """Return papers whose title or abstract holds every word, newest first."""
        with self._database.reading() as connection:
            return catalogue.search(connection, words, limit)

    # What people decide about identity

    def possible_duplicates(self, limit: int) -> Sequence[PossibleDuplicate]:
        """Return pairs that came near each other and that nobody decided on, newest first."""
        with self._database.reading() as connection:
            return duplicates.possible(connection, limit)

    def merge(self, key: str, into: str, at: datetime, by: str, *, keep: str | None = None) -> str:
        """Make two papers one, and return the key that stays."""
        with self._database.writing() as connection:
            return decisions.merge(connection, key, into, at, by, keep=keep)

    def split(self, key: str, at: datetime, by: str, *, sightings: Sequence[int] = ()) -> str:
        """Take back the newest merge of a paper, or make some of its sightings a paper."""
        with self._database.writing() as connection:
            return decisions.split(connection, key, at, by, chosen=sightings)

    def apart(self, key: str, other: str, at: datetime, by: str) -> None:
        """Note that two papers are two works."""
        with self._database.writing() as connection:
            decisions.apart(connection, key, other, at, by)

    def decisions(self) -> Sequence[Decision]:
        """Return all that was decided, newest first."""
        with self._database.reading() as connection:
            return decisions.every(connection)

    # The commit of a dump (tx 2)

    def commit(self, outcome: DumpOutcome) -> bool:
        """Write papers, aliases, versions, sightings, changes and tags of one dump, all or nothing."""
        with self._database.writing(roomy=True) as connection:
            dump = commit.source_and_name(connection, outcome)
            if dump is None:
                return False
            source, name = dump
            logger().debug("dump committing", source=source, name=name)
            commit.write(connection, outcome, source)
        logger().info("dump committed", source=source, name=name)
        return True

    def mend(self, outcome: DumpOutcome) -> None:
        """Write what a committed dump says when it is read again."""
        with self._database.writing() as connection:
            commit.mend(connection, outcome)
        logger().info("dump mended", dump=outcome.dump)

    # The log

    def log_end(self) -> int:
        """Return the number of the newest change, 0 for an empty log."""
        with self._database.reading() as connection:
            return log.end(connection)

    def logged(
        self, newsletter: str, after: int, upto: int, sources: Sequence[str] | None, taxonomy: str
    ) -> Sequence[Logged]:
        """Return what an edition over `after < number <= upto` holds, by the number of its first change."""
        with self._database.reading() as connection:
            return log.logged(connection, newsletter, after, upto, sources, taxonomy)

    def tallies(self, after: int, upto: int, sources: Sequence[str] | None) -> tuple[int, int]:
        """Return (listed, already known) of the covered dumps that brought the interval's changes."""
        with self._database.reading() as connection:
            return log.tallies(connection, after, upto, sources)

    # Newsletters and editions (tx 3)

    def newsletter(self, id: str) -> NewsletterState | None:
        """Return where a newsletter stands; None: never met."""
        with self._database.reading() as connection:
            return editions.newsletter(connection, id)

    def newsletters(self) -> Sequence[NewsletterState]:
        """Return every newsletter ever met, by id."""
        with self._database.reading() as connection:
            return editions.every_newsletter(connection)

    def enrol(self, id: str, mark: int) -> NewsletterState:
        """Meet a newsletter, with its mark at `mark`; one met before stays as it is."""
        with self._database.writing() as connection:
            return editions.enrol(connection, id, mark)

    def publish(self, edition: Edition, receipt: Receipt) -> bool:
        """Store the edition, move the newsletter's mark from `after` to `upto`, keep the receipt."""
        told = {"newsletter": edition.newsletter, "number": edition.number}
        with self._database.writing() as connection:
            logger().debug("edition publishing", **told)
            published = editions.publish(connection, edition, receipt)
        if published:
            logger().info("edition published", **told)
        return published

    def receive(self, receipt: Receipt) -> None:
        """Keep the receipt of a run that published nothing."""
        with self._database.writing() as connection:
            editions.receive(connection, receipt)

    def editions(self, newsletter: str) -> Sequence[Stored]:
        """Return all editions of a newsletter, oldest first."""
        with self._database.reading() as connection:
            return editions.every_edition(connection, newsletter)

    def edition(self, newsletter: str, number: int) -> Edition:
        """Return one edition."""
        with self._database.reading() as connection:
            return editions.edition(connection, newsletter, number)

    # What the output folder holds

    def touched(self, after: int) -> tuple[int, Sequence[str]]:
        """Return the number of the last commit, and the keys of announced papers touched after commit `after`."""
        with self._database.reading() as connection:
            return log.touched(connection, after)

    def output_state(self, folder: str) -> bytes | None:
        """Return what `keep_output_state` kept for an output folder."""
        with self._database.reading() as connection:
            return outputs.state(connection, folder)

    def keep_output_state(self, folder: str, state: bytes) -> None:
        """Remember what an output folder holds."""
        with self._database.writing() as connection:
            outputs.keep_state(connection, folder, state)
