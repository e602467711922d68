"""What was seen before an export is seen after the import: ids or none, announced or only known, long ago or now."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from digest import pipeline
from digest.bootstrap import System
from digest.models import Dump, Receipt
from digest.sources.folder import FolderSettings, FolderSource
from digest.state.keeper import ARCHIVE
from tests.acceptance.command import tallies, tree
from tests.state.days import announced, at, keeper, one_run, snapshots, system, titled
from tests.told import Nowhere, Told

#: the bundled dumps by date
DUMPS = ("002_bc96f6d90f64fdec", "003_ed07895bd2bae18e", "000_68c4790517d83d19", "001_a48cd285ab722b97")
LAST = "004_5119bdb9c9d37f92"
SEEDED = {"newsletters": {"daily": {}}, "sources": [{"name": "dumps", "kind": "folder", "path": "dumps", "year": 2026}]}


def _unprinted(wired: System) -> pipeline.Parts:
    return replace(wired.parts, publisher=Nowhere())


def _replayed(root: Path, seeds: Path, names: tuple[str, ...], state: Path, then: str | None = None) -> list[str]:
    """Replay bundled dumps, export; import into an empty store, replay one more; return the editions."""
    settings = FolderSettings(name="dumps", path="dumps", year=2026)

    def replay(folder: Path, names: tuple[str, ...]) -> FolderSource:
        (folder / "dumps").mkdir(parents=True)
        for name in names:
            shutil.copy(seeds / f"{name}.txt", folder / "dumps")
        return FolderSource(settings, folder)

    with system(root / "stays", at(300), **SEEDED) as wired:
        list(pipeline.replay(_unprinted(wired), [replay(root / "stays", names)]))
        keeper(wired, state).save()
        if then is None:
            return snapshots(wired.store)
    with system(root / "new", at(300), **SEEDED) as wired:
        assert keeper(wired, state).load(["dumps"]).notes == ()
        found = list(pipeline.replay(_unprinted(wired), [replay(root / "new", (then,))]))
        assert tallies(found[-1].model_dump(mode="json")) == (56, 35, 0, 0, 21, 0)
        return snapshots(wired.store)


def test_the_fifth_bundled_dump_is_told_apart_after_an_import_as_without(seeds: Path, tmp_path: Path) -> None:
    detour = _replayed(tmp_path / "detour", seeds, DUMPS, tmp_path / "state", then=LAST)
    without = _replayed(tmp_path / "without", seeds, (*DUMPS, LAST), tmp_path / "other")
    assert detour == without
    assert len(detour) == 5


def _row(number: int, **told: Any) -> dict[str, Any]:
    title, abstract = titled(number)
    return {"title": title, "abstract": abstract, **told}


def _ids(number: int) -> list[dict[str, str]]:
    return [{"scheme": "arxiv", "value": f"2603.{number:05}"}]


class _Story:
    """A source whose first run is a baseline of old papers, and one new dump."""

    def __init__(self, root: Path) -> None:
        self.root, self.state, self.runs = root, root / "state", 0
        self.source = Told("ids")

    def run(self, day: int, *dumps: Dump, archive: timedelta = ARCHIVE) -> Receipt:
        """Run once from the state alone."""
        self.runs += 1
        self.source.gives = dumps
        with system(self.root / f"run{self.runs}", at(day)) as wired:
            kept = keeper(wired, self.state, archive=archive)
            kept.load(["ids", "plain"])
            receipt = one_run(wired, [self.source], pages=False).receipt
            kept.save()
            self.announced = announced(wired.store)
        return receipt

    def dump(self, day: int, *rows: dict[str, Any]) -> Dump:
        return self.source.dump(at(day).date(), rows)

    def lines(self) -> list[str]:
        return (self.state / "seen.jsonl").read_text().splitlines()


@pytest.fixture
def story(tmp_path: Path) -> _Story:
    one = _Story(tmp_path)
    old = one.dump(-1, _row(1), _row(2, ids=_ids(2), authors=["Ada Lovelace"]), _row(3, ids=_ids(3)))
    receipt = one.run(0, old, one.dump(0, _row(10), _row(11, ids=_ids(11))))
    assert (receipt.sources[0].new, receipt.sources[0].older) == (2, 3)
    return one


@pytest.mark.parametrize("day", [100, *(pytest.param(day, marks=pytest.mark.tools) for day in (2, 80, 400))])
def test_papers_of_the_baseline_and_of_editions_are_known_for_long(story: _Story, day: int) -> None:
    story.run(day - 1, story.dump(day - 1, _row(20)))
    again = [_row(1), _row(2, ids=_ids(2)), _row(3, ids=_ids(3)), _row(10), _row(11, ids=_ids(11))]
    receipt = story.run(day, story.dump(day, *again, _row(21)))
    assert sorted(story.announced) == sorted(_row(number)["title"] for number in (10, 11, 20, 21))
    assert (receipt.sources[0].new, receipt.sources[0].revised) == (1, 0)


def test_the_text_of_a_paper_with_an_id_that_no_edition_has_is_kept_for_90_days(story: _Story) -> None:
    abstract = "models of size 3 were"
    assert abstract in "".join(story.lines())
    story.run(91, story.dump(91, _row(21)))
    assert abstract not in "".join(story.lines())
    # without an id, its text is all there is
    assert "models of size 1 were" in "".join(story.lines())


def test_a_shrunk_line_is_the_same_after_another_import(story: _Story, tmp_path: Path) -> None:
    story.run(91, story.dump(91, _row(21)))
    assert any('"sketch"' in line for line in story.lines())
    before = tree(story.state)
    with system(tmp_path / "again", at(91)) as wired:
        kept = keeper(wired, story.state)
        kept.load(["ids", "plain"])
        kept.save()
    assert tree(story.state) == before


def test_what_is_older_than_the_archive_leaves_and_its_papers_stay_known(story: _Story) -> None:
    archive = timedelta(days=30)
    story.run(20, story.dump(20, _row(20, ids=_ids(20))), archive=archive)
    story.run(40, story.dump(40, _row(21, ids=_ids(21))), archive=archive)
    names = sorted(path.name for path in (story.state / "editions" / "daily").iterdir())
    assert names == ["2-2026-03-22.json", "3-2026-04-11.json"]
    receipt = story.run(41, story.dump(41, _row(11, ids=_ids(11)), _row(2, ids=_ids(2))), archive=archive)
    assert (receipt.sources[0].new, receipt.sources[0].revised) == (0, 0)
    assert receipt.verdict == "quiet: all seen"
    line = next(line for line in story.lines() if '"key":"2603.00011"' in line)
    assert len(line) < 3000
