"""Random histories of dumps, late and out of order, with repeats and kills: nothing lost, nothing announced twice.

python -m tests.acceptance.histories 1000
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterable, MutableMapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import structlog

from digest import logs, pipeline
from digest.clock import fixed
from digest.models import Interests, Newsletter
from digest.protocols import Store
from digest.sources.folder import FolderSettings, FolderSource
from digest.store import open_store
from digest.tagging import load_taxonomy
from tests.acceptance.command import page, paper

NEWSLETTERS = (
    Newsletter(id="daily", title="Daily"),
    Newsletter(id="weekly", title="Weekly", timezone="Europe/Berlin", days=frozenset({1})),
)
START = date(2026, 3, 2)


class NoFolder:
    """Publishes nothing: these histories are about the store, and `test_kill` is about the folder."""

    def publish(self, store: Store) -> Sequence[str]:
        return ()


@dataclass
class Totals:
    """What a set of histories held."""

    histories: int = 0
    dumps: int = 0
    repeats: int = 0
    late: int = 0
    kills: int = 0
    editions: int = 0
    entries: int = 0
    lost: int = 0
    twice: int = 0
    killed_at: dict[str, int] = field(default_factory=dict)


def _write(folder: Path, name: str, day: date, numbers: Sequence[int]) -> None:
    text = page(f"{day:%b} {day.day}", [paper(number) for number in numbers])
    (folder / f"{day.isoformat()}-{name}.txt").write_text(text)


def _run(store: Store, folder: Path, now: datetime) -> None:
    tagger = load_taxonomy()
    parts = pipeline.Parts(
        store=store,
        publisher=NoFolder(),
        newsletters=NEWSLETTERS,
        taggers={newsletter.id: tagger for newsletter in NEWSLETTERS},
        interests=Interests(),
        clock=fixed(now),
    )
    settings = FolderSettings(name="dumps", path=str(folder))
    with store.lock("history", timeout=20):
        pipeline.run(parts, [FolderSource(settings, folder)])


class _Deadly:
    """A log that kills its process at the chosen line."""

    def __init__(self, line: int) -> None:
        self._left = line

    def __call__(self, logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        self._left -= 1
        if self._left == 0:
            os.write(1, f"{event['event']}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)
        raise structlog.DropEvent


def _run_killed(address: str, folder: Path, now: datetime, line: int) -> str | None:
    """Run in a child that dies at a line of its log; return the line, None where the run had fewer."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(into, 1)
        logs.configure("debug")
        structlog.configure(processors=[_Deadly(line)])
        status = 1
        try:
            _run(open_store(address), folder, now)
            status = 0
        except Exception:
            traceback.print_exc()
            raise
        finally:
            os._exit(status)  # never back into pytest
    os.close(into)
    with os.fdopen(out) as said:
        died_at = said.read().strip()
    _, status = os.waitpid(child, 0)
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0
    return died_at if os.WIFSIGNALED(status) else None


class _Play:
    """One history: a folder that dumps come into, and a store that is opened anew after each kill."""

    def __init__(self, seed: int, folder: Path, address: str, totals: Totals) -> None:
        self.chance = random.Random(seed)
        self.folder, self.address, self.totals = folder, address, totals
        self.killed = False
        self.store = open_store(address)
        self.listed: set[int] = set()

    def dump(self, name: str, day: date, numbers: Sequence[int]) -> None:
        self.listed |= set(numbers)
        self.totals.dumps += 1
        text = page(f"{day:%b} {day.day}", [paper(number) for number in numbers])
        (self.folder / f"{day.isoformat()}-{name}.txt").write_text(text)

    def run(self, day: date, hour: int = 12, *, kill: bool = True) -> None:
        now = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
        if kill and not self.killed:
            self.store.close()
            died_at = _run_killed(self.address, self.folder, now, self.chance.randint(1, 7))
            self.store = open_store(self.address)
            if died_at:
                self.killed = True
                self.totals.kills += 1
                self.totals.killed_at[died_at] = self.totals.killed_at.get(died_at, 0) + 1
        _run(self.store, self.folder, now)


def history(seed: int, folder: Path, address: str, totals: Totals) -> None:
    """Play one history, and count what it lost or announced twice."""
    folder.mkdir()
    play = _Play(seed, folder, address, totals)
    chance = play.chance
    pool = list(range(chance.randint(12, 20)))
    day = START + timedelta(days=chance.randint(0, 6))
    play.dump("first", day, sorted(chance.sample(pool, 3)))
    play.run(day, kill=False)
    steps = chance.randint(4, 6)
    for step in range(steps):
        day += timedelta(days=chance.randint(1, 5))
        for extra in range(chance.choice((1, 1, 2))):
            dated = day - timedelta(days=chance.choice((0, 0, 0, 1, 4, 11)))
            play.dump(f"{step}{extra}", dated, chance.sample(pool, chance.randint(1, 5)))
            totals.late += dated < day
        if step == steps // 2:
            again = chance.choice(sorted(folder.iterdir()))
            (folder / f"{again.stem}-again.txt").write_bytes(again.read_bytes())
            totals.repeats += 1
        play.run(day, chance.randint(0, 23), kill=step > 0)
    for number in range(3):  # Mondays with something new each: the weekly letter has at least two editions
        day += timedelta(days=7 - day.weekday())
        play.dump(f"monday{number}", day, [100 + number])
        play.run(day)
    _judge(play.store, play.listed, totals)
    play.store.close()


def _judge(store: Store, listed: set[int], totals: Totals) -> None:
    titles = {paper(number)[0] for number in listed}
    for newsletter in NEWSLETTERS:
        announced: list[str] = []
        mark = 0
        editions = [store.edition(newsletter.id, one.ref.number) for one in store.editions(newsletter.id)]
        assert len(editions) >= 2
        assert [edition.number for edition in editions] == list(range(1, len(editions) + 1))
        assert all(one.date < other.date for one, other in pairwise(editions))
        for edition in editions:
            assert edition.after == mark
            mark = edition.upto
            announced += [entry.paper.title for entry in edition.entries if entry.change == "new"]
            totals.entries += len(edition.entries)
        totals.editions += len(editions)
        totals.lost += len(titles - set(announced))
        totals.twice += len(announced) - len(set(announced))


def histories(seeds: Iterable[int], folder: Path) -> Totals:
    """Play a history for each seed on SQLite, in memory where the machine has a place for it."""
    totals = Totals()
    base = Path("/dev/shm") if Path("/dev/shm").is_dir() else folder
    for seed in seeds:
        store = base / f"digest-history-{os.getpid()}.db"
        try:
            history(seed, folder / str(seed), str(store), totals)
        finally:
            for left in base.glob(f"{store.name}*"):
                left.unlink()
        totals.histories += 1
    return totals


def judge(totals: Totals) -> None:
    """Fail unless nothing was lost, nothing announced twice, and every history had its kill and its repeat."""
    assert (totals.lost, totals.twice) == (0, 0)
    assert totals.kills == totals.repeats == totals.histories


def _share(first: int, count: int, workers: int) -> Totals:
    with tempfile.TemporaryDirectory(prefix="digest-histories-") as folder:
        return histories(range(first, count, workers), Path(folder))


def main(count: int, workers: int = 2) -> None:
    """Play `count` histories in some processes and print the totals."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        parts = list(pool.map(_share, range(workers), [count] * workers, [workers] * workers))
    totals = Totals()
    for part in parts:
        for name in (one.name for one in fields(Totals) if one.name != "killed_at"):
            setattr(totals, name, getattr(totals, name) + getattr(part, name))
        for event, kills in part.killed_at.items():
            totals.killed_at[event] = totals.killed_at.get(event, 0) + kills
    print(totals)
    judge(totals)


if __name__ == "__main__":
    main(int(sys.argv[1]))
