"""Who is told what, when: decided on receipts, told through real servers on loopback."""

from __future__ import annotations

import email
import json
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from digest import alerts, config
from digest.alerts import Decision, Standing, decide
from digest.bootstrap import opened
from digest.clock import fixed
from digest.config import Condition
from digest.config.alerts import TROUBLES, condition
from digest.delivery.tally import Tally
from digest.errors import ConfigError, StoreError, UsageError
from digest.models import DeliveryCounts, EditionReceipt, Receipt, SourceReceipt
from digest.outbox import Delivered
from tests.acceptance.mailing import free_port
from tests.delivery import server as smtp
from tests.sources import faults

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
TOML = """\
[newsletters.daily]
[[sources]]
kind = "folder"
path = "dumps"
{rest}
"""
MAIL = '[mail]\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\nfrom = "digest@example.org"\ntimeout = "5s"\n'


def receipt(verdict: str = "published", *, days: int = 0, failed: int = 0, **sources: Any) -> Receipt:
    edition = EditionReceipt(newsletter="daily", verdict=verdict, evidence="as it is")  # type: ignore[arg-type]
    return Receipt(
        verdict=verdict,  # type: ignore[arg-type]
        started_at=NOW + timedelta(days=days),
        sources=tuple(SourceReceipt(name=name, **told) for name, told in sources.items()),
        editions=(edition,),
        deliveries=DeliveryCounts(failed=failed),
    )


def judged(words: str, done: Receipt, before: Decision | None = None, *, trouble: str | None = None) -> Decision:
    kept = before.after(told=True) if before else {}
    return decide([condition(words)], done, trouble, kept)


def told(decision: Decision) -> list[str]:
    return [one.about for one in decision.alerts]


# Conditions


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("broken", Condition("broken")),
        ("Partial for 3 days", Condition("partial", 3)),
        ("failed  mails", Condition("failed mails")),
        ("quiet for 14 days", Condition("quiet", 14)),
        ("stale for 1 day", Condition("stale")),
    ],
)
def test_conditions_are_read(words: str, expected: Condition) -> None:
    assert condition(words) == expected
    assert condition(str(expected)) == expected


@pytest.mark.parametrize("words", ["brocken", "partial for three days", "partial for 0 days", "", "failed"])
def test_an_unknown_condition_names_those_there_are(words: str) -> None:
    with pytest.raises(ValueError, match="broken, partial, stale") as caught:
        condition(words)
    assert all(trouble in str(caught.value) for trouble in TROUBLES)


# Configuration


def load(folder: Path, rest: str) -> config.Config:
    file = folder / "digest.toml"
    file.write_text(TOML.format(rest=rest))
    return config.load(file, {})


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("[alerts]", "tells nobody"),
        ('[alerts]\nto = "it@example.org"', "no [mail] table"),
        ('[alerts]\nwebhook = "https://hooks.example.org/T0/very-secret"', "is a secret"),
        ('[alerts]\nwebhook = "env:U"\nwhen = ["brocken"]', "did you mean 'broken'"),
        ('[alerts]\nwebhook = "env:U"\nwhen = []', "at least 1"),
        ('[alerts]\nwebhook = "env:U"\nwhen = 3', "write a list"),
        ('[alerts]\nwebhook = "env:U"\nwhere = 3', "when"),
    ],
)
def test_a_mistake_is_told(tmp_path: Path, rest: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, rest)
    assert words in str(caught.value)
    assert "very-secret" not in str(caught.value)


def test_what_is_left_out_is_sensible(tmp_path: Path) -> None:
    settings = load(tmp_path, '[alerts]\nwebhook = "env:U"').alerts
    assert settings is not None
    assert [str(one) for one in settings.when] == ["broken", "stale", "partial for 3 days", "failed mails"]
    assert load(tmp_path, "").alerts is None
    assert "env:U" not in repr(settings)


# What is told


def test_broken_is_told_once_until_it_is_over() -> None:
    first = judged("broken", receipt("broken"))
    assert told(first) == ["daily"]
    assert first.alerts[0].sentence == "daily is broken: as it is"
    again = judged("broken", receipt("broken", days=1), first)
    assert told(again) == []
    over = judged("broken", receipt(days=2), again)
    assert (told(over), over.standing) == ([], {})
    assert told(judged("broken", receipt("broken", days=3), over)) == ["daily"]


def test_what_could_not_be_told_is_told_by_the_next_run() -> None:
    first = judged("broken", receipt("broken"))
    again = decide([condition("broken")], receipt("broken", days=1), None, first.after(told=False))
    assert [one.since for one in again.alerts] == [NOW]


def test_what_has_to_last_is_told_on_its_day() -> None:
    failing: Any = {"arxiv": {"status": "failed", "note": "source arxiv: HTTP 503"}}
    decision, days = None, []
    for day in range(5):
        decision = judged("partial for 3 days", receipt("partial", days=day, **failing), decision)
        days += [day] * len(decision.alerts)
    assert days == [2]
    assert decision is not None
    over = judged("partial for 3 days", receipt(days=5, arxiv={}), decision)
    assert told(judged("partial for 3 days", receipt("partial", days=6, **failing), over)) == []


def test_several_runs_a_day_do_not_make_it_last() -> None:
    failing: Any = {"arxiv": {"status": "failed"}}
    decision = None
    for _ in range(6):
        decision = judged("partial for 2 days", receipt("partial", **failing), decision)
        assert told(decision) == []


def test_another_source_is_another_trouble() -> None:
    first = judged("stale", receipt("stale", a={"warning": "stale", "evidence": "90 of 90 papers"}))
    assert told(first) == ["a"]
    both = receipt("stale", days=1, a={"warning": "stale"}, b={"warning": "stale"}, c={"warning": "shrunken"})
    assert told(judged("stale", both, first)) == ["b"]


def test_failed_mails_and_a_relay_in_trouble_are_told() -> None:
    assert judged("failed mails", receipt(failed=2)).alerts[0].sentence == "2 mails failed"
    assert judged("failed mails", receipt(), trouble="relay: down").alerts[0].sentence == "relay: down"
    assert told(judged("failed mails", receipt())) == []
    assert told(judged("unknown mails", receipt(), trouble="relay: down")) == []


def test_what_a_run_says_nothing_of_is_not_over() -> None:
    first = judged("broken", receipt("broken"))
    other = receipt("published", days=1)
    other = other.model_copy(update={"editions": (other.editions[0].model_copy(update={"newsletter": "weekly"}),)})
    between = judged("broken", other, first)
    assert told(judged("broken", receipt("broken", days=2), between)) == []
    failing = judged("failed mails", receipt(failed=1))
    unmailed = decide([condition("failed mails")], receipt(days=1), None, failing.after(told=True), mailed=False)
    assert told(judged("failed mails", receipt(days=2, failed=1), unmailed)) == []
    mailed = judged("failed mails", receipt(days=3), failing)
    assert told(judged("failed mails", receipt(days=4, failed=1), mailed)) == ["mail"]


def test_quiet_has_many_forms() -> None:
    assert told(judged("quiet", receipt("quiet: all seen"))) == ["daily"]
    assert told(judged("quiet", receipt("published"))) == []


def test_names_of_files_that_are_no_unicode_can_be_told(tmp_path: Path, relay: smtp.Server) -> None:
    odd: Any = {"dumps": {"status": "failed", "note": "caf\udce9.txt\nand more"}}
    rest = MAIL.format(port=relay.port) + '[alerts]\nto = "it@example.org"\nwhen = ["partial"]'
    assert after(tmp_path, rest, [receipt("partial", **odd), receipt("partial", days=1, **odd)]) == []
    assert b"caf?.txt and more" in b"".join(one.content for one in relay.accepted)
    assert len(relay.accepted) == 1


# Steps of a process that stays


def step(days: int = 0, *, editions: bool = False, **sources: Any) -> Receipt:
    done = receipt(days=days, **sources)
    return done if editions else done.model_copy(update={"editions": ()})


def looked(words: str, steps: Sequence[Receipt], *, mailed: Sequence[bool] = ()) -> list[list[str]]:
    """Return what each of some steps tells, where all of it reaches somebody."""
    kept: dict[str, Standing] = {}
    said = []
    for number, done in enumerate(steps):
        decision = decide([condition(words)], done, None, kept, mailed=number in mailed)
        kept = dict(decision.after(told=True))
        said.append(told(decision))
    return said


def test_a_step_ends_nothing_of_a_source_that_it_did_not_fetch() -> None:
    failing: Any = {"arxiv": {"status": "failed", "note": "HTTP 503"}}
    others = [step(blogs={}), step(editions=True), step()]
    assert looked("partial", [step(**failing), *others, step(**failing)]) == [["arxiv"], [], [], [], []]
    assert looked("partial", [step(**failing), step(arxiv={}), step(**failing)]) == [["arxiv"], [], ["arxiv"]]


def test_what_is_odd_about_a_batch_is_over_with_the_next_that_brings_something() -> None:
    for odd in ("stale", "shrunken"):
        found: Any = {"arxiv": {"warning": odd, "listed": 9, "seen": 9}}
        again = [
            step(arxiv={"listed": 9, "seen": 9}),
            step(arxiv={"status": "empty"}),
            step(arxiv={"status": "failed"}),
        ]
        assert looked(odd, [step(**found), *again, step(**found)]) == [["arxiv"], [], [], [], []]
        brought: Any = {"arxiv": {"listed": 9, "new": 4, "seen": 5}}
        assert looked(odd, [step(**found), step(**brought), step(**found)]) == [["arxiv"], [], ["arxiv"]]


def test_what_reached_nobody_is_told_by_the_next_step_whatever_that_looks_at() -> None:
    failing: Any = {"arxiv": {"status": "failed", "note": "HTTP 503"}}
    first = decide([condition("partial")], step(**failing), None, {})
    assert told(first) == ["arxiv"]
    second = decide([condition("partial")], step(days=1, blogs={}), None, first.after(told=False))
    assert [(one.about, one.sentence, one.since) for one in second.alerts] == [("arxiv", "arxiv: HTTP 503", NOW)]
    assert told(decide([condition("partial")], step(days=1, blogs={}), None, second.after(told=True))) == []
    over = decide([condition("partial")], step(days=1, arxiv={}), None, first.after(told=False))
    assert (told(over), over.standing) == ([], {})


# Telling it


@pytest.fixture
def relay() -> Iterator[smtp.Server]:
    with smtp.serving() as server:
        yield server


@pytest.fixture
def web() -> Iterator[faults.Server]:
    with faults.serving() as server:
        yield server


def after(
    folder: Path, rest: str, runs: Sequence[Receipt], delivered: Delivered | None = None, **environ: str
) -> list[str]:
    """Tell what is to be told after each of some runs, each with the store opened anew; return what went wrong."""
    said: list[str] = []
    for done in runs:
        with opened(load(folder, rest), fixed(done.started_at)) as system:
            alerts.after_run(system, done, delivered, said.append, environ)
    return said


def test_a_mail_is_sent_once_until_it_is_over(tmp_path: Path, relay: smtp.Server) -> None:
    rest = MAIL.format(port=relay.port) + '[alerts]\nto = "it@example.org"\nwhen = ["broken"]'
    runs = [receipt("broken"), receipt("broken", days=1), receipt(days=2), receipt("broken", days=3)]
    assert after(tmp_path, rest, runs) == []
    assert relay.recipients == ["it@example.org"] * 2
    mail = email.message_from_bytes(relay.accepted[0].content, EmailMessage, policy=default)
    assert isinstance(mail, EmailMessage)
    assert (mail["From"], mail["To"]) == ("digest@example.org", "it@example.org")
    assert mail["Subject"] == "digest: daily broken"
    assert mail["Auto-Submitted"] == "auto-generated"
    body = mail.get_content()
    assert "daily is broken: as it is" in body
    assert "since 2026-11-20 09:00 UTC" in body
    assert b"\n" not in relay.accepted[0].content.replace(b"\r\n", b"")
    assert len({one.message_id for one in relay.accepted}) == 2


def test_the_ledger_knows_nothing_of_it(tmp_path: Path, relay: smtp.Server) -> None:
    rest = MAIL.format(port=relay.port) + '[alerts]\nto = "it@example.org"'
    assert after(tmp_path, rest, [receipt("broken")]) == []
    with opened(load(tmp_path, rest)) as system:
        assert system.store.ledger.counts() == DeliveryCounts()
        assert relay.recipients == ["it@example.org"]


class _Hook(BaseHTTPRequestHandler):
    """Takes what is posted."""

    bodies: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        """Keep the body."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.bodies.append({"path": self.path, "type": self.headers["Content-Type"], **body})
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_a_webhook_is_posted_to(tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), _Hook) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        rest, url = '[alerts]\nwebhook = "env:HOOK"', f"http://127.0.0.1:{server.server_port}/hook"
        assert after(tmp_path, rest, [receipt("broken"), receipt("broken", days=1)], HOOK=url) == []
        server.shutdown()
        thread.join()
    (body,) = _Hook.bodies
    assert (body["path"], body["type"], body["at"]) == ("/hook", "application/json", NOW.isoformat())
    assert "daily is broken: as it is" in body["text"]
    assert body["alerts"] == [
        {"condition": "broken", "about": "daily", "sentence": "daily is broken: as it is", "since": NOW.isoformat()}
    ]


@pytest.mark.parametrize("way", ["refused", "500", "dead", "no address", "unset"])
def test_a_webhook_that_fails_is_said_without_its_address(tmp_path: Path, web: faults.Server, way: str) -> None:
    path = "/services/T0000/B1111/very-secret"
    web.on(path, faults.text(b"", 500 if way == "500" else 403))
    port = free_port()
    urls = {"dead": f"http://127.0.0.1:{port}{path}", "no address": f"ftp{path}"}
    environ: Any = {} if way == "unset" else {"HOOK": urls.get(way, web.url(path))}
    (said,) = after(tmp_path, '[alerts]\nwebhook = "env:HOOK"', [receipt("broken")], **environ)
    assert said.startswith("digest: alert: ")
    assert not any(part in said for part in ("secret", "T0000", str(port), "127.0.0.1"))


def test_a_relay_that_is_down_is_said_and_tried_again(tmp_path: Path) -> None:
    port = free_port()
    rest = MAIL.format(port=port) + '[alerts]\nto = "it@example.org"'
    (said,) = after(tmp_path, rest, [receipt("broken")])
    assert "nothing listens there" in said
    with smtp.serving(port=port) as relay:
        assert after(tmp_path, rest, [receipt("broken", days=1), receipt("broken", days=2)]) == []
        assert relay.recipients == ["it@example.org"]


def test_an_address_that_is_refused_is_said(tmp_path: Path) -> None:
    with smtp.serving(smtp.Script(refuse={"*": "550 5.1.1 nobody of that name"})) as relay:
        rest = MAIL.format(port=relay.port) + '[alerts]\nto = "it@example.org"'
        (said,) = after(tmp_path, rest, [receipt("broken")])
    assert "nobody of that name" in said


def test_one_way_that_works_is_enough(tmp_path: Path, relay: smtp.Server) -> None:
    rest = MAIL.format(port=relay.port) + '[alerts]\nto = "env:WHO"\nwebhook = "env:HOOK"'
    said = after(tmp_path, rest, [receipt("broken"), receipt("broken", days=1)], WHO="it@example.org", HOOK="")
    assert len(said) == 1
    assert relay.recipients == ["it@example.org"]


def test_trouble_of_the_transport_is_told_by_the_other_way(tmp_path: Path, web: faults.Server) -> None:
    url = web.on("/hook", faults.text())
    delivered = Delivered("relay", Tally(trouble="relay:587 refuses the login"))
    assert after(tmp_path, '[alerts]\nwebhook = "env:HOOK"', [receipt()], delivered, HOOK=url) == []
    assert [one.path for one in web.asked] == ["/hook"]


def test_a_source_that_was_taken_out_is_no_trouble_any_more(tmp_path: Path, web: faults.Server) -> None:
    url = web.on("/hook", faults.text())
    rest = '[alerts]\nwebhook = "env:HOOK"\nwhen = ["partial"]'
    failing: Any = {"dumps": {"status": "failed"}}
    assert after(tmp_path, rest, [receipt("partial", **failing)], HOOK=url) == []
    named = f'name = "others"\n{rest}'
    assert after(tmp_path, named, [receipt(days=1, others={})], HOOK=url) == []
    assert after(tmp_path, rest, [receipt("partial", days=2, **failing)], HOOK=url) == []
    assert [one.path for one in web.asked] == ["/hook"] * 2


def test_a_run_with_nothing_to_mail_says_nothing_of_the_mail(tmp_path: Path, web: faults.Server) -> None:
    url = web.on("/hook", faults.text())
    rest = '[alerts]\nwebhook = "env:HOOK"\nwhen = ["failed mails"]'
    down, nothing, well = (Delivered("relay", one) for one in (Tally(trouble="relay: down"), Tally(), Tally(1)))
    asked = []
    for number, delivered in enumerate([down, nothing, down, well, down]):
        assert after(tmp_path, rest, [receipt(days=number)], delivered, HOOK=url) == []
        asked.append(len(web.asked))
    assert asked == [1, 1, 1, 1, 2]


def test_nothing_is_kept_where_nothing_is_wrong(tmp_path: Path) -> None:
    assert after(tmp_path, '[alerts]\nwebhook = "env:HOOK"', [receipt()]) == []
    with opened(load(tmp_path, "")) as system:
        assert system.store.remembered(alerts.OWNER) == {}


def test_a_run_that_ends_early_is_told(tmp_path: Path, relay: smtp.Server) -> None:
    settings = load(tmp_path, MAIL.format(port=relay.port) + '[alerts]\nto = "it@example.org"')
    said: list[str] = []
    with pytest.raises(StoreError, match="disk full"), alerts.watching(settings, said.append):
        raise StoreError("digest.db: disk full")
    assert (said, relay.recipients) == ([], ["it@example.org"])
    assert b"The run ended early: digest.db: disk full" in relay.accepted[0].content
    with pytest.raises(UsageError), alerts.watching(settings, said.append):
        raise UsageError("--as-of: no instant")
    with pytest.raises(StoreError), alerts.watching(settings, said.append, rehearse=True):
        raise StoreError("digest.db: disk full")
    assert len(relay.accepted) == 1


def test_what_is_kept_survives(tmp_path: Path) -> None:
    with opened(load(tmp_path, "")) as system:
        kept = {"broken: daily": Standing(NOW, told=True)}
        alerts.keep(system.store, kept)
        assert alerts.kept(system.store) == kept
