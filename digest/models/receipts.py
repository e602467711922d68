"""What a run did, and why. May import listings."""

from __future__ import annotations

from datetime import date as Date
from datetime import datetime
from typing import Literal

from pydantic import Field

from digest.models.base import Value
from digest.models.listings import DateRule, Span

Verdict = Literal[
    "published",
    "quiet: calendar",
    "quiet: all seen",
    "quiet: nothing arrived",
    "waiting",
    "held",
    "stale",
    "shrunken",
    "partial",
    "broken",
]
#: `calendar`: nothing came, and that is its way today; `partial`: some of its parts could not be read, the others were
SourceStatus = Literal["ok", "calendar", "empty", "partial", "failed"]


class DumpReceipt(Value):
    """One dump in a receipt."""

    name: str
    sha256: str
    date: Date | None
    date_rule: DateRule | None


class Rejection(Value):
    """One rejected listing in a receipt."""

    dump: str
    span: Span
    reason: str


class SourceReceipt(Value):
    """What a run found at one source; `listed = new + revised + enriched + seen + rejected`."""

    name: str
    status: SourceStatus = "ok"
    dumps: tuple[DumpReceipt, ...] = ()
    listed: int = 0
    new: int = 0
    revised: int = 0
    enriched: int = 0
    seen: int = 0
    rejected: int = 0
    #: listings among those that only became known, since its first run announces the newest date alone
    older: int = 0
    #: source before it in the same run -> how many papers are new there that it lists, too
    elsewhere: dict[str, int] = Field(default_factory=dict)
    note: str | None = None
    rejections: tuple[Rejection, ...] = ()
    #: what is odd about its newest batch: that of the day before once more, or far smaller than any before
    warning: Literal["stale", "shrunken"] | None = None
    #: what shows it
    evidence: str | None = None
    #: on how many days in a row its fetches failed, this one included
    failing_days: int = 0


class EditionReceipt(Value):
    """What a run did for one newsletter; number, date, entries are None, 0 where no edition came."""

    newsletter: str
    verdict: Verdict
    #: one sentence of facts for the verdict
    evidence: str
    number: int | None = None
    date: Date | None = None
    entries: int = 0
    sections: int = 0
    #: paths below the output folder
    files: tuple[str, ...] = ()


class DeliveryCounts(Value):
    """Deliveries of a run by state."""

    pending: int = 0
    submitted: int = 0
    deferred: int = 0
    failed: int = 0
    unknown: int = 0


class Receipt(Value):
    """What a run did, and why; `digest --json` prints it."""

    verdict: Verdict
    started_at: datetime
    sources: tuple[SourceReceipt, ...] = ()
    editions: tuple[EditionReceipt, ...] = ()
    deliveries: DeliveryCounts = DeliveryCounts()
