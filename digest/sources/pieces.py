"""Renderings of a Daily Papers page cut into pieces: which lines are a vote, a title, an abstract, a byline.

Every line that is not blank is in exactly one piece. May import models.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

from digest.models import Organization
from digest.sources import daily_papers as page


class Is(Enum):
    """What a piece is."""

    HEAD = "head"
    VOTE = "vote"
    TITLE = "title"
    TEXT = "text"
    AUTHORS = "authors"
    ORGANIZATION = "organization"
    DOT = "dot"
    DATE = "date"
    COMMENTS = "comments"
    URL = "url"


@dataclass(frozen=True)
class Piece:
    """Some lines of a page, both ends inside, 1-based."""

    first: int
    last: int
    kind: Is
    text: str = ""
    #: where it links to; "" where it does not
    url: str = ""
    organization: Organization | None = None
    #: whether the form marks it as an abstract
    body: bool = False


#: how far a bracket may be from the one that closes it, in lines
_FAR = 400
_LONGEST_URL = 2000
_COUNT = re.compile(r"-|\d[\d,]*")
_COMMENTED = re.compile(r"(.*?)\s*\[\s*(\d+)\s*\](?:\[(\d+)\]|\(([^()\s]+)\))")
_ESCAPED = re.compile(r"\\([\\\[\]_*#`~|>+!{}()-])|\\+(?=\s|$)")
_IMAGE = re.compile(r"!\[([^\[\]]{0,300})\]\((?:[^()\s]|\([^()\s]{0,300}\)){0,2000}\)")
_PICTURE = re.compile(r"\[([^\[\]]+)\]\s*(.*)", re.DOTALL)


# Numbered references

_REF_END = re.compile(r"\]\[(\d+)\]$")
_REF_LIST = re.compile(r"(?:\[(\d+)\]:?|(\d+)\.)\s+<?(https?://[^\s<>]+)>?$")


def cut_references(lines: list[str]) -> list[Piece]:
    """Cut a page whose links are `[text][n]`, perhaps with the list of its references at the end."""
    listed = [match for line in lines if (match := _REF_LIST.match(line.strip()))]
    return _cut(lines, _REF_END, {match[1] or match[2]: match[3] for match in listed})


# Markdown

_URL_END = re.compile(r"\]\(<?(https?://[^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)>?\)$")


def cut_markdown(lines: list[str]) -> list[Piece]:
    """Cut a page whose links are `[text](url)`."""
    return _cut(lines, _URL_END, None)


def _cut(lines: list[str], end: re.Pattern[str], urls: dict[str, str] | None) -> list[Piece]:
    """Cut a page into links, which end in `end`, and lines; `urls` are those of numbered references."""
    closers = _Closers(lines, end)
    found: list[Piece] = []
    index = 0
    while index < len(lines):
        line = lines[index].strip()
        last = index
        if urls is not None and (_REF_LIST.match(line) or line == "References"):
            found.append(Piece(index + 1, index + 1, Is.HEAD))
        elif line.startswith(("[", "### [")) and (closed := closers.of(index)) is not None:
            last, closer = closed
            inner = "\n".join(lines[index : last + 1]).strip().removeprefix("### ")[1 : -len(closer[0])]
            url = closer[1] if urls is None else urls.get(closer[1], "")
            found.append(_linked(index + 1, last + 1, inner, url, line.startswith("###")))
        elif line:
            found.append(_plain(index + 1, line, urls or {}))
        index = last + 1
    return found


class _Closers:
    """Where the links of a page end."""

    def __init__(self, lines: list[str], end: re.Pattern[str]) -> None:
        """Look at every line once."""
        stripped = [line.rstrip() for line in lines]
        ends = ((i, line) for i, line in enumerate(stripped) if line.endswith((")", "]")))
        found = ((i, end.search(line, max(0, len(line) - _LONGEST_URL))) for i, line in ends)
        self._closers = [(i, match) for i, match in found if match is not None]
        self._lines = [i for i, _ in self._closers]
        self._openers = [i for i, line in enumerate(stripped) if line.startswith("#") or line == "["]

    def of(self, start: int) -> tuple[int, re.Match[str]] | None:
        """Return line and text of what closes the link that opens on line `start`: before another opens."""
        closer = bisect_left(self._lines, start)
        opener = bisect_right(self._openers, start)
        limit = self._openers[opener] if opener < len(self._openers) else start + _FAR
        return self._closers[closer] if closer < len(self._lines) and self._lines[closer] < limit else None


def _linked(first: int, last: int, inner: str, url: str, heading: bool) -> Piece:
    """Return the piece that a link is."""
    if heading:
        return Piece(first, last, Is.TITLE, _unescaped(inner), url)
    handle = [alt for alt in _IMAGE.findall(inner) if alt]
    text = _unescaped(_IMAGE.sub("", inner)).strip()
    shown = text.lstrip("*•- ").strip() if len(text) < 400 else text
    authors = page.author_count(shown.split("\n")[-1].strip().lstrip("*•- "))
    if authors is not None:
        return Piece(first, last, Is.AUTHORS, f"{authors} authors", url)
    if _COUNT.fullmatch(text):
        return Piece(first, last, Is.VOTE, text, url)
    if page.is_head(" ".join(text.split())):
        return Piece(first, last, Is.HEAD, text, url)
    pictured = _PICTURE.fullmatch(text) if len(text) < 400 else None
    if handle and text:
        return Piece(first, last, Is.ORGANIZATION, organization=_organization(handle[0], text), url=url)
    if pictured:
        return Piece(first, last, Is.ORGANIZATION, organization=_organization(pictured[1], pictured[2]), url=url)
    return Piece(first, last, Is.TEXT, text, url, body=True)


def _organization(handle: str, name: str) -> Organization:
    return Organization(name=" ".join(name.split()) or handle, handle=" ".join(handle.split()))


def _plain(number: int, line: str, urls: dict[str, str]) -> Piece:
    """Return the piece that a line outside links is: `·`, a date with or without comments, a line of the head."""
    bare = line.lstrip("#*- ").strip() if line != "-" else line
    if line == "·":
        return Piece(number, number, Is.DOT)
    commented = _COMMENTED.fullmatch(line) if len(line) < 400 else None
    if commented and page.written_date(commented[1]):
        url = commented[4] or urls.get(commented[3] or "", "")
        return Piece(number, number, Is.DATE, f"{commented[1]} {commented[2]}", url)
    if page.written_date(line):
        return Piece(number, number, Is.DATE, line)
    if page.author_count(line) is not None:
        return Piece(number, number, Is.AUTHORS, line)
    kind = Is.HEAD if page.is_head(bare) or (line.startswith("#") and "research community" in line) else Is.TEXT
    return Piece(number, number, kind, _unescaped(line))


def _unescaped(text: str) -> str:
    """Undo markdown's escapes; a backslash before white space or a line's end joins, lines become spaces."""
    joined = _ESCAPED.sub(lambda match: match[1] or " ", text.replace("\\\\\n", "\n").replace("\\\n", "\n"))
    paragraphs = (" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", joined))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


# One URL a line

_VOTED = re.compile(r"\[-\]\s*(\d[\d,]*|-)?")
_PAPER = re.compile(r"https?://huggingface\.co/papers/(\d{4}\.\d{4,5})(?:v\d+)?")


def cut_urls(lines: list[str]) -> list[Piece]:
    """Cut a page where every link's URL stands on a line below its text."""
    numbered = [(number, text) for number, line in enumerate(lines, 1) if (text := line.strip())]
    return [_told(numbered, index) for index in range(len(numbered))]


def _told(numbered: list[tuple[int, str]], index: int) -> Piece:
    number, line = numbered[index]
    below = numbered[index + 1][1] if index + 1 < len(numbered) else ""
    voted = _VOTED.fullmatch(line) if len(line) < 20 else None
    if voted:
        return Piece(number, number, Is.VOTE, voted[1] or "-")
    if line.startswith(("https://", "http://")) and " " not in line:
        return Piece(number, number, Is.URL, url=line if len(line) <= _LONGEST_URL else "")
    if line == "[" or line == "·":
        return Piece(number, number, Is.DOT)
    link = _URL_END.search(line) if len(line) < 400 and line.endswith(")") else None
    text = line[: link.start()] if link else line
    if page.author_count(text) is not None:
        return Piece(number, number, Is.AUTHORS, text, link[1] if link else "")
    if page.written_date(line):
        return Piece(number, number, Is.DATE, line)
    if _COUNT.fullmatch(line) and below.endswith("#community"):
        return Piece(number, number, Is.COMMENTS, line, below)
    if page.is_head(line):
        return Piece(number, number, Is.HEAD, line)
    if _is_organization(line, below):
        handle = urlsplit(below).path.strip("/")
        return Piece(number, number, Is.ORGANIZATION, organization=Organization(name=line, handle=handle), url=below)
    return Piece(number, number, Is.TEXT, line, below if _PAPER.fullmatch(below) else "")


def _is_organization(line: str, below: str) -> bool:
    """Say whether a line is the name of an organisation: below it is a page right under the site's root."""
    return len(line) < 200 and re.fullmatch(r"https?://huggingface\.co/[\w.-]+", below) is not None
