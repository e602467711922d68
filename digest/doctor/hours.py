"""When the next edition comes, and whether the clock can be believed. May import schedule, models and below."""

from __future__ import annotations

import importlib.metadata
import zoneinfo
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from digest import clock, schedule
from digest.doctor.findings import Finding, fail, fine, warn
from digest.models import Newsletter

AREA = "schedule"
#: by how much a clock may differ from that of a server
_SKEW = timedelta(minutes=2)


def editions(newsletter: Newsletter, last: date | None, now: datetime) -> Finding:
    """Return when the next edition of a newsletter may come out."""
    opens = schedule.upcoming(newsletter, last, now)
    if opens <= now:
        return fine(AREA, f"{newsletter.id}: an edition may come out now, if its sources have something new")
    local = opens.astimezone(ZoneInfo(newsletter.timezone))
    told = f"{local:%a %Y-%m-%d %H:%M} {newsletter.timezone}"
    utc = "" if newsletter.timezone == "UTC" else f" ({opens:%a %H:%M} UTC)"
    return fine(AREA, f"{newsletter.id}: the next edition from {told}{utc}")


def stopped(told: str | None) -> Iterator[Finding]:
    """Yield that the clock of the program stands still."""
    if told:
        what = f"{clock.VARIABLE} is set: for digest it is always {told}"
        yield warn(AREA, what, f"unset {clock.VARIABLE}, unless this is a test")


def against(now: datetime, dates: Mapping[str, datetime], newest: datetime | None) -> Iterator[Finding]:
    """Yield whether the clock of this machine agrees with others.

    Args:
        now: what it says.
        dates: host -> the instant that it says it is.
        newest: the newest instant that the store knows of.
    """
    remedy = "set the clock of this machine (NTP): dates of editions, and TLS, hang on it"
    off = {host: told - now for host, told in dates.items() if abs(told - now) > _SKEW}
    for host, skew in off.items():
        way = "behind" if skew > timedelta(0) else "ahead of"
        yield warn(AREA, f"this machine's clock is {_span(abs(skew))} {way} that of {host}", remedy)
    if newest is not None and newest > now + _SKEW:
        what = f"the store has something of {newest:%Y-%m-%d %H:%M} UTC, which is {_span(newest - now)} from now"
        yield warn(AREA, what, f"{remedy}; after a run with --as-of that is past, wait until then")
    elif dates and not off:
        yield fine(AREA, f"the clock agrees with {', '.join(sorted(dates))}")


def heard(header: str, age: float, now: datetime) -> datetime | None:
    """Return the instant that a server's Date header says it is now; None: it says none.

    Args:
        header: as it came (RFC 9110 section 6.6.1).
        age: seconds since then.
        now: to tell how far off a wrong one is.
    """
    try:
        told = parsedate_to_datetime(header)
    except ValueError:
        return None
    told = told if told.tzinfo else told.replace(tzinfo=UTC)
    found = told + timedelta(seconds=age)
    # whole seconds, and an answer takes some
    return now if abs(found - now) < timedelta(seconds=5) else found


def _span(skew: timedelta) -> str:
    minutes = round(skew.total_seconds() / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} hours" if minutes < 2880 else f"{minutes // 1440} days"


def zone_data() -> Finding:
    """Return which data of time zones is used: the system's first, else that of the package tzdata."""
    try:
        packaged = importlib.metadata.version("tzdata")
    except importlib.metadata.PackageNotFoundError:
        packaged = None
    for folder in map(Path, zoneinfo.TZPATH):
        if (folder / "UTC").is_file():
            return fine(AREA, f"time zones of {folder}{_version(folder)}")
    if packaged is None:
        return fail(AREA, "there is no data of time zones", "pip install tzdata")
    return fine(AREA, f"time zones of the package tzdata {packaged}")


def _version(folder: Path) -> str:
    """Return the version of the system's data, where it is told."""
    try:
        with (folder / "tzdata.zi").open(encoding="utf-8", errors="replace") as file:
            first = file.readline()
    except OSError:
        return ""
    return f", {first.removeprefix('# version ').strip()}" if first.startswith("# version ") else ""
