"""What a run prints on a normal day, an empty Sunday, with a broken source, and the first time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path

import pytest

from digest import config, pipeline, receipt
from digest.bootstrap import opened
from digest.cli.run import report
from digest.clock import fixed
from digest.protocols import Store
from tests.acceptance.command import paper
from tests.sources import feeds
from tests.sources.faults import Asked, Reply, serving

CONFIG = """\
allow_hosts = ["127.0.0.1"]
output = "{home}/public"
[newsletters.daily]
timezone = "Europe/Berlin"
at = "08:00"
[interests]
want = ["pruned"]
[[sources]]
kind = "daily-papers"
url = "{url}/api"
[[sources]]
kind = "arxiv"
categories = ["cs.LG"]
rss_url = "{url}/rss/"
api_url = "{url}/query"
"""


class Nowhere:
    """Publishes nothing, which saves the time of it."""

    def publish(self, store: Store) -> Sequence[str]:
        return ()


@dataclass
class World:
    """Two sources as they are on a day, and what a run says of them."""

    home: Path
    #: day -> papers of Daily Papers
    pages: dict[str, list[int]] = field(default_factory=dict)
    #: the feed of arXiv; None: it is broken
    feed: str | None = None

    def announce(self, day: date, *numbers: int) -> None:
        """Let arXiv's feed of a day have these papers."""
        items = (feeds.arxiv_item(f"2611.{one:05}v1", *paper(one)) for one in numbers)
        self.feed = feeds.arxiv(*items, day=day)

    def page(self, reply: Reply, asked: Asked) -> None:
        day = asked.path.partition("date=")[2][:10]
        found = self.pages.get(day, [])
        tag = f'"{day} {len(found)}"'
        if asked.headers.get("if-none-match") == tag:
            reply.send(304, etag=tag)
            return
        told = [
            dict(zip(("title", "summary"), paper(one), strict=True), id=f"2611.{one:05}", upvotes=one) for one in found
        ]
        reply.send(200, json.dumps([{"paper": {"authors": [], **one}} for one in told]).encode(), etag=tag)

    def rss(self, reply: Reply, _: Asked) -> None:
        if self.feed is None:
            reply.send(404)
        else:
            reply.send(200, self.feed.encode())

    def run(self, at: str, *, first: bool = False, published: bool = True) -> str:
        """Run at an instant, and return what it prints, with the times it took as `T s`."""
        with opened(config.load(self.home / "digest.toml"), fixed(datetime.fromisoformat(at))) as wired:
            parts = wired.parts if published else replace(wired.parts, publisher=Nowhere())
            done = pipeline.run(parts, wired.sources())
            status = receipt.exit_status(done.verdict, sources=done.sources)
            said = report(wired, done, 1.2, first=first, status=status)
        assert max(map(len, said.splitlines())) <= 80
        return re.sub(r"127\.0\.0\.1:\d+", "arxiv.test", said)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.chdir(tmp_path)
    made = World(tmp_path)
    with serving() as server:
        server.on("/api", made.page)
        server.on("/rss/cs.LG", made.rss)
        server.on("/query", lambda reply, _: reply.send(200, feeds.api(total=0).encode()))
        (tmp_path / "digest.toml").write_text(CONFIG.format(home=tmp_path, url=server.url("")))
        yield made


def shown(said: str, *patterns: str) -> bool:
    """Check what is printed line by line; `...` is any text of a line."""
    lines = said.splitlines()
    wanted = [re.escape(pattern).replace(re.escape("..."), ".*") for pattern in patterns]
    assert [bool(re.fullmatch(want, line)) for want, line in zip(wanted, lines, strict=False)] == [True] * len(
        wanted
    ), said
    assert len(lines) == len(wanted), said
    return True


def test_a_first_run_and_a_normal_day(world: World) -> None:
    world.pages |= {"2026-11-17": [60], "2026-11-18": [1, 2], "2026-11-19": [3, 4, 5]}
    world.announce(date(2026, 11, 19), *range(4, 12))
    assert shown(
        world.run("2026-11-19T09:00:00+00:00", first=True),
        "Thu 19 Nov 2026 · daily · Europe/Berlin · first run",
        "  source        listed  new  revised  enriched  seen  note",
        "  daily-papers       6    3        0         0     3  3 are older than 19 Nov",
        "  arxiv              8    6        0         2     0  2 also in daily-papers",
        "A first run announces the newest dump only. Older papers are noted as known.",
        "Edition No. 1 · 9 new papers under 2 headings",
        "  top   Pruned Networks of Size 7 Learn to Forecast...   matches your “pruned”",
        "  mail  9 of 9 shown, ... KiB, 2 min",
        "  open  public/daily/2026-11-19/index.html",
        "  next  digest preview --open   after each change of digest.toml",
        'published in 1.2 s. A second run will say "all seen"; that is how it works.',
    )
    world.pages["2026-11-20"] = [3, *range(20, 25)]
    world.announce(date(2026, 11, 20), 5, *range(23, 60))
    assert shown(
        world.run("2026-11-20T09:00:00+00:00"),
        "Fri 20 Nov 2026 · daily · Europe/Berlin",
        "  source        listed  new  revised  enriched  seen  note",
        "  daily-papers       6    5        0         0     1",
        "  arxiv             38   35        0         2     1  2 also in daily-papers",
        "Edition No. 2 · 40 new papers under ... headings",
        "  top   Pruned Networks of Size 21...   21 upvotes today, matches your “pruned”",
        "  mail  25 of 40 shown, ... KiB, ... min · the rest on the web",
        "  page  public/daily/2026-11-20/index.html",
        "published in 1.2 s",
    )


def test_days_without_an_edition_say_why_and_what_comes_next(world: World) -> None:
    world.pages["2026-11-20"] = [3, 4, 5]
    world.announce(date(2026, 11, 20), *range(6, 9))
    early = world.run("2026-11-20T06:30:00+00:00", published=False)
    assert "Nothing to publish: 6 papers ready, it is not yet time.\n  next  edition from 08:00 today\n" in early
    world.run("2026-11-20T07:00:00+00:00", published=False)
    world.announce(date(2026, 11, 22))
    assert shown(
        world.run("2026-11-22T09:00:00+00:00", published=False),
        "Sun 22 Nov 2026 · daily · Europe/Berlin",
        "  source        listed  new  revised  seen  note",
        "  daily-papers       0    0        0     0  never has a page at weekends",
        "  arxiv              0    0        0     0  feed says: none on Sat, Sun",
        "Nothing to publish, and that is right: no source announces on a Sunday.",
        "  last  No. 1 on Fri 20 Nov, 6 papers",
        "  next  daily-papers, arxiv about 05:00 UTC on Mon 23 Nov; edition from 08:00",
        "  want something now?  digest preview --days 3",
        "quiet: calendar in 1.2 s (no edition, no file changed)",
    )


def test_a_broken_source_is_named_with_what_becomes_of_its_papers(world: World) -> None:
    world.pages["2026-11-20"] = [3, 4, 5]
    world.announce(date(2026, 11, 20), *range(6, 9))
    world.run("2026-11-20T09:00:00+00:00", published=False)
    world.pages["2026-11-23"] = [50, 51, 52]
    world.feed = None
    assert shown(
        world.run("2026-11-23T09:00:00+00:00", published=False),
        "Mon 23 Nov 2026 · daily · Europe/Berlin",
        "  source        listed  new  revised  seen  note",
        "  daily-papers       3    3        0     0",
        "  arxiv              -    -        -     -  FAILED: HTTP 404",
        "  arxiv: http://arxiv.test/rss/cs.LG: HTTP 404; check the address in",
        "    digest.toml",
        "Edition No. 2 · 3 new papers · without arxiv",
        "  top   Recurrent Networks of Size 52 Learn to Forecast the…   52 upvotes today",
        "  page  public/daily/2026-11-23/index.html",
        "  Asked for again at the next run: arxiv's papers since Fri 20 Nov. What comes",
        '  after its day is marked "Late". Nothing counts as seen until it was read.',
        "  do    nothing now. After 3 failed days: digest sources",
        "partial in 1.2 s (exit 0; `--strict` makes this 1)",
    )
