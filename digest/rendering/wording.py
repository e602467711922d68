"""Two texts word by word: what a revision took away, what it added. Pure; may import nothing of `digest`."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal


@dataclass(frozen=True)
class Piece:
    """A run of words that a revision kept, deleted or inserted."""

    kind: Literal["same", "del", "ins"]
    text: str


def word_diff(before: str, after: str) -> list[Piece]:
    """Return `after` against `before` in runs of words; the kept and inserted ones, joined by spaces, are `after`."""
    old, new = before.split(), after.split()
    pieces: list[Piece] = []
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(Piece("same", " ".join(new[j1:j2])))
            continue
        if i1 < i2:
            pieces.append(Piece("del", " ".join(old[i1:i2])))
        if j1 < j2:
            pieces.append(Piece("ins", " ".join(new[j1:j2])))
    return pieces
