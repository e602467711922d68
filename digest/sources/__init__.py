"""Where listings come from: the registry of source kinds, and their settings.

A kind is one module with a Settings model and a `build` function, imported when it is first asked for. May import
protocols, models, errors; config reads settings from here, bootstrap opens sources.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, NamedTuple, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from digest.errors import ConfigError
from digest.protocols import Source
from digest.sources.durations import duration

#: Third parties add kinds here; an entry point's name is the kind, its value a `Kind`.
ENTRY_POINTS = "digest.sources"


class SourceSettings(BaseModel):
    """What every `[[sources]]` table of digest.toml may say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: unique among the sources
    name: str
    kind: str
    #: ids of the newsletters it is for; None: all
    newsletters: tuple[str, ...] | None = None
    #: whether it has a batch every working day, for which an edition waits
    daily: bool = False
    #: seconds, written like "30m", between two fetches of a process that stays; None: as is usual for its kind
    every: Annotated[int | None, BeforeValidator(duration), Field(ge=60, le=7 * 86400)] = None


class Kind(NamedTuple):
    """One kind of source: the model of its settings, and what opens it at the folder of digest.toml."""

    settings: type[SourceSettings]
    build: Callable[..., Source]


#: kind -> module that has it as `KIND`
KINDS: dict[str, str] = {
    "arxiv": "digest.sources.arxiv",
    "daily-papers": "digest.sources.daily_papers_api",
    "feed": "digest.sources.feed",
    "folder": "digest.sources.folder",
    "opml": "digest.sources.opml",
}


def settings_for(kind: str) -> type[SourceSettings]:
    """Return the settings model of a kind.

    Raises:
        ConfigError: there is no such kind.
    """
    return _kind(kind).settings


def open_source(settings: SourceSettings, root: Path) -> Source:
    """Open a source.

    Args:
        settings: an instance of `settings_for(settings.kind)`.
        root: the folder of digest.toml; relative paths start there.

    Raises:
        ConfigError: there is no such kind.
    """
    return _kind(settings.kind).build(settings, root)


def kinds() -> tuple[str, ...]:
    """Return the names of all kinds there are, built in and installed."""
    return tuple(sorted({*KINDS, *(point.name for point in entry_points(group=ENTRY_POINTS))}))


def unknown_kind_message(kind: str) -> str:
    """Say that there is no such kind, which there are, and which of them was probably meant."""
    known = kinds()
    listed = ", ".join(f'"{name}"' for name in known)
    near = difflib.get_close_matches(kind.casefold(), known, n=1)
    meant = f'did you mean "{near[0]}"? ' if near else ""
    return f'unknown kind of source "{kind}"; {meant}there are: {listed}'


@cache
def _kind(kind: str) -> Kind:
    if kind in KINDS:
        return cast(Kind, import_module(KINDS[kind]).KIND)
    for point in entry_points(group=ENTRY_POINTS, name=kind):
        return cast(Kind, point.load())
    raise ConfigError(unknown_kind_message(kind))
