"""How a store is, without changing it: no schema is made or upgraded, what is written is taken back.

May import models, protocols and the ground.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.engine import URL

from digest.errors import StoreError
from digest.store import process, refusals
from digest.store.engine import Database, parse
from digest.store.migrations import HEAD
from digest.store.process import Process
from digest.store.revision import stored
from digest.store.schema import (
    deliveries,
    dumps,
    editions,
    fetches,
    meta,
    receipts,
    run_lock,
    subscriptions,
    suppressions,
)
from digest.store.values import pairs

#: seconds that looking for damage may take, and waiting for another writer
LOOKING = 10.0
WAITING = 3
#: steps of SQLite's machine between two looks at the clock
_STEPS = 100_000
#: deliveries that failed count for so long
_LATELY = timedelta(days=30)


@dataclass(frozen=True)
class Held:
    """Who holds the run lock."""

    owner: str
    pid: int
    host: str
    since: datetime
    expires: datetime
    #: the process has certainly ended
    dead: bool


@dataclass(frozen=True)
class Stuck:
    """Deliveries in one state."""

    count: int
    #: when the first of them came into it
    since: datetime


@dataclass(frozen=True)
class Checkup:
    """What a store is like."""

    #: its name for people
    place: str
    #: the file of SQLite; None: it is a server
    file: Path | None = None
    #: revision of its schema; None: there is no store yet
    revision: str | None = None
    #: the revision that this program knows
    head: str = HEAD
    #: bytes, of a file
    size: int | None = None
    #: why it cannot be written to; None: it can
    refuses: str | None = None
    #: what a look for damage said; (): nothing is damaged
    damage: tuple[str, ...] = ()
    #: the look for damage came to an end
    whole: bool = True
    lock: Held | None = None
    #: source -> dumps that were kept and never committed
    unfinished: Mapping[str, int] = field(default_factory=dict)
    #: the newest instant that it knows of
    newest: datetime | None = None
    suppressed: int = 0
    #: state -> deliveries that are neither submitted nor waiting
    stuck: Mapping[str, Stuck] = field(default_factory=dict)
    #: name of a group -> confirmed subscriptions that name it
    groups: Mapping[str, int] = field(default_factory=dict)


def look(url_or_path: str) -> Checkup:
    """Look a store over.

    Raises:
        StoreError: it cannot be opened, or is damaged beyond reading; the message says what to do.
    """
    url = parse(url_or_path)
    file = _file(url)
    if file is not None and not file.exists():
        return Checkup(refusals.place(url), file, refuses=_folder_refuses(file))
    database = Database(url)
    try:
        with database.wrapped(), database.engine.connect() as connection:
            revision = stored(connection)
        found = Checkup(database.place, file, revision, size=file.stat().st_size if file else None)
        return found if revision is None else _looked(database, found)
    finally:
        database.close()


def _file(url: URL) -> Path | None:
    """Return the file of a store of SQLite."""
    inside = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    return Path(str(url.database)) if inside else None


def _folder_refuses(file: Path) -> str | None:
    """Return why a file cannot be made where it should be."""
    if not file.parent.is_dir():
        return f"there is no folder {file.parent}"
    return None if os.access(file.parent, os.W_OK | os.X_OK) else f"the folder {file.parent} is not writable"


def _looked(database: Database, found: Checkup) -> Checkup:
    damage, whole = _damage(database) if database.sqlite else ((), True)
    told: dict[str, Any] = {"damage": damage, "whole": whole, "refuses": _refuses(database)}
    # an older or newer schema may lack what is asked for
    if found.revision == HEAD and not damage:
        with database.reading() as connection:
            told["lock"] = _lock(connection)
            told["unfinished"] = _unfinished(connection)
            told["newest"] = newest = _newest(connection)
            told["suppressed"] = _suppressed(connection)
            told["stuck"] = _stuck(connection, newest)
            told["groups"] = _groups(connection)
    return Checkup(**{**vars(found), **told})


def _damage(database: Database) -> tuple[tuple[str, ...], bool]:
    """Look for damage, for a bounded time; reads the whole file."""
    with database.wrapped(), database.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None, "it is connected"
        driver.set_progress_handler(_over(time.monotonic() + LOOKING), _STEPS)
        try:
            rows = driver.execute("PRAGMA quick_check(3)").fetchall()
        except driver.OperationalError as error:
            if "interrupted" not in str(error):
                raise StoreError(f"{database.place}: {error}: restore a backup") from error
            return (), False
        except driver.DatabaseError as error:
            raise StoreError(f"{database.place}: {error}: the file is damaged; restore a backup") from error
        finally:
            driver.set_progress_handler(None, 0)
    return tuple(str(row[0]) for row in rows if row[0] != "ok"), True


def _over(until: float) -> Callable[[], int]:
    return lambda: int(time.monotonic() > until)


def _refuses(database: Database) -> str | None:
    """Write a row of meta and take it back; return why that cannot be done."""
    try:
        with database.wrapped(), database.engine.connect() as connection:
            if database.sqlite:
                driver = connection.connection.driver_connection
                assert driver is not None, "it is connected"
                driver.execute(f"PRAGMA busy_timeout = {WAITING * 1000}")
            connection.execution_options(digest_writes=True)
            with connection.begin() as transaction:
                if not database.sqlite:
                    connection.execute(text(f"SET LOCAL lock_timeout = '{WAITING}s'"))
                connection.execute(insert(meta).values(name="checkup", value=""))
                transaction.rollback()
    except StoreError as error:
        return str(error)
    return None


def _lock(connection: Connection) -> Held | None:
    """Return who holds the run lock; by the primary key."""
    row = connection.execute(select(run_lock)).one_or_none()
    if row is None:
        return None
    dead = process.is_dead(Process(row.machine, row.host, row.pid, row.process))
    return Held(row.owner, row.pid, row.host, row.since, row.expires, dead)


def _unfinished(connection: Connection) -> dict[str, int]:
    """Count dumps never committed by source; by the index on dumps (source, date)."""
    query = select(dumps.c.source, func.count()).where(dumps.c.date.is_(None)).group_by(dumps.c.source)
    return pairs(connection.execute(query))


def _newest(connection: Connection) -> datetime | None:
    """Return the newest instant of fetches, receipts and editions; by their primary keys, but that of editions."""
    asked = (
        select(fetches.c.at).order_by(fetches.c.id.desc()).limit(1),
        select(receipts.c.started_at).order_by(receipts.c.id.desc()).limit(1),
        select(editions.c.instant).order_by(editions.c.instant.desc()).limit(1),
    )
    found = [instant for query in asked if (instant := connection.execute(query).scalar()) is not None]
    return max(found, default=None)


def _suppressed(connection: Connection) -> int:
    """Count suppressed addresses; by the primary key."""
    return connection.execute(select(func.count()).select_from(suppressions)).scalar_one()


def _stuck(connection: Connection, newest: datetime | None) -> dict[str, Stuck]:
    """Count deliveries that came to nothing so far, by state; reads the whole table, as everybody's are asked for."""
    query = select(deliveries.c.state, func.count(), func.min(deliveries.c.at)).group_by(deliveries.c.state)
    query = query.where(deliveries.c.state.in_(("failed", "unknown", "deferred")), ~deliveries.c.settled)
    if newest is not None:
        query = query.where((deliveries.c.state != "failed") | (deliveries.c.at >= newest - _LATELY))
    return {state: Stuck(count, since) for state, count, since in connection.execute(query)}


def _groups(connection: Connection) -> dict[str, int]:
    """Count those who are in a group, by its name; reads the whole table, as everybody's are asked for."""
    named = subscriptions.c.status == "confirmed", subscriptions.c.groups != ""
    query = select(subscriptions.c.groups, func.count()).where(*named).group_by(subscriptions.c.groups)
    found = Counter[str]()
    for names, count in connection.execute(query):
        for name in names.split(","):
            found[name] += count
    return dict(found)
