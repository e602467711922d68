"""When an edition is due for a reader: a function of her wish, the editions that are out, and the instant."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.models import EditionRef, Newsletter, Stored
from digest.outbox import newest_due
from digest.protocols import Timing

BERLIN = Newsletter(id="daily", title="Daily", timezone="Europe/Berlin")


def editions(*instants: str) -> list[Stored]:
    """Editions that came out at instants; the first is No. 1."""
    return [
        Stored(
            ref=EditionRef(number=number, date=date(2026, 1, 1) + timedelta(days=number)),
            newsletter="daily",
            sha256="0" * 64,
            instant=at(instant),
        )
        for number, instant in enumerate(instants, 1)
    ]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


#: Mon 16 to Fri 20 November 2026, at 08:00 in Berlin
WEEK = editions(*(f"2026-11-{day}T08:00:00+01:00" for day in range(16, 21)))


@pytest.mark.parametrize(
    ("timing", "now", "upto"),
    [
        # each edition, at once
        (Timing(None, "each", None), "2026-11-16T07:59:00+01:00", None),
        (Timing(None, "each", None), "2026-11-16T08:00:00+01:00", 1),
        (Timing("America/New_York", "each", None), "2026-11-17T08:00:00+01:00", 2),
        # each, from an hour on: in her zone, not before the edition
        (Timing(None, "each", 18), "2026-11-17T17:59:00+01:00", 1),
        (Timing(None, "each", 18), "2026-11-17T18:00:00+01:00", 2),
        (Timing(None, "each", 6), "2026-11-17T08:00:00+01:00", 2),
        # 08:00 in Berlin is 02:00 in New York
        (Timing("America/New_York", "each", 7), "2026-11-17T06:59:00-05:00", 1),
        (Timing("America/New_York", "each", 7), "2026-11-17T07:00:00-05:00", 2),
        # once a week, with the day's edition
        (Timing(None, "wed", None), "2026-11-18T07:59:00+01:00", None),
        (Timing(None, "wed", None), "2026-11-18T08:00:00+01:00", 3),
        (Timing(None, "wed", None), "2026-11-20T23:00:00+01:00", 3),
        # without one on that day: when the day is over, and not a week later
        (Timing(None, "sat", None), "2026-11-21T23:59:00+01:00", None),
        (Timing(None, "sat", None), "2026-11-22T00:00:00+01:00", 5),
        # once a week, at an hour: what came out until then
        (Timing(None, "wed", 7), "2026-11-18T07:00:00+01:00", 2),
        (Timing(None, "wed", 7), "2026-11-24T23:00:00+01:00", 2),
        (Timing(None, "wed", 7), "2026-11-25T07:00:00+01:00", 5),
        # the machine was off on the day: late, but not lost
        (Timing(None, "wed", 9), "2026-11-19T12:00:00+01:00", 3),
    ],
)
def test_the_newest_edition_that_is_due(timing: Timing, now: str, upto: int | None) -> None:
    assert newest_due(timing, BERLIN, WEEK, at(now)) == upto


@pytest.mark.parametrize(
    ("day", "hour", "due"),
    [
        # 02:30 does not exist in Berlin on 29 March 2026, and exists twice on 25 October
        ("2026-03-29T00:00:00+01:00", 3, "2026-03-29T03:00:00+02:00"),
        ("2026-10-25T00:00:00+02:00", 3, "2026-10-25T03:00:00+01:00"),
        ("2026-03-29T00:00:00+01:00", 8, "2026-03-29T08:00:00+02:00"),
        ("2026-10-25T00:00:00+02:00", 8, "2026-10-25T08:00:00+01:00"),
    ],
)
def test_hours_are_those_of_the_clock_on_the_wall_when_it_is_changed(day: str, hour: int, due: str) -> None:
    out, timing = editions(day), Timing(None, "each", hour)
    assert newest_due(timing, BERLIN, out, at(due) - timedelta(seconds=1)) is None
    assert newest_due(timing, BERLIN, out, at(due)) == 1


_WISHES = st.builds(
    Timing,
    st.sampled_from([None, "UTC", "Asia/Tokyo", "America/Los_Angeles", "Pacific/Kiritimati"]),
    st.sampled_from(["each", "mon", "thu", "sun"]),
    st.none() | st.integers(0, 23),
)


@given(_WISHES, st.lists(st.integers(0, 60 * 24 * 21), min_size=1, max_size=20, unique=True))
def test_what_is_due_stays_due_comes_in_order_and_within_eight_days(timing: Timing, minutes: list[int]) -> None:
    start = datetime(2026, 10, 12, tzinfo=UTC)
    out = editions(*((start + timedelta(minutes=one)).isoformat() for one in sorted(minutes)))
    before = 0
    for hours in range(24 * 31):
        now = start + timedelta(hours=hours)
        known = [one for one in out if one.instant <= now]
        upto = newest_due(timing, BERLIN, known, now) or 0
        assert upto >= before
        assert all(one.instant <= now for one in out[:upto])
        waited = [one for one in known[upto:] if now - one.instant > timedelta(days=8)]
        assert waited == []
        before = upto
