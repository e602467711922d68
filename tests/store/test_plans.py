"""No question but search reads a whole table: the plans of SQLite say so, for as many papers as a portion holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, event

from digest.models import Subscriber
from digest.protocols import Timing
from digest.store import (
    admitting,
    advance,
    catalogue,
    claims,
    commit,
    dumps,
    editions,
    health,
    hot,
    leaving,
    log,
    open_store,
    people,
    returns,
    senders,
    sweep,
    told,
)
from digest.store.engine import Database, parse
from digest.store.schema import deliveries, subscriptions
from digest.store.values import PORTION
from digest.testing import (
    DAY,
    NOON,
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
#: of what is mailed: only what asks about everybody reads all of these
MAIL = ("subscribers", "subscriptions", "suppressions", "deliveries")


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
    ann = Subscriber(address="ann@example.org")
    store.subscribers.admit("daily", [ann], at=NOON, origin="file", confirmed_by="me", mark=0)
    store.ledger.sweep("daily", [Timing(None, "each", None)], NOON)
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
        lambda connection: dumps.of_date(connection, "papers", DAY),
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
    assert_no_scan(database, ask, BIG)


HASHES = [f"{number:064}" for number in range(5_000)]


@pytest.mark.parametrize(
    "ask",
    [
        lambda connection: admitting._find(connection, "daily", HASHES),
        lambda connection: admitting._change_people(connection, [{"id": 1, "address": "a", "name": ""}]),
        lambda connection: leaving.unsubscribe(connection, HASHES[0], NOON, "w", None),
        lambda connection: leaving._end(connection, MANY, NOON, "w"),
        lambda connection: leaving.suppress(connection, HASHES[0], NOON, "bounced", ""),
        lambda connection: leaving.forget(connection, HASHES[0], NOON),
        lambda connection: people._after(connection, people.told().order_by(subscriptions.c.id).limit(9), 0),
        lambda connection: people._counts(connection, "daily"),
        lambda connection: connection.execute(returns._sendings().where(deliveries.c.id == 1)).all(),
        lambda connection: returns._person(connection, 1),
        lambda connection: returns._note(connection, 1, "counted", "4.2.2", NOON),
        lambda connection: returns._past(connection, 1, NOON),
        lambda connection: returns._count(connection, "daily", 1),
        lambda connection: returns._returned(connection, "daily", 1, 5),
        lambda connection: claims.claim(connection, "token", 200, NOON, 5),
        lambda connection: claims._tell(connection, MANY),
        lambda connection: senders.give_back(connection, "token"),
        lambda connection: senders.recover(connection, {"daily": "resend"}, NOON),
        lambda connection: senders._give_up(connection, ["token"], NOON),
        lambda connection: senders._resend(connection, ["token"], ["daily"], NOON),
        lambda connection: senders.move_marks(connection, MANY),
        lambda connection: sweep.timings(connection, "daily"),
        lambda connection: sweep.catch_up(connection, "daily"),
        lambda connection: sweep.settle_unknown(connection, "daily", NOON),
        lambda connection: sweep.reopen(connection, "daily", NOON, ["failed"], None),
        lambda connection: told.counts(connection, "daily", 1),
        lambda connection: told.portion(connection, told.listed("daily", None, ()), 9, 5),
        lambda connection: told.missing(connection, "daily", 1, 0),
    ],
)
def test_no_question_about_mail_reads_a_whole_table(database: Database, ask: Callable[[Connection], object]) -> None:
    assert_no_scan(database, ask, MAIL)


def test_the_way_of_a_message_is_by_primary_keys(database: Database) -> None:
    """What goes to the driver itself is written for it, and seen by no event."""
    with database.reading() as connection:
        for statement in (advance._BEGIN, advance._END, advance._SUBMIT, advance._MARK, advance._ENDED):
            nothing = (None,) * statement.count("?")
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", nothing)]
            assert plan
            assert all("USING INTEGER PRIMARY KEY" in step or "SCALAR SUBQUERY" in step for step in plan), plan


@pytest.mark.tools
def test_the_way_of_a_message_is_by_primary_keys_on_postgresql_too(shared: str) -> None:
    """Where no statistics are, a partial index of what is open looks as if it were empty, and holds a million."""
    row = {"ids": [2], "subscriptions": [2], "states": ["failed"], "counted": [1], "not_before": [None], "codes": [5]}
    told: dict[str, Any] = row | {"begun": [1], "notes": ["no"], "token": "t", "now": "", "again": False}
    with psycopg.connect(shared) as connection:
        for setting in hot._POSTGRESQL:
            connection.execute(setting.encode())
        rows = connection.execute(f"EXPLAIN {advance.AT_ONCE}".encode(), told).fetchall()
    plan = "\n".join(row[0] for row in rows)
    assert set(re.findall(r"(?:Scan on|using|Scan) (\w+_\w+)", plan)) == {"pk_deliveries", "pk_subscriptions"}, plan
    assert "Seq Scan" not in plan


@pytest.mark.tools
def test_what_is_claimed_ahead_is_found_by_keys(shared: str) -> None:
    with psycopg.connect(shared) as connection:
        for setting in hot._AHEAD:
            connection.execute(setting.encode())
        told = claims.parameters("token", 100, NOON)
        rows = connection.execute(f"EXPLAIN {claims.AHEAD}".encode(), told).fetchall()
    plan = "\n".join(row[0] for row in rows)
    found = set(re.findall(r"(?:using|Bitmap Index Scan on) (\w+)", plan))
    assert found >= {"ix_deliveries_waiting", "pk_deliveries", "pk_subscriptions", "pk_subscribers"}, plan
    assert not re.findall(r"Seq Scan on (?!newsletters)|JIT|Hash Join|Merge Join", plan), plan


def test_what_is_due_next_is_looked_for_among_what_waits(database: Database) -> None:
    asked: list[tuple[str, Any]] = []
    with database.reading() as connection:

        def note(_c, _cursor, statement, parameters, _context, _executemany) -> None:
            asked.append((statement, parameters))

        event.listen(connection, "before_cursor_execute", note)
        assert told.next_due(connection, NOON) is None
        event.remove(connection, "before_cursor_execute", note)
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked[-1][0]}", asked[-1][1]).all()
        steps = [row[3] for row in plan]
        assert "SEARCH deliveries USING INDEX ix_deliveries_waiting (newsletter=?)" in steps, steps
        assert not [step for step in steps if "TEMP B-TREE" in step or step.startswith("SCAN deliveries")], steps


def test_a_claim_passes_over_nothing_that_a_paused_newsletter_has(database: Database) -> None:
    now = NOON.isoformat()
    told = {claims._WAITING: (now,), claims._TAKE: ("t", now, "daily", now, 200)}
    with database.writing() as connection:
        for statement, values in told.items():
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
            steps = [step for step in plan if "deliveries" in step or step.startswith("SEARCH d ")]
            by_newsletter = "USING INDEX ix_deliveries_waiting (newsletter=? AND not_before<?)"
            waiting = [step for step in steps if by_newsletter in step.replace("COVERING INDEX", "INDEX")]
            assert waiting, plan
            assert {step for step in steps if step not in waiting} <= {
                "SEARCH deliveries USING INTEGER PRIMARY KEY (rowid=?)"
            }


def test_a_sweep_makes_no_pass_over_deliveries(database: Database) -> None:
    with database.writing() as connection:
        query = sweep._pending(subscriptions.c.mark, sweep._last("daily"), NOON).where(
            sweep._confirmed("daily"), sweep._wants([Timing(None, "each", None)])
        )
        told = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {told}")]
        assert any("SEARCH subscriptions USING INDEX" in step for step in plan), plan
        assert not [step for step in plan if step.startswith("SCAN") and "editions" in step]


def assert_no_scan(database: Database, ask: Callable[[Connection], object], big: Sequence[str]) -> None:
    #: what a statement begins with, before its first value -> it, with its values
    asked: dict[str, str] = {}

    def note(statement: str) -> None:
        if statement.lstrip().startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            asked.setdefault(re.split(r"[0-9']", statement)[0], statement)

    with database.writing() as connection:
        # of the driver: not all that it is asked goes through SQLAlchemy
        driver = connection.connection.driver_connection
        driver.set_trace_callback(note)  # type: ignore[union-attr]
        ask(connection)
        driver.set_trace_callback(None)  # type: ignore[union-attr]
        assert asked
        for statement in asked.values():
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")
            scans = [row[3] for row in plan if row[3].split()[0] == "SCAN" and row[3].split()[1] in big]
            assert not scans, statement[:300]
