"""One way to the web for every source: polite, bounded, and clear about what went wrong.

A get asks conditionally, follows redirects itself, tries again where that may help, and ends within its time: with an
answer, or with a SourceError for people. May import protocols, errors; httpx is imported with the first request.
"""

from __future__ import annotations

import copy
import os
import random
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from digest import __version__
from digest.protocols import FetchMemory
from digest.sources import http_body, http_words
from digest.sources.http_words import Failure

if TYPE_CHECKING:
    import httpx
    from tenacity import RetryCallState

    from digest.sources.http_wire import Budget, Transport

#: the variables of OpenSSL that name other authorities
_TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR")
#: seconds for a whole get, with its tries and redirects
TIMEOUT = 20.0
#: seconds of it that one try may take to connect: what is lost on the way may come through the next time
CONNECT = 8.0
#: seconds beside it that are waited in all where servers say when to ask again (Retry-After); who asks for more fails
PATIENCE = 120.0
#: seconds that a get has in any case, however much time those before it lost
_LEAST = 5.0
#: redirects that are followed
REDIRECTS = 5
#: seconds between two requests to a host, where it asks for that (arXiv's terms of use of its API and feeds)
INTERVALS = {"export.arxiv.org": 3.0, "rss.arxiv.org": 3.0, "arxiv.org": 3.0, "oaipmh.arxiv.org": 3.0}
_MOVED = frozenset({301, 302, 303, 307, 308})
#: answers with the whole of what was asked for; 202 is what a guard against robots says, 206 a part that nobody wanted
_WHOLE = frozenset({200, 203})
#: seconds between tries at most, where the server does not say
_LONGEST_BACKOFF = 30
_JITTER = random.SystemRandom()
#: validator -> the request header that carries it, the answer's that gives it (RFC 9110 section 13)
_VALIDATORS = {"etag": ("If-None-Match", "ETag"), "last-modified": ("If-Modified-Since", "Last-Modified")}


@dataclass(frozen=True)
class Fetched:
    """What a server answered."""

    #: where it was found in the end, as a person may see it: without passwords and keys
    url: str
    #: it is what an earlier get remembered; there is no content
    unchanged: bool
    content: bytes
    #: what to recall the next time: belongs into `Dump.remember`
    remember: dict[str, str]
    content_type: str


class Http:
    """Gets things from the web; may be used from several threads."""

    def __init__(
        self,
        *,
        contact: str | None,
        timeout: float = TIMEOUT,
        connect: float = CONNECT,
        patience: float = PATIENCE,
        limit: int = 50_000_000,
        attempts: int = 3,
        allow_hosts: Sequence[str] = (),
        interval: Mapping[str, float] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            contact: a `mailto:` or web address that the User-Agent carries, so that a server's owner can ask back.
            timeout: seconds for a whole get, from connecting to the last byte, with its tries and redirects.
            connect: seconds of it that one try may take to connect.
            patience: seconds beside it that are waited in all where servers say when to ask again.
            limit: bytes that an answer may have, packed and unpacked.
            attempts: tries, where trying again may help.
            allow_hosts: hosts that may be of this machine or its network.
            interval: host -> seconds between two requests to it.
            sleep: waits; tests hand in one that does not.
            clock: seconds that only grow.
        """
        self._agent = f"digest/{__version__}" + (f" (+{contact})" if contact else "")
        self._timeout, self._connect, self._patience = timeout, connect, patience
        self._spent: _Spent | None = None
        self._limit, self._attempts = limit, attempts
        self._allow_hosts = tuple(allow_hosts)
        self._turns = _Turns(interval or {}, clock)
        self._sleep, self._clock = sleep, clock
        #: host -> the Date header of its last answer, and when that came by `time.monotonic`
        self.dates: dict[str, tuple[str, float]] = {}

    def within(self, timeout: float) -> Http:
        """Return the same way to the web for one fetch of a source, whose gets have `timeout` seconds each.

        What those that fail take is taken from the time of the next ones, down to a few seconds, and all of them share
        the patience: a source that hangs is given up once, however many things it would be asked for. For one thread.
        """
        one = copy.copy(self)
        one._timeout, one._spent = timeout, _Spent()
        return one

    @property
    def exhausted(self) -> bool:
        """Whether gets that failed took all the time of the fetch that this is `within`: the host may be left alone."""
        return self._spent is not None and self._spent.lost >= self._timeout

    def get(self, url: str, memory: FetchMemory | None = None, *, accept: str = "*/*") -> Fetched:
        """Get a URL, or learn that it is unchanged.

        Args:
            url: http or https.
            memory: recalls the validators of the last answer that was kept.
            accept: the Accept header.

        Raises:
            SourceError: there is no answer to use; the message says why, what was tried, what to do.
        """
        from digest.sources import http_wire

        spent = self._spent or _Spent()
        timeout = max(self._timeout - spent.lost, min(_LEAST, self._timeout))
        patience = self._patience - spent.waited
        budget = http_wire.Budget(timeout, self._connect, patience, self._sleep, self._clock)
        headers = {"User-Agent": self._agent, "Accept": accept, "Accept-Encoding": http_body.ENCODINGS}
        recalled = _recalled(url, memory)
        asked = {_VALIDATORS[name][0]: value for name, value in recalled.items()}
        trust = _trust(*map(os.environ.get, _TRUST))
        transport = http_wire.Transport(http_wire.Guard(self._allow_hosts), budget, trust)
        try:
            exchange = _Exchange(url, transport, budget, self._turns, self._limit, headers | asked)
            found = self._tried(exchange.once, budget)
            self.dates[urlsplit(found.url).hostname or ""] = (found.headers.get("Date", ""), time.monotonic())
        except Failure as failure:
            spent.lost += budget.spent
            raise failure.told(url, budget.tries, budget.spent) from failure
        finally:
            spent.waited += patience - budget.patience
            transport.close()
        return _fetched(found, url, recalled)

    def _tried(self, once: Callable[[], _Found], budget: Budget) -> _Found:
        """Try until it works, may not work later either, or time or tries run out."""
        from tenacity import Retrying, retry_if_exception

        tries = _Tries(self._attempts, budget)
        retrying = Retrying(
            sleep=tries.sleep,
            wait=tries.delay,
            stop=tries.over,
            retry=retry_if_exception(lambda error: isinstance(error, Failure) and error.again),
            reraise=True,
        )
        return retrying(once)


@cache
def _trust(*_told: str | None) -> ssl.SSLContext:
    """Return the authorities that are trusted: those that the environment names, else those of certifi."""
    import httpx

    return httpx.create_ssl_context()


@dataclass(frozen=True)
class _Found:
    status: int
    url: str
    headers: Mapping[str, str]
    content: bytes


def _recalled(url: str, memory: FetchMemory | None) -> dict[str, str]:
    if memory is None:
        return {}
    told = {name: memory.recall(f"{name}:{url}") for name in _VALIDATORS}
    return {name: value for name, value in told.items() if value and _sendable(value)}


def _sendable(value: str) -> bool:
    """Say whether a header can carry it; some servers write what none may have."""
    return value.isascii() and value.isprintable()


def _fetched(found: _Found, url: str, recalled: Mapping[str, str]) -> Fetched:
    """Say what was found; a validator that the answer no longer has is forgotten."""
    given = {name: found.headers.get(answer, "").strip() for name, (_, answer) in _VALIDATORS.items()}
    given = {name: value if _sendable(value) else "" for name, value in given.items()}
    if found.status == 304:
        given = {name: value for name, value in given.items() if value}
    remember = {f"{name}:{url}": value for name, value in given.items() if value or name in recalled}
    kind = found.headers.get("Content-Type", "")
    return Fetched(http_words.shown(found.url), found.status == 304, found.content, remember, kind)


class _Tries:
    """When a get is tried again: what the server asks for, else after twice as long each time, with some jitter."""

    def __init__(self, attempts: int, budget: Budget) -> None:
        self._attempts = attempts
        self._budget = budget
        #: seconds that the server asks to wait; 0: it says nothing
        self._asked = 0.0

    def delay(self, state: RetryCallState) -> float:
        failure = state.outcome.exception() if state.outcome else None
        self._asked = failure.after if isinstance(failure, Failure) else 0.0
        backoff = min(_LONGEST_BACKOFF, 2 ** (state.attempt_number - 1))
        return float(self._asked or backoff) + _JITTER.random()

    def over(self, state: RetryCallState) -> bool:
        late = self._asked > self._budget.patience if self._asked else state.upcoming_sleep >= self._budget.left
        return late or state.attempt_number >= self._attempts

    def sleep(self, seconds: float) -> None:
        if self._asked:
            self._budget.oblige(seconds)
        else:
            self._budget.wait(seconds)


@dataclass
class _Spent:
    """What the gets of one fetch took of its time: those that failed, and what servers asked to wait."""

    lost: float = 0
    waited: float = 0


class _Exchange:
    """One get: its redirects, with the cookies and the connection they share."""

    def __init__(
        self, url: str, transport: Transport, budget: Budget, turns: _Turns, limit: int, headers: Mapping[str, str]
    ) -> None:
        self._url = url
        self._transport = transport
        self._budget = budget
        self._turns = turns
        self._limit = limit
        self._headers = dict(headers)

    def once(self) -> _Found:
        """Ask, and follow where the answer leads.

        Raises:
            Failure: there is no answer to use.
        """
        import httpx

        self._budget.tries += 1
        url = _checked(self._url)
        # A cookie set on the way belongs to this get alone; journals send no one on without.
        client = httpx.Client(transport=self._transport, headers=self._headers, trust_env=False)
        for _ in range(REDIRECTS + 1):
            found = self._hop(client, url)
            if found.status not in _MOVED:
                return found
            url = _redirected(url, found.headers.get("location", ""))
        raise Failure(f"more than {REDIRECTS} redirects", "check the address in digest.toml")

    def _hop(self, client: httpx.Client, url: httpx.URL) -> _Found:
        self._turns.take(url.host, self._budget)
        with self._transport.translated():
            answer = client.send(client.build_request("GET", url), stream=True)
        try:
            code = answer.status_code
            if code == 304 and not {"If-None-Match", "If-Modified-Since"} & set(self._headers):
                raise Failure("HTTP 304, though nothing is had to compare with")
            if code not in _MOVED and code != 304 and code not in _WHOLE:
                raise http_words.status(code, http_words.retry_after(answer.headers.get("Retry-After")))
            content = self._body(answer) if code in _WHOLE else b""
            return _Found(code, str(url), answer.headers, content)
        finally:
            answer.close()

    def _body(self, answer: httpx.Response) -> bytes:
        told = answer.headers.get("Content-Length", "")
        if told.isdecimal() and int(told) > self._limit:
            raise http_body.too_long(self._limit)
        try:
            with self._transport.translated():
                return http_body.read(answer.iter_raw(), answer.headers.get("Content-Encoding", ""), self._limit)
        except Failure as failure:
            raise _broken_off(failure, answer.num_bytes_downloaded, told) from failure


def _broken_off(failure: Failure, count: int, told: str) -> Failure:
    """Say how far the answer got before it broke off."""
    if not failure.again and not failure.late:
        return failure
    of = f" of {int(told):,}" if told.isdecimal() else ""
    if failure.what.startswith("the server closed"):
        return Failure(f"the answer ended after {count:,}{of} bytes", again=True)
    what = failure.what.replace("no answer", "not done") if failure.late else failure.what
    return Failure(f"{what}: {count:,}{of} bytes had come", failure.advice, again=failure.again, late=failure.late)


def _checked(text: str) -> httpx.URL:
    """Return the URL, if it is one of the web."""
    import httpx

    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise Failure("this is no address", "use one like https://example.org/feed.xml") from error
    if not 0 < (url.port or 80) < 65536:
        raise Failure("this is no address: ports end at 65535", "check the address in digest.toml")
    if url.scheme not in ("http", "https") or not url.host:
        scheme = f"{url.scheme}:" if url.scheme else "without http:// or https://"
        raise Failure(f"an address {scheme} is never asked, only http and https")
    return url


def _redirected(url: httpx.URL, location: str) -> httpx.URL:
    """Return where a redirect leads; a login goes along to the same origin only."""
    import httpx

    if not location:
        raise Failure("a redirect does not say where to")
    try:
        joined = url.join(location)
    except (httpx.InvalidURL, ValueError) as error:
        raise Failure("a redirect leads to what is no address") from error
    origin = (joined.scheme, joined.host, joined.port) == (url.scheme, url.host, url.port)
    target = joined.copy_with(userinfo=url.userinfo if origin else b"", fragment=None)
    try:
        return _checked(str(target))
    except Failure as failure:
        raise Failure(f"redirected to {http_words.shown(str(target))}: {failure.what}") from failure


class _Turns:
    """Keeps requests to one host apart in time."""

    def __init__(self, interval: Mapping[str, float], clock: Callable[[], float]) -> None:
        self._interval = {host.lower(): seconds for host, seconds in interval.items()}
        self._clock = clock
        self._next: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, host: str, budget: Budget) -> None:
        """Wait until the host may be asked again."""
        interval = self._interval.get(host, 0)
        if not interval:
            return
        with self._lock:
            now = self._clock()
            mine = max(now, self._next.get(host, now))
            self._next[host] = mine + interval
        budget.pause(mine - now)


_shared: Http | None = None
_settings: dict[str, Any] = {"contact": None, "allow_hosts": ()}
_lock = threading.Lock()


def configure(*, contact: str | None = None, allow_hosts: Sequence[str] = ()) -> None:
    """Say how `shared_http` introduces itself and where it may go; one made before is replaced."""
    global _shared
    with _lock:
        _settings.update(contact=contact, allow_hosts=tuple(allow_hosts))
        _shared = None


def shared_http() -> Http:
    """Return the one Http of the process, which keeps the intervals that hosts ask for."""
    global _shared
    with _lock:
        if _shared is None:
            _shared = Http(interval=INTERVALS, **_settings)
        return _shared
