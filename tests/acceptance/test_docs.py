"""Every command in the README works, and prints what the README says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from digest.config import parse
from tests.acceptance.command import called, digest, page, paper


def _blocks(root: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (root / "README.md").read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder of dumps, as a newcomer has it."""
    (tmp_path / "dumps").mkdir()
    (tmp_path / "dumps" / "a.txt").write_text(page("Nov 19", [paper(number) for number in range(6)]))
    return tmp_path


def test_the_two_commands_that_open_it_are_targets_of_the_makefile(root: Path) -> None:
    first = _blocks(root, "sh")[0].splitlines()
    assert first == ["make digest", "make test"]
    makefile = (root / "Makefile").read_text()
    assert all(f"\n{line.split()[1]}: " in makefile for line in first)
    assert "digest replay seeds" in makefile


def test_what_it_shows_of_the_first_run_is_what_is_printed(root: Path, tmp_path: Path) -> None:
    shutil.copy(root / "digest.toml", tmp_path)
    shutil.copytree(root / "seeds", tmp_path / "seeds")
    done = called("replay", "seeds", cwd=tmp_path)
    shown = _blocks(root, "text")[0].splitlines()
    assert done.stdout.splitlines()[:-1] == shown[:-1]
    assert re.fullmatch(r"published in \d+\.\d s", shown[-1])
    assert "The fifth dump lists 56 papers: 21 you have had, 35 are new." in (root / "README.md").read_text()


def test_the_commands_for_a_newsletter_of_ones_own_work_in_their_order(root: Path, home: Path) -> None:
    commands = _blocks(root, "sh")[2].splitlines()
    assert [shlex.split(command)[1] for command in commands] == ["init", "run", "preview"]
    for command in commands:
        arguments = shlex.split(command)[1:]
        done = digest(*arguments, cwd=home, BROWSER="true")
        assert done.returncode == 0, f"{command}: {done.stderr}"
    assert (home / "public/daily/2026-11-20/mail.eml").is_file()


def test_the_commands_for_more_readers_mail_each_of_them(root: Path, home: Path) -> None:
    called("init", "--source", "folder:dumps", cwd=home)
    with (home / "digest.toml").open("a") as file:
        file.write('\n[mail]\ntransport = "folder"\npath = "mails"\nfrom = "me@example.org"\n')
    (home / "people.csv").write_text("email,name,cadence\nada@example.org,Ada,each\nmax@example.org,Max,each\n")
    for command in _blocks(root, "sh")[3].splitlines():
        done = called(*shlex.split(command)[1:], cwd=home)
        assert done.returncode == 0, f"{command}: {done.stderr}"
    mails = sorted(path.name for path in (home / "mails").glob("*.eml"))
    assert mails == [f"daily-1-{one}@example.org.eml" for one in ("ada", "max", "me")]
    assert "3 confirmed" in done.stdout


def test_the_line_for_cron_works_without_an_environment(root: Path, home: Path) -> None:
    line = _blocks(root, "text")[1].split(maxsplit=5)[5].strip()
    called("init", "--source", "folder:dumps", cwd=home)
    (home / "papers").symlink_to(home)
    done = subprocess.run(
        ["/bin/sh", "-c", line],
        env={"HOME": str(home), "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", **_coverage()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list((home / "public/daily").glob("*/mail.html"))


def _coverage() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("COV") or name == "PYTHONPATH"}


def test_the_commands_it_names_in_passing_exist(root: Path, tmp_path: Path) -> None:
    text = (root / "README.md").read_text()
    named = {tuple(command.split()) for command in re.findall(r"`digest ([a-z]+(?: [a-z][a-z-]*)?)", text)}
    assert named
    for command in named:
        assert called(*command, "--help", cwd=tmp_path).returncode == 0, command


def test_the_configuration_it_shows_is_valid(root: Path, tmp_path: Path) -> None:
    _, shown = _blocks(root, "toml")
    config = parse(tomllib.loads(shown), root=tmp_path, where="README.md", environ={})
    assert config.newsletters[0].title == "Daily Papers"


def test_every_verdict_it_explains_is_one(root: Path) -> None:
    from typing import get_args

    from digest.models import Verdict

    rows = re.findall(r"^\| `([^`]+)` \|", (root / "README.md").read_text(), re.MULTILINE)
    assert set(rows) <= set(get_args(Verdict))


def test_the_files_it_links_to_are_there(root: Path) -> None:
    text = (root / "README.md").read_text()
    for target in re.findall(r"\]\(([^)#]+)\)|(?:src|srcset)=\"([^\"]+)\"", text):
        assert (root / (target[0] or target[1])).is_file(), target


@pytest.mark.tools
def test_it_installs_from_the_checkout(root: Path, tmp_path: Path) -> None:
    (install,) = _blocks(root, "sh")[1].splitlines()
    assert install == "pip install ."
    copy = tmp_path / "checkout"
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns(".venv", ".git", "public", "*.db*", "__pycache__"))
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True, timeout=120)
    pip = [str(venv / "bin" / "python"), "-m", *shlex.split(install), "-q", "-c", "constraints.txt"]
    subprocess.run(pip, cwd=copy, check=True, timeout=600)
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"TMPDIR": str(copy)}
    done = subprocess.run(
        [venv / "bin" / "digest", "demo", "--no-open"], cwd=tmp_path, env=environ, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "247 new papers in 5 editions" in done.stdout
