from __future__ import annotations

import email
import email.policy
import email.utils
import quopri
import re
from datetime import UTC, date, datetime
from email.header import decode_header, make_header
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import RenderError
from digest.rendering.mail import Mail
from digest.rendering.mime import build_message, encode_subject, mailbox, quoted_printable
from digest.text import clean
from tests.rendering.mail_editions import make_edition, make_view

EDITION = make_edition(3)
ANYTHING = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
MIXED = st.text(st.sampled_from('aZ 5=?_"\\<>,;éßπ漢字🎉\u0301\u200d '), max_size=120)
slow = settings(max_examples=80, derandomize=True, deadline=None)


VIEW = make_view(EDITION)


def mail(html: str = "<p>hi</p>\n", text: str = "hi\n") -> Mail:
    return Mail(html=html, text=text, view=VIEW)


def parse(message: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    assert not parsed.defects
    return parsed


def display_name(message: bytes) -> str:
    """Python's newer parser leaves a space between two encoded words of a name; its older one reads them right."""
    raw = email.message_from_bytes(message)["From"]
    if "=?" in raw:
        return str(make_header(decode_header(raw))).rpartition("<")[0].strip()
    return email.utils.parseaddr(raw)[0]


def body(parsed: EmailMessage, subtype: str) -> str:
    part = next(one for one in parsed.iter_parts() if one.get_content_subtype() == subtype)
    assert not part.defects
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode().replace("\r\n", "\n")


def keeps_the_rules(message: bytes) -> None:
    head, _, rest = message.partition(b"\r\n\r\n")
    assert head.isascii()
    assert rest.isascii()
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", message)
    assert max(len(line) for line in message.split(b"\r\n")) <= 76
    assert b"\r\n\r\n" not in head
    assert not re.search(rb"\r\n[ \t]*\r\n", head)
    for word in re.findall(rb"=\?[^?]*\?[^?]*\?[^?]*\?=", head):
        assert len(word) <= 75


def test_a_message_says_what_it_was_given_with_each_header_once():
    message = build_message(mail("<p>Zoë</p>\n", "Zoë · 漢字\n"), EDITION, subject="Daily Papers, 16 Jun: A and 2 more")
    keeps_the_rules(message)
    parsed = parse(message)
    for name in ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "List-Id", "List-Post"):
        assert len(parsed.get_all(name, [])) == 1, name
    assert parsed["Subject"] == "Daily Papers, 16 Jun: A and 2 more"
    assert parsed["From"] == parsed["To"] == "Daily Papers <daily@digest.invalid>"
    assert parsed["Date"].datetime == EDITION.instant
    assert parsed["Message-ID"].startswith("<daily.2026-06-16.")
    assert parsed["List-Id"] == "Daily Papers <daily.papers.example.org>"
    assert (parsed["List-Post"], parsed["Auto-Submitted"], parsed["Precedence"]) == ("NO", "auto-generated", "bulk")
    assert parsed["List-Unsubscribe"] is None
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]
    assert body(parsed, "plain") == "Zoë · 漢字\n"
    assert body(parsed, "html") == "<p>Zoë</p>\n"


def test_equal_input_gives_equal_bytes_and_another_edition_another_message():
    first = build_message(mail(), EDITION, subject="s")
    assert first == build_message(mail(), EDITION, subject="s")
    other = EDITION.model_copy(update={"date": date(2026, 6, 17), "instant": datetime(2026, 6, 17, tzinfo=UTC)})
    second = build_message(mail(), other, subject="s")
    assert parse(first)["Message-ID"] != parse(second)["Message-ID"]
    assert parse(first).get_boundary() != parse(second).get_boundary()


@slow
@given(ANYTHING | MIXED, ANYTHING, st.sampled_from(["Daily Papers", "Zoë’s list", 'a "b" \\ c', "x, y: z"]) | MIXED)
def test_whatever_it_is_given_comes_back(subject, text, title):
    edition = EDITION.model_copy(update={"title": title})
    message = build_message(mail(f"<p>{text}</p>\n", text), edition, subject=subject)
    keeps_the_rules(message)
    parsed = parse(message)
    assert parsed["Subject"] == clean(subject)
    assert display_name(message) == clean(title)
    assert parsed["From"].addresses[0].addr_spec == "daily@digest.invalid"
    assert len(parsed["From"].addresses) == len(parsed["To"].addresses) == 1
    newlines = text.replace("\r\n", "\n").replace("\r", "\n")
    assert body(parsed, "plain") == newlines
    assert body(parsed, "html") == f"<p>{newlines}</p>\n"


@pytest.mark.parametrize(
    "subject", ["=?utf-8?q?evil?=", "x" * 400, "word " * 60, "é" * 300, "🎉" * 100, "a =?b?= c", ""]
)
def test_hard_subjects(subject):
    encoded = encode_subject(subject)
    assert encoded.isascii()
    assert max(len(line) for line in f"Subject: {encoded}".split("\r\n")) <= 76
    parsed = email.message_from_bytes(f"Subject: {encoded}\r\n\r\n".encode(), policy=email.policy.default)
    assert parsed["Subject"] == clean(subject)
    assert ("=?" in encoded) == (not subject.isascii() or "=?" in subject or len(subject.split(" ")[0]) > 70)


@pytest.mark.parametrize(
    "address",
    ["a@b.org, c@d.org", "a@b.org\r\nBcc: c@d.org", "a@b.org\n", "<a@b.org>", "a b@c.org", "a", "ä@b.org", "a@b@c.org"],
)
def test_anything_but_one_plain_address_is_refused(address):
    with pytest.raises(RenderError, match="one plain address"):
        mailbox("name", address)
    if address:
        with pytest.raises(RenderError):
            build_message(mail(), EDITION, subject="s", to_addr=address)


@given(MIXED | ANYTHING)
@slow
def test_quoted_printable_is_read_back_by_others(text):
    encoded = quoted_printable(text)
    assert max(len(line) for line in encoded.split("\r\n")) <= 76
    assert not re.search(r"[ \t]\r\n|[ \t]$", encoded)
    assert quopri.decodestring(encoded).decode().replace("\r\n", "\n") == text.replace("\r\n", "\n").replace("\r", "\n")


def test_a_long_unsubscribe_link_stays_whole():
    link = "https://papers.example.org/u/" + "x" * 200
    message = build_message(mail(), EDITION, subject="s", to_addr="reader@example.org", unsubscribe=link)
    assert f"List-Unsubscribe: \r\n <{link}>\r\n".encode() in message
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in message
    assert max(len(line) for line in message.split(b"\r\n")) <= 998
    parsed = parse(message)
    assert parsed["To"] == "reader@example.org"
    assert parsed["List-Unsubscribe"].strip() == f"<{link}>"
    with pytest.raises(RenderError, match="URL"):
        build_message(mail(), EDITION, subject="s", unsubscribe="https://x/\r\nBcc: a@b.org")
