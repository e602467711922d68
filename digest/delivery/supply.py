"""What a sender takes from the ledger, before it is needed where the ledger can. May import protocols."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from digest.clock import Clock
from digest.protocols import Claimed, Ledger


class Supply:
    """Claims for one piece of work.

    Args:
        ledger: what is claimed from.
        token: the sender's.
        clock: the instants that the ledger is told.
        batch: how many are claimed at once.
        limit: how many in all; None: as many as there are.
        daily_limit: as in `Ledger.claim`.
    """

    def __init__(
        self, ledger: Ledger, token: str, clock: Clock, batch: int, limit: int | None, daily_limit: int | None
    ) -> None:
        self._ledger, self._token, self._clock = ledger, token, clock
        self._batch, self._daily_limit = batch, daily_limit
        #: how many are still wanted; None: all
        self.left = limit
        #: nothing more could be claimed when it was tried last
        self.dry = False
        #: what is claimed now, and how many that may be
        self._coming: Callable[[], Sequence[Claimed]] | None = None
        self._asked = 0

    def begin(self) -> None:
        """Begin to claim, unless that is under way."""
        if self._coming is not None:
            return
        self._asked = self._batch if self.left is None else min(self._batch, self.left)
        if not self._asked:
            self.dry = True
            return
        self._coming = self._ledger.claiming(self._token, self._asked, self._clock(), daily_limit=self._daily_limit)

    def take(self) -> Sequence[Claimed]:
        """Return what was claimed, now or since it was begun; nothing: there is no more, or no more is wanted."""
        self.begin()
        if self._coming is None:
            return ()
        coming, self._coming = self._coming, None
        claimed = coming()
        self.dry = len(claimed) < self._asked
        if self.left is not None:
            self.left -= len(claimed)
        return claimed

    def give_back(self, forsaken: int = 0) -> None:
        """Let go of all claims; `forsaken` of those that were taken may be taken once more."""
        coming, self._coming = self._coming, None
        if coming is not None:
            coming()
        self._ledger.give_back(self._token)
        if self.left is not None:
            self.left += forsaken
        self.dry = False
