"""What a check tells: how it is, and what to do about it. Pure; may import errors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from digest.errors import DigestError

Level = Literal["ok", "warn", "fail"]

#: where a message goes over from what is wrong to what to do: `...: advice`, `...; advice`, `.... Advice`
_TURN = re.compile(r"; |\. (?=[A-Z])")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    #: what it is about, like `store`; one word
    area: str
    level: Level
    #: a sentence, without its full stop
    what: str
    #: what to do about it, in words; None: nothing
    remedy: str | None = None
    #: lines for who asked about this one thing
    details: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as a value of JSON; details only where there are some."""
        told: dict[str, Any] = {"area": self.area, "level": self.level, "what": self.what, "remedy": self.remedy}
        return {**told, "details": list(self.details)} if self.details else told


def fine(area: str, what: str, *, details: tuple[str, ...] = ()) -> Finding:
    """Return that something is as it should be."""
    return Finding(area, "ok", what, None, details)


def warn(area: str, what: str, remedy: str, *, details: tuple[str, ...] = ()) -> Finding:
    """Return that something works, but not as a person may think."""
    return Finding(area, "warn", what, remedy, details)


def fail(area: str, what: str, remedy: str, *, details: tuple[str, ...] = ()) -> Finding:
    """Return that something does not work."""
    return Finding(area, "fail", what, remedy, details)


def from_error(area: str, error: DigestError, otherwise: str, *, level: Level = "fail") -> Finding:
    """Return what an error says, parted into what is wrong and what to do.

    Args:
        area: what it is about.
        error: its message says both, for people.
        otherwise: what to do where the message says nothing of it.
        level: how bad it is.
    """
    what, remedy = parted(str(error))
    return Finding(area, level, what, remedy or otherwise)


def parted(message: str) -> tuple[str, str | None]:
    """Return what a message says is wrong, and what to do; None where it does not say."""
    turn = _TURN.search(message)
    if turn is None:
        return message.rstrip("."), None
    return message[: turn.start()], message[turn.end() :].rstrip(".") or None
