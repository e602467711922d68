"""Structured log lines on stderr, for those who ask for them. May import nothing of `digest`.

A line is `key=value` or JSON: when, how grave, what happened, and facts by name. What stands between `://` and `@` of
an address is left out, for it may be a password.

structlog takes longer to import than a run with nothing new takes to finish: it is loaded at the first line that
somebody wants to see.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Literal, Protocol, get_args

LEVELS = ("debug", "info", "warning", "error")
#: how a line is written
Form = Literal["key-value", "json"]
FORMS: tuple[Form, ...] = get_args(Form)

#: what each line begins with
_FIRST = ("timestamp", "level", "event")
_USER = re.compile(r"(?<=://)[^/?#\s@'\"]+@")

_wanted: str | None = None
_form: Form = "key-value"


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


def configure(level: str | None, form: Form | None = None) -> None:
    """Log to stderr.

    Args:
        level: from which on; None or `error`: nothing, for errors are raised, not logged.
        form: of a line; None: as before.
    """
    global _wanted, _form
    _wanted, _form = None if level == "error" else level, form or _form
    if _wanted is None:
        return
    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _in_order,
            structlog.processors.JSONRenderer() if _form == "json" else structlog.processors.KeyValueRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, _wanted.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _in_order(_logger: object, _method: str, facts: MutableMapping[str, Any]) -> dict[str, Any]:
    """Return what a line says, the same for all lines first, and no user of an address."""
    told = {name: facts[name] for name in _FIRST} | dict(facts)
    return {name: _USER.sub("…@", value) if isinstance(value, str) else value for name, value in told.items()}


def logger() -> Logger:
    """Return the logger as it is configured now."""
    if _wanted is None:
        return _Silent()
    import structlog

    found: Logger = structlog.get_logger()
    return found
