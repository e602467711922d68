"""arXiv by category: the feed of the day, what was missed from the API, real answers of that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from digest.errors import ParseError, SourceError
from digest.models import Dump, Notice
from digest.sources import arxiv, arxiv_days, feed_form
from digest.sources.arxiv import MISSED, ArxivSettings, ArxivSource
from digest.sources.http import Http
from digest.testing import ids
from tests.sources import feeds
from tests.sources.faults import HOST, Asked, Memory, Reply, Server, serving, text

FEED = feeds.arxiv(feeds.arxiv_item("2611.00001v1", "A Title", "We show it.")).encode()


class Past(Memory):
    """What a source knows of its past."""

    def __init__(self, latest: date | None, told: dict[str, str] | None = None, now: datetime | None = None) -> None:
        super().__init__(told)
        self.latest = latest  # type: ignore[assignment]
        self.now = now or Memory.now


def settings(server: Server | None = None, **more: Any) -> ArxivSettings:
    if server:
        more = {"rss_url": server.url("/rss/"), "api_url": server.url("/api"), **more}
    return ArxivSettings(name="arxiv", categories=("cs.LG", "cs.NE"), **more)


def source(server: Server, **more: Any) -> ArxivSource:
    return ArxivSource(settings(server, **more), Http(contact=None, allow_hosts=[HOST], attempts=1))


@contextmanager
def arxiv_server(rss: bytes = FEED, api: dict[str, list[str]] | None = None) -> Iterator[Server]:
    """Run an arXiv: `api` has the entries by the first day of submission that is asked for."""
    answers = api or {}

    def answer(reply: Reply, asked: Asked) -> None:
        query = parse_qs(urlsplit(asked.path).query)
        day = query["search_query"][0].partition("submittedDate:[")[2][:8]
        start, size = int(query["start"][0]), int(query["max_results"][0])
        entries = answers.get(day, [])
        if entries == ["broken"]:
            reply.send(500)
            return
        reply.send(200, feeds.api(*entries[start : start + size], total=len(entries), start=start).encode())

    with serving() as server:
        server.on("/rss/cs.LG+cs.NE", text(rss, etag='"1"'))
        server.on("/api", answer)
        yield server


def dumps(given: Iterator[Dump | Notice]) -> list[Dump]:
    return [one for one in given if isinstance(one, Dump)]


def test_one_request_asks_for_all_categories_of_the_day() -> None:
    with arxiv_server() as server:
        opened = source(server)
        (dump,) = dumps(opened.fetch(Past(date(2026, 11, 19))))
        assert [one.path for one in server.asked] == ["/rss/cs.LG+cs.NE"]
    assert dump.date == date(2026, 11, 20)
    assert opened.parse(dump, Memory.now).listings[0].ids == ids("arxiv:2611.00001")
    assert MISSED not in dump.remember


@pytest.mark.parametrize(
    ("now", "built", "expected"),
    [
        # It changes at midnight in New York, which is 05:00 UTC in winter: until then it is that of yesterday.
        ("2026-11-20T03:00", date(2026, 11, 19), date(2026, 11, 19)),
        ("2026-11-20T05:01", date(2026, 11, 20), date(2026, 11, 20)),
        ("2026-11-20T05:01", date(2026, 11, 19), date(2026, 11, 19)),  # it is late
        ("2026-11-21T02:00", date(2026, 11, 20), date(2026, 11, 20)),  # Friday's, though it is Saturday in UTC
        ("2026-07-10T04:30", date(2026, 7, 10), date(2026, 7, 10)),  # in summer an hour earlier
        ("2026-11-20T12:00", date(2026, 12, 24), date(2026, 11, 20)),  # never later than it is
    ],
)
def test_a_feed_is_dated_by_itself_and_not_by_the_clock(now: str, built: date, expected: date) -> None:
    item = feeds.arxiv_item("2611.00001v1", "A Title", "We show it.")
    past = Past(
        date(2026, 7, 9) if built.month == 7 else date(2026, 11, 19), now=datetime.fromisoformat(f"{now}+00:00")
    )
    with arxiv_server(feeds.arxiv(item, day=built).encode()) as server:
        opened = source(server)
        *_, dump = dumps(opened.fetch(past))
        assert not [one.path for one in server.asked if one.path.startswith("/api")] or past.now.day == 21
    assert dump.date == expected
    assert opened.parse(dump, Memory.now).dating.date == expected


def test_before_midnight_in_new_york_yesterday_is_not_missed_yet() -> None:
    early, later = (datetime(2026, 11, 20, hour, tzinfo=UTC) for hour in (4, 6))
    assert arxiv.missed_days(settings(), Past(date(2026, 11, 18), now=early)) == []
    assert arxiv.missed_days(settings(), Past(date(2026, 11, 18), now=later)) == [date(2026, 11, 19)]


def test_the_next_feed_comes_at_midnight_in_new_york_of_a_weekday() -> None:
    def after(text: str) -> str:
        return f"{arxiv_days.next_feed(datetime.fromisoformat(text)):%a %d %b %H:%M}"

    assert after("2026-11-19T04:59+00:00") == "Thu 19 Nov 05:00"
    assert after("2026-11-20T12:00+00:00") == "Mon 23 Nov 05:00"
    assert after("2026-11-22T12:00+00:00") == "Mon 23 Nov 05:00"
    assert after("2026-07-09T12:00+00:00") == "Fri 10 Jul 04:00"


def test_the_first_run_and_a_weekend_miss_nothing() -> None:
    assert arxiv.missed_days(settings(), Past(None)) == []
    monday = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert arxiv.missed_days(settings(), Past(date(2026, 11, 20), now=monday)) == []
    assert arxiv.missed_days(settings(), Past(date(2026, 11, 20))) == []


def test_missed_days_are_asked_for_at_the_api_page_by_page() -> None:
    entries = [feeds.api_entry(f"2611.{n:05}v1") for n in range(5)]
    with arxiv_server(api={"20261116": entries, "20261117": [feeds.api_entry("2611.00009v1")]}) as server:
        opened = source(server, page_size=2)
        got = dumps(opened.fetch(Past(date(2026, 11, 17))))
        asked = [parse_qs(urlsplit(one.path).query) for one in server.asked if one.path.startswith("/api")]
    assert [one.date for one in got] == [date(2026, 11, 18)] * 3 + [date(2026, 11, 19), date(2026, 11, 20)]
    parsed = [opened.parse(one, Memory.now) for one in got]
    assert [len(one.listings) for one in parsed] == [2, 2, 1, 1, 1]
    assert all(one.dating.date == dump.date for one, dump in zip(parsed, got, strict=True))
    assert asked[0]["search_query"] == ["(cat:cs.LG OR cat:cs.NE) AND submittedDate:[202611161900 TO 202611171859]"]
    assert [one["start"] for one in asked] == [["0"], ["2"], ["4"], ["0"]]
    assert [one.remember.get(MISSED) for one in got] == ["2026-11-18,2026-11-19"] * 2 + ["2026-11-19", "", None]


def test_a_day_that_fails_is_remembered_and_asked_for_again() -> None:
    with arxiv_server(api={"20261116": ["broken"]}) as server:
        given = source(server).fetch(Past(date(2026, 11, 17)))
        feed = next(given)
        with pytest.raises(SourceError, match=r"still missing: 2026-11-18, 2026-11-19; the next run asks again"):
            next(given)
    assert isinstance(feed, Dump)
    assert feed.remember[MISSED] == "2026-11-18,2026-11-19"
    past = Past(date(2026, 11, 20), feed.remember)
    assert arxiv.missed_days(settings(), past) == [date(2026, 11, 18), date(2026, 11, 19)]
    with arxiv_server(api={"20261117": [feeds.api_entry("2611.00009v1")]}) as server:
        got = dumps(source(server).fetch(past))
    assert [one.date for one in got] == [date(2026, 11, 19), date(2026, 11, 20)]
    assert got[-1].remember[MISSED] == ""


def test_what_was_missed_too_long_ago_is_left() -> None:
    days = arxiv.missed_days(settings(days_back=3), Past(date(2026, 1, 1)))
    assert days == [date(2026, 11, 17), date(2026, 11, 18), date(2026, 11, 19)]


def test_an_empty_page_that_should_not_be_is_asked_for_again() -> None:
    empty, full = feeds.api(total=1).encode(), feeds.api(feeds.api_entry("2611.00009v1")).encode()
    with serving() as server:
        server.on("/rss/cs.LG+cs.NE", text(FEED))
        server.on("/api", text(empty), text(full))
        assert [one.date for one in dumps(source(server).fetch(Past(date(2026, 11, 18))))] == [
            date(2026, 11, 19),
            date(2026, 11, 20),
        ]
        server.on("/api", text(empty))
        with pytest.raises(SourceError, match=r"has 1 papers, but gives none from number 1 on \(3 tries\)"):
            list(source(server).fetch(Past(date(2026, 11, 18))))


def test_what_the_api_says_is_wrong_is_told() -> None:
    said = "<title>Error</title><summary>incorrect id format</summary>"
    error = f"<entry><id>https://arxiv.org/api/errors#x</id>{said}</entry>"
    with serving() as server:
        server.on("/rss/cs.LG+cs.NE", text(FEED))
        server.on("/api", text(feeds.api(error).encode()))
        with pytest.raises(SourceError, match=r"arXiv's API says: incorrect id format"):
            list(source(server).fetch(Past(date(2026, 11, 18))))


@pytest.mark.parametrize(
    ("now", "status", "note"),
    [
        (datetime(2026, 11, 21, 12, tzinfo=UTC), "calendar", "feed says: none on Sat, Sun"),
        (datetime(2026, 11, 26, 12, tzinfo=UTC), "empty", "arXiv announced nothing today (holiday?)"),
    ],
)
def test_a_quiet_day_has_its_reason(now: datetime, status: str, note: str) -> None:
    with arxiv_server(feeds.arxiv().encode()) as server:
        (notice,) = source(server).fetch(Past(None, now=now))
    assert isinstance(notice, Notice)
    assert (notice.status, notice.note) == (status, note)


def test_the_feed_of_a_day_has_what_came_since_the_deadline_before() -> None:
    def window(day: date) -> tuple[str, str]:
        first, last = arxiv_days.submitted(day)
        return f"{first:%a %H:%M}", f"{last:%a %H:%M}"

    assert window(date(2026, 11, 23)) == ("Thu 19:00", "Fri 18:59")
    assert window(date(2026, 11, 24)) == ("Fri 19:00", "Mon 18:59")
    assert window(date(2026, 11, 25)) == ("Mon 19:00", "Tue 18:59")
    assert window(date(2026, 7, 9)) == ("Tue 18:00", "Wed 17:59")


def test_categories_are_checked() -> None:
    with pytest.raises(ValueError, match=r"'cs.lg' is no category of arXiv; did you mean 'cs.LG'"):
        ArxivSettings(name="a", categories=("cs.lg",))
    with pytest.raises(ValueError, match="categories"):
        ArxivSettings(name="a", categories=())
    whole = ArxivSettings(name="a", categories=("q-bio", "quant-ph", "q-bio"))
    assert "cat%3Aq-bio%2A+OR+cat%3Aquant-ph%29" in arxiv.query_url(whole, date(2026, 11, 20))
    assert whole.daily


@pytest.fixture
def answers(data: Path) -> dict[str, dict[str, Any]]:
    found = {path.name: json.loads(path.read_text()) for path in sorted((data / "arxiv-api").glob("*.json"))}
    if not found:
        pytest.skip("DIGEST_TEST_DATA holds no arxiv-api")
    return found


def test_real_answers_of_the_api_are_read(answers: dict[str, dict[str, Any]]) -> None:
    for name, answer in answers.items():
        body = answer["body"].encode()
        if answer["status_code"] != 200:
            with pytest.raises(ParseError, match="error message of arXiv's API"):
                feeds.read(body)
            continue
        parsed = feeds.read(body)
        channel = feed_form.channel(body)
        assert not parsed.rejected, name
        assert len(parsed.listings) == len(channel.items) == answer["body"].count("<entry>"), name
        assert channel.total is not None
        for one in parsed.listings:
            assert [alias.scheme for alias in one.ids][:1] == ["arxiv"], name
            assert one.version
            assert one.abstract
            assert one.authors
            assert one.categories
            assert one.published


def test_real_pages_of_the_api_are_one_list(answers: dict[str, dict[str, Any]]) -> None:
    pages = [
        (int(parse_qs(urlsplit(answer["url"]).query)["start"][0]), feeds.read(answer["body"].encode()).listings)
        for answer in answers.values()
        if "search_query=testing" in answer["url"]
    ]
    whole = [one.ids for one in max((listings for _, listings in pages), key=len)]
    assert len(pages) > 2
    for start, listings in pages:
        assert [one.ids for one in listings] == whole[start : start + len(listings)]
