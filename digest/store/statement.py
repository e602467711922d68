"""A statement of PostgreSQL that is sent now and answered later; who sends it need not wait. May import the engine.

psycopg's cursors wait where they ask, and a thread that waits in one's stead has to be given the interpreter twice for
each statement, by one that is at work. This is libpq's own way: PostgreSQL's manual, "Asynchronous Command Processing".
"""

from __future__ import annotations

import re
import selectors
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from digest.store.engine import Database

#: a parameter's place and name
_PARAMETER = re.compile(r"%\((\w+)\)s")
_NAME = b"digest"
_UTF8 = "SET client_encoding = 'UTF8'"
#: type -> how its text is read (pg_type.dat: bool, int8, int2, int4); all others are text
_READ: Mapping[int, Callable[[bytes], object]] = {16: b"t".__eq__, 20: int, 21: int, 23: int}


class Statement:
    """A statement that is sent now and answered later; each is a transaction of its own.

    It has a connection to itself, opened when it is sent first, and anew after `drop`.

    Args:
        database: where.
        text: with `%(name)s` for each parameter, whose type is told by a cast.
        settings: statements that prepare the connection.
    """

    def __init__(self, database: Database, text: str, settings: Sequence[str]) -> None:
        self._database, self._settings = database, settings
        self._names = list(dict.fromkeys(_PARAMETER.findall(text)))
        places = {name: f"${number}" for number, name in enumerate(self._names, 1)}
        self._text = _PARAMETER.sub(lambda found: places[found[1]], text).encode()
        self._connection: Any = None

    def send(self, values: Mapping[str, object]) -> None:
        """Send it with its parameters; `rows` has to come next.

        Raises:
            SQLAlchemyError, psycopg.Error: there is no connection, or it is lost.
        """
        if self._connection is None:
            self._open()
        asked = self._connection.dbapi_connection.pgconn
        asked.send_query_prepared(_NAME, [literal(values[name]) for name in self._names])
        asked.flush()

    def rows(self) -> list[tuple[Any, ...]]:
        """Wait for the end, and return what it found.

        Raises:
            psycopg.Error: the server refuses, or the connection is lost.
        """
        asked = self._connection.dbapi_connection.pgconn
        while asked.flush():
            # The server reads all of a statement before it says anything.
            self._selector.select(0.001)
        while asked.is_busy():
            self._selector.select()
            asked.consume_input()
        result = asked.get_result()
        while asked.get_result():
            pass
        _check(result)
        columns = [(column, _READ.get(result.ftype(column), bytes.decode)) for column in range(result.nfields)]
        return [
            tuple([None if (one := result.get_value(row, column)) is None else read(one) for column, read in columns])
            for row in range(result.ntuples)
        ]

    def broke(self) -> bool:
        """Whether the connection ended under it; False where there was none, or the server refused."""
        return self._connection is not None and bool(self._connection.dbapi_connection.closed)

    def drop(self) -> None:
        """Close the connection, which undoes what is not committed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._selector.close()
            connection.close()

    def _open(self) -> None:
        connection = self._database.engine.raw_connection()
        connection.detach()
        try:
            driver: Any = connection.dbapi_connection
            driver.autocommit = True
            for setting in (_UTF8, *self._settings):
                driver.execute(setting)
            _check(driver.pgconn.prepare(_NAME, self._text))
        except BaseException:
            connection.close()
            raise
        self._selector = selectors.DefaultSelector()
        self._selector.register(driver.pgconn.socket, selectors.EVENT_READ)
        self._connection = connection


def _check(result: Any) -> None:
    from psycopg import errors, pq

    if result is None:
        raise errors.OperationalError("the connection is lost: the server closed it without an answer")
    if result.status in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
        return
    said = result.get_error_message()
    state = result.error_field(pq.DiagnosticField.SQLSTATE)
    if state is None:
        raise errors.OperationalError(said)
    try:
        kind = errors.lookup(state.decode())
    except KeyError:
        kind = errors.DatabaseError
    raise kind(said)


def literal(value: object) -> bytes | None:
    """Return a value as PostgreSQL reads it in text format; lists are arrays of one dimension."""
    if isinstance(value, list):
        return "{{{}}}".format(",".join(map(_element, value))).encode()
    return None if value is None else _plain(value).encode()


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)


def _element(value: object) -> str:
    """Return an element of an array (PostgreSQL's manual, "Array Input and Output Syntax")."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return _plain(value)
