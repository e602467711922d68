from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest import links
from digest.delivery.returned import Returned, read
from digest.delivery.returned_mime import LIMIT
from digest.delivery.returned_words import status_in, weigh
from tests.delivery import returned
from tests.delivery.returned import ANN, BACK, BOUNCES, OTHERS

TOKEN = BACK.partition("+")[2].partition("@")[0]
LEAVE = links.token(bytes(32), "unsubscribe", 7)
FORMS = [*BOUNCES, *OTHERS]


@pytest.mark.parametrize(("form", "told"), BOUNCES.items(), ids=lambda one: getattr(one, "__name__", ""))
def test_a_bounce_is_read_in_the_form_of_each_server(form: Callable[..., bytes], told: tuple[str, str]) -> None:
    found = read(form())
    assert found.kind == "bounce"
    (failure,) = found.failures
    assert (failure.kind, failure.status) == told
    assert failure.recipients in ((ANN,), ())
    assert failure.said.isprintable()
    assert found.bounce_tokens == (TOKEN,)
    assert found.at == datetime(2026, 11, 20, 8, 0, 7, tzinfo=UTC)


@pytest.mark.parametrize(("form", "kind"), OTHERS.items(), ids=lambda one: getattr(one, "__name__", ""))
def test_what_is_no_bounce_is_told_apart(form: Callable[..., bytes], kind: str) -> None:
    found = read(form())
    assert (found.kind, found.failures, found.bounce_tokens) == (kind, (), (TOKEN,))


def test_what_a_server_said_is_kept_as_one_line() -> None:
    (failure,) = read(returned.exim()).failures
    assert failure.note.startswith("550-5.1.1 The email account that you tried to reach does not exist.")
    (failure,) = read(returned.qmail()).failures
    assert failure.note == "Sorry, no mailbox here by that name. (#5.1.1)"
    (failure,) = read(returned.old_exim()).failures
    assert failure.note == "5.0.0 host mx.example.net [198.51.100.7]: 550 No such user here"


@pytest.mark.parametrize(("said", "kind"), [("Unrouteable address", "counted"), ("Unknown user", "permanent")])
def test_what_a_server_says_of_its_own_stands_in_its_words_alone(said: str, kind: str) -> None:
    raw = re.sub(rb"Remote-MTA.*?typos\r\n", b"", returned.exim(), flags=re.DOTALL)
    raw = raw.replace(
        b"address(es) failed:\r\n", b"address(es) failed:\r\n\r\n  ann@example.net\r\n    %b\r\n" % said.encode()
    )
    (failure,) = read(raw).failures
    assert (failure.kind, failure.note) == (kind, f"5.0.0 {said}")


def test_several_recipients_are_several_failures() -> None:
    group = b"Final-Recipient: rfc822; %b\r\nAction: %b\r\nStatus: %b\r\n\r\n"
    groups = group % (b"bob@example.net", b"failed", b"5.1.1") + group % (b"cid@example.net", b"failed", b"4.2.2")
    raw = returned.postfix().replace(b"Final-Recipient:", groups + b"Final-Recipient:", 1)
    told = [(one.recipients, one.kind) for one in read(raw).failures]
    assert told == [(("bob@example.net",), "permanent"), (("cid@example.net",), "counted"), ((ANN,), "permanent")]
    mixed = group % (b"bob@example.net", b"delivered", b"2.0.0")
    raw = returned.delayed().replace(b"Final-Recipient:", mixed + b"Final-Recipient:", 1)
    assert read(raw).kind == "delayed"


@pytest.mark.parametrize(
    ("without", "kind", "status"),
    [
        (b"Action: failed\r\n", "bounce", "5.1.1"),
        (b"Status: 5.1.1\r\n", "bounce", "5.1.1"),
        (b"Final-Recipient: rfc822; ann@example.net\r\n", "bounce", "5.1.1"),
        (b"MIME-Version: 1.0\r\n", "bounce", "5.1.1"),
    ],
)
def test_a_report_may_lack_a_field(without: bytes, kind: str, status: str) -> None:
    raw = returned.postfix()
    assert without in raw
    found = read(raw.replace(without, b""))
    assert (found.kind, found.failures[0].status) == (kind, status)


def test_a_report_may_lie_deeper_or_be_cut_off() -> None:
    head, _, body = returned.postfix().partition(b"\r\n\r\n")
    kind = b'multipart/report; report-type=delivery-status;\r\n\tboundary="=_b/1"'
    assert kind in head
    outer = head.replace(kind, b'multipart/mixed; boundary="list"')
    inner = b"--list\r\nContent-Type: " + kind + b"\r\n\r\n" + body
    wrapped = outer + b"\r\n\r\n" + inner + b"\r\n--list\r\nContent-Type: text/plain\r\n\r\nA footer.\r\n--list--\r\n"
    assert read(wrapped).failures[0].status == "5.1.1"
    raw = returned.postfix()
    assert read(raw[: raw.index(b"Undelivered Message")]).failures[0].status == "5.1.1"


def test_a_mail_that_is_returned_within_one_is_not_read_for_its_own_words() -> None:
    """Somebody forwards a bounce: the report is about another mail."""
    inner = returned.postfix(to="other+zzzzzzzzzzzzzzzzzzzz@elsewhere.example.com")
    raw = b'From: a@example.net\r\nTo: b@example.org\r\nContent-Type: multipart/mixed; boundary="f"\r\n\r\n--f\r\n'
    raw += b"Content-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--f--\r\n"
    assert (read(raw).kind, read(raw).bounce_tokens) == ("letter", ())


def test_what_points_to_the_delivery_is_taken_from_the_mail_that_is_returned() -> None:
    copy = returned.COPY + f"List-Unsubscribe:\n <mailto:digest@example.org?subject=unsubscribe%20daily%20{LEAVE}>\n"
    own = "<daily.5.0123456789abcdef0123456789abcdef@example.org>"
    found = read(returned.postfix(to="digest@example.org", copy=copy))
    assert (found.bounce_tokens, found.unsubscribe_tokens, found.message_ids) == ((), (LEAVE,), (own,))
    folded = copy.replace("unsubscribe%20daily", "unsubscribe%20daily").replace("\n <mailto", "\n\t<mailto")
    assert read(returned.complaint(to="x@example.org", copy=folded)).unsubscribe_tokens == (LEAVE,)
    words = returned.qmail(to="digest@example.org").replace(b"A paper on", f"List-Unsubscribe: <mailto:d@example.org?"
                           f"subject=unsubscribe%20daily%20{LEAVE}>\r\n\r\nA paper on".encode())  # fmt: skip
    found = read(words)
    assert (found.unsubscribe_tokens, found.message_ids) == ((LEAVE,), (own,))


@pytest.mark.parametrize("kind", ["abuse", "fraud", "opt-out", "other", "Abuse"])
def test_a_complaint_says_that_a_mail_is_not_wanted(kind: str) -> None:
    found = read(returned.complaint(kind=kind))
    assert (found.kind, found.said) == ("complaint", f"{kind.lower()}, told by SomeGenerator/1.0")


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", "virus", ""])
def test_other_reports_of_the_form_are_no_complaints(kind: str) -> None:
    assert read(returned.complaint(kind=kind)).kind == "automatic"


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (f"unsubscribe daily {LEAVE}", ""),
        (f"Unsubscribe daily {LEAVE.upper()}", "Sent from my phone"),
        (f"Re: AW: unsubscribe daily {LEAVE}", ""),
        ("=?utf-8?q?unsubscribe_daily_?= =?us-ascii?q?" + LEAVE + "?=", ""),
        ("please", f"unsubscribe daily {LEAVE}"),
        ("", f"\n\nunsubscribe   daily   {LEAVE}\n-- \nAnn"),
    ],
)
def test_a_reader_who_asks_to_be_left_out(subject: str, text: str) -> None:
    found = read(returned.letter(subject=subject, text=text))
    assert found.kind == "unsubscribe"
    assert [one.lower() for one in found.unsubscribe_tokens] == [LEAVE]


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Re: Daily Papers", f"Great!\n\nOn Friday, digest wrote:\n> x\n> unsubscribe daily {LEAVE}"),
        ("Re: Daily Papers", f"Great!\nWrite to digest@example.org with the subject “unsubscribe daily {LEAVE}”."),
        ("Re: Daily Papers", f"Great!\n\nMore of it.\n\nLess of that.\n\nunsubscribe daily {LEAVE}"),
        ("how do I unsubscribe", "unsubscribe daily"),
        ("unsubscribe daily abc", ""),
        (f"why is there unsubscribe daily {LEAVE}", ""),
    ],
)
def test_who_answers_or_quotes_asks_for_nothing(subject: str, text: str) -> None:
    assert read(returned.letter(subject=subject, text=text)).kind == "letter"


def test_an_automatic_answer_that_quotes_the_request_is_none() -> None:
    raw = returned.letter(text=f"unsubscribe daily {LEAVE}")
    assert read(raw).kind == "unsubscribe"
    assert read(b"Auto-Submitted: auto-replied\r\n" + raw).kind == "automatic"
    assert read(b"Precedence: auto_reply\r\n" + raw).kind == "automatic"
    # a mail program asks for its user when she presses its button
    asked = returned.letter(subject=f"unsubscribe daily {LEAVE}")
    assert read(b"Auto-Submitted: auto-generated\r\n" + asked).kind == "unsubscribe"


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        ("5.1.1", "", "permanent"),
        ("5.1.0", "Address rejected", "permanent"),
        ("5.1.0", "Sender rejected", "refused"),
        ("5.1.2", "bad destination system", "permanent"),
        ("5.1.6", "has moved", "permanent"),
        ("5.1.10", "null MX", "permanent"),
        ("5.1.7", "", "refused"),
        ("5.1.8", "", "refused"),
        ("5.0.0", "unknown error", "counted"),
        ("5.0.0", "550 User unknown", "permanent"),
        ("5.5.0", "Requested action not taken: mailbox unavailable", "counted"),
        ("5.5.4", "Mailbox not found", "permanent"),
        ("5.2.1", "mailbox disabled; user unknown", "counted"),
        ("5.2.2", "mailbox full", "counted"),
        ("5.2.3", "message too large", "refused"),
        ("5.3.4", "message too large", "refused"),
        ("5.4.4", "no host", "counted"),
        ("5.6.0", "", "refused"),
        ("5.7.1", "Relaying denied, user unknown", "refused"),
        ("4.1.1", "User unknown", "counted"),
        ("4.2.2", "", "counted"),
        ("4.7.1", "greylisted", "refused"),
    ],
)
def test_what_a_failure_says_of_the_address(status: str, said: str, kind: str) -> None:
    assert weigh(status, said) == kind


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("550 5.1.1 no such user", "5.1.1"),
        ("host [5.1.1.2] said: 550 no", "5.0.0"),
        ("10.5.1.1 Exim 4.94.2 v5.1.1", ""),
        ("delivered 2.0.0, then #4.2.2.", "4.2.2"),
        ("552 over quota", "5.2.2"),
        ("see 550.5 and 1550 papers", ""),
        ("550-No such person", "5.0.0"),
    ],
)
def test_a_status_is_found_among_numbers_that_are_none(text: str, status: str) -> None:
    assert status_in(text) == status


# Whatever comes


@given(st.binary(max_size=2000))
def test_any_bytes_are_read(raw: bytes) -> None:
    assert is_whole(read(raw))


def is_whole(found: Returned) -> bool:
    """A bounce, and nothing else, says what failed, in one line; what a request asks for is one token."""
    if found.kind == "unsubscribe" and len(found.unsubscribe_tokens) != 1:
        return False
    notes = [failure.note for failure in found.failures]
    return bool(notes) == (found.kind == "bounce") and all("\n" not in note for note in notes)


_PIECES = [
    b"Content-Type: multipart/report; boundary=x\r\n", b"Content-Type: message/delivery-status\r\n", b"\r\n", b"\n\n",
    b"--x\r\n", b"--x--\r\n", b"--x", b"Status: 5.1.1\r\n", b"Status: \r\n", b"Action: failed\r\n",
    b"Subject: =?x?b?\r\n", b"Content-Transfer-Encoding: base64\r\n", b"Subject: =?utf-16?q?=ff?=", b"\xff\xfe\x00",
    b"Content-Transfer-Encoding: quoted-printable\r\n", b"Content-Type: message/feedback-report\r\n", b"=\r\n",
    b"Feedback-Type: abuse\r\n", b" folded\r\n", b"From: MAILER-DAEMON@x\r\n", b"Received: x; \r\n", b"550 ", b"\r",
    b"Received: ; Fri, 99 Nov 99999 08:00:07 +9999\r\n", b'Content-Type: text/plain; charset="utf-16"\r\n',
    b"Date: Mon, 1 Jan 0000 00:00:00 -0000\r\n", b"From \r\n",
]  # fmt: skip


@given(st.lists(st.sampled_from(_PIECES), max_size=40).map(b"".join))
def test_any_pieces_of_reports_are_read(raw: bytes) -> None:
    assert is_whole(read(raw))


@settings(max_examples=200)
@given(st.sampled_from(FORMS), st.randoms(use_true_random=False))
def test_a_damaged_mail_is_read(form: Callable[..., bytes], rng: random.Random) -> None:
    raw = bytearray(form())
    for _ in range(rng.randrange(1, 6)):
        start = rng.randrange(len(raw))
        raw[start : start + rng.randrange(40)] = rng.randbytes(rng.randrange(10))
    assert is_whole(read(bytes(raw)))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Content-Type: multipart/mixed; boundary=x\n\n"
        + b"--x\nContent-Type: multipart/mixed; boundary=x\n\n" * 20_000,
        b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(20_000)),
        b"A" * LIMIT,
        b"Final-Recipient: rfc822; " + b"a" * LIMIT,
        b"Subject: " + b"=?utf-8?q?" * 100_000,
        b"From: mailer-daemon@x\nSubject: failure notice\n\n" + b"no such account " * 60_000,
        b"From: mailer-daemon@x\nSubject: failure notice\n\n" + b"5.1." * 200_000,
        b"Content-Type: message/delivery-status\n\n" + b"Action: delivered\n\n" * 50_000,
        b"Content-Type: multipart/report; boundary=x\n\n--x\n\n" + b"a\n" * 25_000 + b"--x\nContent-Type: "
        b"message/delivery-status\n\n" + b"Action: failed\nFinal-Recipient: x;a@b\nStatus: 5.0.0\n\n" * 15_000,
        b"Content-Type: text/html\nFrom: mailer-daemon@x\n\n" + b"<" * 900_000,
        b"Delivered-To: " + b"+" * 900_000,
        b"Delivered-To: " + b"+aaaaaaaaaaaaaaaaaaaa@" * 40_000,
    ],
    ids=range(13),
)
def test_what_is_made_to_be_slow_is_not(raw: bytes) -> None:
    began = time.process_time()
    found = read(raw)
    assert time.process_time() - began < 2
    assert len(found.bounce_tokens) <= 10
