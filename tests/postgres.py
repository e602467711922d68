"""A PostgreSQL server for tests: made with initdb in a temporary folder, run as a user that may run it."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_DURABLE = "-c shared_buffers=128MB -c min_wal_size=192MB"
_NO_SYNC = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=32MB"


@dataclass(frozen=True)
class Server:
    """A server that runs; `url` names its superuser and one of its databases."""

    port: int
    bin: Path
    #: stops it at once, as a crash would, and starts it again
    restart: Callable[[], None]

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database."""
        return f"postgresql://digest@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """Make an empty database and return its URL."""
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"')
        return self.url(database)

    def drop(self, database: str) -> None:
        """Remove a database, also from under its connections."""
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{database}" WITH (FORCE)')


def binaries() -> Path | None:
    """Return the folder of initdb and pg_ctl: the newest installed, else what PATH has; None without PostgreSQL."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    return Path(on_path).resolve().parent if on_path else None


@contextmanager
def server(*, durable: bool = False) -> Iterator[Server]:
    """Run a server for the block; skip without PostgreSQL, or fail where tools are demanded.

    Without `durable` it never waits for the disk, and a crash of the machine would cost what it holds.
    """
    folder = binaries()
    user = _user()
    if folder is None or user is None:
        why = "needs PostgreSQL (initdb, pg_ctl)" if folder is None else "needs a user that may run PostgreSQL"
        if os.environ.get("DIGEST_TEST_TOOLS") == "required":
            pytest.fail(f"{why}, and DIGEST_TEST_TOOLS=required")
        pytest.skip(why)
    with tempfile.TemporaryDirectory(prefix="digest-pg-", ignore_cleanup_errors=True) as place:
        os.chown(place, user.pw_uid, user.pw_gid)
        yield from _running(folder, user, Path(place), _DURABLE if durable else _NO_SYNC)


def _running(folder: Path, user: pwd.struct_passwd, place: Path, settings: str) -> Iterator[Server]:
    data, port = place / "data", _free_port()
    _call(user, place, folder / "initdb", "-D", data, "-U", "digest", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"-c listen_addresses=127.0.0.1 -p {port} -k {place} {settings}"
    _call(user, place, folder / "pg_ctl", "-D", data, "-w", "-l", place / "log", "-o", options, "start")

    def restart() -> None:
        _call(user, place, folder / "pg_ctl", "-D", data, "-m", "immediate", "stop")
        _call(user, place, folder / "pg_ctl", "-D", data, "-w", "-l", place / "log", "-o", options, "start")

    try:
        yield Server(port, folder, restart)
    finally:
        _call(user, place, folder / "pg_ctl", "-D", data, "-m", "immediate", "stop")


def _user() -> pwd.struct_passwd | None:
    """Return the user to run as: this one, or where this is root, whom PostgreSQL refuses, another."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None


def _call(user: pwd.struct_passwd, place: Path, *command: str | Path) -> None:
    """Run a command of PostgreSQL; what the server inherits is a file, for a pipe would never end."""
    change: dict[str, Any] = (
        {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    )
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "HOME": str(place)}
    with (place / "output").open("a+") as output:
        done = subprocess.run(command, cwd=place, env=environment, stdout=output, stderr=output, timeout=60, **change)
        if done.returncode:
            output.seek(0)
            pytest.fail(f"{Path(command[0]).name}: {output.read()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
