"""Leases: the right to a work that one process at a time does for long, like running on a schedule.

As the run lock they run in real time, and that of a dead process of this machine is free at once. May import the
ground, protocols and the schema.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from digest.protocols import Holder
from digest.store import process
from digest.store.engine import Database
from digest.store.process import Process
from digest.store.schema import leases

#: after this without a sign of life a lease is over
LEASE = timedelta(minutes=5)


class SqlLease:
    """A Lease in a database."""

    def __init__(self, database: Database, name: str, owner: str, token: str) -> None:
        self._database, self._name, self._owner, self._token = database, name, owner, token

    def take(self) -> Holder | None:
        """Take it, or extend it where it is ours; return who else holds it."""
        with self._database.writing() as connection:
            now = datetime.now(UTC)
            found = _row(connection, self._name)
            if found is not None and found.token == self._token:
                _extend(connection, self._name, now + LEASE)
                return None
            if found is not None and not _is_over(found, now):
                return _holder(found)
            _remove(connection, self._name)
            _insert(connection, {"name": self._name, "token": self._token, "owner": self._owner}, now)
        return None

    def holder(self) -> Holder | None:
        """Return who holds it; None: nobody that lives."""
        with self._database.reading() as connection:
            found = _row(connection, self._name)
        return None if found is None or _is_over(found, datetime.now(UTC)) else _holder(found)

    def release(self) -> None:
        """Give it back, unless it was taken away."""
        with self._database.writing() as connection:
            found = _row(connection, self._name)
            if found is not None and found.token == self._token:
                _remove(connection, self._name)


def alive(connection: Connection) -> list[Holder]:
    """Return who holds a lease now, of whatever; they are few."""
    now = datetime.now(UTC)
    return [_holder(row) for row in connection.execute(select(leases)) if not _is_over(row, now)]


def _holder(row: Row[Any]) -> Holder:
    return Holder(row.owner, row.host, row.pid, row.since)


def _is_over(row: Row[Any], now: datetime) -> bool:
    return row.expires <= now or process.is_dead(Process(row.machine, row.host, row.pid, row.process))


def _row(connection: Connection, name: str) -> Row[Any] | None:
    """Return a lease; by the primary key."""
    return connection.execute(select(leases).where(leases.c.name == name)).one_or_none()


def _extend(connection: Connection, name: str, until: datetime) -> None:
    """Move the end of a lease; by the primary key."""
    connection.execute(update(leases).where(leases.c.name == name).values(expires=until))


def _remove(connection: Connection, name: str) -> None:
    """Delete a lease; by the primary key."""
    connection.execute(delete(leases).where(leases.c.name == name))


def _insert(connection: Connection, named: dict[str, str], now: datetime) -> None:
    """Note a new lease of this process; by the primary key."""
    me = asdict(process.this())
    told = {"process": me.pop("started"), **me, **named, "since": now, "expires": now + LEASE}
    connection.execute(insert(leases).values(told))
