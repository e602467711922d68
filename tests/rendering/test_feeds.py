"""The feeds: read back as they were meant, by feedparser, by XML and by the rules of JSON Feed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree

import feedparser
import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest import links
from digest.edition import view
from digest.models import Edition, TagName, Taxonomy
from digest.rendering.environment import make_environment
from digest.rendering.feed_items import FeedFiller
from digest.rendering.feeds import paper_window, render_feed, render_opml
from digest.rendering.shelf import Shelf, card
from tests.rendering import pages as make
from tests.rendering.feed_rules import JSON_FEED

ENVIRONMENT = make_environment(None)
ATOM = "{http://www.w3.org/2005/Atom}"
DC = "{http://purl.org/dc/elements/1.1/}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}"
TITLES = [
    "R&D: a < b & c > d, AT&T",
    "😀 👩‍🔬 深層学習, ünïcode",
    "LaTeX 4.54\\% of $\\alpha$ and \\mathcal{O}(n)",
    "quotes \" ' ` and ]]> <![CDATA[",
    "control \x01\x0b\x1f\x7f characters",
]


def shelf_of(editions: Sequence[Edition], taxonomy: Taxonomy | None = None) -> Shelf:
    return Shelf("daily", make.DAILY, [card(one, f"sha{one.number}") for one in editions], taxonomy)


def rendered(editions, *, base_url=make.BASE, tag=None, papers=True, store=None):
    """Return the bytes of a feed's three formats."""
    store = store or make.filled(*editions)
    filler = FeedFiller(shelf_of(editions), store, ENVIRONMENT, base_url, view.page_view)
    feed = next(iter(filler.of_papers([tag]))) if papers else filler.of_editions()
    return [content for _, content in render_feed(ENVIRONMENT, feed, base_url)]


def titled(titles):
    entries = [
        make.entry(make.paper(n, title=title, authors=("Ada <a@b>", title)), "snn", "vision", summary=title)
        for n, title in enumerate(titles)
    ]
    return [make.edition(1, entries, lead=" ".join(titles))]


def test_all_three_formats_read_back_equal():
    rss, atom, json_feed = rendered(titled(TITLES))
    one, two, three = feedparser.parse(rss), feedparser.parse(atom), json.loads(json_feed)
    assert not one.bozo
    assert not two.bozo
    assert (one.version, two.version) == ("rss20", "atom10")
    wanted = [
        "R&D: a < b & c > d, AT&T",
        "😀 👩‍🔬 深層学習, ünïcode",
        three["items"][2]["title"],
        "quotes \" ' ` and ]]> <![CDATA[",
        "control characters",
    ]
    for found in ([one.title for one in one.entries], [one.title for one in two.entries]):
        assert found == wanted
    assert [one["title"] for one in three["items"]] == wanted
    ids = [f"{make.FEED_ID}/paper/2601.{n:05d}" for n in range(5)]
    assert [item.id for item in one.entries] == [item.id for item in two.entries] == ids
    assert [item["id"] for item in three["items"]] == ids
    for first, second, third in zip(one.entries, two.entries, three["items"], strict=True):
        authors = [author["name"] for author in third["authors"]]
        assert [author.name for author in second.authors] == authors
        assert [author.name for author in first.authors if author] == authors
        assert [tag.term for tag in first.tags] == [tag.term for tag in second.tags] == third["tags"]
        assert first.published_parsed[:6] == second.updated_parsed[:6] == (2026, 1, 5, 8, 0, 0)
        assert first.link == second.link == third["url"]


@pytest.mark.parametrize("base_url", [make.BASE, None])
@pytest.mark.parametrize("count", [0, 1, 9])
@pytest.mark.parametrize("papers", [True, False])
def test_a_feed_is_valid_whatever_it_holds(count, papers, base_url):
    editions = make.editions(count, each=7)
    rss, atom, json_feed = rendered(editions, papers=papers, base_url=base_url)
    check_rss(rss, base_url)
    check_atom(atom, base_url)
    data = json.loads(json_feed)
    jsonschema.validate(data, JSON_FEED)
    expected = min(count, 20) if not papers else len({e.paper.key for one in editions for e in one.entries})
    assert len(data["items"]) == expected
    assert len(ElementTree.fromstring(rss).findall("channel/item")) == expected
    assert b"localhost" not in rss + atom + json_feed


def check_rss(content, base_url):
    channel = ElementTree.fromstring(content).find("channel")
    assert channel is not None
    assert all(channel.findtext(name) for name in ("title", "link", "description", "language", "ttl"))
    own = channel.find(f"{ATOM}link")
    assert (own is not None) == bool(base_url)
    items = channel.findall("item")
    assert (channel.find("lastBuildDate") is not None) == bool(items)
    for item in items:
        guid = item.find("guid")
        assert guid is not None
        assert guid.get("isPermaLink") == "false"
        assert guid.text is not None
        assert guid.text.startswith("tag:")
        assert parsedate_to_datetime(item.findtext("pubDate", "")).tzinfo == UTC
        assert item.findtext(f"{CONTENT}encoded")
    guids = [item.findtext("guid") for item in items]
    assert len(guids) == len(set(guids))


def check_atom(content, base_url):
    feed = ElementTree.fromstring(content)
    assert feed.findtext(f"{ATOM}id", "").startswith("tag:")
    assert feed.findtext(f"{ATOM}author/{ATOM}name")
    rels = {link.get("rel"): link.get("href") or "" for link in feed.findall(f"{ATOM}link")}
    assert set(rels) == ({"self", "alternate"} if base_url else set())
    assert all(href.startswith(base_url) for href in rels.values())
    stamps = []
    for entry in feed.findall(f"{ATOM}entry"):
        updated = datetime.fromisoformat(entry.findtext(f"{ATOM}updated", ""))
        assert datetime.fromisoformat(entry.findtext(f"{ATOM}published", "")) <= updated
        stamps.append(updated)
    assert stamps == sorted(stamps, reverse=True)
    assert len(stamps) == len(set(stamps)), "readers that sort by date would shuffle them"
    assert datetime.fromisoformat(feed.findtext(f"{ATOM}updated", "")).year >= 2000


@settings(max_examples=25)
@given(title=st.text(max_size=50), abstract=st.text(max_size=80), author=st.text(max_size=20))
def test_any_text_gives_well_formed_feeds(title, abstract, author):
    entry = make.entry(make.paper(1, title=title, abstract=abstract, authors=(author,)), "snn", summary=abstract)
    editions = [make.edition(1, [entry], lead=title, notes=(abstract,), tag_names={"snn": author or "x"})]
    store = make.filled(*editions)
    for papers in (True, False):
        rss, atom, json_feed = rendered(editions, papers=papers, store=store)
        check_rss(rss, make.BASE)
        check_atom(atom, make.BASE)
        jsonschema.validate(json.loads(json_feed), JSON_FEED)


def test_plain_text_of_rss_is_written_in_hexadecimal():
    rss = rendered(titled(["R&D <3"]))[0]
    assert b"<title>R&#x26;D &#x3C;3</title>" in rss
    assert b"<dc:creator>Ada &#x3C;a@b&#x3E;</dc:creator>" in rss


def test_a_description_is_html_that_shows_the_text():
    item = ElementTree.fromstring(rendered(titled(["a <b> & c"]))[0]).find("channel/item")
    assert item is not None
    assert item.findtext("description") == "a &lt;b&gt; &amp; c"


def test_titles_link_to_pages_where_there_is_a_site_else_to_the_work():
    editions = make.editions(1)
    assert json.loads(rendered(editions)[2])["items"][0]["url"] == f"{make.BASE}/papers/2601.01000/"
    assert json.loads(rendered(editions, base_url=None)[2])["items"][0]["url"] == "https://arxiv.org/abs/2601.01000"
    unknown = [make.edition(1, [make.entry(make.paper(1, ids=()), "snn")])]
    assert "url" not in json.loads(rendered(unknown, base_url=None)[2])["items"][0]


def test_a_revised_paper_keeps_its_id_and_moves_its_date():
    before, after = make.editions(1), make.editions(2)
    key = before[0].entries[0].paper.key
    id = links.paper_id(make.FEED_ID, key)
    old = {item["id"]: item for item in json.loads(rendered(before)[2])["items"]}[id]
    new = {item["id"]: item for item in json.loads(rendered(after)[2])["items"]}[id]
    assert new["title"].startswith("Revised")
    assert new["date_published"] == old["date_published"] == "2026-01-05T08:00:00Z"
    assert old["date_modified"].startswith("2026-01-05T08:00:00")
    assert new["date_modified"].startswith("2026-01-06T08:00:00")


def test_an_item_about_an_edition_holds_its_whole_list():
    editions = [make.edition(1, [make.entry(make.paper(n), "snn", "vision") for n in range(60)])]
    item = json.loads(rendered(editions, papers=False)[2])["items"][0]
    assert item["id"] == f"{make.FEED_ID}/2026-01-05"
    for n in range(60):
        assert f"{make.BASE}/papers/2601.{n:05d}/" in item["content_html"]
    assert "secret wish" not in item["content_html"]


def test_a_feed_of_editions_holds_the_last_twenty_newest_first():
    items = json.loads(rendered(make.editions(23), papers=False)[2])["items"]
    assert [item["id"] for item in items] == [
        f"{make.FEED_ID}/{make.FIRST + timedelta(days=n)}" for n in range(22, 2, -1)
    ]


@pytest.mark.parametrize(("editions", "each", "papers"), [(8, 30, 7 * 30), (12, 5, 12 * 5), (40, 5, 100), (9, 13, 100)])
def test_a_feed_of_papers_holds_seven_editions_and_at_least_a_hundred_papers(editions, each, papers):
    made = [
        make.edition(n, [make.entry(make.paper(n * 100 + k), "snn") for k in range(each)])
        for n in range(1, editions + 1)
    ]
    window = paper_window(shelf_of(made))
    assert len(window) == papers
    assert [one.number for one, _ in window] == sorted((one.number for one, _ in window), reverse=True)


def test_a_tags_feed_does_not_depend_on_editions_without_the_tag():
    made = make.editions(2)
    later = [*made, *(make.edition(n, [make.entry(make.paper(n), "theory")]) for n in range(3, 20))]
    assert [row.key for _, row in paper_window(shelf_of(made), "snn")] == [
        row.key for _, row in paper_window(shelf_of(later), "snn")
    ]


def test_with_a_taxonomy_a_parents_feed_has_the_papers_of_its_leaves():
    names = (
        TagName(id="efficient", name="Efficient models"),
        TagName(id="pruning", name="Pruning", parent="efficient"),
    )
    editions = [make.edition(1, [make.entry(make.paper(1), "pruning"), make.entry(make.paper(2), "snn")])]
    shelf = shelf_of(editions, Taxonomy(id="ml-1", names=names))
    assert [row.key for _, row in paper_window(shelf, "efficient")] == ["2601.00001"]
    assert shelf.names["efficient"] == "Efficient models"
    assert shelf.sizes == {"pruning": 1, "efficient": 1, "snn": 1}


def test_an_item_without_known_authors_names_none():
    editions = [make.edition(1, [make.entry(make.paper(1, authors=()), "snn")])]
    rss, atom, json_feed = rendered(editions)
    assert b"dc:creator>" not in rss
    assert "authors" not in json.loads(json_feed)["items"][0]
    assert feedparser.parse(atom).entries[0].get("author", "Daily Papers") == "Daily Papers"


@pytest.mark.parametrize("base_url", [make.BASE, None])
def test_the_list_of_feeds_is_opml_with_each_feed_once(base_url):
    shelf = shelf_of(make.editions(3))
    root = ElementTree.fromstring(render_opml(ENVIRONMENT, "Daily & Papers", [shelf], base_url))
    assert root.get("version") == "2.0"
    assert root.findtext("head/title") == "Daily & Papers"
    found = [one for one in root.iter("outline") if one.get("type") == "rss"]
    addresses = [one.get("xmlUrl") or "" for one in found]
    prefix = f"{base_url}/" if base_url else ""
    assert addresses[:2] == [f"{prefix}daily/rss.xml", f"{prefix}daily/papers/rss.xml"]
    assert f"{prefix}daily/tags/snn/rss.xml" in addresses
    assert len(addresses) == len(set(addresses)) == 2 + len(shelf.tags)
    assert all(one.get("text") and one.get("title") for one in found)


def test_equal_input_gives_equal_bytes():
    assert rendered(make.editions(5)) == rendered(make.editions(5))
