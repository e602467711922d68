"""A source that says what a test tells it, and a run over such sources in a store of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from digest.bootstrap import opened
from digest.config import Config, parse
from digest.errors import SourceError
from digest.models import Dating, Dump, Listing, Notice, Parsed, Receipt, Span
from digest.pipeline import Parts, run
from digest.protocols import FetchMemory, Store
from digest.testing import FrozenClock


@dataclass
class Told:
    """A source; what it gives may be changed between runs."""

    name: str = "papers"
    daily: bool = False
    gives: Sequence[Dump | Notice] = ()
    #: what stops it after that
    fails: str | None = None
    #: listings with these words in their title are passed over by its reader
    blind: tuple[str, ...] = ()
    asked: list[date | None] = field(default_factory=list)

    def fetch(self, memory: FetchMemory) -> Iterator[Dump | Notice]:
        """Yield what it was told."""
        self.asked.append(memory.latest)
        yield from self.gives
        if self.fails:
            raise SourceError(self.fails)

    def parse(self, dump: Dump, received: datetime) -> Parsed:
        """Read a dump of `batch`."""
        told = json.loads(dump.content)
        rows = [row for row in told["rows"] if not any(word in row["title"] for word in self.blind)]
        listings = [Listing(span=Span(first=n, last=n), **row) for n, row in enumerate(rows, 1)]
        return Parsed(dating=Dating(date=date.fromisoformat(told["date"]), rule="proven"), listings=tuple(listings))

    def batch(self, day: date, titles: Sequence[str], **fields: Any) -> Dump:
        """Return a dump of a date with listings of these titles; `fields` are of each of them."""
        rows: list[Mapping[str, Any]] = [
            {"title": title, "abstract": f"In this work we study {title.lower()} at length and in depth.", **fields}
            for title in titles
        ]
        return self.dump(day, rows)

    def dump(self, day: date, rows: Sequence[Mapping[str, Any]]) -> Dump:
        """Return a dump of a date with these listings."""
        content = json.dumps({"date": day.isoformat(), "rows": list(rows)}).encode()
        return Dump(source=self.name, name=f"{day}", content=content)


class Nowhere:
    """A publisher without an output folder."""

    def publish(self, store: Store) -> Sequence[str]:
        """Write nothing."""
        return ()


@dataclass
class World:
    """A store with newsletters, and a clock that a test moves."""

    parts: Parts
    clock: FrozenClock
    config: Config

    def run(self, *sources: Told, at: datetime | None = None) -> Receipt:
        """Run once, at an instant."""
        self.clock.now = at or self.clock.now
        return run(self.parts, sources)


@contextmanager
def world(root: Path, *, pages: bool = False, **newsletter: Any) -> Iterator[World]:
    """Open a store with one newsletter `daily`; further arguments are its settings. Without `pages` none is made."""
    data = {"newsletters": {"daily": newsletter}, "sources": [{"name": "x", "kind": "folder", "path": "x"}]}
    config = parse(data, root=root, where="test", environ={})
    clock = FrozenClock(datetime(2026, 11, 20, 9, tzinfo=UTC))
    with opened(config, clock) as system:
        yield World(system.parts if pages else replace(system.parts, publisher=Nowhere()), clock, config)


def titles(first: int, last: int) -> list[str]:
    """Return titles that have nothing in common but their form."""
    words = "amber birch cedar delta ember flint grove heron iris jade kelp lotus maple north opal pearl".split()
    return [
        f"{words[n % 16].title()} {words[n * 7 // 16 % 16]} {n}: on {words[n * 3 % 16]}" for n in range(first, last)
    ]
