"""A feed on the web: RSS, RDF, Atom or JSON, asked for conditionally.

May import protocols, models, errors and the readers of feeds; the way to the web is imported with the first request.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from digest.errors import ParseError, SourceError
from digest.models import Dating, Dump, Notice, Parsed
from digest.protocols import FetchMemory
from digest.sources import Kind, SourceSettings, feed_form
from digest.sources.base import WebSettings, WebSource
from digest.sources.dates import Clues, decide

if TYPE_CHECKING:
    from digest.sources.http import Http

ACCEPT = (
    "application/atom+xml, application/rss+xml, application/rdf+xml, application/feed+json, application/xml;q=0.9, "
    "text/xml;q=0.9, application/json;q=0.8, */*;q=0.5"
)
#: a feed's day may begin so much later than UTC's
_BEHIND = timedelta(hours=8)


class FeedSettings(WebSettings):
    """A `[[sources]]` table of kind `feed`."""

    kind: Literal["feed"] = "feed"
    #: unless it is given: the host of `url`
    name: str = ""
    url: str = Field(pattern=r"^https?://[^\s/]+\S*$")

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        """Name it after its host: what names it after its kind was no person."""
        if isinstance(data, dict) and data.get("name", "feed") in ("feed", "") and isinstance(data.get("url"), str):
            return {**data, "name": host_of(data["url"]) or "feed"}
        return data


class FeedSource(WebSource[FeedSettings]):
    """One feed."""

    @property
    def host(self) -> str:
        """The host it asks."""
        return host_of(self._settings.url)

    def fetch(self, memory: FetchMemory) -> Iterator[Dump | Notice]:
        """Yield the feed, dated by the clock of the run, or why there is nothing in it.

        Raises:
            SourceError: there is no answer, or none that is a feed.
        """
        yield ask(self.web(), self.name, self._settings.url, memory)

    def parse(self, dump: Dump, received: datetime) -> Parsed:
        """Read the feed.

        Raises:
            ParseError: it is none.
        """
        return parse(dump, received)


def ask(http: Http, source: str, url: str, memory: FetchMemory) -> Dump | Notice:
    """Get a feed: a dump of it, or a notice where it is unchanged or empty.

    Raises:
        SourceError: there is no answer, or none that is a feed.
    """
    today = memory.now.astimezone(UTC).date()
    got = http.get(url, memory, accept=ACCEPT)
    if got.unchanged:
        return Notice(status="unchanged", note="the feed has not changed since the last fetch", date=today)
    try:
        if not feed_form.has_items(got.content) and not (channel := feed_form.channel(got.content)).items:
            return nothing_in(channel.skip_days, memory.now)
    except ParseError as error:
        raise SourceError(f"source {source}: {got.url} {error}") from error
    return Dump(
        source=source,
        name=got.url,
        content=got.content,
        date=today,
        date_rule="source-clock",
        remember=got.remember,
    )


def nothing_in(skip_days: Sequence[str], now: datetime, otherwise: str = "the feed is empty") -> Notice:
    """Say that a feed is empty, and whether that is its way today."""
    instant = now.astimezone(UTC)
    names = {day.strip().capitalize() for day in skip_days}
    if names & {f"{instant:%A}", f"{instant - _BEHIND:%A}"}:
        days = ", ".join(day[:3] for day in _WEEK if day in names)
        return Notice(status="calendar", note=f"feed says: none on {days}", date=instant.date())
    return Notice(status="empty", note=otherwise, date=instant.date())


_WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def parse(dump: Dump, received: datetime) -> Parsed:
    """Read a feed that came over the web: its address says nothing of its date.

    Raises:
        ParseError: it is none.
    """
    try:
        return feed_form.read(dump.content, partial(_dating, dump, received))
    except ParseError as error:
        raise ParseError(f"{dump.name} {error}") from error


def _dating(dump: Dump, received: datetime, clues: Clues) -> Dating:
    if dump.date is None:
        return decide(dump.model_copy(update={"name": ""}), received, clues)
    return Dating(date=dump.date, rule=dump.date_rule or "source-clock")


def host_of(url: str) -> str:
    """Return the host of an address; "" where it is none."""
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _open(settings: SourceSettings, root: Path) -> FeedSource:
    assert isinstance(settings, FeedSettings), "the registry hands a kind its own settings"
    return FeedSource(settings)


KIND = Kind(FeedSettings, _open)
