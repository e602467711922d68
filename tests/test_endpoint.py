"""What a process that stays says of itself: over real connections, of a real scheduler."""

from __future__ import annotations

import http.client
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from digest import config
from digest.bootstrap import System, opened
from digest.config import Listen, ServeSettings
from digest.errors import DigestError, StoreError
from digest.scheduler import Pace, Scheduler, endpoint
from digest.scheduler.endpoint import Endpoint
from digest.scheduler.pulse import Pulse
from digest.scheduler.shift import Shift
from digest.scheduler.worker import Worker
from tests.acceptance.command import CONFIG, page, paper
from tests.test_metrics import of, series

HERE = Listen("127.0.0.1", 0)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "dumps").mkdir()
    (tmp_path / "dumps" / "Nov-19.txt").write_text(page("Nov 19", [paper(number) for number in range(3)]))
    (tmp_path / "digest.toml").write_text(CONFIG)
    return tmp_path


def wait(what: Callable[[], object]) -> None:
    until = time.monotonic() + 30
    while not what():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)


class Served:
    """A scheduler at work in a thread, whose configuration is read again when it is told so."""

    def __init__(self, home: Path, listen: Listen | None = HERE) -> None:
        self.home, self.listen = home, listen
        self.error: BaseException | None = None
        pace = Pace(stand_by=0.05, heartbeat=0.1, settle=0.01)
        self.scheduler = Scheduler(self.load, pace=pace)
        self.thread = threading.Thread(target=self.run)

    def load(self) -> config.Config:
        told = config.load(self.home / "digest.toml", {})
        return told.model_copy(update={"serve": ServeSettings(listen=self.listen)})

    def run(self) -> None:
        try:
            self.scheduler.run()
        except DigestError as error:
            self.error = error

    def at(self) -> Listen:
        """Return where it listens, once it does."""
        wait(lambda: self.scheduler.address)
        assert self.scheduler.address is not None
        return self.scheduler.address

    def ready(self) -> str:
        """Return what it says once it is ready."""
        said: list[str] = []

        def is_ready() -> bool:
            status, told = ask(self.at(), "/ready")
            said.append(told)
            return status == 200

        wait(is_ready)
        return said[-1]


@contextmanager
def served(home: Path, listen: Listen | None = HERE) -> Iterator[Served]:
    one = Served(home, listen)
    one.thread.start()
    try:
        yield one
    finally:
        one.scheduler.stop()
        one.thread.join(20)
        assert not one.thread.is_alive()
    assert one.error is None, one.error


def asked(at: Listen, path: str, method: str = "GET") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(at.host, at.port, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    answer.body = answer.read()  # type: ignore[attr-defined]
    connection.close()
    return answer


def ask(at: Listen, path: str) -> tuple[int, str]:
    answer = asked(at, path)
    return answer.status, answer.body.decode()  # type: ignore[attr-defined]


def refuses(at: Listen) -> bool:
    try:
        socket.create_connection(at, 5).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        # it is about to
        return False
    return False


@contextmanager
def system(home: Path) -> Iterator[System]:
    with opened(config.load(home / "digest.toml", {})) as wired:
        yield wired


@contextmanager
def answering(pulse: Pulse) -> Iterator[Listen]:
    """Answer for a pulse alone."""
    with Endpoint(pulse) as one:
        one.move(HERE)
        assert one.address is not None
        yield one.address


# Of a scheduler


def test_it_says_that_it_lives_serves_and_what_prometheus_is_told(home: Path) -> None:
    with served(home) as one:
        assert one.ready().startswith("Ready: serving since 20")
        assert ask(one.at(), "/health") == (200, "Alive: serving.\n")
        wait((home / "public/daily/feed.json").exists)
        wait(lambda: 'digest_edition_number{newsletter="daily"} 1' in ask(one.at(), "/metrics")[1])
        answer = asked(one.at(), "/metrics")
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        found = series(answer.body.decode())  # type: ignore[attr-defined]
    assert of(found, "digest_serving") == of(found, "digest_store_up") == 1
    assert of(found, "digest_papers") == 3
    assert of(found, "digest_worker_busy_seconds", worker="mail") == 0
    heart = of(found, "digest_heartbeat_timestamp_seconds")
    assert heart is not None
    assert abs(time.time() - heart) < 30
    assert of(found, "process_start_time_seconds") is not None


def test_only_these_three_are_there_and_nothing_can_be_changed(home: Path) -> None:
    with served(home) as one:
        one.ready()
        at = one.at()
        for path in ("/", "/metrics/", "/health/x", "/../digest.toml", "*"):
            assert ask(at, path) == (404, "There are /metrics, /health and /ready.\n")
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "BREW"):
            answer = asked(at, "/health", method)
            assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
        head = asked(at, "/health", "HEAD")
        assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", "16")  # type: ignore[attr-defined]
        assert "Python" not in str(head.headers)
        assert ask(at, "/health?verbose=1")[0] == 200
        with socket.create_connection(at) as client:
            client.sendall(b"HEAD /health HTTP/1.0\r\n\r\n")
            assert client.makefile("rb").read().endswith(b"\r\n\r\n")
        with socket.create_connection(at) as client:
            client.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
            assert client.recv(1000).startswith(b"HTTP/1.0 400 ")


def test_one_that_stands_by_says_for_whom_and_takes_over(home: Path) -> None:
    with served(home) as second, served(home) as first:
        # either may have been faster
        wait(lambda: {one.ready().split(":")[1].split()[0] for one in (first, second)} == {"serving", "standing"})
        serves, waits = (first, second) if "serving" in first.ready() else (second, first)
        assert "standing by, while serve " in waits.ready()
        assert ask(waits.at(), "/health") == (200, "Alive: standing by.\n")
        assert of(series(ask(waits.at(), "/metrics")[1]), "digest_serving") == 0
        # it tells of the store what the other one tells
        assert of(series(ask(waits.at(), "/metrics")[1]), "digest_store_up") == 1
        serves.scheduler.stop()
        wait(lambda: "serving" in waits.ready())
        assert of(series(ask(waits.at(), "/metrics")[1]), "digest_serving") == 1


def test_it_ends_at_once_though_clients_hang_and_answers_others_meanwhile(home: Path) -> None:
    with served(home) as one:
        one.ready()
        at = one.at()
        silent = [socket.create_connection(at) for _ in range(5)]
        half = socket.create_connection(at)
        half.sendall(b"GET /health HTTP/1.1\r\nHost: he")
        assert ask(at, "/health")[0] == 200
        began = time.monotonic()
        one.scheduler.stop()
        one.thread.join(20)
        assert time.monotonic() - began < 4
        for client in (*silent, half):
            client.settimeout(5)
            with suppress(ConnectionResetError):
                assert client.recv(1000) == b""
            client.close()
    assert refuses(at)


def test_without_an_address_nothing_listens(home: Path) -> None:
    with served(home, None) as one:
        wait((home / "public/daily/feed.json").exists)
        assert one.scheduler.address is None
        assert not [thread for thread in threading.enumerate() if thread.name == "endpoint"]


def test_a_new_configuration_moves_it_and_one_that_cannot_be_followed_leaves_it(home: Path) -> None:
    with served(home) as one, socket.create_server(("127.0.0.1", 0)) as taken:
        one.ready()
        first = one.at()
        one.listen = Listen("127.0.0.1", taken.getsockname()[1])
        one.scheduler.reload()
        wait(lambda: not one.scheduler._reloading)
        assert one.ready()
        assert one.at() == first

        one.listen = Listen("localhost", 0)
        one.scheduler.reload()
        wait(lambda: one.at() != first)
        assert "serving" in one.ready()
        wait(lambda: refuses(first))

        one.listen = None
        one.scheduler.reload()
        wait(lambda: one.scheduler.address is None)


def test_what_was_reloaded_is_told_of(home: Path) -> None:
    with served(home) as one:
        one.ready()
        at = one.at()
        (home / "digest.toml").write_text(CONFIG + '[newsletters.weekly]\nat = "23:00"\n')
        one.scheduler.reload()
        wait(lambda: 'digest_edition_number{newsletter="weekly"}' in ask(at, "/metrics")[1])
        assert one.at() == at


def test_a_port_that_is_taken_ends_it_at_the_start_in_words(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        one = Served(home, Listen("127.0.0.1", taken.getsockname()[1]))
        one.run()
    assert str(one.error) == (
        f"serve.listen: nothing can be answered at {one.listen}: Address already in use; "
        "end what listens there, or say another HOST:PORT"
    )
    assert not (home / "digest.db").exists()


@pytest.mark.parametrize("host", ["no.such.host.invalid", "..", "x" * 70, "192.0.2.1"])
def test_a_host_that_is_none_of_this_machine_is_told_in_words(home: Path, host: str) -> None:
    one = Served(home, Listen(host, 8765))
    one.run()
    assert f"nothing can be answered at {host}:8765: " in str(one.error)


# Of a pulse


def test_a_loop_that_gives_no_sign_of_life_is_not_well(home: Path) -> None:
    pulse = Pulse(limit=0.05)
    with answering(pulse) as at:
        time.sleep(0.1)
        assert ask(at, "/health") == (200, "Alive: starting.\n"), "a store may be upgraded, which takes a while"
        pulse.tell("standing by")
        assert ask(at, "/health")[0] == 200
        time.sleep(0.1)
        assert ask(at, "/health") == (503, "The main loop has given no sign of life for 0 seconds.\n")
        pulse.beat()
        assert ask(at, "/health")[0] == 200


def test_a_thread_that_ended_is_told_of(home: Path) -> None:
    pulse = Pulse(limit=100)
    with system(home) as wired:
        shift = Shift(wired, None, Pace(settle=0.01))
        shift.begin()
        pulse.tell("serving", shift=shift)
        with answering(pulse) as at:
            assert ask(at, "/health") == (200, "Alive: serving.\n")
            assert shift._post.close(10)
            assert ask(at, "/health") == (503, "Mail ended: what it does is done no more.\n")
            pulse.tell("stopping")
            assert ask(at, "/health") == (200, "Alive: stopping.\n")
        shift.end()
        assert shift.dead() == ["news", "mail", "timetable"]


def test_a_worker_says_how_long_it_has_been_at_it() -> None:
    begun, go = threading.Event(), threading.Event()

    def work(_: frozenset[str]) -> None:
        begun.set()
        go.wait(10)

    worker = Worker("test", work)
    assert (worker.alive, worker.busy) == (False, 0)
    worker.start()
    worker.ask("a")
    assert begun.wait(10)
    assert worker.busy > 0
    go.set()
    wait(lambda: worker.busy == 0)
    assert worker.alive
    worker.close(10)
    assert not worker.alive


def test_it_is_ready_only_while_it_serves_or_stands_by_and_the_store_answers(home: Path) -> None:
    pulse = Pulse(limit=100)
    with answering(pulse) as at:
        assert ask(at, "/ready") == (503, "Not ready: starting.\n")
        with system(home) as wired, pulse.over(wired):
            pulse.tell("starting", trouble="the disk is full")
            assert ask(at, "/ready") == (503, "Not ready: the disk is full.\n")
            pulse.tell("serving")
            assert ask(at, "/ready")[0] == 200
            with closing(sqlite3.connect(home / "digest.db")) as store, store:
                store.execute("DROP TABLE changes")
                store.execute("DROP TABLE fetches")
            status, told = ask(at, "/ready")
            assert status == 503
            assert "no such table: changes" in told
            found = series(ask(at, "/metrics")[1])
            assert (of(found, "digest_store_up"), of(found, "digest_serving")) == (0, 1)
            assert ask(at, "/health")[0] == 200, "another process in its place would fare no better"
        pulse.tell("stopping")
        assert ask(at, "/ready") == (503, "Not ready: stopping.\n")


def test_a_store_that_gives_no_answer_holds_up_one_who_asks_and_no_more(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digest.scheduler.pulse._PATIENCE", 0.05)
    monkeypatch.setattr("digest.metrics.meter._PATIENCE", 0.05)
    pulse, go, stuck = Pulse(limit=100), threading.Event(), threading.Semaphore(0)
    with system(home) as wired, pulse.over(wired), answering(pulse) as at:
        pulse.tell("serving")
        assert ask(at, "/ready")[0] == 200

        def silent(*_: object) -> None:
            stuck.release()
            go.wait(10)
            raise StoreError("the connection is lost")

        monkeypatch.setattr(type(wired.store), "log_end", silent)
        monkeypatch.setattr(type(wired.store), "newsletters", silent)
        first = [threading.Thread(target=ask, args=(at, path)) for path in ("/ready", "/metrics")]
        for one in first:
            one.start()
            assert stuck.acquire(timeout=10)
        assert ask(at, "/ready") == (503, "Not ready: the store has not answered for 0 seconds.\n")
        assert of(series(ask(at, "/metrics")[1]), "digest_store_up") == 0
        assert ask(at, "/health")[0] == 200
        go.set()
        for one in first:
            one.join(10)
        assert ask(at, "/ready") == (503, "Not ready: the connection is lost.\n")


def test_a_store_that_is_closed_is_read_by_nobody_any_more(home: Path) -> None:
    pulse = Pulse(limit=100)
    with system(home) as wired, pulse.over(wired), answering(pulse) as at:
        pulse.tell("serving")
        assert of(series(ask(at, "/metrics")[1]), "digest_store_up") == 1
    assert b"digest_store_up 0" in pulse.metrics()
    assert pulse.ready() == (False, "Not ready: the store is not open.")


# Of the server


def test_who_takes_too_long_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "_LONGEST", 0.2)
    with answering(Pulse(limit=100)) as at, socket.create_connection(at, 10) as client:
        client.sendall(b"GET /health HTTP/1.1\r\n")
        began = time.monotonic()
        with suppress(OSError):
            while time.monotonic() - began < 10:
                # a byte now and then keeps no connection open
                client.sendall(b"X")
                client.settimeout(0.05)
                try:
                    assert client.recv(1) == b""
                    break
                except TimeoutError:
                    continue
        assert time.monotonic() - began < 5


def test_too_many_at_once_cost_the_oldest_their_place_and_nobody_else_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "_MOST", 3)
    with answering(Pulse(limit=100)) as at:
        # sooner than one that is silent loses its place anyway
        clients = [socket.create_connection(at, 3) for _ in range(9)]
        for _ in range(3):
            assert ask(at, "/health")[0] == 200
        assert clients[0].recv(1) == b""
        for client in clients:
            client.close()
        wait(lambda: len([one for one in threading.enumerate() if "process_request" in one.name]) == 0)
