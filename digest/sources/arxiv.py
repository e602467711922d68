"""arXiv by category: the day's announcements from its feed, what was missed from its API.

One request asks for all categories of the day. Days without a fetch between the last and today are asked for at the
API by the dates of submission (https://info.arxiv.org/help/api/user-manual.html), page after page, in the 3 seconds
that arXiv's terms of use demand. What fails is remembered and asked for again. May import protocols, models, errors
and the readers of feeds; the way to the web is imported with the first request.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlencode

from pydantic import Field, field_validator

from digest.errors import ParseError, PartlyReadError, SourceError
from digest.models import Dump, Notice, Parsed
from digest.protocols import FetchMemory
from digest.sources import Kind, SourceSettings, arxiv_days, feed, feed_arxiv, feed_form
from digest.sources.base import WebSettings, WebSource
from digest.sources.categories import unknown_arxiv
from digest.sources.feed_items import Channel

if TYPE_CHECKING:
    from digest.sources.http import Http

#: the key under which days are remembered that could not be had
MISSED = "missed"
_QUIET = "arXiv announced nothing today (holiday?)"
#: the API sometimes gives a page without entries, though there are some
_TRIES = 3
#: days remembered as missed, at most
_MOST_MISSED = 366


class ArxivSettings(WebSettings):
    """A `[[sources]]` table of kind `arxiv`."""

    kind: Literal["arxiv"] = "arxiv"
    name: str = "arxiv"
    daily: bool = True
    #: ids like `cs.LG`, or whole archives like `q-bio`
    categories: tuple[str, ...] = Field(min_length=1)
    #: how many days a run looks back for announcements that it missed
    days_back: int = Field(default=14, ge=0, le=366)
    #: where the feeds of the day are; the categories follow
    rss_url: str = Field(default="https://rss.arxiv.org/rss/", pattern=r"^https?://\S+$")
    #: where the API is
    api_url: str = Field(default="https://export.arxiv.org/api/query", pattern=r"^https?://\S+$")
    #: results in one answer of the API
    page_size: int = Field(default=200, ge=1, le=2000)

    @field_validator("categories")
    @classmethod
    def _known(cls, categories: tuple[str, ...]) -> tuple[str, ...]:
        for one in categories:
            if wrong := unknown_arxiv(one):
                raise ValueError(wrong)
        return tuple(dict.fromkeys(categories))


class ArxivSource(WebSource[ArxivSettings]):
    """Some categories of arXiv."""

    @property
    def host(self) -> str:
        """The host it asks."""
        return feed.host_of(self._settings.rss_url)

    def next_batch(self, now: datetime) -> datetime:
        """Return when the next feed with papers is due."""
        return arxiv_days.next_feed(now)

    def fetch(self, memory: FetchMemory) -> Iterator[Dump | Notice]:
        """Yield what was missed, oldest first, then the day's feed, or why there is nothing in it.

        Raises:
            SourceError: the feed cannot be read; what was missed was yielded before.
            PartlyReadError: the API cannot be read, but the feed was.
        """
        run = _Run(self._settings, self.web(), memory, missed_days(self._settings, memory))
        yield from run.missed()
        yield run.today()
        if run.failure:
            raise run.failure

    def parse(self, dump: Dump, received: datetime) -> Parsed:
        """Read a feed of the day, or an answer of the API.

        Raises:
            ParseError: it is neither.
        """
        return feed.parse(dump, received)


def missed_days(settings: ArxivSettings, memory: FetchMemory) -> list[date]:
    """Return the days before today whose announcements are to be asked for at the API, oldest first."""
    today = arxiv_days.today(memory.now)
    remembered = (_day(text) for text in (memory.recall(MISSED) or "").split(","))
    days = {day for day in remembered if day is not None and day < today}
    if memory.latest is not None:
        days.update(arxiv_days.between(memory.latest, today))
    return sorted(day for day in days if (today - day).days <= settings.days_back)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


@dataclass
class _Run:
    """One fetch."""

    settings: ArxivSettings
    http: Http
    memory: FetchMemory
    #: days still to be had
    pending: list[date]
    failure: SourceError | None = field(default=None)

    def missed(self) -> Iterator[Dump]:
        """Yield the pages of the days that were missed; stop at the first that cannot be had."""
        while self.pending and self.failure is None:
            day = self.pending[0]
            try:
                for url, content, last in self._pages(day):
                    if last:
                        self.pending.pop(0)
                    yield self._dump(url, content, day)
            except SourceError as error:
                days = ", ".join(f"{one:%Y-%m-%d}" for one in self.pending)
                self.failure = PartlyReadError(f"{error}; still missing: {days}; the next run asks again")
            else:
                self.pending = [one for one in self.pending if one != day]

    def today(self) -> Dump | Notice:
        """Return the day's feed.

        Raises:
            SourceError: it cannot be read.
        """
        url = self.settings.rss_url.rstrip("/") + "/" + "+".join(self.settings.categories)
        try:
            given = feed.ask(self.http, self.settings.name, url, self.memory)
        except SourceError as error:
            raise SourceError(f"{error}. Also: {self.failure}") if self.failure else error from error
        if isinstance(given, Dump):
            told = {"date": self._date(given), "remember": {**given.remember, **self._missing()}}
            return given.model_copy(update=told)
        quiet = given.status == "empty"
        return given.model_copy(update={"note": _QUIET}) if quiet else given

    def _date(self, dump: Dump) -> date:
        """Return the day of a feed as it says itself: a late one is that of the day before, whatever the clock says."""
        today = arxiv_days.today(self.memory.now)
        head, item, _ = dump.content.partition(b"<item")
        try:
            made = feed_form.channel(head + b"</channel></rss>" if item else head).made
        except ParseError:
            return today  # what the parser makes of the whole is told when it is parsed
        return min(made or today, today)

    def _missing(self) -> dict[str, str]:
        """Return what to remember of the days still to be had; "" forgets."""
        days = ",".join(day.isoformat() for day in self.pending[-_MOST_MISSED:])
        return {MISSED: days} if days or self.memory.recall(MISSED) else {}

    def _dump(self, url: str, content: bytes, day: date) -> Dump:
        days = ",".join(one.isoformat() for one in self.pending)
        return Dump(
            source=self.settings.name,
            name=url,
            content=content,
            date=day,
            date_rule="source-clock",
            remember={MISSED: days},
        )

    def _pages(self, day: date) -> Iterator[tuple[str, bytes, bool]]:
        """Yield (address, answer, whether it is the last) of what was announced on a day."""
        start = 0
        while True:
            url = query_url(self.settings, day, start)
            content, channel = self._page(url, start)
            start += len(channel.items)
            last = start >= (channel.total or 0)
            if channel.items:
                yield url, content, last
            if last:
                return

    def _page(self, url: str, start: int) -> tuple[bytes, Channel]:
        """Ask the API; a page that is empty but should not be is asked for again."""
        for _ in range(_TRIES):
            got = self.http.get(url, accept="application/atom+xml")
            try:
                channel = feed_form.channel(got.content)
            except ParseError as error:
                raise SourceError(f"source {self.settings.name}: {got.url} {error}") from error
            if wrong := feed_arxiv.error_in([(item.named, item.bodies) for item in channel.items]):
                raise SourceError(f"source {self.settings.name}: arXiv's API says: {wrong}")
            if channel.items or start >= (channel.total or 0):
                return got.content, channel
        raise SourceError(
            f"source {self.settings.name}: arXiv's API has {channel.total:,} papers, but gives none from number "
            f"{start + 1:,} on ({_TRIES} tries)"
        )


def query_url(settings: ArxivSettings, day: date, start: int = 0) -> str:
    """Return the address that asks the API for the papers in the feed of a day, from the result `start` on."""
    first, last = arxiv_days.submitted(day)
    wanted = " OR ".join(f"cat:{_pattern(one)}" for one in settings.categories)
    query = {
        "search_query": f"({wanted}) AND submittedDate:[{first:%Y%m%d%H%M} TO {last:%Y%m%d%H%M}]",
        "sortBy": "submittedDate",
        "sortOrder": "ascending",
        "start": start,
        "max_results": settings.page_size,
    }
    return f"{settings.api_url}?{urlencode(query)}"


def _pattern(category: str) -> str:
    """Return what the API finds a category by: an archive with all below it."""
    from digest.sources.category_names import ARCHIVES

    return f"{category}*" if category in ARCHIVES else category


def _open(settings: SourceSettings, root: Path) -> ArxivSource:
    assert isinstance(settings, ArxivSettings), "the registry hands a kind its own settings"
    return ArxivSource(settings)


KIND = Kind(ArxivSettings, _open)
