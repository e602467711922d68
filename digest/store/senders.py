"""Senders: each has a token and a lease that it renews; one that has ended has lost what it held.

Leases run in real time, as those of the run lock do. May import the ground, models, protocols and the schema.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    CursorResult,
    Row,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    select,
    text,
    update,
)

from digest.errors import StoreError
from digest.logs import logger
from digest.models import UnknownPolicy
from digest.protocols import Recovered
from digest.store import process
from digest.store.engine import Database
from digest.store.process import Process
from digest.store.schema import HELD, deliveries, senders, subscriptions
from digest.store.values import portions

#: after this without a sign of life a sender has ended
LEASE = timedelta(minutes=10)
#: seconds between two signs of life
RENEWAL = 60.0

#: noted of messages that a sender was sending when it ended
_LEFT = "the sender ended before the server's answer was noted"


@dataclass(frozen=True)
class Sender:
    """A sender of this process."""

    token: str
    owner: str


@contextmanager
def enlist(database: Database, owner: str, *, renewal: float = RENEWAL) -> Iterator[Sender]:
    """Enlist a sender for the block, renew its lease, and give back what it holds at the end.

    Args:
        database: whose deliveries it takes out.
        owner: what people are told about it.
        renewal: seconds between two renewals of the lease.
    """
    sender = Sender(secrets.token_hex(16), owner)
    with database.writing() as connection:
        renew(connection, sender)
    ended = threading.Event()
    renewing = threading.Thread(target=_keep_renewing, args=(database, sender, ended, renewal), daemon=True)
    if not database.private:
        renewing.start()
    try:
        yield sender
    finally:
        ended.set()
        if renewing.ident:
            renewing.join()
        with database.writing() as connection:
            give_back(connection, sender.token)
            _remove(connection, [sender.token])


def _keep_renewing(database: Database, sender: Sender, ended: threading.Event, seconds: float) -> None:
    """Renew the lease until the block ends; a try that fails is followed by the next one."""
    while not ended.wait(seconds):
        try:
            with database.writing() as connection:
                renew(connection, sender)
        except StoreError as error:
            logger().warning("sender's lease not renewed", error=str(error))


def renew(connection: Connection, sender: Sender) -> None:
    """Move the end of the lease; a sender that was taken for dead begins anew, without what it held.

    By the primary key.
    """
    now = datetime.now(UTC)
    moved = connection.execute(update(senders).where(senders.c.token == sender.token).values(expires=now + LEASE))
    if not moved.rowcount:
        me = process.this()
        told = {**asdict(me), "process": me.started}
        del told["started"]
        values = {**told, "token": sender.token, "owner": sender.owner, "since": now, "expires": now + LEASE}
        connection.execute(insert(senders).values(values))


def _remove(connection: Connection, tokens: Sequence[str]) -> None:
    """Delete senders; by the primary key."""
    connection.execute(delete(senders).where(senders.c.token.in_(tokens)))


def give_back(connection: Connection, token: str) -> int:
    """Let go of the claims of a sender that are not in flight; by the partial index of held deliveries."""
    which = and_(text(HELD), deliveries.c.token == token, deliveries.c.state == "claimed")
    return connection.execute(update(deliveries).where(which).values(state="pending", token=None)).rowcount


def recover(connection: Connection, policies: Mapping[str, UnknownPolicy], at: datetime) -> Recovered:
    """Take back what senders that have ended left."""
    ended = [row.token for row in _enlisted(connection) if _has_ended(row)]
    if ended:
        _remove(connection, ended)
    lost = _lost_tokens(connection)
    if not lost:
        return Recovered(0, 0, 0)
    returned = _return(connection, lost, at)
    resent = _resend(connection, lost, [name for name, policy in policies.items() if policy == "resend"], at)
    return Recovered(returned, _give_up(connection, lost, at), resent)


def alive(connection: Connection) -> list[Row[Any]]:
    """Return the senders that have not ended."""
    return [row for row in _enlisted(connection) if not _has_ended(row)]


def _enlisted(connection: Connection) -> Sequence[Row[Any]]:
    """Return all senders; they are few."""
    return connection.execute(select(senders)).all()


def _has_ended(sender: Row[Any]) -> bool:
    if sender.expires <= datetime.now(UTC):
        return True
    return process.is_dead(Process(sender.machine, sender.host, sender.pid, sender.process))


def _lost_tokens(connection: Connection) -> list[str]:
    """Return tokens that hold deliveries and are no sender's; by the partial index of held deliveries."""
    none = ~exists().where(senders.c.token == deliveries.c.token)
    query = select(deliveries.c.token).where(text(HELD), none).distinct()
    return [token for token in connection.execute(query).scalars() if token is not None]


def _held(tokens: Sequence[str], state: str) -> ColumnElement[bool]:
    return and_(text(HELD), deliveries.c.token.in_(tokens), deliveries.c.state == state)


def _return(connection: Connection, tokens: Sequence[str], at: datetime) -> int:
    """Make claims pending once more; by the partial index of held deliveries."""
    which = _held(tokens, "claimed")
    return connection.execute(update(deliveries).where(which).values(state="pending", token=None, at=at)).rowcount


def _resend(connection: Connection, tokens: Sequence[str], newsletters: Sequence[str], at: datetime) -> int:
    """Make messages in flight pending once more, unless their subscriptions have ended.

    By the partial index of held deliveries.
    """
    lives = exists().where(subscriptions.c.id == deliveries.c.subscription, subscriptions.c.status == "confirmed")
    which = and_(_held(tokens, "in_flight"), deliveries.c.newsletter.in_(newsletters), lives)
    told = {"state": "pending", "token": None, "at": at, "not_before": at, "tries": deliveries.c.tries + 1}
    return connection.execute(update(deliveries).where(which).values(**told, note=_LEFT)).rowcount


def _give_up(connection: Connection, tokens: Sequence[str], at: datetime) -> int:
    """Make messages in flight unknown, and move their marks; by the partial index of held deliveries."""
    told = {"state": "unknown", "token": None, "at": at, "tries": deliveries.c.tries + 1, "note": _LEFT}
    given = update(deliveries).where(_held(tokens, "in_flight")).values(**told)
    rows = connection.execute(given.returning(deliveries.c.id)).scalars().all()
    for portion in portions(rows):
        move_marks(connection, portion)
    return len(rows)


def move_marks(connection: Connection, ids: Sequence[int]) -> CursorResult[Any]:
    """Move the marks of the subscriptions of final deliveries; none falls; by the primary keys."""
    served = select(func.max(deliveries.c.upto)).where(
        deliveries.c.id.in_(ids), deliveries.c.subscription == subscriptions.c.id
    )
    last = served.correlate(subscriptions).scalar_subquery()
    whose = select(deliveries.c.subscription).where(deliveries.c.id.in_(ids))
    mark = case((last > subscriptions.c.mark, last), else_=subscriptions.c.mark)
    return connection.execute(update(subscriptions).where(subscriptions.c.id.in_(whose)).values(mark=mark))
