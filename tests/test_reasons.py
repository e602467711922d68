"""A reason for every quiet day: runs over sources that were told what to give, with the verdict of each."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from digest.models import Notice
from tests.told import Told, titles, world

DAYS = [date(2026, 11, day) for day in range(1, 31)]


def at(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def test_yesterdays_batch_under_todays_date_is_stale_and_makes_no_edition(tmp_path: Path) -> None:
    source = Told()
    with world(tmp_path) as here:
        for day, first in ((17, 0), (18, 30)):
            source.gives = [source.batch(date(2026, 11, day), titles(first, first + 30))]
            assert here.run(source, at=at(day)).verdict == "published"
        source.gives = [source.batch(date(2026, 11, 19), titles(30, 60), comments=3)]
        done = here.run(source, at=at(19))
    (edition,) = done.editions
    assert (done.verdict, edition.number) == ("stale", None)
    assert "30 of 30 papers dated 19 Nov were in the batch of 18 Nov" in edition.evidence
    assert done.sources[0].enriched == 30


def test_what_is_new_in_a_batch_that_repeats_itself_is_announced(tmp_path: Path) -> None:
    source = Told()
    with world(tmp_path) as here:
        source.gives = [source.batch(date(2026, 11, 18), titles(0, 30))]
        here.run(source, at=at(18))
        source.gives = [source.batch(date(2026, 11, 19), titles(1, 31))]
        done = here.run(source, at=at(19))
    assert (done.verdict, done.editions[0].entries) == ("published", 1)
    assert "29 of 30 papers" in (done.sources[0].note or "")


def test_a_stale_batch_does_not_take_the_days_edition_from_the_late_one(tmp_path: Path) -> None:
    slow, other = Told("slow", daily=True), Told("other")
    with world(tmp_path, at="08:00", wait="4h") as here:
        slow.gives = [slow.batch(date(2026, 11, 18), titles(0, 20))]
        here.run(slow, other, at=at(18))
        slow.gives = [slow.batch(date(2026, 11, 19), titles(0, 20), comments=1)]
        other.gives = [other.batch(date(2026, 11, 19), titles(100, 101))]
        early = here.run(slow, other, at=at(19))
        assert (early.verdict, early.editions[0].number) == ("waiting", None)
        slow.gives = [*slow.gives, slow.batch(date(2026, 11, 19), titles(20, 40))]
        late = here.run(slow, other, at=at(19, 10))
    assert (late.verdict, late.editions[0].entries) == ("published", 21)


def test_a_source_without_a_batch_today_is_not_waited_for(tmp_path: Path) -> None:
    arxiv, blog = Told("arxiv", daily=True), Told("blog")
    with world(tmp_path, at="08:00", wait="4h") as here:
        arxiv.gives = [arxiv.batch(date(2026, 11, 20), titles(0, 5))]
        here.run(arxiv, blog, at=at(20))
        arxiv.gives = [Notice(status="calendar", note="feed says: none on Sat, Sun")]
        blog.gives = [blog.batch(date(2026, 11, 21), titles(50, 51))]
        saturday = here.run(arxiv, blog, at=at(21))
        blog.gives = [Notice(status="calendar", note="never writes on a Sunday")]
        sunday = here.run(arxiv, blog, at=at(22))
    assert (saturday.verdict, saturday.editions[0].entries) == ("published", 1)
    assert sunday.verdict == "quiet: calendar"
    assert "arxiv: feed says: none on Sat, Sun; blog: never writes on a Sunday" in sunday.editions[0].evidence
    assert [one.status for one in sunday.sources] == ["calendar", "calendar"]


def test_a_day_without_an_edition_is_calendar_and_its_papers_wait(tmp_path: Path) -> None:
    source = Told()
    with world(tmp_path, days="mon-fri") as here:
        source.gives = [source.batch(date(2026, 11, 20), titles(0, 5))]
        here.run(source, at=at(20))
        assert here.run(source, at=at(21)).editions[0].evidence.startswith("no edition comes out on a Saturday")
        source.gives = [source.batch(date(2026, 11, 22), titles(5, 9))]
        assert here.run(source, at=at(22)).verdict == "quiet: calendar"
        assert here.run(source, at=at(23)).editions[0].entries == 4


def test_a_batch_far_smaller_than_any_is_published_as_shrunken(tmp_path: Path) -> None:
    source = Told()
    with world(tmp_path) as here:
        for day in range(1, 7):
            source.gives = [source.batch(DAYS[day], titles(20 * day, 20 * day + 20))]
            here.run(source, at=at(day + 1))
        source.gives = [source.batch(DAYS[7], titles(500, 503))]
        done = here.run(source, at=at(8))
        assert here.run(source, at=at(8, 10)).verdict == "quiet: all seen"
    (edition,) = done.editions
    assert (done.verdict, edition.entries) == ("shrunken", 3)
    assert "3 papers only; the smallest of 6 batches before had 20" in edition.evidence


def test_after_a_failed_fetch_nothing_is_lost_and_a_third_day_is_said(tmp_path: Path) -> None:
    good, bad = Told("good"), Told("bad", fails="HTTP 503")
    seen = []
    with world(tmp_path) as here:
        for day in (17, 18, 19):
            good.gives = [good.batch(date(2026, 11, day), titles(10 * day, 10 * day + 9))]
            done = here.run(good, bad, at=at(day))
            seen.append((done.verdict, done.sources[1].failing_days, done.sources[1].note))
        bad.fails, bad.gives = None, [bad.batch(date(2026, 11, 19), titles(0, 6))]
        mended = here.run(good, bad, at=at(20))
    assert seen == [
        ("partial", 1, "HTTP 503"),
        ("partial", 2, "HTTP 503; failing since 17 Nov"),
        ("partial", 3, "HTTP 503; failing since 17 Nov"),
    ]
    assert bad.asked == [None] * 4
    assert (mended.verdict, mended.editions[0].entries, mended.sources[1].failing_days) == ("published", 6, 0)


def test_a_source_quiet_for_longer_than_three_times_its_longest_pause_is_called_out(tmp_path: Path) -> None:
    source = Told()
    with world(tmp_path) as here:
        for day in (1, 2, 4):
            source.gives = [source.batch(date(2026, 11, day), titles(10 * day, 10 * day + 3))]
            here.run(source, at=at(day))
        source.gives = [Notice(status="unchanged", note="not modified")]
        assert here.run(source, at=at(10)).sources[0].note == "not modified"
        done = here.run(source, at=at(10) + timedelta(days=1))
    assert done.sources[0].note == (
        "not modified; nothing new since 4 Nov: 7 days; its longest pause before was 2 days"
    )
    assert done.verdict == "quiet: nothing arrived"
    assert "7 days" in done.editions[0].evidence


def test_an_edition_of_physics_stands_under_the_names_of_arxiv(tmp_path: Path) -> None:
    source = Told()
    fields = {"hep-th": "High Energy Physics - Theory", "quant-ph": "Quantum Physics", "gr-qc": "General Relativity"}
    with world(tmp_path, pages=True) as here:
        source.gives = [
            source.batch(date(2026, 11, 20), titles(20 * n, 20 * n + 14), categories=[{"id": id, "name": name}])
            for n, (id, name) in enumerate(fields.items())
        ]
        here.run(source, at=at(20))
        edition = here.parts.store.edition("daily", 1)
    assert {section.title: len(section.keys) for section in edition.sections} == dict.fromkeys(fields.values(), 14)
    output = here.config.path(here.config.output)
    assert (output / "daily/tags/hep-th/rss.xml").exists()
    assert "14 papers" in (output / "daily/tags/hep-th/index.html").read_text()
    assert "42 papers" in (output / "daily/tags/physics/index.html").read_text()
