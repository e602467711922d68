"""Which paper a listing is."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from digest import diff
from digest.identity import Shelf, abstract_ratio
from digest.models import Alias, Known, Listing, Paper, Span

ABSTRACT = (
    "We study how sparse networks learn, and show that pruning at initialisation keeps accuracy on four benchmarks "
    "while it halves the cost of training. A theory of gradient flow explains when this fails."
)
OTHER = (
    "Fish migrate along rivers every autumn. Counting them by hand is slow, so we built a sonar that does it all "
    "night, and compare its numbers with those of three field seasons."
)


def listing(title: str = "Sparse Networks Learn Well Early", **facts: Any) -> Listing:
    return Listing(span=Span(first=1, last=1), title=title, **facts)


def known(title: str = "Sparse Networks Learn Well Early", key: str = "k", **facts: Any) -> Known:
    paper = Paper(key=key, title=title, first_seen=date(2026, 1, 2), **facts)
    return Known(paper=paper, texts=((paper.title, paper.abstract),))


def arxiv(value: str) -> Alias:
    return Alias(scheme="arxiv", value=value)


@pytest.mark.parametrize(
    ("told", "paper", "rule"),
    [
        # a stable id decides, whatever the titles say; a Hugging Face id is the arXiv id
        (listing("Another Title Altogether Now", ids=(arxiv("2401.1"),)), known(ids=(arxiv("2401.1"),)), "id"),
        (
            listing("Another Title Altogether Now", ids=(Alias(scheme="hf", value="2401.1"),)),
            known(ids=(arxiv("2401.1"),)),
            "id",
        ),
        # the same words in other bytes, and the abstract
        (
            listing("Sparse  networks LEARN well — early", abstract=ABSTRACT + " Code is available."),
            known(abstract=ABSTRACT),
            "title",
        ),
        (listing(abstract=ABSTRACT), known(abstract=ABSTRACT), "text"),
        # a teaser is compared with the beginning
        (listing("Sparse networks learn well early", abstract=ABSTRACT[:90]), known(abstract=ABSTRACT), "title"),
        # no abstract on one side: a shared author, written either way round, and the years
        (
            listing(authors=("Han, Song",), published=date(2026, 3, 1)),
            known(abstract=ABSTRACT, authors=("Song Han", "A B"), published=date(2025, 12, 1)),
            "title",
        ),
        (listing(), known(), "text"),
        (listing("NAS Works", abstract=ABSTRACT), known("NAS works", abstract=ABSTRACT), "text"),
    ],
)
def test_it_is_the_known_paper(told: Listing, paper: Known, rule: str) -> None:
    match = Shelf([paper]).identify(told)
    assert (match.key, match.rule) == ("k", rule)


@pytest.mark.parametrize(
    ("told", "paper"),
    [
        # equal titles, other work
        (listing(abstract=OTHER), known(abstract=ABSTRACT)),
        (listing(), known(abstract=ABSTRACT)),
        (
            listing(authors=("Song Han",), published=date(2020, 1, 1)),
            known(abstract=ABSTRACT, authors=("Song Han",), published=date(2026, 1, 1)),
        ),
        (listing(authors=("Jane Roe",)), known(abstract=ABSTRACT, authors=("Song Han",))),
        # two ids of one scheme are two works, even with equal texts
        (listing(abstract=ABSTRACT, ids=(arxiv("2401.2"),)), known(abstract=ABSTRACT, ids=(arxiv("2401.1"),))),
        # short titles need abstracts, recurring columns never merge by title
        (listing("NAS Works", authors=("Song Han",)), known("NAS Works", abstract=ABSTRACT, authors=("Song Han",))),
        (listing("Editorial", published=date(2026, 2, 1)), known("Editorial", published=date(2026, 1, 1))),
        (listing("Editorial", abstract=ABSTRACT + " x"), known("Editorial", abstract=ABSTRACT)),
        (listing("Book Review"), known("Book Review")),
    ],
)
def test_it_is_another_paper(told: Listing, paper: Known) -> None:
    match = Shelf([paper]).identify(told)
    assert match.key is None
    assert match.rivals == ("k",)


def test_a_listing_that_fits_two_papers_is_attached_to_none_and_keeps_its_own_paper_from_then_on() -> None:
    one, two = known(key="a", abstract=ABSTRACT), known(key="b", abstract=ABSTRACT + " Again.")
    told = listing(abstract=ABSTRACT + " And so on.")
    shelf = Shelf([one, two])
    match = shelf.identify(told)
    assert (match.key, match.rule, match.rivals) == (None, "ambiguous", ("a", "b"))
    own = diff.first(told, match, shelf.mint(told), date(2026, 1, 3)).paper
    shelf.put(own, told)
    again = shelf.identify(told)
    assert (again.key, again.rule) == (own.key, "text")


def test_a_key_is_the_best_id_or_a_hash_of_the_compact_title() -> None:
    shelf = Shelf([])
    doi = Alias(scheme="doi", value="10.1000/x")
    assert shelf.mint(listing(ids=(doi, arxiv("2401.00001")))) == "2401.00001"
    assert shelf.mint(listing(ids=(Alias(scheme="hf", value="2401.00002"),))) == "2401.00002"
    assert shelf.mint(listing(ids=(doi,))) == "10.1000/x"
    # sha256 of "sparsenetworkslearnwellearly"
    assert shelf.mint(listing()) == shelf.mint(listing("SPARSE networks: learn well, early!"))
    assert shelf.mint(listing()).startswith("t-")
    assert len(shelf.mint(listing())) == 18


def test_two_works_of_one_title_have_two_keys() -> None:
    shelf = Shelf([])
    first = listing(abstract=ABSTRACT)
    paper = diff.first(first, shelf.identify(first), shelf.mint(first), date(2026, 1, 2)).paper
    shelf.put(paper, first)
    second = listing(abstract=OTHER)
    assert shelf.identify(second).key is None
    assert shelf.mint(second) != paper.key


def test_abstracts_of_other_papers_are_not_alike() -> None:
    assert abstract_ratio(ABSTRACT, OTHER) < 70 < abstract_ratio(ABSTRACT, ABSTRACT.replace("four", "five"))
