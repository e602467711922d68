"""`digest serve` as a machine's supervisor and its Prometheus see it."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from digest.config import Listen
from tests.acceptance.command import CONFIG, called, page, paper, unmeasured
from tests.test_endpoint import ask, refuses, wait
from tests.test_metrics import of, series


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "dumps").mkdir()
    (tmp_path / "dumps" / "Nov-19.txt").write_text(page("Nov 19", [paper(number) for number in range(3)]))
    (tmp_path / "digest.toml").write_text(CONFIG)
    return tmp_path


@contextmanager
def serving(home: Path, *args: str, **environ: str) -> Iterator[subprocess.Popen[str]]:
    """Serve for the block."""
    with (home / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "digest", "serve", *args],
            cwd=home, env={**unmeasured(), **environ}, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def listening(home: Path, times: int = 1) -> Listen:
    """Return where it listens now, once it has said so several times."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        found = re.findall(r"event='listening' at='([\w.]+):(\d+)'", (home / "log.txt").read_text())
        if len(found) >= times:
            return Listen(found[-1][0], int(found[-1][1]))
        time.sleep(0.02)
    raise AssertionError((home / "log.txt").read_text())


def until(at: Listen, path: str, word: str) -> str:
    """Return the answer of a path once it has a word."""
    end = time.monotonic() + 30
    while word not in (told := ask(at, path)[1]):
        assert time.monotonic() < end, told
        time.sleep(0.02)
    return told


def test_it_answers_from_the_start_moves_with_the_configuration_and_ends_though_clients_hang(home: Path) -> None:
    config = home / "digest.toml"
    config.write_text(f"{CONFIG}[serve]\nlisten = 0\n")
    with serving(home) as process:
        first = listening(home)
        assert first.host == "127.0.0.1"
        until(first, "/ready", "serving since")
        assert ask(first, "/health") == (200, "Alive: serving.\n")
        found = series(until(first, "/metrics", 'digest_edition_number{newsletter="daily"} 1'))
        assert of(found, "digest_serving") == 1

        config.write_text(f"{CONFIG}[serve]\nlisten = 'localhost:0'\n")
        process.send_signal(signal.SIGHUP)
        second = listening(home, 2)
        until(second, "/ready", "serving since")
        assert second != first
        wait(lambda: refuses(first))

        with socket.create_connection(second):
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=5)
    assert (process.returncode, out) == (0, "")
    assert (home / "log.txt").read_text().splitlines()[-1].endswith("event='stopped'")


def test_the_option_counts_more_than_the_environment_and_that_more_than_the_file(home: Path) -> None:
    (home / "digest.toml").write_text(f"{CONFIG}[serve]\nlisten = 'no.such.host.invalid:1'\n")
    with serving(home, DIGEST__SERVE__LISTEN="0"):
        assert ask(listening(home), "/health")[0] == 200
    with serving(home, "--listen", "127.0.0.1:0", DIGEST__SERVE__LISTEN="no.such.host.invalid:1"):
        assert ask(listening(home), "/health")[0] == 200


def test_an_address_that_cannot_be_had_ends_it_with_words(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = called("serve", "--listen", str(port), cwd=home)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"nothing can be answered at 127.0.0.1:{port}: Address already in use; " in done.stderr
    assert not (home / "digest.db").exists()
    wrong = called("serve", "--listen", "everywhere", cwd=home)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("digest: --listen: 'everywhere': use a port of this machine like 8765, or HOST:PORT")
