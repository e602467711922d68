"""Lays variables like `DIGEST__NEWSLETTERS__DAILY__SHOW=5` over the data of digest.toml. May import errors."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from digest.errors import ConfigError

PREFIX = "DIGEST__"
#: variables with the prefix that are no configuration
_OTHER_VARIABLES = frozenset({"DIGEST__CLOCK"})


def override(data: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """Return `data` with the environment's `DIGEST__A__B=value` laid over it."""
    merged = _copy(data)
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable in _OTHER_VARIABLES:
            continue
        *tables, key = variable.removeprefix(PREFIX).lower().split("__")
        target = merged
        for part in tables:
            target = target.setdefault(_named(target, part), {})
            if not isinstance(target, dict):
                raise ConfigError(f"{variable}: {part!r} is no table of the configuration")
        target[_named(target, key)] = _value(environ[variable])
    return merged


def _named(table: Mapping[str, Any], part: str) -> str:
    """A variable's name has no '-': find the key that it means."""
    return next((key for key in table if key.replace("-", "_").lower() == part), part)


def _value(text: str) -> Any:
    """Read a variable as a TOML value; what is none is a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _copy(data: dict[str, Any]) -> dict[str, Any]:
    return {key: _copy(value) if isinstance(value, dict) else value for key, value in data.items()}
