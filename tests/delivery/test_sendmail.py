"""Runs commands of the tests' own in the place of sendmail."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from digest.delivery.sendmail import FAILED, HOPELESS, Sendmail
from digest.errors import TransportError
from digest.protocols import Lane, Lost, Ready
from digest.testing import make_claimed, make_outgoing
from tests.delivery.readers import addresses, delivery, readers, send, states

Command = Callable[[str], Sendmail]

#: keeps what it is given in files beside it
KEEP = """
content = sys.stdin.buffer.read()
open(os.path.join(here, sys.argv[-1]), "wb").write(content)
open(os.path.join(here, "arguments"), "a").write(repr(sys.argv[1:]) + "\\n")
"""


@pytest.fixture
def command(tmp_path: Path) -> Command:
    def make(code: str, timeout: float = 20.0) -> Sendmail:
        path = tmp_path / "mail" / "command.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"import os, signal, sys, time\nhere = os.path.dirname(__file__)\n{code}\n")
        # without site packages Python starts four times as fast
        return Sendmail((sys.executable, "-I", "-S", str(path)), timeout)

    return make


def begin(lane: Lane, body: str = "Hello."):
    message = make_outgoing(make_claimed(1), body)
    lane.offer(message)
    return message, list(lane.advance())


def test_each_message_goes_to_a_command_of_its_own(tmp_path, command) -> None:
    people = addresses(5)
    with readers(tmp_path, *people) as store:
        assert send(store, command(KEEP)).submitted == 5
    for number, address in enumerate(people, 1):
        expected = make_outgoing(make_claimed(number, address)).content
        assert (tmp_path / "mail" / address).read_bytes() == expected.replace(b"\r\n", b"\n")
    told = (tmp_path / "mail" / "arguments").read_text().splitlines()
    assert sorted(told) == sorted(repr(["-i", "-f", "digest@example.org", "--", address]) for address in people)


def test_the_end_of_a_message_is_not_told_before_its_release(tmp_path, command) -> None:
    lane = command(KEEP).open()
    message, events = begin(lane)
    assert events == [Ready(message.delivery)]
    assert list(lane.advance()) == []
    assert not (tmp_path / "mail" / message.recipient).exists()
    lane.release(message.delivery)
    (answered,) = lane.advance()
    assert answered.outcome.state == "submitted"
    assert (tmp_path / "mail" / message.recipient).exists()
    assert lane.free


def test_a_message_that_is_not_released_never_ends(tmp_path, command) -> None:
    """The command is killed; it must not take what it has for all of the message."""
    lane = command(f"open(os.path.join(here, 'pid'), 'w').write(str(os.getpid())); {KEEP.strip()}").open()
    message, _ = begin(lane)
    pid = tmp_path / "mail" / "pid"
    while not (pid.exists() and pid.read_text()):
        time.sleep(0.01)
    (answered,) = lane.close("enough")
    assert (answered.outcome.state, answered.outcome.text) == ("pending", "enough")
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    assert not (tmp_path / "mail" / message.recipient).exists()


def test_a_message_larger_than_a_pipe_arrives_whole(tmp_path, command) -> None:
    lane = command(KEEP).open()
    body = "\r\n".join("x" * 70 for _ in range(20000))
    message, events = begin(lane, body)
    assert events == [Ready(message.delivery)]
    lane.release(message.delivery)
    assert [event.outcome.state for event in lane.advance()] == ["submitted"]
    assert (tmp_path / "mail" / message.recipient).read_bytes() == message.content.replace(b"\r\n", b"\n")


@pytest.mark.parametrize(("status", "enhanced"), sorted(FAILED.items()))
def test_a_status_that_is_final_fails(command, status, enhanced) -> None:
    lane = command(f"sys.stdin.read(); print('user unknown', file=sys.stderr); sys.exit({status})").open()
    message, _ = begin(lane)
    lane.release(message.delivery)
    (answered,) = lane.advance()
    assert answered.outcome.state == "failed"
    assert answered.outcome.status == enhanced
    assert answered.outcome.text == f"exit status {status} user unknown"


@pytest.mark.parametrize("status", [75, 71, 1])
def test_any_other_status_defers(command, status) -> None:
    lane = command(f"sys.stdin.read(); sys.exit({status})").open()
    message, _ = begin(lane)
    lane.release(message.delivery)
    (answered,) = lane.advance()
    assert answered.outcome.state == "deferred"
    assert f"exit status {status}" in answered.outcome.text


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGTERM)", "sys.exit(128 + 9)"])
def test_of_a_command_that_was_killed_nobody_knows(command, end) -> None:
    lane = command(f"sys.stdin.read(); {end}").open()
    message, _ = begin(lane)
    lane.release(message.delivery)
    (answered,) = lane.advance()
    assert answered.outcome.state == "unknown"
    assert "killed by signal" in answered.outcome.text


@pytest.mark.parametrize("status", sorted(HOPELESS))
def test_a_command_that_cannot_work_ends_it_all(tmp_path, command, status) -> None:
    with readers(tmp_path, *addresses(3)) as store:
        tally = send(store, command(f"sys.stdin.read(); sys.exit({status})"))
        assert set(states(store).values()) == {"pending"}
    assert tally.trouble
    assert HOPELESS[status] in tally.trouble


def test_a_command_that_ends_early_has_not_taken_it(command) -> None:
    lane = command("sys.exit(0)").open()
    _message, events = begin(lane, "x" * 200_000)
    (answered,) = events
    assert answered.outcome.state == "deferred"
    assert lane.free


def test_a_refusal_before_the_end_counts(command) -> None:
    lane = command("sys.exit(67)").open()
    _message, events = begin(lane, "x" * 200_000)
    (answered,) = events
    assert (answered.outcome.state, answered.outcome.status) == ("failed", "5.1.1")


def test_of_a_command_that_does_not_end_nobody_knows(command) -> None:
    lane = command("sys.stdin.read(); time.sleep(60)", timeout=0.5).open()
    message, _ = begin(lane)
    lane.release(message.delivery)
    answered, lost = lane.advance()
    assert (answered.delivery, answered.outcome.state) == (message.delivery, "unknown")
    assert isinstance(lost, Lost)
    assert not lost.hopeless


def test_a_command_that_does_not_read_has_not_taken_it(command) -> None:
    lane = command("time.sleep(60)", timeout=0.5).open()
    _message, (answered, lost) = begin(lane, "x" * 200_000)
    assert answered.outcome.state == "pending"
    assert isinstance(lost, Lost)


def test_a_command_that_talks_much_is_not_waited_for(command) -> None:
    lane = command("sys.stdin.read(); print('word ' * 100_000)").open()
    message, _ = begin(lane)
    lane.release(message.delivery)
    (answered,) = lane.advance()
    assert answered.outcome.state == "submitted"
    assert len(answered.outcome.text) == 200


def test_a_command_that_is_not_there_is_told(tmp_path) -> None:
    with pytest.raises(TransportError, match="no-such-sendmail is no command"):
        Sendmail(("no-such-sendmail",)).open()
    with readers(tmp_path, *addresses(2)) as store:
        assert "no-such-sendmail" in (send(store, Sendmail(("no-such-sendmail",))).trouble or "")


def test_an_unknown_user_is_told_as_a_bad_address(tmp_path, command) -> None:
    told = []
    script = "sys.stdin.read(); sys.exit(67 if 'reader2' in sys.argv[-1] else 0)"
    with readers(tmp_path, *addresses(3)) as store:
        tally = send(store, command(script), suppress=lambda one, outcome: told.append(one.address))
        assert Counter(states(store).values()) == {"submitted": 2, "failed": 1}
        assert (delivery(store, "reader2@example.org").note or "").startswith("5.1.1 exit status 67")
    assert (tally.failed, told) == (1, ["reader2@example.org"])
