"""`digest subscribers` and `digest init --mail`, as their users call them."""

from __future__ import annotations

import json
import re
import stat
import tomllib
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from digest.config import parse
from digest.delivery.providers import PROVIDERS
from tests.acceptance import command
from tests.acceptance.command import CONFIG, page, paper

CONSENT = ("--confirmed-by", "A. Lovelace, 2026-11-20")
GROUPS = '[groups.vision]\nwant = ["object detection"]\n[groups.nlp]\nwant = ["translation"]\n'


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a configuration and two dumps."""
    (tmp_path / "digest.toml").write_text(CONFIG + GROUPS)
    (tmp_path / "dumps").mkdir()
    (tmp_path / "dumps" / "a.txt").write_text(page("Nov 18", [paper(number) for number in range(6)]))
    (tmp_path / "dumps" / "b.txt").write_text(page("Nov 19", [paper(number) for number in range(4, 11)]))
    return tmp_path


def called(home: Path, *args: str | Path) -> tuple[int, str, str]:
    """Call `digest`, and return its status and what it printed."""
    done = command.called(*args, cwd=home)
    return done.returncode, done.stdout, done.stderr


def told(home: Path, *args: str | Path, status: int = 0, said: str = "") -> str:
    """Call `digest subscribers` and return all that it printed."""
    ended, out, err = called(home, "subscribers", *args)
    assert ended == status, out + err
    assert said in out + err
    return out + err


def listed(home: Path, *args: str) -> dict[str, dict[str, Any]]:
    """Return the subscriptions by address."""
    lines = told(home, "list", "--json", *args).splitlines()
    return {one["subscriber"]["address"]: one for one in map(json.loads, lines)}


def test_it_works_in_a_process_of_its_own(home: Path) -> None:
    call = partial(command.digest, cwd=home)
    refused = call("subscribers", "add", "ada@example.org")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("digest: --confirmed-by is missing: mail may go only to people who want it.")
    added = call("subscribers", "add", "ada@example.org", *CONSENT, "--name", "Ångström")
    assert (added.returncode, added.stderr) == (0, "")
    exported = call("subscribers", "export", PYTHONIOENCODING="ascii")
    assert (exported.returncode, exported.stderr) == (0, "")
    (home / "people.csv").write_bytes(exported.stdout.encode())
    imported = call("subscribers", "import", "people.csv", *CONSENT, "--json")
    assert (imported.returncode, json.loads(imported.stdout)["again"]) == (0, 1)


def test_people_are_added_changed_removed_and_come_back_at_their_own_wish_only(home: Path) -> None:
    told(home, "add", "ada@Example.org", "bob@example.org", *CONSENT, "--group", "vision", "--hour", "8",
         said="ada@example.org: subscribed; the next edition is the first\nbob@example.org: subscribed")  # fmt: skip
    told(home, "add", "ADA@example.org", *CONSENT, "--cadence", "mon", "--name", "Ada", said=": changed\n")
    ada = listed(home)["ada@example.org"]
    assert (ada["status"], ada["confirmed_by"], ada["origin"], ada["mark"]) == ("confirmed", CONSENT[1], "command", 0)
    assert ada["subscriber"] == {
        "address": "ada@example.org", "name": "Ada", "groups": ["vision"], "timezone": None, "cadence": "mon",
        "hour": 8, "format": "html",
    }  # fmt: skip
    told(home, "remove", "bob@example.org", said="bob@example.org: 1 subscription ended.")
    told(home, "remove", "bob@example.org", status=1, said="bob@example.org is not subscribed.")
    told(
        home, "add", "bob@example.org", *CONSENT, status=1, said="bob@example.org: refused: unsubscribed on 2026-11-20"
    )
    told(home, "add", "bob@example.org", *CONSENT, "--again", said="bob@example.org: subscribed")
    assert {one["status"] for one in listed(home).values()} == {"confirmed"}


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("add", "ada@example.org"), "--confirmed-by is missing: mail may go only to people who want it. Say"),
        (("add", "ada@example.org", "--confirmed-by", " "), "--confirmed-by is missing"),
        (("import", "people.csv"), "--confirmed-by is missing"),
        (("add", "ada@example", *CONSENT), "'ada@example' is no address"),
        (("add", "bob@example.org", "ada@", *CONSENT), "'ada@' is no address"),
        (("add", "jürgen@example.org", *CONSENT), "ask for an address in ASCII"),
        (("add", "ada@example.org", *CONSENT, "--group", "visoin"), "no group 'visoin'; did you mean 'vision'?"),
        (("add", "ada@example.org", *CONSENT, "--timezone", "Europe/Belin"), "did you mean 'Europe/Berlin'?"),
        (("add", "ada@example.org", *CONSENT, "--hour", "24"), "--hour"),
        (("add", "ada@example.org", "bob@example.org", *CONSENT, "--name", "Ada"), "--name is the name of one person"),
        (("add", "ada@example.org", *CONSENT, "--newsletter", "dialy"), "no newsletter 'dialy'; did you mean 'daily'?"),
        (("remove", "ada@example.org", "--newsletter", "dialy"), "no newsletter 'dialy'; did you mean 'daily'?"),
        (("import", "nowhere.csv", *CONSENT), "nowhere.csv: cannot be read: No such file or directory"),
        (("import", "digest.toml", *CONSENT), "digest.toml: line 1: unknown column '[newsletters.daily]'"),
        (("export", "nowhere/people.csv"), "nowhere/people.csv: cannot be written: No such file or directory"),
        (("export", "--json"), "export writes CSV: name a FILE, or use `digest subscribers list --json`"),
    ],
)  # fmt: skip
def test_wrong_usage_says_what_to_do_and_subscribes_nobody(home: Path, args: tuple[str, ...], said: str) -> None:
    told(home, *args, status=2, said=said)
    assert listed(home) == {}


def test_where_there_are_several_newsletters_one_has_to_be_named(home: Path) -> None:
    (home / "digest.toml").write_text(CONFIG.replace("[[sources]]", "[newsletters.weekly]\n[[sources]]"))
    told(home, "add", "ada@example.org", *CONSENT, status=2, said="say --newsletter daily or --newsletter weekly")
    told(home, "add", "ada@example.org", *CONSENT, "--newsletter", "weekly")
    told(home, "add", "ada@example.org", *CONSENT, "--newsletter", "daily")
    assert len(told(home, "list", "--json").splitlines()) == 2
    assert len(told(home, "list", "--json", "--newsletter", "weekly").splitlines()) == 1
    told(home, "remove", "ada@example.org", "--newsletter", "weekly", said="1 subscription ended")
    told(home, "list", said="daily: 1 confirmed.\nweekly: 1 unsubscribed.")
    told(home, "add", "bob@example.org", *CONSENT, "--newsletter", "weekly")
    told(home, "add", "bob@example.org", *CONSENT, "--newsletter", "daily")
    told(home, "remove", "bob@example.org", said="bob@example.org: 2 subscriptions ended.")


def test_an_import_takes_the_good_lines_and_names_every_other(home: Path) -> None:
    told(home, "add", "left@example.org", *CONSENT)
    told(home, "remove", "left@example.org")
    (home / "people.csv").write_text(
        "\ufeffemail;name;groups;cadence\r\nada@example.org;Ada;vision nlp;mon\r\n\r\nbob@;Bob;;\r\n"
        "left@example.org;;;\r\ncleo@example.org;;;daily\r\nADA@example.org;;;\r\n"
    )
    printed = told(home, "import", "people.csv", *CONSENT, "--dry-run", said="people.csv: 2 good, 3 refused.")
    assert set(listed(home)) == {"left@example.org"}
    printed = told(home, "import", "people.csv", *CONSENT)
    assert " ".join(printed.split()).startswith(
        "refused line 4: 'bob@' is no address: There must be something after the @-sign. "
        "refused line 5: left@example.org: unsubscribed on 2026-11-20: removed by a command "
        "refused line 6: cadence 'daily': allowed are each, mon, tue, wed, thu, fri, sat, sun (`each` edition, or one "
        "mail a week) refused line 7: ADA@example.org is in line 2, too; delete one of the two lines "
        "people.csv: 1 added, 4 refused."
    )
    assert max(map(len, printed.splitlines())) <= 80
    ada = listed(home)["ada@example.org"]
    assert (ada["origin"], ada["subscriber"]["groups"]) == ("import", ["vision", "nlp"])
    again = json.loads(told(home, "import", "people.csv", *CONSENT, "--json"))
    assert (again["added"], again["again"], [one["line"] for one in again["refused"]]) == (0, 1, [4, 5, 6, 7])
    (home / "people.csv").write_text("email\nbob@\n")
    told(home, "import", "people.csv", *CONSENT, status=1, said="people.csv: 1 refused.")


def test_what_is_exported_can_be_imported_elsewhere_and_is_for_the_owner_only(home: Path, tmp_path: Path) -> None:
    told(home, "add", "ada@example.org", *CONSENT, "--name", 'Ada, "Countess"', "--group", "nlp", "--group", "vision",
         "--timezone", "Europe/Berlin", "--cadence", "mon", "--hour", "8", "--format", "text")  # fmt: skip
    told(home, "add", "bob@example.org", "left@example.org", *CONSENT)
    told(home, "remove", "left@example.org")
    told(home, "export", "out.csv", said="out.csv: 3 subscribers of daily.")
    assert stat.S_IMODE((home / "out.csv").stat().st_mode) == 0o600
    written = (home / "out.csv").read_text()
    assert told(home, "export") == written
    assert written.splitlines()[0] == "email,name,groups,cadence,hour,format,timezone,status,since,confirmed_by,mark"
    assert told(home, "export", "--status", "unsubscribed").splitlines()[1].startswith("left@example.org,")
    other = tmp_path / "other"
    other.mkdir()
    (other / "digest.toml").write_text(CONFIG + GROUPS)
    printed = told(other, "import", home / "out.csv", *CONSENT)
    assert "refused  line 4: left@example.org is unsubscribed; only who is confirmed is taken" in " ".join(
        printed.replace("\n    ", " ").splitlines()
    )
    assert told(other, "export").splitlines() == [line for line in written.splitlines() if "left@" not in line]
    assert [path.name for path in home.iterdir() if path.name.startswith(".")] == []


def test_who_is_forgotten_is_nowhere_and_stays_away(home: Path) -> None:
    told(home, "add", "ada@example.org", *CONSENT, "--name", "Augusta")
    told(home, "forget", "Ada@Example.org", said="Ada@example.org: forgotten.")
    told(home, "forget", "ada@example.org", status=1, said="ada@example.org is not known.")
    assert listed(home) == {}
    assert "ada@" not in told(home, "export")
    (home / "people.csv").write_text("email\nada@example.org\n")
    told(home, "import", "people.csv", *CONSENT, status=1, said="forgotten")
    for path in home.glob("digest.db*"):
        assert b"Augusta" not in path.read_bytes(), path


def test_nothing_goes_to_a_suppressed_address_until_she_asks_for_it(home: Path) -> None:
    told(home, "add", "ada@example.org", *CONSENT)
    told(home, "suppress", "ada@example.org", "--reason", "complained by telephone", said="nothing goes there any more")
    told(home, "add", "ada@example.org", *CONSENT, status=1, said="complained by telephone")
    told(home, "add", "ada@example.org", *CONSENT, "--again", said="subscribed")
    assert listed(home)["ada@example.org"]["suppressed"] is None


def test_the_list_is_a_table_with_counts(home: Path) -> None:
    told(home, "list", said="No subscribers yet: `digest subscribers add` or `import` subscribes people.")
    told(
        home,
        "add",
        "ada@example.org",
        *CONSENT,
        "--group",
        "nlp",
        "--cadence",
        "mon",
        "--hour",
        "8",
        "--format",
        "text",
    )
    told(home, "add", *(f"reader{number}@example.org" for number in range(3)), *CONSENT)
    told(home, "remove", "reader1@example.org")
    printed = told(home, "list").splitlines()
    assert printed[0].split() == ["address", "status", "mail", "groups", "mark", "since"]
    assert printed[1].split() == ["ada@example.org", "confirmed", *"mon 08h text nlp 0 2026-11-20".split()]
    assert printed[-1] == "daily: 3 confirmed, 1 unsubscribed."
    assert max(map(len, printed)) <= 80
    shorter = told(home, "list", "--limit", "2").splitlines()
    assert (len(shorter), shorter[3]) == (5, "  the first 2; --limit N shows more, --json has all")
    assert set(listed(home, "--status", "unsubscribed")) == {"reader1@example.org"}
    assert told(home, "list", "-q") == ""


def run(home: Path) -> Any:
    """Run once, and return the receipt."""
    status, out, err = called(home, "run", "--json")
    assert status == 0, err
    return json.loads(out)


def test_subscribing_before_the_first_run_leaves_the_first_edition_whole(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "digest.toml").write_text(CONFIG)
    (other / "dumps").symlink_to(home / "dumps")
    without = run(other)
    told(
        home, "add", "ada@example.org", *CONSENT, said="  do    digest.toml has no [mail] table yet: nothing is mailed"
    )
    done = run(home)
    assert done["editions"] == without["editions"]
    assert done["editions"][0]["entries"] == 5
    # while nothing is mailed nobody falls behind: mail that is set up later begins with the edition after that
    assert listed(home)["ada@example.org"]["mark"] == 1
    told(home, "add", "bob@example.org", *CONSENT)
    assert listed(home)["bob@example.org"]["mark"] == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_init_writes_a_table_for_every_provider_and_says_what_to_set(tmp_path: Path, provider: str) -> None:
    file = tmp_path / "digest.toml"
    status, printed, err = called(tmp_path, "init", "--mail", provider)
    assert status == 0, err
    known = PROVIDERS[provider]
    assert "  do    export DIGEST_MAIL_PASSWORD=...\n" in printed
    assert ("DIGEST_MAIL_USER" in printed) == (known.user is None)
    assert known.remedy.replace(" ", "") in re.sub(r"\s", "", printed)
    text = file.read_text()
    if known.host is None:
        text = text.replace('# host = "..."', 'host = "smtp.example.org"')
    config = parse(tomllib.loads(text), root=tmp_path, where="digest.toml", environ={})
    assert config.mail is not None
    assert (config.mail.provider, config.mail.password) == (provider, "env:DIGEST_MAIL_PASSWORD")
    assert max(map(len, text.splitlines())) <= 120


def test_init_takes_the_host_of_a_server_and_names_the_nearest_provider(tmp_path: Path) -> None:
    status, _, err = called(tmp_path, "init", "--mail", "gmial")
    assert (status, (tmp_path / "digest.toml").exists()) == (2, False)
    assert "--mail gmial: no such provider; did you mean 'gmail'? there are gmail, " in err
    assert called(tmp_path, "init", "--mail", "smtp.example.org")[0] == 0
    assert 'host = "smtp.example.org"' in (tmp_path / "digest.toml").read_text()
    # the variables are not set, and only who mails needs them
    assert called(tmp_path, "papers", "search", "networks") == (0, "No paper holds networks.\n", "")
