"""Claims: how a sender takes deliveries out. May import protocols and the schema."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from digest.errors import StoreError
from digest.protocols import Claimed
from digest.store.senders import move_marks
from digest.store.types import unescape
from digest.store.values import numbers

#: what a relay's daily limit counts
_DAY = timedelta(hours=24)

# The conditions of the partial indexes stand here in their very words (schema.py).
# What a paused newsletter has may be a million rows, which a look for the oldest of all would pass over each time.
_WAITING = """
SELECT id FROM (
    SELECT n.id, (
        SELECT min(d.not_before) FROM deliveries d
        WHERE d.state IN ('pending', 'deferred') AND d.newsletter = n.id AND d.not_before <= :now
    ) AS oldest FROM newsletters n WHERE NOT n.paused
) AS heads WHERE oldest IS NOT NULL ORDER BY oldest, id
"""
_TAKE = """
UPDATE deliveries SET state = 'claimed', token = :token, at = :now WHERE id IN (
    SELECT id FROM deliveries WHERE state IN ('pending', 'deferred') AND newsletter = :newsletter
    AND not_before <= :now ORDER BY not_before, id LIMIT :limit
) RETURNING id
"""
# An array is made once; a subselect with a limit might be run for each row.
_TAKE_FREE = """
UPDATE deliveries SET state = 'claimed', token = :token, at = :now WHERE id = ANY(ARRAY(
    SELECT id FROM deliveries WHERE state IN ('pending', 'deferred') AND newsletter = :newsletter
    AND not_before <= :now ORDER BY not_before, id LIMIT :limit FOR UPDATE SKIP LOCKED
)) RETURNING id
"""

_USED = """
SELECT (
    SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE token IS NOT NULL LIMIT :limit) AS held
) + (
    SELECT count(*) FROM (
        SELECT 1 FROM deliveries WHERE state IN ('submitted', 'unknown') AND at > :since LIMIT :limit
    ) AS over
)
"""

_TELL = """
SELECT d.id, d.subscription, d.newsletter, d.after, d.upto, d.tries, p.address, p.name, s.format, s.groups, s.origin,
    s.since, s.confirmed_by, d.first_try, s.status = 'confirmed'
FROM deliveries d JOIN subscriptions s ON s.id = d.subscription JOIN subscribers p ON p.id = s.subscriber
WHERE d.id IN ({ids}) ORDER BY d.not_before, d.id
"""

_FAIL = """
UPDATE deliveries SET state = 'failed', token = NULL, at = :now, note = 'the subscription has ended' WHERE id IN ({ids})
"""

_PUT_OFF = """
UPDATE deliveries SET state = 'pending', token = NULL, not_before = :later WHERE id IN ({ids})
"""


def instant(value: datetime) -> str:
    """Return an instant as the type `Instant` writes it, for statements that go to the driver."""
    if value.tzinfo is None:
        raise StoreError(f"{value} has no time zone: instants are aware")
    return value.astimezone(UTC).isoformat(timespec="microseconds")


def claim(connection: Connection, token: str, limit: int, now: datetime, daily_limit: int | None) -> list[Claimed]:
    """Take deliveries, oldest first; those of subscriptions that have ended meanwhile fail.

    Who is known by a hash alone, since a state has no addresses, waits until somebody names her.
    """
    if daily_limit is not None:
        limit = min(limit, daily_limit - _used(connection, daily_limit, now))
    if limit <= 0:
        return []
    ids = _take(connection, token, limit, now)
    rows = _tell(connection, ids) if ids else []
    ended = [row[0] for row in rows if not row[-1]]
    if ended:
        connection.execute(text(_FAIL.format(ids=numbers(ended))), {"now": instant(now)})
        move_marks(connection, ended)
    nameless = [row[0] for row in rows if row[-1] and row[6] is None]
    if nameless:
        connection.execute(text(_PUT_OFF.format(ids=numbers(nameless))), {"later": instant(now + _DAY)})
    return [_claimed(row) for row in rows if row[-1] and row[6] is not None]


def _take(connection: Connection, token: str, limit: int, now: datetime) -> Sequence[int]:
    """Claim what waits, of the newsletter first that waits longest; by the partial index of waiting deliveries.

    PostgreSQL passes over what another one takes.
    """
    statement = text(_TAKE if connection.dialect.name == "sqlite" else _TAKE_FREE)
    told, taken = {"token": token, "now": instant(now)}, list[int]()
    for newsletter in connection.execute(text(_WAITING), {"now": told["now"]}).scalars().all():
        of = {**told, "newsletter": newsletter, "limit": limit - len(taken)}
        taken += connection.execute(statement, of).scalars().all()
        if len(taken) >= limit:
            break
    return taken


def _tell(connection: Connection, ids: Sequence[int]) -> Sequence[Any]:
    """Return all that messages depend on, oldest first; by the primary keys."""
    return connection.exec_driver_sql(_TELL.format(ids=numbers(ids))).all()


def _used(connection: Connection, limit: int, now: datetime) -> int:
    """Return how much of a daily limit is used, as far as it goes.

    By the partial indexes of held deliveries and of those handed over.
    """
    told = {"since": instant(now - _DAY), "limit": limit}
    return int(connection.execute(text(_USED), told).scalar_one())


def _claimed(row: Any) -> Claimed:
    id, subscription, newsletter, after, upto, tries, address, name, format, groups, origin, since, by, first, _ = row
    return Claimed(
        id,
        subscription,
        unescape(newsletter),
        after,
        upto,
        tries,
        unescape(address),
        unescape(name),
        format,
        unescape(groups),
        origin,
        datetime.fromisoformat(since),
        by and unescape(by),
        first and datetime.fromisoformat(first),
    )
