"""Every contract runs on both databases: `url` is a store without rows, `store` is open on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from digest.protocols import Store
from digest.store import open_store
from digest.store.schema import metadata
from digest.testing import FrozenClock
from tests import postgres

_KEPT = ("schema_revision", "meta")
_EMPTY = "TRUNCATE {} RESTART IDENTITY CASCADE".format(", ".join(sorted({*metadata.tables} - {*_KEPT})))


@pytest.fixture(scope="session")
def shared(server: postgres.Server) -> str:
    """Give the URL of a PostgreSQL store that tests empty for themselves: making one takes half a second."""
    url = server.create("shared")
    open_store(url).close()
    return url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tools)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "digest.db")
    found: str = request.getfixturevalue("shared")
    with psycopg.connect(found) as connection:
        connection.execute(_EMPTY)
    return found


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tools)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give a database without any table."""
    if request.param == "sqlite":
        yield str(tmp_path / "digest.db")
        return
    server: postgres.Server = request.getfixturevalue("server")
    yield server.create("empty")
    server.drop("empty")


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url, clock=FrozenClock())
    yield opened
    opened.close()
