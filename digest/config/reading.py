"""Reads tables into models, and says where a mistake is. May import errors, wishes, settings of sources, pydantic."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from digest.errors import ConfigError
from digest.sources.durations import duration
from digest.wishes import did_you_mean

_SECRET = re.compile(r"(?:env|file):")

_Model = TypeVar("_Model", bound=BaseModel)


class Settings(BaseModel):
    """Base of all tables: frozen, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


#: seconds, written as a number or like `4h`
Duration = Annotated[int, BeforeValidator(duration)]


class TableReader:
    """Checks the tables of one file, and says where a mistake is."""

    def __init__(self, where: str) -> None:
        self._where = where

    def fail(self, key: str, message: str) -> ConfigError:
        """Return the error of a mistake at `key`."""
        return ConfigError(f"{self._where}: {key}: {message}" if key else f"{self._where}: {message}")

    def unknown_keys(self, table: str, data: Mapping[str, Any], known: set[str]) -> None:
        """Refuse keys that mean nothing."""
        for key in data:
            if key not in known:
                name = f"{table}.{key}" if table else key
                near = did_you_mean(str(key), known) or ";"
                raise self.fail(name, f"unknown key{near} allowed here: {', '.join(sorted(known))}")

    def model(self, model: type[_Model], table: str, data: Any) -> _Model:
        """Check one table against its model."""
        if not isinstance(data, Mapping):
            raise self.fail(table, f"expected a table, found {data!r}")
        self.unknown_keys(table, data, {field.alias or name for name, field in model.model_fields.items()})
        try:
            return model.model_validate(dict(data))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in ((table,) if table else ()) + tuple(first["loc"]))
            raise self.fail(key, _explain(model, first)) from error


def _explain(model: type[BaseModel], error: Any) -> str:
    """Say what was found and what is allowed."""
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "missing":
        return "is missing"
    if not error["loc"] or error["loc"][0] in _NEVER_SHOWN:
        return message
    field = model.model_fields.get(str(error["loc"][0]))
    if error["type"] == "literal_error" and field is not None:
        message = f"allowed are {', '.join(map(repr, _allowed(field.annotation)))}"
    if error["type"] == "string_pattern_mismatch":
        message = _PATTERNS.get(str(error["loc"][0]), message)
    return f"found {error['input']!r}: {message}"


def _allowed(annotation: Any) -> list[str]:
    """Return the strings of a Literal, also of one that may be left out."""
    found: list[str] = []
    for one in get_args(annotation):
        found += [one] if isinstance(one, str) else _allowed(one)
    return found


#: keys whose value stands in no message
_NEVER_SHOWN = frozenset({"password", "webhook", "secret"})

_PATTERNS = {
    "allow_hosts": "use names or addresses without scheme and path, like ['intranet.example.org', '127.0.0.1']",
    "contact": "use 'mailto:you@example.org' or a web address",
    "at": "use a time of day like '08:00'",
    "base_url": "use an address like 'https://papers.example.org'",
    "feed_id": "use a tag URI like 'tag:example.org,2026:daily' (RFC 4151)",
    "host": "use the name of a server without scheme and port, like 'smtp.example.org'",
}


def is_secret(value: object) -> bool:
    """Whether a value names where its secret is: `env:NAME` or `file:PATH`."""
    return isinstance(value, str) and _SECRET.match(value) is not None


def secret(value: Any, where: str, environ: Mapping[str, str], root: Path) -> Any:
    """Return what `env:NAME` or `file:PATH` stands for; any other value is itself.

    Raises:
        ConfigError: the variable is not set, the file cannot be read. The secret never stands in the message.
    """
    if not isinstance(value, str):
        return value
    if value.startswith("env:"):
        name = value.removeprefix("env:")
        if not environ.get(name):
            raise ConfigError(f"{where}: the environment variable {name} is not set")
        return environ[name]
    if value.startswith("file:"):
        path = root / value.removeprefix("file:")
        try:
            return path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{where}: {path} cannot be read") from error
    return value
