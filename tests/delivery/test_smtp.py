"""Messages through a real connection: every outcome, and every way in which a relay can fail."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from digest.delivery.conversation import Manner
from digest.delivery.lane import SmtpLane
from digest.protocols import Lost, Outcome, Outgoing, Ready
from tests.delivery.lanes import claimed, drive, lost, opened, outcomes, outgoing, wait
from tests.delivery.server import Script, serving

#: more than the buffers of a connection hold
BIG = (b"x" * 76 + b"\r\n") * 90_000


@pytest.fixture(params=[True, False], ids=["pipelining", "step by step"], name="pipelining")
def _pipelining(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def states(events: Any) -> dict[int, str]:
    return {number: outcome.state for number, outcome in outcomes(events).items()}


def test_messages_arrive_in_order_as_they_were(pipelining):
    sent = [outgoing(number, body=b".\r\n..two\r\n.dot\r\nend.\r\n") for number in range(5)]
    with serving(Script(pipelining=pipelining)) as server:
        lane = opened(server)
        events = drive(lane, sent)
        lane.close("done")
    assert [message.content for message in server.accepted] == [message.content for message in sent]
    assert server.recipients == [message.recipient for message in sent]
    assert outcomes(events) == dict.fromkeys(range(5), Outcome("submitted", 250, "2.0.0", "Ok: queued"))
    assert server.connections == 1


def test_nothing_is_final_before_it_is_released(pipelining):
    with serving(Script(pipelining=pipelining)) as server:
        lane = opened(server)
        lane.offer(outgoing(1))
        assert wait(lane) == [Ready(claimed(1))]
        assert lane.deadline is None
        time.sleep(0.1)
        assert not lane.advance()
        assert not server.accepted
        lane.release(claimed(1))
        assert states(wait(lane)) == {1: "submitted"}
        assert len(server.accepted) == 1


def test_a_message_may_be_offered_while_the_one_before_is_in_flight(pipelining):
    with serving(Script(pipelining=pipelining)) as server:
        events = drive(opened(server), [outgoing(number) for number in range(4)], ahead=False)
    assert states(events) == dict.fromkeys(range(4), "submitted")


def test_a_refused_recipient_fails_alone(pipelining):
    refuse = {"reader1@*": "550 5.1.1 no such reader", "reader3@*": "450 4.2.1 mailbox busy"}
    with serving(Script(pipelining=pipelining, refuse=refuse)) as server:
        result = outcomes(drive(opened(server), [outgoing(number) for number in range(5)]))
    assert result[1] == Outcome("failed", 550, "5.1.1", "no such reader")
    assert result[3] == Outcome("deferred", 450, "4.2.1", "mailbox busy")
    assert [number for number in result if result[number].state == "submitted"] == [0, 2, 4]
    assert len(server.accepted) == 3


def test_a_refused_recipient_whose_data_is_taken_gets_a_lone_dot():
    script = Script(pipelining=True, refuse={"reader1@*": "550 5.1.1 no such reader"}, data_anyway=True)
    with serving(script) as server:
        events = drive(opened(server), [outgoing(number) for number in range(3)])
    assert states(events) == {0: "submitted", 1: "failed", 2: "submitted"}
    assert outcomes(events)[1].code == 550
    assert server.finals == 3
    assert [message.message_id for message in server.accepted] == ["<0@example.org>", "<2@example.org>"]
    assert "RSET" not in server.commands


def test_a_greylisted_recipient_is_deferred_and_taken_the_next_time(pipelining):
    with serving(Script(pipelining=pipelining, greylist=True)) as server:
        lane = opened(server)
        first = outcomes(drive(lane, [outgoing(1)]))
        second = outcomes(drive(lane, [outgoing(1)]))
    assert (first[1].state, first[1].status, second[1].state) == ("deferred", "4.7.1", "submitted")


@pytest.mark.parametrize(
    ("reply", "state"),
    [("451 4.3.0 later", "deferred"), ("554 5.6.0 refused", "failed"), ("452 later", "deferred")],
)
@pytest.mark.parametrize("stage", ["DATA", "dot"])
def test_a_refusal_after_the_envelope_is_of_the_message(pipelining, stage, reply, state):
    with serving(Script(pipelining=pipelining, replies={stage: reply})) as server:
        events = drive(opened(server), [outgoing(1), outgoing(2)])
    assert states(events) == {1: state, 2: state}
    assert outcomes(events)[2].code == int(reply[:3])
    assert not server.accepted


def test_rset_is_said_only_where_an_envelope_came_to_nothing(pipelining):
    with serving(Script(pipelining=pipelining, refuse={"reader1@*": "550 5.1.1 no"})) as server:
        drive(opened(server), [outgoing(number) for number in range(4)])
    assert server.commands.count("RSET") == 1


def test_a_long_text_with_control_characters_is_one_line(pipelining):
    reply = "550-5.1.1 no\x07such\r\n550-5.1.1 reader\t at all\r\n550 5.1.1 " + "x" * 900
    with serving(Script(pipelining=pipelining, refuse={"*": reply})) as server:
        result = outcomes(drive(opened(server), [outgoing(1)]))[1]
    assert result.text.startswith("no such reader at all xxx")
    assert len(result.text) == 500
    assert result.text.isprintable()
    assert result.status == "5.1.1"


def test_a_refused_sender_is_no_readers_fault(pipelining):
    with serving(Script(pipelining=pipelining, replies={"MAIL": "553 5.7.1 not your address"})) as server:
        events = drive(opened(server), [outgoing(1)])
    assert states(events) == {1: "pending"}
    assert lost(events).hopeless
    assert "<news@example.org>: 553 5.7.1 not your address" in lost(events).reason


@pytest.mark.parametrize(
    ("reply", "state", "over"),
    [
        ("450 4.1.8 sender's domain not found", "deferred", False),
        ("452 4.3.1 no room for this one", "deferred", False),
        ("452 4.3.2 closing soon", "pending", True),
        ("451 later", "pending", True),
        ("552 5.3.4 too large", "failed", False),
    ],
)
def test_a_sender_that_is_refused_for_now(pipelining, reply, state, over):
    with serving(Script(pipelining=pipelining, replies={"MAIL": reply})) as server:
        events = drive(opened(server), [outgoing(1)])
    assert states(events) == {1: state}
    assert [event for event in events if isinstance(event, Lost) and event.hopeless] == []
    assert isinstance(events[-1], Lost) == over


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "dot"])
@pytest.mark.parametrize("code", [530, 535, 538])
def test_a_login_wanted_stops_everything(pipelining, stage, code):
    with serving(Script(pipelining=pipelining, replies={stage: f"{code} 5.7.0 who are you"})) as server:
        events = drive(opened(server, provider="gmail"), [outgoing(1), outgoing(2)])
    assert states(events)[1] == "pending"
    assert lost(events).hopeless
    assert "myaccount.google.com/apppasswords" in lost(events).reason


@pytest.mark.parametrize("stage", ["DATA", "dot"])
def test_a_used_up_quota_fails_nobody(pipelining, stage):
    with serving(
        Script(pipelining=pipelining, replies={stage: "550 5.4.5 Daily user sending limit exceeded"})
    ) as server:
        events = drive(opened(server), [outgoing(1)])
    assert states(events) == {1: "pending"}
    assert lost(events).hopeless


def test_a_relay_that_passes_nothing_on_fails_nobody(pipelining):
    with serving(Script(pipelining=pipelining, refuse={"*": "554 5.7.1 <x@y>: Relay access denied"})) as server:
        events = drive(opened(server), [outgoing(1)])
    assert states(events) == {1: "pending"}
    assert lost(events).hopeless


def test_a_relay_that_passes_one_on_may_deny_another(pipelining):
    with serving(Script(pipelining=pipelining, refuse={"reader2@*": "554 5.7.1 Relay access denied"})) as server:
        events = drive(opened(server), [outgoing(1), outgoing(2), outgoing(3)])
    assert states(events) == {1: "submitted", 2: "failed", 3: "submitted"}


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
def test_421_before_the_dot_leaves_messages_pending(pipelining, stage):
    with serving(Script(pipelining=pipelining, replies={stage: "421 4.3.2 going down"})) as server:
        events = drive(opened(server), [outgoing(1)])
    assert states(events) == {1: "pending"}
    assert not lost(events).hopeless
    assert "421 4.3.2 going down" in lost(events).reason


def test_421_as_the_answer_to_the_dot_defers(pipelining):
    with serving(Script(pipelining=pipelining, replies={"dot": "421 4.3.2 going down"})) as server:
        events = drive(opened(server), [outgoing(1), outgoing(2)])
    assert states(events) == {1: "deferred", 2: "pending"}
    assert not lost(events).hopeless


def test_421_after_some_messages_loses_the_lane_only(pipelining):
    with serving(Script(pipelining=pipelining, close_after=2)) as server:
        events = drive(opened(server), [outgoing(number) for number in range(4)])
    assert states(events) == {0: "submitted", 1: "submitted", 2: "pending"}
    assert not lost(events).hopeless


@pytest.mark.parametrize(
    ("stage", "state"), [("MAIL", "pending"), ("RCPT", "pending"), ("DATA", "pending"), ("dot", "unknown")]
)
def test_a_connection_that_breaks(pipelining, stage, state):
    with serving(Script(pipelining=pipelining, drop=stage)) as server:
        events = drive(opened(server), [outgoing(1, body=BIG), outgoing(2)])
    assert states(events)[1] == state
    assert set(states(events).values()) <= {state, "pending"}
    assert not lost(events).hopeless


def test_a_connection_that_breaks_within_the_content(pipelining):
    with serving(Script(pipelining=pipelining, drop="content")) as server:
        events = drive(opened(server), [outgoing(1, body=BIG)])
    assert states(events) == {1: "pending"}
    assert not server.accepted


def test_a_connection_that_breaks_after_the_dot_may_have_delivered(pipelining):
    with serving(Script(pipelining=pipelining, drop="dot", drop_at=3)) as server:
        events = drive(opened(server), [outgoing(number) for number in range(1, 6)])
        assert len(server.accepted) == 3
    expected = {1: "submitted", 2: "submitted", 3: "unknown"}
    assert states(events) in (expected, expected | {4: "pending"})


def test_an_answer_is_believed_though_the_connection_broke_after_it(pipelining):
    with serving(Script(pipelining=pipelining)) as server:
        lane = opened(server)
        lane.offer(outgoing(1))
        wait(lane)
        lane.release(claimed(1))
        events = list(lane.advance())
        while not server.accepted:
            time.sleep(0.01)
        time.sleep(0.1)
        server.disconnect()
        time.sleep(0.1)
        while not events or not isinstance(events[-1], Lost):
            events += wait(lane)
    assert states(events) == {1: "submitted"}


def test_a_peer_that_never_answers_has_a_deadline(pipelining):
    with serving(Script(pipelining=pipelining, silent="dot")) as server:
        lane = opened(server, timeout=0.2)
        assert lane.deadline is None
        lane.offer(outgoing(1))
        assert lane.deadline is not None
        wait(lane)
        assert lane.deadline is None
        lane.release(claimed(1))
        assert not lane.advance()
        assert lane.deadline is not None
        assert lane.deadline < time.monotonic() + 1
        assert states(lane.close("no answer in time")) == {1: "unknown"}


def test_the_answer_to_a_dot_may_take_ten_minutes():
    with serving(Script(pipelining=True, silent="dot")) as server:
        lane = opened(server, timeout=60.0)
        lane.offer(outgoing(1))
        assert lane.deadline is not None
        assert lane.deadline < time.monotonic() + 61
        wait(lane)
        lane.release(claimed(1))
        lane.advance()
        assert lane.deadline is not None
        assert lane.deadline > time.monotonic() + 590
        lane.close("enough")


def test_time_without_anything_to_do_is_not_the_peers():
    with serving(Script(silent="MAIL")) as server:
        lane = opened(server, timeout=0.2)
        time.sleep(0.3)
        lane.offer(outgoing(1))
        assert lane.deadline is not None
        assert lane.deadline > time.monotonic()


def test_what_was_answered_before_the_connection_broke_is_read_though_nothing_can_be_said():
    ours, theirs = socket.socketpair()
    lane = SmtpLane(ours, Manner("relay", pipelining=True), timeout=20.0)
    lane.offer(outgoing(1))
    lane.advance()
    theirs.send(b"250 Ok\r\n250 Ok\r\n354 go\r\n")
    assert lane.advance() == [Ready(claimed(1))]
    lane.release(claimed(1))
    lane.advance()
    theirs.recv(65536)
    theirs.send(b"250 2.0.0 taken\r\n")
    theirs.close()
    lane.offer(outgoing(2))
    events = lane.advance()
    assert states(events) == {1: "submitted", 2: "pending"}
    assert "relay" in lost(events).reason


def test_closing_says_what_is_known(pipelining):
    with serving(Script(pipelining=pipelining, silent="dot")) as server:
        lane = opened(server)
        lane.offer(outgoing(1))
        wait(lane)
        lane.offer(outgoing(2))
        lane.release(claimed(1))
        lane.advance()
        assert states(lane.close("we stop")) == {1: "unknown", 2: "pending"}
        assert not lane.close("we stop")


def test_an_idle_lane_says_goodbye(pipelining):
    with serving(Script(pipelining=pipelining)) as server:
        lane = opened(server)
        drive(lane, [outgoing(1)])
        assert lane.free
        assert lane.deadline is None
        assert lane.close("done") == []
        until = time.monotonic() + 10
        while "QUIT" not in server.commands and time.monotonic() < until:
            time.sleep(0.01)
        assert server.commands[-1] == "QUIT"


@pytest.mark.parametrize(("size", "state"), [(100, "failed"), (0, "submitted"), (None, "submitted")])
def test_a_message_that_is_too_large_is_not_sent(pipelining, size, state):
    with serving(Script(pipelining=pipelining, size=size)) as server:
        events = drive(opened(server), [outgoing(1, body=b"x" * 98 + b"\r\n"), outgoing(2)])
    assert states(events) == {1: state, 2: "submitted"}
    if state == "failed":
        assert "143 bytes" in outcomes(events)[1].text
        assert "100 at most" in outcomes(events)[1].text
        assert not any("reader1" in command for command in server.commands)


def test_a_size_is_told_where_it_is_announced(pipelining):
    message = outgoing(1)
    with serving(Script(pipelining=pipelining, size=10_000)) as server:
        drive(opened(server), [message])
    with serving(Script(pipelining=pipelining, size=None)) as plain:
        drive(opened(plain), [message])
    assert server.accepted[0].parameters == f"SIZE={len(message.content)}"
    assert plain.accepted[0].parameters == ""


def test_a_relay_may_find_a_message_too_large_in_the_end(pipelining):
    with serving(Script(pipelining=pipelining, size=10**9, replies={"dot": "552 5.3.4 too big after all"})) as server:
        result = outcomes(drive(opened(server), [outgoing(1)]))
    assert result[1] == Outcome("failed", 552, "5.3.4", "too big after all")


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("said", ["HTTP/1.1 400 Bad Request", "250-one\r\n550 two", "99 what", "250_Ok"])
def test_what_is_no_smtp_ends_the_lane(pipelining, stage, said):
    with serving(Script(pipelining=pipelining, replies={stage: said})) as server:
        events = drive(opened(server), [outgoing(1)])
    assert states(events) == {1: "pending"}
    assert "does not speak SMTP" in lost(events).reason


def test_garbage_after_the_dot_leaves_it_unknown(pipelining):
    with serving(Script(pipelining=pipelining, replies={"dot": "what?"})) as server:
        events = drive(opened(server), [outgoing(1)])
    assert states(events) == {1: "unknown"}
    assert lost(events)


def test_replies_may_come_byte_by_byte(pipelining):
    replies = {"MAIL": "250-2.1.0 well\r\n250 2.1.0 Ok", "dot": "250-2.0.0 taken\r\n250 2.0.0 as 7"}
    with serving(Script(pipelining=pipelining, dribble=True, replies=replies)) as server:
        events = drive(opened(server), [outgoing(1), outgoing(2)])
    assert outcomes(events) == dict.fromkeys((1, 2), Outcome("submitted", 250, "2.0.0", "taken as 7"))


def test_a_slow_relay_is_waited_for(pipelining):
    with serving(Script(pipelining=pipelining, pause=0.02)) as server:
        events = drive(opened(server), [outgoing(1), outgoing(2)])
    assert states(events) == {1: "submitted", 2: "submitted"}


@pytest.mark.parametrize("recipient", ["jürgen@example.org", "a@example.org>\r\nDATA"])
def test_an_address_that_would_break_the_protocol_is_never_said(pipelining, recipient):
    with serving(Script(pipelining=pipelining)) as server:
        events = drive(opened(server), [Outgoing(claimed(1), "news@example.org", recipient, (b"x\r\n",)), outgoing(2)])
    assert states(events) == {1: "failed", 2: "submitted"}
    assert server.recipients == ["reader2@example.org"]


def test_a_sender_that_would_break_the_protocol_is_the_configurations_fault(pipelining):
    with serving(Script(pipelining=pipelining)) as server:
        lane = opened(server)
        lane.offer(Outgoing(claimed(1), "näws@example.org", "reader1@example.org", (b"x\r\n",)))
        events = wait(lane)
    assert states(events) == {1: "pending"}
    assert lost(events).hopeless


def test_several_megabytes_pass_as_the_socket_takes_them(pipelining):
    with serving(Script(pipelining=pipelining)) as server:
        events = drive(opened(server), [outgoing(1, body=BIG), outgoing(2, body=b"." + BIG)])
    assert states(events) == {1: "submitted", 2: "submitted"}
    assert [len(message.content) for message in server.accepted] == [len(BIG) + 43, len(BIG) + 44]


def test_an_idle_relay_that_leaves_is_noticed(pipelining):
    with serving(Script(pipelining=pipelining)) as server:
        lane = opened(server)
        drive(lane, [outgoing(1)])
        server.disconnect()
        events = wait(lane)
        assert events == [Lost("127.0.0.1 closed the connection")]
        assert not lane.free
