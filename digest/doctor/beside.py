"""Checks side by side, each for a bounded time. May import findings."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from digest.doctor.findings import Finding, fail, from_error
from digest.errors import DigestError
from digest.logs import logger
from digest.protocols import Progress

#: checks that wait for others at once
_THREADS = 16


@dataclass(frozen=True)
class Task:
    """A check that waits for somebody."""

    area: str
    #: what is asked, for people
    name: str
    #: seconds after which nobody waits any longer
    limit: float
    work: Callable[[], Iterable[Finding]]
    #: tasks of one host wait for each other; "": it need not wait
    host: str = ""


def guarded(area: str, name: str, work: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """Return what a check finds; one that cannot go on is a finding, and stops no other."""
    try:
        return list(work())
    except DigestError as error:
        return [from_error(area, error, "mend that, then look again")]
    except Exception as error:  # noqa: BLE001 - whatever a check stumbles over, the others still have to tell
        logger().warning("a check broke", area=area, name=name, error=repr(error))
        remedy = "look at the rest; digest doctor --log warning shows the error, which should be reported"
        return [fail(area, f"{name}: could not be looked at ({type(error).__name__})", remedy)]


class SideBySide:
    """Tasks under way."""

    def __init__(self, tasks: Sequence[Task], progress: Progress | None = None) -> None:
        """Start all of them."""
        self._tasks = tasks
        self._progress = progress
        self._found: dict[int, list[Finding]] = {}
        self._hosts = {task.host: threading.Lock() for task in tasks}
        self._turns = threading.Semaphore(_THREADS)
        self._began = time.monotonic()
        # Daemons: one that hangs holds up no exit of the process.
        self._threads = [
            threading.Thread(target=self._run, args=(number,), name=f"doctor {task.name}", daemon=True)
            for number, task in enumerate(tasks)
        ]
        for thread in self._threads:
            thread.start()

    def _run(self, number: int) -> None:
        task = self._tasks[number]
        lock = self._hosts[task.host] if task.host else threading.Lock()
        with lock, self._turns:
            self._found[number] = guarded(task.area, task.name, task.work)

    def wait(self) -> list[Finding]:
        """Return what they found, in the order of the tasks; those that take too long are given up."""
        found: list[Finding] = []
        for number, (task, thread) in enumerate(zip(self._tasks, self._threads, strict=True)):
            limit = self._limit(task)
            thread.join(max(0.0, self._began + limit - time.monotonic()))
            late = f"{task.name}: no answer within {limit:.0f} s"
            found += self._found.get(number, [fail(task.area, late, "see whether it hangs, then try again")])
            if self._progress:
                self._progress.step(task.name)
        return found

    def _limit(self, task: Task) -> float:
        """Return the seconds of a task, with those it may wait for the ones before it."""
        same = sum(other.limit for other in self._tasks if task.host and other.host == task.host)
        return max(task.limit, same) * (1 + len(self._tasks) // _THREADS)
