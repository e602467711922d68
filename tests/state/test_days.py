"""A newsletter without a server: each run starts from the folder alone, and nobody sees a difference."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.command import tree
from tests.state.days import Feed, announced, at, keeper, one_run, system, thrown_away


def _play(tmp_path: Path, days: int, seed: int, *, pages: int) -> tuple[int, int]:
    """Play days on both sides, with pages every so many days; return how many editions and entries there were."""
    feed, folder = Feed(seed), tmp_path / "state"
    for day in range(days):
        now = at(day)
        sources = feed.come(now.date())
        printed = day % pages == pages - 1
        with system(tmp_path / "stays", now) as wired:
            stays = one_run(wired, sources, pages=printed)
        gone, brought = thrown_away(tmp_path / f"run{day}", folder, sources, now, pages=printed)
        assert brought.notes == (), day
        assert gone.receipt == stays.receipt, day
        assert gone.editions == stays.editions, day
        assert not printed or gone.pages == stays.pages, day
    with system(tmp_path / "stays", at(days)) as wired:
        names = [one.id for one in wired.parts.newsletters]
        twice = [len(titles) - len(set(titles)) for one in names if (titles := announced(wired.store, one))]
        assert set(twice) == {0}
        return sum(len(one) for one in stays.editions), sum(len(announced(wired.store, one)) for one in names)


@pytest.mark.tools
def test_a_week_of_thrown_away_runs_is_as_one_that_stays(tmp_path: Path) -> None:
    editions, entries = _play(tmp_path, 8, seed=1, pages=8)
    assert editions > 8
    assert entries > 20


@pytest.mark.tools
@pytest.mark.parametrize("seed", [2, 3])
def test_thirty_days_of_them(tmp_path: Path, seed: int) -> None:
    editions, entries = _play(tmp_path, 30, seed, pages=6)
    assert editions > 30
    assert entries > 100


def test_what_was_exported_is_exported_again_after_an_import(tmp_path: Path) -> None:
    feed, first, second = Feed(7), tmp_path / "first", tmp_path / "second"
    with system(tmp_path / "stays", at(0)) as wired:
        for day in range(10):
            wired.parts.clock.now = at(day)  # type: ignore[attr-defined]
            one_run(wired, feed.come(at(day).date()), pages=False)
        keeper(wired, first).save()
    with system(tmp_path / "new", at(9)) as wired:
        brought = keeper(wired, first).load(["ids", "plain"])
        keeper(wired, second).save()
    assert (brought.notes, brought.editions > 10, brought.pending > 0) == ((), True, True)
    assert tree(second) == tree(first)
