"""A store with readers whose first edition is due, and ways to look at what a sender does with its ledger."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from digest.delivery.sender import Sender
from digest.delivery.settings import Pace
from digest.delivery.tally import Tally
from digest.models import Delivery, Subscriber
from digest.protocols import Claimed, Concluded, Ledger, Store, Transport
from digest.store import open_store
from digest.testing import (
    NOON,
    FrozenClock,
    RecordingTransport,
    commit_dump,
    make_change,
    make_edition,
    make_listing,
    make_outgoing,
    make_paper,
    make_receipt,
)


def addresses(count: int, domain: str = "example.org") -> list[str]:
    return [f"reader{number}@{domain}" for number in range(1, count + 1)]


@contextmanager
def readers(path: Path, *people: str, newsletter: str = "daily"):
    """Give a store whose ledger has a pending delivery for each address."""
    store = open_store(str(path / "digest.db"), clock=FrozenClock())
    try:
        listing = make_listing(ids=["arxiv:2611.00001"])
        commit_dump(store, [make_change("new", listing)])
        store.enrol(newsletter, 0)
        wishes = [Subscriber(address=address) for address in people]
        store.subscribers.admit(newsletter, wishes, at=NOON, origin="command", confirmed_by="a test")
        store.publish(make_edition([make_paper(listing)], newsletter=newsletter), make_receipt())
        made = store.ledger.sweep(newsletter, store.ledger.timings(newsletter), NOON)
        assert made == len(people), "each reader has one delivery"
        yield store
    finally:
        store.close()


def sender(store: Store, transport: Transport, **told: Any) -> Sender:
    """Return a sender that waits for nothing longer than it must."""
    given: dict[str, Any] = {"clock": FrozenClock(), "pace": Pace(), "policies": {}, "backoff": 0.001, **told}
    return Sender(given.pop("ledger", store.ledger), transport, given.pop("make", make_outgoing), **given)


def send(store: Store, transport: Transport, *, limit: int | None = None, **told: Any) -> Tally:
    """Send all that is due."""
    with store.ledger.sender("a test") as token:
        return sender(store, transport, **told).work(token, limit=limit)


def states(store: Store) -> Mapping[str, str]:
    """Return the state of each delivery by its address."""
    return {one.address or "": one.state for one in store.ledger.deliveries("daily")}


def delivery(store: Store, address: str = "reader1@example.org") -> Delivery:
    (found,) = [one for one in store.ledger.deliveries("daily") if one.address == address]
    return found


class Watched:
    """A ledger that lets a test see, and disturb, what a sender asks of it; the work is done by the real one."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        #: (what was asked, ids) in order
        self.log: list[tuple[str, tuple[int, ...]]] = []
        #: of each commit: how many began, how many ended
        self.commits: list[tuple[int, int]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def claim(self, token: str, limit: int, now: datetime, *, daily_limit: int | None = None) -> Sequence[Claimed]:
        found = self._ledger.claim(token, limit, now, daily_limit=daily_limit)
        self.log.append(("claim", tuple(one.id for one in found)))
        return found

    def claiming(
        self, token: str, limit: int, now: datetime, *, daily_limit: int | None = None
    ) -> Callable[[], Sequence[Claimed]]:
        return partial(self.claim, token, limit, now, daily_limit=daily_limit)

    def advance(
        self, token: str, begun: Sequence[Claimed], concluded: Sequence[Concluded], now: datetime, **told: Any
    ) -> frozenset[int]:
        self.before(begun, concluded)
        lost = self._ledger.advance(token, begun, concluded, now, **told)
        self.log.append(("begun", tuple(one.id for one in begun)))
        self.log.append(("concluded", tuple(one.delivery.id for one in concluded)))
        self.commits.append((len(begun), len(concluded)))
        self.after(begun, concluded)
        return lost

    def before(self, begun: Sequence[Claimed], concluded: Sequence[Concluded]) -> None:
        """Do something before a commit."""

    def after(self, begun: Sequence[Claimed], concluded: Sequence[Concluded]) -> None:
        """Do something after a commit."""

    def give_back(self, token: str) -> int:
        self.log.append(("give_back", ()))
        return self._ledger.give_back(token)


class Together(Watched):
    """Commits nothing before so many lanes were opened."""

    def __init__(self, ledger: Ledger, transport: RecordingTransport, lanes: int) -> None:
        super().__init__(ledger)
        self._transport, self._lanes = transport, lanes

    def before(self, begun: Sequence[Claimed], concluded: Sequence[Concluded]) -> None:
        until = time.monotonic() + 20
        while self._transport.opened < self._lanes and time.monotonic() < until:
            time.sleep(0.001)
