"""`digest replay`: editions from dumps."""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path

import click

from digest import pipeline, receipt
from digest.bootstrap import System
from digest.cli import screen
from digest.cli.common import Asked, options, progress
from digest.errors import BytesGoneError, UsageError
from digest.models import Receipt
from digest.protocols import Source
from digest.sources.folder import FolderSettings, FolderSource, sources_for
from digest.text import count_noun


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="The date of all these dumps.")
@click.option("--from-store", is_flag=True, help="Read all kept dumps again; what that finds comes next.")
@click.option("--lock-timeout", type=float, default=60, show_default=True, help="Seconds to wait for another run.")
@options
def command(asked: Asked, paths: tuple[Path, ...], day: datetime | None, from_store: bool, lock_timeout: float) -> None:
    """Make editions from dumps: files or folders, one edition a date, in date order.

    What the store knows already is not news: the same dumps again change nothing. Nothing is delivered.

    With --from-store the dumps that were kept are read again, without the network: what a better reader finds in them
    comes in the next edition. Editions that are out stay as they are.
    """
    started = time.monotonic()
    if from_store == bool(paths):
        raise UsageError("name the dumps to replay, or --from-store to read those again that were kept")
    if from_store:
        _repair(asked, lock_timeout)
        return
    with asked.system() as system:
        found = sources_for(paths, system.config.sources, system.config.root, day.date() if day else None)
        receipts = []
        with (
            system.store.lock(f"replay {os.getpid()}", timeout=lock_timeout),
            progress(asked, "reading the dumps") as bar,
        ):
            for one in pipeline.replay(system.parts, found, bar):
                asked.tell(one.model_dump(mode="json"))
                receipts.append(one)
        asked.say(report(system, receipts, time.monotonic() - started))
    raise SystemExit(receipt.exit_status(receipt.worst([one.verdict for one in receipts]), strict=True))


def _repair(asked: Asked, lock_timeout: float) -> None:
    """Read all kept dumps again, also those of earlier replays."""
    with asked.system() as system:
        sources: list[Source] = list(system.sources())
        if system.store.dump_count(pipeline.REPLAY):
            sources.append(FolderSource(FolderSettings(name=pipeline.REPLAY, path="."), system.config.root))
        with (
            system.store.lock(f"repair {os.getpid()}", timeout=lock_timeout),
            progress(asked, "reading the kept dumps") as bar,
        ):
            found = pipeline.repair(system.parts, sources, bar)
    asked.tell([source.model_dump(mode="json") for source in found])
    asked.say("\n".join([screen.source_table(found), *screen.rejections(found)]))
    more = sum(source.new + source.revised for source in found)
    ending = (
        f"{count_noun(more, 'paper')} new or revised; the next `digest run` prints them." if more else "nothing new."
    )
    gone = sum((source.note or "").count(BytesGoneError.WHY) for source in found)
    asked.say(f"{count_noun(sum(len(source.dumps) for source in found) - gone, 'dump')} read again: {ending}")
    if gone:
        asked.say(f"{count_noun(gone, 'dump')} cannot be read again, since their bytes are not kept.")


def report(system: System, receipts: list[Receipt], duration: float) -> str:
    """Return what a replay prints: the sentence, the table, something to open, the verdict."""
    sources = [source for one in receipts for source in one.sources]
    new, listed = sum(source.new for source in sources), sum(source.listed for source in sources)
    issued = [one for each in receipts for one in each.editions if one.number]
    dumps = count_noun(sum(len(source.dumps) for source in sources), "dump")
    if issued:
        had = sum(source.seen + source.enriched + source.revised for source in sources)
        sentence = f"{dumps}, {count_noun(listed, 'listing')}: {count_noun(new, 'new paper')} in "
        sentence += f"{count_noun(len(issued), 'edition')}" + (f", {had:,} you have had." if had else ".")
    else:
        sentence = f"{dumps}, {count_noun(listed, 'listing')}: no edition, since {_why(receipts)}."
    lines = [screen.wrap(sentence), screen.replay_table(receipts), *screen.rejections(sources)]
    notes = dict.fromkeys(source.note for source in sources if source.note)
    lines += [f"  note  {note}" for note in notes]
    output = system.config.path(system.config.output)
    if issued:
        page, mail = issued[-1].files[0], issued[-1].files[1]
        lines += [f"  mail  {screen.output_name(output, mail)}", f"  open  {screen.output_name(output, page)}"]
        lines.append(f"published in {screen.seconds(duration)}")
    else:
        lines.append(f"  open  {screen.output_name(output, 'index.html')}")
        verdict = receipt.worst([one.verdict for one in receipts])
        lines.append(f"{verdict} in {screen.seconds(duration)} (no edition, no file changed)")
    return "\n".join(lines)


def _why(receipts: list[Receipt]) -> str:
    """Say why no date of a replay has an edition."""
    evidence = [edition.evidence for one in receipts for edition in one.editions]
    listed = sum(source.listed for one in receipts for source in one.sources)
    if len(receipts) > 1 and all(one.verdict == "quiet: all seen" for one in receipts):
        return f"all {listed:,} are known{evidence[-1].partition(' are known')[2]}"
    return evidence[-1]
