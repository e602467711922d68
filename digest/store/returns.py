"""What came back, in a database: on which delivery, and what that does to its address. May import this package.

An address is given up when deliveries in a row came back: one bad day, or one full mailbox, is none of these rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, get_args

from sqlalchemy import Connection, Row, Select, func, or_, select, text, update

from digest.models import Delivery, ReturnKind
from digest.protocols import Addressee, ReturnEffect, Sent
from digest.store import leaving, told
from digest.store.engine import Database
from digest.store.schema import RETURNED, deliveries, subscribers, subscriptions

#: deliveries in a row that came back, the first of them so long before the last: the address is given up
ROW = 5
SPAN = timedelta(days=7)
#: a server tries for so long before it returns a message (RFC 5321, 4.5.4.1): until then silence proves nothing
SILENCE = timedelta(days=5)
#: what is older is no part of a row
_WINDOW = timedelta(days=90)
#: asked or said so much before a subscription began, by two clocks, and it is of a time before that
_SKEW = timedelta(minutes=10)
_GRAVITY: dict[str, int] = {kind: number for number, kind in enumerate(get_args(ReturnKind), 1)}


class SqlReturns:
    """Returns of a database; safe to use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sent(self, delivery: int) -> Sent | None:
        """Return a delivery; None: it is not known, or no longer."""
        with self._database.reading() as connection:
            return _sent(connection.execute(_sendings().where(deliveries.c.id == delivery)).one_or_none())

    def sent_to(self, subscription: int, upto: int) -> Sent | None:
        """Return the delivery that brought a subscription up to an edition."""
        which = (deliveries.c.subscription == subscription, deliveries.c.upto == upto)
        with self._database.reading() as connection:
            return _sent(connection.execute(_sendings().where(*which)).one_or_none())

    def addressee(self, subscription: int) -> Addressee | None:
        """Return whose a subscription is; None: it is not known."""
        with self._database.reading() as connection:
            found = _person(connection, subscription)
        return found and Addressee(found.id, found.newsletter, found.address)

    def note(self, delivery: int, kind: ReturnKind, note: str, *, at: datetime) -> ReturnEffect:
        """Note that a delivery came back; a graver kind replaces the one noted before."""
        with self._database.writing() as connection:
            return _note(connection, delivery, kind, note, at)

    def object(self, subscription: int, note: str, *, at: datetime, written: datetime | None) -> ReturnEffect:
        """Suppress the address of a subscription whose reader called a mail spam."""
        with self._database.writing() as connection:
            found = _person(connection, subscription)
            if found is None or _is_of_before(found.since, written):
                return "known"
            return _suppress(connection, found.hash, at, "complained", note)

    def leave(self, subscription: int, *, at: datetime, why: str, written: datetime | None) -> bool:
        """End a subscription whose reader asked for it."""
        with self._database.writing() as connection:
            found = _person(connection, subscription)
            if found is None or _is_of_before(found.since, written):
                return False
            return leaving.end_one(connection, subscription, at, why)

    def count(self, newsletter: str, upto: int) -> int:
        """Return how many deliveries came back of those whose last edition is `upto`."""
        with self._database.reading() as connection:
            return _count(connection, newsletter, upto)

    def returned(self, newsletter: str, upto: int, limit: int) -> Sequence[Delivery]:
        """Return deliveries that came back of those whose last edition is `upto`, by id."""
        with self._database.reading() as connection:
            return _returned(connection, newsletter, upto, limit)


def given_up(past: Sequence[tuple[datetime, str | None]], now: datetime) -> int:
    """Return how many deliveries in a row came back, where they are enough to give an address up; else 0.

    Those refused for what we are or send say nothing of the address, and neither does silence about the newest as long
    as a server may still be trying.

    Args:
        past: of each delivery that a server took, newest first: when it did, and as what it came back, if it did.
        now: the instant.
    """
    row: list[datetime] = []
    for sent, returned_as in past:
        if returned_as == "refused" or (returned_as is None and not row and now - sent < SILENCE):
            continue
        if returned_as is None:
            break
        row.append(sent)
    enough = len(row) >= ROW and row[0] - row[-1] >= SPAN
    return len(row) if enough else 0


def _sendings() -> Select[Any]:
    columns = (deliveries.c.id, deliveries.c.subscription, deliveries.c.newsletter, deliveries.c.upto)
    return select(*columns, subscribers.c.address).join_from(deliveries, subscriptions).join(subscribers)


def _sent(row: Row[Any] | None) -> Sent | None:
    return row and Sent(row.id, row.subscription, row.newsletter, row.upto, row.address)


def _person(connection: Connection, subscription: int) -> Row[Any] | None:
    """Return a subscription and whose it is; by the primary keys."""
    columns = (subscriptions.c.id, subscriptions.c.newsletter, subscriptions.c.since)
    query: Select[Any] = select(*columns, subscribers.c.address, subscribers.c.hash).join(subscribers)
    return connection.execute(query.where(subscriptions.c.id == subscription)).one_or_none()


def _note(connection: Connection, id: int, kind: ReturnKind, note: str, at: datetime) -> ReturnEffect:
    """Note a return, and what follows from it; by the primary keys."""
    sent = (deliveries.c.at, deliveries.c.returned, deliveries.c.returned_as, subscriptions.c.since)
    query = select(*sent, subscribers.c.id, subscribers.c.hash, subscribers.c.address)
    query = query.join_from(deliveries, subscriptions).join(subscribers).where(deliveries.c.id == id)
    found = connection.execute(query).one_or_none()
    if found is None or _GRAVITY.get(found.returned_as, 0) >= _GRAVITY[kind]:
        return "known"
    # what servers say may hold the address of somebody who asked to be forgotten
    kept = note if found.address is not None else None
    values = {"returned": found.returned or at, "returned_as": kind, "returned_note": kept}
    connection.execute(update(deliveries).where(deliveries.c.id == id).values(**values))
    if found.at < found.since:
        return "noted"
    if kind in ("permanent", "complaint"):
        return _suppress(connection, found.hash, at, "bounced" if kind == "permanent" else "complained", kept or "")
    if kind == "counted" and (many := given_up(_past(connection, found.id, at), at)):
        return _suppress(connection, found.hash, at, "bounced", f"{many} mails in a row came back, one: {kept or ''}")
    return "noted"


def _suppress(connection: Connection, hash: str, at: datetime, reason: str, evidence: str) -> ReturnEffect:
    before = leaving.suppression(connection, hash)
    leaving.suppress(connection, hash, at, reason, evidence)
    return "suppressed" if before is None else "noted"


def _past(connection: Connection, subscriber: int, now: datetime) -> list[tuple[datetime, str | None]]:
    """Return what servers took for a person of late, newest first, since she last subscribed.

    By the index on subscriptions.subscriber and the unique index of deliveries on (subscription, upto).
    """
    query = select(deliveries.c.at, deliveries.c.returned_as).join(subscriptions)
    taken = or_(deliveries.c.state == "submitted", deliveries.c.returned.is_not(None))
    lately = (deliveries.c.at >= subscriptions.c.since, deliveries.c.at >= now - _WINDOW)
    query = query.where(subscriptions.c.subscriber == subscriber, taken, *lately)
    return [(row.at, row.returned_as) for row in connection.execute(query.order_by(deliveries.c.at.desc()))]


def _is_of_before(since: datetime, written: datetime | None) -> bool:
    """Whether somebody wrote before her subscription began anew."""
    return written is not None and written < since - _SKEW


def _count(connection: Connection, newsletter: str, upto: int) -> int:
    """Count what came back of an edition; by the partial index of returned deliveries."""
    which = (text(RETURNED), deliveries.c.newsletter == newsletter, deliveries.c.upto == upto)
    return connection.execute(select(func.count()).select_from(deliveries).where(*which)).scalar_one()


def _returned(connection: Connection, newsletter: str, upto: int, limit: int) -> list[Delivery]:
    """Return what came back of an edition; by the partial index of returned deliveries."""
    query = select(deliveries, subscribers.c.address).join_from(deliveries, subscriptions).join(subscribers)
    which = (text(RETURNED), deliveries.c.newsletter == newsletter, deliveries.c.upto == upto)
    rows = connection.execute(query.where(*which).order_by(deliveries.c.id).limit(limit))
    return [told.delivery(row) for row in rows]
