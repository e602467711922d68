"""The command as its users call it: in a process of its own."""

from __future__ import annotations

import gc
import hashlib
import io
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

#: clock of all runs that do not say another
NOW = "2026-11-20T09:00:00Z"

#: reads a folder of dumps, and mails to a server on loopback; keys of `[mail]` may follow
RELAY = """\
[[sources]]
name = "dumps"
kind = "folder"
path = "dumps"
year = 2026
[mail]
host = "127.0.0.1"
port = {port}
tls = "none"
from = "digest@example.org"
"""
CONFIG = """\
[newsletters.daily]
title = "Daily Papers"
[[sources]]
name = "dumps"
kind = "folder"
path = "dumps"
year = 2026
"""


def unmeasured() -> dict[str, str]:
    """Return the environment without what measures coverage in processes of their own: it doubles their time."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_PROCESS")}


def digest(
    *args: str | Path, cwd: Path, clock: str = NOW, measured: bool = False, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run `digest` in a folder; with `measured` its lines count as covered, which takes half as long again."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "digest", *map(str, args)],
        cwd=cwd,
        env={**(os.environ if measured else unmeasured()), "DIGEST__CLOCK": clock, "COLUMNS": "80", **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def called(*args: str | Path, cwd: Path, clock: str = NOW, **environ: str) -> subprocess.CompletedProcess[str]:
    """Call `digest` in this process, as its own would: a process takes a second, and tests of mail call it often."""
    from digest.cli import main

    told = {"DIGEST__CLOCK": clock, "COLUMNS": "80", **environ}
    before, threshold = {name: os.environ.get(name) for name in told}, gc.get_threshold()
    raw, err = io.BytesIO(), io.StringIO()
    out = io.TextIOWrapper(raw, "utf-8")
    os.environ.update(told)
    try:
        with chdir(cwd), redirect_stdout(out), redirect_stderr(err):
            try:
                main([str(one) for one in args])
                status = 0
            except SystemExit as ended:
                status = int(ended.code or 0)
    finally:
        gc.set_threshold(*threshold)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    out.flush()
    return subprocess.CompletedProcess(["digest", *args], status, raw.getvalue().decode(), err.getvalue())


def receipts(*args: str | Path, cwd: Path, clock: str = NOW, status: int = 0) -> list[dict[str, Any]]:
    """Call `digest ... --json` and return what it printed."""
    done = called(*args, "--json", cwd=cwd, clock=clock)
    assert done.returncode == status, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def tallies(receipt: dict[str, Any]) -> tuple[int, ...]:
    """Return listed, new, revised, enriched, seen, rejected of a receipt's only source."""
    (source,) = receipt["sources"]
    return tuple(source[name] for name in ("listed", "new", "revised", "enriched", "seen", "rejected"))


def rows(store: Path | str, query: str) -> list[tuple[Any, ...]]:
    """Read a store from outside."""
    if isinstance(store, str):
        import psycopg

        with psycopg.connect(store) as server:
            return server.execute(query.encode()).fetchall()
    with sqlite3.connect(store) as connection:
        found = connection.execute(query).fetchall()
    connection.close()
    return found


def tree(folder: Path) -> dict[str, str]:
    """Return every file of a folder with the sha256 of its bytes."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def page(day: str, papers: list[tuple[str, str]]) -> str:
    """Return a dump in the form of the bundled ones, without meta blocks."""
    head = "new\n\nGet trending papers in your email inbox!\n\nSubscribe\n\nDaily Papers\n\n"
    return head + f"byAK and the research community\n\n{day}\n\n" + "\n".join(f"{t}\n\n{a}\n" for t, a in papers)


def paper(number: int) -> tuple[str, str]:
    """Return title and abstract of a made-up paper."""
    subject = ("Pruned", "Spiking", "Graph", "Recurrent", "Quantised", "Federated", "Bayesian")[number % 7]
    title = f"{subject} Networks of Size {number} Learn to Forecast the Weather of Town {number * 7 + 3}"
    abstract = (
        f"Forecasting the weather of a town is hard, and models of size {number} were thought to be too small for it. "
        f"We propose {subject.lower()} networks that need {number + 2} hours of training on one machine, and show on "
        f"{number % 5 + 2} data sets that they match models ten times as large. Code is available on request."
    )
    return title, abstract
