"""Sources on the network, through the command: one that fails says so, the others go on, nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.command import digest, page, paper, receipts, rows
from tests.sources.faults import HOST, Asked, Reply, Server, serving, text

CONFIG = """\
contact = "mailto:lab@example.org"
{allow}
[newsletters.daily]
[[sources]]
name = "api"
kind = "daily-papers"
url = "{url}"
[[sources]]
name = "dumps"
kind = "folder"
path = "dumps"
year = 2026
"""
THURSDAY, FRIDAY, MONDAY = "2026-11-19T20:00:00Z", "2026-11-20T20:00:00Z", "2026-11-23T20:00:00Z"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def answer(numbers: list[int]) -> bytes:
    """Return the API's page of some papers."""
    papers = [(number, *paper(number)) for number in numbers]
    return json.dumps(
        [
            {"paper": {"id": f"2611.{number:05}", "title": title, "summary": abstract, "upvotes": 3, "authors": []}}
            for number, title, abstract in papers
        ]
    ).encode()


def days(pages: dict[str, list[int] | int]) -> Any:
    """Return a route with the papers, or the error status, of each date."""

    def route(reply: Reply, asked: Asked) -> None:
        day = asked.path.partition("date=")[2][:10]
        found = pages.get(day, [])
        if isinstance(found, int):
            reply.send(found, b"<html>Sorry</html>", content_type="text/html")
        else:
            reply.send(200, answer(found), content_type="application/json", etag=f'"{day}-{len(found)}"')

    return route


def folder(tmp_path: Path, server: Server, *, allow: bool = True) -> Path:
    allowed = f'allow_hosts = ["{HOST}"]' if allow else ""
    (tmp_path / "digest.toml").write_text(CONFIG.format(allow=allowed, url=server.url("/api")))
    (tmp_path / "dumps").mkdir()
    (tmp_path / "dumps" / "1.txt").write_text(page("Nov 19", [paper(1), paper(2)]))
    return tmp_path


def by_name(receipt: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {source["name"]: source for source in receipt["sources"]}


def test_a_source_that_fails_says_so_and_the_others_go_on(tmp_path, server):
    where = folder(tmp_path, server)
    server.on("/api", text(b"gone", 404))
    (receipt,) = receipts("run", "--strict", cwd=where, clock=THURSDAY, status=1)
    found = by_name(receipt)
    assert found["api"]["status"] == "failed"
    assert "HTTP 404" in found["api"]["note"]
    assert f"{HOST}:{server.port}/api" in found["api"]["note"]
    assert found["dumps"]["listed"] == found["dumps"]["new"] == 2
    assert receipt["verdict"] == "partial"
    assert {asked.headers["user-agent"].partition(" ")[2] for asked in server.asked} == {"(+mailto:lab@example.org)"}


def test_the_loopback_is_refused_unless_it_is_allowed_by_name(tmp_path, server):
    where = folder(tmp_path, server, allow=False)
    server.on("/api", text(b"[]"))
    (receipt,) = receipts("run", cwd=where, clock=THURSDAY)
    assert 'allow_hosts = ["127.0.0.1"]' in by_name(receipt)["api"]["note"]
    assert server.asked == []


def test_what_a_failed_fetch_missed_is_asked_for_again_and_nothing_becomes_unseen(tmp_path, server):
    where = folder(tmp_path, server)
    pages: dict[str, list[int] | int] = {"2026-11-19": [11, 12, 13]}
    server.on("/api", days(pages))
    (thursday,) = receipts("run", cwd=where, clock=THURSDAY)
    assert by_name(thursday)["api"]["new"] == 3
    known = rows(where / "digest.db", "select key from papers order by key")

    pages |= {"2026-11-20": 404}
    (friday,) = receipts("run", cwd=where, clock=FRIDAY)
    assert by_name(friday)["api"]["status"] == "failed"
    assert by_name(friday)["api"]["new"] == 0
    assert rows(where / "digest.db", "select key from papers order by key") == known

    pages |= {"2026-11-20": [13, 14], "2026-11-23": [14, 15]}
    (monday,) = receipts("run", cwd=where, clock=MONDAY)
    found = by_name(monday)["api"]
    assert found["status"] == "ok"
    assert (found["new"], found["rejected"]) == (2, 0), "14 of the day that was missed, 15 of today; 13 was had"


FEEDS = """\
allow_hosts = ["127.0.0.1"]
[newsletters.daily]
[[sources]]
name = "broken"
kind = "feed"
url = "{broken}"
[[sources]]
name = "page"
kind = "feed"
url = "{page}"
[[sources]]
name = "half"
kind = "feed"
url = "{half}"
[[sources]]
name = "good"
kind = "feed"
url = "{good}"
"""


def rss(numbers: list[int]) -> bytes:
    """Return a feed of some papers."""
    items = [(number, *paper(number)) for number in numbers]
    body = "".join(
        f"<item><title>{title}</title><description>{abstract}</description><guid>urn:p:{number}</guid></item>"
        for number, title, abstract in items
    )
    return f'<rss version="2.0"><channel><title>Papers</title>{body}</channel></rss>'.encode()


def test_each_feed_has_its_own_status_and_an_unchanged_one_is_not_read_again(tmp_path, server):
    papers = [1, 2]

    def good(reply: Reply, asked: Asked) -> None:
        tag = f'"{len(papers)}"'
        same = asked.headers.get("if-none-match") == tag
        reply.send(304, etag=tag) if same else reply.send(200, rss(papers), etag=tag)

    def half(reply: Reply, _: Asked) -> None:
        reply.head(content_length="5000")
        reply.raw(rss([5])[:204])

    urls = {
        "broken": server.on("/broken", text(b"", 410)),
        "page": server.on("/page", text(b"<!doctype html><html><body>Sorry</body></html>", content_type="text/html")),
        "half": server.on("/half", half, text(rss([5]))),
        "good": server.on("/good", good),
    }
    (tmp_path / "digest.toml").write_text(FEEDS.format(**urls))

    (receipt,) = receipts("run", cwd=tmp_path, clock=THURSDAY)
    found = by_name(receipt)
    assert [source["name"] for source in receipt["sources"]] == ["broken", "page", "half", "good"]
    assert [found[name]["status"] for name in ("broken", "page")] == ["failed"] * 2
    assert "HTTP 410" in found["broken"]["note"]
    assert (found["half"]["new"], found["good"]["new"]) == (1, 2), "what was cut off was asked for again at once"

    (quiet,) = receipts("run", cwd=tmp_path, clock=FRIDAY)
    found = by_name(quiet)
    assert (found["half"]["new"], found["good"]["new"]) == (0, 0)
    assert "not changed" in found["good"]["note"]

    server.on("/good", text(b"", 404), good)
    (failed,) = receipts("run", cwd=tmp_path, clock=FRIDAY)
    assert (by_name(failed)["good"]["status"], by_name(failed)["good"]["new"]) == ("failed", 0)
    papers.append(3)
    (again,) = receipts("run", cwd=tmp_path, clock=FRIDAY)
    last = by_name(again)["good"]
    assert (last["listed"], last["new"], last["seen"]) == (3, 1, 2)
    asked = [asked.headers.get("if-none-match") for asked in server.asked if asked.path == "/good"]
    assert asked == [None, '"2"', '"2"', '"2"'], "a failed fetch forgets nothing"


LIST = """\
<opml version="2.0"><body>
<outline text="Good Blog" xmlUrl="{good}"/><outline text="Gone Blog" xmlUrl="{gone}"/>
<outline text="Slow Blog" xmlUrl="{slow}"/></body></opml>
"""


def test_a_list_is_read_as_far_as_it_goes_and_what_failed_is_named(tmp_path, server):
    with serving() as other:
        tag = '"1"'

        def good(reply: Reply, asked: Asked) -> None:
            same = asked.headers.get("if-none-match") == tag
            reply.send(304, etag=tag) if same else reply.send(200, rss([1, 2]), etag=tag)

        def hang(reply: Reply, _: Asked) -> None:
            reply.wait(5)

        urls = {"good": server.on("/good", good), "gone": server.url("/gone"), "slow": other.on("/", hang)}
        (tmp_path / "list.opml").write_text(LIST.format(**urls))
        config = 'allow_hosts = ["127.0.0.1"]\n[newsletters.daily]\n[[sources]]\nkind = "opml"\npath = "list.opml"\n'
        (tmp_path / "digest.toml").write_text(f'{config}timeout = "1s"\n')
        first = digest("run", cwd=tmp_path, clock=THURSDAY)
        assert first.returncode == 0, first.stderr
        said = " ".join(first.stdout.split())
        assert "  IN PART: 2 of 3 feeds failed\n  opml: 2 of 3 feeds failed: " in first.stdout
        assert "2 of 3 feeds failed: Gone Blog: HTTP 404; Slow Blog: no answer within 1 s" in said
        assert "Edition No. 1 · 2 new papers" in said
        assert "without parts of opml" in said
        assert "partial in" in first.stdout.splitlines()[-1]
        assert "exit 0; `--strict` makes this 1" in first.stdout.splitlines()[-1]

        other.on("/", text(b"", 503, retry_after="600"))
        (quiet,) = receipts("run", cwd=tmp_path, clock=FRIDAY)
        (found,) = quiet["sources"]
        assert (quiet["verdict"], found["status"]) == ("partial", "partial"), (
            "the good one had nothing new, and was read"
        )
        assert quiet["editions"][0]["evidence"].startswith("parts of opml could not be read, and nothing else is new")

        # It comes back on a later day with papers, of which one was known from another feed.
        server.on("/gone", text(rss([2, 3])))
        again = digest("run", cwd=tmp_path, clock=MONDAY)
        said = " ".join(again.stdout.split())
        assert "opml 2 1 0 1 IN PART: 1 of 3 feeds failed" in said, "two listed, one of them new"
        assert "Slow Blog: HTTP 503 (it asks to wait 10 min); failing since 19 Nov" in said
        assert again.returncode == 1
        assert "  do    see to opml, failing for days" in again.stdout
