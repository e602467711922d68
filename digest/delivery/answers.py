"""What was answered: what the ledger is told of it, and what is counted once it knows.

May import protocols, models and the ground.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence

from digest.clock import Clock
from digest.delivery.retry import is_bad_address, is_our_fault, settle
from digest.delivery.settings import Pace
from digest.models import UnknownPolicy
from digest.protocols import Claimed, Concluded, Outcome, Progress

#: what is done once the ledger knows that an address is bad
Suppress = Callable[[Claimed, Outcome], None]

#: seconds that an answer waits for a commit with something begun
PATIENCE = 0.2
#: seconds before a commit that failed is tried again
PAUSE = 1.0
#: so many messages show whether the relay takes any of ours
PROBE = 10


class Answers:
    """Collects answers for the next commit, and counts those that the ledger knows.

    Args:
        name: the transport's.
        clock: the instants noted.
        pace: how long a message is tried.
        policies: newsletter -> what is done about `unknown`.
        suppress: told of bad addresses, after the commit that says so.
        progress: told of each message.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        pace: Pace,
        policies: Mapping[str, UnknownPolicy],
        suppress: Suppress | None,
        progress: Progress | None,
    ) -> None:
        self._name, self._clock, self._pace, self._policies = name, clock, pace, policies
        self._suppress, self._progress = suppress, progress
        self._waiting: list[Concluded] = []
        #: when the first of them came, and before which the ledger is not asked again
        self._since = self._not_before = 0.0
        self._our_fault = 0
        self.counts = {"submitted": 0, "deferred": 0, "failed": 0, "unknown": 0}
        #: what was said last when it became clear that it is us who are refused
        self._refusal: str | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, delivery: Claimed, outcome: Outcome) -> None:
        """Take an answer."""
        if not self._waiting:
            self._since = time.monotonic()
        if outcome.state == "submitted":
            self._waiting.append(Concluded(delivery, outcome))
            return
        policy = self._policies.get(delivery.newsletter, "skip")
        chance = random.random()  # noqa: S311 - it only keeps apart what was deferred together
        now = self._clock()
        self._waiting.append(settle(delivery, outcome, now, pace=self._pace, policy=policy, spread=chance))

    def is_due(self, *, last: bool) -> bool:
        """Say whether the ledger must be told now, even if nothing begins.

        Args:
            last: nothing else is going on.
        """
        return bool(self._waiting) and self.wait(last=last) <= 0

    def wait(self, *, last: bool) -> float:
        """Return the seconds until the ledger must be told of those that wait."""
        return max(self._since + (0 if last else PATIENCE), self._not_before) - time.monotonic()

    def take(self) -> Sequence[Concluded]:
        """Give out what the next commit carries."""
        taken, self._waiting = self._waiting, []
        return taken

    def put_back(self, taken: Sequence[Concluded]) -> None:
        """Keep what could not be committed."""
        self._waiting = [*taken, *self._waiting]
        self._not_before = time.monotonic() + PAUSE

    def note(self, committed: Sequence[Concluded]) -> None:
        """Count what the ledger knows now, and do what follows from it."""
        for delivery, outcome, _ in committed:
            if outcome.state == "pending":
                continue
            self.counts[outcome.state] += 1
            if outcome.state == "failed":
                self._failed(delivery, outcome)
            if self._progress is not None:
                self._progress.step(delivery.newsletter)

    def _failed(self, delivery: Claimed, outcome: Outcome) -> None:
        if self._suppress is not None and is_bad_address(outcome):
            self._suppress(delivery, outcome)
        self._our_fault += is_our_fault(outcome)
        total = sum(self.counts.values())
        if not self.counts["submitted"] and total >= PROBE and self._our_fault * 2 >= total:
            said = (outcome.code, outcome.status, outcome.text)
            self._refusal = " ".join(str(part) for part in said if part)

    @property
    def trouble(self) -> str | None:
        """Why it is no use to go on: it is our configuration that is refused, not the readers; None: it may be."""
        if self._refusal is None:
            return None
        return (
            f"{self._name} took none of the first {sum(self.counts.values())} messages, and refused {self._our_fault} "
            f"of them for reasons that lie with us, not with the readers (the last: {self._refusal}); check the "
            f"sender's address and the login; {self.counts['failed']} have failed: reopen them once that is mended"
        )
