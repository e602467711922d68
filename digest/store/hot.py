"""The connection that a sender has to itself, for the transitions of its deliveries. May import the engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from digest.errors import StoreError
from digest.logs import logger
from digest.protocols import Claimed, Concluded
from digest.store import advance, refusals
from digest.store.advance import End
from digest.store.claims import instant
from digest.store.engine import Database

#: seconds that a database which went away is waited for
PATIENCE = 30.0
#: seconds before the second try to reach it; doubles from try to try, up to a second
_FIRST_WAIT = 0.05
_LONGEST_WAIT = 1.0
#: connection lost, deadlock or other rollback, too many connections, shutting down or starting up
_PASSING = ("08", "40", "53300", "57P0")

#: the checkpoints of others, who write more seldom, are enough
_SQLITE = ("PRAGMA wal_autocheckpoint = 4000",)
#: one plan for all calls, which takes rows by their keys whatever the statistics say: planning costs more than the rest
_POSTGRESQL = (
    "SET plan_cache_mode = force_generic_plan",
    "SET enable_seqscan = off",
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
)
_NOTHING: frozenset[int] = frozenset()


class Line:
    """A connection for one sender, which may be called from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._connection: Any = None
        self._cursor: Any = None

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            self._drop()

    def advance(
        self, token: str, begun: Sequence[Claimed], concluded: Sequence[Concluded], now: datetime
    ) -> frozenset[int]:
        """Commit what happened, as `Ledger.advance`."""
        ended, at = advance.ends(concluded), instant(now)
        with self._lock:
            if self._database.sqlite:
                return self._sqlite(token, begun, ended, at)
            return self._postgresql(token, begun, ended, at)

    def _sqlite(self, token: str, begun: Sequence[Claimed], ended: Sequence[End], now: str) -> frozenset[int]:
        """Commit in a write transaction, which waits for another writer's as any does."""
        try:
            cursor = self._open()
            cursor.execute("BEGIN IMMEDIATE")
            lost = _NOTHING
            if not advance.all_well(cursor, token, begun, ended, now):
                cursor.execute("ROLLBACK")
                cursor.execute("BEGIN IMMEDIATE")
                lost = advance.sqlite(cursor, token, begun, ended, now)
            cursor.execute("COMMIT")
        except self._errors as error:
            self._drop()
            raise self._refused(error) from error
        except BaseException:
            # closing undoes what is open
            self._drop()
            raise
        return lost

    def _postgresql(self, token: str, begun: Sequence[Claimed], ended: Sequence[End], now: str) -> frozenset[int]:
        """Commit in one statement; where the connection breaks, nobody knows whether it did, and it is said again."""
        until, wait, again = time.monotonic() + PATIENCE, _FIRST_WAIT, False
        while True:
            try:
                return advance.postgresql(self._open(), token, begun, ended, now, again=again)
            except self._errors as error:
                again = again or self._broke()
                self._drop()
                if not self._passes(error) or time.monotonic() > until:
                    raise self._refused(error) from error
                logger().warning("store not reached", again_in=wait)
            time.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)

    @property
    def _errors(self) -> tuple[type[Exception], ...]:
        return SQLAlchemyError, self._database.engine.dialect.loaded_dbapi.Error

    def _passes(self, error: Exception) -> bool:
        """Whether a refusal of PostgreSQL is one of the moment.

        Those without a code are the network's; the others: PostgreSQL's manual, appendix A.
        """
        said = getattr(error, "orig", error)
        code = getattr(said, "sqlstate", None)
        if code is None:
            return isinstance(said, self._database.engine.dialect.loaded_dbapi.OperationalError)
        return str(code).startswith(_PASSING)

    def _refused(self, error: Exception) -> StoreError:
        return refusals.explain(error, self._database.place)

    def _open(self) -> Any:
        """Return a cursor of the connection, which commits each statement by itself."""
        if self._connection is None:
            self._connection = self._database.engine.raw_connection()
            self._connection.detach()
            if not self._database.sqlite:
                self._connection.dbapi_connection.autocommit = True
            self._cursor = self._connection.cursor()
            if not self._database.sqlite:
                # What a server forgets in a crash would be sent twice.
                self._cursor.execute("SET synchronous_commit = on")
            if self._database.sqlite:
                # that of the others, who come by more seldom, is enough
                self._cursor.execute("PRAGMA wal_autocheckpoint = 4000")
        return self._cursor

    def _broke(self) -> bool:
        """Whether the connection ended under a statement; False where there was none, or the server refused."""
        return self._connection is not None and bool(self._connection.dbapi_connection.closed)

    def _drop(self) -> None:
        """Close the connection, which undoes what is open on it."""
        connection, self._connection, self._cursor = self._connection, None, None
        if connection is not None:
            connection.close()
