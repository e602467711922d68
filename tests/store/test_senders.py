from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, update

from digest.errors import StoreError
from digest.models import DeliveryCounts
from digest.protocols import Concluded, Outcome, Recovered, Store
from digest.store import hot, open_store, process, senders
from digest.store.engine import Database, parse
from digest.store.schema import senders as table
from digest.testing import NOON
from tests import postgres
from tests.store.readers import LATER, TAKEN, admit, conclude, deliveries, publish, ready, subscription, sweep
from tests.store.test_commit import rows

# Claims three, begins two, ends one; then it is killed.
VICTIM = """
import sys, time
from datetime import timedelta
from digest.protocols import Concluded, Outcome
from digest.store import open_store
from digest.testing import NOON

ledger = open_store(sys.argv[1]).ledger
with ledger.sender("the victim") as token:
    ann, bob, cid = ledger.claim(token, 3, NOON)
    assert ledger.advance(token, [ann, bob], [], NOON) == frozenset()
    assert ledger.advance(token, [], [Concluded(ann, Outcome("submitted", 250))], NOON) == frozenset()
    print(token, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def url(url: str) -> str:
    return ready(url)


def change(url: str, **values) -> None:
    """Make senders look as if another machine or time had made them."""
    engine = create_engine(parse(url))
    with engine.begin() as connection:
        connection.execute(update(table).values(**values))
    engine.dispose()


def over(url: str) -> None:
    change(url, expires=datetime.now(UTC) - timedelta(seconds=1))


def kill_one_at_work(url: str) -> None:
    victim = subprocess.Popen([sys.executable, "-c", VICTIM, url], stdout=subprocess.PIPE, text=True)
    assert victim.stdout
    assert len(victim.stdout.readline()) == 33
    store = open_store(url)
    assert store.ledger.recover({}, NOON) == Recovered(0, 0, 0), "it lives"
    store.close()
    victim.kill()
    victim.communicate()


def test_what_a_killed_sender_left_is_taken_back(store: Store, url: str) -> None:
    admit(store, "ann", "bob", "cid", "dee")
    sweep(store)
    kill_one_at_work(url)
    assert deliveries(store) == {
        "ann 0-2": "submitted",
        "bob 0-2": "in_flight",
        "cid 0-2": "claimed",
        "dee 0-2": "pending",
    }
    assert store.ledger.recover({"daily": "skip"}, LATER) == Recovered(returned=1, unknown=1, resent=0)
    assert deliveries(store) == {
        "ann 0-2": "submitted",
        "bob 0-2": "unknown",
        "cid 0-2": "pending",
        "dee 0-2": "pending",
    }
    assert [one.mark for one in store.subscribers.subscriptions()] == [2, 2, 0, 0]
    assert store.ledger.recover({"daily": "skip"}, LATER) == Recovered(0, 0, 0)
    assert rows(url, "SELECT * FROM senders") == []
    (unknown,) = store.ledger.deliveries("daily", states=["unknown"])
    assert (unknown.tries, unknown.at) == (1, LATER)
    assert unknown.note == "the sender ended before the server's answer was noted"


def test_a_newsletter_may_wish_that_unknown_ones_are_sent_again(store: Store, url: str) -> None:
    publish(store, newsletter="bio")
    admit(store, "ann", "bob", "cid")
    sweep(store)
    kill_one_at_work(url)
    store.subscribers.unsubscribe("cid@example.org", at=NOON, why="w")
    assert store.ledger.recover({"bio": "skip", "daily": "resend"}, LATER) == Recovered(0, 0, 1)
    with store.ledger.sender("test") as token:
        (bob,) = store.ledger.claim(token, 9, LATER)
        assert (bob.address, bob.tries, bob.first_try) == ("bob@example.org", 1, NOON)
        conclude(store, token, [bob])
    assert store.ledger.counts() == DeliveryCounts(submitted=2, failed=1)


def test_nothing_is_sent_again_to_one_who_left_meanwhile(store: Store, url: str) -> None:
    admit(store, "ann", "bob", "cid")
    sweep(store)
    kill_one_at_work(url)
    store.subscribers.suppress("bob@example.org", at=NOON, reason="complained")
    assert store.ledger.recover({"daily": "resend"}, LATER) == Recovered(1, 1, 0)
    assert deliveries(store) == {"ann 0-2": "submitted", "bob 0-2": "unknown", "cid 0-2": "pending"}


def test_a_sender_gives_back_what_it_did_not_begin(store: Store, url: str) -> None:
    admit(store, "ann", "bob", "cid")
    sweep(store)
    with store.ledger.sender("test") as token:
        claimed = store.ledger.claim(token, 3, NOON)
        store.ledger.advance(token, claimed[:1], [], NOON)
        assert store.ledger.give_back("somebody else's") == 0
        assert store.ledger.give_back(token) == 2
        assert len(store.ledger.claim(token, 1, NOON)) == 1
    assert rows(url, "SELECT * FROM senders") == []
    assert deliveries(store) == {"ann 0-2": "in_flight", "bob 0-2": "pending", "cid 0-2": "pending"}
    with pytest.raises(StoreError, match="not enlisted"):
        store.ledger.claim(token, 1, NOON)
    assert store.ledger.recover({}, NOON) == Recovered(0, 1, 0)


def test_a_sender_whose_lease_is_over_has_lost_what_it_held(store: Store, url: str) -> None:
    admit(store, "ann", "bob")
    sweep(store)
    ledger = store.ledger
    with ledger.sender("asleep") as token:
        ann, bob = ledger.claim(token, 9, NOON)
        ledger.advance(token, [ann], [], NOON)
        change(url, machine="other", host="server7")
        assert ledger.recover({}, NOON) == Recovered(0, 0, 0), "nobody here knows whether it lives"
        over(url)
        assert ledger.recover({}, NOON) == Recovered(returned=1, unknown=1, resent=0)
        assert ledger.advance(token, [bob], [Concluded(ann, TAKEN)], NOON) == {bob.id}
        assert deliveries(store) == {"ann 0-2": "unknown", "bob 0-2": "pending"}
        # it goes on as a new one
        (again,) = ledger.claim(token, 9, NOON)
        assert again.id == bob.id
        assert ledger.recover({}, NOON) == Recovered(0, 0, 0)
        conclude(store, token, [again])
    assert deliveries(store) == {"ann 0-2": "unknown", "bob 0-2": "submitted"}


def test_the_claims_of_a_lost_sender_go_to_another(store: Store, url: str) -> None:
    admit(store, "ann")
    sweep(store)
    ledger = store.ledger
    with ledger.sender("asleep") as old:
        claimed = ledger.claim(old, 9, NOON)
        over(url)
        with ledger.sender("awake") as new:
            ledger.recover({}, NOON)
            again = ledger.claim(new, 9, NOON)
            assert [one.id for one in again] == [one.id for one in claimed]
            assert ledger.advance(old, claimed, [], NOON) == {claimed[0].id}
            conclude(store, new, again)
            ledger.advance(old, [], [Concluded(claimed[0], Outcome("failed"))], NOON)
    assert deliveries(store) == {"ann 0-2": "submitted"}


@pytest.mark.skipif(not process.started(os.getpid()), reason="the system does not tell when processes began")
def test_a_sender_whose_process_number_is_another_ones_now_has_ended(store: Store, url: str) -> None:
    admit(store, "ann")
    sweep(store)
    with store.ledger.sender("old") as token:
        store.ledger.claim(token, 9, NOON)
        change(url, process="1")
        assert store.ledger.recover({}, NOON) == Recovered(1, 0, 0)


def test_a_lease_is_renewed_in_real_time(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGEST__CLOCK", "2001-01-01")
    database = Database(parse(url))
    with senders.enlist(database, "long", renewal=0.02):
        ((first,),) = rows(url, "SELECT expires FROM senders")
        assert datetime.fromisoformat(first) > datetime.now(UTC)
        until = time.monotonic() + 10
        while rows(url, "SELECT expires FROM senders") == [(first,)]:
            assert time.monotonic() < until
            time.sleep(0.01)
    database.close()
    monkeypatch.delenv("DIGEST__CLOCK")


def test_senders_at_work_and_one_who_recovers_lose_nothing(store: Store, url: str) -> None:
    """Each message is submitted once by somebody, however often leases are declared over."""
    admit(store, *(f"reader{number}" for number in range(40)))
    sweep(store)
    submitted: list[int] = []

    def work() -> None:
        mine = open_store(url)
        with mine.ledger.sender("worker") as token:
            while store.ledger.counts().pending:
                claimed = mine.ledger.claim(token, 5, NOON)
                lost = mine.ledger.advance(token, claimed, [], NOON)
                begun = [one for one in claimed if one.id not in lost]
                submitted.extend(one.id for one in begun)
                mine.ledger.advance(token, [], [Concluded(one, TAKEN) for one in begun], NOON)
        mine.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        over(url)
        store.ledger.recover({}, NOON)
    for thread in threads:
        thread.join()
    counts = store.ledger.counts()
    assert counts.submitted + counts.unknown == 40
    assert len(submitted) == len(set(submitted)) == 40


# A database that goes away


@pytest.fixture
def far(server: postgres.Server) -> Iterator[tuple[str, Store]]:
    """Give a PostgreSQL store that is nobody else's, and its URL."""
    url = ready(server.create("far"))
    store = open_store(url)
    yield url, store
    store.close()
    server.drop("far")


def cut(url: str) -> None:
    """End all connections to a database but the one that asks."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid()"
        )


@pytest.mark.tools
def test_a_connection_that_broke_is_made_anew(far: tuple[str, Store]) -> None:
    url, store = far
    admit(store, "ann", "bob")
    sweep(store)
    with store.ledger.sender("test") as token:
        ann, bob = store.ledger.claim(token, 9, NOON)
        store.ledger.advance(token, [ann], [], NOON)
        cut(url)
        assert store.ledger.advance(token, [bob], [Concluded(ann, TAKEN)], NOON) == frozenset()
        cut(url)
        store.ledger.advance(token, [], [Concluded(bob, TAKEN)], NOON)
    assert deliveries(store) == {"ann 0-2": "submitted", "bob 0-2": "submitted"}
    assert subscription(store, "bob").mark == 2


@pytest.mark.tools
def test_what_was_committed_as_the_connection_broke_has_begun(far: tuple[str, Store]) -> None:
    """Nobody can say whether a statement was committed whose answer never came: said again, it is."""
    url, store = far
    admit(store, "ann", "bob")
    sweep(store)
    with store.ledger.sender("test") as token:
        ann, bob = store.ledger.claim(token, 9, NOON)
        store.ledger.advance(token, [ann], [], NOON)
        with psycopg.connect(url) as other:
            # as if the answer that is lost had been the one to this very call
            other.execute("UPDATE deliveries SET state = 'in_flight' WHERE id = %s", [bob.id])
            other.execute("UPDATE deliveries SET state = 'submitted', token = NULL WHERE id = %s", [ann.id])
        cut(url)
        assert store.ledger.advance(token, [bob], [Concluded(ann, TAKEN)], NOON) == frozenset()
        # and where nothing broke it is strict
        assert store.ledger.advance(token, [bob], [], NOON) == {bob.id}


@pytest.mark.tools
def test_a_server_that_restarts_is_waited_for() -> None:
    with postgres.server() as server:
        store = open_store(ready(server.create("digest")))
        admit(store, "ann", "bob")
        sweep(store)
        with store.ledger.sender("test") as token:
            ann, bob = store.ledger.claim(token, 9, NOON)
            store.ledger.advance(token, [ann], [], NOON)
            restarting = threading.Thread(target=restart, args=(server,))
            restarting.start()
            time.sleep(0.2)
            assert store.ledger.advance(token, [bob], [Concluded(ann, TAKEN)], NOON) == frozenset()
            restarting.join()
            assert deliveries(store) == {"ann 0-2": "submitted", "bob 0-2": "in_flight"}
        store.close()


def restart(server: postgres.Server) -> None:
    """Stop a server and start it as it was."""
    ((folder,),) = rows(server.url(), "SHOW data_directory")
    user = postgres._user()
    assert user
    command = [server.bin / "pg_ctl", "-D", folder, "-m", "fast", "-w", "-l", f"{folder}/../log", "restart"]
    postgres._call(user, Path(folder).parent, *command)


@pytest.mark.tools
def test_a_server_that_stays_away_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hot, "PATIENCE", 0.2)
    line = hot.Line(Database(parse("postgresql://me:s3cret@127.0.0.1:1/papers")))
    with pytest.raises(StoreError, match="server runs") as caught:
        line.advance("token", [], [], NOON)
    assert "s3cret" not in str(caught.value)
