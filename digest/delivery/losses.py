"""How many lanes there may be, and when the next is opened: what lanes that were lost or refused teach.

May import the logs.
"""

from __future__ import annotations

import time

from digest.logs import logger

#: connections lost one after the other, without a message taken, that are too many
STRIKES = 5


class Losses:
    """Keeps count of connections that came to nothing.

    Args:
        name: the transport's.
        lanes: how many it takes at once.
        backoff: seconds before the third connection in a row; doubles.
    """

    def __init__(self, name: str, lanes: int, backoff: float) -> None:
        self._name, self._most, self._backoff = name, max(1, lanes), backoff
        #: how many there may be at once: what a relay allows shows in time
        self.lanes = self._most
        #: losses since the last message was taken, and when the last of them was counted
        self._strikes, self._struck = 0, 0.0
        #: before which no other is opened
        self._not_before = 0.0
        self._took = False
        #: why it is no use to go on
        self.trouble: str | None = None

    def room(self, lanes: int) -> int:
        """Return how many may be opened now, where there are `lanes`."""
        return 0 if self.trouble or self.wait() > 0 else self.lanes - lanes

    def wait(self) -> float:
        """Return the seconds until another may be opened, if there is room."""
        return max(0.0, self._not_before - time.monotonic())

    def took(self) -> None:
        """A message was taken: all is well again."""
        self._strikes, self._took = 0, True

    def opened(self, lanes: int) -> None:
        """There are `lanes` open, the last one since now."""
        self.lanes = max(self.lanes, lanes)

    def lost(self, reason: str, opened: float) -> None:
        """One was lost that had been opened at an instant; those that break together count once."""
        logger().info("connection lost", transport=self._name, reason=reason)
        if opened >= self._struck:
            self._strike(reason)

    def refused(self, reason: str, lanes: int, *, hopeless: bool) -> None:
        """No more are taken than the `lanes` that there are; without any it is over, unless all was well before."""
        logger().info("connection refused", transport=self._name, reason=reason)
        self.lanes = max(1, lanes)
        if lanes:
            return
        if hopeless or not self._took:
            self.trouble = reason
        else:
            self.lanes = self._most
            self._strike(reason)

    def _strike(self, reason: str) -> None:
        now = time.monotonic()
        self._strikes += 1
        self._struck = now
        if self._strikes >= STRIKES:
            self.trouble = (
                f"{self._name}: {STRIKES} connections came to nothing one after the other; the last: {reason}"
            )
        elif self._strikes > 1:
            self._not_before = now + self._backoff * 2.0 ** (self._strikes - 2)
