"""Drives a lane as a sender does, one selector for one lane."""

from __future__ import annotations

import select
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from digest.delivery.settings import SmtpSettings
from digest.delivery.smtp import SmtpTransport
from digest.protocols import Answered, Claimed, Event, Lane, Lost, Outcome, Outgoing, Ready
from tests.delivery.server import Server

#: seconds after which a lane that does nothing has hung
PATIENCE = 20.0


def claimed(number: int, address: str | None = None) -> Claimed:
    """Return a delivery."""
    return Claimed(
        id=number,
        subscription=number,
        newsletter="daily",
        after=0,
        upto=1,
        tries=0,
        address=address or f"reader{number}@example.org",
        name="",
        format="html",
        groups="",
        origin="command",
        since=datetime(2026, 1, 1, tzinfo=UTC),
        confirmed_by="test",
        first_try=None,
    )


def outgoing(number: int, *, recipient: str | None = None, body: bytes = b"Hello.\r\n") -> Outgoing:
    """Return a message."""
    delivery = claimed(number, recipient)
    content = b"Message-ID: <%d@example.org>\r\nSubject: x\r\n\r\n%b" % (number, body)
    return Outgoing(delivery, "news@example.org", delivery.address, (content,))


def opened(server: Server, **told: object) -> Lane:
    """Open a lane to a server without TLS; it is closed with the server at the latest."""
    settings = SmtpSettings("127.0.0.1", server.port, **{"tls": "none", "timeout": 20.0, **told})  # type: ignore[arg-type]
    lane = SmtpTransport(settings).open()
    server.at_end.append(lambda: lane.close("the test is over"))
    return lane


def wait(lane: Lane, seconds: float = PATIENCE) -> Sequence[Event]:
    """Wait until a lane has something to say, and return that."""
    until = time.monotonic() + seconds
    while not (events := lane.advance()):
        left = until - time.monotonic()
        assert left > 0, "the lane says nothing"
        handle = lane.fileno()
        assert handle is not None, "this lane has a socket"
        select.select([handle], [handle] if lane.writes else [], [], left)
    return events


def drive(lane: Lane, messages: Sequence[Outgoing], *, ahead: bool = True) -> list[Event]:
    """Send messages until each is answered for, or the lane is lost; return all events.

    Args:
        lane: through which.
        messages: which, in order.
        ahead: whether the next one is offered before the one that is ready is released.
    """
    waiting, seen = list(messages), list[Event]()
    left = len(waiting)
    while left and not any(isinstance(event, Lost) for event in seen):
        if waiting and lane.free:
            lane.offer(waiting.pop(0))
        for event in wait(lane):
            seen.append(event)
            left -= isinstance(event, Answered)
            if isinstance(event, Ready):
                if ahead and waiting and lane.free:
                    lane.offer(waiting.pop(0))
                lane.release(event.delivery)
    return seen


def outcomes(events: Sequence[Event]) -> dict[int, Outcome]:
    """Return what became of each message; each was answered for once."""
    answered = [event for event in events if isinstance(event, Answered)]
    assert len({event.delivery.id for event in answered}) == len(answered), "a message was answered for twice"
    return {event.delivery.id: event.outcome for event in answered}


def lost(events: Sequence[Event]) -> Lost:
    """Return why the lane was lost; it was, last of all."""
    assert isinstance(events[-1], Lost), "the lane is not lost"
    return events[-1]
