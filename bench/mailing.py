"""Part 7: an edition goes to many readers, beside the usual way, rss2email, and what the relay takes at most."""

from __future__ import annotations

import configparser
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from statistics import median

import pytest

from bench.measure import Process, Table, Timing, alternate, run
from bench.papers import Maker, rss
from bench.peers import SIDE, peer
from bench.readers import Newsletter, Places, build, message, parts
from bench.settings import Settings
from tests import postgres

_ABOUT = (
    "The last edition of the bundled dumps, a message for each reader, to postfix's smtp-sink on loopback; without\n"
    "what the process takes to start and end when nothing is due. The relay and PostgreSQL are processes of their own\n"
    "on the same machine, and their CPU is not counted; a message's share of rendering the mail once is.\n"
    "usual way: EmailMessage and smtplib, one connection. rss2email: its own mails, a paper each, far smaller.\n"
    "smtp-source: the limit; the same bytes each time, made once; it knows no pipelining."
)
#: what a relay takes from us at once, in turns
_CONNECTIONS = (1, 8)
_USUAL = "the usual way"
_INSTALL = "apt install postfix (Debian: smtp-sink and smtp-source are in it, and it need not run)"


def measure(settings: Settings) -> Iterator[Table]:
    """Measure messages, what they are made of, and with `many` a mailing of that size."""
    table = Table(f"Mailing {settings.readers:,} readers", _ABOUT)
    sink, source = _tool("smtp-sink"), _tool("smtp-source")
    if sink is None or source is None:
        table.note(f"skipped: smtp-sink or smtp-source is not here: {_INSTALL}")
        yield table
        return
    with ExitStack() as stack:
        folder = settings.scratch / "mailing"
        folder.mkdir(parents=True, exist_ok=True)
        port = stack.enter_context(_relay(sink))
        places = [Places(folder, settings.seeds)]
        try:
            places.append(Places(folder, settings.seeds, stack.enter_context(postgres.server(durable=True))))
        except pytest.skip.Exception as why:
            table.note(f"PostgreSQL skipped: {why}")
        for place in places:
            build(place, "readers", settings.readers)
        yield _messages(settings, table, places, port, source)
        peaks = {}
        for place in places:
            split, peaks[place.kind] = _split(place, "readers", settings.readers, port)
            yield split
        for place in places if settings.many else ():
            yield _many(place, settings, port, peaks[place.kind])


def _messages(settings: Settings, table: Table, places: Sequence[Places], port: int, source: Path) -> Table:
    """Compare messages."""
    file = message(places[0], "readers")
    size = file.stat().st_size
    usual = _Usual(file, port, settings.usual)
    ours = {
        f"digest, {place.kind}, {_connections(number)}": _Ours(
            Newsletter(place, "readers", f"send{number}", port, number), settings.readers
        )
        for place in places
        for number in _CONNECTIONS
    }
    limits = {
        f"smtp-source, {_connections(number)}": _limit(source, port, number, size, settings.readers, file.parent)
        for number in _CONNECTIONS
    }
    contenders: dict[str, Callable[[], Timing]] = {_USUAL: usual, **ours, **limits}
    mailer = peer("rss2email", settings.peers) if settings.peers else None
    if mailer and not mailer.missing:
        contenders["rss2email"] = _Rss2email(mailer.folder / "bin" / "r2e", settings, port)
    elif mailer:
        table.note(f"rss2email skipped: {mailer.missing}")
    timings = alternate(settings.rounds, contenders)
    usually = timings.pop(_USUAL)
    table.time(_USUAL, usually, "us")
    for name, timing in timings.items():
        table.time(name, timing, "us", over=usually, goal="at most 0.05x cpu" if name in ours else "")
    _note(table, size, usually, timings, ours)
    return table


def _note(table: Table, size: int, usually: Timing, timings: Mapping[str, Timing], ours: Mapping[str, _Ours]) -> None:
    """Say in plain figures what the rows mean."""
    table.note(f"a message has {size:,} bytes; messages a second:")
    for name, timing in {_USUAL: usually, **timings}.items():
        table.note(f"{1 / max(median(timing.wall), 1e-9):10,.0f}  {name}")
    most = _connections(_CONNECTIONS[-1])
    limit = timings[f"smtp-source, {most}"]
    for name, one in ours.items():
        _, less = usually.ratios(timings[name])
        kernel, start = median(one.kernel) * 1e6, median(one.starts.cpu)
        table.note(f"{name}: the usual way takes {less:.1f} times the CPU (goal: 20)")
        table.note(
            f"    {kernel:.0f} us of a message's CPU are the kernel's; to start and end takes {start:.2f} s of CPU"
        )
        if name.endswith(most):
            faster, _ = limit.ratios(timings[name])
            table.note(f"    {faster:.2f} of the rate of smtp-source with as many connections (goal: at least 0.8)")


def _split(place: Places, origin: str, readers: int, port: int) -> tuple[Table, float]:
    """Return where the time of a message goes, and the peak memory in MiB."""
    done, told = Newsletter(place, origin, "split", port, _CONNECTIONS[-1]).watched(readers)
    about = f"One process, {_connections(_CONNECTIONS[-1])}, its parts timed, which costs a few microseconds itself."
    table = Table(f"A message of {readers:,} on {place.kind}, part by part", about)
    cpu = told["cpu"]
    total, waited = sum(cpu.values()), _waited(told) / sum(told["wall"].values())
    for part, took in sorted(cpu.items(), key=lambda one: -one[1]):
        table.note(f"{took / readers * 1e6:8.1f} us of CPU  {took / total:4.0%}  {part}")
    table.note(f"{total / readers * 1e6:8.1f} us of CPU in all; {waited:.0%} of the time that passed was waiting")
    table.note(f"sweep: {told['wall']['sweep']:.2f} s (the time that passed); peak {done.timing.peak[0]:.0f} MiB")
    return table, done.timing.peak[0]


def _waited(told: Mapping[str, Mapping[str, float]]) -> float:
    """Return the seconds in which the first thread had nothing to do: for lanes, and for the ledger."""
    ledger = told["wall"].get("advance", 0.0) - told["cpu"].get("advance", 0.0)
    return told["wall"].get("wait", 0.0) + max(0.0, ledger)


def _many(place: Places, settings: Settings, port: int, small: float) -> Table:
    """Return what a mailing of another size takes."""
    assert settings.many is not None, "it is asked for"
    took = build(place, "many", settings.many)
    begin = time.perf_counter()
    table, peak = _split(place, "many", settings.many, port)
    passed = time.perf_counter() - begin
    table.note(f"admitting them took {took:.0f} s, copying the store and sending {passed:.0f} s")
    table.note(
        f"peak {peak:.0f} MiB, {peak / small:.2f} times that with {settings.readers:,} readers "
        "(goal: at most 1.2 times, and below 150 MiB)"
    )
    return table


class _Ours:
    """Sends to all readers, then with nothing due; a message's time is the difference."""

    def __init__(self, newsletter: Newsletter, readers: int) -> None:
        self._newsletter, self._readers = newsletter, readers
        self.starts = Timing()
        #: CPU seconds of a message that were the kernel's
        self.kernel: list[float] = []

    def __call__(self) -> Timing:
        home = self._newsletter.renew()
        sent = self._newsletter.send(home, self._readers)
        idle = self._newsletter.send(home, 0)
        self.starts.wall += idle.timing.wall
        self.starts.cpu += idle.timing.cpu
        self.kernel.append((sent.kernel - idle.kernel) / self._readers)
        return _each(sent, idle, self._readers)


class _Usual:
    """Mails some readers the usual way, then none."""

    def __init__(self, file: Path, port: int, readers: int) -> None:
        self._told = file.with_name("usual.json")
        self._told.write_text(json.dumps(parts(file)))
        self._port, self._readers = port, readers

    def __call__(self) -> Timing:
        return _each(self._mail(self._readers), self._mail(0), self._readers)

    def _mail(self, readers: int) -> Process:
        return run([sys.executable, SIDE / "usual.py", self._told, str(self._port), str(readers)], self._told.parent)


class _Rss2email:
    """Lets rss2email mail the papers of a feed that it has not seen, then none."""

    def __init__(self, program: Path, settings: Settings, port: int) -> None:
        self._program, self._port, self._papers = program, port, settings.whole
        self._folder = settings.scratch / "mailing" / "rss2email"
        self._folder.mkdir(exist_ok=True)
        (self._folder / "feed.xml").write_text(rss(Maker(settings.seeds).papers(range(settings.whole))))
        self._turn = count()

    def __call__(self) -> Timing:
        at = self._folder / str(next(self._turn))
        at.mkdir()
        self._r2e(at, "new", "reader@example.org")
        config = configparser.ConfigParser(interpolation=None)
        config.read(at / "r2e.cfg")
        relay = {"email-protocol": "smtp", "smtp-server": "127.0.0.1", "smtp-port": str(self._port)}
        config["DEFAULT"].update({**relay, "from": "papers@example.org"})
        with (at / "r2e.cfg").open("w") as file:
            config.write(file)
        self._r2e(at, "add", "papers", str(self._folder / "feed.xml"))
        first = self._r2e(at, "run")
        seen = json.loads((at / "r2e.json").read_text())["feeds"][0]["seen"]
        if len(seen) != self._papers:
            raise RuntimeError(f"rss2email mailed {len(seen)} papers, not {self._papers}")
        return _each(first, self._r2e(at, "run"), self._papers)

    def _r2e(self, at: Path, *args: str) -> Process:
        files: list[str | Path] = ["--config", at / "r2e.cfg", "--data", at / "r2e.json"]
        return run([self._program, *files, *args], at, HOME=str(at))


def _limit(source: Path, port: int, sessions: int, size: int, messages: int, at: Path) -> Callable[[], Timing]:
    """Return what sends as many messages of the size as fast as the relay takes them, on connections that stay."""
    command: list[str | Path] = [source, "-4", "-d", "-s", str(sessions), "-m", str(messages), "-l", str(size)]
    command += ["-f", "digest@example.org", "-t", "reader@example.org", f"127.0.0.1:{port}"]
    return lambda: run(command, at).timing.per(messages)


def _each(all_of: Process, none: Process, messages: int) -> Timing:
    """Return the time of one message."""
    whole, empty = all_of.timing, none.timing
    wall, cpu = whole.wall[0] - empty.wall[0], whole.cpu[0] - empty.cpu[0]
    return Timing([wall / messages], [cpu / messages], whole.peak)


def _connections(number: int) -> str:
    return f"{number} connection{'' if number == 1 else 's'}"


def _tool(name: str) -> Path | None:
    """Return a tool of postfix, which Debian puts where the PATH of most users does not look."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin")
    return Path(found) if found else None


@contextmanager
def _relay(sink: Path) -> Iterator[int]:
    """Run a relay that takes everything and throws it away; yield its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen([sink, *user, f"127.0.0.1:{port}", "400"], stdout=subprocess.DEVNULL)
    try:
        _listens(port)
        yield port
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("smtp-sink does not listen")
