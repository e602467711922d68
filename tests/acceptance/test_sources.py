"""How the sources are, and what one would give."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.command import CONFIG, called, page, paper, receipts, tallies, tree


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "dumps").mkdir()
    (tmp_path / "digest.toml").write_text(CONFIG)
    write(tmp_path, "Nov 18", range(5))
    write(tmp_path, "Nov 19", range(5, 13))
    return tmp_path


def write(home: Path, day: str, numbers: range) -> Path:
    path = home / "dumps" / f"{day.replace(' ', '-')}.txt"
    path.write_text(page(day, [paper(number) for number in numbers]))
    return path


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def served(home: Path) -> Iterator[str]:
    """Serve the folder of dumps at an address of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=home / "dumps"))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_try_prints_what_a_file_lists_and_writes_nothing(home: Path) -> None:
    before = tree(home)
    done = called("sources", "try", "dumps/Nov-19.txt", cwd=home)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Nov-19.txt: Thu 19 Nov 2026 (")
    assert "8 listings, 0 rejected" in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    assert tree(home) == before


def test_try_reads_a_url_of_this_machine_that_a_person_names(home: Path, served: str) -> None:
    (home / "digest.toml").unlink()
    done = called("sources", "try", f"{served}/Nov-18.txt", "--json", cwd=home)
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)
    assert [listing["title"] for listing in told["listings"]] == [paper(number)[0] for number in range(5)]
    assert sorted(path.name for path in home.iterdir()) == ["dumps"]


@pytest.mark.parametrize("kind", ["feed", "arxiv"])
def test_try_reads_a_file_as_the_kind_it_is_told(home: Path, kind: str) -> None:
    (home / "feed.xml").write_text(
        '<rss version="2.0"><channel><title>cs.LG updates on arXiv.org</title><link>https://arxiv.org/</link>'
        "<item><title>Strings and Flint</title><link>https://arxiv.org/abs/2611.00001</link>"
        "<description>We study strings of flint.</description></item></channel></rss>"
    )
    done = called("sources", "try", "feed.xml", "--kind", kind, cwd=home)
    assert done.returncode == 0, done.stderr
    assert "Strings and Flint" in done.stdout
    assert "2611.00001" in done.stdout


def test_try_says_why_something_cannot_be_read(home: Path) -> None:
    (home / "odd.bin").write_bytes(b"\x00\x01\x02")
    odd = called("sources", "try", "odd.bin", cwd=home)
    assert odd.returncode == 1
    assert "0 listings, 1 rejected" in odd.stdout
    assert "rejected  1-1: odd.bin" in odd.stdout
    gone = called("sources", "try", "gone.txt", cwd=home)
    assert gone.returncode == 2
    assert "no such file" in gone.stderr
    kind = called("sources", "try", "odd.bin", "--kind", "foldr", cwd=home)
    assert kind.returncode == 2
    assert "did you mean" in kind.stderr


def test_sources_show_how_they_are_and_what_comes_next(home: Path) -> None:
    assert "never" in called("sources", cwd=home).stdout
    receipts("replay", "dumps", cwd=home)
    write(home, "Nov 20", range(13, 16))
    receipts("run", cwd=home)
    done = called("sources", cwd=home)
    assert done.returncode == 0, done.stderr
    summary, header, row = done.stdout.splitlines()
    assert summary == "1 source: nothing to see to."
    assert header.split() == "source last fetch, UTC status newest papers typical next".split()
    assert row.split() == "dumps 20 Nov 09:00 ok 20 Nov 3 6 Sat 21 Nov".split()


def test_a_failing_source_is_told_with_what_it_said(home: Path) -> None:
    (home / "digest.toml").write_text(CONFIG.replace('path = "dumps"', 'path = "gone"'))
    for day in (17, 18):
        receipts("run", cwd=home, clock=f"2026-11-{day}T09:00:00Z", status=1)
    found: list[dict[str, Any]] = json.loads(called("sources", "--json", cwd=home).stdout)
    (told,) = found
    assert (told["status"], told["failing_days"], told["failing_since"]) == ("failed", 2, "2026-11-17T09:00:00+00:00")
    assert "no such file or folder" in told["note"]
    said = called("sources", cwd=home).stdout
    assert said.startswith("1 source: 1 fails.\n")
    assert "dumps fails since 17 Nov (2 days)" in said


def test_a_source_quiet_for_over_three_times_its_longest_pause_is_called_out(home: Path) -> None:
    write(home, "Nov 17", range(20, 24))
    receipts("replay", "dumps", cwd=home)  # of 17, 18 and 19 Nov: its longest pause is a day
    for clock, called_out in (("2026-11-22T09:00:00Z", False), ("2026-11-23T09:00:00Z", True)):
        (run,) = receipts("run", cwd=home, clock=clock)
        assert (run["sources"][0]["note"] is not None) is called_out
    assert run["sources"][0]["note"] == "nothing new since 19 Nov: 4 days; its longest pause before was 1 day"
    said = called("sources", cwd=home, clock="2026-11-23T09:00:00Z").stdout
    assert said.startswith("1 source: 1 is quiet for longer than ever.\n")
    assert "  dumps: nothing new since 19 Nov: 4 days; its longest pause before was 1 day" in said
    assert "late: 20 Nov" in said
    assert max(map(len, said.splitlines())) <= 80


def test_after_a_baseline_only_what_comes_later_is_announced(home: Path) -> None:
    done = called("baseline", cwd=home)
    assert done.returncode == 0, done.stderr
    assert "13 listings of 1 source known now" in done.stdout
    assert receipts("run", cwd=home)[0]["verdict"] == "quiet: all seen"
    write(home, "Nov 17", range(12, 14))
    write(home, "Nov 20", range(14, 17))
    (told,) = receipts("run", cwd=home, clock="2026-11-20T10:00:00Z")
    assert tallies(told) == (18, 4, 0, 0, 14, 0)
    assert told["editions"][0]["entries"] == 4


def test_kept_dumps_are_read_again_without_the_folder(home: Path) -> None:
    receipts("replay", "dumps", cwd=home)
    before = tree(home / "public")
    (home / "dumps").rename(home / "gone")
    done = called("replay", "--from-store", cwd=home)
    assert done.returncode == 0, done.stderr
    assert "2 dumps read again: nothing new." in done.stdout
    assert tree(home / "public") == before
    for wrong in (("replay",), ("replay", "gone", "--from-store")):
        assert called(*wrong, cwd=home).returncode == 2
