"""A store's state in a folder: written after it changed, read into an empty store. May import this package."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from digest.clock import Clock
from digest.errors import StoreError
from digest.protocols.state import Contents, DeliveryRow, DumpRow, EditionRow, PaperRow, SightingRow, Tables
from digest.state import keys, marks, people, reading, records, seen, snapshots
from digest.state.folder import Damage, Folder, Line, line_of
from digest.state.reading import DUMPS, FETCHES, LEDGER, PENDING, RECEIPTS, SEEN, SUBSCRIPTIONS, SUPPRESSIONS
from digest.state.seen import Sighted
from digest.state.snapshots import Pool

#: what lets git merge two states of one past
ATTRIBUTES = b"*.jsonl text eol=lf merge=union\n*.json text eol=lf\n"
#: how long editions are kept where nothing is said
ARCHIVE = timedelta(days=730)


@dataclass(frozen=True)
class Imported:
    """What an import brought."""

    papers: int
    editions: int
    pending: int
    #: what could not be used, in words
    notes: Sequence[str] = ()

    @property
    def nothing(self) -> bool:
        """Whether there was no state."""
        return not (self.papers or self.editions or self.notes)


@dataclass
class Keeper:
    """Keeps the state of a store in a folder.

    Args:
        root: the folder; made where it is not there.
        tables: the store.
        clock: against which ages are measured.
        archive: how long editions are kept.
        salt: what the key is derived with, where the folder does not say it yet.
    """

    root: Path
    tables: Tables
    clock: Clock
    archive: timedelta = ARCHIVE
    salt: str | None = None
    _pool: Pool = field(default_factory=Pool)

    @property
    def _folder(self) -> Folder:
        return Folder(self.root)

    # Import

    def load(self, sources: Sequence[str]) -> Imported:
        """Fill the store with what the folder says.

        Args:
            sources: names of those that are configured: papers of which only editions tell count as theirs.

        Raises:
            StoreError: the store is not empty, a file cannot be read, the state is of a newer program.
        """
        if not self.tables.is_empty():
            raise StoreError("the store is not empty: a state is only put into one that is; name another store")
        found = reading.read(self._folder, sources)
        contents = found.contents
        self._pool, self.salt = found.pool, found.salt or self.salt
        self.tables.fill(contents)
        notes = tuple(found.damage.told())
        return Imported(len(contents.papers), len(contents.editions), len(contents.changes), notes)

    def salted(self) -> str:
        """Return what the key is derived with: as the folder says it, else as it was given."""
        document = self._folder.document(marks.FILE, Damage())
        told = marks.decode(document, Damage()) if document else None
        self.salt = (told.salt if told else None) or self.salt or keys.SALT
        return self.salt

    # Export

    def save(self) -> None:
        """Write all that changed since the folder was written.

        Raises:
            StoreError: it cannot be written.
        """
        self.salted()
        contents, folder, now = self.tables.read(), self._folder, self.clock()
        today = now.date()
        editions = self._save_editions(contents.editions, today - self.archive)
        pending = {one.dump for one in contents.changes}
        # a change names its dump, whatever its age
        dumps = [
            one for one in contents.dumps if _is_real(one) and (one.date >= today - self.archive or one.id in pending)
        ]
        references = {one.id: records.reference(one.source, one.sha256) for one in dumps}
        folder.write(".gitattributes", ATTRIBUTES)
        self._save_dumps(contents, dumps)
        folder.write_lines(SEEN, map(line_of, self._papers(contents, references, today)))
        changes = (records.encode_change(one, references) for one in contents.changes)
        folder.write_lines(PENDING, map(line_of, changes))
        told = marks.of(contents.newsletters, editions, contents.log_end, self.salt)
        folder.write_document(marks.FILE, marks.encode(told))
        folder.write_document(FETCHES, _fetches(contents))
        since = (now - self.archive).isoformat()
        runs = [one for one in map(records.encode_receipt, contents.receipts) if one["at"] >= since]
        folder.write_lines(RECEIPTS, sorted(map(line_of, runs)))
        self.save_people()

    def save_people(self) -> None:
        """Write who reads, and what went to them.

        Raises:
            StoreError: it cannot be written.
        """
        folder, now = self._folder, self.tables.people()
        subscriptions = sorted(now.subscriptions, key=lambda one: one.id)
        folder.write_lines(SUBSCRIPTIONS, (line_of(people.encode_subscription(one)) for one in subscriptions))
        folder.write_lines(SUPPRESSIONS, (line_of(people.encode_suppression(one)) for one in now.suppressions))
        lines = people.ledger(self._ledger(), now.deliveries, self.clock())
        folder.write_lines(LEDGER, (one if isinstance(one, str) else line_of(one) for one in lines))

    def append(self, deliveries: Sequence[DeliveryRow]) -> None:
        """Add transitions to the ledger.

        Raises:
            StoreError: it cannot be written.
        """
        self._folder.append(LEDGER, (line_of(people.encode_delivery(one)) for one in deliveries))

    def _ledger(self) -> list[tuple[str, DeliveryRow]]:
        """Return the lines of the ledger that say something."""
        found = []
        for _, line in self._folder.lines(LEDGER, Damage()):
            try:
                found.append((line_of(line), people.decode_delivery(line)))
            except (AttributeError, LookupError, TypeError, ValueError):
                # the import has named it
                continue
        return found

    def _save_editions(self, editions: Sequence[EditionRow], since: date) -> list[EditionRow]:
        """Write the editions that are not there yet, remove those that are too old; return the others.

        Their sha256 are those of the files.
        """
        folder, kept = self._folder, [one for one in editions if one.date >= since]
        if self._pool.sha256.keys() - {(one.newsletter, one.number) for one in kept}:
            # lines may name no edition that leaves
            self._pool = Pool()
        found = []
        names = {snapshots.file_name(one.newsletter, one.number, one.date): one for one in kept}
        for name, one in names.items():
            which = one.newsletter, one.number
            if which not in self._pool.sha256 or not (folder.root / name).is_file():
                content = snapshots.public(self.tables.snapshot(*which))
                folder.write(name, content)
                self._pool.take(content)
            found.append(one._replace(sha256=self._pool.sha256[which]))
        for name in folder.files(snapshots.FOLDER):
            if name not in names:
                folder.remove(name)
        return found

    def _save_dumps(self, contents: Contents, dumps: Sequence[DumpRow]) -> None:
        listed: defaultdict[int, list[SightingRow]] = defaultdict(list)
        for sighting in contents.sightings:
            listed[sighting.dump].append(sighting)
        lines = []
        for one in dumps:
            reference = records.reference(one.source, one.sha256)
            lines.append({"id": reference, **records.encode_dump(one, listed[one.id])})
        self._folder.write_lines(DUMPS, map(line_of, lines))

    def _papers(self, contents: Contents, references: Mapping[int, str], today: date) -> list[Line]:
        """Return the lines of all papers, those that are old enough shrunk."""
        sighted = _sighted(contents)
        none = Sighted()
        old = {
            one.id
            for one in contents.papers
            if seen.shrinks(one, sighted.get(one.key, none), self._pool, today, self.archive)
        }
        sketches = self.tables.sketches(sorted(old))

        def line(one: PaperRow) -> Line:
            shrunk = one._replace(sketch=sketches.get(one.id, (0,))) if one.id in old else one
            return seen.encode(shrunk, sighted.get(one.key, none), self._pool, references)

        return [line(one) for one in contents.papers]


def _is_real(dump: DumpRow) -> bool:
    return (dump.sha256, dump.name) != reading.EARLIER


def _sighted(contents: Contents) -> dict[str, Sighted]:
    """Return how each paper was sighted."""
    dumps = {one.id: one for one in contents.dumps}
    sources: defaultdict[str, set[str]] = defaultdict(set)
    last: dict[str, tuple[int, date]] = {}
    for one in contents.sightings:
        dump = dumps[one.dump]
        if not one.silent:
            sources[one.paper].add(dump.source)
        if _is_real(dump):
            at, day = last.get(one.paper, (0, dump.date))
            last[one.paper] = max(at, dump.seq), max(day, dump.date)
    return {
        key: Sighted(tuple(sorted(sources[key])), *last.get(key, (None, None))) for key in sources.keys() | last.keys()
    }


def _fetches(contents: Contents) -> dict[str, object]:
    past = {one.source for one in contents.dumps if one.announced}
    sources = {one.source for one in contents.dumps} | {one.source for one in contents.fetches} | set(contents.memory)
    return records.encode_fetches(sources, contents.memory, contents.fetches, past)
