"""digest.toml and the environment -> Config. May import sources (for their settings), models and the ground.

No stage imports this module: `bootstrap` hands each the values it needs.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from digest.errors import ConfigError
from digest.links import RESERVED
from digest.models import Interests, Newsletter
from digest.sources import SourceSettings, settings_for

FILE = "digest.toml"
PREFIX = "DIGEST__"
#: variables with the prefix that are no configuration
_OTHER_VARIABLES = frozenset({"DIGEST__CLOCK"})
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_NEWSLETTER_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def _duration(value: Any) -> Any:
    if isinstance(value, str):
        found = re.fullmatch(r"\s*(\d+)\s*([smhd])\s*", value)
        if not found:
            raise ValueError("use a number with s, m, h or d, like '4h'")
        return int(found.group(1)) * _UNITS[found.group(2)]
    return value


def _days(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    days: set[int] = set()
    for part in value.lower().replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        if first not in _DAYS or (dash and last not in _DAYS):
            raise ValueError(f"'{part}' is no day; use mon, tue, wed, thu, fri, sat, sun, like 'mon-fri' or 'mon,thu'")
        start, stop = _DAYS.index(first), _DAYS.index(last or first)
        days.update(1 + (start + step) % 7 for step in range((stop - start) % 7 + 1))
    return frozenset(days)


_Model = TypeVar("_Model", bound=BaseModel)


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NewsletterSettings(_Settings):
    """One `[newsletters.ID]` table."""

    title: str | None = None
    timezone: str = "UTC"
    at: Annotated[str | None, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = None
    wait: Annotated[int, BeforeValidator(_duration), Field(ge=0)] = 0
    days: Annotated[frozenset[int], BeforeValidator(_days)] = frozenset(range(1, 8))
    show: Annotated[int, Field(ge=1, le=1000)] = 25
    headings: str = "auto"
    language: str = "en"
    feed_id: Annotated[str | None, Field(pattern=r"^tag:[^\s]+,\d{4}(-\d\d){0,2}:[^\s]+$")] = None
    public_reasons: bool = False

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            return ZoneInfo(name).key
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            nearest = _nearest(name, available_timezones())
            raise ValueError(f"no such time zone{nearest or ';'} use a name like Europe/Berlin") from error


class Config(_Settings):
    """All of digest.toml, checked."""

    #: folder of the file; relative paths start here
    root: Path
    store: str = "digest.db"
    output: str = "public"
    base_url: Annotated[str | None, Field(pattern=r"^https?://[^\s/]+[^\s]*$")] = None
    #: a folder whose templates replace the shipped ones
    templates: str | None = None
    #: who asks: the owners of servers see it in the User-Agent
    contact: Annotated[str | None, Field(pattern=r"^(mailto:[!-'*-~]+@[!-'*-~]+|https?://[!-'*-~]+)$")] = None
    #: hosts of this machine or its network that sources may ask; others there are refused
    allow_hosts: tuple[Annotated[str, Field(pattern=r"^[^\s/@]+$")], ...] = ()
    newsletters: tuple[Newsletter, ...]
    sources: tuple[SourceSettings, ...]
    interests: Interests = Interests()

    def path(self, relative: str) -> Path:
        """Return a path of the configuration, seen from the folder of digest.toml."""
        return (self.root / relative).resolve()


def load(path: Path, environ: Mapping[str, str] | None = None) -> Config:
    """Read and check a configuration file, with the overrides of the environment.

    Args:
        path: the TOML file; its folder is the root of relative paths.
        environ: variables like `DIGEST__NEWSLETTERS__DAILY__SHOW=5` override; default: the process's.

    Raises:
        ConfigError: the message names file and key, what was found, what is allowed, the nearest known name.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file; `digest init --source folder:PATH` writes one") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    return parse(data, root=path.resolve().parent, where=str(path), environ=os.environ if environ is None else environ)


def parse(data: dict[str, Any], *, root: Path, where: str, environ: Mapping[str, str]) -> Config:
    """Check the data of a configuration file; arguments and errors as in `load`."""
    data = _override(data, environ)
    reader = _Reader(where)
    plain_keys = ("store", "output", "base_url", "templates", "contact", "allow_hosts")
    known = {*plain_keys, "newsletters", "sources", "interests"}
    reader.unknown_keys("", data, known)
    sources = reader.sources(data.get("sources", []))
    newsletters = reader.newsletters(data.get("newsletters", {}), sources)
    plain = {key: data[key] for key in plain_keys if key in data}
    if "store" in plain:
        plain["store"] = secret(plain["store"], f"{where}: store", environ, root)
    interests = reader.model(Interests, "interests", data.get("interests", {}))
    values = {"newsletters": newsletters, "sources": sources, "interests": interests}
    return reader.model(Config, "", {"root": root, **values, **plain})


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


class _Reader:
    """Reads the tables of one file, and says where a mistake is."""

    def __init__(self, where: str) -> None:
        self._where = where

    def fail(self, key: str, message: str) -> ConfigError:
        return ConfigError(f"{self._where}: {key}: {message}" if key else f"{self._where}: {message}")

    def unknown_keys(self, table: str, data: Mapping[str, Any], known: set[str]) -> None:
        for key in data:
            if key not in known:
                name = f"{table}.{key}" if table else key
                nearest = _nearest(key, known) or ";"
                raise self.fail(name, f"unknown key{nearest} allowed here: {', '.join(sorted(known))}")

    def model(self, model: type[_Model], table: str, data: Any) -> _Model:
        """Check one table against its model."""
        if not isinstance(data, Mapping):
            raise self.fail(table, f"expected a table, found {data!r}")
        self.unknown_keys(table, data, set(model.model_fields))
        try:
            return model.model_validate(dict(data))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in ((table,) if table else ()) + tuple(first["loc"]))
            raise self.fail(key, _explain(model, first)) from error

    def sources(self, data: Any) -> tuple[SourceSettings, ...]:
        """Check the `[[sources]]` tables."""
        if not isinstance(data, list):
            raise self.fail("sources", "write each source as a [[sources]] table")
        if not data:
            raise self.fail("sources", "there is none; add a [[sources]] table with kind and, for a folder, path")
        sources: list[SourceSettings] = []
        for number, table in enumerate(data, 1):
            where = f"sources[{number}]"
            kind = table.get("kind") if isinstance(table, Mapping) else None
            if not isinstance(kind, str):
                raise self.fail(f"{where}.kind", 'is missing; it says how the source is read, like kind = "folder"')
            try:
                model = settings_for(kind)
            except ConfigError as error:
                raise self.fail(f"{where}.kind", str(error)) from error
            source = self.model(model, where, {"name": kind, **table})
            if any(source.name == other.name for other in sources):
                raise self.fail(f"{where}.name", f"{source.name!r} is the name of another source; give each its own")
            if source.name == "replay":
                raise self.fail(f"{where}.name", "'replay' is reserved for dumps that belong to no source")
            sources.append(source)
        return tuple(sources)

    def newsletters(self, data: Any, sources: Sequence[SourceSettings]) -> tuple[Newsletter, ...]:
        """Check the `[newsletters.ID]` tables."""
        if not isinstance(data, Mapping) or not data:
            raise self.fail("newsletters", "there is none; add a [newsletters.daily] table, which may be empty")
        newsletters = []
        for id, table in data.items():
            where = f"newsletters.{id}"
            if not _NEWSLETTER_ID.fullmatch(id):
                raise self.fail(where, "an id has small letters, digits and '-' only: it is a folder and an address")
            if id in RESERVED:
                raise self.fail(where, f"{id!r} is reserved; reserved are {', '.join(sorted(RESERVED))}")
            settings = self.model(NewsletterSettings, where, table)
            covered = tuple(source.name for source in sources if source.newsletters is None or id in source.newsletters)
            if not covered:
                raise self.fail(where, "covers no source: each [[sources]] table names other newsletters")
            values = {"title": id.replace("-", " ").title(), **settings.model_dump(exclude_none=True)}
            newsletters.append(Newsletter(id=id, sources=covered if len(covered) < len(sources) else None, **values))
        for source in sources:
            for name in source.newsletters or ():
                if name not in data:
                    raise self.fail(
                        f"source {source.name!r}: newsletters",
                        f"no newsletter {name!r}{_nearest(name, data)}; there are {', '.join(data)}",
                    )
        return tuple(newsletters)


def _explain(model: type[BaseModel], error: Any) -> str:
    """Say what was found and what is allowed."""
    found = f"found {error['input']!r}" if error["type"] != "missing" else "is missing"
    message = str(error["msg"]).removeprefix("Value error, ")
    field = model.model_fields.get(str(error["loc"][0])) if error["loc"] else None
    if error["type"] == "literal_error" and field is not None:
        message = f"allowed are {', '.join(map(repr, get_args(field.annotation)))}"
    if error["type"] == "string_pattern_mismatch":
        message = _PATTERNS.get(str(error["loc"][0]), message)
    return f"{found}: {message}" if error["type"] != "missing" else found


_PATTERNS = {
    "allow_hosts": "use names or addresses without scheme and path, like ['intranet.example.org', '127.0.0.1']",
    "contact": "use 'mailto:you@example.org' or a web address",
    "at": "use a time of day like '08:00'",
    "base_url": "use an address like 'https://papers.example.org'",
    "feed_id": "use a tag URI like 'tag:example.org,2026:daily' (RFC 4151)",
}


def _nearest(name: str, known: Any) -> str:
    close = difflib.get_close_matches(str(name), [str(one) for one in known], n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def _override(data: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
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
