"""Connecting, encrypting, logging in; what is said where that fails, and that no password ever is."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from digest.delivery.providers import PROVIDERS
from digest.delivery.settings import SmtpSettings
from digest.delivery.smtp import SmtpTransport
from digest.errors import TransportError
from tests.delivery.lanes import drive, outcomes, outgoing
from tests.delivery.server import Script, Server, certificate, in_process, serving

SECRET = "correct horse battery"
LOGIN = ("me@example.org", SECRET)


@pytest.fixture(scope="module", name="pem")
def _pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("openssl"):
        if os.environ.get("DIGEST_TEST_TOOLS") == "required":
            pytest.fail("needs the command openssl")
        pytest.skip("needs the command openssl")
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(name="trusted")
def _trusted(pem: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    return pem


def settings(server: Server, **told: Any) -> SmtpSettings:
    return SmtpSettings("localhost", server.port, **{"tls": "none", "timeout": 20.0, **told})


def refusal(one: SmtpSettings) -> str:
    with pytest.raises(TransportError) as caught:
        SmtpTransport(one).open()
    error: BaseException | None = caught.value
    while error is not None:
        assert SECRET not in f"{error!s}{error!r}"
        error = error.__cause__ or error.__context__
    assert SECRET not in repr(one)
    return str(caught.value)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("mechanisms", ["PLAIN LOGIN", "LOGIN", "PLAIN"])
@pytest.mark.parametrize("pipelining", [True, False])
def test_mail_goes_encrypted_after_a_login(trusted, tls, mechanisms, pipelining):
    body = (b"." * 76 + b"\r\n") * 40_000
    sent = [outgoing(1), outgoing(2, body=body), outgoing(3)]
    script = Script(tls=tls, certificate=trusted, login=LOGIN, mechanisms=mechanisms, pipelining=pipelining, size=0)
    with serving(script) as server:
        lane = SmtpTransport(settings(server, tls=tls, user=LOGIN[0], password=SECRET)).open()
        result = outcomes(drive(lane, sent))
        lane.close("done")
    assert [one.state for one in result.values()] == ["submitted"] * 3
    assert [message.content for message in server.accepted] == [message.content for message in sent]


@pytest.mark.parametrize("stage", ["DATA", "dot"])
@pytest.mark.parametrize("dribble", [True, False])
def test_an_encrypted_connection_breaks_like_another(trusted, stage, dribble):
    script = Script(tls="starttls", certificate=trusted, drop=stage, dribble=dribble)
    with serving(script) as server:
        lane = SmtpTransport(settings(server, tls="starttls")).open()
        # More than any buffer on the way holds: it cannot all have gone out when the connection breaks.
        result = outcomes(drive(lane, [outgoing(1, body=(b"x" * 76 + b"\r\n") * 90_000)]))
    assert result[1].state == {"DATA": "pending", "dot": "unknown"}[stage]


@pytest.mark.parametrize("provider", [None, *PROVIDERS])
def test_a_wrong_password_is_told_with_the_remedy(trusted, provider):
    with serving(Script(tls="starttls", certificate=trusted, login=("me@example.org", "another"))) as server:
        told = settings(server, tls="starttls", user=LOGIN[0], password=SECRET, provider=provider)
        words = refusal(told)
    assert "refuses the login of 'me@example.org': 535 5.7.8 Username and Password not accepted" in words
    assert (PROVIDERS[provider].remedy if provider else "Check user and password.") in words
    if provider == "gmail":
        assert "make one at myaccount.google.com/apppasswords, needs 2-step verification" in words


def test_nothing_goes_where_no_tls_is_offered():
    with serving(Script(login=LOGIN)) as server:
        words = refusal(settings(server, tls="starttls", user=LOGIN[0], password=SECRET))
        assert server.commands == [command for command in server.commands if command.lower().startswith("ehlo")]
    assert "offers no STARTTLS" in words


def test_a_refused_starttls_is_no_reason_to_go_on_without(pem):
    script = Script(tls="starttls", certificate=pem, replies={"STARTTLS": "454 4.7.0 not now"})
    with serving(script) as server:
        words = refusal(settings(server, tls="starttls", user=LOGIN[0], password=SECRET))
        assert not any(command.startswith(("AUTH", "MAIL")) for command in server.commands)
    assert "454 4.7.0 not now" in words


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_certificate_that_nobody_vouches_for(pem, tls):
    with serving(Script(tls=tls, certificate=pem)) as server:
        words = refusal(settings(server, tls=tls))
    assert "its certificate is not trusted" in words
    assert "SSL_CERT_FILE" in words


def test_a_certificate_for_another_name(pem, tmp_path, monkeypatch):
    other = certificate(tmp_path, "other.example.org")
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    with serving(Script(tls="starttls", certificate=other)) as server:
        words = refusal(settings(server, tls="starttls"))
    assert "its certificate is not trusted" in words
    assert "localhost" in words


def test_implicit_tls_at_a_port_without():
    with serving(Script()) as server:
        words = refusal(settings(server, tls="implicit"))
    assert 'Set tls to "starttls" and port to 587' in words


def test_a_login_where_none_is_offered():
    with serving(Script()) as server:
        words = refusal(settings(server, user=LOGIN[0], password=SECRET))
    assert "offers no login (AUTH)" in words


def test_a_login_of_kinds_that_we_do_not_speak():
    with serving(Script(login=LOGIN, mechanisms="XOAUTH2 GSSAPI")) as server:
        words = refusal(settings(server, user=LOGIN[0], password=SECRET))
    assert "no way to log in with a password" in words


@pytest.mark.parametrize(
    ("told", "word"),
    [
        ({"user": "me", "password": None}, "no password"),
        ({"user": "me", "password": SECRET + "\n"}, "the password has a character that is not printable ASCII"),
        ({"user": "me", "password": SECRET + "ü"}, "the password has a character that is not printable ASCII"),
        ({"user": "mé", "password": SECRET}, "the user has a character"),
    ],
)
def test_a_password_that_cannot_be_sent(told, word):
    with serving(Script(login=LOGIN)) as server:
        assert word in refusal(settings(server, **told))
        assert not server.connections


def test_a_greeting_that_says_no():
    with serving(Script(replies={"greeting": "421 4.3.2 too busy"})) as busy:
        assert "takes no connection now: 421 4.3.2 too busy" in refusal(settings(busy))
    with serving(Script(replies={"greeting": "554 5.7.1 you are listed"})) as angry:
        assert "refuses this machine: 554 5.7.1 you are listed" in refusal(settings(angry))


def test_something_else_listens():
    with serving(Script(replies={"greeting": "HTTP/1.1 400 Bad Request"})) as server:
        assert "does not speak SMTP" in refusal(settings(server))


def test_a_relay_that_hangs_up():
    with serving(Script(drop="greeting")) as server:
        assert "closed the connection before the login was done" in refusal(settings(server))


def test_a_relay_that_never_greets():
    with serving(Script(silent="greeting")) as server:
        assert "does not answer in time" in refusal(settings(server, timeout=0.2))


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = refusal(SmtpSettings("127.0.0.1", port, "none", timeout=5.0))
    assert words.startswith(f"127.0.0.1:{port} refuses the connection: nothing listens there")


@pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", "x" * 64 + ".invalid"])
def test_a_host_that_is_none(host):
    words = refusal(SmtpSettings(host, 587, "none", timeout=5.0))
    assert "is not found" in words or "is no name of a host" in words or "cannot be reached" in words


def test_what_came_with_the_last_answer_of_the_login_is_not_lost():
    with serving(Script(replies={"EHLO": "250-localhost\r\n250 PIPELINING\r\n421 4.3.2 on second thoughts"})) as server:
        lane = SmtpTransport(settings(server)).open()
        assert lane.writes
        lane.offer(outgoing(1))
        events = drive(lane, [])
        while not events:
            events = list(lane.advance())
        assert outcomes(events)[1].state == "pending"
        lane.close("done")


def test_a_name_and_a_number_of_lanes():
    transport = SmtpTransport(SmtpSettings("smtp.example.org", connections=3))
    assert (transport.name, transport.lanes) == ("smtp.example.org", 3)


def test_an_old_server_without_ehlo_is_spoken_to():
    with serving(Script(replies={"EHLO": "502 5.5.1 what?"})) as server:
        lane = SmtpTransport(settings(server)).open()
        result = outcomes(drive(lane, [outgoing(1)]))
        lane.close("done")
    assert result[1].state == "submitted"
    assert server.accepted[0].parameters == ""


def test_the_server_of_other_tests_runs_alone_and_comes_back_on_its_port(tmp_path):
    log, folder = tmp_path / "accepted", tmp_path / "mail"
    folder.mkdir()
    with in_process(f"--log {log} --folder {folder} --refuse 'reader2@*=550 5.1.1 no'") as (process, port):
        lane = SmtpTransport(SmtpSettings("127.0.0.1", port, "none", timeout=20.0)).open()
        result = outcomes(drive(lane, [outgoing(1), outgoing(2)]))
        process.kill()
        process.wait(10)
        lane.close("it was killed")
    assert [one.state for one in result.values()] == ["submitted", "failed"]
    with in_process(f"--port {port} --log {log} --no-pipelining") as (_process, again):
        lane = SmtpTransport(SmtpSettings("127.0.0.1", again, "none", timeout=20.0)).open()
        drive(lane, [outgoing(3)])
        lane.close("done")
    assert again == port
    assert log.read_text() == "<1@example.org>\treader1@example.org\n<3@example.org>\treader3@example.org\n"
    assert [path.read_bytes() for path in folder.iterdir()] == [outgoing(1).content]


def test_many_lanes_at_once():
    sent = {number: [outgoing(100 * number + one) for one in range(20)] for number in range(4)}
    with serving(Script()) as server:
        lanes = {number: SmtpTransport(settings(server)).open() for number in sent}
        threads = [threading.Thread(target=drive, args=(lanes[number], sent[number])) for number in sent]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        for lane in lanes.values():
            lane.close("done")
    assert sorted(server.recipients) == sorted(one.recipient for some in sent.values() for one in some)
    assert server.connections == 4
