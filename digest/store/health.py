"""How sources were doing: their fetches, their batches day by day. May import protocols and the schema."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, func, select

from digest.protocols import Batch, Health
from digest.store.schema import dumps, fetches, sightings
from digest.store.values import pairs

#: what is noted of a fetch that failed, or that could not get all
_INCOMPLETE = ("failed", "partial")
#: how many fetches back a streak of failures is followed
_FAR = 2000
#: how many dates with something new tell how long a source's pauses are
_PAUSES = 100


def health(connection: Connection, source: str) -> Health | None:
    """Return the last fetch, and since when fetches failed; by the index on fetches (source, id).

    A day failed if its last fetch did: what a failing source gave before it broke off is noted before the failure.
    """
    query = select(fetches.c.at, fetches.c.status, fetches.c.note).where(fetches.c.source == source)
    query = query.order_by(fetches.c.id.desc()).limit(_FAR)
    newest, since = None, None
    met: set[date] = set()
    days: set[date] = set()
    for row in connection.execute(query):
        newest = newest or row
        day = row.at.date()
        if row.status not in _INCOMPLETE and day not in met:
            break
        met.add(day)
        if row.status in _INCOMPLETE:
            since = row.at
            days.add(day)
    if newest is None:
        return None
    return Health(newest.at, newest.status, newest.note, since, len(days), _news(connection, source))


def _news(connection: Connection, source: str) -> tuple[date, ...]:
    """Return the newest dates on which a source had something new; by the index on dumps (source, date)."""
    query = select(dumps.c.date).where(dumps.c.source == source, dumps.c.date.is_not(None))
    query = query.group_by(dumps.c.date).having(func.sum(dumps.c.new) > 0)
    return tuple(connection.execute(query.order_by(dumps.c.date.desc()).limit(_PAUSES)).scalars())


def batches(connection: Connection, source: str, limit: int) -> list[Batch]:
    """Return what the source listed on its newest dates, newest first; by the index on dumps (source, date)."""
    query = select(dumps.c.date, func.sum(dumps.c.new)).where(dumps.c.source == source, dumps.c.date.is_not(None))
    rows = connection.execute(query.group_by(dumps.c.date).order_by(dumps.c.date.desc()).limit(limit)).all()
    if not rows:
        return []
    papers = _papers(connection, source, rows[-1][0])
    return [Batch(day, papers.get(day, 0), new) for day, new in rows]


def _papers(connection: Connection, source: str, since: date) -> dict[date, int]:
    """Return how many papers a source listed by date; by the index on dumps (source, date), the key of sightings."""
    query = select(dumps.c.date, func.count(sightings.c.paper.distinct()))
    query = query.join(sightings, sightings.c.dump == dumps.c.id).group_by(dumps.c.date)
    query = query.where(dumps.c.source == source, dumps.c.date >= since)
    return pairs(connection.execute(query))


def overlap(connection: Connection, source: str, day: date, before: date) -> int:
    """Count the papers that a source listed on both dates; by the same indexes."""
    earlier = select(sightings.c.paper).join(dumps, dumps.c.id == sightings.c.dump)
    earlier = earlier.where(dumps.c.source == source, dumps.c.date == before)
    query = select(func.count(sightings.c.paper.distinct())).join(dumps, dumps.c.id == sightings.c.dump)
    query = query.where(dumps.c.source == source, dumps.c.date == day, sightings.c.paper.in_(earlier))
    return connection.execute(query).scalar_one()
