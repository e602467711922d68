from __future__ import annotations

from datetime import timedelta

import pytest

from digest.models import Count, EditionRef, Evidence, Link, Organization, Sighting, Tag
from digest.protocols import Store
from digest.store import values
from digest.testing import (
    DAY,
    commit_dump,
    ids,
    make_change,
    make_edition,
    make_listing,
    make_paper,
    make_receipt,
)


def keys(store: Store, *listings) -> list[str]:
    return [known.paper.key for known in store.known(listings)]


def test_a_paper_comes_back_as_it_was_stored(store: Store) -> None:
    listing = make_listing("Ünïcode \x00 \U0001f600", "A\n\nB \U0010ffff", ids=["arxiv:1"])
    paper = make_paper(
        listing,
        authors=("Å. Ø",),
        author_count=3,
        organization=Organization(name="O"),
        published=DAY,
        comments=Count(value=2**40, as_of=DAY),
        links=(Link(rel="code", url="https://x.example"),),
        version=2,
        as_of={"title": DAY},
    )
    commit_dump(store, [make_change("new", listing, paper)])
    (known,) = store.known([listing])
    assert known.paper == paper
    assert known.texts == ((paper.title, paper.abstract),)
    record = store.paper("1")
    assert record
    assert record.paper == paper


def test_candidates_share_an_id_or_a_compact_title(store: Store) -> None:
    first = make_listing("Deep Learning for Trees", ids=["arxiv:1"])
    other = make_listing("Another Title Entirely", ids=["doi:10.1/x"])
    commit_dump(store, [make_change("new", one) for one in (first, other)])
    assert keys(store, make_listing("Something Else", ids=["arxiv:1"])) == ["1"]
    assert keys(store, make_listing("DEEP learning, for trees!")) == ["1"]
    assert keys(store, make_listing("Deep Learning for Bees", ids=["doi:1"])) == []
    assert keys(store, make_listing("none"), other, first) == ["1", "10.1/x"]


def test_a_hugging_face_id_is_an_arxiv_id(store: Store) -> None:
    commit_dump(store, [make_change("new", make_listing(ids=["hf:2401.00001"]))])
    assert keys(store, make_listing("Other", ids=["arxiv:2401.00001"])) == ["2401.00001"]
    assert keys(store, make_listing("Other", ids=["doi:2401.00001"])) == []


def test_titles_without_letters_make_no_candidates(store: Store) -> None:
    commit_dump(store, [make_change("new", make_listing("???", ids=["arxiv:1"]))])
    assert keys(store, make_listing("!!!")) == []


def test_every_text_of_a_paper_finds_it(store: Store) -> None:
    old = make_listing("The Old Title", "one", ids=["arxiv:1"])
    new = make_listing("A Newer Title", "two", ids=["arxiv:1"])
    commit_dump(store, [make_change("new", old)])
    commit_dump(store, [make_change("revised", new, before=("The Old Title", "one"))])
    variant = make_listing("A Variant of It", "", ids=["arxiv:1"])
    commit_dump(store, [make_change("seen", variant, make_paper(new))])
    texts = (("The Old Title", "one"), ("A Newer Title", "two"), ("A Variant of It", ""))
    for title, _ in texts:
        (known,) = store.known([make_listing(title)])
        assert known.texts == texts
        assert known.paper.title == "A Newer Title"


def test_questions_larger_than_a_portion_are_answered_whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "PORTION", 7)
    listings = [make_listing(f"Title number {n}", ids=[f"arxiv:{n}"]) for n in range(40)]
    commit_dump(store, [make_change("new", listing) for listing in listings])
    assert len(store.known(listings)) == 40
    assert len(store.papers([str(n) for n in range(50)])) == 40
    commit_dump(store, [make_change("seen", listing) for listing in listings])
    assert store.log_end() == 40


def test_a_paper_is_found_by_key_by_id_and_by_scheme_and_id(store: Store) -> None:
    listing = make_listing(ids=["doi:10.1/a:b", "arxiv:2401.1"])
    commit_dump(store, [make_change("new", listing, make_paper(listing, "t-0123456789abcdef"))])
    for name in ("t-0123456789abcdef", "10.1/a:b", "doi:10.1/a:b", "2401.1", "arxiv:2401.1"):
        record = store.paper(name)
        assert record, name
        assert record.paper.key == "t-0123456789abcdef"
    assert store.paper("doi:2401.1") is None
    assert store.paper("nothing") is None


def test_an_id_keeps_its_first_paper(store: Store) -> None:
    first = make_listing("The first", ids=["doi:1"])
    second = make_listing("The second", ids=["arxiv:2", "doi:1"])
    commit_dump(store, [make_change("new", first), make_change("new", second)])
    record = store.paper("doi:1")
    assert record
    assert record.paper.title == "The first"


def test_a_record_tells_the_whole_history(store: Store) -> None:
    listing = make_listing("Old title", "text", ids=["arxiv:1"], comments=3)
    tag = Tag(id="snn", score=1.5, evidence=(Evidence(phrase="spiking", where="title", weight=1),))
    commit_dump(store, [make_change("new", listing)], name="one", tags={"ml": {"1": [tag]}})
    later = make_listing("New title", "text", ids=["arxiv:1"], upvotes=5)
    commit_dump(
        store,
        [make_change("revised", later, fields=["title"], before=("Old title", "text"))],
        source="other",
        name="two",
        day=DAY + timedelta(days=1),
        tags={"ml": {"1": []}, "arxiv": {"1": [tag]}},
    )
    store.enrol("daily", 0)
    store.publish(make_edition([make_paper(later)], upto=store.log_end()), make_receipt())
    record = store.papers(["1", "unknown"])["1"]
    assert list(record.versions) == [("Old title", "text", DAY), ("New title", "text", DAY + timedelta(days=1))]
    assert list(record.editions) == [("daily", EditionRef(number=1, date=DAY), "new")]
    assert list(record.sightings) == [
        ("papers", "one", DAY, "new", "none"),
        ("other", "two", DAY + timedelta(days=1), "revised", "id"),
    ]
    assert list(record.counts) == [
        Sighting(date=DAY, comments=3),
        Sighting(date=DAY + timedelta(days=1), upvotes=5),
    ]
    assert record.tags == {"ml": (), "arxiv": (tag,)}


def test_counts_of_one_date_are_the_last_told(store: Store) -> None:
    for source, comments, upvotes in (("a", 1, None), ("b", 4, 2), ("c", None, None)):
        listing = make_listing(ids=["arxiv:1"], comments=comments, upvotes=upvotes)
        commit_dump(store, [make_change("new" if source == "a" else "seen", listing)], source=source)
    record = store.paper("1")
    assert record
    assert list(record.counts) == [Sighting(date=DAY, comments=4, upvotes=2)]


def test_search_wants_every_word_whole_and_shows_the_newest_first(store: Store) -> None:
    told = (
        ("Schrödinger bridges", "for 100% of self-supervised models"),
        ("Bridges_over rivers", "supervised"),
        ("Organ models", "with abridges and self-supervised schrodinger BRIDGES"),
    )
    for number, (title, abstract) in enumerate(told):
        listing = make_listing(title, abstract, ids=[f"arxiv:{number}"])
        day = DAY + timedelta(days=number)
        commit_dump(store, [make_change("new", listing, make_paper(listing, first_seen=day))], day=day)

    def found(words: str, limit: int = 9) -> list[str]:
        return [paper.key for paper in store.search(words, limit)]

    assert found("SCHRÖDINGER bridges") == ["2", "0"]
    assert found("schrodinger", 1) == ["2"]
    assert found("supervised") == ["2", "1", "0"]
    assert found("100%") == ["0"]
    assert found("gan") == found("") == found("bridges rivers trees") == []


def test_search_follows_a_revision(store: Store) -> None:
    commit_dump(store, [make_change("new", make_listing("About cats", ids=["arxiv:1"]))])
    commit_dump(store, [make_change("revised", make_listing("About dogs", ids=["arxiv:1"]), before=("About cats", ""))])
    assert [paper.key for paper in store.search("dogs", 5)] == ["1"]
    assert store.search("cats", 5) == []


def test_ids_of_builders() -> None:
    assert [(alias.scheme, alias.value) for alias in ids("doi:10.1/a:b")] == [("doi", "10.1/a:b")]
