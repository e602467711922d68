"""The action's checkpoints alone: what two runs that push at the same time leave on the branch."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.action import ACTION, Repository, git


def _checkpoint(job_folder: Path, stage: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", ACTION / "checkpoint.sh", stage],
        env=environ,
        cwd=job_folder,
        capture_output=True,
        text=True,
        timeout=60,
    )


def _line(state: str, upto: int) -> str:
    told = {"hash": "a", "newsletter": "daily", "upto": upto, "state": state}
    return json.dumps(told, sort_keys=True) + "\n"


@pytest.fixture
def rivals(tmp_path: Path) -> list[tuple[Path, dict[str, str]]]:
    """Two machines with the same restored state: their folders, and the environment of their steps."""
    repository = Repository.make(tmp_path, "")
    clone = tmp_path / "first"
    git("clone", "--quiet", repository.remote, clone, cwd=tmp_path)
    git("checkout", "--quiet", "--orphan", "state", cwd=clone)
    git("rm", "--quiet", "-rf", ".", cwd=clone)
    (clone / ".gitattributes").write_text("*.jsonl text eol=lf merge=union\n")
    (clone / "ledger.jsonl").write_text(_line("submitted", 1))
    git("add", "--all", cwd=clone)
    git("commit", "--quiet", "-m", "first", cwd=clone)
    git("push", "--quiet", "origin", "state", cwd=clone)
    found = []
    for _ in range(2):
        job = repository.job("2026-11-20T08:47:00Z")
        environ = {**job.environ(), "DIGEST_STATE_BRANCH": "state"}
        subprocess.run(["bash", ACTION / "restore.sh"], env=environ, check=True, capture_output=True, timeout=60)
        found.append((job.folder / "temp" / "digest", environ))
    return found


def _append(folder: Path, *lines: str) -> None:
    with (folder / "state" / "ledger.jsonl").open("a") as file:
        file.writelines(lines)


def _pushed(rivals: list[tuple[Path, dict[str, str]]]) -> list[str]:
    remote = rivals[0][0].parents[2] / "hub" / "me" / "papers.git"
    return sorted(f"{line}\n" for line in git("show", "state:ledger.jsonl", cwd=remote).splitlines())


def _ends(rivals: list[tuple[Path, dict[str, str]]], stages: str) -> list[int]:
    """Return the statuses of checkpoints, like `0 published, 1 done`."""
    found = []
    for told in stages.split(", "):
        which, stage = told.split()
        folder, environ = rivals[int(which)]
        found.append(_checkpoint(folder, stage, environ).returncode)
    return found


def test_who_publishes_second_is_overtaken_and_changes_nothing(rivals: list) -> None:
    for number, (folder, _) in enumerate(rivals):
        _append(folder, _line("pending", 2 + number))
    assert _ends(rivals, "0 published, 1 published") == [0, 1]
    assert [(folder / "overtaken").exists() for folder, _ in rivals] == [False, True]
    assert _pushed(rivals) == sorted([_line("submitted", 1), _line("pending", 2)])


def test_only_one_of_two_runs_hands_a_mail_over(rivals: list) -> None:
    for folder, _ in rivals:
        _append(folder, _line("in_flight", 2))
    (rivals[1][0] / "state" / "own").touch()
    assert _ends(rivals, "0 in-flight, 1 in-flight") == [0, 1]
    assert (rivals[1][0] / "overtaken").exists()


def test_mails_of_different_runs_are_united_with_their_results(rivals: list) -> None:
    _append(rivals[0][0], _line("in_flight", 2))
    _append(rivals[1][0], _line("in_flight", 3))
    assert _ends(rivals, "0 in-flight, 1 in-flight") == [0, 0]
    _append(rivals[0][0], _line("submitted", 2))
    _append(rivals[1][0], _line("submitted", 3))
    assert _ends(rivals, "0 done, 1 done") == [0, 0]
    every = [_line(state, upto) for upto in (2, 3) for state in ("in_flight", "submitted")]
    assert _pushed(rivals) == sorted([_line("submitted", 1), *every])


def test_a_branch_that_cannot_be_pushed_to_keeps_every_mail_back(rivals: list) -> None:
    folder, environ = rivals[0]
    _append(folder, _line("in_flight", 2))
    remote = folder.parents[2] / "hub" / "me" / "papers.git"
    (remote / "hooks").mkdir(exist_ok=True)
    (remote / "hooks" / "pre-receive").write_text("#!/bin/sh\necho protected >&2\nexit 1\n")
    (remote / "hooks" / "pre-receive").chmod(0o755)
    done = _checkpoint(folder, "in-flight", environ)
    assert done.returncode == 1
    assert "contents: write" in done.stderr
    assert "protected" in done.stderr
    assert not (folder / "overtaken").exists()
