"""When an edition is due."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from digest.models import Newsletter
from digest.schedule import due, instant_of, upcoming

BERLIN = Newsletter(id="daily", title="Daily", timezone="Europe/Berlin", at="08:00", wait=4 * 3600)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "last", "complete", "expected"),
    [
        ("2026-11-20T06:59", None, True, (False, "waiting", "2026-11-20T07:00")),
        ("2026-11-20T07:00", None, True, (True, None, None)),
        ("2026-11-20T07:00", None, False, (False, "waiting", "2026-11-20T11:00")),
        ("2026-11-20T11:00", None, False, (True, None, None)),
        ("2026-11-20T12:00", date(2026, 11, 20), True, (False, "held", "2026-11-21T07:00")),
        ("2026-11-19T23:30", date(2026, 11, 19), False, (False, "waiting", "2026-11-20T07:00")),
        # On the night of 29 March 2026 clocks go from 02:00 to 03:00: eight o'clock is an hour earlier in UTC.
        ("2026-03-29T05:59", None, True, (False, "waiting", "2026-03-29T06:00")),
        ("2026-03-29T06:00", None, True, (True, None, None)),
        # And back on 25 October.
        ("2026-10-25T06:30", None, True, (False, "waiting", "2026-10-25T07:00")),
    ],
)
def test_an_edition_comes_out_once_a_local_day_from_its_hour_on(
    now: str, last: date | None, complete: bool, expected: tuple[bool, str | None, str | None]
) -> None:
    found = due(BERLIN, last, at(now), complete=complete)
    until = at(expected[2]) if expected[2] else None
    assert (found.now, found.why, found.until) == (expected[0], expected[1], until)


def test_on_a_day_without_an_edition_it_says_when_the_next_comes() -> None:
    weekdays = BERLIN.model_copy(update={"days": frozenset({1, 2, 3, 4, 5})})
    saturday = due(weekdays, None, at("2026-11-21T12:00"), complete=True)
    assert (saturday.now, saturday.why, saturday.until) == (False, "calendar", at("2026-11-23T07:00"))


def test_an_hour_that_a_clock_change_skips_or_repeats_has_one_instant() -> None:
    skipped = BERLIN.model_copy(update={"at": "02:30"})
    assert instant_of(skipped, date(2026, 3, 29)) == at("2026-03-29T01:30")
    assert instant_of(skipped, date(2026, 10, 25)) == at("2026-10-25T00:30")
    assert instant_of(BERLIN.model_copy(update={"at": None}), date(2026, 11, 20)) == at("2026-11-19T23:00")


@pytest.mark.parametrize(
    ("now", "last", "expected"),
    [
        ("2026-11-20T06:00", None, "2026-11-20T07:00"),
        ("2026-11-20T09:00", date(2026, 11, 19), "2026-11-20T09:00"),
        ("2026-11-20T09:00", date(2026, 11, 20), "2026-11-23T07:00"),
        ("2026-11-21T09:00", date(2026, 11, 20), "2026-11-23T07:00"),
        ("2026-11-20T09:00", date(2026, 11, 25), "2026-11-26T07:00"),
    ],
)
def test_the_next_edition_is_possible_from_the_hour_of_the_next_day_with_one(
    now: str, last: date | None, expected: str
) -> None:
    weekdays = BERLIN.model_copy(update={"days": frozenset({1, 2, 3, 4, 5})})
    assert upcoming(weekdays, last, at(now)) == at(expected)
