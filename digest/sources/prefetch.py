"""Fetches from different hosts side by side; what they bring is handed out in the order of the configuration.

Only `fetch` runs in a thread: keeping and parsing stay with the caller. May import protocols.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from digest.errors import StoppedError
from digest.models import Dump, Notice
from digest.protocols import FetchMemory, Remote, Source

#: hosts that are asked at once
THREADS = 8
#: dumps and notices of one source that wait to be taken; a source with more waits itself
WAITING = 4
#: seconds after which a thread that waits looks whether it still should
_LOOK = 0.1

_Given = Dump | Notice


@contextmanager
def prefetched(
    sources: Sequence[tuple[Source, FetchMemory]], *, threads: int = THREADS, stop: threading.Event | None = None
) -> Iterator[list[Iterator[_Given]]]:
    """Start the fetches of all remote sources, and hand out what each source yields or raises.

    The iterators are to be used in their order. Sources that are not `Remote` are read where they are iterated, in
    the caller's thread. One host is asked by one thread at a time, its sources one after the other; so many
    sources of a host that hangs take no thread from the others.

    Args:
        sources: in the order of the configuration, each with what it may know of its past.
        threads: hosts that are asked at once, at most.
        stop: set to end early: what is read next raises StoppedError, also while it waits for an answer.
    """
    buffers = [_Buffer(source, memory, stop) for source, memory in sources if isinstance(source, Remote)]
    plan = _Plan(buffers)
    started = [threading.Thread(target=plan.work, name=f"fetch {n}", daemon=True) for n in range(plan.width(threads))]
    waiting = iter(buffers)
    try:
        for thread in started:
            thread.start()
        yield [next(waiting) if isinstance(one, Remote) else _lazily(one, memory, stop) for one, memory in sources]
    finally:
        plan.stop()
        # One that waits in the network ends with its deadline; daemons hold up no exit of the process.
        for thread in started:
            thread.join(2 * _LOOK)


def _lazily(source: Source, memory: FetchMemory, stop: threading.Event | None) -> Iterator[_Given]:
    """Fetch when the first of it is asked for."""
    for given in source.fetch(memory):
        _go_on(stop)
        yield given


def _go_on(stop: threading.Event | None) -> None:
    if stop is not None and stop.is_set():
        raise StoppedError("stopped while sources were fetched; the next run asks again")


class _End:
    """The last thing a source gives: why it ended."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class _Buffer(Iterator[_Given]):
    """What one source has brought and nobody has taken yet."""

    def __init__(self, source: Remote, memory: FetchMemory, stop: threading.Event | None = None) -> None:
        self.host = source.host
        self._source = source
        self._memory = memory
        self._stop = stop
        self._queue: queue.Queue[_Given | _End] = queue.Queue(WAITING)
        self._ended = False

    def fill(self, stopped: threading.Event) -> None:
        """Fetch, in a thread of its own; an error is what the source gives last."""
        end = _End()
        try:
            for given in self._source.fetch(self._memory):
                if not self._put(given, stopped):
                    return
        except BaseException as error:  # noqa: BLE001 - it is raised again where the source is read
            end = _End(error)
        self._put(end, stopped)

    def _put(self, given: _Given | _End, stopped: threading.Event) -> bool:
        while not stopped.is_set():
            try:
                self._queue.put(given, timeout=_LOOK)
            except queue.Full:
                continue
            return True
        return False

    def __next__(self) -> _Given:
        if self._ended:
            raise StopIteration
        given = self._get()
        if not isinstance(given, _End):
            return given
        self._ended = True
        raise given.error or StopIteration

    def _get(self) -> _Given | _End:
        while True:
            try:
                return self._queue.get(timeout=_LOOK if self._stop else None)
            except queue.Empty:
                _go_on(self._stop)


class _Plan:
    """Which source is fetched next.

    Always the first in order whose host is not being asked. So nobody waits for ever: what the caller reads next is
    either being fetched, or the next that a thread takes that is not held up by a full buffer.
    """

    def __init__(self, buffers: Sequence[_Buffer]) -> None:
        self._left = list(buffers)
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def width(self, threads: int) -> int:
        """Return how many threads are of use."""
        return min(threads, len({buffer.host for buffer in self._left}))

    def stop(self) -> None:
        """Start no further source, and let go of those whose buffer is full."""
        self._stopped.set()

    def work(self) -> None:
        """Fetch source after source until there is none that this thread could take."""
        while not self._stopped.is_set():
            buffer = self._take()
            if buffer is None:
                return
            try:
                buffer.fill(self._stopped)
            finally:
                with self._lock:
                    self._busy.discard(buffer.host)

    def _take(self) -> _Buffer | None:
        """Return the next; None: the hosts of all others are being asked, by threads that take them afterwards."""
        with self._lock:
            found = next((buffer for buffer in self._left if buffer.host not in self._busy), None)
            if found is not None:
                self._left.remove(found)
                self._busy.add(found.host)
            return found
