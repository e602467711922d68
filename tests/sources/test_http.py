"""Every fault a server can have: what a person is told, what was tried, and that it ends in its time."""

from __future__ import annotations

import gzip
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import SourceError
from digest.sources import http, http_body, http_words
from digest.sources.http import Http
from tests.sources.faults import HOST, Memory, Reply, Server, Sleeper, certificate, serving, text

#: what answers are made of
WIRE = (
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200\r\n", b"HTTP/1.1 302 X\r\n", b"HTTP/1.1 103 Early Hints\r\n\r\n",
    b"content-length: 3\r\n", b"content-length: x\r\n", b"transfer-encoding: chunked\r\n", b"\r\n", b"2\r\nab\r\n",
    b"0\r\n\r\n", b"content-encoding: br\r\n", b"content-encoding: gzip\r\n", b"location: //[\r\n",
    b"location: \xff\x00\r\n", b"set-cookie: a=b; domain=..; expires=\xe9\r\n", b"retry-after: 1e9\r\n", b"abc",
    b"etag: \xff\r\n", b"HTTP/1.1 101 Switching\r\nupgrade: h2c\r\n\r\n", b"location: /\r\n",
)  # fmt: skip


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def server(running: Server) -> Server:
    running.routes.clear()
    running.asked.clear()
    return running


@pytest.fixture
def sleeper() -> Sleeper:
    return Sleeper()


def client(sleeper: Sleeper | None = None, **options: Any) -> Http:
    """Return a client that may ask the loopback and is quick to give up."""
    sleeper = sleeper or Sleeper()
    limits: dict[str, Any] = {"contact": "mailto:me@example.org", "timeout": 60, "connect": 2, "allow_hosts": [HOST]}
    return Http(**{**limits, "sleep": sleeper, "clock": sleeper.clock, **options})


def fault(http: Http, url: str, memory: Memory | None = None) -> str:
    """Return what a person is told of a URL that cannot be had."""
    with pytest.raises(SourceError) as caught:
        http.get(url, memory)
    return str(caught.value)


# Answers


def test_an_answer_comes_with_its_type_and_who_asks_is_said(server):
    url = server.on("/feed", text(b"<rss/>", content_type="application/rss+xml"))
    got = client().get(url, accept="application/atom+xml")
    assert (got.content, got.content_type, got.unchanged, got.url) == (b"<rss/>", "application/rss+xml", False, url)
    headers = server.asked[0].headers
    assert re.fullmatch(r"digest/\d[\w.]* \(\+mailto:me@example\.org\)", headers["user-agent"])
    assert headers["accept"] == "application/atom+xml"
    assert {"gzip", "br"} <= set(headers["accept-encoding"].split(", "))


def test_an_html_page_with_status_200_is_for_the_format_to_judge(server):
    url = server.on("/", text(b"<html>Sorry</html>", content_type="text/html; charset=utf-8"))
    assert client().get(url).content_type == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("gzip", gzip.compress(b"papers" * 9000)),
        ("gzip", gzip.compress(b"papers" * 4000) + gzip.compress(b"papers" * 5000) + b"\0\0"),
        ("br", brotli.compress(b"papers" * 9000)),
        ("deflate", zlib.compress(b"papers" * 9000)),
        ("deflate", zlib.compress(b"papers" * 9000, wbits=-15)),
        ("br, gzip", gzip.compress(brotli.compress(b"papers" * 9000))),
        ("identity", b"papers" * 9000),
    ],
    # what is packed holds the time, and tests are told by their names
    ids=("gzip", "gzip of two members", "br", "deflate", "deflate without a head", "br, gzip", "identity"),
)
def test_packed_answers_are_unpacked(server, name, packed):
    url = server.on("/", text(packed, content_encoding=name))
    assert client().get(url).content == b"papers" * 9000


@given(st.binary(max_size=3000), st.integers(1, 40), st.sampled_from(["gzip", "br", "deflate"]))
def test_packed_answers_may_be_cut_anywhere(content, step, name):
    pack = {"gzip": gzip.compress, "br": brotli.compress, "deflate": zlib.compress}[name]
    packed = pack(content)
    chunks = [packed[at : at + step] for at in range(0, len(packed), step)]
    assert http_body.read(chunks, name, 10_000) == content


def test_an_empty_answer_is_one_also_where_it_says_it_is_packed(server):
    url = server.on("/", text(b"", content_encoding="gzip"))
    assert client().get(url).content == b""


# Unchanged


def test_what_is_unchanged_is_not_sent_again(server):
    date = "Fri, 20 Nov 2026 08:00:00 GMT"

    def feed(reply: Reply, asked: Any) -> None:
        same = asked.headers.get("if-none-match") == '"v1"' and asked.headers.get("if-modified-since") == date
        reply.send(304) if same else reply.send(200, b"papers", etag='"v1"', last_modified=date)

    url = server.on("/feed", feed)
    first = client().get(url, Memory())
    assert first.remember == {f"etag:{url}": '"v1"', f"last-modified:{url}": date}
    again = client().get(url, Memory(first.remember))
    assert (again.unchanged, again.content) == (True, b"")
    assert not client().get(url, Memory()).unchanged, "what was not kept is asked for whole"
    assert not client().get(url).unchanged


def test_a_validator_that_a_server_stops_giving_is_forgotten(server):
    url = server.on("/feed", text(b"papers", etag='"v1"'), text(b"papers"), text(b"papers"))
    memory = Memory(client().get(url, Memory()).remember)
    memory.told |= client().get(url, memory).remember
    client().get(url, memory)
    assert [asked.headers.get("if-none-match") for asked in server.asked] == [None, '"v1"', None]


def test_an_answer_of_unchanged_that_nobody_asked_for_is_a_fault(server):
    assert "HTTP 304" in fault(client(), server.on("/", lambda reply, _: reply.send(304)))


def test_a_validator_that_no_header_may_have_is_not_kept(server):
    url = server.on(
        "/feed", lambda reply, _: reply.raw(b'HTTP/1.1 200 X\r\netag: "\xc3\xa9"\r\ncontent-length: 0\r\n\r\n')
    )
    assert client().get(url, Memory()).remember == {}
    assert client().get(url, Memory({f"etag:{url}": '"é\n"'})).content == b""


# Tried again


def test_a_server_in_trouble_is_asked_again(server, sleeper):
    url = server.on("/", text(b"", 503), text(b"", 502), text(b"papers"))
    assert client(sleeper).get(url).content == b"papers"
    assert len(sleeper.slept) == 2
    assert 1 <= sleeper.slept[0] < 2 <= sleeper.slept[1] < 3, "twice as long each time, never in step with others"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_three_times(server, sleeper, status):
    said = fault(client(sleeper), server.on("/", text(b"", status)))
    assert re.search(rf"HTTP {status}, 3 tries in [3-5](\.\d)? s; \w", said), said
    assert len(server.asked) == 3


@pytest.mark.parametrize("status", [202, 204, 206, 300, 400, 401, 403, 404, 406, 410, 451])
def test_what_will_not_pass_is_tried_once(server, sleeper, status):
    said = fault(client(sleeper), server.on("/", text(b"", status)))
    assert f"HTTP {status}" in said
    assert "tries" not in said
    assert (len(server.asked), sleeper.slept) == (1, [])


def test_a_server_that_says_when_is_asked_then(server, sleeper):
    http_date = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    url = server.on("/", text(b"", 429, retry_after="7"), text(b"", 503, retry_after=http_date), text(b"papers"))
    assert client(sleeper).get(url).content == b"papers"
    assert 7 <= sleeper.slept[0] <= 8
    assert 17 <= sleeper.slept[1] <= 21


def test_a_server_that_says_tomorrow_is_not_waited_for(server, sleeper):
    said = fault(client(sleeper), server.on("/", text(b"", 429, retry_after="36000")))
    assert "HTTP 429 (it asks to wait 10 h)" in said
    assert (len(server.asked), sleeper.slept) == (1, [])


@pytest.mark.parametrize("header", ["", "soon", "-5", "١٢", "Fri, 99 Nov 2026 08:00:00 GMT", "1" * 400, "0"])
def test_a_retry_after_that_says_nothing_is_ignored(header):
    assert http_words.retry_after(header) == 0


def test_a_past_retry_after_asks_for_nothing():
    assert http_words.retry_after("Fri, 20 Nov 2020 08:00:00 GMT") == 0


def test_a_dead_port_is_tried_again_and_said(sleeper):
    with socket.create_server((HOST, 0)) as closed:
        port = closed.getsockname()[1]
    said = fault(client(sleeper), f"http://{HOST}:{port}/")
    assert re.search(r"no connection \(connection refused\), 3 tries in \d(\.\d)? s", said), said


def test_a_server_that_hangs_up_is_tried_again(server, sleeper):
    url = server.on("/", lambda reply, _: None, text(b"papers"))
    assert client(sleeper).get(url).content == b"papers"
    said = fault(client(sleeper), server.on("/", lambda reply, _: None))
    assert "the server closed the connection without an answer, 3 tries in" in said


def test_a_half_sent_answer_is_tried_again_and_counted(server, sleeper):
    def half(reply: Reply, _: Any) -> None:
        reply.head(content_length="5000")
        reply.raw(b"x" * 1204)

    assert client(sleeper).get(server.on("/", half, text(b"papers"))).content == b"papers"
    assert "the answer ended after 1,204 of 5,000 bytes, 3 tries in" in fault(client(sleeper), server.on("/", half))


def test_a_half_sent_chunked_answer_is_no_answer(server):
    def half(reply: Reply, _: Any) -> None:
        reply.head(transfer_encoding="chunked")
        reply.raw(b"a\r\n0123456789\r\n")

    assert "the answer ended after 10 bytes" in fault(client(attempts=1), server.on("/", half))


@pytest.mark.parametrize("name", ["gzip", "br"])
def test_a_packed_answer_without_its_end_is_no_answer(server, name):
    packed = (gzip.compress if name == "gzip" else brotli.compress)(bytes(range(256)) * 50)[:-9]
    said = fault(client(), server.on("/", text(packed, content_encoding=name)))
    assert f"the answer ended in the middle of its {name} data" in said
    assert len(server.asked) == 3


# Too long, too late, not what it says


def test_an_answer_that_is_too_long_is_not_read(server):
    def long(reply: Reply, _: Any) -> None:
        reply.head(content_length=str(10**12))
        reply.wait(1)

    assert "over 50 MB" in fault(client(), server.on("/", long))
    assert len(server.asked) == 1


def test_an_answer_that_never_ends_is_cut_at_the_limit(server):
    def endless(reply: Reply, _: Any) -> None:
        reply.head(transfer_encoding="chunked")
        while True:
            reply.raw(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")

    assert "over 1 MB" in fault(client(limit=1_000_000), server.on("/", endless))
    assert len(server.asked) == 1


@pytest.mark.parametrize("name", ["gzip", "br", "deflate", "gzip, gzip"])
def test_a_bomb_does_not_go_off(server, name):
    import tracemalloc

    bomb = b"\0" * 100_000_000
    for one in name.split(", "):
        bomb = {"gzip": gzip.compress, "br": lambda data: brotli.compress(data, quality=1), "deflate": zlib.compress}[
            one
        ](bomb)
    url = server.on("/", text(bomb, content_encoding=name))
    tracemalloc.start()
    try:
        assert "over 1 MB" in fault(client(limit=1_000_000), url)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gzip", "the answer says that it is gzip, and is not"),
        ("br", "the answer says that it is br, and is not"),
        ("deflate", "the answer says that it is deflate, and is not"),
        ("zstd", "encoded as 'zstd', which was not asked for"),
    ],
)
def test_a_wrong_content_encoding_is_said(server, name, said):
    assert said in fault(client(), server.on("/", text(b"<rss>plain</rss>", content_encoding=name)))
    assert len(server.asked) == 1


def test_a_server_that_accepts_and_never_answers_is_given_up(server):
    said = fault(client(timeout=0.2), server.on("/", lambda reply, _: reply.wait(5) and None))
    assert "no answer within 0.2 s; the next run asks again; a longer `timeout`" in said
    assert len(server.asked) == 1


def test_one_that_hangs_at_last_has_no_more_time_than_all_tries_together(server, sleeper):
    url = server.on("/", text(b"", 503), lambda reply, _: reply.wait(5) and None)
    said = fault(client(sleeper, timeout=2.3), url)
    assert re.search(r"no answer within 2\.3 s, 2 tries in 2\.\d s;", said), said


def test_what_servers_ask_to_wait_is_no_time_they_had_but_has_a_bound(server, sleeper):
    url = server.on("/", text(b"", 429, retry_after="50"), text(b"", 503, retry_after="60"), text(b"papers"))
    assert client(sleeper, timeout=2).get(url).content == b"papers"
    assert 110 <= sum(sleeper.slept) <= 112
    said = fault(client(sleeper, timeout=2, patience=100), server.on("/", text(b"", 429, retry_after="60")))
    assert "HTTP 429 (it asks to wait 60 s), 2 tries in" in said


def test_a_fetch_loses_its_time_once_however_much_it_asks_for(server, sleeper):
    def slow(reply: Reply, _: Any) -> None:
        reply.head(content_length="6")
        sleeper(30)
        reply.raw(b"pa")
        if reply.wait(0.1):
            reply.raw(b"pers")

    hanging = server.on("/hangs", slow)
    one = client(sleeper, timeout=60).within(20)
    server.on("/fine", text(b"papers"))
    assert one.get(server.url("/fine")).content == b"papers"
    assert not one.exhausted
    assert "within 20 s" in fault(one, hanging)
    assert one.exhausted
    assert "within 5 s" in fault(one, hanging)
    assert one.get(server.url("/fine")).content == b"papers", "what answers at once still does"
    assert not client(sleeper).within(20).exhausted, "another fetch has its own time"


def test_the_patience_with_servers_is_that_of_a_whole_fetch(server, sleeper):
    url = server.on("/", text(b"", 429, retry_after="70"), text(b"papers"), text(b"", 429, retry_after="70"))
    one = client(sleeper).within(20)
    assert one.get(url).content == b"papers"
    assert "HTTP 429 (it asks to wait 70 s)" in fault(one, url)
    assert 70 <= sum(sleeper.slept) <= 71


def test_an_answer_that_stalls_is_given_up(server):
    def stall(reply: Reply, _: Any) -> None:
        reply.head(content_length="5000")
        reply.raw(b"x" * 1204)
        reply.wait(5)

    said = fault(client(timeout=0.2), server.on("/", stall))
    assert "not done within 0.2 s: 1,204 of 5,000 bytes had come" in said


@pytest.mark.parametrize("part", ["body", "headers", "chunk"])
def test_a_drip_ends_with_the_time_of_the_whole(server, part):
    def drip(reply: Reply, _: Any) -> None:
        if part == "body":
            reply.head(content_length="5000")
        elif part == "chunk":
            reply.head(transfer_encoding="chunked")
            reply.raw(b"fff\r\n")
        else:
            reply.raw(b"HTTP/1.1 200 OK\r\nx: ")
        while reply.wait(0.03):
            reply.raw(b"x")

    began = time.monotonic()
    said = fault(client(timeout=0.6), server.on("/", drip))
    assert ("no answer" if part == "headers" else "not done") + " within 0.6 s" in said
    assert time.monotonic() - began < 2
    assert len(server.asked) == 1


def test_tries_share_the_time_of_the_whole(server, sleeper):
    said = fault(client(sleeper, timeout=2.5, attempts=9), server.on("/", text(b"", 503)))
    assert "HTTP 503, 2 tries" in said
    assert sum(sleeper.slept) < 2.5


def test_huge_headers_are_refused(server):
    def huge(reply: Reply, _: Any) -> None:
        reply.head(x="y" * 3_000_000)

    assert "no valid HTTP" in fault(client(), server.on("/", huge))
    assert len(server.asked) == 1


def test_what_is_no_http_is_said(server):
    assert "no valid HTTP" in fault(client(), server.on("/", lambda reply, _: reply.raw(b"220 mail ready\r\n\r\n")))


@given(st.lists(st.sampled_from(WIRE) | st.binary(max_size=6), max_size=14))
@settings(max_examples=50)
def test_whatever_a_server_sends_is_an_answer_or_a_fault(running, pieces):
    url = running.on("/", lambda reply, _: reply.raw(b"".join(pieces)))
    try:
        said = f"{len(client(attempts=1).get(url).content)} bytes"
    except SourceError as error:  # any other error fails the test, and the command
        said = str(error)
    assert said


# Where it may go


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "2130706433", "0177.0.0.1", "0x7f.1", "127.1", "10.0.0.1", "172.16.5.4",
        "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "[::1]", "[::]", "[fe80::1]", "[fc00::1]", "[ff02::1]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]",
        "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::127.0.0.1]",
    ],
)  # fmt: skip
def test_addresses_of_this_machine_and_its_network_are_refused(server, sleeper, host):
    said = fault(client(sleeper, allow_hosts=[]), f"http://{host}:{server.port}/")
    assert re.search("this machine or its network|no such host|no address", said), said
    assert (server.asked, sleeper.slept) == ([], [])


def test_what_is_meant_is_said_to_be_allowed_by_name(server):
    assert 'allow_hosts = ["127.0.0.1"]' in fault(client(allow_hosts=[]), server.on("/", text()))
    assert client(allow_hosts=["LOCALHOST"]).get(server.on("/", text()).replace(HOST, "localhost")).content == b"hello"


def test_a_redirect_to_nowhere_is_a_fault(server):
    assert "does not say where to" in fault(client(), server.on("/", text(b"moved", 301)))


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data", "http://[::1]/", "http://localhost:{port}/in", "//10.0.0.1/",
        "file:///etc/passwd", "ftp://example.org/", "http://[::ffff:192.168.0.1]/", "gopher://127.0.0.1/",
        "http://127.0.0.1:99999999/",
    ],
)  # fmt: skip
def test_redirects_lead_nowhere_inside(server, location):
    url = server.on("/", text(b"", 302, location=location.format(port=server.port)))
    server.on("/in", text(b"secret"))
    assert re.search("never asked|no address", fault(client(), url))
    assert [asked.path for asked in server.asked] == ["/"]


def test_a_name_is_judged_by_the_address_that_is_connected_to(monkeypatch):
    """A name server that gives a public address first and a private one a moment later gains nothing."""
    answers = [["198.41.0.4", "10.0.0.1"], ["127.0.0.1"]]
    connected = []

    def resolve(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in answers.pop(0)]

    def connect(address: tuple[str, int], *_: Any, **__: Any) -> socket.socket:
        connected.append(address[0])
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", connect)
    assert "no connection" in fault(client(attempts=1, allow_hosts=[]), "http://papers.example.org/")
    assert connected == ["198.41.0.4"], "the private one is not among those tried"
    said = fault(client(attempts=1, allow_hosts=[]), "http://papers.example.org/")
    assert "papers.example.org is 127.0.0.1" in said
    assert connected == ["198.41.0.4"]


def test_a_resolver_that_hangs_is_given_up(monkeypatch):
    def resolve(*_: Any, **__: Any) -> list[Any]:
        time.sleep(0.6)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    said = fault(client(connect=0.1, attempts=1), "http://papers.example.org/")
    assert "papers.example.org was not resolved within 0.1 s" in said


def test_a_host_that_is_not_there_is_said(monkeypatch, sleeper):
    def resolve(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert "there is no such host" in fault(client(sleeper), "http://papers.invalid/")
    assert not sleeper.slept


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.org/x", "example.org/feed", "", "http://", "http://\0"]
)
def test_only_the_web_is_asked(url):
    assert re.search("only http and https|no address", fault(client(), url))


def test_redirects_are_followed_and_not_for_ever(server):
    server.on("/a", text(b"", 301, location="/b?x=1"))
    server.on("/b", text(b"", 307, location=server.url("/c")))
    server.on("/c", text(b"papers"))
    got = client().get(server.url("/a"))
    assert (got.content, got.url) == (b"papers", server.url("/c"))
    server.asked.clear()
    assert "more than 5 redirects" in fault(client(), server.on("/loop", text(b"", 302, location="/loop")))
    assert len(server.asked) == 6


def test_cookies_of_the_way_are_carried_on(server):
    server.on("/a", text(b"", 302, location="/b", set_cookie="seen=1; Path=/"))
    server.on("/b", text(b"papers"))
    assert client().get(server.url("/a")).content == b"papers"
    assert server.asked[1].headers["cookie"] == "seen=1"


def test_a_login_goes_to_its_own_origin_only(server):
    with serving() as other:
        server.on("/same", text(b"", 302, location="/away"))
        server.on("/away", text(b"", 302, location=other.url("/end")))
        other.on("/end", text(b"papers"))
        url = server.url("/same").replace("//", "//me:hunter2@")
        assert client().get(url).content == b"papers"
        assert [asked.headers.get("authorization", "")[:5] for asked in server.asked] == ["Basic", "Basic"]
        assert "authorization" not in other.asked[0].headers


def test_a_host_is_not_asked_more_often_than_it_wants(server, sleeper):
    server.on("/", text(b"papers"))
    http = client(sleeper, interval={HOST: 3}, timeout=2)
    for _ in range(4):
        http.get(server.url("/"))
    assert len(sleeper.slept) == 3
    assert all(2.5 < pause <= 3 for pause in sleeper.slept), "and that is no time that the server had"


# Secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:hunter2@example.org/f?x=1", "https://example.org/f?x=1"),
        ("https://example.org/f?api_key=abc&cat=cs.LG", "https://example.org/f?api_key=…&cat=cs.LG"),
        ("https://example.org/f?access_token=a.b&u=3#frag", "https://example.org/f?access_token=…&u=3"),
        ("https://example.org/f?k=9f86d081884c7d659a2feaa0c55ad015", "https://example.org/f?k=…"),
        ("https://example.org/f?9f86d081884c7d659a2feaa0c55ad015", "https://example.org/f?…"),
        ("https://export.arxiv.org/api/query?search_query=cat:cs.LG+OR+cat:cs.NE&max_results=100", None),
        ("https://example.org/f?date=2026-11-20&sort=submittedDate", None),
    ],
)
def test_urls_are_shown_without_their_secrets(url, shown):
    assert http_words.shown(url) == (shown or url)


def test_no_secret_is_in_a_message_or_a_log(server, caplog):
    caplog.set_level("DEBUG")
    query = "?token=s3cret-query"
    server.on("/gone", text(b"", 404))
    server.on("/moved", text(b"", 302, location=f"http://u:s3cret-there@127.0.0.2/{query}"))
    for path in ("/gone", "/moved"):
        said = fault(client(), server.url(path + query).replace("//", "//me:s3cret-pass@"))
        assert "s3cret" not in said
    assert "s3cret" not in caplog.text
    server.on("/ok", text(b"papers"))
    assert "s3cret" not in client().get(server.url("/ok" + query).replace("//", "//me:s3cret-pass@")).url
    assert server.asked[-1].path == "/ok" + query


# TLS


def tls_server(tmp_path: Any, **options: Any) -> tuple[ssl.SSLContext, str]:
    made = certificate(tmp_path, **options)
    if made is None:
        pytest.skip("needs the openssl command to make a certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made)
    return context, str(tmp_path / "cert.pem")


def test_a_certificate_that_nobody_vouches_for_is_refused_at_once(tmp_path, sleeper):
    context, _ = tls_server(tmp_path)
    with serving(context) as server:
        said = fault(client(sleeper), server.on("/", text()))
        assert "TLS: self-signed certificate" in said.replace("self signed", "self-signed")
        assert "SSL_CERT_FILE" in said
        assert (sleeper.slept, server.asked) == ([], [])


def test_a_certificate_of_ones_own_authority_is_trusted(tmp_path, monkeypatch):
    context, trusted = tls_server(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", trusted)
    with serving(context) as server:
        assert client().get(server.on("/", text(b"papers"))).content == b"papers"
        said = fault(client(allow_hosts=["localhost"]), server.url("/").replace(HOST, "localhost"))
        assert "TLS: hostname mismatch" in said.replace("Hostname", "hostname")


def test_plain_http_where_tls_is_meant_is_said():
    with socket.create_server((HOST, 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(100_000)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        said = fault(client(attempts=1), f"https://{HOST}:{listening.getsockname()[1]}/")
        thread.join()
    assert "TLS: " in said


# The shared one


def test_the_shared_client_is_one_and_takes_its_settings(server):
    try:
        http.configure(contact="mailto:them@example.org", allow_hosts=[HOST])
        assert http.shared_http() is http.shared_http()
        http.shared_http().get(server.on("/", text()))
        assert server.asked[-1].headers["user-agent"].endswith("(+mailto:them@example.org)")
        http.configure()
        assert "this machine" in fault(http.shared_http(), server.url("/"))
    finally:
        http.configure()
