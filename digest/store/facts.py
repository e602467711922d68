"""Single facts about a store, by name. May import the schema."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from digest.store.schema import meta

#: when it was tidied last
TIDIED = "tidied"
#: this file is a backup: when it was taken, and of what
BACKUP = "backup"
#: it was a backup: when that was taken, and when it became the store
RESTORED = "restored"


def told(connection: Connection, name: str) -> str | None:
    """Return a fact; by the primary key of meta."""
    return connection.execute(select(meta.c.value).where(meta.c.name == name)).scalar()


def note(connection: Connection, name: str, value: str) -> None:
    """Note a fact; by the primary key of meta."""
    forget(connection, name)
    connection.execute(insert(meta).values(name=name, value=value))


def forget(connection: Connection, name: str) -> None:
    """Note a fact no more; by the primary key of meta."""
    connection.execute(delete(meta).where(meta.c.name == name))
