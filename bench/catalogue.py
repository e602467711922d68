"""Part 3: whether it costs more to take listings in where a million papers are known."""

from __future__ import annotations

import gc
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from random import Random
from statistics import median

from bench.bulk import build
from bench.given import Given, Timed, take_in
from bench.measure import Table, Timing, alternate
from bench.papers import Maker
from bench.settings import Settings
from digest.store import open_store

_ABOUT = (
    "Time a listing from parsed to committed (SQLite file, synchronous = FULL, without tagging), half of the listings\n"
    "new: candidates, identity, comparison, commit. The garbage collector is set as the command line sets it. `x` is\n"
    "against the small store in the same round."
)
#: as in `digest.cli`
_COLLECTED = (500_000, 20, 100)
#: numbers of papers that no store has start here, further on in each process: a store may be used again
_NEW = time.time_ns() // 1000


def measure(settings: Settings) -> Iterator[Table]:
    """Build a small and a large store, and take batches into both in turns."""
    before = gc.get_threshold()
    gc.set_threshold(*_COLLECTED)
    try:
        yield _table(settings)
    finally:
        gc.set_threshold(*before)


def _table(settings: Settings) -> Table:
    table = Table(f"{settings.batch:,} listings, half of them new", _ABOUT)
    bench = _Bench(settings)
    sizes = (settings.small, settings.known)
    for size in sizes:
        table.note(f"store of {size:,}: {bench.prepare(size)}")
    timings = alternate(settings.rounds, {f"{size:,}": (lambda size=size: bench.batch(size)) for size in sizes})  # type: ignore[misc]
    small, large = (timings[f"{size:,}"] for size in sizes)
    table.time(f"{settings.small:,} known", small, "us", goal="at most 250")
    table.time(f"{settings.known:,} known", large, "us", over=small, goal="at most 250, 3x")
    for size in sizes:
        stages = ", ".join(f"{name} {median(took):.0f}" for name, took in bench.stages[size].items())
        table.note(f"{size:,} known, CPU us a listing: {stages}")
    return table


class _Bench:
    """Stores of several sizes, and batches of listings for them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._maker = Maker(settings.seeds)
        self._rounds = count(1)
        #: size -> stage -> CPU us a listing, by round
        self.stages: dict[int, dict[str, list[float]]] = {}

    def prepare(self, size: int) -> str:
        """Build the store of a size unless it is there, and say how long that took."""
        self.stages[size] = {"known": [], "identify and compare": [], "commit": [], "the run itself": []}
        path = self._path(size)
        if path.exists():
            return f"used again, {path.stat().st_size / 2**20:,.0f} MiB"
        begin = time.perf_counter()
        build(path, self._maker, size)
        # or the machine writes gigabytes of it while the first batches are timed
        os.sync()
        return f"built in {time.perf_counter() - begin:.0f} s, {path.stat().st_size / 2**20:,.0f} MiB"

    def _path(self, size: int) -> Path:
        return self._settings.scratch / f"known-{size}.db"

    def batch(self, size: int) -> Timing:
        """Take a batch into the store of a size; a small store is a new copy each time, so that it stays small."""
        path, turn = self._path(size), next(self._rounds)
        if size <= 20 * self._settings.batch:
            path = path.with_name("copy.db")
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            shutil.copyfile(self._path(size), path)
        with closing(open_store(str(path))) as store:
            last = store.latest_dump_date(Given.name)
            assert last is not None, "it was built from a dump"
            source = self._source(size, turn, last + timedelta(days=1))
            timed = Timed(store)
            wall, cpu = time.perf_counter(), time.process_time()
            receipt = take_in(timed, [source], {})
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        (found,) = receipt.sources
        assert found.new == self._settings.batch // 2, f"{found.new} new of {self._settings.batch // 2}"
        self._note(size, cpu, timed)
        return Timing([wall], [cpu]).per(self._settings.batch)

    def _source(self, size: int, turn: int, day: date) -> Given:
        # others each time: a paper that every batch lists is not what most known papers are
        batch, random = self._settings.batch, Random(_NEW + turn)
        known = random.sample(range(size), batch - batch // 2)
        fresh = range(_NEW + turn * batch, _NEW + turn * batch + batch // 2)
        numbers = [*known, *fresh]
        random.shuffle(numbers)
        listings = [paper.listing(at) for at, paper in enumerate(self._maker.papers(numbers), 1)]
        return Given(listings, f"{size} {_NEW} {turn}", day)

    def _note(self, size: int, cpu: float, timed: Timed) -> None:
        scale = 1e6 / self._settings.batch
        stages = self.stages[size]
        stages["known"].append(timed.cpu["known"] * scale)
        stages["commit"].append(timed.cpu["commit"] * scale)
        stages["identify and compare"].append((cpu - sum(timed.cpu.values())) * scale)
        # keeping the dump, and holding what came against the batches before: here against one of `size` listings
        rest = sum(timed.cpu.values()) - timed.cpu["known"] - timed.cpu["commit"]
        stages["the run itself"].append(rest * scale)
