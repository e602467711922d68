"""[mail], [subscribers] and [groups.NAME]: what works, what is found at once, what is found when mail goes out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from digest.config import CommandSettings, Config, Mail, PathSettings, load, resolve_mail
from digest.delivery.providers import PROVIDERS
from digest.delivery.settings import Pace, SmtpSettings
from digest.errors import ConfigError

LEAST = '[newsletters.daily]\n[[sources]]\nkind = "folder"\npath = "dumps"\n'
BARE = 'host = "h.example.org"\n'
HOST = BARE + 'from = "a@example.org"\n'
FOLDER = 'transport = "folder"\nfrom = "a@example.org"\n'
GMAIL = '[mail]\nprovider = "gmail"\nuser = "env:ME"\npassword = "env:PASSWORD"\n'
SECRETS = {"ME": "ada@example.org", "PASSWORD": "abcd efgh"}


def read(tmp_path: Path, text: str) -> Config:
    file = tmp_path / "digest.toml"
    file.write_text(LEAST + text)
    return load(file, {})


def resolve(tmp_path: Path, text: str, **environ: str) -> Mail:
    return resolve_mail(read(tmp_path, text), environ or SECRETS)


def mail(**keys: object) -> str:
    """Return a `[mail]` table."""
    lines = [f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}" for key, value in keys.items()]
    return "\n".join(["[mail]", *lines, ""])


def smtp(found: Mail) -> SmtpSettings:
    assert isinstance(found.transport, SmtpSettings)
    return found.transport


def test_a_provider_and_two_variables_are_enough(tmp_path: Path) -> None:
    found = resolve(tmp_path, GMAIL)
    gmail = PROVIDERS["gmail"]
    assert found == Mail(
        transport=SmtpSettings(
            host="smtp.gmail.com", port=gmail.port, tls=gmail.tls, user="ada@example.org", password="abcd efgh",
            provider="gmail", connections=1, timeout=60.0,
        ),
        pace=Pace(rate=gmail.rate, daily_limit=gmail.daily_limit),
        from_addr="ada@example.org",
        to="ada@example.org",
    )  # fmt: skip
    assert "abcd" not in repr(found)


def test_all_that_may_be_said(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    found = resolve(
        tmp_path,
        mail(
            host="mail.example.org", port=465, user="digest", password="file:password", name="Papers of the Lab",
            to="ada@example.org", reply_to="env:ME", bounces="bounces@bücher.example.de", sender="The Lab",
            unsubscribe_url="https://example.org/u/{token}", connections=3,
            rate="90/min", domain_rate=0.5, daily_limit=2000, timeout="2m", give_up="1d",
        ) + 'from = "Papers@Example.org"\npostal_address = "1 Main St\\nTown"\n',
    )  # fmt: skip
    assert found == Mail(
        transport=SmtpSettings(
            host="mail.example.org", port=465, tls="implicit", user="digest", password="secret", connections=3,
            timeout=120.0,
        ),
        pace=Pace(rate=1.5, domain_rate=0.5, daily_limit=2000, give_up=86400.0),
        from_addr="Papers@example.org",
        name="Papers of the Lab",
        to="ada@example.org",
        reply_to="ada@example.org",
        bounces="bounces@xn--bcher-kva.example.de",
        sender="The Lab",
        postal_address="1 Main St\nTown",
        unsubscribe_url="https://example.org/u/{token}",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "port", "tls"),
    [
        ({}, 587, "starttls"),
        ({"tls": "implicit"}, 465, "implicit"),
        ({"port": 465}, 465, "implicit"),
        ({"port": 2525}, 2525, "starttls"),
        ({"tls": "none"}, 25, "none"),
        ({"tls": "none", "port": 2525}, 2525, "none"),
    ],
)
def test_port_and_tls_say_each_other(tmp_path: Path, keys: dict[str, object], port: int, tls: str) -> None:
    found = smtp(resolve(tmp_path, mail(host="mail.example.org", **keys) + 'from = "a@example.org"\n'))
    assert (found.port, found.tls) == (port, tls)


@pytest.mark.parametrize(
    ("keys", "port", "tls"),
    [("port = 587\n", 587, "starttls"), ("port = 465\n", 465, "implicit"), ('tls = "starttls"\n', 587, "starttls")],
)
def test_what_is_told_goes_before_what_the_provider_says(tmp_path: Path, keys: str, port: int, tls: str) -> None:
    found = smtp(resolve(tmp_path, GMAIL + keys))
    assert (found.port, found.tls) == (port, tls)


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_provider_can_be_named(tmp_path: Path, name: str) -> None:
    text = GMAIL.replace("gmail", name) + 'from = "papers@example.org"\n'
    known = PROVIDERS[name]
    found = smtp(resolve(tmp_path, text if known.host else text + 'host = "smtp.example.org"\n'))
    assert (found.port, found.tls, found.provider) == (known.port, known.tls, name)


def test_a_provider_with_one_user_for_all_needs_a_sender(tmp_path: Path) -> None:
    table = '[mail]\nprovider = "sendgrid"\npassword = "env:PASSWORD"\n'
    found = resolve(tmp_path, table + 'from = "papers@example.org"\n')
    assert (smtp(found).user, found.from_addr, found.to) == ("apikey", "papers@example.org", "papers@example.org")
    with pytest.raises(ConfigError, match=r"mail: from is missing, and the user is no address: say from = "):
        read(tmp_path, table)


def test_hosts_of_a_provider_in_another_region_are_its_own(tmp_path: Path) -> None:
    found = resolve(tmp_path, GMAIL.replace("gmail", "mailgun") + 'host = "smtp.eu.mailgun.org"\n')
    assert smtp(found).host == "smtp.eu.mailgun.org"


@pytest.mark.parametrize(
    ("keys", "transport"),
    [
        ({"transport": "maildir", "path": "Maildir"}, PathSettings("maildir", Path("Maildir"))),
        ({"transport": "folder", "path": "outbox"}, PathSettings("folder", Path("outbox"))),
        ({"transport": "sendmail"}, CommandSettings(("/usr/sbin/sendmail",))),
        ({"transport": "sendmail", "path": "/opt/sendmail"}, CommandSettings(("/opt/sendmail",))),
        ({"transport": "sendmail", "command": "msmtp -a 'my account'"}, CommandSettings(("msmtp", "-a", "my account"))),
    ],
)
def test_mail_may_go_elsewhere_than_to_a_server(
    tmp_path: Path, keys: dict[str, object], transport: PathSettings | CommandSettings
) -> None:
    found = resolve(tmp_path, mail(**keys) + 'from = "papers@example.org"\n').transport
    if isinstance(transport, PathSettings):
        transport = PathSettings(transport.kind, tmp_path.resolve() / transport.path)
    assert found == transport


@pytest.mark.parametrize(
    ("text", "to"),
    [
        (GMAIL, "ada@example.org"),
        (GMAIL + 'from = "papers@example.org"\n', "ada@example.org"),
        (GMAIL + 'to = "bob@example.org"\n', "bob@example.org"),
        (GMAIL + "[subscribers]\n", None),
        (GMAIL + 'to = "bob@example.org"\n[subscribers]\n', "bob@example.org"),
        (mail(host="localhost", tls="none") + 'from = "papers@localhost"\n', "papers@localhost"),
    ],
)
def test_the_one_reader_is_whom_the_mail_is_from_unless_there_are_others(
    tmp_path: Path, text: str, to: str | None
) -> None:
    assert resolve(tmp_path, text).to == to


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "mail: says no server: name a provider, like provider = \"gmail\", or"),
        ('provider = "gmial"', "mail.provider: found 'gmial': no such provider; did you mean 'gmail'? there are"),
        ('provder = "gmail"', "mail.provder: unknown key; did you mean 'provider'? allowed here: bounces, command, "),
        ('from_ = "a@example.org"', "mail.from_: unknown key; did you mean 'from'?"),
        ('provider = "gmail"\nhost = "smtp.example.org"\nuser = "env:A"\npassword = "env:B"',
         "mail: host 'smtp.example.org' is none of the provider 'gmail' (smtp.gmail.com); leave out one of them"),
        ('provider = "ses"\nuser = "env:A"\npassword = "env:B"', "mail: host is missing: SES wants "),
        ('provider = "gmail"', 'mail: user is missing; Gmail wants one: user = "env:DIGEST_MAIL_USER"'),
        ('provider = "gmail"\nuser = "a@example.org"', "mail: password is missing; Gmail wants an app password"),
        (BARE + 'user = "a@example.org"', "mail: password is missing where user is set: password = "),
        (BARE + 'password = "env:B"', "mail: user is missing where password is set: user = "),
        (BARE + 'user = "a@example.org"\npassword = "hunter2"',
         'mail.password: a password does not belong into this file; write password = "env:DIGEST_MAIL_PASSWORD"'),
        ('host = "smtp://h"', "mail.host: found 'smtp://h': use the name of a server without scheme and port"),
        (BARE + 'port = 465\ntls = "starttls"\nfrom = "a@example.org"', 'mail: port 465 speaks TLS from'),
        (BARE + 'port = 0', "mail.port: found 0"),
        (BARE + 'tls = "ssl"', "mail.tls: found 'ssl': allowed are 'starttls', 'implicit', 'none'"),
        (BARE + 'tls = "none"\nuser = "a@example.org"\npassword = "env:B"',
         'mail: tls = "none" would send the password in the clear to h.example.org; say tls = "starttls"'),
        ('host = "h.example.org"', "mail: from is missing, and there is no user to take it from: say from = "),
        (BARE + 'to = "a@example.org"', "mail: from is missing, and there is no user to take it from"),
        (BARE + 'user = "digest"\npassword = "env:B"', "mail: from is missing, and the user is no addr"),
        (BARE + 'from = "a@example.org, b@example.org"', "mail.from: found 'a@example.org, b@example.org': "
         "'a@example.org, b@example.org' is more than one address; write one"),
        (BARE + 'from = "a@example.org\\r\\nBcc: b@example.org"', "an address is one line"),
        (BARE + 'from = "jürgen@example.org"', "ask for an address in ASCII"),
        (HOST + 'name = "A\\r\\nBcc: b@example.org"', "mail.name: found 'A\\r\\nBcc"),
        ('transport = "maildir"\nfrom = "a@example.org"', "mail: path is missing: where the maildir is"),
        (FOLDER + 'command = "x"', "mail: command is for sendmail; folder has a path"),
        (FOLDER + 'path = "x"\nhost = "h"', "mail: host is for SMTP; leave it out, or"),
        (FOLDER.replace("folder", "sendmail") + 'path = "x"\ncommand = "y"', "mail: path and command both name"),
        ('transport = "folder"\npath = "x"', "mail: from is missing, and there is no user"),
        ('transport = "pigeon"', "mail.transport: found 'pigeon': allowed are 'smtp', 'maildir', 'folder', 'sendmail'"),
        (HOST + 'path = "x"', "mail: path is not for SMTP; leave it out, or say"),
        (HOST + 'unsubscribe_url = "http://example.org/{token}"', "use an https addr"),
        (HOST + 'unsubscribe_url = "https://example.org/"', "with {token} in it"),
        (HOST + 'unsubscribe_url = "https:{token}"', "with {token} in it"),
        (HOST + 'rate = "fast"', "mail.rate: found 'fast': use messages a second"),
        (HOST + 'rate = 0', "mail.rate: found 0: "),
        (HOST + 'give_up = "soon"', "mail.give_up: found 'soon': use a number wi"),
    ],
)  # fmt: skip
def test_a_mistake_is_found_whatever_the_command_and_no_password_is_shown(
    tmp_path: Path, table: str, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f"[mail]\n{table}\n")
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'digest.toml'}: mail")
    assert "hunter2" not in str(caught.value)


def test_a_loopback_relay_may_be_told_a_password_in_the_clear(tmp_path: Path) -> None:
    text = mail(host="127.0.0.1", port=2525, tls="none", user="a@example.org", password="env:PASSWORD")
    assert smtp(resolve(tmp_path, text)).password == "abcd efgh"
    url = 'unsubscribe_url = "http://127.0.0.1:8000/u/{token}"\n'
    assert resolve(tmp_path, text + url).unsubscribe_url == "http://127.0.0.1:8000/u/{token}"


def test_secrets_are_read_when_mail_goes_out_and_not_before(tmp_path: Path) -> None:
    config = read(tmp_path, GMAIL)
    assert config.mail is not None
    with pytest.raises(ConfigError, match=re.escape("digest.toml: mail.user: the environment variable ME is not set")):
        resolve_mail(config, {"PASSWORD": "x"})
    with pytest.raises(ConfigError, match=re.escape("mail.password: the environment variable PASSWORD is not set")):
        resolve_mail(config, {"ME": "ada@example.org"})
    missing = read(tmp_path, GMAIL.replace("env:PASSWORD", "file:nowhere"))
    with pytest.raises(ConfigError, match=r"mail\.password: .*nowhere cannot be read"):
        resolve_mail(missing, SECRETS)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("to", "hunter2", "mail.to: what env:THAT holds is no address"),
        ("from", "hunter2@", "mail.from: what env:THAT holds is no address"),
        (
            "reply_to",
            "a@example.org\nBcc: hunter2@example.org",
            "mail.reply_to: what env:THAT holds is more than one line",
        ),
    ],
)
def test_what_a_secret_holds_is_checked_and_never_shown(tmp_path: Path, key: str, value: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(tmp_path, f'{GMAIL}{key} = "env:THAT"\n', **SECRETS, THAT=value)
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_user_from_the_environment_that_is_no_address_asks_for_a_sender(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mail\.from: is missing, and the user is no address"):
        resolve(tmp_path, GMAIL, ME="digest", PASSWORD="x")
    found = resolve(tmp_path, GMAIL + 'from = "papers@example.org"\n', ME="digest", PASSWORD="x")
    assert (smtp(found).user, found.to) == ("digest", "papers@example.org")


def test_without_the_table_nothing_is_mailed(tmp_path: Path) -> None:
    config = read(tmp_path, "")
    assert (config.mail, config.subscribers, dict(config.groups)) == (None, None, {})
    with pytest.raises(ConfigError, match=r"there is no \[mail\] table, so nothing can be mailed; `digest init --mail"):
        resolve_mail(config, {})


def test_the_people_of_a_file_come_with_their_consent(tmp_path: Path) -> None:
    config = read(tmp_path, '[subscribers]\nfile = "people.csv"\nconfirmed_by = "lab manager, 2026-11-20"\n')
    assert config.subscribers is not None
    assert (config.subscribers.file, config.subscribers.confirmed_by) == ("people.csv", "lab manager, 2026-11-20")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[subscribers]\nfile = "people.csv"\n', "subscribers: confirmed_by is missing: say who recorded the consent"),
        ('[subscribers]\nfile = "people.csv"\nconfirmed_by = " "\n', "subscribers: confirmed_by is missing"),
        ('[subscribers]\nconfirmed_by = "me"\n', "subscribers: confirmed_by is for the people of a file"),
        ('[subscribers]\nfiel = "people.csv"\n', "subscribers.fiel: unknown key; did you mean 'file'?"),
        ('[groups.vision]\nwants = ["x"]\n', "groups.vision.wants: unknown key; did you mean 'want'?"),
        ('[groups."two words"]\nwant = ["x"]\n', "groups.two words: a group's name has letters, digits,"),
        ("groups = 3\n", "groups: write each group as a [groups.NAME] table"),
    ],
)
def test_mistakes_in_people_and_groups_are_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "digest.toml"
    file.write_text(text + LEAST if "groups =" in text else LEAST + text)
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    assert said in str(caught.value)


def test_groups_are_interests_and_newsletters_say_what_is_done_about_the_unknown(tmp_path: Path) -> None:
    config = read(tmp_path, '[groups.vision]\nwant = ["object detection"]\n[groups."kiel.ml"]\nmute = ["survey"]\n')
    assert config.groups["vision"].want == ("object detection",)
    assert config.groups["kiel.ml"].mute == ("survey",)
    assert config.newsletters[0].unknown == "skip"
    file = tmp_path / "other.toml"
    file.write_text(LEAST.replace("[newsletters.daily]\n", '[newsletters.daily]\nunknown = "resend"\n'))
    assert load(file, {}).newsletters[0].unknown == "resend"
    file.write_text(LEAST.replace("[newsletters.daily]\n", '[newsletters.daily]\nunknown = "retry"\n'))
    with pytest.raises(ConfigError, match=r"newsletters.daily.unknown: found 'retry': allowed are 'skip', 'resend'"):
        load(file, {})


def test_the_environment_lays_over_these_tables_too(tmp_path: Path) -> None:
    file = tmp_path / "digest.toml"
    file.write_text(LEAST + GMAIL)
    config = load(file, {"DIGEST__MAIL__TO": "eve@example.org", "DIGEST__GROUPS__VISION__WANT": '["x"]'})
    assert config.mail is not None
    assert (config.mail.to, config.groups["vision"].want) == ("eve@example.org", ("x",))
