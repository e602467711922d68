"""When an edition is due: a function of the newsletter, its last edition, and what its sources have brought.

Pure; may import models.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from digest.models import Newsletter


@dataclass(frozen=True)
class Due:
    """Whether an edition may come out, and of which date."""

    now: bool
    #: the local date an edition made now would carry
    date: date
    #: `held`, `waiting` or `calendar` where it may not
    why: str | None = None
    #: the next instant worth asking again, where known
    until: datetime | None = None


@dataclass(frozen=True)
class Wake:
    """An instant at which an edition may become due."""

    instant: datetime
    #: the local date that the edition would carry
    date: date
    #: `at`, or `wait`: the time is over for which it waits for late sources
    why: Literal["at", "wait"]


def local_date(newsletter: Newsletter, now: datetime) -> date:
    """Return the date it is in the newsletter's zone."""
    return now.astimezone(ZoneInfo(newsletter.timezone)).date()


def instant_of(newsletter: Newsletter, day: date) -> datetime:
    """Return the UTC instant of `at` (default midnight) of a local date.

    A local time that a clock change skips is taken with the offset before it, one that occurs twice is the first
    (PEP 495, fold=0).
    """
    hour, minute = map(int, (newsletter.at or "00:00").split(":"))
    return datetime.combine(day, time(hour, minute), ZoneInfo(newsletter.timezone)).astimezone(UTC)


def due(newsletter: Newsletter, last: date | None, now: datetime, *, complete: bool) -> Due:
    """Say whether an edition is due.

    Args:
        newsletter: its `at`, `wait`, `days` and zone.
        last: the date of its last edition.
        now: the instant of the run.
        complete: every source that has a daily batch has brought today's.
    """
    today = local_date(newsletter, now)
    if last is not None and today <= last:
        return Due(False, today, "held", _next(newsletter, last))
    if today.isoweekday() not in newsletter.days:
        return Due(False, today, "calendar", _next(newsletter, today))
    opens = instant_of(newsletter, today) if newsletter.at else None
    if opens is not None and now < opens:
        return Due(False, today, "waiting", opens)
    deadline = (opens or instant_of(newsletter, today)) + timedelta(seconds=newsletter.wait)
    if not complete and newsletter.wait and now < deadline:
        return Due(False, today, "waiting", deadline)
    return Due(True, today)


def upcoming(newsletter: Newsletter, last: date | None, now: datetime) -> datetime:
    """Return the first instant from `now` on at which an edition may come out, if its sources have something.

    Args:
        newsletter: its `at`, `days` and zone.
        last: the date of its last edition.
        now: from when on.
    """
    found = due(newsletter, last, now, complete=True)
    return now if found.now or found.until is None else max(now, found.until)


def wakes(newsletter: Newsletter, last: date | None, now: datetime, days: int = 8) -> list[Wake]:
    """Return the instants after `now` at which to ask whether an edition is due, in their order.

    Args:
        newsletter: its `at`, `wait`, `days` and zone.
        last: the date of its last edition: there is nothing to ask for up to it.
        now: from when on.
        days: how many local dates to look at, from today on.
    """
    today = local_date(newsletter, now)
    found = []
    for day in (today + timedelta(days=step) for step in range(days)):
        if day.isoweekday() not in newsletter.days or (last is not None and day <= last):
            continue
        opens = instant_of(newsletter, day)
        found.append(Wake(opens, day, "at"))
        if newsletter.wait:
            found.append(Wake(opens + timedelta(seconds=newsletter.wait), day, "wait"))
    return sorted((one for one in found if one.instant > now), key=lambda one: one.instant)


def _next(newsletter: Newsletter, after: date) -> datetime | None:
    """Return when the first edition day after a date opens."""
    for step in range(1, 8):
        day = after + timedelta(days=step)
        if day.isoweekday() in newsletter.days:
            return instant_of(newsletter, day)
    return None
