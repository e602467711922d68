"""A server on the loopback that answers as a test tells it: byte by byte, late, wrongly, or not at all."""

from __future__ import annotations

import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Asked:
    """A request that came."""

    path: str
    #: names in small letters
    headers: Mapping[str, str]
    at: float


class Reply:
    """What a route answers with; everything sent goes out at once."""

    def __init__(self, handler: socketserver.StreamRequestHandler, over: threading.Event) -> None:
        self._file = handler.wfile
        self._over = over

    def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._file.write(data)
        self._file.flush()

    def send(self, status: int = 200, body: bytes = b"", **headers: str) -> None:
        """Send a whole answer; `content_type` is the header Content-Type."""
        headers = {"content_length": str(len(body)), **headers}
        self.head(status, **headers)
        self.raw(body)

    def head(self, status: int = 200, **headers: str) -> None:
        """Send status and headers."""
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.raw("\r\n".join([f"HTTP/1.1 {status} X", *lines, "connection: close", "", ""]).encode())

    def wait(self, seconds: float) -> bool:
        """Let time go by; False once the server ends."""
        return not self._over.wait(seconds)


Route = Callable[[Reply, Asked], None]


@dataclass
class Server:
    """A running server."""

    port: int
    scheme: str
    #: path without its query -> what answers; the rest is 404
    routes: dict[str, Route] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    _spans: list[tuple[str, float, float]] = field(default_factory=list)

    def url(self, path: str = "/") -> str:
        """Return the URL of a path."""
        return f"{self.scheme}://{HOST}:{self.port}{path}"

    def note(self, path: str, began: float) -> None:
        """Note that an answer is over."""
        self._spans.append((path, began, time.monotonic()))

    def spans(self, count: int = 1) -> list[tuple[str, float, float]]:
        """Return path, start and end of the answers, in seconds of one clock, once there are so many."""
        until = time.monotonic() + 5
        while len(self._spans) < count and time.monotonic() < until:
            time.sleep(0.005)
        return self._spans

    def on(self, path: str, *answers: Route) -> str:
        """Answer a path, each time with the next of `answers`, at last always with the last; return its URL."""
        left = list(answers)

        def route(reply: Reply, asked: Asked) -> None:
            (left.pop(0) if len(left) > 1 else left[0])(reply, asked)

        self.routes[path] = route
        return self.url(path)


def text(body: bytes = b"hello", status: int = 200, **headers: str) -> Route:
    """Return a route with one whole answer."""
    return lambda reply, _: reply.send(status, body, **headers)


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Run a server for the block; each connection has a thread of its own."""
    over = threading.Event()

    class Handler(socketserver.StreamRequestHandler):
        def setup(self) -> None:
            if tls:
                self.request = tls.wrap_socket(self.request, server_side=True)
            super().setup()

        def finish(self) -> None:
            super().finish()
            self.request.close()

        def handle(self) -> None:
            first = self.rfile.readline().split()
            if len(first) < 2:
                return
            path = first[1].decode()
            headers = {}
            while line := self.rfile.readline().decode("latin-1").strip():
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            began = time.monotonic()
            asked = Asked(path, headers, began)
            running.asked.append(asked)
            route = running.routes.get(path.partition("?")[0], text(b"nothing here", 404))
            route(Reply(self, over), asked)
            running.note(path, began)

    class Threading(socketserver.ThreadingTCPServer):
        daemon_threads = True
        # A test that leaves a hanging connection behind does not wait for it.
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing where a client went away, or refused the certificate."""

    with Threading((HOST, 0), Handler) as server:
        running = Server(server.server_address[1], "https" if tls else "http")
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield running
        finally:
            over.set()
            server.shutdown()
            thread.join()


class Memory:
    """What a source knows of its past."""

    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    latest = None

    def __init__(self, told: Mapping[str, str] | None = None) -> None:
        self.told = dict(told or {})

    def recall(self, key: str) -> str | None:
        return self.told.get(key)


class Sleeper:
    """Time that passes where someone sleeps, without anybody waiting."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)

    def clock(self) -> float:
        """Return seconds that only grow."""
        return time.monotonic() + sum(self.slept)


def certificate(folder: Path, *, days: int = 30) -> Path | None:
    """Make a self-signed certificate for the loopback, with its key in the same file; None without openssl."""
    import subprocess

    path = folder / "server.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(path), "-out", str(folder / "cert.pem"), "-subj", "/CN=papers"]
    command += ["-addext", f"subjectAltName=IP:{HOST}", "-days", str(days)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    path.write_bytes(path.read_bytes() + (folder / "cert.pem").read_bytes())
    return path
