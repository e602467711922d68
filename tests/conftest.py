"""What all tests share: the data folder, a still hypothesis, an environment without settings of this program."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import postgres

settings.register_profile(
    "digest", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("digest")

#: the checkout (or its copy) that the tests lie in
ROOT = Path(__file__).resolve().parent.parent
#: said once, so that a test run tells everywhere in the same words what it left out
REQUIRED = os.environ.get("DIGEST_TEST_TOOLS") == "required"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out what needs tools beyond Python, unless they are demanded."""
    if not REQUIRED and item.get_closest_marker("tools"):
        pytest.skip("needs tools beyond Python: set DIGEST_TEST_TOOLS=required to run it")


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder of extra real data, or skip the test: nothing but tests of quality depends on it."""
    told = os.environ.get("DIGEST_TEST_DATA")
    if not told or not Path(told).is_dir():
        pytest.skip("needs extra data: set DIGEST_TEST_DATA to its folder")
    return Path(told).resolve()


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the checkout that the tests lie in."""
    return ROOT


@pytest.fixture(scope="session")
def server() -> Iterator[postgres.Server]:
    """Run a PostgreSQL server; without one the test is left out, or fails where tools are demanded."""
    with postgres.server() as running:
        yield running


@pytest.fixture(scope="session")
def seeds(root: Path) -> Path:
    """Return the folder of the bundled dumps."""
    return root / "seeds"


def _settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("DIGEST__")}


@pytest.fixture(autouse=True)
def _no_settings_left() -> Iterator[None]:
    """Fail a test that leaves settings of the program behind for the next one."""
    before = _settings()
    yield
    assert _settings() == before, "this test left DIGEST__ variables in the environment: use monkeypatch.setenv"


def pytest_configure(config: pytest.Config) -> None:
    """Start without the settings that a person has for her own newsletters."""
    for name in _settings():
        del os.environ[name]
