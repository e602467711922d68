"""What is let go of is old, and nothing that anybody needs."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from digest.errors import BytesGoneError, StoreError
from digest.models import Dump, Keep, Tidied
from digest.protocols import Concluded, Outcome, Store
from digest.store import open_store, retention
from digest.store.engine import Database, parse
from digest.testing import NOON, commit_dump, make_change, make_edition, make_outcome, make_paper, make_receipt
from tests.acceptance.command import rows
from tests.store.readers import LISTING, admit, conclude, deliveries, publish, serve, subscription, sweep

#: lets go of all that is older than a month
MONTH = Keep.model_validate(dict.fromkeys(("raw", "receipts", "ledger", "fetches"), "30d"))
FOREVER = Keep.model_validate(dict.fromkeys(("raw", "receipts", "ledger", "fetches"), "forever"))
LATER = NOON + timedelta(days=31)


@pytest.fixture(autouse=True)
def _anew(request: pytest.FixtureRequest) -> None:
    """Forget when it was tidied: databases of PostgreSQL keep `meta` from test to test."""
    url = request.getfixturevalue("url") if "url" in request.fixturenames else ""
    if "://" in url:
        import psycopg

        with psycopg.connect(url) as connection:
            connection.execute("DELETE FROM meta WHERE name = 'tidied'")


def asked(url: str, query: str) -> list[tuple[object, ...]]:
    return rows(url if "://" in url else Path(url), query)


def test_a_personal_store_keeps_its_dumps_for_ever_and_the_rest_for_a_year() -> None:
    keep = Keep()
    assert (keep.raw, keep.archive) == (None, "forever")
    assert [one and one.days for one in (keep.receipts, keep.ledger, keep.fetches)] == [365, 365, 90]
    assert Keep.model_validate({"raw": "2y"}).raw == timedelta(days=730)
    assert Keep.model_validate({"ledger": "3w"}).ledger == timedelta(days=21)


@pytest.mark.parametrize("table", [{"raw": "90"}, {"raw": 90}, {"ledger": "6d"}, {"archive": "1y"}, {"raws": "1y"}])
def test_a_period_that_says_nothing_is_refused(table: Mapping[str, object]) -> None:
    with pytest.raises(ValidationError):
        Keep.model_validate(table)


# Dumps


def test_only_the_bytes_of_old_committed_dumps_go(store: Store, url: str) -> None:
    commit_dump(store, [make_change()], name="old")
    store.keep(Dump(source="papers", name="never committed", content=b"x" * 999), NOON)
    young = store.keep(Dump(source="papers", name="young", content=b"y"), LATER)
    done = store.care.tidy(MONTH, LATER)
    assert (done.dumps, done.more) == (1, False)
    assert done.bytes > 0
    with pytest.raises(BytesGoneError, match="old: its bytes were let go of") as gone:
        store.raw(1)
    assert gone.value.name == "old"
    assert [dump.content for _, dump in store.unfinished("papers")] == [b"x" * 999, b"y"]
    assert store.raw(young.id).content == b"y"
    # row, hash and listings are there: the same bytes are not read as if they were new
    known = store.find(Dump(source="papers", name="again", content=b"old"))
    assert known is not None
    assert known.done
    assert len(store.texts(1)) == 1
    sizes = store.care.sizes()
    assert (sizes.dumps, sizes.readable) == (3, 2)
    assert store.care.tidy(MONTH, LATER).rows == 0


# Deliveries


def year_of_mail(store: Store, *, editions: int = 3) -> None:
    """Serve two readers with an edition each, one after the other."""
    store.enrol("daily", 0)
    admit(store, "ann", "bob")
    for _ in range(editions):
        publish(store, 1)
        serve(store)


def test_old_deliveries_go_and_their_counts_stay(store: Store, url: str) -> None:
    year_of_mail(store)
    before = [store.ledger.counts("daily", number) for number in (1, 2, 3)]
    total = store.ledger.counts()
    assert store.care.tidy(MONTH, LATER).deliveries == 4
    # those of the newest edition are there however old
    assert deliveries(store) == {"ann 2-3": "submitted", "bob 2-3": "submitted"}
    assert [store.ledger.counts("daily", number) for number in (1, 2, 3)] == before
    assert store.ledger.counts() == total
    assert store.care.sizes().tidied == 4


def test_nobody_gets_an_edition_again_whose_delivery_is_gone(store: Store) -> None:
    year_of_mail(store)
    store.care.tidy(MONTH, LATER)
    assert sweep(store) == 0
    assert subscription(store, "ann").mark == 3
    assert list(store.ledger.missing("daily", 1)) == []
    for number in (1, 2):
        with pytest.raises(StoreError, match=r"who got daily/\d is not known any more \(\[keep\] ledger\)"):
            store.ledger.send_missing("daily", number, LATER)
    assert store.ledger.send_missing("daily", 3, LATER) == 0
    assert store.ledger.reopen("daily", LATER, states=("submitted",), number=2) == 0
    publish(store, 1)
    assert sweep(store) == 2


def test_what_is_open_or_undecided_or_whose_mark_has_not_moved_stays(store: Store, url: str) -> None:
    publish(store, 1)
    admit(store, "pat")
    sweep(store)
    with store.ledger.sender("x") as token:
        store.ledger.claim(token, 1, NOON)
        # open, for longer than anything is kept
        admit(store, "una", "fay", "sam")
        sweep(store)
        by_name = {one.address.split("@")[0]: one for one in store.ledger.claim(token, 9, NOON)}
        outcomes = {"una": Outcome("unknown"), "fay": Outcome("failed", 550), "sam": Outcome("submitted", 250)}
        store.ledger.advance(token, list(by_name.values()), [], NOON)
        store.ledger.advance(token, [], [Concluded(by_name[name], outcomes[name], None) for name in by_name], NOON)
        publish(store, 2)
        assert store.care.tidy(MONTH, LATER).deliveries == 2
        assert deliveries(store) == {"pat 0-1": "claimed", "una 0-1": "unknown"}
    store.ledger.settle_unknown("daily", NOON)
    assert store.care.tidy(MONTH, LATER).deliveries == 1
    assert asked(url, "SELECT upto, submitted, failed, unknown FROM tidied") == [(1, 1, 1, 1)]
    counts = store.ledger.counts("daily", 1)
    assert (counts.submitted, counts.failed, counts.unknown, counts.pending) == (1, 1, 0, 1)


def test_a_mark_behind_keeps_the_delivery(store: Store, url: str) -> None:
    year_of_mail(store)
    database = Database(parse(url))
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE subscriptions SET mark = 0 WHERE id = 1")
    database.close()
    assert store.care.tidy(MONTH, LATER).deliveries == 2
    assert [one for one in deliveries(store) if one.startswith("ann")] == ["ann 2-3", "ann 1-2", "ann 0-1"]


def test_each_newsletter_keeps_its_own_newest(store: Store) -> None:
    year_of_mail(store, editions=1)
    publish(store, 2, newsletter="weekly")
    admit(store, "ann", newsletter="weekly")
    with store.ledger.sender("x") as token:
        sweep(store, "weekly")
        conclude(store, token, store.ledger.claim(token, 9, NOON))
    assert store.care.tidy(MONTH, LATER).deliveries == 0


# Receipts and fetches


def test_old_receipts_go_but_the_newest(store: Store, url: str) -> None:
    for day in (0, 1, 2):
        store.receive(make_receipt(started_at=NOON + timedelta(days=day)))
    assert store.care.tidy(MONTH, NOON + timedelta(days=32)).receipts == 2
    assert asked(url, "SELECT id FROM receipts") == [(3,)]


def test_health_says_the_same_of_every_source_without_its_old_fetches(store: Store, url: str) -> None:
    def day(number: int) -> object:
        return NOON + timedelta(days=number)

    history: dict[str, list[tuple[int, str]]] = {
        "fine": [(0, "ok"), (1, "empty"), (40, "ok")],
        "failing": [(0, "ok"), (1, "ok"), (2, "failed"), (3, "partial"), (40, "failed")],
        "never well": [(0, "failed"), (1, "failed")],
        "well once, then failing": [(0, "ok"), (1, "failed"), (39, "failed"), (39, "ok"), (40, "failed")],
        "long quiet": [(0, "ok"), (1, "calendar")],
        "known": [(0, "baseline"), (1, "ok"), (40, "ok")],
    }
    for source, fetches in history.items():
        for number, status in fetches:
            store.note_fetch(source, NOON + timedelta(days=number), status, None)
    before = {source: store.health(source) for source in history}
    known = {source: store.has_announced(source) for source in history}
    done = store.care.tidy(MONTH, NOON + timedelta(days=41))
    assert {source: store.health(source) for source in history} == before
    assert {source: store.has_announced(source) for source in history} == known
    left = {
        str(source): int(str(n)) for source, n in asked(url, "SELECT source, count(*) FROM fetches GROUP BY source")
    }
    assert left == {
        "fine": 1,
        "failing": 4,
        "never well": 2,
        "well once, then failing": 3,
        "long quiet": 1,
        "known": 2,
    }
    assert done.fetches == sum(map(len, history.values())) - sum(left.values())


# How


def fill(store: Store) -> None:
    """Give it something old of everything."""
    commit_dump(store, [make_change("new", LISTING)], name="old")
    year_of_mail(store)
    for number in range(3):
        store.note_fetch("papers", NOON + timedelta(minutes=number), "empty", None)


def test_for_ever_is_for_ever(store: Store) -> None:
    fill(store)
    assert store.care.tidy(FOREVER, NOON + timedelta(days=9999)).rows == 0


def test_a_rehearsal_says_what_goes_and_takes_nothing(store: Store, url: str) -> None:
    fill(store)
    told = store.care.would_tidy(MONTH, LATER)
    assert (told.dumps, told.deliveries, told.receipts) == (1, 4, 2)
    assert store.raw(1).content == b"old"
    assert store.care.tidy(MONTH, LATER) == told


def test_once_a_day_is_enough(store: Store) -> None:
    fill(store)
    assert store.care.sizes().tidied_at is None
    first = store.care.tidy_daily(MONTH, LATER)
    assert first is not None
    assert first.rows
    assert store.care.tidy_daily(MONTH, LATER + timedelta(hours=12)) is None
    again = store.care.tidy_daily(MONTH, LATER + timedelta(hours=24))
    assert again == Tidied()
    # a clock that was wrong once stops it not for years
    assert store.care.tidy_daily(MONTH, NOON) is not None


def test_it_comes_in_portions_and_a_call_does_so_much_only(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store)
    told = store.care.would_tidy(MONTH, LATER)
    monkeypatch.setattr(retention, "PORTION", 1)
    monkeypatch.setattr(retention, "CALLS", 1)
    done = store.care.tidy_daily(MONTH, LATER)
    assert done is not None
    assert done.more
    assert store.care.sizes().tidied_at is None, "it was not done to the end"
    calls = 1
    while done.more:
        done += store.care.tidy(MONTH, LATER)
        calls += 1
    assert calls > 2
    assert done == told


VICTIM = """
import os, signal, sys
from digest.store import open_store, retention
from digest.store.engine import Database, parse
from digest.testing import NOON
from tests.store.test_retention import LATER, MONTH

retention.PORTION = 1
whole, left = retention._add, [2]

def die(*given):
    whole(*given)
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)

retention._add = die
open_store(sys.argv[1]).care.tidy(MONTH, LATER)
"""


def test_killed_between_counting_and_deleting_no_delivery_counts_twice_or_never(
    store: Store, url: str, root: Path
) -> None:
    fill(store)
    before = [store.ledger.counts("daily", number) for number in (1, 2, 3)]
    done = subprocess.run([sys.executable, "-c", VICTIM, url], capture_output=True, text=True, cwd=root)
    assert done.returncode == -9, done.stderr
    assert [store.ledger.counts("daily", number) for number in (1, 2, 3)] == before
    # the first portion is done, the second was undone
    assert store.care.tidy(MONTH, LATER).deliveries == 3
    assert [store.ledger.counts("daily", number) for number in (1, 2, 3)] == before
    assert store.care.sizes().tidied == 4


def test_free_space_is_given_back_only_when_asked(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "big.db"))
    content = random.Random(1).randbytes(400_000)
    kept = store.keep(Dump(source="papers", name="big", content=content), NOON)
    store.commit(make_outcome(kept, [make_change("new", LISTING)]))
    store.enrol("daily", 0)
    assert store.publish(make_edition([make_paper(LISTING)]), make_receipt())
    store.care.tidy(MONTH, LATER)
    sizes = store.care.sizes()
    assert sizes.free is not None
    assert sizes.free > 390_000
    store.care.vacuum()
    after = store.care.sizes()
    assert after.free == 0
    assert after.bytes < sizes.bytes - 390_000
    assert (tmp_path / "big.db").stat().st_size == after.bytes
    assert len(store.editions("daily")) == 1
    store.close()
