from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from digest.models import ChangeKind, Logged, Sighting, Tag
from digest.protocols import Store
from digest.store import open_store
from digest.testing import DAY, commit_dump, make_change, make_edition, make_listing, make_paper, make_receipt


def listing(number: int, **fields):
    return make_listing(f"Title {number}", ids=[f"arxiv:{number}"], **fields)


def day(number: int):
    return DAY + timedelta(days=number)


def news(store: Store, after: int = 0, upto: int | None = None, sources: list[str] | None = None) -> list[Logged]:
    end = store.log_end() if upto is None else upto
    return list(store.logged("daily", after, end, sources, "ml"))


def kinds(found: list[Logged]) -> list[tuple[str, str]]:
    return [(one.paper.key, one.kind) for one in found]


def announce(store: Store, upto: int, number: int = 1, after: int = 0) -> None:
    """Publish an edition of what is new in an interval."""
    store.enrol("daily", after)
    logged = news(store, after, upto)
    edition = make_edition(
        [one.paper for one in logged if one.kind == "new"],
        revised=[one.paper for one in logged if one.kind == "revised"],
        number=number, date=day(number), after=after, upto=upto,
    )  # fmt: skip
    assert store.publish(edition, make_receipt())


def test_new_papers_come_in_the_order_of_their_first_change(store: Store) -> None:
    commit_dump(store, [make_change("new", listing(2)), make_change("new", listing(1))])
    commit_dump(store, [make_change("enriched", listing(2), fields=["links"])], day=day(1))
    found = news(store)
    assert kinds(found) == [("2", "new"), ("1", "new")]
    assert [(one.number, one.date) for one in found] == [(3, DAY), (2, DAY)]


def test_an_interval_ends_where_it_ends(store: Store) -> None:
    commit_dump(store, [make_change("new", listing(n)) for n in range(4)])
    assert kinds(news(store, 1, 3)) == [("1", "new"), ("2", "new")]
    assert news(store, 4) == news(store, 2, 2) == []


def test_tags_are_those_of_the_taxonomy(store: Store) -> None:
    tag = Tag(id="snn", score=2)
    changes = [make_change("new", listing(n)) for n in range(3)]
    commit_dump(store, changes, tags={"ml": {"0": [tag], "1": []}, "arxiv": {"2": [tag]}})
    assert [one.tags for one in news(store)] == [(tag,), (), None]


def test_a_paper_first_seen_at_another_source_is_new_where_only_the_second_is_covered(store: Store) -> None:
    commit_dump(store, [make_change("new", listing(1))], source="a")
    commit_dump(store, [make_change("seen", listing(1))], source="b", day=day(1))
    assert [(one.number, one.date) for one in news(store, 0, None, ["b"])] == [(2, day(1))]
    assert kinds(news(store, 1, None, None)) == []
    assert kinds(news(store, 1, None, ["a", "b"])) == []
    assert news(store, 0, None, ["c"]) == news(store, 0, None, []) == []
    assert [one.number for one in news(store, 0, None, ["a", "b"])] == [2]


def test_what_a_covered_baseline_held_is_not_new(store: Store) -> None:
    commit_dump(store, [make_change("new", listing(1))], source="a", announce=False)
    commit_dump(store, [make_change("seen", listing(1))], source="b")
    assert news(store) == []
    assert kinds(news(store, 0, None, ["b"])) == [("1", "new")]


def test_a_baseline_after_the_change_takes_nothing_away(store: Store) -> None:
    commit_dump(store, [make_change("new", listing(1))], source="a")
    commit_dump(store, [make_change("seen", listing(1))], source="b", announce=False)
    assert kinds(news(store)) == [("1", "new")]


def test_an_announced_paper_is_revised_with_all_that_changed(store: Store) -> None:
    commit_dump(store, [make_change("new", listing(1)), make_change("new", listing(2))])
    announce(store, 2)
    change = make_change("revised", listing(1), fields=["abstract", "version"], before=("T1", "A1"))
    commit_dump(store, [change, make_change("enriched", listing(2), fields=["links"])], day=day(1))
    commit_dump(
        store, [make_change("revised", listing(1), fields=["title"], before=("T2", "A2"))], day=day(2), source="b"
    )
    (found,) = news(store, 2)
    assert (found.kind, found.number, found.date) == ("revised", 6, day(2))
    assert found.fields == ("title", "abstract", "version")
    assert found.before == ("T1", "A1")
    assert news(store, 2, None, ["c"]) == []
    (covered,) = news(store, 2, None, ["b"])
    assert (covered.fields, covered.before) == (("title",), ("T2", "A2"))


def test_new_and_revised_in_one_interval_is_new(store: Store) -> None:
    commit_dump(store, [make_change("new", listing(1))])
    commit_dump(store, [make_change("revised", listing(1), fields=["title"], before=("T", "A"))], day=day(1))
    (found,) = news(store)
    assert (found.kind, found.number, found.date, found.fields, found.before) == ("new", 2, DAY, (), None)


def test_a_revision_of_what_was_never_announced_is_no_news(store: Store) -> None:
    commit_dump(store, [make_change("new", listing(1))])
    store.enrol("daily", 1)
    commit_dump(store, [make_change("revised", listing(1), fields=["title"], before=("T", "A"))])
    assert news(store, 1) == []


def test_an_announced_paper_is_never_new_again(store: Store) -> None:
    commit_dump(store, [make_change("new", listing(1))], source="a")
    announce(store, 1)
    commit_dump(store, [make_change("seen", listing(1))], source="b")
    assert store.log_end() == 2
    assert news(store, 1, None, ["b"]) == []


def test_an_interval_can_be_composed_again(store: Store) -> None:
    commit_dump(store, [make_change("new", listing(1))])
    before = news(store, 0, 1)
    announce(store, 1)
    assert news(store, 0, 1) == before


def test_newsletters_do_not_disturb_each_other(store: Store) -> None:
    commit_dump(store, [make_change("new", listing(1))])
    announce(store, 1)
    assert len(store.logged("weekly", 0, 1, None, "ml")) == 1


def test_sightings_are_those_up_to_the_end_of_the_interval(store: Store) -> None:
    commit_dump(store, [make_change("new", listing(1, upvotes=1))])
    commit_dump(store, [make_change("enriched", listing(1, upvotes=3), fields=["upvotes"])], day=day(1))
    commit_dump(store, [make_change("enriched", listing(1, upvotes=9), fields=["upvotes"])], day=day(2))
    (found,) = news(store, 0, 2)
    assert found.sightings == (Sighting(date=DAY, upvotes=1), Sighting(date=day(1), upvotes=3))


def test_tallies_are_of_the_dumps_behind_the_interval(store: Store) -> None:
    commit_dump(store, [make_change("new", listing(n)) for n in range(3)], source="a")
    commit_dump(store, [make_change("seen", listing(n)) for n in range(3)], source="a")
    commit_dump(store, [make_change("seen", listing(0)), make_change("new", listing(9))], source="b", day=day(1))
    assert store.tallies(0, 3, None) == (3, 0)
    assert store.tallies(3, store.log_end(), None) == (2, 1)
    assert store.tallies(0, store.log_end(), ["a"]) == (3, 0)
    assert store.tallies(0, store.log_end(), []) == (0, 0)


dumps = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.booleans(),
        st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=4),
        # whether an edition comes after it
        st.booleans(),
    ),
    max_size=8,
)


@settings(max_examples=25)
@given(dumps)
def test_every_paper_is_announced_once_and_none_is_lost(made) -> None:
    """Whatever comes in whatever order: editions hold each paper as new once, if it was ever to be announced."""
    store = open_store(":memory:")
    known: set[int] = set()
    logged_first: set[str] = set()
    announced: list[str] = []
    mark = 0
    for source, logs, listings, composed in [*made, ("a", True, [], True)]:
        changes = []
        for number, revised in listings:
            kind: ChangeKind = "new" if number not in known else "revised" if revised else "seen"
            if logs and number not in known:
                logged_first.add(str(number))
            known.add(number)
            changes.append(make_change(kind, listing(number), before=("T", "A") if kind == "revised" else None))
        commit_dump(store, changes, source=source, announce=logs)
        end = store.log_end()
        if composed and end > mark:
            found = news(store, mark, end)
            announced += [one.paper.key for one in found if one.kind == "new"]
            assert all(one.paper.key in announced for one in found)
            announce(store, end, number=len(store.editions("daily")) + 1, after=mark)
            mark = end
    store.close()
    assert sorted(announced) == sorted(logged_first)


def test_papers_of_builders_are_those_of_listings() -> None:
    assert make_paper(listing(1)).title == "Title 1"
