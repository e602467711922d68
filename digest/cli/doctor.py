"""`digest doctor`: what is wrong with a set-up, and what to do about it."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from digest.cli.common import Asked, options, progress
from digest.doctor import Finding, examine
from digest.text import count_noun

#: how a level is told
_SAID = {"ok": "ok", "warn": "warn", "fail": "FAIL"}
_WIDTH = 80


@click.command()
@click.argument("source", required=False)
@click.option("--send-test", "test", metavar="ADDRESS", help="Also mail the next edition there, as a test.")
@options
def command(asked: Asked, source: str | None, test: str | None) -> None:
    """Look the set-up over: configuration, store, sources, mail, readers, schedule. Nothing is changed.

    With SOURCE only that one is asked, and what it gives is shown. Exits with 1 if something does not work.
    """
    with progress(asked, "looking") as bar:
        found = examine(asked.file, source=source, test=test, progress=bar)
    asked.tell([one.as_json() for one in found])
    asked.say("\n".join(report(found)))
    raise SystemExit(int(any(one.level == "fail" for one in found)))


def report(found: Sequence[Finding]) -> Iterator[str]:
    """Yield the lines that a person reads: a finding each with its remedy below, then how many there are."""
    room = max((len(one.area) for one in found), default=0)
    for one in found:
        yield _wrapped(f"{_SAID[one.level]:4}  {one.area:{room}}  ", one.what, room + 8)
        if one.remedy:
            yield _wrapped(f"{'':6}{'':{room}}  do  ", one.remedy, room + 12)
        yield from (f"{'':8}{'':{room}}{detail}" for detail in one.details)
    yield _summary(found)


def _wrapped(head: str, sentence: str, indent: int) -> str:
    here = f"{Path.cwd()}/"
    return textwrap.fill(
        f"{head}{sentence.replace(here, '')}",
        _WIDTH,
        subsequent_indent=indent * " ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _summary(found: Sequence[Finding]) -> str:
    levels = Counter(one.level for one in found)
    told = [f"{levels['fail']} {'does' if levels['fail'] == 1 else 'do'} not work"] if levels["fail"] else []
    told += [count_noun(levels["warn"], "warning")] if levels["warn"] else []
    return f"{count_noun(len(found), 'finding')}: {', '.join(told) or 'all is well'}."
