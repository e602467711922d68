"""A process that stays and does everything at its time. May import bootstrap and all below it.

    times     how often each source is fetched, when next
    desk      what is done then: fetch, compose, deliver, tidy up
    shift     a configuration at work: APScheduler wakes two workers, one for news, one for mail
    inbox     where mail comes back, looked into before more goes out
    worker    a thread that does what it is asked to
    pulse     what the process says of itself, to people and to Prometheus
    endpoint  where it says so: /metrics, /health, /ready

The Scheduler around them holds the lease, without which it stands by, and takes signals.
"""

from __future__ import annotations

import os
import secrets
import select
from collections.abc import Callable

from digest.bootstrap import System, opened
from digest.clock import Clock
from digest.config import Config, Listen, Mail, resolve_mail
from digest.errors import DigestError, StoreError
from digest.logs import logger
from digest.protocols import Holder, Lease
from digest.scheduler.endpoint import Endpoint
from digest.scheduler.pulse import Pulse
from digest.scheduler.shift import Shift
from digest.scheduler.times import Pace

__all__ = ["LEASE", "Pace", "Scheduler"]

#: the lease that the one process holds that is at work
LEASE = "scheduler"
#: without a sign of life for so many of its waits, and for so many seconds, the loop counts as hanging
_SILENT_WAITS, _SILENT = 3, 120.0


class Scheduler:
    """Fetches, publishes and mails at the right times, until it is told to stop."""

    def __init__(self, load: Callable[[], Config], *, clock: Clock | None = None, pace: Pace | None = None) -> None:
        """Prepare; `run` begins.

        Args:
            load: reads the configuration; called again for a reload.
            clock: the one clock; default: the process's.
            pace: how often what is done.
        """
        self._load, self._clock, self._pace = load, clock, pace or Pace()
        self._token = secrets.token_hex(16)
        self._stopping = self._reloading = False
        self._next: Config | None = None
        self._pulse = Pulse(max(_SILENT, _SILENT_WAITS * self._pace.heartbeat))
        self._endpoint = Endpoint(self._pulse)
        # written to by signal handlers: an Event's lock might be held by the very code that they interrupt
        self._bell, self._button = os.pipe()
        os.set_blocking(self._button, False)

    def stop(self) -> None:
        """Have `run` return soon; may be called by a signal handler, or by another thread."""
        self._stopping = True
        self._ring()

    def reload(self) -> None:
        """Have the configuration read again; may be called by a signal handler, or by another thread."""
        self._reloading = True
        self._ring()

    def run(self) -> None:
        """Work until `stop`; to be called once.

        Raises:
            ConfigError: the configuration has a mistake at the start.
            StoreError: the store cannot be opened at the start.
            DigestError: it cannot listen where it is told to at the start.
        """
        first = self._load()
        config: Config | None = first
        with self._endpoint:
            self._endpoint.move(first.serve.listen)
            while config is not None and not self._stopping:
                self._next = None
                # also of one that stands by: it finds out now what it would lack then
                mail = resolve_mail(config) if config.mail else None
                with opened(config, self._clock) as wired, self._pulse.over(wired):
                    self._attend(wired, mail)
                config = self._next
        logger().info("stopped")

    @property
    def address(self) -> Listen | None:
        """Where /metrics, /health and /ready are; None: nowhere."""
        return self._endpoint.address

    def _attend(self, wired: System, mail: Mail | None) -> None:
        """Work with one configuration, as long as it is that and the lease is ours; stand by otherwise."""
        lease = wired.store.lease(LEASE, f"serve {os.getpid()}", self._token)
        stood_by: Holder | None = None
        try:
            while not self._is_over():
                holder = self._taken(lease)
                if holder is None:
                    self._work(Shift(wired, mail, self._pace), lease, after=stood_by)
                    stood_by = None
                    continue
                if stood_by is None:
                    since = f"{holder.since:%Y-%m-%d %H:%M:%S} UTC"
                    logger().info("standing by", holder=holder.owner, host=holder.host, since=since)
                stood_by = holder
                self._pulse.tell("standing by", holder=holder)
                self._wait(self._pace.stand_by)
        finally:
            self._pulse.tell("stopping" if self._stopping else "starting")
            if self._next is None or self._next.store != wired.config.store:
                _release(lease)

    def _taken(self, lease: Lease) -> Holder | None:
        """Take or extend the lease; return who else has it. A store that cannot be asked now changes nothing."""
        while True:
            try:
                return lease.take()
            except StoreError as error:
                logger().warning("lease not taken", error=str(error))
                self._wait(self._pace.stand_by)
                if self._is_over():
                    return None

    def _work(self, shift: Shift, lease: Lease, after: Holder | None) -> None:
        """Serve until told otherwise, or until the lease is another's: this process slept for too long."""
        if self._is_over():
            return
        try:
            shift.begin()
        except StoreError as error:
            logger().warning("not begun", error=str(error))
            self._pulse.tell("starting", trouble=str(error))
            self._wait(self._pace.stand_by)
            return
        self._pulse.tell("serving", shift=shift)
        logger().info("taken over" if after else "serving", pid=os.getpid(), **shift.facts())
        try:
            while not self._is_over():
                self._wait(self._pace.heartbeat)
                if not self._is_over() and self._taken(lease) is not None:
                    logger().warning("lease lost", why="this process gave no sign of life for too long")
                    return
                shift.wake()
        finally:
            self._pulse.tell("stopping" if self._stopping else "starting")
            shift.end()

    def _is_over(self) -> bool:
        """Whether the work with this configuration is to end; reads the next one where that was asked for."""
        if self._reloading:
            self._reloading = False
            self._next = self._reloaded() or self._next
        return self._stopping or self._next is not None

    def _reloaded(self) -> Config | None:
        """Read the configuration again and try it; None: it has a mistake, which is said, and the old one stays."""
        try:
            config = self._load()
            if config.mail is not None:
                resolve_mail(config)
            with opened(config, self._clock):
                pass
            # last: nothing else can go wrong with the new one after that
            self._endpoint.move(config.serve.listen)
        except DigestError as error:
            logger().warning("not reloaded", error=str(error), then="the configuration of before stays")
            return None
        logger().info("reloaded", file=config.where)
        return config

    # The bell

    def _ring(self) -> None:
        try:
            os.write(self._button, b".")
        except BlockingIOError:
            pass  # it rings already

    def _wait(self, seconds: float) -> None:
        """Wait, but not longer than until the bell rings."""
        self._pulse.beat()
        ready, _, _ = select.select([self._bell], [], [], seconds)
        if ready:
            os.read(self._bell, 4096)
        self._pulse.beat()


def _release(lease: Lease) -> None:
    try:
        lease.release()
    except StoreError as error:
        # it is over when this process is
        logger().warning("lease not given back", error=str(error))
