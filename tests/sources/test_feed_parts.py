"""The parts of feeds: HTML as text, names of authors, ids in links, labels in descriptions, categories."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.sources import categories, feed_html, feed_ids, feed_labels, feed_names
from digest.sources.category_names import ARXIV, BIORXIV


@pytest.mark.parametrize(
    ("source", "paragraphs"),
    [
        ("<p>Hi <b>there</b></p><div>Next<br/>line<br><br>last</div>", ("Hi there", "Next line", "last")),
        ("a &lt;think&gt; token &amp; R&D", ("a <think> token & R&D",)),
        ("one\n\ntwo $a<b$ \\alpha", ("one", "two $a<b$ \\alpha")),
        ("x <a and b> y, p<0.05, q>0.1 <think>", ("x <a and b> y, p<0.05, q>0.1 <think>",)),
        ("10<sup>5</sup> H<sub>2</sub>O TiO<sub>x</sub>", ("10⁵ H₂O TiOx",)),
        ("a<script>b<i>c</i></script>d<style>e</style><!-- f -->", ("ad",)),
        ("<mml:math><mml:mi>x</mml:mi><annotation>x</annotation></mml:math> <jats:p>j</jats:p>", ("x", "j")),
        ('<img alt="a > b" src=x><td nowrap>q</td>', ("q",)),
        ("<![CDATA[<p>in</p>]]>", ("in",)),
        ("a<!-- never closed", ("a",)),
        ("", ()),
    ],
)
def test_html_becomes_paragraphs(source: str, paragraphs: tuple[str, ...]) -> None:
    assert feed_html.prose(source).paragraphs == paragraphs


@settings(max_examples=200)
@given(
    st.lists(
        st.sampled_from(
            ["<", ">", "p", " ", '"', "'", "=", "a", "<!--", "-->", "&", ";", "/", "<p ", "<sup>", "</sup>"]
        ),
        max_size=60,
    )
)
def test_any_html_is_read(bits: list[str]) -> None:
    for paragraph in feed_html.prose("".join(bits)).paragraphs:
        assert paragraph.strip() == paragraph != ""


def test_hostile_html_takes_no_time() -> None:
    began = time.perf_counter()
    for bit in ("<", "<p ", "<a b=", "<!--", "<p a='", "<sup>", "&", "<![CDATA[", "<p a b c ", '<a "'):
        feed_html.prose(bit * (200_000 // len(bit)))
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["Ann Bee, Cee Dee"], ("Ann Bee", "Cee Dee")),
        (["Smith, J."], ("Smith, J.",)),
        (["Smith, J., Doe, K. L., Müller, H.-J."], ("Smith, J.", "Doe, K. L.", "Müller, H.-J.")),
        (["Zhang, X.; Li, Yang"], ("Zhang, X.", "Li, Yang")),
        (["van der Berg, Jan", "O'Neil, P."], ("van der Berg, Jan", "O'Neil, P.")),
        (["A. Bee and C. Dee"], ("A. Bee", "C. Dee")),
        (["John Smith, Jr., Ann Bee"], ("John Smith, Jr.", "Ann Bee")),
        (["Ann Bee (MIT, USA), Cee Dee (Inria) et al."], ("Ann Bee", "Cee Dee")),
        (['<a href="x">Ann Bee</a>, <a>Cee Dee</a>'], ("Ann Bee", "Cee Dee")),
        (["ann@example.org", "  ", "https://example.org"], ()),
    ],
)
def test_authors_are_told_apart(given: list[str], names: tuple[str, ...]) -> None:
    assert feed_names.names(given) == names


def test_one_string_of_arxiv_holds_whole_names() -> None:
    assert feed_names.names(["Sophia, Ann Bee"], inverted=False) == ("Sophia", "Ann Bee")
    assert feed_names.names(["Plato, Aristotle"], inverted=False) == ("Plato", "Aristotle")


@pytest.mark.parametrize(
    ("text", "scheme", "value", "version"),
    [
        ("oai:arXiv.org:2505.12345v2", "arxiv", "2505.12345", 2),
        ("http://arxiv.org/abs/quant-ph/0201082v1", "arxiv", "quant-ph/0201082", 1),
        ("http://arxiv.org/abs/math.GT/0309136", "arxiv", "math/0309136", None),
        ("https://arxiv.org/pdf/2505.12345v3.pdf", "arxiv", "2505.12345", 3),
        ("https://doi.org/10.48550/arXiv.2505.12345", "arxiv", "2505.12345", None),
        ("doi:10.1101/2025.01.02.123456", "doi", "10.1101/2025.01.02.123456", None),
        ("https://doi.org/10.1016/S0140-6736(25)00001-1", "doi", "10.1016/s0140-6736(25)00001-1", None),
        ("https://doi.org/10.1038%2FS41586", "doi", "10.1038/s41586", None),
        ("https://www.nature.com/articles/s41586-025-08888-1", "doi", "10.1038/s41586-025-08888-1", None),
        ("https://www.tandfonline.com/doi/full/10.1080/01.2025?af=R", "doi", "10.1080/01.2025", None),
        ("https://www.frontiersin.org/articles/10.3389/fn.2025.1/full", "doi", "10.3389/fn.2025.1", None),
        ("https://www.aeaweb.org/articles?id=10.1257/aer.1", "doi", "10.1257/aer.1", None),
        ("https://www.biorxiv.org/content/10.1101/2025.01.02.123456v2.full", "doi", "10.1101/2025.01.02.123456", 2),
        ("10.21203/rs.3.rs-123/v2", "doi", "10.21203/rs.3.rs-123", 2),
        ("https://openreview.net/forum?id=AbC-d_1234", "openreview", "AbC-d_1234", None),
        ("https://pubmed.ncbi.nlm.nih.gov/38412345/?utm=1", "pmid", "38412345", None),
        ("pubmed:38412345", "pmid", "38412345", None),
    ],
)
def test_ids_are_found(text: str, scheme: str, value: str, version: int | None) -> None:
    found = feed_ids.read([text])
    assert [(one.scheme, one.value) for one in found.ids] == [(scheme, value)]
    assert found.version == version


@pytest.mark.parametrize(
    "text",
    [
        "https://github.com/a/b",
        "urn:uuid:10.1",
        "https://example.org/2505.12345",
        "12345",
        "https://arxiv.org/list/cs.LG",
        "",
    ],
)
def test_what_is_no_id_is_none(text: str) -> None:
    assert feed_ids.read([text]).ids == ()


def test_the_first_id_of_a_scheme_counts() -> None:
    found = feed_ids.read(["https://huggingface.co/papers/2505.00001", "https://arxiv.org/abs/2505.00002v3"])
    assert [(one.scheme, one.value) for one in found.ids] == [("arxiv", "2505.00001"), ("hf", "2505.00001")]


@settings(max_examples=200)
@given(st.text(max_size=80))
def test_any_text_may_hold_an_id(text: str) -> None:
    for prefix in ("", "https://doi.org/", "doi:10.1234/", "https://x.invalid/10.1234/"):
        for one in feed_ids.read([prefix + text]).ids:
            assert one.value == one.value.strip() != ""


@pytest.mark.parametrize(
    ("title", "journal"),
    [
        ("Nature - Issue - nature.com science feeds", "Nature"),
        ("ScienceDirect Publication: Journal of Econometrics", "Journal of Econometrics"),
        ("Wiley: Econometrica: Table of Contents", "Econometrica"),
        ("The Quarterly Journal of Economics Current Issue", "The Quarterly Journal of Economics"),
        ("bioRxiv Subject Collection: Neuroscience", "bioRxiv"),
        ("", ""),
    ],
)
def test_the_title_of_a_feed_names_the_journal(title: str, journal: str) -> None:
    assert feed_labels.journal(title) == journal


def test_prose_that_begins_like_a_label_stays() -> None:
    abstract = "Code: a survey of how programs are written, and why. " + "We ask people. " * 30
    assert feed_labels.read([[abstract.strip()]]).abstract == abstract.strip()
    assert (
        feed_labels.read([["Comments: we discuss these at length."]]).abstract
        == "Comments: we discuss these at length."
    )


def test_a_teaser_gives_way_to_the_content() -> None:
    whole = "We show it. " * 60
    assert feed_labels.read([["We show it."], [whole]]).abstract == whole
    assert feed_labels.read([[whole], [whole * 3]]).abstract == whole


def test_categories_have_names_for_people() -> None:
    assert len(ARXIV) == 155
    assert len(BIORXIV) > 70
    assert ARXIV["cs.CE"] == "Computational Engineering, Finance, and Science"
    assert ARXIV["quant-ph"] == "Quantum Physics"
    assert all(name == " ".join(name.split()) and name[0].isupper() for name in (*ARXIV.values(), *BIORXIV.values()))
    assert categories.arxiv("68T05") is None
    assert categories.arxiv("I.2.6") is None
    assert categories.unknown_arxiv("cs.LG") is None
    assert categories.unknown_arxiv("cs.lg") == "'cs.lg' is no category of arXiv; did you mean 'cs.LG'?"
    named = categories.named("animal_behavior_and_cognition")
    assert named is not None
    assert named.name == "Animal Behavior and Cognition"
