"""What an import makes of a folder: rows for an empty store, from whatever of it can be read. May import this package.

What is lost makes the store know less, never announce more: papers that only editions name count as listed by every
source; a source whose papers are lost has its baseline once more; what no edition covers yet and is lost is not news.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

from digest.errors import StoreError
from digest.protocols.state import (
    ChangeRow,
    Contents,
    DumpRow,
    EditionRow,
    FetchRow,
    NewsletterRow,
    PaperRow,
    People,
    SightingRow,
    TextRow,
)
from digest.state import marks as marking
from digest.state import people, records, seen, snapshots
from digest.state.folder import Damage, Folder, Line
from digest.state.marks import Marks
from digest.state.seen import Seen
from digest.state.snapshots import Pool

SEEN, DUMPS, PENDING, FETCHES = "seen.jsonl", "dumps.jsonl", "pending.jsonl", "fetches.json"
SUBSCRIPTIONS, SUPPRESSIONS, LEDGER, RECEIPTS = (
    "subscriptions.jsonl", "suppressions.jsonl", "ledger.jsonl", "receipts.jsonl"
)  # fmt: skip
#: sha256 and name of the dump that stands for all of a source that are no longer in the folder
EARLIER = "0" * 64, "earlier dumps"

T = TypeVar("T")


@dataclass
class Read:
    """A state, read."""

    contents: Contents
    pool: Pool
    damage: Damage
    salt: str | None = None
    #: papers of which no line is there are known from editions alone
    lost: bool = False


def read(folder: Folder, sources: Sequence[str]) -> Read:
    """Return what a folder says; `sources` are those that are configured.

    Raises:
        StoreError: a file cannot be read, or the state is of a newer program.
    """
    return _Reading(folder, sources).all()


@dataclass
class _Reading:
    """One import, file by file."""

    folder: Folder
    configured: Sequence[str]
    damage: Damage = field(default_factory=Damage)
    pool: Pool = field(default_factory=Pool)

    def all(self) -> Read:
        """Return all of it."""
        marks, editions = self.marks, self.editions
        seen_papers = self._papers()
        contents = Contents(editions=editions, newsletters=self._newsletters(marks, editions))
        told = self._fetches
        if self.lost:
            self.damage.note(
                f"{SEEN} is lost: papers of editions are known, all others are made known by the next run, which "
                "announces the newest dump of each source only"
            )
        dumps = [] if self.lost else self.dumps
        self._fill_catalogue(contents, seen_papers, dumps, told)
        self._fill_log(contents, marks)
        contents.memory = {} if self.lost else {source: dict(one["memory"]) for source, one in told.items()}
        contents.fetches = [one for source, each in told.items() for one in self._fetched(source, each)]
        contents.people = self._people(editions)
        runs = self._each(RECEIPTS, lambda line: (str(line["at"]), records.decode_receipt(line)))
        contents.receipts = [data for _, data in sorted(runs)]
        return Read(contents, self.pool, self.damage, marks.salt if marks else None, self.lost)

    def _each(self, file: str, decode: Callable[[Line], T]) -> list[T]:
        """Return the values of a file's lines; those that are none are left out."""
        found: list[T] = []
        for number, line in self.folder.lines(file, self.damage):
            try:
                found.append(decode(line))
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                self.damage.line(file, number, f"{type(error).__name__} {str(error)[:60]}".strip())
        return found

    # Where newsletters stand

    @cached_property
    def marks(self) -> Marks | None:
        """What marks.json says."""
        document = self.folder.document(marking.FILE, self.damage)
        if document is None:
            return None
        form = document.get("form")
        if isinstance(form, int) and form > marking.FORM:
            raise StoreError(
                f"{self.folder.root / marking.FILE} is of a newer release (form {form}, this program knows "
                f"{marking.FORM}): upgrade digest"
            )
        return marking.decode(document, self.damage)

    @cached_property
    def editions(self) -> list[EditionRow]:
        """The editions that are whole, by newsletter and number."""
        wanted = dict(self.marks.editions) if self.marks else {}
        found: dict[tuple[str, int], EditionRow] = {}
        dates: set[tuple[str, date]] = set()
        for name in self.folder.files(snapshots.FOLDER):
            content = self.folder.read(name) or b""
            try:
                edition = json.loads(content)
                row = snapshots.row_of(edition, content)
                # also of one that is left out: what lines name by its hash is whole
                self.pool.learn(edition)
            except (AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
                self.damage.note(f"{name} is left out: it is no edition ({type(error).__name__})")
                continue
            which, dated = (row.newsletter, row.number), (row.newsletter, row.date)
            if wanted.get(which, row.sha256) != row.sha256:
                self.damage.note(f"{name} is left out: its sha256 is not the one that {marking.FILE} says")
            elif snapshots.file_name(*which, row.date) != name:
                self.damage.note(f"{name} is left out: it holds {row.newsletter}/{row.number} of {row.date}")
            elif which in found or dated in dates:
                self.damage.note(f"{name} is left out: there is another edition of that number or date")
            else:
                self.pool.put(edition, row)
                found[which] = row
                dates.add(dated)
        for newsletter, number in sorted(wanted.keys() - found.keys()):
            self.damage.note(f"edition {newsletter}/{number} is missing: its pages are gone, its papers stay known")
        return [found[name] for name in sorted(found)]

    def _newsletters(self, marks: Marks | None, editions: Sequence[EditionRow]) -> list[NewsletterRow]:
        """Return where newsletters stand, as marks or else their editions say."""
        known = {one.id: one for one in marks.newsletters} if marks else {}
        for one in editions:
            before = known.get(one.newsletter, NewsletterRow(one.newsletter, 0))
            known[one.newsletter] = before._replace(mark=max(before.mark, one.upto))
        return [known[id] for id in sorted(known)]

    # Papers

    @cached_property
    def lost(self) -> bool:
        """Whether there must have been papers, and no line of one is left."""
        return not self._lines and bool(self.editions or self.dumps or (self.marks and self.marks.log))

    @cached_property
    def _lines(self) -> dict[str, Seen]:
        """Key -> its paper."""
        _ = self.editions  # what lines name
        found: dict[str, Seen] = {}
        for one in self._each(SEEN, self._paper):
            known = found.get(one.key)
            found[one.key] = seen.merged(known, one) if known else one
        return found

    def _paper(self, line: Line) -> Seen:
        one = seen.decode(line, self.pool)
        _ = one.json
        return one

    def _papers(self) -> list[Seen]:
        """Return the papers known, in the order they came; those of editions that have no line come last."""
        known = dict(self._lines)
        end = max((one.number for one in known.values()), default=0)
        every = sorted({*self.configured, *(one.source for one, _ in self.dumps), *self._told_sources})
        for key in self.pool.papers:
            if key not in known:
                end += 1
                known[key] = seen.recovered(key, end, self.pool, every)
        for one in [one for one in known.values() if one.into is not None and one.into not in known]:
            self.damage.note(f"{SEEN}: paper {one.key} was merged into {one.into}, which is gone")
            del known[one.key]
        return sorted(known.values(), key=lambda one: (one.number, one.key))

    @cached_property
    def dumps(self) -> list[tuple[DumpRow, list[SightingRow]]]:
        """The dumps with what they listed, in the order of their commits."""
        told = self._each(DUMPS, lambda line: records.decode_dump(line, 0))
        found: dict[str, tuple[DumpRow, list[SightingRow]]] = {}
        for one in sorted(told, key=lambda one: (one[0].seq, one[0].source, one[0].sha256, repr(one))):
            found[records.reference(one[0].source, one[0].sha256)] = one
        rows: list[tuple[DumpRow, list[SightingRow]]] = []
        last = 0
        for id, (dump, sightings) in enumerate(found.values(), 1):
            last = max(dump.seq, last + 1)
            rows.append((dump._replace(id=id, seq=last), [one._replace(dump=id) for one in sightings]))
        return rows

    def _fill_catalogue(
        self,
        contents: Contents,
        papers: Sequence[Seen],
        dumps: Sequence[tuple[DumpRow, list[SightingRow]]],
        told: Mapping[str, Mapping[str, Any]],
    ) -> None:
        """Put papers, dumps and sightings together, so that each paper was sighted wherever its line says it was."""
        known = {one.key for one in papers}
        listed = [one for _, sightings in dumps for one in sightings if one.paper in known]
        source_of = {dump.id: dump.source for dump, _ in dumps}
        where: defaultdict[str, set[str]] = defaultdict(set)
        for sighting in listed:
            if not sighting.silent:
                where[sighting.paper].add(source_of[sighting.dump])
        past = {source for source, one in told.items() if one["announced"]} if not self.lost else set()
        earlier = _Earlier(contents, [dump for dump, _ in dumps], past, self._began)
        for one in papers:
            for source in one.sources if one.into is None else ():
                if source not in where[one.key]:
                    earlier.sighted(one.key, source)
        by_reference = {records.reference(dump.source, dump.sha256): dump.id for dump, _ in dumps}
        self._references = by_reference
        last = 0
        for one in papers:
            last = max(one.number, last + 1)
            texts = [
                TextRow(by_reference.get(ref) or earlier.dump(min(one.sources, default="")), title, abstract)
                for ref, title, abstract in one.texts
            ]
            whole = () if one.into is not None else tuple(texts)
            contents.papers.append(PaperRow(last, one.key, one.into, one.json, whole, one.tags, one.sketch))
        contents.dumps = [*earlier.dumps.values(), *(dump for dump, _ in dumps)]
        contents.sightings = [*earlier.sightings, *listed]
        keys = {one.key: one.into for one in papers}
        contents.editions = [one._replace(entries=tuple(_entries(one.entries, keys))) for one in contents.editions]

    @cached_property
    def _began(self) -> datetime:
        """When the newest edition came out: dumps that are gone were of then, or before."""
        return max((one.instant for one in self.editions), default=datetime(1970, 1, 1, tzinfo=UTC))

    # The log

    def _fill_log(self, contents: Contents, marks: Marks | None) -> None:
        """Take the changes that no edition covers; what another branch of the state added comes at the end."""
        mark = min((one.mark for one in contents.newsletters), default=0)
        end = max([marks.log if marks else 0, mark, *(one.upto for one in contents.editions)])
        known = {one.key for one in contents.papers}
        printed = {key for one in contents.editions for key, _ in one.entries}
        told = [] if self.lost else self._each(PENDING, lambda line: records.decode_change(line, self._references))
        found: dict[int, ChangeRow] = {}
        late: list[ChangeRow] = []
        # of two with one number, that of an edition's paper was there when the marks were written
        for one in sorted(dict.fromkeys(told), key=lambda one: (one.number, one.paper not in printed, repr(one))):
            if one.paper not in known:
                self.damage.note(f"{PENDING}: a change of {one.paper} is left out: the paper is not known")
            elif one.number > mark and one.number not in found:
                found[one.number] = one
            elif one.number > mark or one.paper not in printed:
                late.append(one)
        if self.lost:
            contents.newsletters = [one._replace(mark=end) for one in contents.newsletters]
        elif marks is None or (not found and end > mark):
            self._mind_the_gap(contents, end, mark)
        contents.changes = _in_one_log(found, late, end, contents)
        contents.log_end = max([end, *(one.number for one in contents.changes)])
        if contents.log_end and not contents.papers:
            contents.log_end, contents.changes = 0, []
            contents.newsletters = [one._replace(mark=0) for one in contents.newsletters]

    def _mind_the_gap(self, contents: Contents, end: int, mark: int) -> None:
        if end > mark and self.folder.read(PENDING) is None:
            self.damage.note(f"{PENDING} is missing: what no edition covers yet is known, and will not be announced")

    # Sources

    @cached_property
    def _document(self) -> dict[str, Any]:
        document = self.folder.document(FETCHES, self.damage) or {}
        found = document.get("sources", {})
        if not isinstance(found, dict):
            self.damage.note(f"{FETCHES} cannot be read: it has no sources")
            return {}
        return found

    @property
    def _told_sources(self) -> list[str]:
        """The sources that were fetched."""
        return [source for source, told in self._fetches.items() if told["fetches"] or told["announced"]]

    @cached_property
    def _fetches(self) -> dict[str, dict[str, Any]]:
        """What is known of each source, of those of which it can be read."""
        found: dict[str, dict[str, Any]] = {}
        for source, told in self._document.items():
            try:
                memory = {str(name): str(value) for name, value in told["memory"].items()}
                fetches = records.decode_fetches(told, source)
                found[source] = {"memory": memory, "fetches": fetches, "announced": bool(told["announced"])}
            except (AttributeError, LookupError, TypeError, ValueError):
                self.damage.note(f"{FETCHES}: what it says of {source!r} cannot be read")
        return found

    def _fetched(self, source: str, told: Mapping[str, Any]) -> list[FetchRow]:
        fetches: list[FetchRow] = told["fetches"]
        return [one for one in fetches if not (self.lost and one.status == "baseline")]

    # People

    def _people(self, editions: Sequence[EditionRow]) -> People:
        last: dict[str, int] = {}
        for one in editions:
            last[one.newsletter] = one.number
        known = {one.id for one in self._newsletters(self.marks, editions)}
        rows = [
            one._replace(mark=min(one.mark, last.get(one.newsletter, 0)))
            for one in self._each(SUBSCRIPTIONS, people.decode_subscription)
            if one.newsletter in known
        ]
        subscriptions = people.newest(rows)
        suppressions = {one.hash: one for one in reversed(self._each(SUPPRESSIONS, people.decode_suppression))}
        deliveries = people.furthest(self._each(LEDGER, people.decode_delivery))
        return People(
            subscriptions,
            [suppressions[hash] for hash in sorted(suppressions)],
            people.tidied(deliveries, subscriptions, last),
        )


@dataclass
class _Earlier:
    """A dump for each source that stands for those that are no longer in the folder."""

    contents: Contents
    known: Sequence[DumpRow]
    #: sources past their baseline
    past: set[str]
    began: datetime
    dumps: dict[str, DumpRow] = field(default_factory=dict)
    sightings: list[SightingRow] = field(default_factory=list)

    def dump(self, source: str) -> int:
        """Return the id of a source's."""
        if source not in self.dumps:
            dates = [one.date for one in self.known if one.source == source]
            day = min(dates) - timedelta(days=1) if dates else self.began.date()
            place = len(self.dumps)
            sha256, name = EARLIER
            self.dumps[source] = DumpRow(
                -1 - place, source, sha256, name, 0, self.began, day, "assumed", None, -place, 0, source in self.past
            )
        return self.dumps[source].id

    def sighted(self, paper: str, source: str) -> None:
        """Note that a source listed a paper once."""
        self.sightings.append(SightingRow(self.dump(source), paper, "seen"))


def _in_one_log(
    found: Mapping[int, ChangeRow], late: Sequence[ChangeRow], end: int, contents: Contents
) -> list[ChangeRow]:
    """Return changes with numbers of their own: where two runs gave one number to two, the second comes at the end.

    A newsletter that had such a paper in an edition does not print it again; one that had not finds it new, if its
    change is of the dump that listed it first.
    """
    if not late:
        return [found[number] for number in sorted(found)]
    order = {one.id: one.seq for one in contents.dumps}
    source_of = {one.id: one.source for one in contents.dumps}
    first: dict[tuple[str, str], int] = {}
    for one in sorted(contents.sightings, key=lambda one: order[one.dump], reverse=True):
        if not one.silent:
            first[one.paper, source_of[one.dump]] = one.dump
    had = {(one.paper, one.kind) for one in found.values()}
    changes = [found[number] for number in sorted(found)]
    last = max([end, *found])
    for change in sorted(late, key=lambda one: (one.number, repr(one))):
        if (change.paper, change.kind) not in had:
            had.add((change.paper, change.kind))
            last += 1
            changes.append(change._replace(number=last))
    return [
        one._replace(dump=first.get((one.paper, one.source), one.dump)) if one.kind in ("new", "listed") else one
        for one in changes
    ]


def _entries(told: Iterable[tuple[str, str]], keys: Mapping[str, str | None]) -> Iterable[tuple[str, str]]:
    """Yield the entries of an edition, each paper once, under the key it has now."""
    met: set[str] = set()
    for key, kind in told:
        into = key
        while (other := keys[into]) is not None:
            into = other
        if into not in met:
            met.add(into)
            yield into, kind
