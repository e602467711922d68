"""The readers and what went to them: who gets nothing, whether the relay's limits suffice. Pure; may import models."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from digest.delivery.settings import Pace
from digest.doctor.findings import Finding, fail, fine, warn
from digest.text import count_noun

SUBSCRIBERS, DELIVERIES = "subscribers", "deliveries"
#: hours that a mail of the morning may take to everybody
_LONG = 6


def readers(counts: Mapping[str, Mapping[str, int]], suppressed: int) -> Iterator[Finding]:
    """Yield who reads, and who does not.

    Args:
        counts: newsletter -> status of subscriptions -> how many.
        suppressed: addresses that nothing goes to.
    """
    for newsletter, by_status in counts.items():
        confirmed, unconfirmed = by_status.get("confirmed", 0), by_status.get("unconfirmed", 0)
        waiting = f", {unconfirmed:,} not confirmed" if unconfirmed else ""
        told = f"{newsletter}: {confirmed:,} confirmed{waiting}"
        if not confirmed and unconfirmed:
            remedy = "have them answer, or record their consent: digest subscribers import FILE --confirmed-by WHO"
            yield fail(SUBSCRIBERS, f"{told}: nobody gets a mail", remedy)
        elif not confirmed:
            remedy = "digest subscribers add ADDRESS, or say to = ... in [mail]; digest run adds whom the file names"
            yield warn(SUBSCRIBERS, f"{newsletter}: nobody is subscribed yet", remedy)
        else:
            yield fine(SUBSCRIBERS, told)
    if suppressed:
        many = f"{count_noun(suppressed, 'address', 'addresses')} suppressed after bounces and complaints"
        yield fine(SUBSCRIBERS, f"{many}: nothing goes there")


def groups(found: Mapping[str, int], known: Collection[str]) -> Iterator[Finding]:
    """Yield which groups readers are in that there are no more: their mails are as if they were in none.

    Args:
        found: name of a group -> its readers.
        known: the names in digest.toml.
    """
    for name in sorted(found.keys() - set(known)):
        what = f"{count_noun(found[name], 'reader')} in group {name}, which digest.toml does not have"
        remedy = f"add [groups.{name}] with their interests, or give them others: digest subscribers add --group"
        yield warn(SUBSCRIBERS, what, remedy)


def pace(confirmed: int, told: Pace) -> Iterator[Finding]:
    """Yield whether all readers can be served in a day, as fast as the relay takes mail."""
    if told.daily_limit and confirmed > told.daily_limit:
        days = math.ceil(confirmed / told.daily_limit)
        what = f"{told.daily_limit:,} mails a day, {confirmed:,} readers: an edition takes {count_noun(days, 'day')}"
        yield warn(SUBSCRIBERS, what, "use a relay for many (digest init --mail lists them), or raise daily_limit")
    if told.rate and confirmed / told.rate > _LONG * 3600:
        hours = confirmed / told.rate / 3600
        what = f"{_rate(told.rate)}, {confirmed:,} readers: an edition takes {hours:,.0f} hours"
        yield warn(SUBSCRIBERS, what, "raise rate if the relay allows more, or use another relay")
    elif told.rate and confirmed > 1:
        yield fine(SUBSCRIBERS, f"{_rate(told.rate)}: everybody is served in {_span(confirmed / told.rate)}")


def _rate(rate: float) -> str:
    return f"{rate:,.3g} mails a second" if rate >= 1 else f"{rate * 60:,.3g} mails a minute"


def _span(seconds: float) -> str:
    return f"{seconds / 60:,.0f} min" if seconds >= 90 else f"{math.ceil(seconds)} s"


#: state -> the level of a delivery in it, how it is told, and what to do
_STUCK = {
    "failed": ("failed in the last 30 days", "digest deliveries says who got nothing, and why"),
    "unknown": (
        "of which nobody knows whether they were taken",
        "digest send --resolve-unknown resend, if a second mail is better than none; else skip",
    ),
    "deferred": ("put off by the relay", "nothing yet: digest send tries them again, for three days"),
}


def stuck(found: Mapping[str, tuple[int, datetime]], paused: Sequence[str]) -> Iterator[Finding]:
    """Yield which deliveries came to nothing so far.

    Args:
        found: state -> how many, and since when.
        paused: newsletters of which nothing goes out.
    """
    for state, (count, since) in found.items():
        told, remedy = _STUCK[state]
        yield warn(DELIVERIES, f"{count_noun(count, 'mail')} {told}, since {since:%Y-%m-%d %H:%M} UTC", remedy)
    for newsletter in paused:
        remedy = f"digest send --resume --newsletter {newsletter}"
        yield warn(DELIVERIES, f"{newsletter} is paused: nothing of it goes out", remedy)
    if not found and not paused:
        yield fine(DELIVERIES, "none failed, unknown, put off or paused")
