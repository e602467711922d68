"""Daily Papers by date, from the API of Hugging Face.

A page has a date, and grows: today's is asked for at every run, and each one once more when it is two days old, after
which it is final. What could not be had is asked for again, as long as it is no older than `days_back`. There are
never pages at weekends. May import protocols, models, errors; the way to the web is imported with the first request.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from digest.errors import ParseError, PartlyReadError, SourceError
from digest.models import Dating, Dump, Notice, Parsed
from digest.protocols import FetchMemory
from digest.sources import Kind, SourceSettings, daily_papers_json
from digest.sources.base import WebSettings, WebSource
from digest.sources.dates import Clues, decide
from digest.sources.decoding import decode

if TYPE_CHECKING:
    from digest.sources.http import Http

#: the address of the API: https://huggingface.co/docs/hub/api
URL = "https://huggingface.co/api/daily_papers"
#: working days that the first run asks for: enough that one of them has a page
_FIRST_DAYS = 3
#: a page read that long after its day is final
_FINAL = timedelta(days=2)
#: days in a row that fail before the server is left alone until the next run
_FAILURES = 3
#: parts that one day may have
_MOST_PARTS = 10
_SATURDAY = 5


class DailyPapersSettings(WebSettings):
    """A `[[sources]]` table of kind `daily-papers`."""

    kind: Literal["daily-papers"] = "daily-papers"
    name: str = "daily-papers"
    daily: bool = True
    #: where the API is; for a mirror of it
    url: str = URL
    #: papers in one answer, at most what the server gives; a day with more is read in parts
    limit: int = Field(default=100, ge=1, le=100)
    #: how many days a run looks back for pages that it missed
    days_back: int = Field(default=14, ge=1, le=366)

    @field_validator("url")
    @classmethod
    def _web(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("write an http(s) address")
        return url


class DailyPapersSource(WebSource[DailyPapersSettings]):
    """The pages of Daily Papers, one a working day."""

    @property
    def host(self) -> str:
        """The host of the API."""
        return urlsplit(self._settings.url).netloc

    def next_batch(self, now: datetime) -> datetime:
        """Return the midnight, in UTC, at which the next day with a page begins."""
        days = (now.astimezone(UTC).date() + timedelta(days=ahead) for ahead in range(1, 4))
        return datetime.combine(next(day for day in days if day.weekday() < _SATURDAY), time(), UTC)

    def fetch(self, memory: FetchMemory) -> Iterator[Dump | Notice]:
        """Yield the pages that are due, by date, and why there is none of a day.

        Raises:
            SourceError: today's could not be had, after the others were yielded; it is due at the next run, too.
            PartlyReadError: only earlier ones could not.
        """
        run = _Run(self._settings, self.web(), memory)
        today = memory.now.astimezone(UTC).date()
        yield from run.pages(due_days(memory, today, self._settings.days_back))
        if today.weekday() >= _SATURDAY:
            yield Notice(status="calendar", note="never has a page at weekends", date=today)
        if run.failed:
            kind = SourceError if today in run.failed else PartlyReadError
            raise kind(f"source {self.name}: {_told(run.failed)}")

    def parse(self, dump: Dump, received: datetime) -> Parsed:
        """Read one answer of the API.

        Raises:
            ParseError: it is none.
        """
        text = decode(dump.content)
        if not daily_papers_json.recognise(text):
            raise ParseError(f"{dump.name} is no list of papers, but begins {' '.join(text[:200].split())[:60]!r}")
        try:
            return daily_papers_json.read(text, partial(_dating, dump, received))
        except ParseError as error:
            raise ParseError(f"{dump.name} {error}") from error


def _dating(dump: Dump, received: datetime, clues: Clues) -> Dating:
    """Take the day that was asked for; its name is made of the same day, but is no file's."""
    if dump.date is None:
        return decide(dump, received, clues)
    return Dating(date=dump.date, rule=dump.date_rule or "source-clock")


def due_days(memory: FetchMemory, today: date, days_back: int) -> list[date]:
    """Return the days whose pages are to be asked for, oldest first: working days that are not final yet.

    The first run asks for the newest few. The day it began at is remembered, so that none before it counts as missed;
    where another way brought the dumps that there are, the newest of them is that day.
    """
    since = _day(memory.recall("since")) or memory.latest
    window = [today - timedelta(days=back) for back in range(days_back, -1, -1)]
    working = [day for day in window if day.weekday() < _SATURDAY]
    if since is None:
        return working[-_FIRST_DAYS:]
    return [day for day in working if day >= min(since, today) and not _is_final(day, memory)]


def _is_final(day: date, memory: FetchMemory) -> bool:
    had = _day(memory.recall(f"had:{day}"))
    return had is not None and had >= day + _FINAL


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


@dataclass
class _Run:
    """One fetch: what it asks for, and what became of it."""

    settings: DailyPapersSettings
    http: Http
    memory: FetchMemory
    #: day -> why it could not be had
    failed: dict[date, str] = field(default_factory=dict)
    #: what waits for a dump that it can be remembered with
    _remember: dict[str, str] = field(default_factory=dict)

    def pages(self, days: list[date]) -> Iterator[Dump | Notice]:
        """Ask for one day after the other; where several in a row fail, the rest is left for the next run."""
        if days and self.memory.recall("since") is None:
            self._remember["since"] = min(days[0], self.memory.latest or days[0]).isoformat()
        in_a_row = 0
        for day in days:
            if in_a_row == _FAILURES or self.http.exhausted:
                self.failed[day] = "not asked for after that"
                continue
            try:
                yield from self._page(day)
                in_a_row = 0
            except SourceError as error:
                self.failed[day] = str(error)
                in_a_row += 1

    def _page(self, day: date) -> Iterator[Dump | Notice]:
        """Ask for a day; it was had when all its parts were."""
        had = {f"had:{day}": self._today().isoformat()}
        got = self.http.get(self._url(day), self.memory, accept="application/json")
        count = 0 if got.unchanged else _count(got.content)
        if got.unchanged or not count:
            final = self._today() >= day + _FINAL
            self._remember |= had if got.unchanged or final else {}
            yield self._notice(day, unchanged=got.unchanged)
            return
        # A day in parts is never asked for conditionally: that its first part is unchanged says nothing of the others.
        whole = count < self.settings.limit
        last = self._dump(day, 0, got.content, got.remember if whole else {})
        try:
            for dump in () if whole else self._further(day, last):
                yield last
                last = dump
        except SourceError:
            yield last
            raise
        yield self._with(last, had)

    def _further(self, day: date, first: Dump) -> Iterator[Dump]:
        """Ask for the further parts of a day; a server that knows no parts gives the first one again."""
        for part in range(1, _MOST_PARTS):
            content = self.http.get(self._url(day, part), accept="application/json").content
            count = _count(content)
            if not count or content == first.content:
                return
            yield self._dump(day, part, content, {})
            if count < self.settings.limit:
                return

    def _notice(self, day: date, *, unchanged: bool) -> Notice:
        if unchanged:
            return Notice(status="unchanged", note=f"the page of {day.day} {day:%b} has not changed", date=day)
        return Notice(
            status="empty", note=f"no page of {day.day} {day:%b}" + (" yet" if day == self._today() else ""), date=day
        )

    def _today(self) -> date:
        return self.memory.now.astimezone(UTC).date()

    def _url(self, day: date, part: int = 0) -> str:
        mark = "&" if "?" in self.settings.url else "?"
        return f"{self.settings.url}{mark}date={day}&limit={self.settings.limit}" + (f"&p={part}" if part else "")

    def _dump(self, day: date, part: int, content: bytes, remember: Mapping[str, str]) -> Dump:
        return Dump(
            source=self.settings.name,
            name=f"{day}" + (f" part {part + 1}" if part else ""),
            content=content,
            date=day,
            date_rule="source-clock",
            remember=dict(remember),
        )

    def _with(self, dump: Dump, had: Mapping[str, str]) -> Dump:
        """Give a dump what waits to be remembered."""
        remember = {**dump.remember, **self._remember, **had}
        self._remember = {}
        return dump.model_copy(update={"remember": remember})


def _count(content: bytes) -> int:
    """Return how many papers an answer has.

    Raises:
        SourceError: it is no list of papers.
    """
    text = decode(content)
    try:
        value: Any = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        value = None
    page = daily_papers_json.page_of(value)
    if page is None or not (page.items or isinstance(value, list)):
        raise SourceError(f"an answer that is no list of papers: {' '.join(text[:200].split())[:60]!r}")
    return len(page.items)


def _told(failed: Mapping[date, str]) -> str:
    """Say which days could not be had, each reason once."""
    reasons: dict[str, list[str]] = {}
    for day, reason in failed.items():
        reasons.setdefault(reason, []).append(day.isoformat())
    said = "; ".join(f"{', '.join(days)}: {reason}" for reason, days in reasons.items())
    return f"could not get {said}. The next run asks again"


def _open(settings: SourceSettings, root: Path) -> DailyPapersSource:
    assert isinstance(settings, DailyPapersSettings), "the registry hands a kind its own settings"
    return DailyPapersSource(settings)


KIND = Kind(DailyPapersSettings, _open)
