"""What a sender does about connections that are refused, or lost."""

from __future__ import annotations

from collections import Counter

from digest.protocols import Lost
from digest.testing import RecordingTransport
from tests.delivery.readers import Together, addresses, delivery, readers, send, states


def test_a_hopeless_connection_ends_the_work(tmp_path) -> None:
    refused = Lost("the sender is not allowed here", hopeless=True)
    transport = RecordingTransport(lanes=1, before=lambda message: refused)
    with readers(tmp_path, *addresses(5)) as store:
        tally = send(store, transport)
        assert set(states(store).values()) == {"pending"}
        assert store.ledger.counts().pending == 5
        assert delivery(store).tries == 0
    assert (tally.trouble, transport.opened) == ("the sender is not allowed here", 1)


def test_a_relay_that_cannot_be_reached_ends_the_work(tmp_path) -> None:
    transport = RecordingTransport(lanes=3, refuse=lambda opened: "no route to the relay; check host and port")
    with readers(tmp_path, *addresses(5)) as store:
        assert send(store, transport).trouble == "no route to the relay; check host and port"
        assert set(states(store).values()) == {"pending"}
        assert send(store, RecordingTransport()).submitted == 5


def test_a_relay_that_limits_connections_is_used_with_those_it_allows(tmp_path) -> None:
    transport = RecordingTransport(lanes=6, refuse=lambda opened: "too many connections" if opened >= 2 else None)
    with readers(tmp_path, *addresses(60)) as store:
        tally = send(store, transport, ledger=Together(store.ledger, transport, 2))
    assert (tally.submitted, tally.trouble, transport.open_most) == (60, None, 2)


def test_a_connection_that_is_lost_is_replaced(tmp_path) -> None:
    """A relay that takes three messages a connection."""
    count = Counter[str]()

    def before(message):
        count["offered"] += 1
        return Lost("enough for one connection") if count["offered"] % 4 == 0 else None

    transport = RecordingTransport(lanes=1, before=before)
    with readers(tmp_path, *addresses(20)) as store:
        tally = send(store, transport)
        assert set(states(store).values()) == {"submitted"}
    assert (tally.submitted, tally.trouble) == (20, None)
    assert transport.opened > 5


def test_a_relay_that_only_hangs_up_is_left(tmp_path) -> None:
    transport = RecordingTransport(lanes=1, before=lambda message: Lost("hung up"))
    with readers(tmp_path, *addresses(20)) as store:
        tally = send(store, transport)
        assert set(states(store).values()) == {"pending"}
    assert transport.opened == 5
    assert tally.trouble
    assert "hung up" in tally.trouble


def test_connections_that_break_together_are_one_loss(tmp_path) -> None:
    """A relay that is restarted breaks eight connections at once."""
    broken = Counter[str]()

    def before(message):
        broken["offered"] += 1
        return Lost("restarted") if broken["offered"] <= 8 else None

    with readers(tmp_path, *addresses(40)) as store:
        tally = send(store, RecordingTransport(lanes=8, before=before))
    assert (tally.submitted, tally.trouble) == (40, None)


def test_a_message_that_breaks_connections_does_not_keep_the_others(tmp_path) -> None:
    transport = RecordingTransport(
        lanes=1, before=lambda message: Lost("choked") if "reader3@" in message.recipient else None
    )
    with readers(tmp_path, *addresses(10)) as store:
        tally = send(store, transport)
        assert (tally.submitted, tally.deferred, tally.trouble) == (9, 1, None)
        assert "choked" in (delivery(store, "reader3@example.org").note or "")
