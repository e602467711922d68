from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.delivery.pace import Waiting
from digest.delivery.retry import is_bad_address, is_our_fault, settle, wait_before
from digest.delivery.settings import Pace
from digest.protocols import Outcome
from digest.testing import NOON, make_claimed


class Seconds:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def run(waiting: Waiting[str], clock: Seconds) -> list[tuple[float, str]]:
    """Take all out as soon as they may go; return when each went."""
    gone: list[tuple[float, str]] = []
    while (wait := waiting.wait()) is not None:
        clock.now += wait
        item = waiting.take()
        assert item is not None, "it may go when its wait is over"
        gone.append((clock.now - 1000.0, item))
    return gone


def queue(pace: Pace, *addresses: str) -> tuple[Waiting[str], Seconds]:
    clock = Seconds()
    waiting: Waiting[str] = Waiting(pace, clock)
    for address in addresses:
        waiting.add(address, address)
    return waiting, clock


def test_without_rates_all_go_at_once_in_order() -> None:
    people = [f"{number}@{number % 3}.example" for number in range(50)]
    waiting, clock = queue(Pace(), *people)
    assert (len(waiting), waiting.ready(), waiting.depth()) == (50, 50, 50)
    assert run(waiting, clock) == [(0.0, address) for address in people]
    assert (len(waiting), waiting.wait(), waiting.take()) == (0, None, None)


def test_who_goes_next_is_known_where_there_is_no_rate() -> None:
    waiting, _ = queue(Pace(), "a@x.org", "b@y.org", "c@x.org")
    assert waiting.first(2) == ["a@x.org", "b@y.org"]
    waiting.take()
    assert waiting.first(9) == ["b@y.org", "c@x.org"]
    for pace in (Pace(rate=9), Pace(domain_rate=9)):
        assert queue(pace, "a@x.org")[0].first(9) == []


def test_a_rate_spreads_messages_evenly() -> None:
    waiting, clock = queue(Pace(rate=4), *(f"{number}@example.org" for number in range(9)))
    assert waiting.ready() == 1
    assert [when for when, _ in run(waiting, clock)] == pytest.approx([number / 4 for number in range(9)])


@pytest.mark.parametrize("rate", [0.5, 3, 14, 100, 1000])
def test_no_second_has_more_than_its_rate(rate: float) -> None:
    waiting, clock = queue(Pace(rate=rate), *(f"{number}@example.org" for number in range(400)))
    # what was left unused in an hour must not come all at once
    clock.now += 3600
    times = [when for when, _ in run(waiting, clock)]
    most = max(sum(begin <= when < begin + 1 for when in times) for begin in times)
    assert most <= rate * 1.05 + 1
    assert times[-1] - times[0] <= 400 / rate


def test_a_domain_that_waits_lets_others_pass() -> None:
    slow = [f"{number}@slow.example" for number in range(3)]
    waiting, clock = queue(Pace(domain_rate=1), *slow, "a@quick.example", "b@other.example")
    assert waiting.depth() == 3
    assert run(waiting, clock) == [
        (0.0, "0@slow.example"),
        (0.0, "a@quick.example"),
        (0.0, "b@other.example"),
        (pytest.approx(1.0), "1@slow.example"),
        (pytest.approx(2.0), "2@slow.example"),
    ]


def test_a_domain_is_the_same_in_capitals_and_after_it_had_none() -> None:
    waiting, clock = queue(Pace(domain_rate=1), "a@Example.org")
    assert waiting.take() == "a@Example.org"
    waiting.add("b@example.ORG", "b")
    assert waiting.take() is None
    assert waiting.wait() == pytest.approx(1.0)
    clock.now += 1.0
    assert waiting.take() == "b"


def test_both_rates_hold() -> None:
    people = [f"{number}@{name}.example" for number in range(10) for name in "ab"]
    waiting, clock = queue(Pace(rate=3, domain_rate=1), *people)
    gone = run(waiting, clock)
    assert Counter(address for _, address in gone) == Counter(people)
    # two domains at one a second are slower than three a second
    assert gone[-1][0] == pytest.approx(9, abs=0.5)


def test_what_waits_can_be_taken_back() -> None:
    waiting, _ = queue(Pace(domain_rate=1), "a@x.example", "b@x.example", "c@y.example")
    waiting.take()
    assert sorted(waiting.clear()) == ["b@x.example", "c@y.example"]
    assert (len(waiting), waiting.take(), waiting.depth()) == (0, None, 0)


@given(
    st.lists(st.sampled_from(["a.example", "b.example", "c.example"]), max_size=40),
    st.sampled_from([None, 0.3, 2.0, 50.0]),
    st.sampled_from([None, 0.7, 5.0]),
)
def test_all_go_once_and_each_domain_in_order(domains, rate, domain_rate) -> None:
    people = [f"{number}@{domain}" for number, domain in enumerate(domains)]
    waiting, clock = queue(Pace(rate=rate, domain_rate=domain_rate), *people)
    gone = [address for _, address in run(waiting, clock)]
    assert Counter(gone) == Counter(people)
    for domain in set(domains):
        assert [one for one in gone if one.endswith(domain)] == [one for one in people if one.endswith(domain)]


def test_waits_double_up_to_the_longest() -> None:
    middle = [wait_before(tries, 300, 21600, 0.5).total_seconds() for tries in range(9)]
    assert middle == [300, 600, 1200, 2400, 4800, 9600, 19200, 21600, 21600]
    assert wait_before(0, 300, 21600, 0.0) == timedelta(seconds=240)
    assert wait_before(0, 300, 21600, 1.0) == timedelta(seconds=360)
    assert wait_before(10**6, 300, 21600, 0.5) == timedelta(hours=6)


@pytest.mark.parametrize(
    ("status", "bad", "ours"),
    [
        ("5.1.1", True, False),
        ("5.1.2", True, False),
        ("5.1.10", True, False),
        ("5.1.7", False, True),
        ("5.1.8", False, True),
        ("5.7.1", False, True),
        ("5.7.26", False, True),
        ("5.2.2", False, False),
        ("4.1.1", False, False),
        (None, False, False),
    ],
)
def test_whose_fault_a_failure_is(status, bad, ours) -> None:
    failed = Outcome("failed", 550, status, "no")
    assert (is_bad_address(failed), is_our_fault(failed)) == (bad, ours)
    assert not is_bad_address(failed._replace(state="deferred"))


def test_a_message_of_which_nobody_knows_is_not_resent_for_ever() -> None:
    outcome = Outcome("unknown", text="broke off")
    old = make_claimed(first_try=NOON - timedelta(days=4), tries=9)
    new = make_claimed(first_try=NOON - timedelta(hours=1), tries=1)
    resent = settle(new, outcome, NOON, pace=Pace(), policy="resend", spread=0.5)
    assert (resent.outcome.state, resent.not_before) == ("deferred", NOON + timedelta(minutes=2))
    assert settle(old, outcome, NOON, pace=Pace(), policy="resend", spread=0.5).outcome == outcome
    assert settle(new, outcome, NOON, pace=Pace(), policy="skip", spread=0.5).outcome == outcome
