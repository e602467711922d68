"""`digest bounces`: what came back, and what follows from it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from digest import returns
from digest.bootstrap import opened
from digest.cli import screen
from digest.cli.common import Asked, options
from digest.config import Config
from digest.delivery.returned_files import Box, Single, box_at
from digest.delivery.returned_mime import LIMIT
from digest.errors import UsageError
from digest.returns import Collected, Effect, Read
from digest.text import count_noun, shorten

#: columns of the table; the last gathers what stays unread
_COLUMNS: tuple[tuple[str, tuple[Effect, ...]], ...] = (
    ("suppressed", ("suppressed",)),
    ("counted", ("counted",)),
    ("refused", ("refused",)),
    ("unsubscribed", ("unsubscribed",)),
    ("complaints", ("complained",)),
    ("ignored", ("ignored",)),
    ("unread", ("foreign", "unclear", "letter")),
)
#: messages that are told one by one, and characters of what each says
_TOLD, _SAID = 20, 160
_WORDS: dict[Effect, str] = {
    "suppressed": "suppressed",
    "counted": "counted",
    "refused": "refused for what we are or send",
    "unsubscribed": "unsubscribed",
    "complained": "suppressed after a complaint",
    "ignored": "ignored",
    "foreign": "not about a mail of ours",
    "unclear": "not understood",
    "letter": "a letter, or not for us",
}


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(allow_dash=True), metavar="[PATH]...")
@click.option("--dry-run", is_flag=True, help="Say what would follow; write nothing, mark nothing as read.")
@options
def command(asked: Asked, paths: tuple[str, ...], dry_run: bool) -> None:
    """Read mail that came back, and mails that ask to be left out; without PATH those of [mail.inbox].

    PATH is a Maildir, an mbox, a folder of .eml files, one message, or - for one on stdin, as a server pipes it.

    A bad address (5.1.x) is suppressed at once, and so is one whose reader calls a mail spam. What comes back for
    another reason counts: five in a row over a week or more suppress, too. Delays and automatic answers do nothing.
    What is not understood stays unread; of a message on stdin a server has to keep a copy for that.
    """
    config = asked.config()
    boxes = [_box(path, mark=not dry_run) for path in paths]
    if not boxes and config.inbox is None:
        raise UsageError(_no_inbox(config))
    with opened(config, rehearse=dry_run) as system:
        if boxes:
            done = returns.collect_from(system.store, boxes, system.parts.clock())
        else:
            done = returns.collect(system, mark=not dry_run)
    asked.tell(_json(done))
    asked.say("\n".join(report(done)))
    if dry_run:
        asked.say("dry run: nothing was written, and nothing is marked as read")


def _box(path: str, *, mark: bool) -> Box:
    if path != "-":
        if not Path(path).exists():
            raise UsageError(f"{path}: there is no such file or folder; name a Maildir, an mbox, a message, or -")
        return box_at(Path(path), mark=mark)
    content = sys.stdin.buffer.read(LIMIT + 1)
    if not content.strip():
        raise UsageError("-: there is no message on stdin")
    return Single("stdin", content)


def _no_inbox(config: Config) -> str:
    where = f"{config.where}: there is no [mail.inbox]"
    return f'{where}: add one with path = "Maildir" or host, user, password, or name a PATH (digest bounces --help)'


def _json(done: Collected) -> dict[str, Any]:
    return {
        "read": len(done.messages),
        **{effect: done.counts.get(effect, 0) for effect in _WORDS},
        "messages": [
            {
                "name": one.name,
                "kind": one.kind,
                "effect": one.effect,
                "newsletter": one.newsletter,
                "address": one.address,
                "note": one.note,
            }
            for one in done.messages
        ],
    }


def report(done: Collected) -> Iterator[str]:
    """Yield the lines that a person reads: a sentence, the counts, what happened to whom, what to do."""
    where = ", ".join(done.boxes).replace(f"{Path.cwd()}/", "")
    if not done.messages:
        yield screen.wrap(f"Nothing came back: {where} has nothing new.", "  ")
        return
    counts = done.counts
    stopped = counts.get("suppressed", 0) + counts.get("complained", 0)
    told = [f"{count_noun(stopped, 'address', 'addresses')} suppressed"] if stopped else []
    told += [f"{counts['unsubscribed']:,} unsubscribed"] if counts.get("unsubscribed") else []
    ending = ", ".join(told) or "nobody is left out for it"
    yield screen.wrap(f"{count_noun(len(done.messages), 'message')} read from {where}: {ending}.", "  ")
    shown = [(title, sum(counts.get(one, 0) for one in effects)) for title, effects in _COLUMNS]
    row = [f"{count:,}" for _, count in shown]
    yield screen.table(("read", *(title for title, _ in shown)), [(f"{len(done.messages):,}", *row)], left=())
    for one in done.messages[:_TOLD]:
        yield screen.wrap(f"  {_line(one)}", "    ")
    if len(done.messages) > _TOLD:
        yield f"  ... and {len(done.messages) - _TOLD:,} more: --json tells all"
    yield from _advice(done)


def _line(one: Read) -> str:
    who = one.address or one.name
    whose = f" ({one.newsletter})" if one.newsletter else ""
    note = f": {shorten(one.note, _SAID)}" if one.note else ""
    return f"{who}{whose}: {_WORDS[one.effect]}{note}"


def _advice(done: Collected) -> Iterator[str]:
    if done.counts.get("refused"):
        yield "  do    digest doctor   says how SPF, DKIM and DMARC are: mails are refused"
    left = sum(done.counts.get(effect, 0) for effect in returns.LEFT)
    if left:
        yield screen.wrap(
            f"  do    look at {count_noun(left, 'message')} that stay{'s' * (left == 1)} unread", "        "
        )
