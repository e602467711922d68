from __future__ import annotations

import sqlite3
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from digest.errors import StoreError
from digest.models import Subscriber
from digest.protocols import Concluded, Outcome, Store
from digest.store import open_store
from digest.testing import NOON
from tests.store.readers import LATER, admit, deliveries, publish, ready, serve, subscription, sweep
from tests.store.test_commit import rows


@pytest.fixture
def url(url: str) -> str:
    return ready(url)


def results(answers) -> list[str]:
    return [answer.result for answer in answers]


# The secret


def test_the_secret_is_made_once(store: Store, url: str) -> None:
    made = store.subscribers.secret()
    again = open_store(url)
    assert len(made) == 32
    assert again.subscribers.secret() == store.subscribers.secret() == made
    again.close()


def test_many_who_ask_for_the_secret_at_once_get_one(store: Store, url: str) -> None:
    found: set[bytes] = set()

    def ask() -> None:
        mine = open_store(url)
        found.add(mine.subscribers.secret())
        mine.close()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {store.subscribers.secret()}


def test_two_stores_have_two_secrets(store: Store) -> None:
    other = open_store(":memory:")
    assert other.subscribers.secret() != store.subscribers.secret()
    other.close()


# Admission


def test_people_are_added_in_their_order_and_are_then_known(store: Store) -> None:
    assert [(one.address, one.result) for one in admit(store, "bob", "ann")] == [
        ("bob@example.org", "added"),
        ("ann@example.org", "added"),
    ]
    assert results(admit(store, "ann", "cid", "bob")) == ["again", "added", "again"]
    assert [one.subscriber.address[:3] for one in store.subscribers.subscriptions("daily")] == ["bob", "ann", "cid"]


def test_all_wishes_are_kept(store: Store) -> None:
    wish = Subscriber(
        address="ann@example.org",
        name="Ann Łoś",
        groups=("ml", "bio"),
        timezone="Asia/Tokyo",
        cadence="fri",
        hour=7,
        format="text",
    )
    store.subscribers.admit("daily", [wish], at=NOON, origin="web", confirmed_by="a link")
    found = subscription(store, "ann")
    assert found.subscriber == wish
    assert (found.status, found.origin, found.since, found.confirmed_by) == ("confirmed", "web", NOON, "a link")
    assert (found.ended, found.why, found.suppressed) == (None, None, None)


def test_a_changed_wish_is_a_change(store: Store) -> None:
    admit(store, "ann")
    wishes: dict[str, Any] = {
        "name": "Ann",
        "groups": ("ml",),
        "timezone": "Asia/Tokyo",
        "cadence": "mon",
        "hour": 9,
        "format": "text",
    }
    for name, value in wishes.items():
        assert results(admit(store, "ann", **{name: value})) == ["changed"], name
        assert getattr(subscription(store, "ann").subscriber, name) == value
        admit(store, "ann")


def test_who_is_given_twice_is_added_once(store: Store) -> None:
    people = [
        Subscriber(address="ann@example.org"),
        Subscriber(address="Ann@Example.ORG"),
        Subscriber(address="ann@example.org", hour=5),
    ]
    answers = store.subscribers.admit("daily", people, at=NOON, origin="import", confirmed_by="me")
    assert results(answers) == ["added", "again", "changed"]
    assert subscription(store, "ann").subscriber.hour == 5
    assert len(list(store.subscribers.subscriptions())) == 1


def test_no_name_given_is_no_wish_to_have_none(store: Store) -> None:
    admit(store, "ann", name="Ann")
    assert results(admit(store, "ann")) == ["again"]
    assert subscription(store, "ann").subscriber.name == "Ann"


def test_who_did_not_consent_gets_nothing_until_she_does(store: Store) -> None:
    admit(store, "ann", confirmed_by=None, mark=0)
    assert subscription(store, "ann").status == "unconfirmed"
    assert sweep(store) == 0
    assert results(admit(store, "ann", confirmed_by=None)) == ["again"]
    assert results(admit(store, "ann", confirmed_by="her click", at=LATER, mark=None)) == ["changed"]
    found = subscription(store, "ann")
    assert (found.status, found.confirmed_by, found.since, found.mark) == ("confirmed", "her click", LATER, 2)
    assert results(admit(store, "ann", confirmed_by=None)) == ["again"], "a consent is not taken back by a list"
    assert subscription(store, "ann").status == "confirmed"


def test_new_people_count_as_served_up_to_the_newest_edition(store: Store) -> None:
    admit(store, "ann", mark=None)
    admit(store, "bob", mark=1)
    assert [one.mark for one in store.subscribers.subscriptions()] == [2, 1]
    assert sweep(store) == 1


def test_a_newsletter_never_met_is_said(store: Store) -> None:
    with pytest.raises(StoreError, match=r"no newsletter 'weekly'.*digest run"):
        admit(store, "ann", newsletter="weekly", mark=None)
    with pytest.raises(StoreError, match="no newsletter 'weekly'"):
        admit(store, "ann", newsletter="weekly", mark=3)


def test_one_person_may_read_several_newsletters(store: Store, url: str) -> None:
    publish(store, newsletter="bio")
    admit(store, "ann", name="Ann")
    admit(store, "ann", newsletter="bio", hour=3)
    assert [(one.newsletter, one.subscriber.hour) for one in store.subscribers.subscriptions()] == [
        ("daily", None),
        ("bio", 3),
    ]
    assert rows(url, "SELECT count(*) FROM subscribers") == [(1,)]
    assert store.subscribers.subscriber_counts("bio") == {"unconfirmed": 0, "confirmed": 1, "unsubscribed": 0}


def test_many_are_admitted_and_told_in_portions(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digest.store.values.PORTION", 3)
    monkeypatch.setattr("digest.store.people.PORTION", 3)
    names = [f"reader{number}" for number in range(10)]
    assert results(admit(store, *names, *names)) == ["added"] * 10 + ["again"] * 10
    found = list(store.subscribers.subscriptions("daily"))
    assert [one.subscriber.address for one in found] == [f"{name}@example.org" for name in names]
    assert len(list(store.subscribers.subscriptions("daily", status="unconfirmed"))) == 0


# Leaving


def test_who_leaves_is_refused_with_the_reason_unless_it_is_her_wish(store: Store) -> None:
    admit(store, "ann")
    assert store.subscribers.unsubscribe("ANN@example.org", at=NOON, why="her click") == 1
    found = subscription(store, "ann")
    assert (found.status, found.ended, found.why) == ("unsubscribed", NOON, "her click")
    (answer,) = admit(store, "ann")
    assert (answer.result, answer.reason) == ("refused", "unsubscribed on 2026-11-20: her click")
    assert subscription(store, "ann").status == "unsubscribed"
    assert results(admit(store, "ann", again=True, at=LATER, origin="web")) == ["added"]
    found = subscription(store, "ann")
    assert (found.status, found.ended, found.why, found.since) == ("confirmed", None, None, LATER)
    assert found.origin == "web"


def test_leaving_one_newsletter_leaves_the_others(store: Store) -> None:
    publish(store, newsletter="bio")
    admit(store, "ann")
    admit(store, "ann", newsletter="bio")
    assert store.subscribers.unsubscribe("ann@example.org", at=NOON, why="w", newsletter="bio") == 1
    assert [one.status for one in store.subscribers.subscriptions()] == ["confirmed", "unsubscribed"]
    assert store.subscribers.unsubscribe("ann@example.org", at=NOON, why="w") == 1
    assert store.subscribers.unsubscribe("ann@example.org", at=NOON, why="w") == 0
    assert store.subscribers.unsubscribe("who@example.org", at=NOON, why="w") == 0


def test_what_is_pending_for_one_who_leaves_fails_and_says_why(store: Store) -> None:
    admit(store, "ann", "bob")
    sweep(store)
    store.subscribers.unsubscribe("ann@example.org", at=LATER, why="her click")
    assert deliveries(store) == {"ann 0-2": "failed", "bob 0-2": "pending"}
    (failed,) = store.ledger.deliveries("daily", states=["failed"])
    assert (failed.note, failed.at, failed.tries) == ("her click", LATER, 0)
    assert subscription(store, "ann").mark == 2


def test_who_comes_back_is_not_sent_what_she_missed(store: Store) -> None:
    admit(store, "ann")
    serve(store)
    store.subscribers.unsubscribe("ann@example.org", at=NOON, why="w")
    publish(store, 2)
    admit(store, "ann", again=True, mark=None)
    assert sweep(store) == 0
    publish(store)
    sweep(store)
    assert deliveries(store) == {"ann 4-5": "pending", "ann 0-2": "submitted"}


def test_marks_do_not_fall_when_somebody_leaves_or_comes_back(store: Store) -> None:
    admit(store, "ann")
    serve(store)
    admit(store, "bob", mark=2)
    for name in ("ann", "bob"):
        store.subscribers.unsubscribe(f"{name}@example.org", at=NOON, why="w")
        assert subscription(store, name).mark == 2
    admit(store, "ann", again=True, mark=0)
    assert subscription(store, "ann").mark == 2


# The file


def test_who_is_no_more_in_the_file_ends_and_comes_back_with_it(store: Store) -> None:
    admit(store, "ann", "bob", origin="file")
    admit(store, "cid")
    people = store.subscribers
    assert people.keep_only("daily", ["BOB@example.org"], at=NOON, why="not in the file") == 1
    assert people.keep_only("daily", ["bob@example.org"], at=NOON, why="not in the file") == 0
    assert [one.status for one in people.subscriptions()] == ["unsubscribed", "confirmed", "confirmed"]
    assert results(admit(store, "ann", origin="file")) == ["added"]
    assert subscription(store, "ann").status == "confirmed"


def test_who_left_herself_does_not_come_back_with_the_file(store: Store) -> None:
    admit(store, "ann", "bob", origin="file")
    store.subscribers.unsubscribe("ann@example.org", at=NOON, why="her click")
    store.subscribers.keep_only("daily", [], at=NOON, why="not in the file")
    # Bob was left out first, and then says himself that he does not want it
    assert store.subscribers.unsubscribe("bob@example.org", at=NOON, why="his click") == 0
    answers = admit(store, "ann", "bob", origin="file")
    assert [answer.reason for answer in answers] == [
        "unsubscribed on 2026-11-20: her click",
        "unsubscribed on 2026-11-20: his click",
    ]


def test_the_file_of_one_newsletter_is_not_that_of_another(store: Store) -> None:
    publish(store, newsletter="bio")
    admit(store, "ann", origin="file")
    admit(store, "ann", newsletter="bio", origin="file")
    assert store.subscribers.keep_only("daily", [], at=NOON, why="gone") == 1
    assert subscription(store, "ann", "bio").status == "confirmed"


# Suppression


def test_a_suppressed_address_is_refused_whatever_names_it(store: Store) -> None:
    admit(store, "ann")
    store.subscribers.suppress("Ann@example.org", at=NOON, reason="bounced", evidence="550 5.1.1")
    found = store.subscribers.suppression("ann@EXAMPLE.org")
    assert found
    assert (found.reason, found.at, found.evidence) == ("bounced", NOON, "550 5.1.1")
    one = subscription(store, "ann")
    assert (one.status, one.why, one.suppressed) == ("unsubscribed", "bounced", "bounced")
    for origin in ("import", "file", "command"):
        (answer,) = admit(store, "ann", origin=origin)
        assert answer.reason == "nothing goes to this address since 2026-11-20: bounced"
    publish(store, newsletter="bio")
    assert results(admit(store, "ann", newsletter="bio")) == ["refused"]
    assert results(admit(store, "ann", newsletter="bio", again=True)) == ["added"]
    assert store.subscribers.suppression("ann@example.org") is None


def test_an_address_may_be_suppressed_before_it_is_known(store: Store) -> None:
    store.subscribers.suppress("ann@example.org", at=NOON, reason="complained")
    store.subscribers.suppress("ann@example.org", at=LATER, reason="bounced")
    assert results(admit(store, "ann", "bob")) == ["refused", "added"]
    found = store.subscribers.suppression("ann@example.org")
    assert found
    assert (found.reason, found.at) == ("complained", NOON), "the first reason stays"
    assert store.subscribers.suppression("bob@example.org") is None


def test_what_is_pending_for_a_suppressed_address_fails_in_all_newsletters(store: Store) -> None:
    publish(store, newsletter="bio")
    admit(store, "ann")
    admit(store, "ann", newsletter="bio")
    serve(store, Outcome("deferred", 451, None, "later"), when=NOON + timedelta(days=1))
    sweep(store, "bio")
    store.subscribers.suppress("ann@example.org", at=NOON, reason="complained")
    assert deliveries(store) | deliveries(store, "bio") == {"ann 0-2": "failed", "ann 0-1": "failed"}
    assert store.ledger.reopen("daily", NOON, states=["failed"]) == 0


# Forgetting


def test_forgetting_leaves_no_trace_but_a_hash(store: Store, url: str) -> None:
    name = "very.rare"
    admit(store, name, name="Rarissima", groups=("secret-interest",), confirmed_by="Rarissima <very.rare@example.org>")
    store.subscribers.suppress(f"{name}@example.org", at=NOON, reason="bounced", evidence="<very.rare@example.org>")
    admit(store, name, groups=("secret-interest",), again=True, confirmed_by="very.rare@example.org")
    serve(store, Outcome("failed", 550, "5.1.1", f"<{name}@example.org>: no such user"))
    publish(store)
    serve(store, Outcome("deferred", 451, "4.7.1", f"<{name}@example.org>: greylisted"), when=LATER)
    store.subscribers.suppress(f"{name}@example.org", at=NOON, reason="bounced", evidence=f"<{name}@example.org>")
    assert traces(url) == ["rare", "rarissima", "secret-interest"]
    admit(store, "ann")
    assert store.subscribers.forget(f"{name}@example.org", at=LATER)
    assert traces(url) == []
    assert results(admit(store, name)) == ["refused"]
    assert [one.suppressed for one in store.subscribers.subscriptions()] == ["forgotten", None]
    found = store.ledger.deliveries("daily", states=["failed"])
    assert [(one.address, one.upto) for one in found] == [(None, 3), (None, 2)]
    assert not store.subscribers.forget(f"{name}@example.org", at=LATER)
    assert not store.subscribers.forget("never@example.org", at=LATER)


def test_forgetting_writes_over_what_was_in_the_file(tmp_path: Path) -> None:
    """On SQLite: the server of PostgreSQL decides itself when it cleans its pages."""
    path = Path(ready(str(tmp_path / "own.db")))
    store = open_store(str(path))
    admit(store, "very.rare", name="Rarissima")
    serve(store, Outcome("deferred", 451, None, "very.rare@example.org"), when=LATER)
    store.subscribers.forget("very.rare@example.org", at=NOON)
    store.close()
    assert b"rare" not in path.read_bytes()


def traces(url: str) -> list[str]:
    whole = everything(url).casefold()
    return [trace for trace in ("rare", "rarissima", "secret-interest") if trace in whole]


def everything(url: str) -> str:
    """Return the bytes of a compact copy of a SQLite store, the rows of a PostgreSQL one."""
    if "://" in url:
        tables = ("subscribers", "subscriptions", "suppressions", "deliveries", "meta", "senders")
        return "".join(str(row) for table in tables for row in rows(url, f"SELECT * FROM {table}"))
    copy = Path(f"{url}.copy")
    copy.unlink(missing_ok=True)
    connection = sqlite3.connect(url)
    connection.execute("VACUUM INTO ?", (str(copy),))
    connection.close()
    return copy.read_bytes().decode("latin-1")


def test_an_answer_that_comes_after_forgetting_is_not_kept(store: Store, url: str) -> None:
    admit(store, "very.rare")
    sweep(store)
    with store.ledger.sender("test") as token:
        claimed = store.ledger.claim(token, 9, NOON)
        store.ledger.advance(token, claimed, [], NOON)
        store.subscribers.forget("very.rare@example.org", at=NOON)
        answer = Outcome("deferred", 451, None, "very.rare@example.org is greylisted")
        store.ledger.advance(token, [], [Concluded(claimed[0], answer, LATER)], NOON)
    assert traces(url) == []
    assert deliveries(store) == {"? 0-2": "unknown"}
    assert subscription(store, "very.rare").mark == 2
    assert store.ledger.settle_unknown("daily", NOON) == 0, "nobody is asked about one who is forgotten"


def test_who_is_forgotten_may_come_back_by_her_own_wish(store: Store) -> None:
    admit(store, "ann", name="Ann")
    store.subscribers.forget("ann@example.org", at=NOON)
    assert results(admit(store, "ann", again=True)) == ["added"]
    found = subscription(store, "ann")
    assert (found.subscriber.address, found.subscriber.name, found.status) == ("ann@example.org", "", "confirmed")
    assert store.subscribers.suppression("ann@example.org") is None


def test_text_that_databases_refuse_is_kept(store: Store) -> None:
    admit(store, "ann", name="A\x00nn \ud800")
    sweep(store)
    assert subscription(store, "ann").subscriber.name == "A\x00nn \ud800"
    with store.ledger.sender("test") as token:
        (claimed,) = store.ledger.claim(token, 9, NOON)
        assert claimed.name == "A\x00nn \ud800"
        store.ledger.advance(token, [claimed], [], NOON)
        store.ledger.advance(token, [], [Concluded(claimed, Outcome("failed", 550, None, "no\x00"))], NOON)
    (failed,) = store.ledger.deliveries("daily")
    assert failed.note == "550 no\x00"
