"""The seam of what comes back: bounces, complaints, and mails that ask to be left out. May import models."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

from digest.models import Delivery, ReturnKind


class Sent(NamedTuple):
    """A delivery, as far as one has to know it that came back."""

    id: int
    subscription: int
    newsletter: str
    upto: int
    #: None: not known here, or forgotten
    address: str | None


class Addressee(NamedTuple):
    """A subscription, as far as one has to know it whose reader writes back."""

    id: int
    newsletter: str
    #: None: not known here, or forgotten
    address: str | None


#: what noting did: `suppressed`: nothing goes to the address any more; `noted`: it counts, or is only told;
#: `known`: nothing, for it had been noted before, or is of a time before she came back
ReturnEffect = Literal["suppressed", "noted", "known"]


class Returns(Protocol):
    """What came back. All methods raise StoreError for what the driver refuses; each that writes is one transaction.

    Each may be repeated: what is noted once is noted.
    """

    def sent(self, delivery: int) -> Sent | None:
        """Return a delivery; None: it is not known, or no longer."""

    def sent_to(self, subscription: int, upto: int) -> Sent | None:
        """Return the delivery that brought a subscription up to an edition; None: it is not known, or no longer."""

    def addressee(self, subscription: int) -> Addressee | None:
        """Return whose a subscription is; None: it is not known."""

    def note(self, delivery: int, kind: ReturnKind, note: str, *, at: datetime) -> ReturnEffect:
        """Note that a delivery came back; a graver kind replaces the one noted before.

        A `permanent` one and a `complaint` suppress the address at once, a `counted` one where enough came back in a
        row. What was sent before the subscription began anew suppresses nothing.

        Args:
            delivery: its id.
            kind: as what.
            note: what was said, in one line.
            at: now.
        """

    def object(self, subscription: int, note: str, *, at: datetime, written: datetime | None) -> ReturnEffect:
        """Suppress the address of a subscription whose reader called a mail spam; nobody knows which.

        Args:
            subscription: its id.
            note: what was said, in one line.
            at: now.
            written: when that was; of a time before the subscription began it does nothing. None: now.
        """

    def leave(self, subscription: int, *, at: datetime, why: str, written: datetime | None) -> bool:
        """End a subscription whose reader asked for it; False: it had ended, or was asked before it began anew.

        Args:
            subscription: its id.
            at: now.
            why: kept with it.
            written: when she asked; None: now.
        """

    def count(self, newsletter: str, upto: int) -> int:
        """Return how many deliveries came back of those whose last edition is `upto`."""

    def returned(self, newsletter: str, upto: int, limit: int) -> Sequence[Delivery]:
        """Return deliveries that came back of those whose last edition is `upto`, by id."""
