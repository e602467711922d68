"""A state that is damaged, lost, or merged from two: less is known, nothing is announced twice."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from digest.bootstrap import System
from digest.errors import StoreError
from digest.models import Receipt
from digest.pipeline import run
from digest.state.keeper import Imported
from tests.acceptance.command import tree
from tests.state.days import announced, at, keeper, one_run, system, titled
from tests.told import Told

DAYS = 4
EACH = 5


def _rows(first: int, last: int) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for number in range(first, last):
        title, abstract = titled(number)
        ids = [{"scheme": "arxiv", "value": f"2603.{number:05}"}] if number % 2 else []
        rows.append({"title": title, "abstract": abstract, "ids": ids})
    return rows


def _gives(source: Told, day: int, first: int, last: int) -> Told:
    source.gives = [source.dump(at(day).date(), _rows(first, last))]
    return source


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state after some days, each with papers of its own and those of the day before."""
    root = tmp_path_factory.mktemp("exported")
    source = Told("ids")
    with system(root / "stays", at(0)) as wired:
        for day in range(DAYS):
            wired.parts.clock.now = at(day)  # type: ignore[attr-defined]
            one_run(wired, [_gives(source, day, max(0, (day - 1) * EACH), (day + 1) * EACH)], pages=False)
        keeper(wired, root / "state").save()
    return root / "state"


@pytest.fixture
def state(exported: Path, tmp_path: Path) -> Path:
    """The same, to be damaged."""
    return Path(shutil.copytree(exported, tmp_path / "state"))


@contextmanager
def imported(state: Path, root: Path) -> Iterator[tuple[System, Imported]]:
    with system(root, at(DAYS)) as wired:
        yield wired, keeper(wired, state).load(["ids", "plain"])


def _after(state: Path, tmp_path: Path) -> tuple[Imported, list[str], Receipt]:
    """Go on from a state with all papers there ever were and some new ones; return what the daily edition has new."""
    source = _gives(Told("ids"), DAYS, 0, (DAYS + 1) * EACH)
    with imported(state, tmp_path / "new") as (wired, brought):
        before = len(announced(wired.store))
        side = one_run(wired, [source], pages=False)
        return brought, announced(wired.store)[before:], side.receipt


FRESH = sorted(titled(number)[0] for number in range(DAYS * EACH, (DAYS + 1) * EACH))


def test_whole_it_announces_what_is_new(state: Path, tmp_path: Path) -> None:
    brought, new, _ = _after(state, tmp_path)
    assert (brought.notes, sorted(new)) == ((), FRESH)


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.tools) for seed in range(2, 20))])
def test_corrupt_lines_are_named_and_nothing_comes_twice(state: Path, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    hurt = 0
    for name in ("seen.jsonl", "dumps.jsonl", "pending.jsonl", "receipts.jsonl"):
        lines = (state / name).read_bytes().split(b"\n")[:-1]
        for place in chance.sample(range(len(lines)), min(2, len(lines))):
            ways: list[Callable[[bytes], bytes]] = [
                lambda line: line[: len(line) // 2],
                lambda line: b"<<<<<<< ours",
                lambda line: line.replace(b'"', b"\xff", 3),
                lambda line: b"[1, 2]",
                lambda line: b'{"n": "no number"}',
            ]
            lines[place] = chance.choice(ways)(lines[place])
            hurt += 1
        (state / name).write_bytes(b"\n".join(lines) + b"\n")
    brought, new, _ = _after(state, tmp_path)
    assert sum(note.count("line ") for note in brought.notes) >= hurt - 1
    assert set(new) <= {*FRESH}
    assert len(new) == len(set(new)) == len(FRESH)


def test_without_the_lines_of_papers_those_of_editions_are_known_and_the_rest_is_a_baseline(
    state: Path, tmp_path: Path
) -> None:
    (state / "seen.jsonl").write_bytes(b"nothing of it can be read\n")
    brought, new, receipt = _after(state, tmp_path)
    assert "seen.jsonl is lost" in " ".join(brought.notes)
    assert sorted(new) == FRESH
    assert receipt.sources[0].new == EACH


@pytest.mark.parametrize(
    "lost", ["dumps.jsonl", "fetches.json", "marks.json", "pending.jsonl", "receipts.jsonl", "ledger.jsonl"]
)
@pytest.mark.parametrize("how", ["garbage", *(pytest.param(how, marks=pytest.mark.tools) for how in ("gone", "empty"))])
def test_without_another_file_nothing_is_announced_twice(state: Path, tmp_path: Path, lost: str, how: str) -> None:
    (state / lost).unlink()
    if how != "gone":
        (state / lost).write_bytes(b"" if how == "empty" else b"\x00\xff{{{\n")
    _, new, _ = _after(state, tmp_path)
    assert sorted(new) == FRESH


def test_an_edition_that_is_gone_or_changed_leaves_a_gap_that_is_said(state: Path, tmp_path: Path) -> None:
    first, second, *_ = sorted((state / "editions" / "daily").iterdir())
    first.unlink()
    second.write_bytes(second.read_bytes().replace(b"Networks", b"Netwerks", 1))
    brought, new, _ = _after(state, tmp_path)
    said = " ".join(brought.notes)
    assert f"editions/daily/{second.name} is left out: its sha256" in said
    assert "edition daily/1 is missing" in said
    assert "edition daily/2 is missing" in said
    # those of a lost edition that have no id are known by their title alone, and may come again
    assert set(new) - {*FRESH} <= {titled(number)[0] for number in range(0, 2 * EACH, 2)}


def test_nothing_at_all_is_a_first_run(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    brought, new, receipt = _after(tmp_path / "state", tmp_path)
    assert (brought.nothing, len(new)) == (True, (DAYS + 1) * EACH)
    assert receipt.sources[0].new == (DAYS + 1) * EACH


def test_a_state_of_a_newer_release_says_so(state: Path, tmp_path: Path) -> None:
    marks = json.loads((state / "marks.json").read_text())
    (state / "marks.json").write_text(json.dumps({**marks, "form": 99}))
    with pytest.raises(StoreError, match=r"is of a newer release \(form 99, this program knows 1\): upgrade digest"):
        _after(state, tmp_path)


def _branch(state: Path, root: Path, day: int, first: int, last: int) -> list[str]:
    """Go on from a copy of a state with some papers; return what was announced."""
    with imported(state, root) as (wired, _):
        wired.parts.clock.now = at(day)  # type: ignore[attr-defined]
        before = len(announced(wired.store))
        one_run(wired, [_gives(Told("ids"), day, first, last)], pages=False)
        keeper(wired, state).save()
        return announced(wired.store)[before:]


@pytest.mark.tools
def test_a_union_merge_of_two_runs_knows_what_both_knew_and_loses_nothing(state: Path, tmp_path: Path) -> None:
    base = Path(shutil.copytree(state, tmp_path / "base"))
    theirs = Path(shutil.copytree(state, tmp_path / "theirs"))
    end = DAYS * EACH
    assert len(_branch(state, tmp_path / "one", DAYS, end - 3, end + 4)) == 4
    # two that ours met as well, two of its own
    assert len(_branch(theirs, tmp_path / "two", DAYS + 1, end + 2, end + 6)) == 4
    for name in (path.name for path in base.glob("*.jsonl")):
        subprocess.run(["git", "merge-file", "--union", state / name, base / name, theirs / name], check=True)
    shutil.copytree(theirs / "editions", state / "editions", dirs_exist_ok=True)
    with imported(state, tmp_path / "new") as (wired, brought):
        assert [note.split(":")[0] for note in brought.notes] == [
            f"editions/{name}/5-2026-03-07.json is left out" for name in ("daily", "narrow")
        ]
        before = len(announced(wired.store))
        wired.parts.clock.now = at(7)  # type: ignore[attr-defined]
        run(wired.parts, [_gives(Told("ids"), 7, 0, end + 8)])
        daily, weekly = announced(wired.store)[before:], announced(wired.store, "weekly")
    # the edition that lost is gone; its papers come in the next one
    assert sorted(daily) == sorted(titled(number)[0] for number in range(end + 4, end + 8))
    assert sorted(weekly) == sorted(titled(number)[0] for number in range(end + 8))


def test_lines_may_come_twice_and_in_any_order(state: Path, tmp_path: Path) -> None:
    for path in state.glob("*.jsonl"):
        lines = path.read_bytes().splitlines(keepends=True) * 2
        random.Random(path.name).shuffle(lines)
        path.write_bytes(b"".join(lines))
    with system(tmp_path / "new", at(DAYS - 1)) as wired:
        brought = keeper(wired, state).load(["ids"])
        keeper(wired, tmp_path / "again").save()
    assert brought.notes == ()
    keep = shutil.copytree(state, tmp_path / "shuffled")
    with system(tmp_path / "other", at(DAYS - 1)) as wired:
        keeper(wired, keep).load(["ids"])
        keeper(wired, keep).save()
    assert tree(Path(keep)) == tree(tmp_path / "again")
