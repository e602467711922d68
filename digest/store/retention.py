"""What a store lets go of when it is old enough: in portions, each a transaction of its own, so that no writer waits.

What has to go is looked for without any lock, and looked at once more by the statement that takes it: a call may be
killed anywhere, and several may run at once. May import models, values and the schema.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    delete,
    exists,
    func,
    insert,
    not_,
    or_,
    select,
    text,
    update,
)

from digest.errors import StoreError
from digest.models import OPEN_STATES, Keep, Tidied
from digest.store import facts, health
from digest.store.engine import Database
from digest.store.schema import deliveries, dumps, editions, fetches, receipts, subscriptions, tidied

#: rows of a transaction; dumps bring thousands of bytes each, and SQLite follows their pages one by one
PORTION = 2000
DUMPS = 50
#: transactions of one call for each kind of row: two million deliveries
CALLS = 1000
#: between two calls of `daily`; a little less than a day, so that a run at the same hour each day finds it over
DAY = timedelta(hours=23)

#: lets go of rows, unless another one did; says of how many, and how many bytes they had
_Take = Callable[[Connection, Sequence[int]], tuple[int, int]]


@dataclass(frozen=True)
class _Kind:
    """Rows of one kind that are older than is kept."""

    #: its field of Tidied
    name: str
    #: finds their ids, without an order, which would be one more way through them
    query: Select[Any]
    take: _Take
    portion: int


def daily(database: Database, keep: Keep, now: datetime) -> Tidied | None:
    """Tidy unless that was done in the last day."""
    with database.reading() as connection:
        last = facts.told(connection, facts.TIDIED)
    if last is not None and datetime.fromisoformat(last) <= now < datetime.fromisoformat(last) + DAY:
        return None
    return tidy(database, keep, now)


def tidy(database: Database, keep: Keep, now: datetime) -> Tidied:
    """Let go of what is older than is kept, so much at most as one call takes; note when all of it is done."""
    done, more = Tidied(), False
    for kind in _kinds(database, keep, now):
        rows, size, left = _work(database, kind)
        done += Tidied.model_validate({kind.name: rows, "bytes": size})
        more = more or left
    if not more:
        with database.writing() as connection:
            facts.note(connection, facts.TIDIED, now.isoformat())
    return done.model_copy(update={"more": more})


def would_tidy(database: Database, keep: Keep, now: datetime) -> Tidied:
    """Return what `tidy` would let go of, all calls together."""
    found = Tidied()
    for kind in _kinds(database, keep, now):
        with database.reading() as connection:
            rows = connection.execute(select(func.count()).select_from(kind.query.subquery())).scalar_one()
            size = _bytes(connection, kind.query) if kind.name == "dumps" else 0
        found += Tidied.model_validate({kind.name: rows, "bytes": size})
    return found


def _kinds(database: Database, keep: Keep, now: datetime) -> list[_Kind]:
    """Return the kinds of rows that are not kept for ever."""
    kinds: list[_Kind] = []
    with database.reading() as connection:
        if keep.raw is not None:
            kinds.append(_Kind("dumps", _old_dumps(now - keep.raw), _empty_dumps, DUMPS))
        if keep.receipts is not None:
            kinds.append(_Kind("receipts", _old_receipts(now - keep.receipts), _delete_receipts, PORTION))
        if keep.ledger is not None:
            for newsletter, number in _old_editions(connection, now - keep.ledger):
                query = _old_deliveries(newsletter, number, now - keep.ledger)
                kinds.append(_Kind("deliveries", query, _count_and_delete, PORTION))
        if keep.fetches is not None:
            for source in _sources(connection):
                query = select(fetches.c.id).where(_not_needed(connection, source, now - keep.fetches))
                kinds.append(_Kind("fetches", query, _delete_fetches, PORTION))
    return kinds


def _work(database: Database, kind: _Kind) -> tuple[int, int, bool]:
    """Let go of portion after portion; return how many rows, how many bytes, and whether there may be more.

    What has gone is found no more, so that each portion is the first there is.
    """
    rows = size = 0
    for _ in range(CALLS):
        with database.reading() as connection:
            ids = list(connection.execute(kind.query.limit(kind.portion)).scalars())
        if not ids:
            return rows, size, False
        with database.writing() as connection:
            gone, took = kind.take(connection, ids)
        rows, size = rows + gone, size + took
        if not gone:
            # another one was faster with all of them
            break
    return rows, size, True


# Dumps


def _old_dumps(before: datetime) -> Select[Any]:
    """Return the question for committed dumps with bytes; by the primary key. No bytes are read for it."""
    return select(dumps.c.id).where(dumps.c.received < before, dumps.c.date.is_not(None), func.length(dumps.c.raw) > 0)


def _empty_dumps(connection: Connection, ids: Sequence[int]) -> tuple[int, int]:
    """Let go of the bytes of dumps; by the primary key. zlib makes nothing of no byte at all, so none says gone."""
    size = _bytes(connection, ids)
    which = and_(dumps.c.id.in_(ids), dumps.c.date.is_not(None), func.length(dumps.c.raw) > 0)
    return connection.execute(update(dumps).where(which).values(raw=b"")).rowcount, size


def _bytes(connection: Connection, ids: Sequence[int] | Select[Any]) -> int:
    """Return how many bytes dumps have; by the primary key."""
    return int(connection.execute(select(func.sum(func.length(dumps.c.raw))).where(dumps.c.id.in_(ids))).scalar() or 0)


# Receipts


def _old_receipts(before: datetime) -> Select[Any]:
    """Return the question for old receipts, but the newest of all; by the primary key."""
    newest = select(func.max(receipts.c.id)).scalar_subquery()
    return select(receipts.c.id).where(receipts.c.started_at < before, receipts.c.id < newest)


def _delete_receipts(connection: Connection, ids: Sequence[int]) -> tuple[int, int]:
    """Delete receipts; by the primary key."""
    return connection.execute(delete(receipts).where(receipts.c.id.in_(ids))).rowcount, 0


# Deliveries


def _old_editions(connection: Connection, before: datetime) -> list[tuple[str, int]]:
    """Return for each newsletter its newest edition that is old and not its newest; by the key of editions."""
    later = editions.alias()
    newer = exists().where(later.c.newsletter == editions.c.newsletter, later.c.number > editions.c.number)
    query = select(editions.c.newsletter, func.max(editions.c.number)).where(editions.c.instant < before, newer)
    return [(newsletter, number) for newsletter, number in connection.execute(query.group_by(editions.c.newsletter))]


def _may_go(before: datetime) -> ColumnElement[bool]:
    """Return the condition under which a delivery is needed no more.

    What keeps a message from going out twice is the mark of its subscription: it must have moved past it. And nobody
    has to decide about it any more.
    """
    passed = exists().where(subscriptions.c.id == deliveries.c.subscription, subscriptions.c.mark >= deliveries.c.upto)
    decided = or_(deliveries.c.state != "unknown", deliveries.c.settled)
    return and_(deliveries.c.state.not_in(OPEN_STATES), deliveries.c.at < before, decided, passed)


def _old_deliveries(newsletter: str, number: int, before: datetime) -> Select[Any]:
    """Return the question for final deliveries up to an edition; by the index on (newsletter, upto)."""
    which = and_(deliveries.c.newsletter == newsletter, deliveries.c.upto <= number)
    return select(deliveries.c.id).where(which, _may_go(before))


def _count_and_delete(connection: Connection, ids: Sequence[int]) -> tuple[int, int]:
    """Delete deliveries and count them by edition; by the primary keys."""
    gone = delete(deliveries).where(deliveries.c.id.in_(ids), deliveries.c.state.not_in(OPEN_STATES))
    rows = connection.execute(gone.returning(deliveries.c.newsletter, deliveries.c.upto, deliveries.c.state)).all()
    counts: dict[tuple[str, int], dict[str, int]] = {}
    for newsletter, upto, state in rows:
        count = counts.setdefault((newsletter, upto), {"submitted": 0, "failed": 0, "unknown": 0})
        count[state] += 1
    for (newsletter, upto), count in counts.items():
        _add(connection, newsletter, upto, count)
    return len(rows), 0


def _add(connection: Connection, newsletter: str, upto: int, count: dict[str, int]) -> None:
    """Add to the counts of an edition; by the primary key."""
    more = {name: tidied.c[name] + number for name, number in count.items()}
    which = and_(tidied.c.newsletter == newsletter, tidied.c.upto == upto)
    if not connection.execute(update(tidied).where(which).values(**more)).rowcount:
        connection.execute(insert(tidied).values(newsletter=newsletter, upto=upto, **count))


# Fetches


def _sources(connection: Connection) -> list[str]:
    """Return the sources that were ever fetched; by the index on (source, id)."""
    return list(connection.execute(select(fetches.c.source).distinct()).scalars())


def _not_needed(connection: Connection, source: str, before: datetime) -> ColumnElement[bool]:
    """Return the condition for the fetches of a source that nobody asks for any more.

    Needed are the last one, the last that got all, all since it fails, and that it was noted as known: without that
    the next run would take itself for the first. By the index on (source, id).
    """
    found = health.health(connection, source)
    if found is not None and found.failing_since is not None:
        before = min(before, found.failing_since)
    good = fetches.c.status.not_in(("failed", "partial"))
    newest = select(func.max(fetches.c.id)).where(fetches.c.source == source)
    needed = [id for query in (newest, newest.where(good)) if (id := connection.execute(query).scalar()) is not None]
    baseline = fetches.c.status == "baseline"
    return and_(fetches.c.source == source, fetches.c.at < before, fetches.c.id.not_in(needed), not_(baseline))


def _delete_fetches(connection: Connection, ids: Sequence[int]) -> tuple[int, int]:
    """Delete fetches; by the primary key. A fetch changes never, so what was found is still so."""
    return connection.execute(delete(fetches).where(fetches.c.id.in_(ids))).rowcount, 0


def vacuum(database: Database) -> None:
    """Give back the space that is free."""
    with database.wrapped(), database.engine.connect() as connection:
        if not database.sqlite:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM"))
            return
        # the driver itself begins nothing, and VACUUM stands in no transaction
        driver: Any = connection.connection.dbapi_connection
        try:
            driver.execute("VACUUM")
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"{database.place}: {error}: nothing was given back") from error
