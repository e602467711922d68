"""What holds for the project as a whole: documents, sizes, versions, the wheel, the workflow."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import entry_points, requires, version
from pathlib import Path
from typing import Any

import pytest

import digest

PACKAGE = Path(digest.__file__).resolve().parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def tracked(root: Path) -> list[Path]:
    """Return the files of the project: what git knows or would take, or all of an unpacked source archive."""
    # The checkout may belong to another user, whom git distrusts unless told.
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "-C", str(root), "ls-files", "-coz", "--exclude-standard"],
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return sorted(path for name in listed.stdout.split("\0") if name and (path := root / name).is_file())


def public(node: Documented, name: str) -> Iterator[tuple[str, Documented]]:
    """Yield the public definitions at and below `node`, with their dotted names."""
    yield name, node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not child.name.startswith("_"):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            yield from public(child, f"{name}.{child.name}")


def test_every_public_name_has_a_docstring():
    missing = [
        name
        for path in SOURCES
        for name, node in public(ast.parse(path.read_text()), str(path.relative_to(PACKAGE)))
        if not ast.get_docstring(node)
    ]
    assert missing == []


def test_no_file_is_longer_than_500_lines():
    long = {path.name: lines for path in SOURCES if (lines := len(path.read_text().splitlines())) > 500}
    assert long == {}


def test_functions_are_short():
    lengths = sorted(
        (node.end_lineno or 0) - node.lineno + 1
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    assert lengths[len(lengths) // 2] <= 9
    assert lengths[len(lengths) * 9 // 10] <= 30


def test_the_version_is_the_same_everywhere(root: Path):
    assert version("papers-digest") == digest.__version__
    headings = re.findall(r"^## \[([^]]+)\]", (root / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
    # Before the first release there is no other heading.
    assert headings[1:2] in ([], [digest.__version__])


def test_the_module_is_the_command():
    asked = [[sys.executable, "-m", "digest", "--version"], [str(Path(sys.executable).parent / "digest"), "--version"]]
    answers = [subprocess.run(command, capture_output=True, text=True) for command in asked]
    assert [answer.stderr for answer in answers] == ["", ""]
    assert [answer.returncode for answer in answers] == [0, 0]
    assert all(digest.__version__ in answer.stdout for answer in answers)


def test_the_command_is_declared_and_loads():
    (command,) = entry_points(group="console_scripts", name="digest")
    assert command.value == "digest.cli:main"
    assert callable(command.load())


def test_importing_the_package_is_light():
    program = "import sys, digest.models, digest.protocols, digest.links; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    heavy = "sqlalchemy alembic jinja2 mjml css_inline rapidfuzz ahocorasick_rs rich feedparser".split()
    assert set(told.stdout.split()) & set(heavy) == set()


def test_every_constraint_is_one_version_and_covers_what_is_required(root: Path):
    lines = [line for line in (root / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    pinned = {canonical(line.partition("==")[0]): line for line in lines}
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9a-z.+!]*(; .+)?", line)] == []
    needed = {canonical(re.match(r"[\w.-]+", need)[0]) for need in requires("papers-digest") or ()}  # type: ignore[index]
    assert needed - pinned.keys() == set()


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_configuration_of_the_project_is_that_of_the_bundled_dumps(root: Path):
    from digest import config

    told = config.load(root / "digest.toml", {})
    assert [newsletter.id for newsletter in told.newsletters] == ["daily"]
    (source,) = told.sources
    assert (source.name, source.kind) == ("seeds", "folder")
    assert told.base_url is None


def test_contracts_name_every_module(root: Path):
    contracts = {
        contract["id"]: contract
        for contract in tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    }
    placed = {name.strip("() ") for layer in contracts["layers"]["layers"] for name in layer.split("|")}
    present = {path.stem if path.is_file() else path.name for path in PACKAGE.iterdir() if is_module(path)}
    assert present - placed == set()
    pure = {name.removeprefix("digest.") for name in contracts["pure"]["source_modules"]}
    decide = "models protocols links interests identity diff tagging ranking edition receipt schedule"
    decide += " addresses people wishes"
    assert pure == present & {*decide.split(), "intake", "outbox", "pipeline"}


def is_module(path: Path) -> bool:
    return (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").is_file()


#: what only makes sense where somebody worked: no file may carry it, whoever wrote it
_PLACES = re.compile(
    r"(?:^|[\s\"'`(=])(?:/work/|/home/|/Users/|/root/)|\.\./shared\b|file:///opt|pypi\.org|pythonhosted\.org",
    re.MULTILINE,
)
_OPEN_ENDS = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")


@pytest.mark.parametrize(("what", "pattern"), [("places", _PLACES), ("open ends", _OPEN_ENDS)])
def test_files_name_no_machine_and_leave_nothing_open(root: Path, what: str, pattern: re.Pattern[str]):
    found = [
        f"{path.relative_to(root)}: {what}: {match.group().strip()}"
        for path in tracked(root)
        if path.suffix in {".py", ".toml", ".md", ".yml", ".txt", ".j2", ".html", ".mjml", ".xml", ".cfg", ""}
        and "seeds" not in path.parts
        and path != Path(__file__).resolve()
        for match in pattern.finditer(path.read_text(errors="replace"))
    ]
    assert found == []


def test_no_data_of_a_person_or_a_build_is_in_the_project(root: Path):
    assert [path.name for path in tracked(root) if path.stat().st_size > 300_000] == []
    assert [path.name for path in tracked(root) if path.suffix in {".whl", ".db", ".pyc", ".lock"}] == []


def test_the_workflow_is_valid_and_pins_its_actions(root: Path):
    workflow = root / ".github" / "workflows" / "ci.yml"
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(workflow)]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    used = re.findall(r"uses: (.+)", workflow.read_text())
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)] == []


def test_ci_runs_the_test_command_of_the_readme(root: Path):
    script = root / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", str(script)]).returncode == 0
    assert "\nDIGEST_TEST_TOOLS=required make test\n" in script.read_text()
    assert re.search(r"^\s*(?:\$ )?make test\b", (root / "README.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("target", ["digest", "test", "check", "bench", "clean"])
def test_make_knows_its_targets(root: Path, target: str):
    # PYTHON is given, so that nothing is looked for; -n only says what would be done.
    told = subprocess.run(["make", "-n", f"PYTHON={sys.executable}", target], cwd=root, capture_output=True, text=True)
    assert (told.returncode, told.stderr) == (0, "")


# What follows builds and installs: it needs the tools, and minutes.


def copy_of(root: Path, target: Path) -> Path:
    """Copy the files of the project, as a clone would have them."""
    for path in tracked(root):
        copied = target / path.relative_to(root)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copied)
    return target


@pytest.mark.tools
def test_the_wheel_holds_all_that_the_program_reads(root: Path, tmp_path: Path):
    if not (root / "digest").is_dir():
        pytest.skip("the checkout has no package: this is a test of an installed wheel")
    source = copy_of(root, tmp_path / "source")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path / "dist"), str(source)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    # `build` makes the wheel from the source archive, so that one is whole as well.
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    files = [path.relative_to(root) for path in tracked(root)]
    package = {path.as_posix() for path in files if path.parts[0] == "digest"}
    beside = {f"digest/{path.as_posix()}" for path in files if path.parts[0] in {"templates", "seeds"}}
    assert package | beside == {name for name in held if name.startswith("digest/")}
    assert {"digest/py.typed"} < held
    assert any(name.endswith("licenses/LICENSE") for name in held)


def steps(root: Path) -> dict[str, list[str]]:
    """Return the `run:` steps of each job of the workflow."""
    from ruamel.yaml import YAML

    workflow: dict[str, Any] = YAML(typ="safe").load(root / ".github" / "workflows" / "ci.yml")
    return {
        job: [step["run"] for step in description["steps"] if "run" in step]
        for job, description in workflow["jobs"].items()
    }


@pytest.mark.tools
def test_the_steps_of_the_workflow_run(root: Path, tmp_path: Path):
    jobs = steps(root)
    # This test is itself part of what the last job runs.
    assert jobs.pop("everything") == ["sudo .ci/run"]
    wheels = tmp_path / "wheels"
    for job, commands in jobs.items():
        checkout = copy_of(root, tmp_path / job)
        if wheels.is_dir():
            shutil.copytree(wheels, checkout / "dist")
        # What mypy found of the same files before is not looked for again: that takes longer than all the rest.
        if (root / ".mypy_cache").is_dir():
            shutil.copytree(root / ".mypy_cache", checkout / ".mypy_cache")
        installs = any("pip install" in command for command in commands)
        environment = bare_environment(tmp_path / f"python-{job}", pip=installs)
        for command in commands:
            shell = ["bash", "-eo", "pipefail", "-c", command]
            ran = subprocess.run(shell, cwd=checkout, env=environment, capture_output=True, text=True)
            assert ran.returncode == 0, f"{job}: {command}\n{ran.stderr[-2000:]}{ran.stdout[-4000:]}"
        if job == "wheel":
            shutil.copytree(checkout / "dist", wheels)


def bare_environment(folder: Path, *, pip: bool) -> dict[str, str]:
    """Return an environment whose `python` is new and empty, as an action sets it up, and whose pytest runs little."""
    without = [] if pip else ["--without-pip"]
    subprocess.run([sys.executable, "-m", "venv", *without, str(folder)], check=True)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COVERAGE_", "PYTEST_", "DIGEST_", "MAKE", "MFLAGS", "PYTHONPATH", "VIRTUAL_ENV"))
    }
    few = "tests/test_project.py -k 'version or command'"
    return kept | {"PATH": f"{folder / 'bin'}{os.pathsep}{kept['PATH']}", "PYTEST_ADDOPTS": few}
