"""Where mail that came back is read from: files of each form, and a mailbox on a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from digest.delivery.returned_files import Box, EmlFiles, Maildir, Mbox, Single, box_at
from digest.delivery.returned_imap import FETCHED, MOST, ImapBox
from digest.delivery.returned_mime import LIMIT
from digest.delivery.settings import ImapSettings
from digest.errors import TransportError
from tests.delivery.imap import Mailbox, serving
from tests.delivery.server import certificate

ONE, TWO, THREE = (b"Subject: %b\r\n\r\nText.\r\n" % name for name in (b"one", b"two", b"three"))


def maildir(path: Path, **messages: bytes) -> Path:
    """Make a Maildir; names begin with the folder."""
    for part in ("tmp", "new", "cur"):
        (path / part).mkdir(parents=True)
    for name, content in messages.items():
        part, _, rest = name.partition("_")
        (path / part / rest.replace("__", ":2,")).write_bytes(content)
    return path


def names(path: Path) -> list[str]:
    return sorted(f"{one.parent.name}/{one.name}" for one in path.rglob("*") if one.is_file())


def contents(box: Box) -> list[bytes]:
    return [one.content for one in box.messages()]


def test_a_maildir_gives_what_is_unread_and_marks_what_is_done(tmp_path: Path) -> None:
    path = maildir(tmp_path / "M", new_1=ONE, cur_2__=TWO, cur_3__F=THREE, cur_4__FS=ONE, cur_5__T=ONE, tmp_6=ONE)
    box = Maildir(path)
    found = list(box.messages())
    assert [one.content for one in found] == [ONE, TWO, THREE]
    box.done(found[0])
    box.done(found[2])
    assert names(path) == ["cur/1:2,S", "cur/2:2,", "cur/3:2,FS", "cur/4:2,FS", "cur/5:2,T", "tmp/6"]
    assert contents(Maildir(path)) == [TWO]


def test_a_maildir_remembers_what_was_looked_at(tmp_path: Path) -> None:
    path = maildir(tmp_path / "M", new_1=ONE, new_2=TWO)
    box = Maildir(path)
    first, _ = box.messages()
    box.done(first)
    told = box.memory()
    (path / "new" / "2").rename(path / "cur" / "2:2,")
    (path / "new" / "3").write_bytes(THREE)
    later = Maildir(path, told)
    assert contents(later) == [THREE]
    assert len(later.memory()["left"].split()) == 2
    (path / "cur" / "2:2,").unlink()
    (path / "new" / "3").unlink()
    assert (contents(Maildir(path, told)), Maildir(path, told).memory()) == ([], {})


def test_a_maildir_that_is_only_looked_at_stays_as_it_is(tmp_path: Path) -> None:
    path = maildir(tmp_path / "M", new_1=ONE)
    box = Maildir(path, mark=False)
    for one in box.messages():
        box.done(one)
    assert names(path) == ["new/1"]


def test_somebody_else_may_move_messages_meanwhile(tmp_path: Path) -> None:
    path = maildir(tmp_path / "M", new_1=ONE, new_2=TWO, new_3=THREE)
    box, found = Maildir(path), []
    for one in box.messages():
        found.append(one.content)
        (path / "new" / "1").unlink(missing_ok=True)
        (path / "new" / "2").unlink(missing_ok=True)
        box.done(one)
    assert found == [ONE, THREE]
    assert names(path) == ["cur/3:2,S"]


def test_an_mbox_gives_its_messages(tmp_path: Path) -> None:
    path = tmp_path / "mbox"
    path.write_bytes(b"From a@x Fri Nov 20 08:00:00 2026\nSubject: one\n\nHere,\nFrom here on,\n>From there.\n\n"
                     b"From b@x Fri Nov 20 08:00:00 2026\r\nSubject: two\r\n\r\nText.\r\n")  # fmt: skip
    assert isinstance(box_at(path), Mbox)
    one, two = contents(box_at(path))
    assert one.endswith(b"Subject: one\n\nHere,\nFrom here on,\nFrom there.\n\n")
    assert two.endswith(b"Subject: two\r\n\r\nText.\r\n")


def test_a_line_of_text_that_begins_with_from_parts_no_message(tmp_path: Path) -> None:
    path = tmp_path / "mbox"
    path.write_bytes(b"From a@x Fri Nov 20 08:00:00 2026\nSubject: one\n\nText\nFrom within a paragraph.\n")
    assert len(contents(box_at(path))) == 1


def test_a_folder_of_messages_and_one_message(tmp_path: Path) -> None:
    (tmp_path / "b.eml").write_bytes(TWO)
    (tmp_path / "a.EML").write_bytes(ONE)
    (tmp_path / "notes.txt").write_text("no message")
    assert isinstance(box_at(tmp_path), EmlFiles)
    assert contents(box_at(tmp_path)) == [ONE, TWO]
    assert isinstance(box_at(tmp_path / "b.eml"), Single)
    assert contents(box_at(tmp_path / "b.eml")) == [TWO]


def test_of_a_large_message_the_beginning_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(b"x" * (LIMIT + 99))
    (tmp_path / "mbox").write_bytes(b"From a\n" + b"x\n" * LIMIT + b"\nFrom b\nSubject: two\n")
    assert [len(one) for one in contents(box_at(tmp_path))] == [LIMIT + 1]
    first, second = contents(box_at(tmp_path / "mbox"))
    assert len(first) <= LIMIT + 99
    assert second == b"From b\nSubject: two\n"


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(TransportError, match=r"nowhere: there is no such file"):
        box_at(tmp_path / "nowhere")
    # nothing came back so far
    assert contents(Maildir(tmp_path / "nowhere")) == []
    (tmp_path / "file").touch()
    with pytest.raises(TransportError, match=r"file/new cannot be read: Not a directory\. Name a Maildir"):
        contents(Maildir(tmp_path / "file"))


# IMAP


@contextmanager
def imap(mailbox: Mailbox, remembered: dict[str, str] | None = None, **told: Any) -> Iterator[ImapBox]:
    """Give a box on a server that serves the mailbox."""
    mark = told.pop("mark", True)
    user, password = told.pop("login", mailbox.login)
    with serving(mailbox) as port:
        tls = "none" if mailbox.certificate is None else "starttls" if mailbox.starttls else "implicit"
        given = {"host": "127.0.0.1", "port": port, "tls": tls, "timeout": 5.0, **told}
        box = ImapBox(ImapSettings(user=user, password=password, **given), remembered, mark=mark)
        try:
            yield box
        finally:
            box.close()


def test_imap_gives_what_is_unread_and_marks_what_is_done() -> None:
    mailbox = Mailbox()
    mailbox.add(ONE, TWO, THREE)
    mailbox.messages[2].flags.add("\\Seen")
    with imap(mailbox) as box:
        first, last = box.messages()
        assert (first.content, last.content) == (ONE, THREE)
        assert mailbox.unread == [1, 3]
        box.done(first)
        assert mailbox.unread == [3]
        assert box.count() == 3
    assert mailbox.commands[-1] == "LOGOUT"
    assert all("BODY.PEEK[]" in one for one in mailbox.commands if "FETCH" in one)


def test_imap_remembers_up_to_where_it_was_looked_at() -> None:
    mailbox = Mailbox()
    mailbox.add(ONE, TWO)
    with imap(mailbox) as box:
        assert contents(box) == [ONE, TWO]
        told = dict(box.memory())
        assert "me" not in told.values()
        assert "127.0.0.1" not in str(told)
    with imap(mailbox, told) as box:
        assert contents(box) == []
        assert box.memory() == told
    mailbox.add(THREE)
    with imap(mailbox, told) as box:
        assert contents(box) == [THREE]
    mailbox.validity = 8
    with imap(mailbox, told) as box:
        assert contents(box) == [ONE, TWO, THREE]
    mailbox.folder = "Bounces"
    with imap(mailbox, {**told, "validity": "8"}, folder="Bounces") as box:
        assert contents(box) == [ONE, TWO, THREE]


def test_imap_that_is_only_looked_at_is_opened_to_be_read() -> None:
    mailbox = Mailbox()
    mailbox.add(ONE)
    with imap(mailbox, mark=False) as box:
        for one in box.messages():
            box.done(one)
    assert mailbox.unread == [1]
    assert "EXAMINE" in " ".join(mailbox.commands)


def test_imap_takes_many_in_several_rounds() -> None:
    mailbox = Mailbox()
    mailbox.add(*[ONE] * (MOST + 1))
    with imap(mailbox) as box:
        assert len(contents(box)) == MOST
        told = dict(box.memory())
    with imap(mailbox, told) as box:
        assert len(contents(box)) == 1


def test_imap_asks_for_no_more_than_it_reads() -> None:
    mailbox = Mailbox()
    mailbox.add(b"x" * (FETCHED + 99))
    with imap(mailbox) as box:
        assert [len(one) for one in contents(box)] == [FETCHED]


def test_an_empty_mailbox_gives_nothing() -> None:
    with imap(Mailbox()) as box:
        assert contents(box) == []
        assert box.memory() == {}


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("login", [('a "b" \\c', 'p "q" \\r %s'), ("me@example.org", "pass word")])
def test_imap_logs_in_with_any_characters(plain: bool, login: tuple[str, str]) -> None:
    mailbox = Mailbox(login=login, plain=plain)
    mailbox.add(ONE)
    with imap(mailbox) as box:
        assert contents(box) == [ONE]


@pytest.mark.parametrize("starttls", [True, False])
def test_imap_is_encrypted_and_checks_the_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, starttls: bool
) -> None:
    made = certificate(tmp_path)
    mailbox = Mailbox(certificate=made, starttls=starttls)
    mailbox.add(ONE)
    with imap(mailbox) as box, pytest.raises(TransportError, match=r"certificate is not trusted.* SSL_CERT_FILE"):
        contents(box)
    monkeypatch.setenv("SSL_CERT_FILE", str(made))
    with imap(mailbox) as box:
        assert contents(box) == [ONE]


@pytest.mark.parametrize("plain", [True, False])
def test_a_wrong_password_is_said_without_it(plain: bool) -> None:
    with (
        imap(Mailbox(plain=plain), login=("me", "s3cret")) as box,
        pytest.raises(TransportError, match=r"refuses the login of 'me': .*Invalid credentials.* Check user") as caught,
    ):
        contents(box)
    shown: BaseException | None = caught.value
    while shown:
        assert "s3cret" not in str(shown)
        shown = shown.__cause__


def test_a_provider_that_is_known_says_what_it_wants() -> None:
    from digest.delivery.returned_imap import _remedy

    assert "app password" in _remedy(ImapSettings("imap.gmail.com", "me", "x"))
    assert "app password" in _remedy(ImapSettings("imap.fastmail.com", "me", "x"))
    assert _remedy(ImapSettings("mail.example.org", "me", "x")).startswith("Check user and password")


@pytest.mark.parametrize(
    ("mailbox", "said"),
    [
        (Mailbox(folder="Other"), "does not open the folder 'INBOX'.* Check its name"),
        (Mailbox(drop="SELECT"), "Try later"),
        (Mailbox(drop="AUTHENTICATE"), "Try later"),
        (Mailbox(drop="SEARCH"), "Try later"),
        (Mailbox(drop="FETCH"), "Try later"),
        (Mailbox(replies={"SEARCH": "{tag} NO [SERVERBUG] out of order"}), "out of order. Try later"),
        (Mailbox(replies={"SEARCH": "* SEARCH 1 x\r\n{tag} OK done"}), "Try later"),
        (Mailbox(replies={"FETCH": "{tag} NO out of order"}), "out of order"),
    ],
)
def test_what_a_server_does_wrong_is_a_transport_error(mailbox: Mailbox, said: str) -> None:
    mailbox.add(ONE)
    with imap(mailbox) as box, pytest.raises(TransportError, match=said):
        contents(box)


def test_a_server_that_is_not_there_is_said() -> None:
    for told, said in (
        ({"port": 1}, "refuses the connection"),
        ({"host": "nowhere.invalid"}, "is not found"),
    ):
        box = ImapBox(ImapSettings(**{"host": "127.0.0.1", "user": "me", "password": "x", "tls": "none", **told}))  # type: ignore[arg-type]
        with pytest.raises(TransportError, match=said):
            contents(box)


def test_a_server_that_is_silent_is_given_up() -> None:
    mailbox = Mailbox(replies={"SEARCH": "* OK wait"})
    mailbox.add(ONE)
    with imap(mailbox, timeout=0.2) as box, pytest.raises(TransportError, match="does not answer in time"):
        contents(box)


def test_the_settings_never_show_the_password() -> None:
    assert "s3cret" not in repr(ImapSettings("h", "me", "s3cret"))
