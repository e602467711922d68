"""Subscriptions and the ledger as lines: keyed hashes, no address, no name, no group. Pure; may import protocols.

A line of the ledger is a transition of a delivery. Of several, whatever their order, the one that went furthest counts:
final ones before open ones, of those that of the latest try. So a message that was in flight stays so until its end is
written, and no merge makes one that was submitted pending.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from digest.protocols.state import DeliveryRow, SubscriptionRow, SuppressionRow
from digest.state.folder import Line
from digest.state.snapshots import lean

#: how long the end of a delivery is kept: nothing asks for it any more, the subscription's mark says it
KEPT = timedelta(days=90)
#: the least far first
_OPEN = ("pending", "deferred", "in_flight")
_FINAL = ("unknown", "failed", "submitted")
_INSTANTS = ("since", "ended", "at", "first_try", "not_before", "returned")

#: names a delivery: hash, newsletter, upto
Name = tuple[str, str, int]


def _encoded(row: Any) -> dict[str, Any]:
    told = row._asdict()
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in told.items()}


def _decoded(line: Line) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(value) if name in _INSTANTS and value is not None else value
        for name, value in line.items()
    }


# Subscriptions


def encode_subscription(one: SubscriptionRow) -> Line:
    """Return the line of a subscription; a consent that names an address stays out."""
    told = _encoded(one)
    for name in ("confirmed_by", "why"):
        if told[name] and "@" in told[name]:
            told[name] = None
    for name, default in (("format", "html"), ("cadence", "each")):
        if told[name] == default:
            del told[name]
    told["n"] = told.pop("id")
    hour = told.pop("hour")
    return lean(told) | {"mark": one.mark} | ({} if hour is None else {"hour": hour})


def decode_subscription(line: Line) -> SubscriptionRow:
    """Return the row of a subscription.

    Raises:
        ValueError, KeyError, TypeError: it is no line of one.
    """
    told = _decoded(line)
    return SubscriptionRow(id=told.pop("n"), **told)


def newest(rows: Iterable[SubscriptionRow]) -> list[SubscriptionRow]:
    """Return each subscription once, as it last began or ended; what was served is served. By number, each its own."""
    found: dict[tuple[str, str], SubscriptionRow] = {}
    for one in sorted(rows, key=_moment):
        known = found.get((one.newsletter, one.hash))
        found[one.newsletter, one.hash] = one._replace(mark=max(one.mark, known.mark)) if known else one
    last, numbered = 0, []
    for one in sorted(found.values(), key=lambda one: (one.id, one.newsletter, one.hash)):
        last = max(one.id, last + 1)
        numbered.append(one._replace(id=last))
    return numbered


def _moment(one: SubscriptionRow) -> tuple[datetime, int, str]:
    return max(one.since, one.ended or one.since), one.mark, repr(one)


def encode_suppression(one: SuppressionRow) -> Line:
    """Return the line of a suppression."""
    return _encoded(one)


def decode_suppression(line: Line) -> SuppressionRow:
    """Return the row of a suppression.

    Raises:
        ValueError, KeyError, TypeError: it is no line of one.
    """
    told = _decoded(line)
    return SuppressionRow(str(told["hash"]), str(told["reason"]), told["at"])


# The ledger


def encode_delivery(one: DeliveryRow) -> Line:
    """Return the line of a delivery as it is now; of what it waits for only where it was put off."""
    state = "pending" if one.state == "claimed" else one.state
    told = _encoded(one)
    told["n"] = told.pop("id")
    for name in ("not_before", "first_try"):
        if state != "deferred" and not (name == "first_try" and state in ("pending", "in_flight")):
            told[name] = None
    return lean(told) | {"state": state, "after": one.after, "tries": one.tries}


def decode_delivery(line: Line) -> DeliveryRow:
    """Return the row of a delivery.

    Raises:
        ValueError, KeyError, TypeError: it is no line of one.
    """
    told = _decoded(line)
    row = DeliveryRow(id=told.pop("n"), **told)
    _rank(row)
    return row


def name_of(one: DeliveryRow) -> Name:
    """Return what names a delivery."""
    return one.hash, one.newsletter, one.upto


def _rank(one: DeliveryRow) -> tuple[bool, int, int]:
    """Return how far a delivery went (ValueError where its state is none)."""
    if one.state in _FINAL:
        return True, 0, _FINAL.index(one.state)
    return False, one.tries, _OPEN.index(one.state)


def further(one: DeliveryRow, other: DeliveryRow) -> DeliveryRow:
    """Return which of two transitions of one delivery counts."""
    return max(one, other, key=lambda row: (_rank(row), row.settled, row.returned is not None, row.at, repr(row)))


def furthest(rows: Iterable[DeliveryRow]) -> dict[Name, DeliveryRow]:
    """Return deliveries as they are after all their transitions."""
    found: dict[Name, DeliveryRow] = {}
    for one in rows:
        known = found.get(name_of(one))
        found[name_of(one)] = one if known is None else further(known, one)
    return found


def ledger(told: Sequence[tuple[str, DeliveryRow]], now: Sequence[DeliveryRow], at: datetime) -> Iterator[str | Line]:
    """Yield the ledger: its lines so far, and a line for each delivery that went on since.

    Where a delivery is less far than its lines say, it was taken back: they go, and the line of now stands alone.

    Args:
        told: lines of the file, with what they say.
        now: the deliveries as they are.
        at: ends so long before it are left out.
    """
    before = furthest(row for _, row in told)
    kept = {name_of(one): one for one in now if one.state not in _FINAL or one.at > at - KEPT}
    back = {name for name, one in kept.items() if (known := before.get(name)) and not _went_on(known, one)}
    for line, row in told:
        if name_of(row) in kept and name_of(row) not in back:
            yield line
    for name, one in kept.items():
        line_now = encode_delivery(one)
        if name in back or name not in before or encode_delivery(before[name]) != line_now:
            yield line_now


def _went_on(known: DeliveryRow, now: DeliveryRow) -> bool:
    plain = now._replace(state="pending") if now.state == "claimed" else now
    return encode_delivery(known) == encode_delivery(plain) or further(known, plain) is plain


def tidied(
    deliveries: Mapping[Name, DeliveryRow], subscriptions: Sequence[SubscriptionRow], last: Mapping[str, int]
) -> list[DeliveryRow]:
    """Return the deliveries that can be: of known subscriptions and editions, one open each, with numbers of their own.

    Args:
        deliveries: those of the ledger.
        subscriptions: those that there are.
        last: newsletter -> number of its newest edition.
    """
    known = {(one.hash, one.newsletter) for one in subscriptions}
    is_open: set[tuple[str, str]] = set()
    found: list[DeliveryRow] = []
    number = 0
    for one in sorted(deliveries.values(), key=lambda one: (one.id, one.newsletter, one.hash)):
        whose = one.hash, one.newsletter
        if whose not in known or one.upto > last.get(one.newsletter, 0) or (one.state in _OPEN and whose in is_open):
            continue
        if one.state in _OPEN:
            is_open.add(whose)
        number = max(one.id, number + 1)
        found.append(one._replace(id=number))
    return found
