"""What a reader may wish, as text says it: in digest.toml, in a file of people, on the command line.

Pure; may import models. Each function raises ValueError: what was found, and what is allowed.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import cast, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from digest.models import Cadence, MailFormat

CADENCES: tuple[str, ...] = get_args(Cadence)
FORMATS: tuple[str, ...] = get_args(MailFormat)
#: a name of a group has none of what stands between names
GROUP = re.compile(r"[\w.-]{1,63}")
#: longest name of a person, in characters
_NAME = 200


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` with the nearest of `known`, or "" where none is near."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


@lru_cache(maxsize=1024)
def time_zone(name: str) -> str:
    """Return the name of an IANA time zone if it is one."""
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        near = did_you_mean(name, available_timezones())
        raise ValueError(f"no such time zone{near or ';'} use a name like Europe/Berlin") from error


def cadence(text: str) -> Cadence:
    """Read how often somebody wants mail."""
    if text.lower() not in CADENCES:
        raise ValueError(f"cadence {text!r}: allowed are {', '.join(CADENCES)} (`each` edition, or one mail a week)")
    return cast(Cadence, text.lower())


def mail_format(text: str) -> MailFormat:
    """Read in which form somebody wants mail."""
    if text.lower() not in FORMATS:
        raise ValueError(f"format {text!r}: allowed are {', '.join(FORMATS)}")
    return cast(MailFormat, text.lower())


def hour(text: str) -> int:
    """Read a local hour of the day."""
    if not re.fullmatch(r"[0-9]{1,2}", text) or int(text) > 23:
        raise ValueError(f"hour {text!r}: allowed are 0 to 23")
    return int(text)


def zone(text: str) -> str:
    """Read a time zone."""
    try:
        return time_zone(text)
    except ValueError as error:
        raise ValueError(f"timezone {text!r}: {error}") from error


def group_names(told: Iterable[str], known: Collection[str]) -> tuple[str, ...]:
    """Return names of groups, each once, in their order, if all are configured."""
    names = tuple(dict.fromkeys(told))
    for name in names:
        if name not in known:
            there = f"there are {', '.join(known)}" if known else f"digest.toml has no [groups.{name}] table"
            raise ValueError(f"no group {name!r}{did_you_mean(name, known) or ';'} {there}")
    return names


def person_name(text: str) -> str:
    """Return a person's name in one line."""
    name = " ".join(text.split())
    if not name.isprintable():
        raise ValueError("the name has control characters")
    if len(name) > _NAME:
        raise ValueError(f"the name has {len(name)} characters; {_NAME} are allowed")
    return name
