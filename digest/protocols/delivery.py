"""The seams of delivery: who reads, the ledger of what went to whom, what takes a message away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

from digest.models import (
    Admission,
    Delivery,
    DeliveryCounts,
    DeliveryState,
    Origin,
    Subscriber,
    Subscription,
    SubscriptionStatus,
    Suppression,
    UnknownPolicy,
)


class Subscribers(Protocol):
    """The people. All methods raise StoreError for what the driver refuses; each that writes is one transaction."""

    def secret(self) -> bytes:
        """Return the 32 bytes that all tokens and hashes of this store are keyed with; made once, copied with it."""

    def admit(
        self,
        newsletter: str,
        people: Sequence[Subscriber],
        *,
        at: datetime,
        origin: Origin,
        confirmed_by: str | None,
        mark: int | None = None,
        again: bool = False,
    ) -> Sequence[Admission]:
        """Add people to a newsletter, or bring their wishes up to date; one answer each, in the same order.

        Refused are addresses under suppression and people who unsubscribed, unless `again`, which is their own wish
        and lifts both.

        Args:
            newsletter: which; one met before.
            people: whom, with checked addresses.
            at: now.
            origin: what names them.
            confirmed_by: the recorded consent; None: they are `unconfirmed`, and get nothing.
            mark: the last edition they count as served; default: the newest there is.
            again: they asked for it after they had left.
        """

    def keep_only(self, newsletter: str, addresses: Sequence[str], *, at: datetime, why: str) -> int:
        """End the subscriptions of origin `file` whose address is not among `addresses`; return how many.

        They may come back with the file.
        """

    def unsubscribe(self, address: str, *, at: datetime, why: str, newsletter: str | None = None) -> int:
        """End a person's subscription, or all of hers; what is pending for them fails. Return how many ended."""

    def forget(self, address: str, *, at: datetime) -> bool:
        """Delete all that says who a person is; a keyed hash stays, so that no import brings her back.

        False: the address is not known.
        """

    def suppress(self, address: str, *, at: datetime, reason: str, evidence: str = "") -> None:
        """Let nothing go to an address any more; what is pending for it fails."""

    def suppression(self, address: str) -> Suppression | None:
        """Return why nothing goes to an address; None: nothing keeps it."""

    def subscriptions(
        self,
        newsletter: str | None = None,
        *,
        status: SubscriptionStatus | None = None,
        address: str | None = None,
        origin: Origin | None = None,
    ) -> Iterator[Subscription]:
        """Yield subscriptions by id, a few at a time: there may be a million."""

    def subscriber_counts(self, newsletter: str) -> Mapping[SubscriptionStatus, int]:
        """Return how many subscriptions have each status."""


class Timing(NamedTuple):
    """When somebody wants her mail; all who want the same share one."""

    #: IANA name; None: the newsletter's
    timezone: str | None
    #: of Cadence
    cadence: str
    hour: int | None


class Claimed(NamedTuple):
    """A delivery that a sender works on, with all that its message depends on."""

    id: int
    subscription: int
    newsletter: str
    #: it covers the editions `after < number <= upto`
    after: int
    upto: int
    #: tries before this one
    tries: int
    address: str
    name: str
    #: of MailFormat
    format: str
    #: names, with commas between them
    groups: str
    #: of Origin
    origin: str
    #: when the subscription began
    since: datetime
    confirmed_by: str | None
    #: when it was first tried; None: never
    first_try: datetime | None


class Outcome(NamedTuple):
    """What became of a message."""

    #: `pending`: it was not tried; nothing of it counts
    state: Literal["submitted", "deferred", "failed", "unknown", "pending"]
    #: SMTP reply code (RFC 5321, 4.2); None where no server answered
    code: int | None = None
    #: enhanced status like `5.1.1` (RFC 3463), where given
    status: str | None = None
    #: what the server said, or why nothing was said; one line
    text: str = ""


class Concluded(NamedTuple):
    """What the ledger is told of a message."""

    delivery: Claimed
    outcome: Outcome
    #: of a deferred one: when it is tried again
    not_before: datetime | None = None


class Recovered(NamedTuple):
    """What senders that ended left behind."""

    #: claims given back
    returned: int
    #: messages of which nobody knows whether the server took them, now `unknown`
    unknown: int
    #: the same, pending once more because their newsletter says `resend`
    resent: int


class Ledger(Protocol):
    """What went to whom. Any number of senders may use it at once; each may die anywhere.

    Each transition checks the sender's token and the state before; leases run in real time, other instants are the
    caller's. All methods raise StoreError for what the driver refuses; each that writes is one transaction, durable
    when it returns.
    """

    def sender(self, owner: str) -> AbstractContextManager[str]:
        """Enlist a sender for the block and yield its token, which all its claims carry; gives back what is left.

        A thread renews its lease; a sender whose process is dead or whose lease is over has lost its claims.
        """

    def recover(self, policies: Mapping[str, UnknownPolicy], now: datetime) -> Recovered:
        """Take back what senders that have ended left: claims become pending, messages in flight `unknown`.

        Args:
            policies: newsletter -> what is done about `unknown` ones; `skip` for those not named.
            now: the instant noted.
        """

    def timings(self, newsletter: str) -> Sequence[Timing]:
        """Return the different wishes of a newsletter's confirmed subscribers."""

    def sweep(self, newsletter: str, due: Sequence[Timing], now: datetime, *, upto: int | None = None) -> int:
        """Make a pending delivery for each confirmed subscription whose mark is before `upto`; return how many.

        One statement, safe to repeat, from several processes. A subscription has at most one open delivery; a
        paused newsletter makes none.

        Args:
            newsletter: which.
            due: whose hour it is.
            now: the instant noted.
            upto: number of the last edition they get; default: the newest there is.
        """

    def catch_up(self, newsletter: str) -> int:
        """Move every subscription's mark to the newest edition without a delivery; return how many moved.

        For replays: what they publish is mailed to nobody.
        """

    def claim(self, token: str, limit: int, now: datetime, *, daily_limit: int | None = None) -> Sequence[Claimed]:
        """Take up to `limit` deliveries that are pending, or deferred until now; oldest first.

        Args:
            token: the sender's.
            limit: how many at most.
            now: the instant.
            daily_limit: with those that any sender holds or handed over in the 24 hours before, no more than this.
        """

    def claiming(
        self, token: str, limit: int, now: datetime, *, daily_limit: int | None = None
    ) -> Callable[[], Sequence[Claimed]]:
        """Begin what `claim` does, where the database can do it beside `advance`; else do nothing.

        Returns:
            What waits for the end of it, or does it then; to be called once.
        """

    def advance(
        self,
        token: str,
        begun: Sequence[Claimed],
        concluded: Sequence[Concluded],
        now: datetime,
        *,
        meanwhile: Callable[[], None] | None = None,
    ) -> frozenset[int]:
        """Commit what happened: `begun` go from claimed to in flight, `concluded` to their outcome.

        A final outcome moves the subscription's mark. Outcomes but `pending` count a try. One commit for all. Called
        right before the bytes go out that make a message final.

        Args:
            token: the sender's.
            begun: messages of which all but the end has gone out.
            concluded: what became of others.
            now: the instant noted.
            meanwhile: something to do while the database writes, in the caller's thread; may be left undone. It must
                not use this ledger.

        Returns:
            The ids among `begun` whose claim was lost: nothing of them may go out any more.
        """

    def give_back(self, token: str) -> int:
        """Let go of all claims that are not in flight; return how many."""

    def next_due(self, now: datetime) -> datetime | None:
        """Return when a deferred delivery may be tried next; None: nothing is deferred."""

    def counts(self, newsletter: str | None = None, upto: int | None = None) -> DeliveryCounts:
        """Return how many deliveries are in each state; claimed and in flight count as pending."""

    def deliveries(
        self,
        newsletter: str,
        *,
        number: int | None = None,
        states: Sequence[DeliveryState] = (),
        limit: int | None = None,
    ) -> Sequence[Delivery]:
        """Return deliveries, newest first: those that cover edition `number`, those in one of `states`."""

    def missing(self, newsletter: str, number: int) -> Iterator[tuple[Subscription, Delivery | None]]:
        """Yield the subscriptions that were to get an edition and have no `submitted` delivery of it.

        That is: confirmed ones now, with the delivery that covers it, None where there is none (they began later).
        Of an edition whose deliveries were let go of, nobody.
        """

    def reopen(
        self, newsletter: str, now: datetime, *, states: Sequence[DeliveryState], number: int | None = None
    ) -> int:
        """Make final deliveries in `states` pending once more; return how many.

        Left out are those of suppressed or ended subscriptions, and where another delivery is open.
        """

    def send_missing(self, newsletter: str, number: int, now: datetime) -> int:
        """Make deliveries of one edition for confirmed subscriptions that none covers; return how many.

        StoreError where its deliveries were let go of: nobody knows any more who has it.
        """

    def settle_unknown(self, newsletter: str, now: datetime) -> int:
        """Note that a person looked at the `unknown` ones and leaves them; return how many."""

    def pause(self, newsletter: str, paused: bool) -> None:
        """Make no deliveries of a newsletter, and claim none, until it goes on."""

    def paused(self) -> Sequence[str]:
        """Return the newsletters that are paused."""


class Outgoing(NamedTuple):
    """A message with its envelope (RFC 5321, 2.3.1)."""

    delivery: Claimed
    #: reverse path, without `<>`
    sender: str
    #: forward path, without `<>`
    recipient: str
    #: the message: lines end in CRLF, the last too; no line is longer than 998 bytes; dots are not stuffed. In pieces,
    #: for most of them are the very ones that the next message has
    pieces: tuple[bytes, ...]

    @property
    def content(self) -> bytes:
        """The message as a whole."""
        return b"".join(self.pieces)

    @property
    def size(self) -> int:
        """Its bytes."""
        return sum(map(len, self.pieces))


#: makes the message of a delivery; raises RenderError
Make = Callable[[Claimed], Outgoing]


class Ready(NamedTuple):
    """All of a message has gone out but what makes it final; it waits for `release`."""

    delivery: Claimed


class Answered(NamedTuple):
    """A message has come to an end."""

    delivery: Claimed
    outcome: Outcome


class Lost(NamedTuple):
    """The lane is over; each message it held has been answered for."""

    reason: str
    #: it is the relay's or the configuration's fault, and another connection would fare no better
    hopeless: bool = False


Event = Ready | Answered | Lost


class Lane(Protocol):
    """One connection of a transport: takes a message after the other. Nothing here blocks or touches the ledger.

    A message is offered, becomes `Ready`, is released once the ledger has it in flight, and is `Answered`. One may be
    offered while the one before is in flight, so that its envelope goes out with the other's end (RFC 2920).
    """

    def fileno(self) -> int | None:
        """Return what to wait for; None: `advance` never has to wait."""

    @property
    def writes(self) -> bool:
        """Whether it waits to write, too."""

    @property
    def free(self) -> bool:
        """Whether it takes another message now."""

    @property
    def deadline(self) -> float | None:
        """The instant of `time.monotonic` at which its peer has taken too long; None: it waits for nothing."""

    def offer(self, message: Outgoing) -> None:
        """Take a message, to be transmitted as soon as may be."""

    def advance(self) -> Sequence[Event]:
        """Read and write what can be without waiting, and say what came of it, in its order."""

    def release(self, delivery: Claimed) -> None:
        """Let the bytes go that make a `Ready` message final; they leave in this call or the next `advance`."""

    def close(self, reason: str) -> Sequence[Event]:
        """End the lane, politely if it is idle.

        A message of which the bytes have left that make it final is `unknown`, another one `pending`.
        """


class Transport(Protocol):
    """What takes messages away."""

    @property
    def name(self) -> str:
        """What people call it, like `smtp.gmail.com`; no secret."""

    @property
    def lanes(self) -> int:
        """How many connections it takes at once, at most."""

    def open(self) -> Lane:
        """Open a lane; may block, within its timeout.

        Raises:
            TransportError: it cannot be reached, or refuses us; the message says what to do.
        """
