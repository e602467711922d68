"""`digest run`: the daily work."""

from __future__ import annotations

import os
import tempfile
import time
from datetime import datetime

import click

from digest import pipeline, receipt
from digest.bootstrap import System, opened
from digest.cli import screen
from digest.cli.common import Asked, options, progress
from digest.clock import Clock, fixed, parse_instant, system
from digest.errors import UsageError
from digest.models import EditionReceipt, Receipt
from digest.protocols import Store


@click.command()
@click.option("--as-of", metavar="INSTANT", help="Run as if it were then (ISO 8601; a date is its midnight, UTC).")
@click.option("--dry-run", is_flag=True, help="Say what would come; write nothing that stays.")
@click.option("--strict", is_flag=True, help="Exit with 1 also if partial, stale or shrunken.")
@click.option("--lock-timeout", type=float, default=60, show_default=True, help="Seconds to wait for another run.")
@options
def command(asked: Asked, as_of: str | None, dry_run: bool, strict: bool, lock_timeout: float) -> None:
    """Fetch the sources, compose the edition that is due, publish it.

    The first run announces the newest dump of each source only; what is older is noted as known.
    """
    started = time.monotonic()
    config = asked.config()
    if dry_run:
        config = config.model_copy(update={"output": tempfile.mkdtemp(prefix="digest-dry-run-")})
    with (
        opened(config, _clock(as_of), rehearse=dry_run) as wired,
        wired.store.lock(f"run {os.getpid()}", timeout=lock_timeout),
    ):
        _refuse_the_past(wired.store, wired.parts.clock, as_of)
        first = wired.store.dump_count() == 0
        with progress(asked, "fetching") as bar:
            done = pipeline.run(wired.parts, wired.sources(), bar)
        asked.tell(done.model_dump(mode="json"))
        asked.say(report(wired, done, time.monotonic() - started, first=first))
    if dry_run:
        asked.say(f"dry run: nothing was written; its pages are in {config.output}")
    raise SystemExit(receipt.exit_status(done.verdict, strict=strict, sources=done.sources))


def _clock(as_of: str | None) -> Clock:
    if as_of is None:
        return system()
    try:
        return fixed(parse_instant(as_of))
    except ValueError as error:
        raise UsageError(f"--as-of: {as_of!r} is no instant; use ISO 8601, like 2026-11-20T08:00:00+01:00") from error


def _refuse_the_past(store: Store, clock: Clock, as_of: str | None) -> None:
    newest: datetime | None = max((one.last_instant for one in store.newsletters() if one.last_instant), default=None)
    if as_of is not None and newest is not None and clock() < newest:
        raise UsageError(
            f"--as-of: {as_of} lies before the newest edition ({newest.isoformat()}); dates do not go back"
        )


def report(wired: System, done: Receipt, duration: float, *, first: bool) -> str:
    """Return what a run prints: its sources, a sentence for each newsletter, the verdict."""
    parts = wired.parts
    ending = " · first run" if first else ""
    lines = [screen.title_line(newsletter, done.started_at) + ending for newsletter in parts.newsletters]
    lines += [screen.source_table(done.sources), *screen.rejections(done.sources)]
    if first and any(source.seen for source in done.sources):
        lines.append("A first run announces the newest dump only. Older papers are noted as known.")
    for newsletter, edition in zip(parts.newsletters, done.editions, strict=True):
        prefix = f"{newsletter.id}: " if len(parts.newsletters) > 1 else ""
        lines += [f"{prefix}{line}" if not number else line for number, line in enumerate(_sentence(wired, edition))]
    failing = receipt.failing(done.sources)
    if failing:
        lines.append(f"  do    see to {', '.join(failing)}, failing for days: `digest sources` says what came back")
    published = any(edition.number for edition in done.editions)
    ending = "" if published else " (no edition, no file changed)"
    return "\n".join([*lines, f"{done.verdict} in {screen.seconds(duration)}{ending}"])


def _sentence(wired: System, edition: EditionReceipt) -> list[str]:
    """Return the lines for one newsletter: its edition, or why there is none and what comes next."""
    if edition.number is not None:
        return screen.edition_lines(wired, edition)
    newsletter = next(one for one in wired.parts.newsletters if one.id == edition.newsletter)
    right = edition.verdict in ("quiet: all seen", "quiet: calendar")
    begin = "Nothing to publish, and that is right" if right else "Nothing to publish"
    lines = [screen.wrap(f"{begin}: {edition.evidence}.")]
    last = screen.last_line(wired, newsletter)
    return [*lines, *([last] if last else []), "  next  the next `digest run` that finds something new"]
