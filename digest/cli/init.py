"""`digest init`: a configuration that works as it is."""

from __future__ import annotations

from pathlib import Path

import click

from digest.cli.common import Asked, options
from digest.errors import UsageError
from digest.sources import settings_for

_FORM = """\
# Read by `digest run`; every key but a source has a default. Relative paths start at this file.
store  = "digest.db"              # what was seen, and every edition
output = "public"                 # what is published: any static host serves it
# base_url = "https://papers.example.org"   # for absolute links in mails and feeds

[newsletters.daily]               # the ID: a folder, and part of the feeds' ids
title = "Daily Papers"
timezone = "UTC"                  # whose days the editions are dated in
# at = "08:00"                    # publish from here on; default: at once
# days = "mon-fri"                # default: every day
show = 25                         # entries in the mail; the page has all
{sources}
[interests]                       # ranks; the page keeps everything
want = []                         # phrases, like ["pruning", "spiking neural network"]
authors = []                      # like ["Song Han"]
mute = []                         # like ["survey"]
"""

_FOLDER = """
[[sources]]
name = "{name}"
kind = "folder"                   # text dumps of Daily Papers pages, one file each
path = "{path}"
"""

#: kinds told by one value -> the key it is written under
_WEB = {"arxiv": "categories = [{}]", "feed": "url = {}", "opml": "path = {}"}


@click.command()
@click.option("--source", "told", multiple=True, metavar="KIND:WHAT", help="What to read, like folder:dumps.")
@options
def command(asked: Asked, told: tuple[str, ...]) -> None:
    """Write a digest.toml of about 20 lines that works as it is. Never overwrites one."""
    tables = [_table(one) for one in told or ("folder:dumps",)]
    try:
        with asked.file.open("x", encoding="utf-8") as file:
            file.write(_FORM.format(sources="".join(tables)))
    except FileExistsError as error:
        raise UsageError(
            f"{asked.file} is there already; it stays as it is. Name another with --config FILE"
        ) from error
    except OSError as error:
        raise UsageError(f"{asked.file}: cannot be written: {error.strerror}") from error
    asked.tell({"file": str(asked.file)})
    asked.say(f"Wrote {asked.file}.\n  next  digest run, then digest preview --open")


def _table(told: str) -> str:
    """Return the `[[sources]]` table for one `--source`."""
    kind, colon, what = told.partition(":")
    settings_for(kind)
    if kind == "daily-papers":
        return '\n[[sources]]\nkind = "daily-papers"\n'
    if not colon or not what:
        raise UsageError(f"--source {told}: say what to read after the colon, like folder:dumps")
    if kind in _WEB:
        values = ", ".join(f'"{_plain(one)}"' for one in (what.split(",") if kind == "arxiv" else [what]))
        return f'\n[[sources]]\nkind = "{kind}"\n{_WEB[kind].format(values)}\n'
    path = Path(what).as_posix().replace("\\", "\\\\").replace('"', '\\"')
    name = Path(what).resolve().name.replace("\\", "").replace('"', "") or "dumps"
    return _FOLDER.format(name=name, path=path)


def _plain(text: str) -> str:
    return text.strip().replace("\\", "").replace('"', "")
