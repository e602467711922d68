"""`digest run`: the daily work."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

import click

from digest import alerts, metrics, outbox, pipeline, receipt
from digest.bootstrap import System, opened, post
from digest.cli import keeping, mailing, outlook, screen
from digest.cli.common import Asked, options, progress
from digest.clock import Clock, fixed, parse_instant, system
from digest.config import Mail, resolve_mail
from digest.errors import DigestError, UsageError
from digest.models import EditionReceipt, Newsletter, Receipt
from digest.protocols import Store
from digest.readers import sync_readers


@click.command()
@click.option("--as-of", metavar="INSTANT", help="Run as if it were then (ISO 8601; a date is its midnight, UTC).")
@click.option("--dry-run", is_flag=True, help="Say what would come; write nothing that stays.")
@click.option("--no-deliver", is_flag=True, help="Mail nothing; `digest send` does it later.")
@click.option("--mail-if-set", is_flag=True, help="No mail, instead of an error, where its variables are not set.")
@click.option("--strict", is_flag=True, help="Exit with 1 also if partial, stale or shrunken.")
@click.option("--lock-timeout", type=float, default=60, show_default=True, help="Seconds to wait for another run.")
@click.option("--state", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Keep the state as text files in DIR too; a new store goes on from it.")  # fmt: skip
@click.option("--checkpoint", metavar="COMMAND", help="Run it with published, in-flight, done: it keeps DIR elsewhere.")
@click.option("--metrics-file", type=click.Path(path_type=Path), metavar="FILE",
              help="Write what Prometheus is to know, for node_exporter (FILE ends in .prom).")  # fmt: skip
@options
def command(
    asked: Asked,
    as_of: str | None,
    dry_run: bool,
    no_deliver: bool,
    mail_if_set: bool,
    strict: bool,
    lock_timeout: float,
    state: Path | None,
    checkpoint: str | None,
    metrics_file: Path | None,
) -> None:
    """Fetch the sources, compose the edition that is due, publish it, mail it.

    The first run announces the newest dump of each source only; what is older is noted as known.
    """
    started = time.monotonic()
    run = keeping.command_of(checkpoint, state)
    config = mailing.if_set(asked.config()) if mail_if_set else asked.config()
    mail = resolve_mail(config) if config.mail and not (no_deliver or dry_run) else None
    if dry_run:
        config = config.model_copy(update={"output": tempfile.mkdtemp(prefix="digest-dry-run-")})
    say = partial(click.echo, err=True)
    with (
        alerts.watching(config, say, rehearse=dry_run),
        opened(config, _clock(as_of), rehearse=dry_run) as wired,
        _measured(wired, None if dry_run else metrics_file, say),
    ):
        kept = keeping.Kept(keeping.keeper(wired, state) if state else None, run, rehearse=dry_run)
        with wired.store.lock(f"run {os.getpid()}", timeout=lock_timeout):
            kept.begin(wired, mail)
            _refuse_the_past(wired.store, wired.parts.clock, as_of)
            first = wired.store.dump_count() == 0
            about_readers = sync_readers(config, mail, wired.store, wired.parts.clock()) if mail else []
            with progress(asked, "fetching") as bar:
                done = pipeline.run(wired.parts, wired.sources(), bar)
            if config.mail is None:
                # Mail that is set up later begins with the edition after that, not with all there ever were.
                for newsletter in config.newsletters:
                    wired.store.ledger.catch_up(newsletter.id)
            may_mail = kept.published()
        # without the lock: mailing to many takes long, and any number of senders may do it
        try:
            about_mail = mailing.came_back(wired) if mail and may_mail else []
            delivered = _deliver(asked, wired, mail, kept) if mail and may_mail else None
            if delivered:
                done = done.model_copy(update={"deliveries": delivered.counts})
            if not dry_run:
                alerts.after_run(wired, done, delivered, say)
        finally:
            # last, for what was told of is kept, too
            kept.done()
        # by the real time, whatever --as-of says: what is gone does not come back
        wired.store.care.tidy_daily(config.keep, system()())
        asked.tell(done.model_dump(mode="json"))
        status = receipt.exit_status(done.verdict, strict=strict, sources=done.sources)
        about_mail += mailing.of_run(wired, done, delivered)
        told = [*(screen.wrap(f"  {one}", "    ") for one in about_readers), *about_mail]
        asked.say(report(wired, done, time.monotonic() - started, first=first, status=status, mail=told))
    if dry_run:
        asked.say(f"dry run: nothing was written; its pages are in {config.output}")
    raise SystemExit(mailing.complain(delivered) or kept.complain() or status)


@contextmanager
def _measured(wired: System, file: Path | None, say: Callable[[str], object]) -> Iterator[None]:
    """Write the metrics after the block, also where it fails; what goes wrong with them is said, and is no failure."""
    try:
        yield
    finally:
        if file is not None:
            try:
                metrics.write(file, metrics.text_of(wired))
            except DigestError as error:
                say(f"digest: {error}")
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not end a run
                say(f"digest: metrics are not in {file}: {type(error).__name__}: {error}")


def _deliver(asked: Asked, wired: System, mail: Mail, kept: keeping.Kept) -> outbox.Delivered:
    with mailing.stopping() as stop, progress(asked, "mail") as bar:
        return kept.deliver(post(wired, mail, bar), stop)


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


def report(
    wired: System, done: Receipt, duration: float, *, first: bool, status: int = 0, mail: Sequence[str] = ()
) -> str:
    """Return what a run prints: its sources, a sentence for each newsletter, the mail, the verdict."""
    parts = wired.parts
    ending = " · first run" if first else ""
    lines = [screen.title_line(newsletter, done.started_at) + ending for newsletter in parts.newsletters]
    lines += [screen.source_table(done.sources), *screen.rejections(done.sources)]
    if first and any(source.older for source in done.sources):
        lines.append("A first run announces the newest dump only. Older papers are noted as known.")
    for newsletter, edition in zip(parts.newsletters, done.editions, strict=True):
        prefix = f"{newsletter.id}: " if len(parts.newsletters) > 1 else ""
        told = _sentence(wired, done, edition, newsletter, first=first)
        lines += [f"{prefix}{line}" if not number else line for number, line in enumerate(told)]
    lines += outlook.missed(wired, done.sources, done.started_at)
    lines += mail
    published = any(edition.number for edition in done.editions)
    if first and published:
        lines.append("  next  digest preview --open   after each change of digest.toml")
    return "\n".join([*lines, _verdict(done, duration, first=first, status=status)])


def _sentence(
    wired: System, done: Receipt, edition: EditionReceipt, newsletter: Newsletter, *, first: bool
) -> list[str]:
    """Return the lines for one newsletter: its edition, or why there is none and what comes next."""
    if edition.number is None:
        return list(outlook.no_edition(wired, newsletter, edition, done.sources, done.started_at))
    covered = [one for one in done.sources if newsletter.sources is None or one.name in newsletter.sources]
    return screen.edition_lines(wired, edition, receipt.without(covered), first=first)


def _verdict(done: Receipt, duration: float, *, first: bool, status: int) -> str:
    """Return the last line: the verdict, how long it took, and what a program or a newcomer is told by it."""
    line = f"{done.verdict} in {screen.seconds(duration)}"
    if not any(edition.number for edition in done.editions):
        return f"{line} (no edition, no file changed{f'; exit {status}' if status else ''})"
    if done.verdict in receipt.IMPERFECT:
        return f"{line} (exit {status}" + ("; `--strict` makes this 1)" if not status else ")")
    return f'{line}. A second run will say "all seen"; that is how it works.' if first else line
