"""The hot path of delivery: messages begin, and come to their ends, in one commit for each few of them.

Statements go to the driver itself, on a connection that a sender has to itself: SQLAlchemy's way of running one costs
more than the statement. May import protocols and the schema's words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from digest.logs import logger
from digest.protocols import Claimed, Concluded
from digest.store.types import escape, instant

#: rows of `concluded` as statements take them: id, subscription, upto, state, counted, not before, code, note
End = tuple[int, int, int, str, int, str | None, int | None, str | None]

_BEGIN = """
UPDATE deliveries SET state = 'in_flight', at = ?, first_try = coalesce(first_try, ?)
WHERE id = ? AND token = ? AND state = 'claimed'
"""
# What no server can have taken may end without having been in flight.
_END = """
UPDATE deliveries SET state = ?, tries = tries + ?, at = ?, first_try = CASE WHEN ? THEN coalesce(first_try, ?)
ELSE first_try END, not_before = coalesce(?, not_before), code = ?, note = ?, token = NULL
WHERE id = ? AND token = ? AND (state = 'in_flight' OR state = 'claimed' AND ?)
"""
# The same for what nearly all come to.
_SUBMIT = """
UPDATE deliveries SET state = 'submitted', tries = tries + 1, at = ?, code = ?, note = ?, token = NULL
WHERE id = ? AND token = ? AND state = 'in_flight'
"""
_MARK = "UPDATE subscriptions SET mark = ? WHERE id = ? AND mark < ?"
_ENDED = """
UPDATE deliveries SET state = 'failed', note = (SELECT why FROM subscriptions WHERE id = subscription)
WHERE id = ? AND (SELECT status FROM subscriptions WHERE id = subscription) <> 'confirmed'
"""

#: All of it, for PostgreSQL.
# Rows are found by id alone: state and token are put so that no partial index answers for them. Those are full of dead
# versions of the rows that this sender had before, and of a million that wait.
AT_ONCE = """
WITH begun AS (
    UPDATE deliveries SET state = 'in_flight', at = %(now)s::text, first_try = coalesce(first_try, %(now)s::text)
    WHERE id = ANY(%(begun)s::bigint[]) AND token IS NOT DISTINCT FROM %(token)s::text
    AND CASE state WHEN 'claimed' THEN true WHEN 'in_flight' THEN %(again)s::boolean ELSE false END RETURNING id
), ended AS (
    UPDATE deliveries d SET
        state = CASE WHEN v.waits AND s.status <> 'confirmed' THEN 'failed' ELSE v.state END,
        note = CASE WHEN v.waits AND s.status <> 'confirmed' THEN s.why ELSE v.note END,
        tries = d.tries + v.counted, at = %(now)s::text, code = v.code, token = NULL,
        first_try = CASE WHEN v.counted > 0 THEN coalesce(d.first_try, %(now)s::text) ELSE d.first_try END,
        not_before = coalesce(v.not_before, d.not_before)
    FROM (
        SELECT *, state IN ('deferred', 'pending') AS waits, state NOT IN ('submitted', 'unknown') AS unsent
        FROM unnest(
            %(ids)s::bigint[], %(subscriptions)s::bigint[], %(states)s::text[], %(counted)s::int[],
            %(not_before)s::text[], %(codes)s::int[], %(notes)s::text[]
        ) AS u (id, subscription, state, counted, not_before, code, note)
    ) v JOIN subscriptions s ON s.id = v.subscription
    WHERE d.id = v.id AND d.token IS NOT DISTINCT FROM %(token)s::text
    AND CASE d.state WHEN 'in_flight' THEN true WHEN 'claimed' THEN v.unsent ELSE false END
    RETURNING d.id, d.subscription, d.upto, d.state
), marks AS (
    UPDATE subscriptions s SET mark = e.upto FROM ended e
    WHERE s.id = e.subscription AND e.state NOT IN ('deferred', 'pending') AND s.mark < e.upto
)
SELECT true, id FROM begun UNION ALL SELECT false, id FROM ended
"""


def ends(concluded: Sequence[Concluded]) -> list[End]:
    """Return what became of messages as rows."""
    return [_end(*one) for one in concluded]


def _end(delivery: Claimed, outcome: Any, not_before: datetime | None) -> End:
    state, code, status, said = outcome
    when = instant(not_before) if not_before is not None and state == "deferred" else None
    note = " ".join(part for part in (status, said) if part) if status or said else None
    counted = state != "pending"
    return delivery[0], delivery[1], delivery[4], state, counted, when, code, note and escape(note)


def all_well(cursor: Any, token: str, begun: Sequence[Claimed], ended: Sequence[End], now: str) -> bool:
    """Write what happened, where no claim was lost and every end is `submitted`; by the primary keys.

    False: it is not so, and the transaction that is open has to be undone.
    """
    if any(end[3] != "submitted" for end in ended):
        return False
    run = cursor.executemany
    if begun and run(_BEGIN, [(now, now, one[0], token) for one in begun]).rowcount != len(begun):
        return False
    if ended:
        if run(_SUBMIT, [(now, end[6], end[7], end[0], token) for end in ended]).rowcount != len(ended):
            return False
        run(_MARK, [(end[2], end[1], end[2]) for end in ended])
    return True


def sqlite(cursor: Any, token: str, begun: Sequence[Claimed], ended: Sequence[End], now: str) -> frozenset[int]:
    """Write what happened, in the transaction that is open; return what of `begun` was lost; by the primary keys."""
    run = cursor.execute
    lost = [one[0] for one in begun if not run(_BEGIN, (now, now, one[0], token)).rowcount]
    for id, subscription, upto, state, counted, not_before, code, note in ended:
        unsent = state not in ("submitted", "unknown")
        values = (state, counted, now, counted, now, not_before, code, note, id, token, unsent)
        if not run(_END, values).rowcount:
            _tell_lost(id, state)
            continue
        waits = state in ("deferred", "pending")
        if not waits or run(_ENDED, (id,)).rowcount:
            run(_MARK, (upto, subscription, upto))
    return frozenset(lost)


def parameters(
    token: str, begun: Sequence[Claimed], ended: Sequence[End], now: str, *, again: bool = False
) -> dict[str, object]:
    """Return what `AT_ONCE` is told.

    Args:
        token: the sender's.
        begun: as in `Ledger.advance`.
        ended: what `ends` made of those concluded.
        now: the instant noted.
        again: the connection broke when this was tried before, and it may have been committed: what is in flight
            under this token has begun, and what is not held any more has been written.
    """
    ids, subscriptions, _uptos, states, counted, not_before, codes, notes = (
        zip(*ended, strict=True) if ended else ((),) * 8
    )
    return {
        "token": token,
        "now": now,
        "again": again,
        "begun": [delivery[0] for delivery in begun],
        "ids": list(ids),
        "subscriptions": list(subscriptions),
        "states": list(states),
        "counted": list(map(int, counted)),
        "not_before": list(not_before),
        "codes": list(codes),
        "notes": list(notes),
    }


def lost(begun: Sequence[Claimed], ended: Sequence[End], rows: Iterable[tuple[bool, int]]) -> frozenset[int]:
    """Return what of `begun` was lost, and say which ends were, from what `AT_ONCE` returned."""
    rows = list(rows)
    written = {id for is_begun, id in rows if not is_begun}
    for id, _, _, state, *_ in ended:
        if id not in written:
            _tell_lost(id, state)
    return frozenset(delivery[0] for delivery in begun) - {id for is_begun, id in rows if is_begun}


def _tell_lost(id: int, state: str) -> None:
    """Say that an outcome is not noted, for another one was faster; what a server said is not repeated."""
    logger().warning("delivery had been taken back", delivery=id, outcome=state)
