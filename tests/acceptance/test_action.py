"""The GitHub Action: days of a newsletter on machines that keep nothing, with a bare repository for GitHub."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote, urljoin

import feedparser
import pytest

from bench.peers import SIDE, peer
from tests.acceptance.action import Done, Repository, git
from tests.acceptance.command import digest, page, paper, unmeasured
from tests.acceptance.forked import loaded
from tests.delivery.server import Script, Server, serving

CONFIG = """\
base_url = "https://papers.example.org"
[newsletters.daily]
title = "Daily Papers"
[[sources]]
name = "dumps"
kind = "folder"
path = "dumps"
year = 2026
"""
MAIL = """\
[mail]
host = "127.0.0.1"
port = {port}
tls = "none"
user = "env:DIGEST_MAIL_USER"
password = "env:DIGEST_MAIL_PASSWORD"
{more}
"""
SECRET = 'secret = "env:DIGEST_SECRET"'
RIGHT = "right"
LOGIN = ("me@example.org", RIGHT)
FIRST = date(2026, 11, 19)
#: the three starts of a day: before the batch, with it, after it
STARTS = ("05:17", "08:47", "14:17")


def _repository(folder: Path, server: Server | None = None, *, more: str = SECRET) -> Repository:
    config = CONFIG + (MAIL.format(port=server.port, more=more) if server else "")
    made = Repository.make(folder, config)
    if server:
        made.environ["DIGEST_SECRET"] = "s3cret"
    _dump(made, FIRST, range(6))
    return made


def _dump(repository: Repository, day: date, papers: range) -> None:
    folder = repository.sources / "dumps"
    folder.mkdir(exist_ok=True)
    text = page(f"{day:%b} {day.day}", [paper(number) for number in papers])
    (folder / f"{day.isoformat()}.txt").write_text(text)
    repository.push(f"dump of {day}")


def _run(repository: Repository, day: date, start: str = STARTS[1], password: str = RIGHT, **inputs: Any) -> Done:
    return repository.run(f"{day}T{start}:00Z", mail_user=LOGIN[0], mail_password=password, **inputs)


def _editions(repository: Repository) -> list[dict]:
    names = git("ls-tree", "-r", "--name-only", "state", "editions/", cwd=repository.remote).splitlines()
    return sorted((json.loads(repository.state(name)) for name in names), key=lambda one: one["number"])


def _ledger(repository: Repository) -> dict[int, set[str]]:
    """Return edition -> states of its deliveries on their way."""
    found: defaultdict[int, set[str]] = defaultdict(set)
    for line in repository.state("ledger.jsonl").splitlines():
        found[json.loads(line)["upto"]].add(json.loads(line)["state"])
    return found


def _reachable(pages: Path) -> set[str]:
    """Return the files that links from the front page lead to."""
    met, waiting = {"index.html"}, ["index.html"]
    while waiting:
        name = waiting.pop()
        for link in re.findall(r'href="([^"#?]+)', (pages / name).read_text()):
            target = urljoin(f"https://here/{name}", link.replace("https://papers.example.org/", "https://here/"))
            if not target.startswith("https://here/"):
                continue
            told = unquote(target.removeprefix("https://here/"))
            told += "index.html" if told.endswith("/") or not told else ""
            if told not in met and (pages / told).is_file():
                met.add(told)
                waiting += [told] if told.endswith(".html") else []
    return met


def _all_reachable(repository: Repository, pages: Path) -> bool:
    return {f"daily/{one['date']}/index.html" for one in _editions(repository)} <= _reachable(pages)


def _announced(repository: Repository) -> Counter[str]:
    return Counter(
        entry["paper"]["key"] for one in _editions(repository) for entry in one["entries"] if entry["change"] == "new"
    )


#: what people poll
FEEDS = ("daily/rss.xml", "daily/atom.xml", "daily/papers/rss.xml", "daily/papers/atom.xml")


class Poller:
    """A feed reader that looks at every deployment."""

    def __init__(self) -> None:
        #: feed -> what stands in it -> the ids that it had
        self.ids: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        #: ids that one feed had twice
        self.doubled: list[str] = []

    def poll(self, pages: Path) -> None:
        """Look at all feeds."""
        for name in FEEDS:
            found = feedparser.parse((pages / name).read_bytes()).entries
            counts = Counter(one["id"] for one in found)
            self.doubled += [id for id, count in counts.items() if count > 1]
            for one in found:
                self.ids[name][one["link"]].add(one["id"])

    def twice(self) -> list[str]:
        """Return what a reader would have been shown twice."""
        changed = [link for feed in self.ids.values() for link, ids in feed.items() if len(ids) > 1]
        return self.doubled + changed


class Person:
    """Somebody with the library `reader`, who looks once a day."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._days: list[Path] = []
        #: feed -> what was shown, as new or as changed, with its id
        self.shown: defaultdict[str, list[str]] = defaultdict(list)
        #: feed -> links of the entries that are kept
        self.kept: dict[str, list[str]] = {}

    def keep(self, pages: Path) -> None:
        """Lay by how all feeds are today."""
        self._days.append(self._folder / f"day{len(self._days)}")
        for name in FEEDS:
            (self._days[-1] / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(pages / name, self._days[-1] / name)

    def look(self, python: Path) -> None:
        """Poll them as they were, day by day."""
        command = [str(python), str(SIDE / "poll.py"), str(self._folder / "reader.db"), *FEEDS]
        given = "".join(f"{day}\n" for day in self._days)
        done = subprocess.run(command, input=given, env=unmeasured(), capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        for told in map(json.loads, done.stdout.splitlines()):
            assert told["failed"] == {}
            for name, entries in told["shown"].items():
                self.shown[name] += entries
            self.kept = told["kept"]


@contextmanager
def _reader() -> Iterator[Callable[[], Path]]:
    """Return the interpreter that has `reader`, of a virtualenv which is made once, and meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(peer, "reader", Path(sys.prefix) / "reader")

        def python() -> Path:
            found = made.result()
            assert not found.missing, found.missing
            return found.python

        yield python


@pytest.fixture(scope="module")
def program() -> Iterator[Path]:
    """Give what is called in place of the program, for tests that start it often."""
    with loaded() as call:
        yield call


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Path]:
    """Give a folder in memory, where the machine has one with room: nothing waits for a disk there."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK) or shutil.disk_usage(memory).free < 2**29:
        yield tmp_path
        return
    with TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


# Days


@pytest.mark.tools
def test_a_newsletter_lives_on_a_branch_and_mails_every_edition_once(tmp_path: Path) -> None:
    with serving(Script(login=LOGIN)) as server:
        # what tells readers from run to run follows from the login
        repository, reader = _repository(tmp_path, server, more=""), Poller()
        del repository.environ["DIGEST_SECRET"]
        first = _run(repository, FIRST)
        assert (first.status, first.outputs["verdict"], first.outputs["edition"]) == (0, "published", "daily/1")
        assert first.summary.startswith("**published** — daily/1 of 2026-11-19: 6 papers not announced before.")
        reader.poll(first.pages)
        _dump(repository, FIRST + timedelta(1), range(3, 10))
        # the password is wrong: the edition is out all the same, and its mail waits
        wrong = _run(repository, FIRST + timedelta(1), password="wrong")
        assert (wrong.statuses["run"], wrong.outputs["edition"], wrong.outputs["new"]) == (1, "daily/2", "4")
        assert "1 pending" in wrong.summary
        assert "password" in wrong.summary
        assert "wrong" not in wrong.log.replace("wrong password", "").replace("password is wrong", "")
        reader.poll(wrong.pages)
        right = _run(repository, FIRST + timedelta(2), STARTS[0])
        assert (right.status, right.outputs["verdict"], right.outputs["edition"]) == (0, "quiet: all seen", "")
        reader.poll(right.pages)
        assert server.recipients == [LOGIN[0]] * 2
        assert len({one.message_id for one in server.accepted}) == 2
        assert _ledger(repository)[2] >= {"in_flight", "submitted"}
        assert [one["number"] for one in _editions(repository)] == [1, 2]
        assert _all_reachable(repository, right.pages)
        assert reader.twice() == []
        assert max(_announced(repository).values()) == 1
        # the branch has nothing of the other one, and no address or secret
        assert git("rev-list", "--count", "--max-parents=0", "state", cwd=repository.remote) == "1"
        everything = git("log", "-p", "state", cwd=repository.remote)
        assert not [secret for secret in (LOGIN[0], "right", "wrong") if f'"{secret}' in everything]


@pytest.mark.tools
def test_a_machine_that_is_gone_after_the_final_dot_leaves_one_unknown_mail(tmp_path: Path) -> None:
    with serving(Script(login=LOGIN, silent="dot")) as server:
        repository = _repository(tmp_path, server)
        job = repository.job(f"{FIRST}T08:47:00Z", mail_user=LOGIN[0], mail_password="right")
        job.kill(lambda: bool(server.accepted))
        server.script = Script(login=LOGIN)
        assert _ledger(repository) == {1: {"in_flight"}}
        after = _run(repository, FIRST, STARTS[2])
        assert (after.status, after.outputs["edition"]) == (0, "")
        assert "1 unknown" in after.summary
        assert len(server.accepted) == 1
        assert _ledger(repository) == {1: {"in_flight", "unknown"}}
        assert _all_reachable(repository, after.pages)


def _has_more_than(server: Server, before: int) -> bool:
    return len(server.accepted) > before


def _month(days: int) -> Iterator[tuple[int, date]]:
    return ((number, FIRST + timedelta(number)) for number in range(days))


@pytest.mark.tools
def test_a_month_of_starts_repeats_nothing_and_loses_nothing(quick: Path, program: Path) -> None:
    killed, wrong, days = 10, 17, 30
    with serving(Script(login=LOGIN)) as server, _reader() as python:
        repository, reader, seen = _repository(quick, server), Poller(), set(range(6))
        repository.program, person = program, Person(quick)
        last, verdicts = None, []
        for number, day in _month(days):
            # three starts a day for twelve days, and where one goes wrong; then the one that finds the batch
            for start in STARTS if number < 12 or number == wrong else STARTS[1:2]:
                if start == STARTS[1] and number % 3:
                    # two of three days have a batch, of which half is known
                    papers = range(3 * number, 3 * number + 6)
                    seen |= set(papers)
                    _dump(repository, day, papers)
                if start == STARTS[1] and number == killed:
                    server.script = Script(login=LOGIN, silent="dot")
                    before = len(server.accepted)
                    job = repository.job(f"{day}T{start}:00Z", mail_user=LOGIN[0], mail_password="right")
                    job.kill(partial(_has_more_than, server, before))
                    server.script = Script(login=LOGIN)
                    continue
                password = "wrong" if number == wrong else "right"
                last = _run(repository, day, start, password=password)
                verdicts.append(last.outputs["verdict"])
                reader.poll(last.pages)
                shutil.rmtree(repository.folder / f"job{repository.jobs - 1}", ignore_errors=True)
            if number != killed:
                assert last is not None
                person.keep(last.pages)
        assert last is not None
        editions = _editions(repository)
        out = Counter(verdicts)
        print(dict(out), len(editions), "editions", len(server.accepted), "mails")
        assert set(out) == {"published", "quiet: all seen"}
        assert out["published"] == len(editions) - 1  # the one of the machine that was lost
        assert [one["number"] for one in editions] == list(range(1, len(editions) + 1))
        assert len(_announced(repository)) == len(seen)
        assert max(_announced(repository).values()) == 1
        assert _all_reachable(repository, last.pages)
        assert reader.twice() == []
        person.look(python())
        for name, entries in person.shown.items():
            assert max(Counter(entries).values()) == 1, name
            assert [one for one in entries if not one.startswith("new ")] == [], name
            assert len(person.kept[name]) == len(set(person.kept[name])) == len(entries)
            assert len(entries) == len(seen if "papers" in name else editions), name
        assert sorted(person.shown) == sorted(FEEDS)
        states = [state for number in _ledger(repository).values() for state in number if state != "in_flight"]
        assert max(Counter(one.message_id for one in server.accepted).values()) == 1
        assert len(server.accepted) == len(editions)
        assert states.count("unknown") == 1
        size = git("count-objects", "-v", cwd=repository.remote)
        print(size.replace("\n", " "), git("rev-list", "--count", "state", cwd=repository.remote), "commits")


# Several at once


@pytest.mark.tools
def test_of_three_runs_at_once_one_publishes_and_the_others_go_on_from_it(tmp_path: Path, program: Path) -> None:
    with serving(Script(login=LOGIN)) as server:
        repository = _repository(tmp_path, server)
        repository.program = program
        _run(repository, FIRST)
        _dump(repository, FIRST + timedelta(1), range(3, 10))
        jobs = [repository.job(f"{FIRST + timedelta(1)}T08:47:00Z", mail_user=LOGIN[0], mail_password="right")
                for _ in range(3)]  # fmt: skip
        with ThreadPoolExecutor(3) as pool:
            done = list(pool.map(lambda job: job.run(), jobs))
        assert [one["number"] for one in _editions(repository)] == [1, 2]
        assert sorted(one.outputs["edition"] for one in done) == ["", "", "daily/2"], [one.log for one in done]
        assert len(server.accepted) == 2
        assert len({one.message_id for one in server.accepted}) == 2
        after = _run(repository, FIRST + timedelta(1), STARTS[2])
        assert (after.status, after.outputs["verdict"]) == (0, "quiet: all seen")
        assert len(server.accepted) == 2
        assert max(_announced(repository).values()) == 1


#: moves the branch before every push, which is refused then: as if another run were faster each time
_FASTER = """\
#!/bin/sh
unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
export GIT_AUTHOR_NAME=me GIT_AUTHOR_EMAIL=me GIT_COMMITTER_NAME=me GIT_COMMITTER_EMAIL=me
git update-ref refs/heads/state "$(git commit-tree -p state -m faster 'state^{tree}')"
exit 1
"""


@pytest.mark.tools
def test_who_is_overtaken_again_and_again_gives_up_and_mails_nothing(tmp_path: Path, program: Path) -> None:
    with serving(Script(login=LOGIN)) as server:
        repository = _repository(tmp_path, server)
        repository.program = program
        _run(repository, FIRST)
        _dump(repository, FIRST + timedelta(1), range(3, 10))
        hook = repository.remote / "hooks" / "pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(_FASTER)
        hook.chmod(0o755)
        done = _run(repository, FIRST + timedelta(1))
        assert (done.statuses["run"], done.outputs["path"], len(server.accepted)) == (1, "", 1)
        assert done.log.count("once more, from what the other run left") == 3
        assert (done.outputs["verdict"], done.outputs["edition"]) == ("broken", "")
        assert re.match(r"\*\*broken\*\* — .*nothing is mailed", done.summary)
        hook.unlink()
        after = _run(repository, FIRST + timedelta(1), STARTS[2])
        assert (after.outputs["edition"], len(server.accepted)) == ("daily/2", 2)


# What goes wrong


@pytest.mark.tools
def test_a_lost_branch_is_said_and_the_newsletter_goes_on(tmp_path: Path) -> None:
    with serving(Script(login=LOGIN)) as server:
        repository = _repository(tmp_path, server)
        _run(repository, FIRST)
        git("branch", "-D", "state", cwd=repository.remote)
        _dump(repository, FIRST + timedelta(1), range(3, 10))
        done = _run(repository, FIRST + timedelta(1))
        assert (done.status, done.outputs["edition"]) == (0, "daily/1")
        assert "the branch with the state was lost" in done.summary
        # the newest dump only: what came before is known
        assert done.outputs["new"] == "4"
        assert len(server.accepted) == 2


@pytest.mark.tools
def test_a_damaged_line_is_named_and_announces_nothing_again(tmp_path: Path) -> None:
    repository = _repository(tmp_path)
    repository.run(f"{FIRST}T08:47:00Z")
    repository.spoil(seen=lambda text: "<<<<<<< HEAD\n" + text, receipts=lambda text: text[: len(text) // 2])
    _dump(repository, FIRST + timedelta(1), range(3, 10))
    done = repository.run(f"{FIRST + timedelta(1)}T08:47:00Z")
    assert (done.status, done.outputs["edition"], done.outputs["new"]) == (0, "daily/2", "4")
    assert "seen.jsonl: 1 line is left out" in done.summary
    assert max(_announced(repository).values()) == 1
    assert _all_reachable(repository, done.pages)


@pytest.mark.tools
def test_a_repository_out_of_reach_is_no_first_run(tmp_path: Path) -> None:
    repository = _repository(tmp_path)
    repository.run(f"{FIRST}T08:47:00Z")
    job = repository.job(f"{FIRST}T14:17:00Z")
    repository.remote.rename(tmp_path / "away")
    done = job.run()
    assert list(done.statuses) == ["restore", "summary"]
    assert (done.status, done.outputs["path"], done.outputs["verdict"]) == (1, "", "broken")


@pytest.mark.tools
def test_a_mistake_in_the_configuration_is_the_summary(tmp_path: Path) -> None:
    repository = Repository.make(tmp_path, CONFIG + 'shwo = "<b>&\\n::set-output name=x::y"\n')
    done = repository.run(f"{FIRST}T08:47:00Z")
    assert (done.statuses["run"], done.outputs["verdict"], done.outputs["path"]) == (2, "broken", "")
    assert re.match(r"\*\*broken\*\* — .*shwo", done.summary)
    assert "<b>" not in done.summary


# Inputs


def test_mail_whose_variables_are_not_set_is_off_with_a_word(tmp_path: Path) -> None:
    (tmp_path / "digest.toml").write_text(CONFIG + MAIL.format(port=9, more=SECRET))
    (tmp_path / "dumps").mkdir()
    assert digest("run", cwd=tmp_path, DIGEST_MAIL_USER=LOGIN[0]).returncode == 2
    done = digest("run", "--mail-if-set", cwd=tmp_path, DIGEST_MAIL_USER=LOGIN[0], DIGEST_MAIL_PASSWORD="")
    assert done.returncode == 0
    assert "mail is off, for DIGEST_MAIL_PASSWORD and DIGEST_SECRET are not set: feeds and pages only" in done.stderr


@pytest.mark.tools
def test_without_secrets_there_are_pages_and_later_mail_begins_with_the_next_edition(
    tmp_path: Path, program: Path
) -> None:
    with serving(Script(login=LOGIN)) as server:
        repository = _repository(tmp_path, server)
        repository.program = program
        quiet = repository.run(f"{FIRST}T08:47:00Z")
        assert (quiet.status, quiet.outputs["edition"], server.connections) == (0, "daily/1", 0)
        assert "mail is off" in quiet.summary
        for number in (1, 2):
            _dump(repository, FIRST + timedelta(number), range(3 * number, 3 * number + 6))
            assert _run(repository, FIRST + timedelta(number)).status == 0
        _dump(repository, FIRST + timedelta(3), range(9, 15))
        repository.run(f"{FIRST + timedelta(3)}T08:47:00Z")
        _dump(repository, FIRST + timedelta(4), range(12, 18))
        _run(repository, FIRST + timedelta(4))
        lines = map(json.loads, repository.state("ledger.jsonl").splitlines())
        # of editions 1 and 4 there was no mail, and neither comes with a later one
        assert [(one["after"], one["upto"]) for one in lines if one["state"] == "submitted"] == [(1, 2), (2, 3), (4, 5)]
        assert len(server.accepted) == 3


@pytest.mark.tools
def test_a_dry_run_says_what_would_come_and_leaves_nothing(tmp_path: Path) -> None:
    with serving(Script(login=LOGIN)) as server:
        repository = _repository(tmp_path, server)
        _run(repository, FIRST)
        before = repository.tip()
        _dump(repository, FIRST + timedelta(1), range(3, 10))
        done = _run(repository, FIRST + timedelta(1), dry_run="true")
        assert (done.status, done.outputs["verdict"], done.outputs["new"]) == (0, "published", "4")
        assert (done.outputs["path"], repository.tip(), len(server.accepted)) == ("", before, 1)


@pytest.mark.tools
@pytest.mark.parametrize(("age", "commits"), [(44, 0), (46, 1)])
def test_the_default_branch_is_kept_alive_where_that_is_wished(tmp_path: Path, age: int, commits: int) -> None:
    import time

    repository = _repository(tmp_path)
    repository.push("old", GIT_COMMITTER_DATE=f"{int(time.time()) - age * 86400 - 60} +0000")
    before, tree = repository.tip("main"), repository.tip("main^{tree}")
    assert repository.run(f"{FIRST}T08:47:00Z").status == 0
    assert repository.tip("main") == before
    assert repository.run(f"{FIRST}T14:17:00Z", keep_alive="true").status == 0
    assert git("rev-list", "--count", f"{before}..main", cwd=repository.remote) == str(commits)
    assert repository.tip("main^{tree}") == tree


@pytest.mark.tools
def test_it_installs_itself_from_its_own_checkout(tmp_path: Path) -> None:
    repository = _repository(tmp_path)
    done = repository.run(f"{FIRST}T08:47:00Z", installed=True, python=sys.executable)
    assert done.status == 0, done.log
    assert done.outputs["edition"] == "daily/1"
    programs = done.folder / "temp" / "digest" / "venv"
    assert (programs / "bin" / "digest").read_text().startswith(f"#!{programs}")
    assert list(programs.glob("lib/python3*/site-packages/digest/__init__.py"))
