"""What a process that stays says of itself: whether it lives, whether it is of use. May import metrics and below.

The loop of the process writes it, other threads read it; nothing here waits for the loop.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from digest.bootstrap import System
from digest.errors import StoreError
from digest.metrics import Meter, exposition, gauge, of_store
from digest.protocols import Holder

if TYPE_CHECKING:
    from prometheus_client import Metric

    from digest.scheduler.shift import Shift

#: seconds that a store has to say that it is there
_PATIENCE = 5.0
#: seconds that answers which are under way may take when the store they read is closed
_LEAVE = 2.0

Doing = Literal["starting", "serving", "standing by", "stopping"]


@dataclass(frozen=True)
class Now:
    """What the process does."""

    doing: Doing = "starting"
    since: datetime | None = None
    #: who serves while this process stands by
    holder: Holder | None = None
    #: what serves
    shift: Shift | None = None
    #: what keeps it from serving
    trouble: str = ""


class Pulse:
    """What the process that serves says of itself."""

    def __init__(self, limit: float) -> None:
        """Begin.

        Args:
            limit: seconds without a sign of life after which the loop of the process counts as hanging.
        """
        self._limit = limit
        self._beat, self._beaten = time.monotonic(), time.time()
        self._now = Now()
        self._meter: Meter | None = None
        self._wired: System | None = None
        self._readers = 0
        self._left = threading.Condition()
        self._asking = threading.Lock()

    # Written by the loop

    def beat(self) -> None:
        """Give a sign of life."""
        self._beat, self._beaten = time.monotonic(), time.time()

    def tell(
        self, doing: Doing, *, holder: Holder | None = None, shift: Shift | None = None, trouble: str = ""
    ) -> None:
        """Say what the process does from now on."""
        self.beat()
        since = self._now.since if doing == self._now.doing else datetime.now(UTC)
        self._now = Now(doing, since, holder, shift, trouble)

    @contextmanager
    def over(self, wired: System) -> Iterator[None]:
        """Read the store of a system during the block; at its end nobody reads it any more, or they are left alone."""
        with self._left:
            self._wired, self._meter = wired, Meter(wired)
        try:
            yield
        finally:
            with self._left:
                self._wired = self._meter = None
                self._left.wait_for(lambda: not self._readers, _LEAVE)

    # Read by others

    def health(self) -> tuple[bool, str]:
        """Return whether the process lives, and a sentence: whether another one in its place would do better."""
        now, silent = self._now, time.monotonic() - self._beat
        # opening a store may upgrade it, and who ends that begins it anew
        if now.doing != "starting" and silent > self._limit:
            return False, f"The main loop has given no sign of life for {silent:.0f} seconds."
        dead = now.shift.dead() if now.shift else []
        # a shift that ends just now says so first
        if dead and self._now is now:
            return False, f"{' and '.join(dead).capitalize()} ended: what it does is done no more."
        return True, f"Alive: {now.doing}."

    def ready(self) -> tuple[bool, str]:
        """Return whether the process serves or stands by and its store answers, and a sentence."""
        now = self._now
        if now.doing in ("starting", "stopping"):
            return False, f"Not ready: {now.trouble or now.doing}."
        refused = self._refused()
        if refused:
            return False, f"Not ready: {refused.rstrip('.')}."
        if now.holder is not None:
            return True, f"Ready: standing by, while {now.holder.owner} on {now.holder.host} serves."
        since = f"{now.since:%Y-%m-%d %H:%M:%S} UTC" if now.since else "now"
        return True, f"Ready: serving since {since}."

    def _refused(self) -> str | None:
        """Ask the store for something small; return why it does not answer."""
        if not self._asking.acquire(timeout=_PATIENCE):
            return f"the store has not answered for {_PATIENCE:.0f} seconds"
        try:
            with self._reading() as (wired, _):
                if wired is None:
                    return "the store is not open"
                wired.store.log_end()
        except StoreError as error:
            return str(error)
        finally:
            self._asking.release()
        return None

    def metrics(self) -> bytes:
        """Return what Prometheus is told."""
        own = list(self._own())
        with self._reading() as (_, meter):
            try:
                found = list(of_store(meter.read())) if meter else [_down()]
            except StoreError:
                found = [_down()]
        return exposition([*found, *own], process=True)

    def _own(self) -> Iterator[Metric]:
        now = self._now
        yield gauge(
            "digest_serving", "Whether this process serves; 0: it stands by, or begins.",
            [((), now.doing == "serving")],
        )  # fmt: skip
        yield gauge("digest_heartbeat_timestamp_seconds", "The last sign of life of the main loop.",
                    [((), self._beaten)])  # fmt: skip
        if now.shift is not None:
            yield gauge(
                "digest_worker_busy_seconds",
                "For how long a worker has been at what it does now; 0: it waits.",
                [((name,), seconds) for name, seconds in now.shift.busy().items()],
                "worker",
            )

    @contextmanager
    def _reading(self) -> Iterator[tuple[System | None, Meter | None]]:
        """Keep the store open during the block."""
        with self._left:
            self._readers += 1
            wired, meter = self._wired, self._meter
        try:
            yield wired, meter
        finally:
            with self._left:
                self._readers -= 1
                self._left.notify_all()


def _down() -> Metric:
    return gauge("digest_store_up", "Whether the store answers.", [((), 0)])
