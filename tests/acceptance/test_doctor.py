"""What a person and a program are told of a set-up, and what a run tells those who look after it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.command import CONFIG, digest, page, paper
from tests.acceptance.mailing import free_port
from tests.delivery.server import serving

MAIL = '[mail]\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\nfrom = "me@example.org"\ntimeout = "5s"\n'


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "dumps").mkdir()
    (tmp_path / "dumps" / "2026-11-19.txt").write_text(page("Nov 19", [paper(number) for number in range(4)]))
    (tmp_path / "digest.toml").write_text(CONFIG)
    return tmp_path


def add(home: Path, text: str) -> None:
    file = home / "digest.toml"
    file.write_text(file.read_text() + text)


@pytest.mark.tools
def test_a_person_reads_each_finding_with_its_remedy_below(home: Path) -> None:
    add(home, MAIL.format(port=free_port()))
    done = digest("doctor", cwd=home, measured=True)
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert all(len(line) <= 80 for line in lines)
    (failing,) = [number for number, line in enumerate(lines) if line.startswith("FAIL")]
    assert lines[failing].split()[:2] == ["FAIL", "relay"]
    assert any(line.split()[:1] == ["do"] for line in lines[failing + 1 : failing + 3])
    assert "1 does not work" in lines[-1]


def test_a_program_gets_a_list(home: Path) -> None:
    done = digest("doctor", "--json", cwd=home)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert {tuple(one) for one in found} == {("area", "level", "what", "remedy")}
    assert {one["level"] for one in found} == {"ok", "warn"}
    assert all((one["remedy"] is None) == (one["level"] == "ok") for one in found)


def test_one_source_is_shown(home: Path) -> None:
    done = digest("doctor", "dumps", cwd=home)
    assert done.returncode == 0, done.stderr
    assert paper(0)[0][:60] in done.stdout
    assert "schedule" not in done.stdout


@pytest.mark.tools
def test_a_run_tells_who_looks_after_it_and_what_fails_of_that_changes_no_verdict(home: Path) -> None:
    with serving() as relay:
        add(home, MAIL.format(port=relay.port) + '[subscribers]\n[alerts]\nto = "it@example.org"\n')
        add(home, 'webhook = "env:NO_SUCH_HOOK"\nwhen = ["quiet"]\n')
        first, quiet = digest("run", cwd=home), digest("run", cwd=home)
        assert relay.recipients == ["it@example.org"]
    assert (first.returncode, first.stderr) == (0, "")
    assert quiet.returncode == 0
    assert "quiet: all seen" in quiet.stdout
    assert "digest: alert:" in quiet.stderr
    assert "NO_SUCH_HOOK is not set" in quiet.stderr
    assert b"daily is quiet: all seen" in relay.accepted[0].content
