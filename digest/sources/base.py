"""What sources have in common: what those on the web need, and a reader of lines. May import the registry, models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Generic, Protocol, TypeVar, get_args, runtime_checkable

from pydantic import BeforeValidator, Field

from digest.models import Alias, Dump, Listing, Parsed, Rejected, Scheme, Span
from digest.sources import SourceSettings
from digest.sources.dates import Clues, decide
from digest.sources.decoding import decode
from digest.sources.durations import duration
from digest.text import clean

if TYPE_CHECKING:
    from digest.sources.http import Http


class WebSettings(SourceSettings):
    """What every `[[sources]]` table of a kind that asks servers may say."""

    #: seconds, written like "20s", that an answer may take from connecting to the last byte, with all tries together;
    #: beside them up to two minutes are waited where a server says when to ask again
    timeout: Annotated[float, BeforeValidator(duration), Field(gt=0, le=3600)] = 20


Settings = TypeVar("Settings", bound=WebSettings)


def read_lines(dump: Dump, received: datetime, pattern: re.Pattern[str], *, otherwise: str) -> Parsed:
    """Read a dump with a paper on each line: what many a source of one's own needs for its `parse`.

    Blank lines are skipped. The dump is dated by the command, by its name, else by the day it came.

    Args:
        dump: as `parse` is given it.
        received: as `parse` is given it.
        pattern: what a whole line is, without the blanks around it. Its named groups say what is where: `title`
            (needed), `abstract`, `authors` (with commas between), and normalised ids by scheme: `arxiv`, `doi` ...
        otherwise: why a line that is not so is rejected, for people.
    """
    listings, rejected = [], []
    for number, text in enumerate(decode(dump.content).splitlines(), 1):
        span, line = Span(first=number, last=number), text.strip()
        found = pattern.fullmatch(line)
        told = found.groupdict(default="") if found else {"title": ""}
        if clean(told["title"]):
            listings.append(_listing(span, told))
        elif line:
            rejected.append(Rejected(span=span, reason=otherwise, text=text))
    return Parsed(dating=decide(dump, received, Clues()), listings=tuple(listings), rejected=tuple(rejected))


def _listing(span: Span, told: Mapping[str, str]) -> Listing:
    names = (clean(name) for name in told.get("authors", "").split(","))
    return Listing(
        span=span,
        title=clean(told["title"]),
        abstract=clean(told.get("abstract", "")),
        authors=tuple(name for name in names if name),
        ids=tuple(Alias(scheme=one, value=told[one]) for one in get_args(Scheme) if one != "title" and told.get(one)),
    )


@runtime_checkable
class Announcing(Protocol):
    """A source that knows when its next batch is due."""

    def next_batch(self, now: datetime) -> datetime:
        """Return that instant, in UTC; a midnight: some time on that day."""


@runtime_checkable
class Watched(Protocol):
    """A source of which can be seen at a glance whether a fetch would bring anything else than the last one."""

    def looks(self) -> str:
        """Return what tells one state of it from another; "" where that cannot be seen now."""


class WebSource(Generic[Settings]):
    """A source that asks servers."""

    def __init__(self, settings: Settings, http: Http | None = None) -> None:
        """Prepare; nothing is asked for yet.

        Args:
            settings: name, and what to read.
            http: the way to the web; None: the one that all sources share.
        """
        self._settings = settings
        self._http = http

    def web(self) -> Http:
        """Return the way to the web for one fetch, in which a server that hangs is given up after `timeout`."""
        from digest.sources.http import shared_http

        return (self._http or shared_http()).within(self._settings.timeout)

    @property
    def name(self) -> str:
        """The name in the configuration."""
        return self._settings.name

    @property
    def daily(self) -> bool:
        """Whether an edition waits for its batch of the day."""
        return self._settings.daily
