"""A run whose state is kept as files: what `digest run --state` and `digest state` have in common."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import click

from digest import outbox
from digest.bootstrap import System
from digest.config import Mail
from digest.delivery.settings import SmtpSettings
from digest.errors import CheckpointError, UsageError
from digest.state import keys
from digest.state.checkpoint import Command, Point, watched
from digest.state.keeper import Imported, Keeper
from digest.text import count_noun


def keeper(system: System, folder: Path) -> Keeper:
    """Return what keeps a system's store in a folder."""
    config, first = system.config, system.config.newsletters[0]
    host = (urlsplit(config.base_url).hostname if config.base_url else None) or "digest.invalid"
    salt = first.feed_id or f"{host}:{first.id}"
    clock = system.parts.clock
    return Keeper(folder, system.store.tables, clock, timedelta(seconds=config.archive), salt)


def settle_key(kept: Keeper, mail: Mail | None) -> str | None:
    """Make the key of the addresses' hashes what it was at other runs; return what a person should know."""
    if mail is None:
        return None
    user = mail.transport.user if isinstance(mail.transport, SmtpSettings) else None
    if mail.secret:
        kept.tables.key_with(keys.of_secret(mail.secret))
    elif user:
        kept.tables.key_with(keys.derive(user, kept.salted()))
    else:
        return (
            "the state cannot tell readers from run to run, for there is no user to derive a key from: say "
            'secret = "env:DIGEST_SECRET" in [mail]'
        )
    return None


def load(kept: Keeper, system: System) -> Imported:
    """Fill the store of a system from the folder."""
    return kept.load([one.name for one in system.config.sources])


def command_of(line: str | None, folder: Path | None) -> Command | None:
    """Return the command of `--checkpoint`.

    Raises:
        UsageError: it is none, or there is no state to keep.
    """
    if line is None:
        return None
    if folder is None:
        raise UsageError("--checkpoint is for a state that is kept as files: say --state DIR as well")
    try:
        return Command.parse(line)
    except ValueError as error:
        raise UsageError(f"--checkpoint: {line!r} is no command: {error}") from error


@dataclass
class Kept:
    """A run with its state; without a folder it does nothing.

    Args:
        kept: what writes the folder.
        run: the command of `--checkpoint`.
        rehearse: nothing is written, no command is run.
    """

    kept: Keeper | None = None
    run: Command | None = None
    rehearse: bool = False
    #: why it is not kept
    trouble: str | None = None

    def begin(self, system: System, mail: Mail | None) -> None:
        """Fill the store from the folder if it is new; what of it cannot be used is said on stderr."""
        if self.kept is None:
            return
        is_new = self.kept.tables.is_empty()
        told = settle_key(self.kept, mail)
        notes = [*([told] if told else []), *(load(self.kept, system).notes if is_new else ())]
        for note in notes:
            click.echo(f"digest: state: {note}", err=True)

    def published(self) -> bool:
        """Write the state, and have it kept before anything is mailed; False: nothing may be mailed."""
        if self.kept is not None and not self.rehearse:
            self.kept.save()
            words = "nothing is mailed; the edition is in the folder, and comes again with the next run that can"
            self._keep("published", words)
        return self.trouble is None

    def deliver(self, post: outbox.Post, stop: threading.Event) -> outbox.Delivered:
        """Deliver, each message after the command kept that it goes."""
        if self.kept is None or self.run is None:
            return outbox.deliver(post, stop=stop)
        watch = watched(post.sender.ledger, self.kept, self.run, stop)
        done = outbox.deliver(replace(post, sender=replace(post.sender, ledger=watch.ledger)), stop=stop)
        return replace(done, tally=replace(done.tally, trouble=watch.trouble)) if watch.trouble else done

    def done(self) -> None:
        """Write what went to whom, and have it kept; not where the edition itself could not be."""
        if self.kept is not None and not self.rehearse and self.trouble is None:
            self.kept.save()
            self._keep("done", "what this run mailed last may count as unknown in the next one")

    def complain(self) -> int:
        """Say on stderr why the state is not kept; return the exit status that is due to it."""
        if self.trouble:
            click.echo(f"digest: {self.trouble}", err=True)
        return 1 if self.trouble else 0

    def _keep(self, point: Point, words: str) -> None:
        if self.run is None:
            return
        try:
            self.run(point)
        except CheckpointError as error:
            self.trouble = f"checkpoint: {error}: {words}"


def said(imported: Imported) -> Sequence[str]:
    """Return what an import brought, in sentences."""
    if imported.nothing:
        return ["nothing to import: the folder holds no state; the next run is a first one"]
    papers, editions = count_noun(imported.papers, "paper"), count_noun(imported.editions, "edition")
    waiting = f"; {count_noun(imported.pending, 'change')} no edition covers yet" if imported.pending else ""
    return [f"{editions}, {papers} known{waiting}.", *(f"  note  {one}" for one in imported.notes)]
