"""The lanes that a sender has open: opened in threads, waited for together. May import protocols and errors."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Sequence

from digest.errors import TransportError
from digest.protocols import Claimed, Lane, Outgoing, Transport


class Held:
    """A claimed message on its way through the sender."""

    __slots__ = ("begun", "delivery", "message", "ready", "released", "returns", "slot")

    def __init__(self, delivery: Claimed) -> None:
        self.delivery = delivery
        #: made before a lane took it
        self.message: Outgoing | None = None
        #: where it is; None: it waits
        self.slot: Slot | None = None
        #: it is `Ready`, and the ledger was not told yet
        self.ready = False
        #: the ledger has it in flight, or may have
        self.begun = False
        self.released = False
        #: how often a lane was lost under it before it was begun
        self.returns = 0


class Slot:
    """An open lane, with what it holds."""

    __slots__ = ("ending", "fd", "gone", "idle", "items", "lane", "mask", "opened", "submitted", "touched")

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.fd = lane.fileno()
        self.mask = 0
        self.items: dict[int, Held] = {}
        #: it stands in the queue of those that take a message
        self.idle = False
        #: why it takes and releases nothing any more; it is closed once nothing released is unanswered
        self.ending: str | None = None
        self.gone = False
        self.opened = self.touched = time.monotonic()
        self.submitted = 0

    def is_busy(self) -> bool:
        """Say whether it has something to do that nobody but itself waits for."""
        return any(not held.ready for held in self.items.values())

    def gets_ready(self) -> bool:
        """Say whether a message is on its way that will be ready, and none is."""
        waits = False
        for held in self.items.values():
            if held.ready:
                return False
            waits = waits or not held.begun
        return waits

    def in_flight(self) -> bool:
        """Say whether it holds a message that was released."""
        return any(held.released for held in self.items.values())


class Pool:
    """Opens lanes, and waits for them. Its methods are for one thread.

    Args:
        transport: whose.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._selector = selectors.DefaultSelector()
        self._wakes, self._wake = socket.socketpair()
        self._wakes.setblocking(False)
        self._selector.register(self._wakes, selectors.EVENT_READ, None)
        self._lock = threading.Lock()
        self._opened: deque[Lane | TransportError] = deque()
        self._over = False
        self._watched = 0
        #: how many are being opened
        self.opening = 0
        #: those that are open
        self.slots: list[Slot] = []

    def open(self) -> None:
        """Begin to open another lane; `opened` will tell."""
        self.opening += 1
        threading.Thread(target=self._open, name=f"open {self._transport.name}", daemon=True).start()

    def _open(self) -> None:
        opened: Lane | TransportError = TransportError(f"{self._transport.name}: to open it ended in a mistake of ours")
        try:
            opened = self._transport.open()
        except TransportError as error:
            opened = error
        finally:
            # whatever ends this thread, the loop must not wait for it
            self._tell(opened)

    def _tell(self, opened: Lane | TransportError) -> None:
        with self._lock:
            if not self._over:
                self._opened.append(opened)
                self._wake.send(b"\0")
                return
        if not isinstance(opened, TransportError):
            opened.close("it is no longer needed")

    def opened(self) -> Sequence[Slot | TransportError]:
        """Return what became of lanes since the last time."""
        found: list[Slot | TransportError] = []
        while self._opened:
            one = self._opened.popleft()
            self.opening -= 1
            if isinstance(one, TransportError):
                found.append(one)
                continue
            slot = Slot(one)
            self.slots.append(slot)
            self.watch(slot)
            found.append(slot)
        return found

    def watch(self, slot: Slot) -> None:
        """Wait for what a lane waits for now."""
        if slot.fd is None or slot.gone:
            return
        mask = selectors.EVENT_READ | (selectors.EVENT_WRITE if slot.lane.writes else 0)
        if mask == slot.mask:
            return
        if slot.mask:
            self._selector.modify(slot.fd, mask, slot)
        else:
            self._selector.register(slot.fd, mask, slot)
            self._watched += 1
        slot.mask = mask

    def forget(self, slot: Slot) -> None:
        """Wait no longer for a lane that is over."""
        if slot.gone:
            return
        slot.gone = True
        self.slots.remove(slot)
        if slot.mask and slot.fd is not None:
            self._selector.unregister(slot.fd)
            self._watched -= 1

    def has_work(self) -> bool:
        """Say whether there is something to do without waiting."""
        return bool(self._opened) or any(slot.fd is None and slot.is_busy() for slot in self.slots)

    def wait(self, timeout: float) -> list[Slot]:
        """Return the lanes that can go on, after at most `timeout` seconds."""
        found = [slot for slot in self.slots if slot.fd is None and slot.is_busy()]
        if not (timeout or self._watched):
            return found
        for key, _ in self._selector.select(timeout):
            if key.data is None:
                self._wakes.recv(4096)
            else:
                found.append(key.data)
        return found

    def close(self) -> None:
        """Close what is open, and what will be."""
        with self._lock:
            self._over = True
        for one in self._opened:
            if not isinstance(one, TransportError):
                one.close("it is no longer needed")
        for slot in list(self.slots):
            self.forget(slot)
            slot.lane.close("the sender ended")
        self._selector.close()
        self._wakes.close()
        self._wake.close()
