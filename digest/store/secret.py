"""The secret of a store, and the hashes of addresses that are keyed with it. May import the engine and the schema."""

from __future__ import annotations

import hmac
import secrets

from sqlalchemy import Connection, exists, insert, select, update

from digest.store.engine import Database
from digest.store.schema import meta, subscribers, suppressions

_NAME = "secret"


def of(database: Database) -> bytes:
    """Return the secret, and make it where there is none yet."""
    with database.reading() as connection:
        found = _stored(connection)
    if found is None:
        with database.writing() as connection:
            # another process may have been faster
            found = _stored(connection) or _make(connection)
    return bytes.fromhex(found)


def _stored(connection: Connection) -> str | None:
    """Return the secret in hex; by the primary key of meta."""
    return connection.execute(select(meta.c.value).where(meta.c.name == _NAME)).scalar()


def _make(connection: Connection) -> str:
    made = secrets.token_hex(32)
    connection.execute(insert(meta).values(name=_NAME, value=made))
    return made


def settle(connection: Connection, secret: bytes) -> bool:
    """Make a secret the store's; False, and nothing is written, where people are known by another one.

    By the primary key of meta.
    """
    told, found = secret.hex(), _stored(connection)
    if found is None:
        connection.execute(insert(meta).values(name=_NAME, value=told))
    elif found != told:
        if any(connection.execute(select(exists().select_from(one))).scalar() for one in (subscribers, suppressions)):
            return False
        connection.execute(update(meta).where(meta.c.name == _NAME).values(value=told))
    return True


def address_hash(secret: bytes, address: str) -> str:
    """Return what an address is known by, also when it is forgotten (HMAC, RFC 2104); case makes no difference."""
    return hmac.digest(secret, address.casefold().encode("utf-8", "surrogatepass"), "sha256").hex()
