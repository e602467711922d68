"""Names of authors, however a feed writes them: one each, many in one string, `Smith, J.` too.

May import the reader of HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from digest.sources import feed_html

#: longer author strings are no names
_LONGEST = 60_000
_INITIALS = re.compile(r"(?:[^\W\d_]\.?[ -]?){1,4}(?:,? (?:Jr|Sr|I{1,3}|IV)\.?)?")
_SUFFIX = re.compile(r"(?:Jr|Sr|I{2,3}|IV|Ph\.?D|M\.?D|MD)\.?", re.IGNORECASE)
_EMAIL = re.compile(r"\s*[<(]?[\w.+-]+@[\w.-]+\.\w+[>)]?\s*")
_ET_AL = re.compile(r"[,;]?\s*(?:et al\.?|and others|…|\.\.\.)\s*$", re.IGNORECASE)
_AND = re.compile(r",?\s+(?:and|&)\s+")
_BRACKETS = re.compile(r"\s*\([^()]*\)")
_PARTICLES = frozenset("van von de del della der den di da dos du la le al el bin ibn ter ten st".split())


def names(given: Iterable[str], *, inverted: bool = True) -> tuple[str, ...]:
    """Return the names in strings of one or many names, in order, each once.

    Args:
        given: one string for each author, or one for all, parted by `;`, by `,` or by `and`; with or without HTML.
        inverted: whether `Smith, John` may be one name; in one string of all names it is two.
    """
    found: list[str] = []
    for one in given:
        text = _EMAIL.sub(" ", feed_html.line(one[:_LONGEST]))
        found += _split(_ET_AL.sub("", text).strip(), inverted)
    tidy = (" ".join(name.split()).strip(" ,;") for name in found)
    return tuple(dict.fromkeys(name for name in tidy if _is_name(name)))


def _split(text: str, inverted: bool) -> list[str]:
    if ";" in text:
        return [
            part
            for piece in text.split(";")
            for part in (_split(piece.strip(), True) if piece.count(",") > 1 else [piece])
        ]
    if "|" in text:
        return text.split("|")
    bare = _outside_brackets(text)
    parts = [part for piece in bare for part in _AND.split(piece)]
    return _paired(parts, len(bare), inverted) or _with_suffixes(parts)


def _outside_brackets(text: str) -> list[str]:
    """Split at commas, but not at those in brackets, where affiliations stand."""
    return _BRACKETS.sub("", text).split(",") if "(" in text else text.split(",")


def _paired(parts: list[str], commas: int, inverted: bool) -> list[str] | None:
    """Join `Smith`, `J.`, `Doe`, `K.` to two names; None where the parts are whole names."""
    parts = [part.strip() for part in parts if part.strip()]
    if len(parts) < 2 or len(parts) % 2 or commas < 2:
        return None
    pairs = list(zip(parts[::2], parts[1::2], strict=True))
    if all(_INITIALS.fullmatch(second) for _, second in pairs):
        return [f"{first}, {second}" for first, second in pairs]
    if inverted and len(pairs) == 1 and _surname(pairs[0][0]) and not _SUFFIX.fullmatch(pairs[0][1]):
        return [f"{pairs[0][0]}, {pairs[0][1]}"]
    return None


def _surname(text: str) -> bool:
    """Whether a text is a family name alone: one word, or one behind particles."""
    *before, _ = text.split()
    return all(word.casefold() in _PARTICLES for word in before)


def _with_suffixes(parts: list[str]) -> list[str]:
    """Give `Jr.` and `III` back to the name before."""
    found: list[str] = []
    for part in parts:
        if found and _SUFFIX.fullmatch(part.strip()):
            found[-1] += f", {part.strip()}"
        else:
            found.append(part)
    return found


def _is_name(name: str) -> bool:
    return 1 < len(name) <= 200 and any(char.isalpha() for char in name) and "://" not in name
