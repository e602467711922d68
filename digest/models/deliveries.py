"""Who reads, and what became of what was mailed to them. May import nothing of `digest` but the base."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args

from pydantic import AwareDatetime, Field

from digest.models.base import Value

#: `pending -> claimed -> in_flight -> submitted | deferred | failed`; a stale `in_flight` becomes `unknown`. Acceptance
#: by a server is `submitted`: nobody here knows what was received.
DeliveryState = Literal["pending", "claimed", "in_flight", "submitted", "deferred", "failed", "unknown"]
#: the states in which something is still to be done
OPEN_STATES: tuple[DeliveryState, ...] = ("pending", "claimed", "in_flight", "deferred")

SubscriptionStatus = Literal["unconfirmed", "confirmed", "unsubscribed"]
STATUSES: tuple[SubscriptionStatus, ...] = get_args(SubscriptionStatus)
#: HTML with its text, or the text alone
MailFormat = Literal["html", "text"]
#: a mail for each edition, or one a week, on a day, for all editions since the last
Cadence = Literal["each", "mon", "tue", "wed", "thu", "fri", "sat", "sun"]
#: the configured reader, the configured file, a command, an imported file, a page
Origin = Literal["owner", "file", "command", "import", "web"]
#: what is done about a message of which nobody knows whether a server took it
UnknownPolicy = Literal["skip", "resend"]
#: of a delivery that came back, the gravest last. `refused`: for who sends, or for what the message holds, which says
#: nothing of the address; `counted`: it did not get through this time; `permanent`: the address is bad; `complaint`:
#: somebody called it spam
ReturnKind = Literal["refused", "counted", "permanent", "complaint"]


class Subscriber(Value):
    """A person, as she is added: where to, and how she wants it."""

    #: checked, in ASCII form
    address: str
    name: str = ""
    #: whose interests she starts with
    groups: tuple[str, ...] = ()
    #: IANA name; None: the newsletter's
    timezone: str | None = None
    cadence: Cadence = "each"
    #: local hour from which her mail goes; None: at once
    hour: int | None = Field(default=None, ge=0, le=23)
    format: MailFormat = "html"


class Subscription(Value):
    """A person's link to a newsletter."""

    id: int
    newsletter: str
    subscriber: Subscriber
    status: SubscriptionStatus
    #: number of the last edition that she was served
    mark: int
    origin: Origin
    since: AwareDatetime
    #: who recorded her consent, or how she gave it
    confirmed_by: str | None = None
    ended: datetime | None = None
    #: why it ended
    why: str | None = None
    #: why nothing may go to her address whatever its status: `bounced`, `complained`, `forgotten`, ...
    suppressed: str | None = None


#: `again`: it was known, with the same wishes
AdmissionResult = Literal["added", "changed", "again", "refused"]


class Admission(Value):
    """What became of the wish to add somebody."""

    address: str
    result: AdmissionResult
    #: of a refusal
    reason: str | None = None


class Suppression(Value):
    """Nothing goes to an address that is under one; it outlives the subscriber."""

    reason: str
    at: AwareDatetime
    evidence: str = ""


class Delivery(Value):
    """One message to one subscription, covering its editions `after < number <= upto`."""

    id: int
    newsletter: str
    #: None: forgotten
    address: str | None
    after: int
    upto: int
    state: DeliveryState
    tries: int
    #: when it came into its state
    at: AwareDatetime
    not_before: AwareDatetime | None = None
    #: what the server, or we, said last
    note: str | None = None
    #: when it was read that it came back; None: nothing of that is known
    returned: AwareDatetime | None = None
    returned_as: ReturnKind | None = None
    #: what the one who returned it said
    returned_note: str | None = None
