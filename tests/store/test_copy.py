"""A store goes from one database into another, and nobody who asks it notices."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from digest.errors import LockHeldError, StoreError
from digest.models import Dump, Rejected, Span
from digest.protocols import Store
from digest.store import copying, open_store
from digest.store.copying import Copied
from digest.store.engine import Database, parse
from digest.store.revision import ensure
from digest.testing import DAY, NOON, FrozenClock, commit_dump, make_change, make_listing, make_outcome
from tests import postgres
from tests.acceptance.command import rows
from tests.store.readers import admit, deliveries, publish, serve, subscription, sweep

#: what no text of a source should hold, and some does
ODD = "nul \0, a lone \ud800 surrogate, the mark \U0010ffff itself, tab\t, \\N, quotes '\" and \\x00, \u2028, 日本語"


@pytest.fixture(
    params=[
        "sqlite to sqlite",
        pytest.param("sqlite to postgresql", marks=pytest.mark.tools),
        pytest.param("postgresql to sqlite", marks=pytest.mark.tools),
    ]
)
def ends(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Give a database to copy from and one to copy into."""
    server: postgres.Server | None = None
    found = []
    for end, kind in enumerate(request.param.split(" to ")):
        if kind == "sqlite":
            found.append(str(tmp_path / f"{end}.db"))
        else:
            server = request.getfixturevalue("server")
            found.append(server.create("copied"))
    yield found[0], found[1]
    if server:
        server.drop("copied")


def copy(one: str, other: str, *, timeout: float = 0) -> Mapping[str, Copied]:
    """Copy as the command does."""
    source, target = Database(parse(one)), Database(parse(other))
    try:
        ensure(source, FrozenClock())
        return copying.copy(source, target, FrozenClock(), timeout=timeout)
    finally:
        source.close()
        target.close()


def fill(store: Store) -> None:
    """Fill every table there is."""
    publish(store, 2)
    text = ODD.replace("\ud800", "")
    listings = [make_listing(f"Title {number} {text}", text, ids=[f"arxiv:{number}"]) for number in range(4)]
    made = [make_change("new", one) for one in listings[:3]]
    made.append(make_change("new", listings[3], rivals=("0",), title_score=61.5, abstract_score=0.1 + 0.2))
    rejected = [Rejected(span=Span(first=1, last=2), reason="odd", text=ODD)]
    kept = store.keep(Dump(source="papers", name=ODD, content=b"first"), NOON)
    store.commit(make_outcome(kept, made, rejected=rejected, note=ODD, tags={"ml": {"0": []}}))
    store.keep(Dump(source="papers", name="raw", content=bytes(range(256)) * 9, remember={"etag": ODD}), NOON)
    store.note_fetch("papers", NOON, "failed", ODD)
    # a later paper that earlier ones point to, in a chain
    store.merge("0", "3", NOON, ODD, keep="3")
    store.merge("1", "2", NOON, "me", keep="2")
    store.split("2", NOON, "me")
    admit(store, "ann", name=ODD)
    serve(store)
    admit(store, "bob", "cec", "dan")
    sweep(store)
    store.subscribers.suppress("dan@example.org", at=NOON, reason="bounced", evidence=ODD)
    store.keep_output_state("public", bytes(range(256)))


def test_every_table_is_full_so_that_these_tests_say_something(ends: tuple[str, str]) -> None:
    store = open_store(ends[0])
    fill(store)
    store.close()
    done = copy(*ends)
    assert {name for name, one in done.items() if not one.rows} <= {"tidied"}
    assert all(re.fullmatch("[0-9a-f]{64}", one.sha256) for one in done.values())


def test_there_and_back_every_row_is_the_same(ends: tuple[str, str], tmp_path: Path) -> None:
    store = open_store(ends[0])
    fill(store)
    store.close()
    there = copy(*ends)
    again = copy(ends[1], str(tmp_path / "back.db"))
    assert again == there
    if "://" not in ends[0]:
        for table in there:
            query = f'SELECT * FROM "{table}" ORDER BY 1, 2'
            assert rows(tmp_path / "back.db", query) == rows(Path(ends[0]), query), table


def test_the_copy_goes_on_where_the_store_stood(ends: tuple[str, str]) -> None:
    old = open_store(ends[0])
    fill(old)
    told = told_of(old)
    old.close()
    copy(*ends)
    new = open_store(ends[1])
    assert told_of(new) == told
    # the sender that is mailed next takes what waits, and numbers go on without a gap or a clash
    assert deliveries(new) == {
        "ann 0-2": "submitted", "bob 0-2": "pending", "cec 0-2": "pending", "dan 0-2": "failed"
    }  # fmt: skip
    assert serve(new) == 2
    publish(new, 1)
    admit(new, "eve")
    assert serve(new) == 4
    ids = sorted(one.id for one in new.ledger.deliveries("daily"))
    assert len(ids) == 8
    assert min(ids[4:]) > 4, "an id of the store was given again"
    assert [one.ref.number for one in new.editions("daily")] == [1, 2, 3]
    kept = commit_dump(new, [make_change("new", make_listing("New", ids=["arxiv:99"]))], name="after")
    assert kept.id == 4
    assert new.merge("99", "3", NOON, "me")
    assert admit(new, "dan")[0].result == "refused"
    new.close()


def told_of(store: Store) -> list[object]:
    """Return what a store says of itself."""
    return [
        store.subscribers.secret(),
        store.log_end(),
        store.newsletters(),
        store.editions("daily"),
        store.edition("daily", 2),
        [store.paper(key) for key in "0123"],
        store.decisions(),
        store.possible_duplicates(9),
        store.search("title", 9),
        store.raw(2),
        [one for _, one in store.unfinished("papers")],
        store.health("papers"),
        store.remembered("papers"),
        list(store.subscribers.subscriptions("daily")),
        subscription(store, "ann").mark,
        store.ledger.deliveries("daily"),
        store.output_state("public"),
        store.overlap("papers", DAY, DAY),
    ]


def test_what_a_dead_sender_held_is_taken_back_in_the_copy(ends: tuple[str, str]) -> None:
    store = open_store(ends[0])
    fill(store)
    with store.ledger.sender("dies") as token:
        store.ledger.advance(token, store.ledger.claim(token, 2, NOON)[:1], [], NOON)
        database = Database(parse(ends[0]))
        with database.writing() as connection:
            connection.exec_driver_sql("UPDATE senders SET expires = '2000-01-01T00:00:00.000000+00:00'")
        database.close()
        copy(*ends)
    new = open_store(ends[1])
    assert new.ledger.recover({}, NOON)[:2] == (1, 1)
    assert sorted(deliveries(new).values()) == ["failed", "pending", "submitted", "unknown"]
    new.close()
    store.close()


def test_nobody_writes_meanwhile(ends: tuple[str, str]) -> None:
    store = open_store(ends[0])
    fill(store)
    with store.ledger.sender("at work"), pytest.raises(StoreError, match="a sender is at work: at work, process"):
        copy(*ends)
    lease = store.lease("scheduler", "serve", "0" * 32)
    assert lease.take() is None
    with pytest.raises(StoreError, match="a process that stays is at work: serve, process"):
        copy(*ends)
    lease.release()
    with store.lock("run 1", timeout=0), pytest.raises(LockHeldError, match="run 1"):
        copy(*ends)
    assert copy(*ends)["deliveries"].rows == 4
    store.close()


def test_a_target_that_holds_something_is_refused(ends: tuple[str, str]) -> None:
    for url in ends:
        store = open_store(url)
        publish(store, 1)
        store.close()
    before = told_from(ends[1])
    with pytest.raises(StoreError, match="holds a store already"):
        copy(*ends)
    with pytest.raises(StoreError, match="is the store itself"):
        copy(ends[0], ends[0])
    assert told_from(ends[1]) == before


def told_from(url: str) -> list[tuple[object, ...]]:
    return rows(url if "://" in url else Path(url), "SELECT sha256 FROM editions")


def test_a_target_with_an_empty_store_is_taken_with_the_secret_of_the_source(ends: tuple[str, str]) -> None:
    store = open_store(ends[0])
    fill(store)
    secret = store.subscribers.secret()
    store.close()
    empty = open_store(ends[1])
    assert empty.subscribers.secret() != secret
    empty.close()
    copy(*ends)
    new = open_store(ends[1])
    assert new.subscribers.secret() == secret
    new.close()


def test_what_does_not_read_back_alike_is_not_committed(ends: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(ends[0])
    fill(store)
    store.close()
    write = copying._write

    def lose(writer, table, found):
        write(writer, table, found[:-1] if table.name == "entries" else found)

    monkeypatch.setattr(copying, "_write", lose)
    with pytest.raises(StoreError, match="table entries does not read back as it was written; nothing was copied"):
        copy(*ends)
    monkeypatch.undo()
    assert copy(*ends)["entries"].rows == 2


VICTIM = """
import os, signal, sys
from digest.store import copying
from digest.testing import FrozenClock
from digest.store.engine import Database, parse

whole = copying._copy_table

def die(reader, writer, table, *rest):
    if table.name == "deliveries":
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(reader, writer, table, *rest)

copying._copy_table = die
copying.copy(Database(parse(sys.argv[1])), Database(parse(sys.argv[2])), FrozenClock(), timeout=0)
"""


@pytest.mark.tools
def test_killed_on_its_way_nothing_is_there(ends: tuple[str, str]) -> None:
    store = open_store(ends[0])
    fill(store)
    store.close()
    done = subprocess.run([sys.executable, "-c", VICTIM, *ends], capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    assert copy(*ends)["deliveries"].rows == 4
    # the lock of the dead was taken at once, and the source goes on
    old = open_store(ends[0])
    assert serve(old) == 2
    old.close()


def test_rows_come_in_portions(ends: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(ends[0])
    publish(store, 1)
    admit(store, *(f"reader{number}" for number in range(50)))
    sweep(store)
    store.close()
    monkeypatch.setattr(copying, "PORTION", 7)
    write, largest = copying._write, 0

    def watch(writer, table, found):
        nonlocal largest
        largest = max(largest, len(found))
        write(writer, table, found)

    monkeypatch.setattr(copying, "_write", watch)
    assert copy(*ends)["deliveries"].rows == 50
    assert largest == 7
    new = open_store(ends[1])
    assert new.ledger.sweep("daily", new.ledger.timings("daily"), NOON + timedelta(days=1)) == 0
    new.close()
