"""What became of a piece of work. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tally:
    """What became of the messages that a sender worked on."""

    submitted: int = 0
    deferred: int = 0
    failed: int = 0
    #: nobody knows whether they were taken
    unknown: int = 0
    #: why it ended before all was done; None: it did not
    trouble: str | None = None
    #: seconds that it took
    duration: float = 0.0

    @property
    def total(self) -> int:
        """How many messages there were."""
        return self.submitted + self.deferred + self.failed + self.unknown

    def __add__(self, later: Tally) -> Tally:
        """Return both pieces of work as one."""
        return Tally(
            submitted=self.submitted + later.submitted,
            deferred=self.deferred + later.deferred,
            failed=self.failed + later.failed,
            unknown=self.unknown + later.unknown,
            trouble=later.trouble or self.trouble,
            duration=self.duration + later.duration,
        )
