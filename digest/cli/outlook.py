"""What a run says of the time to come: what was missed, what to do, what comes next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from digest import receipt, schedule
from digest.bootstrap import System
from digest.cli import screen
from digest.models import EditionReceipt, Newsletter, SourceReceipt
from digest.protocols import Remote
from digest.sources.base import Announcing

#: kinds that ask for the days they missed
_CATCHING_UP = ("arxiv", "daily-papers")


def missed(system: System, sources: Sequence[SourceReceipt], now: datetime) -> Iterator[str]:
    """Yield what becomes of the papers of sources that were not read whole, and what to do about it."""
    kinds = {settings.name: settings.kind for settings in system.config.sources}
    late = [one.name for one in sources if one.status in receipt.INCOMPLETE]
    if not late:
        return
    since = {one: system.store.latest_dump_date(one) for one in late if kinds.get(one) in _CATCHING_UP}
    told = [f"{one}'s papers since {screen.day_near(day, now.date())}" for one, day in since.items() if day]
    told += [one for one in late if not since.get(one)]
    yield screen.wrap(
        f"  Asked for again at the next run: {', '.join(told)}. What comes after its day is marked "
        '"Late". Nothing counts as seen until it was read.'
    )
    failing = receipt.failing(sources)
    if failing:
        yield screen.wrap(f"  do    see to {', '.join(failing)}, failing for days: `digest sources` tells why", " " * 8)
    elif all(isinstance(one, Remote) for one in system.sources() if one.name in late):
        yield "  do    nothing now. After 3 failed days: digest sources"
    else:
        yield "  do    what is said above of a source on this machine, then run again"


def no_edition(system: System, newsletter: Newsletter, edition: EditionReceipt, found: Sequence[SourceReceipt],
               now: datetime) -> Iterator[str]:  # fmt: skip
    """Yield why there is no edition, which was the last, and what comes next."""
    today = schedule.local_date(newsletter, now)
    covered = [one for one in found if newsletter.sources is None or one.name in newsletter.sources]
    right = edition.verdict in ("quiet: all seen", "quiet: calendar")
    why = receipt.briefly(edition)
    if covered and all(one.status == "calendar" for one in covered):
        why = f"no source announces on a {today:%A}"
    begin = "Nothing to publish, and that is right" if right else "Nothing to publish"
    yield screen.wrap(f"{begin}: {why}.")
    last = screen.last_line(system, newsletter, today)
    if last:
        yield last
    yield screen.wrap(f"  next  {_next(system, newsletter, edition, now)}", " " * 8)
    if last and edition.verdict.startswith("quiet"):
        yield "  want something now?  digest preview --days 3"


def _next(system: System, newsletter: Newsletter, edition: EditionReceipt, now: datetime) -> str:
    """Return which source has something next, and when the next edition may come."""
    state = system.store.newsletter(newsletter.id)
    last = state.last.date if state and state.last else None
    opens = schedule.upcoming(newsletter, last, now)
    if edition.verdict == "waiting" and opens == now:
        deadline = schedule.due(newsletter, last, now, complete=False).until or now
        return f"edition as soon as today's batches are there, or {_hour(newsletter, deadline, now)}"
    covered = [one for one in system.sources() if newsletter.sources is None or one.name in newsletter.sources]
    due = {one.name: one.next_batch(now) for one in covered if isinstance(one, Announcing)}
    if not due or edition.verdict in ("waiting", "held"):
        return f"edition {_hour(newsletter, opens, now)}" if opens > now else "the next run that finds something new"
    first = min(due.values())
    batches = _batches(due, first, now)
    opens = schedule.upcoming(newsletter, last, first) if len(due) == len(covered) else opens
    if opens <= first:
        return f"{batches}; the run after that publishes it"
    local = opens.astimezone(ZoneInfo(newsletter.timezone))
    return (
        f"{batches}; edition {f'from {local:%H:%M}' if local.date() == first.date() else _hour(newsletter, opens, now)}"
    )


def _hour(newsletter: Newsletter, instant: datetime, now: datetime) -> str:
    """Return from when on in the newsletter's zone: `from 08:00 on Mon 23 Nov`."""
    local = instant.astimezone(ZoneInfo(newsletter.timezone))
    today = schedule.local_date(newsletter, now)
    day = "today" if local.date() == today else f"on {screen.day_near(local.date(), today)}"
    return f"from {local:%H:%M} {day}" if f"{local:%H:%M}" != "00:00" else day


def _batches(due: Mapping[str, datetime], first: datetime, now: datetime) -> str:
    """Return which sources have something on the day of `first`: `arxiv about 05:00 UTC on Mon 23 Nov`."""
    named = [f"{name}{_about(instant)}" for name, instant in due.items() if instant.date() == first.date()]
    return f"{', '.join(named)} on {screen.day_near(first.date(), now.date())}"


def _about(instant: datetime) -> str:
    hour = f"{instant.astimezone(UTC):%H:%M}"
    return "" if hour == "00:00" else f" about {hour} UTC"
