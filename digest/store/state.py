"""A store as a whole, read: what a run on another store goes on from. May import protocols and this package."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, exists, func, select

from digest.errors import StoreError
from digest.protocols.state import (
    ChangeRow,
    Contents,
    DeliveryRow,
    DumpRow,
    EditionRow,
    FetchRow,
    NewsletterRow,
    PaperRow,
    People,
    SightingRow,
    SubscriptionRow,
    SuppressionRow,
    TextRow,
)
from digest.store import filling, log, secret
from digest.store.engine import Database
from digest.store.schema import (
    changes,
    deliveries,
    dumps,
    editions,
    fetches,
    memory,
    newsletters,
    papers,
    receipts,
    sightings,
    sketches,
    subscribers,
    subscriptions,
    suppressions,
    tags,
    versions,
)
from digest.store.values import pairs, portions

#: what is noted of a fetch that failed, or that could not get all
_INCOMPLETE = ("failed", "partial")
#: fetches back that a streak of failures is followed
_FAR = 400


class SqlTables:
    """Tables of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def is_empty(self) -> bool:
        """Whether nothing was ever written to it but its secret."""
        with self._database.reading() as connection:
            return _is_empty(connection)

    def read(self) -> Contents:
        """Return all that later runs depend on, as of one moment."""
        with self._database.reading() as connection:
            return _read(connection)

    def people(self) -> People:
        """Return who reads, and what went to them."""
        with self._database.reading() as connection:
            return _people(connection)

    def sketches(self, papers: Sequence[int]) -> Mapping[int, tuple[int, ...]]:
        """Return what finds papers whose texts differ a little."""
        with self._database.reading() as connection:
            return _sketches(connection, set(papers))

    def snapshot(self, newsletter: str, number: int) -> bytes:
        """Return the bytes of an edition."""
        with self._database.reading() as connection:
            return _snapshot(connection, newsletter, number)

    def hashes(self, subscriptions: Sequence[int]) -> Mapping[int, str]:
        """Return the hash of the address of each subscription."""
        with self._database.reading() as connection:
            return _hashes(connection, subscriptions)

    def fill(self, contents: Contents) -> None:
        """Write what an empty store is to hold, all or nothing."""
        with self._database.writing() as connection:
            if not _is_empty(connection):
                raise StoreError("the store is not empty: a state is only put into one that is; name another store")
            filling.fill(connection, contents)

    def key_with(self, secret_of_all: bytes) -> bool:
        """Make a secret the store's, unless it has another one that people are known by."""
        with self._database.writing() as connection:
            return secret.settle(connection, secret_of_all)


def _is_empty(connection: Connection) -> bool:
    """Look for a row in each table that others depend on."""
    return not any(
        connection.execute(select(exists().select_from(table))).scalar()
        for table in (newsletters, dumps, papers, subscribers, suppressions)
    )


def _read(connection: Connection) -> Contents:
    found = Contents(newsletters=_newsletters(connection), editions=_editions(connection), dumps=_dumps(connection))
    found.papers = _papers(connection)
    keys = {one.id: one.key for one in found.papers}
    found.sightings = _sightings(connection, keys)
    found.log_end = log.end(connection)
    found.changes = _changes(connection, min((one.mark for one in found.newsletters), default=0), keys)
    found.memory = _memory(connection)
    sources = sorted({one.source for one in found.dumps} | set(_fetched(connection)))
    found.fetches = [fetch for source in sources for fetch in _fetches(connection, source)]
    found.people = _people(connection)
    found.receipts = _receipts(connection)
    return found


def _newsletters(connection: Connection) -> list[NewsletterRow]:
    """Return all newsletters; they are few."""
    rows = connection.execute(select(newsletters).order_by(newsletters.c.id))
    return [NewsletterRow(row.id, row.mark, row.feed_id, row.paused) for row in rows]


def _editions(connection: Connection) -> list[EditionRow]:
    """Return all editions without their snapshots; by the primary key."""
    columns = (
        editions.c.newsletter, editions.c.number, editions.c.date, editions.c.sha256, editions.c.instant,
        editions.c.after, editions.c.upto,
    )  # fmt: skip
    rows = connection.execute(select(*columns).order_by(editions.c.newsletter, editions.c.number))
    return [EditionRow(*row) for row in rows]


def _snapshot(connection: Connection, newsletter: str, number: int) -> bytes:
    """Return a snapshot; by the primary key of editions."""
    query = select(editions.c.snapshot).where(editions.c.newsletter == newsletter, editions.c.number == number)
    found = connection.execute(query).scalar()
    if found is None:
        raise StoreError(f"there is no edition {newsletter}/{number} in the store")
    return str(found).encode()


def _dumps(connection: Connection) -> list[DumpRow]:
    """Return the committed dumps in the order of their commits; by the unique index on seq."""
    columns = [dumps.c[name] for name in DumpRow._fields]
    rows = connection.execute(select(*columns).where(dumps.c.seq.is_not(None)).order_by(dumps.c.seq))
    return [DumpRow(*row) for row in rows]


def _papers(connection: Connection) -> list[PaperRow]:
    """Return all papers with texts and tags; by the primary key."""
    texts = _texts(connection)
    tagged: defaultdict[int, dict[str, str]] = defaultdict(dict)
    for row in connection.execute(select(tags).order_by(tags.c.paper, tags.c.taxonomy)):
        tagged[row.paper][row.taxonomy] = row.tags
    rows = connection.execute(select(papers.c.id, papers.c.key, papers.c.into, papers.c.data).order_by(papers.c.id))
    found = rows.all()
    keys = {row.id: row.key for row in found}
    return [
        PaperRow(row.id, row.key, keys.get(row.into), row.data, tuple(texts[row.id]), tagged[row.id]) for row in found
    ]


def _texts(connection: Connection) -> defaultdict[int, list[TextRow]]:
    """Return the texts of all papers, in the order they came; by the primary key of versions."""
    found: defaultdict[int, list[TextRow]] = defaultdict(list)
    columns = (versions.c.paper, versions.c.dump, versions.c.title, versions.c.abstract)
    for paper, *text in connection.execute(select(*columns).order_by(versions.c.id)):
        found[paper].append(TextRow(*text))
    return found


def _sightings(connection: Connection, keys: Mapping[int, str]) -> list[SightingRow]:
    """Return all sightings; by their primary key."""
    columns = (
        sightings.c.dump, sightings.c.paper, sightings.c.kind, sightings.c.comments, sightings.c.upvotes,
        sightings.c.stars, sightings.c.silent,
    )  # fmt: skip
    rows = connection.execute(select(*columns).order_by(sightings.c.dump, sightings.c.position))
    return [SightingRow(dump, keys[paper], *rest) for dump, paper, *rest in rows]


def _changes(connection: Connection, mark: int, keys: Mapping[int, str]) -> list[ChangeRow]:
    """Return the changes after a mark; by the primary key."""
    rows = connection.execute(select(changes).where(changes.c.number > mark).order_by(changes.c.number))
    return [
        ChangeRow(
            row.number,
            keys[row.paper],
            row.kind,
            row.source,
            row.dump,
            row.fields,
            None if row.before_title is None else (row.before_title, row.before_abstract),
        )
        for row in rows
    ]


def _memory(connection: Connection) -> dict[str, dict[str, str]]:
    """Return what sources remember; not of those that have a dump which was never taken in: it would not come again.

    By the primary key of memory.
    """
    left = select(dumps.c.source).where(dumps.c.seq.is_(None))
    query = select(memory).where(memory.c.source.not_in(left)).order_by(memory.c.source, memory.c.name)
    found: dict[str, dict[str, str]] = {}
    for row in connection.execute(query):
        found.setdefault(row.source, {})[row.name] = row.value
    return found


def _fetched(connection: Connection) -> Sequence[str]:
    """Return the sources that were ever fetched; by the index on fetches (source, id)."""
    return connection.execute(select(fetches.c.source).distinct()).scalars().all()


def _fetches(connection: Connection, source: str) -> list[FetchRow]:
    """Return the fetches that tell how a source is, oldest first; by the index on fetches (source, id).

    Those are the last one, all since a day whose last fetch was well, and that it was made known by `baseline`.
    """
    columns = (fetches.c.source, fetches.c.at, fetches.c.status, fetches.c.note)
    query = select(*columns).where(fetches.c.source == source).order_by(fetches.c.id.desc()).limit(_FAR)
    found = _since_well([FetchRow(*row) for row in connection.execute(query)])
    if all(one.status != "baseline" for one in found):
        known = select(*columns).where(fetches.c.source == source, fetches.c.status == "baseline")
        found += [FetchRow(*row) for row in connection.execute(known.order_by(fetches.c.id.desc()).limit(1))]
    return found[::-1]


def _since_well(newest_first: Iterable[FetchRow]) -> list[FetchRow]:
    """Return fetches until the first day whose last one was well."""
    found: list[FetchRow] = []
    met: set[date] = set()
    for one in newest_first:
        day = one.at.date()
        if one.status in _INCOMPLETE or day not in met:
            found.append(one)
        if one.status not in _INCOMPLETE and day not in met:
            break
        met.add(day)
    return found


def _sketches(connection: Connection, wanted: Set[int]) -> dict[int, tuple[int, ...]]:
    """Return the sketches of papers; reads the whole table, whose key is the value."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    if wanted:
        for value, paper in connection.execute(select(sketches.c.hash, sketches.c.paper).order_by(sketches.c.hash)):
            if paper in wanted:
                found[paper].append(value)
    return {paper: tuple(values) for paper, values in found.items()}


def _people(connection: Connection) -> People:
    return People(_subscriptions(connection), _suppressions(connection), _deliveries(connection))


def _subscriptions(connection: Connection) -> list[SubscriptionRow]:
    """Return all subscriptions with the hashes of addresses; by the primary keys."""
    columns = [subscriptions.c[name] for name in SubscriptionRow._fields[2:]]
    query = select(subscriptions.c.id, subscribers.c.hash, *columns).join_from(subscriptions, subscribers)
    rows = connection.execute(query.order_by(subscriptions.c.id))
    return [SubscriptionRow(*row) for row in rows]


def _suppressions(connection: Connection) -> list[SuppressionRow]:
    """Return all suppressions; by the primary key."""
    query = select(suppressions.c.hash, suppressions.c.reason, suppressions.c.at).order_by(suppressions.c.hash)
    return [SuppressionRow(*row) for row in connection.execute(query)]


def _deliveries(connection: Connection) -> list[DeliveryRow]:
    """Return all deliveries, oldest first; by the primary keys."""
    columns = [deliveries.c[name] for name in DeliveryRow._fields[2:]]
    query = select(deliveries.c.id, subscribers.c.hash, *columns)
    query = query.join_from(deliveries, subscriptions).join(subscribers)
    rows = connection.execute(query.order_by(deliveries.c.id))
    return [DeliveryRow(*row) for row in rows]


def _hashes(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """Return hashes by subscription; by the primary keys."""
    found: dict[int, str] = {}
    for portion in portions(ids):
        query = select(subscriptions.c.id, subscribers.c.hash).join(subscribers)
        found |= pairs(connection.execute(query.where(subscriptions.c.id.in_(portion))))
    return found


def _receipts(connection: Connection) -> list[str]:
    """Return the last receipt of each run, oldest first; by the primary key."""
    last = select(func.max(receipts.c.id)).group_by(receipts.c.started_at)
    rows: Sequence[Row[Any]] = connection.execute(
        select(receipts.c.data).where(receipts.c.id.in_(last)).order_by(receipts.c.id)
    ).all()
    return [row.data for row in rows]
