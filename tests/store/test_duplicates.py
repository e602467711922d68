"""Pairs that came near: newest first, no more than wanted, without reading what nobody asked for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import event

from digest.models import Change
from digest.protocols import Store
from digest.store import duplicates, open_store
from digest.store.engine import Database, parse
from digest.testing import DAY, commit_dump, make_change, make_listing

RIVAL = make_listing("The Paper That All Come Near", ids=["arxiv:2611.00000"])


def near(number: int, *rivals: str) -> Change:
    listing = make_listing(f"Near It, Number {number}", ids=[f"arxiv:2611.1{number:04}"])
    return make_change("new", listing, rivals=rivals or ("2611.00000",))


def fill(store: Store) -> None:
    """Commit three dumps, the newest by date first."""
    commit_dump(store, [make_change("new", RIVAL)], day=DAY - timedelta(days=9))
    commit_dump(store, [near(5), near(6)], day=DAY + timedelta(days=5))
    commit_dump(store, [near(1), near(2)], day=DAY + timedelta(days=1))
    commit_dump(store, [near(3), near(4, "2611.00000", "2611.10001")], day=DAY + timedelta(days=3))


def test_the_newest_dump_comes_first_whatever_order_they_came_in(store: Store) -> None:
    fill(store)
    found = [(one.key[-1], one.other) for one in store.possible_duplicates(99)]
    assert found == [
        ("5", "2611.00000"),
        ("6", "2611.00000"),
        ("3", "2611.00000"),
        ("4", "2611.00000"),
        ("4", "2611.10001"),
        ("1", "2611.00000"),
        ("2", "2611.00000"),
    ]
    for limit in (0, 1, 3, 5):
        assert [(one.key[-1], one.other) for one in store.possible_duplicates(limit)] == found[:limit]


def test_no_more_dumps_are_read_than_it_takes(tmp_path: Path) -> None:
    path = str(tmp_path / "digest.db")
    store = open_store(path)
    fill(store)
    store.close()
    database = Database(parse(path))
    asked: list[tuple[str, tuple[object, ...]]] = []
    with database.reading() as connection:

        def note(_c, _cursor, statement, parameters, _context, _many) -> None:
            if "FROM sightings JOIN dumps" in statement:
                asked.append((statement, parameters))

        event.listen(connection, "before_cursor_execute", note)
        found = duplicates.possible(connection, 3)
        event.remove(connection, "before_cursor_execute", note)
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked[0][0]}", asked[0][1])]
    database.close()
    assert len(found) == 3
    # of three dumps with such pairs, the newest two
    assert [parameters for _, parameters in asked] == [(2,), (4,)]
    assert any("ix_sightings_rivals" in step for step in plan)
    assert not any(step.startswith("SCAN") or "TEMP B-TREE" in step for step in plan), plan
