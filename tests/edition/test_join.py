from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.edition.join import join
from digest.edition.view import mail_view, page_view
from digest.models import Edition, EditionRef, Logged, Tag
from tests.edition.made import DAY, counted, issue, new, revised, tag

few = settings(max_examples=20)
TAGS: list[Tag | None] = [tag("prune"), tag("gnn"), tag("detect"), None]


def numbered(number: int, logged: list[Logged], tags: dict[str, list[Tag]] | None = None) -> Edition:
    """Compose an edition of a day of its own."""
    day = DAY + timedelta(days=number)
    previous = EditionRef(number=number - 1, date=day - timedelta(days=1)) if number > 1 else None
    edition = issue(logged, tags, day=day, previous=previous)
    return Edition.model_validate(
        {name: getattr(edition, name) for name in Edition.model_fields}
        | {"after": 100 * number, "upto": 100 * number + 99}
    )


def key(n: int) -> str:
    return f"2606.{n:05d}"


@st.composite
def runs(draw: st.DrawFn) -> list[Edition]:
    """Editions in a row, as a newsletter makes them: a paper is new once, then revised."""
    known: set[int] = set(range(900, 905))
    editions = []
    for number in range(3, 3 + draw(st.integers(2, 4))):
        fresh = draw(st.sets(st.integers(0, 60), max_size=18)) - known
        again = draw(st.sets(st.sampled_from(sorted(known)), max_size=4))
        if not fresh | again:
            fresh = {100 + number}
        chosen = {n: draw(st.sampled_from(TAGS)) for n in sorted(fresh)}
        logged = [new(n, comments=counted(n)) for n in sorted(fresh)]
        logged += [revised(n, "title", title=f"Title {number} of {n}") for n in sorted(again)]
        editions.append(numbered(number, logged, {key(n): [one] for n, one in chosen.items() if one}))
        known |= fresh
    return editions


@few
@given(runs())
def test_every_paper_stands_once_in_its_newest_state_and_all_adds_up(editions):
    joined = join(editions)
    keys = [entry.paper.key for entry in joined.entries]
    assert sorted(keys) == sorted({entry.paper.key for one in editions for entry in one.entries})
    assert len(set(keys)) == len(keys)
    for entry in joined.entries:
        seen = [one.by_key[entry.paper.key] for one in editions if entry.paper.key in one.by_key]
        assert entry.paper == seen[-1].paper
        assert entry.change == ("new" if any(one.change == "new" for one in seen) else "revised")
        assert (entry.heading is None) == (entry.change == "revised")
        assert entry.change != "new" or entry.revision is None
    counts = joined.counts
    assert counts.new + counts.revised == len(keys)
    assert counts.revised == sum(entry.change == "revised" for entry in joined.entries)
    assert counts.listed == sum(one.counts.listed for one in editions)
    assert counts.had == sum(one.counts.had for one in editions)


@few
@given(runs())
def test_sections_and_top_are_those_of_the_entries(editions):
    joined = join(editions)
    stand = [(section.id, key) for section in joined.sections for key in section.keys]
    assert sorted(key for _, key in stand) == sorted(entry.paper.key for entry in joined.entries)
    assert all(joined.entry(key).heading == (None if id == "revised" else id) for id, key in stand)
    order = [section.id for section in joined.sections]
    assert order == sorted(order, key=lambda id: {"also-new": 1, "revised": 2}.get(id, 0))
    sizes = [len(section.keys) for section in joined.sections if section.id not in {"also-new", "revised"}]
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) <= 10
    assert all(section.title and section.keys for section in joined.sections)
    places = {entry.paper.key: n for n, entry in enumerate(joined.entries)}
    for section in joined.sections:
        assert list(section.keys) == sorted(section.keys, key=places.__getitem__)
    top = [joined.entry(key) for key in joined.top.keys]
    assert all(entry.change == "new" for entry in top)
    wanted = len(editions[-1].top.keys) or max(len(one.top.keys) for one in editions)
    assert len(top) == min(wanted, joined.counts.new)
    best = max((entry.score for entry in joined.entries if entry.change == "new"), default=None)
    assert not top or top[0].score == best


@few
@given(runs())
def test_it_is_the_newest_from_where_the_oldest_began(editions):
    first, newest = editions[0], editions[-1]
    joined = join(list(reversed(editions)))
    same = ("newsletter", "title", "number", "date", "instant", "feed_id", "base_url", "show", "timezone", "notes")
    assert all(getattr(joined, name) == getattr(newest, name) for name in same)
    assert (joined.after, joined.upto, joined.previous) == (first.after, newest.upto, first.previous)
    assert joined == join(editions)
    # what was made of it can be kept, and shown
    assert Edition.model_validate_json(joined.canonical_json()) == joined
    assert page_view(joined).shown == len(joined.entries)
    assert mail_view(joined).shown <= joined.show


@few
@given(runs())
def test_its_lead_is_one_sentence_that_says_since_when(editions):
    joined = join(editions)
    assert joined.lead.startswith(f"{len(editions)} editions since No. 2: ")
    assert joined.lead.endswith(".")
    told = re.search(r"(\d+) of (\d+) (?:is|are) on ", joined.lead)
    assert not told or int(told[2]) == joined.counts.new


def test_one_edition_is_itself_and_none_is_refused():
    edition = numbered(3, [new(1), new(2)])
    assert join([edition]) is edition
    with pytest.raises(ValueError, match="no edition"):
        join([])


def test_a_paper_new_then_revised_is_new_where_it_stood_with_its_newest_text():
    first = numbered(1, [new(n) for n in range(12)], {key(n): [tag("prune")] for n in range(12)})
    second = numbered(2, [revised(3, "title", title="A Better Title"), new(20)])
    joined = join([first, second])
    entry = joined.entry(key(3))
    assert (entry.change, entry.heading, entry.revision) == ("new", "prune", None)
    assert entry.paper.title == "A Better Title"
    assert [section.id for section in joined.sections] == ["prune", "also-new"]
    assert joined.lead.startswith("The first 2 editions: ")


def test_papers_of_a_small_edition_find_a_heading_by_their_tags():
    first = numbered(1, [new(n) for n in range(12)], {key(n): [tag("prune")] for n in range(12)})
    small = numbered(2, [new(20), new(21)], {key(20): [tag("prune")], key(21): [tag("gnn")]})
    assert [section.id for section in small.sections] == ["all"]
    joined = join([first, small])
    assert {section.id: len(section.keys) for section in joined.sections} == {"prune": 13, "also-new": 1}
    assert joined.top.keys
    assert [section.id for section in join([small, numbered(3, [new(30)])]).sections] == ["all"]


def test_no_muted_and_no_withdrawn_paper_is_at_the_top():
    first = numbered(1, [new(n, comments=counted(100 - n), withdrawn=n == 0) for n in range(8)])
    muted = first.entry(key(1)).model_copy(update={"score": -990.0})
    entries = tuple(muted if entry.paper.key == key(1) else entry for entry in first.entries)
    second = numbered(2, [new(n) for n in range(20, 26)])
    top = join([first.model_copy(update={"entries": entries}), second]).top.keys
    assert len(top) == 3
    assert not {key(0), key(1)} & set(top)
    assert key(2) in top
