"""Feeds over the web: asked conditionally, dated by the clock, and every way in which nothing comes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from digest.errors import ConfigError, SourceError
from digest.models import Dump, Notice
from digest.protocols import Remote
from digest.sources import open_source, settings_for
from digest.sources.feed import FeedSettings, FeedSource
from digest.sources.http import Http
from digest.testing import ids
from tests.sources import feeds
from tests.sources.faults import HOST, Memory, Server, serving, text

FEED = feeds.rss("<title>A Title</title><link>https://arxiv.org/abs/2611.00001</link>").encode()


def web() -> Http:
    return Http(contact=None, allow_hosts=[HOST], attempts=1)


def source(server: Server, path: str = "/20200102/feed.xml") -> FeedSource:
    return FeedSource(FeedSettings(name="s", url=server.url(path)), web())


class Later(Memory):
    """A run at another time."""

    def __init__(self, now: datetime, told: dict[str, str] | None = None) -> None:
        super().__init__(told)
        self.now = now


def test_a_feed_is_a_dump_of_today() -> None:
    with serving() as server:
        server.on("/20200102/feed.xml", text(FEED, etag='"1"'))
        opened = source(server)
        (dump,) = opened.fetch(Memory())
    assert isinstance(dump, Dump)
    assert (dump.date, dump.date_rule, dump.content) == (date(2026, 11, 20), "source-clock", FEED)
    parsed = opened.parse(dump, Memory.now)
    assert (parsed.dating.date, parsed.dating.rule) == (date(2026, 11, 20), "source-clock")
    assert parsed.listings[0].ids == ids("arxiv:2611.00001")


def test_what_has_not_changed_is_no_dump() -> None:
    with serving() as server:
        server.on("/20200102/feed.xml", text(FEED, etag='"1"'), text(status=304, etag='"1"'))
        opened = source(server)
        (dump,) = opened.fetch(Memory())
        assert isinstance(dump, Dump)
        (notice,) = opened.fetch(Memory(dump.remember))
        assert server.asked[1].headers["if-none-match"] == '"1"'
    assert isinstance(notice, Notice)
    assert (notice.status, notice.date) == ("unchanged", date(2026, 11, 20))


@pytest.mark.parametrize(
    ("now", "status", "note"),
    [
        (datetime(2026, 11, 21, 12, tzinfo=UTC), "calendar", "feed says: none on Sat, Sun"),
        (datetime(2026, 11, 23, 3, tzinfo=UTC), "calendar", "feed says: none on Sat, Sun"),
        (datetime(2026, 11, 20, 12, tzinfo=UTC), "empty", "the feed is empty"),
    ],
)
def test_an_empty_feed_says_whether_that_is_its_way(now: datetime, status: str, note: str) -> None:
    with serving() as server:
        server.on("/20200102/feed.xml", text(feeds.arxiv().encode()))
        (notice,) = source(server).fetch(Later(now))
    assert isinstance(notice, Notice)
    assert (notice.status, notice.note) == (status, note)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<!DOCTYPE html><html><head><title>Just a moment...</title></head>", "instead of a feed: Just a moment..."),
        (b"", "is empty"),
        (b"Too many requests", "is of no known form of feed"),
    ],
)
def test_what_is_no_feed_is_the_sources_failure(body: bytes, said: str) -> None:
    with serving() as server:
        server.on("/20200102/feed.xml", text(body))
        with pytest.raises(SourceError, match=said):
            list(source(server).fetch(Memory()))


def test_a_feed_without_a_name_is_called_after_its_host() -> None:
    settings = settings_for("feed")
    assert (
        settings.model_validate({"kind": "feed", "name": "feed", "url": "https://www.nature.com/n.rss"}).name
        == "nature.com"
    )
    assert settings.model_validate({"name": "mine", "url": "https://www.nature.com/n.rss"}).name == "mine"
    opened = open_source(settings.model_validate({"name": "feed", "url": "https://x.invalid/f"}), Path("/"))
    assert (opened.name, opened.daily) == ("x.invalid", False)
    assert isinstance(opened, Remote)
    assert opened.host == "x.invalid"
    with pytest.raises(ValueError, match="url"):
        settings.model_validate({"name": "mine", "url": "file:///etc/passwd"})
    with pytest.raises(ConfigError):
        settings_for("fead")
