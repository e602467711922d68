"""Headings from the sources' own categories."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from digest import diff
from digest.edition.categories import category_taxonomy, choose_headings
from digest.models import Category, Edition, Listing, Logged, Match, Span, Tag
from tests.edition.made import DAY, LETTER, TAXONOMY, issue, new, tag

NAMES = {
    "cond-mat.soft": "Soft Condensed Matter",
    "cond-mat.str-el": "Strongly Correlated Electrons",
    "cond-mat.quant-gas": "Quantum Gases",
    "astro-ph.GA": "Astrophysics of Galaxies",
    "hep-th": "High Energy Physics - Theory",
    "hep-lat": "High Energy Physics - Lattice",
    "gr-qc": "General Relativity and Quantum Cosmology",
    "quant-ph": "Quantum Physics",
    "physics.optics": "Optics",
    "nlin.CD": "Chaotic Dynamics",
    "math.AG": "Algebraic Geometry",
    "cs.LG": "Machine Learning",
}


def categories(*ids: str) -> tuple[Category, ...]:
    return tuple(Category(id=id, name=NAMES.get(id, id)) for id in ids)


def filed(counts: dict[str, int]) -> list[Logged]:
    """Return new papers, so many of each category; `a b` is primary and second."""
    ids = [id for id, count in counts.items() for _ in range(count)]
    return [new(n, categories=categories(*id.split())) for n, id in enumerate(ids, 1)]


def printed(logged: list[Logged], wanted: str = "auto") -> Edition:
    taxonomy, tags = choose_headings(wanted, logged, {}, TAXONOMY)
    return issue(logged, tags, taxonomy=taxonomy, letter=LETTER)


def sizes(edition: Edition) -> dict[str, int]:
    return {section.title: len(section.keys) for section in edition.sections}


def test_an_edition_of_physics_has_the_names_of_arxiv_as_headings_and_nothing_left_over() -> None:
    logged = filed(
        {
            "quant-ph": 9,
            "hep-th": 7,
            "cond-mat.soft": 2,
            "cond-mat.str-el": 3,
            "cond-mat.quant-gas": 1,
            "astro-ph.GA": 5,
            "physics.optics": 3,
            "hep-lat": 1,
            "gr-qc": 2,
            "nlin.CD": 1,
            "math.AG hep-th": 1,
            "cs.LG quant-ph": 1,
        }
    )
    edition = printed(logged)
    assert sizes(edition) == {
        "Quantum Physics": 10,
        "High Energy Physics - Theory": 8,
        "Physics": 7,
        "Condensed Matter": 6,
        "Astrophysics of Galaxies": 5,
    }
    assert edition.lead.startswith("10 of 36 are on Quantum Physics")
    assert edition.tag_parents["cond-mat.soft"] == "cond-mat"
    assert edition.tag_parents["hep-lat"] == "physics"


def test_an_edition_of_biology_has_its_subject_areas_as_headings_and_nothing_left_over() -> None:
    areas = {"Neuroscience": 12, "Cell Biology": 8, "Genomics": 6, "Ecology": 4, "Zoology": 1, "Plant Biology": 2}
    areas |= {"Biophysics": 3, "Paleontology": 1}
    assert sizes(printed(filed({area.replace(" ", "_"): count for area, count in areas.items()}))) == {
        "Neuroscience": 12,
        "Cell Biology": 8,
        "Biology": 7,
        "Genomics": 6,
        "Ecology": 4,
    }


def test_a_paper_left_alone_gets_company_of_its_own_kind() -> None:
    assert sizes(printed(filed({"hep-th": 9, "quant-ph": 5, "gr-qc": 1}))) == {
        "High Energy Physics - Theory": 9,
        "Physics": 6,
    }


def test_there_are_never_more_than_ten_headings() -> None:
    groups = "cs.LG math.AG q-bio.NC q-fin.PR stat.ML econ.EM eess.IV".split()
    physics = "hep-th astro-ph.GA cond-mat.soft nlin.CD quant-ph".split()
    edition = printed(filed(dict.fromkeys([*groups, *physics], 3) | {"Neuroscience": 2, "Oncology": 2}))
    assert len(edition.sections) == 10
    assert sum(sizes(edition).values()) == 40
    assert "also-new" not in {section.id for section in edition.sections}


def test_the_categories_are_the_headings_only_where_the_taxonomy_knows_too_few() -> None:
    logged = filed({"hep-th": 10})
    seven = {one.paper.key: (tag("prune"),) for one in logged[:7]}
    six: dict[str, tuple[Tag, ...]] = dict(list(seven.items())[:6])
    assert choose_headings("auto", logged, seven, TAXONOMY) == (TAXONOMY, seven)
    assert choose_headings("auto", logged, six, TAXONOMY)[0].id == "categories"
    assert choose_headings("ml", logged, six, TAXONOMY) == (TAXONOMY, six)
    assert choose_headings("arxiv", logged, seven, TAXONOMY)[0].id == "categories"


def test_papers_without_categories_keep_what_the_taxonomy_found() -> None:
    logged = [new(n) for n in range(10)]
    tags = {logged[0].paper.key: (tag("prune"),)}
    assert choose_headings("auto", logged, tags, TAXONOMY) == (TAXONOMY, tags)


def test_revised_papers_do_not_decide_the_headings_but_are_tagged_alike() -> None:
    old = [one.model_copy(update={"kind": "revised"}) for one in filed({"cs.LG": 9})]
    fresh = [one.model_copy(update={"paper": one.paper.model_copy(update={"key": f"n{n}"})})
             for n, one in enumerate(filed({"hep-th": 6}))]  # fmt: skip
    tags = {one.paper.key: (tag("prune"),) for one in old}
    _, found = choose_headings("auto", [*old, *fresh], tags, TAXONOMY)
    assert [one.id for one in found[old[0].paper.key]] == ["cs.LG"]


def test_the_primary_category_is_the_strongest_and_a_name_beats_an_id() -> None:
    one, two = filed({"cs.LG math.AG": 1, "math.AG": 1})
    bare = two.paper.model_copy(update={"key": "b", "categories": (Category(id="cs.LG", name="cs.LG"),)})
    taxonomy, tags = category_taxonomy([bare, one.paper])
    assert [(tag.id, tag.score) for tag in tags[one.paper.key]] == [("cs.LG", 1.0), ("math.AG", 0.5)]
    assert taxonomy.by_id["cs.LG"].name == "Machine Learning"
    assert taxonomy.by_id["cs.LG"].parent == "cs"


@pytest.mark.parametrize("id", ["all", "also-new", "revised"])
def test_a_category_cannot_take_the_place_of_a_section(id: str) -> None:
    logged = [new(n, categories=(Category(id=id, name="All of it"), Category(id="x", name="X"))) for n in range(20)]
    assert [section.id for section in printed(logged).sections] == ["x"]


def test_known_categories_keep_their_order_and_new_ones_follow() -> None:
    def listing(*ids: str) -> Listing:
        return Listing(span=Span(first=1, last=1), title="On Strings", categories=categories(*ids))

    match = Match(key="k", rule="id")
    paper = diff.first(listing("hep-th", "gr-qc"), match, "k", DAY).paper
    again = diff.compare(listing("gr-qc", "hep-th"), match, paper, DAY + timedelta(days=1))
    assert (again.kind, again.paper.categories) == ("seen", paper.categories)
    crossed = diff.compare(listing("astro-ph.GA", "gr-qc"), match, paper, date(2026, 6, 20))
    assert [one.id for one in crossed.paper.categories] == ["hep-th", "gr-qc", "astro-ph.GA"]
