from __future__ import annotations

from datetime import date, timedelta

from digest.models import Dump
from digest.protocols import Batch, Health, Store
from digest.testing import DAY, NOON, commit_dump, make_change, make_listing

ONE, TWO, THREE = (make_listing(f"Title {n}", ids=[f"arxiv:2611.0000{n}"]) for n in (1, 2, 3))
DAYS = [NOON + timedelta(days=n) for n in range(9)]


def fail(store: Store, day: int, note: str = "HTTP 503") -> None:
    store.note_fetch("papers", DAYS[day], "failed", note)


def test_a_source_that_was_never_fetched_has_no_health(store: Store) -> None:
    assert store.health("papers") is None
    assert store.batches("papers", 5) == []


def test_failing_counts_days_whose_last_fetch_failed(store: Store) -> None:
    kept = store.keep(Dump(source="papers", name="a", content=b"a"), DAYS[0])
    fail(store, 0)
    store.note_fetch("papers", DAYS[0], "unchanged", "not modified")
    fail(store, 1)
    store.note_known("papers", [kept], DAYS[1] + timedelta(hours=1))
    fail(store, 1)
    fail(store, 3)
    fail(store, 3, "HTTP 429")
    store.note_fetch("other", DAYS[3], "ok", None)
    assert store.health("papers") == Health(DAYS[3], "failed", "HTTP 429", DAYS[1], 2)
    store.note_fetch("papers", DAYS[4], "partial", "1 of 3 feeds failed")
    assert store.health("papers") == Health(DAYS[4], "partial", "1 of 3 feeds failed", DAYS[1], 3)
    store.note_known("papers", [kept], DAYS[5])
    assert store.health("papers") == Health(DAYS[5], "ok", None)


def test_batches_count_each_paper_once_a_date(store: Store) -> None:
    commit_dump(store, [make_change("new", ONE), make_change("new", TWO)], day=DAY)
    commit_dump(store, [make_change("seen", ONE)], day=DAY)
    commit_dump(store, [make_change("new", THREE), make_change("seen", ONE)], day=DAY + timedelta(days=3))
    commit_dump(store, [], day=DAY + timedelta(days=4))
    commit_dump(store, [make_change("seen", ONE)], day=DAY + timedelta(days=5), source="other")
    store.keep(Dump(source="papers", name="later", content=b"later"), NOON)
    first, second, third = (
        Batch(DAY, 2, 2),
        Batch(DAY + timedelta(days=3), 2, 1),
        Batch(DAY + timedelta(days=4), 0, 0),
    )
    assert store.batches("papers", 9) == [third, second, first]
    assert store.batches("papers", 1) == [third]
    assert store.overlap("papers", second.date, first.date) == 1
    assert store.overlap("papers", third.date, first.date) == 0
    assert store.overlap("other", second.date, first.date) == 0
    store.note_fetch("papers", NOON, "ok", None)
    health = store.health("papers")
    assert health is not None
    assert list(health.news) == [second.date, date(2026, 11, 20)]


def test_a_source_made_known_is_past_its_baseline(store: Store) -> None:
    commit_dump(store, [make_change()], announce=False)
    assert not store.has_announced("papers")
    store.note_fetch("papers", NOON, "baseline", None)
    assert store.has_announced("papers")
    assert not store.has_announced("other")
