"""What people decide about identity: it holds, it moves everything, it can be taken back."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from digest import diff
from digest.errors import StoreError
from digest.identity import Shelf
from digest.models import Change, Count, Listing, Paper
from digest.protocols import Store
from digest.testing import DAY, NOON, commit_dump, make_edition, make_listing, make_paper, make_receipt

LONG = "We prune spiking networks while they learn, and show on four benchmarks that a tenth of all weights is enough."
OTHER = "Fish migrate along rivers every autumn; a sonar counts them all night, and agrees with three field seasons."


def take(store: Store, *listings: Listing, day: date = DAY, source: str = "papers") -> list[Change]:
    """Take listings in as a run does, without tags."""
    shelf = Shelf(store.known(listings))
    changes = []
    for listing in listings:
        match = shelf.identify(listing)
        if match.key is None:
            change = diff.first(listing, match, shelf.mint(listing), day)
        else:
            change = diff.compare(listing, match, shelf.paper(match.key), day, again=False)
        shelf.put(change.paper, listing)
        changes.append(change)
    commit_dump(store, changes, day=day, source=source)
    return changes


def paper(store: Store, key: str) -> Paper:
    record = store.paper(key)
    assert record, key
    return record.paper


def news(store: Store, after: int = 0) -> list[tuple[str, str]]:
    return [(one.paper.key, one.kind) for one in store.logged("daily", after, store.log_end(), None, "ml")]


A = make_listing("Pruning Spiking Networks Early", LONG, ids=["arxiv:2611.00001"], comments=2)
B = make_listing("On Pruning of Networks That Spike", OTHER, ids=["doi:10.1/b"], upvotes=7)


def test_a_merged_paper_is_one_under_both_keys_with_all_that_was_known(store: Store) -> None:
    take(store, A)
    take(store, B, day=DAY + timedelta(days=1))
    assert store.merge("10.1/b", "2611.00001", NOON, "cli") == "2611.00001"
    record, same = store.paper("2611.00001"), store.paper("10.1/b")
    assert record
    assert record == same == store.paper("doi:10.1/b")
    assert {alias.value for alias in record.paper.ids} == {"2611.00001", "10.1/b"}
    assert record.paper.upvotes == Count(value=7, as_of=DAY + timedelta(days=1))
    assert record.paper.comments == Count(value=2, as_of=DAY)
    assert len(record.versions) == len(record.sightings) == 2
    assert [found.key for found in store.search("networks", 9)] == ["2611.00001"]
    assert news(store) == [("2611.00001", "new")]
    (decision,) = store.decisions()
    assert (decision.kind, decision.key, decision.other, decision.by, decision.at) == (
        "merge",
        "2611.00001",
        "10.1/b",
        "cli",
        NOON,
    )


def test_the_older_key_stays_unless_told(store: Store) -> None:
    take(store, A, B)
    assert store.merge("2611.00001", "10.1/b", NOON, "cli", keep="10.1/b") == "10.1/b"
    assert paper(store, "2611.00001").key == "10.1/b"
    third = make_listing("Third of Them All Here", ids=["arxiv:2611.00003"])
    take(store, third)
    assert store.merge("2611.00003", "10.1/b", NOON, "cli") == "10.1/b"
    # merges of merges
    assert store.merge("2611.00003", store_new(store), NOON, "cli", keep=store_new(store)) == "2611.00004"
    for key in ("2611.00001", "10.1/b", "2611.00003", "2611.00004"):
        assert paper(store, key).key == "2611.00004"


def store_new(store: Store) -> str:
    if not store.paper("2611.00004"):
        take(store, make_listing("The Fourth of Them All", ids=["arxiv:2611.00004"]))
    return "2611.00004"


def test_listings_of_either_side_are_the_merged_paper_from_then_on(store: Store) -> None:
    take(store, A, B)
    store.merge("2611.00001", "10.1/b", NOON, "cli")
    for listing in (A, B, B.model_copy(update={"ids": ()}), B.model_copy(update={"ids": (), "abstract": OTHER + " x"})):
        (change,) = take(store, listing)
        assert change.match.key == "2611.00001", change.match
    # the key that went is not given to another paper
    (change,) = take(store, make_listing("Elsewhere", ids=["doi:10.1/B"]))
    assert change.paper.key != "10.1/b"


def test_a_key_that_went_into_another_is_never_minted_again(store: Store) -> None:
    told = make_listing("Fish and Their Ways Home", OTHER)
    (change,) = take(store, told)
    take(store, A)
    store.merge(change.paper.key, "2611.00001", NOON, "cli", keep="2611.00001")
    (again,) = take(store, told.model_copy(update={"abstract": LONG.replace("spiking", "other") * 3 + OTHER[:9] * 40}))
    assert again.kind == "new"
    assert again.paper.key not in (change.paper.key, "2611.00001")


def test_a_merged_paper_is_not_announced_again_and_editions_keep_their_bytes(store: Store) -> None:
    take(store, A)
    store.enrol("daily", 0)
    edition = make_edition([make_paper(A)], upto=1)
    store.publish(edition, make_receipt())
    take(store, B, day=DAY + timedelta(days=1))
    commit, _ = store.touched(0)
    assert news(store, 1) == [("10.1/b", "new")]
    store.merge("10.1/b", "2611.00001", NOON, "cli")
    assert news(store, 1) == []
    assert store.edition("daily", 1).canonical_json() == edition.canonical_json()
    # pages of both keys are made anew
    newest, again = store.touched(commit)
    assert newest > commit
    assert {"2611.00001", "10.1/b"} <= {*again}


def test_entries_of_both_sides_are_entries_of_the_one_paper(store: Store) -> None:
    take(store, A, B)
    store.enrol("daily", 0)
    store.publish(make_edition([make_paper(A), make_paper(B)], upto=2), make_receipt())
    store.merge("10.1/b", "2611.00001", NOON, "cli")
    record = store.paper("10.1/b")
    assert record
    assert len(record.editions) == 1


def test_a_merge_taken_back_leaves_what_was(store: Store) -> None:
    take(store, A, B)
    before = [store.paper("2611.00001"), store.paper("10.1/b")]
    store.merge("10.1/b", "2611.00001", NOON, "cli")
    assert store.split("2611.00001", NOON, "cli") == "10.1/b"
    assert [store.paper("2611.00001"), store.paper("10.1/b")] == before
    assert [found.key for found in store.search("networks", 9)] == ["10.1/b", "2611.00001"]
    assert sorted(news(store)) == [("10.1/b", "new"), ("2611.00001", "new")]
    assert [(one.kind, one.undone) for one in store.decisions()] == [("split", False), ("merge", True)]
    with pytest.raises(StoreError, match="never merged"):
        store.split("2611.00001", NOON, "cli")


def test_what_came_under_a_text_since_the_merge_goes_back_with_it(store: Store) -> None:
    take(store, A, B)
    store.merge("10.1/b", "2611.00001", NOON, "cli")
    take(store, B.model_copy(update={"upvotes": 9}), day=DAY + timedelta(days=1))
    store.split("2611.00001", NOON, "cli")
    one, other = store.paper("2611.00001"), store.paper("10.1/b")
    assert one
    assert other
    assert len(one.sightings) == 1
    assert len(other.sightings) == 2
    (change,) = take(store, B.model_copy(update={"ids": ()}), day=DAY + timedelta(days=2))
    assert change.match.key == "10.1/b"


def test_listings_can_be_made_a_paper_of_their_own(store: Store) -> None:
    wrong = make_listing("Fish and Their Ways Home", OTHER, ids=["arxiv:2611.00001"], upvotes=5)
    take(store, A)
    take(store, wrong, day=DAY + timedelta(days=1))
    assert paper(store, "2611.00001").title == wrong.title
    key = store.split("2611.00001", NOON, "cli", sightings=[2])
    assert paper(store, "2611.00001").title == A.title
    own = paper(store, key)
    assert (own.title, own.abstract) == (wrong.title, OTHER)
    assert own.upvotes == Count(value=5, as_of=DAY + timedelta(days=1))
    # later listings with the same text go to the right side
    for listing, right in ((wrong, key), (A, "2611.00001")):
        (change,) = take(store, listing.model_copy(update={"ids": ()}), day=DAY + timedelta(days=2))
        assert change.match.key == right
    # a work that was taken for another was never announced
    assert (key, "new") in news(store)
    assert store.merge(key, "2611.00001", NOON, "cli") == "2611.00001"
    assert paper(store, key).key == "2611.00001"


def test_a_text_that_both_sides_had_stays_with_both(store: Store) -> None:
    take(store, A)
    take(store, A, source="other")
    key = store.split("2611.00001", NOON, "cli", sightings=[2])
    assert paper(store, key).title == paper(store, "2611.00001").title == A.title
    (change,) = take(store, A.model_copy(update={"ids": ()}), source="third")
    assert change.match.rule == "ambiguous"


def test_possible_duplicates_are_shown_until_somebody_decides(store: Store) -> None:
    near = [
        make_listing("Pruning Spiking Networks Early", abstract, ids=[f"arxiv:2611.0000{number}"])
        for number, abstract in enumerate((LONG, OTHER, "Short and other."), 1)
    ]
    take(store, *near)
    pairs = {frozenset((one.key, one.other)) for one in store.possible_duplicates(9)}
    assert len(pairs) == 3
    assert len(store.possible_duplicates(2)) == 2
    (first, *_) = store.possible_duplicates(9)
    assert (first.title, first.title_score, first.source, first.date) == (near[0].title, 100.0, "papers", DAY)
    store.apart("2611.00001", "2611.00002", NOON, "cli")
    assert len(store.possible_duplicates(9)) == 2
    store.merge("2611.00001", "2611.00003", NOON, "cli")
    left = store.possible_duplicates(9)
    assert {frozenset((one.key, one.other)) for one in left} <= {frozenset(("2611.00001", "2611.00002"))}
    store.split("2611.00001", NOON, "cli")
    assert len(store.possible_duplicates(9)) == 1


@pytest.mark.parametrize(
    ("decide", "message"),
    [
        (lambda store: store.merge("2611.00001", "nothing", NOON, "cli"), "no paper 'nothing'"),
        (lambda store: store.merge("2611.00001", "arxiv:2611.00001", NOON, "cli"), "one paper already"),
        (lambda store: store.merge("2611.00001", "10.1/b", NOON, "cli", keep="2611.00009"), "2611.00009"),
        (lambda store: store.split("2611.00001", NOON, "cli"), "never merged"),
        (lambda store: store.split("2611.00001", NOON, "cli", sightings=[1]), "not all"),
        (lambda store: store.split("2611.00001", NOON, "cli", sightings=[4]), "sightings 1 to 1"),
        (lambda store: store.apart("2611.00001", "2611.00001", NOON, "cli"), "one paper"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(store: Store, decide, message: str) -> None:
    take(store, A, B)
    with pytest.raises(StoreError, match=message):
        decide(store)
    assert store.decisions() == []
    assert len(store.search("networks", 9)) == 2


def test_a_text_that_people_split_off_stays_split_off_whatever_id_it_comes_with(store: Store) -> None:
    wrong = make_listing("Fish and Their Ways Home", OTHER, ids=["arxiv:2611.00001"], upvotes=5)
    take(store, A)
    take(store, wrong, day=DAY + timedelta(days=1))
    key = store.split("2611.00001", NOON, "cli", sightings=[2])
    # the source makes the same mistake again, and again: its id is the other paper's
    for days in (2, 3):
        (change,) = take(store, wrong.model_copy(update={"upvotes": 5 + days}), day=DAY + timedelta(days=days))
        assert (change.match.key, change.match.rule) == (key, "decided")
    assert paper(store, key).upvotes == Count(value=8, as_of=DAY + timedelta(days=3))
    assert paper(store, key).ids == ()
    assert paper(store, "2611.00001").title == A.title
    # the id is still the first paper's, for its own text and for one that nobody knows
    unknown = make_listing("Pruning of Networks, Revised", LONG[::-1], ids=["arxiv:2611.00001"])
    for listing in (A, unknown):
        (change,) = take(store, listing, day=DAY + timedelta(days=4))
        assert (change.match.key, change.match.rule) == ("2611.00001", "id")
    # until somebody decides otherwise
    store.merge(key, "2611.00001", NOON, "cli")
    (change,) = take(store, wrong, day=DAY + timedelta(days=5))
    assert (change.match.key, change.match.rule) == ("2611.00001", "id")


def test_what_was_split_twice_goes_to_the_last_that_got_its_text(store: Store) -> None:
    first, second = (make_listing(f"{name} and Their Ways Home", f"{name} {OTHER}") for name in ("Fish", "Birds"))
    told = [one.model_copy(update={"ids": A.ids}) for one in (first, second)]
    for days, listing in enumerate((A, *told)):
        take(store, listing, day=DAY + timedelta(days=days))
    one = store.split("2611.00001", NOON, "cli", sightings=[2, 3])
    two = store.split(one, NOON, "cli", sightings=[2])
    for listing, right in zip(told, (one, two), strict=True):
        (change,) = take(store, listing, day=DAY + timedelta(days=9))
        assert (change.match.key, change.match.rule, change.kind) == (right, "decided", "seen")
