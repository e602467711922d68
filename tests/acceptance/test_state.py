"""`digest run --state DIR --checkpoint COMMAND` and `digest state`, as a job without a server calls them."""

from __future__ import annotations

import gc
import io
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from digest.cli import main
from tests.acceptance.command import page, paper, tree
from tests.delivery.server import Script, Server, serving

CONFIG = """\
[newsletters.daily]
title = "Daily Papers"
unknown = "{unknown}"
[[sources]]
name = "dumps"
kind = "folder"
path = "{dumps}"
year = 2026
[interests]
want = ["spiking"]
[mail]
host = "127.0.0.1"
port = {port}
tls = "none"
from = "digest@example.org"
to = "ada@example.org"
secret = "env:DIGEST_SECRET"
timeout = "5s"
"""
#: keeps DIR in `pushed`, unless it is told to fail; notes what it was called with
KEEPER = """\
import pathlib, shutil, sys
state, pushed, log, fails = map(pathlib.Path, sys.argv[1:5])
point = sys.argv[5]
with log.open("a") as file:
    file.write(point + "\\n")
if fails.exists() and point in fails.read_text().split():
    sys.exit(7)
shutil.rmtree(pushed, ignore_errors=True)
shutil.copytree(state, pushed)
"""


@pytest.fixture(autouse=True)
def _as_in_a_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give commands that are called here the settings that they have in a process of their own."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("DIGEST_SECRET", "a secret of the repository")
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@dataclass
class Job:
    """A job that starts in an empty folder, with what was pushed at the end of the last one."""

    root: Path
    server: Server
    monkeypatch: pytest.MonkeyPatch
    unknown: str = "skip"
    day: int = 0
    said: str = field(default="", init=False)

    @property
    def pushed(self) -> Path:
        """What the last job pushed."""
        return self.root / "pushed"

    @property
    def points(self) -> list[str]:
        """What the command was called with in the last job."""
        log = self.root / f"log{self.day}"
        return log.read_text().split() if log.exists() else []

    def dump(self, day: int, numbers: range) -> None:
        """Let the source have a dump."""
        folder = self.root / "dumps"
        folder.mkdir(exist_ok=True)
        (folder / f"2026-11-{day:02}.txt").write_text(page(f"Nov {day}", [paper(number) for number in numbers]))

    def run(self, *more: str, fails: str = "") -> int:
        """Run the job of the next day; return its status."""
        self.day += 1
        self.monkeypatch.setenv("DIGEST__CLOCK", f"2026-11-{self.day:02}T09:00:00Z")
        here = self.root / f"job{self.day}"
        here.mkdir()
        told = CONFIG.format(unknown=self.unknown, dumps=self.root / "dumps", port=self.server.port)
        (here / "digest.toml").write_text(told)
        (here / "keep.py").write_text(KEEPER)
        (here / "fails").write_text(fails)
        if self.pushed.exists():
            shutil.copytree(self.pushed, here / "state")
        names = [sys.executable, "keep.py", "state", self.pushed, self.root / f"log{self.day}", "fails"]
        checkpoint = " ".join(map(str, names))
        status, out, err = called(here, "run", "--state", "state", "--checkpoint", checkpoint, *more)
        self.said = out + err
        return status

    def ledger(self) -> list[dict[str, Any]]:
        """Return the pushed ledger."""
        return [json.loads(line) for line in (self.pushed / "ledger.jsonl").read_text().splitlines()]

    def states(self) -> list[str]:
        """Return the states of the pushed ledger's lines."""
        return [line["state"] for line in self.ledger()]


def called(home: Path, *args: str | Path) -> tuple[int, str, str]:
    """Call `digest` here, as its process does, and return its status and what it printed."""
    raw, err = io.BytesIO(), io.StringIO()
    out = io.TextIOWrapper(raw, "utf-8")
    with chdir(home), redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main([str(one) for one in args])
    out.flush()
    return int(ended.value.code or 0), raw.getvalue().decode(), err.getvalue()


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    with serving(Script()) as server:
        yield Job(tmp_path, server, monkeypatch)


def test_each_edition_is_mailed_once_by_jobs_that_share_nothing_but_the_state(job: Job) -> None:
    for day in range(1, 3):
        job.dump(day, range(day * 10, day * 10 + 6))
        assert job.run() == 0, job.said
        assert job.points == ["published", "in-flight", "done"]
    assert job.run() == 0
    assert job.points == ["published", "done"]
    assert job.server.recipients == ["ada@example.org"] * 2
    assert job.states() == ["in_flight", "submitted"] * 2
    # and no file tells who reads, or what she wants
    for name in tree(job.pushed):
        content = (job.pushed / name).read_text().lower()
        for secret in ("ada@", "example.org", "matches your", "a secret of the repository", '"personal":true'):
            assert secret not in content, name
    for name in tree(job.root / "job2" / "public"):
        assert "matches your" not in (job.root / "job2" / "public" / name).read_text(), name


def test_an_edition_that_was_not_pushed_is_not_mailed_and_comes_again(job: Job) -> None:
    job.dump(1, range(4))
    assert job.run(fails="published") == 1
    assert "published` ended with status 7: nothing is mailed" in job.said
    assert (job.points, job.server.recipients, job.pushed.exists()) == (["published"], [], False)
    first = tree(job.root / "job1" / "public")
    assert job.run() == 0
    assert job.server.recipients == ["ada@example.org"]
    assert tree(job.pushed).keys() >= {"editions/daily/1-2026-11-02.json", "seen.jsonl", "marks.json"}
    # the same papers under another date
    assert len(first) == len(tree(job.root / "job2" / "public"))


def test_a_message_that_could_not_be_noted_does_not_leave_and_goes_with_the_next_run(job: Job) -> None:
    job.dump(1, range(4))
    assert job.run(fails="in-flight") == 1
    assert "in-flight` ended with status 7: no message leaves before it is noted that it does" in job.said
    assert "1 mail waiting" in job.said
    assert (job.points, job.server.recipients, job.server.finals) == (["published", "in-flight", "done"], [], 0)
    # the line of the try is gone: nothing left
    assert job.states() == ["pending"]
    assert job.run() == 0
    assert job.server.recipients == ["ada@example.org"]
    assert job.states() == ["pending", "in_flight", "submitted"]


@pytest.mark.parametrize(
    ("unknown", "copies", "state"),
    [
        ("skip", 1, "unknown"),
        pytest.param("resend", 2, "submitted", marks=pytest.mark.tools),
    ],
)
def test_what_left_in_a_run_that_is_gone_is_treated_as_the_newsletter_says(
    job: Job, unknown: str, copies: int, state: str
) -> None:
    job.unknown = unknown
    job.dump(1, range(4))
    assert job.run(fails="done") == 1
    assert "done` ended with status 7: what this run mailed last may count as unknown" in job.said
    assert job.states() == ["in_flight"]
    assert job.run() == 0
    assert job.server.recipients == ["ada@example.org"] * copies
    assert job.states()[-1] == state


def test_export_and_import_say_what_they_did_and_an_import_wants_an_empty_store(job: Job) -> None:
    job.dump(1, range(4))
    assert job.run() == 0
    here = job.root / "job1"
    status, out, _ = called(here, "state", "export", "copy", "--json")
    assert (status, json.loads(out)["files"]) == (0, len(tree(here / "copy")))
    assert tree(here / "copy").keys() == tree(job.pushed).keys()
    status, _, err = called(here, "state", "import", "copy")
    assert (status, err) == (
        1,
        "digest: the store is not empty: a state is only put into one that is; name another store\n",
    )
    for left in here.glob("digest.db*"):
        left.unlink()
    status, out, _ = called(here, "state", "import", "copy", "--json")
    assert (status, json.loads(out)) == (0, {"papers": 4, "editions": 1, "pending": 0, "notes": []})


def test_a_checkpoint_wants_a_state(job: Job) -> None:
    (job.root / "digest.toml").write_text(CONFIG.format(unknown="skip", dumps="dumps", port=1))
    status, _, err = called(job.root, "run", "--checkpoint", "true")
    assert (status, err) == (2, "digest: --checkpoint is for a state that is kept as files: say --state DIR as well\n")
