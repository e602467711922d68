"""What came back, on both databases: noted once, and an address is given up for the right reasons only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.protocols import Concluded, Store
from digest.store import open_store
from digest.store.returns import ROW, SPAN, given_up
from digest.testing import NOON, FrozenClock
from tests.store.readers import TAKEN, admit, publish, ready, subscription, sweep

DAY = timedelta(days=1)
ANN = "ann@example.org"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(ready(url), clock=FrozenClock())
    yield opened
    opened.close()


def send(store: Store, at: datetime = NOON, newsletter: str = "daily") -> dict[str, int]:
    """Let all that is due be taken at an instant; return the delivery of each reader."""
    sweep(store, newsletter)
    with store.ledger.sender("test") as token:
        claimed = store.ledger.claim(token, 1000, at + 30 * DAY)
        store.ledger.advance(token, claimed, [], at)
        store.ledger.advance(token, [], [Concluded(one, TAKEN, None) for one in claimed], at)
    return {one.address.split("@")[0]: one.id for one in claimed}


def suppressed(store: Store, name: str = "ann") -> str | None:
    found = store.subscribers.suppression(f"{name}@example.org")
    return f"{found.reason}: {found.evidence}" if found else None


def test_a_bad_address_is_suppressed_at_once_and_the_delivery_says_so(store: Store) -> None:
    admit(store, "ann", "bob")
    ids = send(store)
    assert store.returns.note(ids["ann"], "permanent", "5.1.1 no such user", at=NOON + DAY) == "suppressed"
    assert suppressed(store) == "bounced: 5.1.1 no such user"
    assert (subscription(store, "ann").status, subscription(store, "bob").status) == ("unsubscribed", "confirmed")
    one, other = sorted(store.ledger.deliveries("daily"), key=lambda one: one.id)
    assert (one.state, one.returned, one.returned_as, one.returned_note) == (
        "submitted", NOON + DAY, "permanent", "5.1.1 no such user")  # fmt: skip
    assert (other.returned, other.returned_as) == (None, None)
    assert store.returns.count("daily", 2) == 1
    assert [told.address for told in store.returns.returned("daily", 2, 5)] == [ANN]
    publish(store)
    assert send(store) == {"bob": other.id + 1}


@pytest.mark.parametrize("kind", ["counted", "refused"])
def test_one_that_did_not_get_through_is_noted_and_mailed_again(store: Store, kind: str) -> None:
    admit(store, "ann")
    assert store.returns.note(send(store)["ann"], kind, "4.2.2 full", at=NOON) == "noted"  # type: ignore[arg-type]
    assert suppressed(store) is None
    publish(store)
    assert set(send(store)) == {"ann"}


def test_what_is_noted_is_noted_once_and_only_graver_news_count(store: Store) -> None:
    admit(store, "ann")
    id = send(store)["ann"]
    told = [("refused", "noted"), ("refused", "known"), ("counted", "noted"), ("refused", "known"),
            ("permanent", "suppressed"), ("permanent", "known"), ("complaint", "noted")]  # fmt: skip
    for number, (kind, effect) in enumerate(told):
        assert store.returns.note(id, kind, kind, at=NOON + number * DAY) == effect  # type: ignore[arg-type]
    (one,) = store.ledger.deliveries("daily")
    assert (one.returned, one.returned_as, one.returned_note) == (NOON, "complaint", "complaint")
    assert suppressed(store) == "bounced: permanent"


def test_a_complaint_suppresses(store: Store) -> None:
    admit(store, "ann")
    assert store.returns.note(send(store)["ann"], "complaint", "abuse", at=NOON) == "suppressed"
    assert suppressed(store) == "complained: abuse"


def test_what_is_not_known_changes_nothing(store: Store) -> None:
    admit(store, "ann")
    assert store.returns.sent(77) is None
    assert store.returns.note(77, "permanent", "", at=NOON) == "known"
    assert store.returns.addressee(77) is None
    assert not store.returns.leave(77, at=NOON, why="asked", written=None)
    assert store.returns.object(77, "", at=NOON, written=None) == "known"
    assert suppressed(store) is None


def test_a_delivery_is_found_by_its_id_and_by_what_its_message_id_says(store: Store) -> None:
    admit(store, "ann")
    id = send(store)["ann"]
    found = store.returns.sent(id)
    assert found
    assert (found.newsletter, found.upto, found.address) == ("daily", 2, ANN)
    assert store.returns.sent_to(found.subscription, 2) == found
    assert store.returns.sent_to(found.subscription, 1) is None
    whose = store.returns.addressee(found.subscription)
    assert whose
    assert (whose.newsletter, whose.address) == ("daily", ANN)


def test_one_newsletter_is_left_the_others_are_not(store: Store) -> None:
    publish(store, newsletter="weekly")
    admit(store, "ann")
    admit(store, "ann", newsletter="weekly")
    sweep(store)
    id = subscription(store, "ann").id
    assert store.returns.leave(id, at=NOON + DAY, why="asked by mail", written=NOON)
    assert not store.returns.leave(id, at=NOON + DAY, why="asked by mail", written=NOON)
    one = subscription(store, "ann")
    assert (one.status, one.ended, one.why, one.suppressed) == ("unsubscribed", NOON + DAY, "asked by mail", None)
    assert subscription(store, "ann", "weekly").status == "confirmed"
    assert [told.state for told in store.ledger.deliveries("daily")] == ["failed"]


def test_who_came_back_is_not_sent_away_by_what_was_written_before(store: Store) -> None:
    admit(store, "ann")
    id, sent = subscription(store, "ann").id, send(store)["ann"]
    assert store.returns.note(sent, "counted", "4.2.2", at=NOON) == "noted"
    assert store.returns.leave(id, at=NOON, why="asked by mail", written=NOON)
    admit(store, "ann", at=NOON + DAY, again=True)
    assert not store.returns.leave(id, at=NOON + 2 * DAY, why="asked by mail", written=NOON)
    assert store.returns.object(id, "abuse", at=NOON + 2 * DAY, written=NOON) == "known"
    assert store.returns.note(sent, "permanent", "5.1.1", at=NOON + 2 * DAY) == "noted"
    assert (subscription(store, "ann").status, suppressed(store)) == ("confirmed", None)
    assert store.returns.leave(id, at=NOON + 2 * DAY, why="asked by mail", written=NOON + DAY)


def test_a_complaint_without_a_delivery_suppresses_the_address(store: Store) -> None:
    admit(store, "ann")
    assert store.returns.object(subscription(store, "ann").id, "abuse", at=NOON, written=None) == "suppressed"
    assert suppressed(store) == "complained: abuse"


def returned_daily(store: Store, days: int, *, kind: str = "counted", without: tuple[int, ...] = ()) -> list[str]:
    """Mail an edition a day, and let each but some come back the day after; return what noting them did."""
    effects: list[str] = []
    for day in range(days):
        publish(store)
        sent = send(store, NOON + day * DAY)
        if "ann" in sent and day not in without:
            at = NOON + (day + 1) * DAY
            effects.append(store.returns.note(sent["ann"], kind, f"4.2.2 day {day}", at=at))  # type: ignore[arg-type]
    return effects


def test_an_address_is_given_up_when_all_comes_back_for_a_week(store: Store) -> None:
    admit(store, "ann", mark=2)
    assert returned_daily(store, 10) == ["noted"] * 7 + ["suppressed"]
    assert suppressed(store) == "bounced: 8 mails in a row came back, one: 4.2.2 day 7"


def test_one_that_stayed_away_begins_anew(store: Store) -> None:
    admit(store, "ann", mark=2)
    assert returned_daily(store, 14, without=(6,)) == ["noted"] * 13
    assert suppressed(store) is None


def test_what_is_refused_for_the_sender_never_gives_an_address_up(store: Store) -> None:
    admit(store, "ann", mark=2)
    assert returned_daily(store, 20, kind="refused") == ["noted"] * 20


def test_a_row_begins_anew_for_who_came_back(store: Store) -> None:
    admit(store, "ann", mark=2)
    assert returned_daily(store, 8)[-1] == "suppressed"
    admit(store, "ann", at=NOON + 9 * DAY, again=True, mark=20)
    publish(store, 15)
    sent = send(store, NOON + 10 * DAY)
    assert store.returns.note(sent["ann"], "counted", "4.2.2", at=NOON + 11 * DAY) == "noted"
    assert suppressed(store) is None


def test_who_is_forgotten_leaves_no_words_of_servers(store: Store) -> None:
    admit(store, "ann")
    id = send(store)["ann"]
    store.returns.note(id, "counted", f"4.2.2 <{ANN}> is full", at=NOON)
    store.subscribers.forget(ANN, at=NOON)
    (one,) = store.ledger.deliveries("daily")
    assert (one.address, one.returned_as, one.returned_note) == (None, "counted", None)
    assert store.returns.note(id, "permanent", f"<{ANN}> is gone", at=NOON) == "noted"
    (one,) = store.ledger.deliveries("daily")
    assert (one.returned_as, one.returned_note) == ("permanent", None)


# The rule

PAST = st.lists(st.tuples(st.integers(0, 40), st.sampled_from([None, "counted", "refused"])), max_size=30)


def rule(days: list[tuple[int, str | None]]) -> int:
    """Ask the rule on a day after all of it; days count back."""
    return given_up([(NOON - age * DAY, kind) for age, kind in sorted(days, key=lambda one: one[0])], NOON)


@given(PAST)
def test_more_that_came_back_never_saves_an_address(days: list[tuple[int, str | None]]) -> None:
    worse: list[tuple[int, str | None]] = [(age, kind or "counted") for age, kind in days]
    assert rule(worse) >= rule(days)


@given(PAST)
def test_a_row_is_long_enough_and_wide_enough(days: list[tuple[int, str | None]]) -> None:
    row = rule(days)
    counted = sorted(age for age, kind in days if kind == "counted")
    if row:
        assert row >= ROW
        assert (counted[row - 1] - counted[0]) * DAY >= SPAN
        assert not [age for age, kind in days if kind is None and counted[0] < age < counted[row - 1]]


def test_silence_of_the_newest_counts_only_when_a_server_would_have_spoken() -> None:
    week: list[tuple[int, str | None]] = [(age, "counted") for age in range(6, 14)]
    assert rule(week) == 8
    assert rule([*week, (0, None), (4, None)]) == 8
    assert rule([*week, (5, None)]) == 0
    assert rule([*week, (5, "refused")]) == 8
    assert rule([(0, "counted"), (1, None), *week]) == 0
    assert rule([(age, "counted") for age in (0, 1, 2, 3, 6)]) == 0
    assert rule([(age, "counted") for age in (0, 7, 14, 21, 28)]) == 5
