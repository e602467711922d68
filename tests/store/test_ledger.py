from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from digest.errors import StoreError
from digest.models import DeliveryCounts
from digest.protocols import Claimed, Concluded, Ledger, Outcome, Store, Timing
from digest.store import open_store
from digest.store.engine import parse
from digest.testing import NOON
from tests.store.readers import (
    LATER,
    TAKEN,
    admit,
    conclude,
    deliveries,
    publish,
    ready,
    serve,
    subscription,
    sweep,
    told,
)

REFUSED = Outcome("failed", 550, "5.1.1", "no such user")
LATE = Outcome("deferred", 451, "4.7.1", "greylisted")
UNKNOWN = Outcome("unknown", None, None, "connection lost")


@pytest.fixture
def url(url: str) -> str:
    return ready(url)


def change(url: str, statement: str) -> None:
    """Do something in the database itself, which the protocol does not."""
    engine = create_engine(parse(url))
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def names(claimed) -> list[str]:
    return [one.address.split("@")[0] for one in claimed]


# The sweep


def test_a_sweep_covers_all_that_a_subscription_lacks_and_no_more(store: Store) -> None:
    admit(store, "ann", mark=0)
    admit(store, "bob", mark=1)
    admit(store, "cid", mark=2)
    admit(store, "dee", mark=0, confirmed_by=None)
    assert sweep(store) == 2
    assert sweep(store) == 0
    assert deliveries(store) == {"ann 0-2": "pending", "bob 1-2": "pending"}


def test_a_subscription_has_one_open_delivery_at_most(store: Store) -> None:
    admit(store, "ann")
    sweep(store)
    publish(store)
    assert sweep(store) == 0
    with store.ledger.sender("test") as token:
        claimed = store.ledger.claim(token, 9, NOON)
        assert sweep(store) == 0
        store.ledger.advance(token, claimed, [], NOON)
        assert sweep(store) == 0
        store.ledger.advance(token, [], [Concluded(claimed[0], LATE, LATER)], NOON)
        assert sweep(store) == 0
        claimed = store.ledger.claim(token, 9, LATER)
        conclude(store, token, claimed)
    assert sweep(store) == 1
    assert deliveries(store) == {"ann 0-2": "submitted", "ann 2-3": "pending"}


def test_a_sweep_takes_those_whose_hour_it_is(store: Store) -> None:
    admit(store, "ann")
    admit(store, "bob", timezone="Asia/Tokyo")
    admit(store, "cid", timezone="Asia/Tokyo", hour=0, cadence="mon")
    admit(store, "dee", hour=0)
    timings = {
        Timing(None, "each", None),
        Timing("Asia/Tokyo", "each", None),
        Timing("Asia/Tokyo", "mon", 0),
        Timing(None, "each", 0),
    }
    assert set(store.ledger.timings("daily")) == timings
    for due, who in zip(sorted(timings, key=str), ("bob", "cid", "dee", "ann"), strict=True):
        assert store.ledger.sweep("daily", [due, Timing("UTC", "sun", 3)], NOON) == 1
        assert told(store.ledger.deliveries("daily")[0]) == f"{who} 0-2"
    assert store.ledger.sweep("daily", [], NOON) == 0


def test_timings_are_those_of_confirmed_subscribers(store: Store) -> None:
    admit(store, "ann", hour=1, confirmed_by=None)
    admit(store, "bob", hour=2)
    store.subscribers.unsubscribe("bob@example.org", at=NOON, why="w")
    admit(store, "cid", "dee", hour=3)
    assert store.ledger.timings("daily") == [Timing(None, "each", 3)]


def test_a_sweep_may_stop_before_the_newest_edition(store: Store) -> None:
    admit(store, "ann", "bob")
    admit(store, "cid", mark=1)
    every = [Timing(None, "each", None)]
    assert store.ledger.sweep("daily", every, NOON, upto=1) == 2
    assert store.ledger.sweep("daily", every, NOON, upto=7) == 1
    assert deliveries(store) == {"ann 0-1": "pending", "bob 0-1": "pending", "cid 1-2": "pending"}


def test_without_an_edition_there_is_nothing_to_sweep(store: Store) -> None:
    store.enrol("bio", 0)
    admit(store, "ann", newsletter="bio", mark=None)
    assert sweep(store, "bio") == 0
    assert subscription(store, "ann", "bio").mark == 0


def test_a_replay_moves_marks_without_a_delivery(store: Store) -> None:
    admit(store, "ann")
    admit(store, "bob", mark=2)
    assert store.ledger.catch_up("daily") == 1
    assert sweep(store) == 0
    assert [one.mark for one in store.subscribers.subscriptions()] == [2, 2]


def test_many_sweeps_at_once_make_each_delivery_once(store: Store, url: str) -> None:
    admit(store, *(f"reader{number}" for number in range(40)))
    made: list[int] = []

    def work() -> None:
        mine = open_store(url)
        made.append(sweep(mine))
        mine.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(made) == 40
    assert len(store.ledger.deliveries("daily")) == 40


# Claims


Take = Callable[..., Sequence[Claimed]]


def at_once(ledger: Ledger, *asked: Any, **how: Any) -> Sequence[Claimed]:
    return ledger.claim(*asked, **how)


def ahead(ledger: Ledger, *asked: Any, **how: Any) -> Sequence[Claimed]:
    return ledger.claiming(*asked, **how)()


@pytest.fixture(params=[at_once, ahead])
def take(request: pytest.FixtureRequest) -> Take:
    found: Take = request.param
    return found


def test_a_claim_tells_all_that_a_message_depends_on(store: Store, take: Take) -> None:
    wishes: dict[str, Any] = {"name": "Ann Ł", "groups": ("ml", "bio"), "format": "text"}
    admit(store, "ann", origin="web", confirmed_by="her click", **wishes)
    sweep(store)
    with store.ledger.sender("test") as token:
        (claimed,) = take(store.ledger, token, 9, NOON)
        assert claimed == Claimed(
            claimed.id,
            subscription(store, "ann").id,
            "daily",
            0,
            2,
            0,
            "ann@example.org",
            "Ann Ł",
            "text",
            "ml,bio",
            "web",
            NOON,
            "her click",
            None,
        )
        conclude(store, token, [claimed], LATE, LATER)
        (again,) = take(store.ledger, token, 9, LATER)
        assert (again.tries, again.first_try) == (1, NOON)


def test_the_oldest_are_claimed_first(store: Store, take: Take) -> None:
    admit(store, "ann", hour=1)
    admit(store, "bob", "cid", hour=2)
    store.ledger.sweep("daily", [Timing(None, "each", 2)], NOON)
    store.ledger.sweep("daily", [Timing(None, "each", 1)], NOON - timedelta(hours=1))
    with store.ledger.sender("test") as token:
        assert names(take(store.ledger, token, 2, NOON)) == ["ann", "bob"]
        assert names(take(store.ledger, token, 2, NOON)) == ["cid"]
        assert take(store.ledger, token, 2, NOON) == []


def test_a_deferred_one_waits_for_its_time(store: Store, take: Take) -> None:
    admit(store, "ann")
    assert store.ledger.next_due(NOON) is None
    serve(store, LATE, when=LATER)
    assert store.ledger.next_due(NOON) == LATER
    assert store.ledger.next_due(LATER + timedelta(hours=1)) == LATER + timedelta(hours=1)
    with store.ledger.sender("test") as token:
        assert take(store.ledger, token, 9, LATER - timedelta(seconds=1)) == []
        assert names(take(store.ledger, token, 9, LATER)) == ["ann"]
    assert store.ledger.counts().pending == 1


def test_what_senders_that_race_claim_is_never_the_same(store: Store, url: str, take: Take) -> None:
    admit(store, *(f"reader{number}" for number in range(60)))
    sweep(store)
    had: list[list[int]] = []

    def work() -> None:
        mine = open_store(url)
        got: list[int] = []
        with mine.ledger.sender("racer") as token:
            while claimed := take(mine.ledger, token, 7, NOON):
                conclude(mine, token, claimed)
                got += [one.id for one in claimed]
        had.append(got)
        mine.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    claimed = [id for got in had for id in got]
    assert len(claimed) == len(set(claimed)) == 60
    assert store.ledger.counts("daily", 2) == DeliveryCounts(submitted=60)


def test_a_daily_limit_counts_what_all_senders_hold_and_handed_over(store: Store, take: Take) -> None:
    admit(store, *(f"reader{number}" for number in range(10)))
    sweep(store)
    ledger = store.ledger
    with ledger.sender("one") as one, ledger.sender("two") as two:
        first = take(ledger, one, 3, NOON, daily_limit=7)
        assert len(first) == 3
        conclude(store, one, first[:1])
        conclude(store, one, first[1:2], UNKNOWN)
        conclude(store, one, first[2:], REFUSED)  # the relay took nothing of this one
        held = take(ledger, two, 3, NOON, daily_limit=7)
        assert len(held) == 3
        assert ledger.advance(two, held[:1], [], NOON) == frozenset()
        assert len(take(ledger, one, 9, NOON, daily_limit=7)) == 2
        assert take(ledger, one, 9, NOON, daily_limit=7) == []
        day = NOON + timedelta(hours=24)
        assert len(take(ledger, one, 1, day, daily_limit=6)) == 1, "those of a day ago count no more"


def test_of_several_newsletters_those_go_first_that_wait_longest_and_a_paused_one_hides_none(
    store: Store, take: Take
) -> None:
    ledger = store.ledger
    for hours, newsletter in ((0, "paused"), (1, "weekly"), (2, "daily")):
        publish(store, newsletter=newsletter)
        admit(store, f"{newsletter}1", f"{newsletter}2", newsletter=newsletter)
        ledger.sweep(newsletter, ledger.timings(newsletter), NOON + timedelta(hours=hours))
    ledger.pause("paused", True)
    with ledger.sender("test") as token:
        assert names(take(ledger, token, 9, NOON + timedelta(hours=1))) == ["weekly1", "weekly2"]
        ledger.give_back(token)
        assert names(take(ledger, token, 3, LATER + timedelta(hours=1))) == ["weekly1", "weekly2", "daily1"]
        assert names(take(ledger, token, 3, LATER + timedelta(hours=1))) == ["daily2"]
        assert take(ledger, token, 3, LATER + timedelta(hours=1)) == []
        ledger.pause("paused", False)
        assert names(take(ledger, token, 1, LATER + timedelta(hours=1))) == ["paused1"]


def test_a_paused_newsletter_rests(store: Store, take: Take) -> None:
    publish(store, newsletter="bio")
    admit(store, "ann", "bob")
    admit(store, "cid", newsletter="bio")
    sweep(store)
    sweep(store, "bio")
    ledger = store.ledger
    with ledger.sender("test") as token:
        (first,) = take(ledger, token, 1, NOON)
        conclude(store, token, [first], LATE, LATER)
        ledger.pause("daily", True)
        assert ledger.paused() == ["daily"]
        assert names(take(ledger, token, 9, LATER)) == ["cid"]
        assert ledger.next_due(NOON) is None
        admit(store, "dee")
        assert sweep(store) == 0
        ledger.pause("daily", False)
        assert ledger.paused() == []
        assert sweep(store) == 1
        assert sorted(names(take(ledger, token, 9, LATER))) == ["ann", "bob", "dee"]
    with pytest.raises(StoreError, match="no newsletter 'x'"):
        ledger.pause("x", True)


def test_what_has_ended_meanwhile_and_whom_nobody_names_is_not_handed_out(store: Store, url: str, take: Take) -> None:
    admit(store, "ann", "bob", "cid")
    sweep(store)
    ended = subscription(store, "ann").id
    change(url, f"UPDATE subscriptions SET status = 'unsubscribed' WHERE id = {ended}")
    # as a state without addresses brings it back
    change(url, "UPDATE subscribers SET address = NULL WHERE address LIKE 'bob%'")
    with store.ledger.sender("test") as token:
        assert names(take(store.ledger, token, 3, NOON)) == ["cid"]
        assert deliveries(store) == {"ann 0-2": "failed", "? 0-2": "pending", "cid 0-2": "claimed"}
        assert take(store.ledger, token, 3, NOON + timedelta(hours=23)) == []


def test_a_claim_that_was_begun_is_made_while_messages_come_to_their_ends(store: Store) -> None:
    admit(store, "ann", "bob", "cid")
    sweep(store)
    ledger = store.ledger
    with ledger.sender("test") as token:
        first = ledger.claim(token, 1, NOON)
        coming = ledger.claiming(token, 1, NOON)
        conclude(store, token, first)
        assert names(coming()) == ["bob"]
        assert names(ledger.claiming(token, 9, NOON)()) == ["cid"]
    assert deliveries(store) == {"ann 0-2": "submitted", "bob 0-2": "pending", "cid 0-2": "pending"}


def test_a_sender_that_was_taken_for_dead_claims_anew(store: Store, url: str, take: Take) -> None:
    admit(store, "ann")
    sweep(store)
    with store.ledger.sender("test") as token:
        change(url, "DELETE FROM senders")
        assert names(take(store.ledger, token, 1, NOON)) == ["ann"]
        assert store.ledger.recover({}, NOON) == (0, 0, 0)


def test_claims_are_to_be_had_again_when_the_server_hung_up(store: Store, url: str, take: Take) -> None:
    admit(store, "ann", "bob")
    sweep(store)
    with store.ledger.sender("test") as token:
        assert names(take(store.ledger, token, 1, NOON)) == ["ann"]
        if "://" in url:
            others = "datname = current_database() AND pid <> pg_backend_pid()"
            change(url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
        assert names(take(store.ledger, token, 1, NOON)) == ["bob"]


# Advancing


def test_a_message_comes_to_its_end(store: Store) -> None:
    admit(store, "ann", "bob", "cid", "dee")
    sweep(store)
    ledger = store.ledger
    with ledger.sender("test") as token:
        ann, bob, cid, dee = claimed = ledger.claim(token, 9, NOON)
        assert ledger.advance(token, claimed, [], NOON) == frozenset()
        assert ledger.counts() == DeliveryCounts(pending=4)
        concluded = [
            Concluded(ann, TAKEN),
            Concluded(bob, REFUSED),
            Concluded(cid, LATE, LATER),
            Concluded(dee, UNKNOWN),
        ]
        assert ledger.advance(token, [], concluded, LATER) == frozenset()
    assert ledger.counts("daily") == DeliveryCounts(submitted=1, failed=1, deferred=1, unknown=1)
    marks = {one.subscriber.address[:3]: one.mark for one in store.subscribers.subscriptions()}
    assert marks == {"ann": 2, "bob": 2, "cid": 0, "dee": 2}
    found = {told(one)[:3]: one for one in ledger.deliveries("daily")}
    assert {name: (one.tries, one.at, one.note) for name, one in found.items()} == {
        "ann": (1, LATER, "250 2.0.0 queued"),
        "bob": (1, LATER, "550 5.1.1 no such user"),
        "cid": (1, LATER, "451 4.7.1 greylisted"),
        "dee": (1, LATER, "connection lost"),
    }
    assert found["cid"].not_before == LATER


@pytest.mark.parametrize(
    "said", ['"', "\\", "a,b", "{}", "NULL", "", " ", "'; --", "é“”", "a\nb\t\x00\ud800", '\\"{a,"b"}']
)
def test_what_a_server_said_is_noted_letter_by_letter(store: Store, said: str) -> None:
    admit(store, "ann", "bob", "cid")
    sweep(store)
    with store.ledger.sender("test") as token:
        claimed = store.ledger.claim(token, 9, NOON)
        store.ledger.advance(token, claimed, [], NOON)
        ends = [Outcome("failed", 550, None, said), Outcome("failed"), Outcome("failed", None, "5.1.1", said)]
        store.ledger.advance(token, [], list(map(Concluded, claimed, ends)), LATER)
    found = {told(one)[:3]: one.note for one in store.ledger.deliveries("daily")}
    assert found == {"ann": f"550 {said}" if said else "550", "bob": None, "cid": f"5.1.1 {said}" if said else "5.1.1"}


@pytest.mark.parametrize("count", [1, 5])
def test_what_is_done_while_the_ledger_writes_is_done_once_at_most_and_its_fault_undoes_nothing(
    store: Store, count: int
) -> None:
    admit(store, *"abcde"[:count])
    sweep(store)
    done: list[str] = []

    def fail() -> None:
        done.append("it")
        raise ValueError("a mistake")

    with store.ledger.sender("test") as token:
        claimed = store.ledger.claim(token, 9, NOON)
        try:
            store.ledger.advance(token, claimed, [], NOON, meanwhile=fail)
        except ValueError:
            assert done == ["it"]
        assert len(done) <= 1
        assert set(deliveries(store).values()) == {"in_flight"}
        assert store.ledger.advance(token, [], [Concluded(one, TAKEN) for one in claimed], NOON) == frozenset()
    assert set(deliveries(store).values()) == {"submitted"}


def test_what_was_not_tried_counts_no_try(store: Store) -> None:
    admit(store, "ann")
    sweep(store)
    with store.ledger.sender("test") as token:
        for begun in (True, False):
            claimed = store.ledger.claim(token, 9, NOON)
            if begun:
                store.ledger.advance(token, claimed, [], NOON)
            store.ledger.advance(token, [], [Concluded(claimed[0], Outcome("pending"))], LATER)
            assert deliveries(store) == {"ann 0-2": "pending"}
        (again,) = store.ledger.claim(token, 9, NOON)
    assert again.tries == 0
    assert subscription(store, "ann").mark == 0


def test_a_refusal_before_the_end_needs_no_flight_but_an_acceptance_does(store: Store) -> None:
    admit(store, "ann", "bob")
    sweep(store)
    with store.ledger.sender("test") as token:
        ann, bob = store.ledger.claim(token, 9, NOON)
        store.ledger.advance(token, [], [Concluded(ann, REFUSED), Concluded(bob, TAKEN)], NOON)
        assert deliveries(store) == {"ann 0-2": "failed", "bob 0-2": "claimed"}
        assert (subscription(store, "ann").mark, subscription(store, "bob").mark) == (2, 0)


def test_one_ends_in_the_commit_in_which_the_next_begins(store: Store) -> None:
    admit(store, "ann", "bob")
    sweep(store)
    with store.ledger.sender("test") as token:
        ann, bob = store.ledger.claim(token, 9, NOON)
        store.ledger.advance(token, [ann], [], NOON)
        assert store.ledger.advance(token, [bob], [Concluded(ann, TAKEN)], NOON) == frozenset()
        assert deliveries(store) == {"ann 0-2": "submitted", "bob 0-2": "in_flight"}


def test_a_lost_claim_does_not_begin(store: Store) -> None:
    admit(store, "ann", "bob", "cid")
    sweep(store)
    ledger = store.ledger
    with ledger.sender("one") as one, ledger.sender("two") as two:
        ann, bob, cid = claimed = ledger.claim(one, 9, NOON)
        assert ledger.advance(two, claimed, [], NOON) == {ann.id, bob.id, cid.id}
        store.subscribers.unsubscribe("bob@example.org", at=NOON, why="w")
        assert ledger.advance(one, claimed, [], NOON) == {bob.id}
        # what is in flight does not begin once more
        assert ledger.advance(one, [ann], [], NOON) == {ann.id}
        ledger.advance(two, [], [Concluded(ann, TAKEN)], NOON)
        assert deliveries(store) == {"ann 0-2": "in_flight", "bob 0-2": "failed", "cid 0-2": "in_flight"}
        # one that is lost keeps no other from its end
        assert ledger.advance(one, [bob], [Concluded(bob, TAKEN), Concluded(ann, TAKEN)], NOON) == {bob.id}
    assert deliveries(store) == {"ann 0-2": "submitted", "bob 0-2": "failed", "cid 0-2": "in_flight"}
    assert subscription(store, "ann").mark == 2


def test_who_leaves_while_her_mail_is_in_flight_is_not_tried_again(store: Store) -> None:
    admit(store, "ann", "bob", "cid")
    sweep(store)
    with store.ledger.sender("test") as token:
        ann, bob, cid = claimed = store.ledger.claim(token, 9, NOON)
        store.ledger.advance(token, claimed, [], NOON)
        for name in ("ann", "bob", "cid"):
            store.subscribers.unsubscribe(f"{name}@example.org", at=NOON, why="her click")
        ends = [Concluded(ann, LATE, LATER), Concluded(bob, Outcome("pending")), Concluded(cid, TAKEN)]
        store.ledger.advance(token, [], ends, NOON)
    assert deliveries(store) == {"ann 0-2": "failed", "bob 0-2": "failed", "cid 0-2": "submitted"}
    assert {one.note for one in store.ledger.deliveries("daily", states=["failed"])} >= {"her click"}
    assert [one.mark for one in store.subscribers.subscriptions()] == [2, 2, 2]


def test_a_mark_is_never_moved_back(store: Store) -> None:
    admit(store, "ann")
    sweep(store)
    publish(store, 2)
    store.ledger.catch_up("daily")
    assert serve(store) == 1
    assert subscription(store, "ann").mark == 4
    assert deliveries(store) == {"ann 0-2": "submitted"}


def test_a_rehearsal_delivers_and_leaves_nothing(store: Store, url: str) -> None:
    admit(store, "ann")
    trial = open_store(url, rehearse=True)
    assert serve(trial) == 1
    assert trial.ledger.counts() == DeliveryCounts(submitted=1)
    trial.close()
    assert store.ledger.counts() == DeliveryCounts()
    assert sweep(store) == 1


# What people ask


def test_deliveries_are_told_newest_first_in_portions(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digest.store.ledger.PORTION", 3)
    admit(store, *(f"r{number}" for number in range(7)))
    serve(store)
    publish(store)
    admit(store, "late", mark=2)
    sweep(store)
    found = [told(one) for one in store.ledger.deliveries("daily")]
    assert found[:2] == ["late 2-3", "r6 2-3"]
    assert len(found) == 15
    assert [told(one) for one in store.ledger.deliveries("daily", limit=4)] == found[:4]
    assert [told(one) for one in store.ledger.deliveries("daily", number=1)] == found[8:]
    assert len(store.ledger.deliveries("daily", number=3, states=["pending"])) == 8
    assert store.ledger.deliveries("daily", number=3, states=["submitted", "failed"]) == []
    assert store.ledger.deliveries("bio") == []


def test_counts_are_of_a_newsletter_and_an_edition(store: Store) -> None:
    publish(store, newsletter="bio")
    admit(store, "ann", "bob")
    admit(store, "cid", newsletter="bio")
    serve(store)
    sweep(store, "bio")
    publish(store)
    sweep(store)
    assert store.ledger.counts() == DeliveryCounts(pending=3, submitted=2)
    assert store.ledger.counts("daily") == DeliveryCounts(pending=2, submitted=2)
    assert store.ledger.counts("daily", 3) == DeliveryCounts(pending=2)
    assert store.ledger.counts("bio", 1) == DeliveryCounts(pending=1)


def missing(store: Store, number: int) -> dict[str, str | None]:
    return {
        one.subscriber.address.split("@")[0]: covering.state if covering else None
        for one, covering in store.ledger.missing("daily", number)
    }


def test_missing_are_those_who_have_no_submitted_delivery(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digest.store.told.PORTION", 2)
    monkeypatch.setattr("digest.store.ledger.PORTION", 2)
    admit(store, "ann")
    serve(store)
    admit(store, "bob")
    serve(store, REFUSED)
    admit(store, "cid")
    sweep(store)
    admit(store, "dee", mark=2)
    admit(store, "eve", confirmed_by=None)
    assert missing(store, 1) == missing(store, 2) == {"bob": "failed", "cid": "pending", "dee": None}
    publish(store)
    assert missing(store, 3) == {"ann": None, "bob": None, "cid": None, "dee": None}
