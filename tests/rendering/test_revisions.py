"""What readers see of a paper that changed: in the mail, on its edition's page, on its own page, in the feed."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from digest.models import Edition, Listing, Span
from digest.rendering import shelf
from digest.rendering.site import _versions
from tests.edition.made import counted, issue, new, revised
from tests.told import Told, titles, world

FIRST, SECOND = date(2026, 11, 19), date(2026, 11, 20)


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of two editions: the second revises one paper of the first and withdraws another."""
    source = Told()
    ids = [{"ids": [{"scheme": "arxiv", "value": f"2611.0000{n}"}]} for n in range(8)]

    def listing(n: int, title: str, abstract: str, **more: object) -> dict[str, object]:
        return {"title": title, "abstract": abstract, **ids[n], **more}

    names = titles(0, 8)
    text = "In this work we study {} at length. We find that it holds in all cases that we looked at."
    first = [listing(n, name, text.format(name.lower()), version=1) for n, name in enumerate(names)]
    more = {"venue": "Journal of Small Things 12", "stars": 1200, "keywords": ["gluons", "strings"]}
    more |= {"categories": [{"id": "hep-th", "name": "High Energy Physics - Theory"}]}
    changed = text.format(names[0].lower()).replace("all cases", "most cases")
    second = [
        listing(0, "A Title that Has Nothing in Common with It", changed, version=2, **more),
        listing(
            1, names[1], "This paper has been withdrawn by its authors, for an error in section 3.", withdrawn=True
        ),
    ]
    fresh = [{**row, "ids": [{"scheme": "arxiv", "value": f"2611.1000{n}"}]} for n, row in enumerate(first[:6])]
    fresh = [
        {**row, "title": name, "abstract": text.format(name)} for row, name in zip(fresh, titles(50, 56), strict=True)
    ]
    fresh[0] |= {"withdrawn": True}
    root = tmp_path_factory.mktemp("revisions")
    with world(root, pages=True) as here:
        source.gives = [source.dump(FIRST, first)]
        here.run(source, at=datetime(2026, 11, 19, 9, tzinfo=UTC))
        source.gives = [source.dump(SECOND, [*second, *fresh])]
        done = here.run(source, at=datetime(2026, 11, 20, 9, tzinfo=UTC))
    assert (done.sources[0].new, done.sources[0].revised) == (6, 2)
    return here.config.path(here.config.output)


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


@pytest.mark.parametrize("file", ["index.html", "mail.html", "mail.txt"])
def test_an_edition_says_what_a_revision_changed_and_what_is_withdrawn(output: Path, file: str) -> None:
    found = words((output / "daily/2026-11-20" / file).read_text())
    assert "Revised: title and abstract changed, v2" in found
    assert "Withdrawn · Revised: abstract changed" in found
    assert found.count("Withdrawn") == 2
    assert "Journal of Small Things 12" in found
    assert "1,200 stars as of 20 November" in found


def test_a_papers_page_shows_its_revision_word_by_word(output: Path) -> None:
    found = (output / "papers/2611.00000/index.html").read_text()
    assert "20 Nov 2026</time>: title and abstract changed" in found
    assert "<ins>A Title that Has Nothing in Common with It</ins>" in found
    assert "<del>all</del> <ins>most</ins>" in found
    assert "Keywords: gluons, strings" in found
    assert "Categories: High Energy Physics - Theory (hep-th)" in found


def test_a_withdrawn_paper_says_so_on_its_page_and_in_feeds(output: Path) -> None:
    page = (output / "papers/2611.00001/index.html").read_text()
    assert "This paper was withdrawn." in page
    assert "<del>In this work we study" in page
    assert "This paper was withdrawn." not in (output / "papers/2611.00002/index.html").read_text()
    assert (output / "daily/papers/atom.xml").read_text().count("Withdrawn") >= 2


def withdrawn(n: int) -> Edition:
    papers = [new(one, comments=counted(one), withdrawn=one == n) for one in range(1, 9)]
    return issue([*papers, revised(20, "version", "withdrawn", version=3, withdrawn=True)])


def test_a_withdrawn_paper_is_never_at_the_top_nor_in_the_lead_nor_in_the_subject() -> None:
    from digest.edition.view import subject

    edition = withdrawn(8)
    key = next(entry.paper.key for entry in edition.entries if entry.paper.withdrawn and entry.change == "new")
    assert key not in edition.top.keys
    title = edition.entry(key).paper.title
    assert title not in edition.lead
    assert title.partition(":")[0] not in subject(edition)
    assert key in {key for section in edition.sections for key in section.keys}
    assert [shelf.note(entry) for entry in edition.entries if entry.change == "revised"] == ["Withdrawn · Revised: v3"]


def test_a_teaser_of_an_abstract_is_no_revision_on_the_page() -> None:
    full = "A long enough beginning of an abstract that says what it is about. And then more."
    one, two, three = (Listing(span=Span(first=1, last=1), title="T", abstract=text) for text in (full, full[:66], ""))
    seen = [(each.title, each.abstract, FIRST) for each in (one, two, three, one)]
    assert _versions(seen) == []
    (changed,) = _versions([*seen, ("T", full.replace("more", "less"), SECOND)])
    assert changed.what == "abstract changed"
    assert [(piece.kind, piece.text) for piece in changed.abstract if piece.kind != "same"] == [
        ("del", "more."),
        ("ins", "less."),
    ]
