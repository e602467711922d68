from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import timedelta

import pytest

from digest.delivery.sender import LEASE_SAFE
from digest.delivery.settings import Pace
from digest.errors import RenderError, StoreError
from digest.protocols import Lost, Outcome
from digest.testing import NOON, TAKEN, FrozenClock, RecordingTransport, make_outgoing
from tests.delivery.readers import Together, Watched, addresses, delivery, readers, send, sender, states

#: a server asks to try later
LATER = Outcome("deferred", 451, "4.7.1", "greylisted")
#: nobody has this address
NOBODY = Outcome("failed", 550, "5.1.1", "no such user")


def test_each_reader_gets_one_message(tmp_path) -> None:
    people = addresses(30)
    transport = RecordingTransport(lanes=4)
    with readers(tmp_path, *people) as store:
        tally = send(store, transport, batch=7)
        assert sorted(transport.addresses()) == sorted(people)
        assert set(states(store).values()) == {"submitted"}
        assert (tally.submitted, tally.deferred, tally.failed, tally.unknown, tally.trouble) == (30, 0, 0, 0, None)
        assert send(store, transport).submitted == 0
    assert transport.open_now == 0


def test_no_more_lanes_than_messages(tmp_path) -> None:
    transport = RecordingTransport(lanes=8)
    with readers(tmp_path, *addresses(3)) as store:
        assert send(store, transport).submitted == 3
    assert 1 <= transport.open_most <= 3


def test_nothing_due_opens_nothing(tmp_path) -> None:
    transport = RecordingTransport()
    with readers(tmp_path) as store:
        assert send(store, transport).submitted == 0
    assert transport.opened == 0


def test_a_message_is_in_flight_in_the_store_before_it_is_released(tmp_path) -> None:
    with readers(tmp_path, *addresses(20)) as store:
        found: list[str] = []

        class Looking(RecordingTransport):
            def open(self):
                lane = super().open()
                release = lane.release

                def looking(one):
                    # another connection sees only what was committed
                    with store._database.reading() as connection:
                        query = "SELECT state FROM deliveries WHERE id = ?"
                        found.append(connection.exec_driver_sql(query, (one.id,)).scalar_one())
                    release(one)

                lane.release = looking  # type: ignore[method-assign]
                return lane

        assert send(store, Looking(lanes=4)).submitted == 20
    assert found == ["in_flight"] * 20


def test_one_commit_carries_what_happened_on_all_lanes(tmp_path) -> None:
    transport = RecordingTransport(lanes=8)
    with readers(tmp_path, *addresses(80)) as store:
        watched = Together(store.ledger, transport, 8)
        assert send(store, transport, ledger=watched).submitted == 80
    assert (8, 8) in watched.commits
    # 80 begin and 80 end; alone each would need a commit for both
    assert len(watched.commits) < 30


def test_a_lost_claim_is_not_released(tmp_path) -> None:
    with readers(tmp_path, *addresses(12)) as store:
        gone: list[str] = []

        class Leaving(Watched):
            def before(self, begun, concluded):
                if begun and not gone:
                    gone.append(begun[0].address)
                    store.subscribers.unsubscribe(begun[0].address, at=NOON, why="asked")

        transport = RecordingTransport(lanes=3)
        tally = send(store, transport, ledger=Leaving(store.ledger))
        assert gone
        assert sorted(transport.addresses()) == sorted(set(addresses(12)) - set(gone))
        assert tally.submitted == 11
        assert states(store)[gone[0]] == "failed"
    assert any("claim" in reason for reason in transport.closed)


def test_a_sender_that_was_taken_for_dead_sends_nothing_twice(tmp_path) -> None:
    with readers(tmp_path, *addresses(12)) as store:
        other = RecordingTransport(name="other")

        class Robbed(Watched):
            robbed = False

            def before(self, begun, concluded):
                if begun and not self.robbed:
                    self.robbed = True
                    # what recovery does to one whose lease is over
                    with store._database.writing() as connection:
                        connection.exec_driver_sql("UPDATE deliveries SET state = 'pending', token = NULL")
                    assert send(store, other, limit=5).submitted == 5

        mine = RecordingTransport(lanes=3)
        assert send(store, mine, ledger=Robbed(store.ledger)).submitted == 7
    # it does not find out claim by claim, with a connection for each
    assert mine.opened <= 7
    assert Counter(mine.addresses() + other.addresses()) == Counter(addresses(12))


def test_two_senders_share_the_work(tmp_path) -> None:
    people = addresses(200)
    transports = [RecordingTransport(lanes=3), RecordingTransport(lanes=3)]
    tallies = []
    with readers(tmp_path, *people) as store:
        threads = [
            threading.Thread(target=lambda one=one: tallies.append(send(store, one, batch=10))) for one in transports
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(states(store).values()) == {"submitted"}
    assert Counter(transports[0].addresses() + transports[1].addresses()) == Counter(people)
    assert sum(tally.submitted for tally in tallies) == len(people)


def test_a_deferred_message_waits_twice_as_long_each_time(tmp_path) -> None:
    clock = FrozenClock()
    pace = Pace(first_wait=100, longest_wait=700)
    with readers(tmp_path, *addresses(1)) as store:
        for expected in (100, 200, 400, 700, 700):
            transport = RecordingTransport(answer=lambda message: LATER)
            assert send(store, transport, clock=clock, pace=pace).deferred == 1
            found = delivery(store)
            assert found.not_before
            waited = (found.not_before - clock()).total_seconds()
            assert expected * 0.8 <= waited <= expected * 1.2
            assert found.state == "deferred"
            assert "greylisted" in (found.note or "")
            assert send(store, RecordingTransport(), clock=clock, pace=pace).submitted == 0
            clock.now = found.not_before
        assert delivery(store).tries == 5
        assert send(store, RecordingTransport(), clock=clock, pace=pace).submitted == 1


def test_waits_differ(tmp_path) -> None:
    with readers(tmp_path, *addresses(20)) as store:
        send(store, RecordingTransport(before=lambda message: LATER))
        assert len({one.not_before for one in store.ledger.deliveries("daily")}) > 10


def test_a_message_that_was_deferred_for_too_long_has_failed(tmp_path) -> None:
    clock = FrozenClock()
    pace = Pace(give_up=3600, first_wait=600)
    with readers(tmp_path, *addresses(1)) as store:
        send(store, RecordingTransport(answer=lambda message: LATER), clock=clock, pace=pace)
        clock.advance(hours=2)
        tally = send(store, RecordingTransport(answer=lambda message: LATER), clock=clock, pace=pace)
        found = delivery(store)
    assert (tally.failed, tally.deferred) == (1, 0)
    assert found.state == "failed"
    assert found.note == "451 4.7.1 greylisted (given up after 2 tries in 2.0 hours)"


def test_what_nobody_knows_is_left_alone(tmp_path) -> None:
    with readers(tmp_path, *addresses(5)) as store:
        broken = RecordingTransport(
            lanes=1, answer=lambda message: Lost("broke off") if "reader2@" in message.recipient else TAKEN
        )
        tally = send(store, broken)
        assert (tally.submitted, tally.unknown) == (4, 1)
        assert states(store)["reader2@example.org"] == "unknown"
        assert delivery(store, "reader2@example.org").note == "broke off"
        assert send(store, RecordingTransport()).submitted == 0


def test_what_nobody_knows_goes_out_again_where_its_newsletter_says_so(tmp_path) -> None:
    clock = FrozenClock()
    with readers(tmp_path, *addresses(1)) as store:
        broken = RecordingTransport(answer=lambda message: Lost("broke off"))
        assert send(store, broken, clock=clock, policies={"daily": "resend"}).deferred == 1
        found = delivery(store)
        assert found.not_before
        assert timedelta(0) < found.not_before - NOON < timedelta(minutes=2)
        assert "broke off" in (found.note or "")
        clock.now = found.not_before
        assert send(store, RecordingTransport(), clock=clock, policies={"daily": "resend"}).submitted == 1


def test_another_newsletters_policy_says_nothing(tmp_path) -> None:
    with readers(tmp_path, *addresses(1)) as store:
        broken = RecordingTransport(answer=lambda message: Lost("broke off"))
        assert send(store, broken, policies={"weekly": "resend"}).unknown == 1


def test_a_bad_address_is_told_once_the_ledger_knows(tmp_path) -> None:
    told = []
    with readers(tmp_path, *addresses(4)) as store:
        answers = {
            "reader1@example.org": NOBODY,
            "reader2@example.org": Outcome("failed", 552, "5.2.2", "mailbox full"),
            # about the sender's address (RFC 3463)
            "reader3@example.org": Outcome("failed", 553, "5.1.8", "sender's domain unknown"),
        }

        def suppress(one, outcome):
            told.append((one.address, states(store)[one.address]))
            store.subscribers.suppress(one.address, at=NOON, reason="bounced", evidence=outcome.text)

        transport = RecordingTransport(before=lambda message: answers.get(message.recipient))
        assert send(store, transport, suppress=suppress).failed == 3
        assert told == [("reader1@example.org", "failed")]
        assert store.subscribers.suppression("reader1@example.org")
    assert transport.addresses() == ["reader4@example.org"]


def test_no_more_than_the_limit(tmp_path) -> None:
    transport = RecordingTransport(lanes=4)
    with readers(tmp_path, *addresses(20)) as store:
        assert send(store, transport, limit=7, batch=3).submitted == 7
        assert Counter(states(store).values()) == {"submitted": 7, "pending": 13}
        assert send(store, transport, limit=0).submitted == 0
    assert len(transport.released) == 7


def test_no_more_than_the_daily_limit(tmp_path) -> None:
    transport = RecordingTransport(lanes=4)
    clock = FrozenClock()
    with readers(tmp_path, *addresses(20)) as store:
        pace = Pace(daily_limit=8)
        assert send(store, transport, pace=pace, clock=clock).submitted == 8
        assert send(store, transport, pace=pace, clock=clock).submitted == 0
        clock.advance(hours=25)
        assert send(store, transport, pace=pace, clock=clock).submitted == 8


def test_a_sender_that_is_stopped_finishes_what_is_in_flight(tmp_path) -> None:
    stop = threading.Event()

    def answer(message):
        if len(transport.released) >= 6:
            stop.set()
        return TAKEN

    transport = RecordingTransport(lanes=3, answer=answer)
    with readers(tmp_path, *addresses(40)) as store:
        with store.ledger.sender("a test") as token:
            tally = sender(store, transport).work(token, stop=stop)
            # given back at once, not only when the sender leaves the ledger
            counts = Counter(states(store).values())
            assert store.ledger.counts().pending == 40 - tally.submitted
        assert counts["submitted"] == tally.submitted == len(transport.released) < 40
        assert (tally.unknown, tally.trouble) == (0, None)
        assert send(store, RecordingTransport()).submitted == 40 - tally.submitted


def test_a_refusal_of_us_is_not_taken_out_on_the_readers(tmp_path) -> None:
    refused = Outcome("failed", 550, "5.7.26", "not authenticated")
    transport = RecordingTransport(lanes=2, answer=lambda message: refused)
    with readers(tmp_path, *addresses(60)) as store:
        tally = send(store, transport)
        counts = Counter(states(store).values())
    assert tally.trouble
    assert "5.7.26 not authenticated" in tally.trouble
    assert f"{tally.failed} have failed" in tally.trouble
    assert 10 <= tally.failed == counts["failed"] <= 12
    assert counts["pending"] == 60 - tally.failed


def test_a_few_refusals_among_messages_taken_end_nothing(tmp_path) -> None:
    refused = Outcome("failed", 550, "5.7.1", "not wanted here")
    transport = RecordingTransport(answer=lambda message: TAKEN if "reader1@" in message.recipient else refused)
    with readers(tmp_path, *addresses(30)) as store:
        tally = send(store, transport)
    assert (tally.submitted, tally.failed, tally.trouble) == (1, 29, None)


def test_a_message_that_cannot_be_made_gives_all_back(tmp_path) -> None:
    def make(one):
        if one.address == "reader9@example.org":
            raise RenderError("mail.html, line 3: no such variable")
        return make_outgoing(one)

    transport = RecordingTransport(lanes=3)
    with readers(tmp_path, *addresses(20)) as store:
        with store.ledger.sender("a test") as token:
            with pytest.raises(RenderError, match="line 3"):
                sender(store, transport, make=make).work(token)
            counts = Counter(states(store).values())
        # what had gone is known to have gone, and nothing else has
        assert counts == {"submitted": len(transport.released), "pending": 20 - len(transport.released)}
        assert send(store, RecordingTransport()).submitted == 20 - len(transport.released)
    assert transport.open_now == 0


def test_an_answer_survives_a_ledger_that_fails_once(tmp_path) -> None:
    class Failing(Watched):
        calls = 0

        def before(self, begun, concluded):
            self.calls += 1
            if self.calls == 3:
                raise StoreError("the disk is full")

    transport = RecordingTransport(lanes=2)
    with readers(tmp_path, *addresses(20)) as store:
        with pytest.raises(StoreError, match="disk"):
            send(store, transport, ledger=Failing(store.ledger))
        found = states(store)
        assert {address for address, state in found.items() if state == "submitted"} == set(transport.addresses())
        assert Counter(found.values())["pending"] == 20 - len(transport.released)
    assert transport.released


def test_nothing_is_released_after_a_long_stop(tmp_path) -> None:
    """The process was stopped between the commit and the release; meanwhile others may have taken its messages."""
    elapsed = [0.0]

    class Stopped(Watched):
        stopped = False

        def after(self, begun, concluded):
            if begun and not self.stopped:
                self.stopped = True
                elapsed[0] += LEASE_SAFE + 1
                assert not transport.released

    transport = RecordingTransport(lanes=2)
    with readers(tmp_path, *addresses(6)) as store:
        watched = Stopped(store.ledger)
        tally = send(store, transport, ledger=watched, elapsed=lambda: elapsed[0])
        assert set(states(store).values()) == {"submitted"}
    assert tally.submitted == 6
    assert Counter(transport.addresses()) == Counter(addresses(6))
    assert any("stopped" in reason for reason in transport.closed)


def test_a_slow_connection_holds_up_no_other(tmp_path) -> None:
    done = threading.Event()

    waited: list[bool] = []

    class Slow(RecordingTransport):
        def open(self):
            if self.opened:
                waited.append(done.wait(10))
            return super().open()

    def answer(message):
        if len(transport.released) == 20:
            done.set()
        return TAKEN

    transport = Slow(lanes=2, answer=answer)
    with readers(tmp_path, *addresses(20)) as store:
        assert send(store, transport).submitted == 20
    assert done.is_set()
    assert all(waited)


def test_a_message_that_is_ready_waits_for_a_slow_lane_a_moment_only(tmp_path) -> None:
    late: list[int] = []

    class Slow(RecordingTransport):
        def open(self):
            lane = super().open()
            advance, until = lane.advance, time.monotonic() + 10

            def patient():
                slow = lane._coming is not None and lane._coming.recipient == "reader1@example.org"
                if slow and len(transport.released) < 19 and time.monotonic() < until:
                    return []
                if slow:
                    late.append(len(transport.released))
                return advance()

            lane.advance = patient  # type: ignore[method-assign]
            return lane

    transport = Slow(lanes=2)
    with readers(tmp_path, *addresses(20)) as store:
        assert send(store, transport).submitted == 20
    assert late
    assert late[0] == 19


@pytest.mark.parametrize("pause", [0.0, 0.2])
def test_an_answer_does_not_wait_for_another_lane(tmp_path, pause) -> None:
    """One server is slow: what the other said is in the store before it answers, though it was opened later."""
    late: list[bool] = []

    class Slow(RecordingTransport):
        def open(self):
            time.sleep(pause if self.opened else 0.0)
            lane = super().open()
            advance, until = lane.advance, time.monotonic() + 10

            def patient():
                flying = lane._in_flight
                if flying and flying.recipient == "reader1@example.org" and time.monotonic() < until:
                    if "submitted" not in states(store).values():
                        return []
                    late.append(True)
                return advance()

            lane.advance = patient  # type: ignore[method-assign]
            return lane

    transport = Slow(lanes=2)
    with readers(tmp_path, *addresses(2)) as store:
        assert send(store, transport, ledger=Together(store.ledger, transport, 2)).submitted == 2
    assert late


def test_a_peer_that_does_not_answer_is_left(tmp_path) -> None:
    class Mute(RecordingTransport):
        def open(self):
            lane = super().open()
            if self.opened == 1:
                lane.advance = list  # type: ignore[method-assign]
                lane.deadline = 0.0
            return lane

    transport = Mute(lanes=1)
    with readers(tmp_path, *addresses(3)) as store:
        tally = send(store, transport)
    assert (tally.submitted, tally.unknown) == (3, 0)
    assert transport.closed[0].startswith("no answer for ")


def test_a_domain_that_must_wait_holds_up_no_other(tmp_path) -> None:
    slow, fast = addresses(2, "slow.example"), addresses(1, "fast.example")
    transport = RecordingTransport(lanes=2)
    with readers(tmp_path, *slow, *fast) as store:
        # a second in which one message must wait is long enough for the other to pass it, whatever else runs here
        tally = send(store, transport, pace=Pace(domain_rate=1), batch=2)
    assert tally.submitted == 3
    order = [address.partition("@")[2] for address in transport.addresses()]
    assert order == ["slow.example", "fast.example", "slow.example"]


def test_progress_is_told_each_message(tmp_path) -> None:
    class Told:
        total = 0
        steps = 0

        def start(self, total: int) -> None:
            self.total = total

        def step(self, text: str) -> None:
            self.steps += 1

    told = Told()
    with readers(tmp_path, *addresses(9)) as store:
        send(store, RecordingTransport(), progress=told, batch=4)
    assert (told.total, told.steps) == (9, 9)
