"""`digest schedule`: what is done when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click

from digest import schedule
from digest.bootstrap import System
from digest.cli import screen
from digest.cli.common import Asked, options
from digest.models import Newsletter
from digest.protocols import Holder
from digest.scheduler import LEASE
from digest.scheduler.times import Pace


@dataclass(frozen=True)
class _Run:
    """One thing that `digest serve` does at a time."""

    kind: str
    name: str
    instant: datetime
    zone: str
    why: str

    @property
    def local(self) -> datetime:
        """When that is in the zone of the newsletter."""
        return self.instant.astimezone(ZoneInfo(self.zone))

    def told(self) -> dict[str, Any]:
        """Return it for `--json`."""
        local, utc = self.local.isoformat(timespec="seconds"), self.instant.isoformat(timespec="seconds")
        return {"kind": self.kind, "name": self.name, "local": local, "utc": utc, "zone": self.zone, "why": self.why}

    def row(self) -> tuple[str, ...]:
        """Return it for a table; the offset shows on which side of a clock change it lies."""
        local, utc = self.local, self.instant.astimezone(UTC)
        there = f"{local:%a} {local.day} {local:%b %H:%M} {local.isoformat()[-6:]}"
        return self.name, there, f"{utc:%a} {utc.day} {utc:%b %H:%M}", self.why


@click.command()
@click.option("--days", type=click.IntRange(1, 366), default=3, show_default=True, metavar="N", help="How far to look.")
@options
def command(asked: Asked, days: int) -> None:
    """Say when each source is fetched next, and when editions may come out, in local time and in UTC.

    An edition comes out `at` its time, if its daily sources have brought the day's batch; else as soon as they have,
    at the latest when its `wait` is over.
    """
    with asked.system() as wired:
        now = wired.parts.clock()
        runs = [*_fetches(wired, now), *_editions(wired, now, days)]
        holder = wired.store.lease(LEASE, "schedule", "").holder()
    asked.tell({"now": now.isoformat(), "served_by": _holder(holder), "runs": [one.told() for one in runs]})
    asked.say(screen.table(("what", "local time", "UTC", "why"), [one.row() for one in runs], left=(0, 1, 2, 3)))
    if holder is None:
        asked.say("Nobody does it now: `digest serve` does, `digest init --cron` or `--systemd` set it up.")
    else:
        asked.say(f"Done by {holder.owner} on {holder.host}, since {holder.since:%Y-%m-%d %H:%M} UTC.")


def _fetches(wired: System, now: datetime) -> Iterator[_Run]:
    """Yield the next fetch of each source."""
    pace, zone = Pace(), wired.parts.newsletters[0].timezone
    for settings in wired.config.sources:
        health = wired.store.health(settings.name)
        every = _length(pace.interval(settings))
        then = pace.next_fetch(settings, health, now)
        why = f"fetch, every {every}"
        if health is not None and health.failing_since is not None:
            why += f"; failing since {health.failing_since:%Y-%m-%d %H:%M} UTC"
        yield _Run("source", settings.name, then, zone, why if health else f"first {why}")


def _editions(wired: System, now: datetime, days: int) -> Iterator[_Run]:
    """Yield the times at which editions of the next days may come out."""
    until = now + timedelta(days=days)
    for newsletter in wired.parts.newsletters:
        state = wired.store.newsletter(newsletter.id)
        last = state.last.date if state and state.last else None
        if schedule.due(newsletter, last, now, complete=True).now:
            yield _Run("newsletter", newsletter.id, now, newsletter.timezone, "now: with the first news")
        for wake in schedule.wakes(newsletter, last, now, days + 2):
            if wake.instant <= until:
                yield _Run("newsletter", newsletter.id, wake.instant, newsletter.timezone, _why(newsletter, wake.why))


def _why(newsletter: Newsletter, why: str) -> str:
    if why == "wait":
        return f"wait: {_length(timedelta(seconds=newsletter.wait))} are over"
    return f"at {newsletter.at}" if newsletter.at else "the day begins; no `at` is set"


def _length(time: timedelta) -> str:
    minutes = round(time.total_seconds() / 60)
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"


def _holder(holder: Holder | None) -> dict[str, Any] | None:
    if holder is None:
        return None
    return {"owner": holder.owner, "host": holder.host, "pid": holder.pid, "since": holder.since.isoformat()}
