"""Durations as settings write them. May import nothing of `digest`."""

from __future__ import annotations

import re
from typing import Any

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(value: Any) -> Any:
    """Return the seconds that a setting like `20s` or `4h` says; what is no text is itself.

    Raises:
        ValueError: it is a text of another form.
    """
    if isinstance(value, str):
        found = re.fullmatch(r"\s*(\d+)\s*([smhd])\s*", value)
        if not found:
            raise ValueError("use a number with s, m, h or d, like '4h'")
        return int(found.group(1)) * _UNITS[found.group(2)]
    return value
