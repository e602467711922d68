"""Newsletters with editions and people who read them, for the tests of what goes to whom."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from digest.models import Admission, Delivery, Subscriber, Subscription
from digest.protocols import Claimed, Concluded, Outcome, Store
from digest.store import open_store
from digest.testing import DAY, NOON, commit_dump, make_change, make_edition, make_listing, make_paper, make_receipt

LISTING = make_listing(ids=["arxiv:2611.00001"])
TAKEN = Outcome("submitted", 250, "2.0.0", "queued")
LATER = NOON + timedelta(hours=1)


@cache
def template() -> bytes:
    """Return a SQLite store with two editions of `daily`: to copy one is quicker than to make one."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digest.db"
        store = open_store(str(path))
        publish(store, 2)
        store.close()
        return path.read_bytes()


def ready(url: str) -> str:
    """Give a store that is empty as yet two editions of `daily`."""
    if "://" in url:
        store = open_store(url)
        publish(store, 2)
        store.close()
    else:
        Path(url).write_bytes(template())
    return url


def publish(store: Store, editions: int = 1, newsletter: str = "daily") -> None:
    """Publish editions of a newsletter, met now if it was not."""
    if not store.dump_count():
        commit_dump(store, [make_change("new", LISTING)])
    state = store.enrol(newsletter, 0)
    first = state.last.number + 1 if state.last else 1
    for number in range(first, first + editions):
        edition = make_edition(
            [make_paper(LISTING)],
            newsletter=newsletter,
            number=number,
            after=number - 1,
            upto=number,
            date=DAY + timedelta(days=number),
        )
        assert store.publish(edition, make_receipt())


def admit(store: Store, *names: str, newsletter: str = "daily", mark: int | None = 0, **how: Any) -> list[Admission]:
    """Add people by the part of their address before the @."""
    wishes = {name: how.pop(name) for name in list(how) if name in Subscriber.model_fields}
    people = [Subscriber(address=f"{name}@example.org", **wishes) for name in names]
    how = {"at": NOON, "origin": "command", "confirmed_by": "the owner", **how}
    return list(store.subscribers.admit(newsletter, people, mark=mark, **how))


def sweep(store: Store, newsletter: str = "daily") -> int:
    """Make deliveries for everybody."""
    return store.ledger.sweep(newsletter, store.ledger.timings(newsletter), NOON)


def subscription(store: Store, name: str, newsletter: str = "daily") -> Subscription:
    """Return somebody's subscription."""
    (found,) = store.subscribers.subscriptions(newsletter, address=f"{name}@example.org")
    return found


def deliveries(store: Store, newsletter: str = "daily") -> dict[str, str]:
    """Return state by name and interval, like `ann 0-1`."""
    return {told(one): one.state for one in store.ledger.deliveries(newsletter)}


def told(one: Delivery) -> str:
    return f"{(one.address or '?').split('@')[0]} {one.after}-{one.upto}"


def conclude(
    store: Store, token: str, claimed: Sequence[Claimed], outcome: Outcome = TAKEN, when: datetime | None = None
) -> None:
    """Let messages begin, and come to their ends."""
    assert store.ledger.advance(token, claimed, [], NOON) == frozenset()
    store.ledger.advance(token, [], [Concluded(one, outcome, when) for one in claimed], NOON)


def serve(store: Store, outcome: Outcome = TAKEN, when: datetime | None = None) -> int:
    """Sweep, and let all that is due come to an end; return how many."""
    sweep(store)
    with store.ledger.sender("test") as token:
        claimed = store.ledger.claim(token, 1000, NOON)
        conclude(store, token, claimed, outcome, when)
    return len(claimed)
