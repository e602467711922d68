"""The sender over real connections."""

from __future__ import annotations

import socket
import threading
from collections import Counter

import pytest

from digest.delivery.settings import Pace, SmtpSettings
from digest.delivery.smtp import SmtpTransport
from digest.errors import RenderError
from digest.protocols import Store
from digest.testing import make_outgoing
from tests.delivery.readers import Watched, addresses, delivery, readers, send, sender, states
from tests.delivery.server import Script, Server, serving


def relay(server: Server, connections: int = 1, timeout: float = 20.0) -> SmtpTransport:
    settings = SmtpSettings("127.0.0.1", server.port, "none", connections=connections, timeout=timeout)
    return SmtpTransport(settings)


def test_each_reader_gets_one_message(tmp_path) -> None:
    people = addresses(60)
    with readers(tmp_path, *people) as store, serving(Script()) as server:
        tally = send(store, relay(server, 4))
        assert sorted(server.recipients) == sorted(people)
        assert set(states(store).values()) == {"submitted"}
    assert (tally.submitted, tally.trouble) == (60, None)
    assert 1 <= server.connections <= 4


def test_the_dot_goes_with_the_next_envelope_after_the_commit(tmp_path) -> None:
    with readers(tmp_path, *addresses(10)) as store, serving(Script()) as server:
        seen: list[int] = []

        class Looking(Watched):
            def before(self, begun, concluded):
                if begun:
                    seen.append(server.finals)

        watched = Looking(store.ledger)
        assert send(store, relay(server), ledger=watched).submitted == 10
    # the server has a dot for each message before, and none for the one that begins
    assert seen == list(range(10))
    # the answer of one rides in the commit of the next
    assert (1, 1) in watched.commits


def test_while_a_relay_is_slow_the_next_message_is_made_and_none_twice(tmp_path) -> None:
    made: list[int] = []
    begun_with: list[int] = []

    def make(delivery):
        made.append(delivery.id)
        return make_outgoing(delivery)

    class Looking(Watched):
        def before(self, begun, concluded):
            begun_with.append(len(made))

    with readers(tmp_path, *addresses(10)) as store, serving(Script(pause=0.05)) as server:
        assert send(store, relay(server), ledger=Looking(store.ledger), make=make).submitted == 10
    # one is transmitted, one is made
    assert begun_with[0] == 2
    assert len(made) == len(set(made)) == 10


def test_lanes_that_are_nearly_ready_share_a_commit(tmp_path) -> None:
    with readers(tmp_path, *addresses(80)) as store, serving(Script(pause=0.002)) as server:
        watched = Watched(store.ledger)
        assert send(store, relay(server, 4), ledger=watched, quiet=2.0).submitted == 80
    # lanes are opened one after the other, and the last few find no others
    assert sum(begun == 4 for begun, _ in watched.commits) >= 16


def test_refusals_and_greylisting_are_told_apart(tmp_path) -> None:
    people = [*addresses(3), "nobody@gone.example", "full@full.example"]
    script = Script(refuse={"*@gone.example": "550 5.1.1 no such user", "*@full.example": "452 4.2.2 mailbox full"})
    suppressed = []
    with readers(tmp_path, *people) as store, serving(script) as server:
        tally = send(store, relay(server, 2), suppress=lambda one, outcome: suppressed.append(one.address))
        assert delivery(store, "full@full.example").state == "deferred"
    assert (tally.submitted, tally.failed, tally.deferred) == (3, 1, 1)
    assert suppressed == ["nobody@gone.example"]


def test_a_relay_that_breaks_off_after_the_dot_leaves_one_message_unknown(tmp_path) -> None:
    with readers(tmp_path, *addresses(12)) as store, serving(Script(drop="dot", drop_at=5)) as server:
        tally = send(store, relay(server))
        found = Counter(states(store).values())
        # it had taken that one, too: nobody got two
        assert sorted(server.recipients) == sorted(addresses(12))
    assert (tally.submitted, tally.unknown, tally.trouble) == (11, 1, None)
    assert found == {"submitted": 11, "unknown": 1}


def test_a_relay_that_breaks_off_before_the_dot_gets_the_message_again(tmp_path) -> None:
    class Mending(SmtpTransport):
        def open(self):
            if server.connections:
                server.script = Script()
            return super().open()

    with readers(tmp_path, *addresses(12)) as store, serving(Script(drop="RCPT", drop_at=1)) as server:
        tally = send(store, Mending(SmtpSettings("127.0.0.1", server.port, "none", timeout=20)))
        assert sorted(server.recipients) == sorted(addresses(12))
        assert server.connections == 2
    assert (tally.submitted, tally.unknown, tally.trouble) == (12, 0, None)


def test_a_relay_that_closes_after_some_messages_is_called_again(tmp_path) -> None:
    with readers(tmp_path, *addresses(20)) as store, serving(Script(close_after=3)) as server:
        tally = send(store, relay(server, 2))
        assert sorted(server.recipients) == sorted(addresses(20))
        assert server.connections >= 6
    assert (tally.submitted, tally.unknown, tally.trouble) == (20, 0, None)


def test_a_relay_that_falls_silent_after_the_dot_is_left(tmp_path) -> None:
    with readers(tmp_path, *addresses(3)) as store, serving(Script(silent="dot")) as server:
        tally = send(store, relay(server, timeout=1.0), limit=1)
        found = Counter(states(store).values())
    assert (tally.submitted, tally.unknown) == (0, 1)
    assert found == {"unknown": 1, "pending": 2}


def test_a_relay_that_is_not_there_is_told(tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with readers(tmp_path, *addresses(3)) as store:
        tally = send(store, SmtpTransport(SmtpSettings("127.0.0.1", port, "none", timeout=5)))
        assert set(states(store).values()) == {"pending"}
    assert f"127.0.0.1:{port}" in (tally.trouble or "")


def test_a_stop_finishes_what_is_in_flight(tmp_path) -> None:
    stop = threading.Event()

    class Stopping(Watched):
        def after(self, begun, concluded):
            if len(self.commits) == 5:
                stop.set()

    def work(store: Store, server: Server):
        with store.ledger.sender("a test") as token:
            return sender(store, relay(server, 3), ledger=Stopping(store.ledger)).work(token, stop=stop)

    with readers(tmp_path, *addresses(60)) as store, serving(Script(pause=0.002)) as server:
        tally = work(store, server)
        found = Counter(states(store).values())
        assert tally.submitted == len(server.recipients) == found["submitted"]
        assert found == {"submitted": tally.submitted, "pending": 60 - tally.submitted}
    assert 0 < tally.submitted < 60


def test_a_message_that_cannot_be_made_leaves_no_other_in_doubt(tmp_path) -> None:
    def make(one):
        if one.address == "reader7@example.org":
            raise RenderError("mail.html, line 3: no such variable")
        return make_outgoing(one)

    with readers(tmp_path, *addresses(12)) as store, serving(Script()) as server:
        with pytest.raises(RenderError):
            send(store, relay(server, 2), make=make)
        found = states(store)
        taken = server.recipients
    assert sorted(address for address, state in found.items() if state == "submitted") == sorted(taken)
    assert Counter(found.values()) == {"submitted": len(taken), "pending": 12 - len(taken)}
    assert taken


def test_what_was_refused_is_told_though_the_next_message_cannot_be_made(tmp_path) -> None:
    told: list[str] = []

    def make(one):
        if one.address == "reader7@example.org":
            raise RenderError("mail.html, line 3: no such variable")
        return make_outgoing(one)

    class Busy(Watched):
        """Has the sender do something each time."""

        def advance(self, token, begun, concluded, now, **told):
            lost = super().advance(token, begun, concluded, now)
            if told["meanwhile"]:
                told["meanwhile"]()
            return lost

    def suppress(one, _outcome):
        told.append(one.address)

    # with a rate no message is made before a lane takes it
    pace = Pace(rate=1e6)
    with (
        readers(tmp_path, *addresses(9)) as store,
        serving(Script(replies={"dot": "550 5.1.1 no such user"})) as server,
    ):
        with pytest.raises(RenderError):
            send(store, relay(server), ledger=Busy(store.ledger), make=make, suppress=suppress, pace=pace)
        found = states(store)
    # the sixth was ready when the seventh could not be made
    assert told == addresses(5)
    assert [found[address] for address in addresses(9)] == ["failed"] * 5 + ["pending"] * 4


def test_a_rate_is_kept(tmp_path) -> None:
    with readers(tmp_path, *addresses(6)) as store, serving(Script()) as server:
        tally = send(store, relay(server, 3), pace=Pace(rate=20))
        assert len(server.recipients) == 6
    # six at twenty a second, the first at once
    assert tally.duration > 0.24
