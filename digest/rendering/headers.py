"""The header section of a message (RFC 5322): addresses, subjects, the headers of a list. Pure.

Built by hand: in Python 3.11 `email.policy.SMTP` writes lines of 78, folds long `List-*` headers into encoded words,
and garbles some subjects that mix scripts. May import links, models, text and errors.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import NamedTuple

from digest import links
from digest.errors import RenderError
from digest.models import Edition
from digest.text import clean

#: characters of a line, as encoded words (RFC 2047, 2) have it
_LINE = 76
#: bytes of text in one encoded word: 52 characters of base64 and 12 around them leave room for a header's name
_CHUNK = 39

_ADDRESS = re.compile(r"[^\x00-\x20\x7f-\U0010ffff\"(),:;<>@\[\\\]]+@[A-Za-z0-9.-]+")
#: words that may stand before `<...>` without quotes (RFC 5322, 3.2.3)
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_URL = re.compile(r"[!-;=?-~]{1,900}")

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class From:
    """Who a message is from, for all its readers."""

    address: str
    #: None: the title of the newsletter
    name: str | None = None
    #: where answers go; None: to `address`
    reply_to: str | None = None


class To(NamedTuple):
    """What the headers of a message have of its one reader."""

    address: str
    name: str
    #: with `<>`
    message_id: str
    #: when it was first tried
    date: datetime
    #: links by which she leaves, the best first: https, mailto
    unsubscribe: tuple[str, ...] = ()
    #: the first of them is a one-click endpoint (RFC 8058)
    one_click: bool = False


def public_from(edition: Edition) -> From:
    """Return the sender of a message that everybody may read."""
    return From(f"{edition.newsletter}@digest.invalid")


def public_to(edition: Edition) -> To:
    """Return the reader of a message that everybody may read: the newsletter itself."""
    name, address = clean(edition.title), f"{edition.newsletter}@digest.invalid"
    return To(address, name, links.message_id(edition), edition.instant)


def join_headers(headers: Headers) -> str:
    """Return headers as a message has them, each line with its end."""
    return "".join([f"{field}: {value}\r\n" for field, value in headers])


def reader_headers(to: To) -> Iterator[tuple[str, str]]:
    """Yield the headers that are different for each reader.

    Raises:
        RenderError: the address is not one plain address, or a header cannot hold a link.
    """
    yield "To", mailbox(clean(to.name), to.address)
    yield "Date", _date(to.date.replace(microsecond=0))
    yield "Message-ID", printable(to.message_id)
    if to.unsubscribe:
        # Never folded inside `<>`: an encoded word or a space there, and one click does nothing.
        yield "List-Unsubscribe", "\r\n " + ",\r\n ".join([f"<{checked_url(url)}>" for url in to.unsubscribe])
    if to.one_click:
        yield "List-Unsubscribe-Post", "List-Unsubscribe=One-Click"


def edition_headers(edition: Edition, subject: str, sender: From) -> Iterator[tuple[str, str]]:
    """Yield the headers that all readers of an edition share: RFC 5322, 2369, 2919, 3834.

    Raises:
        RenderError: an address is not one plain address, or a header cannot hold a link.
    """
    title = clean(edition.title)
    yield "From", mailbox(title if sender.name is None else clean(sender.name), sender.address)
    if sender.reply_to:
        yield "Reply-To", mailbox("", sender.reply_to)
    yield "Subject", encode_subject(subject)
    spoken = f"{title}\r\n " if _ATOMS.fullmatch(title) and len(title) <= 60 else ""
    yield "List-Id", spoken + printable(links.list_id(edition))
    yield "List-Post", "NO"
    if edition.base_url:
        archive = links.absolute(edition.base_url, links.newsletter_page(edition.newsletter))
        yield "List-Archive", f"\r\n <{checked_url(archive)}>"
        yield "List-Help", f"\r\n <{checked_url(links.absolute(edition.base_url, links.FEEDS))}>"
    elif sender != public_from(edition):
        link = links.help_mailto(sender.reply_to or sender.address, edition.newsletter)
        yield "List-Help", f"\r\n <{checked_url(link)}>"
    yield "Auto-Submitted", "auto-generated"
    yield "Precedence", "bulk"
    yield "Feedback-ID", printable(f"{edition.date.isoformat()}:{edition.newsletter}:edition:digest")
    yield "MIME-Version", "1.0"


@lru_cache(maxsize=4)
def _date(instant: datetime) -> str:
    return format_datetime(instant)


def printable(text: str) -> str:
    """Return an id with `-` for whatever no header may hold."""
    return re.sub(r"[^!-~]", "-", text)


def checked_url(url: str) -> str:
    """Return a URL that may stand between `<` and `>`.

    Raises:
        RenderError: it may not.
    """
    if not _URL.fullmatch(url):
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
