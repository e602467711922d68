"""What is told of a store again and again is what its other questions say, however it is asked."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import event

from digest.models import STATUSES, DeliveryCounts, EditionReceipt, Keep, SourceReceipt
from digest.protocols import Census, Outcome, Store
from digest.store import figures, open_store
from digest.store.engine import Database, parse
from digest.store.schema import receipts
from digest.testing import NOON, make_receipt
from tests.store.readers import TAKEN, admit, conclude, publish, serve, sweep

DEFERRED = Outcome("deferred", 451, "4.3.0", "later")
HOUR = timedelta(hours=1)


def in_few_states(census: Census) -> DeliveryCounts:
    """Return the states of all deliveries as the ledger tells them to people."""
    named = {"claimed": "pending", "in_flight": "pending"}
    counts = dict.fromkeys(DeliveryCounts.model_fields, 0)
    for (_, state), number in census.deliveries.items():
        counts[named.get(state, state)] += number
    return DeliveryCounts(**counts)


def test_an_empty_store_has_nothing(store: Store) -> None:
    assert store.care.census() == Census({}, {}, {}, {}, 0, 0)
    found = store.care.figures(["papers"])
    assert (found.receipt, found.successes) == (None, {})
    assert found.bytes == store.care.sizes().bytes > 0
    assert found.free == store.care.sizes().free
    assert found.revision == store.care.sizes().revision


def test_the_census_counts_each_state_of_each_newsletter_as_the_ledger_does(store: Store) -> None:
    publish(store, 1)
    publish(store, 1, "weekly")
    admit(store, "ann", "bob", "cem", "dan", "eva")
    admit(store, "ann", "fay", newsletter="weekly")
    admit(store, "gus", confirmed_by=None)
    store.subscribers.suppress("eva@example.org", at=NOON, reason="bounced")
    sweep(store)
    with store.ledger.sender("test") as token:
        one, two, three = store.ledger.claim(token, 3, NOON)
        conclude(store, token, [one])
        conclude(store, token, [two], DEFERRED, NOON + HOUR)
        store.ledger.advance(token, [three], [], NOON)
        census = store.care.census()
        assert in_few_states(census) == store.ledger.counts()
    found = {state: number for (newsletter, state), number in census.deliveries.items() if newsletter == "daily"}
    assert {state: number for state, number in found.items() if number} == {
        "submitted": 1, "deferred": 1, "in_flight": 1, "pending": 1,
    }  # fmt: skip
    assert not any(number for (newsletter, _), number in census.deliveries.items() if newsletter == "weekly")
    for newsletter in ("daily", "weekly"):
        counted = {status: census.subscriptions.get((newsletter, status), 0) for status in STATUSES}
        assert counted == store.subscribers.subscriber_counts(newsletter)
    assert (census.suppressed, census.papers) == (1, store.care.sizes().papers)


def test_it_says_since_when_the_oldest_waits(store: Store) -> None:
    publish(store, 1)
    admit(store, "ann", "bob")
    assert store.care.census().waiting_since == {}
    serve(store, DEFERRED, NOON + HOUR)
    assert store.care.census().waiting_since == {"daily": NOON + HOUR}
    admit(store, "cem")
    sweep(store)
    assert store.care.census().waiting_since == {"daily": NOON}
    with store.ledger.sender("test") as token:
        conclude(store, token, store.ledger.claim(token, 10, NOON))
    assert store.care.census().waiting_since == {"daily": NOON + HOUR}


def test_what_came_back_is_counted_by_what_that_means(store: Store) -> None:
    publish(store, 1)
    publish(store, 1, "weekly")
    admit(store, "ann", "bob", "cem")
    admit(store, "ann", newsletter="weekly")
    serve(store)
    sweep(store, "weekly")
    ids = [one.id for one in store.ledger.deliveries("daily")]
    store.returns.note(ids[0], "counted", "mailbox full", at=NOON)
    store.returns.note(ids[1], "permanent", "no such user", at=NOON)
    assert store.care.census().returned == {("daily", "counted"): 1, ("daily", "permanent"): 1}
    assert sum(store.care.census().returned.values()) == store.returns.count("daily", 1)


def test_what_was_let_go_of_and_what_a_person_looked_at_count_as_the_ledger_counts_them(store: Store) -> None:
    publish(store, 1)
    admit(store, "ann", "bob", "cem")
    sweep(store)
    with store.ledger.sender("test") as token:
        one, two, three = store.ledger.claim(token, 3, NOON)
        conclude(store, token, [one], TAKEN)
        conclude(store, token, [two], Outcome("failed", 550, "5.1.1", "nobody"))
        conclude(store, token, [three], Outcome("unknown", None, None, "cut off"))
    assert store.care.census().deliveries["daily", "unknown"] == 1
    store.ledger.settle_unknown("daily", NOON)
    assert store.care.census().deliveries["daily", "unknown"] == 0
    publish(store, 1)
    before = in_few_states(store.care.census())
    assert before == store.ledger.counts()
    month = Keep.model_validate({"ledger": "30d"})
    assert store.care.tidy(month, NOON + timedelta(days=60)).deliveries
    assert in_few_states(store.care.census()) == before == store.ledger.counts()


def test_a_success_is_the_last_fetch_that_got_all(store: Store) -> None:
    for hours, source, status in (
        (0, "papers", "ok"),
        (1, "papers", "unchanged"),
        (2, "papers", "partial"),
        (3, "papers", "failed"),
        (3, "never", "failed"),
        (4, "other", "ok"),
    ):
        store.note_fetch(source, NOON + hours * HOUR, status, None)
    found = store.care.figures(["papers", "never", "unknown"])
    assert found.successes == {"papers": NOON + HOUR}


def test_the_receipt_is_that_of_the_newest_run_as_a_whole(store: Store) -> None:
    publish(store, 1)
    source = SourceReceipt(name="papers", listed=3, new=2, seen=1, note="two of \N{SNOWMAN}")
    edition = EditionReceipt(newsletter="daily", verdict="published", evidence="2 papers", number=1, entries=2)
    whole = make_receipt(verdict="stale", started_at=NOON + HOUR, sources=(source,), editions=(edition,))
    store.receive(whole)
    assert store.care.figures([]).receipt == whole


def test_a_receipt_with_names_that_are_no_unicode_can_be_told(store: Store) -> None:
    odd = SourceReceipt.model_construct(**{**SourceReceipt(name="papers").model_dump(), "note": "no \udcff file"})
    store.receive(make_receipt().model_copy(update={"sources": (odd,)}))
    found = store.care.figures([]).receipt
    assert found is not None
    assert found.sources[0].note == "no ? file"


def test_a_receipt_of_a_later_release_is_none(store: Store, url: str) -> None:
    store.receive(make_receipt())
    assert store.care.figures([]).receipt is not None
    database = Database(parse(url))
    with database.writing() as connection:
        connection.execute(receipts.update().values(data='{"verdict": "splendid", "mood": 1}'))
    database.close()
    assert store.care.figures([]).receipt is None


def test_what_is_looked_up_reads_no_table_that_grows(tmp_path: Path) -> None:
    """The plans of SQLite say so; PostgreSQL's depend on its statistics."""
    path = str(tmp_path / "digest.db")
    open_store(path).close()
    database, asked = Database(parse(path)), list[tuple[str, object]]()

    def note(_connection, _cursor, statement, parameters, _context, _many) -> None:
        asked.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    with database.reading() as connection:
        figures.figures(connection, ["papers", "other"])
        questions = [one for one in asked if one[0].startswith("SELECT")]
        plans = [
            row[3]
            for statement, parameters in questions
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()  # type: ignore[arg-type]
        ]
    database.close()
    assert len(questions) == 4
    assert [plan for plan in plans if plan.startswith("SCAN") and "schema_revision" not in plan] == ["SCAN receipts"]
    # from its end, and one row of it
    assert "ORDER BY receipts.id DESC" in " ".join(" ".join(statement.split()) for statement, _ in questions)
