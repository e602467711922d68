"""Deliveries that are made pending once more, by a person's wish."""

from __future__ import annotations

import pytest

from digest.models import DeliveryCounts
from digest.protocols import Store
from digest.testing import NOON
from tests.store.readers import LATER, admit, conclude, deliveries, publish, ready, serve, subscription, sweep
from tests.store.test_ledger import LATE, REFUSED, UNKNOWN, names


@pytest.fixture
def url(url: str) -> str:
    return ready(url)


def test_failed_ones_are_reopened(store: Store) -> None:
    admit(store, "ann", "bob", "cid", "dee")
    serve(store, REFUSED)
    ledger = store.ledger
    store.subscribers.unsubscribe("bob@example.org", at=NOON, why="w")
    store.subscribers.suppress("cid@example.org", at=NOON, reason="bounced")
    assert ledger.reopen("daily", LATER, states=["unknown", "submitted"]) == 0
    assert ledger.reopen("daily", LATER, states=["failed"], number=3) == 0
    assert ledger.reopen("daily", LATER, states=["failed"], number=1) == 2
    with ledger.sender("test") as token:
        assert ledger.claim(token, 9, NOON) == []
        claimed = ledger.claim(token, 9, LATER)
        assert [(name, one.tries, one.first_try) for name, one in zip(names(claimed), claimed, strict=True)] == [
            ("ann", 0, None),
            ("dee", 0, None),
        ]
        conclude(store, token, claimed)
    assert deliveries(store) == {
        "ann 0-2": "submitted",
        "bob 0-2": "failed",
        "cid 0-2": "failed",
        "dee 0-2": "submitted",
    }


def test_reopening_leaves_one_open_delivery(store: Store) -> None:
    admit(store, "ann", "bob")
    serve(store, REFUSED)
    publish(store)
    serve(store, REFUSED)
    assert store.ledger.reopen("daily", NOON, states=["failed"]) == 2
    assert store.ledger.reopen("daily", NOON, states=["failed"]) == 0
    assert deliveries(store) == {
        "ann 0-2": "pending",
        "ann 2-3": "failed",
        "bob 0-2": "pending",
        "bob 2-3": "failed",
    }


def test_open_states_are_not_reopened(store: Store) -> None:
    admit(store, "ann")
    serve(store, LATE, when=LATER)
    assert store.ledger.reopen("daily", NOON, states=["deferred", "pending", "claimed", "in_flight"]) == 0
    assert store.ledger.next_due(NOON) == LATER


def test_unknown_ones_are_sent_again_or_left(store: Store) -> None:
    admit(store, "ann", "bob")
    serve(store, UNKNOWN)
    assert store.ledger.counts() == DeliveryCounts(unknown=2)
    assert store.ledger.reopen("daily", NOON, states=["unknown"]) == 2
    serve(store, UNKNOWN)
    assert store.ledger.settle_unknown("bio", NOON) == 0
    assert store.ledger.settle_unknown("daily", NOON) == 2
    assert store.ledger.settle_unknown("daily", NOON) == 0
    assert store.ledger.counts() == DeliveryCounts(), "nobody is asked again"
    assert store.ledger.reopen("daily", NOON, states=["unknown"]) == 0
    assert deliveries(store) == {"ann 0-2": "unknown", "bob 0-2": "unknown"}
    assert store.ledger.deliveries("daily")[0].note == "connection lost; left so on 2026-11-20"


def test_an_edition_is_sent_to_those_whom_none_covers(store: Store) -> None:
    publish(store, 2)
    admit(store, "ann", mark=0)
    serve(store)
    admit(store, "bob", mark=4)
    admit(store, "cid", mark=1)
    admit(store, "dee", mark=4, confirmed_by=None)
    assert store.ledger.send_missing("daily", 9, NOON) == 0
    assert store.ledger.send_missing("daily", 3, NOON) == 2
    assert store.ledger.send_missing("daily", 3, NOON) == 0
    # what she had not been served before it comes with it
    assert deliveries(store) == {"ann 0-4": "submitted", "bob 2-3": "pending", "cid 1-3": "pending"}
    assert serve(store) == 2
    assert sweep(store) == 1
    assert {name: state for name, state in deliveries(store).items() if state == "pending"} == {"cid 3-4": "pending"}
    assert subscription(store, "bob").mark == 4
