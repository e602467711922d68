"""Backups: one state of a store in a file of SQLite, made while others write. May import copying and the engine.

A file of SQLite is copied page by page within one read transaction (SQLite, "Online Backup API"), PostgreSQL row by
row. The copy lies under another name until it was checked and is on disk. It says of itself that it is a backup, and no
program opens it as its store by mistake: what was mailed since would be mailed again.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from digest import clock as clocks
from digest.errors import StoreError
from digest.models import BackupMade
from digest.protocols import Progress
from digest.store import copying, facts, revision, schema
from digest.store.engine import Database, parse

#: pages between two steps of the progress
STEP = 2000
_STAMP = "%Y%m%dT%H%M%SZ"
_NAMED = re.compile(r"digest-\d{8}T\d{6}Z\.db")


def name(now: datetime) -> str:
    """Return the name of a backup that was given none."""
    return f"digest-{now.astimezone(UTC):{_STAMP}}.db"


def make(database: Database, file: Path, now: datetime, progress: Progress | None = None) -> BackupMade:
    """Write one state of a store into a file, check it, and let it appear under its name.

    Raises:
        StoreError: it cannot be written, the name is another file's, or the copy is not whole.
    """
    if database.private:
        raise StoreError(f"{database.place} is gone with this process: there is nothing to back up")
    _refuse_other(file)
    note = json.dumps({"taken": now.isoformat(), "of": database.place})
    with _appearing(file) as partial:
        if database.sqlite:
            rows = _copy_pages(database, partial, progress)
        else:
            rows = _copy_rows(database, partial, now, progress)
        _seal(partial, note)
        _check(partial, rows)
        size = partial.stat().st_size
    return BackupMade(path=str(file), bytes=size, rows=dict(rows))


def prune(folder: Path, keep: int) -> list[Path]:
    """Remove all but the newest backups of a folder that have names of our own giving; return those removed."""
    named = (path for path in folder.iterdir() if _NAMED.fullmatch(path.name) and path.is_file())
    found = sorted(path for path in named if taken(path) is not None)
    gone = found[: max(0, len(found) - keep)]
    for path in gone:
        path.unlink()
    return gone


def taken(file: Path) -> Mapping[str, Any] | None:
    """Return what a backup says of itself; None: it is none.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            found = connection.execute("SELECT value FROM meta WHERE name = ?", (facts.BACKUP,)).fetchone()
    except sqlite3.Error as error:
        if "no such table" in str(error) or "not a database" in str(error):
            return None
        raise StoreError(f"{file}: {error}: is it a backup, and readable for this user?") from error
    return None if found is None else dict(json.loads(found[0]))


def _refuse_other(file: Path) -> None:
    """Refuse to replace what is no backup: it may be the store itself."""
    if file.is_dir():
        raise StoreError(f"{file} is a folder: name a file in it")
    if file.exists() and taken(file) is None:
        raise StoreError(f"{file} is there and is no backup; it stays as it is: name another file")
    if not file.parent.is_dir():
        raise StoreError(f"{file.parent}: no such folder; make it first")


@contextmanager
def _appearing(file: Path) -> Iterator[Path]:
    """Yield a new file that only its owner may read; it takes the name when the block has ended well."""
    partial = file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")
    try:
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        yield partial
        to_disk(partial)
        partial.replace(file)
        to_disk(file.parent)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{file}: {error}: nothing was written") from error
    finally:
        for ending in ("", "-journal", "-wal", "-shm"):
            Path(f"{partial}{ending}").unlink(missing_ok=True)


def to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _copy_pages(database: Database, partial: Path, progress: Progress | None) -> Mapping[str, int]:
    """Copy SQLite's pages as one transaction sees them; return the rows of each table as that one counts them."""

    def step(_status: int, left: int, total: int) -> None:
        if progress and left + STEP >= total:
            progress.start(-(-total // STEP))
        if progress:
            progress.step("pages")

    with database.reading() as connection:
        rows = _rows(connection)
        source: Any = connection.connection.dbapi_connection
        with closing(sqlite3.connect(partial, isolation_level=None)) as target:
            source.backup(target, pages=STEP, progress=step)
            # one file that is whole by itself
            target.execute("PRAGMA journal_mode = DELETE")
    return rows


def _rows(connection: Connection) -> dict[str, int]:
    """Count the rows of each table; each is read through, in its smallest index."""
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in schema.metadata.sorted_tables
    }


def _copy_rows(database: Database, partial: Path, now: datetime, progress: Progress | None) -> Mapping[str, int]:
    """Copy PostgreSQL's rows as one transaction sees them."""
    target = Database(parse(str(partial)))
    try:
        with database.reading() as reader, revision.writing(target, clocks.fixed(now)) as writer:
            found = copying.copy_rows(reader, writer, progress)
        with target.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
    finally:
        target.close()
    with closing(sqlite3.connect(partial, isolation_level=None)) as opened:
        opened.execute("PRAGMA journal_mode = DELETE")
    return {name: one.rows for name, one in found.items()}


def _seal(partial: Path, note: str) -> None:
    """Let the file say that it is a backup."""
    with closing(sqlite3.connect(partial, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (facts.BACKUP, note))


def _check(partial: Path, rows: Mapping[str, int]) -> None:
    """Read the copy through, and count what is in it."""
    with closing(sqlite3.connect(f"{partial.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        said = connection.execute("PRAGMA quick_check").fetchall()
        if said != [("ok",)]:
            raise StoreError(f"{partial}: the copy is damaged ({said[0][0]}): nothing was written")
        for table, count in rows.items():
            (found,) = connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()  # noqa: S608 - of our schema
            # that it is a backup is noted in one more row of meta
            if found != count and table != schema.meta.name:
                raise StoreError(f"{partial}: {table} has {found} rows of {count}: nothing was written")
