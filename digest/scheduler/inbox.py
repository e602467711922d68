"""The mailbox where mail comes back, looked into now and then by a process that stays. May import returns and below."""

from __future__ import annotations

from datetime import timedelta

from digest import returns
from digest.bootstrap import System
from digest.errors import DigestError
from digest.logs import logger
from digest.scheduler.times import Pace


class Inbox:
    """Reads what came back before mail goes out; what keeps it from that is told once, and holds up no mail."""

    def __init__(self, wired: System, pace: Pace) -> None:
        self._wired, self._every = wired, timedelta(seconds=pace.collect)
        self._next = wired.parts.clock()
        self._said = ""

    def look(self) -> None:
        """Read it if it is time again."""
        now = self._wired.parts.clock()
        if self._wired.config.inbox is None or now < self._next:
            return
        self._next = now + self._every
        trouble = ""
        try:
            returns.collect(self._wired)
        except DigestError as error:
            trouble = str(error)
        if trouble and trouble != self._said:
            logger().warning("inbox not read", why=trouble)
        self._said = trouble
