"""Facts -> verdict: what a run did, and why an edition came or did not. Pure; may import models."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import get_args

from digest.models import Change, EditionReceipt, EditionRef, SourceReceipt, Verdict
from digest.text import count_noun

#: verdicts from best to worst; a run's is the worst of its newsletters'
SEVERITY: tuple[Verdict, ...] = get_args(Verdict)
#: exit status 1 whatever the options
BROKEN: frozenset[Verdict] = frozenset({"broken"})
#: exit status 1 with `--strict`
IMPERFECT: frozenset[Verdict] = frozenset({"stale", "shrunken", "partial", "broken"})


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the worst verdict; no newsletter at all is broken."""
    return max(verdicts, key=SEVERITY.index, default="broken")


def exit_status(verdict: Verdict, *, strict: bool = False) -> int:
    """Return the exit status of a run with `verdict`."""
    return int(verdict in (IMPERFECT if strict else BROKEN))


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
            "status": "failed" if "failed" in (one.status, other.status) else _status(one, other),
            "dumps": one.dumps + other.dumps,
            "rejections": one.rejections + other.rejections,
            "note": "; ".join(notes) or None,
            **sums,
        }
    )


COUNTED = ("listed", "new", "revised", "enriched", "seen", "rejected")


def _status(one: SourceReceipt, other: SourceReceipt) -> str:
    return "ok" if "ok" in (one.status, other.status) else "empty"


def published(
    newsletter: str, ref: EditionRef, *, entries: int, sections: int, files: tuple[str, ...], failed: Sequence[str]
) -> EditionReceipt:
    """Return the receipt of an edition that came out, perhaps without sources that failed."""
    evidence = f"{count_noun(entries, 'paper')} not announced before"
    if failed:
        evidence += f"; without {_and(failed)}"
    return EditionReceipt(
        newsletter=newsletter,
        verdict="partial" if failed else "published",
        evidence=evidence,
        number=ref.number,
        date=ref.date,
        entries=entries,
        sections=sections,
        files=files,
    )


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
    then = f"; next from {until}" if until else ""
    return EditionReceipt(
        newsletter=newsletter, verdict=verdict, evidence=f"{count_noun(waiting, 'paper')} ready, {reason}{then}"
    )


def quiet(newsletter: str, sources: Sequence[SourceReceipt], last: EditionRef | None) -> EditionReceipt:
    """Return the receipt of a newsletter for which nothing is new, with the reason."""
    failed = [source.name for source in sources if source.status == "failed"]
    listed = sum(source.listed for source in sources)
    since = f"; the last is No. {last.number} of {last.date.isoformat()}" if last else ""
    if failed:
        verdict: Verdict = "broken" if len(failed) == len(sources) else "partial"
        evidence = f"{_and(failed)} could not be read, and nothing else is new{since}"
    elif listed:
        verdict = "quiet: all seen"
        rejected = sum(source.rejected for source in sources)
        evidence = f"all {listed:,} listings are known" if listed > 1 else "the one listing is known"
        if rejected:
            evidence = f"{listed - rejected:,} of {listed:,} listings are known, {rejected:,} could not be read"
        evidence += since
    else:
        verdict, evidence = "quiet: nothing arrived", f"no source gave a listing{since}"
    return EditionReceipt(newsletter=newsletter, verdict=verdict, evidence=evidence)


def assumed_note(name: str, day: date, note: str | None) -> str | None:
    """Return what a person should know of the date a dump was given."""
    return f"{name}: {note}" if note else None


def _and(names: Sequence[str]) -> str:
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)
