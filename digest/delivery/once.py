"""One message, without the ledger: for a test that somebody asks for. May import protocols."""

from __future__ import annotations

import selectors
import time

from digest.errors import TransportError
from digest.protocols import Event, Lane, Lost, Outcome, Outgoing, Ready, Transport

#: seconds between two looks at a lane that waits for nothing
_PAUSE = 0.01


def submit(transport: Transport, message: Outgoing) -> Outcome:
    """Hand one message to a transport, and return what became of it.

    Raises:
        TransportError: the transport cannot be reached, refuses us, or was lost on the way.
    """
    lane = transport.open()
    lane.offer(message)
    while True:
        for event in _events(lane):
            if isinstance(event, Ready):
                lane.release(event.delivery)
            elif isinstance(event, Lost):
                raise TransportError(f"{transport.name}: {event.reason}")
            # what was not tried is followed by why: the lane was lost
            elif event.outcome.state != "pending":
                lane.close("done")
                return event.outcome


def _events(lane: Lane) -> list[Event]:
    events = list(lane.advance())
    if events:
        return events
    if lane.deadline is not None and time.monotonic() > lane.deadline:
        return [*lane.close("no answer in time"), Lost("no answer in time")]
    handle = lane.fileno()
    if handle is None:
        time.sleep(_PAUSE)
        return []
    with selectors.DefaultSelector() as selector:
        writes = selectors.EVENT_WRITE if lane.writes else 0
        selector.register(handle, selectors.EVENT_READ | writes)
        selector.select(timeout=1.0)
    return []
