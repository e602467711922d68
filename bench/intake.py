"""Part 4: dumps in, papers in the store, beside reader's update of the same papers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from itertools import count
from pathlib import Path

from bench import real
from bench.measure import Table, Timing, alternate, run
from bench.papers import Made, Maker, page, rss
from bench.peers import SIDE, peer
from bench.settings import ROOT, Settings

_ABOUT = (
    "Each in a new process with a new SQLite file; the time is of the work alone, without start-up: ours from a\n"
    "folder with a dump a day (keep, parse, identify, compare, tag, commit), reader's from a feed that it updates\n"
    "once a day (parse, store). `rows alone` writes the rows and compressed bytes of that store into a new one: what\n"
    "remains however fast papers are parsed, identified and tagged. The peak is of the whole process."
)


def measure(settings: Settings) -> Iterator[Table]:
    """Measure made-up papers, and real ones if there are any."""
    papers = Maker(settings.seeds).papers(range(settings.intake))
    yield _table(settings, "made-up papers on one page", [(date(2026, 7, 1), papers)])
    if settings.data:
        days = real.days(settings.data, most=max(1, settings.intake // 20))
        yield _table(settings, f"real papers of {len(days)} days", list(days.items()))


def _table(settings: Settings, what: str, days: Sequence[tuple[date, list[Made]]]) -> Table:
    papers = [paper for _, some in days for paper in some]
    table = Table(f"Taking in {len(papers):,} {what}", _ABOUT)
    folder = settings.scratch / f"intake-{len(papers)}-{len(days)}"
    pages, feeds = folder / "pages", folder / "feeds"
    for one in (pages, feeds):
        one.mkdir(parents=True, exist_ok=True)
    number = 0
    for day, some in days:
        (pages / f"{day.isoformat()}.txt").write_text(page(some, day, bylines=True))
        (feeds / f"{day.isoformat()}.xml").write_text(rss(some, number))
        number += len(some)
    for old in folder.glob("*.db*"):
        old.unlink()
    turn = count()
    own: list[str | Path] = [sys.executable, "-m", "bench.take_in", pages]
    contenders: dict[str, Callable[[], object]] = {
        "digest": lambda: _own([*own, folder / f"{next(turn)}.db"], len(papers))
    }
    reader = peer("reader", settings.peers) if settings.peers else None
    if reader and not reader.missing:
        update: list[str | Path] = [reader.python, SIDE / "update.py", feeds]
        contenders["reader"] = lambda: _own([*update, folder / f"{next(turn)}.db"], len(papers))
    elif reader:
        table.note(f"reader skipped: {reader.missing}")
    limit: list[str | Path] = [sys.executable, "-m", "bench.limit", folder / "0.db"]
    # the first to take part leaves the store that it copies
    contenders["rows alone"] = lambda: _own([*limit, folder / f"{next(turn)}.db"], len(papers))
    timings = alternate(settings.rounds, contenders)
    if "reader" in timings:
        table.time("reader", timings["reader"], "s")
    table.time("digest", timings["digest"], "s", over=timings.get("reader"), goal="at most 0.20x of reader")
    table.time("rows alone", timings["rows alone"], "s", over=timings.get("reader"))
    table.time("digest, a listing", timings["digest"].per(len(papers)), "us")
    return table


def _own(command: Sequence[str | Path], expected: int) -> Timing:
    """Run what tells its own times and a count; return the times, with the peak that was seen from outside."""
    process = run(command, ROOT)
    wall, cpu, found = json.loads(process.out)
    if found != expected:
        raise RuntimeError(f"{command[0]}: took in {found} papers, not {expected}")
    return Timing([wall], [cpu], process.timing.peak)
