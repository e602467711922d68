"""What a store holds. May import models and the schema."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import Connection, Table, case, func, select, text

from digest.models import Sizes
from digest.store import facts
from digest.store.schema import deliveries, dumps, editions, papers, revision, subscribers, tidied


def sizes(connection: Connection, place: str) -> Sizes:
    """Return what the store holds."""
    readable, raw_bytes = _raw(connection)
    whole, free = on_disk(connection)
    return Sizes(
        place=place,
        revision=connection.execute(select(revision.c.version_num)).scalar_one(),
        bytes=whole,
        free=free,
        dumps=_count(connection, dumps),
        readable=readable,
        raw_bytes=raw_bytes,
        papers=_count(connection, papers),
        editions=_count(connection, editions),
        subscribers=_count(connection, subscribers),
        deliveries=_count(connection, deliveries),
        tidied=_tidied(connection),
        tidied_at=facts.told(connection, facts.TIDIED),
        restored=_restored(connection),
    )


def on_disk(connection: Connection) -> tuple[int, int | None]:
    """Return the bytes of the database, and how many of them are free, where it tells; asks no table."""
    return _file(connection) if connection.dialect.name == "sqlite" else (_database(connection), None)


def _count(connection: Connection, table: Table) -> int:
    """Count the rows of a table, all of which are looked at, in its smallest index."""
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _raw(connection: Connection) -> tuple[int, int]:
    """Return of how many dumps there are bytes, and how many of them; lengths are known without reading the bytes."""
    length = func.length(dumps.c.raw)
    query = select(func.coalesce(func.sum(case((length > 0, 1), else_=0)), 0), func.coalesce(func.sum(length), 0))
    readable, total = connection.execute(query).one()
    return int(readable), int(total)


def _tidied(connection: Connection) -> int:
    """Return how many deliveries are only counted any more; there is one row an edition."""
    columns = tidied.c.submitted + tidied.c.failed + tidied.c.unknown
    return int(connection.execute(select(func.coalesce(func.sum(columns), 0))).scalar_one())


def _file(connection: Connection) -> tuple[int, int]:
    """Return the bytes of SQLite's file, and those of them that are free; asks no table."""
    pages, size, free = (
        int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
        for name in ("page_count", "page_size", "freelist_count")
    )
    return pages * size, free * size


def _database(connection: Connection) -> int:
    """Return the bytes of PostgreSQL's database; asks no table."""
    return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())


def _restored(connection: Connection) -> str | None:
    """Say when the store was restored, and from which time on it knows nothing."""
    found = facts.told(connection, facts.RESTORED)
    if found is None:
        return None
    told = json.loads(found)
    at, taken = (datetime.fromisoformat(told[name]) if told[name] else None for name in ("at", "taken"))
    return (
        f"restored on {at:%Y-%m-%d %H:%M} UTC from a backup"
        + (f" of {taken:%Y-%m-%d %H:%M} UTC" if taken else "")
        + ": what was published and mailed between the two is not known here"
    )
