"""What is logged: lines that programs read, with nothing in them that is secret."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from contextlib import redirect_stderr
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from digest import logs
from tests.acceptance.command import called, digest
from tests.acceptance.mailing import free_port
from tests.delivery import server as smtp
from tests.setups import Home, feed, mail
from tests.sources import faults

#: timestamp, level, event, and further facts as Python writes them
_LINE = re.compile(
    r"timestamp='([^']+)' level='(debug|info|warning)' event='([^']+)'((?: \w+=(?:'[^'\n]*'|\"[^\"\n]*\"|[^ '\"]+))*)"
)


@pytest.fixture(autouse=True)
def _still() -> Iterator[None]:
    yield
    logs.configure(None, "key-value")


def written(level: str, form: logs.Form, event: str = "happened", **facts: Any) -> list[str]:
    """Return the lines that one event makes."""
    with redirect_stderr(io.StringIO()) as err:
        logs.configure(level, form)
        logs.logger().info(event, **facts)
    return err.getvalue().splitlines()


def told(done: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.splitlines()]


def is_now(text: str) -> bool:
    return abs(datetime.now(UTC) - datetime.fromisoformat(text)) < timedelta(minutes=2)


def test_a_line_is_keys_and_values() -> None:
    (line,) = written("info", "key-value", papers=3, why="two\nlines", name="caf\udce9")
    found = _LINE.fullmatch(line)
    assert found, line
    assert is_now(found[1])
    assert (found[2], found[3], found[4]) == ("info", "happened", r" papers=3 why='two\nlines' name='caf\udce9'")


def test_a_line_is_json() -> None:
    (line,) = written("info", "json", papers=3, why="two\nlines", name="caf\udce9", path=Path("a"), none=None)
    found = json.loads(line)
    assert list(found)[:3] == ["timestamp", "level", "event"]
    assert is_now(found.pop("timestamp"))
    assert (found.pop("level"), found.pop("event"), found.pop("papers")) == ("info", "happened", 3)
    assert found == {"why": "two\nlines", "name": "caf\udce9", "path": "PosixPath('a')", "none": None}


@pytest.mark.parametrize("form", logs.FORMS)
def test_only_what_is_grave_enough_is_written(form: logs.Form) -> None:
    assert written("warning", form) == []
    assert written("error", form) == []
    assert len(written("debug", form)) == 1


@pytest.mark.parametrize("form", logs.FORMS)
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:pass@example.org/rss?a=b@c", "https://…@example.org/rss?a=b@c"),
        ("postgresql://me:pass@host/db, twice: redis://:pass@host", "postgresql://…@host/db, twice: redis://…@host"),
        ("mail to me@example.org of https://example.org/@me", "mail to me@example.org of https://example.org/@me"),
    ],
)
def test_an_address_is_written_without_its_user(form: logs.Form, text: str, shown: str) -> None:
    (line,) = written("info", form, why=text)
    assert "pass" not in line
    assert shown in (json.loads(line)["why"] if form == "json" else line)


def test_a_command_logs_to_stderr_in_the_form_that_is_asked_for(tmp_path: Path) -> None:
    home = Home(tmp_path)
    plain = digest("run", "--log", "debug", "--json", cwd=home.folder)
    assert json.loads(plain.stdout)["verdict"] == "published"
    lines = plain.stderr.splitlines()
    assert lines
    assert [line for line in lines if not _LINE.fullmatch(line)] == []
    home.dump("Nov 19", range(3, 9))
    again = called("run", "--log", "debug", "--log-format", "json", cwd=home.folder)
    assert (again.returncode, bool(told(again.stderr))) == (0, True)
    assert all({"timestamp", "level", "event"} <= one.keys() for one in told(again.stderr))
    silent = called("run", cwd=home.folder)
    assert (silent.returncode, silent.stderr) == (0, "")
    wrong = called("run", "--log-format", "xml", cwd=home.folder)
    assert (wrong.returncode, "'key-value', 'json'" in wrong.stderr) == (2, True)


@pytest.mark.parametrize("form", logs.FORMS)
def test_what_is_logged_holds_no_secret(tmp_path: Path, form: str) -> None:
    """A feed behind a password and a key, a relay that refuses the login, a webhook that nobody answers."""
    secret, token, hook = "correct-horse", "k3y-of-the-feed", "T0/very-secret"
    home = Home(tmp_path)
    with faults.serving() as web, smtp.serving(smtp.Script(login=("me", "right"))) as relay:
        address = web.on("/rss", faults.text(b"no", 403)).replace("://", f"://me:{secret}@") + f"?key={token}"
        login = 'user = "env:DIGEST_MAIL_USER"\npassword = "env:DIGEST_MAIL_PASSWORD"'
        alerting = '[alerts]\nwebhook = "env:HOOK"\nwhen = ["partial", "failed mails"]\n'
        home.write(feed(address) + mail(relay.port, login) + alerting, top='allow_hosts = ["127.0.0.1"]')
        environ: Any = {"DIGEST_MAIL_USER": "me", "DIGEST_MAIL_PASSWORD": secret}
        environ["HOOK"] = f"http://127.0.0.1:{free_port()}/{hook}"
        done = digest("run", "--log", "debug", "--log-format", form, cwd=home.folder, **environ)
    assert "alert not told" in done.stderr
    assert "HTTP 403" in done.stderr
    assert [one for one in (secret, token, hook) if one in done.stderr + done.stdout] == []


def test_a_process_that_stays_says_where_the_text_files_of_a_run_are_kept(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for option in ("--state", "--checkpoint"):
        done = called("serve", option, "state", cwd=home.folder)
        assert (done.returncode, (home.folder / "digest.db").exists()) == (2, False)
        assert f"{option}: a process that stays keeps what it knows in its store" in done.stderr
        assert "digest state export" in done.stderr
