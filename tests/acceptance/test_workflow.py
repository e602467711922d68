"""The files that GitHub reads: action.yml, and the workflow that `digest init --github` writes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from digest import __version__
from digest.config import parse
from tests.acceptance.action import ACTION, action, git, steps, yaml
from tests.acceptance.command import digest


def test_nothing_that_others_wrote_is_part_of_a_script(root: Path) -> None:
    assert [step["name"] for step in steps()][:3] == ["install", "restore", "run"]
    assert not [step["name"] for step in steps() if "${{" in step["run"]]
    assert all(step["shell"] == "bash" for step in steps())
    scripts = [path.read_text() for path in ACTION.glob("*.sh")]
    assert not [text for text in scripts if re.search(r"--(token|password|user)[ =]", text)]
    assert action()["runs"]["using"] == "composite"


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    """What `digest init --github` writes."""
    git("init", "--quiet", cwd=tmp_path)
    done = digest("init", "--github", "--source", "arxiv:cs.LG", "--mail", "gmail", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Settings > Pages" in done.stdout
    assert "whose repository OWNER/digest is" in done.stdout
    return tmp_path / ".github" / "workflows" / "digest.yml"


def test_the_workflow_starts_three_times_a_day_one_at_a_time_with_least_permissions(workflow: Path) -> None:
    told = yaml(workflow.read_text())
    assert len(told["on"]["schedule"]) == 3
    assert told["on"]["workflow_dispatch"]["inputs"]["dry-run"]["type"] == "boolean"
    assert (told["permissions"], told["concurrency"]["cancel-in-progress"]) == ({}, False)
    assert told["jobs"]["newsletter"]["permissions"] == {"contents": "write"}
    assert told["jobs"]["pages"]["permissions"] == {"pages": "write", "id-token": "write"}
    uses = [step["uses"] for job in told["jobs"].values() for step in job["steps"]]
    others = [one for one in uses if one.startswith("actions/")]
    assert len(others) == 3
    assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", one) for one in others)
    assert len(re.findall(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", workflow.read_text(), re.MULTILINE)) == 3
    (ours,) = (step for step in told["jobs"]["newsletter"]["steps"] if step.get("id") == "digest")
    assert set(ours["with"]) <= set(action()["inputs"])


def test_a_workflow_that_is_there_stays_as_it_is(workflow: Path) -> None:
    workflow.write_text("mine")
    again = digest("init", "--github", cwd=workflow.parents[2])
    assert (again.returncode, workflow.read_text()) == (2, "mine")
    assert "is there already" in again.stderr


def test_a_configuration_deeper_down_is_named_and_the_action_too(tmp_path: Path) -> None:
    git("init", "--quiet", cwd=tmp_path)
    (tmp_path / "news").mkdir()
    done = digest("init", "--github", "--action", "./.github/actions/digest", cwd=tmp_path / "news")
    assert done.returncode == 0, done.stderr
    told = yaml((tmp_path / ".github" / "workflows" / "digest.yml").read_text())
    (ours,) = (step for step in told["jobs"]["newsletter"]["steps"] if step.get("id") == "digest")
    assert (ours["with"]["config"], ours["uses"]) == ("news/digest.toml", "./.github/actions/digest")
    assert digest("init", "--github", "--action", "x: y", cwd=tmp_path).returncode == 2


def test_action_and_workflow_are_what_their_schemas_say(workflow: Path) -> None:
    for schema, file in (("github-actions", ACTION / "action.yml"), ("github-workflows", workflow)):
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.tools
def test_linters_find_nothing(tmp_path: Path) -> None:
    git("init", "--quiet", cwd=tmp_path)
    pinned = f"me/digest/.github/actions/digest@{'0123456789' * 4}"
    assert digest("init", "--github", "--action", pinned, cwd=tmp_path).returncode == 0
    scripts = sorted(map(str, ACTION.glob("*.sh")))
    workflow = str(tmp_path / ".github" / "workflows" / "digest.yml")
    commands = [["shellcheck", "-x", *scripts], ["zizmor", "--offline", str(ACTION), workflow]]
    installed = [one for one in commands if shutil.which(one[0])]
    if not installed:
        pytest.skip("neither shellcheck nor zizmor is installed")
    for command in installed:
        done = subprocess.run(command, cwd=ACTION.parents[2], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout


def test_the_two_files_to_paste_are_what_init_writes_and_a_configuration(root: Path, tmp_path: Path) -> None:
    text = (root / "README.md").read_text()
    configuration = re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[0]
    config = parse(tomllib.loads(configuration), root=tmp_path, where="README.md", environ={})
    assert (config.newsletters[0].timezone, config.newsletters[0].wait) == ("Europe/Berlin", 4 * 3600)
    (pasted,) = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    git("init", "--quiet", cwd=tmp_path)
    action_of = f"OWNER/digest/.github/actions/digest@v{__version__}"
    assert digest("init", "--github", "--action", action_of, cwd=tmp_path).returncode == 0
    assert (tmp_path / ".github" / "workflows" / "digest.yml").read_text() == pasted
