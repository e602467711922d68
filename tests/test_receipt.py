"""Every verdict with its evidence."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from digest import receipt
from digest.models import DateRule, DumpReceipt, EditionRef, SourceReceipt, SourceStatus
from digest.protocols import Batch, Health

TODAY = date(2026, 11, 20)
LAST = EditionRef(number=7, date=TODAY - timedelta(days=1))
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
PARTLY = SourceReceipt(name="blogs", status="partial", note="2 of 31 feeds failed: A Blog: HTTP 404")
FAILED = SourceReceipt(name="arxiv", status="failed", note="HTTP 429, 3 tries in 4 min")


def dump(day: date = TODAY, rule: DateRule = "proven") -> DumpReceipt:
    return DumpReceipt(name="page", sha256="0" * 64, date=day, date_rule=rule)


def source(**facts: Any) -> SourceReceipt:
    return SourceReceipt(**{"name": "papers", "dumps": (dump(),), "listed": 30, "seen": 30, **facts})


def batches(*papers: int, new: int = 0) -> list[Batch]:
    """Return batches day by day, the newest (of today) first; all of the earlier ones were new."""
    sizes = enumerate(papers)
    return [Batch(TODAY - timedelta(days=n), count, count if n else new) for n, count in sizes]


def judge(found: SourceReceipt, known: list[Batch], repeated: int = 0, **more: Any) -> SourceReceipt:
    facts = {"today": TODAY, "fresh": {TODAY}, "daily": False, "health": Health(NOW, "ok", None), **more}
    health = facts.pop("health")
    return receipt.judge(found, health, known, repeated, **facts)


def test_yesterdays_batch_under_todays_date_is_stale_and_the_overlap_is_shown() -> None:
    found = judge(source(), batches(30, 31), repeated=28)
    assert found.warning == "stale"
    assert found.note == "28 of 30 papers dated 20 Nov were in the batch of 19 Nov"
    told = receipt.quiet("daily", [found], LAST)
    assert told.verdict == "stale"
    assert "28 of 30 papers dated 20 Nov were in the batch of 19 Nov" in told.evidence
    assert "No. 7" in told.evidence


def test_an_overlap_with_something_new_is_a_note_and_no_verdict() -> None:
    found = judge(source(new=2, seen=28), batches(30, 31, new=2), repeated=28)
    assert found.warning is None
    assert found.note is not None


@pytest.mark.parametrize(
    ("found", "repeated", "known"),
    [
        (source(), 26, batches(30, 31)),
        (source(), 30, batches(30)),
        (source(dumps=(dump(rule="source-clock"),)), 30, batches(30, 31)),
        (source(dumps=(dump(TODAY - timedelta(days=1)),)), 30, batches(30, 31)),
        (source(dumps=()), 30, batches(30, 31)),
        (source(), 30, [Batch(TODAY - timedelta(days=1), 30, 0), Batch(TODAY - timedelta(days=2), 30, 30)]),
    ],
    ids=["few", "first", "polled", "other day", "not fetched", "not today"],
)
def test_what_is_not_stale(found: SourceReceipt, repeated: int, known: list[Batch]) -> None:
    assert judge(found, known, repeated).warning is None


def test_a_daily_source_is_stale_whatever_says_its_date() -> None:
    polled = source(dumps=(dump(rule="source-clock"),))
    assert judge(polled, batches(30, 31), repeated=30, daily=True).warning == "stale"


def test_far_fewer_listings_than_ever_is_shrunken_and_the_edition_comes_out() -> None:
    found = judge(source(listed=4, new=4, seen=0), batches(4, 30, 25, 31, 22, 40, new=4))
    assert found.evidence == "4 papers only; the smallest of 5 batches before had 22"
    ref = EditionRef(number=8, date=TODAY)
    told = receipt.published("daily", ref, entries=4, sections=1, files=(), sources=[found])
    assert (told.verdict, told.number) == ("shrunken", 8)
    assert told.evidence == f"4 papers not announced before; papers: {found.evidence}"
    assert receipt.for_readers([found]) == (
        "papers has far fewer papers than usual: 4 papers only; the smallest of 5 batches before had 22.",
    )


def test_a_batch_is_shrunken_only_against_five_others_and_when_it_is_read_first() -> None:
    few = source(listed=4, new=4, seen=0)
    assert judge(few, batches(4, 30, 25, 31, 22, new=4)).warning is None
    assert judge(few, batches(9, 30, 25, 31, 22, 40, new=9)).warning is None
    assert judge(few, batches(4, 30, 25, 31, 22, 40, new=4), fresh=set()).warning is None


def test_a_pause_of_over_three_times_the_longest_is_called_out() -> None:
    def news(*ago: int) -> Health:
        return Health(NOW, "ok", None, news=[TODAY - timedelta(days=one) for one in ago])

    assert judge(source(), [], health=news(10, 13, 14)).note == (
        "nothing new since 10 Nov: 10 days; its longest pause before was 3 days"
    )
    assert judge(source(), [], health=news(9, 12, 13)).note is None
    assert judge(source(), [], health=news(90, 91)).note is None


def test_a_source_failing_on_three_days_needs_a_person() -> None:
    def failing(days: int) -> SourceReceipt:
        since = NOW - timedelta(days=days - 1)
        return judge(FAILED, [], health=Health(NOW, "failed", "HTTP 429", since, days))

    assert failing(1).note == FAILED.note
    assert failing(3).note == "HTTP 429, 3 tries in 4 min; failing since 18 Nov"
    assert [receipt.exit_status("partial", sources=[failing(days)]) for days in (1, 2, 3, 9)] == [0, 0, 1, 1]


def test_a_source_read_in_part_makes_a_run_partial_and_never_broken() -> None:
    ref = EditionRef(number=8, date=TODAY)
    told = receipt.published("daily", ref, entries=2, sections=1, files=(), sources=[PARTLY, FAILED, source()])
    assert (told.verdict, told.evidence) == (
        "partial",
        "2 papers not announced before; without arxiv and parts of blogs",
    )
    alone = receipt.quiet("daily", [PARTLY], LAST)
    assert alone.verdict == "partial"
    assert (
        alone.evidence == "parts of blogs could not be read, and nothing else is new; the last is No. 7 of 2026-11-19"
    )
    assert receipt.quiet("daily", [PARTLY, FAILED], None).verdict == "partial"
    assert receipt.no_day("daily", date(2026, 11, 22), [PARTLY], LAST).verdict == "partial"
    assert receipt.for_readers([PARTLY]) == (
        "blogs could be read in part only; what is missing comes later, marked “Late”.",
    )
    since = NOW - timedelta(days=2)
    failing = judge(PARTLY, [], health=Health(NOW, "partial", PARTLY.note, since, 3))
    assert (failing.failing_days, receipt.failing([failing])) == (3, ["blogs"])
    assert failing.note == f"{PARTLY.note}; failing since 18 Nov"


@pytest.mark.parametrize(
    ("one", "other", "sum"),
    [("ok", "partial", "partial"), ("partial", "failed", "failed"), ("empty", "calendar", "calendar")],
)
def test_what_a_source_was_in_all_is_the_worst_that_happened(
    one: SourceStatus, other: SourceStatus, sum: SourceStatus
) -> None:
    added = [receipt.add(source(status=a), source(status=b)).status for a, b in ((one, other), (other, one))]
    assert added == [sum, sum]


def test_papers_that_another_source_had_first_are_counted_by_that_source() -> None:
    found = receipt.add(source(elsewhere={"papers": 2}), source(elsewhere={"papers": 1, "blog": 1}))
    assert judge(found, []).note == "3 also in papers; 1 also in blog"


def test_what_a_screen_has_lines_of_its_own_for_is_left_out_of_its_sentence() -> None:
    waiting = receipt.not_due("daily", 3, "waiting", "2026-11-20T07:00+00:00")
    assert receipt.briefly(waiting) == "3 papers ready, it is not yet time"
    assert receipt.briefly(receipt.quiet("daily", [source()], LAST)) == "all 30 listings are known"


def test_a_day_without_a_batch_is_calendar_with_what_the_sources_said() -> None:
    arxiv = SourceReceipt(name="arxiv", status="calendar", note="feed says: none on Sat, Sun")
    told = receipt.quiet("daily", [arxiv], LAST)
    assert (told.verdict, told.evidence) == (
        "quiet: calendar",
        "arxiv: feed says: none on Sat, Sun; the last is No. 7 of 2026-11-19",
    )
    blog = SourceReceipt(name="blog", status="empty", note="not modified since 12 Nov")
    told = receipt.quiet("daily", [arxiv, blog], None)
    assert told.verdict == "quiet: nothing arrived"
    assert told.evidence == (
        "no source gave a listing (arxiv: feed says: none on Sat, Sun; blog: not modified since 12 Nov)"
    )
    assert receipt.quiet("daily", [arxiv, source()], None).verdict == "quiet: all seen"
    assert receipt.quiet("daily", [arxiv, FAILED], None).verdict == "partial"


def test_a_newsletters_own_free_day_is_calendar_unless_a_source_failed() -> None:
    told = receipt.no_day("daily", date(2026, 11, 22), [source()], LAST)
    assert told.verdict == "quiet: calendar"
    assert told.evidence == "no edition comes out on a Sunday; the last is No. 7 of 2026-11-19"
    assert receipt.no_day("daily", date(2026, 11, 22), [FAILED], LAST).verdict == "broken"


def test_the_worst_finding_is_the_verdict_and_none_is_left_out() -> None:
    odd = source(name="page", warning="stale", evidence="30 of 30 were there")
    ref = EditionRef(number=8, date=TODAY)
    told = receipt.published("daily", ref, entries=2, sections=1, files=(), sources=[odd, FAILED])
    assert told.verdict == "partial"
    assert told.evidence == "2 papers not announced before; without arxiv; page: 30 of 30 were there"
    assert len(receipt.for_readers([odd, FAILED, source()])) == 2
