"""What output folders hold. May import the schema."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from digest.store.schema import outputs


def state(connection: Connection, folder: str) -> bytes | None:
    """Return what was kept for a folder; by the primary key."""
    return connection.execute(select(outputs.c.state).where(outputs.c.folder == folder)).scalar()


def keep_state(connection: Connection, folder: str, state: bytes) -> None:
    """Remember what a folder holds; by the primary key."""
    found = connection.execute(update(outputs).where(outputs.c.folder == folder).values(state=state))
    if not found.rowcount:
        connection.execute(insert(outputs).values(folder=folder, state=state))
