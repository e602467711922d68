"""A store, looked at again and again. May import bootstrap, families and below."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from digest.bootstrap import System
from digest.errors import StoreError
from digest.protocols import Census, Figures, Health, NewsletterState

#: counting takes at most this share of the time, however large the store is
_SHARE = 0.05
#: seconds to wait for somebody else who looks
_PATIENCE = 5.0


@dataclass(frozen=True)
class Readings:
    """All that was found in a store."""

    figures: Figures
    #: in the order of the configuration; None: never fetched, never met
    sources: Mapping[str, Health | None]
    newsletters: Mapping[str, NewsletterState | None]
    #: newsletter -> entries of its newest edition
    entries: Mapping[str, int]
    paused: frozenset[str]
    #: None: it is being counted for the first time
    census: Census | None
    #: when that was counted
    counted: datetime | None


class Meter:
    """Looks at the store of a system; safe to use from several threads."""

    def __init__(self, wired: System, *, timer: Callable[[], float] = time.monotonic) -> None:
        """Prepare; nothing is read yet.

        Args:
            wired: whose store.
            timer: seconds, to tell how long counting took.
        """
        self._wired, self._timer = wired, timer
        self._census: Census | None = None
        self._counted: datetime | None = None
        self._fresh_until = float("-inf")
        self._counting, self._looking = threading.Lock(), threading.Lock()
        #: (newsletter, number) -> entries; editions are immutable
        self._entries: dict[tuple[str, int], int] = {}

    def read(self) -> Readings:
        """Look at all of it.

        Raises:
            StoreError: the store refuses.
        """
        self._count()
        # one at a time: those whom a store gives no answer would take all connections from those who work
        if not self._looking.acquire(timeout=_PATIENCE):
            raise StoreError(f"the store has not answered for {_PATIENCE:.0f} seconds")
        try:
            return self._look()
        finally:
            self._looking.release()

    def _look(self) -> Readings:
        config, store = self._wired.config, self._wired.store
        known = {one.id: one for one in store.newsletters()}
        newsletters = {one.id: known.get(one.id) for one in config.newsletters}
        return Readings(
            figures=store.care.figures([one.name for one in config.sources]),
            sources={one.name: store.health(one.name) for one in config.sources},
            newsletters=newsletters,
            entries={id: self._entries_of(state) for id, state in newsletters.items() if state and state.last},
            paused=frozenset(store.ledger.paused()),
            census=self._census,
            counted=self._counted,
        )

    def _entries_of(self, state: NewsletterState) -> int:
        """Return how many entries a newsletter's newest edition has; reads each edition once."""
        assert state.last is not None
        key = state.id, state.last.number
        if key not in self._entries:
            self._entries = {one: number for one, number in self._entries.items() if one[0] != state.id}
            self._entries[key] = len(self._wired.store.edition(*key).entries)
        return self._entries[key]

    def _count(self) -> None:
        """Count anew, unless that was done just now; who comes while somebody counts takes what was counted before."""
        if self._timer() < self._fresh_until or not self._counting.acquire(blocking=False):
            return
        try:
            began, at = self._timer(), self._wired.parts.clock()
            self._census, self._counted = self._wired.store.care.census(), at
            ended = self._timer()
            self._fresh_until = ended + (ended - began) * (1 / _SHARE - 1)
        finally:
            self._counting.release()
