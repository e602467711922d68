from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import create_engine, text

from digest.errors import StoreError
from digest.models import ChangeKind, Dump, Rejected, Span, Tag
from digest.protocols import Store
from digest.store import open_store
from digest.store.engine import parse
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


def rows(url: str, query: str) -> list[tuple]:
    """Look into the database itself, for what the protocol does not show."""
    engine = create_engine(parse(url))
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]
    finally:
        engine.dispose()


def listing(number: int, **fields):
    return make_listing(f"Title {number}", ids=[f"arxiv:{number}"], **fields)


def test_a_dump_is_committed_once(store: Store) -> None:
    kept = store.keep(Dump(source="papers", name="a", content=b"a"), NOON)
    outcome = make_outcome(kept, [make_change("new", listing(1))])
    assert store.commit(outcome)
    assert not store.commit(outcome)
    assert store.log_end() == 1


def test_a_dump_that_was_not_kept_cannot_be_committed(store: Store) -> None:
    with pytest.raises(StoreError, match="no dump 9"):
        store.commit(make_outcome(9))


def test_the_last_state_of_a_paper_in_a_dump_wins(store: Store) -> None:
    first, second = listing(1), make_listing("Title 1!", "more", ids=["arxiv:1", "doi:1"])
    commit_dump(
        store, [make_change("new", first), make_change("enriched", second, make_paper(second, key="1"), fields=["ids"])]
    )
    record = store.paper("doi:1")
    assert record
    assert record.paper.abstract == "more"
    assert len(record.sightings) == len(record.versions) == 2


def test_the_log_follows_the_listings_without_gaps(store: Store, url: str) -> None:
    commit_dump(store, [make_change("new", listing(n)) for n in range(3)])
    commit_dump(
        store,
        [
            make_change("seen", listing(0)),
            make_change("revised", listing(1), fields=["title"], before=("t", "a")),
            make_change("new", listing(3)),
            make_change("enriched", listing(2), fields=["links"]),
        ],
    )
    with pytest.raises(StoreError):
        commit_dump(store, [make_change("new", listing(4)), make_change("new", listing(1))])
    commit_dump(store, [make_change("new", listing(5))])
    assert rows(url, "SELECT number, kind FROM changes ORDER BY number") == [
        (1, "new"), (2, "new"), (3, "new"), (4, "revised"), (5, "new"), (6, "enriched"), (7, "new"),
    ]  # fmt: skip
    assert rows(url, "SELECT max(seq), count(seq) FROM dumps") == [(3, 3)]


def test_a_known_paper_that_a_source_lists_first_is_logged_as_listed(store: Store, url: str) -> None:
    commit_dump(store, [make_change("new", listing(1)), make_change("new", listing(2))], source="a")
    commit_dump(
        store,
        [make_change("enriched", listing(1), fields=["links"]), make_change("seen", listing(1))],
        source="b",
    )
    commit_dump(store, [make_change("seen", listing(1)), make_change("seen", listing(2))], source="b")
    assert rows(url, "SELECT number, source, kind FROM changes ORDER BY number") == [
        (1, "a", "new"), (2, "a", "new"), (3, "b", "listed"), (4, "b", "enriched"), (5, "b", "listed"),
    ]  # fmt: skip


def test_a_baseline_is_known_but_not_logged(store: Store, url: str) -> None:
    commit_dump(store, [make_change("new", listing(1))], announce=False)
    assert store.log_end() == 0
    assert [known.paper.key for known in store.known([listing(1)])] == ["1"]
    assert rows(url, "SELECT listed, new, seen FROM dumps") == [(1, 0, 1)]
    commit_dump(store, [make_change("seen", listing(1))])
    assert store.log_end() == 0, "the source had listed it in its baseline"


def test_listed_is_the_sum_of_all_kinds(store: Store, url: str) -> None:
    commit_dump(store, [make_change("new", listing(n)) for n in range(4)])
    kinds: tuple[ChangeKind, ...] = ("seen", "enriched", "revised", "seen")
    changes = [make_change(kind, listing(n)) for n, kind in enumerate(kinds)] + [make_change("new", listing(9))]
    rejected = [Rejected(span=Span(first=n, last=n), reason="why", text="x") for n in range(2)]
    commit_dump(store, changes, rejected=rejected)
    columns = "listed, new, revised, enriched, seen, rejected"
    assert rows(url, f"SELECT {columns} FROM dumps ORDER BY seq") == [(4, 4, 0, 0, 0, 0), (7, 1, 1, 1, 2, 2)]
    assert rows(url, "SELECT count(*) FROM rejected") == [(2,)]


def test_a_paper_that_came_in_between_is_not_overwritten(store: Store) -> None:
    commit_dump(store, [make_change("new", listing(1, authors=("A",)))])
    with pytest.raises(StoreError, match="another run was faster"):
        commit_dump(store, [make_change("new", listing(1))])
    record = store.paper("1")
    assert record
    assert record.paper.authors == ("A",)


def test_tags_of_papers_that_the_dump_does_not_list_are_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="paper 7 has tags"):
        commit_dump(store, [make_change("new", listing(1))], tags={"ml": {"7": []}})


def test_a_text_that_is_no_unicode_is_refused_whole(store: Store) -> None:
    with pytest.raises(StoreError, match="cannot be stored"):
        commit_dump(
            store, [make_change("new", listing(1)), make_change("new", make_listing("\ud800", ids=["arxiv:2"]))]
        )
    assert store.paper("1") is None


def test_every_decision_is_stored_with_scores_and_rivals(store: Store, url: str) -> None:
    near = make_change(
        "seen", listing(1, span=Span(first=5, last=8)), rule="near", title_score=71.25, rivals=("2", "3")
    )
    commit_dump(store, [make_change("new", listing(1)), near])
    assert rows(url, "SELECT first, last, rule, title_score, abstract_score, rivals FROM sightings ORDER BY position")[
        1
    ] == (5, 8, "near", 71.25, None, '["2", "3"]')


def test_touched_are_announced_papers_with_a_new_sighting(store: Store) -> None:
    commit_dump(store, [make_change("new", listing(n)) for n in range(3)])
    assert store.touched(0) == (1, [])
    store.enrol("daily", 0)
    papers = [make_paper(listing(n)) for n in (0, 1)]
    store.publish(make_edition(papers, upto=3), make_receipt())
    assert store.touched(0) == (1, ["0", "1"])
    assert store.touched(1) == (1, [])
    commit_dump(store, [make_change("seen", listing(1)), make_change("seen", listing(2))])
    assert store.touched(1) == (2, ["1"])


def test_tags_are_replaced_for_their_taxonomy_only(store: Store) -> None:
    commit_dump(
        store,
        [make_change("new", listing(1))],
        tags={"ml": {"1": [Tag(id="a", score=1)]}, "arxiv": {"1": [Tag(id="b", score=1)]}},
    )
    commit_dump(
        store, [make_change("revised", listing(1))], tags={"ml": {"1": [Tag(id="c", score=2)]}}, day=DAY + timedelta(1)
    )
    record = store.paper("1")
    assert record
    assert {taxonomy: [tag.id for tag in tags] for taxonomy, tags in record.tags.items()} == {
        "ml": ["c"],
        "arxiv": ["b"],
    }


def test_everything_is_there_for_another_program(store: Store, url: str) -> None:
    commit_dump(store, [make_change("new", listing(1))])
    other = open_store(url)
    try:
        assert other.log_end() == 1
        assert other.paper("1") == store.paper("1")
    finally:
        other.close()


def test_what_no_database_takes_comes_back_as_it_was(store: Store) -> None:
    odd = "A\x00 \U0010ffff"
    told = make_listing(f"Title {odd[:2]}", "Ünïcode \x00.", ids=[f"doi:{odd}"])
    paper = make_paper(told, key=f"key {odd}")
    tagged = {f"ml {odd}": {paper.key: [Tag(id="snn", score=1.0)]}}
    commit_dump(store, [make_change("new", told, paper)], source=f"papers \udcff{odd}", tags=tagged)
    again = told.model_copy(update={"abstract": "Ünïcode \x00, revised."})
    after = make_paper(again, key=paper.key)
    before = (told.title, told.abstract)
    change = make_change("revised", again, after, fields=["abstract"], before=before)
    commit_dump(store, [change], source=f"papers \udcff{odd}", day=DAY + timedelta(days=1), tags=tagged)
    record = store.paper(odd)
    assert record
    assert record == store.paper(paper.key) == store.papers([paper.key])[paper.key]
    assert record.paper == after
    assert [version[:2] for version in record.versions] == [before, (again.title, again.abstract)]
    assert {source for source, *_ in record.sightings} == {f"papers \udcff{odd}"}
    assert record.tags == {f"ml {odd}": (Tag(id="snn", score=1.0),)}
    (known,) = store.known([again])
    assert (known.paper, known.texts) == (after, (before, (again.title, again.abstract)))
    new, revised = (store.logged("daily", end, end + 1, [f"papers \udcff{odd}"], f"ml {odd}") for end in (0, 1))
    assert [one.paper.key for one in new] == [paper.key]
    assert revised == []


def test_search_finds_the_text_that_a_paper_has_now(store: Store) -> None:
    told = make_listing("Title", "Word one and more.", ids=["arxiv:1"])
    for day, abstract in enumerate(("Word one and more.", "Word one and more. Two.", "Three", "Three"), 0):
        listing = told.model_copy(update={"abstract": abstract, "comments": day})
        paper = make_paper(listing, first_seen=DAY - timedelta(days=day))
        kind: ChangeKind = "revised" if day else "new"
        commit_dump(store, [make_change(kind, listing, paper)], day=DAY + timedelta(days=day))
        found = {word for word in ("one", "two", "three") if store.search(word, 9)}
        assert found == {word for word in ("one", "two", "three") if word in abstract.lower()}
        # the column that search goes by follows too
        assert [one.first_seen for one in store.search("title", 9)] == [paper.first_seen]
