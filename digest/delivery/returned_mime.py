"""Cuts any bytes into the parts of a mail, and its headers into fields (RFC 5322, RFC 2045, RFC 2046).

Made for what strangers send: nothing raises, nothing recurses, and no part, field or depth is more than it takes to
read a report. What lies within a message that is returned stays closed: it is another mail. May import nothing of
`digest`.
"""

from __future__ import annotations

import binascii
import codecs
import quopri
import re
from collections.abc import Iterator
from email.errors import MessageError
from email.header import decode_header
from typing import NamedTuple

#: bytes of a message that are looked at: the report comes before the mail that it returns
LIMIT = 1 << 20
#: parts in parts, parts and fields of one message, characters of a field
_DEPTH, _PARTS, _FIELDS, _VALUE = 6, 60, 400, 5_000
_FIELD = re.compile(r"([!-9;-~]+)[ \t]*:[ \t]*(.*)", re.DOTALL)
FOLD = re.compile(r"\n[ \t]+")
_BOUNDARY = re.compile(r'\bboundary\s*=\s*(?:"([^"\n]{1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)
_TYPE = re.compile(r"\s*([a-z0-9.+-]+/[a-z0-9.+-]+)")
_TAG = re.compile(r"<[^<>]{0,2000}>")
#: charsets in which a server may write to a person
_CHARSET = re.compile(r'\bcharset\s*=\s*"?(windows-125\d|utf-16(?:[bl]e)?|koi8-r|gb2312|gb18030|big5)\b')


class Fields(NamedTuple):
    """The fields of a header section, in order; names in small letters."""

    told: tuple[tuple[str, str], ...]

    def first(self, name: str) -> str:
        """Return the first field of that name, or nothing."""
        return next((value for field, value in self.told if field == name), "")

    def every(self, name: str) -> list[str]:
        """Return all fields of that name."""
        return [value for field, value in self.told if field == name]


class Part(NamedTuple):
    """A part that has no parts."""

    #: like `text/plain`, in small letters
    type: str
    fields: Fields
    #: as its bytes are before any transfer encoding
    body: bytes

    @property
    def text(self) -> str:
        """Its words, with LF, of HTML without tags; what cannot be read is replaced."""
        found = _CHARSET.search(self.fields.first("content-type").lower())
        words = decoded(self.body, found[1] if found else "")
        return _TAG.sub(" ", words) if self.type == "text/html" else words


def lines(raw: bytes) -> bytes:
    """Return the beginning of a message, with LF, without the line that an mbox puts before it."""
    raw = raw[:LIMIT].replace(b"\r\n", b"\n").replace(b"\r", b"\n").lstrip(b"\n")
    return raw.partition(b"\n")[2] if raw.startswith((b"From ", b">From ")) else raw


def cut(raw: bytes) -> tuple[Fields, bytes]:
    """Return the fields of a message or a part, and its body; lines end in LF."""
    if raw.startswith(b"\n"):
        return Fields(()), raw[1:]
    head, _, body = raw.partition(b"\n\n")
    return fields(decoded(head)), body


def fields(text: str) -> Fields:
    """Return the fields of a header section, unfolded; lines that are none are left out."""
    rows = FOLD.sub(" ", text).split("\n", _FIELDS)[:_FIELDS]
    found = (_FIELD.fullmatch(row[:_VALUE]) for row in rows)
    return Fields(tuple((one[1].lower(), one[2].strip()) for one in found if one))


def leaves(raw: bytes) -> Iterator[Part]:
    """Yield the parts of a message that have no parts, in order; lines end in LF."""
    waiting, count = [(raw, 0)], 0
    while waiting and count < _PARTS:
        content, depth = waiting.pop()
        told, body = cut(content)
        kind = told.first("content-type")
        found = _TYPE.match(kind.lower())
        type = found[1] if found else "text/plain"
        boundary = _BOUNDARY.search(kind) if type.startswith("multipart/") and depth < _DEPTH else None
        if boundary:
            inner = _between(body, (boundary[1] or boundary[2]).encode("utf-8", "replace"))
            waiting += [(one, depth + 1) for one in reversed(inner)]
            continue
        count += 1
        yield Part(type, told, _untransferred(body, told.first("content-transfer-encoding").lower()))


def _between(body: bytes, boundary: bytes) -> list[bytes]:
    """Return what stands between the lines of a boundary; the last part may lack its end (RFC 2046, 5.1.1)."""
    mark = re.compile(rb"^--" + re.escape(boundary) + rb"(--)?[ \t]*$\n?", re.MULTILINE)
    found: list[bytes] = []
    start: int | None = None
    for one in mark.finditer(body):
        if start is not None:
            found.append(body[start : one.start()])
        start = one.end()
        if one[1] or len(found) >= _PARTS:
            return found
    return found if start is None else [*found, body[start:]]


def _untransferred(body: bytes, encoding: str) -> bytes:
    if "quoted-printable" in encoding:
        return quopri.decodestring(body)
    if "base64" in encoding:
        try:
            return binascii.a2b_base64(body).replace(b"\r\n", b"\n")
        except binascii.Error:
            # broken off, or none at all
            return body
    return body


def decoded(content: bytes, charset: str = "") -> str:
    """Return bytes as text: UTF-8 where they are, else in the charset, else as Latin letters."""
    try:
        if charset.startswith("utf-16"):
            return content.decode(charset, "replace")
        return content.decode()
    except UnicodeDecodeError:
        return codecs.decode(content, charset or "latin-1", "replace")


def plain(value: str) -> str:
    """Return a field with its encoded words read (RFC 2047)."""
    if "=?" not in value:
        return value
    try:
        found = decode_header(value[:2000])
        words = [one.decode(name or "ascii", "replace") if isinstance(one, bytes) else one for one, name in found]
    except (MessageError, ValueError, LookupError):
        return value
    return "".join(words)
