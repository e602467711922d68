"""The `[serve]` table. May import what all tables share."""

from __future__ import annotations

import re
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator

from digest.config.reading import Settings

_LISTEN = re.compile(r"(?:(?:\[([0-9a-f:.]+)\]|([\w.-]*)):)?(\d{1,5})", re.IGNORECASE | re.ASCII)
#: this machine alone
_HERE = "127.0.0.1"


class Listen(NamedTuple):
    """Where a server waits for connections."""

    #: a name or an address, without brackets
    host: str
    #: 0: one that is free
    port: int

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def listen(text: str) -> Listen:
    """Read `HOST:PORT`, or a port of this machine alone.

    Raises:
        ValueError: it is neither.
    """
    found = _LISTEN.fullmatch(text.strip())
    if not found or int(found[3]) > 65535:
        raise ValueError("use a port of this machine like 8765, or HOST:PORT like '127.0.0.1:8765' or '[::1]:8765'")
    return Listen(found[1] or found[2] or _HERE, int(found[3]))


def _listen(value: Any) -> Any:
    return value if value is None else listen(str(value))


class ServeSettings(Settings):
    """The `[serve]` table: what `digest serve` alone asks for."""

    #: where /metrics, /health and /ready are; None: nowhere
    listen: Annotated[Listen | None, BeforeValidator(_listen)] = None
