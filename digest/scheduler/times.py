"""When what is done: how often each source is fetched, and when next. May import protocols, receipt and sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from digest.protocols import Health
from digest.receipt import INCOMPLETE
from digest.sources import SourceSettings

#: seconds between two fetches of sources of a kind, where nothing else is said; a folder is only looked at
KINDS = {"folder": 300}
EVERY = 3600


@dataclass(frozen=True)
class Pace:
    """How often what is done, in seconds."""

    #: of a kind of source
    kinds: Mapping[str, int] = field(default_factory=lambda: KINDS)
    #: of all other kinds
    every: int = EVERY
    #: what an interval varies by, as a share of it: not everybody asks a server at the same minute
    jitter: float = 0.05
    #: between two tries of a source that has begun to fail
    retry: float = 600
    #: until what went wrong here is tried again; each time twice as long, up to `rest`: a mail server that refuses
    #: a password locks the account of who asks every minute
    again: float = 60
    rest: float = 3600
    #: between two looks for mail that is due
    deliver: float = 60
    #: between two looks into the mailbox where mail comes back
    collect: float = 900
    #: between two rounds of housekeeping
    housekeeping: float = 86400
    #: how many times faster than real time the clock runs; the figures below are in real time, those above are not
    speed: float = 1
    #: between two looks whether the process that serves has gone
    stand_by: float = 5
    #: between two signs of life
    heartbeat: float = 60
    #: for which a folder has to look the same before it is read: a file may be about to be written
    settle: float = 1
    #: how long what is under way may take to end when the process is told to; messages in flight may take longer
    grace: float = 3
    mail_grace: float = 20

    def interval(self, settings: SourceSettings) -> timedelta:
        """Return how long to wait between two fetches of a source."""
        return timedelta(seconds=settings.every or self.kinds.get(settings.kind, self.every))

    def pause(self, failures: int) -> timedelta:
        """Return how long to wait after so many failures in a row; nothing after none."""
        return timedelta(seconds=min(self.again * 2 ** min(failures - 1, 16), self.rest)) if failures else timedelta(0)

    def next_fetch(self, settings: SourceSettings, health: Health | None, now: datetime) -> datetime:
        """Return when a source is to be fetched next; `now` where that is past.

        One that has begun to fail is tried sooner; one that goes on failing for longer than an interval is not.
        """
        if health is None:
            return now
        wait = self.interval(settings)
        since = health.failing_since
        if health.status in INCOMPLETE and since is not None and health.at - since < wait:
            wait = min(wait, timedelta(seconds=self.retry))
        return max(now, health.at + wait)
