"""The connections that a sender has to itself: for the transitions of its deliveries, and to claim ahead.

May import the engine.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent import futures
from datetime import datetime
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from digest.errors import StoreError
from digest.logs import logger
from digest.protocols import Claimed, Concluded
from digest.store import advance, claims, refusals
from digest.store.advance import End
from digest.store.engine import Database
from digest.store.rows import Raw
from digest.store.statement import Statement
from digest.store.types import instant

#: seconds that a database which went away is waited for
PATIENCE = 30.0
#: seconds before the second try to reach it; doubles from try to try, up to a second
_FIRST_WAIT = 0.05
_LONGEST_WAIT = 1.0
#: connection lost, deadlock or other rollback, too many connections, shutting down or starting up
_PASSING = ("08", "40", "53300", "57P0")

#: the checkpoints of others, who write more seldom, are enough
_SQLITE = ("PRAGMA wal_autocheckpoint = 4000",)
#: what a server forgets in a crash would be sent twice; one plan for all calls, which takes rows by their keys whatever
#: the statistics say: planning costs more than the rest
_BY_KEYS = (
    "SET jit = off",
    "SET plan_cache_mode = force_generic_plan",
    "SET enable_seqscan = off",
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
)
_POSTGRESQL = ("SET synchronous_commit = on", *_BY_KEYS)
#: claims that a crash undoes are nobody's; a commit that waits for the disk has it write them, too
_AHEAD = ("SET synchronous_commit = off", *_BY_KEYS)
#: messages from which on it is worth the change of threads that SQLite's commit runs beside the sender
_WORTH = 2
_NOTHING: frozenset[int] = frozenset()


class Line:
    """The connections of one sender: one for SQLite; for PostgreSQL two, each with its statement."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._connection: Any = None
        #: of SQLite's driver
        self._cursor: Any = None
        #: writes to SQLite while another thread has something to do
        self._clerk: futures.ThreadPoolExecutor | None = None
        #: of PostgreSQL
        self._advance = Statement(database, advance.AT_ONCE, _POSTGRESQL)
        self._claim = Statement(database, claims.AHEAD, _AHEAD)

    def close(self) -> None:
        """Let go of the connections."""
        with self._lock:
            self._drop()
            self._advance.drop()
            self._claim.drop()
            if self._clerk is not None:
                self._clerk.shutdown()

    def advance(
        self,
        token: str,
        begun: Sequence[Claimed],
        concluded: Sequence[Concluded],
        now: datetime,
        meanwhile: Callable[[], None] | None = None,
    ) -> frozenset[int]:
        """Commit what happened, as `Ledger.advance`."""
        ended, at = advance.ends(concluded), instant(now)
        with self._lock:
            if not self._database.sqlite:
                return self._postgresql(token, begun, ended, at, meanwhile)
            if meanwhile is None or len(begun) < _WORTH:
                return self._sqlite(token, begun, ended, at)
            if self._clerk is None:
                self._clerk = futures.ThreadPoolExecutor(1, "ledger")
            written = self._clerk.submit(self._sqlite, token, begun, ended, at)
            try:
                meanwhile()
            finally:
                # whatever became of that: nothing else may happen before it is known what the ledger has
                futures.wait([written])
            return written.result()

    def claiming(self, token: str, limit: int, now: datetime) -> Callable[[], list[Raw]]:
        """Begin to claim on PostgreSQL, whatever daily limits there are; what is returned waits for what was claimed.

        Where that is less than `limit`, `claims.claim` may find more, or says why it cannot.
        """
        try:
            self._claim.send(claims.parameters(token, limit, now))
        except self._errors:
            self._claim.drop()
            return list
        return self._claimed

    def _claimed(self) -> list[Raw]:
        try:
            return self._claim.rows()
        except self._errors:
            self._claim.drop()
            return []
        except BaseException:
            self._claim.drop()
            raise

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

    def _postgresql(
        self,
        token: str,
        begun: Sequence[Claimed],
        ended: Sequence[End],
        now: str,
        meanwhile: Callable[[], None] | None,
    ) -> frozenset[int]:
        """Commit in one statement; where the connection breaks, nobody knows whether it did, and it is said again."""
        until, wait, again = time.monotonic() + PATIENCE, _FIRST_WAIT, False
        while True:
            try:
                told = advance.parameters(token, begun, ended, now, again=again)
                rows = self._ask(told, meanwhile)
                break
            except self._errors as error:
                again = again or self._advance.broke()
                self._advance.drop()
                if not self._passes(error) or time.monotonic() > until:
                    raise self._refused(error) from error
                logger().warning("store not reached", again_in=wait)
            except BaseException:
                # an answer that nobody waited for would be taken for that to the next question
                self._advance.drop()
                raise
            meanwhile = None
            time.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
        if len(rows) == len(begun) + len(ended):
            return _NOTHING
        return advance.lost(begun, () if again else ended, rows)

    def _ask(self, told: Mapping[str, object], meanwhile: Callable[[], None] | None) -> list[tuple[bool, int]]:
        """Send the statement, and return the ids it found, each with whether it begins."""
        self._advance.send(told)
        try:
            if meanwhile is not None:
                meanwhile()
        finally:
            rows = self._advance.rows()
        return rows

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
        """Return a cursor of SQLite's driver, which commits each statement by itself."""
        if self._cursor is None:
            self._connection = self._database.engine.raw_connection()
            self._connection.detach()
            self._cursor = self._connection.cursor()
            for statement in _SQLITE:
                self._cursor.execute(statement)
        return self._cursor

    def _drop(self) -> None:
        """Close SQLite's connection, which undoes what is open on it."""
        connection, self._connection, self._cursor = self._connection, None, None
        if connection is not None:
            connection.close()
