"""Daily Papers by date, against a server on the loopback: which days are asked for, and that none is missed."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from digest import pipeline
from digest.bootstrap import opened
from digest.clock import fixed
from digest.config import load
from digest.errors import ParseError, SourceError
from digest.models import Dump, Notice
from digest.protocols import Remote
from digest.sources import open_source, settings_for
from digest.sources.daily_papers_api import DailyPapersSettings, DailyPapersSource, due_days
from digest.sources.http import Http
from digest.testing import Memory, check_source

#: a Friday
FRIDAY = date(2026, 11, 20)


def item(number: int, votes: int = 1) -> dict[str, Any]:
    paper = {"id": f"2611.{number:05}", "title": f"Paper {number}", "summary": "We did.", "upvotes": votes}
    return {"paper": paper, "title": f"Paper {number}", "numComments": 2}


class Api:
    """What the server has, and what it was asked."""

    def __init__(self) -> None:
        self.pages: dict[str, list[Any]] = {}
        self.failing: dict[str, int] = {}
        self.instead: bytes | None = None
        self.etags = True
        self.knows_parts = True
        self.asked: list[str] = []
        self.unchanged: list[str] = []
        self.url = ""

    def answer(self, query: dict[str, str], known: str | None) -> tuple[int, bytes, str]:
        day, part, limit = query["date"], int(query.get("p", 0)), int(query["limit"])
        self.asked.append(day if not part else f"{day}+{part}")
        if self.failing.get(self.asked[-1]):
            return self.failing[self.asked[-1]], b"no", ""
        start = part * limit if self.knows_parts else 0
        body = self.instead or json.dumps(self.pages.get(day, [])[start : start + limit]).encode()
        etag = f'"{hashlib.sha256(body).hexdigest()}"' if self.etags else ""
        if etag and known == etag:
            self.unchanged.append(day)
            return 304, b"", etag
        return 200, body, etag

    def days_asked(self) -> list[int]:
        asked, self.asked = [int(day[8:10]) for day in self.asked], []
        return asked


@pytest.fixture(scope="module")
def server() -> Iterator[HTTPServer]:
    class Handler(BaseHTTPRequestHandler):
        api: Api

        def do_GET(self) -> None:
            query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            status, body, etag = self.api.answer(query, self.headers.get("If-None-Match"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if etag:
                self.send_header("ETag", etag)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *told: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def api(server: HTTPServer) -> Api:
    made = Api()
    made.url = f"http://127.0.0.1:{server.server_port}/api/daily_papers"
    server.RequestHandlerClass.api = made  # type: ignore[attr-defined]
    return made


def source(api: Api, **more: Any) -> DailyPapersSource:
    http = Http(contact=None, allow_hosts=["127.0.0.1"], attempts=1, sleep=lambda seconds: None)
    return DailyPapersSource(DailyPapersSettings(url=api.url, **more), http)


def at(day: date, hour: int = 9) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def run(source: DailyPapersSource, memory: Memory) -> tuple[list[Dump], list[Notice], str]:
    """Fetch as a run does: what was yielded stays, also where it fails in the end."""
    found: list[Dump | Notice] = []
    failure = ""
    try:
        found.extend(source.fetch(memory))
    except SourceError as error:
        failure = str(error)
    dumps = [one for one in found if isinstance(one, Dump)]
    memory.keep(*dumps)
    return dumps, [one for one in found if isinstance(one, Notice)], failure


def test_the_first_run_asks_for_the_newest_working_days(api: Api) -> None:
    api.pages = {"2026-11-19": [item(1)], "2026-11-20": [item(2), item(3)]}
    dumps, notices, failure = run(source(api), Memory(now=at(FRIDAY)))
    assert [(one.name, one.date, one.date_rule) for one in dumps] == [
        ("2026-11-19", date(2026, 11, 19), "source-clock"),
        ("2026-11-20", FRIDAY, "source-clock"),
    ]
    assert [(one.status, one.date, one.note) for one in notices] == [("empty", date(2026, 11, 18), "no page of 18 Nov")]
    assert (api.days_asked(), failure) == ([18, 19, 20], "")
    parsed = source(api).parse(dumps[1], at(FRIDAY))
    assert [one.title for one in parsed.listings] == ["Paper 2", "Paper 3"]
    assert (parsed.dating.date, parsed.dating.rule, parsed.dating.note) == (FRIDAY, "source-clock", None)
    check_source(source(api), Memory(now=at(FRIDAY)))


def test_todays_page_grows_and_is_asked_for_until_it_is_two_days_old(api: Api) -> None:
    memory, opened = Memory(now=at(FRIDAY, 6)), source(api, daily=False)
    api.pages = {"2026-11-19": [item(1)], "2026-11-20": [item(2)]}
    run(opened, memory)
    assert api.days_asked() == [18, 19, 20]
    memory.now = at(FRIDAY, 12)
    api.pages["2026-11-20"].append(item(3))
    dumps, _, _ = run(opened, memory)
    assert [one.name for one in dumps] == ["2026-11-20"]
    assert 19 in api.days_asked()
    assert api.unchanged == ["2026-11-19"]
    memory.now = at(FRIDAY + timedelta(days=3))
    api.pages["2026-11-20"].append(item(4))
    api.pages["2026-11-23"] = [item(5)]
    dumps, _, _ = run(opened, memory)
    assert [one.name for one in dumps] == ["2026-11-20", "2026-11-23"], "Friday grew after it was last read"
    api.days_asked()
    memory.now = at(FRIDAY + timedelta(days=3), 15)
    run(opened, memory)
    assert api.days_asked() == [23], "all others are final"


def test_a_day_that_failed_before_a_good_one_is_asked_for_again(api: Api) -> None:
    memory, opened = Memory(now=at(FRIDAY - timedelta(days=3))), source(api)
    api.pages = {f"2026-11-{day}": [item(day)] for day in (16, 17, 18, 19, 20)}
    run(opened, memory)
    memory.now = at(FRIDAY)
    api.failing = {"2026-11-18": 503}
    dumps, _, failure = run(opened, memory)
    assert [one.name for one in dumps][-2:] == ["2026-11-19", "2026-11-20"]
    assert memory.latest == FRIDAY
    assert "2026-11-18: " in failure
    assert "503" in failure
    assert "asks again" in failure
    api.failing = {}
    memory.now = at(FRIDAY + timedelta(days=5))
    dumps, _, failure = run(opened, memory)
    assert "2026-11-18" in [one.name for one in dumps]
    assert failure == ""
    api.days_asked()
    run(opened, memory)
    assert 18 not in api.days_asked()


def test_a_gap_is_caught_up_but_not_further_than_days_back(api: Api) -> None:
    memory = Memory(now=at(FRIDAY - timedelta(days=42)))
    api.pages = {memory.now.date().isoformat(): [item(1)]}
    run(source(api), memory)
    api.days_asked()
    memory.now = at(FRIDAY)
    run(source(api, days_back=7), memory)
    assert api.days_asked() == [13, 16, 17, 18, 19, 20]


def test_dumps_that_came_otherwise_are_where_it_goes_on(api: Api) -> None:
    assert due_days(Memory(now=at(FRIDAY), latest=date(2026, 11, 18)), FRIDAY, 14) == [
        date(2026, 11, 18),
        date(2026, 11, 19),
        FRIDAY,
    ]
    assert due_days(Memory(latest=date(2030, 1, 1)), FRIDAY, 14) == [FRIDAY]
    assert due_days(Memory(told={"since": "nonsense"}), FRIDAY, 1) == [date(2026, 11, 19), FRIDAY]


def test_days_that_never_had_a_page_are_not_asked_for_forever(api: Api) -> None:
    memory, opened = Memory(now=at(FRIDAY - timedelta(days=4))), source(api)
    api.pages = {"2026-11-16": [item(1)]}
    run(opened, memory)
    memory.now = at(FRIDAY)
    api.pages["2026-11-20"] = [item(2)]
    _, notices, _ = run(opened, memory)
    assert [one.date and one.date.day for one in notices if one.status == "empty"] == [17, 18, 19]
    api.days_asked()
    _, notices, _ = run(opened, memory)
    assert api.days_asked() == [19, 20]


def test_weekends_have_no_pages_and_say_so(api: Api) -> None:
    memory, opened = Memory(now=at(FRIDAY)), source(api)
    api.pages = {"2026-11-20": [item(1)]}
    run(opened, memory)
    for days in (1, 2):
        memory.now = at(FRIDAY + timedelta(days=days))
        api.days_asked()
        _, notices, failure = run(opened, memory)
        assert set(api.days_asked()) <= {18, 19, 20}
        assert failure == ""
        assert (notices[-1].status, notices[-1].note, notices[-1].date) == (
            "calendar",
            "never has a page at weekends",
            memory.now.date(),
        )


def test_a_server_that_is_down_is_left_alone(api: Api) -> None:
    memory = Memory(now=at(FRIDAY), latest=date(2026, 11, 9))
    api.failing = dict.fromkeys((f"2026-11-{day:02}" for day in range(1, 31)), 404)
    dumps, _, failure = run(source(api), memory)
    assert (dumps, len(api.days_asked())) == ([], 3)
    assert "2026-11-09" in failure
    assert "2026-11-20: not asked for after that" in failure


def test_single_days_that_fail_stop_no_other(api: Api) -> None:
    memory = Memory(now=at(FRIDAY), latest=date(2026, 11, 9))
    api.pages = {f"2026-11-{day:02}": [item(day)] for day in range(9, 21)}
    api.failing = dict.fromkeys(("2026-11-09", "2026-11-10", "2026-11-12", "2026-11-16", "2026-11-18"), 404)
    dumps, _, failure = run(source(api), memory)
    assert [one.name[-2:] for one in dumps] == ["11", "13", "17", "19", "20"]
    assert "not asked" not in failure
    assert "2026-11-12" in failure


@pytest.mark.parametrize("body", [b"<html>Sorry</html>", b'{"error": "busy", "details": []}', b"[{", b"", b"3"])
def test_an_answer_that_is_no_list_is_no_dump(api: Api, body: bytes) -> None:
    api.instead = body or b" "
    dumps, notices, failure = run(source(api), Memory(now=at(FRIDAY)))
    assert (dumps, notices) == ([], [])
    assert "an answer that is no list of papers" in failure


def test_a_day_with_more_papers_than_an_answer_holds_is_read_in_parts(api: Api) -> None:
    api.pages = {"2026-11-20": [item(number) for number in range(1, 6)]}
    memory, opened = Memory(now=at(FRIDAY)), source(api, limit=2)
    dumps, _, _ = run(opened, memory)
    assert [one.name for one in dumps] == ["2026-11-20", "2026-11-20 part 2", "2026-11-20 part 3"]
    titles = [one.title for dump in dumps for one in opened.parse(dump, memory.now).listings]
    assert titles == [f"Paper {number}" for number in range(1, 6)]
    api.pages["2026-11-20"].append(item(6))
    dumps, _, _ = run(opened, memory)
    assert len(dumps) == 3, "an unchanged first part does not hide what came after it"
    assert "had:2026-11-20" in dumps[-1].remember


def test_a_part_that_fails_leaves_the_day_to_be_read_again(api: Api) -> None:
    api.pages = {"2026-11-20": [item(number) for number in range(1, 5)]}
    api.failing = {"2026-11-20+1": 404}
    memory = Memory(now=at(FRIDAY))
    dumps, _, failure = run(source(api, limit=3), memory)
    assert [one.name for one in dumps] == ["2026-11-20"]
    assert "2026-11-20" in failure
    assert "had:2026-11-20" not in memory.told


def test_a_server_that_knows_no_parts_is_not_read_twice(api: Api) -> None:
    api.knows_parts = False
    api.pages = {"2026-11-20": [item(1), item(2)]}
    dumps, _, _ = run(source(api, limit=2), Memory(now=at(FRIDAY)))
    assert [one.name for one in dumps] == ["2026-11-20"]


def test_a_page_of_another_day_is_noted(api: Api) -> None:
    old = item(1)
    old["paper"]["submittedOnDailyAt"] = "2026-11-19T08:00:00.000Z"
    api.pages = {"2026-11-20": [old]}
    opened = source(api)
    (dump,), _, _ = run(opened, Memory(now=at(FRIDAY)))
    assert opened.parse(dump, at(FRIDAY)).dating.note == "its items say 2026-11-19"


def test_what_is_no_answer_of_the_api_is_no_dump_of_it(api: Api) -> None:
    with pytest.raises(ParseError, match="2026-11-20 is no list of papers, but begins '<html>'"):
        source(api).parse(Dump(source="s", name="2026-11-20", content=b"<html>"), at(FRIDAY))


def test_settings_have_defaults_and_limits() -> None:
    settings = settings_for("daily-papers").model_validate({"name": "daily-papers"})
    opened = open_source(settings, Path())
    assert (opened.name, opened.daily) == ("daily-papers", True)
    assert isinstance(opened, Remote)
    assert opened.host == "huggingface.co"
    assert isinstance(settings, DailyPapersSettings)
    assert settings.url == "https://huggingface.co/api/daily_papers"
    for wrong in ({"url": "ftp://x"}, {"limit": 0}, {"limit": 101}, {"days_back": 0}, {"path": "x"}):
        with pytest.raises(ValidationError):
            DailyPapersSettings.model_validate(wrong)


def test_runs_over_a_store_catch_up_and_announce_each_paper_once(tmp_path: Path, api: Api) -> None:
    (tmp_path / "digest.toml").write_text(
        f'allow_hosts = ["127.0.0.1"]\n[newsletters.daily]\ntitle = "Daily"\n[[sources]]\nkind = "daily-papers"\n'
        f'url = "{api.url}"\n'
    )
    config = load(tmp_path / "digest.toml")

    def new(day: int) -> int:
        with opened(config, fixed(at(date(2026, 11, day)))) as system:
            receipt = pipeline.run(system.parts, system.sources())
        return sum(one.new for one in receipt.sources)

    api.pages = {"2026-11-19": [item(1)], "2026-11-20": [item(1), item(2)]}
    new(20)
    api.pages["2026-11-20"].append(item(3))
    api.pages |= {"2026-11-23": [item(4)], "2026-11-24": [item(4), item(5)]}
    api.failing = {"2026-11-23": 404}
    assert new(24) == 3, "one that Friday gained, two of today"
    api.failing = {}
    assert new(25) == 0
    api.asked.clear()
    assert new(26) == 0
    assert api.days_asked() == [24, 25, 26]
