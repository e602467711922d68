"""Rows to and from the driver as they are. May import SQLAlchemy.

SQLAlchemy builds each statement anew and looks at each value on its way. For the statements of every dump that took as
long as the database itself, with few listings and with many. Here a statement is text with `?` for each parameter, and
values are those that the driver takes: who writes a column of `types` escapes it, who reads it undoes that. Rows are
tuples, and errors the driver's own, which `Database.wrapped` takes as it takes SQLAlchemy's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

#: values as the driver gives and takes them
Raw = tuple[Any, ...]


def ask(connection: Connection, statement: str, parameters: Raw = ()) -> Sequence[Raw]:
    """Return the rows that a statement finds."""
    cursor = _cursor(connection)
    cursor.execute(_spelled(statement, connection.dialect.paramstyle), parameters)
    found: Sequence[Raw] = cursor.fetchall()
    return found


def tell(connection: Connection, statement: str, parameters: Raw) -> None:
    """Carry out a statement."""
    _cursor(connection).execute(_spelled(statement, connection.dialect.paramstyle), parameters)


def tell_each(connection: Connection, statement: str, rows: Sequence[Raw]) -> None:
    """Carry out a statement for each row; none, where there is none."""
    if rows:
        _cursor(connection).executemany(_spelled(statement, connection.dialect.paramstyle), rows)


def _cursor(connection: Connection) -> Any:
    """Return a cursor of the driver, in the transaction that is open; begins one where none is."""
    if not connection.in_transaction():
        connection.begin()
    return connection.connection.cursor()


def among(connection: Connection, texts: Sequence[str]) -> tuple[str, Raw]:
    """Return what follows a column that is to be one of `texts`, and its parameters."""
    if connection.dialect.paramstyle == "qmark":
        return f"IN ({','.join('?' * len(texts))})", tuple(texts)
    return "= ANY (?)", (list(texts),)


def insertion(table: str, columns: str) -> str:
    """Return the statement that adds a row; `columns` stand with commas between."""
    return f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * (columns.count(',') + 1))})"  # noqa: S608 - ours


@lru_cache(maxsize=64)
def _spelled(statement: str, style: str) -> str:
    return statement if style == "qmark" else statement.replace("?", "%s")
