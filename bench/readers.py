"""Newsletters with many readers, none of whom has got the newest edition: a fixture for what mails.

The editions are those of the bundled dumps; people are admitted by the store's own method. A store is made once, and
copied for each run.
"""

from __future__ import annotations

import email
import email.policy
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.measure import Process, run
from digest.models import Subscriber
from digest.store import open_store
from tests import postgres

_CONFIG = """\
store = "{store}"
base_url = "https://papers.example.org"
[newsletters.daily]
title = "Daily Papers"
[[sources]]
name = "dumps"
kind = "folder"
path = "{seeds}"
year = 2026
[subscribers]
[mail]
from = "digest@example.org"
"""
_RELAY = """\
host = "127.0.0.1"
port = {port}
tls = "none"
connections = {connections}
"""
_FOLDER = """\
transport = "folder"
path = "outbox"
"""
#: the newest of the bundled editions is out by then
_CLOCK = "2026-11-20T09:00:00Z"
_AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
#: files of PostgreSQL's log, 16 MiB each, that are there for a mailing
_LOG_FILES = 8
#: people admitted at a time
_PORTION = 10_000


@dataclass(frozen=True)
class Places:
    """Where stores of one kind are: a file of SQLite, or a database of PostgreSQL."""

    folder: Path
    seeds: Path
    #: None: SQLite
    server: postgres.Server | None = None

    @property
    def kind(self) -> str:
        """The name of the database."""
        return "PostgreSQL" if self.server else "SQLite"

    def store(self, name: str) -> str:
        """Return the address of a store."""
        return self.server.url(name) if self.server else str(self.folder / f"{name}.db")

    def copy(self, origin: str, name: str) -> None:
        """Make a store the same as another, and let the disk have it."""
        if self.server is None:
            for suffix in ("-wal", "-shm"):
                Path(self.store(name) + suffix).unlink(missing_ok=True)
            shutil.copyfile(self.store(origin), self.store(name))
            with Path(self.store(name)).open("rb") as file:
                os.fsync(file.fileno())
            return
        self._sql(f'DROP DATABASE IF EXISTS "{name}"', f'CREATE DATABASE "{name}" TEMPLATE "{origin}"', "CHECKPOINT")

    def settle(self, name: str) -> None:
        """Let the database do what it does by itself some time after rows have come."""
        if self.server:
            # A server that has run for a while writes to files that it has; a new one stops to make each of them.
            log = ["SELECT pg_logical_emit_message(true, '', ''), pg_switch_wal()"] * _LOG_FILES
            self._sql(*log, "VACUUM ANALYZE", "CHECKPOINT", database=name)

    def _sql(self, *statements: str, database: str = "postgres") -> None:
        import psycopg

        assert self.server, "SQLite knows no such statements"
        with psycopg.connect(self.server.url(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


def build(places: Places, name: str, readers: int) -> float:
    """Make a store whose readers lack the newest edition; return the seconds that admitting them took."""
    home = _home(places, name, "")
    if places.server:
        places.server.create(name)
    run([*_digest("replay"), places.seeds, "--quiet"], home)
    with closing(open_store(places.store(name))) as store:
        newest = store.editions("daily")[-1].ref.number
        begin = time.perf_counter()
        for first in range(0, readers, _PORTION):
            numbers = range(first, min(first + _PORTION, readers))
            people = [Subscriber(address=f"reader{number}@example.org") for number in numbers]
            store.subscribers.admit(
                "daily", people, at=_AT, origin="command", confirmed_by="the bench", mark=newest - 1
            )
        took = time.perf_counter() - begin
    places.settle(name)
    return took


@dataclass(frozen=True)
class Newsletter:
    """A configuration with its store, which is a copy."""

    places: Places
    origin: str
    name: str
    #: where it mails to, with how many connections
    port: int
    connections: int

    def renew(self) -> Path:
        """Begin with all readers waiting; return the folder to send in."""
        self.places.copy(self.origin, self.name)
        return _home(self.places, self.name, _RELAY.format(port=self.port, connections=self.connections))

    def send(self, home: Path, expected: int) -> Process:
        """Run `digest send`, which must submit so many messages.

        Raises:
            RuntimeError: it did not.
        """
        done = run([*_digest("send"), "--json"], home, DIGEST__CLOCK=_CLOCK)
        _check(json.loads(done.out)["submitted"], expected)
        return done

    def watched(self, expected: int) -> tuple[Process, dict[str, Any]]:
        """Send with the parts timed; return the process, and what `bench.sending` told.

        Raises:
            RuntimeError: it did not submit so many messages.
        """
        home = self.renew()
        done = run([sys.executable, "-m", "bench.sending", home], Path(__file__).parents[1], DIGEST__CLOCK=_CLOCK)
        told = json.loads(done.out)
        _check(told["submitted"], expected)
        return done, told


def message(places: Places, origin: str) -> Path:
    """Return a file with the message that a reader gets."""
    places.copy(origin, "one")
    home = _home(places, "one", _FOLDER)
    shutil.rmtree(home / "outbox", ignore_errors=True)
    run([*_digest("send"), "--max", "1", "--quiet"], home, DIGEST__CLOCK=_CLOCK)
    return next(_files(home / "outbox"))


def parts(file: Path) -> dict[str, Any]:
    """Return subject, headers, bodies and reader of a message: what mailing it the usual way begins with."""
    read = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    own = ("subject", "to", "date", "message-id", "mime-version", "content-type")
    text, html = (read.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None, "a message has plain text"
    assert html is not None, "a message has HTML"
    return {
        "subject": str(read["Subject"]),
        "address": str(read["To"]),
        "headers": [(name, str(value)) for name, value in read.items() if name.lower() not in own],
        "text": text.get_content(),
        "html": html.get_content(),
    }


def _home(places: Places, name: str, mail: str) -> Path:
    home = places.folder / name
    home.mkdir(parents=True, exist_ok=True)
    config = _CONFIG.format(store=places.store(name), seeds=places.seeds)
    (home / "digest.toml").write_text(config + mail if mail else config.partition("[mail]")[0])
    return home


def _digest(command: str) -> list[str | Path]:
    return [sys.executable, "-m", "digest", command]


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*.eml")))


def _check(submitted: int, expected: int) -> None:
    if submitted != expected:
        raise RuntimeError(f"{submitted:,} messages were submitted, not {expected:,}")
