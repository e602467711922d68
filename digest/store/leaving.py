"""People who leave, or whom nothing may reach: their subscriptions end, and what is pending for them fails.

A statement takes the rows of deliveries before those of subscriptions, as the sender's does: on PostgreSQL two that
take the same rows in two orders would wait for each other. May import the schema.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, func, insert, or_, select, text, update

from digest.models import Suppression
from digest.store.schema import OPEN, deliveries, subscribers, subscriptions, suppressions
from digest.store.values import numbers, portions

#: what is known of somebody who asked to be forgotten
FORGOTTEN = "forgotten"


def keep_only(connection: Connection, newsletter: str, hashes: Set[str], at: datetime, why: str) -> int:
    """End the subscriptions of origin `file` of all but some people; return how many."""
    gone = [row.id for row in _named_by_file(connection, newsletter) if row.hash not in hashes]
    return _end(connection, gone, at, why, returns=True)


def _named_by_file(connection: Connection, newsletter: str) -> Sequence[Row[Any, Any]]:
    """Return id and hash of the subscriptions that a file names; by the unique index on (newsletter, subscriber)."""
    query = select(subscriptions.c.id, subscribers.c.hash).join(subscribers)
    lives = and_(subscriptions.c.origin == "file", subscriptions.c.status != "unsubscribed")
    return connection.execute(query.where(subscriptions.c.newsletter == newsletter, lives)).all()


def unsubscribe(connection: Connection, hash: str, at: datetime, why: str, newsletter: str | None) -> int:
    """End a person's subscription, or all; return how many."""
    return _end(connection, _of_person(connection, hash, newsletter), at, why)


def end_one(connection: Connection, subscription: int, at: datetime, why: str) -> bool:
    """End one subscription by a wish of its reader; False where it had ended."""
    return bool(_end(connection, [subscription], at, why))


def _of_person(connection: Connection, hash: str, newsletter: str | None = None) -> list[int]:
    """Return ids of a person's subscriptions that a wish of hers can end.

    By the unique index on the hash and the index on subscriptions.subscriber.
    """
    ends = or_(subscriptions.c.status != "unsubscribed", subscriptions.c.returns)
    query = select(subscriptions.c.id).join(subscribers).where(subscribers.c.hash == hash, ends)
    if newsletter is not None:
        query = query.where(subscriptions.c.newsletter == newsletter)
    return list(connection.execute(query).scalars())


def suppress(connection: Connection, hash: str, at: datetime, reason: str, evidence: str) -> None:
    """Let nothing go to an address any more; the first reason stays."""
    if suppression(connection, hash) is None:
        connection.execute(insert(suppressions).values(hash=hash, at=at, reason=reason, evidence=evidence))
    _end(connection, _of_person(connection, hash), at, reason)


def suppression(connection: Connection, hash: str) -> Suppression | None:
    """Return why nothing goes to an address; by the primary key."""
    row = connection.execute(select(suppressions).where(suppressions.c.hash == hash)).one_or_none()
    return None if row is None else Suppression(reason=row.reason, at=row.at, evidence=row.evidence)


def forget(connection: Connection, hash: str, at: datetime) -> bool:
    """Delete what says who a person is; False where nothing did."""
    kept = suppression(connection, hash)
    known = _is_known(connection, hash)
    if not known and (kept is None or (kept.reason == FORGOTTEN and not kept.evidence)):
        return False
    if connection.dialect.name == "sqlite":
        # what is written over is zeroed in its page, too
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
    if kept is None:
        suppress(connection, hash, at, FORGOTTEN, "")
    else:
        connection.execute(
            update(suppressions).where(suppressions.c.hash == hash).values(reason=FORGOTTEN, evidence="")
        )
        _end(connection, _of_person(connection, hash), at, FORGOTTEN)
    _let_go(connection, hash, at)
    _blank_notes(connection, hash)
    _blank_subscriptions(connection, hash)
    connection.execute(update(subscribers).where(subscribers.c.hash == hash).values(address=None, name=""))
    return True


def _is_known(connection: Connection, hash: str) -> bool:
    """Whether the store has somebody's address; by the unique index on the hash."""
    query = select(subscribers.c.id).where(subscribers.c.hash == hash, subscribers.c.address.is_not(None))
    return connection.execute(query).first() is not None


def _all_of(hash: str) -> Select[tuple[int]]:
    return select(subscriptions.c.id).join(subscribers).where(subscribers.c.hash == hash)


def _let_go(connection: Connection, hash: str, at: datetime) -> None:
    """Take what is in flight from its sender: a server's answer may quote the address, and must not come in later.

    By the partial unique index of open deliveries.
    """
    flying = and_(text(OPEN), deliveries.c.state == "in_flight", deliveries.c.subscription.in_(_all_of(hash)))
    connection.execute(update(deliveries).where(flying).values(state="unknown", token=None, at=at, settled=True))


def _blank_notes(connection: Connection, hash: str) -> None:
    """Delete what servers said about a person; by the unique index on (subscription, upto)."""
    which = deliveries.c.subscription.in_(_all_of(hash))
    connection.execute(update(deliveries).where(which).values(note=None, returned_note=None))


def _blank_subscriptions(connection: Connection, hash: str) -> None:
    """Delete the wishes of a person, and move her marks beyond what let go of her; by the index on subscriber."""
    told = {"groups": "", "confirmed_by": None, "timezone": None, "hour": None, "cadence": "each", "format": "html"}
    person = select(subscribers.c.id).where(subscribers.c.hash == hash)
    which = subscriptions.c.subscriber.in_(person)
    values = {**told, "why": FORGOTTEN, "returns": False, "mark": _served()}
    connection.execute(update(subscriptions).where(which).values(**values))


def _end(connection: Connection, ids: Sequence[int], at: datetime, why: str, *, returns: bool = False) -> int:
    """End subscriptions, and what is pending for them; return how many lived until then."""
    ended = 0
    for portion in portions(ids):
        _fail(connection, portion, at, why)
        if not returns:
            _never_back(connection, portion, why)
        ended += _unsubscribe(connection, portion, at, why, returns)
    return ended


def _fail(connection: Connection, ids: Sequence[int], at: datetime, why: str) -> None:
    """Fail what has not begun to go out, also what a sender holds; by the partial unique index of open deliveries."""
    which = text(f"{OPEN} AND state <> 'in_flight' AND subscription IN ({numbers(ids)})")
    connection.execute(update(deliveries).where(which).values(state="failed", token=None, at=at, note=why))


def _never_back(connection: Connection, ids: Sequence[int], why: str) -> None:
    """Let no file bring subscriptions back that had ended because it named them no more; by the primary key."""
    which = and_(subscriptions.c.id.in_(ids), subscriptions.c.returns)
    connection.execute(update(subscriptions).where(which).values(returns=False, why=why))


def _unsubscribe(connection: Connection, ids: Sequence[int], at: datetime, why: str, returns: bool) -> int:
    """End subscriptions; by the primary key."""
    which = and_(subscriptions.c.id.in_(ids), subscriptions.c.status != "unsubscribed")
    values = {"status": "unsubscribed", "ended": at, "why": why, "returns": returns, "mark": _served()}
    return connection.execute(update(subscriptions).where(which).values(**values)).rowcount


def _served() -> ColumnElement[int]:
    """Return a subscription's mark, moved over its deliveries, all of which are final; none moves it back."""
    own = deliveries.c.subscription == subscriptions.c.id
    last = select(func.coalesce(func.max(deliveries.c.upto), 0)).where(own).correlate(subscriptions).scalar_subquery()
    return case((last > subscriptions.c.mark, last), else_=subscriptions.c.mark)
