"""The date of a dump: what decides it, and what a text without years proves."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from digest.models import Dating, Dump
from digest.sources.dates import Clues, PartialDate, date_in_name, decide, partial_date
from digest.sources.folder import FolderSettings, FolderSource

ROOT = Path(__file__).parents[2]
RECEIVED = datetime(2026, 11, 20, 8, tzinfo=UTC)
JAN_2, JUN_16, FEB_29 = PartialDate(1, 2), PartialDate(6, 16), PartialDate(2, 29)


def dump(name: str = "page.txt", day: date | None = None, rule: str | None = None) -> Dump:
    return Dump.model_validate({"source": "s", "name": name, "content": b"x", "date": day, "date_rule": rule})


def at(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


def clues(
    page: PartialDate | None = None, *years: int, ids: tuple[str, ...] = (), beside: tuple[date, ...] = ()
) -> Clues:
    return Clues(page=page, written=frozenset(years), ids=ids, neighbours=beside)


def decided(dating: Dating) -> tuple[str, str]:
    return dating.date.isoformat(), dating.rule


@pytest.mark.parametrize("received", [at(2026, 2, 10), RECEIVED, at(2027, 1, 20), at(2027, 6, 27), at(2035, 1, 1)])
def test_the_seeds_are_of_2026_whenever_they_are_read(received: datetime) -> None:
    source = FolderSource(FolderSettings(name="s", path="seeds", year=2026), ROOT)
    found = {entry.name[:3]: source.parse(entry, received).dating for entry in source.fetch()}
    assert {name: dating.date.isoformat() for name, dating in found.items()} == {
        "000": "2026-01-02",
        "001": "2026-06-26",
        "002": "2026-06-16",
        "003": "2026-02-05",
        "004": "2026-07-31",
    }
    assert {dating.rule for dating in found.values()} == {"setting"}


@pytest.mark.parametrize(
    ("given", "found", "year", "expected"),
    [
        # the command's option outranks everything
        (dump("2025-03-04.txt", date(2024, 5, 6), "option"), clues(JAN_2), 2026, ("2024-05-06", "option")),
        # then the source's year
        (dump("2025-01-02.txt"), clues(JAN_2), 2026, ("2026-01-02", "setting")),
        (dump(day=date(2025, 1, 2), rule="source-clock"), clues(JAN_2), 2026, ("2026-01-02", "setting")),
        (dump(), clues(PartialDate(1, 2, 2024)), 2026, ("2026-01-02", "setting")),
        (dump(), clues(JUN_16), 2030, ("2030-06-16", "setting")),
        # it says nothing where the text has no date, or not on that day
        (dump("2025-01-02.txt"), clues(), 2026, ("2025-01-02", "file-name")),
        (dump(), clues(FEB_29), 2026, ("2024-02-29", "assumed")),
        # then the name, then the source's clock
        (dump("2025-01-03.txt", date(2025, 1, 4), "source-clock"), clues(JAN_2), None, ("2025-01-03", "file-name")),
        (dump(day=date(2025, 1, 4), rule="source-clock"), clues(JAN_2), None, ("2025-01-04", "source-clock")),
        # then what the text proves
        (dump(), clues(PartialDate(1, 2, 2024)), None, ("2024-01-02", "proven")),
        (dump(), clues(JAN_2, 2025), None, ("2026-01-02", "proven")),
        (dump(), clues(JAN_2, 2023), None, ("2026-01-02", "assumed")),
        (dump(), clues(JAN_2), None, ("2026-01-02", "assumed")),
        (dump(), clues(PartialDate(12, 24)), None, ("2025-12-24", "assumed")),
        (dump(), clues(PartialDate(12, 24), 2025), None, ("2026-12-24", "assumed")),
        (dump(), clues(PartialDate(11, 21), 2025), None, ("2026-11-21", "proven")),
        (dump(), clues(PartialDate(11, 22), 2025), None, ("2026-11-22", "assumed")),
        (dump(), clues(FEB_29, 2022), None, ("2024-02-29", "proven")),
        (dump(), clues(JAN_2, 2025, ids=("2506.01234",)), None, ("2026-01-02", "proven")),
        (dump(), clues(JUN_16, ids=("2601.01234",)), None, ("2026-06-16", "proven")),
        (dump(), clues(JAN_2, ids=("2502.01234v2", "2502.01234")), None, ("2026-01-02", "proven")),
        (dump(), clues(JUN_16, ids=("2607.01234",)), None, ("2027-06-16", "assumed")),
        (dump(), clues(JUN_16, ids=("9912.01234", "nonsense")), None, ("2026-06-16", "assumed")),
        (dump(), clues(JUN_16, 9999), None, ("2026-06-16", "assumed")),
        (dump(), clues(PartialDate(3, 25), beside=(date(2024, 3, 24),)), None, ("2024-03-25", "proven")),
        (dump(), clues(PartialDate(1, 1), beside=(date(2024, 12, 31),)), None, ("2025-01-01", "proven")),
        (dump(), clues(JUN_16, beside=(date(2024, 3, 24),)), None, ("2026-06-16", "assumed")),
        (dump(), clues(), None, ("2026-11-20", "assumed")),
    ],
)
def test_what_decides(given: Dump, found: Clues, year: int | None, expected: tuple[str, str]) -> None:
    assert decided(decide(given, RECEIVED, found, year)) == expected


@pytest.mark.parametrize(
    ("found", "year", "name", "note"),
    [
        (clues(JAN_2), 2026, "page.txt", None),
        (clues(JAN_2, 2025), 2026, "page.txt", None),
        (clues(JAN_2, 2026), 2026, "page.txt", "2026 in words"),
        (clues(PartialDate(1, 2, 2025)), 2026, "page.txt", "Jan 2, 2025"),
        (clues(JAN_2, ids=("2602.00001",)), 2026, "page.txt", "2602.00001"),
        (clues(JAN_2, beside=(date(2025, 1, 1),)), 2026, "page.txt", "its links say 2025-01-02"),
        (clues(JAN_2), 2026, "2025-01-02.txt", "its name says 2025-01-02"),
        (clues(JAN_2), None, "2025-01-05.txt", "its text says Jan 2"),
        (clues(JAN_2, 2023), None, "page.txt", "taken as 2026, could be 2025, 2024"),
        (clues(PartialDate(12, 24), 2025), None, "page.txt", "set `year`"),
        (clues(FEB_29), 2026, "page.txt", "has no Feb 29"),
        (clues(), None, "page.txt", "the day it came"),
        (clues(JAN_2, 2025), None, "page.txt", None),
    ],
)
def test_what_a_person_should_know_is_noted(found: Clues, year: int | None, name: str, note: str | None) -> None:
    told = decide(dump(name), RECEIVED, found, year).note
    assert told is None if note is None else note in (told or "")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("2026-01-02.txt", "2026-01-02"),
        ("daily_20260102.txt", "2026-01-02"),
        ("20260628T0020_f39d409.xml", "2026-06-28"),
        ("2026-06-28T00:20:00Z.xml", "2026-06-28"),
        ("papers.2026.01.02.md", "2026-01-02"),
        ("2026_01_02-page.txt", "2026-01-02"),
        ("2026-01-02/page-3.txt", "2026-01-02"),
        ("https://example.org/papers/date/2026-01-02", "2026-01-02"),
        ("2025-12-31 to 2026-01-02.txt", "2026-01-02"),
        ("000_68c4790517d83d19.txt", None),
        ("a20260102b.txt", None),
        ("120260102.txt", None),
        ("202601023.txt", None),
        ("2026-13-02.txt", None),
        ("2026-02-30.txt", None),
        ("2026-01.02.txt", None),
    ],
)
def test_dates_in_file_names(name: str, expected: str | None) -> None:
    found = date_in_name(name)
    assert (found and found.isoformat()) == expected


def test_days_that_no_year_has_are_no_dates() -> None:
    assert partial_date("Feb", "30") is None
    assert partial_date("June", "16") == JUN_16
    assert str(PartialDate(8, 8, 2025)) == "Aug 8, 2025"
    assert FEB_29.within(2023) is None
