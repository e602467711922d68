"""A store is looked over without being changed, on both databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from digest.errors import StoreError
from digest.models import Dump, Subscriber
from digest.protocols import Store
from digest.store import checkup, open_store
from digest.store.engine import Database, parse
from digest.testing import NOON, commit_dump, make_change
from tests.store.test_commit import rows


def everything(url: str) -> list[Any]:
    return [rows(url, f"SELECT count(*) FROM {table}") for table in ("meta", "dumps", "fetches", "run_lock", "memory")]


def test_what_a_store_holds_is_told(url: str, store: Store) -> None:
    commit_dump(store, [make_change("new")])
    store.keep(Dump(source="papers", name="left.txt", content=b"left"), NOON)
    store.subscribers.suppress("ann@example.org", at=NOON, reason="bounced")
    before = everything(url)
    with store.lock("run 7", timeout=1):
        found = checkup.look(url)
    assert found.revision == found.head
    assert (found.refuses, found.damage, found.whole) == (None, (), True)
    assert found.lock is not None
    assert (found.lock.owner, found.lock.dead) == ("run 7", False)
    assert found.unfinished == {"papers": 1}
    assert (found.suppressed, found.newest) == (1, NOON)
    assert everything(url) == before
    assert checkup.look(url).lock is None


def test_deliveries_that_came_to_nothing_are_counted(url: str, store: Store) -> None:
    store.enrol("daily", 0)
    people = [Subscriber(address=f"{name}@example.org") for name in ("ann", "bob")]
    store.subscribers.admit("daily", people, at=NOON, origin="command", confirmed_by="a test", mark=0)
    statement = (
        "INSERT INTO deliveries (newsletter, subscription, after, upto, state, at, not_before) "
        "SELECT 'daily', id, 0, 1, 'failed', '2026-11-20T12:00:00Z', '2026-11-20T12:00:00Z' FROM subscriptions"
    )
    database = Database(parse(url))
    with database.writing() as connection:
        connection.exec_driver_sql(statement)
    database.close()
    found = checkup.look(url).stuck
    assert {state: one.count for state, one in found.items()} == {"failed": 2}


def test_who_is_in_which_group_is_counted(url: str, store: Store) -> None:
    store.enrol("daily", 0)
    wishes = {"ann": ("ml", "bio"), "bob": ("bio",), "cid": ()}
    people = [Subscriber(address=f"{name}@example.org", groups=groups) for name, groups in wishes.items()]
    store.subscribers.admit("daily", people, at=NOON, origin="command", confirmed_by="a test")
    waits = Subscriber(address="dee@example.org", groups=("physics",))
    store.subscribers.admit("daily", [waits], at=NOON, origin="command", confirmed_by=None)
    assert checkup.look(url).groups == {"bio": 2, "ml": 1}


def test_an_empty_database_is_left_empty(empty: str) -> None:
    found = checkup.look(empty)
    assert (found.revision, found.refuses) == (None, None)
    if "://" not in empty:
        assert not Path(empty).exists()
    open_store(empty).close()
    assert checkup.look(empty).revision == found.head


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "digest.db").write_text("a text, and a long one. " * 400)
    with pytest.raises(StoreError, match="restore a backup"):
        checkup.look(str(tmp_path / "digest.db"))


@pytest.mark.tools
def test_a_server_that_is_away_is_told_without_its_password() -> None:
    with pytest.raises(StoreError, match="check that the server runs") as caught:
        checkup.look("postgresql://me:very-secret@127.0.0.1:9/digest")
    assert "very-secret" not in str(caught.value)
