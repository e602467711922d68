from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, update

from digest.errors import LockHeldError
from digest.protocols import Store
from digest.store import lock, open_store, process
from digest.store.engine import Database, parse
from digest.store.schema import run_lock
from tests.store.test_commit import rows

HOLDER = """
import sys, time
from digest.store import open_store
with open_store(sys.argv[1]).lock("the other run", timeout=0):
    print("held", flush=True)
    time.sleep(60)
"""


def change(url: str, **values) -> None:
    """Make the lock look as if another machine or time had made it."""
    engine = create_engine(parse(url))
    with engine.begin() as connection:
        connection.execute(update(run_lock).values(**values))
    engine.dispose()


def holder(url: str) -> subprocess.Popen[str]:
    started = subprocess.Popen([sys.executable, "-c", HOLDER, url], stdout=subprocess.PIPE, text=True)
    assert started.stdout
    assert started.stdout.readline() == "held\n"
    return started


def test_the_lock_is_given_back_also_after_an_error(store: Store, url: str) -> None:
    with pytest.raises(KeyError), store.lock("one", timeout=0):
        raise KeyError
    with store.lock("two", timeout=0):
        assert rows(url, "SELECT owner, pid FROM run_lock") == [("two", os.getpid())]
    assert rows(url, "SELECT * FROM run_lock") == []


def test_the_second_waits_then_says_who_holds_it(store: Store) -> None:
    with store.lock("digest run", timeout=0):
        before = time.monotonic()
        with (
            pytest.raises(LockHeldError, match=rf"digest run, process {os.getpid()} on .+, since 20"),
            store.lock("late", timeout=0.3),
        ):
            pass
        assert time.monotonic() - before >= 0.3


def test_the_second_gets_it_once_the_first_is_done(store: Store, url: str) -> None:
    taken = threading.Event()

    def first() -> None:
        with store.lock("first", timeout=0):
            taken.set()
            time.sleep(0.3)

    thread = threading.Thread(target=first)
    thread.start()
    taken.wait()
    with store.lock("second", timeout=20):
        assert rows(url, "SELECT owner FROM run_lock") == [("second",)]
    thread.join()


def test_the_lock_of_a_dead_process_is_taken_at_once(store: Store, url: str) -> None:
    other = holder(url)
    try:
        with pytest.raises(LockHeldError, match=f"the other run, process {other.pid}"), store.lock("me", timeout=0):
            pass
    finally:
        other.kill()
        other.communicate()
    with store.lock("me", timeout=0):
        pass


@pytest.mark.skipif(not process.started(os.getpid()), reason="the system does not tell when processes began")
def test_the_lock_of_a_process_whose_number_is_another_ones_now_is_taken(store: Store, url: str) -> None:
    with store.lock("old", timeout=0):
        change(url, process="1")
        with store.lock("new", timeout=0):
            assert rows(url, "SELECT owner FROM run_lock") == [("new",)]


def test_the_lock_of_another_machine_is_held_until_its_lease_is_over(store: Store, url: str) -> None:
    with store.lock("elsewhere", timeout=0):
        change(url, machine="other", host="server7", pid=2**22 + 1)
        with pytest.raises(LockHeldError, match="server7"), store.lock("me", timeout=0):
            pass
        change(url, expires=datetime.now(UTC) - timedelta(seconds=1))
        with store.lock("me", timeout=0):
            assert rows(url, "SELECT owner FROM run_lock") == [("me",)]


def test_a_lock_that_was_taken_is_not_given_back_by_its_old_holder(store: Store, url: str) -> None:
    old = store.lock("old", timeout=0)
    old.__enter__()
    change(url, expires=datetime.now(UTC) - timedelta(seconds=1))
    with store.lock("new", timeout=0):
        old.__exit__(None, None, None)
        assert rows(url, "SELECT owner FROM run_lock") == [("new",)]


def test_the_lease_is_renewed_in_real_time(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGEST__CLOCK", "2001-01-01")
    open_store(url).close()
    database = Database(parse(url))
    with lock.hold(database, "long run", 0, renewal=0.02):
        ((first,),) = rows(url, "SELECT expires FROM run_lock")
        assert datetime.fromisoformat(first) > datetime.now(UTC)
        until = time.monotonic() + 10
        while rows(url, "SELECT expires FROM run_lock") == [(first,)]:
            assert time.monotonic() < until
            time.sleep(0.01)
    database.close()
    monkeypatch.delenv("DIGEST__CLOCK")


def test_only_one_of_many_gets_the_lock(store: Store, url: str) -> None:
    inside, most = [0], [0]

    def work() -> None:
        mine = open_store(url)
        with mine.lock("worker", timeout=30):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0.02)
            inside[0] -= 1
        mine.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_a_process_lives_until_it_has_ended() -> None:
    me = process.this()
    assert not process.is_dead(me)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert process.is_dead(process.Process(me.machine, me.host, ended.pid, "1"))
    assert not process.is_dead(process.Process("elsewhere", me.host, ended.pid, "1"))
