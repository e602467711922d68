"""The store's log lines, with structlog loaded at the first one. May import structlog."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger


def logger() -> FilteringBoundLogger:
    """Return the logger as it is configured now."""
    import structlog

    return cast("FilteringBoundLogger", structlog.get_logger("digest.store"))
