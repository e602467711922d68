"""Days of a newsletter, on a store that stays and on one that is thrown away after each run."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from digest.bootstrap import System, opened
from digest.config import parse
from digest.models import Dump, Notice, Receipt
from digest.pipeline import run
from digest.protocols import Store
from digest.state.keeper import Imported, Keeper
from digest.testing import FrozenClock
from tests.acceptance.command import tree
from tests.told import Nowhere, Told

START = date(2026, 3, 2)
#: two newsletters, of which one waits for its day, so that the log is pending for days
CONFIG: Mapping[str, Any] = {
    "base_url": "https://papers.example.org",
    "newsletters": {"daily": {}, "weekly": {"days": "mon"}, "narrow": {}},
    "sources": [
        {"name": "ids", "kind": "folder", "path": "x", "newsletters": ["daily", "weekly", "narrow"]},
        {"name": "plain", "kind": "folder", "path": "y", "newsletters": ["daily", "weekly"]},
    ],
    "interests": {"want": ["spiking"], "mute": ["survey"]},
}


@contextmanager
def system(root: Path, now: datetime, **config: Any) -> Iterator[System]:
    """Open the configured system in a folder."""
    root.mkdir(parents=True, exist_ok=True)
    told = parse({**CONFIG, **config}, root=root, where="test", environ={})
    with opened(told, FrozenClock(now)) as wired:
        yield wired


def keeper(wired: System, folder: Path, **told: Any) -> Keeper:
    """Return what keeps the store of a system in a folder."""
    return Keeper(folder, wired.store.tables, wired.parts.clock, salt="test", **told)


def snapshots(store: Store, newsletter: str = "daily") -> list[str]:
    """Return the bytes of the editions, but for reasons that tell of a person."""
    found = []
    for one in store.editions(newsletter):
        edition = store.edition(newsletter, one.ref.number)
        entries = [
            entry.model_copy(update={"reasons": tuple(reason for reason in entry.reasons if not reason.personal)})
            for entry in edition.entries
        ]
        found.append(edition.model_copy(update={"entries": tuple(entries)}).canonical_json().decode())
    return found


def announced(store: Store, newsletter: str = "daily") -> list[str]:
    """Return the titles that were new in an edition, in their order."""
    return [
        entry.paper.title
        for one in store.editions(newsletter)
        for entry in store.edition(newsletter, one.ref.number).entries
        if entry.change == "new"
    ]


def titled(number: int) -> tuple[str, str]:
    """Return title and abstract of a made-up paper."""
    kind = ("Pruned", "Spiking", "Graph", "Recurrent", "Quantised", "Survey of", "Bayesian")[number % 7]
    title = f"{kind} Networks of Size {number} Learn to Forecast the Weather of Town {number * 7 + 3}"
    return title, (
        f"Forecasting the weather of a town is hard, and models of size {number} were thought to be too small for it. "
        f"We propose {kind.lower()} networks that need {number + 2} hours of training on one machine, and show on "
        f"{number % 5 + 2} data sets that they match models ten times as large. Code is available on request."
    )


@dataclass
class Feed:
    """Two sources over time: papers come, come again, move their counts, are revised; some have ids, some have none."""

    seed: int = 0
    each: int = 4
    ids: Told = field(default_factory=lambda: Told("ids"))
    plain: Told = field(default_factory=lambda: Told("plain"))
    _born: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._known: list[dict[str, Any]] = []

    def come(self, day: date) -> Sequence[Told]:
        """Let the sources give what they have on a day; some days nothing."""
        fresh = [self._paper() for _ in range(self._chance.randint(0, self.each))]
        again = self._chance.sample(self._known, min(len(self._known), self._chance.randint(0, self.each)))
        rows = [*fresh, *map(self._again, again)]
        self._known += fresh
        self.ids.gives = self._dump(self.ids, day, [row for row in rows if "ids" in row])
        self.plain.gives = self._dump(self.plain, day, [{**row, "ids": []} for row in rows if "both" not in row])
        for told in (self.ids, self.plain):
            told.fails = "the server is away" if self._chance.random() < 0.05 else None
        return self.ids, self.plain

    def _dump(self, told: Told, day: date, rows: Sequence[Mapping[str, Any]]) -> Sequence[Dump | Notice]:
        if not rows:
            return [Notice(status="unchanged", note="not modified")]
        clean = [{name: value for name, value in row.items() if name != "both"} for row in rows]
        dump = told.dump(day, clean)
        return [dump.model_copy(update={"remember": {"etag": dump.sha256[:8], "day": day.isoformat()}})]

    def _paper(self) -> dict[str, Any]:
        self._born += 1
        title, abstract = titled(self._born)
        row: dict[str, Any] = {"title": title, "abstract": abstract, "comments": self._chance.randint(0, 9)}
        if self._born % 3:
            row["ids"] = [{"scheme": "arxiv", "value": f"2603.{self._born:05}"}]
            row["authors"] = [f"Ada Lovelace{self._born}", "Charles Babbage"]
        if self._born % 3 == 1:
            row["both"] = True
        return row

    def _again(self, row: dict[str, Any]) -> dict[str, Any]:
        row["comments"] += self._chance.randint(0, 3)
        if self._chance.random() < 0.2:
            row["abstract"] += f" Revised after {row['comments']} comments and {self._chance.randint(2, 99)} more runs."
        return row


@dataclass
class Side:
    """What a day came to on one side."""

    receipt: Receipt
    editions: list[list[str]]
    pages: dict[str, str]


def one_run(wired: System, sources: Sequence[Told], *, pages: bool = True) -> Side:
    """Run once; pages take the most of its time."""
    receipt = run(wired.parts if pages else replace(wired.parts, publisher=Nowhere()), sources)
    return Side(
        receipt,
        [snapshots(wired.store, one.id) for one in wired.parts.newsletters],
        tree(wired.config.path(wired.config.output)),
    )


def thrown_away(
    root: Path, folder: Path, sources: Sequence[Told], now: datetime, *, pages: bool = True
) -> tuple[Side, Imported]:
    """Run once in a folder that has nothing but the state."""
    with system(root, now) as wired:
        kept = keeper(wired, folder)
        brought = kept.load([one.name for one in sources])
        found = one_run(wired, sources, pages=pages)
        kept.save()
    return found, brought


def at(day: int, hour: int = 9) -> datetime:
    """Return the instant of a day of the story."""
    return datetime.combine(START + timedelta(days=day), time(hour), UTC)
