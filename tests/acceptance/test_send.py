"""Mail through the command, to a real server that takes it, refuses it, stalls or lies: what the ledger says."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from digest.models import Subscriber
from digest.store import open_store
from tests import postgres
from tests.acceptance.command import NOW, RELAY, called, page, paper, rows, unmeasured
from tests.acceptance.mailing import campaign, finish, verdict
from tests.delivery.server import Script, Server, serving

CONFIG = f"""\
[newsletters.daily]
title = "Daily Papers"
{{newsletter}}
{RELAY}timeout = "2s"
{{mail}}
"""
TOMORROW = "2026-11-21T09:00:00Z"


def _folder(path: Path, server: Server, *, mail: str = "", newsletter: str = "") -> Path:
    (path / "dumps").mkdir(exist_ok=True)
    _dump(path, 19, range(8))
    (path / "digest.toml").write_text(CONFIG.format(port=server.port, mail=mail, newsletter=newsletter))
    return path


def _dump(path: Path, day: int, papers: range) -> None:
    (path / "dumps" / f"2026-11-{day}.txt").write_text(page(f"Nov {day}", [paper(number) for number in papers]))


def _run(path: Path, *args: str, clock: str = NOW, status: int = 0, **environ: str) -> dict[str, Any]:
    done = called(*args, "--json", cwd=path, clock=clock, **environ)
    assert done.returncode == status, done.stderr + done.stdout
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**found, "stderr": done.stderr}


def _ledger(path: Path) -> dict[str, tuple[str, str]]:
    """Return address -> (state, note) of the newest delivery."""
    query = (
        "SELECT p.address, d.state, d.note FROM deliveries d JOIN subscriptions s ON s.id = d.subscription "
        "JOIN subscribers p ON p.id = s.subscriber ORDER BY d.id"
    )
    return {str(address): (str(state), str(note or "")) for address, state, note in rows(path / "digest.db", query)}


def _subscribe(path: Path, *addresses: str) -> None:
    store = open_store(str(path / "digest.db"))
    store.enrol("daily", 0)
    people = [Subscriber(address=address) for address in addresses]
    at = datetime(2026, 11, 20, tzinfo=UTC)
    store.subscribers.admit("daily", people, at=at, origin="command", confirmed_by="a test", mark=0)
    store.close()


# One reader


def test_each_edition_is_mailed_once_to_the_reader_of_the_configuration(tmp_path: Path) -> None:
    with serving(Script()) as server:
        path = _folder(tmp_path, server)
        first = _run(path, "run")
        again = _run(path, "run")
        _dump(path, 20, range(4, 12))
        second = _run(path, "run", clock=TOMORROW)
        assert [one["deliveries"]["submitted"] for one in (first, again, second)] == [1, 0, 1]
        assert server.recipients == ["digest@example.org"] * 2
        subjects = [message_from_bytes(one.content, policy=policy.default)["Subject"] for one in server.accepted]
        assert subjects[0] != subjects[1]
        assert len({one.message_id for one in server.accepted}) == 2


def test_a_wrong_password_ends_in_the_remedy_and_the_next_run_submits_what_waits(tmp_path: Path) -> None:
    mail = 'user = "me@example.org"\npassword = "env:DIGEST_MAIL_PASSWORD"'
    with serving(Script(login=("me@example.org", "right"))) as server:
        path = _folder(tmp_path, server, mail=mail)
        wrong = _run(path, "run", status=1, DIGEST_MAIL_PASSWORD="wrong")
        assert wrong["verdict"] == "published"
        assert wrong["deliveries"]["pending"] == 1
        assert "password" in wrong["stderr"]
        assert "wrong" not in wrong["stderr"].replace("wrong password", "").replace("password is wrong", "")
        assert _ledger(path)["me@example.org"][0] == "pending"
        _dump(path, 20, range(4, 12))
        right = _run(path, "run", clock=TOMORROW, DIGEST_MAIL_PASSWORD="right")
        assert right["deliveries"] == {"pending": 0, "submitted": 2, "deferred": 0, "failed": 0, "unknown": 0}
        assert [len(server.accepted), {state for state, _ in _ledger(path).values()}] == [2, {"submitted"}]


def test_without_its_variable_mail_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    with serving(Script()) as server:
        path = _folder(tmp_path, server, mail='user = "me@example.org"\npassword = "env:DIGEST_MAIL_PASSWORD"')
        done = called("run", cwd=path)
        assert done.returncode == 2
        assert "DIGEST_MAIL_PASSWORD is not set" in done.stderr
        assert called("run", "--no-deliver", cwd=path).returncode == 0


def test_mail_that_is_set_up_later_begins_with_the_next_edition(tmp_path: Path) -> None:
    with serving(Script()) as server:
        path = _folder(tmp_path, server)
        told = (path / "digest.toml").read_text()
        (path / "digest.toml").write_text(told.partition("[mail]")[0])
        called("subscribers", "add", "one@example.org", "--confirmed-by", "a test", cwd=path)
        assert "Mail: not set up" in called("run", cwd=path).stdout
        (path / "digest.toml").write_text(told)
        assert _run(path, "run")["deliveries"]["submitted"] == 0
        _dump(path, 20, range(4, 12))
        assert _run(path, "run", clock=TOMORROW)["deliveries"]["submitted"] == 2
        assert sorted(server.recipients) == ["digest@example.org", "one@example.org"]


def test_a_replay_mails_nothing_and_leaves_nothing_due(tmp_path: Path) -> None:
    with serving(Script()) as server:
        path = _folder(tmp_path, server)
        _subscribe(path, "one@example.org")
        _dump(path, 18, range(3))
        assert called("replay", "dumps", cwd=path).returncode == 0
        assert _run(path, "send")["submitted"] == 0
        assert server.accepted == []


# What servers do wrong

_UNKNOWN_USER = "550 5.1.1 no such user here"


@pytest.mark.parametrize(
    ("script", "state", "note", "had"),
    [
        (Script(refuse={"one@*": _UNKNOWN_USER}), "failed", "no such user", 0),
        (Script(refuse={"one@*": "452 4.2.2 mailbox full"}), "deferred", "mailbox full", 0),
        (Script(greylist=True), "deferred", "", 0),
        (Script(refuse={"one@*": "550 5.7.1 not you"}, data_anyway=True), "failed", "not you", 0),
        (Script(replies={"dot": "554 5.6.0 we do not like it"}), "failed", "do not like it", 0),
        (Script(replies={"dot": "451 4.3.0 try later"}), "deferred", "try later", 0),
        (Script(replies={"dot": "552 5.3.4 too big after all"}, size=10_000_000), "failed", "too big", 0),
        (Script(size=1000), "failed", "1000", 0),
        (Script(drop="dot"), "unknown", "", 1),
        # whether that is noticed before the ledger has it in flight or after: it is tried again; where the server takes
        # its time to break off, the dot has left before
        (Script(drop="DATA"), "pending deferred unknown", "", 0),
        (Script(drop="content"), "pending deferred unknown", "", 0),
        (Script(silent="dot"), "unknown", "", 1),
        (Script(silent="greeting"), "pending", "", 0),
        (Script(replies={"MAIL": "553 5.7.1 sender not owned by user"}), "pending", "", 0),
        (Script(replies={"greeting": "421 4.3.2 closing"}), "pending", "", 0),
        (Script(pause=0.05), "submitted", "", 1),
        (Script(dribble=True), "submitted", "", 1),
    ],
    ids=lambda value: "",
)
@pytest.mark.parametrize("pipelining", [True, pytest.param(False, marks=pytest.mark.tools)])
def test_what_a_server_does_is_what_the_ledger_says(
    tmp_path: Path, script: Script, state: str, note: str, had: int, pipelining: bool
) -> None:
    with serving(replace(script, pipelining=pipelining)) as server:
        path = _folder(tmp_path, server, mail='to = "one@example.org"')
        called("run", cwd=path)
        found, said = _ledger(path)["one@example.org"]
        assert found in state.split()
        assert len(server.accepted) == had
        assert note in said


def test_bad_addresses_are_suppressed_and_no_import_brings_them_back(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("email\none@example.org\ntwo@example.org\n")
    with serving(Script(refuse={"one@*": _UNKNOWN_USER})) as server:
        path = _folder(tmp_path, server)
        called("subscribers", "import", "people.csv", "--confirmed-by", "a test", cwd=path)
        _run(path, "run")
        assert {address: state for address, (state, _) in _ledger(path).items()} == {
            "digest@example.org": "submitted", "one@example.org": "failed", "two@example.org": "submitted",
        }  # fmt: skip
        again = called("subscribers", "import", "people.csv", "--confirmed-by", "a test", cwd=path)
        assert "one@example.org" in again.stdout
        assert "bounced" in again.stdout
        _dump(path, 20, range(4, 12))
        _run(path, "run", clock=TOMORROW)
        assert sorted(server.recipients) == sorted(["digest@example.org", "two@example.org"] * 2)


def test_what_was_greylisted_goes_out_when_its_time_has_come(tmp_path: Path) -> None:
    with serving(Script(greylist=True)) as server:
        path = _folder(tmp_path, server)
        assert _run(path, "run")["deliveries"]["deferred"] == 1
        assert _run(path, "send")["submitted"] == 0
        later = _run(path, "send", clock="2026-11-20T09:30:00Z")
        assert (later["submitted"], len(server.accepted)) == (1, 1)


def test_what_is_put_off_for_days_has_failed_at_last(tmp_path: Path) -> None:
    with serving(Script(refuse={"*": "450 4.2.0 not now"})) as server:
        path = _folder(tmp_path, server)
        for clock in (NOW, "2026-11-21T09:00:00Z", "2026-11-24T09:00:00Z"):
            _run(path, "send" if clock != NOW else "run", clock=clock)
        state, note = _ledger(path)["digest@example.org"]
        assert (state, server.accepted) == ("failed", [])
        assert "not now" in note


def test_unknown_ones_are_named_and_resent_only_when_that_is_asked_for(tmp_path: Path) -> None:
    with serving(Script(drop="dot", drop_at=1)) as server:
        path = _folder(tmp_path, server)
        told = called("run", cwd=path)
        assert "digest send --resolve-unknown resend" in told.stdout
        assert _run(path, "send")["submitted"] == 0
        assert _run(path, "send", "--resolve-unknown", "resend")["submitted"] == 1
        first, second = server.accepted
        assert first.message_id == second.message_id


def test_an_edition_that_has_the_number_of_a_lost_one_is_another_message(tmp_path: Path) -> None:
    """Mail programs show one of two mails with one Message-ID: her newest edition would be missed by a reader."""
    with serving(Script()) as server:
        path, later = _folder(tmp_path, server), "2026-11-22T09:00:00Z"
        _run(path, "run")
        assert called("backup", "b.db", cwd=path).returncode == 0
        _dump(path, 20, range(4, 12))
        lost = _run(path, "run", clock=TOMORROW)
        for ending in ("", "-wal", "-shm"):
            (path / f"digest.db{ending}").unlink(missing_ok=True)
        for step in (["store", "restore", "b.db"], ["baseline"]):
            assert called(*step, cwd=path, clock=later).returncode == 0
        _dump(path, 22, range(10, 16))
        found = _run(path, "run", clock=later)
        assert [one["editions"][0]["number"] for one in (lost, found)] == [2, 2]
        assert len(server.accepted) == 2
        assert called("send", "--resume", cwd=path, clock=later).returncode == 0
        assert _run(path, "send", clock=later)["submitted"] == 1
        assert len({one.message_id for one in server.accepted}) == 3
        assert len({one.content.split(b"Subject:")[1][:40] for one in server.accepted}) == 3


def test_a_newsletter_may_say_that_unknown_ones_are_resent(tmp_path: Path) -> None:
    with serving(Script(drop="dot", drop_at=1)) as server:
        path = _folder(tmp_path, server, newsletter='unknown = "resend"')
        _run(path, "run")
        _run(path, "send", clock="2026-11-20T12:00:00Z")
        first, second = server.accepted
        assert (first.message_id, _ledger(path)["digest@example.org"][0]) == (second.message_id, "submitted")


# Commands


def test_a_paused_newsletter_hands_over_nothing_until_it_goes_on(tmp_path: Path) -> None:
    with serving(Script()) as server:
        path = _folder(tmp_path, server)
        called("run", "--no-deliver", cwd=path)
        _subscribe(path, "one@example.org", "two@example.org", "three@example.org")
        called("send", "--pause", cwd=path)
        assert _run(path, "send")["submitted"] == 0
        called("send", "--resume", cwd=path)
        assert [_run(path, "send", "--max", "2")["submitted"], _run(path, "send")["submitted"]] == [2, 1]
        assert sorted(server.recipients) == ["one@example.org", "three@example.org", "two@example.org"]


def test_who_is_missing_is_said_and_served(tmp_path: Path) -> None:
    with serving(Script(refuse={"late@*": "554 5.0.0 no"})) as server:
        path = _folder(tmp_path, server)
        called("run", "--no-deliver", cwd=path)
        _subscribe(path, "one@example.org", "late@example.org")
        _run(path, "send")
        told = called("deliveries", cwd=path).stdout
        assert "late@example.org: failed" in told
        assert "one@example.org:" not in told
        server.script = Script()
        assert _run(path, "send", "last", "--only-missing")["submitted"] == 1
        assert server.recipients == ["one@example.org", "late@example.org"]
        assert "late@example.org" not in called("deliveries", cwd=path).stdout


def test_a_test_mail_is_the_next_edition_and_leaves_no_trace(tmp_path: Path) -> None:
    with serving(Script()) as server:
        path = _folder(tmp_path, server)
        _run(path, "run")
        before = rows(path / "digest.db", "SELECT count(*) FROM deliveries")
        assert _run(path, "send", "--to", "me@example.org", "--test")["state"] == "submitted"
        (message,) = [one for one in server.accepted if one.recipients == ("me@example.org",)]
        assert message_from_bytes(message.content, policy=policy.default)["Subject"].startswith("[Test] ")
        assert rows(path / "digest.db", "SELECT count(*) FROM deliveries") == before


def test_a_sender_that_follows_serves_new_editions_and_ends_when_told(tmp_path: Path) -> None:
    with serving(Script()) as server:
        path = _folder(tmp_path, server)
        called("run", "--no-deliver", cwd=path)
        _subscribe(path, "one@example.org")
        following = subprocess.Popen(
            [sys.executable, "-m", "digest", "send", "--follow", "--json"],
            cwd=path, env={**unmeasured(), "DIGEST__CLOCK": NOW}, stdout=subprocess.PIPE,
        )  # fmt: skip
        until = time.monotonic() + 30
        while not server.accepted and time.monotonic() < until:
            time.sleep(0.05)
        os.kill(following.pid, signal.SIGTERM)
        out, _ = following.communicate(timeout=20)
        assert (following.returncode, server.recipients) == (0, ["one@example.org"])
        assert json.loads(out)["submitted"] == 1


# What else may happen


@pytest.mark.tools
def test_a_server_that_is_killed_in_between_misses_nobody(tmp_path: Path) -> None:
    with campaign(tmp_path, str(tmp_path / "digest.db"), 150, connections=2) as one:
        for _ in range(2):
            before, running = sum(one.server.received().values()), one.send()
            while sum(one.server.received().values()) < before + 20 and running.poll() is None:
                time.sleep(0.005)
            one.server.kill()
            running.wait(60)
            one.server.start()
        finish(one, time.monotonic() + 60)
        missing, twice, unknown = verdict(one)
        assert (missing, twice) == (0, 0)
        assert unknown <= 4
        assert sum(one.states().values()) == one.readers


@pytest.mark.tools
def test_a_postgresql_that_restarts_in_between_misses_nobody(tmp_path: Path) -> None:
    with postgres.server() as server, campaign(tmp_path, server.create("restarted"), 400, connections=2) as one:
        running = one.send()
        while sum(one.server.received().values()) < 20 and running.poll() is None:
            time.sleep(0.005)
        server.restart()
        running.wait(120)
        finish(one, time.monotonic() + 60)
        missing, twice, unknown = verdict(one)
        assert (missing, twice) == (0, 0)
        assert unknown <= 2
        assert sum(one.states().values()) == one.readers


def test_a_full_disk_misses_nobody(tmp_path: Path) -> None:
    with campaign(tmp_path, str(tmp_path / "digest.db"), 120) as one:
        size = (tmp_path / "digest.db").stat().st_size

        def full() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

        sender = subprocess.run(
            [sys.executable, "-m", "digest", "send"],
            cwd=tmp_path, env={**unmeasured(), "DIGEST__CLOCK": NOW}, preexec_fn=full, capture_output=True, timeout=60,
        )  # fmt: skip
        assert sender.returncode == 1
        assert b"full" in sender.stderr or b"disk" in sender.stderr
        finish(one, time.monotonic() + 60)
        missing, twice, unknown = verdict(one)
        assert (missing, twice) == (0, 0)
        assert unknown <= 1


def test_a_clock_that_jumps_misses_nobody(tmp_path: Path) -> None:
    clocks = ("2026-11-20T09:00:00Z", "2027-03-01T00:00:00Z", "2026-11-20T08:00:00Z", "2026-11-20T10:00:00Z")
    with campaign(tmp_path, str(tmp_path / "digest.db"), 120) as one:
        for clock in clocks:
            before, running = sum(one.server.received().values()), one.send(clock=clock)
            while sum(one.server.received().values()) < before + 15 and running.poll() is None:
                time.sleep(0.005)
            running.kill()
            running.wait()
        finish(one, time.monotonic() + 60)
        missing, twice, unknown = verdict(one)
        assert (missing, twice) == (0, 0)
        assert unknown <= len(clocks)
