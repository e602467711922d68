"""Senders that die at any moment: nobody is missed, nobody gets a mail twice, and what is not known is named."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests import postgres
from tests.acceptance.mailing import campaign, kill_until_done, verdict


def _store(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> str:
    if kind == "sqlite":
        return str(tmp_path / "digest.db")
    server: postgres.Server = request.getfixturevalue("server")
    return server.create(f"kill{tmp_path.name.replace('-', '_').lower()}"[:60])


@pytest.mark.parametrize(
    ("kind", "senders", "connections", "hits"),
    [
        ("sqlite", 1, 1, 2),
        pytest.param("sqlite", 1, 1, 10, marks=pytest.mark.tools),
        pytest.param("sqlite", 3, 2, 10, marks=pytest.mark.tools),
        pytest.param("postgresql", 1, 1, 10, marks=pytest.mark.tools),
        pytest.param("postgresql", 3, 2, 10, marks=pytest.mark.tools),
    ],
)
def test_killed_senders_miss_nobody_and_repeat_nobody(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, senders: int, connections: int, hits: int
) -> None:
    store, rng = _store(request, tmp_path, kind), random.Random(senders)
    with campaign(tmp_path, store, 150 * hits * senders, connections=connections) as one:
        kills = kill_until_done(one, rng, senders=senders, hits=hits)
        missing, twice, unknown = verdict(one)
        print(f"{kills.kills} kills, {kills.hits} messages in flight, {unknown} unknown")
        assert kills.hits >= hits
        assert (missing, twice) == (0, 0)
        assert unknown <= kills.kills * connections
        assert sum(one.states().values()) == one.readers
