from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest

from digest import text
from digest.models import Interests, Link, Organization, Reason, Sighting
from digest.ranking import Ranked, rank
from digest.ranking.signals import has_code
from tests.edition.made import DAY, TAXONOMY, counted, new, paper, seed, seed_edition, tag, tagged

BARE = ("001", "004")
ALL = ("000", "001", "002", "003", "004")


def ranked(logged, tags=None, headings=None, interests=None, day=DAY) -> dict[str, Ranked]:
    return rank(logged, tags or {}, headings or {}, interests or Interests(), day, taxonomy=TAXONOMY)


def texts(reasons: tuple[Reason, ...]) -> list[str]:
    return [reason.text for reason in reasons]


def reason(found: Ranked, signal: str) -> Reason | None:
    return next((one for one in found.reasons if one.signal == signal), None)


def told(found: Ranked, signal: str) -> str | None:
    one = reason(found, signal)
    return one.text if one else None


def by_number(logged, **more) -> list[Ranked]:
    found = ranked(logged, **more)
    return [found[one.paper.key] for one in logged]


def test_counts_are_told_with_their_date():
    last_year = date(2025, 12, 30)
    found = by_number(
        [
            new(1, comments=counted(3), upvotes=counted(41)),
            new(2, comments=counted(1, date(2026, 6, 9)), upvotes=counted(1_200, last_year)),
            new(3, comments=counted(0)),
        ]
    )
    assert (told(found[0], "comments"), told(found[0], "upvotes")) == ("3 comments as of 16 June", "41 upvotes today")
    assert told(found[1], "comments") == "1 comment as of 9 June"
    assert told(found[1], "upvotes") == "1,200 upvotes as of 30 December 2025"
    assert reason(found[2], "comments") is None
    assert found[0].score > found[2].score


def test_more_comments_weigh_more():
    scores = [one.score for one in by_number([new(n, comments=counted(n)) for n in (1, 4, 16)])]
    assert scores == sorted(scores)


def weekly(*sightings: Sighting) -> Ranked:
    """Return a paper of a weekly letter, which was seen on several days before the letter came."""
    return by_number([new(1, day=date(2026, 6, 10), sightings=sightings), new(2)])[0]


def test_rising_counts_are_told_with_both_dates():
    found = weekly(
        Sighting(date=date(2026, 6, 10), upvotes=2),
        Sighting(date=date(2026, 6, 12), upvotes=5, comments=1),
        Sighting(date=date(2026, 6, 15), upvotes=17, comments=1),
    )
    assert told(found, "rising") == "rising: 12 more upvotes from 12 June to 15 June"


@pytest.mark.parametrize(
    "sightings",
    [
        (),
        (Sighting(date=date(2026, 6, 10), upvotes=9),),
        (Sighting(date=date(2026, 6, 10)), Sighting(date=date(2026, 6, 15), upvotes=9)),
        (Sighting(date=date(2026, 6, 10), upvotes=9), Sighting(date=date(2026, 6, 15), upvotes=9)),
        (Sighting(date=date(2026, 6, 10), upvotes=9), Sighting(date=date(2026, 6, 15), upvotes=4)),
    ],
)
def test_only_a_count_of_two_dates_that_went_up_rises(sightings):
    assert reason(weekly(*sightings), "rising") is None


def test_seeds_never_rise(seeds):
    for path in seeds.glob("*.txt"):
        day, logged = seed(path)
        assert all(reason(one, "rising") is None for one in ranked(logged, day=day).values())


@pytest.mark.parametrize(
    "abstract",
    [
        "Our code is available at https://example.org.",
        "Code and models are publicly available.",
        "We release our code to the public.",
        "Source code: https://github.com/a/b",
        "See github.com/a/b for more.",
        "The implementation can be found online.",
        "We open-source the full training code.",
    ],
)
def test_code_that_is_there_is_seen(abstract):
    assert has_code(paper(1, abstract=abstract))


@pytest.mark.parametrize(
    "abstract",
    [
        "Code will be released soon.",
        "Code will be made available upon acceptance.",
        "We will release our code.",
        "Models write code for available tasks.",
        "We study source code. The data are available.",
        "Error-correcting codes are studied.",
    ],
)
def test_code_that_is_not_there_is_not_promised(abstract):
    assert not has_code(paper(1, abstract=abstract))


def test_a_code_link_is_code():
    assert has_code(paper(1, links=(Link(rel="code", url="https://example.org/x"),)))
    assert not has_code(paper(1, links=(Link(rel="pdf", url="https://example.org/x"),)))


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (0, "published today"),
        (1, "published yesterday"),
        (6, "published 6 days ago"),
        (8, None),
        (-2, None),
        (99, None),
    ],
)
def test_only_what_is_young_is_fresh(age, words):
    assert told(by_number([new(1, published=DAY - timedelta(days=age))])[0], "fresh") == words


def test_a_paper_like_the_others_of_its_heading_is_typical():
    graph = "graph nodes edges message passing aggregation"
    logged = [new(n, abstract=f"We propose {graph} number{n}.") for n in range(1, 5)]
    logged.append(new(5, abstract="We propose whales oceans krill migration."))
    headings = {one.paper.key: "gnn" for one in logged}
    found = by_number(logged, headings=headings)
    weights = [one.weight for found_one in found if (one := reason(found_one, "typical"))]
    assert min(weights[:4]) > 2 * weights[4]
    (typical,) = [n for n, one in enumerate(found) if "typical of Graph neural networks" in texts(one.shown)]
    assert typical < 4


def test_stronger_evidence_weighs_more_and_is_told():
    logged = [new(n) for n in range(1, 6)]
    tags = {"2606.00001": [tag("prune", 20.0, "structured pruning")], "2606.00002": [tag("gnn", 5.0)]}
    first, second, *_ = by_number(logged, tags=tags)
    assert told(first, "tag") == "about “structured pruning”"
    one, other = reason(first, "tag"), reason(second, "tag")
    assert one is not None
    assert other is not None
    assert one.weight > other.weight


def test_phrases_of_common_words_tell_nothing():
    logged = [new(n) for n in range(1, 6)]
    tags = {"2606.00001": [tag("prune", 20.0, "when do")], "2606.00002": [tag("gnn", 5.0)]}
    (first, *_) = by_number(logged, tags=tags)
    assert not any("when do" in words for words in texts(first.shown))
    assert any(words.startswith("about “") for words in texts(first.shown))


def test_interests_match_whole_words_authors_organisations_and_tags():
    logged = [
        new(1, title="Pruning: a study"),
        new(2, title="Unpruning: a study"),
        new(3, authors=("Song Han", "Ada Lovelace")),
        new(4, organization=Organization(name="MediaTek Research", handle="MediaTek-Research")),
        new(5),
        new(6),
    ]
    interests = Interests(want=("PRUNING",), authors=("song han",), organizations=("MediaTek",), tags=("Graphs",))
    found = by_number(logged, tags={"2606.00005": [tag("gnn")]}, interests=interests)
    assert [told(one, "interest") for one in found] == [
        "matches your “PRUNING”",
        None,
        "matches your “song han”",
        "matches your “MediaTek”",
        "matches your “Graphs”",
        None,
    ]
    assert all(one.personal for ranked_one in found for one in ranked_one.reasons if one.signal == "interest")
    assert all(any(not one.personal for one in ranked_one.shown) for ranked_one in found)


def test_public_pages_have_a_reason_to_show_whatever_matches():
    logged = [new(1, title="Amber, birch, cedar and delta"), *(new(n, title=f"Net {n}") for n in range(2, 9))]
    (found, *_) = by_number(logged, interests=Interests(want=("amber", "birch", "cedar", "delta")))
    assert sum(one.signal == "interest" for one in found.reasons) == 4
    assert [one.personal for one in found.shown] == [True, True, False]


def test_muted_papers_sink_below_all_others():
    logged = [new(1, title="A survey of cedar", upvotes=counted(900)), new(2), new(3, title="Surveyors at work")]
    first, second, third = by_number(logged, interests=Interests(mute=("survey",)))
    assert first.muted
    assert first.score < 0 <= min(second.score, third.score)
    assert not any(one.signal == "muted" for one in first.shown)
    assert not second.muted
    assert not third.muted


def test_a_score_is_the_sum_of_its_reasons():
    for found in ranked([new(n, comments=counted(n), published=DAY) for n in range(1, 9)]).values():
        assert found.score == pytest.approx(sum(one.weight for one in found.reasons), abs=2e-6)
        assert list(found.reasons) == sorted(found.reasons, key=lambda one: -one.weight)


def test_what_is_true_of_most_is_not_told():
    logged = [new(n, published=DAY, abstract=f"We prune {n}. Code is available at x.org/{n}.") for n in range(1, 7)]
    for found in ranked(logged).values():
        assert {"published today", "code available"} <= set(texts(found.reasons))
        assert not {"published today", "code available"} & set(texts(found.shown))
        assert found.shown


def test_a_small_edition_tells_all():
    (found, *_) = by_number([new(1, published=DAY), new(2, published=DAY), new(3, published=DAY)])
    assert "published today" in texts(found.shown)


def test_even_equal_papers_have_a_reason_of_their_own():
    logged = [new(n, title="Editorial", abstract="") for n in range(1, 7)]
    shown = [one.shown[0].text for one in ranked(logged).values()]
    assert len(set(shown)) == 6


@pytest.mark.parametrize("name", ALL)
def test_every_entry_of_a_seed_shows_a_reason_that_is_not_common(seeds, name):
    (path,) = seeds.glob(f"{name}_*.txt")
    edition = seed_edition(path)
    half = len(edition.entries) / 2
    prose = [text.searchable(f"{entry.paper.title} . {entry.paper.abstract}") for entry in edition.entries]
    for entry in edition.entries:
        assert 1 <= len(entry.reasons) <= 3
        for words in texts(entry.reasons):
            assert sum(words in texts(other.reasons) for other in edition.entries) <= half
            if words.startswith("about “"):
                phrase = words.removeprefix("about “").removesuffix("”")
                assert sum(text.has_phrase(one, phrase) for one in prose) <= half


@pytest.mark.parametrize("name", ALL)
def test_the_order_of_a_seed_changes_nothing(seeds, name):
    (path,) = seeds.glob(f"{name}_*.txt")
    assert seed_edition(path).canonical_json() == seed_edition(path, backwards=True).canonical_json()


@pytest.mark.parametrize("name", BARE)
def test_text_alone_tells_neighbours_apart(seeds, name):
    (path,) = seeds.glob(f"{name}_*.txt")
    day, logged = seed(path)
    assert not any(one.paper.published or one.paper.comments for one in logged)
    scores = sorted(one.score for one in rank(logged, tagged(logged), {}, Interests(), day).values())
    ties = sum(one == other for one, other in pairwise(scores))
    assert ties <= 0.1 * (len(scores) - 1)
