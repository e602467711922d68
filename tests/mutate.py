"""Makes the mistakes of mutations.md, one at a time, and demands that the tests named there fail.

Usage: python -m tests.mutate [WORD...]     only the mutations whose name holds one of the words
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: what a copy needs to run tests: the package, what it reads, the tests, the settings of pytest
_COPIED = (
    "bench",
    "digest",
    "templates",
    "seeds",
    "tests",
    "pyproject.toml",
    "digest.toml",
    "README.md",
    "constraints.txt",
)
_IGNORED = shutil.ignore_patterns("__pycache__", ".*_cache", "*.pyc")

_SECTION = re.compile(
    r"^## (?P<name>[^\n]+)\n+(?P<why>[^\n]+)\n+file: `(?P<file>[^`\n]+)`\n+tests:\n(?P<tests>(?:- `[^`\n]+`\n)+)"
    r"\n+```diff\n(?P<diff>(?:[-+][^\n]*\n)+)```\s*$",
    re.MULTILINE,
)


class FormatError(Exception):
    """mutations.md, or a mutation in it, does not fit the project; the message says which."""


@dataclass(frozen=True)
class Mutation:
    """One mistake: exact text of one file, what replaces it, and the tests that must fail for it."""

    name: str
    why: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def applied(self, text: str) -> str:
        """Return the file's text with the mistake in it.

        Raises:
            FormatError: the old text does not stand in it exactly once.
        """
        if (found := text.count(self.old)) != 1:
            raise FormatError(f"{self.name}: its text stands {found} times in {self.file}, not once")
        return text.replace(self.old, self.new)


def read(document: str) -> list[Mutation]:
    """Read the mutations of a document.

    Raises:
        FormatError: a heading without the parts of a mutation, or two of one name.
    """
    found = [_mutation(match) for match in _SECTION.finditer(document)]
    names = [mutation.name for mutation in found]
    headings = re.findall(r"^## (.+)$", document, re.MULTILINE)
    if names != headings or len(set(names)) != len(names):
        raise FormatError(f"not a mutation, or one twice: {sorted(set(headings) - set(names)) or headings}")
    return found


def _mutation(match: re.Match[str]) -> Mutation:
    lines = match["diff"].splitlines()
    return Mutation(
        name=match["name"],
        why=match["why"],
        file=match["file"],
        old="".join(f"{line[1:]}\n" for line in lines if line.startswith("-")),
        new="".join(f"{line[1:]}\n" for line in lines if line.startswith("+")),
        tests=tuple(re.findall(r"`([^`]+)`", match["tests"])),
    )


def copy(target: Path) -> None:
    """Copy what tests need into the folder `target`."""
    target.mkdir(parents=True)
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=_IGNORED)
        elif source.exists():
            shutil.copy2(source, target / name)


def outcomes(folder: Path, tests: tuple[str, ...]) -> dict[str, str]:
    """Run tests in a copy and return what became of each: `passed`, `failed`, `skipped`, or `missing`.

    A named test that has parameters fails when one of its cases fails, and passes when none fails and one passes.

    Raises:
        FormatError: the copy's tests would not run the copy's package.
    """
    report = folder / "report.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junit-xml={report}", *tests]
    ran = subprocess.run(command, cwd=folder, env=_environment(folder), capture_output=True, text=True, timeout=600)
    if not report.exists():
        raise FormatError(f"pytest did not run:\n{ran.stdout}{ran.stderr}")
    cases = [(_node(case), _outcome(case)) for case in ElementTree.parse(report).iter("testcase")]
    return {test: _worst([outcome for node, outcome in cases if _is(node, test)]) for test in tests}


def _environment(folder: Path) -> dict[str, str]:
    """Return an environment in which `digest` is the copy's, also in processes that tests start."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE_", "PYTEST_", "COV_"))}
    # PYTHONDONTWRITEBYTECODE: a mutation can keep a file's size and second, and a cached original would be taken for it
    return kept | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


def imported_from(folder: Path) -> Path:
    """Return the folder whose `digest` runs in the copy's processes."""
    program = "import pathlib, digest; print(pathlib.Path(digest.__file__).resolve().parent.parent)"
    command = [sys.executable, "-c", program]
    told = subprocess.run(command, cwd=folder, env=_environment(folder), capture_output=True, text=True, check=True)
    return Path(told.stdout.strip())


def _node(case: ElementTree.Element) -> tuple[str, str]:
    return case.get("classname", ""), case.get("name", "")


def _outcome(case: ElementTree.Element) -> str:
    if case.find("failure") is not None:
        return "failed"
    # An error in set-up or at import says nothing about the mistake.
    if case.find("error") is not None:
        return "error"
    return "skipped" if case.find("skipped") is not None else "passed"


def _is(node: tuple[str, str], test: str) -> bool:
    file, _, name = test.partition("::")
    module = file.removesuffix(".py").replace("/", ".")
    return node[0] == module and (node[1] == name or ("[" not in name and node[1].startswith(f"{name}[")))


def _worst(found: list[str]) -> str:
    return next((outcome for outcome in ("failed", "error", "passed", "skipped") if outcome in found), "missing")


def problems(mutation: Mutation, folder: Path) -> list[str]:
    """Make one mistake in a copy, run its tests, undo it; return what is wrong: nothing, when every test failed."""
    path = folder / mutation.file
    if not path.is_file():
        return [f"there is no {mutation.file}"]
    original = path.read_text()
    try:
        path.write_text(mutation.applied(original))
        found = outcomes(folder, mutation.tests)
    except FormatError as error:
        return [str(error)]
    finally:
        path.write_text(original)
    return [f"{test}: {outcome}, with the mistake" for test, outcome in found.items() if outcome != "failed"]


def _work(mutations: list[Mutation], folder: Path) -> dict[str, list[str]]:
    copy(folder)
    if imported_from(folder) != folder.resolve():
        raise FormatError(f"the copy's tests would run another package: {imported_from(folder)}")
    named = tuple(dict.fromkeys(test for mutation in mutations for test in mutation.tests))
    sound = outcomes(folder, named)
    found = {}
    for mutation in mutations:
        without = [f"{test}: {sound[test]}, without it" for test in mutation.tests if sound[test] != "passed"]
        found[mutation.name] = without or problems(mutation, folder)
    return found


def main(words: list[str]) -> int:
    """Try the mutations, print a line for each, and return the exit status: 1 when one goes unnoticed."""
    try:
        everything = read((ROOT / "tests" / "mutations.md").read_text())
        mutations = [one for one in everything if not words or any(word in one.name for word in words)]
        halves = [half for half in (mutations[::2], mutations[1::2]) if half]
        with tempfile.TemporaryDirectory(prefix="digest-mutate-") as scratch, ThreadPoolExecutor(2) as pool:
            folders = [Path(scratch) / str(number) for number in range(len(halves))]
            found = {name: wrong for part in pool.map(_work, halves, folders) for name, wrong in part.items()}
    except FormatError as error:
        print(f"mutations.md: {error}", file=sys.stderr)
        return 1
    for mutation in mutations:
        wrong = found[mutation.name]
        print(
            f"{'UNNOTICED' if wrong else 'noticed':9}  {mutation.name}  ({mutation.file}, {len(mutation.tests)} tests)"
        )
        print("".join(f"           {line}\n" for line in wrong), end="")
    noticed = sum(not wrong for wrong in found.values())
    print(f"{noticed} of {len(mutations)} mutations noticed")
    return 0 if noticed == len(mutations) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
