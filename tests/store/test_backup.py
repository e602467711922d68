"""Backups are whole whatever happens meanwhile; what is restored mails nothing twice."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from digest.errors import StoreError, StoreVersionError
from digest.models import Dump
from digest.protocols import Claimed, Concluded, Store
from digest.store import backup, migrations, open_store
from digest.store.restoring import Restored, restore
from digest.testing import NOON, FrozenClock, commit_dump, make_change, make_listing
from tests.acceptance.command import rows
from tests.store.readers import TAKEN, admit, conclude, deliveries, publish, serve, subscription, sweep

AGAIN = NOON + timedelta(hours=6)


@pytest.fixture
def mailed(url: str) -> Store:
    """A store with two editions and three readers, of whom one was served."""
    store = open_store(url, clock=FrozenClock())
    publish(store, 2)
    admit(store, "ann")
    serve(store)
    admit(store, "bob", "cec")
    sweep(store)
    return store


def back(url: str, file: Path, tmp_path: Path, **how: Any) -> Restored:
    """Restore as the command does."""
    return restore(file, url, AGAIN, beside=tmp_path, **how)


def leave_nothing(folder: Path) -> list[str]:
    """Return the names of what is no backup and no store in a folder."""
    return [path.name for path in folder.iterdir() if ".part" in path.name]


def test_a_backup_holds_all_and_only_its_owner_reads_it(mailed: Store, tmp_path: Path) -> None:
    made = mailed.care.backup(tmp_path / "b.db", NOON)
    assert (made.rows["editions"], made.rows["deliveries"], made.rows["subscribers"]) == (2, 3, 3)
    assert made.bytes == (tmp_path / "b.db").stat().st_size
    assert stat.S_IMODE((tmp_path / "b.db").stat().st_mode) == 0o600
    assert rows(tmp_path / "b.db", "SELECT count(*), sum(upto) FROM deliveries") == [(3, 6)]
    assert rows(tmp_path / "b.db", "PRAGMA journal_mode") == [("delete",)]
    assert leave_nothing(tmp_path) == []
    mailed.close()


def test_no_program_works_with_a_backup_by_mistake(mailed: Store, tmp_path: Path) -> None:
    mailed.care.backup(tmp_path / "b.db", NOON)
    mailed.close()
    with pytest.raises(StoreError, match=r"is a backup.*digest store restore FILE"):
        open_store(str(tmp_path / "b.db"))


def test_a_backup_replaces_an_older_one_and_nothing_else(mailed: Store, tmp_path: Path) -> None:
    mailed.care.backup(tmp_path / "b.db", NOON)
    admit(mailed, "dan")
    assert mailed.care.backup(tmp_path / "b.db", NOON).rows["subscribers"] == 4
    (tmp_path / "letter.txt").write_text("Dear Ann")
    other = open_store(str(tmp_path / "other.db"))
    for name in ("letter.txt", "other.db", ".", "nowhere/b.db"):
        before = (tmp_path / "letter.txt").read_bytes()
        with pytest.raises(StoreError, match=r"is no backup|is a folder|no such folder"):
            mailed.care.backup(tmp_path / name, NOON)
        assert (tmp_path / "letter.txt").read_bytes() == before
    other.close()
    mailed.close()


def test_a_store_in_memory_cannot_be_backed_up(tmp_path: Path) -> None:
    store = open_store(":memory:")
    with pytest.raises(StoreError, match="gone with this process"):
        store.care.backup(tmp_path / "b.db", NOON)
    store.close()


def test_a_disk_that_is_full_leaves_the_backup_of_before(
    mailed: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailed.care.backup(tmp_path / "b.db", NOON)
    before = (tmp_path / "b.db").read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left on device: nothing was written"):
        mailed.care.backup(tmp_path / "b.db", NOON)
    assert (tmp_path / "b.db").read_bytes() == before
    assert leave_nothing(tmp_path) == []
    mailed.close()


def test_a_copy_that_is_damaged_is_no_backup(mailed: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = backup._seal

    def damage(partial: Path, note: str) -> None:
        whole(partial, note)
        with sqlite3.connect(partial) as connection:
            connection.execute("DELETE FROM deliveries")

    monkeypatch.setattr(backup, "_seal", damage)
    with pytest.raises(StoreError, match="deliveries has 0 rows of 3"):
        mailed.care.backup(tmp_path / "b.db", NOON)
    assert not (tmp_path / "b.db").exists()
    mailed.close()


def test_only_backups_with_names_of_ours_are_removed(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "digest.db"))
    for day in range(5):
        at = NOON + timedelta(days=day)
        store.care.backup(tmp_path / backup.name(at), at)
    store.care.backup(tmp_path / "mine.db", NOON)
    (tmp_path / "digest-20200101T000000Z.db").write_text("no backup, but called so")
    assert [path.name for path in backup.prune(tmp_path, 2)] == [
        backup.name(NOON + timedelta(days=day)) for day in range(3)
    ]
    kept = {path.name for path in tmp_path.glob("*.db")}
    assert {"digest.db", "mine.db", "digest-20200101T000000Z.db", backup.name(NOON + timedelta(days=4))} < kept
    store.close()


def test_what_is_written_meanwhile_is_in_it_or_not_but_never_half(url: str, tmp_path: Path) -> None:
    """Each commit of the writer adds a dump with a listing and a change: in a backup they are as many."""
    store = open_store(url)
    done = threading.Event()

    def write() -> None:
        mine, number = open_store(url), 0
        while not done.is_set():
            number += 1
            listing = make_listing(f"Title {number}", ids=[f"arxiv:{number}"])
            commit_dump(mine, [make_change("new", listing)], name=f"{number}")
        mine.close()

    writer = threading.Thread(target=write)
    writer.start()
    found = []
    for number in range(4):
        file = tmp_path / f"{number}.db"
        store.care.backup(file, NOON)
        query = (
            "SELECT (SELECT count(*) FROM papers), (SELECT count(*) FROM sightings), (SELECT count(*) FROM changes), "
            "(SELECT count(*) FROM dumps WHERE seq IS NOT NULL)"
        )
        found += rows(file, query)
    done.set()
    writer.join()
    assert all(len(set(one)) == 1 for one in found), found
    assert found[-1][0] > found[0][0], "the writer stood still, so that this proves nothing"
    store.close()


# Restored


def test_a_restored_store_goes_on_with_the_next_number(mailed: Store, url: str, tmp_path: Path) -> None:
    mailed.care.backup(tmp_path / "b.db", NOON)
    secret = mailed.subscribers.secret()
    publish(mailed, 1)
    mailed.close()
    done = back(url, tmp_path / "b.db", tmp_path, force=True)
    assert (done.taken, dict(done.editions), done.paused) == (NOON, {"daily": 2}, ("daily",))
    store = open_store(url)
    assert store.subscribers.secret() == secret
    told = store.care.sizes().restored
    assert told is not None
    assert "2026-11-20 18:00 UTC from a backup of 2026-11-20 12:00 UTC" in told
    publish(store, 1)
    commit_dump(store, [make_change("new", make_listing("Another", ids=["arxiv:2611.00009"]))])
    assert [one.ref.number for one in store.editions("daily")] == [1, 2, 3]
    assert [one.id for one in store.ledger.deliveries("daily")] == [3, 2, 1]
    store.ledger.pause("daily", False)
    assert sweep(store) == 3
    store.close()


def test_what_waited_when_it_was_taken_is_not_mailed_by_a_restored_store(
    mailed: Store, url: str, tmp_path: Path
) -> None:
    mailed.care.backup(tmp_path / "b.db", NOON)
    mailed.close()
    assert back(url, tmp_path / "b.db", tmp_path).unknown == 2
    store = open_store(url)
    assert deliveries(store) == {"ann 0-2": "submitted", "bob 0-2": "unknown", "cec 0-2": "unknown"}
    assert subscription(store, "bob").mark == 2
    store.ledger.pause("daily", False)
    assert serve(store) == 0
    # whoever knows better says so
    assert store.ledger.reopen("daily", AGAIN, states=("unknown",)) == 2
    store.close()


def test_what_waited_is_mailed_if_somebody_says_so(mailed: Store, url: str, tmp_path: Path) -> None:
    mailed.care.backup(tmp_path / "b.db", NOON)
    mailed.close()
    done = back(url, tmp_path / "b.db", tmp_path, resend=True)
    assert (done.unknown, done.paused) == (0, ())
    store = open_store(url)
    assert serve(store) == 2
    store.close()


@pytest.mark.parametrize("resend", [False, True])
def test_a_sender_at_work_while_the_backup_was_taken_mails_nobody_twice(url: str, tmp_path: Path, resend: bool) -> None:
    """Of six readers one was served, one is in flight, one claimed, and the others wait."""
    store = open_store(url)
    publish(store, 1)
    admit(store, *"abcdef")
    sweep(store)
    went: list[str] = []
    with store.ledger.sender("at work") as token:
        first = store.ledger.claim(token, 3, NOON)
        store.ledger.advance(token, first[:2], [], NOON)
        went += [one.address for one in first[:2]]
        store.ledger.advance(token, [], [concluded(first[0])], NOON)
        store.care.backup(tmp_path / "b.db", NOON)
        # the sender goes on, and all have it in the end
        store.ledger.advance(token, [], [concluded(first[1])], NOON)
        rest = [first[2], *store.ledger.claim(token, 10, NOON)]
        conclude(store, token, rest)
        went += [one.address for one in rest]
    assert sorted(went) == [f"{name}@example.org" for name in "abcdef"]
    store.close()
    if resend:
        # somebody says that what waited did not go: it is said about what waited, not about what was in flight
        went = went[:2]
    back(url, tmp_path / "b.db", tmp_path, force=True, resend=resend)
    store = open_store(url)
    found = store.ledger.recover({}, AGAIN)
    assert (found.unknown, found.returned) == ((1, 1) if resend else (0, 0))
    store.ledger.pause("daily", False)
    sweep(store)
    with store.ledger.sender("after") as token:
        claimed = store.ledger.claim(token, 10, AGAIN)
        went += [one.address for one in claimed]
    assert sorted(went) == [f"{name}@example.org" for name in "abcdef"]
    assert len(store.ledger.deliveries("daily", states=("unknown",))) == (1 if resend else 5)
    store.close()


def concluded(one: Claimed) -> Concluded:
    """Return that a message was taken."""
    return Concluded(one, TAKEN, None)


def test_a_store_that_holds_more_is_not_replaced_unless_forced(mailed: Store, url: str, tmp_path: Path) -> None:
    mailed.care.backup(tmp_path / "b.db", NOON)
    publish(mailed, 1)
    mailed.close()
    with pytest.raises(StoreError, match=r"holds more than the backup \(No\. of daily 3 against 2\): --force"):
        back(url, tmp_path / "b.db", tmp_path)
    store = open_store(url)
    assert len(store.editions("daily")) == 3
    store.close()
    done = back(url, tmp_path / "b.db", tmp_path, force=True)
    assert done.replaced is not None
    # which can be restored in its turn
    back(url, Path(done.replaced), tmp_path)
    store = open_store(url)
    assert len(store.editions("daily")) == 3
    store.close()


def test_mail_that_went_since_is_more_too(mailed: Store, url: str, tmp_path: Path) -> None:
    mailed.care.backup(tmp_path / "b.db", NOON)
    assert serve(mailed) == 2
    mailed.close()
    with pytest.raises(StoreError, match="messages taken or refused 3 against 1"):
        back(url, tmp_path / "b.db", tmp_path)


def test_a_backup_waits_for_no_sender_and_a_restoration_refuses_one(mailed: Store, url: str, tmp_path: Path) -> None:
    with mailed.ledger.sender("at work"):
        mailed.care.backup(tmp_path / "b.db", NOON)
        with pytest.raises(StoreError, match="a sender is at work: at work, process"):
            back(url, tmp_path / "b.db", tmp_path, force=True)
    assert back(url, tmp_path / "b.db", tmp_path).replaced
    mailed.close()


def test_a_store_that_is_gone_or_damaged_is_restored(tmp_path: Path) -> None:
    url = str(tmp_path / "digest.db")
    store = open_store(url)
    publish(store, 2)
    store.care.backup(tmp_path / "b.db", NOON)
    store.close()
    Path(url).unlink()
    assert back(url, tmp_path / "b.db", tmp_path).replaced is None
    damaged = b"SQLite format 3\0" + bytes(5000)
    Path(url).write_bytes(damaged)
    Path(f"{url}-wal").write_bytes(b"a log that would be laid over whatever has the name")
    done = back(url, tmp_path / "b.db", tmp_path)
    assert done.replaced is not None
    assert Path(done.replaced).read_bytes() == damaged
    store = open_store(url)
    assert len(store.editions("daily")) == 2
    store.close()


def test_what_is_no_backup_is_refused(tmp_path: Path) -> None:
    url = str(tmp_path / "digest.db")
    store = open_store(url)
    publish(store, 1)
    store.care.backup(tmp_path / "b.db", NOON)
    store.close()
    (tmp_path / "text.db").write_text("Dear Ann, " * 1000)
    sqlite3.connect(tmp_path / "none.db").execute("CREATE TABLE x (y)").connection.close()
    half = (tmp_path / "b.db").read_bytes()
    (tmp_path / "half.db").write_bytes(half[: len(half) // 2])
    shutil.copy(tmp_path / "b.db", tmp_path / "newer.db")
    with sqlite3.connect(tmp_path / "newer.db") as connection:
        connection.execute("UPDATE schema_revision SET version_num = '9999'")
    connection.close()
    before = rows(tmp_path / "digest.db", "SELECT * FROM editions")
    for name, said in (
        ("text.db", "not a database"),
        ("none.db", "holds no store"),
        ("half.db", "damaged|malformed"),
        ("missing.db", "no such file"),
        ("newer.db", "newer release"),
        ("digest.db", "move it elsewhere"),
    ):
        with pytest.raises((StoreError, StoreVersionError), match=said):
            back(url, tmp_path / name, tmp_path, force=True)
        assert leave_nothing(tmp_path) == []
    assert rows(tmp_path / "digest.db", "SELECT * FROM editions") == before


def test_the_backup_of_an_older_release_is_brought_to_the_present_schema(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / "old.db")
    old.executescript(Path(__file__).with_name("revision_0001.sql").read_text())
    old.close()
    url = str(tmp_path / "digest.db")
    done = back(url, tmp_path / "old.db", tmp_path)
    assert (done.taken, dict(done.editions)) == (None, {"daily": 1})
    assert rows(tmp_path / "digest.db", "SELECT version_num FROM schema_revision") == [(migrations.HEAD,)]
    assert rows(tmp_path / "old.db", "SELECT version_num FROM schema_revision") == [("0001",)]


def test_dumps_that_came_since_come_once_more(url: str, tmp_path: Path) -> None:
    store = open_store(url)
    publish(store, 1)
    store.care.backup(tmp_path / "b.db", NOON)
    dump = Dump(source="papers", name="later", content=b"later")
    store.keep(dump, NOON)
    store.close()
    back(url, tmp_path / "b.db", tmp_path, force=True)
    store = open_store(url)
    assert store.find(dump) is None
    assert store.keep(dump, AGAIN).id == 2
    store.close()


# Killed

VICTIM = """
import os, signal, sys
from pathlib import Path
from digest.store import backup, copying, open_store, restoring
from digest.testing import NOON

where, what, url, file = sys.argv[1:]

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

module = {"backup": backup, "copying": copying, "restoring": restoring}[where.split(".")[0]]
setattr(module, where.split(".")[1], die)
if what == "backup":
    open_store(url).care.backup(Path(file), NOON)
else:
    restoring.restore(Path(file), url, NOON, beside=Path(file).parent, force=True)
"""


def killed(where: str, what: str, url: str, file: Path) -> None:
    done = subprocess.run([sys.executable, "-c", VICTIM, where, what, url, str(file)], capture_output=True, text=True)
    assert done.returncode == -9, done.stderr


@pytest.mark.parametrize(
    "where",
    [
        pytest.param("backup._seal", marks=pytest.mark.tools),
        pytest.param("backup._check", marks=pytest.mark.tools),
        "backup.to_disk",
    ],
)
def test_killed_within_a_backup_the_one_before_is_there(mailed: Store, url: str, tmp_path: Path, where: str) -> None:
    mailed.care.backup(tmp_path / "b.db", NOON)
    before = (tmp_path / "b.db").read_bytes()
    killed(where, "backup", url, tmp_path / "b.db")
    assert (tmp_path / "b.db").read_bytes() == before
    mailed.care.backup(tmp_path / "b.db", NOON)
    assert serve(mailed) == 2
    mailed.close()


@pytest.mark.tools
@pytest.mark.parametrize(
    "where",
    [
        pytest.param("restoring._adjust", marks=pytest.mark.tools),
        pytest.param("restoring._refuse_loss", marks=pytest.mark.tools),
        pytest.param("copying._go_on", marks=pytest.mark.tools),
        "restoring._overwrite",
    ],
)
def test_killed_within_a_restoration_the_store_is_as_it_was(
    mailed: Store, url: str, tmp_path: Path, where: str
) -> None:
    if where == "copying._go_on" and "://" not in url:
        where = "restoring._known"
    mailed.care.backup(tmp_path / "b.db", NOON)
    publish(mailed, 1)
    before = deliveries(mailed)
    mailed.close()
    killed(where, "restore", url, tmp_path / "b.db")
    store = open_store(url)
    assert len(store.editions("daily")) == 3
    assert deliveries(store) == before
    store.close()
    back(url, tmp_path / "b.db", tmp_path, force=True)
