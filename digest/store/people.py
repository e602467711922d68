"""The people as the store hands them out. May import models, protocols and this package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from digest.models import (
    STATUSES,
    Admission,
    Origin,
    Subscriber,
    Subscription,
    SubscriptionStatus,
    Suppression,
)
from digest.store import admitting, leaving, secret
from digest.store.engine import Database
from digest.store.schema import subscribers, subscriptions, suppressions
from digest.store.secret import address_hash
from digest.store.values import PORTION, pairs


class SqlSubscribers:
    """Subscribers in a database; safe to use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._secret: bytes | None = None

    def secret(self) -> bytes:
        """Return the 32 bytes that all tokens and hashes of this store are keyed with."""
        if self._secret is None:
            self._secret = secret.of(self._database)
        return self._secret

    def _hash(self, address: str) -> str:
        return address_hash(self.secret(), address)

    def admit(
        self,
        newsletter: str,
        people: Sequence[Subscriber],
        *,
        at: datetime,
        origin: Origin,
        confirmed_by: str | None,
        mark: int | None = None,
        again: bool = False,
    ) -> Sequence[Admission]:
        """Add people to a newsletter, or bring their wishes up to date; one answer each, in the same order."""
        key, wish = self.secret(), admitting.Wish(newsletter, at, origin, confirmed_by, mark, again)
        with self._database.writing() as connection:
            return admitting.admit(connection, key, people, wish)

    def keep_only(self, newsletter: str, addresses: Sequence[str], *, at: datetime, why: str) -> int:
        """End the subscriptions of origin `file` whose address is not among `addresses`; return how many."""
        hashes = {self._hash(address) for address in addresses}
        with self._database.writing() as connection:
            return leaving.keep_only(connection, newsletter, hashes, at, why)

    def unsubscribe(self, address: str, *, at: datetime, why: str, newsletter: str | None = None) -> int:
        """End a person's subscription, or all of hers; what is pending for them fails. Return how many ended."""
        hash = self._hash(address)
        with self._database.writing() as connection:
            return leaving.unsubscribe(connection, hash, at, why, newsletter)

    def forget(self, address: str, *, at: datetime) -> bool:
        """Delete all that says who a person is; False: the address is not known."""
        hash = self._hash(address)
        with self._database.writing() as connection:
            return leaving.forget(connection, hash, at)

    def suppress(self, address: str, *, at: datetime, reason: str, evidence: str = "") -> None:
        """Let nothing go to an address any more; what is pending for it fails."""
        hash = self._hash(address)
        with self._database.writing() as connection:
            leaving.suppress(connection, hash, at, reason, evidence)

    def suppression(self, address: str) -> Suppression | None:
        """Return why nothing goes to an address; None: nothing keeps it."""
        hash = self._hash(address)
        with self._database.reading() as connection:
            return leaving.suppression(connection, hash)

    def subscriptions(
        self,
        newsletter: str | None = None,
        *,
        status: SubscriptionStatus | None = None,
        address: str | None = None,
        origin: Origin | None = None,
    ) -> Iterator[Subscription]:
        """Yield subscriptions by id, a few at a time."""
        query = told().order_by(subscriptions.c.id).limit(PORTION)
        if newsletter is not None:
            query = query.where(subscriptions.c.newsletter == newsletter)
        if status is not None:
            query = query.where(subscriptions.c.status == status)
        if address is not None:
            query = query.where(subscribers.c.hash == self._hash(address))
        if origin is not None:
            query = query.where(subscriptions.c.origin == origin)
        last: int | None = 0
        while last is not None:
            with self._database.reading() as connection:
                rows = _after(connection, query, last)
            yield from map(subscription, rows)
            last = rows[-1].id if len(rows) == PORTION else None

    def subscriber_counts(self, newsletter: str) -> Mapping[SubscriptionStatus, int]:
        """Return how many subscriptions have each status."""
        with self._database.reading() as connection:
            return _counts(connection, newsletter)


def told() -> Select[Any]:
    """Return what a Subscription is made of, each from one row; by the primary keys."""
    query = select(subscriptions, subscribers.c.address, subscribers.c.name, suppressions.c.reason)
    return query.join_from(subscriptions, subscribers).outerjoin(
        suppressions, suppressions.c.hash == subscribers.c.hash
    )


def subscription(row: Row[Any]) -> Subscription:
    """Return the subscription of a row of `told`; the address of a forgotten one is empty."""
    person = Subscriber(
        address=row.address or "",
        name=row.name,
        groups=tuple(row.groups.split(",")) if row.groups else (),
        timezone=row.timezone,
        cadence=row.cadence,
        hour=row.hour,
        format=row.format,
    )
    names = ("id", "newsletter", "status", "mark", "origin", "since", "confirmed_by", "ended", "why")
    found = row._mapping
    return Subscription(subscriber=person, suppressed=row.reason, **{name: found[name] for name in names})


def _after(connection: Connection, query: Select[Any], last: int) -> Sequence[Row[Any]]:
    """Return the subscriptions of `query` whose id is after `last`; by the primary key."""
    return connection.execute(query.where(subscriptions.c.id > last)).all()


def _counts(connection: Connection, newsletter: str) -> dict[SubscriptionStatus, int]:
    """Return how many subscriptions have each status; by the unique index on (newsletter, subscriber)."""
    query = select(subscriptions.c.status, func.count()).where(subscriptions.c.newsletter == newsletter)
    found = pairs(connection.execute(query.group_by(subscriptions.c.status)))
    return {status: found.get(status, 0) for status in STATUSES}
