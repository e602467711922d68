"""When arXiv announces what (https://info.arxiv.org/help/availability.html). Imports nothing of `digest`.

What is submitted until 14:00 in New York is announced that evening, and stands in the feed of the next day: Mondays
to Fridays. So the feed of a Tuesday has what came from Friday 14:00 to Monday 14:00.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_ZONE = ZoneInfo("America/New_York")
_DEADLINE = time(14)
_DAY = timedelta(days=1)
_SATURDAY = 5


def between(after: date, before: date) -> list[date]:
    """Return the days with a feed that lie between two dates, oldest first; neither of the two is among them."""
    days = (after + _DAY * step for step in range(1, (before - after).days))
    return [day for day in days if day.weekday() < _SATURDAY]


def today(now: datetime) -> date:
    """Return the day whose feed is there at an instant: it changes at midnight in New York."""
    return now.astimezone(_ZONE).date()


def next_feed(now: datetime) -> datetime:
    """Return the instant, in UTC, at which the next feed with papers is due."""
    day = today(now) + _DAY
    while day.weekday() >= _SATURDAY:
        day += _DAY
    return datetime.combine(day, time(), _ZONE).astimezone(UTC)


def submitted(announced: date) -> tuple[datetime, datetime]:
    """Return the first and the last minute, in UTC, in which the papers in the feed of a day were submitted."""
    last = _weekday_before(announced)
    first = _weekday_before(last)
    start, end = (datetime.combine(day, _DEADLINE, _ZONE).astimezone(UTC) for day in (first, last))
    return start, end - timedelta(minutes=1)


def _weekday_before(day: date) -> date:
    day -= _DAY
    while day.weekday() >= _SATURDAY:
        day -= _DAY
    return day
