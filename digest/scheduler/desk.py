"""What is done when it is time: fetch, compose, deliver, tidy up. Each can be repeated at any moment.

What writes the catalogue holds the run lock, so that `digest run` may come in between at any time.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial

from digest import alerts, outbox, pipeline
from digest.bootstrap import System, post
from digest.config import Mail
from digest.errors import LockHeldError, StoppedError, StoreError
from digest.logs import logger
from digest.models import EditionReceipt, Receipt, SourceReceipt
from digest.outbox import Delivered
from digest.protocols import Source
from digest.readers import sync_readers
from digest.receipt import INCOMPLETE
from digest.scheduler.inbox import Inbox
from digest.scheduler.times import Pace
from digest.sources.base import Watched
from digest.sources.prefetch import prefetched


def tidy(wired: System) -> None:
    """Let the store go of what is older than `[keep]` says."""
    wired.store.care.tidy_daily(wired.config.keep, wired.parts.clock())


#: what is called once a day; each takes the wired system, and one that fails keeps no other from its turn
HOUSEKEEPING: list[Callable[[System], None]] = [tidy]
#: seconds to wait for another run; after them it is tried again later
LOCK_TIMEOUT = 2.0


class Desk:
    """A wired system, at work for a process that stays."""

    def __init__(self, wired: System, mail: Mail | None, pace: Pace, stop: threading.Event) -> None:
        """Prepare.

        Args:
            wired: what works.
            mail: `[mail]` with its secrets; None: nothing is mailed.
            pace: how often what is done.
            stop: set to end early what is under way.
        """
        self._wired, self._mail, self._pace, self._stop = wired, mail, pace, stop
        self._parts = replace(wired.parts, fetching=partial(prefetched, stop=stop))
        self._sources = wired.sources()
        self._settings = {one.name: one for one in wired.config.sources}
        self._inbox = Inbox(wired, pace)
        #: how watched sources looked when they were last fetched
        self._looks: dict[str, str] = {}
        #: what was said of a matter last: it is said again when it changes
        self._said: dict[str, str] = {}
        #: news and mail have a thread each, and alerts of both are kept in one place
        self._alerting = threading.Lock()

    def fetch(self, names: Collection[str]) -> tuple[list[SourceReceipt], list[str]]:
        """Fetch sources for which there is reason to; return what came, and which are to be asked for again.

        Raises:
            LockHeldError: another run is at work; nothing was done.
            StoppedError: told to stop.
            StoreError: the store refuses.
        """
        worth = [one for one in self._sources if one.name in names and self._is_due(one.name)]
        looks = {one.name: one.looks() for one in worth if isinstance(one, Watched)}
        changed = [one for one in worth if not looks.get(one.name) or looks[one.name] != self._looks.get(one.name)]
        settled = self._settled(changed, looks)
        found, failed = self._fetch(settled) if settled else ([], [])
        for one in found:
            self._note(one, looks.get(one.name, ""))
        self._alert(sources=[*found, *map(_gone_wrong, failed)])
        return found, [*failed, *(one.name for one in changed if one not in settled)]

    def _is_due(self, name: str) -> bool:
        """Whether a source failed, or nobody else has fetched it just now."""
        health = self._parts.store.health(name)
        half = self._pace.interval(self._settings[name]) / 2
        return health is None or health.status in INCOMPLETE or self._parts.clock() - health.at >= half

    def _settled(self, sources: Sequence[Source], looks: dict[str, str]) -> list[Source]:
        """Return the sources that do not change just now, of those that are watched."""
        if any(looks.get(one.name) for one in sources):
            self._stop.wait(self._pace.settle)
        return [
            one
            for one in sources
            if not (isinstance(one, Watched) and looks[one.name]) or one.looks() == looks[one.name]
        ]

    def _fetch(self, sources: Sequence[Source]) -> tuple[list[SourceReceipt], list[str]]:
        """Fetch sources side by side; where that goes wrong, one by one: a source's mistake is its own."""
        try:
            with self._lock("fetch"):
                return pipeline.fetch(self._parts, sources, _Stopping(self._stop)), []
        except (LockHeldError, StoppedError, StoreError):
            raise
        except Exception as error:  # noqa: BLE001 - what a source of somebody's own may raise is not known
            if len(sources) == 1:
                warn("source went wrong", error, source=sources[0].name)
                return [], [sources[0].name]
        parted = [self._fetch([one]) for one in sources]
        return [one for found, _ in parted for one in found], [name for _, failed in parted for name in failed]

    def _note(self, found: SourceReceipt, looks: str) -> None:
        """Remember how a source looked, and log what it gave, if anything did."""
        self._looks[found.name] = "" if found.status in INCOMPLETE else looks
        told = {name: getattr(found, name) for name in ("listed", "new", "revised", "rejected")}
        if found.status in INCOMPLETE:
            logger().warning("fetched", source=found.name, status=found.status, why=found.note, **told)
        elif found.new or found.revised:
            logger().info("fetched", source=found.name, **told)
        else:
            logger().debug("fetched", source=found.name, status=found.status, **told)

    def issue(self, found: Sequence[SourceReceipt]) -> Receipt:
        """Compose the editions that are due, and publish.

        Args:
            found: what fetches of just now brought.

        Raises:
            LockHeldError: another run is at work; nothing was done.
        """
        config, store = self._wired.config, self._wired.store
        # of one that fails now, or has nothing now, the store knows what it had before today
        found = [one for one in found if one.listed and one.status not in INCOMPLETE]
        with self._lock("edition"):
            about = sync_readers(config, self._mail, store, self._parts.clock()) if self._mail else []
            done = pipeline.issue(self._parts, self._parts.newsletters, self._sources, found)
            if config.mail is None:
                # Mail that is set up later begins with the edition after that, not with all there ever were.
                for newsletter in config.newsletters:
                    store.ledger.catch_up(newsletter.id)
        # its sources were told of when they were fetched
        self._alert(editions=done.editions)
        for line in about:
            if self._is_news(f"readers {line}", line):
                logger().info("readers", told=line)
        for one in done.editions:
            self._tell(one)
        return done

    def _tell(self, edition: EditionReceipt) -> None:
        """Log an edition, or why there is none, where that is not what was said before."""
        told = {"newsletter": edition.newsletter, "verdict": edition.verdict, "evidence": edition.evidence}
        if edition.number is not None:
            self._said.pop(f"edition {edition.newsletter}", None)
            logger().info("edition", **told, number=edition.number, date=str(edition.date), entries=edition.entries)
            return
        if self._is_news(f"edition {edition.newsletter}", edition.verdict):
            logger().info("no edition", **told)

    def deliver(self) -> bool:
        """Submit what is due; return whether nothing keeps the transport from taking it."""
        if self._mail is None:
            return True
        self._inbox.look()
        done = outbox.deliver(post(self._wired, self._mail), stop=self._stop)
        counts = done.counts
        if done.tally.total or counts.unknown:
            told = {name: number for name, number in counts.model_dump().items() if number}
            logger().info("mail", transport=done.transport, **told)
        trouble = done.tally.trouble or ""
        if self._is_news("mail", trouble) and trouble:
            logger().warning("mail in trouble", why=trouble, **counts.model_dump())
        self._alert(delivered=done)
        return not trouble

    def _alert(
        self,
        *,
        sources: Sequence[SourceReceipt] = (),
        editions: Sequence[EditionReceipt] = (),
        delivered: Delivered | None = None,
    ) -> None:
        """Tell what `[alerts]` says of a step that was done; two threads come here."""
        with self._alerting:
            alerts.of_step(self._wired, sources=sources, editions=editions, delivered=delivered)

    def housekeep(self) -> None:
        """Do what is done once a day."""
        for hook in HOUSEKEEPING:
            try:
                hook(self._wired)
            except Exception as error:  # noqa: BLE001 - one hook that fails keeps no other from its turn
                warn("housekeeping failed", error, hook=getattr(hook, "__name__", str(hook)))

    def _lock(self, work: str) -> AbstractContextManager[None]:
        return self._wired.store.lock(f"serve {os.getpid()} ({work})", timeout=LOCK_TIMEOUT)

    def _is_news(self, matter: str, words: str) -> bool:
        """Whether something else was said of a matter before."""
        before, self._said[matter] = self._said.get(matter), words
        return before != words


def _gone_wrong(name: str) -> SourceReceipt:
    """Return what is told of a source whose reader has a mistake, which the log quotes."""
    return SourceReceipt(name=name, status="failed", note="reading it went wrong; the log says how")


class _Stopping:
    """A Progress that ends the work between two dumps when the process is told to stop."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def start(self, total: int) -> None:
        """There are `total` steps."""
        self.step("")

    def step(self, text: str) -> None:
        """One more is done."""
        if self._stop.is_set():
            raise StoppedError("stopped between two dumps; the next run goes on with the rest")


def warn(event: str, error: Exception, **facts: object) -> None:
    """Log an error; of one that nobody expected also where it came from."""
    told = f"{type(error).__name__}: {error}"
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else ""
    logger().warning(event, error=told, where=where, **facts)
