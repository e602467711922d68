"""What a store tells those who watch over it. May import models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from digest.models import DeliveryState, Receipt, ReturnKind, SubscriptionStatus


@dataclass(frozen=True)
class Figures:
    """What is looked up, however much there is."""

    #: of the schema
    revision: str
    #: on disk, and how many of them are free; None: the database does not tell
    bytes: int
    free: int | None
    #: what the newest run says it did; None: there was none
    receipt: Receipt | None
    #: source -> when all of it was read last
    successes: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class Census:
    """What has to be counted, row by row."""

    #: (newsletter, state) -> deliveries, without unknown ones that a person has left as they are
    deliveries: Mapping[tuple[str, DeliveryState], int]
    #: newsletter -> since when the oldest of its deliveries that wait may go out
    waiting_since: Mapping[str, datetime]
    #: (newsletter, as what) -> deliveries that came back, of those that are still there
    returned: Mapping[tuple[str, ReturnKind], int]
    #: (newsletter, status) -> subscriptions
    subscriptions: Mapping[tuple[str, SubscriptionStatus], int]
    #: addresses that nothing goes to
    suppressed: int
    papers: int
