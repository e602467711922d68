"""Whether the configuration can be used, and means what a person thinks it means.

May import config and below.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from digest import config as configuration
from digest.config import Config
from digest.config.environment import override
from digest.config.reading import is_secret, secret
from digest.doctor.findings import Finding, fail, fine, from_error, warn
from digest.errors import ConfigError
from digest.text import count_noun

AREA = "configuration"


def loaded(path: Path, environ: Mapping[str, str]) -> tuple[Config | None, list[Finding]]:
    """Read the configuration, and say what is wrong with it; None: it cannot be used."""
    found = list(missing_secrets(path, environ))
    try:
        config = configuration.load(path, environ)
    except ConfigError as error:
        # a secret of the store that is missing has been named already
        told = from_error(AREA, error, f"mend that in {path}")
        return None, found if any(one.what == told.what for one in found) else [*found, told]
    if not found:
        sources, newsletters = len(config.sources), len(config.newsletters)
        told = fine(AREA, f"{path}: {count_noun(newsletters, 'newsletter')}, {count_noun(sources, 'source')}")
        found.append(told)
    return config, [*found, *unwanted(config)]


def missing_secrets(path: Path, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield every `env:NAME` and `file:PATH` of the file that leads nowhere; what they hold is never told."""
    try:
        data = override(tomllib.loads(path.read_text(encoding="utf-8")), environ)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ConfigError):
        # Loading says so.
        return
    for key, value in _secrets("", data):
        try:
            secret(value, f"{path}: {key}", environ, path.resolve().parent)
        except ConfigError as error:
            name = value.partition(":")[2]
            how = f"export {name}=..." if value.startswith("env:") else f"write it into {name}, readable for you only"
            yield fail(AREA, str(error), how)


def _secrets(key: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield the keys whose values stand elsewhere, with where that is."""
    if is_secret(value):
        yield key, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _secrets(f"{key}.{name}" if key else name, inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value, 1):
            yield from _secrets(f"{key}[{number}]", inner)


def unwanted(config: Config) -> Iterator[Finding]:
    """Yield what can be loaded, but is hardly meant."""
    if config.base_url is None:
        yield warn(
            AREA,
            "base_url is not set: feeds link to the papers' own pages, mails to no page of yours",
            'say base_url = "https://..." if the folder is served anywhere',
        )
