"""A whole store from one database into another, row by row as the drivers have them.

Values are neither read nor made: what `types` escaped stays escaped, so that every text comes through as it is. Rows
come in portions, in the order of their keys; each table is read back and compared before anything is committed. May
import the engine, the revision and the schema.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    Text,
    bindparam,
    delete,
    func,
    select,
    text,
    update,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from digest.clock import Clock
from digest.errors import StoreError
from digest.protocols import Progress
from digest.store import lease, lock, revision, schema, senders
from digest.store.engine import Database
from digest.store.rows import insertion
from digest.store.values import portions

#: rows in memory at once; of tables with bytes, each row of which may have megabytes
PORTION = 1000
BLOBS = 20

#: what is about processes of this very store, and what the target has of itself
_OWN = ("run_lock", "senders", "leases", "schema_revision")


@dataclass(frozen=True)
class Copied:
    """A table that was copied and compared."""

    rows: int
    #: over all its rows, in the order of the key
    sha256: str


def copy(
    source: Database, target: Database, clock: Clock, *, timeout: float, progress: Progress | None = None
) -> Mapping[str, Copied]:
    """Copy a store into a database without one, and return what was copied by table.

    Nobody writes to the source meanwhile: it is under the run lock, and within a write transaction.

    Args:
        source: the store.
        target: has no store, or one without a row.
        clock: for a store that is made.
        timeout: seconds to wait for another run.
        progress: shows it to a person.

    Raises:
        LockHeldError: a run held the lock all that time.
        StoreError: a sender is at work, the target holds a store, or what came out is not what went in.
    """
    if _address(source) == _address(target):
        raise StoreError(f"{target.place} is the store itself: name another database")
    with (
        lock.hold(source, "store copy", timeout),
        source.writing() as reader,
        revision.writing(target, clock) as writer,
    ):
        refuse_senders(reader, source.place)
        _refuse_rows(writer, target.place)
        return copy_rows(reader, writer, progress)


def _address(database: Database) -> object:
    url = database.engine.url
    return Path(url.database or "").resolve() if database.sqlite else (url.host, url.port, url.database)


def refuse_senders(connection: Connection, place: str) -> None:
    """Refuse to go on while somebody sends, or stays to do so.

    Raises:
        StoreError: somebody is at work; the message says who.
    """
    at_work: list[tuple[str, Any]] = [("a sender", one) for one in senders.alive(connection)]
    at_work += [("a process that stays", one) for one in lease.alive(connection)]
    for what, one in at_work:
        raise StoreError(
            f"{place}: {what} is at work: {one.owner}, process {one.pid} on {one.host}, since "
            f"{one.since:%Y-%m-%d %H:%M:%S} UTC; wait for it, or end it"
        )


def _refuse_rows(connection: Connection, place: str) -> None:
    """Refuse a target that holds something; looks at one row of each table."""
    for table in _tables():
        if table.name == schema.meta.name:
            continue
        if connection.execute(select(*table.primary_key).limit(1)).first() is not None:
            raise StoreError(f"{place} holds a store already ({table.name}): copy into a database that is empty")


def copy_rows(reader: Connection, writer: Connection, progress: Progress | None = None) -> Mapping[str, Copied]:
    """Copy all tables in the order of their references, within the transactions that are open, and compare them."""
    tables = _tables()
    counts = {table.name: _count(reader, table) for table in tables}
    if progress:
        progress.start(sum(1 + count // PORTION for count in counts.values()))
    if writer.dialect.name == "sqlite":
        # a paper may point to one that comes after it
        writer.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    writer.execute(delete(schema.meta))
    return {table.name: _copy_table(reader, writer, table, counts[table.name], progress) for table in tables}


def _tables() -> list[Table]:
    """Return what is copied, in the order of references, with types that change nothing."""
    plain = MetaData()
    return [_plain(table, plain) for table in schema.metadata.sorted_tables if table.name not in _OWN]


def _plain(table: Table, metadata: MetaData) -> Table:
    columns = [Column(one.name, _plain_type(one.type), primary_key=one.primary_key) for one in table.columns]
    return Table(table.name, metadata, *columns)


def _plain_type(type: TypeEngine[Any]) -> TypeEngine[Any]:
    return Text() if isinstance(type, TypeDecorator) else type


def _count(connection: Connection, table: Table) -> int:
    """Count the rows of a table; reads its smallest index."""
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _copy_table(reader: Connection, writer: Connection, table: Table, count: int, progress: Progress | None) -> Copied:
    """Copy one table, and read it back."""
    later = _references_to_itself(table)
    digest, rows = hashlib.sha256(), 0
    points: list[tuple[Any, ...]] = []
    places = [list(table.columns.keys()).index(name) for name in later]
    for portion in _portions(reader, table):
        for row in portion:
            digest.update(_canonical(row))
            if any(row[place] is not None for place in places):
                points.append((row[0], *(row[place] for place in places)))
        rows += len(portion)
        _write(writer, table, [_without(row, places) for row in portion] if places else portion)
        if progress:
            progress.step(table.name)
    _point(writer, table, later, points)
    _go_on(writer, table)
    found = Copied(rows, digest.hexdigest())
    if _read_back(writer, table) != found or rows != count:
        raise StoreError(f"table {table.name} does not read back as it was written; nothing was copied")
    return found


def _read_back(writer: Connection, table: Table) -> Copied:
    digest, rows = hashlib.sha256(), 0
    for portion in _portions(writer, table):
        rows += len(portion)
        for row in portion:
            digest.update(_canonical(row))
    return Copied(rows, digest.hexdigest())


def _canonical(row: Sequence[Any]) -> bytes:
    """Return a row as bytes, alike from both drivers."""
    return repr(tuple(bytes(one) if isinstance(one, memoryview) else one for one in row)).encode("utf-8") + b"\n"


def _portions(connection: Connection, table: Table) -> Iterator[list[tuple[Any, ...]]]:
    """Yield all rows of a table in the order of its primary key, a portion after the other."""
    blobs = any(isinstance(one.type, LargeBinary) for one in table.columns)
    size = BLOBS if blobs else PORTION
    result = connection.execute(_ordered(connection, table), execution_options={"yield_per": size})
    for portion in result.partitions():
        yield [tuple(row) for row in portion]


def _ordered(connection: Connection, table: Table) -> Select[Any]:
    """Return the question for all rows by primary key; texts by their bytes, whatever the database's language."""
    key = [
        one.collate("C") if connection.dialect.name == "postgresql" and isinstance(one.type, String) else one
        for one in table.primary_key
    ]
    return select(table).order_by(*key)


def _write(writer: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Add rows; in PostgreSQL by COPY, which takes a tenth of the time."""
    names = list(table.columns.keys())
    if writer.dialect.name == "sqlite":
        columns = ", ".join(f'"{name}"' for name in names)
        writer.exec_driver_sql(insertion(f'"{table.name}"', columns), [*rows])
        return
    quote = writer.dialect.identifier_preparer.quote
    statement = f"COPY {quote(table.name)} ({', '.join(map(quote, names))}) FROM STDIN"
    driver: Any = writer.connection.dbapi_connection
    with driver.cursor() as cursor, cursor.copy(statement) as stream:
        for row in rows:
            stream.write_row(row)


def _references_to_itself(table: Table) -> list[str]:
    """Return the columns of a table that point to its own rows: they are written when all rows are there."""
    own = schema.metadata.tables[table.name]
    return [one.name for one in own.columns if any(key.column.table is own for key in one.foreign_keys)]


def _without(row: tuple[Any, ...], places: Sequence[int]) -> tuple[Any, ...]:
    return tuple(None if place in places else value for place, value in enumerate(row))


def _point(writer: Connection, table: Table, names: Sequence[str], points: Iterable[tuple[Any, ...]]) -> None:
    """Write what points to rows of the same table; by the primary key."""
    (key,) = list(table.primary_key)[:1]
    statement = update(table).where(key == bindparam("its_id")).values({one: bindparam(f"to_{one}") for one in names})
    told = ("its_id", *(f"to_{one}" for one in names))
    for portion in portions(points, PORTION):
        writer.execute(statement, [dict(zip(told, one, strict=True)) for one in portion])


def _go_on(writer: Connection, table: Table) -> None:
    """Let PostgreSQL number new rows after those that came; SQLite always takes the greatest id and one."""
    own = schema.metadata.tables[table.name]
    column = own.autoincrement_column
    if writer.dialect.name == "sqlite" or column is None or not isinstance(column.type, BigInteger):
        return
    last = writer.execute(select(func.max(table.c[column.name]))).scalar()
    sequence = writer.execute(select(func.pg_get_serial_sequence(table.name, column.name))).scalar()
    if sequence is not None:
        told = {"sequence": sequence, "last": last or 1, "used": last is not None}
        writer.execute(text("SELECT setval(CAST(:sequence AS regclass), :last, :used)"), told)


def empty(writer: Connection) -> None:
    """Delete all rows of a store but its revision, those that point to others first."""
    for table in reversed(schema.metadata.sorted_tables):
        if table.name != schema.revision.name:
            if _references_to_itself(table):
                writer.execute(update(table).values(dict.fromkeys(_references_to_itself(table))))
            writer.execute(delete(table))
