"""What servers say when they return a mail: status codes (RFC 3463), and the words of those that tell no code.

Pure; may import models.
"""

from __future__ import annotations

import re

from digest.models import ReturnKind

#: class, subject and detail of an enhanced status; no part of an address, and no version of a program
STATUS = re.compile(r"(?<![\w.])([245])\.([0-7])\.(\d{1,3})(?!\w|\.\d)")
#: an SMTP reply that fails (RFC 5321, 4.2.3), before its text
_REPLY = re.compile(r"(?<![\w.:+-])(421|45[0-5]|50[0-4]|521|530|541|55[0-6])(?=[ -]\S)")
#: replies that have a meaning of their own: the mailbox is full
_OF_REPLY = {"552": "5.2.2", "452": "4.2.2"}

#: about who sends (RFC 3463, 3.2: bad sender's mailbox or system), not about whom the mail is for
_SENDERS = {"7", "8"}
#: about how servers speak with each other, or an address that is good
_OTHERS = {"5", "9"}
_OF_SENDER = re.compile(r"\bsender\b|\bfrom (?:address|domain)", re.IGNORECASE)
#: too large for the mailbox or the system, and what content makes a server refuse (RFC 3463, 3.3, 3.4, 3.7)
_OF_MESSAGE = {("2", "3"), ("3", "4")}
#: what says so little that words count for more
_VAGUE = {("0", "0"), ("1", "0"), ("2", "0"), ("3", "0"), ("4", "0"), ("4", "1"), ("5", "0")}

#: nobody is there; each is what some server says, and means nothing else
_NOBODY = re.compile(
    r"user unknown|unknown user|no such (?:user|recipient|mailbox|person|address|local user)|"
    r"(?:user|recipient|mailbox|account|address|e-?mail account[^.\n]{0,40}) (?:does not|doesn't|doesn’t) exist|"
    r"(?:unknown|invalid) (?:recipient|mailbox|local[ -]part)|(?:recipient|user|mailbox|address) (?:is )?unknown|"
    r"(?:recipient|user|mailbox)(?: was| is)? not found|recipientnotfound|no mailbox here by that name|"
    r"not a valid (?:mailbox|recipient|user)|account (?:has been |is )?(?:deleted|discontinued|closed)|"
    r"recipient address rejected: access denied",
    re.IGNORECASE,
)


def status_in(text: str) -> str:
    """Return the first status of a failure in a text, else what the first SMTP reply in it amounts to, else nothing."""
    for found in STATUS.finditer(text):
        if found[1] != "2":
            return found[0]
    reply = _REPLY.search(text)
    return _OF_REPLY.get(reply[1], f"{reply[1][0]}.0.0") if reply else ""


def finer(status: str, said: str) -> str:
    """Return the status that a server said, where the one reported is vague or missing, and of the same class."""
    parts = status.split(".")
    if len(parts) == 3 and tuple(parts[1:]) not in _VAGUE and parts[0] != "2":
        return status
    told = status_in(said)
    same = not status or parts[0] == "2" or told[:1] == parts[0]
    return told if told and same and not (status and told.endswith(".0.0")) else status


def weigh(status: str, said: str) -> ReturnKind:
    """Return what a failure says of the address.

    5.1.x is a bad address, but for what is about the sender; so is what says nothing, where its words are plain. Who
    refuses the sender, or what the mail holds, says nothing of the address: one day of a broken DNS record would else
    count for every reader.

    Args:
        status: like `5.1.1`.
        said: the words beside it.
    """
    kind, subject, detail = status.split(".")
    if subject == "7" or subject == "6" or (subject, detail) in _OF_MESSAGE or (subject == "1" and detail in _SENDERS):
        return "refused"
    if (subject, detail) in _VAGUE and _OF_SENDER.search(said):
        return "refused"
    if kind != "5":
        return "counted"
    if subject == "1" and detail not in _OTHERS:
        return "permanent"
    vague = (subject, detail) in _VAGUE or subject == "5"
    return "permanent" if vague and _NOBODY.search(said) else "counted"


def says_nobody(text: str) -> bool:
    """Whether a text without any code says plainly that nobody is at the address."""
    return _NOBODY.search(text) is not None
