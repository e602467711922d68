"""Lists of feeds: all that are named, and none that stops another."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from digest.errors import PartlyReadError, SourceError
from digest.models import Dump, Notice
from digest.sources.http import Http
from digest.sources.opml import OpmlSettings, OpmlSource, feeds
from tests.sources import feeds as made
from tests.sources.faults import HOST, Asked, Memory, Reply, Server, serving, text


def outline(*urls: str, **named: str) -> str:
    """Return a list of feeds; some with names."""
    pairs = [*(("", url) for url in urls), *named.items()]
    rows = "".join(f'<outline text="{name}" type="rss" xmlUrl={quoteattr(url)}/>' for name, url in pairs)
    return f'<?xml version="1.0"?><opml version="2.0"><head/><body><outline text="all">{rows}</outline></body></opml>'


def source(path: str, root: Path = Path("/")) -> OpmlSource:
    return OpmlSource(OpmlSettings(name="s", path=path), root, Http(contact=None, allow_hosts=[HOST], attempts=1))


def feed(server: Server, path: str, title: str) -> str:
    return server.on(path, text(made.rss(f"<title>{title}</title>").encode(), etag=f'"{path}"'))


def test_all_feeds_of_a_file_are_read_in_its_order(tmp_path: Path) -> None:
    with serving() as server:
        urls = [feed(server, f"/{name}", name) for name in "cab"]
        (tmp_path / "list.opml").write_text(outline(*urls, urls[0]))
        opened = source("list.opml", tmp_path)
        got = [one for one in opened.fetch(Memory()) if isinstance(one, Dump)]
    assert [one.name for one in got] == urls
    assert [opened.parse(one, Memory.now).listings[0].title for one in got] == ["c", "a", "b"]
    assert all(any(one.name in key for key in one.remember) for one in got)


def test_one_bad_feed_stops_no_other(tmp_path: Path) -> None:
    with serving() as server:
        bad = [server.on("/page", text(b"<html><title>Gone</title>")), server.url("/nothing")]
        urls = [feed(server, "/a", "a"), *bad, feed(server, "/b", "b")]
        empty = server.on("/empty", text(made.rss().encode()))
        more = {"Gone Blog": server.url("/gone"), "Old Blog": "ftp://x.invalid/f"}
        (tmp_path / "list.opml").write_text(outline(*urls, empty, **more))
        given = source(str(tmp_path / "list.opml")).fetch(Memory())
        got = [next(given), next(given), next(given)]
        with pytest.raises(PartlyReadError) as failed:
            next(given)
    assert str(failed.value) == (
        f"source s: 4 of 7 feeds failed: {bad[0]}: is an HTML page instead of a feed: Gone; "
        f"{bad[1]}, Gone Blog: HTTP 404; Old Blog: an address ftp: is never asked, only http and https"
    )
    assert [one.name for one in got if isinstance(one, Dump)] == [urls[0], urls[3]]
    assert isinstance(got[2], Notice)
    assert (got[2].status, got[2].note) == ("empty", "of 7 feeds 1 empty")


def test_a_list_of_which_no_feed_can_be_read_has_failed(tmp_path: Path) -> None:
    with serving() as server:
        (tmp_path / "list.opml").write_text(outline(*(server.url(f"/{n}") for n in range(7))))
        with pytest.raises(SourceError, match=r"7 of 7 feeds failed: .*/0, .*/4 and 2 more: HTTP 404$") as failed:
            list(source("list.opml", tmp_path).fetch(Memory()))
    assert not isinstance(failed.value, PartlyReadError)


def test_a_host_that_hangs_is_given_up_for_all_of_its_feeds_at_once(tmp_path: Path) -> None:
    with serving() as server, serving() as other:

        def hang(reply: Reply, _: Asked) -> None:
            reply.wait(5)

        urls = [server.on(f"/{n}", hang) for n in range(9)]
        fine = feed(other, "/a", "a").replace(HOST, "localhost")
        (tmp_path / "list.opml").write_text(outline(*urls, fine))
        settings = OpmlSettings(name="s", path="list.opml", timeout=0.3)
        given = OpmlSource(settings, tmp_path, Http(contact=None, allow_hosts=[HOST, "localhost"])).fetch(Memory())
        assert isinstance(next(given), Dump)
        with pytest.raises(PartlyReadError, match=r"9 of 10 .*/0: no answer within 0.3 s; .*/1, .* not asked after"):
            next(given)
        assert len(server.asked) == 1


def test_a_list_on_the_web_whose_feeds_have_not_changed() -> None:
    with serving() as server:
        urls = [server.on(path, text(status=304)) for path in ("/a", "/b")]
        listed = server.on("/list.opml", text(outline(*urls).encode()))
        (notice,) = source(listed).fetch(Memory({f"etag:{url}": '"1"' for url in urls}))
    assert isinstance(notice, Notice)
    assert (notice.status, notice.note) == ("unchanged", "of 2 feeds 2 unchanged")


def test_a_list_that_is_none_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "list.opml").write_text("<opml><body><outline text='x'/></body></opml>")
    with pytest.raises(SourceError, match=r"names no feeds: no outline has an xmlUrl"):
        list(source("list.opml", tmp_path).fetch(Memory()))
    with pytest.raises(SourceError, match=r"nowhere.opml: No such file.*correct `path`"):
        list(source("nowhere.opml", tmp_path).fetch(Memory()))


def test_lists_as_they_are_in_the_wild() -> None:
    text = """<opml><body><!-- <outline xmlUrl="https://x.invalid/old"/> -->
    <outline xmlUrl='https://x.invalid/a?b=1&amp;c="2"' text="R & D"><OUTLINE TEXT="a > b" XMLURL="feed://x.invalid/b">
    <outline htmlUrl="https://x.invalid/" type="link" xmlUrl="https://x.invalid/no"/><outline
      text="c"
      xmlUrl = "feed:https://x.invalid/c" />"""
    assert feeds(text) == {
        'https://x.invalid/a?b=1&c="2"': "R & D",
        "http://x.invalid/b": "a > b",
        "https://x.invalid/c": "c",
    }


def test_a_real_list_is_read_whole(data: Path) -> None:
    path = data / "opml" / "econfin_all.opml"
    if not path.is_file():
        pytest.skip("DIGEST_TEST_DATA holds no opml/econfin_all.opml")
    found = feeds(path.read_text())
    assert len(found) == path.read_text().count("xmlUrl=")
    assert all(url.startswith("https://") and "&amp;" not in url for url in found)
