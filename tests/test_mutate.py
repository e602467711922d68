"""The mutations fit the project, and the script that tries them tells a noticed mistake from an unnoticed one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import mutate

GOOD = """# Mutations

## A sum

One would be too many.

file: `sum.py`

tests:
- `test_sum.py::test_sum`
- `test_sum.py::test_cases`

```diff
-    return a + b
+    return a + b + 1
```
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "sum.py").write_text("def plus(a, b):\n    return a + b\n")
    (tmp_path / "test_sum.py").write_text(
        "import pytest\nfrom sum import plus\n\n"
        "def test_sum():\n    assert plus(1, 1) == 2\n\n"
        "@pytest.mark.parametrize('a', [1, 2])\ndef test_cases(a):\n    assert plus(a, 1) == 2 or a == 2\n\n"
        "def test_nothing():\n    plus(1, 1)\n"
    )
    return tmp_path


def test_a_mutation_is_read_with_all_its_parts():
    (mutation,) = mutate.read(GOOD)
    assert mutation == mutate.Mutation(
        name="A sum",
        why="One would be too many.",
        file="sum.py",
        old="    return a + b\n",
        new="    return a + b + 1\n",
        tests=("test_sum.py::test_sum", "test_sum.py::test_cases"),
    )


@pytest.mark.parametrize("part", ["file: `sum.py`\n", "tests:\n", "```diff\n", "One would be too many.\n"])
def test_a_heading_without_a_part_is_no_mutation(part: str):
    with pytest.raises(mutate.FormatError, match="A sum"):
        mutate.read(GOOD.replace(part, ""))


def test_one_name_stands_once():
    with pytest.raises(mutate.FormatError, match="twice"):
        mutate.read(GOOD + "\n" + GOOD.removeprefix("# Mutations\n\n"))


def test_a_mistake_that_every_named_test_notices_is_no_problem(project: Path):
    (mutation,) = mutate.read(GOOD)
    assert mutate.problems(mutation, project) == []
    assert (project / "sum.py").read_text() == "def plus(a, b):\n    return a + b\n"


def test_a_test_that_does_not_notice_or_does_not_exist_is_named(project: Path):
    (mutation,) = mutate.read(GOOD.replace("::test_cases", "::test_nothing"))
    assert mutate.problems(mutation, project) == ["test_sum.py::test_nothing: passed, with the mistake"]
    (mutation,) = mutate.read(GOOD.replace("::test_cases", "::test_gone"))
    assert any(
        "test_gone: missing" in problem or "did not run" in problem for problem in mutate.problems(mutation, project)
    )


def test_text_that_is_no_longer_there_is_a_problem(project: Path):
    (mutation,) = mutate.read(GOOD.replace("-    return a + b\n", "-    return a - b\n"))
    assert mutate.problems(mutation, project) == ["A sum: its text stands 0 times in sum.py, not once"]


def test_the_mutations_fit_the_project():
    mutations = mutate.read((mutate.ROOT / "tests" / "mutations.md").read_text())
    for mutation in mutations:
        if not mutation.file.startswith("digest/") or (mutate.ROOT / "digest").is_dir():
            mutation.applied((mutate.ROOT / mutation.file).read_text())
        for test in mutation.tests:
            file, _, name = test.partition("::")
            assert f"def {name.partition('[')[0]}(" in (mutate.ROOT / file).read_text(), test
