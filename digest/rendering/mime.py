"""A mail as a message: MIME, bytes that are equal for equal input. Pure.

The message stands as head, headers of its reader, headers of its edition, bodies: what differs from reader to reader
is in few places, and `splice` makes use of that. May import links, models, headers and mail's values.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from digest import links
from digest.models import Edition
from digest.rendering.headers import (
    From,
    To,
    edition_headers,
    join_headers,
    public_from,
    public_to,
    reader_headers,
)

if TYPE_CHECKING:  # rendering a mail loads jinja2 and MJML; wrapping one needs neither
    from digest.rendering.mail import Mail

#: characters of a line (RFC 2045, 6.7)
_LINE = 76
_ENCODED = "Content-Type: text/{}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n"


def build_message(
    mail: Mail, edition: Edition, *, subject: str, sender: From | None = None, to: To | None = None
) -> bytes:
    """Return the message of an edition's mail: plain text, then HTML, lines ending in CRLF, headers in ASCII.

    Args:
        mail: its two bodies.
        edition: gives name, date, ids.
        subject: in Unicode; white space becomes single.
        sender: whom it is from; None: `<newsletter>@digest.invalid`, for a message that everybody may read.
        to: its one reader; None: the same.

    Raises:
        RenderError: an address is not one plain address, or a header cannot hold a link.
    """
    first, rest = shared_head(edition, subject, sender or public_from(edition))
    opening, between, closing = frame(edition)
    head = first + join_headers(reader_headers(to or public_to(edition))) + rest
    text, html = quoted_printable(mail.text), quoted_printable(mail.html)
    return f"{head}{opening}{text}{between}{html}{closing}".encode("ascii")


def build_plain(text: str, edition: Edition, *, subject: str, sender: From, to: To) -> bytes:
    """Return the message that is plain text alone; arguments and errors as in `build_message`."""
    first, rest = shared_head(edition, subject, sender)
    head = first + join_headers(reader_headers(to)) + rest
    return f"{head}{PLAIN}{quoted_printable(ended(text))}".encode("ascii")


def ended(text: str) -> str:
    """Return text whose last line has an end: that of a whole message must."""
    return text if text.endswith(("\n", "\r")) else f"{text}\n"


def shared_head(edition: Edition, subject: str, sender: From) -> tuple[str, str]:
    """Return what stands before and after the headers of the reader."""
    first, *rest = edition_headers(edition, subject, sender)
    return join_headers([first]), join_headers(rest)


#: the headers of a message that is plain text, and the line after them
PLAIN = _ENCODED.format("plain") + "\r\n"


def frame(edition: Edition) -> tuple[str, str, str]:
    """Return what stands before, between and after the two bodies of a message, with the last headers.

    `=_` makes a boundary that quoted-printable never holds (RFC 2045, 6.7).
    """
    boundary = f"=_{hashlib.sha256(links.message_id(edition).encode()).hexdigest()[:32]}"
    opening = f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n'
    plain, html = (f"--{boundary}\r\n{_ENCODED.format(kind)}\r\n" for kind in ("plain", "html"))
    return opening + plain, f"\r\n{html}", f"\r\n--{boundary}--\r\n"


#: a byte, as the character of its number -> its quoted form
_QUOTED = {chr(byte): f"={byte:02X}" for byte in range(256)}
#: the bytes that stand for themselves are all others
_SPECIAL = re.compile("[^!-<>-~\t ]")


def quoted_printable(text: str) -> str:
    """Return text as quoted-printable (RFC 2045, 6.7): lines of at most 76 characters, ended by CRLF."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\r\n".join([line for source in lines for line in quoted_line(source)])


def quoted_line(line: str, last: int = _LINE) -> list[str]:
    """Return one line as lines of quoted-printable, all but the last with a soft break at the end.

    Args:
        line: without line breaks.
        last: characters that the last one may have: one fewer where a soft break is to follow it.
    """
    quoted = _SPECIAL.sub(_quote, line.encode("utf-8", "replace").decode("latin-1"))
    if quoted.endswith((" ", "\t")):  # white space at an end is lost on the way
        quoted = f"{quoted[:-1]}={ord(quoted[-1]):02X}"
    return soft_broken(quoted, last)


def soft_broken(quoted: str, last: int) -> list[str]:
    """Return what is quoted already as lines, all but the last with a soft break at the end; `last` as above."""
    lines, at = [], 0
    while len(quoted) - at > last:
        end = at + _LINE - 1
        escape = quoted.rfind("=", end - 2, end)
        end = end if escape < 0 else escape
        lines.append(quoted[at:end] + "=")
        at = end
    return [*lines, quoted[at:]]


def _quote(special: re.Match[str]) -> str:
    return _QUOTED[special.group()]
