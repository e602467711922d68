"""The only place that asks what time it is. May import nothing of `digest` but errors."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime

from digest.errors import ConfigError

#: A clock is a function without arguments that returns an aware UTC instant.
Clock = Callable[[], datetime]

#: The documented test setting: an ISO 8601 instant or date at which the clock of the process stands still.
VARIABLE = "DIGEST__CLOCK"

_BOOTTIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 instant; without a zone it is UTC, a bare date is its midnight.

    Raises:
        ValueError: `text` is no ISO 8601 date or instant.
    """
    instant = datetime.fromisoformat(text.strip())
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)


def fixed(instant: datetime) -> Clock:
    """Return a clock that always shows `instant`."""
    return lambda: instant


def system() -> Clock:
    """Return the process's clock: real time, or where `DIGEST__CLOCK` says it stands.

    Raises:
        ConfigError: the variable holds no instant.
    """
    told = os.environ.get(VARIABLE)
    if not told:
        return lambda: datetime.now(UTC)
    try:
        return fixed(parse_instant(told))
    except ValueError as error:
        raise ConfigError(f"{VARIABLE}: {told!r} is no instant; use ISO 8601, like 2026-11-20T08:00:00Z") from error


def elapsed() -> float:
    """Return seconds that count a suspended machine's too, where the system knows them (CLOCK_BOOTTIME)."""
    return time.clock_gettime(_BOOTTIME) if _BOOTTIME is not None else time.monotonic()
