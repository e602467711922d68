"""One shift of the process that serves: a configuration at work, from its start to a stop, a reload or a lost lease.

APScheduler only wakes: its jobs ask a worker for something, by name. They live in memory; what is due is worked out
anew from the store, so that nothing is lost with them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from digest import schedule
from digest.bootstrap import System
from digest.config import Mail
from digest.errors import LockHeldError, StoppedError
from digest.logs import logger
from digest.models import SourceReceipt
from digest.scheduler.desk import Desk, warn
from digest.scheduler.times import Pace
from digest.scheduler.worker import Worker

#: what a worker is asked for; a source is asked for as `fetch NAME`
FETCH = "fetch "
EDITION = "edition"
HOUSEKEEPING = "housekeeping"
DELIVER = "deliver"


class Shift:
    """A configuration at work, in threads of its own."""

    def __init__(self, wired: System, mail: Mail | None, pace: Pace) -> None:
        self._wired, self._mail, self._pace = wired, mail, pace
        self._stop = threading.Event()
        self._desk = Desk(wired, mail, pace, self._stop)
        #: what went wrong, and is done with whatever is asked for next
        self._again: set[str] = set()
        #: failures in a row, of news and of mail, and until when no mail is tried for that
        self._failures = self._mail_failures = 0
        self._mail_rests_until = wired.parts.clock()
        self._news = Worker("news", self._do_news)
        self._post = Worker("mail", self._do_mail)
        self._jobs = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._timetable: threading.Thread | None = None

    def facts(self) -> dict[str, object]:
        """Return what to log of it."""
        config = self._wired.config
        return {"newsletters": len(config.newsletters), "sources": len(config.sources), "mail": self._mail is not None}

    def begin(self) -> None:
        """Ask for what is due now, and be woken for the rest.

        Raises:
            StoreError: the store refuses; nothing was begun.
        """
        due = self._plan_fetches()
        self._every(HOUSEKEEPING, self._pace.housekeeping, self._news)
        if self._mail is not None:
            self._every(DELIVER, self._pace.deliver, self._post)
        self._plan_editions()
        self._news.start()
        self._post.start()
        self._jobs.start()
        # APScheduler itself says only whether it was told to run
        self._timetable = self._jobs._thread
        # in one go: an edition that is late holds what the fetches bring, and comes once
        self._news.ask(*due, EDITION, HOUSEKEEPING)

    def busy(self) -> dict[str, float]:
        """Return for how many seconds each worker has been at what it does now; 0: it waits."""
        return {worker.name: worker.busy for worker in (self._news, self._post)}

    def dead(self) -> list[str]:
        """Return the threads that have ended though nobody told them to: nothing of theirs is done any more."""
        lives = {worker.name: worker.alive for worker in (self._news, self._post)}
        lives["timetable"] = self._timetable is not None and self._timetable.is_alive()
        return [name for name, alive in lives.items() if not alive]

    def wake(self) -> None:
        """Look at the clock: a machine that slept, or whose clock was set, is late for what it planned."""
        self._jobs.wakeup()

    def end(self) -> None:
        """Stop: abandon what can be taken up again, finish messages in flight."""
        self._stop.set()
        self._jobs.shutdown(wait=False)
        if not self._news.close(self._pace.grace):
            logger().warning("left unfinished", work="fetch or edition", then="the next start goes on with it")
        if not self._post.close(self._pace.mail_grace):
            logger().warning("left unfinished", work="mail", then="what the server has not answered for is unknown")

    # What it is woken for

    def _plan_fetches(self) -> list[str]:
        """Have each source asked for at its times; return those whose time it is."""
        now, due = self._wired.parts.clock(), []
        for settings in self._wired.config.sources:
            first = self._pace.next_fetch(settings, self._wired.store.health(settings.name), now)
            name = FETCH + settings.name
            if first <= now:
                due.append(name)
                first = now + self._pace.interval(settings)
            self._every(name, self._pace.interval(settings).total_seconds(), self._news, first)
        return due

    def _plan_retries(self, found: Iterable[SourceReceipt], names: Iterable[str]) -> None:
        """Have sources that have begun to fail asked for again soon, and those that could not be read now."""
        now = self._wired.parts.clock()
        settings = {one.name: one for one in self._wired.config.sources}
        for one in found:
            health = self._wired.store.health(one.name)
            then = self._pace.next_fetch(settings[one.name], health, now)
            if one.status in ("failed", "partial") and then < now + self._pace.interval(settings[one.name]):
                self._at(f"again {one.name}", then, FETCH + one.name)
        for name in names:
            self._at(f"again {name}", now + timedelta(seconds=self._pace.again), FETCH + name)

    def _plan_editions(self) -> None:
        """Have editions asked for when the next of each newsletter may become due, with the news up to then."""
        now = self._wired.parts.clock()
        for newsletter in self._wired.parts.newsletters:
            state = self._wired.store.newsletter(newsletter.id)
            last = state.last.date if state and state.last else None
            for wake in schedule.wakes(newsletter, last, now)[:1]:
                names = newsletter.sources or [one.name for one in self._wired.config.sources]
                self._at(f"{EDITION} {newsletter.id}", wake.instant, EDITION, *(FETCH + name for name in names))

    def _at(self, job: str, instant: datetime, *ask: str) -> None:
        """Have something asked for once; what is fetched just before is not fetched again."""
        when = DateTrigger(self._real(instant), timezone=UTC)
        self._jobs.add_job(self._news.ask, when, ask, id=job, replace_existing=True)

    def _every(self, job: str, seconds: float, worker: Worker, first: datetime | None = None) -> None:
        """Have something asked for again and again."""
        real = seconds / self._pace.speed
        start = self._real(first) if first else None
        when = IntervalTrigger(seconds=real, jitter=real * self._pace.jitter, start_date=start, timezone=UTC)
        self._jobs.add_job(worker.ask, when, [job], id=job)

    def _real(self, instant: datetime) -> datetime:
        """Return when an instant of our clock is in real time, by which APScheduler goes."""
        return datetime.now(UTC) + (instant - self._wired.parts.clock()) / self._pace.speed

    # What is done then

    def _do_news(self, asked: frozenset[str]) -> None:
        asked |= self._again
        self._again.clear()
        try:
            self._fetch_and_issue(asked)
            self._failures = 0
        except StoppedError:
            return
        except LockHeldError as error:
            logger().info("waiting for another run", told=str(error))
            self._ask_again(asked, 1)
        except Exception as error:  # noqa: BLE001 - no mistake ends the process: it is told, and all is asked for again
            warn("went wrong", error, work=", ".join(sorted(asked)))
            self._failures += 1
            self._ask_again(asked, self._failures)

    def _fetch_and_issue(self, asked: frozenset[str]) -> None:
        found, failed = self._desk.fetch([one.removeprefix(FETCH) for one in asked if one.startswith(FETCH)])
        self._plan_retries(found, failed)
        if EDITION in asked or any(one.new or one.revised or one.enriched for one in found):
            done = self._desk.issue(found)
            self._plan_editions()
            if self._mail is not None and any(one.number for one in done.editions):
                self._post.ask(DELIVER)
        if HOUSEKEEPING in asked:
            self._desk.housekeep()

    def _ask_again(self, asked: Iterable[str], failures: int) -> None:
        """Ask for all of it once more in a while; an edition too: what was fetched before may wait for it."""
        self._again.update(asked)
        self._at("again", self._wired.parts.clock() + self._pace.pause(failures), EDITION)

    def _do_mail(self, asked: frozenset[str]) -> None:
        now = self._wired.parts.clock()
        if now < self._mail_rests_until:
            return
        try:
            well = self._desk.deliver()
        except Exception as error:  # noqa: BLE001 - as above; a later look for mail comes by itself
            warn("mail went wrong", error)
            well = False
        self._mail_failures = 0 if well else self._mail_failures + 1
        self._mail_rests_until = now + self._pace.pause(self._mail_failures)
