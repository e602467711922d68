"""A command at the points of no return, so that what it keeps elsewhere is never behind what the world has seen.

    published   the edition is out in the folder: before anything is mailed
    in-flight   messages are about to become final: before the last byte of each goes out
    done        the end

May import protocols and this package.
"""

from __future__ import annotations

import shlex
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from digest.errors import CheckpointError
from digest.logs import logger
from digest.protocols import Claimed, Concluded, Ledger, Outcome
from digest.protocols.state import DeliveryRow
from digest.state.keeper import Keeper

Point = Literal["published", "in-flight", "done"]
#: where its output goes: what a run prints may be read by a program
_STDERR = 2
#: seconds that it may take; at `in-flight` a sender's claims last no longer
PATIENCE: dict[Point, float] = {"published": 300.0, "in-flight": 45.0, "done": 300.0}


@dataclass(frozen=True)
class Command:
    """A program with its first arguments; the name of the point is added. What it prints goes to stderr."""

    words: tuple[str, ...]

    @classmethod
    def parse(cls, line: str) -> Command:
        """Return the command of a line, as a shell would split it (ValueError where it cannot be)."""
        words = tuple(shlex.split(line))
        if not words:
            raise ValueError("it is empty")
        return cls(words)

    def __call__(self, point: Point) -> None:
        """Run it.

        Raises:
            CheckpointError: it did not end well; nothing may rely on what it should have kept.
        """
        logger().info("checkpoint", point=point)
        try:
            ended = subprocess.run(
                [*self.words, point],
                stdin=subprocess.DEVNULL,
                stdout=_STDERR,
                timeout=PATIENCE[point],
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise CheckpointError(f"`{self.words[0]} ... {point}` took longer than {PATIENCE[point]:.0f} s") from error
        except OSError as error:
            raise CheckpointError(f"`{self.words[0]} ... {point}` cannot be run: {error.strerror}") from error
        if ended.returncode:
            raise CheckpointError(f"`{self.words[0]} ... {point}` ended with status {ended.returncode}")


class _Watched:
    """A ledger that nothing leaves before it is kept elsewhere; all else is as the ledger behind it does."""

    def __init__(self, ledger: Ledger, keeper: Keeper, run: Callable[[Point], None], stop: threading.Event) -> None:
        self._ledger, self._keeper, self._run, self._stop = ledger, keeper, run, stop
        #: why nothing may leave any more
        self.trouble: str | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def advance(
        self,
        token: str,
        begun: Sequence[Claimed],
        concluded: Sequence[Concluded],
        now: datetime,
        *,
        meanwhile: Callable[[], None] | None = None,
    ) -> frozenset[int]:
        """Commit what happened, and keep what is begun elsewhere; else it is pending once more, and counts as lost."""
        lost = self._ledger.advance(token, begun, concluded, now, meanwhile=meanwhile)
        mine = [one for one in begun if one.id not in lost]
        if not mine:
            return lost
        try:
            self._keep(mine, now)
        except CheckpointError as error:
            self.trouble = f"{error}: no message leaves before it is noted that it does"
            self._stop.set()
            # no dot has gone out: nothing of it counts
            back = [Concluded(one, Outcome("pending", text="the checkpoint failed before it left")) for one in mine]
            self._ledger.advance(token, (), back, now)
            return lost | {one.id for one in mine}
        return lost

    def _keep(self, begun: Sequence[Claimed], now: datetime) -> None:
        hashes = self._keeper.tables.hashes([one.subscription for one in begun])
        rows = [
            DeliveryRow(
                id=one.id,
                hash=hashes[one.subscription],
                newsletter=one.newsletter,
                after=one.after,
                upto=one.upto,
                state="in_flight",
                tries=one.tries,
                at=now,
                first_try=one.first_try or now,
            )
            for one in begun
        ]
        self._keeper.append(rows)
        self._run("in-flight")


@dataclass(frozen=True)
class Watch:
    """A ledger under watch."""

    #: in place of the one behind it
    ledger: Ledger
    _watched: _Watched

    @property
    def trouble(self) -> str | None:
        """Why nothing leaves any more; None: nothing keeps it."""
        return self._watched.trouble


def watched(ledger: Ledger, keeper: Keeper, run: Callable[[Point], None], stop: threading.Event) -> Watch:
    """Let nothing leave before `run` kept elsewhere that it does.

    Args:
        ledger: what went to whom.
        keeper: writes the state.
        run: keeps what it wrote.
        stop: set where that fails; it ends the sender.
    """
    one = _Watched(ledger, keeper, run, stop)
    return Watch(cast(Ledger, one), one)
