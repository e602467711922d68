"""`digest state`: the whole state of a store as a folder of text files, and back."""

from __future__ import annotations

import os
from pathlib import Path

import click

from digest.cli import keeping, screen
from digest.cli.common import Asked, options
from digest.config import Config, Mail, resolve_mail
from digest.errors import ConfigError
from digest.text import count_noun


@click.group()
def command() -> None:
    """The state as a folder of text files, which `digest run --state` goes on from on any machine.

    It holds no address, no secret and no dump; editions stand in it without the reasons that tell of your interests.
    """


@command.command("export")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--lock-timeout", type=float, default=60, show_default=True, help="Seconds to wait for a run.")
@options
def export(asked: Asked, folder: Path, lock_timeout: float) -> None:
    """Write the state of the store into DIR; of a state that is there already, what differs."""
    with asked.system() as system, system.store.lock(f"export {os.getpid()}", timeout=lock_timeout):
        keeping.keeper(system, folder).save()
    files = [path for path in folder.rglob("*") if path.is_file() and ".git" not in path.relative_to(folder).parts]
    size = sum(path.stat().st_size for path in files)
    asked.tell({"folder": str(folder), "files": len(files), "bytes": size})
    asked.say(f"{count_noun(len(files), 'file')}, {size / 1e6:.1f} MB in {folder}")


@command.command("import")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--lock-timeout", type=float, default=60, show_default=True, help="Seconds to wait for a run.")
@options
def import_(asked: Asked, folder: Path, lock_timeout: float) -> None:
    """Fill the configured store, which must be empty, from DIR.

    Readers come back when [subscribers] or [mail] names them: the state knows them by hashes.
    """
    with asked.system() as system, system.store.lock(f"import {os.getpid()}", timeout=lock_timeout):
        kept = keeping.keeper(system, folder)
        mail, why = _mail(system.config)
        told = keeping.settle_key(kept, mail) or why
        found = keeping.load(kept, system)
    notes = [*found.notes, *([told] if told else [])]
    asked.tell({"papers": found.papers, "editions": found.editions, "pending": found.pending, "notes": notes})
    asked.say("\n".join(screen.wrap(one, "        ") for one in keeping.said(found)))
    if told:
        asked.say(screen.wrap(f"  note  {told}", "        "))


def _mail(config: Config) -> tuple[Mail | None, str | None]:
    """Return `[mail]` if its secrets are at hand, else why readers will not be known."""
    if config.mail is None:
        return None, None
    try:
        return resolve_mail(config), None
    except ConfigError as error:
        return None, f"{error}; readers of this state are not recognised until it is imported with it"
