"""Headings: every paper once, few headings, none of one paper; the rule case by case, and on the bundled dumps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from digest.edition.headings import Headings, assign_headings
from digest.models import Tag, TagName, Taxonomy
from digest.tagging import load_taxonomy
from tests.tagging.seeding import NEW, new_papers

Papers = list[tuple[str, Sequence[Tag]]]


def taxonomy(parents: int, leaves: int) -> Taxonomy:
    """Parents a, b, c ..., each with leaves a0, a1, a2 ..."""
    names = [
        name
        for parent in "abcdefghijklmnopqrst"[:parents]
        for name in (
            TagName(id=parent, name=parent.upper()),
            *(TagName(id=f"{parent}{n}", name=f"{parent}{n}".upper(), parent=parent) for n in range(leaves)),
        )
    ]
    return Taxonomy(id="t", names=tuple(names))


def papers(*tags: str) -> Papers:
    """Papers p0, p1, ... with their tags, separated by spaces."""
    return [(f"p{n}", [Tag(id=id, score=9 - i) for i, id in enumerate(its.split())]) for n, its in enumerate(tags)]


def sizes(headings: Headings) -> list[tuple[str, int]]:
    return [(id, len(keys)) for id, _, keys in headings.sections]


def test_four_papers_make_a_leaf_a_heading_fewer_their_parent() -> None:
    headings = assign_headings(papers(*["a0"] * 5, *["a1"] * 3, *["b0"] * 4), taxonomy(3, 3))
    assert sizes(headings) == [("a0", 5), ("b0", 4), ("a", 3)]
    assert headings.sections[0] == ("a0", "A0", ("p0", "p1", "p2", "p3", "p4"))


def test_under_twelve_papers_there_are_parents_only_and_under_five_one_list() -> None:
    assert sizes(assign_headings(papers(*["a0"] * 6, *["b0"] * 5), taxonomy(2, 2))) == [("a", 6), ("b", 5)]
    one = assign_headings(papers("a0", "b0", "", "a0"), taxonomy(2, 2))
    assert one.sections == (("all", "New papers", ("p0", "p1", "p2", "p3")),)
    assert assign_headings([], taxonomy(2, 2)).sections == ()


def test_only_the_strongest_tag_counts() -> None:
    headings = assign_headings(papers(*["a0 b0"] * 8, *["b1 a0"] * 4), taxonomy(2, 2))
    assert sizes(headings) == [("a0", 8), ("b1", 4)]


def test_a_paper_alone_takes_the_first_further_tag_whose_leaf_or_parent_is_a_heading() -> None:
    others = [*["a0"] * 5, *["b0", "b1"] * 3]
    headings = assign_headings(papers(*others, "c0 d0 b0 a0", "d0 e0", "e0 a1 a0"), taxonomy(5, 2))
    assert sizes(headings) == [("b", 7), ("a0", 6), ("also-new", 1)]
    assert headings.sections[-1] == ("also-new", "Also new", ("p12",))


def test_untagged_papers_and_unknown_tags_are_also_new() -> None:
    headings = assign_headings(papers(*["a0"] * 12, "", "elsewhere", "elsewhere a1"), taxonomy(2, 2))
    assert sizes(headings) == [("a0", 12), ("also-new", 3)]


def test_over_ten_headings_the_smallest_leaf_is_folded_ties_by_taxonomy_order() -> None:
    leaves = [f"{parent}{n}" for parent in "abcd" for n in range(3)][:11]
    tags = [leaf for leaf in leaves for _ in range(5 if leaf != "b1" else 4)]
    headings = assign_headings(papers(*tags), taxonomy(4, 3))
    assert {id for id, _ in sizes(headings)} == {"a", "a2", "b", "b0", "b2", "c0", "c1", "c2", "d0", "d1"}
    assert dict(sizes(headings))["a"] == 10


def test_sections_go_by_size_then_by_taxonomy_order() -> None:
    headings = assign_headings(papers(*["c0"] * 4, *["b0"] * 4, *["a0"] * 4, *["d0"] * 5), taxonomy(4, 1))
    assert [id for id, _ in sizes(headings)] == ["d0", "a0", "b0", "c0"]


LEAVES = st.sampled_from([name.id for name in taxonomy(14, 3).names if name.parent])


@settings(max_examples=200)
@given(st.lists(st.lists(LEAVES, max_size=3, unique=True), max_size=90), st.randoms(use_true_random=False))
def test_every_paper_stands_once_under_few_headings_none_of_one(tags: list[list[str]], random: Random) -> None:
    given_papers = papers(*(" ".join(its) for its in tags))
    headings = assign_headings(given_papers, taxonomy(14, 3))
    keys = [key for _, _, its in headings.sections for key in its]
    assert sorted(keys) == sorted(key for key, _ in given_papers)
    real = [(id, len(its)) for id, _, its in headings.sections if id not in ("also-new", "all")]
    assert len(real) <= 10
    assert all(count > 1 for _, count in real)
    assert [count for _, count in real] == sorted((count for _, count in real), reverse=True)
    random.shuffle(given_papers)
    shuffled = assign_headings(given_papers, taxonomy(14, 3))
    assert [(id, sorted(its)) for id, _, its in shuffled.sections] == [
        (id, sorted(its)) for id, _, its in headings.sections
    ]


def test_the_bundled_dumps_get_five_to_ten_headings_and_few_papers_under_also_new(seeds: Path) -> None:
    tagger = load_taxonomy()
    new = new_papers(seeds)
    assert {date: len(listings) for date, listings in new.items()} == NEW
    for listings in new.values():
        tagged = [(paper.title, tagger.tag(paper.title, paper.abstract)) for paper in listings]
        sections = assign_headings(tagged, tagger.taxonomy).sections
        headings = [keys for id, _, keys in sections if id != "also-new"]
        assert 5 <= len(headings) <= 10
        assert min(map(len, headings)) > 1
        assert len(listings) - sum(map(len, headings)) <= 0.15 * len(listings)
