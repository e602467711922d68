"""Every seam of the system: what a stage may ask of the parts that hold a resource.

Implementations live below `sources/`, `store/`, `rendering/`, `delivery/`; `bootstrap` wires them, `pipeline` and
`outbox` use them.
"""

from __future__ import annotations

from digest.protocols.care import Care
from digest.protocols.catalogue import (
    Batch,
    Decision,
    DumpOutcome,
    Fetching,
    FetchMemory,
    Health,
    Holder,
    KeptDump,
    Lease,
    NewsletterState,
    PaperRecord,
    PossibleDuplicate,
    Publisher,
    Remote,
    Source,
    Store,
)
from digest.protocols.delivery import (
    Answered,
    Claimed,
    Concluded,
    Event,
    Lane,
    Ledger,
    Lost,
    Outcome,
    Outgoing,
    Ready,
    Recovered,
    Subscribers,
    Timing,
    Transport,
)
from digest.protocols.figures import Census, Figures
from digest.protocols.progress import Progress
from digest.protocols.returning import Addressee, ReturnEffect, Returns, Sent

__all__ = [
    "Addressee",
    "Answered",
    "Batch",
    "Care",
    "Census",
    "Claimed",
    "Concluded",
    "Decision",
    "DumpOutcome",
    "Event",
    "FetchMemory",
    "Fetching",
    "Figures",
    "Health",
    "Holder",
    "KeptDump",
    "Lane",
    "Lease",
    "Ledger",
    "Lost",
    "NewsletterState",
    "Outcome",
    "Outgoing",
    "PaperRecord",
    "PossibleDuplicate",
    "Progress",
    "Publisher",
    "Ready",
    "Recovered",
    "Remote",
    "ReturnEffect",
    "Returns",
    "Sent",
    "Source",
    "Store",
    "Subscribers",
    "Timing",
    "Transport",
]
