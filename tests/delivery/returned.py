"""Mail as servers return it, each in the form of one that is widely used; made for an address and a reader."""

from __future__ import annotations

from collections.abc import Callable

BACK = "bounces+aaaabbbbccccddddeeee@lists.example.org"
ANN = "ann@example.net"
COPY = """\
Received: from news.example.org (news.example.org [192.0.2.10]) by relay.example.org
\twith ESMTPS id 5.1.1; Fri, 20 Nov 2026 08:00:01 +0000
From: Daily Papers <digest@example.org>
To: ann@example.net
Subject: Daily Papers, 20 Nov: Scaling Laws and 24 more
Message-ID: <daily.5.0123456789abcdef0123456789abcdef@example.org>
"""
_TOP = """\
Return-Path: <>
Delivered-To: {to}
Received: from relay.example.org (relay.example.org [192.0.2.25])
\tby mx.lists.example.org (Postfix) with ESMTPS id 4A1B2C3D
\tfor <{to}>; Fri, 20 Nov 2026 08:00:07 +0000 (UTC)
"""


def _made(head: str, body: str, **told: str) -> bytes:
    text = (_TOP + head).format(**told) + "\n" + body.format(**told)
    return text.replace("\n", "\r\n").encode()


def _report(text: str, status: str, copy_type: str = "message/rfc822", second: str = "message/delivery-status") -> str:
    return (
        "This is a MIME-encapsulated message.\n\n--=_b/1\nContent-Type: text/plain; charset=us-ascii\n\n"
        + text
        + "\n--=_b/1\nContent-Description: Delivery report\nContent-Type: "
        + second
        + "\n\n"
        + status
        + "\n--=_b/1\nContent-Description: Undelivered Message\nContent-Type: "
        + copy_type
        + "\n\n{copy}\nNo part of the report: 5.1.1 user unknown\n\n--=_b/1--\n"
    )


_HEAD = """\
From: MAILER-DAEMON@relay.example.org (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {to}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="=_b/1"
"""


def postfix(
    to: str = BACK,
    recipient: str = ANN,
    *,
    status: str = "5.1.1",
    said: str = "550 5.1.1 <{recipient}>: Recipient address rejected: User unknown in virtual mailbox table",
    action: str = "failed",
    copy: str = COPY,
    original: str | None = None,
) -> bytes:
    fields = """\
Reporting-MTA: dns; relay.example.org
X-Postfix-Queue-ID: 4XyZ12
X-Postfix-Sender: rfc822; {to}
Arrival-Date: Fri, 20 Nov 2026 08:00:02 +0000 (UTC)

Final-Recipient: rfc822; {recipient}
Original-Recipient: rfc822;{original}
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.net
Diagnostic-Code: smtp; {said}
"""
    text = "This is the mail system at host relay.example.org.\n\nI'm sorry to have to inform you that your message\n"
    text += "could not be delivered to one or more recipients.\n\n<{recipient}>: host mx.example.net said: {said}\n"
    return _made(
        _HEAD,
        _report(text, fields),
        to=to,
        recipient=recipient,
        status=status,
        said=said.format(recipient=recipient),
        action=action,
        copy=copy,
        original=original or recipient,
    )


def full(to: str = BACK, recipient: str = ANN) -> bytes:
    """The mailbox is full."""
    return postfix(to, recipient, status="5.2.2", said="552 5.2.2 <{recipient}>: Quota exceeded (mailbox is full)")


def expired(to: str = BACK, recipient: str = ANN) -> bytes:
    """A relay gave up after days."""
    return postfix(
        to, recipient, status="4.4.1", said="X-Postfix; connect to mx.example.net[198.51.100.7]:25: timed out"
    )


def delayed(to: str = BACK, recipient: str = ANN) -> bytes:
    """A relay goes on trying."""
    return postfix(to, recipient, status="4.4.1", said="connection timed out", action="delayed")


def delivered(to: str = BACK, recipient: str = ANN) -> bytes:
    """It arrived."""
    return postfix(to, recipient, status="2.1.5", said="250 2.1.5 OK", action="delivered")


def exim(to: str = BACK, recipient: str = ANN) -> bytes:
    """Exim says 5.0.0 whatever the server said."""
    fields = """\
Reporting-MTA: dns; relay.example.org

Action: failed
Final-Recipient: rfc822;{recipient}
Status: 5.0.0
Remote-MTA: dns; mx.example.net
Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist. Please try
 550-5.1.1 double-checking the address for typos
"""
    text = "This message was created automatically by mail delivery software.\n\nA message that you sent could not be\n"
    text += (
        "delivered to one or more of its recipients. This is a permanent error.\nThe following address(es) failed:\n"
    )
    head = _HEAD.replace("MAILER-DAEMON@relay.example.org (Mail Delivery System)",
                         "Mail Delivery System <Mailer-Daemon@relay.example.org>")  # fmt: skip
    return _made(
        "X-Failed-Recipients: {recipient}\n" + head, _report(text, fields), to=to, recipient=recipient, copy=COPY
    )


def old_exim(to: str = BACK, recipient: str = ANN) -> bytes:
    """Exim before it wrote reports."""
    return _made(
        """\
X-Failed-Recipients: {recipient}
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@relay.example.org>
To: {to}
Subject: Mail delivery failed: returning message to sender
Date: Fri, 20 Nov 2026 08:00:05 +0000
""",
        """\
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  {recipient}
    SMTP error from remote mail server after RCPT TO:<{recipient}>:
    host mx.example.net [198.51.100.7]: 550 No such user here

------ This is a copy of the message, including all the headers. ------

{copy}
A paper on 5.2.2 and 4.4.1 networks.
""",
        to=to, recipient=recipient, copy=COPY,
    )  # fmt: skip


def exim_delay(to: str = BACK, recipient: str = ANN) -> bytes:
    """Exim goes on trying, and says so in words."""
    return _made(
        """\
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@relay.example.org>
To: {to}
Subject: Warning: message 1abcDE-0001Zz-3X delayed 24 hours
""",
        """\
This message was created automatically by mail delivery software.
A message that you sent has not yet been delivered to one or more of its
recipients after more than 24 hours on the queue on relay.example.org.

  {recipient}
    Delay reason: 451 4.7.1 greylisted

No action is required on your part. Delivery attempts will continue for
some time, and this warning may be repeated at intervals.
""",
        to=to, recipient=recipient,
    )  # fmt: skip


def exchange(to: str = BACK, recipient: str = ANN) -> bytes:
    """Exchange Online: HTML for people, in a multipart of its own, and a report beside it."""
    return _made(
        """\
From: <postmaster@contoso.example.net>
To: <{to}>
Subject: Undeliverable: Daily Papers, 20 Nov
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="outer"
X-MS-Exchange-Message-Is-Ndr:
Auto-Submitted: auto-replied
""",
        """\
--outer
Content-Type: multipart/alternative; differences=Content-Type; boundary="inner"

--inner
Content-Type: text/plain; charset="us-ascii"
Content-Transfer-Encoding: quoted-printable

[Office 365 logo]
Your message to {recipient} couldn't be delivered. ann wasn't found at example=2Enet.

--inner
Content-Type: text/html; charset="us-ascii"

<html><body><b>Your message couldn't be delivered.</b></body></html>

--inner--

--outer
Content-Type: message/delivery-status

Reporting-MTA: dns;AM6PR0732MB9823.eurprd07.prod.outlook.example.net
Received-From-MTA: dns;relay.example.org
Arrival-Date: Fri, 20 Nov 2026 08:00:03 +0000

Final-Recipient: rfc822;{recipient}
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient {recipient} not found by SMTP address lookup

--outer
Content-Type: message/rfc822

{copy}
--outer--
""",
        to=to, recipient=recipient, copy=COPY,
    )  # fmt: skip


def exchange_edge(to: str = BACK, recipient: str = ANN) -> bytes:
    """What Exchange Online says of an unknown recipient at its edge."""
    said = "550 5.4.1 Recipient address rejected: Access denied. [AM7EUR06FT011.eop-eur06.prod.protection.outlook.com]"
    return postfix(to, recipient, status="5.4.1", said=said)


def old_exchange(to: str = BACK, recipient: str = ANN) -> bytes:
    """Exchange in words alone."""
    return _made(
        "From: System Administrator <postmaster@example.net>\nTo: {to}\nSubject: Undeliverable: Daily Papers, 20 Nov\n",
        """\
Your message did not reach some or all of the intended recipients.

The following recipient(s) could not be reached:

      {recipient} on 11/20/2026 8:00 AM
            The e-mail account does not exist at the organization this message was sent to.
            <mail.example.net #5.1.1>
""",
        to=to, recipient=recipient,
    )  # fmt: skip


def gmail(to: str = BACK, recipient: str = ANN) -> bytes:
    """Gmail, as a relay: nested parts, an image, and a report."""
    return _made(
        """\
From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>
To: {to}
Auto-Submitted: auto-replied
Subject: Delivery Status Notification (Failure)
Content-Type: multipart/report; boundary="0000000000005f"; report-type=delivery-status
X-Failed-Recipients: {recipient}
""",
        """\
--0000000000005f
Content-Type: multipart/related; boundary="000000000000b1"

--000000000000b1
Content-Type: multipart/alternative; boundary="000000000000b2"

--000000000000b2
Content-Type: text/plain; charset="UTF-8"
Content-Transfer-Encoding: base64

KiogQWRkcmVzcyBub3QgZm91bmQgKioKCllvdXIgbWVzc2FnZSB3YXNuJ3QgZGVsaXZlcmVkLgo=

--000000000000b2--
--000000000000b1
Content-Type: image/png; name="icon.png"
Content-Transfer-Encoding: base64

iVBORw0KGgo=

--000000000000b1--
--0000000000005f
Content-Type: message/delivery-status

Reporting-MTA: dns; googlemail.com
Received-From-MTA: dns; digest@example.org
Arrival-Date: Fri, 20 Nov 2026 00:00:02 -0800 (PST)
X-Original-Message-ID: <daily.5.0123456789abcdef0123456789abcdef@example.org>

Final-Recipient: rfc822; {recipient}
Action: failed
Status: 5.1.1
Remote-MTA: dns; gmail-smtp-in.l.google.com. (2a00:1450:400c:c00::1b, the server for the domain gmail.com.)
Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist.
Last-Attempt-Date: Fri, 20 Nov 2026 00:00:03 -0800 (PST)

--0000000000005f
Content-Type: message/rfc822

{copy}
--0000000000005f--
""",
        to=to, recipient=recipient, copy=COPY,
    )  # fmt: skip


def qmail(to: str = BACK, recipient: str = ANN) -> bytes:
    """The form of qmail: words, a code in brackets."""
    return _made(
        "From: MAILER-DAEMON@mx.example.net\nTo: {to}\nSubject: failure notice\nDate: 20 Nov 2026 08:00:03 -0000\n",
        """\
Hi. This is the qmail-send program at mx.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<{recipient}>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

{copy}
A paper on 4.2.2 networks.
""",
        to=to, recipient=recipient, copy=COPY,
    )  # fmt: skip


def wordless(to: str = BACK, recipient: str = ANN) -> bytes:
    """A server that gives no reason at all."""
    return _made(
        "From: Mail Daemon <postmaster@mail.example.net>\nTo: {to}\nSubject: Delivery failure, mail system error!\n",
        "Hi,\n  I am sorry to tell you that some error occurs in our mail system, your message cannot be delivered.\n",
        to=to, recipient=recipient,
    )  # fmt: skip


def ses(to: str = BACK, recipient: str = ANN) -> bytes:
    """Amazon SES: headers of the mail alone."""
    fields = """\
Reporting-MTA: dns; a8-50.smtp-out.amazonses.com

Action: failed
Final-Recipient: rfc822; {recipient}
Diagnostic-Code: smtp; 550 5.1.1 user unknown
Status: 5.1.1
"""
    text = "An error occurred while trying to deliver the mail to the following recipients:\n{recipient}\n"
    head = _HEAD.replace("relay.example.org (Mail Delivery System)", "amazonses.com")
    return _made(head, _report(text, fields, "text/rfc822-headers"), to=to, recipient=recipient, copy=COPY)


def policy(to: str = BACK, recipient: str = ANN) -> bytes:
    """A server does not want mail of this sender."""
    said = "550-5.7.26 This mail has been blocked because the sender is unauthenticated."
    return postfix(to, recipient, status="5.7.26", said=said)


def bad_sender(to: str = BACK, recipient: str = ANN) -> bytes:
    """The sender's domain cannot be found just now."""
    said = "553 5.1.8 <{recipient}>: Sender address rejected: Domain not found"
    return postfix(to, recipient, status="5.1.8", said=said)


def international(to: str = BACK, recipient: str = ANN) -> bytes:
    """A report in UTF-8 (RFC 6533), its fields in base64."""
    fields = """\
Content-Transfer-Encoding: 8bit

Reporting-MTA: dns; relay.example.org

Final-Recipient: utf-8; {recipient}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 Пользователь неизвестен
"""
    body = _report("nichts", fields, "message/global", "message/global-delivery-status").replace(
        "message/global-delivery-status\n\nContent-Transfer", "message/global-delivery-status\nContent-Transfer"
    )
    return _made(_HEAD, body, to=to, recipient=recipient, copy=COPY)


def complaint(to: str = BACK, recipient: str = ANN, *, kind: str = "abuse", copy: str = COPY) -> bytes:
    """A feedback loop (RFC 5965) says that somebody called it spam; the envelope is in its fields."""
    return _made(
        """\
From: <fbl@mailbox.example.net>
To: <abuse@lists.example.org>
Subject: FW: Daily Papers, 20 Nov
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="part1_13d"
""".replace("{", "{{").replace("}", "}}"),
        """\
--part1_13d
Content-Type: text/plain; charset="US-ASCII"

This is an email abuse report for an email message received from IP 192.0.2.10.

--part1_13d
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <{back}>
Original-Rcpt-To: <{recipient}>
Source-IP: 192.0.2.10

--part1_13d
Content-Type: message/rfc822
Content-Disposition: inline

{copy}
Papers.
--part1_13d--
""",
        to="abuse@lists.example.org", back=to, recipient=recipient, kind=kind, copy=copy,
    )  # fmt: skip


def out_of_office(to: str = BACK, recipient: str = ANN) -> bytes:
    """Somebody is away; her server says so, with our mail below."""
    return _made(
        """\
From: Ann <{recipient}>
To: {to}
Subject: Automatic reply: Daily Papers, 20 Nov
Auto-Submitted: auto-generated
X-Auto-Response-Suppress: All
""",
        "I am away until 5.1.1 and read no mail. In urgent cases write to bob@example.net.\n\n> {copy}",
        to=to, recipient=recipient, copy=COPY.replace("\n", "\n> "),
    )  # fmt: skip


def receipt(to: str = BACK, recipient: str = ANN) -> bytes:
    """Somebody's program says that it was shown (RFC 8098)."""
    fields = "Final-Recipient: rfc822;{recipient}\nDisposition: manual-action/MDN-sent-manually; displayed\n"
    head = _HEAD.replace("delivery-status;", "disposition-notification;").replace("Undelivered Mail", "Read: Mail")
    body = _report("Your message was read.", fields, second="message/disposition-notification")
    return _made(head, body, to=to, recipient=recipient, copy=COPY)


def letter(to: str = BACK, recipient: str = ANN, *, subject: str = "Re: Daily Papers", text: str = "Thanks!") -> bytes:
    """A person writes."""
    head = "From: Ann <{recipient}>\nTo: {to}\nSubject: {subject}\nDate: Fri, 20 Nov 2026 08:10:00 +0000\n"
    return _made(head, "{text}\n", to=to, recipient=recipient, subject=subject, text=text)


#: form -> what it is, as what it weighs, with which status
BOUNCES: dict[Callable[..., bytes], tuple[str, str]] = {
    postfix: ("permanent", "5.1.1"),
    exim: ("permanent", "5.1.1"),
    old_exim: ("permanent", "5.0.0"),
    exchange: ("permanent", "5.1.10"),
    exchange_edge: ("permanent", "5.4.1"),
    old_exchange: ("permanent", "5.1.1"),
    gmail: ("permanent", "5.1.1"),
    qmail: ("permanent", "5.1.1"),
    ses: ("permanent", "5.1.1"),
    international: ("permanent", "5.1.1"),
    full: ("counted", "5.2.2"),
    expired: ("counted", "4.4.1"),
    policy: ("refused", "5.7.26"),
    bad_sender: ("refused", "5.1.8"),
}
OTHERS: dict[Callable[..., bytes], str] = {
    delayed: "delayed",
    exim_delay: "delayed",
    delivered: "delivered",
    complaint: "complaint",
    out_of_office: "automatic",
    receipt: "automatic",
    wordless: "unclear",
    letter: "letter",
}
