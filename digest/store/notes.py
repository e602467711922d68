"""What parts of the program keep from run to run, beside what sources remember. May import the schema."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, delete, insert

from digest.store.schema import memory


def replace(connection: Connection, owner: str, told: Mapping[str, str]) -> None:
    """Keep what is told instead of all that was kept for an owner; by the primary key of memory."""
    connection.execute(delete(memory).where(memory.c.source == owner))
    if told:
        connection.execute(insert(memory), [{"source": owner, "name": name, "value": told[name]} for name in told])
