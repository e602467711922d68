"""What the checks of a set-up make of facts, and how they are carried out side by side."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path

import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from digest.delivery.probe import Announced
from digest.delivery.settings import Pace
from digest.doctor import Finding, actions, crowd, domains, hours, pages, relays, stores
from digest.doctor.beside import SideBySide, Task
from digest.doctor.findings import fine, parted
from digest.models import Newsletter
from digest.store.checkup import Checkup
from tests.setups import NOW, of, the

# Sizes and hours


def test_a_full_disk_is_a_warning() -> None:
    one = Checkup("store digest.db", Path("digest.db"), "0001", "0001", size=400_000_000)
    (low,) = of([*stores.judged(one, 600_000_000, NOW)], "store", "warn")
    assert "800 MB are safe" in str(low.remedy)
    assert of([*stores.judged(one, 900_000_000, NOW)], "store", "warn") == []


def test_a_mail_larger_than_the_relay_takes_is_found() -> None:
    one = pages.NextMail("daily", 30, 25, 25, 0, html=60_000, message=90_000)
    assert [found.level for found in pages.sized(one, None)] == ["ok"]
    assert [found.level for found in pages.sized(one, 90_000, "relay")] == ["ok"]
    the([*pages.sized(one, 89_999, "relay")], "mail", "fail", "90,000", "89,999", "SIZE")


def test_a_certificate_that_ends_soon_is_found() -> None:
    one = Announced("relay", 587, "TLSv1.3", NOW + timedelta(days=5), login=True, size=None, pipelining=False)
    assert "renew" in str(the([*relays.announced(one, NOW)], "relay", "warn", "5 days").remedy)


def test_a_rate_that_is_too_low_is_found() -> None:
    assert [*crowd.pace(1_200, Pace())] == []
    the([*crowd.pace(1_200, Pace(rate=20))], "subscribers", "ok", "60 s")
    the([*crowd.pace(100_000, Pace(rate=0.5))], "subscribers", "warn", "30 mails a minute", "56 hours")


def test_readers_of_a_group_that_is_gone_are_found() -> None:
    assert [*crowd.groups({"bio": 3, "ml": 2}, {"ml", "bio", "new"})] == []
    gone = the([*crowd.groups({"bio": 1, "ml": 2}, {"ml"})], "subscribers", "warn", "1 reader in group bio")
    assert "[groups.bio]" in str(gone.remedy)


def test_a_store_from_the_future_is_found() -> None:
    (ahead,) = hours.against(NOW, {}, NOW + timedelta(days=3))
    assert (ahead.level, "3 days" in ahead.what) == ("warn", True)
    assert [*hours.against(NOW, {}, NOW)] == []


def test_an_edition_that_was_today_is_next_tomorrow() -> None:
    letter = Newsletter(id="daily", title="Daily", timezone="America/New_York", at="08:00", days=frozenset({5, 1}))
    told = hours.editions(letter, date(2026, 11, 20), NOW)
    assert "Mon 2026-11-23 08:00 America/New_York (Mon 13:00 UTC)" in told.what


# What receivers believe


def test_a_mailbox_mailed_through_another_ones_relay_is_found() -> None:
    wrong = the([*domains.judged("gmail.com", "gmail.com", "smtp.mailgun.org", None)], "from", "fail", "gmail.com")
    assert "from = " in str(wrong.remedy)
    assert [one.level for one in domains.judged("gmail.com", "gmail.com", "smtp.gmail.com", None)] == ["ok"]


def test_without_dns_nothing_is_claimed() -> None:
    (told,) = domains.judged("uni-koeln.de", "uni-koeln.de", "smtp.mailgun.org", None)
    assert (told.level, "no DNS here" in told.what) == ("ok", True)

    def silent(name: str) -> None:
        return None

    # a resolver that knows no name at all is none
    with pytest.raises(domains.NoDns):
        domains.published("uni-koeln.de", "uni-koeln.de", silent)


@pytest.mark.parametrize("domain", ["example.org", "mail.example.com", "lab.test", "localhost", "gmail.com"])
def test_dns_is_not_asked_for_what_is_known(domain: str) -> None:
    asked: list[str] = []
    assert domains.published(domain, domain, asked.append) is None
    assert asked == []


def test_a_sender_of_an_example_is_a_warning() -> None:
    (told,) = domains.judged("example.org", "example.org", "smtp.mailgun.org", None)
    assert (told.level, "name for examples" in told.what) == ("warn", True)


ZONE: dict[str, tuple[str, ...]] = {
    "com": (),
    "lab.co.uk": ("google-site-verification=x", "v=spf1 include:mailgun.org ~all"),
    "_domainkey.lab.co.uk": (),
    "_dmarc.lab.co.uk": ("v=DMARC1; p=quarantine",),
    "mail.lab.co.uk": (),
    "bare.de": (),
    "strict.de": (),
    "_dmarc.strict.de": ("v=DMARC1; p=reject",),
    "open.de": ("v=spf1 +all",),
}


@pytest.mark.parametrize(
    ("domain", "envelope", "expected"),
    [
        ("lab.co.uk", "lab.co.uk", {"ok": ("include:mailgun.org", "DKIM keys", "p=quarantine")}),
        # DMARC of the organisation counts for the names below it
        ("mail.lab.co.uk", "lab.co.uk", {"ok": ("p=quarantine",), "warn": ("no DKIM key",)}),
        ("bare.de", "bare.de", {"warn": ("no SPF record", "no DKIM key", "no DMARC record")}),
        ("strict.de", "strict.de", {"fail": ("neither SPF nor DKIM",)}),
        ("lab.co.uk", "open.de", {"warn": ("DKIM has to for From", "+all")}),
        ("typo.de", "typo.de", {"fail": ("DNS knows no domain typo.de",)}),
    ],
)
def test_what_dns_says_of_the_sender_is_judged(
    domain: str, envelope: str, expected: dict[str, tuple[str, ...]]
) -> None:
    found = [*domains.judged(domain, envelope, "smtp.mailgun.org", domains.published(domain, envelope, ZONE.get))]
    for level, told in expected.items():
        for words in told:
            the(found, "from", level, words)


@contextmanager
def resolver(zone: Mapping[str, tuple[str, ...]]) -> Iterator[dns.resolver.Resolver]:
    """Serve TXT records on loopback, and return a resolver that asks there."""

    class Answering(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, connection = self.request
            question = dns.message.from_wire(data)
            answer = dns.message.make_response(question)
            name = question.question[0].name.to_text(omit_final_dot=True)
            if name not in zone:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            elif zone[name]:
                texts = [f'"{one[:9]}" "{one[9:]}"' for one in zone[name]]
                answer.answer = [dns.rrset.from_text(question.question[0].name, 60, "IN", "TXT", *texts)]
            connection.sendto(answer.to_wire(), self.client_address)

    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        found = dns.resolver.Resolver(configure=False)
        found.nameservers, found.port = ["127.0.0.1"], server.server_address[1]
        yield found
        server.shutdown()
        thread.join()


def test_dns_is_asked(monkeypatch) -> None:
    zone = {"lab.org": ("unrelated text of some length", "v=spf1 -all"), "_domainkey.lab.org": (), "empty.org": ()}
    with resolver(zone) as one:
        monkeypatch.setattr(dns.resolver, "default_resolver", one)
        # long records come in parts (RFC 7208 section 3.3)
        assert set(domains.lookup("lab.org") or ()) == set(zone["lab.org"])
        assert domains.lookup("empty.org") == ()
        assert domains.lookup("none.org") is None
        found = domains.published("lab.org", "lab.org")
        assert found is not None
        assert (found.exists, found.dmarc, found.dkim) == (True, None, True)
    monkeypatch.setattr(domains, "TIMEOUT", 0.2)
    with pytest.raises(domains.NoDns):
        domains.lookup("lab.org")


# Workflows


WORKFLOW = """\
on:
  schedule:
    - cron: "{minute} 6 * * *"{zone}
{keys}jobs:
  daily:
    steps:
      - uses: actions/checkout@v4
        with: {{ persist-credentials: true }}
      - uses: actions/checkout@v4
        with:
          ref: digest-state
      - run: digest run
"""


def checkout(folder: Path, text: str, *, last: datetime, fork: bool = False, branch: str = "digest-state") -> None:
    (folder / ".github" / "workflows").mkdir(parents=True)
    (folder / ".github" / "workflows" / "digest.yml").write_text(text)
    (folder / ".github" / "workflows" / "other.yml").write_text("on: push\njobs: {}\n")
    (folder / ".git" / "logs").mkdir(parents=True)
    line = f"{'0' * 40} {'1' * 40} Ann <ann@example.org> {int(last.timestamp())} +0100\tcommit: x\n"
    (folder / ".git" / "logs" / "HEAD").write_text(line)
    (folder / ".git" / "config").write_text('[remote "upstream"]\n' if fork else '[remote "origin"]\n')
    (folder / ".git" / "packed-refs").write_text(f"{'1' * 40} refs/remotes/origin/{branch}\n")


BERLIN = (Newsletter(id="daily", title="Daily", timezone="Europe/Berlin"),)


def test_the_pitfalls_of_a_workflow_are_found(tmp_path: Path) -> None:
    text = WORKFLOW.format(minute=0, zone="", keys="# permissions: are missing\n")
    checkout(tmp_path, text, last=NOW - timedelta(days=50), fork=True, branch="main")
    (tmp_path / "papers").mkdir()
    found = [*actions.judged(actions.look(tmp_path / "papers"), BERLIN, NOW)]
    assert {one.level for one in found} == {"warn"}
    for words in ("Europe/Berlin", "full hour", "concurrency", "permissions", "fork", "50 days", "digest-state"):
        the(found, "actions", "warn", words)
    assert all("other.yml" not in one.what for one in found)


def test_a_workflow_that_is_right_is_fine(tmp_path: Path) -> None:
    keys = "permissions:\n  contents: write\nconcurrency:\n  group: digest\n"
    text = WORKFLOW.format(minute=17, zone='\n      timezone: "Europe/Berlin"', keys=keys)
    checkout(tmp_path, text, last=NOW - timedelta(days=2))
    assert [one.level for one in actions.judged(actions.look(tmp_path), BERLIN, NOW)] == ["ok"]


# All of them


def test_a_check_that_hangs_or_breaks_stops_no_other() -> None:
    over = threading.Event()

    def hangs() -> list[Finding]:
        over.wait(30)
        return []

    def breaks() -> list[Finding]:
        raise ZeroDivisionError

    tasks = [
        Task("a", "the first", 0.1, hangs),
        Task("b", "the second", 5, breaks),
        Task("c", "the third", 5, lambda: [fine("c", "well")]),
    ]
    found = SideBySide(tasks).wait()
    over.set()
    assert [(one.area, one.level) for one in found] == [("a", "fail"), ("b", "fail"), ("c", "ok")]
    assert "no answer within 0 s" in found[0].what
    assert "ZeroDivisionError" in found[1].what


def test_one_host_is_asked_one_thing_at_a_time() -> None:
    at_once, most = 0, 0
    lock = threading.Lock()

    def work() -> list[Finding]:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        threading.Event().wait(0.01)
        with lock:
            at_once -= 1
        return [fine("a", "well")]

    found = SideBySide([Task("a", str(number), 5, work, host="one") for number in range(5)]).wait()
    assert (len(found), most) == (5, 1)


@pytest.mark.parametrize(
    ("message", "what", "remedy"),
    [
        ("relay refuses: 535 no. Check user.", "relay refuses: 535 no", "Check user"),
        ("https://a.b/c: HTTP 404; check the address", "https://a.b/c: HTTP 404", "check the address"),
        ("it is so.", "it is so", None),
    ],
)
def test_what_is_wrong_and_what_to_do_are_parted(message: str, what: str, remedy: str | None) -> None:
    assert parted(message) == (what, remedy)
