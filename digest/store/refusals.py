"""What a database refuses, in words that say what to do; passwords never appear. May import errors and SQLAlchemy."""

from __future__ import annotations

import re

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from digest.errors import StoreError

FORMS = "use a path like digest.db, or postgresql://user:password@host/database"

#: what the driver says -> what a person can do
_ADVICE = (
    (r"disk is full|no space left|disk full", "free some space on that disk, then run again: nothing was written"),
    (r"not a database|malformed|database disk image", "the file is damaged or something else; restore a backup"),
    (r"readonly database|attempt to write a readonly", "make the file and its folder writable for this user"),
    (r"unable to open database file", "the folder must exist and be writable for this user"),
    (r"database is locked|lock timeout", "another program writes to it for too long; end that one, then run again"),
    (r"password authentication failed|no password supplied|no pg_hba", "check user and password of the store's URL"),
    (r'database ".*" does not exist', "create it first, e.g. with createdb"),
    (r"permission denied", "grant this user the rights on the database and its schema"),
    (
        r"connection refused|could not connect|connection failed|resolve host|name or service|server closed|"
        r"terminating connection|timed? ?out",
        "check that the server runs, and host and port of the store's URL",
    ),
    (r"no such table|no such column|undefined ?table|relation .* does not exist", "the store is not whole; restore it"),
)


def place(url: URL) -> str:
    """Return the database's name for people: without password and options."""
    if url.get_backend_name() == "sqlite":
        return f"store {url.database}"
    return f"store {url.set(password=None, query={}).render_as_string()}"


def hidden(url: str) -> str:
    """Return the text of a URL that cannot be parsed, without what may be its password."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://***@{rest.rpartition('@')[2].partition('?')[0]}" if "@" in rest else f"{scheme}://***"


def explain(error: Exception, where: str) -> StoreError:
    """Return the StoreError for what a driver raised, wrapped by SQLAlchemy or not."""
    said = str(error.orig if isinstance(error, DBAPIError) and error.orig else error).strip()
    said = said.splitlines()[0] if said else type(error).__name__
    for pattern, advice in _ADVICE:
        if re.search(pattern, said, re.IGNORECASE):
            return StoreError(f"{where}: {said}: {advice}")
    return StoreError(f"{where}: {said}")
