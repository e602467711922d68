from __future__ import annotations

import hashlib
import threading
from datetime import timedelta

import pytest

from digest.errors import StoreError
from digest.models import DumpReceipt, EditionRef, SourceReceipt, Stored
from digest.protocols import NewsletterState, Store
from digest.store import open_store
from digest.testing import DAY, NOON, commit_dump, make_change, make_edition, make_listing, make_paper, make_receipt
from tests.store.test_commit import rows


def listed(store: Store, *numbers: int):
    """Commit listings as new, and return their papers."""
    listings = [make_listing(f"Title {number}", ids=[f"arxiv:{number}"]) for number in numbers]
    commit_dump(store, [make_change("new", listing) for listing in listings])
    return [make_paper(listing) for listing in listings]


def test_a_newsletter_is_met_once(store: Store) -> None:
    assert store.newsletter("daily") is None
    met = NewsletterState(id="daily", mark=3, last=None, last_instant=None, feed_id=None)
    assert store.enrol("daily", 3) == met
    assert store.enrol("daily", 9) == store.newsletter("daily") == met
    store.enrol("alpha", 0)
    assert [state.id for state in store.newsletters()] == ["alpha", "daily"]


def test_an_edition_comes_back_byte_for_byte(store: Store) -> None:
    (paper,) = listed(store, 1)
    odd = paper.model_copy(update={"abstract": "\x00 \U0001f600 \U0010ffff “x”"})
    edition = make_edition([odd], instant=NOON + timedelta(microseconds=1))
    store.enrol("daily", 0)
    assert store.publish(edition, make_receipt())
    back = store.edition("daily", 1)
    assert back == edition
    assert back.canonical_json() == edition.canonical_json()
    sha256 = hashlib.sha256(edition.canonical_json()).hexdigest()
    ref = EditionRef(number=1, date=DAY)
    assert store.editions("daily") == [Stored(ref=ref, newsletter="daily", sha256=sha256, instant=edition.instant)]
    assert store.newsletter("daily") == NewsletterState(
        id="daily", mark=1, last=ref, last_instant=edition.instant, feed_id=edition.feed_id
    )


def test_the_feed_id_of_the_first_edition_stays(store: Store) -> None:
    papers = listed(store, 1, 2)
    store.enrol("daily", 0)
    store.publish(make_edition(papers[:1], feed_id="tag:a,2026:daily"), make_receipt())
    second = make_edition(papers[1:], feed_id="tag:b,2027:daily", number=2, date=DAY + timedelta(1), after=1, upto=2)
    assert store.publish(second, make_receipt())
    state = store.newsletter("daily")
    assert state
    assert state.feed_id == "tag:a,2026:daily"
    assert state.last == EditionRef(number=2, date=DAY + timedelta(1))


def test_a_mark_that_has_moved_stops_the_edition(store: Store, url: str) -> None:
    papers = listed(store, 1)
    store.enrol("daily", 0)
    assert not store.publish(make_edition(papers, newsletter="unknown"), make_receipt())
    assert store.publish(make_edition(papers), make_receipt())
    assert not store.publish(make_edition(papers, number=2, date=DAY + timedelta(1)), make_receipt())
    assert len(store.editions("daily")) == 1
    assert rows(url, "SELECT count(*) FROM entries") == rows(url, "SELECT count(*) FROM receipts") == [(1,)]


def test_an_edition_that_cannot_be_stored_leaves_the_mark(store: Store) -> None:
    papers = listed(store, 1)
    store.enrol("daily", 0)
    unknown = make_paper(make_listing(ids=["arxiv:77"]))
    with pytest.raises(StoreError, match="77"):
        store.publish(make_edition([*papers, unknown]), make_receipt())
    state = store.newsletter("daily")
    assert state
    assert (state.mark, state.last) == (0, None)


def test_a_date_has_one_edition(store: Store) -> None:
    papers = listed(store, 1, 2)
    store.enrol("daily", 0)
    store.publish(make_edition(papers[:1]), make_receipt())
    with pytest.raises(StoreError):
        store.publish(make_edition(papers[1:], number=2, after=1, upto=2), make_receipt())
    state = store.newsletter("daily")
    assert state
    assert state.mark == 1


def test_of_two_that_publish_at_once_one_wins(store: Store, url: str) -> None:
    papers = listed(store, 1)
    store.enrol("daily", 0)
    won: list[bool] = []
    ready = threading.Barrier(4)

    def race() -> None:
        mine = open_store(url)
        ready.wait()
        won.append(mine.publish(make_edition(papers), make_receipt()))
        mine.close()

    threads = [threading.Thread(target=race) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False, False, False, True]
    assert len(store.editions("daily")) == 1


def test_an_edition_that_is_not_there_is_an_error(store: Store) -> None:
    with pytest.raises(StoreError, match="daily/7"):
        store.edition("daily", 7)


def test_receipts_are_kept_also_with_names_that_are_no_unicode(store: Store, url: str) -> None:
    dump = DumpReceipt(name="caf\udce9\x00", sha256="0" * 64, date=None, date_rule=None)
    store.receive(make_receipt(verdict="broken", sources=(SourceReceipt(name="papers", dumps=(dump,)),)))
    store.receive(make_receipt(verdict="quiet: all seen"))
    assert rows(url, "SELECT verdict FROM receipts ORDER BY id") == [("broken",), ("quiet: all seen",)]


def test_what_an_output_folder_holds_is_remembered(store: Store) -> None:
    assert store.output_state("public") is None
    store.keep_output_state("public", b"one\x00")
    store.keep_output_state("caf\udce9", b"two")
    store.keep_output_state("public", b"three")
    assert store.output_state("public") == b"three"
    assert store.output_state("caf\udce9") == b"two"
