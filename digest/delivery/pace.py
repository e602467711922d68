"""How fast messages may go: token buckets for the sender and for each domain of readers. Pure but for the clock given.

May import the settings.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import islice
from typing import Generic, TypeVar

from digest.delivery.settings import Pace

Item = TypeVar("Item")

#: seconds whose messages a fast bucket may give at once: a loop that wakes for each of 1,000 a second is a busy one
BURST = 0.05
#: part of a message by which a bucket may be wrong: what floats lose on the way must not cost a wait
SLACK = 1e-3
#: domains that are remembered before those that are full again are dropped
REMEMBERED = 10_000


class Bucket:
    """A token bucket: `rate` a second, and never more than a twentieth of a second's at once (at least one)."""

    __slots__ = ("_at", "_capacity", "_level", "_rate")

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._capacity = self._level = max(1.0, rate * BURST)
        self._at = now

    def _fill(self, now: float) -> float:
        self._level = min(self._capacity, self._level + max(0.0, now - self._at) * self._rate)
        self._at = now
        return self._level

    def tokens(self, now: float) -> int:
        """Return how many may go now."""
        return int(self._fill(now) + SLACK)

    def take(self, now: float) -> None:
        """Let one go."""
        self._level = self._fill(now) - 1.0

    def wait(self, now: float) -> float:
        """Return the seconds until one may go; 0: now."""
        return 0.0 if self.tokens(now) else (1.0 - self._level) / self._rate

    def is_full(self, now: float) -> bool:
        """Say whether it is as it was at first."""
        return self._fill(now) >= self._capacity


class Waiting(Generic[Item]):
    """Messages that wait for a lane: gives out the oldest that may go now, past those whose domain has to wait.

    Args:
        pace: the rates.
        now: seconds that only grow, like `time.monotonic`.
    """

    def __init__(self, pace: Pace, now: Callable[[], float]) -> None:
        self._now = now
        self._all = None if pace.rate is None else Bucket(pace.rate, now())
        self._domain_rate = pace.domain_rate
        self._buckets: dict[str, Bucket] = {}
        #: of each domain those that wait, with their place; without a domain rate all are of one
        self._lines: dict[str, deque[tuple[int, Item]]] = {"": deque()} if pace.domain_rate is None else {}
        #: (place of its first, domain) of domains that need not wait
        self._open: list[tuple[int, str]] = []
        #: (instant, domain) of those that must
        self._later: list[tuple[float, str]] = []
        self._count = 0
        self._place = 0

    def __len__(self) -> int:
        return self._count

    def add(self, address: str, item: Item) -> None:
        """Let a message wait, behind all others."""
        self._place += 1
        self._count += 1
        if self._domain_rate is None:
            self._lines[""].append((self._place, item))
            return
        domain = address.rpartition("@")[2].lower()
        line = self._lines.get(domain)
        if line is None:
            line = self._lines[domain] = deque()
            line.append((self._place, item))
            self._queue(domain, self._now())
        else:
            line.append((self._place, item))

    def _bucket(self, domain: str, now: float) -> Bucket:
        bucket = self._buckets.get(domain)
        if bucket is None:
            assert self._domain_rate is not None
            if len(self._buckets) >= REMEMBERED:
                self._buckets = {name: one for name, one in self._buckets.items() if not one.is_full(now)}
            bucket = self._buckets[domain] = Bucket(self._domain_rate, now)
        return bucket

    def _queue(self, domain: str, now: float) -> None:
        """Put a domain where it is found when it may go."""
        wait = self._bucket(domain, now).wait(now)
        if wait:
            heappush(self._later, (now + wait, domain))
        else:
            heappush(self._open, (self._lines[domain][0][0], domain))

    def _wake(self, now: float) -> None:
        while self._later and self._later[0][0] <= now:
            domain = heappop(self._later)[1]
            heappush(self._open, (self._lines[domain][0][0], domain))

    def depth(self) -> int:
        """Return about how many would go now if only domains had a rate."""
        if self._domain_rate is None:
            return self._count
        self._wake(self._now())
        return len(self._open)

    def ready(self) -> int:
        """Return about how many may go now."""
        depth = self.depth()
        return depth if self._all is None else min(depth, self._all.tokens(self._now()))

    def wait(self) -> float | None:
        """Return the seconds until one may go; 0: now; None: nothing waits."""
        if not self._count:
            return None
        now = self._now()
        everybody = 0.0 if self._all is None else self._all.wait(now)
        if self.depth():
            return everybody
        return max(everybody, self._later[0][0] - now)

    def take(self) -> Item | None:
        """Give the oldest that may go now out; None: none may."""
        if not self._count:
            return None
        if self._all is None and self._domain_rate is None:
            self._count -= 1
            return self._lines[""].popleft()[1]
        now = self._now()
        if self._all is not None and not self._all.tokens(now):
            return None
        item = self._first(now)
        if item is not None:
            self._count -= 1
            if self._all is not None:
                self._all.take(now)
        return item

    def _first(self, now: float) -> Item | None:
        if self._domain_rate is None:
            return self._lines[""].popleft()[1]
        self._wake(now)
        if not self._open:
            return None
        domain = heappop(self._open)[1]
        line = self._lines[domain]
        item = line.popleft()[1]
        self._bucket(domain, now).take(now)
        if line:
            self._queue(domain, now)
        else:
            del self._lines[domain]
        return item

    def first(self, count: int) -> list[Item]:
        """Return those that will be taken next, where that is known: without any rate."""
        if self._all is not None or self._domain_rate is not None:
            return []
        return [item for _, item in islice(self._lines[""], count)]

    def clear(self) -> list[Item]:
        """Let nothing wait any more; return what did."""
        items = [item for line in self._lines.values() for _, item in line]
        self._lines = {"": deque()} if self._domain_rate is None else {}
        self._open, self._later, self._count = [], [], 0
        return items
