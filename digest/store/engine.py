"""Connections: how each database is opened, read from and written to. May import the ground and SQLAlchemy."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from digest.errors import StoreError
from digest.store import refusals

#: seconds that a writer waits for another one's transaction
BUSY = 60
#: KiB of pages that a connection of SQLite keeps at hand, taken as needed: usually, and where a large dump meets a
#: large store, which would otherwise read twice as many
USUAL_ROOM, ROOM = 2_000, 64_000


class Database:
    """An open database: hands out transactions and turns what its driver raises into StoreError."""

    def __init__(self, url: URL) -> None:
        self.place = refusals.place(url)
        self.sqlite = url.get_backend_name() == "sqlite"
        #: nobody but this process can see it
        self.private = self.sqlite and url.database == ":memory:"
        try:
            self.engine = _sqlite(url) if self.sqlite else _postgresql(url)
        except ImportError as error:
            raise StoreError(
                f"{self.place} needs the PostgreSQL driver: pip install 'papers-digest[postgres]' ({error})"
            ) from error

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()

    @contextmanager
    def wrapped(self) -> Iterator[None]:
        """Turn what the driver raises in the block into StoreError."""
        try:
            yield
        except (SQLAlchemyError, self.engine.dialect.loaded_dbapi.Error) as error:
            raise refusals.explain(error, self.place) from error

    @contextmanager
    def reading(self, *, roomy: bool = False) -> Iterator[Connection]:
        """Yield a connection whose statements all see one state of the store.

        Args:
            roomy: many pages are read, and again.
        """
        with self.wrapped(), self.engine.connect() as connection:
            if not self.sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with self._room(connection, roomy):
                yield connection

    @contextmanager
    def writing(self, *, roomy: bool = False) -> Iterator[Connection]:
        """Yield a connection in the one write transaction there is at a time; an exception undoes all of it.

        Args:
            roomy: many pages are read, and written after that.
        """
        with self.wrapped(), self.engine.connect() as connection, self._room(connection, roomy):
            connection.execution_options(digest_writes=True)
            with connection.begin():
                if not self.sqlite:
                    connection.execute(text(f"SET LOCAL lock_timeout = '{BUSY}s'"))
                    connection.execute(text("LOCK TABLE meta IN EXCLUSIVE MODE"))
                yield connection

    @contextmanager
    def _room(self, connection: Connection, roomy: bool) -> Iterator[None]:
        """Let SQLite keep more pages at hand during the block; whoever mails to a million needs none of them."""
        if not (roomy and self.sqlite):
            yield
            return
        driver = connection.connection.cursor()
        driver.execute(f"PRAGMA cache_size = -{ROOM}")
        try:
            yield
        finally:
            driver.execute(f"PRAGMA cache_size = -{USUAL_ROOM}")


class Rehearsal(Database):
    """A database in which everything can be written and nothing stays: one transaction, undone at the end."""

    def __init__(self, url: URL) -> None:
        if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).exists():
            url = url.set(database=":memory:")
        super().__init__(url)
        self.private = True
        self._connection: Connection | None = None

    def close(self) -> None:
        """Undo all that was written."""
        if self._connection is not None:
            self._connection.close()
        super().close()

    @contextmanager
    def reading(self, *, roomy: bool = False) -> Iterator[Connection]:
        """Yield the connection, which sees what was written before."""
        with self.wrapped():
            yield self._open()

    @contextmanager
    def writing(self, *, roomy: bool = False) -> Iterator[Connection]:
        """Yield the connection in a savepoint; an exception undoes what the block wrote."""
        with self.wrapped(), self._open().begin_nested():
            yield self._open()

    def _open(self) -> Connection:
        """Return the one connection, with its transaction begun; the schema is ready by then."""
        if self._connection is None:
            self._connection = self.engine.connect().execution_options(digest_writes=True)
            self._connection.begin()
        return self._connection


def parse(url_or_path: str) -> URL:
    """Return the URL of a path, or of what says it is one.

    Raises:
        StoreError: neither can be meant; the message holds no password.
    """
    if "://" not in url_or_path:
        path = url_or_path if url_or_path == ":memory:" else str(Path(url_or_path).expanduser())
        return URL.create("sqlite", database=path)
    try:
        url = make_url(url_or_path)
    except (ArgumentError, ValueError):
        # not chained: the error quotes the URL, which holds a password
        raise StoreError(f"store: {refusals.hidden(url_or_path)} is no database URL; {refusals.FORMS}") from None
    match url.drivername.partition("+")[0]:
        case "sqlite":
            return url.set(drivername="sqlite", database=url.database or ":memory:")
        case "postgresql" | "postgres":
            return url.set(drivername="postgresql+psycopg")
        case other:
            raise StoreError(f"store: {other} databases are not supported; {refusals.FORMS}")


def _sqlite(url: URL) -> Engine:
    # Driver autocommit: every transaction is opened by us, in the mode it needs.
    arguments = {"isolation_level": None, "timeout": BUSY, "check_same_thread": False}
    if url.database == ":memory:":
        engine = create_engine(url, connect_args=arguments, poolclass=StaticPool)
    else:
        engine = create_engine(url, connect_args=arguments)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    _use_wal(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging; two processes that make one file at once do not wait in SQLite, so we do."""
    until = time.monotonic() + BUSY
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("digest_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql(url: URL) -> Engine:
    return create_engine(url, pool_pre_ping=True)
