"""Feeds of all forms as listings: what is read, what is rejected, and that any bytes end well."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import ParseError
from digest.models import Alias, Category, Link, Listing, Parsed, Span
from digest.sources import feed_form, formats
from digest.testing import NOON, ids
from tests.sources import feeds

ABSTRACT = r"We show that $a < b$ for every \alpha, and prove R&D. It costs ~5 dollars."


def one(feed: str | bytes) -> Listing:
    """Return the only listing of a feed."""
    (listing,) = feeds.read(feed).listings
    return listing


def items(parsed: Parsed) -> list[int]:
    """Return the numbers of all items, read or rejected."""
    return sorted([one.span.first for one in parsed.listings] + [one.span.first for one in parsed.rejected])


def test_an_announcement_of_arxiv_is_taken_apart() -> None:
    item = feeds.arxiv_item("2611.01234v1", "On $x^2$ & More", ABSTRACT, kind="cross", categories=("cs.LG", "stat.ML"))
    listing = one(feeds.arxiv(item))
    assert listing == Listing(
        span=Span(first=1, last=1),
        title="On $x^2$ & More",
        abstract=ABSTRACT,
        authors=("Ann Bee", "Cee Dee"),
        published=date(2026, 11, 20),
        ids=ids("arxiv:2611.01234"),
        categories=(Category(id="cs.LG", name="Machine Learning"), Category(id="stat.ML", name="Machine Learning")),
        version=1,
        announced="cross",
    )


@pytest.mark.parametrize("element", [True, False])
@pytest.mark.parametrize("kind", ["new", "cross", "replace", "replace-cross"])
def test_announce_types_are_read_from_element_or_text(kind: str, element: bool) -> None:
    listing = one(feeds.arxiv(feeds.arxiv_item("2611.01234v2", "A Title", "Text.", kind=kind, element=element)))
    assert (listing.announced, listing.version, listing.abstract) == (kind, 2, "Text.")


def test_feeds_of_arxiv_before_2024_hold_the_id_in_the_title() -> None:
    old = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="http://arxiv.org/"><title>cs.LG</title>'
        "<link>http://arxiv.org/</link><description>d</description><dc:date>2023-01-03T20:30:00-05:00</dc:date></channel>"
        '<item rdf:about="http://arxiv.org/abs/2301.00123"><title>'
        "A Title. (arXiv:2301.00123v3 [cs.LG] UPDATED)</title><link>http://arxiv.org/abs/2301.00123</link>"
        "<description rdf:parseType='Literal'>&lt;p&gt;We show it.&lt;/p&gt;"
        '</description><dc:creator>&lt;a href="http://arxiv.org/a"&gt;Ann Bee&lt;/a&gt;, &lt;a&gt;Cee Dee&lt;/a&gt;'
        "</dc:creator></item></rdf:RDF>"
    )
    listing = one(old)
    assert (listing.title, listing.abstract, listing.authors) == ("A Title", "We show it.", ("Ann Bee", "Cee Dee"))
    assert (listing.ids, listing.version, listing.announced) == (ids("arxiv:2301.00123"), 3, "replace")
    assert listing.categories == (Category(id="cs.LG", name="Machine Learning"),)


def test_an_entry_of_the_api_is_read() -> None:
    listing = one(feeds.api(feeds.api_entry("2611.00001v2", comment="12 pages")))
    assert listing.ids == ids("arxiv:2611.00001")
    assert (listing.version, listing.published, listing.announced) == (2, date(2026, 11, 16), None)
    assert listing.authors == ("Ann Bee", "Cee Dee")
    assert listing.categories == (
        Category(id="cs.NE", name="Neural and Evolutionary Computing"),
        Category(id="q-bio.NC", name="Neurons and Cognition"),
    )
    assert listing.extra == {"comment": "12 pages"}
    assert listing.links == ()


def test_the_apis_error_is_no_paper() -> None:
    error = (
        "<entry><id>https://arxiv.org/api/errors#incorrect_id_format_for_abc</id><title>Error</title>"
        "<summary>incorrect id format for abc</summary></entry>"
    )
    with pytest.raises(ParseError, match=r"error message of arXiv's API: incorrect id format for abc"):
        feeds.read(feeds.api(error))


@pytest.mark.parametrize(
    ("title", "abstract", "comment", "withdrawn"),
    [
        ("A Title", "This paper has been withdrawn by the author due to an error in Lemma 2.", "", True),
        ("A Title", "We show it.", "This submission has been withdrawn by arXiv administrators", True),
        ("A Title", "We show it.", "Withdrawn by the authors: Lemma 2 is wrong", True),
        ("WITHDRAWN: A Title", "We show it.", "", True),
        ("RETRACTED ARTICLE: A Title", "We show it.", "", True),
        ("A Title", "The drug was withdrawn. We ask why a paper is withdrawn.", "12 pages", False),
        ("Withdrawn Behaviour in Mice", "We show it.", "to appear", False),
    ],
)
def test_withdrawals_are_recognised(title: str, abstract: str, comment: str, withdrawn: bool) -> None:
    entry = feeds.api_entry("2611.00001v2", title, comment).replace("We show it for 2611.00001v2.", abstract)
    assert one(feeds.api(entry)).withdrawn is withdrawn


def test_a_journals_feed_with_prism_and_dublin_core() -> None:
    item = (
        "<title>A &lt;i&gt;Nematode&lt;/i&gt; at 10&lt;sup&gt;5&lt;/sup&gt; Pa</title>"
        "<link>https://example.org/content/9?rss=1</link>"
        "<dc:creator>Smith, J.</dc:creator><dc:creator>Doe, K. L.</dc:creator>"
        "<dc:identifier>pmid:38412345</dc:identifier><dc:identifier>doi:10.1234/ABC.9</dc:identifier>"
        "<prism:publicationName>Journal of Worms</prism:publicationName><prism:section>Zoology</prism:section>"
        "<prism:publicationDate>2026-11-18</prism:publicationDate><dc:date>2026-11-19</dc:date>"
        "<description>&lt;h3&gt;Abstract&lt;/h3&gt;&lt;p&gt;They are small.&lt;/p&gt;"
        "&lt;p&gt;We measured them.&lt;/p&gt;</description>"
    )
    listing = one(feeds.rss(item))
    assert listing.title == "A Nematode at 10⁵ Pa"
    assert listing.abstract == "They are small.\n\nWe measured them."
    assert listing.authors == ("Smith, J.", "Doe, K. L.")
    assert set(listing.ids) == set(ids("doi:10.1234/abc.9", "pmid:38412345"))
    assert (listing.venue, listing.published) == ("Journal of Worms", date(2026, 11, 18))
    assert listing.categories == (Category(id="zoology", name="Zoology"),)
    assert listing.links == (Link(rel="work", url="https://example.org/content/9?rss=1"),)


def test_a_preprint_of_biorxiv_has_its_version_and_its_subject() -> None:
    item = (
        "<title>Cells</title><link>http://biorxiv.org/cgi/content/short/2026.11.18.123456v2?rss=1</link>"
        "<description>They divide.</description><dc:creator>Zhang, X., Li, Y. W.</dc:creator>"
        "<dc:identifier>doi:10.64898/2026.11.18.123456</dc:identifier><category>cell_biology</category>"
    )
    listing = one(feeds.rss(item, title="bioRxiv Subject Collection: Cell Biology"))
    assert (listing.version, listing.venue) == (2, "bioRxiv")
    assert listing.ids == ids("doi:10.64898/2026.11.18.123456")
    assert listing.authors == ("Zhang, X.", "Li, Y. W.")
    assert listing.categories == (Category(id="cell-biology", name="Cell Biology"),)


def test_what_a_description_says_beside_the_abstract_is_taken_out() -> None:
    page = feeds.page_rss(("2611.00001", "A Title", "We show it: the comments are few.", 12))
    listing = one(page)
    assert listing.abstract == "We show it: the comments are few."
    assert (listing.upvotes, listing.comments, listing.authors) == (12, None, ("Ann Bee", "Cee Dee"))
    item = (
        "<title>A Title</title><link>https://huggingface.co/papers/2611.00001</link>"
        "<description>&lt;p&gt;Upvotes: 1,204 | Comments: 3&lt;/p&gt;&lt;p&gt;We show it.&lt;/p&gt;</description>"
    )
    listing = one(feeds.rss(item))
    assert (listing.upvotes, listing.comments, listing.abstract) == (1204, 3, "We show it.")
    assert listing.ids == ids("arxiv:2611.00001", "hf:2611.00001")


def test_citations_of_publishers_are_no_abstract() -> None:
    science_direct = (
        "<title>A Title</title><link>https://www.sciencedirect.com/science/article/pii/S1</link><description>&lt;p&gt;"
        "Publication date: March 2027&lt;/p&gt;"
        "&lt;p&gt;&lt;b&gt;Source:&lt;/b&gt; Journal of Econometrics, Volume 250&lt;/p&gt;"
        "&lt;p&gt;Author(s): Ann Bee, Cee Dee&lt;/p&gt;</description>"
    )
    listing = one(feeds.rss(science_direct))
    assert (listing.abstract, listing.venue, listing.authors) == ("", "Journal of Econometrics", ("Ann Bee", "Cee Dee"))
    nature = (
        "<title>A Title</title><link>https://www.nature.com/articles/s41586-026-00001-1</link><content:encoded>"
        '&lt;p&gt;Nature, Published online: 18 November 2026; &lt;a href="https://doi.org/x"&gt;doi:10.1038/s41586-026-00001-1'
        "&lt;/a&gt;&lt;/p&gt;We found it.</content:encoded>"
    )
    listing = one(feeds.rss(nature, title="Nature"))
    assert (listing.abstract, listing.venue) == ("We found it.", "Nature")
    assert listing.ids == ids("doi:10.1038/s41586-026-00001-1")


def test_atom_says_itself_what_is_markup() -> None:
    atom = (
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><updated>2026-11-20T00:00:00Z</updated><entry>'
        '<title>The &lt;b> Tag &amp;amp; "&lt;think&gt;"</title><id>https://openreview.net/forum?id=AbCdEf123</id>'
        '<link href="https://openreview.net/forum?id=AbCdEf123"/><link rel="enclosure" type="application/pdf" '
        'href="https://example.org/a.pdf"/><summary>p &lt; 0.05 &lt;b>so&lt;/b></summary>'
        "<published>2026-11-18T00:00:00+09:00</published><author><name>Bee, Ann</name></author></entry></feed>"
    )
    listing = one(atom)
    assert listing.title == 'The <b> Tag &amp; "<think>"'
    assert listing.abstract == "p < 0.05 <b>so</b>"
    assert (listing.ids, listing.authors) == (ids("openreview:AbCdEf123"), ("Bee, Ann",))
    assert listing.links == (Link(rel="pdf", url="https://example.org/a.pdf"),)
    assert listing.published == date(2026, 11, 18)


def test_a_json_feed_is_read() -> None:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "t",
        "items": [
            {
                "id": "https://arxiv.org/abs/2611.00001v2",
                "url": "https://example.org/1",
                "title": "A <T> Title",
                "content_html": '<p>We show it.</p><p><a href="https://github.com/a/b">code</a></p>',
                "date_published": "2026-11-18T22:00:00Z",
                "authors": [{"name": "Ann Bee"}, {"name": "Cee Dee"}],
                "tags": ["Vision"],
                "attachments": [{"url": "https://example.org/1.pdf", "mime_type": "application/pdf"}],
            },
            {"id": "2", "content_text": "no title"},
            "nothing",
            {"id": 3, "title": ["x"], "authors": "me"},
        ],
    }
    parsed = feeds.read(json.dumps(feed))
    (listing,) = parsed.listings
    assert (listing.title, listing.abstract, listing.version) == ("A <T> Title", "We show it.\n\ncode", 2)
    assert listing.links == (
        Link(rel="work", url="https://example.org/1"),
        Link(rel="pdf", url="https://example.org/1.pdf"),
        Link(rel="code", url="https://github.com/a/b"),
    )
    assert (listing.published, listing.authors) == (date(2026, 11, 18), ("Ann Bee", "Cee Dee"))
    assert [one.span.first for one in parsed.rejected] == [2, 3, 4]
    assert all("has no title" in one.reason for one in parsed.rejected)


def test_items_without_a_title_are_rejected_as_they_stand() -> None:
    parsed = feeds.read(feeds.rss("<title>First</title>", "<link>https://x.invalid/2</link>", "<title>Third</title>"))
    assert [one.title for one in parsed.listings] == ["First", "Third"]
    (rejected,) = parsed.rejected
    assert (rejected.span, rejected.reason) == (Span(first=2, last=2), "item 2: has no title")
    assert "<link>https://x.invalid/2</link>" in rejected.text


def test_an_item_that_the_files_end_cuts_is_rejected() -> None:
    whole = feeds.rss(
        "<title>First</title><description>All.</description>", "<title>Second</title><description>It is</description>"
    )
    parsed = feeds.read(whole[: whole.index("It is") + 4])
    assert [one.title for one in parsed.listings] == ["First"]
    assert [one.reason for one in parsed.rejected] == ["item 2: the file ends inside of this item; fetch it again"]


def test_hostile_links_are_none() -> None:
    item = "<title>A</title><link>javascript:alert(1)</link><comments>http://x.invalid/ b</comments>"
    assert one(feeds.rss(item)).links == ()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b" \r\n\0", "is empty"),
        (
            b"<!DOCTYPE html><html><head><title>Log in &amp; go</title>",
            "is an HTML page instead of a feed: Log in & go",
        ),
        (b'<?xml version="1.0"?>\n<html xmlns="http://www.w3.org/1999/xhtml">', "is an HTML page instead of a feed"),
        (b"Service unavailable", "is of no known form of feed; it begins: 'Service unavailable'"),
        (b'{"version": "https://jsonfeed.org/version/1"}', "without a list of items"),
        (b'{"version": "https://jsonfeed.org/version/1", ' + b'"a": [' * 100_000, "is no JSON that can be read"),
        (b"<rss>" + b"<a>" * 30_000, "elements within elements"),
        (b"<rss>" + b"<item>" * 10_000 + b"<item/>" * 45_000, "over 50,000 items"),
        (b"<rss>" + b" " * 20_000_001, "feeds of over 20 MB are not read"),
    ],
)
def test_what_is_no_feed_is_told_as_what_it_is(content: bytes, said: str) -> None:
    with pytest.raises(ParseError, match=said.replace("'", ".")):
        feeds.read(content)


def test_the_date_of_a_dump_is_its_files_then_the_feeds_then_that_of_the_newest_item() -> None:
    dated = feeds.arxiv(feeds.arxiv_item("2611.00001v1", "A", "b."), day=date(2026, 11, 19))
    assert feeds.read(dated, "20261118T0020_x.xml").dating.date == date(2026, 11, 18)
    assert (feeds.read(dated).dating.date, feeds.read(dated).dating.rule) == (date(2026, 11, 19), "proven")
    items = ("<title>A</title><pubDate>Mon, 16 Nov 2026 00:00:00 GMT</pubDate>", "<title>B</title>")
    found = feeds.read(feeds.rss(*items)).dating
    assert (found.date, found.rule) == (date(2026, 11, 16), "assumed")
    assert feeds.read(feeds.rss("<title>B</title>")).dating.date == NOON.date()


def test_feeds_are_recognised_in_folders_in_any_encoding() -> None:
    feed = feeds.rss("<title>Schrödingers naïve Café</title>")
    latin = feed.replace("UTF-8", "iso-8859-1").encode("latin-1")
    for content in (
        feed.encode(),
        b"\xef\xbb\xbf" + feed.encode(),
        feed.replace("UTF-8", "utf-16").encode("utf-16"),
        latin,
    ):
        assert feed_form.recognise(content)
        assert one(content).title == "Schrödingers naïve Café"
    assert not feed_form.recognise(b"Daily Papers\nJan 2\n")
    assert not feed_form.recognise(b'[{"paper": {}}]')
    assert not feed_form.recognise(b"<!DOCTYPE html><html><rss>")
    parsed = formats.read_bytes(latin, lambda clues: feeds.read(latin).dating)
    assert len(parsed.listings) == 1


def test_entities_that_grow_end_soon() -> None:
    grown = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    head = f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY e0 "lol">{grown}]>'
    bomb = f"{head}<rss><channel><item><title>&e11;</title></item></channel></rss>"
    assert sum(len(one.title) for one in feeds.read(bomb).listings) < 10_000


def test_nothing_outside_of_the_bytes_is_read(tmp_path_factory: pytest.TempPathFactory) -> None:
    secret = tmp_path_factory.mktemp("x") / "secret"
    secret.write_text(feeds.rss("<title>Secret</title>"))
    with pytest.raises(ParseError):
        feeds.read(str(secret))
    entity = f'<!DOCTYPE r [<!ENTITY e SYSTEM "file://{secret}">]>'
    assert "Secret" not in one(f"{entity}<rss><channel><item><title>A &e;</title></item></channel></rss>").title


_MARKS = rb"""<rss> <channel> <item> </item> <title> </title> A <entry> </entry> <feed> <![CDATA[ ]]> <!-- --> & &lt; <
    > <?xml ?> <!DOCTYPE <rdf:RDF <link> https://arxiv.org/abs/2611.1 <pubDate> Mon,99Foo2026 <dc:creator> <![ [
    {"version":"https://jsonfeed.org/version/1", "items":[ { } ] "title": "x" , <description> <guid> <category/term=
    ' " = xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns="http://www.w3.org/2005/Atom" encoding="utf-16"
    <content:encoded>"""
_BITS = st.sampled_from([*_MARKS.split(), b"\x00", b"\xff", b"\xfe\xff", b" "])


@settings(max_examples=400)
@given(st.one_of(st.binary(max_size=200), st.lists(_BITS, max_size=40).map(b"".join)))
def test_any_bytes_are_listings_and_rejected_items_or_a_parse_error(content: bytes) -> None:
    try:
        parsed = feeds.read(content)
    except ParseError:
        return
    assert items(parsed) == list(range(1, len(feed_form.channel(content).items) + 1))


_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"), max_size=40
)


@settings(max_examples=100)
@given(st.lists(st.tuples(_TEXT, _TEXT), max_size=6))
def test_every_item_is_a_listing_or_rejected(texts: list[tuple[str, str]]) -> None:
    made = [
        f"<title><![CDATA[{title}]]></title><description><![CDATA[{text}]]></description>"
        for title, text in texts
        if "]]>" not in title + text
    ]
    parsed = feeds.read(feeds.rss(*made))
    assert items(parsed) == list(range(1, len(made) + 1))


def test_aliases_of_one_item_name_one_work() -> None:
    item = (
        "<title>A</title><link>https://doi.org/10.1234/a</link><guid>10.1234/A</guid>"
        "<dc:identifier>doi:10.1234/a</dc:identifier><prism:doi>10.1234/A</prism:doi>"
    )
    assert one(feeds.rss(item)).ids == (Alias(scheme="doi", value="10.1234/a"),)


def test_instants_are_days_in_utc() -> None:
    def published(text: str) -> date | None:
        return one(feeds.rss(f"<title>A</title><pubDate>{text}</pubDate>")).published

    assert published("Wed, 18 Nov 2026 22:00:00 -0500") == date(2026, 11, 19)
    assert published("Wed, 18 Nov 2026 00:00:00 +0900") == date(2026, 11, 18)
    assert published("Wed, 18 Nov 2026 00:00:00 -0500") == date(2026, 11, 18)
    assert published("soon") is None
    assert feeds.read(feeds.rss("<title>A</title>"), received=datetime(2026, 1, 1, tzinfo=UTC)).dating.date == date(
        2026, 1, 1
    )
