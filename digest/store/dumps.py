"""Dumps and fetches (tx 1). May import models, protocols and the schema."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from digest.errors import BytesGoneError, StoreError
from digest.models import Dating, Dump
from digest.protocols import KeptDump
from digest.store.rows import ask, insertion, tell
from digest.store.schema import dumps, fetches, memory, sightings, versions
from digest.store.types import escape, instant, unescape

# zlib, level 3: days in JSON shrink to 0.22 in half a millisecond. Level 4 takes 1.5 times as long for 0.21, level 6
# twice as long for 0.20, lzma far longer.
LEVEL = 3
_FIND = (
    "SELECT id, sha256, received, seq, date, date_rule, note, listed, rejected FROM dumps "
    "WHERE source = ? AND sha256 = ?"
)
_NEW_DUMP = insertion("dumps", "source, sha256, name, size, received, told, told_rule, raw")
_NEW_FETCH = insertion("fetches", "source, at, dump, sha256, date, status")

#: a dump without its bytes
_ROW = (
    dumps.c.id, dumps.c.sha256, dumps.c.received, dumps.c.seq, dumps.c.date, dumps.c.date_rule, dumps.c.note,
    dumps.c.listed, dumps.c.rejected,
)  # fmt: skip


def keep(connection: Connection, dump: Dump, received: datetime) -> KeptDump:
    """Keep the bytes unless they are there, and note the fetch."""
    kept = find(connection, dump)
    if kept is None:
        _insert(connection, dump, received)
        kept = find(connection, dump)
        if kept is None:
            raise StoreError(f"dump {dump.name} cannot be read back")
    _remember(connection, dump.source, dump.remember)
    fetched = (escape(dump.source), instant(received), kept.id, dump.sha256, _day(dump.date))
    tell(connection, _NEW_FETCH, (*fetched, "ok"))
    return kept


def _remember(connection: Connection, source: str, told: Mapping[str, str]) -> None:
    """Keep what a source wants to recall; by the primary key of memory."""
    if told:
        connection.execute(delete(memory).where(memory.c.source == source, memory.c.name.in_(list(told))))
        rows = [{"source": source, "name": name, "value": value} for name, value in told.items()]
        connection.execute(insert(memory), rows)


def recall(connection: Connection, source: str, key: str) -> str | None:
    """Return what was remembered; by the primary key of memory."""
    query = select(memory.c.value).where(memory.c.source == source, memory.c.name == key)
    return connection.execute(query).scalar()


def remembered(connection: Connection, source: str) -> dict[str, str]:
    """Return all that was remembered of a source; by the primary key of memory."""
    rows = connection.execute(select(memory.c.name, memory.c.value).where(memory.c.source == source))
    return {row.name: row.value for row in rows}


def find(connection: Connection, dump: Dump) -> KeptDump | None:
    """Return the dump if it is kept; by the unique index on (source, sha256)."""
    rows = ask(connection, _FIND, (escape(dump.source), dump.sha256))
    if not rows:
        return None
    ((id, sha256, received, seq, day, rule, note, listed, rejected),) = rows
    dating = None
    if seq is not None:
        dating = Dating(date=date.fromisoformat(day), rule=rule, note=None if note is None else unescape(note))
    return KeptDump(id, sha256, datetime.fromisoformat(received), dating, listed=listed, rejected=rejected)


def _kept(row: Any) -> KeptDump:
    dating = None if row.seq is None else Dating(date=row.date, rule=row.date_rule, note=row.note)
    return KeptDump(row.id, row.sha256, row.received, dating, listed=row.listed, rejected=row.rejected)


def _insert(connection: Connection, dump: Dump, received: datetime) -> None:
    raw = zlib.compress(dump.content, LEVEL)
    told = (_day(dump.date), dump.date_rule)
    row = (escape(dump.source), dump.sha256, escape(dump.name), len(dump.content), instant(received), *told, raw)
    tell(connection, _NEW_DUMP, row)


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def note_known(
    connection: Connection, source: str, known: Sequence[KeptDump], at: datetime, remember: Mapping[str, str]
) -> None:
    """Note that bytes kept before came again, and what the source wants to recall of that."""
    _remember(connection, source, remember)
    rows = [{"source": source, "at": at, "dump": one.id, "sha256": one.sha256, "status": "ok"} for one in known]
    connection.execute(insert(fetches), rows)


def note_fetch(connection: Connection, source: str, at: datetime, status: str, note: str | None) -> None:
    """Note a fetch that brought no dump."""
    connection.execute(insert(fetches).values(source=source, at=at, status=status, note=note))


def count(connection: Connection, source: str | None) -> int:
    """Count dumps; of one source by the unique index on (source, sha256)."""
    query = select(func.count()).select_from(dumps)
    return connection.execute(query if source is None else query.where(dumps.c.source == source)).scalar_one()


def latest_date(connection: Connection, source: str) -> date | None:
    """Return the newest date; by the index on (source, date)."""
    return connection.execute(select(func.max(dumps.c.date)).where(dumps.c.source == source)).scalar()


def has_announced(connection: Connection, source: str) -> bool:
    """Say whether a committed dump of the source logged its changes, or a fetch made it known.

    By the index on dumps (source, date), that on fetches (source, id).
    """
    query = select(dumps.c.id).where(dumps.c.source == source, dumps.c.announced).limit(1)
    known = select(fetches.c.id).where(fetches.c.source == source, fetches.c.status == "baseline").limit(1)
    return connection.execute(query).first() is not None or connection.execute(known).first() is not None


def unfinished(connection: Connection, source: str) -> list[tuple[KeptDump, Dump]]:
    """Return the kept dumps that were never committed, oldest first; by the index on (source, date)."""
    query = select(dumps).where(dumps.c.source == source, dumps.c.date.is_(None)).order_by(dumps.c.id)
    return [(_kept(row), _dump(row)) for row in connection.execute(query)]


def committed(connection: Connection, source: str) -> list[KeptDump]:
    """Return the committed dumps of a source by date, then name; by the index on (source, date)."""
    query = select(*_ROW).where(dumps.c.source == source, dumps.c.date.is_not(None))
    return [_kept(row) for row in connection.execute(query.order_by(dumps.c.date, dumps.c.name))]


def of_date(connection: Connection, source: str, day: date) -> list[tuple[str, KeptDump]]:
    """Return name and row of a source's committed dumps of one date, by name; by the index on (source, date)."""
    query = select(dumps.c.name, *_ROW).where(dumps.c.source == source, dumps.c.date == day)
    return [(row.name, _kept(row)) for row in connection.execute(query.order_by(dumps.c.name))]


def texts(connection: Connection, dump: int) -> list[tuple[str, str]]:
    """Return the texts that a committed dump listed, in its order; by the primary keys of sightings and versions."""
    query = select(versions.c.title, versions.c.abstract).join(sightings, sightings.c.version == versions.c.id)
    rows = connection.execute(query.where(sightings.c.dump == dump).order_by(sightings.c.position))
    return [(title, abstract) for title, abstract in rows]


def raw(connection: Connection, dump: int) -> Dump:
    """Return a dump with its bytes; by the primary key."""
    row = connection.execute(select(dumps).where(dumps.c.id == dump)).one_or_none()
    if row is None:
        raise StoreError(f"there is no dump {dump} in the store")
    if not row.raw:
        raise BytesGoneError(row.name)
    return _dump(row)


def _dump(row: Any) -> Dump:
    """Return the dump of a row, with the date decided for it, else the one it was told."""
    day, rule = (row.told, row.told_rule) if row.date is None else (row.date, row.date_rule)
    return Dump(source=row.source, name=row.name, content=zlib.decompress(row.raw), date=day, date_rule=rule)
