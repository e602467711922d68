"""`digest deliveries`: what went to whom, who is missing, and why."""

from __future__ import annotations

from itertools import islice
from typing import Any

import click

from digest.bootstrap import System
from digest.cli import mailing, screen
from digest.cli.common import Asked, find_edition, options
from digest.models import Delivery, Newsletter, Subscription
from digest.text import count_noun, shorten

_COLUMNS = ("submitted", "pending", "deferred", "failed", "unknown", "returned")


@click.command()
@click.argument("name", required=False)
@click.option("--newsletter", metavar="ID", help="Only this one.")
@click.option("--editions", default=5, show_default=True, type=click.IntRange(1), help="How many, newest first.")
@click.option(
    "--missing", default=10, show_default=True, type=click.IntRange(0), help="How many names of those missing."
)
@options
def command(asked: Asked, name: str | None, newsletter: str | None, editions: int, missing: int) -> None:
    """Count deliveries by edition, and say who has not got the newest one, and why.

    NAME is one edition: daily/128, daily/2026-11-20 or last.
    """
    with asked.system() as system:
        if name:
            id, number = find_edition(system, name)
            _tell(asked, system, mailing.chosen(system, id)[0], [number], missing)
            return
        for one in mailing.chosen(system, newsletter):
            numbers = [stored.ref.number for stored in system.store.editions(one.id)[-editions:]][::-1]
            _tell(asked, system, one, numbers, missing)


def _tell(asked: Asked, system: System, newsletter: Newsletter, numbers: list[int], missing: int) -> None:
    people = system.store.subscribers.subscriber_counts(newsletter.id)
    paused = newsletter.id in system.store.ledger.paused()
    counts = {number: _counts(system, newsletter.id, number) for number in numbers}
    lacking = list(islice(_missing(system, newsletter.id, numbers), missing)) if numbers else []
    back = _returned(system, newsletter.id, numbers[0], missing) if numbers else []
    asked.tell(
        {
            "newsletter": newsletter.id,
            "subscribers": dict(people),
            "paused": paused,
            "editions": [{"number": number, **counts[number]} for number in numbers],
            "missing": lacking,
            "returned": back,
        }
    )
    told = ", ".join(f"{number:,} {status}" for status, number in people.items() if number) or "no subscribers yet"
    asked.say(f"{newsletter.id}: {told}{' · paused: digest send --resume' if paused else ''}")
    if not numbers:
        asked.say("  no edition yet; digest run or digest replay makes one")
        return
    rows = [(f"No. {number}", *(f"{counts[number][state]:,}" for state in _COLUMNS)) for number in numbers]
    asked.say(screen.table(("last edition in it", *_COLUMNS), rows))
    if back:
        asked.say(f"Returned of No. {numbers[0]}:")
        for one in back:
            asked.say(screen.wrap(f"  {one['address'] or 'forgotten'}: {one['as']}: {one['why']}", "    "))
    if lacking:
        asked.say(f"Without No. {numbers[0]}:")
        for one in lacking:
            asked.say(screen.wrap(f"  {one['address']}: {one['why']}", "    "))
        asked.say(f"  do    digest send {newsletter.id}/{numbers[0]} --only-missing")


def _counts(system: System, newsletter: str, number: int) -> dict[str, int]:
    """Return how many deliveries are in each state, and how many of them came back."""
    returned = system.store.returns.count(newsletter, number)
    return {**system.store.ledger.counts(newsletter, number).model_dump(), "returned": returned}


def _returned(system: System, newsletter: str, number: int, limit: int) -> list[dict[str, Any]]:
    return [
        {"address": one.address, "as": one.returned_as, "why": shorten(one.returned_note or "", 200)}
        for one in system.store.returns.returned(newsletter, number, limit)
    ]


def _missing(system: System, newsletter: str, numbers: list[int]) -> Any:
    for subscription, delivery in system.store.ledger.missing(newsletter, numbers[0]):
        yield {"address": subscription.subscriber.address, "why": _why(subscription, delivery)}


def _why(subscription: Subscription, delivery: Delivery | None) -> str:
    """Say why a subscriber has not got an edition."""
    if delivery is None:
        since = f"subscribed since {subscription.since:%Y-%m-%d}"
        return f"no delivery covers it: {since}, served up to No. {subscription.mark}"
    tries = f", {count_noun(delivery.tries, 'try', 'tries')}" if delivery.tries else ""
    note = f": {shorten(delivery.note, 200)}" if delivery.note else ""
    again = (
        f", again from {delivery.not_before:%Y-%m-%d %H:%M} UTC"
        if delivery.state == "deferred" and delivery.not_before
        else ""
    )
    return f"{delivery.state}{tries}{again}{note}"
