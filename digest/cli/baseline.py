"""`digest baseline`: what is there now is known."""

from __future__ import annotations

import os

import click

from digest import pipeline
from digest.cli import screen
from digest.cli.common import Asked, options, progress
from digest.receipt import INCOMPLETE
from digest.text import count_noun


@click.command()
@click.option("--lock-timeout", type=float, default=60, show_default=True, help="Seconds to wait for another run.")
@options
def command(asked: Asked, lock_timeout: float) -> None:
    """Fetch all sources and note everything as known: the next run announces only what comes after.

    Without it, the first run announces the newest dump of each source.
    """
    with (
        asked.system() as system,
        system.store.lock(f"baseline {os.getpid()}", timeout=lock_timeout),
        progress(asked, "fetching") as bar,
    ):
        found = pipeline.baseline(system.parts, system.sources(), bar)
    asked.tell([source.model_dump(mode="json") for source in found])
    failed = [source.name for source in found if source.status in INCOMPLETE]
    listed = sum(source.listed - source.rejected for source in found)
    read = count_noun(sum(source.status != "failed" for source in found), "source")
    asked.say("\n".join([screen.source_table(found), *screen.rejections(found)]))
    asked.say(f"{count_noun(listed, 'listing')} of {read} known now; the next run announces what comes after.")
    if failed:
        asked.say(f"  do    see to {', '.join(failed)} and run it again: what could not be read is not known yet")
    raise SystemExit(1 if failed else 0)
