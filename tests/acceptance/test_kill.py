"""SIGKILL anywhere, then an undisturbed run: as if nothing had happened."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import postgres
from tests.acceptance import killed
from tests.acceptance.command import CONFIG, NOW, digest, page, paper, rows, tree, unmeasured

#: where a run can die -> three times: (log line to die at, its occurrence, seconds after it)
PLACES = {
    "after tx 1": (("dump kept", 1, 0), ("dump kept", 2, 0), ("dump kept", 3, 0)),
    "inside tx 2": (("dump committing", 1, 0), ("dump committing", 3, 0.001), ("dump committing", 2, 0.002)),
    "between tx 2 and 3": (("dump committed", 1, 0), ("dump committed", 2, 0), ("dump committed", 3, 0)),
    "inside tx 3": (
        ("edition publishing", 2, 0),
        ("edition publishing", 1, 0.0005),
        ("edition publishing", 3, 0.001),
    ),
    "during publish": (("file written", 1, 0), ("file written", 12, 0), ("file written", 30, 0)),
}
DUMPS = {"a.txt": ("Jan 2", range(0, 8)), "b.txt": ("Feb 5", range(5, 13)), "c.txt": ("Jun 16", range(3, 20))}


def _home(folder: Path, store: str = "digest.db") -> Path:
    (folder / "dumps").mkdir(parents=True)
    (folder / "digest.toml").write_text(f'store = "{store}"\n{CONFIG}')
    for name, (day, numbers) in DUMPS.items():
        (folder / "dumps" / name).write_text(page(day, [paper(number) for number in numbers]))
    return folder


def _outcome(home: Path, store: str = "") -> tuple[object, ...]:
    place = store or home / "digest.db"
    columns = "newsletter, number, date, after, upto, snapshot, sha256"
    editions = rows(place, f"SELECT {columns} FROM editions ORDER BY newsletter, number")
    marks = rows(place, "SELECT id, mark FROM newsletters")
    papers = sorted(rows(place, "SELECT key, data FROM papers"))
    return editions, marks, papers, tree(home / "public")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    home = _home(tmp_path_factory.mktemp("undisturbed"))
    done = digest("replay", "dumps", cwd=home)
    assert done.returncode == 0, done.stderr
    return _outcome(home)


def _kill(home: Path, event: str, count: int, delay: float) -> str | None:
    """Run until the chosen line; return the last event of the log, None where it ended before it could be killed."""
    done = subprocess.run(
        [sys.executable, killed.__file__, event, str(count), str(delay), "--", "replay", "dumps", "--log", "debug"],
        cwd=home,
        env={**unmeasured(), "DIGEST__CLOCK": NOW},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode != -signal.SIGKILL:
        return None
    return str(re.findall(r"event='([^']*)'", done.stderr)[-1])


@pytest.mark.parametrize("place", PLACES)
def test_a_killed_run_is_taken_up_where_it_died(place: str, tmp_path: Path, undisturbed: tuple[object, ...]) -> None:
    attempts = 0
    for event, count, delay in PLACES[place]:
        for _ in range(20):
            attempts += 1
            home = _home(tmp_path / str(attempts))
            if _kill(home, event, count, delay) == event:
                break
            # it was through before the signal came: does not count
        else:
            pytest.fail(f"no kill {delay} s after {event!r} number {count}")
        again = digest("replay", "dumps", "--lock-timeout", "5", cwd=home)
        assert again.returncode == 0, again.stderr
        assert _outcome(home) == undisturbed, f"{place}, {count}, {delay}"
    print(f"{place}: 3 kills in {attempts} attempts")


@pytest.mark.tools
@pytest.mark.parametrize("place", PLACES)
def test_the_same_on_postgresql(
    place: str, tmp_path: Path, server: postgres.Server, undisturbed: tuple[object, ...]
) -> None:
    for number, (event, count, _) in enumerate(PLACES[place]):
        name = f"kill{os.getpid()}x{number}"
        url = server.create(name)
        home = _home(tmp_path / str(number), url)
        assert _kill(home, event, count, 0) == event
        again = digest("replay", "dumps", "--lock-timeout", "5", cwd=home)
        assert again.returncode == 0, again.stderr
        assert _outcome(home, url) == undisturbed, f"{place}, {count}"
        server.drop(name)


@pytest.mark.tools
def test_a_run_killed_again_and_again_ends_alike(tmp_path: Path, undisturbed: tuple[object, ...]) -> None:
    home = _home(tmp_path)
    for event in ("dump kept", "dump committing", "dump committed", "edition publishing", "file written") * 2:
        _kill(home, event, 2, 0)
    assert digest("replay", "dumps", cwd=home).returncode == 0
    assert _outcome(home) == undisturbed
