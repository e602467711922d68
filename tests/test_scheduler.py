"""Each source at a time of its own, editions when they are due: the parts of the process that stays."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from digest import config, pipeline, schedule
from digest.bootstrap import System, opened
from digest.config import resolve_mail
from digest.errors import LockHeldError, SourceError, StoppedError
from digest.models import Dump, Newsletter, Notice, Parsed
from digest.protocols import FetchMemory, Health, Source
from digest.scheduler import desk
from digest.scheduler.desk import Desk
from digest.scheduler.shift import Shift
from digest.scheduler.times import Pace
from digest.scheduler.worker import Worker
from digest.sources import settings_for
from digest.sources.folder import FolderSettings, FolderSource
from digest.sources.prefetch import prefetched
from digest.testing import FrozenClock
from tests.acceptance.command import page, paper
from tests.acceptance.mailing import free_port
from tests.delivery import returned
from tests.delivery import server as smtp
from tests.sources import faults

FOLDERS = """
[newsletters.daily]
at = "08:00"
wait = "4h"
[[sources]]
name = "one"
kind = "folder"
path = "one"
daily = true
[[sources]]
name = "two"
kind = "folder"
path = "two"
daily = true
"""


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(datetime(2026, 11, 20, 5, tzinfo=UTC))


def write(home: Path, name: str, numbers: range) -> Path:
    file = home / name
    file.parent.mkdir(exist_ok=True)
    day = datetime.strptime(file.stem, "%Y-%m-%d").replace(tzinfo=UTC)
    file.write_text(page(f"{day:%b} {day.day}", [paper(number) for number in numbers]))
    return file


@contextmanager
def system(home: Path, clock: FrozenClock, text: str = FOLDERS) -> Iterator[System]:
    (home / "digest.toml").write_text(text)
    with opened(config.load(home / "digest.toml", {}), clock) as wired:
        yield wired


@dataclass
class Scripted:
    """A source that gives what a test says, read as a folder's dumps are."""

    name: str
    gives: list[Dump | Notice | Exception] = field(default_factory=list)
    daily: bool = True

    def fetch(self, memory: FetchMemory) -> Iterator[Dump | Notice]:
        for one in self.gives:
            if isinstance(one, Exception):
                raise one
            yield one

    def parse(self, dump: Dump, received: datetime) -> Parsed:
        return FolderSource(FolderSettings(name=self.name, path="."), Path()).parse(dump, received)


# Fetched one at a time


def test_an_edition_waits_for_sources_that_are_fetched_at_other_times(tmp_path: Path, clock: FrozenClock) -> None:
    write(tmp_path, "one/2026-11-20.txt", range(3))
    write(tmp_path, "two/2026-11-20.txt", range(3, 5))
    with system(tmp_path, clock) as wired:
        one, two = wired.sources()
        pipeline.fetch(wired.parts, [one])
        clock.now = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
        early = pipeline.issue(wired.parts, wired.parts.newsletters, [one, two], [])
        assert early.verdict == "waiting"
        assert [(source.name, source.status, source.note) for source in early.sources] == [
            ("one", "ok", None),
            ("two", "empty", "not fetched yet"),
        ]
        found = pipeline.fetch(wired.parts, [two])
        whole = pipeline.issue(wired.parts, wired.parts.newsletters, [one, two], found)
    (edition,) = whole.editions
    assert (edition.verdict, edition.entries) == ("published", 5)
    assert [(source.listed, source.new, source.seen) for source in whole.sources] == [(3, 3, 0), (2, 2, 0)]


def test_after_the_wait_an_edition_names_the_source_whose_last_fetch_failed(tmp_path: Path, clock: FrozenClock) -> None:
    write(tmp_path, "one/2026-11-20.txt", range(3))
    with system(tmp_path, clock) as wired:
        one, two = wired.sources()
        pipeline.fetch(wired.parts, [two])
        pipeline.fetch(wired.parts, [one])
        clock.now = datetime(2026, 11, 20, 12, tzinfo=UTC)
        done = pipeline.issue(wired.parts, wired.parts.newsletters, [one, two], [])
        assert (done.verdict, done.editions[0].evidence) == ("partial", "3 papers not announced before; without two")
        assert done.sources[1].status == "failed"
        assert "there is no such file or folder" in (done.sources[1].note or "")
        assert "two could not be read" in wired.store.edition("daily", 1).notes[0]


def test_a_source_that_fails_after_its_batch_came_is_missed_by_nobody(tmp_path: Path, clock: FrozenClock) -> None:
    file = write(tmp_path, "one/2026-11-20.txt", range(3))
    write(tmp_path, "two/2026-11-20.txt", range(3, 5))
    with system(tmp_path, clock) as wired:
        one, two = wired.sources()
        pipeline.fetch(wired.parts, [one, two])
        file.unlink()
        file.parent.rmdir()
        clock.advance(hours=4)
        assert pipeline.fetch(wired.parts, [one])[0].status == "failed"
        done = pipeline.issue(wired.parts, wired.parts.newsletters, [one, two], [])
        assert done.verdict == "published"
        assert wired.store.edition("daily", 1).notes == ()


def test_a_source_that_says_there_is_nothing_today_is_not_waited_for_today(tmp_path: Path, clock: FrozenClock) -> None:
    write(tmp_path, "one/2026-11-20.txt", range(3))
    quiet = Scripted("two", [Notice(status="calendar", note="none on Fri")])
    with system(tmp_path, clock) as wired:
        one = wired.sources()[0]
        pipeline.fetch(wired.parts, [one, quiet])
        clock.now = datetime(2026, 11, 20, 8, tzinfo=UTC)
        newsletters = wired.parts.newsletters
        assert pipeline.recalled(wired.parts, quiet, clock()).status == "calendar"
        assert pipeline.issue(wired.parts, newsletters, [one, quiet], []).verdict == "published"
        # what it said of Friday it does not say of Saturday
        clock.now = datetime(2026, 11, 21, 8, tzinfo=UTC)
        write(tmp_path, "one/2026-11-21.txt", range(2, 6))
        pipeline.fetch(wired.parts, [one])
        assert pipeline.recalled(wired.parts, quiet, clock()).status == "empty"
        assert pipeline.issue(wired.parts, newsletters, [one, quiet], []).verdict == "waiting"


def test_what_is_known_of_a_batch_of_before_counts_as_seen(tmp_path: Path, clock: FrozenClock) -> None:
    write(tmp_path, "one/2026-11-19.txt", range(3))
    with system(tmp_path, clock) as wired:
        one = wired.sources()[0]
        pipeline.fetch(wired.parts, [one])
        known = pipeline.recalled(wired.parts, one, clock())
    assert (known.status, known.listed, known.new, known.seen) == ("ok", 3, 0, 3)
    assert [dump.name for dump in known.dumps] == ["2026-11-19.txt"]


def test_a_batch_of_before_once_more_is_stale_whenever_it_was_fetched(tmp_path: Path, clock: FrozenClock) -> None:
    write(tmp_path, "one/2026-11-19.txt", range(20))
    with system(tmp_path, clock, FOLDERS.partition('[[sources]]\nname = "two"')[0]) as wired:
        (one,) = wired.sources()
        newsletters = wired.parts.newsletters
        clock.now = datetime(2026, 11, 19, 13, tzinfo=UTC)
        pipeline.run(wired.parts, [one])
        write(tmp_path, "one/2026-11-20.txt", range(20))
        clock.now = datetime(2026, 11, 20, 5, tzinfo=UTC)
        pipeline.fetch(wired.parts, [one])
        clock.now = datetime(2026, 11, 20, 12, tzinfo=UTC)
        done = pipeline.issue(wired.parts, newsletters, [one], [])
    assert done.verdict == "stale"
    assert "20 of 20 papers dated 20 Nov were in the batch of 19 Nov" in done.editions[0].evidence


def test_a_batch_far_smaller_than_any_before_is_shrunken_whenever_it_was_fetched(
    tmp_path: Path, clock: FrozenClock
) -> None:
    for day in range(10, 16):
        write(tmp_path, f"one/2026-11-{day}.txt", range(day * 10, day * 10 + 10))
    with system(tmp_path, clock, FOLDERS.partition('[[sources]]\nname = "two"')[0]) as wired:
        (one,) = wired.sources()
        clock.now = datetime(2026, 11, 19, 13, tzinfo=UTC)
        pipeline.run(wired.parts, [one])
        write(tmp_path, "one/2026-11-20.txt", range(3))
        clock.now = datetime(2026, 11, 20, 5, tzinfo=UTC)
        pipeline.fetch(wired.parts, [one])
        clock.now = datetime(2026, 11, 20, 8, tzinfo=UTC)
        done = pipeline.issue(wired.parts, wired.parts.newsletters, [one], [])
    assert done.verdict == "shrunken"
    assert "3 papers only; the smallest of 6 batches before had 10" in done.editions[0].evidence


def test_a_first_fetch_announces_the_newest_dump_only_and_the_second_all_that_is_new(
    tmp_path: Path, clock: FrozenClock
) -> None:
    write(tmp_path, "one/2026-11-18.txt", range(3))
    write(tmp_path, "one/2026-11-19.txt", range(3, 5))
    with system(tmp_path, clock) as wired:
        one = wired.sources()[0]
        assert [(found.new, found.older) for found in pipeline.fetch(wired.parts, [one])] == [(2, 3)]
        write(tmp_path, "one/2026-11-17.txt", range(5, 9))
        assert [found.new for found in pipeline.fetch(wired.parts, [one])] == [4]


# Stopping


def test_a_fetch_that_is_told_to_stop_ends_and_loses_nothing(tmp_path: Path, clock: FrozenClock) -> None:
    stop = threading.Event()

    class Steps:
        def start(self, total: int) -> None:
            pass

        def step(self, text: str) -> None:
            stop.set()
            raise StoppedError

    write(tmp_path, "one/2026-11-19.txt", range(3))
    write(tmp_path, "one/2026-11-20.txt", range(2, 5))
    with system(tmp_path, clock) as wired:
        one = wired.sources()[0]
        with pytest.raises(StoppedError):
            pipeline.fetch(wired.parts, [one], Steps())
        assert wired.store.log_end() == 0
        (found,) = pipeline.fetch(wired.parts, [one])
        assert (found.listed, found.new) == (6, 2)


def test_a_source_that_gives_no_answer_is_left_when_told_to_stop() -> None:
    stop, asked, never = threading.Event(), threading.Event(), threading.Event()

    class Hanging(Scripted):
        host = "example.org"

        def fetch(self, memory: FetchMemory | None) -> Iterator[Dump | Notice]:
            asked.set()
            never.wait(60)
            yield Notice(status="empty", note="at last")

    def told() -> None:
        asked.wait(60)
        stop.set()

    threading.Thread(target=told, daemon=True).start()
    with (
        pytest.raises(StoppedError),
        prefetched([(Hanging("slow"), None)], stop=stop) as fetches,  # type: ignore[list-item]
    ):
        next(fetches[0])
    assert not never.is_set()
    never.set()


# What the desk does


def test_a_folder_is_read_when_it_changed_and_not_while_it_changes(tmp_path: Path, clock: FrozenClock) -> None:
    write(tmp_path, "one/2026-11-20.txt", range(3))
    with system(tmp_path, clock) as wired:
        work = Desk(wired, None, Pace(settle=0.01), threading.Event())
        assert [found.new for found in work.fetch(["one"])[0]] == [3]
        clock.advance(minutes=10)
        assert work.fetch(["one"]) == ([], [])
        write(tmp_path, "one/2026-11-21.txt", range(2, 5))

        class Writing(threading.Event):
            """A copy that goes on while somebody waits for it to end."""

            def wait(self, timeout: float | None = None) -> bool:
                write(tmp_path, "one/2026-11-21.txt", range(2, 8))
                return False

        slow = Desk(wired, None, Pace(), Writing())
        assert slow.fetch(["one"]) == ([], ["one"])
        assert [found.new for found in work.fetch(["one"])[0]] == [5]


def test_a_source_that_another_run_has_just_fetched_is_left_alone(tmp_path: Path, clock: FrozenClock) -> None:
    write(tmp_path, "one/2026-11-20.txt", range(3))
    with system(tmp_path, clock) as wired:
        pipeline.fetch(wired.parts, wired.sources()[:1])
        write(tmp_path, "one/2026-11-21.txt", range(5))
        work = Desk(wired, None, Pace(settle=0), threading.Event())
        assert work.fetch(["one"]) == ([], [])
        clock.advance(minutes=3)
        assert [found.new for found in work.fetch(["one"])[0]] == [2]


def test_while_another_run_is_at_work_nothing_is_done(
    tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "LOCK_TIMEOUT", 0.05)
    write(tmp_path, "one/2026-11-20.txt", range(3))
    with system(tmp_path, clock) as wired:
        work = Desk(wired, None, Pace(settle=0), threading.Event())
        with wired.store.lock("digest run", timeout=0), pytest.raises(LockHeldError):
            work.fetch(["one"])
        assert wired.store.dump_count() == 0


def test_a_source_with_a_mistake_keeps_no_other_from_its_turn(
    tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "one/2026-11-20.txt", range(3))
    broken = Scripted("two", [ZeroDivisionError("a bug")])
    with system(tmp_path, clock) as wired:
        sources = [wired.sources()[0], broken]
        monkeypatch.setattr(type(wired), "sources", lambda self: sources)
        found, failed = Desk(wired, None, Pace(settle=0), threading.Event()).fetch(["one", "two"])
        assert [(one.name, one.listed) for one in found] == [("one", 3)]
        assert failed == ["two"]
        assert wired.store.log_end() == 3


def test_what_failed_just_now_is_missed_only_where_it_had_nothing_before_today(
    tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody is told of it, too, once."""
    alerting = '[mail]\ntransport = "folder"\npath = "mails"\nfrom = "me@example.org"\n'
    alerting += '[alerts]\nto = "it@example.org"\nwhen = ["partial"]\n'
    write(tmp_path, "one/2026-11-20.txt", range(3))
    two = Scripted("two", [SourceError("no answer")])
    with system(tmp_path, clock, FOLDERS + alerting) as wired:
        one = wired.sources()[0]
        pipeline.fetch(wired.parts, [one])
        one_fails = Scripted("one", [SourceError("no answer either")])
        monkeypatch.setattr(type(wired), "sources", lambda self: [one_fails, two])
        clock.now = datetime(2026, 11, 20, 13, tzinfo=UTC)
        work = Desk(wired, None, Pace(settle=0), threading.Event())
        found, _ = work.fetch(["one", "two"])
        assert [source.status for source in found] == ["failed", "failed"]
        done = work.issue(found)
        assert (done.verdict, done.editions[0].evidence) == ("partial", "3 papers not announced before; without two")
        work.issue([])
    (told,) = (tmp_path / "mails").iterdir()
    assert "To: it@example.org" in told.read_text()
    assert "two: no answer" in told.read_text()


# Whom the desk tells


def subjects(home: Path) -> list[str]:
    """Return what was told by mail, oldest first."""
    mails = [message_from_bytes(path.read_bytes()) for path in (home / "mails").glob("*.eml")]
    return [str(one["Subject"]) for one in sorted(mails, key=lambda one: parsedate_to_datetime(one["Date"]))]


def test_a_source_that_breaks_between_editions_is_told_when_it_is_found_and_once(
    tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerting = '[mail]\ntransport = "folder"\npath = "mails"\nfrom = "me@example.org"\n'
    alerting += '[alerts]\nto = "it@example.org"\nwhen = ["partial", "broken"]\n'
    write(tmp_path, "one/2026-11-20.txt", range(3))
    write(tmp_path, "two/2026-11-20.txt", range(3, 6))
    with system(tmp_path, clock, FOLDERS + alerting) as wired:
        one, two = wired.sources()
        broken, mistaken = Scripted("two", [SourceError("no answer")]), Scripted("two", [ZeroDivisionError("a bug")])
        work = Desk(wired, None, Pace(settle=0), threading.Event())

        def later(second: Source, *names: str) -> list[str]:
            clock.advance(minutes=61)
            work._sources = [one, second]
            work._looks.clear()
            work.fetch(names)
            work.issue([])
            return subjects(tmp_path)

        clock.now = datetime(2026, 11, 20, 9, tzinfo=UTC)
        assert later(two, "one", "two") == []
        assert wired.store.editions("daily")
        told = later(broken, "two")
        assert told == ["digest: two partial"]
        # neither another source nor an edition's time ends it, and neither tells it again
        assert later(broken, "one") == told
        assert later(broken, "two") == told
        assert later(two, "two") == told
        assert later(mistaken, "one", "two") == [*told, "digest: two partial"]


def test_trouble_with_the_mail_is_told_by_the_delivery_that_meets_it_and_once(
    tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "one/2026-11-20.txt", range(3))
    port, clock.now = free_port(), datetime(2026, 11, 20, 13, tzinfo=UTC)
    mail = f'[mail]\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\nfrom = "me@example.org"\n'
    with (
        faults.serving() as web,
        system(tmp_path, clock, FOLDERS + mail + '[alerts]\nwebhook = "env:HOOK"\nwhen = ["failed mails"]\n') as wired,
    ):
        monkeypatch.setenv("HOOK", web.on("/hook", faults.text()))

        def delivers() -> tuple[bool, int]:
            return work.deliver(), len(web.asked)

        work = Desk(wired, resolve_mail(wired.config), Pace(settle=0), threading.Event())
        work.issue(work.fetch(["one"])[0])
        clock.advance(days=1)
        write(tmp_path, "one/2026-11-21.txt", range(2, 5))
        work.issue(work.fetch(["one"])[0])
        # a process that is new issued nothing, and meets it all the same
        work = Desk(wired, resolve_mail(wired.config), Pace(settle=0), threading.Event())
        assert [delivers(), delivers()] == [(False, 1), (False, 1)]
        with smtp.serving(port=port) as relay:
            assert delivers() == (True, 1)
            assert relay.recipients == ["me@example.org"]
        # nothing to mail: nobody was asked, and nothing is over or told
        assert delivers() == (True, 1)
        clock.advance(days=1)
        write(tmp_path, "one/2026-11-22.txt", range(4, 8))
        work.issue(work.fetch(["one"])[0])
        assert delivers() == (False, 2)


def test_what_came_back_is_read_before_mail_goes_out_now_and_then_and_holds_up_none(
    tmp_path: Path, clock: FrozenClock
) -> None:
    write(tmp_path, "one/2026-11-20.txt", range(3))
    clock.now = datetime(2026, 11, 20, 13, tzinfo=UTC)
    with smtp.serving() as relay:
        mail = f'[mail]\nhost = "127.0.0.1"\nport = {relay.port}\ntls = "none"\nfrom = "me@example.org"\n'
        mail += 'bounces = "back@example.org"\n[mail.inbox]\npath = "in"\n'
        with system(tmp_path, clock, FOLDERS + mail) as wired:
            work = Desk(wired, resolve_mail(wired.config), Pace(settle=0), threading.Event())
            work.issue(work.fetch(["one"])[0])
            # this is no Maildir: mail goes out all the same
            (tmp_path / "in").touch()
            clock.advance(days=1)
            write(tmp_path, "one/2026-11-21.txt", range(2, 5))
            work.issue(work.fetch(["one"])[0])
            assert work.deliver()
            assert relay.recipients == ["me@example.org"]
            (tmp_path / "in").unlink()
            for part in ("new", "cur"):
                (tmp_path / "in" / part).mkdir(parents=True)
            (tmp_path / "in/new/1").write_bytes(returned.postfix(relay.accepted[0].sender, "me@example.org"))
            assert work.deliver()
            assert wired.store.subscribers.suppression("me@example.org") is None
            clock.advance(minutes=15)
            assert work.deliver()
            assert wired.store.subscribers.suppression("me@example.org")


# A shift


@contextmanager
def shift(wired: System, **pace: float) -> Iterator[None]:
    """Serve during the block, in real time."""
    served = Shift(wired, None, Pace(settle=0.01, **pace))  # type: ignore[arg-type]
    served.begin()
    try:
        yield
    finally:
        served.end()


def wait(what: Callable[[], object]) -> None:
    until = time.monotonic() + 30
    while not what():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


def test_an_edition_that_is_late_holds_what_was_known_and_what_the_first_fetches_bring(
    tmp_path: Path, clock: FrozenClock
) -> None:
    write(tmp_path, "one/2026-11-19.txt", range(3))
    with system(tmp_path, clock) as wired:
        pipeline.fetch(wired.parts, wired.sources()[:1])
        write(tmp_path, "one/2026-11-20.txt", range(2, 6))
        write(tmp_path, "two/2026-11-20.txt", range(6, 9))
        clock.now = datetime(2026, 11, 20, 12, tzinfo=UTC)
        with shift(wired):
            wait(lambda: wired.store.editions("daily"))
        assert len(wired.store.edition("daily", 1).entries) == 9


def test_what_went_wrong_is_tried_again(tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "one/2026-11-20.txt", range(3))
    broken = Scripted("two", [ZeroDivisionError("a bug")])
    clock.now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    with system(tmp_path, clock) as wired:
        sources = [wired.sources()[0], broken]
        monkeypatch.setattr(type(wired), "sources", lambda self: sources)
        with shift(wired, again=0.05):
            wait(lambda: wired.store.editions("daily"))
            broken.gives[:] = [Notice(status="empty", note="mended")]
            wait(lambda: wired.store.health("two"))
        assert [entry.paper.title for entry in wired.store.edition("daily", 1).entries] != []


def test_another_run_is_waited_for_and_nothing_is_left_out(
    tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "LOCK_TIMEOUT", 0.05)
    write(tmp_path, "one/2026-11-20.txt", range(3))
    clock.now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    with system(tmp_path, clock) as wired, ExitStack() as held:
        held.enter_context(wired.store.lock("digest run", timeout=0))
        with shift(wired, again=0.05):
            time.sleep(0.3)
            assert wired.store.dump_count() == 0
            held.close()
            wait(lambda: wired.store.editions("daily"))
        assert len(wired.store.edition("daily", 1).entries) == 3


# Times


def health(status: str, at: datetime, since: datetime | None = None) -> Health:
    return Health(at, status, None, since)


def test_each_kind_has_its_interval_and_a_setting_another() -> None:
    folder = settings_for("folder").model_validate({"name": "dumps", "path": "dumps"})
    feed = settings_for("feed").model_validate({"url": "https://example.org/rss", "every": "30m"})
    arxiv = settings_for("arxiv").model_validate({"categories": ["cs.LG"]})
    intervals = [Pace().interval(one) for one in (folder, feed, arxiv)]
    assert intervals == [timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=1)]


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (None, "12:00"),
        (("ok", "11:40", None), "12:40"),
        (("ok", "09:00", None), "12:00"),
        # it has begun to fail; it has failed for long
        (("failed", "11:55", "11:55"), "12:05"),
        (("failed", "11:55", "09:00"), "12:55"),
        (("partial", "11:55", "11:50"), "12:05"),
    ],
)
def test_the_next_fetch_follows_from_the_last(known: tuple[str, str, str | None] | None, expected: str) -> None:
    def at(hour: str) -> datetime:
        return datetime.fromisoformat(f"2026-11-20T{hour}+00:00")

    arxiv = settings_for("arxiv").model_validate({"categories": ["cs.LG"]})
    last = health(known[0], at(known[1]), at(known[2]) if known[2] else None) if known else None
    assert Pace().next_fetch(arxiv, last, at("12:00")) == at(expected)


def test_what_goes_wrong_is_tried_again_less_and_less_often() -> None:
    minutes = [Pace().pause(failures) / timedelta(minutes=1) for failures in (0, 1, 2, 3, 7, 99)]
    assert minutes == [0, 1, 2, 4, 60, 60]


def test_an_edition_is_asked_for_at_its_hour_and_at_the_end_of_its_wait_summer_and_winter() -> None:
    berlin = Newsletter(
        id="daily", title="Daily", timezone="Europe/Berlin", at="08:00", wait=4 * 3600, days=frozenset({6, 7, 1})
    )
    found = schedule.wakes(berlin, None, datetime(2026, 10, 24, 7, tzinfo=UTC), days=4)
    assert [(f"{one.instant:%d %H:%M}", one.date.day, one.why) for one in found] == [
        ("24 10:00", 24, "wait"),
        ("25 07:00", 25, "at"),
        ("25 11:00", 25, "wait"),
        ("26 07:00", 26, "at"),
        ("26 11:00", 26, "wait"),
    ]
    after = schedule.wakes(berlin, found[1].date, datetime(2026, 10, 25, 8, tzinfo=UTC))
    assert [one.date.day for one in after][:1] == [26]


def test_what_a_worker_is_asked_for_while_at_work_is_done_once_afterwards() -> None:
    begun, go, done = threading.Event(), threading.Event(), []

    def work(asked: frozenset[str]) -> None:
        done.append(asked)
        begun.set()
        go.wait(10)

    worker = Worker("test", work)
    worker.start()
    worker.ask("a")
    assert begun.wait(10)
    for what in ("b", "c", "b"):
        worker.ask(what)
    assert not worker.close(0.01)
    assert done == [{"a"}]
    go.set()
    assert worker.close(10)

    begun.clear()
    again = Worker("test", work)
    again.ask("b", "c")
    again.ask("b")
    again.start()
    assert begun.wait(10)
    assert again.close(10)
    assert done == [{"a"}, {"b", "c"}]


def test_a_source_that_fails_says_so_to_the_desk_and_is_read_again_though_it_looks_the_same(
    tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = Scripted("one", [SourceError("no answer")])
    with system(tmp_path, clock) as wired:
        monkeypatch.setattr(type(wired), "sources", lambda self: [failing])
        work = Desk(wired, None, Pace(), threading.Event())
        assert [one.status for one in work.fetch(["one"])[0]] == ["failed"]
        assert [one.status for one in work.fetch(["one"])[0]] == ["failed"]
