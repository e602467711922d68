from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

from sqlalchemy import create_engine, update

from digest.protocols import Store
from digest.store.engine import parse
from digest.store.schema import leases
from tests.store.test_commit import rows

HOLDER = """
import sys, time
from digest.store import open_store
assert open_store(sys.argv[1]).lease("scheduler", "the other", "other token").take() is None
print("held", flush=True)
time.sleep(60)
"""


def change(url: str, **values) -> None:
    """Make the lease look as if another machine or time had made it."""
    engine = create_engine(parse(url))
    with engine.begin() as connection:
        connection.execute(update(leases).values(**values))
    engine.dispose()


def test_one_holds_it_and_the_other_is_told_who(store: Store, url: str) -> None:
    first, second = store.lease("scheduler", "one", "a"), store.lease("scheduler", "two", "b")
    assert first.take() is None
    holder = second.take()
    assert holder is not None
    assert (holder.owner, holder.pid) == ("one", os.getpid())
    assert second.holder() == holder
    second.release()
    assert rows(url, "SELECT owner FROM leases") == [("one",)]
    first.release()
    assert second.holder() is None
    assert second.take() is None


def test_other_works_have_leases_of_their_own(store: Store) -> None:
    assert store.lease("scheduler", "one", "a").take() is None
    assert store.lease("another", "two", "b").take() is None


def test_taking_it_again_extends_it_also_through_another_handle(store: Store, url: str) -> None:
    assert store.lease("scheduler", "one", "a").take() is None
    change(url, expires=datetime.now(UTC) + timedelta(seconds=1))
    assert store.lease("scheduler", "one", "a").take() is None
    ((since, expires),) = rows(url, "SELECT since, expires FROM leases")
    assert datetime.fromisoformat(expires) - datetime.fromisoformat(since) > timedelta(minutes=1)


def test_one_that_gives_no_sign_of_life_loses_it(store: Store, url: str) -> None:
    first, second = store.lease("scheduler", "one", "a"), store.lease("scheduler", "two", "b")
    assert first.take() is None
    change(url, machine="elsewhere")
    assert second.take() is not None
    change(url, expires=datetime.now(UTC) - timedelta(seconds=1))
    assert second.take() is None
    assert first.take() is not None
    first.release()
    assert rows(url, "SELECT owner FROM leases") == [("two",)]


def test_that_of_a_dead_process_is_free_at_once(store: Store, url: str) -> None:
    other = subprocess.Popen([sys.executable, "-c", HOLDER, url], stdout=subprocess.PIPE, text=True)
    assert other.stdout
    assert other.stdout.readline() == "held\n"
    mine = store.lease("scheduler", "mine", "a")
    assert mine.take() is not None
    other.kill()
    other.wait()
    other.stdout.close()
    assert mine.take() is None
