"""Times, taken in turns and shown as a table. Machines are noisy: only ratios within one run mean something."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

_CHILD = Path(__file__).with_name("child.py")


@dataclass
class Timing:
    """What each round took, in seconds."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    #: greatest resident memory of a process in MiB, where there was one
    peak: list[float] = field(default_factory=list)

    def per(self, count: int) -> Timing:
        """Return the time of one of `count` things."""
        return Timing([one / count for one in self.wall], [one / count for one in self.cpu], self.peak)

    def ratios(self, other: Timing) -> tuple[float, float]:
        """Return how many times as long as `other` this took, by wall and by CPU: medians over the rounds."""
        return _ratio(self.wall, other.wall), _ratio(self.cpu, other.cpu)


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return median(one / max(other, 1e-9) for one, other in zip(ours, theirs, strict=True))


def alternate(rounds: int, contenders: Mapping[str, Callable[[], object]]) -> dict[str, Timing]:
    """Call each contender once a round, in turns. One that returns a Timing of one round tells its own time."""
    timings = {name: Timing() for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            gc.collect()
            wall, cpu = time.perf_counter(), time.process_time()
            told = contender()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            timing = timings[name]
            timing.wall += told.wall if isinstance(told, Timing) else [wall]
            timing.cpu += told.cpu if isinstance(told, Timing) else [cpu]
            timing.peak += told.peak if isinstance(told, Timing) else []
    return timings


@dataclass(frozen=True)
class Process:
    """A process that has ended."""

    timing: Timing
    out: str
    err: str
    #: CPU seconds of it that were the kernel's
    kernel: float


def run(command: Sequence[str | Path], cwd: Path, **environ: str) -> Process:
    """Run a process by way of a small one, which takes its time and its peak memory.

    Raises:
        RuntimeError: it failed; the message ends as its stderr does.
    """
    with tempfile.NamedTemporaryFile() as told:
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(_CHILD), told.name, *map(str, command)],
            cwd=cwd,
            env={**os.environ, "no_proxy": "127.0.0.1", **environ},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(map(str, command))}: status {done.returncode}: {done.stderr[-2000:]}")
        wall, cpu, kernel, peak = json.load(told)
    return Process(Timing([wall], [cpu], [peak]), done.stdout, done.stderr, kernel)


@dataclass
class Table:
    """What one part measured."""

    title: str
    #: explains the figures, and what they leave out
    about: str
    rows: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def time(self, what: str, timing: Timing, unit: str, *, over: Timing | None = None, goal: str = "") -> None:
        """Add times in `us`, `ms` or `s`.

        Args:
            what: what took them.
            timing: the times.
            unit: what they are shown in.
            over: the peer or limit they are compared with.
            goal: what they should be.
        """
        scale = {"us": 1e6, "ms": 1e3, "s": 1.0}[unit]
        shown = [min(timing.wall) * scale, median(timing.wall) * scale, median(timing.cpu) * scale]
        peak = f"{max(timing.peak):.0f} MiB" if timing.peak else ""
        ratios = [f"{one:.2f}x" for one in timing.ratios(over)] if over else ["", ""]
        self.rows.append((what, *map(_figure, shown), unit, *ratios, peak, goal))

    def note(self, text: str) -> None:
        """Add a line below the table."""
        self.notes.append(text)

    def __str__(self) -> str:
        """Return the table as text."""
        header = ("", "wall min", "median", "cpu", "", "x wall", "x cpu", "peak", "goal")
        widths = [max(len(row[column]) for row in (header, *self.rows)) for column in range(len(header))]
        left = (0, 4, 8)
        lines = [
            "  ".join(
                cell.ljust(width) if column in left else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in (header, *self.rows)
        ]
        return "\n".join([f"== {self.title}", self.about, *(lines if self.rows else []), *self.notes, ""])


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.3f}"
