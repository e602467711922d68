"""Reads what an SMTP server answers (RFC 5321 section 4.2), and says what it means for a message.

May import protocols.
"""

from __future__ import annotations

from typing import NamedTuple

from digest.protocols import Outcome

#: characters of what a server said that are kept
LONGEST_TEXT = 500
#: bytes of a reply's line, and lines of a reply, beyond which nobody speaks SMTP; RFC 5321 section 4.5.3.1.5 wants 512
LONGEST_LINE = 4096
MOST_LINES = 200
#: the relay wants a login, or another one (RFC 4954 section 6)
LOGIN_CODES = frozenset({530, 535, 538})
#: the service is closing (RFC 5321 section 3.8), whatever was asked
CLOSING = 421
#: too large: for the mailbox (RFC 3463 section 3.3), for the system (section 3.4)
_TOO_LARGE = frozenset({"5.2.3", "5.3.4"})
#: the account's quota is used up, which Gmail says with a permanent code
_QUOTA = "5.4.5"
#: how Postfix, Sendmail, Exim and Exchange say that we may not send through them
_NO_RELAYING = ("relay access denied", "relaying denied", "relay not permitted", "unable to relay")


class Reply(NamedTuple):
    """One answer of a server; code 0 is what no SMTP server says."""

    code: int
    #: without code and line end
    lines: tuple[bytes, ...]


class Replies:
    """Cuts a stream of bytes into replies, wherever its packets begin and end."""

    __slots__ = ("_garbled", "_lines", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        #: lines of a reply that goes on, each with its code
        self._lines: list[bytes] = []
        self._garbled = False

    def feed(self, data: bytes) -> list[Reply]:
        """Return the replies that `data` completes, in order; after one with code 0 nothing more is read."""
        if self._garbled:
            return []
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        found: list[Reply] = []
        for line in lines:
            if not self._take(line.removesuffix(b"\r"), found):
                return found
        if len(self._rest) > LONGEST_LINE:
            self._give_up(self._rest, found)
        return found

    def _take(self, line: bytes, found: list[Reply]) -> bool:
        """Add a line; return False if it is not of a reply."""
        code, mark, so_far = line[:3], line[3:4], self._lines
        fits = len(code) == 3 and code.isdigit() and b"200" <= code < b"600" and mark in (b" ", b"", b"-")
        same = not so_far or so_far[-1][:3] == code
        if not fits or not same or len(line) > LONGEST_LINE or len(so_far) >= MOST_LINES:
            self._give_up(line, found)
            return False
        if mark == b"-":
            so_far.append(line)
        elif so_far:
            found.append(Reply(int(code), (*(each[4:] for each in so_far), line[4:])))
            so_far.clear()
        else:
            found.append(Reply(int(code), (line[4:],)))
        return True

    def _give_up(self, line: bytes, found: list[Reply]) -> None:
        self._garbled = True
        found.append(Reply(0, (line[:LONGEST_LINE],)))


def told(reply: Reply) -> tuple[str | None, str]:
    """Return the enhanced status (RFC 2034) and the text of a reply: one printable line of at most 500 characters.

    A status whose class contradicts the code says nothing, and stays in the text.
    """
    status: str | None = None
    texts = []
    for line in reply.lines:
        text = line.decode("utf-8", "replace")
        first, _, rest = text.partition(" ")
        if _is_status(first, reply.code):
            status, text = status or first, rest
        texts.append(text)
    return status, one_line(" ".join(texts))


def _is_status(word: str, code: int) -> bool:
    parts = word.split(".")
    return (
        len(parts) == 3 and parts[0] == str(code // 100) and all(part.isdecimal() and len(part) < 4 for part in parts)
    )


def one_line(text: str) -> str:
    """Return text without control characters, with single spaces, at most 500 characters long."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def quoted(reply: Reply) -> str:
    """Return a reply as a person may read it: code, status, text."""
    status, text = told(reply)
    return " ".join(filter(None, (str(reply.code) if reply.code else "", status, text)))


def outcome(reply: Reply) -> Outcome:
    """Return what a reply to an envelope's command, or to the final dot, makes of a message."""
    status, text = told(reply)
    state = "deferred" if reply.code < 500 else "failed"
    return Outcome("submitted" if reply.code < 300 else state, reply.code, status, text)  # type: ignore[arg-type]


def is_too_large(reply: Reply) -> bool:
    """Whether a refused MAIL FROM says that this message is too large (RFC 1870 section 6.1), and no more."""
    return reply.code == 552 or told(reply)[0] in _TOO_LARGE


def is_of_message(reply: Reply) -> bool:
    """Whether a 4xx to MAIL FROM concerns this message: its addresses, mailbox, size, content, not the whole relay.

    RFC 3463 section 3: subjects 1, 2 and 6; 4.3.1 (storage) is the answer to a SIZE that does not fit just now.
    """
    status = told(reply)[0]
    return status is not None and (status[:4] in ("4.1.", "4.2.", "4.6.") or status == "4.3.1")


def is_quota(reply: Reply) -> bool:
    """Whether it says that the account may send no more today: a 5xx, but no reader's fault."""
    return reply.code >= 500 and told(reply)[0] == _QUOTA


def is_no_relaying(reply: Reply) -> bool:
    """Whether a refused RCPT says that the relay takes nothing from us, rather than nothing for this reader."""
    return reply.code >= 500 and any(words in told(reply)[1].lower() for words in _NO_RELAYING)
