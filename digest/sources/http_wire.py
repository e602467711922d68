"""Connections: to checked addresses only, and never for longer than a request may take.

Imports httpx and httpcore, so import this module where a request is made, not before.
"""

from __future__ import annotations

import ipaddress
import logging
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore
import httpx

from digest.sources.http_words import Failure, late, span

# Their lines at INFO and DEBUG hold whole URLs and headers, with the secrets in them.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)

#: addresses of one host that are tried
_ADDRESSES = 4
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
#: networks of IPv6 that lead to an IPv4 address -> how far right in them it stands (RFC 6052, RFC 3056)
_BRIDGES = ((ipaddress.IPv6Network("64:ff9b::/96"), 0), (ipaddress.IPv6Network("2002::/16"), 80))


class Budget:
    """The time a get has, with all its tries and redirects."""

    def __init__(
        self,
        timeout: float,
        connect: float,
        patience: float,
        sleep: Callable[[float], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the clock.

        Args:
            timeout: seconds for all of it.
            connect: seconds of them for one try to connect.
            patience: seconds beside them that are waited where servers say when to ask again.
            sleep: waits.
            clock: seconds that only grow.
        """
        self.timeout = timeout
        self.connect = min(connect, timeout)
        self.patience = patience
        self.tries = 0
        self._sleep = sleep
        self._clock = clock
        self._start = clock()
        self._paused = 0.0

    @property
    def spent(self) -> float:
        """Seconds since the start, without the pauses that servers ask for."""
        return self._clock() - self._start - self._paused

    @property
    def left(self) -> float:
        """Seconds that remain; below 0 when it is over."""
        return self.timeout - self.spent

    def step(self, most: float = float("inf")) -> float:
        """Return the seconds that the next step has: what is left, and no more than `most`.

        Raises:
            Failure: there are none left.
        """
        left = self.left
        if left <= 0:
            raise late(self.timeout)
        return min(most, left)

    def wait(self, seconds: float) -> None:
        """Wait before the next try; that is time it has no more."""
        self._sleep(seconds)

    def oblige(self, seconds: float) -> None:
        """Wait because the server asks for it, out of the patience there is."""
        self.patience -= seconds
        self.pause(seconds)

    def pause(self, seconds: float) -> None:
        """Wait for the sake of the server; that is no time it had."""
        if seconds > 0:
            before = self._clock()
            self._sleep(seconds)
            self._paused += self._clock() - before


class Guard:
    """Knows which addresses may be connected to: public ones, and those of the hosts that are allowed by name."""

    def __init__(self, allow_hosts: Iterable[str]) -> None:
        self._allowed = frozenset(host.strip("[]").lower().rstrip(".") for host in allow_hosts)

    def addresses(self, host: str, port: int, seconds: float) -> list[str]:
        """Resolve a host once and return the addresses to connect to.

        Whatever the host is written as (`2130706433`, `0177.1`, a name), it is the address that is judged, and the
        address that is connected to: a name that resolves to another one a moment later gains nothing.

        Raises:
            Failure: there is none, or none is public.
        """
        found = _resolve(host, port, seconds)
        if host.lower().rstrip(".") in self._allowed:
            return found
        public = [address for address in found if is_public(address)]
        if not public:
            raise Failure(
                f"{host} is {found[0]}, an address of this machine or its network, which is never asked"
                if host != found[0]
                else f"{host} is an address of this machine or its network, which is never asked",
                f'if it is meant, write allow_hosts = ["{host}"] in digest.toml',
            )
        return public


def is_public(text: str) -> bool:
    """Say whether an IP address is one of the public internet; what it wraps (v4-mapped, 6to4, NAT64) counts too."""
    address: _Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = _inner(address)
        if inner is not None:
            return is_public(str(inner))
    return address.is_global and not (
        address.is_multicast
        or address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_reserved
        or address.is_unspecified
    )


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    for network, shift in _BRIDGES:
        if address in network:
            return ipaddress.IPv4Address(int(address) >> shift & 0xFFFFFFFF)
    return None


def _resolve(host: str, port: int, seconds: float) -> list[str]:
    """Ask the resolver, which knows no timeout, in a thread that may outlive the question."""
    answers: queue.SimpleQueue[list[str] | OSError | UnicodeError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put([str(row[4][0]) for row in rows])
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, name=f"resolve {host}", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise Failure(f"the name {host} was not resolved within {span(seconds)}", again=True) from None
    if isinstance(answer, list) and answer:
        return list(dict.fromkeys(answer))
    passing = isinstance(answer, socket.gaierror) and answer.errno == socket.EAI_AGAIN
    why = "the name server does not answer" if passing else "there is no such host"
    raise Failure(f"{host}: {why}", "check the address in digest.toml and the network", again=passing)


class _Stream(httpcore.NetworkStream):
    """A connection whose every step ends within the budget."""

    def __init__(self, inner: httpcore.NetworkStream, budget: Budget, closed: list[str]) -> None:
        self._inner = inner
        self._budget = budget
        self._closed = closed

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._inner.read(max_bytes, self._budget.step())
        if not data:
            self._closed.append("read")
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._budget.step())

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        inner = self._inner.start_tls(ssl_context, server_hostname, self._budget.step(self._budget.connect))
        return _Stream(inner, self._budget, self._closed)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    """Opens connections to the addresses that the guard lets through."""

    def __init__(self, guard: Guard, budget: Budget, closed: list[str]) -> None:
        self._guard = guard
        self._budget = budget
        self._closed = closed
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        most = self._budget.connect
        addresses = self._guard.addresses(host, port, self._budget.step(most))[:_ADDRESSES]
        share = self._budget.step(most) / len(addresses)
        failed: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in addresses:
            try:
                inner = self._sockets.connect_tcp(address, port, min(share, self._budget.step()))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
            else:
                return _Stream(inner, self._budget, self._closed)
        assert failed is not None, "a host has an address"
        raise failed


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        self._stream.close()


class Transport(httpx.BaseTransport):
    """What an httpx client sends its requests through."""

    def __init__(self, guard: Guard, budget: Budget, tls: ssl.SSLContext) -> None:
        self._budget = budget
        #: what the other side closed
        self._closed: list[str] = []
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls, network_backend=_Backend(guard, budget, self._closed), max_keepalive_connections=1
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; errors are httpcore's, or a Failure."""
        url = request.url
        answer = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer.stream))

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what the network does into a Failure."""
        self._closed.clear()
        try:
            yield
        except (httpcore.ConnectTimeout, httpcore.WriteTimeout, httpcore.ReadTimeout) as error:
            raise self._late(error) from error
        except httpcore.ConnectError as error:
            raise _unconnected(error) from error
        except httpcore.NetworkError as error:
            raise Failure(f"the connection broke ({_reason(error)})", again=True) from error
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
            if self._closed:
                raise Failure("the server closed the connection without an answer", again=True) from error
            raise Failure(f"the answer is no valid HTTP ({error})", "check the address in digest.toml") from error

    def _late(self, error: Exception) -> Failure:
        if not isinstance(error, httpcore.ConnectTimeout):
            return late(self._budget.timeout)
        return Failure(f"no connection within {span(self._budget.connect)}", "the next run asks again", again=True)


def _unconnected(error: httpcore.ConnectError) -> Failure:
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Failure(
            f"TLS: {cause.verify_message.rstrip('.')}",
            "nothing is read over a connection that cannot be trusted: "
            "tell the site's owner, or set SSL_CERT_FILE to the certificates of your own authority",
        )
    if isinstance(cause, ssl.SSLError):
        reason = (cause.reason or str(cause)).replace("_", " ").lower()
        return Failure(f"TLS: {reason}", "check the address in digest.toml")
    return Failure(f"no connection ({_reason(error)})", "check the address and the network", again=True)


def _reason(error: Exception) -> str:
    cause = error.__cause__ or error.__context__
    text = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(error)
    return text.lower() or type(error).__name__
