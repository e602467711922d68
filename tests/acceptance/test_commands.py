"""The other commands, as their users call them."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import pytest

from tests.acceptance import command
from tests.acceptance.command import CONFIG, called, page, paper, receipts, rows, tallies, tree

digest = partial(command.digest, measured=True)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a configuration and three dumps."""
    (tmp_path / "digest.toml").write_text(CONFIG)
    (tmp_path / "dumps").mkdir()
    for name, day, numbers in (("a", "Nov 17", range(6)), ("b", "Nov 18", range(4, 11)), ("c", "Nov 19", range(9, 16))):
        (tmp_path / "dumps" / f"{name}.txt").write_text(page(day, [paper(number) for number in numbers]))
    return tmp_path


def test_init_writes_about_twenty_lines_that_work_as_they_are(home: Path) -> None:
    (home / "digest.toml").unlink()
    done = called("init", "--source", "folder:dumps", cwd=home)
    assert done.returncode == 0, done.stderr
    written = (home / "digest.toml").read_text()
    assert 15 <= len(written.splitlines()) <= 25
    assert called("run", cwd=home, DIGEST__SOURCES="").returncode == 2
    (run,) = receipts("run", cwd=home)
    assert run["verdict"] == "published"


def test_init_never_overwrites(home: Path) -> None:
    done = called("init", "--source", "folder:dumps", cwd=home)
    assert done.returncode == 2
    assert "digest.toml is there already; it stays as it is" in done.stderr
    assert (home / "digest.toml").read_text() == CONFIG


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("arxiv", "say what to read after the colon"),
        ("foldr:dumps", 'unknown kind of source "foldr"; did you mean "folder"?'),
        ("folder", "say what to read after the colon, like folder:dumps"),
    ],
)
def test_init_says_which_kinds_there_are(tmp_path: Path, source: str, said: str) -> None:
    done = called("init", "--source", source, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "digest.toml").exists()


def test_a_first_run_announces_the_newest_dump_only_and_the_second_says_all_seen(home: Path) -> None:
    first = called("run", cwd=home)
    assert first.returncode == 0, first.stderr
    assert "first run" in first.stdout.splitlines()[0]
    assert "A first run announces the newest dump only" in first.stdout
    assert "Edition No. 1 · 5 new papers" in first.stdout
    assert rows(home / "digest.db", "SELECT count(*) FROM papers") == [(16,)]
    assert rows(home / "digest.db", "SELECT count(*) FROM entries") == [(5,)]
    before = tree(home / "public")
    second = called("run", cwd=home)
    assert "quiet: all seen" in second.stdout.splitlines()[-1]
    assert "Nothing to publish, and that is right: all 20 listings are known" in second.stdout
    assert tree(home / "public") == before


def test_a_first_run_that_was_killed_is_still_a_first_run(home: Path) -> None:
    """A kill between two dumps of the baseline must not turn the rest of it into news."""
    from tests.acceptance import killed

    command = [sys.executable, killed.__file__, "dump committed", "1", "0", "--", "run", "--log", "debug"]
    subprocess.run(command, cwd=home, capture_output=True, check=False, timeout=60)
    assert rows(home / "digest.db", "SELECT count(*) FROM dumps WHERE seq IS NOT NULL") == [(1,)]
    (run,) = receipts("run", cwd=home)
    assert run["editions"][0]["entries"] == 5


def test_after_a_replay_a_dump_dropped_into_the_folder_is_all_that_is_announced(home: Path) -> None:
    receipts("replay", "dumps", cwd=home)
    (home / "dumps" / "d.txt").write_text(page("Nov 20", [paper(number) for number in (2, 14, 16, 17, 18)]))
    (run,) = receipts("run", cwd=home)
    assert tallies(run) == (25, 3, 0, 0, 22, 0)
    (edition,) = run["editions"]
    assert (edition["verdict"], edition["number"], edition["entries"]) == ("published", 4, 3)
    text = (home / "public/daily/2026-11-20/mail.txt").read_text()
    assert [number for number in range(19) if " ".join(paper(number)[0].split()) in " ".join(text.split())] == [
        16,
        17,
        18,
    ]


def test_the_receipt_has_the_keys_that_are_promised(home: Path) -> None:
    (run,) = receipts("run", cwd=home)
    assert set(run) >= {"verdict", "started_at", "sources", "editions", "deliveries"}
    (source,) = run["sources"]
    assert set(source) >= {
        "name",
        "status",
        "dumps",
        "listed",
        "new",
        "revised",
        "enriched",
        "seen",
        "rejected",
        "note",
    }
    assert set(source["dumps"][0]) >= {"name", "sha256", "date", "date_rule"}
    assert source["listed"] == sum(source[kind] for kind in ("new", "revised", "enriched", "seen", "rejected"))
    (edition,) = run["editions"]
    assert set(edition) >= {"newsletter", "verdict", "evidence", "number", "date", "entries", "sections", "files"}
    assert run["deliveries"] == {"pending": 0, "submitted": 0, "deferred": 0, "failed": 0, "unknown": 0}


def test_as_of_sets_the_clock_and_does_not_go_back(home: Path) -> None:
    (run,) = receipts("run", "--as-of", "2026-11-25T06:00:00Z", cwd=home)
    assert run["editions"][0]["date"] == "2026-11-25"
    back = called("run", "--as-of", "2026-11-24", cwd=home)
    assert back.returncode == 2
    assert "lies before the newest edition" in back.stderr
    assert "is no instant; use ISO 8601" in called("run", "--as-of", "yesterday", cwd=home).stderr


def test_a_dry_run_says_what_would_come_and_writes_nothing(home: Path) -> None:
    receipts("replay", "dumps/a.txt", cwd=home)
    before = tree(home)
    dry = called("run", "--dry-run", cwd=home)
    assert dry.returncode == 0, dry.stderr
    assert "Edition No. 2 · 10 new papers" in dry.stdout
    assert "dry run: nothing was written" in dry.stdout
    assert {name: sha for name, sha in tree(home).items() if not name.startswith("digest.db")} == {
        name: sha for name, sha in before.items() if not name.startswith("digest.db")
    }
    assert rows(home / "digest.db", "SELECT count(*) FROM editions") == [(1,)]
    assert rows(home / "digest.db", "SELECT count(*) FROM dumps") == [(1,)]


def test_a_source_that_fails_says_so_and_what_is_wrong(home: Path) -> None:
    (home / "digest.toml").write_text(CONFIG.replace('path = "dumps"', 'path = "not-there"'))
    done = called("run", cwd=home)
    assert done.returncode == 1
    assert "FAILED" in done.stdout
    assert "not-there" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("broken in ")


def test_one_bad_source_does_not_stop_the_other(home: Path) -> None:
    more = '[[sources]]\nname = "gone"\nkind = "folder"\npath = "not-there"\n'
    (home / "digest.toml").write_text(CONFIG + more)
    (run,) = receipts("run", cwd=home)
    assert run["verdict"] == "partial"
    assert run["editions"][0]["entries"] == 5
    assert "gone" in run["editions"][0]["evidence"]
    assert "gone could not be read" in (home / "public/daily/2026-11-20/mail.txt").read_text()
    receipts("run", "--strict", cwd=home, status=1)


def test_a_dump_that_cannot_be_read_is_one_rejected_listing_with_the_reason(home: Path) -> None:
    (home / "dumps" / "odd.txt").write_text("")
    done = called("replay", "dumps", cwd=home)
    assert done.returncode == 0, done.stderr
    assert "rejected  odd.txt, lines 1-1: " in done.stdout
    assert sum(tallies(one)[5] for one in receipts("replay", "dumps", cwd=home)) == 1


def test_preview_recomposes_with_todays_configuration_and_writes_nothing(home: Path) -> None:
    receipts("replay", "dumps", cwd=home)
    before = tree(home / "public"), rows(home / "digest.db", "SELECT * FROM editions")
    same = called("preview", cwd=home)
    assert same.returncode == 0, same.stderr
    assert "nothing moved" in same.stdout
    (home / "digest.toml").write_text(CONFIG + f'[interests]\nwant = ["town {13 * 7 + 3}"]\n')
    moved = json.loads(called("preview", "--json", cwd=home).stdout)
    assert any("in another place" in one for one in moved["moved"])
    text = called("preview", "daily/2", "--format", "text", cwd=home).stdout
    assert "(preview)" in text
    assert len(called("preview", "--days", "3", "--format", "eml", cwd=home).stdout) > 0
    assert (tree(home / "public"), rows(home / "digest.db", "SELECT * FROM editions")) == before
    assert "there are No. 1 (2026-11-17) to No. 3" in " ".join(called("preview", "daily/9", cwd=home).stderr.split())


def test_papers_are_found_and_shown(home: Path) -> None:
    receipts("replay", "dumps", cwd=home)
    found = json.loads(called("papers", "search", "forecast", "town", "94", "--json", cwd=home).stdout)
    assert [one["title"] for one in found] == [paper(13)[0]]
    shown = called("papers", "show", found[0]["key"], cwd=home)
    assert "new     daily/3 of 2026-11-19" in shown.stdout
    assert called("papers", "show", "2401.99999", cwd=home).returncode == 2
    assert "No paper holds" in called("papers", "search", "zebra", cwd=home).stdout


def test_the_taxonomy_is_judged(home: Path) -> None:
    receipts("replay", "dumps", cwd=home)
    (home / "labels.jsonl").write_text(
        "".join(json.dumps({"title": paper(n)[0], "tags": ["gnn"]}) + "\n" for n in (2, 9))
    )
    done = called("tags", "evaluate", "labels.jsonl", cwd=home)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 papers: precision ")
    assert json.loads(called("tags", "evaluate", "labels.jsonl", "--json", cwd=home).stdout)["n"] == 2
    (home / "labels.jsonl").write_text("nonsense\n")
    assert "labels.jsonl, line 1" in called("tags", "evaluate", "labels.jsonl", cwd=home).stderr


def test_demo_needs_nothing_and_keeps_nothing_here(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("demo")))
    done = called("demo", "--no-open", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "247 new papers in 5 editions" in done.stdout
    assert list(tmp_path.iterdir()) == []
    opened = next(line for line in done.stdout.splitlines() if line.startswith("  open  "))
    assert (tmp_path / opened.removeprefix("  open  ")).is_file()


def test_help_groups_the_commands_and_a_wrong_one_names_the_nearest(tmp_path: Path) -> None:
    shown = called("--help", cwd=tmp_path)
    assert [line for line in shown.stdout.splitlines() if line.endswith(":") and line[0] != " "][-4:] == [
        "Run:",
        "Look:",
        "People:",
        "Care:",
    ]
    assert called(cwd=tmp_path).stderr.startswith("Usage: digest") or called(cwd=tmp_path).stdout.startswith("Usage")
    wrong = called("replya", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "no command 'replya'; did you mean 'replay'?" in wrong.stderr
    assert called("run", cwd=tmp_path).returncode == 2
    assert "digest.toml: no such file; `digest init" in called("run", cwd=tmp_path).stderr


def test_a_second_run_waits_for_the_first_and_says_who_holds_the_lock(home: Path) -> None:
    from digest.store import open_store

    store = open_store(str(home / "digest.db"))
    with store.lock("run 1234", timeout=1):
        done = digest("run", "--lock-timeout", "0.2", cwd=home)
    store.close()
    assert done.returncode == 1
    assert "run 1234" in done.stderr


def test_quiet_prints_nothing_and_logs_go_to_stderr(home: Path) -> None:
    done = digest("run", "-q", "--log", "info", cwd=home)
    assert done.stdout == ""
    assert "event='dump committed'" in done.stderr


def test_headings_come_from_a_taxonomy_of_ones_own(home: Path) -> None:
    (home / "mine.toml").write_text(
        'name = "mine"\n[parents.sky]\nname = "Sky"\n'
        '[leaves.weather]\nname = "Weather"\nparent = "sky"\ndescription = "forecasts"\n'
        'phrases.4 = ["forecast the weather"]\n'
    )
    (home / "digest.toml").write_text(CONFIG.replace('title = "Daily Papers"', 'headings = "mine.toml"'))
    done = called("replay", "dumps", cwd=home)
    assert done.returncode == 0, done.stderr
    assert "Sky" in (home / "public/daily/2026-11-19/mail.txt").read_text()


def test_headings_that_are_not_there_say_what_is_allowed(home: Path) -> None:
    (home / "digest.toml").write_text(CONFIG.replace('title = "Daily Papers"', 'headings = "nowhere.toml"'))
    done = called("run", cwd=home)
    assert done.returncode == 2
    assert "use 'auto', 'ml', 'arxiv' or the path of a file" in done.stderr
