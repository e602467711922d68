"""Facts -> verdict: what a run did, and why an edition came or did not. Pure; may import models and protocols."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date
from itertools import pairwise
from typing import get_args

from digest.models import (
    Change,
    DateRule,
    DumpReceipt,
    EditionReceipt,
    EditionRef,
    SourceReceipt,
    SourceStatus,
    Verdict,
)
from digest.protocols import Batch, Health
from digest.text import count_noun

#: verdicts from best to worst; a run's is the worst of its newsletters'
SEVERITY: tuple[Verdict, ...] = get_args(Verdict)
#: exit status 1 whatever the options
BROKEN: frozenset[Verdict] = frozenset({"broken"})
#: exit status 1 with `--strict`
IMPERFECT: frozenset[Verdict] = frozenset({"stale", "shrunken", "partial", "broken"})

#: how a source is that was not read whole
INCOMPLETE: frozenset[SourceStatus] = frozenset({"partial", "failed"})
#: what the sentence begins with that names the last edition; it ends the evidence of a run that had none
SINCE = "; the last is No. "
_THEN = "; next from "

#: so many batches are looked back on
LOOKED_BACK = 10
#: from this share of papers of the batch before on, a batch is that batch once more
_STALE_FROM = 0.9
#: under this share of the smallest batch there was, a batch is shrunken; so many have to be known
_SHRUNKEN_UNDER = 0.4
_SHRUNKEN_FROM = 5
#: a pause of more than so many times the longest there was is called out; so many dates with news have to be known
_PAUSE = 3
_PAUSES_FROM = 3
#: a source that failed on so many days in a row needs a person
_FAILING_DAYS = 3
#: what says the date of a dump of its own, other than when it was fetched
_CLAIMS: frozenset[DateRule] = frozenset({"option", "setting", "file-name", "proven"})


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the worst verdict; no newsletter at all is broken."""
    return max(verdicts, key=SEVERITY.index, default="broken")


def exit_status(verdict: Verdict, *, strict: bool = False, sources: Sequence[SourceReceipt] = ()) -> int:
    """Return the exit status of a run with `verdict`; a source that failed on 3 days in a row is a failure of all."""
    return int(verdict in (IMPERFECT if strict else BROKEN) or bool(failing(sources)))


def failing(sources: Sequence[SourceReceipt]) -> list[str]:
    """Return the names of sources that failed on 3 days in a row, or more."""
    return [source.name for source in sources if source.failing_days >= _FAILING_DAYS]


def judge(
    found: SourceReceipt,
    health: Health | None,
    batches: Sequence[Batch],
    repeated: int,
    *,
    today: date,
    fresh: Collection[date],
    daily: bool,
) -> SourceReceipt:
    """Return what a run found at a source, with what its past says of that.

    Args:
        found: what its dumps of this run had.
        health: how its fetches went, this one included.
        batches: its newest, newest first: `LOOKED_BACK` before the one that may be of this run.
        repeated: how many papers of the newest batch were in the one before.
        today: the date it is.
        fresh: the dates of dumps that this run was the first to read.
        daily: it has a batch every working day.
    """
    notes = [found.note] if found.note else []
    notes += [f"{count:,} also in {name}" for name, count in found.elsewhere.items()]
    update: dict[str, object] = {}
    if found.status in INCOMPLETE and health and health.failing_since:
        update["failing_days"] = health.failing_days
        if health.failing_days > 1:
            notes.append(f"failing since {_day(health.failing_since.date(), today)}")
    stale = _stale(found, batches, repeated, today, daily)
    shrunken = _shrunken(batches, fresh)
    if stale or shrunken:
        notes.append(stale or shrunken or "")
        if shrunken or not batches[0].new:
            update |= {"warning": "shrunken" if shrunken else "stale", "evidence": shrunken or stale}
    if found.status not in INCOMPLETE and health and (found_pause := pause(health.news, today)):
        notes.append(found_pause)
    return found.model_copy(update={**update, "note": "; ".join(notes) or None})


def recalled(
    name: str,
    health: Health,
    newest: Batch | None,
    dumps: Sequence[DumpReceipt],
    *,
    of_today: bool,
    on_time: bool,
    fetched_today: bool,
) -> SourceReceipt:
    """Return how a source is that was not fetched in this run, as the store knows it; `judge` adds its past.

    Args:
        name: of the source.
        health: its last fetch.
        newest: its newest batch.
        dumps: those of that batch.
        of_today: the batch is of today.
        on_time: it is all that is waited for today: a failure after it keeps nothing from the readers.
        fetched_today: what the last fetch said, it said of today.
    """
    had = newest is not None and (of_today or health.status == "ok")
    status: SourceStatus = "ok" if had else "empty"
    note = None if had else health.note
    if health.status in INCOMPLETE and not (on_time and health.status == "failed"):
        status, note = ("failed" if health.status == "failed" else "partial"), health.note
    elif health.status == "calendar" and fetched_today and not of_today:
        status = "calendar"
    found = SourceReceipt(name=name, status=status, note=note)
    if newest is None or not had:
        return found
    new = min(newest.new, newest.papers) if of_today else 0
    counts = {"listed": newest.papers, "new": new, "seen": newest.papers - new}
    return found.model_copy(update={"dumps": tuple(dumps), **counts})


def _stale(found: SourceReceipt, batches: Sequence[Batch], repeated: int, today: date, daily: bool) -> str | None:
    """Say that the batch of today is the one before once more, where its date is not just the day it was fetched on.

    What is polled without a batch a day (a feed with its last twenty posts) repeats itself by nature.
    """
    if len(batches) < 2 or batches[0].date < today or not batches[0].papers:
        return None
    rules = [dump.date_rule for dump in found.dumps if dump.date == batches[0].date]
    claimed = bool(rules) and (daily or any(rule in _CLAIMS for rule in rules))
    if not claimed or repeated < _STALE_FROM * batches[0].papers:
        return None
    newest, before = (_day(batch.date, today) for batch in batches[:2])
    return f"{repeated:,} of {batches[0].papers:,} papers dated {newest} were in the batch of {before}"


def _shrunken(batches: Sequence[Batch], fresh: Collection[date]) -> str | None:
    """Say that the newest batch is far smaller than any before; `None` where too few are known to say."""
    if len(batches) <= _SHRUNKEN_FROM or batches[0].date not in fresh:
        return None
    least = min(batch.papers for batch in batches[1:])
    if batches[0].papers >= _SHRUNKEN_UNDER * least:
        return None
    papers = count_noun(batches[0].papers, "paper")
    return f"{papers} only; the smallest of {len(batches) - 1} batches before had {least:,}"


def pause(news: Sequence[date], today: date) -> str | None:
    """Say that nothing was new for longer than three times the longest pause there was."""
    if len(news) < _PAUSES_FROM:
        return None
    longest = max((later - earlier).days for later, earlier in pairwise(news))
    now = (today - news[0]).days
    if now <= _PAUSE * longest:
        return None
    before = count_noun(longest, "day")
    return f"nothing new since {_day(news[0], today)}: {now} days; its longest pause before was {before}"


def _day(day: date, today: date) -> str:
    return f"{day.day} {day:%b}" if day.year == today.year else f"{day.day} {day:%b} {day.year}"


def for_readers(sources: Sequence[SourceReceipt]) -> tuple[str, ...]:
    """Return what an edition tells its readers of its sources: who is missing, and whose batch is odd."""
    words = {
        "failed": "{} could not be read; its papers come later, marked “Late”.",
        "partial": "{} could be read in part only; what is missing comes later, marked “Late”.",
        "stale": "{} still has its batch of before ({}); its papers come later, marked “Late”.",
        "shrunken": "{} has far fewer papers than usual: {}.",
    }
    told = []
    for source in sources:
        odd: list[str] = [source.status] if source.status in INCOMPLETE else []
        odd += [source.warning] if source.warning and source.status != "failed" else []
        told += [words[one].format(source.name, source.evidence) for one in odd]
    return tuple(told)


def tally(changes: Sequence[Change], *, announce: bool) -> dict[str, int]:
    """Count the changes of one dump by kind; in a baseline all of them are known papers."""
    counts = {"new": 0, "revised": 0, "enriched": 0, "seen": 0}
    for change in changes:
        counts[change.kind if announce else "seen"] += 1
    return counts


def add(one: SourceReceipt, other: SourceReceipt) -> SourceReceipt:
    """Return two receipts of one source as one."""
    sums = {name: getattr(one, name) + getattr(other, name) for name in COUNTED}
    notes = [note for note in dict.fromkeys((one.note, other.note)) if note]
    return one.model_copy(
        update={
            "status": _status(one, other),
            "dumps": one.dumps + other.dumps,
            "rejections": one.rejections + other.rejections,
            "note": "; ".join(notes) or None,
            "elsewhere": dict(Counter(one.elsewhere) + Counter(other.elsewhere)),
            **sums,
        }
    )


COUNTED = ("listed", "new", "revised", "enriched", "seen", "rejected", "older")


def _status(one: SourceReceipt, other: SourceReceipt) -> SourceStatus:
    statuses: tuple[SourceStatus, ...] = ("failed", "partial", "ok", "calendar", "empty")
    return next(status for status in statuses if status in (one.status, other.status))


def published(
    newsletter: str,
    ref: EditionRef,
    *,
    entries: int,
    sections: int,
    files: tuple[str, ...],
    sources: Sequence[SourceReceipt],
) -> EditionReceipt:
    """Return the receipt of an edition that came out, perhaps without sources that failed, or with an odd batch."""
    missing = without(sources)
    verdicts: list[Verdict] = ["partial"] if missing else ["published"]
    evidence = [f"{count_noun(entries, 'paper')} not announced before", *([missing] if missing else [])]
    verdicts += [source.warning for source in sources if source.warning]
    return EditionReceipt(
        newsletter=newsletter,
        verdict=worst(verdicts),
        evidence="; ".join([*evidence, *_odd(sources)]),
        number=ref.number,
        date=ref.date,
        entries=entries,
        sections=sections,
        files=files,
    )


def without(sources: Sequence[SourceReceipt]) -> str:
    """Return which sources an edition is without: `without arxiv and parts of blogs`; "" where all were read."""
    named = [source.name for source in sources if source.status == "failed"]
    named += [f"parts of {source.name}" for source in sources if source.status == "partial"]
    return f"without {_and(named)}" if named else ""


def briefly(edition: EditionReceipt) -> str:
    """Return the evidence without what a screen has lines of its own for: the last edition, and the next."""
    return edition.evidence.partition(SINCE)[0].partition(_THEN)[0]


def held(newsletter: str, waiting: int, last: EditionRef) -> EditionReceipt:
    """Return the receipt of papers that wait, since dates do not go back."""
    return EditionReceipt(
        newsletter=newsletter,
        verdict="held",
        evidence=f"{count_noun(waiting, 'paper')} {'waits' if waiting == 1 else 'wait'} for the next edition: "
        f"No. {last.number} of {last.date.isoformat()} is out, and an edition is dated after the last one",
    )


def not_due(newsletter: str, waiting: int, why: str, until: str | None) -> EditionReceipt:
    """Return the receipt of papers that wait for the newsletter's time or day."""
    verdict: Verdict = "waiting" if why == "waiting" else "quiet: calendar"
    reason = "it is not yet time" if why == "waiting" else "no edition comes out on this weekday"
    then = f"{_THEN}{until}" if until else ""
    return EditionReceipt(
        newsletter=newsletter, verdict=verdict, evidence=f"{count_noun(waiting, 'paper')} ready, {reason}{then}"
    )


def no_day(newsletter: str, day: date, sources: Sequence[SourceReceipt], last: EditionRef | None) -> EditionReceipt:
    """Return the receipt of a newsletter that does not come out on a weekday, with nothing ready; failures go first."""
    if any(source.status in INCOMPLETE for source in sources):
        return quiet(newsletter, sources, last)
    evidence = f"no edition comes out on a {day:%A}{_since(last)}"
    return EditionReceipt(newsletter=newsletter, verdict="quiet: calendar", evidence=evidence)


def _since(last: EditionRef | None) -> str:
    return f"{SINCE}{last.number} of {last.date.isoformat()}" if last else ""


def _odd(sources: Sequence[SourceReceipt]) -> list[str]:
    return [f"{source.name}: {source.evidence}" for source in sources if source.warning]


def quiet(newsletter: str, sources: Sequence[SourceReceipt], last: EditionRef | None) -> EditionReceipt:
    """Return the receipt of a newsletter for which nothing is new, with the reason."""
    failed = [source.name for source in sources if source.status == "failed"]
    partly = [f"parts of {source.name}" for source in sources if source.status == "partial"]
    listed = sum(source.listed for source in sources)
    since = _since(last)
    said = "; ".join(f"{source.name}: {source.note}" for source in sources if source.note)
    odd = [source.warning for source in sources if source.warning]
    if failed or partly:
        verdict: Verdict = "broken" if len(failed) == len(sources) else "partial"
        evidence = f"{_and(failed + partly)} could not be read, and nothing else is new{since}"
    elif odd:
        verdict, evidence = worst(odd), f"nothing is new; {'; '.join(_odd(sources))}{since}"
    elif sources and all(source.status == "calendar" for source in sources):
        verdict, evidence = "quiet: calendar", f"{said}{since}"
    elif listed:
        verdict = "quiet: all seen"
        rejected = sum(source.rejected for source in sources)
        evidence = f"all {listed:,} listings are known" if listed > 1 else "the one listing is known"
        if rejected:
            evidence = f"{listed - rejected:,} of {listed:,} listings are known, {rejected:,} could not be read"
        evidence += since
    else:
        because = f" ({said})" if said else ""
        verdict, evidence = "quiet: nothing arrived", f"no source gave a listing{because}{since}"
    return EditionReceipt(newsletter=newsletter, verdict=verdict, evidence=evidence)


def assumed_note(name: str, day: date, note: str | None) -> str | None:
    """Return what a person should know of the date a dump was given."""
    return f"{name}: {note}" if note else None


def _and(names: Sequence[str]) -> str:
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)
