"""Which revision of the schema a database has: made, upgraded, or refused. Imports Alembic only to upgrade."""

from __future__ import annotations

from sqlalchemy import Connection, insert, inspect, select, text

from digest.clock import Clock
from digest.errors import StoreError, StoreVersionError
from digest.store import schema
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


def stored(connection: Connection) -> str | None:
    """Return the revision of the database; None: it has no store yet."""
    if not inspect(connection).has_table(schema.revision.name):
        return None
    return connection.execute(select(schema.revision.c.version_num)).scalar()


def _bring(database: Database, clock: Clock) -> None:
    """Make or upgrade the schema in one transaction, alone; another process may have been faster."""
    with database.engine.connect() as connection:
        connection.execution_options(digest_writes=True)
        with connection.begin():
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
