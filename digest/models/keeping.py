"""How long a store keeps what it could do without, and what it holds. May import the base of the values."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from digest.models.base import Value

_PERIOD = re.compile(r"\s*(\d{1,5})\s*([dwy])\s*")
_DAYS = {"d": 1, "w": 7, "y": 365}
#: what a relay's daily limit counts must still be there, however short a period somebody asks for
SHORTEST = timedelta(days=7)


def _period(value: Any) -> Any:
    if value is None or isinstance(value, timedelta):
        return value
    if value == "forever":
        return None
    found = _PERIOD.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise ValueError("use a number with d, w or y, like '90d', or 'forever'")
    period = timedelta(days=int(found[1]) * _DAYS[found[2]])
    if period < SHORTEST:
        raise ValueError(f"that is too short: at least {SHORTEST.days}d are kept")
    return period


#: None: forever
Period = Annotated[timedelta | None, BeforeValidator(_period)]


class Keep(Value):
    """The `[keep]` table: after which time a store lets go of what; None: never.

    Raw bytes stay for ever unless told otherwise: with them a better reader repairs the past, and a year of dumps is
    some 80 MB. Ledger, receipts and fetches have no such use, and the ledger says who read what.
    """

    #: raw bytes of committed dumps; what was read from them stays
    raw: Period = None
    receipts: Period = Field(default=timedelta(days=365))
    #: deliveries that are final, but those of the newest edition; their counts stay
    ledger: Period = Field(default=timedelta(days=365))
    fetches: Period = Field(default=timedelta(days=90))
    #: editions are immutable, and stay
    archive: Literal["forever"] = "forever"


class Tidied(Value):
    """What a store let go of, or would."""

    #: dumps whose raw bytes went, and how many bytes that were
    dumps: int = 0
    bytes: int = 0
    receipts: int = 0
    deliveries: int = 0
    fetches: int = 0
    #: whether there is more, which the next call takes
    more: bool = False

    def __add__(self, other: Tidied) -> Tidied:
        """Return both; whether there is more, the later one knows."""
        names = ("dumps", "bytes", "receipts", "deliveries", "fetches")
        sums: dict[str, int] = {name: getattr(self, name) + getattr(other, name) for name in names}
        return Tidied.model_validate({**sums, "more": other.more})

    @property
    def rows(self) -> int:
        """How many rows it concerned."""
        return self.dumps + self.receipts + self.deliveries + self.fetches


class Sizes(Value):
    """What a store holds."""

    #: for people, without a password
    place: str
    #: of the schema
    revision: str
    #: on disk; what `free` of it VACUUM would give back, where the database tells
    bytes: int
    free: int | None
    dumps: int
    #: of these the raw bytes are kept
    readable: int
    #: that the raw bytes take, compressed
    raw_bytes: int
    papers: int
    editions: int
    subscribers: int
    deliveries: int
    #: deliveries that are only counted any more
    tidied: int
    #: when it was tidied last; None: never
    tidied_at: str | None
    #: that it is a restored backup, and what follows from it
    restored: str | None


class BackupMade(Value):
    """A backup that was checked."""

    path: str
    bytes: int
    #: by table
    rows: dict[str, int]
    #: older ones that were removed
    removed: tuple[str, ...] = ()
