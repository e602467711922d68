"""A thread that does what it is asked to. May import nothing of `digest`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Worker:
    """Does what it is asked to, in a thread, one thing after the other.

    What is asked for while it is at work is done after that, all together and each thing once.
    """

    def __init__(self, name: str, work: Callable[[frozenset[str]], None]) -> None:
        """Prepare; `start` begins.

        Args:
            name: of the thread.
            work: called with what was asked for; it raises nothing.
        """
        self.name = name
        self._work = work
        self._begun: float | None = None
        self._asked: set[str] = set()
        self._changed = threading.Condition()
        self._closing = False
        # a daemon: what hangs for good holds up no exit of the process
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def ask(self, *what: str) -> None:
        """Ask for something; returns at once."""
        with self._changed:
            self._asked.update(what)
            self._changed.notify()

    @property
    def alive(self) -> bool:
        """Whether its thread lives."""
        return self._thread.is_alive()

    @property
    def busy(self) -> float:
        """For how many seconds it has been at what it does now; 0: it waits."""
        begun = self._begun
        return 0.0 if begun is None else time.monotonic() - begun

    def close(self, timeout: float | None) -> bool:
        """Do nothing further; return whether what is under way has ended in time."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._asked or self._closing)
                if self._closing:
                    return
                asked, self._asked = frozenset(self._asked), set()
            self._begun = time.monotonic()
            self._work(asked)
            self._begun = None
