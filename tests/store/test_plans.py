"""No question but search reads a whole table: the plans of SQLite say so, for as many papers as a portion holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from digest.store import catalogue, commit, dumps, editions, health, log, open_store
from digest.store.engine import Database, parse
from digest.store.values import PORTION
from digest.testing import (
    DAY,
    commit_dump,
    make_change,
    make_edition,
    make_listing,
    make_outcome,
    make_paper,
    make_receipt,
)

MANY = list(range(1, PORTION + 1))
LISTINGS = [make_listing(f"Title {number}", ids=[f"arxiv:{number}"]) for number in MANY]
BIG = (
    "papers",
    "versions",
    "aliases",
    "sightings",
    "changes",
    "tags",
    "entries",
    "searchable",
    "dumps",
    "editions",
    "fetches",
)


def commit_many(connection: Connection) -> None:
    changes = [make_change("seen", listing) for listing in LISTINGS]
    commit.write(connection, make_outcome(2, changes, tags={"ml": {str(n): [] for n in MANY}}), "papers")


@pytest.fixture
def database(tmp_path: Path):
    path = str(tmp_path / "digest.db")
    store = open_store(path)
    few = LISTINGS[:3]
    commit_dump(store, [make_change("new", listing) for listing in few])
    store.enrol("daily", 0)
    store.publish(make_edition([make_paper(listing) for listing in few], upto=3), make_receipt())
    commit_dump(store, [])
    store.close()
    opened = Database(parse(path))
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "ask",
    [
        lambda connection: catalogue.known(connection, LISTINGS),
        lambda connection: catalogue.load(connection, MANY),
        lambda connection: catalogue._texts(connection, MANY),
        lambda connection: catalogue._records(connection, MANY),
        lambda connection: catalogue.records(connection, [str(number) for number in MANY]),
        lambda connection: catalogue.paper(connection, "arxiv:1"),
        lambda connection: log.logged(connection, "daily", 0, 3, ["papers"], "ml"),
        lambda connection: log.logged(connection, "daily", 3, 3, None, "ml"),
        lambda connection: log.tallies(connection, 0, 3, None),
        lambda connection: log.touched(connection, 1),
        log.end,
        lambda connection: dumps.unfinished(connection, "papers"),
        lambda connection: dumps.latest_date(connection, "papers"),
        lambda connection: dumps.has_announced(connection, "papers"),
        lambda connection: dumps.committed(connection, "papers"),
        lambda connection: dumps.texts(connection, 1),
        lambda connection: health.health(connection, "papers"),
        lambda connection: health.batches(connection, "papers", 5),
        lambda connection: health.overlap(connection, "papers", DAY, DAY),
        lambda connection: commit.mend(connection, make_outcome(1, [make_change("seen", one) for one in LISTINGS])),
        lambda connection: editions.newsletter(connection, "daily"),
        lambda connection: editions.every_edition(connection, "daily"),
        commit_many,
    ],
)
def test_no_question_reads_a_whole_table(database: Database, ask: Callable[[Connection], object]) -> None:
    asked: list[tuple[str, Any]] = []
    with database.writing() as connection:

        def note(_c, _cursor, statement, parameters, _context, executemany) -> None:
            if not executemany and not statement.startswith("INSERT"):
                asked.append((statement, parameters))

        event.listen(connection, "before_cursor_execute", note)
        ask(connection)
        event.remove(connection, "before_cursor_execute", note)
        assert asked
        for statement, parameters in asked:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            scans = [row[3] for row in plan if row[3].split()[0] == "SCAN" and row[3].split()[1] in BIG]
            assert not scans, statement[:300]
