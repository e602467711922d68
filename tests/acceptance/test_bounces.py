"""Mail goes out, comes back, and is read: who is not mailed any more, who is, and what is said of it."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from digest.models import Subscriber
from digest.store import open_store
from tests import postgres
from tests.acceptance.command import RELAY, called, page, paper
from tests.delivery import returned
from tests.delivery.imap import Mailbox
from tests.delivery.imap import serving as serving_imap
from tests.delivery.server import Message, Server, serving

CONFIG = f"""\
store = "{{store}}"
[newsletters.daily]
[newsletters.weekly]
{RELAY}{{bounces}}
[subscribers]
{{inbox}}
"""
MAILDIR = '[mail.inbox]\npath = "back"'
BOUNCES = 'bounces = "bounces@lists.example.org"'
PEOPLE = ("ann", "bob", "cid", "dan")


class Lab:
    """A folder with two newsletters, four readers of the first, one of both, and a server that takes their mail."""

    def __init__(self, folder: Path, server: Server, store: str) -> None:
        self.folder, self.server, self.store = folder, server, store
        self.back = folder / "back"
        for part in ("tmp", "new", "cur"):
            (self.back / part).mkdir(parents=True)
        (folder / "dumps").mkdir()
        self.day = 18
        self.count = 0
        self.write()

    def write(self, inbox: str = MAILDIR, bounces: str = BOUNCES) -> None:
        (self.folder / "digest.toml").write_text(
            CONFIG.format(store=self.store, port=self.server.port, inbox=inbox, bounces=bounces)
        )

    @property
    def clock(self) -> str:
        return f"2026-11-{self.day + 1:02}T09:00:00Z"

    def call(self, *args: str | Path, status: int = 0) -> str:
        done = called(*args, cwd=self.folder, clock=self.clock)
        assert done.returncode == status, done.stderr + done.stdout
        return done.stdout + done.stderr

    def told(self, *args: str | Path, status: int = 0) -> Any:
        done = called(*args, "--json", cwd=self.folder, clock=self.clock)
        assert done.returncode == status, done.stderr + done.stdout
        return json.loads(done.stdout.splitlines()[0])

    def edition(self) -> dict[str, Message]:
        """Publish and mail an edition of each newsletter, a day later; return what the first one's readers got."""
        self.day += 1
        papers = range(self.day * 10, self.day * 10 + 6)
        (self.folder / "dumps" / f"2026-11-{self.day}.txt").write_text(page(f"Nov {self.day}", [*map(paper, papers)]))
        before = len(self.server.accepted)
        self.said = self.call("run")
        got = self.server.accepted[before:]
        return {one.recipients[0].split("@")[0]: one for one in got if b"<daily." in one.content}

    def subscribe(self) -> None:
        opened = open_store(self.store if "://" in self.store else str(self.folder / self.store))
        at = datetime(2026, 11, 18, 9, tzinfo=UTC)
        for newsletter, names in (("daily", PEOPLE), ("weekly", PEOPLE[:1])):
            people = [Subscriber(address=f"{name}@example.net") for name in names]
            opened.subscribers.admit(newsletter, people, at=at, origin="command", confirmed_by="a test")
        opened.close()

    def arrive(self, content: bytes, folder: Path | None = None) -> Path:
        """Let a message arrive in the Maildir."""
        self.count += 1
        path = (folder or self.back / "new") / f"{self.count:03}.host"
        path.write_bytes(content)
        return path

    def unread(self) -> int:
        return sum(not one.name.endswith("S") for part in ("new", "cur") for one in (self.back / part).iterdir())

    def statuses(self) -> dict[str, str]:
        people = self.call("subscribers", "export", "--newsletter", "daily")
        rows = [line.split(",") for line in people.splitlines()]
        where = rows[0].index("status")
        return {f"{row[0].split('@')[0]}": row[where] for row in rows[1:]}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tools)])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    store = "digest.db"
    server: postgres.Server | None = None
    if request.param == "postgresql":
        server = request.getfixturevalue("server")
        store = server.create("bounces")
    with serving() as smtp:
        made = Lab(tmp_path, smtp, store)
        made.edition()
        made.subscribe()
        yield made
    if server:
        server.drop("bounces")


def test_what_comes_back_decides_who_is_mailed_next(lab: Lab) -> None:
    got = lab.edition()
    assert set(got) == set(PEOPLE)
    back = {name: one.sender for name, one in got.items()}
    lab.arrive(returned.postfix(back["ann"], "ann@example.net"))
    lab.arrive(returned.full(back["bob"], "bob@example.net"))
    lab.arrive(returned.complaint(back["cid"], "cid@example.net"))
    lab.arrive(returned.delayed(back["dan"], "dan@example.net"))
    lab.arrive(returned.out_of_office(back["dan"], "dan@example.net"))
    assert set(lab.edition()) == {"bob", "dan"}
    assert "Came back: 1 suppressed, 1 complained, 1 counted." in lab.said
    assert lab.unread() == 0
    assert lab.statuses() == {"ann": "unsubscribed", "bob": "confirmed", "cid": "unsubscribed", "dan": "confirmed"}
    said = " ".join(lab.call("deliveries", "daily/2").split())
    assert "last edition in it submitted pending deferred failed unknown returned No. 2 4 0 0 0 0 3" in said
    assert "ann@example.net: permanent: 550 5.1.1 <ann@example.net>: Recipient address rejected" in said
    assert "bob@example.net: counted: 552 5.2.2 <bob@example.net>: Quota exceeded (mailbox is full)" in said
    (told, *_) = lab.told("deliveries", "daily/2")["editions"]
    assert (told["submitted"], told["returned"]) == (4, 3)


def test_the_command_says_what_it_read(lab: Lab) -> None:
    got = lab.edition()
    lab.arrive(returned.postfix(got["ann"].sender, "ann@example.net"))
    lab.arrive(returned.policy(got["bob"].sender, "bob@example.net"))
    lab.arrive(returned.delayed(got["dan"].sender, "dan@example.net"))
    lab.arrive(returned.wordless(got["dan"].sender, "dan@example.net"))
    lab.arrive(returned.postfix())
    lab.arrive(returned.letter("bounces@lists.example.org"))
    said = lab.call("bounces")
    table = said.splitlines()[1:]
    assert said.startswith("6 messages read from Maildir back: 1 address suppressed.\n")
    assert table[0].split("  ")[1:] == ["read", "suppressed", "counted", "refused", "unsubscribed", "complaints",
                                        "ignored", "unread"]  # fmt: skip
    assert table[1].split() == ["6", "1", "0", "1", "0", "0", "1", "3"]
    assert "  ann@example.net (daily): suppressed: 550 5.1.1 <ann@example.net>: Recipient" in said
    assert "  bob@example.net (daily): refused for what we are or send: 550-5.7.26 This" in said
    assert "  dan@example.net (daily): not understood: Delivery failure, mail system error!" in said
    assert "  005.host: not about a mail of ours" in said
    assert "  do    digest doctor" in said
    assert "  do    look at 3 messages that stay unread" in said
    assert all(len(line) <= 80 for line in said.splitlines())
    assert lab.unread() == 3
    assert lab.call("bounces") == "Nothing came back: Maildir back has nothing new.\n"


def test_json_tells_each_message(lab: Lab) -> None:
    got = lab.edition()
    path = lab.arrive(returned.exim(got["ann"].sender, "ann@example.net"))
    told = lab.told("bounces")
    assert {name: count for name, count in told.items() if name != "messages"} == {
        "read": 1, "suppressed": 1, "counted": 0, "refused": 0, "unsubscribed": 0, "complained": 0, "ignored": 0,
        "foreign": 0, "unclear": 0, "letter": 0,
    }  # fmt: skip
    (one,) = told["messages"]
    assert {name: one[name] for name in ("name", "kind", "effect", "newsletter", "address")} == {
        "name": path.name, "kind": "bounce", "effect": "suppressed", "newsletter": "daily",
        "address": "ann@example.net",
    }  # fmt: skip
    assert one["note"].startswith("550-5.1.1 The email account")
    assert lab.call("bounces", "-q") == ""


def test_mail_read_twice_changes_nothing(lab: Lab) -> None:
    got = lab.edition()
    folder = lab.folder / "messages"
    folder.mkdir()
    forms = {"ann": returned.postfix, "bob": returned.full, "cid": returned.complaint}
    for name, form in forms.items():
        (folder / f"{name}.eml").write_bytes(form(got[name].sender, f"{name}@example.net"))
    first = lab.told("bounces", folder)
    assert [one["effect"] for one in first["messages"]] == ["suppressed", "counted", "complained"]
    again = lab.told("bounces", folder)
    assert [one["effect"] for one in again["messages"]] == ["ignored"] * 3
    # not even for who is taken back
    wish = ("--newsletter", "daily", "--again", "--confirmed-by", "herself")
    lab.call("subscribers", "add", "ann@example.net", *wish)
    lab.told("bounces", folder)
    assert set(lab.edition()) == {"ann", "bob", "dan"}


def asked(message: Message, sender: str = "x@example.net") -> bytes:
    """Return the mail that a reader's program writes when she presses its button."""
    (link,) = message_from_bytes(message.content, policy=policy.default)["List-Unsubscribe"].split()
    address, _, subject = link.strip("<>").removeprefix("mailto:").partition("?subject=")
    return returned.letter(address, sender, subject=subject.replace("%20", " "), text="")


def test_a_reader_leaves_one_newsletter_by_mail(lab: Lab) -> None:
    got = lab.edition()
    lab.arrive(asked(got["ann"]))
    told = lab.told("bounces")
    assert [(one["effect"], one["newsletter"], one["address"]) for one in told["messages"]] == [
        ("unsubscribed", "daily", "ann@example.net")
    ]
    assert set(lab.edition()) == {"bob", "cid", "dan"}
    weekly = [one for one in lab.server.accepted if b"<weekly." in one.content]
    assert len(weekly) == 2
    assert lab.unread() == 0


def test_what_is_forged_changes_nothing_and_is_said(lab: Lab) -> None:
    got = lab.edition()
    sender = got["ann"].sender
    local, _, host = sender.partition("@")
    forged = f"{local[:-1]}{'a' if local[-1] != 'a' else 'b'}@{host}"
    lab.arrive(returned.postfix(forged, "ann@example.net"))
    lab.arrive(returned.postfix("bounces@lists.example.org", "ann@example.net"))
    lab.arrive(returned.complaint("digest@example.org", "ann@example.net"))
    lab.arrive(returned.letter(subject=f"unsubscribe daily {local.partition('+')[2]}", text=""))
    told = lab.told("bounces")
    assert [one["effect"] for one in told["messages"]] == ["foreign"] * 4
    assert set(lab.edition()) == set(PEOPLE)
    assert lab.unread() == 4


def test_a_bounce_of_somebody_behind_the_address_only_counts(lab: Lab) -> None:
    """The reader is a list, or forwards her mail: what is wrong with others is not wrong with her."""
    got = lab.edition()
    lab.arrive(returned.postfix(got["ann"].sender, "member@elsewhere.example.com"))
    lab.arrive(returned.postfix(got["bob"].sender, "m7@internal.example.com", original="BOB@example.net"))
    told = lab.told("bounces")
    assert [(one["address"], one["effect"]) for one in told["messages"]] == [
        ("ann@example.net", "counted"), ("bob@example.net", "suppressed"),
    ]  # fmt: skip
    assert told["messages"][0]["note"].endswith("(of member@elsewhere.example.com)")


def test_without_an_address_for_bounces_the_mail_that_is_returned_tells_whose_it_is(lab: Lab) -> None:
    lab.write(bounces="")
    got = lab.edition()
    assert {one.sender for one in got.values()} == {"digest@example.org"}
    heads = {name: one.content.partition(b"\r\n\r\n")[0].decode().replace("\r\n", "\n") for name, one in got.items()}
    lab.arrive(returned.postfix("digest@example.org", "ann@example.net", copy=heads["ann"] + "\n"))
    lab.arrive(returned.complaint("digest@example.org", "bob@example.net", copy=heads["bob"] + "\n"))
    told = lab.told("bounces")
    assert [(one["address"], one["effect"]) for one in told["messages"]] == [
        ("ann@example.net", "suppressed"), ("bob@example.net", "complained"),
    ]  # fmt: skip
    assert set(lab.edition()) == {"cid", "dan"}


def test_a_rehearsal_writes_nothing_and_marks_nothing(lab: Lab) -> None:
    got = lab.edition()
    lab.arrive(returned.postfix(got["ann"].sender, "ann@example.net"))
    said = lab.call("bounces", "--dry-run")
    assert "1 address suppressed" in said
    assert "dry run: nothing was written" in said
    assert lab.unread() == 1
    assert lab.told("bounces")["suppressed"] == 1


def test_every_form_in_which_mail_is_kept_is_read(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.write(inbox="")
    got = lab.edition()
    raw = {name: returned.qmail(got[name].sender, f"{name}@example.net") for name in PEOPLE}
    (lab.folder / "mbox").write_bytes(b"From x Fri Nov 20 08:00:00 2026\r\n" + raw["ann"])
    (lab.folder / "one.eml").write_bytes(raw["bob"])
    lab.arrive(raw["cid"])
    told = lab.told("bounces", lab.folder / "mbox", lab.folder / "one.eml", lab.back)
    assert [one["address"].split("@")[0] for one in told["messages"]] == ["ann", "bob", "cid"]
    assert lab.unread() == 0
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw["dan"])))
    assert lab.told("bounces", "-")["suppressed"] == 1
    assert set(lab.statuses().values()) == {"unsubscribed"}
    assert "there is no [mail.inbox]" in lab.call("bounces", status=2)
    assert "nowhere: there is no such file" in lab.call("bounces", "nowhere", status=2)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    assert "no message on stdin" in lab.call("bounces", "-", status=2)


def test_a_mailbox_on_a_server_is_read_before_mail_goes_out(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    mailbox = Mailbox(folder="Back")
    monkeypatch.setenv("DIGEST_INBOX", "pass word")
    with serving_imap(mailbox) as port:
        lab.write(
            f'[mail.inbox]\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\nfolder = "Back"\n'
            'user = "me"\npassword = "env:DIGEST_INBOX"\ntimeout = 5'
        )
        got = lab.edition()
        mailbox.add(returned.letter(), returned.gmail(got["ann"].sender, "ann@example.net"))
        assert "Came back: 1 suppressed." in lab.call("send")
        assert mailbox.unread == [1]
        asked_before = len(mailbox.commands)
        assert lab.told("bounces")["read"] == 0
        assert not [one for one in mailbox.commands[asked_before:] if "FETCH" in one]
        mailbox.login = ("me", "another")
        got = lab.edition()
        assert set(got) == {"bob", "cid", "dan"}
        assert "what came back is not read: 127.0.0.1" in lab.said
        assert "refuses the login of 'me'" in lab.call("bounces", status=1)
    assert "refuses the connection" in lab.call("bounces", status=1)
    monkeypatch.delenv("DIGEST_INBOX")
    assert "DIGEST_INBOX is not set" in lab.call("bounces", status=2)
    assert set(lab.edition()) == {"bob", "cid", "dan"}
    assert "what came back is not read" in lab.said


def test_who_dies_before_a_message_is_marked_as_read_reads_it_again_to_no_effect(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox = Mailbox(drop="STORE")
    monkeypatch.setenv("DIGEST_INBOX", "pass word")
    with serving_imap(mailbox) as port:
        table = f'[mail.inbox]\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\nuser = "me"\n'
        lab.write(table + 'password = "env:DIGEST_INBOX"')
        got = lab.edition()
        mailbox.add(*(returned.full(got[name].sender, f"{name}@example.net") for name in ("ann", "bob")))
        assert "Try later" in lab.call("bounces", status=1)
        mailbox.drop = ""
        told = lab.told("bounces")
        assert [(one["address"], one["effect"]) for one in told["messages"]] == [
            ("ann@example.net", "ignored"), ("bob@example.net", "counted"),
        ]  # fmt: skip
        assert mailbox.unread == []


def test_a_mailbox_that_is_always_full_is_given_up(lab: Lab) -> None:
    for day in range(9):
        got = lab.edition()
        assert ("bob" in got) == (day < 8)
        assert {"ann", "cid", "dan"} <= set(got)
        if "bob" in got:
            lab.arrive(returned.full(got["bob"].sender, "bob@example.net"))
    assert lab.statuses()["bob"] == "unsubscribed"
