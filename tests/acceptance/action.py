"""The GitHub Action without GitHub: the steps of its action.yml, in the environment that a runner gives them."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.acceptance.command import unmeasured

ROOT = Path(__file__).resolve().parents[2]
ACTION = ROOT / ".github" / "actions" / "digest"
REPOSITORY = "me/papers"


def yaml(text: str) -> Any:
    """Read YAML as GitHub does: 1.2, where `on` is a word."""
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load(text)


def git(*args: str | Path, cwd: Path, **environ: str) -> str:
    """Run git, whatever the machine's settings are."""
    names = {f"GIT_{who}_{what}": "me" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    own = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", **names, **environ}
    done = subprocess.run(
        ["git", *map(str, args)], cwd=cwd, env={**os.environ, **own}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@dataclass(frozen=True)
class Done:
    """What a job came to."""

    #: step -> its exit status; steps after a failure are left out, unless they always run
    statuses: Mapping[str, int]
    outputs: Mapping[str, str]
    summary: str
    #: of all steps
    log: str
    #: the folder of the runner
    folder: Path

    @property
    def status(self) -> int:
        """Whether a step failed."""
        return max(self.statuses.values())

    @property
    def pages(self) -> Path:
        """The folder that would be deployed."""
        assert self.outputs["path"], self.log
        return Path(self.outputs["path"])


@dataclass
class Repository:
    """A repository on GitHub: its default branch has digest.toml, its state branch what the action pushes."""

    folder: Path
    #: environment of all jobs
    environ: dict[str, str] = field(default_factory=dict)
    #: what is called in place of the program, which takes longer to load than to run; not in jobs that are killed
    program: Path | None = None
    jobs: int = 0

    @property
    def remote(self) -> Path:
        """The bare repository."""
        return self.folder / "hub" / f"{REPOSITORY}.git"

    @property
    def sources(self) -> Path:
        """A checkout of the default branch, in which a person works."""
        return self.folder / "mine"

    @classmethod
    def make(cls, folder: Path, config: str) -> Repository:
        """Make one with a configuration."""
        made = cls(folder)
        made.remote.parent.mkdir(parents=True)
        git("init", "--quiet", "--bare", "--initial-branch=main", made.remote, cwd=folder)
        git("init", "--quiet", "--initial-branch=main", made.sources, cwd=folder)
        git("remote", "add", "origin", made.remote, cwd=made.sources)
        (made.sources / "digest.toml").write_text(config)
        made.push("begin")
        return made

    def push(self, message: str, **environ: str) -> None:
        """Commit and push what a person changed."""
        git("add", "--all", cwd=self.sources)
        git("commit", "--quiet", "--allow-empty", "--message", message, cwd=self.sources, **environ)
        git("push", "--quiet", "origin", "main", cwd=self.sources)

    def tip(self, branch: str = "state") -> str:
        """Return the commit of a branch."""
        return git("rev-parse", branch, cwd=self.remote)

    def state(self, name: str, branch: str = "state") -> str:
        """Return a file of the state branch."""
        return git("show", f"{branch}:{name}", cwd=self.remote)

    def spoil(self, **changes: Callable[[str], str]) -> None:
        """Change lines of the state branch as a person with an editor does: file without `.jsonl` -> its new text."""
        clone = self.folder / "spoil"
        git("clone", "--quiet", "--branch", "state", self.remote, clone, cwd=self.folder)
        for name, change in changes.items():
            path = clone / f"{name}.jsonl"
            path.write_text(change(path.read_text()))
        git("commit", "--quiet", "--all", "--message", "oops", cwd=clone)
        git("push", "--quiet", cwd=clone)

    def job(self, clock: str, *, installed: bool = False, **inputs: str) -> Job:
        """Return a job on a new machine, with what actions/checkout leaves there."""
        self.jobs += 1
        folder = self.folder / f"job{self.jobs}"
        git("clone", "--quiet", "--depth=1", f"file://{self.remote}", folder / "workspace", cwd=self.folder)
        return Job(self, folder, clock, inputs, installed)

    def run(self, clock: str, *, installed: bool = False, **inputs: str) -> Done:
        """Run the action in a job on a new machine."""
        return self.job(clock, installed=installed, **inputs).run()


@dataclass
class Job:
    """A job that runs the action."""

    repository: Repository
    folder: Path
    clock: str
    inputs: Mapping[str, str]
    #: whether the step that installs the program is run; else the program of this test run is taken
    installed: bool = False

    def __post_init__(self) -> None:
        for name in ("temp", "home"):
            (self.folder / name).mkdir()
        for name in ("output", "summary", "log"):
            (self.folder / name).touch()
        if not self.installed:
            self._link(self.repository.program)

    def _link(self, program: Path | None) -> None:
        programs = self.folder / "temp" / "digest" / "venv" / "bin"
        programs.mkdir(parents=True, exist_ok=True)
        python = shlex.quote(sys.executable)
        called = shlex.quote(str(program)) if program else f"{python} -W error -m digest"
        for name, command in (("python", python), ("digest", called)):
            (programs / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
            (programs / name).chmod(0o755)

    def environ(self) -> dict[str, str]:
        """Return what a runner sets."""
        kept = {name: value for name, value in unmeasured().items() if name in ("PATH", "LANG", "PYTHONPATH")}
        return {
            **kept,
            "HOME": str(self.folder / "home"),
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ACTION),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_RUN_ID": self.folder.name.removeprefix("job"),
            "GITHUB_SERVER_URL": f"file://{self.repository.folder / 'hub'}",
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "GITHUB_WORKSPACE": str(self.folder / "workspace"),
            "RUNNER_TEMP": str(self.folder / "temp"),
            # of the tests: a still clock, short pauses
            "DIGEST__CLOCK": self.clock,
            "DIGEST_PAUSE_MS": "20",
            **self.repository.environ,
        }

    def start(self, step: Mapping[str, Any]) -> subprocess.Popen[bytes]:
        """Start a step in a process group of its own."""
        told = {name: self._value(str(value)) for name, value in step.get("env", {}).items()}
        # as the runner calls `shell: bash`
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.folder / "workspace",
                env={**self.environ(), **told},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self) -> Done:
        """Run the steps in their order."""
        statuses: dict[str, int] = {}
        for step in steps():
            if step["name"] == "install" and not self.installed:
                continue
            if self._runs(step, failed=any(statuses.values())):
                statuses[step["name"]] = self.start(step).wait(timeout=300)
        return self.done(statuses)

    def kill(self, when: Callable[[], bool]) -> None:
        """Run the steps until something is so, and take the machine away."""
        self._link(None)
        for step in steps():
            if step["name"] == "install" or not self._runs(step, failed=False):
                continue
            process = self.start(step)
            until = time.monotonic() + 60
            while process.poll() is None and not when():
                assert time.monotonic() < until, "it did not come to that"
                time.sleep(0.01)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                return
        raise AssertionError(f"it ended before: {(self.folder / 'log').read_text()}")

    def done(self, statuses: Mapping[str, int]) -> Done:
        """Return what came of it."""
        lines = (self.folder / "output").read_text().splitlines()
        return Done(
            statuses,
            dict(line.split("=", 1) for line in lines),
            (self.folder / "summary").read_text(),
            (self.folder / "log").read_text(),
            self.folder,
        )

    def _runs(self, step: Mapping[str, Any], *, failed: bool) -> bool:
        """Evaluate `if:`, of which the action uses three forms."""
        terms = re.sub(r"^\$\{\{|\}\}$", "", step.get("if", "success()").strip()).split("&&")
        return all(self._term(term.strip(), failed) for term in terms)

    def _term(self, term: str, failed: bool) -> bool:
        if term in ("success()", "!cancelled()"):
            return term != "success()" or not failed
        name, operator, value = re.fullmatch(r"inputs\.([\w-]+) (==|!=) '(\w+)'", term).groups()  # type: ignore[union-attr]
        return (self._input(name) == value) is (operator == "==")

    def _value(self, text: str) -> str:
        """Evaluate the expressions in `env:`."""

        def value(found: re.Match[str]) -> str:
            name = found[1]
            known = {"github.event.repository.default_branch": "main", "github.token": ""}
            return self._input(name.removeprefix("inputs.")) if name.startswith("inputs.") else known[name]

        return re.sub(r"\$\{\{ ([\w.-]+) \}\}", value, text)

    def _input(self, name: str) -> str:
        default = str(action()["inputs"][name]["default"])
        return self._value(self.inputs.get(name.replace("-", "_"), default))


def action() -> dict[str, Any]:
    """Return action.yml."""
    found: dict[str, Any] = yaml((ACTION / "action.yml").read_text())
    return found


def steps() -> list[dict[str, Any]]:
    """Return the steps of the action."""
    found: list[dict[str, Any]] = action()["runs"]["steps"]
    return found
