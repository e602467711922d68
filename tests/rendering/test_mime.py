from __future__ import annotations

import email
import email.policy
import quopri
import re
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import RenderError
from digest.rendering.headers import From, To, encode_subject, mailbox
from digest.rendering.mail import Mail
from digest.rendering.mime import build_message, quoted_printable
from digest.text import clean
from tests.rendering.mail_editions import make_edition, make_view
from tests.rendering.messages import body, display_name, keeps_the_rules, parse

EDITION = make_edition(3)
ANYTHING = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
MIXED = st.text(st.sampled_from('aZ 5=?_"\\<>,;éßπ漢字🎉\u0301\u200d '), max_size=120)
slow = settings(max_examples=80, derandomize=True, deadline=None)


VIEW = make_view(EDITION)


def mail(html: str = "<p>hi</p>\n", text: str = "hi\n") -> Mail:
    return Mail(html=html, text=text, view=VIEW)


def reader(address: str, *unsubscribe: str) -> To:
    return To(address, "", "<x.1@example.org>", EDITION.instant, unsubscribe, one_click=len(unsubscribe) > 1)


def test_a_message_says_what_it_was_given_with_each_header_once():
    message = build_message(mail("<p>Zoë</p>\n", "Zoë · 漢字\n"), EDITION, subject="Daily Papers, 16 Jun: A and 2 more")
    keeps_the_rules(message, widest=76)
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
    keeps_the_rules(message, widest=76)
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
            build_message(mail(), EDITION, subject="s", to=reader(address))
        with pytest.raises(RenderError):
            build_message(mail(), EDITION, subject="s", sender=From("a@b.org", reply_to=address))


@given(MIXED | ANYTHING)
@slow
def test_quoted_printable_is_read_back_by_others(text):
    encoded = quoted_printable(text)
    assert max(len(line) for line in encoded.split("\r\n")) <= 76
    assert not re.search(r"[ \t]\r\n|[ \t]$", encoded)
    assert quopri.decodestring(encoded).decode().replace("\r\n", "\n") == text.replace("\r\n", "\n").replace("\r", "\n")


def test_a_long_unsubscribe_link_stays_whole():
    link = "https://papers.example.org/u/" + "x" * 200
    message = build_message(mail(), EDITION, subject="s", to=reader("reader@example.org", link, "mailto:a@b.org?s=x"))
    assert f"List-Unsubscribe: \r\n <{link}>,\r\n <mailto:a@b.org?s=x>\r\n".encode() in message
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in message
    keeps_the_rules(message)
    parsed = parse(message)
    assert parsed["To"] == "reader@example.org"
    assert parsed["List-Unsubscribe"].strip() == f"<{link}>, <mailto:a@b.org?s=x>"
    with pytest.raises(RenderError, match="URL"):
        build_message(mail(), EDITION, subject="s", to=reader("a@b.org", "https://x/\r\nBcc: a@b.org"))


def test_answers_go_where_they_are_read_and_help_is_there_without_a_site():
    edition = make_edition(3, base_url=None)
    sender = From("papers@example.org", "The lab’s papers", reply_to="desk+papers@example.org")
    message = build_message(mail(), edition, subject="s", sender=sender, to=reader("a@b.org"))
    keeps_the_rules(message)
    parsed = parse(message)
    assert display_name(message) == "The lab’s papers"
    assert parsed["Reply-To"] == "desk+papers@example.org"
    assert parsed["List-Help"].strip() == "<mailto:desk+papers@example.org?subject=help%20daily>"
    assert parsed["List-Archive"] is None


def test_a_name_with_line_breaks_adds_no_header():
    to = reader("a@b.org")._replace(name="Eve\r\nBcc: c@d.org\r\n\r\nbody")
    message = build_message(mail(), EDITION, subject="s", to=to)
    keeps_the_rules(message)
    assert parse(message)["Bcc"] is None
    assert display_name(message, "To") == "Eve Bcc: c@d.org body"
