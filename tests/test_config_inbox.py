"""[mail.inbox]: what works, what is found at once, what is found when it is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from digest.config import Config, load, resolve_inbox
from digest.delivery.settings import ImapSettings
from digest.errors import ConfigError

LEAST = '[newsletters.daily]\n[[sources]]\nkind = "folder"\npath = "dumps"\n[mail]\n'
GMAIL = 'provider = "gmail"\nuser = "env:ME"\npassword = "env:PASSWORD"\n'
PLAIN = 'host = "relay.example.org"\nfrom = "a@example.org"\n'
OWN = 'host = "imap.example.org"\nuser = "back"\npassword = "env:BACK"\n'
SECRETS = {"ME": "ada@example.org", "PASSWORD": "abcd efgh", "BACK": "s3cret"}


def read(tmp_path: Path, table: str, mail: str = GMAIL, **environ: str) -> Config:
    (tmp_path / "digest.toml").write_text(f"{LEAST}{mail}[mail.inbox]\n{table}")
    return load(tmp_path / "digest.toml", environ)


def test_without_a_table_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "digest.toml").write_text(LEAST + PLAIN)
    assert resolve_inbox(load(tmp_path / "digest.toml", {}), {}) is None


def test_a_maildir_is_seen_from_the_file(tmp_path: Path) -> None:
    assert resolve_inbox(read(tmp_path, 'path = "back"'), {}) == tmp_path / "back"


def test_a_host_is_enough_where_the_mailbox_is_the_one_that_mails(tmp_path: Path) -> None:
    found = resolve_inbox(read(tmp_path, 'host = "imap.gmail.com"'), SECRETS)
    assert found == ImapSettings("imap.gmail.com", "ada@example.org", "abcd efgh", 993, "implicit", "INBOX", 30.0)


def test_all_that_may_be_said(tmp_path: Path) -> None:
    told = OWN + 'port = 10143\ntls = "starttls"\nfolder = "My Bounces"\ntimeout = "5s"'
    found = resolve_inbox(read(tmp_path, told, PLAIN), SECRETS)
    assert found == ImapSettings("imap.example.org", "back", "s3cret", 10143, "starttls", "My Bounces", 5.0)
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    ("told", "port", "tls"),
    [("", 993, "implicit"), ("port = 143", 143, "starttls"), ('tls = "starttls"', 143, "starttls")],
)
def test_ports_and_encryption_go_together(tmp_path: Path, told: str, port: int, tls: str) -> None:
    found = resolve_inbox(read(tmp_path, OWN + told, PLAIN), SECRETS)
    assert isinstance(found, ImapSettings)
    assert (found.port, found.tls) == (port, tls)


def test_the_environment_may_say_it(tmp_path: Path) -> None:
    config = read(tmp_path, 'path = "back"', DIGEST__MAIL__INBOX__PATH="other")
    assert resolve_inbox(config, {}) == tmp_path / "other"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", 'mail.inbox: names one mailbox: path = "Maildir", or host'),
        ('path = "a"\nhost = "b"', "mail.inbox: names one mailbox"),
        ('path = "a"\nuser = "b"', "mail.inbox: user is for IMAP; leave it out"),
        ('hots = "b"', "mail.inbox.hots: unknown key; did you mean 'host'? allowed here: folder, host"),
        ('host = "imap://b"', "mail.inbox.host: found 'imap://b': use the name of a server"),
        ('host = "b"\nuser = "me"', "mail.inbox: user and password belong together"),
        ('host = "b"\nuser = "me"\npassword = "hunter2"', "mail.inbox.password: a password does not belong into"),
        ('host = "b"\ntls = "none"', 'mail.inbox: tls = "none" would send the password in the clear to b'),
        ('host = "b"\nport = 0', "mail.inbox.port: found 0"),
        ('host = "b"\nfolder = "B\\r\\nX"', "mail.inbox.folder: found"),
    ],
)
def test_a_mistake_is_found_whatever_the_command(tmp_path: Path, table: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, table)
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_somebody_has_to_log_in(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mail\.inbox\.user: is missing, and \[mail\] has none"):
        read(tmp_path, 'host = "imap.example.org"', PLAIN)


def test_it_is_a_table(tmp_path: Path) -> None:
    (tmp_path / "digest.toml").write_text(f'{LEAST}{PLAIN}inbox = "Maildir"\n')
    with pytest.raises(ConfigError, match=r"mail\.inbox: expected a table, found 'Maildir'"):
        load(tmp_path / "digest.toml", {})


def test_secrets_are_read_when_it_is_read_and_never_shown(tmp_path: Path) -> None:
    config = read(tmp_path, OWN)
    with pytest.raises(ConfigError, match=r"mail\.inbox\.password: the environment variable BACK is not set"):
        resolve_inbox(config, {})
    with pytest.raises(ConfigError, match="what env:BACK holds is more than one line") as caught:
        resolve_inbox(config, {"BACK": "s3cret\nA1 DELETE INBOX"})
    assert "s3cret" not in str(caught.value)
