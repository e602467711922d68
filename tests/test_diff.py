"""What a listing is against what is known."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import permutations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from digest import diff
from digest.models import Alias, Change, Listing, Match, Organization, Paper, Span

DAY = date(2026, 6, 16)
MATCH = Match(key="k", rule="text")


def listing(**facts: Any) -> Listing:
    return Listing(span=Span(first=1, last=1), **{"title": "Pruning Early", "abstract": "We prune. " * 9, **facts})


def paper(day: date = DAY, **facts: Any) -> Paper:
    return diff.first(listing(**facts), MATCH, "k", day).paper


def compare(told: Listing, known: Paper, day: date = DAY + timedelta(days=1), **more: Any) -> Change:
    return diff.compare(told, MATCH, known, day, **more)


def test_the_same_again_is_seen_and_moves_only_the_date_of_what_is_known() -> None:
    change = compare(listing(comments=3), paper(comments=3))
    assert (change.kind, change.fields) == ("seen", ())
    assert change.paper.comments is not None
    assert change.paper.comments.as_of == DAY + timedelta(days=1)


def test_a_filled_gap_and_a_moved_count_are_enriched() -> None:
    told = listing(author_count=4, organization=Organization(name="NVIDIA"), published=date(2026, 3, 3), comments=0)
    filled = compare(told, paper())
    assert (filled.kind, filled.fields) == ("enriched", ("author_count", "organization", "published", "comments"))
    assert filled.paper.author_count == 4
    moved = compare(listing(comments=2), paper(comments=5))
    assert (moved.kind, moved.fields) == ("enriched", ("comments",))
    assert moved.paper.comments is not None
    assert moved.paper.comments.value == 2


def test_another_text_or_version_is_revised_and_says_what_it_was() -> None:
    change = compare(listing(title="Pruning Late", version=2), paper(version=1))
    assert (change.kind, change.fields) == ("revised", ("title", "version"))
    assert change.before == ("Pruning Early", "We prune. " * 9)
    assert change.paper.title == "Pruning Late"


def test_other_bytes_of_the_same_words_are_no_revision() -> None:
    change = compare(listing(title="PRUNING — early", abstract="We prune." + " We   prune." * 8), paper())
    assert change.kind == "seen"
    assert change.paper.title == "PRUNING — early"


def test_a_teaser_is_no_revision_and_does_not_shorten_the_abstract() -> None:
    full = "A long enough beginning of an abstract that says what it is about. And then more."
    teaser = full[:66]
    assert compare(listing(abstract=teaser), paper(abstract=full)).kind == "seen"
    assert compare(listing(abstract=teaser), paper(abstract=full)).paper.abstract == full
    assert compare(listing(abstract=full), paper(abstract=teaser), DAY - timedelta(days=9)).paper.abstract == full


def test_a_later_dump_of_an_older_date_fills_gaps_but_never_revises_or_lowers() -> None:
    before = DAY - timedelta(days=30)
    change = compare(listing(title="Old Title of It", comments=1, author_count=4), paper(comments=9), before)
    assert (change.kind, change.fields) == ("enriched", ("author_count",))
    assert (change.paper.title, change.paper.comments) == ("Pruning Early", paper(comments=9).comments)
    assert change.paper.first_seen == before
    assert compare(listing(title="Old Title of It"), paper(), before).kind == "seen"


def test_the_second_listing_in_a_dump_is_seen_and_fills_gaps() -> None:
    change = compare(listing(title="Other", comments=4), paper(), DAY, again=True)
    assert change.kind == "seen"
    assert change.paper.title == "Pruning Early"
    assert change.paper.comments is not None


def test_a_source_without_versions_that_repeats_an_old_text_takes_nothing_back() -> None:
    known = compare(listing(title="Pruning Late", version=2), paper(version=1)).paper
    page = listing(title="Pruning Early")
    assert compare(page, known, DAY + timedelta(days=1), told_before=True).kind == "seen"
    assert compare(page, known, DAY + timedelta(days=1)).kind == "revised"


def test_a_new_id_enriches() -> None:
    change = compare(listing(ids=(Alias(scheme="arxiv", value="2401.1"),)), paper())
    assert (change.kind, change.fields) == ("enriched", ("ids",))


facts = st.fixed_dictionaries(
    {
        "title": st.sampled_from(["Pruning Early", "Pruning Late", "pruning  early"]),
        "abstract": st.sampled_from(["", "We prune a lot of networks here, all of them.", "We grow. " * 8]),
        "author_count": st.sampled_from([None, 3, 4]),
        "comments": st.sampled_from([None, 0, 1, 7]),
        "published": st.sampled_from([None, date(2026, 1, 1), date(2025, 5, 5)]),
        "ids": st.sampled_from([(), (Alias(scheme="arxiv", value="1"),), (Alias(scheme="doi", value="2"),)]),
    }
)


@given(st.lists(facts, min_size=2, max_size=4))
def test_dumps_of_different_dates_in_any_order_end_in_the_same_paper(told: list[dict[str, Any]]) -> None:
    dumps = [(DAY + timedelta(days=number), listing(**one)) for number, one in enumerate(told)]
    ends: list[Paper] = []
    for order in permutations(dumps):
        day, first = order[0]
        known = diff.first(first, MATCH, "k", day).paper
        for day, one in order[1:]:
            known = diff.compare(one, MATCH, known, day).paper
        ends.append(known)
    assert all(end == ends[0] for end in ends)
