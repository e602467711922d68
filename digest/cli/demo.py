"""`digest demo`: the bundled dumps in a temporary folder."""

from __future__ import annotations

import sys
import tempfile
import time
import webbrowser
from pathlib import Path

import click

from digest import pipeline
from digest.bootstrap import bundled, opened
from digest.cli.common import Asked, options, progress
from digest.cli.replay import report
from digest.config import parse
from digest.sources import open_source

#: year of the bundled dumps, which do not say it
_YEAR = 2026


@click.command()
@click.option("--open/--no-open", "show", default=None, help="Open the page; default: if a person is watching.")
@options
def command(asked: Asked, show: bool | None) -> None:
    """Read five real dumps into five editions, in a temporary folder; your own store is not touched."""
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="digest-demo-"))
    seeds = {"name": "seeds", "kind": "folder", "path": str(bundled("seeds")), "year": _YEAR}
    data = {"newsletters": {"daily": {"title": "Daily Papers"}}, "sources": [seeds]}
    config = parse(data, root=folder, where="demo", environ={})
    with opened(config) as system, progress(asked, "reading the dumps") as bar:
        receipts = list(pipeline.replay(system.parts, [open_source(config.sources[0], folder)], bar))
        for receipt in receipts:
            asked.tell(receipt.model_dump(mode="json"))
        asked.say(report(system, receipts, time.monotonic() - started))
    if show if show is not None else sys.stdout.isatty():
        webbrowser.open((folder / "public" / "index.html").as_uri())
