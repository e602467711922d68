"""What tests ask of the bytes of a message, whoever made it."""

from __future__ import annotations

import email
import email.policy
import email.utils
import re
from email.header import decode_header, make_header
from email.message import EmailMessage

#: headers that a message has once
ONCE = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "List-Id", "List-Post", "Auto-Submitted")


def parse(message: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    assert not parsed.defects
    return parsed


def display_name(message: bytes, field: str = "From") -> str:
    """Python's newer parser leaves a space between two encoded words of a name; its older one reads them right."""
    raw = email.message_from_bytes(message)[field]
    if "=?" in raw:
        return str(make_header(decode_header(raw))).rpartition("<")[0].strip()
    return email.utils.parseaddr(raw)[0]


def body(parsed: EmailMessage, subtype: str) -> str:
    parts = list(parsed.iter_parts()) if parsed.is_multipart() else [parsed]
    part = next(one for one in parts if one.get_content_subtype() == subtype)
    assert not part.defects
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode().replace("\r\n", "\n")


def keeps_the_rules(message: bytes, *, widest: int = 998) -> None:
    """Check RFC 5322, 2.1 and 2.2; RFC 2045, 6.7; RFC 2047, 2. Lines of the header section may have `widest` bytes."""
    head, _, rest = message.partition(b"\r\n\r\n")
    assert message.endswith(b"\r\n")
    assert message.isascii()
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", message)
    assert max(map(len, head.split(b"\r\n"))) <= widest
    assert max(map(len, rest.split(b"\r\n"))) <= 76
    assert not re.search(rb"[ \t]\r\n", rest)
    assert not re.search(rb"\r\n[ \t]*\r\n", head)
    for word in re.findall(rb"=\?[^?]*\?[^?]*\?[^?]*\?=", head):
        assert len(word) <= 75
    names = [line.partition(b":")[0].decode().lower() for line in re.split(rb"\r\n(?![ \t])", head)]
    assert sorted(set(names)) == sorted(names)
    assert {name.lower() for name in ONCE} <= set(names)
