"""Mail that came back -> what follows from it: who gets nothing any more, who has left.

    mailbox -> message -> what it is -> whom it is about, by a token -> the store -> marked as read

A token proves that a delivery is ours: what has none changes nothing, for anybody can write it. All effects may be
repeated, so that it can die anywhere, and mail may be read twice. May import bootstrap and all below it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from digest import links
from digest.addresses import key
from digest.bootstrap import System
from digest.config import Config, resolve_inbox
from digest.delivery.returned import Failure, Returned, ReturnedKind, read
from digest.delivery.returned_files import Box, Maildir
from digest.logs import logger
from digest.models import ReturnKind
from digest.protocols import Addressee, Sent, Store

#: whose notes it keeps in the store, beside what sources remember: no source is called so
_NOTES = "digest: inbox"
_OWN_ID = re.compile(r"<([a-z0-9-]+)\.(\d+)\.([0-9a-f]{8})[0-9a-f]{24}@(.+)>")
#: kept with a subscription
ASKED = "asked by mail"

#: what became of a message. `suppressed`: nothing goes to its address any more; `counted`: it does after too many of
#: these; `refused`: for what we are or send; `unsubscribed`, `complained`: by the reader's wish; `ignored`: it needs
#: nothing, or was known; `foreign`: it is about no mail of ours; `unclear`: nobody knows what it says; `letter`: a
#: person, or none of ours
Effect = Literal[
    "suppressed", "counted", "refused", "unsubscribed", "complained", "ignored", "foreign", "unclear", "letter"
]
#: what changes something, the gravest first
CHANGES: tuple[Effect, ...] = ("suppressed", "complained", "unsubscribed", "counted", "refused")
#: what stays unread, for a person
LEFT: frozenset[Effect] = frozenset({"foreign", "unclear", "letter"})


@dataclass(frozen=True)
class Read:
    """A message that was read."""

    #: what a person finds it by
    name: str
    kind: ReturnedKind
    effect: Effect
    newsletter: str | None = None
    #: whom it is about, where that is known
    address: str | None = None
    #: what it says
    note: str = ""


@dataclass(frozen=True)
class Collected:
    """What came back."""

    messages: tuple[Read, ...] = ()
    #: what the mailboxes are called
    boxes: tuple[str, ...] = ()

    @property
    def counts(self) -> Mapping[Effect, int]:
        """How many messages had which effect."""
        return Counter(one.effect for one in self.messages)


def inbox(
    config: Config,
    remembered: Mapping[str, str] | None = None,
    *,
    mark: bool = True,
    environ: Mapping[str, str] | None = None,
) -> Box | None:
    """Return the mailbox of `[mail.inbox]`; nothing is connected yet. None: there is none.

    Args:
        config: names it.
        remembered: what it returned as its memory the last time.
        mark: whether messages are marked as read.
        environ: where secrets are looked up; default: the process's.

    Raises:
        ConfigError: a secret of it cannot be read.
    """
    found = resolve_inbox(config, environ)
    if found is None:
        return None
    if isinstance(found, Path):
        return Maildir(found, remembered, mark=mark)
    from digest.delivery.returned_imap import ImapBox

    return ImapBox(found, remembered, mark=mark)


def collect(wired: System, *, mark: bool = True) -> Collected:
    """Read what came back to the mailbox of `[mail.inbox]` since the last time, and do what follows from it.

    Args:
        wired: the system.
        mark: whether messages are marked as read, and what stays unread is remembered.

    Raises:
        DigestError: the mailbox cannot be read, or the store refuses; what was done before stays done.
    """
    store = wired.store
    box = inbox(wired.config, store.remembered(_NOTES), mark=mark)
    if box is None:
        return Collected()
    done = collect_from(store, [box], wired.parts.clock())
    if mark:
        store.keep_notes(_NOTES, box.memory())
    if done.messages:
        logger().info("mail came back", **dict(sorted(done.counts.items())))
    return done


def collect_from(store: Store, boxes: Iterable[Box], now: datetime) -> Collected:
    """Read mailboxes, and do what follows from their messages.

    Raises:
        TransportError: one cannot be read; what was done before stays done.
        StoreError: the store refuses; likewise.
    """
    judge, found, names = _Judge(store, now), list[Read](), list[str]()
    for box in boxes:
        names.append(box.name)
        with closing(box):
            for message in box.messages():
                done = judge.take(message.name, read(message.content))
                found.append(done)
                if done.effect not in LEFT:
                    box.done(message)
    return Collected(tuple(found), tuple(names))


class _Judge:
    """Does what follows from a message."""

    def __init__(self, store: Store, now: datetime) -> None:
        self._returns, self._now = store.returns, now
        self._secret = store.subscribers.secret()

    def take(self, name: str, message: Returned) -> Read:
        """Do what follows from a message, and say what it was."""
        sent = self._delivery(message)
        whose = self._subscription(message)
        told = sent or whose
        newsletter, address = (told.newsletter, told.address) if told else (None, None)
        effect, note = self._effect(message, sent, whose)
        return Read(name, message.kind, effect, newsletter, address, note)

    def _effect(self, message: Returned, sent: Sent | None, whose: Addressee | None) -> tuple[Effect, str]:
        known = sent is not None or whose is not None
        match message.kind:
            case "bounce":
                failure = _chosen(message.failures, sent.address if sent else None)
                return (self._bounced(sent, failure) if sent else "foreign"), failure.note
            case "complaint":
                return self._complained(message, sent, whose), message.said
            case "unsubscribe":
                return (self._left(message, whose) if whose else "foreign"), ASKED
            case "unclear":
                return "unclear", message.said
            case "letter":
                return "letter", message.said
            case kind:
                return ("ignored" if known else "letter"), message.said or kind

    def _bounced(self, sent: Sent, failure: Failure) -> Effect:
        done = self._returns.note(sent.id, failure.kind, failure.note, at=self._now)
        if done == "noted":
            return "refused" if failure.kind == "refused" else "counted"
        return "suppressed" if done == "suppressed" else "ignored"

    def _complained(self, message: Returned, sent: Sent | None, whose: Addressee | None) -> Effect:
        if sent is not None:
            done = self._returns.note(sent.id, "complaint", message.said, at=self._now)
        elif whose is not None:
            done = self._returns.object(whose.id, message.said, at=self._now, written=message.at)
        else:
            return "foreign"
        return "ignored" if done == "known" else "complained"

    def _left(self, message: Returned, whose: Addressee) -> Effect:
        ended = self._returns.leave(whose.id, at=self._now, why=ASKED, written=message.at)
        return "unsubscribed" if ended else "ignored"

    # Whom it is about

    def _delivery(self, message: Returned) -> Sent | None:
        """Return the delivery that a message names, by the address it came to, else by the mail that it returns."""
        numbers = self._numbers("bounce", message.bounce_tokens)
        found = next((one for number in numbers if (one := self._returns.sent(number))), None)
        return found or next(self._by_message_id(message), None)

    def _by_message_id(self, message: Returned) -> Iterator[Sent]:
        """Yield the deliveries of Message-IDs that are ours, which only the subscription's own proof can tell."""
        for subscription in self._numbers("unsubscribe", message.unsubscribe_tokens):
            for id in message.message_ids:
                parts = _OWN_ID.fullmatch(id)
                if parts is None:
                    continue
                newsletter, upto, seal, host = parts[1], int(parts[2]), parts[3], parts[4]
                if links.delivery_message_id(host, newsletter, subscription, upto, seal, self._secret) == id:
                    sent = self._returns.sent_to(subscription, upto)
                    yield from [sent] if sent else []

    def _subscription(self, message: Returned) -> Addressee | None:
        numbers = self._numbers("unsubscribe", message.unsubscribe_tokens)
        return next((one for number in numbers if (one := self._returns.addressee(number))), None)

    def _numbers(self, purpose: links.Purpose, tokens: Iterable[str]) -> Iterator[int]:
        numbers = (links.read_token(self._secret, purpose, token) for token in tokens)
        return (number for number in numbers if number is not None)


_ORDER: dict[ReturnKind, int] = {"refused": 0, "counted": 1, "permanent": 2, "complaint": 3}


def _chosen(failures: Iterable[Failure], address: str | None) -> Failure:
    """Return the failure that is about an address: the gravest of those that name it, or name nobody.

    A report about others only is of addresses to which hers forwards, or of the members of a list: what is wrong with
    them is not wrong with her.
    """
    graver = sorted(failures, key=lambda one: -_ORDER[one.kind])
    own = [one for one in graver if address is None or not one.recipients or _names(one.recipients, address)]
    if own:
        return own[0]
    other = graver[0]
    kind: ReturnKind = "counted" if other.kind == "permanent" else other.kind
    said = f"{other.said} (of {other.recipients[0]})"
    return Failure(kind, other.status, said, other.recipients)


def _names(recipients: Iterable[str], address: str) -> bool:
    """Whether one of the names is hers; servers may write the host in another way."""
    local = key(address).rpartition("@")[0]
    return any(key(one) == key(address) or key(one).rpartition("@")[0] == local for one in recipients)
