"""A statement of PostgreSQL that is sent now and answered later, so that its sender need not wait. May import psycopg.

psycopg's cursors wait where they ask, and a thread that waits in one's stead has to be given the interpreter twice for
each statement, by one that is at work. This is libpq's own way: PostgreSQL's manual, "Asynchronous Command Processing".
"""

from __future__ import annotations

import re
import selectors
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import Connection

#: a parameter's place and name
_PARAMETER = re.compile(r"%\((\w+)\)s")
_NAME = b"digest"


class Statement:
    """A statement that a connection keeps prepared; the connection commits each by itself, and nobody else uses it."""

    def __init__(self, connection: Connection[Any], text: str) -> None:
        """Prepare a statement.

        Args:
            connection: in autocommit mode.
            text: with `%(name)s` for each parameter, whose type is told by a cast.

        Raises:
            psycopg.Error: the server refuses it.
        """
        self._pq = connection.pgconn
        self._names = list(dict.fromkeys(_PARAMETER.findall(text)))
        places = {name: f"${number}" for number, name in enumerate(self._names, 1)}
        _check(self._pq.prepare(_NAME, _PARAMETER.sub(lambda found: places[found[1]], text).encode()))
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._pq.socket, selectors.EVENT_READ)

    def send(self, values: Mapping[str, object]) -> None:
        """Send it with its parameters; `answer` has to come next.

        Raises:
            psycopg.Error: the connection is lost.
        """
        self._pq.send_query_prepared(_NAME, [literal(values[name]) for name in self._names])
        self._pq.flush()

    def answer(self) -> Any:
        """Wait for the end, and return libpq's result.

        Raises:
            psycopg.Error: the server refuses, or the connection is lost.
        """
        while self._pq.flush():
            # The server reads all of a statement before it says anything.
            self._selector.select(0.001)
        while self._pq.is_busy():
            self._selector.select()
            self._pq.consume_input()
        result = self._pq.get_result()
        while self._pq.get_result():
            pass
        _check(result)
        return result

    def close(self) -> None:
        """Let go of what waits; the connection is closed by its owner."""
        self._selector.close()


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
