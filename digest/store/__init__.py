"""The catalogue, the change log and the editions in SQLite or PostgreSQL: the only SQL there is.

May import models, protocols, text and the ground; loads SQLAlchemy when a store is opened.
"""

from __future__ import annotations

from digest import clock as clocks
from digest.clock import Clock
from digest.protocols import Store

__all__ = ["open_store"]


def open_store(url_or_path: str, *, clock: Clock | None = None, rehearse: bool = False) -> Store:
    """Open a store, and make or upgrade its schema where needed.

    Args:
        url_or_path: a file of SQLite by path, `sqlite:///...`, `:memory:`, or `postgresql://...`.
        clock: what time it is for the store's own records; leases of locks always run in real time.
        rehearse: everything that is written is undone when the store is closed.

    Raises:
        StoreError: it cannot be opened, or is a backup; the message holds no password.
        StoreVersionError: it was written by a newer release.
    """
    from digest.store.engine import Database, Rehearsal, parse
    from digest.store.revision import ensure, refuse_backup
    from digest.store.store import SqlStore

    database = (Rehearsal if rehearse else Database)(parse(url_or_path))
    try:
        ensure(database, clock or clocks.system())
        refuse_backup(database)
    except BaseException:
        database.close()
        raise
    return SqlStore(database)
