"""A backup becomes the store.

What happened after it was taken is not known in it: editions that came out, mails that went. So nothing of it is mailed
again unless somebody says so: what waited then counts as `unknown`, newsletters with readers are paused, and the store
says what it is. What was the store stays beside it. May import backup, copying and the engine.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from sqlalchemy import Connection, select, update

from digest import clock as clocks
from digest.errors import StoreError
from digest.models import OPEN_STATES
from digest.protocols import Progress
from digest.store import backup, copying, editions, facts, lock, log, revision, schema, senders, told
from digest.store.engine import Database, parse
from digest.store.schema import deliveries, newsletters, subscriptions
from digest.store.values import PORTION

_NOTE = "restored from a backup: whether it was submitted since is not known"


@dataclass(frozen=True)
class Restored:
    """A backup that is the store now."""

    #: when the backup was taken, where it says so
    taken: datetime | None
    #: number of the newest edition by newsletter
    editions: Mapping[str, int]
    #: deliveries that were open in the backup, and are `unknown` now
    unknown: int
    #: newsletters whose mail waits for somebody to look
    paused: tuple[str, ...]
    #: where that is which was the store
    replaced: str | None = None


def restore(
    file: Path,
    address: str,
    now: datetime,
    *,
    beside: Path,
    force: bool = False,
    resend: bool = False,
    timeout: float = 60,
    progress: Progress | None = None,
) -> Restored:
    """Make a backup the store.

    Args:
        file: the backup.
        address: the store, by path or URL.
        now: the instant noted.
        beside: the folder where that goes which is replaced, of PostgreSQL; SQLite's stays where it is.
        force: replace also a store that holds more.
        resend: what waited when the backup was taken is mailed, and no newsletter is paused.
        timeout: seconds to wait for a run to end.
        progress: shows it to a person.

    Raises:
        StoreError: the file is no backup or damaged, a sender is at work, the store holds more and nothing forces it.
    """
    url = parse(address)
    path = Path(url.database or "").absolute() if url.get_backend_name() == "sqlite" else None
    if path is not None and path.exists() and file.exists() and path.samefile(file):
        raise StoreError(f"{file} is where the store is to be: move it elsewhere, then restore it from there")
    note = _told(file)
    with _prepared(file, path.parent if path else Path(tempfile.gettempdir())) as partial:
        done = _adjust(partial, note, now, resend=resend)
        stamp = _free_name(path.parent if path else beside, now)
        with ExitStack() as stack:
            target = _openable(stack, address, now)
            if target is None and path is not None:
                return replace(done, replaced=_put(partial, path, stamp))
            assert target is not None, "PostgreSQL is open, or has said why not"
            stack.enter_context(lock.hold(target, "store restore", timeout))
            _refuse_loss(target, partial, force=force)
            kept = (path.parent if path else beside) / stamp
            backup.make(target, kept, now)
            _overwrite(partial, target, now, progress)
    return replace(done, replaced=str(kept))


def _told(file: Path) -> Mapping[str, str]:
    """Return what a backup says of itself; a copy made by hand says nothing."""
    if not file.is_file():
        raise StoreError(f"{file}: no such file")
    return backup.taken(file) or {}


@contextmanager
def _prepared(file: Path, folder: Path) -> Iterator[Path]:
    """Yield a copy of the file that can be written to, whole and of the present schema; it is gone after the block."""
    partial = folder / f".restore-{secrets.token_hex(4)}.part"
    try:
        partial.touch(0o600, exist_ok=False)
        with (
            closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(partial)) as target,
        ):
            source.backup(target)
            said = target.execute("PRAGMA quick_check").fetchall()
            named = target.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (schema.revision.name,)).fetchone()
        if said != [("ok",)]:
            raise StoreError(f"{file} is damaged ({said[0][0]}): restore another backup")
        if named is None:
            raise StoreError(f"{file} holds no store")
        yield partial
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{file}: {error}: nothing was restored") from error
    finally:
        for ending in ("", "-wal", "-shm", "-journal"):
            Path(f"{partial}{ending}").unlink(missing_ok=True)


@contextmanager
def _opened(address: str, now: datetime) -> Iterator[Database]:
    """Open a store of any earlier schema, also a backup, and bring it to the present one."""
    database = Database(parse(address))
    try:
        revision.ensure(database, clocks.fixed(now))
        yield database
    finally:
        database.close()


def _openable(stack: ExitStack, address: str, now: datetime) -> Database | None:
    """Open what is the store now; None: there is no file, or it is damaged."""
    url = parse(address)
    if url.get_backend_name() != "sqlite":
        return stack.enter_context(_opened(address, now))
    path = Path(url.database or "")
    return None if not path.exists() or _is_damaged(path) else stack.enter_context(_opened(address, now))


def _is_damaged(path: Path) -> bool:
    """Whether a file is no database, or a broken one: then nobody can say what it holds."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute("PRAGMA quick_check(1)").fetchall() != [("ok",)]
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorname", None) in ("SQLITE_NOTADB", "SQLITE_CORRUPT"):
            return True
        raise StoreError(f"store {path}: {error}") from error


def _adjust(partial: Path, note: Mapping[str, str], now: datetime, *, resend: bool) -> Restored:
    """Let the copy know what it is: no process of that time lives, and what was open may have gone out since."""
    taken = note.get("taken")
    with _opened(str(partial), now) as database, database.writing() as connection:
        # what the output folder held then, it need not hold now
        for table in (schema.run_lock, schema.senders, schema.leases, schema.outputs):
            connection.execute(table.delete())
        facts.forget(connection, facts.BACKUP)
        facts.note(connection, facts.RESTORED, json.dumps({"at": now.isoformat(), "taken": taken}))
        unknown = 0 if resend else _give_up(connection, now)
        paused = () if resend else _pause(connection)
        known = {one.id: one.last.number for one in editions.every_newsletter(connection) if one.last}
    with closing(sqlite3.connect(partial, isolation_level=None)) as one_file:
        one_file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        one_file.execute("PRAGMA journal_mode = DELETE")
    at = datetime.fromisoformat(taken).astimezone(UTC) if taken else None
    return Restored(taken=at, editions=known, unknown=unknown, paused=paused)


def _give_up(connection: Connection, now: datetime) -> int:
    """Make every open delivery unknown, and move its mark; by the partial index of open deliveries."""
    given = 0
    while ids := _open(connection):
        left = {"state": "unknown", "token": None, "at": now, "note": _NOTE}
        connection.execute(update(deliveries).where(deliveries.c.id.in_(ids)).values(**left))
        senders.move_marks(connection, ids)
        given += len(ids)
    return given


def _open(connection: Connection) -> list[int]:
    """Return some open deliveries; by the partial index of them."""
    query = select(deliveries.c.id).where(deliveries.c.state.in_(OPEN_STATES)).limit(PORTION)
    return list(connection.execute(query).scalars())


def _pause(connection: Connection) -> tuple[str, ...]:
    """Pause the newsletters that somebody reads; return which; by the unique index on (newsletter, subscriber)."""
    read = select(subscriptions.c.newsletter).where(subscriptions.c.status == "confirmed")
    statement = update(newsletters).where(newsletters.c.id.in_(read)).values(paused=True)
    return tuple(sorted(connection.execute(statement.returning(newsletters.c.id)).scalars()))


def _refuse_loss(target: Database, partial: Path, *, force: bool) -> None:
    """Refuse to replace a store that a sender works with, or that knows more than the backup.

    Raises:
        StoreError: it is so; the message says what each of them holds.
    """
    source = Database(parse(str(partial)))
    try:
        with target.reading() as ours, source.reading() as theirs:
            copying.refuse_senders(ours, target.place)
            held, had = _known(ours), _known(theirs)
    finally:
        source.close()
    more = [name for name, number in held.items() if number > had.get(name, 0)]
    if more and not force:
        said = ", ".join(f"{name} {held[name]:,} against {had.get(name, 0):,}" for name in more)
        raise StoreError(
            f"{target.place} holds more than the backup ({said}): --force replaces it all the same, and keeps it beside"
        )


def _known(connection: Connection) -> dict[str, int]:
    """Return how far a store has come."""
    known = {f"No. of {one.id}": one.last.number for one in editions.every_newsletter(connection) if one.last}
    # what is unknown in the copy was made so just now
    counts = told.counts(connection, None, None)
    return {**known, "changes": log.end(connection), "messages taken or refused": counts.submitted + counts.failed}


def _free_name(folder: Path, now: datetime) -> str:
    """Return a name for what is replaced; `prune` never removes it, and none is taken twice."""
    stem = backup.name(now).removeprefix("digest-").removesuffix(".db")
    tries = (f"replaced-{stem}{f'-{number}' if number else ''}.db" for number in count())
    return next(one for one in tries if not (folder / one).exists())


def _put(partial: Path, path: Path, stamp: str) -> str | None:
    """Give the copy the store's name; what has it, and is damaged, gets another one, with its log."""
    moved = None
    for ending in ("", "-wal", "-shm", "-journal"):
        old = Path(f"{path}{ending}")
        if old.exists():
            moved = moved or str(path.with_name(stamp))
            old.rename(path.with_name(f"{stamp}{ending}"))
    backup.to_disk(partial)
    partial.rename(path)
    backup.to_disk(path.parent)
    return moved


def _overwrite(partial: Path, target: Database, now: datetime, progress: Progress | None) -> None:
    """Write the copy over what the store holds, in one transaction: other processes see the one or the other."""
    if target.sqlite:
        with target.wrapped(), target.engine.connect() as connection, closing(sqlite3.connect(partial)) as source:
            source.backup(connection.connection.dbapi_connection)  # type: ignore[arg-type]
        return
    source_store = Database(parse(str(partial)))
    try:
        with source_store.reading() as reader, revision.writing(target, clocks.fixed(now)) as writer:
            copying.empty(writer)
            copying.copy_rows(reader, writer, progress)
    finally:
        source_store.close()
