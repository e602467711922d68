"""The small server of a process that stays: /metrics, /health, /ready.

Each request has a thread. One that takes too long is cut off, and where there are too many the oldest is: neither a
hanging client nor many of them keep others, or the end of the process, waiting. May import pulse, desk, config and the
ground.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from types import TracebackType
from typing import Any, Self

from digest.config import Listen
from digest.errors import DigestError
from digest.logs import logger
from digest.metrics import CONTENT_TYPE
from digest.scheduler.desk import warn
from digest.scheduler.pulse import Pulse

#: seconds that a client may be silent, and that all of a request may take
_SILENT, _LONGEST = 10.0, 60.0
#: requests at once
_MOST = 32
#: seconds between two looks at what takes too long
_LOOK = 0.2

_PLAIN = "text/plain; charset=utf-8"


class Endpoint:
    """Answers for a process, at one address at a time."""

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse
        self._listen: Listen | None = None
        self._server: _Server | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.move(None)

    @property
    def address(self) -> Listen | None:
        """Where it listens; None: nowhere."""
        return None if self._server is None else self._server.where

    def move(self, listen: Listen | None) -> None:
        """Listen elsewhere, or nowhere. What is there already stays.

        Raises:
            DigestError: it cannot listen there; it goes on where it was.
        """
        if listen == self._listen:
            return
        server = _Server(listen, self._pulse) if listen else None
        before, self._server, self._listen = self._server, server, listen
        if server is not None:
            server.begin()
            logger().info("listening", at=str(server.where))
        if before is not None:
            before.end()


class _Server(ThreadingMixIn, TCPServer):
    """Listens at one address."""

    daemon_threads = True
    # a socket of before that waits for its last packets is none that listens
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, listen: Listen, pulse: Pulse) -> None:
        self.pulse = pulse
        #: requests that are under way, oldest first, and when they came
        self._open: dict[Any, float] = {}
        self._opening = threading.Lock()
        try:
            self.address_family, _, _, _, address = socket.getaddrinfo(
                listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            super().__init__(address[:2], _Handler)  # type: ignore[arg-type]
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or error
            raise DigestError(
                f"serve.listen: nothing can be answered at {listen}: {why}; "
                "end what listens there, or say another HOST:PORT"
            ) from error
        self.where = Listen(listen.host, self.socket.getsockname()[1])
        self._thread = threading.Thread(target=self.serve_forever, args=(_LOOK,), name="endpoint", daemon=True)

    def begin(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def end(self) -> None:
        """Answer no more; what is under way is cut off."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        self._cut(lambda _: True)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread; the oldest makes room."""
        with self._opening:
            crowd = list(self._open)[: max(0, len(self._open) + 1 - _MOST)]
            self._open[request] = time.monotonic()
        for one in crowd:
            _hang_up(one)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        with self._opening:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Cut off what takes too long."""
        now = time.monotonic()
        self._cut(lambda since: now - since > _LONGEST)

    def _cut(self, chosen: Callable[[float], bool]) -> None:
        with self._opening:
            found = [one for one, since in self._open.items() if chosen(since)]
        for one in found:
            _hang_up(one)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over a client that went away; only what nobody expected is told."""
        error = sys.exception()
        if isinstance(error, Exception) and not isinstance(error, OSError):
            warn("answer went wrong", error)


def _hang_up(connection: socket.socket) -> None:
    """End a connection under the thread that waits for it, which then closes it."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # it has ended meanwhile
        pass


class _Handler(BaseHTTPRequestHandler):
    """Answers one request, in plain text."""

    server: _Server
    timeout = _SILENT
    # what is no HTTP at all is refused with a status, too
    default_request_version = "HTTP/1.0"

    def do_GET(self) -> None:
        """Answer."""
        pulse = self.server.pulse
        match self.path.partition("?")[0]:
            case "/metrics":
                self._answer(HTTPStatus.OK, pulse.metrics(), CONTENT_TYPE)
            case "/health":
                self._say(*pulse.health())
            case "/ready":
                self._say(*pulse.ready())
            case _:
                self.send_error(HTTPStatus.NOT_FOUND)

    do_HEAD = do_GET

    def _say(self, well: bool, sentence: str) -> None:
        self._answer(HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE, f"{sentence}\n".encode(), _PLAIN)

    def _answer(self, status: HTTPStatus, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse in plain text; what is no GET or HEAD is not allowed rather than unknown."""
        if code == HTTPStatus.NOT_FOUND:
            self._answer(HTTPStatus.NOT_FOUND, b"There are /metrics, /health and /ready.\n", _PLAIN)
        elif code == HTTPStatus.NOT_IMPLEMENTED:
            allowed = {"Allow": "GET, HEAD"}
            self._answer(HTTPStatus.METHOD_NOT_ALLOWED, b"Only GET and HEAD are answered.\n", _PLAIN, **allowed)
        else:
            self._answer(HTTPStatus(code), f"{message or HTTPStatus(code).phrase}.\n".encode(), _PLAIN)

    def version_string(self) -> str:
        """Name the program, not what it is made of."""
        return "digest"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: it is asked every few seconds."""
