"""A mail that came back, or that a reader or her server wrote -> what it is. Any bytes can be read.

    bytes -> parts -> complaint | report | request | automatic answer | words of a server | letter

Read are delivery status notifications (RFC 3464), complaints (RFC 5965), what List-Unsubscribe asks for (RFC 2369), and
bounces in words alone; automatic answers (RFC 3834), read receipts (RFC 8098) and letters are told apart from them.
Whom a mail is about is told by tokens, which are only collected here: whoever has the secret reads them. Pure; may
import links, models and this package.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import Literal

from digest.delivery import returned_mime as mime
from digest.delivery import returned_words as words
from digest.delivery.replies import one_line
from digest.delivery.returned_mime import Fields, Part
from digest.links import TOKEN
from digest.models import ReturnKind

#: `delivered`: a report that it arrived; `unclear`: a server returned it, and does not say why; `letter`: none of these
ReturnedKind = Literal["bounce", "delayed", "delivered", "complaint", "unsubscribe", "automatic", "unclear", "letter"]

#: characters of a part in which words and tokens are looked for, tokens of a kind in all, recipients of a report
_TEXT, _TOKENS, _GROUPS = 50_000, 10, 20
_VERP = re.compile(rf"\+({TOKEN})@")
_ASKED = re.compile(
    rf"unsubscribe(?:%20|[ \t])+[a-z0-9][a-z0-9-]{{0,62}}(?:%20|[ \t])+({TOKEN})(?![A-Za-z0-9])", re.IGNORECASE
)
_OWN_ID = re.compile(r"<[a-z0-9][a-z0-9-]{0,62}\.\d{1,18}\.[0-9a-f]{32}@[A-Za-z0-9.\[\]:-]{1,253}>")
_ADDRESS = re.compile(r"[^\s<>;,:\"]+@[^\s<>;,:\"]+")

_STATUS_TYPES = {"message/delivery-status", "message/global-delivery-status"}
_COPY_TYPES = {"message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"}
#: kinds of complaints that say somebody does not want the mail (RFC 5965, 7.3)
_UNWANTED = {"abuse", "fraud", "opt-out", "opt-out-list", "other"}

_DAEMON = re.compile(
    r"\b(?:mailer[-_ ]?daemon|mail[-_ ]?daemon|postmaster|mdaemon|mail delivery (?:sub)?system)\b", re.IGNORECASE
)
_ANSWER = re.compile(r"(?:auto(?:matic)?[- ]?(?:reply|response)|out of (?:the )?office)\b", re.IGNORECASE)
_RETURNED = re.compile(
    r"undeliver|delivery (?:status notification|failure|has failed|failed|report)|failure notice|returned mail|"
    r"mail delivery (?:failed|failure)|could not be delivered|non[- ]?delivery|unzustellbar|nicht zugestellt",
    re.IGNORECASE,
)
_DELAYED = re.compile(
    r"warning message only|will (?:be retried|continue to (?:be tried|try)|keep trying)|still being retried|"
    r"has not yet been delivered|no action is required on your part|delivery (?:is |has been )?delayed|"
    r"do not need to resend",
    re.IGNORECASE,
)
_DELAYED_SUBJECT = re.compile(r"^warning:|\bdelayed\b|\(delay\)", re.IGNORECASE)
#: where the mail begins that a server returns within its words
_COPY = re.compile(
    r"^.{0,40}(?:copy of (?:the|your) (?:original )?(?:message|mail)|original message(?: headers| follows)?\b.{0,20}$|"
    r"(?:returned|body of the) message (?:is|follows|below)|message headers? follow).*$|"
    r"^>?\s*(?:return-path|received|message-id|list-unsubscribe)\s*:",
    re.IGNORECASE | re.MULTILINE,
)
_FAILED_RECIPIENTS = "x-failed-recipients"


@dataclass(frozen=True)
class Failure:
    """That a mail did not reach a recipient."""

    #: what it says of the address
    kind: ReturnKind
    #: like `5.1.1` (RFC 3463); "" where only words tell
    status: str
    #: what the server said, in one line
    said: str
    #: whose mailbox, as the report names it; there may be several names, or none
    recipients: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """Status and words in one line."""
        return self.said if self.status in self.said else f"{self.status} {self.said}".strip()


@dataclass(frozen=True)
class Returned:
    """What a mail is, and what may say whom it is about."""

    kind: ReturnedKind
    #: of a bounce: at least one
    failures: tuple[Failure, ...] = ()
    #: of a complaint and of what is unclear: what it says of itself
    said: str = ""
    #: what may be tokens of deliveries, the likeliest first
    bounce_tokens: tuple[str, ...] = ()
    #: what may be tokens of subscriptions: of a request its own, else those of the mail that it returns
    unsubscribe_tokens: tuple[str, ...] = ()
    #: Message-IDs of the form that ours have, of the mail that it returns
    message_ids: tuple[str, ...] = ()
    #: when it arrived, or was written; None: it does not say
    at: datetime | None = None


@dataclass(frozen=True)
class _Mail:
    """A mail, cut into what its readers look at."""

    top: Fields
    parts: tuple[Part, ...]
    #: the header section, as it is
    head: str

    @property
    def subject(self) -> str:
        return one_line(mime.plain(self.top.first("subject")))

    def of(self, types: Iterable[str]) -> list[Part]:
        return [part for part in self.parts if part.type in types]


def read(raw: bytes) -> Returned:
    """Return what a mail is; nothing raises, whatever the bytes.

    Args:
        raw: the message as it lies in a mailbox; of one over a mebibyte the beginning counts.
    """
    content = mime.lines(raw)
    top, _ = mime.cut(content)
    mail = _Mail(top, tuple(mime.leaves(content)), mime.decoded(content.partition(b"\n\n")[0]))
    spoken, copy = _words(mail)
    found = _complaint(mail) or _report(mail, spoken) or _request(mail, spoken) or _in_words(mail, spoken)
    return _with_traces(found, mail, copy)


# Complaints


def _complaint(mail: _Mail) -> Returned | None:
    for part in mail.of({"message/feedback-report"}):
        told = mime.fields(part.text)
        kind = told.first("feedback-type").lower()
        agent = told.first("user-agent") or told.first("reporting-mta")
        if kind in _UNWANTED:
            return Returned("complaint", said=one_line(f"{kind}, told by {agent}" if agent else kind))
        return Returned("automatic", said=one_line(f"a report of {kind or 'nothing'}"))
    return None


# Reports of delivery


def _report(mail: _Mail, spoken: str) -> Returned | None:
    """Read the groups of a delivery status notification: each that has an action, a status or a recipient is of one."""
    actions, failures = [], []
    for part in mail.of(_STATUS_TYPES):
        for group in re.split(r"\n[ \t]*\n", part.text, maxsplit=_GROUPS)[:_GROUPS]:
            told = mime.fields(group.strip("\n"))
            if any(told.first(name) for name in ("action", "status", "final-recipient")):
                action, failure = _of_group(told, spoken)
                actions.append(action)
                failures += [failure] if failure else []
    if failures:
        return Returned("bounce", tuple(failures))
    if "delayed" in actions:
        return Returned("delayed")
    if actions and all(action in ("delivered", "relayed", "expanded") for action in actions):
        return Returned("delivered")
    if mail.of({"message/disposition-notification"}):
        return Returned("automatic", said="a read receipt")
    return None


def _of_group(told: Fields, spoken: str) -> tuple[str, Failure | None]:
    """Return the action of a recipient's fields (RFC 3464, 2.3), and the failure that they tell."""
    names = _addresses(told.every("original-recipient") + told.every("final-recipient"))
    said = one_line(told.first("diagnostic-code").partition(";")[2] or told.first("diagnostic-code"))
    said = said or _said_beside(names, spoken)
    found = words.STATUS.search(told.first("status"))
    status = words.finer(found[0] if found else "", said)
    action = told.first("action").lower().partition(" ")[0]
    if not action:
        action = "delivered" if status.startswith("2") else "failed"
    if action != "failed":
        return action, None
    if not status or status.startswith("2"):
        return "unclear", None
    said = said or one_line(told.first("status"))
    return action, Failure(words.weigh(status, said), status, said, names)


def _said_beside(names: Sequence[str], spoken: str) -> str:
    """Return the words after a recipient's name: of what never left it, a server knows no diagnostic code."""
    lines = [line.strip() for line in spoken.split("\n")]
    for line, after in pairwise(lines):
        if any(name in line for name in names):
            return one_line(after)
    return ""


def _addresses(fields: Iterable[str]) -> tuple[str, ...]:
    found = [address for field in fields for address in _ADDRESS.findall(field.partition(";")[2] or field)]
    return tuple(dict.fromkeys(found))


# Requests of readers


def _request(mail: _Mail, spoken: str) -> Returned | None:
    """Read the mail that List-Unsubscribe makes: by its subject, or by one of its first lines.

    What an automatic answer or a reply quotes of our mail is no request.
    """
    subject = re.sub(r"^(?:\s*(?:re|aw|sv|fwd?|wg)\s*:)+", "", mail.subject, flags=re.IGNORECASE).strip()
    found = _ASKED.fullmatch(subject)
    if not found and not _is_automatic(mail):
        first = [line.strip() for line in spoken.split("\n") if line.strip()][:3]
        found = next((one for line in first if (one := _ASKED.fullmatch(line))), None)
    return Returned("unsubscribe", unsubscribe_tokens=(found[1],)) if found else None


def _is_automatic(mail: _Mail) -> bool:
    """Whether nobody wrote it (RFC 3834, 5), by its own field or by those in use before."""
    top = mail.top
    submitted = top.first("auto-submitted").lower().partition(";")[0].strip()
    return (
        submitted not in ("", "no")
        or top.first("precedence").lower() in ("auto_reply", "bulk", "junk", "list")
        or any(top.first(name) for name in ("x-autoreply", "x-autorespond", "x-auto-response-suppress"))
        or _ANSWER.match(mail.subject) is not None
    )


# Servers that say it in words


def _in_words(mail: _Mail, spoken: str) -> Returned:
    top = mail.top
    sender = f"{mime.plain(top.first('from'))} {top.first('sender')}"
    failed = top.first(_FAILED_RECIPIENTS)
    reports = top.first("content-type").lower().startswith("multipart/report")
    daemon = bool(failed) or reports or _DAEMON.search(sender) is not None
    returned = _RETURNED.search(mail.subject) is not None
    if not (daemon or (returned and not _is_automatic(mail))):
        return Returned("automatic" if _is_automatic(mail) else "letter", said=mail.subject)
    if _DELAYED_SUBJECT.search(mail.subject) or _DELAYED.search(spoken):
        return Returned("delayed")
    status = words.status_in(spoken)
    if status:
        said = _line_of(status, spoken)
        return Returned("bounce", (Failure(words.weigh(status, spoken), status, said, _addresses([failed])),))
    if returned and words.says_nobody(spoken):
        return Returned("bounce", (Failure("permanent", "", _line_of("", spoken), _addresses([failed])),))
    return Returned("unclear", said=mail.subject)


def _line_of(status: str, text: str) -> str:
    """Return the line that tells a status, or that nobody is there."""
    told = [line for line in text.split("\n") if line.strip()]
    told_so = (line for line in told if (status and status in line) or (words.status_in(line) == status != ""))
    return one_line(next(told_so, next((line for line in told if words.says_nobody(line)), text)))


def _words(mail: _Mail) -> tuple[str, str]:
    """Return what is said, without the mail that is returned within it, and that."""
    texts = mail.of({"text/plain"}) or mail.of({"text/html"})
    whole = "\n".join(part.text[:_TEXT] for part in texts)[:_TEXT]
    found = _COPY.search(whole)
    return (whole[: found.start()], whole[found.start() :]) if found else (whole, "")


# Whom it is about


def _with_traces(found: Returned, mail: _Mail, copy: str) -> Returned:
    """Add what may be tokens: of the headers first, for they tell the envelope, then of the mail that is returned."""
    returned = "\n".join(_copied(mail, copy))
    about = "" if found.kind in ("letter", "automatic") else returned
    own = found.unsubscribe_tokens
    return Returned(
        found.kind,
        found.failures,
        found.said,
        bounce_tokens=_distinct(_VERP.findall(f"{mail.head}\n{about}")),
        unsubscribe_tokens=own or _distinct(_ASKED.findall(mime.FOLD.sub(" ", about))),
        message_ids=_distinct(_OWN_ID.findall(about)),
        at=_arrived(mail.top),
    )


def _copied(mail: _Mail, copy: str) -> Iterator[str]:
    """Yield the headers of what is returned, and what a complaint says of its envelope (RFC 5965, 3.2)."""
    for part in mail.parts:
        if part.type in _COPY_TYPES:
            yield mime.decoded(part.body.lstrip(b"\n").partition(b"\n\n")[0])[:_TEXT]
        elif part.type == "message/feedback-report":
            yield part.text[:_TEXT]
    yield copy


def _distinct(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found))[:_TOKENS]


def _arrived(top: Fields) -> datetime | None:
    """Return when the last server took it, else when it says that it was written."""
    for told in (top.first("received").rpartition(";")[2], top.first("date")):
        try:
            found = parsedate_to_datetime(told.strip())
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            # it is missing, or no date: the next may be one
            continue
    return None
