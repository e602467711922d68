"""What all commands share: options, the configuration, logs, progress."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from digest import config as configuration
from digest import logs
from digest.bootstrap import System, opened
from digest.config import Config
from digest.errors import UsageError
from digest.protocols import Progress


@dataclass(frozen=True)
class Asked:
    """What every command is told."""

    file: Path
    json: bool
    quiet: bool

    def config(self) -> Config:
        """Read the configuration."""
        return configuration.load(self.file)

    def system(self) -> AbstractContextManager[System]:
        """Open the configured system for a block."""
        return opened(self.config())

    def say(self, text: str) -> None:
        """Print for a person: not with `--json`, not with `-q`."""
        if not self.json and not self.quiet:
            click.echo(text)

    def tell(self, value: Any) -> None:
        """Print one line of JSON, with `--json`."""
        if self.json:
            click.echo(json.dumps(value, ensure_ascii=False))


def options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command `--config`, `--json`, `-q`, `--log`, `--log-format`; it is called with an `Asked` first."""

    @click.option("--config", "config_file", type=click.Path(path_type=Path), default=configuration.FILE,
                  show_default=True, help="The configuration.")  # fmt: skip
    @click.option("--json", "as_json", is_flag=True, help="Print the receipt as JSON.")
    @click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
    @click.option(
        "--log", "level", type=click.Choice(logs.LEVELS), default="error", help="Log to stderr from this level."
    )
    @click.option(
        "--log-format",
        "log_form",
        type=click.Choice(logs.FORMS),
        default="key-value",
        help="How its lines are written.",
    )
    @wraps(command)
    def wrapped(
        config_file: Path, as_json: bool, quiet: bool, level: str, log_form: logs.Form, **arguments: Any
    ) -> None:
        logs.configure(level, log_form)
        command(Asked(file=config_file, json=as_json, quiet=quiet), **arguments)

    return wrapped


class _Bar:
    """A progress bar on stderr."""

    def __init__(self, bar: Any, title: str) -> None:
        self._bar, self._title = bar, title
        self._task: Any = None

    def start(self, total: int) -> None:
        """There are `total` steps."""
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(self._title, total=total)

    def step(self, text: str) -> None:
        """One more is done."""
        self._bar.update(self._task, advance=1, description=text[:32])


@contextmanager
def progress(asked: Asked, title: str) -> Iterator[Progress | None]:
    """Show a progress bar during the block if a person is watching the terminal."""
    if asked.quiet or asked.json or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Shown

    columns = (TextColumn("{task.description:32}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Shown(*columns, console=Console(stderr=True), transient=True) as shown:
        yield _Bar(shown, title)


def find_edition(system: System, name: str) -> tuple[str, int]:
    """Return newsletter and number of an edition named `daily/128`, `daily/2026-11-20`, `daily/last` or `last`.

    Raises:
        UsageError: there is no such edition; the message says which there are.
    """
    known = [newsletter.id for newsletter in system.parts.newsletters]
    newsletter, slash, which = name.rpartition("/")
    newsletter = newsletter if slash else known[0]
    if newsletter not in known:
        raise UsageError(f"no newsletter {newsletter!r}; there are {', '.join(known)}")
    editions = system.store.editions(newsletter)
    if not editions:
        raise UsageError(f"{newsletter} has no edition yet; `digest run` or `digest replay` makes one")
    if which == "last":
        return newsletter, editions[-1].ref.number
    for stored in editions:
        if which in (str(stored.ref.number), stored.ref.date.isoformat()):
            return newsletter, stored.ref.number
    first, last = editions[0].ref, editions[-1].ref
    raise UsageError(
        f"{newsletter} has no edition {which!r}; there are No. {first.number} ({first.date}) to "
        f"No. {last.number} ({last.date}); name it like {newsletter}/{last.number}, {newsletter}/{last.date} or last"
    )
