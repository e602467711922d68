"""What a run prints: a sentence first, the verdict last, 80 columns, no colour needed. A dash is not a zero."""

from __future__ import annotations

import os
import re
import shutil
import textwrap
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from digest import links
from digest.bootstrap import System
from digest.edition.view import mail_view, reading_minutes
from digest.models import Edition, EditionReceipt, Newsletter, Receipt, SourceReceipt
from digest.receipt import INCOMPLETE
from digest.text import count_noun, shorten

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: where what went wrong can be cut
_PART = re.compile(r"(?=: |, | \()")
#: what a failure's message begins with, or names on its way: the table has no room for it
_ADDRESS = re.compile(r"^source \S+: |https?://\S+ ")


def day_name(day: date) -> str:
    """Return a date as `Fri 20 Nov 2026`, whatever the locale."""
    return f"{_DAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]} {day.year}"


def day_near(day: date, today: date) -> str:
    """Return a date as `Fri 20 Nov`, with its year where that is not the current one."""
    return day_name(day).removesuffix(f" {today.year}")


def wrap(sentence: str, indent: str = "  ") -> str:
    """Break a sentence at 80 columns; lines after the first are indented."""
    return "\n".join(
        textwrap.wrap(sentence, 80, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: Sequence[int] = (0,)) -> str:
    """Align columns with two spaces between them, numbers to the right, indented by two."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    lines = []
    for row in (header, *rows):
        cells = [
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(f"  {'  '.join(cells)}".rstrip())
    return "\n".join(lines)


def path_for_people(path: Path) -> str:
    """Return a path relative to the working folder where that is shorter."""
    relative = os.path.relpath(path)
    return relative if not relative.startswith("..") else str(path)


def seconds(duration: float) -> str:
    """Return a duration as `4.1 s` or `4 min 12 s`."""
    return f"{duration:.1f} s" if duration < 60 else f"{int(duration // 60)} min {int(duration % 60)} s"


def replay_table(receipts: Sequence[Receipt]) -> str:
    """Return the table of a replay: a row a dump where it has its own numbers, else a row a date."""
    header = ("dump", "date", "listed", "new", "revised", "enriched", "seen", "rejected", "edition")
    rows = []
    for receipt in receipts:
        edition = ", ".join(f"No. {one.number}" for one in receipt.editions if one.number) or "-"
        for source in receipt.sources:
            names = [dump.name for dump in source.dumps]
            name = names[0] if len(names) == 1 else f"{len(names)} dumps" if names else source.name
            day = str(source.dumps[0].date) if source.dumps else "-"
            rows.append((name, day, *counts(source), edition))
    room = shutil.get_terminal_size((80, 24)).columns - 2
    others = sum(max(len(row[column]) for row in (header, *rows)) + 2 for column in range(1, len(header)))
    rows = [(shorten_name(row[0], max(room - others, 9)), *row[1:]) for row in rows]
    return table(header, rows, left=(0, 1))


def counts(source: SourceReceipt) -> tuple[str, ...]:
    """Return listed, new, revised, enriched, seen, rejected; dashes for a source that could not be read."""
    numbers = (source.listed, source.new, source.revised, source.enriched, source.seen, source.rejected)
    return tuple("-" if source.status == "failed" and not source.dumps else f"{number:,}" for number in numbers)


def shorten_name(name: str, limit: int) -> str:
    """Cut a name at the end."""
    return name if len(name) <= limit else name[: limit - 1] + "…"


def source_table(sources: Sequence[SourceReceipt]) -> str:
    """Return the table of a run's sources; enriched and rejected have a column where there are any.

    A note that would run over the edge of the terminal stands whole under the table, and so does all of a failure.
    """
    shown = ["listed", "new", "revised", "seen"]
    if any(source.enriched for source in sources):
        shown.insert(3, "enriched")
    if any(source.rejected for source in sources):
        shown.append("rejected")
    rows, below = [], []
    for source in sources:
        failed = source.status == "failed" and not source.dumps
        rows.append((source.name, *("-" if failed else f"{getattr(source, name):,}" for name in shown)))
    header = ("source", *shown)
    room = 78 - sum(max(len(row[column]) for row in (header, *rows)) + 2 for column in range(len(header)))
    for at, source in enumerate(sources):
        note = _note(source)
        if len(note) > room or (source.note or "") not in note:
            told = (source.note or "" if source.status in INCOMPLETE else note).removeprefix(f"source {source.name}: ")
            below.append(wrap(f"  {source.name}: {told}", "    "))
        if len(note) > room:
            note = _shortened(note, room) if source.status in INCOMPLETE else "see below"
        rows[at] = (*rows[at], note)
    return "\n".join([table((*header, "note"), rows, left=(0, len(shown) + 1)), *below])


def _note(source: SourceReceipt) -> str:
    """Return what stands beside a source: what went wrong in a few words, else its note, else what a first run left."""
    if source.status in INCOMPLETE:
        what = _ADDRESS.sub("", source.note or "").partition("; ")[0]
        return f"FAILED: {what}" if source.status == "failed" else f"IN PART: {what.partition(': ')[0]}"
    notes = [source.note] if source.note else []
    if source.older:
        newest = max(dump.date for dump in source.dumps if dump.date)
        notes.append(f"{source.older:,} are older than {newest.day} {_MONTHS[newest.month - 1]}")
    return "; ".join(notes)


def _shortened(note: str, room: int) -> str:
    """Return the first parts of what went wrong for which there is room: at least that it did."""
    parts = _PART.split(note)
    while len(parts) > 1 and len("".join(parts)) > room:
        parts.pop()
    return "".join(parts)


def rejections(sources: Sequence[SourceReceipt], limit: int = 5) -> list[str]:
    """Return a line for each of the first rejected listings, and how many more there are."""
    found = [one for source in sources for one in source.rejections]
    lines = [f"  rejected  {one.dump}, lines {one.span.first}-{one.span.last}: {one.reason}" for one in found[:limit]]
    if len(found) > limit:
        lines.append(f"  rejected  {len(found) - limit} more; --json has all")
    return lines


def edition_lines(system: System, receipt: EditionReceipt, without: str = "", *, first: bool = False) -> list[str]:
    """Return what a person wants to know of an edition that came out, perhaps `without` a source; `first`: ever."""
    assert receipt.number is not None
    assert receipt.date is not None
    edition = system.store.edition(receipt.newsletter, receipt.number)
    output = system.config.path(system.config.output)
    facts = [*_facts(edition), *([without] if without else [])]
    lines = [wrap(f"Edition No. {edition.number} · {' · '.join(facts)}"), _top_line(edition)]
    page, html, *_ = links.edition_files(receipt.newsletter, receipt.date)
    if (output / html).exists():
        view = mail_view(edition)
        facts = [f"{view.shown} of {len(edition.entries)} shown", f"{(output / html).stat().st_size / 1024:.0f} KiB"]
        rest = " · the rest on the web" if view.shown < len(edition.entries) else ""
        lines.append(f"  mail  {', '.join(facts)}, {reading_minutes(view)} min{rest}")
    lines.append(f"  {'open' if first else 'page'}  {output_name(output, page)}")
    return lines


def _top_line(edition: Edition) -> str:
    """Return the best paper with its reasons, the second only where there is room for it."""
    entry = edition.entry(edition.top.keys[0]) if edition.top.keys else edition.entries[0]
    texts = [reason.text for reason in entry.reasons[:2]]
    reasons = ", ".join(texts) if len(", ".join(texts)) <= 40 else texts[0]
    reasons = shorten(reasons, 40)
    return f"  top   {shorten(entry.paper.title, 80 - 11 - len(reasons))}   {reasons}".rstrip()


def output_name(output: Path, path: str) -> str:
    """Return a file of the output folder as a person opens it."""
    return path_for_people(output / path)


def _facts(edition: Edition) -> list[str]:
    counts, headings = edition.counts, [one for one in edition.sections if one.id not in ("also-new", "all", "revised")]
    facts = [count_noun(counts.new, "new paper")] if counts.new else []
    if facts and headings:
        facts[0] += f" under {count_noun(len(headings), 'heading')}"
    if counts.revised:
        facts.append(f"{counts.revised} revised")
    if counts.late:
        facts.append(f"{counts.late} late")
    return facts


def last_line(system: System, newsletter: Newsletter, today: date) -> str | None:
    """Return the line that says which edition was the last."""
    state = system.store.newsletter(newsletter.id)
    if state is None or state.last is None:
        return None
    edition = system.store.edition(newsletter.id, state.last.number)
    return (
        f"  last  No. {edition.number} on {day_near(edition.date, today)}, {count_noun(len(edition.entries), 'paper')}"
    )


def title_line(newsletter: Newsletter, now: datetime) -> str:
    """Return the line above a newsletter's run."""
    day = now.astimezone(ZoneInfo(newsletter.timezone)).date()
    return f"{day_name(day)} · {newsletter.id} · {newsletter.timezone}"


def size(count: int) -> str:
    """Return a number of bytes as `812 bytes`, `30 KB`, `1.2 MB` (powers of 1,000)."""
    if count < 1000:
        return f"{count} bytes"
    for unit, factor in (("KB", 1e3), ("MB", 1e6), ("GB", 1e9)):
        if count < 999.5 * factor or unit == "GB":
            return f"{count / factor:.0f} {unit}" if count >= 9.95 * factor else f"{count / factor:.1f} {unit}"
    raise AssertionError("the last unit takes all")
