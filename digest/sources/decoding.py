"""Bytes of unknown encoding as lines of text. Imports nothing of `digest`."""

from __future__ import annotations

import codecs
import re

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with the same two bytes
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NEWLINE = re.compile("\r\n|\r|\u2028|\u2029|\x85|\f|\v")
#: looked for one by one, which takes a tenth of the time of looking for the pattern
_ODD = "\r\u2028\u2029\x85\f\v"
#: bytes looked at to recognise UTF-16 and UTF-32 without a mark
_PROBE = 4096


def decode(content: bytes) -> str:
    """Return the text of `content`: never fails, drops NULs, every line ends in a line feed.

    UTF-8, UTF-16 and UTF-32 with their byte order mark; UTF-16 and UTF-32 also where their zero bytes give them
    away; UTF-8 where it is valid; else Windows-1252, and Latin-1 for the bytes that it leaves open.
    """
    text = _decoded(content)
    if "\0" in text:
        text = text.replace("\0", "")
    if any(mark in text for mark in _ODD):
        text = _NEWLINE.sub("\n", text)
    return text


def _decoded(content: bytes) -> str:
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, errors="replace")
    wide = _wide(content[:_PROBE])
    if wide is not None:
        return content.decode(wide, errors="replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        return _almost_utf8(content, error) or _western(content)


def _wide(probe: bytes) -> str | None:
    """Return the UTF-16 or UTF-32 that the zero bytes of a text mostly in ASCII speak for."""
    quarter = len(probe) // 4
    if quarter < 2:
        return None
    zeros = [probe[offset::4].count(0) / quarter for offset in range(4)]
    few, many = 0.1, 0.6
    pattern = "".join("0" if share >= many else "." if share <= few else "?" for share in zeros)
    return {".000": "utf-32-le", "000.": "utf-32-be", ".0.0": "utf-16-le", "0.0.": "utf-16-be"}.get(pattern)


def _almost_utf8(content: bytes, error: UnicodeDecodeError) -> str | None:
    """Read UTF-8 that has a few broken bytes, such as a character cut in two; None where most of it is broken."""
    text = content.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    good = sum(map(text.count, "’–—“”é")) if error.start < len(content) - 4 else broken + 1
    return text if good > broken else None


def _western(content: bytes) -> str:
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError:
        return content.decode("latin-1")
