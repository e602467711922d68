"""The web pages: what a reader finds on them, and that nothing from a dump can break them."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.edition import view
from digest.models import Count, EditionRef, Evidence, Organization, Paper, Sighting, Tag
from digest.protocols import PaperRecord
from digest.rendering.cards import counts, facts, work_links
from digest.rendering.shelf import Shelf, card, note, who
from digest.rendering.site import Appearance, Pages
from digest.rendering.wording import word_diff
from tests.rendering import pages as make
from tests.rendering.well_formed import page

PAGES = Pages(None, make.BASE)
NASTY = st.text(max_size=60) | st.sampled_from(
    [
        "<script>alert(1)</script>",
        "</style></title></p></details>",
        '" onmouseover="x\' `',
        "{{ 7 * 7 }} {% raw %} {# x #}",
        "nul \x00 \x0b \x1f \x7f \ufffe end",
        "<!-- <![CDATA[ ]]> <? ?>",
        "&amp; &lt;b&gt; &#0; &bogus;",
        "$x < y$ & $\\frac{a}{b}$ \\alpha $unclosed",
        "深層学習 😀👩‍🔬 \u202eevil",
        "x" * 300,
    ]
)


def edition_page(*entries, **changes):
    edition = make.edition(2, entries, **changes)
    return page(PAGES.edition(view.page_view(edition), 5))


def shelf(*editions, configured=make.DAILY):
    return Shelf(configured.id, configured, [card(one, f"sha{one.number}") for one in editions])


def record(paper: Paper, **changes) -> PaperRecord:
    given = {"versions": [(paper.title, paper.abstract, make.FIRST)], "counts": [], "tags": {}, **changes}
    return PaperRecord(paper=paper, editions=(), sightings=(), **given)


def paper_page(paper: Paper, *entries, **changes):
    one = shelf(make.edition(1, entries or [make.entry(paper, "snn", "vision")]))
    found = one.cards[0].by_key[paper.key]
    return page(PAGES.paper(paper.key, record(paper, **changes), [Appearance(one, one.cards[0], found)]))


def test_an_edition_shows_every_entry_with_its_abstract_folded():
    entries = [make.entry(make.paper(n), "snn") for n in range(30)]
    document = edition_page(*entries)
    for n in range(30):
        assert f"Paper {n} on R&D: a < b & c > d" in document.text
        assert f"We study thing {n}." in document.text
    assert sum(tag == "details" for tag, _ in document.tags) == 30
    assert "No. 2 · Tuesday, 6 January 2026 · 30 new papers · 5 minutes" in document.text


def test_an_edition_links_back_and_never_forward():
    edition = make.edition(2, [make.entry(make.paper(1), "snn", "vision")])
    links = page(PAGES.edition(view.page_view(edition), 1)).links
    local = {link for link in links if not link.startswith(("https:", "#"))}
    assert local == {
        "../rss.xml",
        "../atom.xml",
        "../feed.json",
        "../index.html",
        "../../feeds.html",
        "../2026-01-05/index.html",
        "../tags/snn/index.html",
        "../tags/vision/index.html",
        "../../papers/2601.00001/index.html",
        "mail.html",
        "mail.txt",
        "mail.eml",
    }


def test_further_tags_are_chips_and_the_heading_is_none():
    document = edition_page(make.entry(make.paper(1), "snn", "vision", "pruning"))
    chips = [attrs["href"] for tag, attrs in document.tags if tag == "a" and "/tags/" in (attrs.get("href") or "")]
    assert chips.count("../tags/vision/index.html") == 1
    assert chips.count("../tags/pruning/index.html") == 1
    assert chips.count("../tags/snn/index.html") == 1, "the heading's own link is the only one"


def test_a_bar_leads_to_its_section_and_the_numbers_add_up():
    document = edition_page(
        *(make.entry(make.paper(n), "snn") for n in range(5)),
        *(make.entry(make.paper(n), "vision") for n in range(5, 8)),
        make.entry(make.paper(9), heading=None),
    )
    assert {"#s-snn", "#s-vision", "#s-also-new"} <= set(document.links)
    assert "Spiking & neuromorphic5" in document.text
    assert "Vision3" in document.text
    assert "Also new1" in document.text


def test_personal_reasons_stay_private_unless_the_newsletter_says_so():
    entry = make.entry(make.paper(1), "snn")
    assert "Here because: about spiking networks" in edition_page(entry).text
    assert "secret wish" not in edition_page(entry).text
    assert "secret wish" in edition_page(entry, public_reasons=True).text


def test_late_and_revised_are_said_in_words():
    document = edition_page(
        make.entry(make.paper(1), "snn", late=3),
        make.entry(make.paper(2), "snn", late=1),
        make.entry(make.paper(3), "snn", change="revised", heading=None, revision="title changed, v2"),
    )
    assert "Late: first seen 3 days after its date" in document.text
    assert "Late: first seen 1 day after its date" in document.text
    assert "Revised: title changed, v2" in document.text


def test_a_paper_without_facts_leaves_no_empty_line():
    bare = Paper(key="t-1", title="Bare", first_seen=make.FIRST)
    document = edition_page(make.entry(bare, summary="", reasons=(), heading=None))
    assert "Find on arXiv" in document.text
    assert "Here because" not in document.text
    assert not any(tag == "details" for tag, _ in document.tags)
    known = make.paper(1, authors=(), published=None, comments=None)
    assert facts(make.edition(1, [make.entry(known)]), make.entry(known)) == ()


@pytest.mark.parametrize(
    ("authors", "count", "said"),
    [
        ((), None, ""),
        ((), 1, "1 author"),
        ((), 12, "12 authors"),
        (("Ada",), None, "Ada"),
        (("Ada", "Kurt", "Emmy"), 3, "Ada, Kurt, Emmy"),
        (("Ada", "Kurt", "Emmy", "Max"), None, "Ada and 3 more"),
        (("Ada",), 5, "Ada and 4 more"),
    ],
)
def test_who_wrote_it_in_a_few_words(authors, count, said):
    assert who(make.paper(1, authors=authors, author_count=count)) == said


def test_an_organisation_stands_beside_the_authors():
    assert who(make.paper(1, authors=("Ada",), organization=Organization(name="R&D"))) == "Ada · R&D"


def test_counts_carry_their_date_and_its_year_only_where_needed():
    paper = make.paper(
        1, comments=Count(value=1, as_of=date(2026, 6, 1)), upvotes=Count(value=1200, as_of=date(2025, 6, 2))
    )
    assert counts(paper, date(2026, 6, 3)) == ["1 comment as of 1 June", "1,200 upvotes as of 2 Jun 2025"]
    assert counts(paper) == ["1 comment as of 1 Jun 2026", "1,200 upvotes as of 2 Jun 2025"]


def test_a_paper_links_to_all_that_belongs_to_it_once():
    paper = make.paper(
        1,
        links=(
            {"rel": "code", "url": "https://github.com/a/b"},
            {"rel": "pdf", "url": "https://arxiv.org/pdf/2601.00001"},
            {"rel": "discussion", "url": "https://github.com/a/b"},
        ),
    )
    assert [(fact.text, fact.url) for fact in work_links(paper)] == [
        ("The paper", "https://arxiv.org/abs/2601.00001"),
        ("PDF", "https://arxiv.org/pdf/2601.00001"),
        ("Code", "https://github.com/a/b"),
    ]
    assert [fact.text for fact in work_links(make.paper(1, ids=()))] == ["Find on arXiv"]


def test_a_papers_page_tells_where_it_appeared_and_what_earned_its_tags():
    evidence = (Evidence(phrase="spiking", where="title", weight=2), Evidence(phrase="spiking", where="lead", weight=1))
    tags = {"ml-1": [Tag(id="snn", score=3, evidence=evidence)]}
    document = paper_page(make.paper(1), tags=tags)
    assert "Daily Papers No. 1, 5 Jan 2026, under Spiking & neuromorphic" in document.text
    assert "Spiking & neuromorphic for “spiking” in the title" in document.text
    assert "first seen 5 Jan 2026" in document.text
    assert "../../daily/2026-01-05/index.html" in document.links
    assert "Counts over time" not in document.text
    assert "What changed" not in document.text


def test_a_papers_page_shows_counts_over_time_with_a_dash_where_none_was_said():
    sightings = [
        Sighting(date=date(2026, 1, 5), comments=0),
        Sighting(date=date(2026, 1, 6), comments=3, upvotes=41),
    ]
    assert "6 Jan 2026341 5 Jan 20260–" in paper_page(make.paper(1), counts=sightings).text


def test_a_papers_page_shows_word_by_word_what_a_revision_changed():
    versions = [
        ("A slow <b> method", "Same.", date(2026, 1, 1)),
        ("A slow <b> method", "Same.", date(2026, 1, 2)),
        ("A fast <b> method", "Same. And more.", date(2026, 1, 3)),
    ]
    document = paper_page(make.paper(1), versions=versions)
    assert "3 Jan 2026: title and abstract changed A slow fast <b> method" in document.text
    assert sum(tag == "del" for tag, _ in document.tags) == 1
    assert "2 Jan 2026" not in document.text


def test_a_papers_page_names_a_tag_once_however_often_it_appeared():
    paper = make.paper(1)
    again = make.entry(paper, "snn", change="revised", heading=None, revision="v2")
    one = shelf(make.edition(1, [make.entry(paper, "snn")]), make.edition(2, [again]))
    places = [Appearance(one, found, found.rows[0]) for found in one.cards]
    document = page(PAGES.paper(paper.key, record(paper), places))
    assert document.links.count("../../daily/tags/snn/index.html") == 1
    assert document.text.index("No. 2, 6 Jan 2026") < document.text.index("No. 1, 5 Jan 2026")
    assert "Revised: v2" in document.text


@given(before=st.text("ab \n", max_size=40), after=st.text("ab \n", max_size=40))
def test_a_word_diff_holds_both_texts(before, after):
    pieces = word_diff(before, after)
    for kind, text in (("del", before), ("ins", after)):
        kept = " ".join(piece.text for piece in pieces if piece.kind in ("same", kind))
        assert kept.split() == text.split()


def test_a_tag_lists_a_paper_once_where_it_last_appeared():
    old, new = make.paper(1), make.paper(2)
    first = make.edition(1, [make.entry(old, "snn"), make.entry(new, "vision")])
    second = make.edition(2, [make.entry(old, "snn", change="revised", heading=None, revision="v2")])
    document = page(PAGES.tag(shelf(first, second), "snn"))
    assert document.text.count("Paper 1 on") == 1
    assert "Paper 2 on" not in document.text
    assert "../../2026-01-06/index.html" in document.links
    assert "1 paper in 2 editions" in document.text


def test_the_archive_has_the_newest_edition_first_with_its_headings():
    document = page(PAGES.archive(shelf(*make.editions(3))))
    places = [document.text.index(f"No. {number}") for number in (3, 2, 1)]
    assert places == sorted(places)
    assert "No. 3 · 3 new papers under 3 headings · 1 revised" in document.text
    assert "Learning & theory 1 · Vision 1" in document.text


def test_before_a_first_edition_the_pages_say_so():
    empty = shelf()
    assert "No edition has come out yet" in page(PAGES.index([empty])).text
    assert "No edition has come out yet" in page(PAGES.archive(empty)).text
    assert "daily/rss.xml" in page(PAGES.feeds([empty])).links


def test_the_first_page_shows_the_newest_edition_and_how_to_subscribe():
    document = page(PAGES.index([shelf(*make.editions(7))]))
    assert "Sunday, 11 January 2026" in document.text
    assert "daily/2026-01-11/index.html" in document.links
    assert {"daily/rss.xml", "daily/papers/atom.xml", "feeds.html", "feeds.opml"} <= set(document.links)
    assert "10 Jan 2026" in document.text


def test_the_page_of_feeds_says_when_there_is_no_address():
    one = [shelf(*make.editions(1))]
    assert "base_url" in page(Pages(None, None).feeds(one)).text
    assert "base_url" not in page(PAGES.feeds(one)).text
    assert "Spiking & neuromorphic" in page(PAGES.feeds(one)).text


def test_only_a_site_with_an_address_has_canonical_links():
    def canonical(document):
        return [attrs["href"] for tag, attrs in document.tags if tag == "link" and attrs["rel"] == "canonical"]

    one = shelf(*make.editions(1))
    assert canonical(page(PAGES.archive(one))) == ["https://papers.example.org/site/daily/"]
    assert canonical(page(Pages(None, None).archive(one))) == []
    assert canonical(paper_page(make.paper(1))) == ["https://papers.example.org/site/papers/2601.00001/"]


@settings(max_examples=40)
@given(title=NASTY, abstract=NASTY, name=NASTY, lead=NASTY, word=NASTY)
def test_nothing_from_a_dump_breaks_a_page(title, abstract, name, lead, word):
    paper = make.paper(1, title=title, abstract=abstract, authors=(name, name), organization={"name": name})
    entry = make.entry(
        paper, "snn", "vision", summary=abstract[:20], reasons=({"signal": "x", "text": word, "weight": 1},)
    )
    edition = make.edition(
        1, [entry], title=title, lead=lead, notes=(word,), tag_names={"snn": name, "vision": word}, previous=None
    )
    page(PAGES.edition(view.page_view(edition), 1))
    one = shelf(edition, configured=make.DAILY.model_copy(update={"title": title}))
    appearance = Appearance(one, one.cards[0], one.cards[0].rows[0])
    evidence = (Evidence(phrase=word, where="title", weight=1),)
    versions = [(word, lead, make.FIRST), (title, abstract, make.FIRST + timedelta(days=1))]
    known = record(paper, versions=versions, tags={"x": [Tag(id="snn", score=1, evidence=evidence)]})
    page(PAGES.paper(paper.key, known, [appearance]))
    contents = (PAGES.archive(one), PAGES.tag(one, "snn"), PAGES.index([one]), PAGES.feeds([one]))
    assert [page(content).faults for content in contents] == [[], [], [], []]


def test_templates_in_titles_are_text():
    document = edition_page(make.entry(make.paper(1, title="{{ 7 * 7 }} <script>alert(1)</script>"), "snn"))
    assert "{{ 7 * 7 }} <script>alert(1)</script>" in document.text
    assert not any(tag == "script" for tag, _ in document.tags)


def test_pages_load_nothing_and_run_nothing(tmp_path: Path):
    for content in (PAGES.index([shelf(*make.editions(1))]), PAGES.feeds([shelf(*make.editions(1))])):
        assert not re.search(rb"<script|<img|<iframe|@import|url\(|@font-face|\son\w+=", content)


def _luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colours_hold_their_contrast_in_light_and_dark():
    style = (Path(__file__).parents[2] / "templates/page/style.css").read_text()
    themes = [dict(re.findall(r"--(\w+):(#\w{6})", rule)) for rule in re.findall(r":root\{[^}]*\}", style)]
    assert len(themes) == 2
    for theme in themes:
        for text in ("ink", "soft", "accent"):
            for ground in ("page", "paper"):
                light, dark = sorted((_luminance(theme[text]), _luminance(theme[ground])), reverse=True)
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)


def test_no_text_is_smaller_than_13_pixels():
    style = (Path(__file__).parents[2] / "templates/page/style.css").read_text()
    assert {int(size) for size in re.findall(r"(?:font-size:|font:)(\d+)px", style)} == {34, 19, 18, 16, 13}


def test_a_note_is_empty_for_a_plain_new_entry():
    assert note(make.entry(make.paper(1), "snn")) == ""


def test_a_card_keeps_what_lists_need():
    one = card(make.edition(3, [make.entry(make.paper(1), "snn", "vision")]), "sha")
    assert one.rows[0].tags == ("snn", "vision")
    assert one.instant == datetime.fromisoformat("2026-01-07T08:00:00+00:00")
    assert one.names == {"snn": "Spiking & neuromorphic", "vision": "Vision"}
    assert EditionRef(number=one.number, date=one.date) == EditionRef(number=3, date=date(2026, 1, 7))
