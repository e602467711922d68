"""Part 8: senders killed at any moment, until enough kills hit a message in flight; long, and so only when asked for.

What the short kill tests judge is printed here: nobody may be missing, nobody may have it twice, and what is not known
is named.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from contextlib import ExitStack, redirect_stdout
from pathlib import Path

import pytest

from bench.measure import Table
from bench.settings import Settings
from tests import postgres
from tests.acceptance.mailing import campaign, kill_until_done, verdict

_ABOUT = (
    "SIGKILL at a random moment after a sender's first message, to all senders at once; then new ones are started. A\n"
    "hit is a message in flight. Missing: not at the server, and the ledger does not say `unknown`."
)
#: senders at once, and the connections of each
_CREWS = ((1, 1), (3, 2))
#: readers for each hit wanted and each sender
_READERS = 150
#: seconds that a hit may take
_PATIENCE = 20.0


def measure(settings: Settings) -> Iterator[Table]:
    """Kill senders on both databases."""
    with ExitStack() as stack:
        server, why = None, ""
        try:
            server = stack.enter_context(postgres.server(durable=True))
        except pytest.skip.Exception as skipped:
            why = str(skipped)
        for kind in ("SQLite", "PostgreSQL"):
            for senders, connections in _CREWS:
                table = Table(f"{settings.hits} kills that hit, {kind}, {_crew(senders, connections)}", _ABOUT)
                if kind == "PostgreSQL" and server is None:
                    table.note(f"PostgreSQL skipped: {why}")
                else:
                    _kill(table, settings, server if kind == "PostgreSQL" else None, senders, connections)
                yield table


def _kill(table: Table, settings: Settings, server: postgres.Server | None, senders: int, connections: int) -> None:
    folder = settings.scratch / "kills" / f"{'postgresql' if server else 'sqlite'}-{senders}"
    folder.mkdir(parents=True)
    store = server.create(f"kills{senders}") if server else str(folder / "digest.db")
    readers, rng = _READERS * settings.hits * senders, random.Random(senders)
    with campaign(folder, store, readers, connections=connections) as one:
        done = kill_until_done(one, rng, senders=senders, hits=settings.hits, deadline=_PATIENCE * settings.hits)
        said = io.StringIO()
        with redirect_stdout(said):
            missing, twice, unknown = verdict(one)
        states = one.states()
    had = sum(line.endswith("the server has got it") for line in said.getvalue().splitlines())
    table.note(f"{readers:,} readers: {', '.join(f'{number:,} {state}' for state, number in sorted(states.items()))}")
    table.note(f"{done.kills} kills, {done.hits} messages in flight when killed")
    table.note(f"{missing} missing, {twice} twice (goal: 0)")
    table.note(f"{unknown} unknown, of which the server had {had}")
    _keep(folder, said.getvalue())


def _keep(folder: Path, told: str) -> None:
    """Leave what was said of each unknown one beside the store."""
    (folder / "unknown.txt").write_text(told)


def _crew(senders: int, connections: int) -> str:
    if senders == 1:
        return "one sender"
    return f"{senders} senders with {connections} connections each"
