"""What arXiv writes into the texts of its feeds: announcements, old titles, errors.

Pure; may import models.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast, get_args

from digest.models import Announced

#: `arXiv:2505.01234v2 Announce Type: replace-cross Abstract: ...`, from 2024 on
_ANNOUNCEMENT = re.compile(
    r"\s*arXiv:\s?(\S{5,40})\s+Announce(?:ment)? Type:\s*([A-Za-z]+(?:[- ]cross)?)\s*(?:Abstract:?\s*)?", re.IGNORECASE
)
#: `A Title. (arXiv:2301.01234v2 [cs.LG] UPDATED)`, until 2024
_OLD_TITLE = re.compile(r"\s*\(arXiv:(\S{5,40}) \[([\w.-]+)\]\s*(UPDATED|CROSS LISTED)?\s*\)\s*$")
_LABEL = re.compile(r"\s*abstract\s*[:.—-]\s*", re.IGNORECASE)
_ERROR = re.compile(r"https?://(?:[a-z]+\.)?arxiv\.org/api/errors")


@dataclass(frozen=True)
class Announcement:
    """An abstract without the announcement before it."""

    abstract: str
    announced: Announced | None = None
    named: tuple[str, ...] = ()


@dataclass(frozen=True)
class Named:
    """A title without what stood in brackets behind it."""

    title: str
    named: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    announced: Announced | None = None


def announcement(abstract: str) -> Announcement:
    """Take the announcement off an abstract."""
    found = _ANNOUNCEMENT.match(abstract)
    if found is None:
        return Announcement(_LABEL.sub("", abstract, count=1) if _LABEL.match(abstract) else abstract)
    return Announcement(abstract[found.end() :], announced(found[2]), (f"arXiv:{found[1]}",))


def announced(text: str) -> Announced | None:
    """Read an announce type."""
    kind = "-".join(text.lower().split())
    return cast(Announced, kind) if kind in get_args(Announced) else None


def named_in_title(title: str) -> Named:
    """Take id, category and announcement off an old title."""
    found = _OLD_TITLE.search(title)
    if found is None:
        return Named(title)
    kinds: dict[str | None, Announced] = {"UPDATED": "replace", "CROSS LISTED": "cross", None: "new"}
    bare = title[: found.start()]
    bare = bare[:-1] if bare.endswith(".") and not bare.endswith("..") else bare
    return Named(bare, (f"arXiv:{found[1]}",), (found[2],), kinds[found[3]])


def error_in(items: Sequence[tuple[tuple[str, ...], tuple[str, ...]]]) -> str | None:
    """Return what arXiv's API says is wrong, where the only item (its names, its texts) says that."""
    if len(items) != 1:
        return None
    named, bodies = items[0]
    if any(_ERROR.match(one) for one in named):
        return " ".join("".join(bodies[:1]).split()) or "it gives no reason"
    return None
