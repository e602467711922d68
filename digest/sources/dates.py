"""The date of a dump: what says it, in which order, and what a text without years proves.

Pure; may import models.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from digest.models import Dating, Dump

#: the local date of a zone may be one ahead of UTC's
_AHEAD = timedelta(days=1)
#: how far a page's date may be from the date in a link to its neighbour
_NEIGHBOUR = timedelta(days=14)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_IN_NAME = re.compile(
    r"(?<![0-9A-Za-z])(20\d\d)(?:-(\d\d)-|_(\d\d)_|\.(\d\d)\.|(\d\d))(\d\d)"
    r"(?=(?:T\d\d:?\d\d(?::?\d\d)?Z?)?(?![0-9A-Za-z]))"
)
_ARXIV = re.compile(r"^(\d\d)(0[1-9]|1[0-2])\.\d{4,5}$")


@dataclass(frozen=True)
class PartialDate:
    """A date as a page writes it: often without its year."""

    month: int
    day: int
    year: int | None = None

    def within(self, year: int) -> date | None:
        """Return it in its own year, else in `year`; None where that year has no such day."""
        try:
            return date(self.year or year, self.month, self.day)
        except ValueError:
            return None

    def __str__(self) -> str:
        written = f"{_MONTHS[self.month - 1].title()} {self.day}"
        return f"{written}, {self.year}" if self.year else written


@dataclass(frozen=True)
class Clues:
    """What a dump says of its date."""

    #: the date at its head
    page: PartialDate | None = None
    #: years written in the dates of its listings; a page leaves its own year out
    written: frozenset[int] = frozenset()
    #: arXiv ids of its listings, which begin with year and month
    ids: tuple[str, ...] = ()
    #: dates in its links to the pages before and after
    neighbours: tuple[date, ...] = ()


def partial_date(month: str, day: str, year: str | None = None) -> PartialDate | None:
    """Read a month's English name or its beginning, a day and perhaps a year; None where no year has such a day."""
    name = month[:3].casefold()
    if name not in _MONTHS:
        return None
    found = PartialDate(_MONTHS.index(name) + 1, int(day), int(year) if year else None)
    return found if found.within(2000) else None


def date_in_name(name: str) -> date | None:
    """Return the date in a file name: ISO, with other marks or none between, and set apart from letters and digits."""
    found = None
    for match in _IN_NAME.finditer(name):
        year, *months, day = match.groups()
        try:
            found = date(int(year), int(next(filter(None, months))), int(day))
        except ValueError:
            continue
    return found


def decide(dump: Dump, received: datetime, clues: Clues, year: int | None = None) -> Dating:
    """Decide the date of a dump.

    Args:
        dump: its name may hold a date, its date is the command's or the source's clock.
        received: the instant its bytes first came, aware: it cannot be later, but for a zone ahead of UTC.
        clues: what its text says.
        year: the `year` of its source, which decides wherever it is set.
    """
    if dump.date is not None and dump.date_rule != "source-clock":
        return Dating(date=dump.date, rule=dump.date_rule or "option")
    set_note = None
    if year is not None and clues.page is not None:
        set_to = PartialDate(clues.page.month, clues.page.day).within(year)
        if set_to is not None:
            return Dating(date=set_to, rule="setting", note=_against_setting(set_to, dump, clues))
        set_note = f"the source's year is {year}, which has no {clues.page}"
    return _noted(_unset(dump, received, clues), set_note)


def _unset(dump: Dump, received: datetime, clues: Clues) -> Dating:
    named = date_in_name(dump.name)
    if named is not None:
        page = clues.page and clues.page.within(named.year)
        differs = page is not None and page != named
        return Dating(date=named, rule="file-name", note=f"its text says {clues.page}" if differs else None)
    if dump.date is not None:
        return Dating(date=dump.date, rule="source-clock")
    if clues.page is None:
        return Dating(date=received.date(), rule="assumed", note="no date in name or text: taken as the day it came")
    return _proven(clues.page, received, clues)


def _proven(page: PartialDate, received: datetime, clues: Clues) -> Dating:
    if page.year is not None and (written := page.within(page.year)) is not None:
        return Dating(date=written, rule="proven")
    beside = _beside(page, clues)
    if beside is not None:
        return Dating(date=beside, rule="proven")
    latest = received.date() + _AHEAD
    earliest = _earliest(clues, latest)
    possible = _days(page, earliest, latest)
    if len(possible) == 1 and earliest is not None:
        return Dating(date=possible[0], rule="proven")
    if possible:
        others = ", ".join(str(day.year) for day in possible[1:4]) + (" ..." if len(possible) > 4 else "")
        note = f"{page} is without a year; taken as {possible[0].year}" + (f", could be {others}" if others else "")
        return Dating(date=possible[0], rule="assumed", note=note)
    return _impossible(page, earliest, latest)


def _impossible(page: PartialDate, earliest: date | None, latest: date) -> Dating:
    """Take the first day that the text allows, although it lies after the receipt."""
    start = earliest or latest
    day = next(day for year in range(start.year, start.year + 9) if (day := page.within(year)) and day >= start)
    return Dating(
        date=day, rule="assumed", note=f"{page} can be {day.year} at the earliest, which is after it came; set `year`"
    )


def _days(page: PartialDate, earliest: date | None, latest: date) -> list[date]:
    """Return the days that `page` can be, latest first; without a lower bound, those of the last nine years."""
    first = earliest or date(max(latest.year - 8, 1), 1, 1)
    days = (page.within(year) for year in range(latest.year, first.year - 1, -1))
    return [day for day in days if day is not None and first <= day <= latest]


def _beside(page: PartialDate, clues: Clues) -> date | None:
    """Return the day next to a date that the page links to as its neighbour."""
    for other in clues.neighbours:
        for year in (other.year, other.year - 1, other.year + 1):
            day = page.within(year)
            if day is not None and abs(day - other) <= _NEIGHBOUR:
                return day
    return None


def _earliest(clues: Clues, latest: date) -> date | None:
    """Return the first day that the written years and ids allow; what lies in the future proves nothing."""
    bounds = [date(year + 1, 1, 1) for year in clues.written if 1900 <= year <= latest.year]
    bounds += [day for day in map(_submitted, clues.ids) if day is not None and day <= latest]
    return max(bounds, default=None)


def _submitted(arxiv: str) -> date | None:
    """Return the first day of the month in which an arXiv id (from 2007 on) was given."""
    match = _ARXIV.match(arxiv)
    return date(2000 + int(match[1]), int(match[2]), 1) if match else None


def _against_setting(day: date, dump: Dump, clues: Clues) -> str | None:
    """Say what in the dump contradicts the year that was set."""
    said: list[str] = []
    if clues.page and clues.page.year and clues.page.year != day.year:
        said.append(f"its text says {clues.page}")
    late = max((year for year in clues.written if year >= day.year), default=None)
    if late is not None:
        said.append(f"a listing is dated {late} in words, which a page of {day.year} leaves out")
    said += _later_ids(day, clues.ids)
    beside = _beside(PartialDate(day.month, day.day), clues)
    if beside is not None and beside != day:
        said.append(f"its links say {beside}")
    named = date_in_name(dump.name)
    if named is not None and named != day:
        said.append(f"its name says {named}")
    return f"the source's year is {day.year}, but " + "; ".join(said) if said else None


def _later_ids(day: date, ids: Iterable[str]) -> list[str]:
    newest = max((id for id in ids if _submitted(id)), default=None)
    given = newest and _submitted(newest)
    return [f"arXiv gave the id {newest} in {given:%Y-%m}"] if given and given > day else []


def _noted(dating: Dating, note: str | None) -> Dating:
    notes = "; ".join(filter(None, (note, dating.note)))
    return dating.model_copy(update={"note": notes or None})
