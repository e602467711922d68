from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, text

from digest.errors import StoreError, StoreVersionError
from digest.models import ChangeKind, Dump, Subscriber
from digest.store import log, migrations, open_store, schema
from digest.store.engine import Database, parse
from digest.testing import NOON, FrozenClock, commit_dump, make_change, make_listing, make_paper
from digest.text import HOT, sketch
from tests.store.test_commit import rows


def shape(url: str) -> dict[str, object]:
    """Describe everything that a database says of its tables."""
    engine = create_engine(parse(url))
    inspector = inspect(engine)
    found: dict[str, object] = {}
    for table in sorted(inspector.get_table_names()):
        found[table] = {
            "columns": [{**column, "type": str(column["type"])} for column in inspector.get_columns(table)],
            "primary key": inspector.get_pk_constraint(table),
            "foreign keys": sorted(inspector.get_foreign_keys(table), key=str),
            "unique": sorted(inspector.get_unique_constraints(table), key=str),
            "indexes": sorted(map(told, inspector.get_indexes(table))),
            "checks": sorted(inspector.get_check_constraints(table), key=str),
        }
    engine.dispose()
    return found


def told(index: Any) -> str:
    """Return all there is to an index; conditions are objects that equal themselves only."""
    options = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return str(sorted({**index, "dialect_options": options}.items(), key=str))


def migrate(url: str, target: str = "head") -> None:
    database = Database(parse(url))
    with database.engine.connect() as connection:
        connection.execution_options(digest_writes=True)
        with connection.begin():
            migrations.upgrade(connection, target)
    database.close()


def drop_all(url: str) -> None:
    engine = create_engine(parse(url))
    with engine.begin() as connection:
        schema.metadata.drop_all(connection)
    engine.dispose()


def test_migrations_lead_to_the_schema(empty: str) -> None:
    migrate(empty)
    migrated = shape(empty)
    assert rows(empty, "SELECT version_num FROM schema_revision") == [(migrations.HEAD,)]
    drop_all(empty)
    open_store(empty).close()
    assert shape(empty) == migrated
    assert set(migrated) == set(schema.metadata.tables)


def test_a_migrated_store_works(empty: str) -> None:
    migrate(empty)
    store = open_store(empty)
    commit_dump(store, [make_change()])
    assert store.log_end() == 1
    store.close()


def test_the_store_of_an_older_release_is_upgraded_and_then_runs(tmp_path: Path) -> None:
    """revision_0001.sql is what the first release wrote: three papers, one edition."""
    path = str(tmp_path / "digest.db")
    old = sqlite3.connect(path)
    old.executescript(Path(__file__).with_name("revision_0001.sql").read_text())
    old.close()
    store = open_store(path)
    assert rows(path, "SELECT version_num FROM schema_revision") == [(migrations.HEAD,)]
    assert (store.dump_count(), store.log_end(), len(store.edition("daily", 1).entries)) == (1, 3, 3)
    assert len(store.search("title", 9)) == 3
    # what finds near texts was of another form
    texts = rows(path, "SELECT paper, title, abstract FROM versions")
    sketched = {(value, paper) for paper, title, abstract in texts for value in sketch(title, abstract)}
    assert sketched == set(rows(path, "SELECT hash, paper FROM sketches"))
    ann = Subscriber(address="ann@example.org")
    store.subscribers.admit("daily", [ann], at=NOON, origin="command", confirmed_by="me", mark=0)
    assert store.ledger.sweep("daily", store.ledger.timings("daily"), NOON) == 1
    assert store.ledger.paused() == []
    store.close()
    fresh = str(tmp_path / "fresh.db")
    open_store(fresh).close()
    assert shape(path) == shape(fresh)


def test_an_older_schema_is_brought_to_the_present_one(empty: str) -> None:
    migrate(empty, "0001")
    assert "deliveries" not in shape(empty)
    open_store(empty).close()
    assert rows(empty, "SELECT version_num FROM schema_revision") == [(migrations.HEAD,)]
    assert rows(empty, "SELECT count(*) FROM deliveries") == [(0,)]


def test_texts_of_an_older_release_are_sketched_anew(empty: str) -> None:
    abstract = "A representation of everything, wherever it is, that measurements cannot reach, and more than that."
    listings = [make_listing(f"Paper {number} — «ünder» {number * 7}", abstract) for number in range(12)]
    # the first has many texts, which must not keep the others out
    listings[1:1] = [make_listing(f"Paper 0, revised {number} times", abstract) for number in range(HOT)]
    keys = ["k0"] * (HOT + 1) + [f"k{number}" for number in range(1, 12)]
    store = open_store(empty)
    kinds: list[ChangeKind] = ["new" if key not in keys[:at] else "seen" for at, key in enumerate(keys)]
    told = zip(kinds, listings, keys, strict=True)
    commit_dump(store, [make_change(kind, one, make_paper(one, key)) for kind, one, key in told])
    store.close()
    now = rows(empty, "SELECT hash, paper FROM sketches ORDER BY hash, paper")
    assert max(Counter(value for value, _ in now).values()) == HOT
    engine = create_engine(parse(empty))
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM sketches"))
        connection.execute(text("INSERT INTO sketches (hash, paper) VALUES (7, 1)"))
        connection.execute(text("UPDATE schema_revision SET version_num = '0004'"))
    engine.dispose()
    open_store(empty).close()
    assert rows(empty, "SELECT hash, paper FROM sketches ORDER BY hash, paper") == now


def test_a_newer_store_is_refused(empty: str) -> None:
    open_store(empty).close()
    engine = create_engine(parse(empty))
    with engine.begin() as connection:
        connection.execute(text("UPDATE schema_revision SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(StoreVersionError, match=r"newer release .*9999.* upgrade digest"):
        open_store(empty)


def test_a_database_of_another_program_is_refused(empty: str) -> None:
    engine = create_engine(parse(empty))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE papers (id INTEGER)"))
    engine.dispose()
    with pytest.raises(StoreError, match=r"not of digest \(papers\)"):
        open_store(empty)


def test_the_store_knows_when_it_was_made(empty: str) -> None:
    open_store(empty, clock=FrozenClock()).close()
    assert rows(empty, "SELECT value FROM meta WHERE name = 'created'") == [(NOON.isoformat(),)]


def test_many_make_one_store_at_once(empty: str) -> None:
    failed: list[StoreError] = []

    def make() -> None:
        try:
            open_store(empty).close()
        except StoreError as error:
            failed.append(error)

    threads = [threading.Thread(target=make) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    opened = open_store(empty)
    assert opened.log_end() == 0
    opened.close()


def test_opening_a_present_store_imports_no_alembic(tmp_path: Path) -> None:
    path = str(tmp_path / "digest.db")
    open_store(path).close()
    script = f"""
import sys, digest.store
assert "sqlalchemy" not in sys.modules
digest.store.open_store({path!r}).close()
assert "alembic" not in sys.modules and "structlog" not in sys.modules and "psycopg" not in sys.modules
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_forms_of_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for form, path in (
        ("a.db", "a.db"),
        (str(tmp_path / "b?x=1%20#.db"), "b?x=1%20#.db"),
        ("sqlite:///c.db", "c.db"),
        (f"sqlite:///{tmp_path}/d.db", "d.db"),
        ("~/e.db", "e.db"),
    ):
        open_store(form).close()
        assert (tmp_path / path).is_file(), form


def test_a_store_in_memory_is_gone_when_it_is_closed() -> None:
    for form in (":memory:", "sqlite://"):
        store = open_store(form)
        with store.lock("me", timeout=0):
            commit_dump(store, [make_change()])
        assert store.log_end() == 1
        store.close()


def test_all_questions_of_a_transaction_see_one_state(url: str) -> None:
    store = open_store(url)
    database = Database(parse(url))
    with database.reading() as connection:
        assert log.end(connection) == 0
        commit_dump(store, [make_change()])
        assert log.end(connection) == 0
    with database.reading() as connection:
        assert log.end(connection) == 1
    database.close()
    store.close()


def test_sqlite_is_durable_and_checks_references(tmp_path: Path) -> None:
    database = Database(parse(str(tmp_path / "digest.db")))
    with database.reading() as connection:
        told = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
        assert told == ["wal", 2]
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 60_000
    database.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://me:s3cret@127.0.0.1:1/papers", "server runs"),
        ("postgresql://me@127.0.0.1:1/papers?password=s3cret", "server runs"),
        ("postgresql://me:s3cret@127.0.0.1:port/papers", "no database URL"),
        ("postgresql://me:s3cret/extra@127.0.0.1:port/papers", "no database URL"),
        ("mysql://me:s3cret@localhost/papers", "mysql databases are not supported"),
        ("://s3cret", "no database URL"),
    ],
)
def test_a_url_that_does_not_work_is_said_without_its_password(url: str, said: str) -> None:
    with pytest.raises(StoreError, match=said) as caught:
        open_store(url)
    shown: BaseException | None = caught.value
    while shown:
        assert "s3cret" not in str(shown)
        shown = shown.__cause__ or (None if shown.__suppress_context__ else shown.__context__)


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    path = tmp_path / "digest.db"
    path.write_text("a shopping list, much longer than the header of a database file would be" * 30)
    with pytest.raises(StoreError, match=r"digest\.db: file is not a database: .* restore a backup"):
        open_store(str(path))


def test_a_folder_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="the folder must exist and be writable"):
        open_store(str(tmp_path / "none" / "digest.db"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_may_not_be_written_is_said(tmp_path: Path) -> None:
    path = tmp_path / "digest.db"
    open_store(str(path)).close()
    path.chmod(0o400)
    store = open_store(str(path))
    with pytest.raises(StoreError, match="make the file and its folder writable"):
        store.enrol("daily", 0)


def test_a_full_disk_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    path = str(tmp_path / "digest.db")
    open_store(path).close()
    database = Database(parse(path))
    with database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()

    def fill() -> None:
        with database.writing() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            connection.execute(schema.outputs.insert().values(folder="x", state=bytes(100_000)))

    with pytest.raises(StoreError, match="free some space"):
        fill()
    database.close()
    assert rows(path, "SELECT count(*) FROM outputs") == [(0,)]


def test_a_database_that_is_missing_is_said(shared: str) -> None:
    with pytest.raises(StoreError, match="create it first"):
        open_store(shared.replace("/shared", "/missing"))


def test_a_writer_that_takes_too_long_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digest.store.engine.BUSY", 0.1)
    path = str(tmp_path / "digest.db")
    store = open_store(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another program writes to it"):
        store.keep(Dump(source="a", name="a", content=b""), NOON)
    other.close()
    store.keep(Dump(source="a", name="a", content=b""), NOON)
    store.close()
