"""What commands that mail have in common: the configured post, and what they print of it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from digest import links
from digest.bootstrap import System
from digest.cli import screen
from digest.config import Config, unset_variables
from digest.errors import DigestError, UsageError
from digest.models import Newsletter, Receipt
from digest.outbox import Delivered
from digest.text import count_noun


def chosen(system: System, newsletter: str | None) -> list[Newsletter]:
    """Return the newsletter of that name, or all.

    Raises:
        UsageError: there is none of that name.
    """
    known = list(system.parts.newsletters)
    if newsletter is None:
        return known
    found = [one for one in known if one.id == newsletter]
    if not found:
        raise UsageError(f"no newsletter {newsletter!r}; there are {', '.join(one.id for one in known)}")
    return found


def if_set(config: Config) -> Config:
    """Return the configuration, without `[mail]` if variables that it names are not set, which is said on stderr.

    So there are feeds and pages only, and everybody counts as served: mail that is set up later begins with the
    edition after that.
    """
    unset = unset_variables(config)
    if not unset:
        return config
    what = f"{' and '.join(unset)} {'is' if len(unset) == 1 else 'are'} not set"
    click.echo(f"digest: mail is off, for {what}: feeds and pages only", err=True)
    return config.model_copy(update={"mail": None})


def came_back(system: System) -> list[str]:
    """Read the mailbox of `[mail.inbox]` before more mail goes out; return what to say of it, if it changed anything.

    What keeps it from being read is said on stderr, and holds up no mail.
    """
    if system.config.inbox is None:
        return []
    # needed by few
    from digest import returns

    try:
        counts = returns.collect(system).counts
    except DigestError as error:
        click.echo(f"digest: what came back is not read: {error}", err=True)
        return []
    told = [f"{counts[effect]:,} {effect}" for effect in returns.CHANGES if counts.get(effect)]
    return [f"Came back: {', '.join(told)}."] if told else []


def lines(done: Delivered) -> list[str]:
    """Return what a person wants to know of a delivery: a sentence, then what there is to do."""
    counts = done.counts
    told = [f"{counts.submitted:,} submitted to {done.transport}"]
    told += [
        f"{number:,} {word}" for number, word in ((counts.failed, "failed"), (counts.unknown, "unknown")) if number
    ]
    told += [f"{counts.pending:,} waiting"]
    told += [f"{counts.deferred:,} deferred"] if counts.deferred else []
    found = [f"Mail: {', '.join(told)}."]
    if done.recovered.unknown or done.tally.unknown:
        what = count_noun(counts.unknown, "message")
        found.append(screen.wrap(f"  Nobody knows whether the server took {what}; not sent again, by policy.", "  "))
        found.append("  do    digest send --resolve-unknown resend   if a second mail is better than none")
    if counts.failed:
        found.append("  do    digest deliveries   says who got nothing, and why")
    return found


def of_run(system: System, done: Receipt, delivered: Delivered | None) -> list[str]:
    """Return what a run says of the mail: what was submitted, or what it would look like."""
    if delivered is not None:
        quiet = not (delivered.tally.total or delivered.left.pending or delivered.left.deferred or delivered.swept)
        return [] if quiet else lines(delivered)
    last = next((one for one in done.editions if one.date is not None), None)
    if system.config.mail is not None or last is None or last.date is None:
        return []
    _, html, *_ = links.edition_files(last.newsletter, last.date)
    there = screen.output_name(system.config.path(system.config.output), html)
    return [f"Mail: not set up. What it would look like: {there}"]


def complain(done: Delivered | None) -> int:
    """Say on stderr what keeps the transport from taking messages; return the exit status that is due to it."""
    words = trouble(done) if done else None
    if words:
        click.echo(f"digest: {words}", err=True)
    return 1 if words else 0


def trouble(done: Delivered) -> str | None:
    """Return what keeps the transport from taking messages, with what happens to those that wait."""
    if done.tally.trouble is None:
        return None
    waiting = done.left.pending + done.left.deferred
    rest = f" {count_noun(waiting, 'mail')} waiting: the next run submits what is left." if waiting else ""
    return f"mail: {done.tally.trouble}{'' if done.tally.trouble.endswith('.') else '.'}{rest}"


def told(done: Delivered) -> dict[str, Any]:
    """Return a delivery for `--json`."""
    return {
        **done.counts.model_dump(),
        "transport": done.transport,
        "swept": done.swept,
        "resent": done.recovered.resent,
        "trouble": done.tally.trouble,
    }


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """Yield an event that SIGTERM and SIGINT set during the block; a second signal ends the process as usual."""
    stop = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def asked(number: int, _frame: object) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, asked)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
