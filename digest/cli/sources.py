"""`digest sources`: how the sources are, and what one would give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import click
from pydantic import ValidationError

from digest import receipt
from digest.bootstrap import System
from digest.cli import screen
from digest.cli.common import Asked, options
from digest.clock import system as system_clock
from digest.errors import ParseError, UsageError
from digest.models import Dating, Dump, Listing, Notice, Parsed, Rejected, Span
from digest.protocols import Health, Source
from digest.sources import open_source, settings_for
from digest.sources.base import Announcing
from digest.text import count_noun, shorten

#: so many batches say what is typical of a source
_BATCHES = 11


@click.group(invoke_without_command=True)
@options
def command(asked: Asked) -> None:
    """Show how the sources are: their last fetch, their last batch, what to expect next."""
    if click.get_current_context().invoked_subcommand is None:
        with asked.system() as system:
            now = system.parts.clock()
            states = [_state(system, source, settings.kind, now) for source, settings in _configured(system)]
        asked.tell([state.as_json() for state in states])
        asked.say(_report(states, now.date()))


@dataclass(frozen=True)
class _State:
    """What `digest sources` says of one source."""

    name: str
    kind: str
    health: Health | None
    #: date and size of its newest batch
    newest: date | None
    papers: int | None
    #: the median size of those before it
    typical: int | None
    #: when something new may be expected: as it knows itself, else by its usual pause
    expected: date | None
    #: that nothing was new for far longer than ever
    pause: str | None

    @property
    def failing(self) -> bool:
        """Whether its last fetch failed, at least in part."""
        return bool(self.health and self.health.failing_since)

    def as_json(self) -> dict[str, Any]:
        """Return all of it."""
        health = self.health
        since = health.failing_since if health else None
        return {
            "name": self.name,
            "kind": self.kind,
            "last_fetch": health.at.isoformat() if health else None,
            "status": health.status if health else None,
            "note": health.note if health else None,
            "last_dump": self.newest and self.newest.isoformat(),
            "papers": self.papers,
            "typical": self.typical,
            "failing_since": since.isoformat() if since else None,
            "failing_days": health.failing_days if health else 0,
            "pause": self.pause,
            "next_expected": self.expected and self.expected.isoformat(),
        }


def _configured(system: System) -> Iterator[tuple[Source, Any]]:
    return zip(system.sources(), system.config.sources, strict=False)


def _state(system: System, source: Source, kind: str, now: datetime) -> _State:
    health = system.store.health(source.name)
    batches = system.store.batches(source.name, _BATCHES)
    known = source.next_batch(now).date() if isinstance(source, Announcing) else None
    return _State(
        name=source.name,
        kind=kind,
        health=health,
        newest=batches[0].date if batches else None,
        papers=batches[0].papers if batches else None,
        typical=round(median(batch.papers for batch in batches[1:])) if len(batches) > 1 else None,
        expected=known or (_expected(health.news) if health else None),
        pause=receipt.pause(health.news, now.date()) if health else None,
    )


def _expected(news: Sequence[date]) -> date | None:
    """Return when a source has something new again if its next pause is its usual one."""
    pauses = [(later - earlier).days for later, earlier in pairwise(news)]
    return news[0] + timedelta(days=round(median(pauses))) if pauses else None


def _report(states: Sequence[_State], today: date) -> str:
    """Return how many need a person, a row for each source, and what there is to say of some of them."""
    header = ("source", "last fetch, UTC", "status", "newest", "papers", "typical", "next")
    rows = [
        (
            screen.shorten_name(state.name, 20),
            f"{_short(state.health.at.date(), today)} {state.health.at:%H:%M}" if state.health else "never",
            _status(state.health),
            _short(state.newest, today),
            _number(state.papers),
            _number(state.typical),
            _next(state, today),
        )
        for state in states
    ]
    told = [line for state in states for line in _told(state, today)]
    return "\n".join([_summary(states), screen.table(header, rows, left=(0, 1, 2, 3, 6)), *told])


def _summary(states: Sequence[_State]) -> str:
    """Return how the sources are, in a sentence."""
    failing = sum(state.failing for state in states)
    quiet = sum(bool(state.pause) and not state.failing for state in states)
    never = sum(state.health is None for state in states)
    odd = [
        f"{failing} {'fails' if failing == 1 else 'fail'}" if failing else "",
        f"{quiet} {'is' if quiet == 1 else 'are'} quiet for longer than ever" if quiet else "",
        f"{never} {'was' if never == 1 else 'were'} never fetched: `digest run` does it" if never else "",
    ]
    named = ", ".join(one for one in odd if one)
    return f"{count_noun(len(states), 'source')}: {named or 'nothing to see to'}."


def _status(health: Health | None) -> str:
    """Return how the last fetch went; `calendar` and `partial` in words that need no manual."""
    if health is None:
        return "-"
    return {"calendar": "no batch", "partial": "in part", "failed": "FAILED"}.get(health.status, health.status)


def _next(state: _State, today: date) -> str:
    """Return when something new may be expected; a day that is over is none."""
    if state.expected is None:
        return "-"
    day = f"{screen.day_near(state.expected, today)}"
    return day if state.expected >= today else f"late: {_short(state.expected, today)}"


def _told(state: _State, today: date) -> Iterator[str]:
    """Yield what there is to say of a source: since when it fails, that it is quiet, what it said."""
    health = state.health
    note = (health.note or "").removeprefix(f"source {state.name}: ") if health else ""
    if health and health.failing_since:
        days, since = count_noun(health.failing_days, "day"), _short(health.failing_since.date(), today)
        how = "fails" if health.status == "failed" else "fails in part"
        yield screen.wrap(f"  {state.name} {how} since {since} ({days}): {note}", "    ")
    elif note:
        yield screen.wrap(f"  {state.name}: {note}", "    ")
    if state.pause:
        yield screen.wrap(f"  {state.name}: {state.pause}", "    ")


def _short(day: date | None, today: date) -> str:
    if day is None:
        return "-"
    return f"{day.day} {day:%b}" if day.year == today.year else f"{day.day} {day:%b} {day.year}"


def _number(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"


# What one would give


@dataclass(frozen=True)
class _Nothing:
    """The memory of a source that was never read."""

    now: datetime
    latest: date | None = None

    def recall(self, key: str) -> str | None:
        """Return nothing: there is no past."""
        return None


@command.command("try")
@click.argument("what", metavar="FILE|URL")
@click.option("--kind", help="How to read it; default: by its content.")
@options
def try_command(asked: Asked, what: str, kind: str | None) -> None:
    """Read a file, a folder or a URL, print what is listed and what is rejected. Nothing is kept."""
    found = [_read(source, dump) for source, dump in _dumps(asked, what, kind)]
    if not found:
        raise UsageError(f"{what}: nothing to read there")
    asked.tell([_as_json(dump, parsed) for dump, parsed in found])
    for dump, parsed in found:
        asked.say("\n".join(_lines(dump, parsed)))
    raise SystemExit(0 if any(parsed.listings for _, parsed in found) else 1)


def _dumps(asked: Asked, what: str, kind: str | None) -> Iterator[tuple[Source, Dump]]:
    """Yield what is there, each with the source that reads it; no store is opened."""
    source = _source(kind or "folder", what)
    if what.startswith(("http://", "https://")):
        yield source, Dump(source=source.name, name=what, content=_get(asked, what))
        return
    path = Path(what)
    if not path.exists():
        raise UsageError(f"{what}: no such file or folder; a URL begins with http:// or https://")
    if kind not in (None, "folder"):
        if path.is_dir():
            raise UsageError(f"{what} is a folder; leave out --kind, or name one of its files")
        yield source, Dump(source=source.name, name=path.name, content=path.read_bytes())
        return
    for got in source.fetch(_Nothing(system_clock()())):
        if not isinstance(got, Notice):
            yield source, got


def _get(asked: Asked, url: str) -> bytes:
    """Fetch a URL once; who names a host of this machine or its network means it."""
    from digest.sources.http import Http

    config = asked.config() if asked.file.is_file() else None
    allowed = (*(config.allow_hosts if config else ()), urlsplit(url).hostname or "")
    return Http(contact=config.contact if config else None, allow_hosts=allowed).get(url).content


def _source(kind: str, what: str) -> Source:
    """Open a source of a kind that needs no more than to know where."""
    model = settings_for(kind)
    url = what if "://" in what else f"https://digest.invalid/{Path(what).name}"
    # what a document says does not depend on them, but some kinds are not opened without
    given = {"path": what, "url": url, "categories": ("cs.LG",)}
    needed = {name: given[name] for name, field in model.model_fields.items() if field.is_required() and name in given}
    try:
        return open_source(model.model_validate({"name": "try", "kind": kind, **needed}), Path.cwd())
    except ValidationError as error:
        missing = ", ".join(str(one["loc"][0]) for one in error.errors(include_url=False))
        raise UsageError(f"--kind {kind} needs settings ({missing}); leave it out to read by content") from error


def _read(source: Source, dump: Dump) -> tuple[Dump, Parsed]:
    """Parse a dump; one that cannot be read is one rejected span, as in a run."""
    received = system_clock()()
    try:
        return dump, source.parse(dump, received)
    except ParseError as error:
        span = Span(first=1, last=max(1, len(dump.content.splitlines())))
        dating = Dating(date=dump.date or received.date(), rule=dump.date_rule or "assumed")
        return dump, Parsed(dating=dating, rejected=(Rejected(span=span, reason=str(error), text=""),))


def _as_json(dump: Dump, parsed: Parsed) -> dict[str, Any]:
    return {
        "name": dump.name,
        "sha256": dump.sha256,
        **parsed.dating.model_dump(mode="json"),
        "listings": [listing.model_dump(mode="json") for listing in parsed.listings],
        "rejected": [rejected.model_dump(mode="json") for rejected in parsed.rejected],
    }


def _lines(dump: Dump, parsed: Parsed) -> Iterator[str]:
    dating = parsed.dating
    counts = f"{count_noun(len(parsed.listings), 'listing')}, {len(parsed.rejected)} rejected"
    yield screen.wrap(f"{dump.name}: {screen.day_name(dating.date)} ({dating.rule}), {counts}")
    if dating.note:
        yield f"  note  {dating.note}"
    for number, listing in enumerate(parsed.listings, 1):
        yield f"{number:4}  {shorten(listing.title, 74)}"
        facts = _facts(listing)
        if facts:
            yield screen.wrap(f"      {facts}", "      ")
    for rejected in parsed.rejected:
        yield screen.wrap(f"  rejected  {rejected.span.first}-{rejected.span.last}: {rejected.reason}", "    ")


def _facts(listing: Listing) -> str:
    """Return ids, date, authors, categories of a listing in a line."""
    count = listing.author_count or len(listing.authors)
    facts = [
        " ".join(f"{alias.scheme}:{alias.value}" for alias in listing.ids),
        f"v{listing.version}" if listing.version else "",
        listing.announced or "",
        listing.published.isoformat() if listing.published else "",
        count_noun(count, "author") if count else "",
        ", ".join(category.id for category in listing.categories),
        "withdrawn" if listing.withdrawn else "",
        "" if listing.abstract else "no abstract",
    ]
    return " · ".join(fact for fact in facts if fact)
