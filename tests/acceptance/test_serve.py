"""`digest serve`, killed, doubled, down for days: one edition a date, each paper once, each mail once."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests import postgres
from tests.acceptance import days
from tests.acceptance.command import digest, page, paper, rows, unmeasured

CONFIG = """\
[newsletters.daily]
title = "Daily Papers"
at = "08:00"
timezone = "Europe/Berlin"
[[sources]]
name = "dumps"
kind = "folder"
path = "dumps"
every = "3h"
[mail]
transport = "folder"
path = "mails"
from = "me@example.org"
"""
#: papers in a dump, and how many of them the one before had not
SIZE, NEW = 6, 4
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Home:
    """A folder in which days pass quickly."""

    folder: Path
    #: real seconds that a day takes; 0: the clock runs as it does
    day: float
    origin: float = field(default_factory=lambda: time.time() + 1)
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    #: where the store is, if not in the folder
    url: str = ""

    @property
    def speed(self) -> float:
        return 86400 / self.day if self.day else 1

    @property
    def log(self) -> str:
        found = self.folder / "log.txt"
        return found.read_text() if found.exists() else ""

    def start(self) -> subprocess.Popen[bytes]:
        """Start a process that serves."""
        command = [sys.executable, "-W", "error", days.__file__, str(self.origin), str(self.speed), "digest.toml"]
        with (self.folder / "log.txt").open("ab") as log, (self.folder / "out.txt").open("ab") as out:
            environ = {**unmeasured(), "PYTHONPATH": str(ROOT)}
            process = subprocess.Popen(command, cwd=self.folder, env=environ, stdout=out, stderr=log)
        self.running.append(process)
        return process

    def rows(self, query: str) -> list[tuple]:
        """Read the store from outside."""
        return rows(self.url or self.folder / "digest.db", query)

    def dump(self, number: int) -> None:
        """Put the dump of a day, counted from 0, into the folder."""
        day = days.BEGIN + timedelta(days=number)
        numbers = range(number * NEW, number * NEW + SIZE)
        hidden = self.folder / "dumps" / f".{day:%Y-%m-%d}"
        hidden.write_text(page(f"{day:%b} {day.day}", [paper(n) for n in numbers]))
        hidden.rename(self.folder / "dumps" / f"{day:%Y-%m-%d}.txt")

    def sleep_until(self, number: float) -> None:
        """Wait for a moment of a day, like 2.5 for the noon of the third."""
        time.sleep(max(0.0, self.origin + number * self.day - time.time()))

    def editions(self) -> list[dict]:
        """Return the editions, as they were published."""
        found = self.rows("SELECT snapshot FROM editions ORDER BY number")
        return [json.loads(text) for (text,) in found]

    def wait(self, what: Callable[[], object], seconds: float = 60) -> None:
        """Wait until something is so."""
        until = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < until, f"waited in vain; the log ends with\n{self.log[-3000:]}"
            time.sleep(0.02)

    def events(self, event: str) -> int:
        """Return how often an event is in the log."""
        return self.log.count(f"event={event!r}")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Callable[[float], Home]]:
    made: list[Home] = []

    def make(day: float = 0) -> Home:
        (tmp_path / "dumps").mkdir()
        (tmp_path / "digest.toml").write_text(CONFIG)
        made.append(Home(tmp_path, day))
        return made[0]

    yield make
    for process in made[0].running if made else ():
        process.kill()
        process.wait()


def assert_each_once(home: Home, dumps: int) -> None:
    """Check that an edition has its date for itself, that they follow each other, that no paper is missing or twice."""
    editions = home.editions()
    dates = [edition["date"] for edition in editions]
    assert dates == sorted(set(dates))
    instants = [datetime.fromisoformat(edition["instant"]) for edition in editions]
    assert dates == [str(instant.astimezone(ZoneInfo("Europe/Berlin")).date()) for instant in instants]
    assert [edition["number"] for edition in editions] == list(range(1, len(editions) + 1))
    bounds = [(edition["after"], edition["upto"]) for edition in editions]
    assert [after for after, _ in bounds[1:]] == [upto for _, upto in bounds[:-1]]
    titles = Counter(entry["paper"]["title"] for edition in editions for entry in edition["entries"])
    assert titles == Counter(paper(number)[0] for number in range((dumps - 1) * NEW + SIZE))
    assert home.events("went wrong") == home.events("mail went wrong") == 0, home.log[-3000:]


def assert_mailed_once(home: Home) -> None:
    """Check that every edition is in one delivery, and that what was submitted is there once."""
    deliveries = home.rows("SELECT after, upto, state FROM deliveries ORDER BY upto")
    covered = [number for after, upto, _ in deliveries for number in range(after + 1, upto + 1)]
    first = covered[0]
    assert covered == list(range(first, len(home.editions()) + 1))
    assert {state for *_, state in deliveries} <= {"submitted", "unknown"}
    mails = [path.read_bytes() for path in (home.folder / "mails").glob("*.eml")]
    ids = Counter(re.search(rb"^Message-ID: *(\S+)", mail, re.MULTILINE | re.IGNORECASE)[1] for mail in mails)  # type: ignore[index]
    assert set(ids.values()) == {1}
    submitted = sum(state == "submitted" for *_, state in deliveries)
    assert submitted <= len(ids) <= len(deliveries)


@pytest.mark.tools
def test_an_edition_a_day_and_one_after_days_down_and_each_paper_and_mail_once(home: Callable[[float], Home]) -> None:
    one = home(2.5)
    one.dump(0)
    process = one.start()
    one.wait(lambda: one.events("mail") == 1)
    process.kill()
    process.wait()
    one.origin -= 3 * one.day
    for number in (1, 2, 3):
        one.dump(number)
    process = one.start()
    one.wait(lambda: one.events("mail") == 2)
    one.dump(4)
    one.wait(lambda: one.events("mail") == 3)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=5) == 0
    assert [len(edition["entries"]) for edition in one.editions()] == [SIZE, 3 * NEW, NEW]
    assert_each_once(one, dumps=5)
    assert_mailed_once(one)
    assert one.log.splitlines()[-1].endswith("event='stopped'")
    assert (one.folder / "out.txt").read_bytes() == b""
    assert one.rows("SELECT * FROM leases") == []


@pytest.mark.tools
def test_a_second_one_stands_by_and_takes_over_and_a_new_configuration_is_read(home: Callable[..., Home]) -> None:
    one = home()
    config = one.folder / "digest.toml"
    config.write_text(CONFIG.replace('at = "08:00"\n', ""))
    one.dump(0)
    first = one.start()
    one.wait(lambda: one.events("serving") == 1)
    second = one.start()
    one.wait(lambda: one.events("standing by") == 1)
    one.wait(lambda: one.events("mail") == 1)

    config.write_text(CONFIG.replace('title = "Daily Papers"', "titel = 1"))
    first.send_signal(signal.SIGHUP)
    one.wait(lambda: one.events("not reloaded") == 1)
    assert "newsletters.daily.titel: unknown key" in one.log
    config.write_text(CONFIG + '[[sources]]\nname = "more"\nkind = "folder"\npath = "dumps"\n')
    first.send_signal(signal.SIGHUP)
    one.wait(lambda: one.events("serving") == 2)
    assert "newsletters=1 sources=2" in one.log
    assert one.rows("SELECT pid FROM leases") == [(first.pid,)]

    first.kill()
    first.wait()
    one.wait(lambda: one.events("taken over") == 1)
    assert one.rows("SELECT pid FROM leases") == [(second.pid,)]
    assert one.events("standing by") == 1
    second.send_signal(signal.SIGTERM)
    assert second.wait(timeout=5) == 0


def test_it_ends_at_once_while_a_server_gives_no_answer_and_gives_back_its_locks(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/rss"
        config = f'allow_hosts = ["127.0.0.1"]\n[newsletters.daily]\n[[sources]]\nkind = "feed"\nurl = "{url}"\n'
        (tmp_path / "digest.toml").write_text(config)
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "digest", "serve"],
            cwd=tmp_path,
            env=unmeasured(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        asked, _ = server.accept()
        process.send_signal(signal.SIGTERM)
        out, log = process.communicate(timeout=5)
        asked.close()
    assert (process.returncode, out) == (0, "")
    assert [line.partition("event=")[2].split()[0] for line in log.splitlines()] == ["'serving'", "'stopped'"]
    assert rows(tmp_path / "digest.db", "SELECT * FROM run_lock") == []
    assert rows(tmp_path / "digest.db", "SELECT * FROM leases") == []
    assert rows(tmp_path / "digest.db", "SELECT status FROM fetches") == []


def test_a_mistake_in_the_configuration_ends_it_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "digest.toml").write_text(CONFIG.replace("every", "evry"))
    done = digest("serve", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "sources[1].evry: unknown key; did you mean 'every'?" in done.stderr


def test_the_schedule_says_what_is_done_when_here_and_in_utc(tmp_path: Path) -> None:
    (tmp_path / "digest.toml").write_text(CONFIG.replace('at = "08:00"', 'at = "08:00"\nwait = "4h"\ndays = "sat,sun"'))
    (tmp_path / "dumps").mkdir()
    told = digest("schedule", "--json", "--days", "2", cwd=tmp_path, clock="2026-10-24T04:00:00Z")
    runs = json.loads(told.stdout)["runs"]
    assert [(run["name"], run["local"], run["why"]) for run in runs] == [
        ("dumps", "2026-10-24T06:00:00+02:00", "first fetch, every 3 h"),
        ("daily", "2026-10-24T08:00:00+02:00", "at 08:00"),
        ("daily", "2026-10-24T12:00:00+02:00", "wait: 4 h are over"),
        ("daily", "2026-10-25T08:00:00+01:00", "at 08:00"),
        ("daily", "2026-10-25T12:00:00+01:00", "wait: 4 h are over"),
    ]
    assert runs[3]["utc"] == "2026-10-25T07:00:00+00:00"
    assert json.loads(told.stdout)["served_by"] is None
    shown = digest("schedule", cwd=tmp_path, clock="2026-10-24T04:00:00Z").stdout
    assert "daily  Sun 25 Oct 08:00 +01:00  Sun 25 Oct 07:00  at 08:00" in shown
    assert "Nobody does it now" in shown


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sqlite":
        yield ""
        return
    server: postgres.Server = request.getfixturevalue("server")
    yield server.create("serve")
    server.drop("serve")


@pytest.mark.tools
@pytest.mark.parametrize("seed", range(2))
def test_killed_at_random_two_at_once_and_a_run_in_between(home: Callable[[float], Home], url: str, seed: int) -> None:
    rng = random.Random(seed)
    one = home(3)
    one.url = url
    if url:
        (one.folder / "digest.toml").write_text(f'store = "{url}"\n{CONFIG}')
    one.dump(0)
    first = digest("run", "--no-deliver", cwd=one.folder, clock=days.BEGIN.replace(hour=12).isoformat())
    assert first.returncode == 0, first.stderr
    one.origin = time.time() - one.day
    kills, length = 0, 12
    for number in range(1, length):
        one.sleep_until(number)
        one.dump(number)
        alive = [process for process in one.running if process.poll() is None]
        while len(alive) < 2 and number % 4:
            alive.append(one.start())
        if number % 3 == 0:
            clock = days.instant(one.origin, one.speed).isoformat()
            done = digest("run", cwd=one.folder, clock=clock)
            assert done.returncode == 0, done.stderr
        one.sleep_until(number + rng.random())
        for process in rng.sample(alive, rng.randint(0, len(alive))):
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
    one.start()
    expected = (length - 1) * NEW + SIZE
    one.wait(lambda: sum(len(edition["entries"]) for edition in one.editions()) == expected)
    query = "SELECT count(*) FROM deliveries WHERE state NOT IN ('submitted', 'unknown')"
    upto = "SELECT max(upto) FROM deliveries"
    one.wait(lambda: one.rows(upto) == [(len(one.editions()),)] and one.rows(query) == [(0,)])
    for process in one.running:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            # one that has only just begun is ended as any process is
            assert process.wait(timeout=10) in (0, -signal.SIGTERM)
    assert kills >= 5
    assert_each_once(one, dumps=length)
    assert_mailed_once(one)
