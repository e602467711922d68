"""Which revision of the schema a database has: made, upgraded, or refused. Imports Alembic only to upgrade."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, insert, inspect, select, text

from digest.clock import Clock
from digest.errors import StoreError, StoreVersionError
from digest.store import facts, schema
from digest.store.engine import Database
from digest.store.migrations import HEAD

#: a number for PostgreSQL's advisory lock, under which a schema is made or upgraded
_MAKING = 0x64696765


def ensure(database: Database, clock: Clock) -> None:
    """Bring the database to this program's schema.

    Raises:
        StoreVersionError: it is a newer release's.
        StoreError: it holds something else.
    """
    with database.wrapped():
        with database.engine.connect() as connection:
            found = stored(connection)
        if found != HEAD:
            _bring(database, clock)


def refuse_backup(database: Database) -> None:
    """Refuse to work with a backup as it is: what was mailed after it was taken would be mailed again.

    Raises:
        StoreError: it is one; the message says what makes it a store.
    """
    with database.reading() as connection:
        told = facts.told(connection, facts.BACKUP)
    if told is not None:
        raise StoreError(
            f"{database.place} is a backup, and no program works with it, since what was mailed after it was taken "
            "would be mailed again: `digest store restore FILE` makes it the store"
        )


def stored(connection: Connection) -> str | None:
    """Return the revision of the database; None: it has no store yet."""
    if not inspect(connection).has_table(schema.revision.name):
        return None
    return connection.execute(select(schema.revision.c.version_num)).scalar()


@contextmanager
def writing(database: Database, clock: Clock) -> Iterator[Connection]:
    """Yield a connection in a write transaction on a database that may have no store yet: it is made within it."""
    with database.wrapped(), database.engine.connect() as connection:
        connection.execution_options(digest_writes=True)
        with connection.begin():
            _bring_within(connection, database, clock)
            if not database.sqlite:
                connection.execute(text("LOCK TABLE meta IN EXCLUSIVE MODE"))
            yield connection


def _bring(database: Database, clock: Clock) -> None:
    """Make or upgrade the schema in one transaction, alone; another process may have been faster."""
    with database.engine.connect() as connection:
        connection.execution_options(digest_writes=True)
        with connection.begin():
            _bring_within(connection, database, clock)


def _bring_within(connection: Connection, database: Database, clock: Clock) -> None:
    """Make or upgrade the schema in the transaction that is open."""
    if not database.sqlite:
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_MAKING})"))
    found = stored(connection)
    if found is None:
        _make(connection, database.place, clock)
    elif found > HEAD:
        raise StoreVersionError(
            f"{database.place} is of a newer release (schema {found}, this program knows {HEAD}): "
            "upgrade digest, or restore a backup of before the upgrade"
        )
    elif found < HEAD:
        from digest.store import migrations

        migrations.upgrade(connection)


def _make(connection: Connection, place: str, clock: Clock) -> None:
    others = set(inspect(connection).get_table_names()) & set(schema.metadata.tables)
    if others:
        raise StoreError(
            f"{place} holds tables that are not of digest ({', '.join(sorted(others))}): use a database of its own"
        )
    schema.metadata.create_all(connection)
    connection.execute(insert(schema.revision).values(version_num=HEAD))
    connection.execute(insert(schema.meta).values(name="created", value=clock().isoformat()))
