from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.models import EditionRef, Interests, Link
from tests.edition.made import DAY, counted, issue, new, revised, seed_edition, tag

CODE = (Link(rel="code", url="https://example.org/code"),)


def keys(*numbers: int) -> tuple[str, ...]:
    return tuple(f"2606.{n:05d}" for n in numbers)


def test_an_entry_holds_what_happened():
    (entry,) = issue([new(1)], {"2606.00001": [tag("prune")]}).entries
    assert (entry.change, entry.heading, entry.late, entry.revision) == ("new", "all", None, None)
    assert entry.tags[0].id == "prune"
    assert entry.summary.startswith("We propose ")
    assert entry.reasons


def test_new_papers_come_by_score_and_revised_ones_after_them():
    edition = issue([revised(9, "title", comments=counted(99)), *(new(n, comments=counted(n)) for n in range(1, 7))])
    assert tuple(entry.paper.key for entry in edition.entries) == keys(6, 5, 4, 3, 2, 1, 9)
    assert edition.sections[-1].id == "revised"
    assert edition.sections[-1].keys == keys(9)
    assert edition.entry("2606.00009").heading is None
    assert (edition.counts.new, edition.counts.revised, edition.counts.late) == (6, 1, 0)


def test_every_new_paper_stands_in_one_section_best_first():
    logged = [new(n, comments=counted(n)) for n in range(1, 16)]
    tags = {one.paper.key: [tag(("prune", "gnn", "detect")[n % 3])] for n, one in enumerate(logged)}
    edition = issue(logged, tags)
    listed = [key for section in edition.sections for key in section.keys]
    assert sorted(listed) == sorted(one.paper.key for one in logged)
    for section in edition.sections:
        assert all(edition.entry(key).heading == section.id for key in section.keys)
        scores = [edition.entry(key).score for key in section.keys]
        assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    ("listed", "previous", "late"),
    [
        (DAY, None, None),
        (DAY, DAY - timedelta(1), None),
        (DAY - timedelta(3), None, None),
        (DAY - timedelta(3), DAY - timedelta(4), None),
        (DAY - timedelta(3), DAY - timedelta(3), 3),
        (DAY - timedelta(3), DAY - timedelta(1), 3),
    ],
)
def test_late_is_what_an_earlier_edition_could_have_had(listed, previous, late):
    edition = issue([new(1, day=listed)], previous=EditionRef(number=4, date=previous) if previous else None)
    assert edition.entries[0].late == late
    assert edition.counts.late == (late is not None)


def test_a_revised_paper_is_never_late():
    early = DAY - timedelta(9)
    edition = issue([revised(1, "title", day=early)], previous=EditionRef(number=4, date=early))
    assert edition.entries[0].late is None


@pytest.mark.parametrize(
    ("fields", "version", "words"),
    [
        (("title", "version"), 2, "title changed, v2"),
        (("abstract",), None, "abstract changed"),
        (("title", "abstract", "authors"), 3, "title and abstract changed"),
        (("version",), 3, "v3"),
        ((), None, "changed"),
    ],
)
def test_a_revision_says_what_changed(fields, version, words):
    assert issue([revised(1, *fields, version=version)]).entries[0].revision == words


def test_names_of_all_tags_and_their_parents_are_at_hand():
    edition = issue([new(1), new(2)], {"2606.00001": [tag("prune"), tag("gnn")], "2606.00002": [tag("gnn")]})
    assert edition.tag_names == {
        "prune": "Pruning",
        "efficient": "Efficient models",
        "gnn": "Graph neural networks",
        "graphs": "Graphs",
    }


@pytest.mark.parametrize(("count", "size"), [(4, 0), (5, 3), (39, 3), (40, 5)])
def test_the_top_grows_with_the_edition(count, size):
    edition = issue([new(n, comments=counted(n)) for n in range(1, count + 1)])
    assert len(edition.top.keys) == size
    assert bool(edition.top.label) == bool(size)


def test_the_top_takes_two_of_a_heading_where_there_are_others():
    logged = [new(n, comments=counted(4 ** (13 - n))) for n in range(1, 13)]
    tags = {one.paper.key: [tag("gnn" if n < 8 else "prune")] for n, one in enumerate(logged)}
    assert issue(logged, tags).top.keys == keys(1, 2, 9)
    alone = {one.paper.key: [tag("gnn")] for one in logged}
    assert issue(logged, alone).top.keys == keys(1, 2, 3)


def test_the_top_says_what_decided():
    logged = [new(n, comments=counted(2) if n < 4 else None, links=CODE if n < 3 else ()) for n in range(1, 13)]
    assert issue(logged).top.label.startswith("by comments, then code")
    assert issue([new(n, upvotes=counted(n * n)) for n in range(1, 13)]).top.label.startswith("by upvotes")
    texts = [new(n, links=CODE if n < 4 else ()) for n in range(1, 13)]
    assert issue(texts).top.label.startswith("by code")


def test_what_is_muted_never_leads():
    logged = [new(1, title="A survey of all", comments=counted(900)), *(new(n) for n in range(2, 10))]
    edition = issue(logged, interests=Interests(mute=("survey",)))
    assert "2606.00001" not in edition.top.keys
    assert edition.entries[-1].paper.key == "2606.00001"
    assert "A survey of all" not in edition.lead


def test_a_top_is_smaller_where_most_is_muted():
    logged = [new(n, title=f"Survey {n}" if n > 1 else "A net") for n in range(1, 8)]
    assert issue(logged, interests=Interests(mute=("survey",))).top.keys == keys(1)


def test_a_lead_tells_the_largest_heading_and_what_is_discussed():
    logged = [new(n, comments=counted(3) if n == 7 else None) for n in range(1, 13)]
    tags = {one.paper.key: [tag("gnn" if n < 8 else "prune")] for n, one in enumerate(logged)}
    title = logged[6].paper.title
    assert issue(logged, tags).lead == (
        f"8 of 12 are on graph neural networks; the most discussed is “{title}” (3 comments as of 16 June)."
    )


def test_a_lead_without_counts_tells_headings_and_code():
    logged = [new(n, links=CODE) for n in range(1, 13)]
    tags = {one.paper.key: [tag("gnn" if n < 8 else "prune")] for n, one in enumerate(logged)}
    assert issue(logged, tags).lead == "8 of 12 are on graph neural networks, 4 on pruning; all of them come with code."
    assert issue([new(n, links=CODE if n < 4 else ()) for n in range(1, 8)]).lead == (
        "7 papers are new; 3 come with code."
    )


def test_a_lead_of_upvotes_and_of_equals():
    logged = [new(n, upvotes=counted(n), comments=counted(1)) for n in range(1, 5)]
    assert f"the most upvoted is “{logged[3].paper.title}” (4 upvotes today)." in issue(logged).lead
    logged = [new(n, comments=counted(1)) for n in range(1, 5)]
    assert "; among the most discussed is “" in issue(logged).lead


@pytest.mark.parametrize(
    ("logged", "lead"),
    [
        ([new(1, title="A net")], "One paper is new: “A net”."),
        ([new(1, title="A net", comments=counted(1))], "One paper is new: “A net” (1 comment as of 16 June)."),
        ([new(1, title="A"), new(2, title="B")], "2 papers are new; “A” comes first."),
        ([revised(1, "title", title="A net")], "Nothing is new; one paper was revised: “A net” (title changed)."),
        (
            [revised(n, "title", title=f"Net {n}") for n in (1, 2)],
            "Nothing is new; 2 papers were revised, among them “Net 1”.",
        ),
        ([new(1, title="A net"), revised(2, "title")], "One paper is new: “A net”."),
    ],
)
def test_a_lead_of_few(logged, lead):
    assert issue(logged).lead.replace("“B”", "“A”") == lead


@settings(max_examples=20)
@given(st.permutations(range(1, 14)), st.sampled_from(["prune", "gnn", "detect"]))
def test_no_order_of_papers_changes_an_edition(order, id):
    def made(n):
        return revised(n, "abstract") if n > 11 else new(n, comments=counted(n % 3), published=date(2026, 6, n))

    tags = {key: [tag(id if n % 2 else "gnn", float(n))] for n, key in enumerate(keys(*range(1, 14)))}
    one = issue([made(n) for n in range(1, 14)], tags)
    assert issue([made(n) for n in order], tags).canonical_json() == one.canonical_json()


def test_a_seed_makes_a_whole_edition(seeds):
    (path,) = seeds.glob("002_*.txt")
    edition = seed_edition(path)
    assert len(edition.entries) == len({entry.paper.key for entry in edition.entries}) == edition.counts.new
    assert 5 <= len(edition.sections) <= 11
    assert len(edition.top.keys) == 5
    assert edition.top.label.startswith("by comments")
    assert "Learning Transferable Visual Models From Natural Language Supervision” (3 comments as of 16 June)." in (
        edition.lead
    )
    assert type(edition).model_validate_json(edition.canonical_json()) == edition
