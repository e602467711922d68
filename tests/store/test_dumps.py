from __future__ import annotations

from datetime import timedelta

import pytest

from digest.errors import StoreError
from digest.models import Dating, Dump, Rejected, Span
from digest.protocols import KeptDump, Store
from digest.testing import DAY, NOON, commit_dump, make_change, make_outcome
from tests.store.test_commit import rows

DUMP = Dump(source="papers", name="a.txt", content=b"one\x00two\xff" * 1000)


def test_the_same_bytes_are_kept_once_with_the_instant_they_first_came(store: Store) -> None:
    first = store.keep(DUMP, NOON)
    again = store.keep(DUMP.model_copy(update={"name": "b.txt"}), NOON + timedelta(days=1))
    assert first == again == KeptDump(first.id, first.sha256, NOON, None)
    assert not first.done
    assert store.dump_count() == 1


def test_the_same_bytes_of_another_source_are_another_dump(store: Store) -> None:
    first = store.keep(DUMP, NOON)
    other = store.keep(DUMP.model_copy(update={"source": "other"}), NOON)
    assert first.id != other.id
    assert (store.dump_count(), store.dump_count("other"), store.dump_count("none")) == (2, 1, 0)


def test_a_dump_is_found_by_its_bytes(store: Store) -> None:
    assert store.find(DUMP) is None
    kept = store.keep(DUMP, NOON)
    assert store.find(DUMP.model_copy(update={"name": "b.txt"})) == kept
    assert store.find(DUMP.model_copy(update={"source": "other"})) is None


def test_every_fetch_is_noted(store: Store, url: str) -> None:
    kept = store.keep(DUMP.model_copy(update={"date": DAY}), NOON)
    store.keep(DUMP, NOON)
    store.note_known("papers", [kept, kept], NOON)
    store.note_known("papers", [], NOON)
    store.note_fetch("papers", NOON, "failed", "no answer")
    assert rows(url, "SELECT dump, sha256, date, status, note FROM fetches ORDER BY id") == [
        (kept.id, DUMP.sha256, "2026-11-20", "ok", None),
        *[(kept.id, DUMP.sha256, None, "ok", None)] * 3,
        (None, None, None, "failed", "no answer"),
    ]


def test_raw_bytes_come_back(store: Store) -> None:
    assert store.raw(store.keep(DUMP, NOON).id) == DUMP


def test_a_dump_that_is_not_there_is_an_error(store: Store) -> None:
    with pytest.raises(StoreError, match="no dump 7"):
        store.raw(7)


def test_names_that_are_no_unicode_come_back(store: Store) -> None:
    odd = Dump(source="papers", name="caf\udce9 \x00 \U0010ffff.txt", content=b"x")
    store.note_fetch("papers", NOON, "failed", "caf\udce9\x00")
    assert store.raw(store.keep(odd, NOON).id).name == odd.name


def test_a_committed_dump_knows_its_date_and_tallies(store: Store) -> None:
    kept = store.keep(DUMP, NOON)
    rejected = Rejected(span=Span(first=3, last=4), reason="no title \x00", text="\udcff")
    store.commit(make_outcome(kept, [make_change()], rejected=[rejected], note="a guess"))
    again = store.keep(DUMP, NOON)
    assert again == KeptDump(
        kept.id, kept.sha256, NOON, Dating(date=DAY, rule="option", note="a guess"), listed=2, rejected=1
    )
    assert again.done
    assert store.raw(kept.id).date == DAY


def test_the_newest_date_is_that_of_committed_dumps(store: Store) -> None:
    store.keep(DUMP, NOON)
    assert store.latest_dump_date("papers") is None
    commit_dump(store, [], day=DAY - timedelta(days=3))
    commit_dump(store, [], day=DAY - timedelta(days=9))
    assert store.latest_dump_date("papers") == DAY - timedelta(days=3)
    assert store.latest_dump_date("other") is None


def test_a_source_has_announced_once_a_dump_was_committed_with_its_changes(store: Store) -> None:
    store.keep(DUMP, NOON)
    commit_dump(store, [make_change()], announce=False)
    assert not store.has_announced("papers")
    commit_dump(store, [])
    assert store.has_announced("papers")
    assert not store.has_announced("other")


def test_unfinished_dumps_come_back_as_they_were_told(store: Store) -> None:
    told = DUMP.model_copy(update={"date": DAY, "date_rule": "option"})
    kept = store.keep(told, NOON)
    second = store.keep(Dump(source="papers", name="b", content=b"b"), NOON)
    store.keep(Dump(source="other", name="c", content=b"c"), NOON)
    commit_dump(store, [])
    assert store.unfinished("papers") == [(kept, told), (second, Dump(source="papers", name="b", content=b"b"))]
    store.commit(make_outcome(kept))
    assert [dump.name for _, dump in store.unfinished("papers")] == ["b"]
