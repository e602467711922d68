"""Broken set-ups, each found with its remedy; a healthy one has nothing that does not work.

Servers are real ones on loopback, the store is SQLite, and every check runs as the command runs it.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import sqlite3
import ssl
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from digest import config as configuration
from digest.bootstrap import opened
from digest.doctor import examine, outputs, pages
from digest.errors import UsageError
from digest.models import Newsletter
from digest.store import checkup, process
from tests.acceptance.mailing import free_port
from tests.delivery import imap
from tests.delivery import server as smtp
from tests.edition import made
from tests.setups import FEED, NOW, SECRET, Home, failures, feed, mail, of, the
from tests.sources import faults


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Publish an edition once for all tests that need one."""
    home = Home(tmp_path_factory.mktemp("once"))
    home.run()
    return home.folder


@pytest.fixture
def published(once: Path, tmp_path: Path) -> Home:
    """Return a folder in which an edition is out."""
    shutil.copytree(once, tmp_path, dirs_exist_ok=True)
    return Home(tmp_path)


@pytest.fixture
def relay() -> Iterator[smtp.Server]:
    with smtp.serving(smtp.Script(size=30_000_000)) as server:
        yield server


@pytest.fixture
def web() -> Iterator[faults.Server]:
    with faults.serving() as server:
        yield server


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("openssl"):
        if os.environ.get("DIGEST_TEST_TOOLS") == "required":
            pytest.fail("needs the command openssl")
        pytest.skip("needs the command openssl")
    return smtp.certificate(tmp_path_factory.mktemp("tls"))


# As it should be


def test_a_healthy_set_up_has_nothing_that_does_not_work(
    published: Home, web: faults.Server, pem: Path, monkeypatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    script = smtp.Script(tls="starttls", certificate=pem, login=("me", SECRET), size=30_000_000)
    url = web.on("/feed.xml", faults.text(FEED.encode(), content_type="application/rss+xml"))
    with smtp.serving(script) as relay:
        login = 'user = "me"\npassword = "env:P"\nto = "me@example.org"'
        told = mail(relay.port, login, tls="starttls", host="localhost")
        published.write(feed(url) + told, top='allow_hosts = ["127.0.0.1"]')
        published.run()
        published.admit("ann", "bob")
        found = published.examine(P=SECRET)
        assert relay.accepted == []
    assert failures(found) == []
    areas = "configuration store sources templates mail relay from subscribers unsubscribe deliveries schedule output"
    assert {one.area for one in found} == set(areas.split())
    assert "TLSv1.3" in the(found, "relay", "ok", "logged in", "30 MB", "pipelining").what
    assert "29 days" in the(found, "relay", "ok", "certificate").what
    assert "1 dump known" in the(found, "sources", "ok", "dumps").what
    assert "KiB of 100" in the(found, "mail", "ok", "daily").what
    assert SECRET not in str(found)


def test_it_changes_nothing(home: Home, web: faults.Server) -> None:
    url = web.on("/feed.xml", faults.text(FEED.encode()))
    home.write(feed(url), top='allow_hosts = ["127.0.0.1"]')
    assert failures(home.examine()) == []
    assert not (home.folder / "digest.db").exists()
    assert not (home.folder / "public").exists()
    home.run()
    before = home.everything()
    home.dump("Nov 19", range(4, 8))
    the(home.examine(), "sources", "ok", "dumps", "1 new dump with 4 listings, 1 dump known")
    assert home.everything() == before


# Configuration


def test_every_missing_secret_is_named(home: Home) -> None:
    home.write(mail(25, 'user = "me"\npassword = "env:NO_SUCH"') + '[alerts]\nwebhook = "file:no/such/file"')
    found = home.examine()
    assert the(found, "configuration", "fail", "mail.password", "NO_SUCH is not set").remedy == "export NO_SUCH=..."
    the(found, "configuration", "fail", "alerts.webhook", "no/such/file")
    assert len(of(found, "configuration", "fail")) == 2
    # the rest is looked at all the same
    the(found, "sources", "ok", "dumps")
    the(found, "relay", "warn", "not asked")


def test_a_mistake_is_told_and_what_needs_no_configuration_is_looked_at(home: Home) -> None:
    home.write(newsletter='timezone = "Europe/Berln"'.replace("timezone", "timezon"))
    assert "did you mean 'timezone'" in str(the(home.examine(), "configuration", "fail", "timezon"))
    home.file.write_text(home.file.read_text().replace("Europe/Berlin", "Europe/Berln").replace("timezon =", "title ="))
    wrong = the(home.examine(), "configuration", "fail", "timezone")
    assert "Europe/Berlin" in f"{wrong.what}{wrong.remedy}"


def test_a_newsletter_that_would_never_come_is_refused(home: Home) -> None:
    home.write(newsletter="days = []")
    found = home.examine()
    assert "mon-fri" in " ".join(f"{one.what} {one.remedy}" for one in of(found, "configuration", "fail"))


def test_a_missing_base_url_is_a_warning(home: Home) -> None:
    home.file.write_text(home.file.read_text().replace("base_url", "# base_url"))
    assert "base_url" in str(the(home.examine(), "configuration", "warn", "base_url").remedy)


# The store


def test_a_store_that_cannot_be_made_is_found(home: Home) -> None:
    home.write(top='store = "no/such/folder/digest.db"')
    found = home.examine()
    assert "make the folder" in str(the(found, "store", "fail", "there is no folder").remedy)
    the(found, "sources", "ok", "4 listings")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_store_that_only_can_be_read_is_found(published: Home) -> None:
    (published.folder / "digest.db").chmod(0o400)
    assert "writable" in str(the(published.examine(), "store", "fail", "readonly").remedy)


def test_a_store_that_another_program_writes_to_is_found(published: Home, monkeypatch) -> None:
    monkeypatch.setattr(checkup, "WAITING", 0)
    writer = sqlite3.connect(published.folder / "digest.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    found = published.examine()
    writer.close()
    assert the(found, "store", "warn", "another program writes").remedy


@pytest.mark.parametrize(("revision", "level", "remedy"), [("9999", "fail", "upgrade"), ("0001", "warn", "copy it")])
def test_a_store_of_another_release_is_found(published: Home, revision: str, level: str, remedy: str) -> None:
    published.sql("UPDATE schema_revision SET version_num = ?", revision)
    found = published.examine()
    assert remedy in str(the(found, "store", level, revision).remedy)
    # nothing is said of readers and editions that cannot be read
    assert of(found, "subscribers") == []
    the(found, "sources", "ok", "4 listings")
    assert any(revision in line for line in published.everything() if "schema_revision" in line)


def test_a_damaged_store_is_found(published: Home) -> None:
    path = published.folder / "digest.db"
    content = bytearray(path.read_bytes())
    content[4096 * 3 :] = os.urandom(len(content) - 4096 * 3)
    path.write_bytes(content)
    found = published.examine()
    assert any("backup" in str(one.remedy) for one in of(found, "store", "fail")), of(found, "store")
    the(found, "sources", "ok", "4 listings")


def test_a_lock_that_a_dead_process_left_is_found(published: Home) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    me, until = process.this(), (datetime.now(UTC) + timedelta(minutes=9)).isoformat()
    values = (1, "t" * 32, "run 7", me.machine, "host", dead.pid, "1", NOW.isoformat(), until)
    published.sql("INSERT INTO run_lock VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", *values)
    left = the(published.examine(), "store", "warn", "run 7", str(dead.pid), "has ended")
    assert "next digest run takes it" in str(left.remedy)


def test_dumps_that_a_killed_run_left_are_found(published: Home) -> None:
    published.sql("UPDATE dumps SET date = NULL")
    assert the(published.examine(), "store", "warn", "1 dump of dumps was kept and never taken in").remedy


# Sources


def test_a_source_that_is_not_there_is_found(home: Home, web: faults.Server) -> None:
    home.write(feed(web.url("/gone.xml")), top='allow_hosts = ["127.0.0.1"]')
    assert "address" in str(the(home.examine(), "sources", "fail", "blog", "HTTP 404").remedy)


def never(reply: faults.Reply, _asked: faults.Asked) -> None:
    reply.wait(30)


def test_a_source_that_hangs_stops_no_other(home: Home, web: faults.Server) -> None:
    url = web.on("/feed.xml", never)
    home.write(feed(url), top='allow_hosts = ["127.0.0.1"]')
    found = home.examine()
    assert "timeout" in str(the(found, "sources", "fail", "blog", "no answer within 1 s").remedy)
    the(found, "sources", "ok", "dumps")


def test_a_malformed_dump_is_found(home: Home) -> None:
    (home.folder / "dumps" / "Nov-19.txt").write_bytes(bytes(range(256)) * 40)
    found = home.examine()
    assert "Nov-19.txt" in str(the(found, "sources", "fail", "dumps: Nov-19.txt").remedy)


def test_a_source_that_cannot_be_opened_stops_no_other_check(home: Home, relay: smtp.Server) -> None:
    home.write(f'[[sources]]\nname = "list"\nkind = "opml"\npath = "no.opml"\n{mail(relay.port)}')
    found = home.examine()
    assert "no.opml" in str(of(found, "sources", "fail"))
    the(found, "relay", "ok", "127.0.0.1")


def test_one_source_alone_is_shown_as_it_answers(home: Home, web: faults.Server) -> None:
    url = web.on("/feed.xml", faults.text(FEED.encode(), etag='"1"'))
    home.write(feed(url), top='allow_hosts = ["127.0.0.1"]')
    home.run()
    (one,) = home.examine("blog")
    assert one.level == "ok"
    assert any("On the pruning of very small networks" in line for line in one.details)
    # it is asked for all of it, or there would be nothing to show
    assert "if-none-match" not in web.asked[-1].headers
    with pytest.raises(UsageError, match="did you mean 'blog'"):
        home.examine("blg")
    with pytest.raises(UsageError, match="leave out the source"):
        examine(home.file, source="blog", test="it@example.net", environ={})


def test_a_source_is_asked_conditionally(home: Home, web: faults.Server) -> None:
    url = web.on("/feed.xml", faults.text(FEED.encode(), etag='"1"'), lambda reply, _: reply.send(304))
    home.write(feed(url), top='allow_hosts = ["127.0.0.1"]')
    home.run()
    the(home.examine(), "sources", "ok", "blog", "has not changed")
    assert web.asked[-1].headers["if-none-match"] == '"1"'


def test_a_clock_that_is_off_is_found_by_the_answer_of_a_source(home: Home, web: faults.Server) -> None:
    told = (datetime.now(UTC) + timedelta(hours=3)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    url = web.on("/feed.xml", faults.text(FEED.encode(), date=told))
    home.write(feed(url), top='allow_hosts = ["127.0.0.1"]')
    assert "NTP" in str(the(home.examine(), "schedule", "warn", "behind that of 127.0.0.1", "3 hours").remedy)


# Templates and the next mail


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("mail/mail.mjml", "<mjml>{{ letter.subject }", ("mail/mail.mjml", "line 1")),
        ("page/edition.html", "{{ nothing_of_that_name }}", ("page/edition.html", "nothing_of_that_name")),
        ("mail/never_used.mjml", "{% if %}", ("never_used.mjml", "line 1")),
    ],
)
def test_a_broken_template_is_found(home: Home, name: str, content: str, words: tuple[str, ...]) -> None:
    path = home.folder / "mine" / name
    path.parent.mkdir(parents=True)
    path.write_text(content)
    home.write(top='templates = "mine"')
    assert "mine" in str(the(home.examine(), "templates", "fail", *words).remedy)


def test_templates_of_ones_own_that_work_are_fine(home: Home, root: Path) -> None:
    shutil.copytree(root / "templates", home.folder / "mine")
    (home.folder / "mine" / "mail" / "mial.mjml").write_text("x")
    home.write(top='templates = "mine"')
    found = home.examine()
    the(found, "templates", "ok", "rendered with a sample")
    assert "mail/mail.mjml" in str(the(found, "templates", "warn", "mail/mial.mjml").remedy)


def test_a_mail_that_does_not_fit_is_found(home: Home) -> None:
    letter = Newsletter(id="daily", title="Daily", show=1000)
    title = "On the {} of what is long, " + "and longer than anybody reads, " * 6
    edition = made.issue([made.new(n, title=title.format(n)) for n in range(1, 301)], letter=letter)
    with opened(configuration.load(home.file, {})) as system:
        mail = pages.rendered(system, edition)
    assert (mail.entries, mail.wanted, mail.html <= 100 * 1024) == (300, 300, True)
    full = the([*pages.sized(mail, None)], "mail", "warn", f"{mail.shorter} of them are told in fewer words")
    assert "smaller show" in str(full.remedy)
    fuller = dataclasses.replace(mail, wanted=mail.shown + 40)
    left_out = the([*pages.sized(fuller, None)], "mail", "warn", f"40 of the {fuller.wanted}")
    assert f"show = {mail.shown}" in str(left_out.remedy)


# The relay


def test_a_wrong_password_is_found_and_not_told(home: Home, pem: Path, monkeypatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    with smtp.serving(smtp.Script(tls="implicit", certificate=pem, login=("me", "another"))) as relay:
        login = 'user = "me"\npassword = "env:P"'
        home.write(mail(relay.port, login, tls="implicit", host="localhost"))
        found = home.examine(P=SECRET)
    assert "password" in str(the(found, "relay", "fail", "refuses the login of 'me'").remedy)
    assert SECRET not in str(found)


def test_a_relay_without_tls_is_found(home: Home, relay: smtp.Server) -> None:
    home.write(mail(relay.port, tls="starttls"))
    assert "tls" in str(the(home.examine(), "relay", "fail", "offers no STARTTLS").remedy)


def test_a_relay_that_is_down_is_found(home: Home) -> None:
    home.write(mail(free_port()))
    assert "host and port" in str(the(home.examine(), "relay", "fail", "nothing listens there").remedy)


def test_a_folder_for_mail_that_cannot_be_made_is_found(home: Home) -> None:
    home.write('[mail]\ntransport = "maildir"\npath = "digest.toml/mail"\nfrom = "me@example.org"')
    the(home.examine(), "relay", "fail", "cannot be written to")
    home.write('[mail]\ntransport = "folder"\npath = "outbox"\nfrom = "me@example.org"')
    the(home.examine(), "relay", "ok", "outbox")
    assert not (home.folder / "outbox").exists()


def test_a_test_is_mailed_where_asked(published: Home, relay: smtp.Server) -> None:
    published.write(mail(relay.port))
    found = examine(published.file, test="it@example.net")
    (sent,) = [one for one in of(found, "relay", "ok") if one.remedy]
    assert "a test of daily/2 was submitted" in sent.what or "a test of daily/1 was submitted" in sent.what
    assert relay.recipients == ["it@example.net"]
    subject = message_from_bytes(relay.accepted[0].content, policy=default)["Subject"]
    assert subject.startswith("[Test]")
    wrong = examine(published.file, test="it@")
    the(wrong, "relay", "fail", "it@")
    assert len(relay.accepted) == 1


# Leaving


def test_a_dead_unsubscribe_url_is_found(home: Home, relay: smtp.Server) -> None:
    url = f"https://127.0.0.1:{free_port()}/leave/{{token}}"
    home.write(mail(relay.port, f'unsubscribe_url = "{url}"'))
    assert "report spam" in str(the(home.examine(), "unsubscribe", "fail", "does not answer").remedy)


@pytest.mark.parametrize(("status", "level"), [(200, "ok"), (404, "warn"), (503, "fail")])
def test_an_unsubscribe_url_is_asked_for_nobody(
    home: Home, relay: smtp.Server, pem: Path, monkeypatch, status: int, level: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with faults.serving(context) as web:
        web.on("/leave/digest-doctor", faults.text(b"sure?", status))
        home.write(mail(relay.port, f'unsubscribe_url = "{web.url("/leave/{token}")}"'))
        found = home.examine()
        assert [one.path for one in web.asked] == ["/leave/digest-doctor"]
    the(found, "unsubscribe", level, f"HTTP {status}")


# Readers and deliveries


def test_an_inbox_that_nobody_reads_or_nobody_can_read_is_found(published: Home, relay: smtp.Server) -> None:
    published.write(mail(relay.port, 'bounces = "back@example.org"'))
    told = the(published.examine(), "inbox", "warn", "bounces go to back@example.org", "no [mail.inbox]")
    assert "digest bounces -" in (told.remedy or "")
    published.write(mail(relay.port, '[mail.inbox]\npath = "back"'))
    the(published.examine(), "inbox", "warn", "back is not there: right only if nothing came back")
    (published.folder / "back").touch()
    assert "back/new cannot be read" in the(published.examine(), "inbox", "fail").what
    (published.folder / "back").unlink()
    for part in ("new", "cur"):
        (published.folder / "back" / part).mkdir(parents=True)
    (published.folder / "back/new/1").write_bytes(b"Subject: one\n\n")
    the(published.examine(), "inbox", "ok", "can be read: 1 unread")
    mailbox = imap.Mailbox()
    mailbox.add(b"Subject: one\r\n\r\n")
    table = '[mail.inbox]\nhost = "127.0.0.1"\nport = {}\ntls = "none"\nuser = "me"\npassword = "env:BACK"'
    with imap.serving(mailbox) as port:
        published.write(mail(relay.port, table.format(port)))
        the(published.examine(BACK="pass word"), "inbox", "ok", "INBOX of me at 127.0.0.1 can be read: 1 message")
        assert "refuses the login" in the(published.examine(BACK="other"), "inbox", "fail").what
        assert the(published.examine(), "inbox", "warn", "lacks something").remedy
    assert mailbox.unread == [1]
    assert "refuses the connection" in the(published.examine(BACK="x"), "inbox", "fail").what


def test_a_daily_limit_that_is_too_small_is_found(published: Home, relay: smtp.Server) -> None:
    published.write(mail(relay.port, "daily_limit = 5\n[subscribers]"))
    published.admit(*(f"reader{number}" for number in range(12)))
    slow = the(published.examine(), "subscribers", "warn", "5 mails a day, 12 readers: an edition takes 3 days")
    assert "daily_limit" in str(slow.remedy)


def test_readers_of_whom_nobody_has_confirmed_are_found(published: Home, relay: smtp.Server) -> None:
    published.write(mail(relay.port, "[subscribers]"))
    published.admit("ann", "bob", confirmed_by=None)
    nobody = the(published.examine(), "subscribers", "fail", "0 confirmed, 2 not confirmed: nobody gets a mail")
    assert "consent" in str(nobody.remedy)


def test_readers_of_a_group_that_is_gone_are_found(published: Home, relay: smtp.Server) -> None:
    published.write(mail(relay.port, "[subscribers]"))
    published.admit("ann", "bob")
    published.sql("UPDATE subscriptions SET groups = 'bio'")
    gone = the(published.examine(), "subscribers", "warn", "2 readers in group bio")
    assert "[groups.bio]" in str(gone.remedy)
    published.write(mail(relay.port, '[subscribers]\n[groups.bio]\nwant = ["protein"]'))
    found = published.examine()
    the(found, "subscribers", "ok", "2 confirmed")
    assert of(found, "subscribers", "warn") == []


def test_mail_that_came_to_nothing_is_found(published: Home, relay: smtp.Server) -> None:
    published.write(mail(relay.port, "[subscribers]"))
    published.admit("ann", "bob", "cyd")
    at = datetime.now(UTC).isoformat()
    row = "INSERT INTO deliveries (newsletter, subscription, after, upto, state, at, not_before) VALUES (?,?,?,?,?,?,?)"
    for number, state in enumerate(("failed", "unknown", "deferred"), 1):
        published.sql(row, "daily", number, 0, 1, state, at, at)
    published.sql("UPDATE newsletters SET paused = 1")
    published.sql("INSERT INTO suppressions VALUES ('x', 'bounced', ?, '')", at)
    found = published.examine()
    assert "digest deliveries" in str(the(found, "deliveries", "warn", "1 mail failed").remedy)
    assert "--resolve-unknown" in str(the(found, "deliveries", "warn", "nobody knows").remedy)
    the(found, "deliveries", "warn", "put off", at[:10])
    assert "--resume" in str(the(found, "deliveries", "warn", "daily is paused").remedy)
    the(found, "subscribers", "ok", "1 address suppressed")


# The clock, the folder


def test_a_stopped_clock_is_found(home: Home, monkeypatch) -> None:
    monkeypatch.setenv("DIGEST__CLOCK", "2026-11-20T06:30:00Z")
    home.write(newsletter='at = "08:00"')
    found = home.examine(DIGEST__CLOCK="2026-11-20T06:30:00Z")
    assert "unset DIGEST__CLOCK" in str(the(found, "schedule", "warn", "DIGEST__CLOCK").remedy)
    the(found, "schedule", "ok", "Fri 2026-11-20 08:00 Europe/Berlin (Fri 07:00 UTC)")


def test_an_output_folder_that_is_none_is_found(home: Home) -> None:
    home.write(top='output = "digest.toml"')
    assert the(home.examine(), "output", "fail", "it is a file").remedy


def test_an_output_folder_that_somebody_emptied_is_found(published: Home) -> None:
    assert "153" not in the(published.examine(), "output", "ok", "files").what
    shutil.rmtree(published.folder / "public")
    (published.folder / "public").mkdir()
    assert "digest run" in str(the(published.examine(), "output", "warn", "empty").remedy)
    assert outputs.look(published.folder / "public").files == 0
