"""How deliveries come to be: for all who are due, for an edition that some lack, once more.

May import models, protocols and the schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    ScalarSelect,
    Select,
    and_,
    case,
    exists,
    func,
    literal,
    null,
    select,
    text,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from digest.models import OPEN_STATES, DeliveryState
from digest.protocols import Timing
from digest.store.schema import (
    UNKNOWN,
    deliveries,
    editions,
    newsletters,
    subscriptions,
)
from digest.store.types import Instant
from digest.store.values import portions

#: so many new rows make PostgreSQL's statistics wrong: it would sort all that waits to claim a few
_MANY = 1000
_COLUMNS = ("newsletter", "subscription", "after", "upto", "state", "tries", "at", "not_before")


def timings(connection: Connection, newsletter: str) -> list[Timing]:
    """Return the different wishes of confirmed subscribers; by the unique index on (newsletter, subscriber)."""
    columns = subscriptions.c.timezone, subscriptions.c.cadence, subscriptions.c.hour
    query = select(*columns).where(_confirmed(newsletter)).distinct()
    return [Timing(*row) for row in connection.execute(query)]


def sweep(connection: Connection, newsletter: str, due: Sequence[Timing], now: datetime, upto: int | None) -> int:
    """Make pending deliveries for those who are due and whose mark is behind; return how many.

    By the unique index on (newsletter, subscriber) and the primary key of editions.
    """
    last, made = _last(newsletter, upto), 0
    for portion in portions(dict.fromkeys(due)):
        query = _pending(subscriptions.c.mark, last, now).where(
            _confirmed(newsletter), subscriptions.c.mark < last, _going_on(newsletter), _wants(portion)
        )
        made += _insert(connection, query)
    if made >= _MANY and connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ANALYZE deliveries")
    return made


def _last(newsletter: str, upto: int | None = None) -> ScalarSelect[int]:
    """Return the number of the newest edition, or of the newest up to one; by the primary key of editions."""
    query = select(func.max(editions.c.number)).where(editions.c.newsletter == newsletter)
    return (query if upto is None else query.where(editions.c.number <= upto)).scalar_subquery()


def catch_up(connection: Connection, newsletter: str) -> int:
    """Move all marks to the newest edition; return how many moved; by the unique index on (newsletter, subscriber)."""
    last = _last(newsletter)
    behind = and_(subscriptions.c.newsletter == newsletter, subscriptions.c.mark < last)
    return connection.execute(update(subscriptions).where(behind).values(mark=last)).rowcount


def _confirmed(newsletter: str) -> ColumnElement[bool]:
    return and_(subscriptions.c.newsletter == newsletter, subscriptions.c.status == "confirmed")


def _going_on(newsletter: str) -> ColumnElement[bool]:
    return ~exists().where(newsletters.c.id == newsletter, newsletters.c.paused)


def _wants(due: Sequence[Timing]) -> ColumnElement[bool]:
    """Return the condition that a subscription's wish is among some; two nulls are the same."""
    wish = tuple_(
        func.coalesce(subscriptions.c.timezone, ""),
        subscriptions.c.cadence,
        func.coalesce(subscriptions.c.hour, -1),
    )
    return wish.in_([(one.timezone or "", one.cadence, -1 if one.hour is None else one.hour) for one in due])


def _pending(after: ColumnElement[int], upto: ColumnElement[int], now: datetime) -> Select[tuple[object, ...]]:
    """Return the rows of new deliveries for subscriptions, in the order of _COLUMNS."""
    instant = literal(now, Instant)
    return select(
        subscriptions.c.newsletter, subscriptions.c.id, after, upto, literal("pending"), literal(0), instant, instant
    )


def _insert(connection: Connection, query: Select[tuple[object, ...]]) -> int:
    """Make deliveries, but for subscriptions that have an open one; return how many.

    By the partial unique index of open deliveries, and the one on (subscription, upto).
    """
    into = sqlite.insert(deliveries) if connection.dialect.name == "sqlite" else postgresql.insert(deliveries)
    statement = into.from_select(_COLUMNS, query).on_conflict_do_nothing()
    return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount


def send_missing(connection: Connection, newsletter: str, number: int, now: datetime) -> int:
    """Make deliveries of an edition for confirmed subscriptions that none covers; return how many.

    A subscription whose mark is before it gets all editions from there to it, for none may be left out. By the unique
    index on (newsletter, subscriber) and that on (subscription, upto).
    """
    covered = exists().where(deliveries.c.subscription == subscriptions.c.id, covers(number))
    there = exists().where(editions.c.newsletter == newsletter, editions.c.number == number)
    after = case((subscriptions.c.mark < number, subscriptions.c.mark), else_=literal(number - 1))
    query = _pending(after, literal(number), now).where(_confirmed(newsletter), ~covered, there)
    return _insert(connection, query)


def covers(number: int) -> ColumnElement[bool]:
    """Return the condition that a delivery covers an edition."""
    return and_(deliveries.c.after < number, deliveries.c.upto >= number)


def reopen(
    connection: Connection, newsletter: str, now: datetime, states: Sequence[DeliveryState], number: int | None
) -> int:
    """Make final deliveries pending once more, the oldest of each subscription; return how many.

    By the index on (newsletter, upto), the primary keys and the partial unique index of open deliveries.
    """
    final = [state for state in states if state not in OPEN_STATES]
    other = deliveries.alias()
    is_open = select(literal(1)).select_from(other).where(other.c.subscription == deliveries.c.subscription)
    is_open = is_open.where(other.c.state.in_(OPEN_STATES))
    query = (
        select(func.min(deliveries.c.id))
        .join_from(deliveries, subscriptions)
        .where(
            deliveries.c.newsletter == newsletter,
            deliveries.c.state.in_(final),
            ~deliveries.c.settled,
            true() if number is None else covers(number),
            # nobody under suppression is confirmed
            subscriptions.c.status == "confirmed",
            ~is_open.exists(),
        )
    )
    told = {"state": "pending", "at": now, "not_before": now, "tries": 0, "first_try": null(), "token": null()}
    which = deliveries.c.id.in_(query.group_by(deliveries.c.subscription))
    return connection.execute(update(deliveries).where(which).values(**told)).rowcount


def settle_unknown(connection: Connection, newsletter: str, now: datetime) -> int:
    """Note that a person left the unknown ones as they are; by the partial index of unknown deliveries."""
    which = and_(text(UNKNOWN), deliveries.c.newsletter == newsletter, ~deliveries.c.settled)
    note = func.coalesce(deliveries.c.note + "; ", "") + f"left so on {now:%Y-%m-%d}"
    return connection.execute(update(deliveries).where(which).values(settled=True, note=note)).rowcount
