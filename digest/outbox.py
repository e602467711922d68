"""The last step: what is due goes out. Another process may do it, and it can die anywhere.

    recover | work what is open | sweep | work what became due

What is due follows from marks, cadence and hour alone. May import protocols, models, the sender and the ground; the
ledger is handed in.
"""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from digest.clock import Clock
from digest.delivery.sender import Sender
from digest.delivery.tally import Tally
from digest.models import DeliveryCounts, Edition, Newsletter, Stored
from digest.protocols import Outgoing, Recovered, Store, Timing, Transport

#: seconds between two looks for new editions and hours that came, of a sender that follows
SWEEP = 30.0
#: seconds between two looks for deliveries that another process made
POLL = 2.0
#: editions looked at: what was not due in that many is due long since
_LOOKED_BACK = 40
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Post:
    """What delivering works with."""

    store: Store
    sender: Sender
    newsletters: Sequence[Newsletter]
    clock: Clock
    #: an edition, an address -> the message of a test
    test: Callable[[Edition, str], Outgoing]

    @property
    def transport(self) -> Transport:
        """What messages are handed to."""
        return self.sender.transport


@dataclass(frozen=True)
class Delivered:
    """What a delivery run did."""

    transport: str
    tally: Tally
    #: what it found of senders that had ended
    recovered: Recovered = field(default_factory=lambda: Recovered(0, 0, 0))
    #: deliveries that became due
    swept: int = 0
    #: what is in the ledger afterwards
    left: DeliveryCounts = field(default_factory=DeliveryCounts)

    @property
    def counts(self) -> DeliveryCounts:
        """What a receipt says: what waits now, and what this run brought to an end."""
        return DeliveryCounts(
            pending=self.left.pending,
            submitted=self.tally.submitted,
            deferred=self.left.deferred,
            failed=self.tally.failed,
            unknown=self.tally.unknown + self.recovered.unknown,
        )


def deliver(post: Post, *, limit: int | None = None, stop: threading.Event | None = None) -> Delivered:
    """Finish what is open, then make and work what is due; returns when nothing is left to do now.

    Args:
        post: with what.
        limit: messages at most.
        stop: set to end early; messages in flight are finished.
    """
    ledger = post.store.ledger
    with ledger.sender(f"send {os.getpid()}") as token:
        recovered = ledger.recover(post.sender.policies, post.clock())
        tally = post.sender.work(token, limit=limit, stop=stop)
        swept = 0
        if tally.trouble is None:
            swept = sweep(post)
            if swept and (limit is None or tally.total < limit) and not (stop and stop.is_set()):
                rest = None if limit is None else limit - tally.total
                tally = tally + post.sender.work(token, limit=rest, stop=stop)
    return Delivered(post.transport.name, tally, recovered, swept, ledger.counts())


def follow(post: Post, *, limit: int | None = None, stop: threading.Event) -> Delivered:
    """Work the outbox until `stop` is set, or the transport is in trouble; several at once are safe."""
    ledger = post.store.ledger
    with ledger.sender(f"send --follow {os.getpid()}") as token:
        done = Delivered(post.transport.name, Tally())
        looked = None
        while not stop.is_set():
            done = replace(done, recovered=_add(done.recovered, ledger.recover(post.sender.policies, post.clock())))
            rest = None if limit is None else limit - done.tally.total
            done = replace(done, tally=done.tally + post.sender.work(token, limit=rest, stop=stop))
            if done.tally.trouble or (limit is not None and done.tally.total >= limit):
                break
            if looked is None or looked >= SWEEP:
                looked = 0.0
                made = sweep(post)
                done = replace(done, swept=done.swept + made)
                if made:
                    continue
            stop.wait(POLL)
            looked += POLL
    return replace(done, left=ledger.counts())


def sweep(post: Post) -> int:
    """Make the deliveries that are due by now; return how many there are. Safe to repeat."""
    now, made = post.clock(), 0
    for newsletter in post.newsletters:
        editions = post.store.editions(newsletter.id)[-_LOOKED_BACK:]
        by_number: dict[int, list[Timing]] = defaultdict(list)
        for timing in post.store.ledger.timings(newsletter.id) if editions else ():
            upto = newest_due(timing, newsletter, editions, now)
            if upto is not None:
                by_number[upto].append(timing)
        for upto, timings in by_number.items():
            made += post.store.ledger.sweep(newsletter.id, timings, now, upto=upto)
    return made


def newest_due(timing: Timing, newsletter: Newsletter, editions: Sequence[Stored], now: datetime) -> int | None:
    """Return the number of the newest edition that is due by `now` for readers of one wish.

    Each edition is due when it is out, not before the reader's hour of a day of hers. A weekly mail goes on its day at
    that hour, without one when the day's edition is out, at the latest when the day is over; it holds what came out
    before. Whoever was not served on the day is served late.

    Args:
        timing: the wish.
        newsletter: gives the zone to those who have none.
        editions: oldest first.
        now: the instant.
    """
    zone = ZoneInfo(timing.timezone or newsletter.timezone)
    instants = [one.instant.astimezone(zone) for one in editions]
    due = [
        one.ref.number
        for one, instant in zip(editions, instants, strict=True)
        if (_due(timing, instant) if timing.cadence == "each" else _due_weekly(timing, instant, instants)) <= now
    ]
    return max(due, default=None)


def _due(timing: Timing, instant: datetime) -> datetime:
    """Return when an edition that is out at a local instant is due for those who want each."""
    if timing.hour is None or instant.hour >= timing.hour:
        return instant
    return datetime.combine(instant.date(), time(timing.hour), instant.tzinfo)


def _due_weekly(timing: Timing, instant: datetime, others: Sequence[datetime]) -> datetime:
    """Return when an edition that is out at a local instant is due for those who want one mail a week."""
    day = instant.date() + timedelta(days=(_DAYS.index(timing.cadence) - instant.weekday()) % 7)
    if timing.hour is not None:
        goes = datetime.combine(day, time(timing.hour), instant.tzinfo)
        return goes if goes >= instant else datetime.combine(day + timedelta(days=7), time(timing.hour), instant.tzinfo)
    of_the_day = [other for other in others if other.date() == day and other >= instant]
    return min(of_the_day) if of_the_day else datetime.combine(day + timedelta(days=1), time(0), instant.tzinfo)


def _add(one: Recovered, other: Recovered) -> Recovered:
    return Recovered(one.returned + other.returned, one.unknown + other.unknown, one.resent + other.resent)
