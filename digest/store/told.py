"""What the ledger tells people: counts, deliveries, who lacks an edition. May import models and the schema."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, exists, func, select, text

from digest.models import Delivery, DeliveryCounts, DeliveryState, Subscription
from digest.store import people
from digest.store.schema import WAITING, deliveries, newsletters, subscribers, subscriptions, tidied
from digest.store.sweep import covers
from digest.store.values import PORTION, pairs

#: states that count as others
_COUNTED = {"claimed": "pending", "in_flight": "pending"}
_RETURN = ("returned", "returned_as", "returned_note")


def counts(connection: Connection, newsletter: str | None, upto: int | None) -> DeliveryCounts:
    """Return how many deliveries are in each state, without unknown ones that a person has left as they are.

    By the index on (newsletter, upto), where both are given.
    """
    query = select(deliveries.c.state, func.count()).where(~deliveries.c.settled).group_by(deliveries.c.state)
    if newsletter is not None:
        query = query.where(deliveries.c.newsletter == newsletter)
    if upto is not None:
        query = query.where(deliveries.c.upto == upto)
    found: dict[str, int] = {}
    for state, count in pairs(connection.execute(query)).items():
        name = _COUNTED.get(state, state)
        found[name] = found.get(name, 0) + count
    for state, count in _tidied(connection, newsletter, upto).items():
        found[state] = found.get(state, 0) + count
    return DeliveryCounts(**found)


def _tidied(connection: Connection, newsletter: str | None, upto: int | None) -> dict[str, int]:
    """Return how many deliveries are only counted any more, without unknown ones; by the primary key of tidied."""
    query = select(func.sum(tidied.c.submitted), func.sum(tidied.c.failed))
    if newsletter is not None:
        query = query.where(tidied.c.newsletter == newsletter)
    if upto is not None:
        query = query.where(tidied.c.upto == upto)
    submitted, failed = connection.execute(query).one()
    return {"submitted": int(submitted or 0), "failed": int(failed or 0)}


def is_tidied(connection: Connection, newsletter: str, number: int) -> bool:
    """Whether who got an edition may be known no more; by the primary key of tidied."""
    which = (tidied.c.newsletter == newsletter, tidied.c.upto >= number)
    return bool(connection.execute(select(exists().where(*which))).scalar())


def next_due(connection: Connection, now: datetime) -> datetime | None:
    """Return when a deferred delivery may be tried next; by the partial index of waiting deliveries."""
    of = deliveries.c.newsletter == newsletters.c.id
    first = select(deliveries.c.not_before).where(text(WAITING), deliveries.c.state == "deferred", of)
    oldest = first.order_by(deliveries.c.not_before, deliveries.c.id).limit(1).scalar_subquery()
    query = select(func.min(oldest)).where(~newsletters.c.paused)
    found: datetime | None = connection.execute(query).scalar()
    return found and max(found, now)


def listed(newsletter: str, number: int | None, states: Sequence[DeliveryState]) -> Select[Any]:
    """Return the question for a newsletter's deliveries, newest first, of which `portion` reads some."""
    query = select(deliveries, subscribers.c.address).join_from(deliveries, subscriptions).join(subscribers)
    query = query.where(deliveries.c.newsletter == newsletter)
    if number is not None:
        query = query.where(covers(number))
    if states:
        query = query.where(deliveries.c.state.in_(states))
    return query.order_by(deliveries.c.id.desc())


def portion(connection: Connection, query: Select[Any], before: int | None, limit: int) -> Sequence[Row[Any]]:
    """Return the deliveries of `listed` with ids below `before`; by the primary keys."""
    if before is not None:
        query = query.where(deliveries.c.id < before)
    return connection.execute(query.limit(limit)).all()


def delivery(row: Row[Any]) -> Delivery:
    """Return the delivery of a row."""
    found = row._mapping
    names = ("id", "newsletter", "address", "after", "upto", "state", "tries", "at", "not_before", *_RETURN)
    said = " ".join(str(part) for part in (found["code"], found["note"]) if part is not None)
    return Delivery(**{name: found[name] for name in names}, note=said or None)


def missing(
    connection: Connection, newsletter: str, number: int, last: int
) -> Sequence[tuple[Subscription, Delivery | None]]:
    """Return confirmed subscriptions after `last` without a submitted delivery of an edition, and what covers it.

    By the primary key of subscriptions and the unique index of deliveries on (subscription, upto).
    """
    own = deliveries.c.subscription == subscriptions.c.id
    newest = select(func.max(deliveries.c.id)).where(own, covers(number)).correlate(subscriptions).scalar_subquery()
    had = exists().where(own, covers(number), deliveries.c.state == "submitted")
    query = (
        people.told()
        .add_columns(newest.label("delivery"))
        .where(
            subscriptions.c.newsletter == newsletter,
            subscriptions.c.status == "confirmed",
            subscriptions.c.id > last,
            ~had.correlate(subscriptions),
        )
    )
    rows = connection.execute(query.order_by(subscriptions.c.id).limit(PORTION)).all()
    covering = _deliveries(connection, [row.delivery for row in rows if row.delivery is not None])
    return [(people.subscription(row), covering.get(row.delivery)) for row in rows]


def _deliveries(connection: Connection, ids: Sequence[int]) -> dict[int, Delivery]:
    """Return deliveries by id; by the primary keys."""
    query = select(deliveries, subscribers.c.address).join_from(deliveries, subscriptions).join(subscribers)
    return {row.id: delivery(row) for row in connection.execute(query.where(deliveries.c.id.in_(ids)))}
