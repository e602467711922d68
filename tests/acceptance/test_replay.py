"""The five bundled dumps through the command: what is new, and what a second run says."""

from __future__ import annotations

import random
import shutil
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from digest import diff, identity
from digest.models import Known, Paper, Parsed
from digest.sources.folder import FolderSettings, FolderSource
from tests.acceptance.command import called, receipts, rows, tallies, tree

NAMES = (
    "000_68c4790517d83d19.txt",
    "003_ed07895bd2bae18e.txt",
    "002_bc96f6d90f64fdec.txt",
    "001_a48cd285ab722b97.txt",
    "004_5119bdb9c9d37f92.txt",
)
DATES = ("2026-01-02", "2026-02-05", "2026-06-16", "2026-06-26", "2026-07-31")
CLOCKS = ("2026-02-10", "2026-11-20", "2027-01-20", "2027-06-27", "2035-01-01")


@pytest.fixture
def home(tmp_path: Path, root: Path) -> Path:
    """A folder with the repository's configuration and dumps."""
    shutil.copy(root / "digest.toml", tmp_path)
    shutil.copytree(root / "seeds", tmp_path / "seeds")
    return tmp_path


def _editions(found: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(one["number"], one["date"], one["entries"]) for receipt in found for one in receipt["editions"]]


@pytest.mark.parametrize("clock", [CLOCKS[0], *(pytest.param(clock, marks=pytest.mark.tools) for clock in CLOCKS[1:])])
def test_five_dumps_in_any_order_make_five_editions_whatever_the_clock(home: Path, clock: str) -> None:
    files = [f"seeds/{name}" for name in NAMES]
    random.Random(clock).shuffle(files)
    found = receipts("replay", *files, cwd=home, clock=clock)
    assert [tallies(receipt) for receipt in found] == [
        (47, 47, 0, 0, 0, 0),
        (41, 36, 0, 0, 5, 0),
        (54, 48, 0, 0, 6, 0),
        (90, 81, 0, 0, 9, 0),
        (56, 35, 0, 0, 21, 0),
    ]
    assert _editions(found) == list(zip(range(1, 6), DATES, (47, 36, 48, 81, 35), strict=True))
    assert {receipt["verdict"] for receipt in found} == {"published"}
    for one in found[0]["editions"]:
        assert all((home / "public" / file).is_file() for file in one["files"])


def test_again_it_says_why_nothing_is_new_and_changes_no_byte(home: Path) -> None:
    first = called("replay", "seeds", cwd=home)
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[0] == "5 dumps, 288 listings: 247 new papers in 5 editions, 41 you have had."
    assert first.stdout.splitlines()[-2].startswith("  open  public/daily/2026-07-31/index.html")
    assert max(map(len, first.stdout.splitlines())) <= 80
    before = tree(home / "public"), rows(home / "digest.db", "SELECT * FROM editions")
    again = called("replay", "seeds", cwd=home)
    assert again.returncode == 0, again.stderr
    said = " ".join(again.stdout.split())
    assert "288 listings: no edition, since all 288 are known; the last is No. 5 of 2026-07-31." in said
    assert max(map(len, again.stdout.splitlines())) <= 80
    assert again.stdout.splitlines()[-1].startswith("quiet: all seen in ")
    assert (tree(home / "public"), rows(home / "digest.db", "SELECT * FROM editions")) == before
    for receipt in receipts("replay", "seeds", cwd=home):
        listed, new, revised, enriched, seen, rejected = tallies(receipt)
        assert (new, revised, enriched, rejected, listed) == (0, 0, 0, 0, seen)
        assert receipt["verdict"] == "quiet: all seen"


def test_in_reverse_dates_do_not_go_back_and_what_was_held_comes_late(home: Path) -> None:
    found = [receipts("replay", f"seeds/{name}", cwd=home)[0] for name in reversed(NAMES)]
    assert [tallies(receipt) for receipt in found] == [
        (56, 56, 0, 0, 0, 0),
        (90, 83, 0, 0, 7, 0),
        (54, 43, 0, 11, 0, 0),
        (41, 31, 0, 6, 4, 0),
        (47, 34, 0, 6, 7, 0),
    ]
    assert [receipt["verdict"] for receipt in found] == ["published", "held", "held", "held", "held"]
    assert "191 papers wait" in found[-1]["editions"][0]["evidence"]
    (run,) = receipts("run", cwd=home)
    assert _editions([run]) == [(2, "2026-11-20", 191)]
    assert tallies(run) == (288, 0, 0, 0, 288, 0)
    text = (home / "public/daily/2026-11-20/index.html").read_text()
    assert text.count("Late: ") == 191
    assert receipts("run", cwd=home)[0]["verdict"] == "quiet: all seen"
    query = "SELECT key, data FROM papers ORDER BY key"
    in_reverse = rows(home / "digest.db", query)
    (home / "digest.db").rename(home / "reverse.db")
    receipts("replay", "seeds", cwd=home)
    assert rows(home / "digest.db", query) == in_reverse


def _parsed(root: Path) -> list[Parsed]:
    source = FolderSource(FolderSettings(name="seeds", path="seeds", year=2026), root)
    return [source.parse(dump, datetime(2026, 11, 20, tzinfo=UTC)) for dump in source.fetch()]


def test_all_orders_of_the_five_dumps_end_in_the_same_papers(root: Path) -> None:
    ends: list[dict[str, tuple[Any, ...]]] = []
    for order in permutations(_parsed(root)):
        papers: dict[str, Paper] = {}
        shelf = identity.Shelf(Known(paper=paper) for paper in papers.values())
        for parsed in order:
            for listing in parsed.listings:
                match = shelf.identify(listing)
                day = parsed.dating.date
                if match.key is None:
                    change = diff.first(listing, match, shelf.mint(listing), day)
                else:
                    change = diff.compare(listing, match, shelf.paper(match.key), day)
                shelf.put(change.paper, listing)
                papers[change.paper.key] = change.paper
        ends.append(
            {
                key: (one.title, one.abstract, one.authors, one.author_count, one.published, one.comments)
                for key, one in papers.items()
            }
        )
    assert len(ends) == 120
    assert len(ends[0]) == 247
    assert all(end == ends[0] for end in ends)
