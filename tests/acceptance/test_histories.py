"""A sample of random histories; `make test` plays a thousand of them where everything is demanded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import postgres
from tests.acceptance.histories import Totals, histories, history, judge


@pytest.mark.parametrize("part", range(2))
def test_nothing_is_lost_and_nothing_announced_twice_in_random_histories(part: int, tmp_path: Path) -> None:
    totals = histories(range(part, 9, 3), tmp_path)
    judge(totals)
    assert totals.editions >= 4 * totals.histories


@pytest.mark.tools
def test_the_same_on_postgresql(tmp_path: Path, server: postgres.Server) -> None:
    totals = Totals()
    for seed in range(40):
        name = f"history{os.getpid()}"
        try:
            history(seed, tmp_path / str(seed), server.create(name), totals)
        finally:
            server.drop(name)
        totals.histories += 1
    judge(totals)
    assert totals.editions >= 4 * totals.histories
