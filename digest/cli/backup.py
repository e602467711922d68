"""`digest backup`: a copy of the store that is whole."""

from __future__ import annotations

from pathlib import Path

import click

from digest.bootstrap import store_address
from digest.cli import screen
from digest.cli.common import Asked, options, progress
from digest.clock import system
from digest.errors import UsageError
from digest.store import open_store
from digest.text import count_noun


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--keep", type=click.IntRange(1), metavar="N", help="Remove all but the newest N in that folder.")
@options
def command(asked: Asked, file: Path | None, keep: int | None) -> None:
    """Write the store as it is now into FILE, while others go on; it is there when it is whole, or not at all.

    FILE may be a folder: then, as without it, the name tells the time, and --keep removes older ones of such names. A
    backup is a file of SQLite, also that of a store in PostgreSQL: pg_dump is not needed. `digest store restore FILE`
    makes it the store.
    """
    from digest.store import backup

    config = asked.config()
    address, now = store_address(config), system()()
    named = file is None or file.is_dir()
    if keep and not named:
        raise UsageError("--keep counts backups that have no name of their own: name a folder, or nothing")
    folder = file if file and named else config.root if "://" in address else Path(address).parent
    target = folder / backup.name(now) if named or file is None else file
    _refuse_missing(address)
    store = open_store(address)
    try:
        with progress(asked, "copying") as bar:
            made = store.care.backup(target, now, bar)
    finally:
        store.close()
    removed = [str(path) for path in backup.prune(folder, keep)] if keep else []
    asked.tell({**made.model_dump(mode="json"), "removed": removed})
    held = ", ".join(count_noun(made.rows[name], name.removesuffix("s")) for name in ("papers", "editions", "dumps")
                     if name in made.rows)  # fmt: skip
    asked.say(f"Wrote {screen.path_for_people(target)}: {screen.size(made.bytes)}, {held}, checked.")
    if removed:
        asked.say(f"Removed {count_noun(len(removed), 'older one')}.")


def _refuse_missing(address: str) -> None:
    """Refuse to make a store only to back it up."""
    if "://" not in address and not Path(address).is_file():
        raise UsageError(f"{address}: there is no store yet; `digest run` makes it")
