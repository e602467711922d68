"""A newsletter with many readers, a server that takes their mail, and senders that are killed."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from digest.models import Subscriber
from digest.store import open_store
from tests.acceptance.command import NOW, RELAY, digest, page, paper, rows, unmeasured

ROOT = Path(__file__).resolve().parents[2]
CONFIG = f"""\
store = "{{store}}"
[newsletters.daily]
title = "Daily Papers"
unknown = "{{unknown}}"
{RELAY}connections = {{connections}}
timeout = "5s"
[subscribers]
"""


def free_port() -> int:
    """Return a port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """A mail server in a process of its own, which logs each message after the final dot and before it says so."""

    port: int
    log: Path
    options: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        command = [sys.executable, "-m", "tests.delivery.server", "--port", str(self.port), "--log", str(self.log)]
        self.process = subprocess.Popen([*command, *self.options], cwd=ROOT, env=unmeasured())
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError("the mail server does not listen")

    def kill(self) -> None:
        """Kill it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def received(self) -> Counter[str]:
        """Return how often each Message-ID was taken."""
        if not self.log.exists():
            return Counter()
        return Counter(re.findall(r"<[^<>\s]+>", self.log.read_text()))


@dataclass
class Campaign:
    """One edition on its way to many readers."""

    folder: Path
    store: str
    server: Server
    readers: int

    def send(self, *args: str, clock: str = NOW) -> subprocess.Popen[bytes]:
        """Start a sender."""
        with (self.folder / "errors.txt").open("ab") as errors:
            return subprocess.Popen(
                [sys.executable, "-m", "digest", "send", *args],
                cwd=self.folder,
                env={**unmeasured(), "DIGEST__CLOCK": clock},
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )

    def ledger(self, query: str) -> list[tuple[object, ...]]:
        """Read the store from outside."""
        return rows(self.store if "://" in self.store else Path(self.store), query)

    def states(self) -> dict[str, int]:
        """Return how many deliveries are in each state."""
        return {
            str(state): int(str(n)) for state, n in self.ledger("SELECT state, count(*) FROM deliveries GROUP BY 1")
        }


@contextmanager
def campaign(
    folder: Path,
    store: str,
    readers: int,
    *,
    connections: int = 1,
    unknown: str = "skip",
    options: Sequence[str] = (),
) -> Iterator[Campaign]:
    """Publish an edition, subscribe readers to it, and run a server for the block."""
    server = Server(free_port(), folder / "accepted.log", options)
    (folder / "dumps").mkdir()
    (folder / "dumps" / "2026-11-19.txt").write_text(page("Nov 19", [paper(number) for number in range(8)]))
    (folder / "digest.toml").write_text(
        CONFIG.format(store=store, port=server.port, connections=connections, unknown=unknown)
    )
    done = digest("run", "--no-deliver", cwd=folder)
    assert done.returncode == 0, done.stderr
    opened = open_store(store)
    at = datetime(2026, 11, 20, 9, tzinfo=UTC)
    people = [Subscriber(address=f"reader{number}@example.org") for number in range(readers)]
    opened.subscribers.admit("daily", people, at=at, origin="command", confirmed_by="a test", mark=0)
    opened.close()
    server.start()
    try:
        yield Campaign(folder, store, server, readers)
    finally:
        server.kill()


@dataclass
class Kills:
    """What killing came to."""

    #: kills of senders, and those that left a message in flight
    kills: int = 0
    hits: int = 0


def kill_until_done(
    one: Campaign, rng: random.Random, *, senders: int, hits: int, deadline: float = 240, also: Sequence[object] = ()
) -> Kills:
    """Run senders and kill them at random moments until enough kills hit a message in flight; then let them finish."""
    done, until = Kills(), time.monotonic() + deadline
    while done.hits < hits and time.monotonic() < until:
        before = sum(one.server.received().values())
        running = [one.send() for _ in range(senders)]
        while sum(one.server.received().values()) == before and any(p.poll() is None for p in running):
            time.sleep(0.005)
        time.sleep(rng.random() * 0.15)
        alive = [process for process in running if process.poll() is None]
        for process in alive:
            os.kill(process.pid, signal.SIGKILL)
        for process in running:
            process.wait()
        done.kills += len(alive)
        done.hits += len(one.ledger("SELECT id FROM deliveries WHERE state = 'in_flight'"))
        if not alive:
            break
    finish(one, until)
    return done


def finish(one: Campaign, until: float) -> None:
    """Let senders run until nothing is open."""
    while time.monotonic() < until:
        one.send().wait(timeout=max(1, until - time.monotonic()))
        if not set(one.states()) - {"submitted", "unknown", "failed"}:
            return
    raise AssertionError(f"not done in time: {one.states()}; {(one.folder / 'errors.txt').read_text()[-2000:]}")


def verdict(one: Campaign) -> tuple[int, int, int]:
    """Return how many readers are missing, how many have it twice, and how many the ledger names `unknown`.

    Prints for each unknown one whether the server had it.
    """
    received = one.server.received()
    ids = {str(address): [] for (address,) in one.ledger("SELECT address FROM subscribers")}  # type: dict[str, list[str]]
    log = one.server.log.read_text() if one.server.log.exists() else ""
    for line in log.splitlines():
        found = re.search(r"(<[^<>\s]+>).*?([\w.]+@example\.org)|([\w.]+@example\.org).*?(<[^<>\s]+>)", line)
        if found:
            ids[found[2] or found[3]].append(found[1] or found[4])
    unknown = {
        str(address)
        for (address,) in one.ledger(
            "SELECT address FROM deliveries JOIN subscriptions s ON s.id = deliveries.subscription "
            "JOIN subscribers p ON p.id = s.subscriber WHERE state = 'unknown'"
        )
    }
    for address in sorted(unknown):
        print(f"unknown: {address}: the server {'has' if ids[address] else 'has not'} got it")
    missing = [address for address, found in ids.items() if not found and address not in unknown]
    twice = [address for address, found in ids.items() if len(found) > 1] + [id for id, n in received.items() if n > 1]
    return len(missing), len(twice), len(unknown)
