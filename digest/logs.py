"""Structured log lines on stderr, for those who ask for them. May import nothing of `digest`.

structlog takes longer to import than a run with nothing new takes to finish: it is loaded at the first line that
somebody wants to see.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Protocol

LEVELS = ("debug", "info", "warning", "error")

_wanted: str | None = None


class Logger(Protocol):
    """What code says about its work: an event, and facts by name."""

    def debug(self, event: str, /, **facts: Any) -> Any:
        """Tell a step."""

    def info(self, event: str, /, **facts: Any) -> Any:
        """Tell what was done."""

    def warning(self, event: str, /, **facts: Any) -> Any:
        """Tell what a person should know."""


class _Silent:
    """Says nothing."""

    def debug(self, event: str, /, **facts: Any) -> None:
        """Say nothing."""

    info = warning = debug


def configure(level: str | None) -> None:
    """Log from `level` on, as `key=value` to stderr; None or `error`: nothing, for errors are raised, not logged."""
    global _wanted
    _wanted = None if level == "error" else level
    if _wanted is None:
        return
    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, _wanted.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def logger() -> Logger:
    """Return the logger as it is configured now."""
    if _wanted is None:
        return _Silent()
    import structlog

    found: Logger = structlog.get_logger()
    return found
