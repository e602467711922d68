"""A mail as a message: RFC 5322 and MIME, bytes that are equal for equal input. Pure.

Built by hand: in Python 3.11 `email.policy.SMTP` writes lines of 78, folds long `List-*` headers into encoded words,
and garbles some subjects that mix scripts. May import links, models, text, errors and mail's values.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from email.utils import format_datetime
from typing import TYPE_CHECKING

from digest import links
from digest.errors import RenderError
from digest.models import Edition
from digest.text import clean

if TYPE_CHECKING:  # rendering a mail loads jinja2 and MJML; wrapping one needs neither
    from digest.rendering.mail import Mail

#: characters of a line, as quoted-printable (RFC 2045, 6.7) and encoded words (RFC 2047, 2) have it
_LINE = 76
#: bytes of text in one encoded word: 52 characters of base64 and 12 around them leave room for a header's name
_CHUNK = 39

_ADDRESS = re.compile(r"[^\x00-\x20\x7f-\U0010ffff\"(),:;<>@\[\\\]]+@[A-Za-z0-9.-]+")
#: words that may stand before `<...>` without quotes (RFC 5322, 3.2.3)
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")


def build_message(
    mail: Mail,
    edition: Edition,
    *,
    subject: str,
    from_addr: str | None = None,
    to_addr: str | None = None,
    unsubscribe: str | None = None,
) -> bytes:
    """Return the message of an edition's mail: plain text, then HTML, lines ending in CRLF, headers in ASCII.

    Args:
        mail: its two bodies.
        edition: gives name, date, ids.
        subject: in Unicode; white space becomes single.
        from_addr: the sender; None: `<newsletter>@digest.invalid`, for a message that everybody may read.
        to_addr: the one recipient; None: the same.
        unsubscribe: the https URL of a one-click endpoint (RFC 8058), where there is one.

    Raises:
        RenderError: an address is not one plain address, or the URL has white space in it.
    """
    public = f"{edition.newsletter}@digest.invalid"
    name = clean(edition.title)
    message_id = _ascii(links.message_id(edition))
    boundary = f"=_{hashlib.sha256(message_id.encode()).hexdigest()[:32]}"
    headers = [
        ("From", mailbox(name, from_addr or public)),
        ("To", mailbox(name if to_addr is None else "", to_addr or public)),
        ("Subject", encode_subject(subject)),
        ("Date", format_datetime(edition.instant)),
        ("Message-ID", message_id),
        *_list_headers(edition, name, unsubscribe),
        ("Auto-Submitted", "auto-generated"),
        ("Precedence", "bulk"),
        ("Feedback-ID", _ascii(f"{edition.date.isoformat()}:{edition.newsletter}:edition:digest")),
        ("MIME-Version", "1.0"),
        ("Content-Type", f'multipart/alternative;\r\n boundary="{boundary}"'),
    ]
    head = "".join(f"{field}: {value}\r\n" for field, value in headers)
    parts = (("plain", mail.text), ("html", mail.html))
    body = "".join(f"--{boundary}\r\n{_part(subtype, content)}" for subtype, content in parts)
    return f"{head}\r\n{body}--{boundary}--\r\n".encode("ascii")


def _list_headers(edition: Edition, name: str, unsubscribe: str | None) -> Iterator[tuple[str, str]]:
    """Yield the headers of a list (RFC 2369, 2919, 8058): never encoded words in them, and never folded inside `<>`."""
    spoken = f"{name}\r\n " if _ATOMS.fullmatch(name) and len(name) <= 60 else ""
    yield "List-Id", spoken + _ascii(links.list_id(edition))
    yield "List-Post", "NO"
    if edition.base_url:
        archive = links.absolute(edition.base_url, links.newsletter_page(edition.newsletter))
        yield "List-Archive", f"\r\n <{_url(archive)}>"
        yield "List-Help", f"\r\n <{_url(links.absolute(edition.base_url, links.FEEDS))}>"
    if unsubscribe:
        yield "List-Unsubscribe", f"\r\n <{_url(unsubscribe)}>"
        yield "List-Unsubscribe-Post", "List-Unsubscribe=One-Click"


def _ascii(text: str) -> str:
    """Return an id with `-` for whatever no header may hold."""
    return re.sub(r"[^!-~]", "-", text)


def _url(url: str) -> str:
    if not re.fullmatch(r"[!-;=?-~]{1,900}", url):
        raise RenderError(f"a mail's header cannot hold the URL {url!r}: it takes ASCII without spaces, < and >")
    return url


def mailbox(name: str, address: str) -> str:
    """Return `name <address>` as a header has it.

    Raises:
        RenderError: `address` is not one plain ASCII address.
    """
    if not _ADDRESS.fullmatch(address) or len(address) > 254:
        raise RenderError(f"a mail goes from and to one plain address, which {address!r} is not")
    if not name:
        return address
    if len(name) > 60 or not name.isascii() or "=?" in name:
        return f"{_encoded_words(name)}\r\n <{address}>"
    if not _ATOMS.fullmatch(name):
        name = '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    gap = " " if len(name) + len(address) <= 60 else "\r\n "
    return f"{name}{gap}<{address}>"


def encode_subject(subject: str) -> str:
    """Return a subject as a header has it.

    ASCII is folded at its spaces. Anything else, and what looks like an encoded word, becomes base64 words as a whole,
    cut between code points: readers join those without loss.
    """
    subject = clean(subject)
    if not subject.isascii() or "=?" in subject:
        return _encoded_words(subject)
    folded = _folded(subject)
    return _encoded_words(subject) if folded is None else folded


def _folded(text: str) -> str | None:
    """Return ASCII folded at spaces, for a header of at most 10 letters; None where a word is too long for that."""
    lines, room = [""], _LINE - len("Subject: ")
    for word in text.split(" "):
        if len(word) > room:
            return None
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return "\r\n ".join(lines)


def _encoded_words(text: str) -> str:
    chunks: list[bytes] = [b""]
    for char in text:
        piece = char.encode("utf-8", "replace")
        if len(chunks[-1]) + len(piece) > _CHUNK:
            chunks.append(b"")
        chunks[-1] += piece
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(chunk).decode()}?=" for chunk in chunks)


def _part(subtype: str, content: str) -> str:
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return head + quoted_printable(content) + "\r\n"


_QUOTED = {
    byte: f"={byte:02X}" for byte in range(256) if not (33 <= byte <= 126 or byte in (9, 32)) or byte == ord("=")
}


def quoted_printable(text: str) -> str:
    """Return text as quoted-printable (RFC 2045, 6.7): lines of at most 76 characters, ended by CRLF."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\r\n".join(line for source in lines for line in _quoted_line(source))


def _quoted_line(line: str) -> Iterator[str]:
    quoted = line.encode("utf-8", "replace").decode("latin-1").translate(_QUOTED)
    if quoted.endswith((" ", "\t")):  # white space at an end is lost on the way
        quoted = f"{quoted[:-1]}={ord(quoted[-1]):02X}"
    at = 0
    while len(quoted) - at > _LINE:
        end = at + _LINE - 1
        escape = quoted.rfind("=", end - 2, end)
        end = end if escape < 0 else escape
        yield quoted[at:end] + "="
        at = end
    yield quoted[at:]
