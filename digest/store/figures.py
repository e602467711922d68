"""What is told of a store again and again: little that is looked up, and what has to be counted.

May import models, protocols and this package.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, get_args

from pydantic import ValidationError
from sqlalchemy import Column, ColumnElement, Connection, func, select, text

from digest.models import STATUSES, DeliveryState, Receipt, ReturnKind, SubscriptionStatus
from digest.protocols import Census, Figures
from digest.store import sizes
from digest.store.schema import (
    RETURNED,
    deliveries,
    fetches,
    papers,
    receipts,
    revision,
    subscriptions,
    suppressions,
    tidied,
)

#: what is noted of a fetch that failed, or that could not get all
_INCOMPLETE = ("failed", "partial")
_STATES: tuple[DeliveryState, ...] = get_args(DeliveryState)
#: states in which a delivery waits for a sender
_WAITING = ("pending", "deferred")


def figures(connection: Connection, sources: Sequence[str]) -> Figures:
    """Return what is looked up."""
    whole, free = sizes.on_disk(connection)
    found = {source: _success(connection, source) for source in sources}
    return Figures(
        revision=connection.execute(select(revision.c.version_num)).scalar_one(),
        bytes=whole,
        free=free,
        receipt=_newest(connection),
        successes={source: at for source, at in found.items() if at is not None},
    )


def _success(connection: Connection, source: str) -> datetime | None:
    """Return when all of a source was read last; by the index on fetches (source, id), back over its failures."""
    query = select(fetches.c.at).where(fetches.c.source == source, fetches.c.status.not_in(_INCOMPLETE))
    return connection.execute(query.order_by(fetches.c.id.desc()).limit(1)).scalar()


def _newest(connection: Connection) -> Receipt | None:
    """Return the receipt that came last, which is the whole of its run's; by the primary key."""
    data = connection.execute(select(receipts.c.data).order_by(receipts.c.id.desc()).limit(1)).scalar()
    if data is None:
        return None
    # names of files that it quotes need not be Unicode
    sound = json.dumps(json.loads(data), ensure_ascii=False).encode("utf-8", "replace")
    try:
        return Receipt.model_validate_json(sound)
    except ValidationError:
        # a later release says more in it
        return None


def census(connection: Connection) -> Census:
    """Count what has to be counted."""
    counts, since = _deliveries(connection)
    for newsletter, submitted, failed in _tidied(connection):
        counts[newsletter, "submitted"] = counts.get((newsletter, "submitted"), 0) + int(submitted)
        counts[newsletter, "failed"] = counts.get((newsletter, "failed"), 0) + int(failed)
    return Census(
        deliveries=counts,
        waiting_since=since,
        returned=_returned(connection),
        subscriptions=_subscriptions(connection),
        suppressed=connection.execute(select(func.count()).select_from(suppressions)).scalar_one(),
        papers=connection.execute(select(func.count()).select_from(papers)).scalar_one(),
    )


def _deliveries(connection: Connection) -> tuple[dict[tuple[str, DeliveryState], int], dict[str, datetime]]:
    """Count deliveries, and find since when they wait; reads the whole table, as everybody's are asked for.

    In the order of the index on (newsletter, upto), one pass for all states: sorting a million rows by state takes
    twice as long.
    """
    first = func.min(deliveries.c.not_before).filter(deliveries.c.state.in_(_WAITING))
    query = select(deliveries.c.newsletter, first, *_each(deliveries.c.state, _STATES))
    rows = connection.execute(query.where(~deliveries.c.settled).group_by(deliveries.c.newsletter)).all()
    counts = {(newsletter, state): n for newsletter, _, *ns in rows for state, n in zip(_STATES, ns, strict=True)}
    return counts, {newsletter: since for newsletter, since, *_ in rows if since is not None}


def _each(column: Column[str], values: Sequence[str]) -> list[ColumnElement[int]]:
    """Return a count for each value of a column."""
    return [func.count().filter(column == value) for value in values]


def _tidied(connection: Connection) -> Sequence[Any]:
    """Return the deliveries that are only counted any more, by newsletter; there is one row an edition."""
    query = select(tidied.c.newsletter, func.sum(tidied.c.submitted), func.sum(tidied.c.failed))
    return connection.execute(query.group_by(tidied.c.newsletter)).all()


def _returned(connection: Connection) -> dict[tuple[str, ReturnKind], int]:
    """Count what came back; by the partial index of returned deliveries."""
    which = deliveries.c.newsletter, deliveries.c.returned_as
    rows = connection.execute(select(*which, func.count()).where(text(RETURNED)).group_by(*which))
    return {(newsletter, kind): n for newsletter, kind, n in rows}


def _subscriptions(connection: Connection) -> dict[tuple[str, SubscriptionStatus], int]:
    """Count subscriptions by status; reads the whole table, by the unique index on (newsletter, subscriber)."""
    query = select(subscriptions.c.newsletter, *_each(subscriptions.c.status, STATUSES))
    rows = connection.execute(query.group_by(subscriptions.c.newsletter)).all()
    return {(newsletter, status): n for newsletter, *ns in rows for status, n in zip(STATUSES, ns, strict=True)}
