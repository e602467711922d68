"""Whether the sources can be read now, and how they were doing. May import bootstrap, sources, receipt and below.

A source is asked as a run would ask it, but nothing of the answer is kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice

from digest import receipt
from digest.bootstrap import System
from digest.doctor.findings import Finding, fail, fine, parted, warn
from digest.errors import ParseError, SourceError
from digest.models import Dump, Notice, Parsed
from digest.protocols import Health, Remote, Source
from digest.text import count_noun, shorten

AREA = "sources"
#: dumps that are read, the last by name
_PARSED = 20
#: kinds that are several feeds: all of them are asked
_SEVERAL = ("opml",)
#: what is told of a dump to who asks about one source
_LISTINGS, _REJECTED = 5, 20
#: seconds that a source has in any case, and beside its `timeout`
PATIENCE = 20.0


@dataclass(frozen=True)
class Memory:
    """A source's past, as its fetch may ask for it."""

    now: datetime
    latest: date | None = None
    told: Mapping[str, str] = field(default_factory=dict)

    def recall(self, key: str) -> str | None:
        """Return what an earlier dump asked to remember."""
        return self.told.get(key)


@dataclass(frozen=True)
class Read:
    """A dump, with what is in it."""

    dump: Dump
    #: None: it cannot be read, and `why`
    parsed: Parsed | None
    why: str = ""


@dataclass(frozen=True)
class Answer:
    """What a source gave."""

    read: Sequence[Read] = ()
    notices: Sequence[Notice] = ()
    #: dumps that the store has read before
    known: int = 0
    #: what stopped it
    failure: str | None = None


@dataclass(frozen=True)
class Past:
    """What the store knows of a source."""

    memory: Memory
    health: Health | None
    #: sha256 of the dumps that are committed
    known: frozenset[str] = frozenset()


def past(system: System, source: Source, now: datetime) -> Past:
    """Return what the store knows of a source; read before its fetch starts, which is in another thread."""
    store, name = system.store, source.name
    known = frozenset(kept.sha256 for kept in store.committed(name))
    memory = Memory(now, store.latest_dump_date(name), store.remembered(name))
    return Past(memory, store.health(name), known)


def asked(source: Source, kind: str, before: Past, *, afresh: bool = False) -> Answer:
    """Ask a source, and read what is new of its answer.

    Args:
        source: which.
        kind: of its settings.
        before: what the store knows of it.
        afresh: as if nothing were known, so that there is something to show.
    """
    one = isinstance(source, Remote) and kind not in _SEVERAL
    memory = Memory(before.memory.now, before.memory.latest) if afresh else before.memory
    # a folder may have thousands of dumps: the last ones count, and only they are held
    fresh: deque[Dump] = deque(maxlen=_PARSED)
    notices: list[Notice] = []
    known, failure = 0, None
    try:
        for given in islice(source.fetch(memory), 1 if one else None):
            if isinstance(given, Notice):
                notices.append(given)
            elif afresh or given.sha256 not in before.known:
                fresh.append(given)
            else:
                known += 1
    except SourceError as error:
        failure = str(error).removeprefix(f"source {source.name}: ")
    return Answer([_read(source, dump, memory.now) for dump in fresh], notices, known, failure)


def _read(source: Source, dump: Dump, now: datetime) -> Read:
    try:
        return Read(dump, source.parse(dump, now))
    except ParseError as error:
        return Read(dump, None, str(error).removeprefix(f"{dump.name} "))


def judged(
    name: str, answer: Answer, health: Health | None, today: date, *, verbose: bool = False, remembered: bool = True
) -> Iterator[Finding]:
    """Yield how a source is.

    Args:
        name: the source's.
        answer: what it gave now.
        health: how its fetches went before; None: there was none.
        today: the date it is.
        verbose: show what came.
        remembered: there is a store that knows how it was doing.
    """
    details = tuple(line for one in answer.read for line in _shown(one)) if verbose else ()
    if answer.failure:
        what, remedy = parted(answer.failure)
        yield fail(AREA, f"{name}: {what}", remedy or f"digest doctor {name} shows more", details=details)
    else:
        yield fine(
            AREA,
            f"{name}: {_gave(answer, 'dump' if verbose else 'new dump')}{_before(health, today) if remembered else ''}",
            details=details,
        )
    yield from _rejected(name, answer.read)
    if health and health.failing_days > 1:
        days = count_noun(health.failing_days, "day")
        note = f": {shorten(health.note, 120)}" if health.note else ""
        yield warn(AREA, f"{name}: the runs of {days} could not read it{note}", "mend what that says; papers come late")
    quiet = receipt.pause(health.news, today) if health else None
    if quiet:
        yield warn(
            AREA, f"{name}: {quiet}", f"look at what it shows a person; digest doctor {name} tells what it gives"
        )


def _gave(answer: Answer, noun: str) -> str:
    """Return what a source gave, in words."""
    listings = sum(len(one.parsed.listings) for one in answer.read if one.parsed)
    told = [f"{count_noun(len(answer.read), noun)} with {count_noun(listings, 'listing')}"] if answer.read else []
    told += [f"{count_noun(answer.known, 'dump')} known"] if answer.known else []
    told += list(dict.fromkeys(one.note for one in answer.notices))[:1] if not told else []
    return ", ".join(told) or "it is there, and empty"


def _before(health: Health | None, today: date) -> str:
    if health is None:
        return "; never fetched by a run"
    last = f"{health.news[0]}" if health.news else "never"
    return f"; last run {health.at:%Y-%m-%d %H:%M} UTC, something new {'today' if last == str(today) else last}"


def _rejected(name: str, read: Sequence[Read]) -> Iterator[Finding]:
    """Yield what cannot be read of the dumps that came."""
    for one in read:
        count = len(one.parsed.rejected) if one.parsed else 0
        if one.parsed is None:
            yield fail(
                AREA, f"{name}: {one.dump.name} {one.why.rstrip('.')}", f"take {one.dump.name} away, or digest sources "
                f"try FILE until it can be read: a run counts all of it as rejected",
            )  # fmt: skip
        elif count:
            first = one.parsed.rejected[0]
            yield warn(
                AREA,
                f"{name}: {one.dump.name}: {count} of {count + len(one.parsed.listings)} listings rejected, the first "
                f"in lines {first.span.first}-{first.span.last}: {first.reason.rstrip('.')}",
                f"digest doctor {name} shows them; nothing else of the dump is lost",
            )


def _shown(one: Read) -> Iterator[str]:
    """Yield what came in a dump, for who asks about its source."""
    yield f"{one.dump.name}: {len(one.dump.content):,} bytes, sha256 {one.dump.sha256[:12]}"
    if one.parsed is None:
        yield f"not read: {one.why}"
        return
    dating = one.parsed.dating
    yield f"dated {dating.date} ({dating.rule}), {count_noun(len(one.parsed.listings), 'listing')}"
    for number, listing in enumerate(one.parsed.listings[:_LISTINGS], 1):
        yield f"{number}  {shorten(listing.title, 70)}"
    for rejected in one.parsed.rejected[:_REJECTED]:
        yield f"rejected {rejected.span.first}-{rejected.span.last}: {rejected.reason}"
