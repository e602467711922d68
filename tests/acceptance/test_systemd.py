"""The units that `digest init --systemd` writes."""

from __future__ import annotations

import configparser
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.command import CONFIG, digest

BERLIN = CONFIG.replace(
    'title = "Daily Papers"',
    'title = "Daily Papers, 100%"\nat = "22:30"\nwait = "2h"\ndays = "mon-fri"\ntimezone = "Europe/Berlin"',
)


class _Unit(configparser.RawConfigParser):
    """Reads a unit; a key that comes several times has all its values, a line each."""

    def __init__(self) -> None:
        super().__init__(strict=False, delimiters=("=",), comment_prefixes=("#",))

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def units(folder: Path, config: str, *options: str) -> dict[str, _Unit]:
    (folder / "digest.toml").write_text(config)
    done = digest("init", "--systemd", *options, cwd=folder)
    assert done.returncode == 0, done.stderr
    found = {}
    for path in (folder / (options[1] if options else "systemd")).iterdir():
        found[path.name] = _Unit()
        found[path.name].read(path)
    return found


def calendar(folder: Path) -> list[str]:
    text = (folder / "systemd" / "digest.timer").read_text()
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith("OnCalendar=")]


def test_a_run_at_each_time_at_which_an_edition_may_come_out(tmp_path: Path) -> None:
    found = units(tmp_path, BERLIN)
    assert calendar(tmp_path) == [
        "Mon,Tue,Wed,Thu,Fri *-*-* 22:30:00 Europe/Berlin",
        "Mon,Tue,Wed,Thu,Fri *-*-* 23:30:00 Europe/Berlin",
        # the end of Friday's wait is on Saturday
        "*-*-* 00:30:00 Europe/Berlin",
    ]
    assert found["digest.timer"]["Timer"]["Persistent"] == "true"
    assert shlex.split(found["digest.service"]["Service"]["ExecStart"])[-2:] == ["run", "--quiet"]
    assert found["digest.service"]["Unit"]["Description"] == "Daily Papers, 100%%: look for an edition"


def test_both_services_may_write_where_a_run_writes_and_nowhere_else(tmp_path: Path) -> None:
    home, away = tmp_path / "my papers", tmp_path / "away"
    (away / "site").mkdir(parents=True)
    home.mkdir()
    found = units(home, f'output = "{away}/site"\nstore = "{away}/new/digest.db"\n' + CONFIG)
    for name in ("digest.service", "digest-serve.service"):
        service = found[name]["Service"]
        assert shlex.split(service["ReadWritePaths"]) == [str(home), str(away)]
        assert service["WorkingDirectory"] == str(home)
        assert (service["ProtectSystem"], service["ProtectHome"]) == ("strict", "read-only")
        assert (service["NoNewPrivileges"], service["PrivateTmp"]) == ("yes", "yes")
        assert "DynamicUser" not in service


def test_a_mail_program_keeps_the_rights_that_it_needs(tmp_path: Path) -> None:
    mail = '[mail]\ntransport = "sendmail"\nfrom = "me@example.org"\n'
    service = units(tmp_path, CONFIG + mail)["digest.service"]["Service"]
    assert service["NoNewPrivileges"] == "no"
    assert "/var/spool" in shlex.split(service["ReadWritePaths"])


def test_units_of_ours_are_written_anew_and_those_of_others_stay(tmp_path: Path) -> None:
    units(tmp_path, CONFIG, "--units", "units")
    units(tmp_path, BERLIN, "--units", "units")
    timer = tmp_path / "units" / "digest.timer"
    assert "22:30" in timer.read_text()
    timer.write_text("[Timer]\nOnCalendar=daily\n")
    done = digest("init", "--systemd", "--units", "units", cwd=tmp_path)
    assert done.returncode == 2
    assert "digest.timer is there already; it stays as it is. Name another folder with --units" in done.stderr
    assert timer.read_text() == "[Timer]\nOnCalendar=daily\n"


@pytest.mark.tools
def test_systemd_takes_them(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("needs systemd-analyze")
    home = tmp_path / "my 100% papers"
    home.mkdir()
    units(home, BERLIN)
    checked = subprocess.run(
        ["systemd-analyze", "verify", *sorted(map(str, (home / "systemd").iterdir()))], capture_output=True, text=True
    )
    assert (checked.returncode, checked.stderr) == (0, "")
    for event in calendar(home):
        assert subprocess.run(["systemd-analyze", "calendar", event], capture_output=True).returncode == 0, event
