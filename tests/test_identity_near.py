"""Near titles and abstracts: what is one work, what stays apart, what is shown to people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bench.papers import real_listings
from digest import diff, text
from digest.identity import Shelf, same_work
from digest.models import Alias, Known, Listing, Paper, Span

ABSTRACT = (
    "We study how sparse networks learn, and show that pruning at initialisation keeps accuracy on four benchmarks "
    "while it halves the cost of training. A theory of gradient flow explains when this fails."
)
#: revised here and there
AGAIN = (
    "We study how sparse networks learn, and show that pruning at initialisation keeps accuracy on seven benchmarks "
    "while it halves the cost of training. A theory of gradient flow explains when this fails. Code is online."
)
OTHER = (
    "Fish migrate along rivers every autumn. Counting them by hand is slow, so we built a sonar that does it all "
    "night, and compare its numbers with those of three field seasons."
)
TITLE = "Sparse Networks Learn Well Early in Training"


def listing(title: str = TITLE, abstract: str = ABSTRACT, **facts: Any) -> Listing:
    return Listing(span=Span(first=1, last=1), title=title, abstract=abstract, **facts)


def known(title: str = TITLE, abstract: str = ABSTRACT, key: str = "k", **facts: Any) -> Known:
    paper = Paper(key=key, title=title, abstract=abstract, first_seen=date(2026, 1, 2), **facts)
    return Known(paper=paper, texts=((title, abstract),), sketch=text.sketch(title, abstract))


def arxiv(value: str) -> tuple[Alias, ...]:
    return (Alias(scheme="arxiv", value=value),)


PEOPLE = ("Song Han", "Jane Roe", "Ann Lee")


@pytest.mark.parametrize(
    ("told", "paper"),
    [
        # a word more, another word, a subtitle that came or went
        (listing("Sparse Networks Learn Very Well Early in Training"), known()),
        (listing("Sparse Nets Learn Well Early in Training", AGAIN), known()),
        (listing("SparseFlow: Sparse Networks Learn Well Early in Training"), known()),
        (listing("Sparse Networks Learn Well Early in Training: A Theory of Gradient Flow", AGAIN), known()),
        # a teaser of the abstract
        (listing("Sparse Nets Learn Well Early in Training", ABSTRACT[:130]), known()),
        # no abstract on one side: very near titles, the same people, year and kind of venue
        (
            listing(
                "Sparse Networks Learn Well Early In their Training", "", authors=("Han, S.", "Roe, J.", "Lee, A.")
            ),
            known(authors=PEOPLE),
        ),
    ],
)
def test_near_titles_with_evidence_are_one_paper(told: Listing, paper: Known) -> None:
    match = Shelf([paper]).identify(told)
    assert (match.key, match.rule) == ("k", "near")
    assert match.title_score
    assert match.title_score >= 60


@pytest.mark.parametrize(
    ("told", "paper", "shown"),
    [
        # near titles over other abstracts
        (
            listing("Fast Decoding for Vision-Language-Action Models", OTHER),
            known("Fast Decoding for Vision-Language Models"),
            True,
        ),
        # one abstract under titles that have nothing in common: worth a look
        (listing("On Fish and Rivers", AGAIN), known(), True),
        # two ids of one scheme, other people
        (listing("Sparse Nets Learn Well Early in Training", ids=arxiv("1")), known(ids=arxiv("2")), True),
        (listing("Sparse Nets Learn Well Early in Training", authors=("Li Wu",)), known(authors=PEOPLE), True),
        # parts of a series with the same words around them are no duplicates
        (listing("Sparse Networks Learn Well, Part II"), known("Sparse Networks Learn Well, Part I"), False),
        (listing("The Week in Sparse Learning 12"), known("The Week in Sparse Learning 11"), False),
        (listing("Correction to: Sparse Networks Learn Well Early in Training"), known(), False),
        (listing("Editor's Introduction: Sparse Nets"), known("Editors' Introduction: Sparse Networks"), False),
        # a line that a site prints under everything is no abstract
        (
            listing("Sparse Networks Learn Late", "Read more on our site."),
            known(abstract="Read more on our site."),
            False,
        ),
        # no abstract on one side, and something missing: people, the year, the kind of venue
        (listing("Sparse Networks Learn Well Early In their Training", ""), known(), True),
        (
            listing("Sparse Networks Learn Well Early In Trainings", "", authors=PEOPLE, published=date(2020, 1, 1)),
            known(authors=PEOPLE, published=date(2026, 1, 1)),
            True,
        ),
        (
            listing("Sparse Networks Learn Well Early In Trainings", "", authors=PEOPLE, venue="J. of Networks"),
            known(authors=PEOPLE, venue="Conference on Networks"),
            True,
        ),
    ],
)
def test_near_titles_without_evidence_are_two_papers(told: Listing, paper: Known, shown: bool) -> None:
    match = Shelf([paper]).identify(told)
    assert match.key is None
    assert match.rivals == (("k",) if shown else ())


def test_a_listing_near_to_two_papers_is_attached_to_none_and_keeps_its_own_paper() -> None:
    shelf = Shelf([known(key="a"), known("Sparse Networks Do Learn Well Early in Training", key="b")])
    told = listing("Sparse Nets Learn Well Early in Training", AGAIN)
    match = shelf.identify(told)
    assert (match.key, match.rule, match.rivals) == (None, "ambiguous", ("a", "b"))
    own = diff.first(told, match, shelf.mint(told), date(2026, 1, 3)).paper
    shelf.put(own, told)
    assert shelf.identify(told).key == own.key


def test_listings_of_one_dump_find_each_other() -> None:
    shelf = Shelf([])
    first = listing()
    shelf.put(diff.first(first, shelf.identify(first), "k", date(2026, 1, 2)).paper, first)
    assert shelf.identify(listing("Sparse Nets Learn Well Early in Training", AGAIN)).key == "k"


def test_a_key_that_a_merged_paper_had_is_taken() -> None:
    free = Shelf([]).mint(listing())
    taken = Shelf([known("Another Title")._replace(former=(free,))])
    assert taken.mint(listing()) != free


def test_two_listings_alone_can_be_judged() -> None:
    told = {"authors": PEOPLE, "published": date(2001, 1, 1)}
    assert same_work(listing(TITLE, "", **told), listing(TITLE.upper(), "", **told))
    assert same_work(listing("A", ids=arxiv("1")), listing("B", OTHER, ids=arxiv("1")))
    assert not same_work(listing(ids=arxiv("1")), listing(ids=arxiv("2")))
    assert not same_work(listing("Book Review Column", "", **told), listing("Book review column", "", **told))
    # the year between a conference paper and its longer version in a journal
    later = {"authors": PEOPLE, "published": date(2002, 1, 1), "venue": "The Journal of Networks"}
    assert not same_work(listing(TITLE, "", venue="Conference on Networks", **told), listing(TITLE, "", **later))


def test_near_abstracts_share_some_of_their_sketches_and_others_none() -> None:
    def shared(*texts: str) -> int:
        one, other = (set(text.sketch("", abstract)[2:]) for abstract in texts)
        return len(one & other)

    whole = " ".join((ABSTRACT, OTHER, ABSTRACT.replace("networks", "models"), OTHER.replace("fish", "eels")))
    assert shared(ABSTRACT, AGAIN) >= 4
    assert shared(whole, whole[:300]) >= 2
    assert shared(ABSTRACT, "We  STUDY how sparse networks learn" + ABSTRACT[35:]) == 8
    assert shared(ABSTRACT, OTHER) == 0
    assert text.sketch("", "")[2:] == text.sketch("", "Too short it")[2:] == ()


def test_real_abstracts_are_found_where_each_tenth_word_is_another_and_by_their_beginnings(seeds: Path) -> None:
    abstracts = [one.abstract for one in real_listings(seeds) if len(one.abstract) > 600]
    random = Random(1)
    words = [word for abstract in abstracts for word in abstract.split()]

    def found(change: Callable[[str], str]) -> float:
        shared = [set(text.sketch("", one)[2:]) & set(text.sketch("", change(one))[2:]) for one in abstracts]
        return sum(len(values) >= 2 for values in shared) / len(abstracts)

    assert found(lambda one: " ".join(random.choice(words) if random.random() < 0.1 else w for w in one.split())) > 0.97
    assert found(lambda one: one[:300]) > 0.9
    assert found(lambda one: f"{OTHER} {one}") > 0.99


def test_sketches_are_equal_in_every_process() -> None:
    assert text.sketch("Sparse networks", "one two three four five") == (
        text.sketch("SPARSE Networks!", "One two, three (four) five.")
    )
    assert text.sketch("Sparse networks", "one two three four") == EXPECTED


EXPECTED = (3223451890566887301, 1205839257504905118, 8661191898139919948)
