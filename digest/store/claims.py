"""Claims: how a sender takes deliveries out. May import protocols and the schema."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from digest.protocols import Claimed
from digest.store import rows
from digest.store.rows import Raw
from digest.store.senders import move_marks
from digest.store.types import instant, unescape
from digest.store.values import numbers

#: what a relay's daily limit counts
_DAY = timedelta(hours=24)
#: columns of what a message depends on
_ADDRESS, _WANTED, _SINCE = 6, 14, 15

# The conditions of the partial indexes stand here in their very words (schema.py).
# What a paused newsletter has may be a million rows, which a look for the oldest of all would pass over each time.
_WAITING = """
WITH heads AS MATERIALIZED (
    SELECT n.id, (
        SELECT min(d.not_before) FROM deliveries d
        WHERE d.state IN ('pending', 'deferred') AND d.newsletter = n.id AND d.not_before <= ?
    ) AS oldest FROM newsletters n WHERE NOT n.paused
) SELECT id FROM heads WHERE oldest IS NOT NULL ORDER BY oldest, id
"""
_FIRST = """
SELECT id FROM deliveries WHERE state IN ('pending', 'deferred') AND newsletter = ? AND not_before <= ?
ORDER BY not_before, id LIMIT ?
"""
# What a message depends on: the fields of Claimed, whether it is still wanted, and since when it waits.
_TOLD = """
SELECT d.id, d.subscription, d.newsletter, d.after, d.upto, d.tries, p.address, p.name, s.format, s.groups, s.origin,
    s.since, s.confirmed_by, d.first_try, s.status = 'confirmed', d.not_before
FROM {} d JOIN subscriptions s ON s.id = d.subscription JOIN subscribers p ON p.id = s.subscriber
"""
_CLAIM = "UPDATE deliveries SET state = 'claimed', token = ?, at = ? WHERE id "
_TAKE = _CLAIM + f"IN ({_FIRST}) RETURNING id"
_TELL = _TOLD.format("deliveries") + "WHERE d.id IN ({ids})"
# An array is made once; a subselect with a limit might be run for each row.
_TAKE_ALONE = _CLAIM + f"= ANY(ARRAY({_FIRST} FOR UPDATE SKIP LOCKED)) RETURNING *"
_TAKE_AND_TELL = f"WITH taken AS ({_TAKE_ALONE}) {_TOLD.format('taken')}"

#: Claims for a sender that is enlisted, of the newsletter that waits longest, on PostgreSQL. It locks those rows, and
#: the sender's own, which keeps it enlisted.
AHEAD = f"""
WITH me AS MATERIALIZED (
    SELECT token FROM senders WHERE token = %(token)s::text FOR KEY SHARE
), head AS MATERIALIZED (
    {_WAITING.replace("?", "%(now)s::text")} LIMIT 1
), taken AS (
    UPDATE deliveries SET state = 'claimed', token = me.token, at = %(now)s::text FROM me WHERE id = ANY(ARRAY(
        SELECT d.id FROM deliveries d WHERE d.state IN ('pending', 'deferred')
        AND d.newsletter = (SELECT id FROM head) AND d.not_before <= %(now)s::text
        ORDER BY d.not_before, d.id LIMIT %(limit)s::bigint FOR UPDATE SKIP LOCKED
    )) RETURNING deliveries.*
) {_TOLD.format("taken")}
"""  # noqa: S608 - ours

_USED = """
SELECT (
    SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE token IS NOT NULL LIMIT :limit) AS held
) + (
    SELECT count(*) FROM (
        SELECT 1 FROM deliveries WHERE state IN ('submitted', 'unknown') AND at > :since LIMIT :limit
    ) AS over
)
"""

_FAIL = """
UPDATE deliveries SET state = 'failed', token = NULL, at = :now, note = 'the subscription has ended' WHERE id IN ({ids})
"""

_PUT_OFF = """
UPDATE deliveries SET state = 'pending', token = NULL, not_before = :later WHERE id IN ({ids})
"""


def claim(connection: Connection, token: str, limit: int, now: datetime, daily_limit: int | None) -> list[Claimed]:
    """Take deliveries, oldest first; those of subscriptions that have ended meanwhile fail.

    Who is known by a hash alone, since a state has no addresses, waits until somebody names her.
    """
    if daily_limit is not None:
        limit = min(limit, daily_limit - _used(connection, daily_limit, now))
    if limit <= 0:
        return []
    found = _take(connection, token, limit, now)
    settle(connection, found, now)
    return wanted(found)


def parameters(token: str, limit: int, now: datetime) -> dict[str, object]:
    """Return what `AHEAD` is told."""
    return {"token": token, "limit": limit, "now": instant(now)}


def settle(connection: Connection, found: Sequence[Raw], now: datetime) -> None:
    """Say of what was claimed, and is not to be sent, what becomes of it."""
    ended = [row[0] for row in found if not row[_WANTED]]
    if ended:
        connection.execute(text(_FAIL.format(ids=numbers(ended))), {"now": instant(now)})
        move_marks(connection, ended)
    nameless = [row[0] for row in found if row[_WANTED] and row[_ADDRESS] is None]
    if nameless:
        connection.execute(text(_PUT_OFF.format(ids=numbers(nameless))), {"later": instant(now + _DAY)})


def wanted(found: Sequence[Raw]) -> list[Claimed]:
    """Return what is to be sent of what was claimed, oldest first."""
    oldest = sorted(found, key=lambda row: (row[_SINCE], row[0]))
    return [_claimed(row) for row in oldest if row[_WANTED] and row[_ADDRESS] is not None]


def _take(connection: Connection, token: str, limit: int, now: datetime) -> list[Raw]:
    """Claim what waits, of the newsletter first that waits longest; return all that messages depend on.

    By the partial index of waiting deliveries, then by the primary keys. PostgreSQL passes over what another one takes.
    """
    at, taken = instant(now), list[Raw]()
    for (newsletter,) in rows.ask(connection, _WAITING, (at,)):
        of = token, at, newsletter, at, limit - len(taken)
        if connection.dialect.name == "sqlite":
            taken += _tell(connection, [id for (id,) in rows.ask(connection, _TAKE, of)])
        else:
            taken += rows.ask(connection, _TAKE_AND_TELL, of)
        if len(taken) >= limit:
            break
    return taken


def _tell(connection: Connection, ids: Sequence[int]) -> Sequence[Raw]:
    """Return all that messages depend on; by the primary keys."""
    return rows.ask(connection, _TELL.format(ids=numbers(ids))) if ids else ()


def _used(connection: Connection, limit: int, now: datetime) -> int:
    """Return how much of a daily limit is used, as far as it goes.

    By the partial indexes of held deliveries and of those handed over.
    """
    told = {"since": instant(now - _DAY), "limit": limit}
    return int(connection.execute(text(_USED), told).scalar_one())


def _claimed(row: Raw) -> Claimed:
    id, subscription, newsletter, after, upto, tries, address, name, format, groups, origin, since, by, first = row[
        :_WANTED
    ]
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
