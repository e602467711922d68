"""`digest store`: what the store holds; copies it, restores it, lets go of what is old."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from digest.bootstrap import store_address
from digest.cli import screen
from digest.cli.common import Asked, options, progress
from digest.clock import system
from digest.config import Config, secret
from digest.models import Keep, Sizes, Tidied
from digest.store import open_store
from digest.text import count_noun

_TIMEOUT = click.option(
    "--lock-timeout", type=float, default=60, show_default=True, help="Seconds to wait for a run to end."
)


@click.group(invoke_without_command=True)
@options
def command(asked: Asked) -> None:
    """Say what the store holds and how large it is; copy, restore, tidy it."""
    if click.get_current_context().invoked_subcommand is None:
        store = open_store(store_address(asked.config()))
        try:
            sizes = store.care.sizes()
        finally:
            store.close()
        asked.tell(sizes.model_dump(mode="json"))
        asked.say("\n".join(_report(sizes)))


def _report(sizes: Sizes) -> Iterator[str]:
    """Yield what a person reads of a store."""
    free = f", {screen.size(sizes.free)} of it free" if sizes.free else ""
    yield f"{sizes.place}: {screen.size(sizes.bytes)}{free}, schema {sizes.revision}"
    gone = sizes.dumps - sizes.readable
    bytes_of = f"{screen.size(sizes.raw_bytes)} of raw bytes" + (f"; those of {gone:,} were let go of" if gone else "")
    only = f"{sizes.tidied:,} more are only counted" if sizes.tidied else ""
    rows = [
        ("dumps", f"{sizes.dumps:,}", bytes_of),
        ("papers", f"{sizes.papers:,}", ""),
        ("editions", f"{sizes.editions:,}", ""),
        ("subscribers", f"{sizes.subscribers:,}", ""),
        ("deliveries", f"{sizes.deliveries:,}", only),
    ]
    width = max(len(count) for _, count, _ in rows)
    yield from (f"  {name:11}  {count:>{width}}  {more}".rstrip() for name, count, more in rows)
    if sizes.restored:
        yield screen.wrap(f"  note  {sizes.restored}", "        ")


@command.command("tidy")
@click.option("--dry-run", is_flag=True, help="Say what would go; change nothing.")
@click.option("--vacuum", is_flag=True, help="Then give the free space back, which takes as much meanwhile.")
@_TIMEOUT
@options
def _tidy(asked: Asked, dry_run: bool, vacuum: bool, lock_timeout: float) -> None:
    """Let go of what is older than the [keep] table says. Every run does so once a day.

    Papers, editions, people and marks stay always; what a reader got stays known until its edition is a year old.
    """
    config, now = asked.config(), system()()
    store = open_store(store_address(config))
    try:
        if dry_run:
            done = store.care.would_tidy(config.keep, now)
        else:
            done = store.care.tidy(config.keep, now)
            while done.more:
                done += store.care.tidy(config.keep, now)
        before = store.care.sizes().bytes
        if vacuum and not dry_run:
            with store.lock(f"store tidy {os.getpid()}", timeout=lock_timeout):
                store.care.vacuum()
        after = store.care.sizes().bytes
    finally:
        store.close()
    asked.tell({**done.model_dump(mode="json"), "dry_run": dry_run, "given_back": before - after})
    asked.say(_went(done, config.keep, dry_run=dry_run))
    if vacuum and not dry_run:
        asked.say(f"{screen.size(max(0, before - after))} given back; the store has {screen.size(after)} now.")
    elif done.bytes and not dry_run:
        asked.say("  want the space back?  digest store tidy --vacuum")


def _went(done: Tidied, keep: Keep, *, dry_run: bool) -> str:
    """Return what went, in a sentence."""
    if not done.rows:
        return "Nothing is older than is kept."
    parts = [
        f"the raw bytes of {count_noun(done.dumps, 'dump')} ({screen.size(done.bytes)})" if done.dumps else "",
        count_noun(done.receipts, "receipt") if done.receipts else "",
        count_noun(done.deliveries, "delivery", "deliveries") + ", whose counts stay" if done.deliveries else "",
        count_noun(done.fetches, "fetch", "fetches") if done.fetches else "",
    ]
    begin = "Would let go of" if dry_run else "Let go of"
    return screen.wrap(f"{begin} {'; '.join(part for part in parts if part)}.")


@command.command("copy")
@click.argument("url")
@_TIMEOUT
@options
def _copy(asked: Asked, url: str, lock_timeout: float) -> None:
    """Copy the whole store into another database, from SQLite to PostgreSQL or back, and compare it row by row.

    URL is postgresql://..., the path of a file, or env:NAME, of a database without a store. Nobody writes to the store
    meanwhile. Numbers, ids of feeds, links in old mails, who unsubscribed and who got what: all goes on there.
    """
    from digest.store.copying import copy
    from digest.store.engine import Database, parse
    from digest.store.revision import ensure, refuse_backup

    config = asked.config()
    told = secret(url, "URL", os.environ, Path.cwd())
    source, target = Database(parse(store_address(config))), Database(parse(told))
    try:
        ensure(source, system())
        refuse_backup(source)
        with progress(asked, "copying") as bar:
            done = copy(source, target, system(), timeout=lock_timeout, progress=bar)
        place = target.place
    finally:
        source.close()
        target.close()
    asked.tell({name: asdict(one) for name, one in done.items()})
    rows = sum(one.rows for one in done.values())
    asked.say(
        f"{count_noun(rows, 'row')} of {count_noun(len(done), 'table')} copied into {place}, and read back alike."
    )
    asked.say(f"  do    say this in {config.where}, before the next run or send:\n        {_line(config, url, told)}")


def _line(config: Config, url: str, told: str) -> str:
    """Return the line of digest.toml that names a store, without a password."""
    if url != told:
        return f'store = "{url}"'
    if "://" not in told:
        return f'store = "{Path(told).expanduser().resolve()}"'
    from sqlalchemy.engine import make_url

    if make_url(told).password or "password" in told:
        return 'store = "env:DATABASE_URL"        # and set DATABASE_URL to what you said here'
    return f'store = "{told}"'


@command.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Also over a store that holds more.")
@click.option("--resend", is_flag=True, help="Mail what waited when the backup was taken; pause nothing.")
@_TIMEOUT
@options
def _restore(asked: Asked, file: Path, force: bool, resend: bool, lock_timeout: float) -> None:
    """Make the backup FILE the store; what was the store stays beside it.

    What came out and was mailed after the backup was taken is not known in it. So that nobody gets anything twice, what
    waited then becomes `unknown`, and the newsletters that somebody reads are paused until you have looked.
    """
    from digest.store.restoring import restore

    config = asked.config()
    with progress(asked, "restoring") as bar:
        done = restore(
            file, store_address(config), system()(), beside=config.root, force=force, resend=resend,
            timeout=lock_timeout, progress=bar,
        )  # fmt: skip
    asked.tell({**asdict(done), "taken": done.taken and done.taken.isoformat()})
    when = f", taken on {done.taken:%Y-%m-%d %H:%M} UTC" if done.taken else ""
    last = ", ".join(f"{name} up to No. {number}" for name, number in done.editions.items()) or "no edition"
    asked.say(screen.wrap(f"{screen.path_for_people(file)} is the store now{when}: {last}."))
    if done.replaced:
        asked.say(f"What was the store is {screen.path_for_people(Path(done.replaced))}.")
    asked.say(
        screen.wrap(
            "What came out or was mailed since is not known here: the next edition has the next number, also where "
            "another one had it."
        )
    )
    if done.unknown:
        waited = count_noun(done.unknown, "message")
        asked.say(screen.wrap(f"{waited} waited then and may have gone out since: unknown now, and not mailed again."))
    asked.say("\n".join(_advice(done.paused, done.unknown)))


def _advice(paused: tuple[str, ...], unknown: int) -> Iterator[str]:
    """Yield what to do after a restoration."""
    yield "  do    digest baseline        if editions came out since: their papers are not news"
    if paused:
        yield f"  then  digest send --resume   mails {', '.join(paused)} again, paused until then"
    if unknown:
        yield "  or    digest send --resolve-unknown resend   if nothing was mailed since"
