"""Metrics say what the other commands say, in the words of Prometheus, and nothing of anybody."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from digest import config, metrics
from digest.bootstrap import System, opened
from digest.errors import DigestError
from digest.metrics import Meter
from digest.models import Subscriber
from digest.testing import FrozenClock
from tests.acceptance.command import NOW, called, page, paper, receipts

CONFIG = """\
[newsletters.daily]
title = "Daily Papers"
[newsletters.weekly]
at = "23:00"
[[sources]]
name = "dumps"
kind = "folder"
path = "dumps"
year = 2026
[[sources]]
name = "gone"
kind = "folder"
path = "gone"
[mail]
transport = "folder"
path = "mails"
from = "me@example.org"
"""
AT = datetime.fromisoformat(NOW).timestamp()
#: a series: its metric and its labels
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "dumps").mkdir()
    (tmp_path / "dumps" / "Nov-19.txt").write_text(page("Nov 19", [paper(number) for number in range(6)]))
    (tmp_path / "digest.toml").write_text(CONFIG)
    return tmp_path


@contextmanager
def system(home: Path, clock: FrozenClock | None = None) -> Iterator[System]:
    with opened(config.load(home / "digest.toml", {}), clock or FrozenClock(datetime.fromisoformat(NOW))) as wired:
        yield wired


def series(text: str) -> Series:
    """Return the series of a text, each of which is there once."""
    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    found = {(one.name, frozenset(one.labels.items())): one.value for one in samples}
    assert len(found) == len(samples)
    return found


def of(found: Series, name: str, **labels: str) -> float | None:
    return found.get((name, frozenset(labels.items())))


def current(found: Series, name: str, label: str, **labels: str) -> set[str]:
    """Return the values of a label for which a series is 1; the others are there, and 0."""
    chosen = {}
    for (metric, has), value in found.items():
        told = dict(has)
        if metric == name and all(told.get(key) == wanted for key, wanted in labels.items()):
            chosen[told[label]] = value
    assert set(chosen.values()) <= {0, 1}
    assert len(chosen) > 1
    return {value for value, is_so in chosen.items() if is_so}


def run(home: Path, *args: str, **environ: str) -> tuple[Series, dict]:
    """Run, and return the metrics with the receipt."""
    file = home / "digest.prom"
    (receipt,) = receipts("run", "--metrics-file", file, *args, cwd=home)
    return series(file.read_text()), receipt


def test_a_run_writes_what_its_receipt_and_the_other_commands_say(home: Path) -> None:
    called("subscribers", "add", "ann@example.net", "--confirmed-by", "a test", cwd=home)
    found, receipt = run(home)
    assert of(found, "digest_run_timestamp_seconds") == AT
    assert current(found, "digest_run_verdict", "verdict") == {receipt["verdict"]}
    for edition in receipt["editions"]:
        id = edition["newsletter"]
        assert current(found, "digest_newsletter_verdict", "verdict", newsletter=id) == {edition["verdict"]}
        assert of(found, "digest_edition_number", newsletter=id) == (edition["number"] or 0)
        assert of(found, "digest_edition_entries", newsletter=id) == edition["entries"]
    assert {edition["verdict"] for edition in receipt["editions"]} == {"partial", "waiting"}
    for source in receipt["sources"]:
        for result in ("new", "revised", "enriched", "seen", "rejected"):
            assert of(found, "digest_source_listings", source=source["name"], result=result) == source[result]
        assert current(found, "digest_source_status", "status", source=source["name"]) == {source["status"]}
    assert of(found, "digest_edition_timestamp_seconds", newsletter="daily") == AT
    assert of(found, "digest_edition_date_timestamp_seconds", newsletter="daily") == midnight(2026, 11, 20)
    assert of(found, "digest_edition_timestamp_seconds", newsletter="weekly") == 0

    (told,) = receipts("deliveries", "--newsletter", "daily", cwd=home)
    assert {name: of(found, "digest_subscriptions", newsletter="daily", status=name) for name in told["subscribers"]} \
        == told["subscribers"]  # fmt: skip
    (counts,) = told["editions"]
    assert of(found, "digest_deliveries", newsletter="daily", state="submitted") == counts["submitted"] == 1
    (store,) = receipts("store", cwd=home)
    assert of(found, "digest_papers") == store["papers"]
    assert of(found, "digest_store_free_bytes") is not None
    build = next(dict(labels) for name, labels in found if name == "digest_build_info")
    assert build["schema"] == store["revision"]
    assert of(found, "digest_store_up") == 1


def midnight(*day: int) -> float:
    return datetime(*day, tzinfo=UTC).timestamp()  # type: ignore[arg-type, misc]


def test_a_source_that_fails_has_its_last_success_and_since_when_it_fails(home: Path) -> None:
    found, _ = run(home)
    assert of(found, "digest_source_last_success_timestamp_seconds", source="dumps") == AT
    assert of(found, "digest_source_news_timestamp_seconds", source="dumps") == midnight(2026, 11, 19)
    assert of(found, "digest_source_failing_since_timestamp_seconds", source="dumps") is None
    # never read: its age is beyond every limit
    assert of(found, "digest_source_last_success_timestamp_seconds", source="gone") == 0
    assert of(found, "digest_source_failing_since_timestamp_seconds", source="gone") == AT
    assert of(found, "digest_source_last_fetch_timestamp_seconds", source="gone") == AT


def test_an_odd_batch_is_a_warning(home: Path) -> None:
    run(home)
    (home / "dumps" / "Nov-20.txt").write_text(page("Nov 20", [paper(number) for number in range(6)]))
    found, receipt = run(home)
    assert receipt["sources"][0]["warning"] == "stale"
    assert current(found, "digest_source_warning", "warning", source="dumps") == {"stale"}
    assert current(found, "digest_source_warning", "warning", source="gone") == set()


def test_mail_that_waits_says_since_when_and_a_newsletter_that_rests_that_it_does(home: Path) -> None:
    run(home)
    with system(home) as wired:
        people = [Subscriber(address="bob@example.net")]
        wired.store.subscribers.admit(
            "daily", people, at=wired.parts.clock(), origin="command", confirmed_by="a test", mark=0
        )
        ledger = wired.store.ledger
        ledger.sweep("daily", ledger.timings("daily"), wired.parts.clock())
        ledger.pause("daily", True)
        found = series(metrics.text_of(wired).decode())
    assert of(found, "digest_deliveries", newsletter="daily", state="pending") == 1
    assert of(found, "digest_deliveries_waiting_since_timestamp_seconds", newsletter="daily") == AT
    assert of(found, "digest_deliveries_waiting_since_timestamp_seconds", newsletter="weekly") is None
    assert of(found, "digest_newsletter_paused", newsletter="daily") == 1
    assert of(found, "digest_newsletter_paused", newsletter="weekly") == 0


def test_before_the_first_run_there_are_zeros_and_no_verdict(home: Path) -> None:
    with system(home) as wired:
        found = series(metrics.text_of(wired).decode())
    assert of(found, "digest_edition_number", newsletter="daily") == 0
    assert of(found, "digest_deliveries", newsletter="daily", state="submitted") == 0
    assert of(found, "digest_source_last_fetch_timestamp_seconds", source="dumps") == 0
    assert not [name for name, _ in found if "verdict" in name or name == "digest_run_timestamp_seconds"]


def test_nothing_in_it_says_who_reads_or_what_is_secret(home: Path) -> None:
    with (home / "digest.toml").open("a") as file:
        file.write('[alerts]\nwebhook = "env:HOOK"\n')
    called("subscribers", "add", "ann@example.net", "--confirmed-by", "a test", cwd=home, HOOK="https://example.org/s")
    called("subscribers", "suppress", "eve@example.net", "--reason", "eve@example.net asked", cwd=home)
    run(home)
    text = (home / "digest.prom").read_text()
    assert "digest_suppressions 1" in text
    assert not re.search(r"@|example\.|https?:", text)


def test_names_are_as_prometheus_wants_them_and_each_metric_says_what_it_is(home: Path) -> None:
    """The rules of `promtool check metrics`: base units, no unit or type misplaced, help everywhere."""
    run(home)
    families = list(text_string_to_metric_families((home / "digest.prom").read_text()))
    assert len(families) > 20
    for family in families:
        assert re.fullmatch(r"digest_[a-z]+(_[a-z]+)*", family.name), family.name
        assert not re.search(r"_(total|count|sum|bucket|gauge|counter|info_info)$", family.name), family.name
        units = r"_(milliseconds|minutes|hours|days|weeks|kilobytes|megabytes|bits|percent)(_|$)"
        assert not re.search(units, family.name), family.name
        assert family.documentation.endswith("."), family.name
        assert family.type in ("gauge", "info"), family.name


def test_what_the_readme_names_is_there(home: Path, root: Path) -> None:
    run(home)
    with system(home) as wired:
        wired.store.subscribers.admit(
            "daily", [Subscriber(address="a@example.net")], at=wired.parts.clock(), origin="web", confirmed_by="a test",
            mark=0,
        )  # fmt: skip
        wired.store.ledger.sweep("daily", wired.store.ledger.timings("daily"), wired.parts.clock())
        found = {name for name, _ in series(metrics.text_of(wired).decode())}
    named = set(re.findall(r"\bdigest_[a-z_]+", (root / "README.md").read_text()))
    assert named
    assert named <= found


# The file


def test_the_file_is_replaced_whole_and_may_be_read_by_all(home: Path) -> None:
    before = os.umask(0o077)
    try:
        run(home)
        first = (home / "digest.prom").stat()
        run(home)
    finally:
        os.umask(before)
    second = (home / "digest.prom").stat()
    assert first.st_ino != second.st_ino, "whoever reads it reads one of the two"
    assert second.st_mode & 0o777 == 0o644
    assert [path.name for path in home.iterdir() if "prom" in path.name] == ["digest.prom"]


@pytest.mark.parametrize("where", ["missing/digest.prom", "dumps", "dumps/Nov-19.txt/digest.prom"])
def test_a_file_that_cannot_be_written_changes_nothing_but_is_said(home: Path, where: str) -> None:
    done = called("run", "--metrics-file", where, cwd=home)
    assert done.returncode == 0
    assert "published" in done.stdout or "partial" in done.stdout
    assert done.stderr.startswith(f"digest: metrics are not in {where}: ")
    assert list((home / "mails").iterdir())
    assert not list(home.rglob("*.part"))


def test_a_run_that_breaks_tells_what_it_left(home: Path) -> None:
    run(home)
    (home / "digest.prom").unlink()
    with system(home) as wired, wired.store.lock("somebody", timeout=0):
        done = called("run", "--lock-timeout", "0", "--metrics-file", "digest.prom", cwd=home)
    assert done.returncode == 1
    assert "somebody" in done.stderr
    assert of(series((home / "digest.prom").read_text()), "digest_run_timestamp_seconds") == AT


def test_a_rehearsal_writes_none(home: Path) -> None:
    done = called("run", "--dry-run", "--metrics-file", "digest.prom", cwd=home)
    assert done.returncode == 0
    assert not (home / "digest.prom").exists()


def test_what_a_run_does_without_metrics_loads_none_of_it(home: Path) -> None:
    program = "import sys; from digest.cli import main\ntry: main(['run', '-q'])\nexcept SystemExit: pass\n"
    program += "print('prometheus_client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=home, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_an_error_of_the_disk_leaves_the_file_of_before(tmp_path: Path) -> None:
    file = tmp_path / "digest.prom"
    file.mkdir()
    with pytest.raises(DigestError, match=r"digest\.prom: "):
        metrics.write(file, b"x")
    assert list(tmp_path.iterdir()) == [file]


# The meter


class Watch:
    """A stopwatch moved by hand, which moves by itself while something is counted."""

    def __init__(self, each: float) -> None:
        self.now, self.each = 0.0, each

    def __call__(self) -> float:
        self.now += self.each
        return self.now


def test_the_longer_counting_takes_the_less_often_it_is_done(home: Path) -> None:
    run(home)
    clock = FrozenClock(datetime.fromisoformat(NOW))
    with system(home, clock) as wired:
        # each look at it takes a second, so counting takes one
        watch = Watch(1)
        meter = Meter(wired, timer=watch)
        first = meter.read().counted
        counted = []
        for _ in range(60):
            clock.advance(seconds=1)
            counted.append(meter.read().counted)
    assert first == datetime.fromisoformat(NOW)
    # a twentieth of the time
    assert 2 <= len(set(counted) - {first}) <= 3
    assert counted[15] == first


def test_in_a_small_store_it_is_counted_each_time(home: Path) -> None:
    run(home)
    with system(home) as wired:
        meter = Meter(wired, timer=Watch(0))
        assert meter.read().census == wired.store.care.census()
        wired.store.subscribers.admit(
            "daily", [Subscriber(address="a@example.net")], at=wired.parts.clock(), origin="web", confirmed_by=None
        )
        assert meter.read().census == wired.store.care.census()


def test_who_comes_while_somebody_counts_does_not_wait(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(home)
    begun, go = threading.Event(), threading.Event()
    with system(home) as wired:
        meter = Meter(wired)
        care = type(wired.store.care)
        count = care.census

        def slow(self):
            begun.set()
            go.wait(10)
            return count(self)

        monkeypatch.setattr(care, "census", slow)
        one = threading.Thread(target=meter.read)
        one.start()
        assert begun.wait(10)
        found = meter.read()
        assert (found.census, found.counted) == (None, None)
        assert found.figures.receipt is not None
        go.set()
        one.join(10)
        assert meter.read().census is not None


def test_an_edition_is_read_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(home)
    with system(home) as wired:
        meter, read = Meter(wired), []
        edition = type(wired.store).edition

        def noted(self, *which):
            read.append(which)
            return edition(self, *which)

        monkeypatch.setattr(type(wired.store), "edition", noted)
        assert [meter.read().entries for _ in range(3)] == [{"daily": 6}] * 3
        assert read == [("daily", 1)]
