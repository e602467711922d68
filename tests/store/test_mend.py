"""A committed dump that is read again."""

from __future__ import annotations

import pytest

from digest.errors import StoreError
from digest.models import Rejected, Span
from digest.protocols import Store
from digest.testing import NOON, commit_dump, make_change, make_edition, make_listing, make_outcome, make_receipt
from tests.store.test_commit import rows

ONE, TWO, THREE = (make_listing(f"Title {n}", ids=[f"arxiv:2611.0000{n}"]) for n in (1, 2, 3))
PART = Rejected(span=Span(first=9, last=9), reason="no title", text="?")


def kinds(store: Store, after: int = 0) -> list[tuple[str, str]]:
    found = store.logged("daily", after, store.log_end(), None, "ml")
    return [(one.kind, one.paper.key) for one in found]


def test_what_is_found_more_is_new_and_what_was_rejected_is_replaced(store: Store, url: str) -> None:
    kept = commit_dump(store, [make_change("new", ONE)], rejected=[PART, PART])
    store.enrol("daily", 0)
    end = store.log_end()
    store.mend(make_outcome(kept, [make_change("seen", ONE), make_change("new", TWO)], rejected=[PART]))
    assert kinds(store, end) == [("new", "2611.00002")]
    assert list(store.texts(kept.id)) == [(ONE.title, ONE.abstract), (TWO.title, TWO.abstract)]
    assert rows(url, "SELECT listed, new, revised, enriched, seen, rejected FROM dumps") == [(3, 2, 0, 0, 0, 1)]
    assert rows(url, "SELECT count(*) FROM rejected") == [(1,)]
    (told,) = store.committed("papers")
    assert (told.id, told.listed, told.rejected, told.received) == (kept.id, 3, 1, NOON)


def test_a_mended_dump_keeps_its_place_but_its_papers_count_as_touched(store: Store) -> None:
    first = commit_dump(store, [make_change("new", ONE)])
    commit_dump(store, [make_change("new", TWO)])
    store.enrol("daily", 0)
    store.publish(make_edition([make_change("new", one).paper for one in (ONE, TWO)], upto=2), make_receipt())
    newest, _ = store.touched(0)
    store.mend(make_outcome(first, [make_change("seen", ONE)]))
    later, keys = store.touched(newest)
    assert (later > newest, list(keys)) == (True, ["2611.00001"])
    commit_dump(store, [make_change("seen", TWO)])
    assert store.touched(later)[1] == ["2611.00002"]
    assert kinds(store, 2) == []


def test_a_paper_waiting_for_its_edition_is_new_with_the_earlier_dump(store: Store) -> None:
    first = commit_dump(store, [make_change("new", ONE)])
    commit_dump(store, [make_change("new", TWO)])
    store.enrol("daily", 0)
    store.mend(make_outcome(first, [make_change("seen", ONE), make_change("seen", TWO)]))
    assert sorted(kinds(store)) == [("new", "2611.00001"), ("new", "2611.00002")]


def test_a_baseline_stays_one(store: Store) -> None:
    kept = commit_dump(store, [make_change("new", ONE)], announce=False)
    store.enrol("daily", 0)
    store.mend(make_outcome(kept, [make_change("seen", ONE), make_change("new", THREE)], announce=True))
    assert (store.log_end(), kinds(store)) == (0, [])
    assert store.paper("2611.00003") is not None


def test_only_a_committed_dump_can_be_mended(store: Store) -> None:
    with pytest.raises(StoreError, match="no committed dump 7"):
        store.mend(make_outcome(7))
