"""The lines that `digest init --cron` prints, as cron runs them: with a shell and next to no environment."""

from __future__ import annotations

import os
import pwd
import re
import subprocess
from pathlib import Path

from tests.acceptance.command import CONFIG, digest, page, paper

AT = CONFIG.replace('title = "Daily Papers"', 'title = "Daily Papers"\nat = "08:00"')


def home(folder: Path, config: str) -> Path:
    (folder / "dumps").mkdir(parents=True)
    (folder / "digest.toml").write_text(config)
    (folder / "dumps" / "a.txt").write_text(page("Nov 19", [paper(number) for number in range(4)]))
    return folder


def lines(text: str) -> tuple[dict[str, str], str, str]:
    """Return variables, times and command of a crontab with one job, as cron reads it (crontab(5))."""
    told = [line for line in text.splitlines() if not line.startswith("#")]
    variables = dict(line.split("=", 1) for line in told if re.match(r"[A-Z]+=", line))
    (job,) = [line for line in told if line[0] in "*0123456789"]
    assert len(variables) + 1 == len(told)
    minute, hour, day, month, weekday, command = job.split(maxsplit=5)
    assert not re.search(r"(?<!\\)%", command)
    return variables, " ".join((minute, hour, day, month, weekday)), command.replace("\\%", "%")


def test_the_line_runs_in_an_environment_that_is_all_but_empty(tmp_path: Path) -> None:
    here = home(tmp_path / "50% of 'my' papers", CONFIG)
    variables, _, command = lines(digest("init", "--cron", cwd=here).stdout)
    done = subprocess.run(
        ["env", "-i", f"PATH={variables['PATH']}", "HOME=/", "/bin/sh", "-c", command],
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list((here / "public/daily").glob("*/mail.html"))


def test_newsletters_with_an_hour_are_looked_after_every_hour_others_once_a_day(tmp_path: Path) -> None:
    for name, config, times in (("at", AT, r"\d+ \* \* \* \*"), ("none", CONFIG, r"0 7 \* \* \*")):
        here = home(tmp_path / name, config)
        variables, when, _ = lines(digest("init", "--cron", cwd=here).stdout)
        assert re.fullmatch(times, when)
        assert variables["MAILTO"] == pwd.getpwuid(os.getuid()).pw_name


def test_a_configuration_that_is_there_stays_and_another_name_is_said(tmp_path: Path) -> None:
    here = home(tmp_path, CONFIG)
    (here / "digest.toml").rename(here / "weekly.toml")
    shown = digest("init", "--cron", "--config", "weekly.toml", cwd=here)
    assert lines(shown.stdout)[2].endswith("run --quiet --config weekly.toml")
    assert (here / "weekly.toml").read_text() == CONFIG


def test_without_a_configuration_one_is_written_and_all_that_is_printed_is_a_crontab(tmp_path: Path) -> None:
    shown = digest("init", "--cron", cwd=tmp_path)
    assert shown.stdout.startswith("# Wrote digest.toml.\n")
    assert lines(shown.stdout)[1] == "0 7 * * *"
    assert (tmp_path / "digest.toml").exists()
