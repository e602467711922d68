"""Part 6: what it costs to start, and where the time of a run with nothing new goes."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.measure import Table, alternate, run
from bench.papers import Maker, page
from bench.settings import ROOT, Settings
from bench.whole import CONFIG

#: what only a run that has something to render or to mend needs
HEAVY = ("jinja2", "mjml", "css_inline", "alembic", "rapidfuzz", "ahocorasick_rs", "rich", "feedparser", "httpx")
_LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \| (\s*)(\S+)")


def measure(settings: Settings) -> Iterator[Table]:
    """Measure the help, then a run with nothing new: whole, its steps, its imports."""
    folder = settings.scratch / "startup"
    (folder / "dumps").mkdir(parents=True, exist_ok=True)
    papers = Maker(settings.seeds).papers(range(settings.whole))
    (folder / "dumps" / "page.txt").write_text(page(papers, papers[0].published.replace(year=2026), bylines=True))
    (folder / "digest.toml").write_text(CONFIG)
    command = [sys.executable, "-m", "digest", "run", "--quiet"]
    run(command, folder)
    yield _processes(settings, folder)
    yield _steps(settings, folder)
    yield _imports(run([sys.executable, "-X", "importtime", *command[1:]], folder).err)


def _processes(settings: Settings, folder: Path) -> Table:
    table = Table("Starting", "Whole processes; `x` is against an interpreter that does nothing.")
    python = sys.executable
    commands = {
        "python -c pass": [python, "-c", "pass"],
        "import click": [python, "-c", "import click"],
        "digest --help": [python, "-m", "digest", "--help"],
        "digest run, nothing new": [python, "-m", "digest", "run", "--quiet"],
    }
    contenders = {name: (lambda command=command: run(command, folder).timing) for name, command in commands.items()}
    timings = alternate(2 * settings.rounds, contenders)
    base = timings["python -c pass"]
    for name, timing in timings.items():
        goal = "at most 0.3 s" if name == "digest --help" else ""
        table.time(name, timing, "ms", over=None if timing is base else base, goal=goal)
    return table


def _steps(settings: Settings, folder: Path) -> Table:
    """Return what each step of a run with nothing new takes, in a process of its own each round."""
    table = Table("A run with nothing new, step by step", "CPU milliseconds, median.")
    rounds = [json.loads(run([sys.executable, "-m", "bench.steps", folder], ROOT).out) for _ in range(settings.rounds)]
    for step in rounds[0]:
        table.note(f"{median(one[step] for one in rounds) * 1e3:8.1f}  {step}")
    return table


def _imports(told: str) -> Table:
    """Return what importing takes by package, from what `-X importtime` wrote."""
    own: Counter[str] = Counter()
    names = set()
    for line in told.splitlines():
        if found := _LINE.match(line):
            package = found[4].partition(".")[0]
            names.add(package)
            own[package] += int(found[1])
    total = sum(own.values())
    about = f"{total / 1e3:.0f} ms in all (with the cost of measuring); by package, without what each imports."
    table = Table("Imports of a run with nothing new", about)
    for package, took in own.most_common(16):
        table.note(f"{took / 1e3:8.1f} ms  {took / max(total, 1):4.0%}  {package}")
    heavy = [name for name in HEAVY if name in names]
    table.note(f"heavy ones among them: {', '.join(heavy) or 'none'}  (looked for: {', '.join(HEAVY)})")
    return table
