"""What is done about an answer: tried again when, or given up. Pure. May import protocols, models and the settings."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from digest.delivery.settings import Pace
from digest.models import UnknownPolicy
from digest.protocols import Claimed, Concluded, Outcome

#: seconds before a message whose end nobody knows goes out again, where its newsletter says `resend`
RESEND_WAIT = 60.0
#: by how much of itself a wait differs, so that what was deferred together does not come back together
JITTER = 0.2
#: RFC 3463, 3.2: the address is bad; but 5.1.7 and 5.1.8 are about the sender's
_BAD_ADDRESS = re.compile(r"5\.1\.(?!7$|8$)\d+")
#: RFC 3463, 3.8: policy and authentication; and the sender's address
_OUR_FAULT = re.compile(r"5\.(7\.\d+|1\.[78])")


def wait_before(tries: int, first: float, longest: float, spread: float) -> timedelta:
    """Return how long to wait before the next try: doubling, with some chance in it.

    Args:
        tries: how often it was tried before this time.
        first: seconds before the second try.
        longest: seconds, at most.
        spread: between 0 and 1, by chance.
    """
    seconds = min(first * 2.0 ** min(tries, 64), longest)
    return timedelta(seconds=seconds * (1 - JITTER + 2 * JITTER * spread))


def settle(
    delivery: Claimed, outcome: Outcome, now: datetime, *, pace: Pace, policy: UnknownPolicy, spread: float
) -> Concluded:
    """Decide what the ledger is told of an answer.

    Args:
        delivery: whose.
        outcome: what the lane says.
        now: the instant.
        pace: how long it is tried.
        policy: what is done about `unknown`.
        spread: between 0 and 1, by chance.
    """
    given_up = delivery.first_try is not None and (now - delivery.first_try).total_seconds() > pace.give_up
    if outcome.state == "deferred":
        if given_up:
            return Concluded(delivery, _given_up(delivery, outcome, now))
        wait = wait_before(delivery.tries, pace.first_wait, pace.longest_wait, spread)
        return Concluded(delivery, outcome, now + wait)
    if outcome.state == "unknown" and policy == "resend" and not given_up:
        wait = wait_before(delivery.tries, RESEND_WAIT, pace.longest_wait, spread)
        said = f"nobody knows whether it was taken ({outcome.text}); it goes out again"
        return Concluded(delivery, outcome._replace(state="deferred", text=said), now + wait)
    return Concluded(delivery, outcome)


def _given_up(delivery: Claimed, outcome: Outcome, now: datetime) -> Outcome:
    assert delivery.first_try is not None
    hours = (now - delivery.first_try).total_seconds() / 3600
    since = f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.1f} hours"
    # the ledger puts code and status in front
    said = f"{outcome.text} (given up after {delivery.tries + 1} tries in {since})".lstrip()
    return outcome._replace(state="failed", text=said)


def is_bad_address(outcome: Outcome) -> bool:
    """Say whether a server tells that nobody can be reached at the address (RFC 3463, 3.2)."""
    return outcome.state == "failed" and bool(_BAD_ADDRESS.fullmatch(outcome.status or ""))


def is_our_fault(outcome: Outcome) -> bool:
    """Say whether a server refuses us, whoever the reader is (RFC 3463, 3.8)."""
    return outcome.state == "failed" and bool(_OUR_FAULT.fullmatch(outcome.status or ""))
