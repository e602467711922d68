"""Fetches that overlap: what comes is complete, in order, and nobody hangs about afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import SourceError
from digest.models import Dump, Notice, Parsed
from digest.protocols import FetchMemory, Remote
from digest.sources.http import Http
from digest.sources.prefetch import prefetched
from tests.sources.faults import HOST, Memory, Server, serving


@dataclass
class Local:
    """A source of this machine."""

    name: str
    given: Callable[[], Iterator[Dump | Notice]]
    daily: bool = False
    #: names of the threads that it was fetched in
    threads: list[str] = field(default_factory=list)

    def fetch(self, memory: FetchMemory) -> Iterator[Dump | Notice]:
        self.threads.append(threading.current_thread().name)
        yield from self.given()

    def parse(self, dump: Dump, received: datetime) -> Parsed:
        raise NotImplementedError("nobody reads here")


@dataclass
class Far(Local):
    """A source behind a network."""

    host: str = ""


def dumps(name: str, count: int = 1) -> Callable[[], Iterator[Dump | Notice]]:
    return lambda: (Dump(source=name, name=f"{name}-{n}", content=b"x") for n in range(count))


def got(name: str, url: str, http: Http) -> Far:
    def fetch() -> Iterator[Dump | Notice]:
        yield Dump(source=name, name=url, content=http.get(url).content)

    return Far(name, fetch, host=urlsplit(url).netloc)


def names(stream: Iterator[Dump | Notice]) -> list[str]:
    return [one.name for one in stream if isinstance(one, Dump)]


def fetching() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("fetch ")]


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    with ExitStack() as stack:
        yield [stack.enter_context(serving()) for _ in range(3)]


def http(timeout: float = 5) -> Http:
    return Http(contact=None, allow_hosts=[HOST], timeout=timeout, attempts=1)


def test_hosts_are_asked_at_once_and_read_in_order(servers):
    for number, server in enumerate(servers):
        # the first is the slowest
        server.on("/", lambda reply, _, wait=0.5 - number / 10: reply.wait(wait) and reply.send(200, b"papers"))
    sources = [got(f"s{number}", server.url("/"), http()) for number, server in enumerate(servers)]
    assert all(isinstance(one, Remote) for one in sources)
    with prefetched([(one, Memory()) for one in sources]) as streams:
        read = [name for stream in streams for name in names(stream)]
    assert read == [server.url("/") for server in servers]
    spans = [server.spans()[0] for server in servers]
    assert max(began for _, began, _ in spans) < min(ended for _, _, ended in spans), "all were asked before one ended"


def test_one_that_hangs_or_fails_stops_no_other(servers):
    hanging, failing, right = servers
    hanging.on("/", lambda reply, _: reply.wait(5) and None)
    right.on("/", lambda reply, _: reply.send(200, b"papers"))
    sources = [got(server.scheme, server.url("/"), http(timeout=0.3)) for server in (hanging, failing, right)]
    with prefetched([(one, Memory()) for one in sources]) as streams:
        with pytest.raises(SourceError, match=r"no answer within 0\.3 s"):
            next(streams[0])
        with pytest.raises(SourceError, match="HTTP 404"):
            next(streams[1])
        assert names(streams[2]) == [right.url("/")]
    assert right.spans()[0][2] < time.monotonic() - 0.1, "it had been answered long before the first was given up"


def test_sources_of_one_host_are_asked_one_after_the_other(servers):
    server, other, _ = servers
    other.on("/", lambda reply, _: reply.send(200, b"papers"))
    for path, wait in (("/a", 0.3), ("/b", 0.05), ("/c", 0)):
        server.on(path, lambda reply, _, wait=wait: reply.wait(wait) and reply.send(200, b"papers"))
    urls = [server.url("/a"), other.url("/"), server.url("/b"), server.url("/c")]
    sources = [got(url, url, http()) for url in urls]
    with prefetched([(one, Memory()) for one in sources]) as streams:
        assert [name for stream in streams for name in names(stream)] == urls
    spans = server.spans(3)
    assert [path for path, _, _ in spans] == ["/a", "/b", "/c"]
    # an answer is over for its client a little before the server notes it
    assert all(before[2] <= after[1] + 0.03 for before, after in pairwise(spans))


def test_a_local_source_is_read_when_its_turn_comes_and_in_no_thread():
    read: list[str] = []

    def local() -> Iterator[Dump | Notice]:
        read.append("local")
        yield from dumps("local")()

    source = Local("local", local)
    with prefetched([(source, Memory()), (Far("far", dumps("far"), host="h"), Memory())]) as streams:
        assert read == []
        assert names(streams[0]) == ["local-0"]
        assert names(streams[1]) == ["far-0"]
    assert source.threads == [threading.current_thread().name]


def test_what_came_before_a_failure_stays():
    def broken() -> Iterator[Dump | Notice]:
        yield from dumps("s", 9)()
        raise SourceError("page 10 of 12 is not there")

    with prefetched([(Far("s", broken, host="h"), Memory())]) as (stream,):
        assert [next(stream) for _ in range(9)]
        with pytest.raises(SourceError, match="page 10"):
            next(stream)
        assert list(stream) == []


def test_a_mistake_in_a_source_is_not_hidden():
    def wrong() -> Iterator[Dump | Notice]:
        yield from dumps("s")()
        raise ZeroDivisionError

    with prefetched([(Far("s", wrong, host="h"), Memory())]) as (stream,), pytest.raises(ZeroDivisionError):
        list(stream)


def test_a_run_that_is_stopped_leaves_no_thread_and_starts_nothing_more():
    sources = [Far(f"s{n}", dumps(f"s{n}", 1000), host=f"h{n % 3}") for n in range(9)]
    with pytest.raises(KeyboardInterrupt), prefetched([(one, Memory()) for one in sources]) as streams:  # noqa: PT012
        next(streams[0])
        raise KeyboardInterrupt
    assert fetching() == []
    assert sum(bool(one.threads) for one in sources) <= 3


@given(
    st.lists(st.tuples(st.sampled_from("abcdefghij"), st.integers(0, 9)), max_size=24),
    st.integers(1, 4),
)
def test_whatever_the_hosts_and_the_threads_all_of_it_comes_in_order(plan, threads):
    """Sources with more than a buffer holds, more hosts than threads: nobody waits for one that waits for him."""
    sources = [Far(f"s{at}", dumps(f"s{at}", count), host=host) for at, (host, count) in enumerate(plan)]
    with prefetched([(one, Memory()) for one in sources], threads=threads) as streams:
        read = [names(stream) for stream in streams]
    assert read == [[f"s{at}-{n}" for n in range(count)] for at, (_, count) in enumerate(plan)]
    assert fetching() == []
