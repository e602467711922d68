"""Care of the store, as its owner does it: backups, another database, what is let go of."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.config import load
from digest.errors import ConfigError
from tests import postgres
from tests.acceptance.command import digest, page, paper, receipts, rows, tree

CONFIG = """\
store = "{store}"
[newsletters.daily]
title = "Daily Papers"
[[sources]]
name = "dumps"
kind = "folder"
path = "dumps"
year = 2026
[mail]
transport = "folder"
path = "mails"
from = "digest@example.org"
[subscribers]
file = "people.csv"
confirmed_by = "a test"
"""
#: noon of days that each have a dump
DAYS = {"a": "2026-11-17T12:00:00Z", "b": "2026-11-18T12:00:00Z", "c": "2026-11-19T12:00:00Z"}


def configure(home: Path, store: str) -> None:
    (home / "digest.toml").write_text(CONFIG.format(store=store))


def dump(home: Path, name: str) -> None:
    first = 5 * "abcdef".index(name)
    day = f"Nov {17 + 'abcdef'.index(name)}"
    (home / "dumps" / f"{name}.txt").write_text(page(day, [paper(number) for number in range(first, first + 6)]))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a newsletter with two readers and an edition, which they have: to copy it is quicker."""
    folder = tmp_path_factory.mktemp("served")
    configure(folder, "digest.db")
    (folder / "dumps").mkdir()
    (folder / "people.csv").write_text("email\nada@example.org\nmax@example.org\n")
    dump(folder, "a")
    done = digest("run", cwd=folder, clock=DAYS["a"])
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def home(served: Path, tmp_path: Path) -> Path:
    return shutil.copytree(served, tmp_path / "home")


def mails(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "mails").glob("*.eml"))


def both(number: int) -> list[str]:
    return [f"daily-{number}-{name}@example.org.eml" for name in ("ada", "max")]


def test_a_backup_is_written_beside_the_store_and_older_ones_go(home: Path) -> None:
    (home / "digest-20261118T110000Z.db").write_text("no backup, but called so")
    for hour in ("10", "12"):
        done = digest("backup", "--keep", "1", cwd=home, clock=f"2026-11-18T{hour}:00:00Z")
        assert done.returncode == 0, done.stderr
    assert re.search(
        r"^Wrote digest-20261118T120000Z\.db: .*, 6 papers, 1 edition, 1 dump, checked\.$", done.stdout, re.MULTILINE
    )
    assert "Removed 1 older one." in done.stdout
    assert sorted(path.name for path in home.glob("digest-*.db")) == [
        "digest-20261118T110000Z.db", "digest-20261118T120000Z.db"
    ]  # fmt: skip
    assert stat.S_IMODE((home / "digest-20261118T120000Z.db").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["b.db", "--keep", "2"], 2, "name a folder, or nothing"),
        (["digest.db"], 1, "is there and is no backup"),
    ],
)
def test_a_backup_that_cannot_be_is_refused(home: Path, arguments: list[str], status: int, said: str) -> None:
    before = rows(home / "digest.db", "SELECT sha256 FROM editions")
    done = digest("backup", *arguments, cwd=home)
    assert done.returncode == status
    assert said in done.stderr
    assert rows(home / "digest.db", "SELECT sha256 FROM editions") == before


def test_without_a_store_nothing_is_made(home: Path) -> None:
    configure(home, "other.db")
    done = digest("backup", cwd=home)
    assert (done.returncode, "there is no store yet" in done.stderr) == (2, True)
    assert not (home / "other.db").exists()


@pytest.mark.tools
def test_after_a_disaster_nobody_gets_a_paper_twice(home: Path) -> None:
    """The backup is of the first day; the second day's edition came out and went to all; then the disk died."""
    assert digest("backup", "b.db", cwd=home, clock=DAYS["a"]).returncode == 0
    dump(home, "b")
    digest("run", cwd=home, clock=DAYS["b"])
    assert mails(home) == both(1) + both(2)
    pages = tree(home / "public" / "daily" / "2026-11-18")
    (home / "digest.db").unlink()
    done = digest("store", "restore", "b.db", cwd=home, clock=DAYS["c"])
    assert done.returncode == 0, done.stderr
    assert "b.db is the store now, taken on 2026-11-17 12:00 UTC: daily up to No. 1." in done.stdout
    assert "digest baseline" in done.stdout
    assert "digest send --resume" in done.stdout
    assert "restored on 2026-11-19" in digest("store", cwd=home).stdout
    # what a careless cron does next mails nobody
    for path in (home / "mails").glob("*.eml"):
        path.unlink()
    assert digest("run", "--dry-run", cwd=home, clock=DAYS["c"]).returncode == 0
    # what it says to do: the papers of the second day are known, those of the third are news
    assert digest("baseline", cwd=home, clock=DAYS["c"]).returncode == 0
    dump(home, "c")
    (run,) = receipts("run", cwd=home, clock=DAYS["c"])
    assert [(one["number"], one["date"]) for one in run["editions"]] == [(2, "2026-11-19")]
    assert mails(home) == []
    assert digest("send", "--resume", cwd=home, clock=DAYS["c"]).returncode == 0
    assert digest("send", cwd=home, clock=DAYS["c"]).returncode == 0
    assert mails(home) == both(2)
    snapshot = json.loads(str(rows(home / "digest.db", "SELECT snapshot FROM editions WHERE number = 2")[0][0]))
    titles = {entry["paper"]["title"] for entry in snapshot["entries"]}
    assert titles == {paper(number)[0] for number in range(11, 16)}
    # the pages that mails of the lost edition link to are still there
    assert tree(home / "public" / "daily" / "2026-11-18") == pages


@pytest.mark.tools
def test_a_store_that_came_further_is_not_replaced_by_mistake(home: Path) -> None:
    digest("backup", "b.db", cwd=home)
    dump(home, "b")
    digest("run", cwd=home, clock=DAYS["b"])
    done = digest("store", "restore", "b.db", cwd=home)
    assert done.returncode == 1
    assert "No. of daily 2 against 1" in done.stderr
    done = digest("store", "restore", "b.db", "--force", cwd=home, clock=DAYS["c"])
    assert done.returncode == 0, done.stderr
    assert "What was the store is replaced-20261119T120000Z.db." in done.stdout
    assert rows(home / "replaced-20261119T120000Z.db", "SELECT count(*) FROM editions") == [(2,)]
    assert rows(home / "digest.db", "SELECT count(*) FROM editions") == [(1,)]


def test_a_backup_is_never_taken_for_the_store(home: Path) -> None:
    digest("backup", "b.db", cwd=home)
    (home / "digest.db").unlink()
    (home / "b.db").rename(home / "digest.db")
    done = digest("run", cwd=home, clock=DAYS["b"])
    assert done.returncode == 1
    assert "is a backup" in done.stderr
    assert "digest store restore FILE" in done.stderr


# Another database


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tools)])
def other(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give a database without a store, as a command names it."""
    if request.param == "sqlite":
        yield "other.db"
        return
    server: postgres.Server = request.getfixturevalue("server")
    yield server.create("care")
    server.drop("care")


@pytest.mark.tools
def test_all_goes_on_in_another_database_and_back(home: Path, other: str) -> None:
    (secret,) = rows(home / "digest.db", "SELECT value FROM meta WHERE name = 'secret'")
    unsubscribe = [line for line in (home / "mails" / both(1)[0]).read_text().splitlines() if "mailto:" in line]
    done = digest("store", "copy", other, cwd=home)
    assert done.returncode == 0, done.stderr
    line = done.stdout.splitlines()[-1].strip()
    assert line.startswith('store = "')
    configure(home, line.split('"')[1])
    before = tree(home / "public")
    assert receipts("run", cwd=home, clock=DAYS["a"])[0]["verdict"] == "quiet: all seen"
    assert (tree(home / "public"), mails(home)) == (before, both(1))
    dump(home, "b")
    (run,) = receipts("run", cwd=home, clock=DAYS["b"])
    assert run["editions"][0]["number"] == 2
    assert mails(home) == both(1) + both(2)
    # replay of what is known has nothing new, and numbers go on
    assert all(one["editions"][0]["number"] is None for one in receipts("replay", "dumps", cwd=home, clock=DAYS["b"]))
    assert digest("replay", "--from-store", cwd=home).returncode == 0
    # and back
    assert digest("store", "copy", "back.db", cwd=home).returncode == 0
    configure(home, "back.db")
    assert rows(home / "back.db", "SELECT value FROM meta WHERE name = 'secret'") == [secret]
    dump(home, "c")
    receipts("run", cwd=home, clock=DAYS["c"])
    assert mails(home) == both(1) + both(2) + both(3)
    assert digest("send", cwd=home, clock=DAYS["c"]).returncode == 0
    assert mails(home) == both(1) + both(2) + both(3)
    assert unsubscribe


@pytest.mark.tools
def test_a_password_is_never_printed(home: Path, server: postgres.Server) -> None:
    url = server.create("secretive").replace("digest@", "digest:s3cret@")
    done = digest("store", "copy", url, cwd=home)
    assert done.returncode == 0, done.stderr
    assert "s3cret" not in done.stdout + done.stderr
    assert 'store = "env:DATABASE_URL"' in done.stdout
    done = digest("store", "copy", "env:PLACE", cwd=home, PLACE=url)
    assert done.returncode == 1
    assert "holds a store already" in done.stderr
    assert "s3cret" not in done.stderr
    server.drop("secretive")


@pytest.mark.tools
def test_a_store_in_postgresql_is_backed_up_into_a_file_and_restored(home: Path, server: postgres.Server) -> None:
    url = server.create("backed")
    digest("store", "copy", url, cwd=home)
    configure(home, url)
    done = digest("backup", cwd=home, clock=DAYS["a"])
    assert done.returncode == 0, done.stderr
    assert rows(home / "digest-20261117T120000Z.db", "SELECT count(*) FROM editions") == [(1,)]
    dump(home, "b")
    digest("run", cwd=home, clock=DAYS["b"])
    assert digest("store", "restore", "digest-20261117T120000Z.db", cwd=home).returncode == 1
    done = digest("store", "restore", "digest-20261117T120000Z.db", "--force", cwd=home, clock=DAYS["c"])
    assert done.returncode == 0, done.stderr
    assert rows(url, "SELECT count(*) FROM editions") == [(1,)]
    assert rows(home / "replaced-20261119T120000Z.db", "SELECT count(*) FROM editions") == [(2,)]
    digest("baseline", cwd=home, clock=DAYS["c"])
    dump(home, "c")
    assert receipts("run", cwd=home, clock=DAYS["c"])[0]["editions"][0]["number"] == 2
    server.drop("backed")


# What is let go of


@pytest.mark.tools
def test_a_run_lets_go_of_what_is_old_once_a_day(home: Path) -> None:
    with (home / "digest.toml").open("a") as file:
        file.write('[keep]\nraw = "30d"\nledger = "30d"\n')
    dump(home, "b")
    receipts("run", cwd=home, clock=DAYS["b"])
    told = json.loads(digest("store", "tidy", "--dry-run", "--json", cwd=home, clock="2026-12-25").stdout)
    assert (told["dumps"], told["deliveries"]) == (2, 2)
    receipts("run", cwd=home, clock="2026-12-25")
    (sizes,) = receipts("store", cwd=home)
    assert (sizes["dumps"], sizes["readable"], sizes["deliveries"], sizes["tidied"]) == (2, 0, 2, 2)
    assert sizes["tidied_at"].startswith("2026-12-25")
    again = digest("replay", "--from-store", cwd=home, clock="2026-12-26")
    assert again.returncode == 0, again.stderr
    assert "a.txt" in again.stdout
    assert "let go of" in again.stdout
    assert "0 dumps read again: nothing new." in again.stdout
    assert "2 dumps cannot be read again, since their bytes are not kept." in again.stdout
    counted = digest("deliveries", cwd=home, clock="2026-12-26").stdout
    assert re.search(r"No\. 1 +2 +0", counted)
    refused = digest("send", "daily/1", "--only-missing", cwd=home, clock="2026-12-26")
    assert (refused.returncode, "is not known any more" in refused.stderr) == (1, True)
    assert mails(home) == both(1) + both(2)


def test_tidy_says_what_went_and_what_that_gives_back(home: Path) -> None:
    with sqlite3.connect(home / "digest.db") as store:
        store.execute("UPDATE dumps SET raw = zeroblob(500000)")
    store.close()
    with (home / "digest.toml").open("a") as file:
        file.write('[keep]\nraw = "1w"\n')
    done = digest("store", "tidy", "--vacuum", cwd=home, clock="2026-12-25")
    assert done.returncode == 0, done.stderr
    assert "the raw bytes of 1 dump (500 KB)" in done.stdout
    assert re.search(r"^50\d KB given back; the store has \d+ KB now\.$", done.stdout, re.MULTILINE)
    assert "Nothing is older than is kept." in digest("store", "tidy", cwd=home, clock="2026-12-25").stdout


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('raws = "90d"', "keep.raws: unknown key; did you mean"),
        ('raw = "90"', "keep.raw: found '90': use a number with d, w or y, like '90d', or 'forever'"),
        ('ledger = "1d"', "at least 7d are kept"),
    ],
)
def test_what_is_kept_for_how_long_is_checked(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "digest.toml").write_text(CONFIG.format(store="digest.db") + f"[keep]\n{line}\n")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "digest.toml", {})
    assert said in str(caught.value)
