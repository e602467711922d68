"""A message with slots: encoded once, filled per reader. Pure; may import links, models, headers, mime and errors.

    compile: bodies with markers -> [bytes, slot, bytes, slot, ...]     once per edition and kind of reader
    fill:    the reader's values -> encoded, joined with the rest       once per reader

A slot in a body is encoded by itself: what is before it ends with a soft line break (RFC 2045, 6.7), what is after it
begins on a line of its own, so that the two are put together without being looked at.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from digest.errors import RenderError
from digest.models import Edition
from digest.rendering.headers import From, To, join_headers, reader_headers
from digest.rendering.mime import PLAIN, ended, frame, quoted_line, shared_head, soft_broken

#: what may stand in the last line of a slot: a soft break may have to follow
_LAST = 75
#: columns of plain text, as `wrap` of the templates has them
_WIDTH = 72
_NBSP = "\u00a0"
_QUOTATION = re.compile("“[^“”]{1,200}”")


class Reader(NamedTuple):
    """What a message says of its reader."""

    to: To
    #: who gets it, why, and how to leave
    sentence: str
    #: by which she leaves; "" where the bodies have no such link
    link: str


@dataclass(frozen=True)
class Markers:
    """What stands in a mail's bodies where a reader's values will be; each a word of letters and digits."""

    sentence: str
    link: str


def make_markers(*content: str) -> Markers:
    """Return markers that the content does not hold, nor can be made to hold: they are its own hash."""
    seed = hashlib.sha256()
    for one in content:
        seed.update(b"%d\n" % len(one) + one.encode("utf-8", "replace"))
    name = seed.hexdigest()[:32]
    return Markers(f"sentence{name}", f"link{name}")


@dataclass(frozen=True)
class Form:
    """A message but for its reader."""

    #: encoded: long pieces that all readers share; between them what is filled in, with `%b` and a number for each slot
    _parts: tuple[bytes | tuple[bytes, tuple[int, ...]], ...]

    def fill(self, reader: Reader) -> tuple[bytes, ...]:
        """Return the message of a reader (RFC 5322): lines end in CRLF and have at most 998 bytes, headers are ASCII.

        In pieces: what is long and stands between two slots is the same object in the messages of all readers.

        Raises:
            RenderError: her address is not one plain address, or a header cannot hold a link.
        """
        values = (
            join_headers(reader_headers(reader.to)).encode("ascii"),
            b"\r\n".join([_slot(line) for line in wrapped(reader.sentence)]),
            _slot(reader.link),
            _html(reader.sentence),
            _html(reader.link),
        )
        return tuple(
            [
                part if isinstance(part, bytes) else part[0] % tuple([values[slot] for slot in part[1]])
                for part in self._parts
            ]
        )


#: bytes from which on a piece that all readers share is not copied for each
_LONG = 4096
#: places among a reader's values: her headers; sentence and link as text; both as HTML
_HEADERS, _TEXT, _HTML = 0, 1, 3


def compile_message(
    text: str, html: str | None, markers: Markers, edition: Edition, *, subject: str, sender: From
) -> Form:
    """Return the form of a message whose bodies hold markers.

    Args:
        text: the plain text.
        html: None: the message is plain text alone.
        markers: what stands for the reader's values.
        edition: gives name, date, ids.
        subject: in Unicode.
        sender: whom it is from.

    Raises:
        RenderError: a template changed a marker; or as in `build_message`.
    """
    first, rest = shared_head(edition, subject, sender)
    pieces: list[str | int]
    if html is None:
        pieces = [first, _HEADERS, rest + PLAIN, *_body(ended(text), markers, _TEXT)]
    else:
        opening, between, closing = frame(edition)
        pieces = [first, _HEADERS, rest + opening, *_body(text, markers, _TEXT)]
        pieces += [between, *_body(html, markers, _HTML), closing]
    return _form(pieces)


def _form(pieces: Sequence[str | int]) -> Form:
    """Join what stands between two slots, and set what is long apart."""
    parts: list[bytes | tuple[bytes, tuple[int, ...]]] = []
    run, slots = b"", list[int]()
    for is_text, group in groupby(pieces, lambda piece: isinstance(piece, str)):
        if not is_text:
            found = [piece for piece in group if isinstance(piece, int)]
            run, slots = run + len(found) * b"%b", slots + found
            continue
        shared = "".join(map(str, group)).encode("ascii")
        if len(shared) < _LONG:
            run += shared.replace(b"%", b"%%")
            continue
        parts += [(run, tuple(slots)), shared]
        run, slots = b"", []
    return Form((*parts, (run, tuple(slots))))


def _body(content: str, markers: Markers, slot: int) -> Iterator[str | int]:
    """Yield a body as quoted-printable, with the numbers of slots between."""
    slots = {markers.sentence: slot, markers.link: slot + 1}
    marker = re.compile(f"({'|'.join(slots)})")
    lines = content.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for number, line in enumerate(lines):
        if number:
            yield "\r\n"
        parts = marker.split(line)
        for at, part in enumerate(parts):
            if at % 2:
                yield slots[part]
                if any(parts[at + 1 :]):
                    yield "=\r\n"
            elif part:
                _unmarked(part, markers)
                follows = at + 1 < len(parts)
                yield "\r\n".join(quoted_line(part, _LAST)) + ("=\r\n" if follows else "")


def _unmarked(part: str, markers: Markers) -> None:
    for marker in (markers.sentence, markers.link):
        if marker.casefold() in part.casefold():
            raise RenderError(
                "templates/mail: the sentence and the link of a reader stand for themselves: no filter may change"
                " their letters (`upper` does; `wrap` and escaping do not)"
            )


def wrapped(paragraph: str) -> list[str]:
    """Return a paragraph in lines of 72 columns, as `wrap` of the templates does, but in a fraction of its time.

    What stands between “ and ” stays on one line: it is to be copied.
    """
    if "“" in paragraph:
        whole = _QUOTATION.sub(lambda found: found.group().replace(" ", "\0"), paragraph)
        return [line.replace("\0", " ") for line in _lines(whole)]
    return _lines(paragraph)


def _lines(paragraph: str) -> list[str]:
    lines, at = [], 0
    while len(paragraph) - at > _WIDTH:
        end = paragraph.rfind(" ", at, at + _WIDTH + 1)
        end = end if end >= 0 else paragraph.find(" ", at)
        if end < 0:
            break
        lines.append(paragraph[at:end])
        at = end + 1
    return [*lines, paragraph[at:]]


def _html(value: str) -> bytes:
    """Return a value for a slot in HTML, in an attribute or between elements."""
    if "&" in value or "<" in value or ">" in value or '"' in value or _NBSP in value:
        value = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
        value = value.replace(_NBSP, "&nbsp;")
    return _slot(value)


def _slot(line: str) -> bytes:
    """Return one line as quoted-printable, whose last line has room for a soft break."""
    quoted = line.replace("=", "=3D").replace("“", "=E2=80=9C").replace("”", "=E2=80=9D")
    if quoted.isascii() and quoted.isprintable() and quoted[-1:] != " ":
        # most are so, and need no look at each special character
        return "\r\n".join(soft_broken(quoted, _LAST)).encode("ascii")
    return "\r\n".join(quoted_line(line, _LAST)).encode("ascii")
