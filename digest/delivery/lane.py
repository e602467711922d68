"""One connection to a relay: a socket under the conversation. May import protocols."""

from __future__ import annotations

import socket
import ssl
import time
from collections import deque
from collections.abc import Sequence
from itertools import islice

from digest.delivery.conversation import Conversation, Manner
from digest.protocols import Claimed, Event, Outgoing

#: bytes of answers that are read at once
_CHUNK = 16384
#: buffers that a system takes at once (POSIX wants 16 at least, Linux and macOS take 1,024)
_PIECES = 512
#: seconds for the answer to a final dot, at least (RFC 5321 section 4.5.3.2.6) ...
_FINAL = 600.0
#: ... unless an answer has less time than this: then somebody wants it short
_SHORT = 60.0


class SmtpLane:
    """Takes messages over a connection that is logged in; never waits."""

    def __init__(self, connection: socket.socket, manner: Manner, *, timeout: float, early: bytes = b"") -> None:
        """Take over a connection.

        Args:
            connection: where EHLO, TLS and AUTH are done; the lane closes it.
            manner: what its EHLO told.
            timeout: seconds that one answer may take.
            early: what was read of it after the last answer.
        """
        connection.setblocking(False)
        self._socket = connection
        self._fileno = connection.fileno()
        self._encrypted = isinstance(connection, ssl.SSLSocket)
        self._relay = manner.relay
        self._conversation = Conversation(manner)
        self._timeout = timeout
        self._final = timeout if timeout < _SHORT else max(timeout, _FINAL)
        #: when the peer last got on with it
        self._since = time.monotonic()
        #: TLS has to read before it can write, or the other way round
        self._crossed = False
        self._unread = early

    def fileno(self) -> int | None:
        """Return the connection's number; it stays the same when the lane is over."""
        return self._fileno

    @property
    def writes(self) -> bool:
        """Whether it waits to write, or has something to tell at once."""
        talk = self._conversation
        return (len(talk.outgoing) > 0) != self._crossed or talk.has_events or bool(self._unread)

    @property
    def free(self) -> bool:
        """Whether it takes another message now."""
        return self._conversation.free

    @property
    def deadline(self) -> float | None:
        """The instant of `time.monotonic` at which the relay has taken too long; None: it has nothing to do."""
        talk = self._conversation
        if not talk.awaits:
            return None
        return self._since + (self._final if talk.awaits_final else self._timeout)

    def offer(self, message: Outgoing) -> None:
        """Take a message; its envelope goes out in the next `advance`, with the final dot before it if there is one."""
        self._asked()
        self._conversation.offer(message)

    def release(self, delivery: Claimed) -> None:
        """Let the final dot go, in the next `advance`, with the envelope of a message that is offered till then."""
        self._asked()
        self._conversation.release(delivery)

    def advance(self) -> Sequence[Event]:
        """Read and write what can be without waiting, and say what came of it."""
        # A server that broke off in the meantime gets no dot: it cannot have the message then.
        while not self._conversation.is_lost and self._read():
            pass
        self._write()
        return self._told()

    def close(self, reason: str) -> Sequence[Event]:
        """End the lane; where it is idle, with a QUIT whose answer nobody waits for."""
        if self._conversation.is_idle:
            try:
                self._socket.send(b"QUIT\r\n")
            except OSError:
                # It would have been polite; the peer is gone, or too busy to hear it.
                pass
        self._conversation.abandon(reason)
        return self._told()

    def _asked(self) -> None:
        """Give the peer its full time from now, if it had nothing to do so far."""
        if not self._conversation.awaits:
            self._since = time.monotonic()

    def _told(self) -> Sequence[Event]:
        if self._conversation.is_lost:
            self._socket.close()
        return self._conversation.events()

    def _write(self) -> None:
        """Send as much as the socket takes."""
        talk = self._conversation
        try:
            while talk.outgoing:
                talk.sent(self._send(talk.outgoing))
                self._since = time.monotonic()
            self._crossed = False
        except ssl.SSLWantReadError:
            self._crossed = True
        except (BlockingIOError, ssl.SSLWantWriteError, InterruptedError):
            self._crossed = False
        except OSError as error:
            # What it said before it broke off is worth more than that it broke off.
            while not talk.is_lost and self._read():
                pass
            talk.lose(f"the connection to {self._relay} broke: {error}")

    def _send(self, pieces: deque[bytes | memoryview]) -> int:
        if not self._encrypted:
            # The pieces that messages share are not copied, and the processor has them at hand.
            return self._socket.sendmsg(islice(pieces, _PIECES))
        if len(pieces) > 1:
            # Each piece would be a record of its own.
            joined = b"".join(pieces)
            pieces.clear()
            pieces.append(joined)
        return self._socket.send(pieces[0])

    def _read(self) -> bool:
        """Take what has arrived; return whether there may be more."""
        talk = self._conversation
        try:
            data = self._unread or self._socket.recv(_CHUNK)
        except ssl.SSLWantWriteError:
            self._crossed = not talk.outgoing
            return False
        except (BlockingIOError, ssl.SSLWantReadError, InterruptedError):
            return False
        except OSError as error:
            talk.lose(f"the connection to {self._relay} broke: {error}")
            return False
        self._unread = b""
        if not data:
            talk.lose(f"{self._relay} closed the connection")
        elif talk.received(data):
            self._since = time.monotonic()
        # A short read has emptied a socket; TLS hands out record by record, and may keep one back.
        return bool(data) and (self._encrypted or len(data) == _CHUNK)
