"""The run lock: one row, held with a lease that its holder renews. May import the ground and the schema.

Leases run in real time: a clock that a test or `--as-of` has stopped would keep a dead run's lock forever.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from digest.errors import LockHeldError, StoreError
from digest.logs import logger
from digest.store import process
from digest.store.engine import Database
from digest.store.process import Process
from digest.store.schema import run_lock

#: after this without a sign of life a lock is free
LEASE = timedelta(minutes=10)
#: seconds between two signs of life
RENEWAL = 60.0
#: seconds between two tries
POLL = 0.2


@contextmanager
def hold(database: Database, owner: str, timeout: float, *, renewal: float = RENEWAL) -> Iterator[None]:
    """Hold the lock for the block.

    Args:
        database: whose lock.
        owner: what people are told about the holder.
        timeout: seconds to wait for another holder.
        renewal: seconds between two renewals of the lease.

    Raises:
        LockHeldError: another run held it all that time.
    """
    token = secrets.token_hex(16)
    _wait(database, token, owner, timeout)
    ended = threading.Event()
    renewing = threading.Thread(target=_renew, args=(database, token, ended, renewal), daemon=True)
    if not database.private:
        renewing.start()
    try:
        yield
    finally:
        ended.set()
        if renewing.ident:
            renewing.join()
        with database.writing() as connection:
            _release(connection, token)


def _wait(database: Database, token: str, owner: str, timeout: float) -> None:
    until = time.monotonic() + timeout
    while True:
        with database.writing() as connection:
            holder = _take(connection, token, owner)
        if holder is None:
            return
        left = until - time.monotonic()
        if left <= 0:
            raise LockHeldError(_held(holder))
        time.sleep(min(POLL, left))


def _held(holder: Row[Any]) -> str:
    return (
        f"another run holds the lock: {holder.owner}, process {holder.pid} on {holder.host}, "
        f"since {holder.since:%Y-%m-%d %H:%M:%S} UTC; wait for it (--lock-timeout), or end it"
    )


def _take(connection: Connection, token: str, owner: str) -> Row[Any] | None:
    """Take the lock if it is free, or left behind; else return who holds it; by the primary key."""
    holder = connection.execute(select(run_lock)).one_or_none()
    now = datetime.now(UTC)
    if holder is not None and not _is_left(holder, now):
        return holder
    connection.execute(delete(run_lock))
    me = process.this()
    connection.execute(
        insert(run_lock).values(
            id=1, token=token, owner=owner, machine=me.machine, host=me.host, pid=me.pid, process=me.started,
            since=now, expires=now + LEASE,
        )
    )  # fmt: skip
    return None


def _is_left(holder: Row[Any], now: datetime) -> bool:
    if holder.expires <= now:
        return True
    return process.is_dead(Process(holder.machine, holder.host, holder.pid, holder.process))


def _renew(database: Database, token: str, ended: threading.Event, seconds: float) -> None:
    """Renew the lease until the block ends; a try that fails is followed by the next one."""
    while not ended.wait(seconds):
        try:
            with database.writing() as connection:
                _extend(connection, token)
        except StoreError as error:
            logger().warning("run lock not renewed", error=str(error))


def _extend(connection: Connection, token: str) -> None:
    """Move the end of the lease; by the primary key."""
    connection.execute(update(run_lock).where(run_lock.c.token == token).values(expires=datetime.now(UTC) + LEASE))


def _release(connection: Connection, token: str) -> None:
    """Give the lock back, unless it was taken; by the primary key."""
    connection.execute(delete(run_lock).where(run_lock.c.token == token))
