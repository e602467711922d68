"""`digest serve`: stays, and does everything at its time."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import click
from click.core import ParameterSource

from digest import logs
from digest.cli.common import Asked, options
from digest.config import Config, Listen, ServeSettings, listen
from digest.errors import UsageError
from digest.scheduler import Scheduler


def _kept_elsewhere(_context: click.Context, option: click.Parameter, value: str | None) -> None:
    """Refuse what belongs to a run from a folder of text files."""
    if value is not None:
        raise UsageError(
            f"--{option.name}: a process that stays keeps what it knows in its store; `digest state export DIR` writes "
            "that as text files, `digest run --state DIR` goes on from them"
        )


def _of_run(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(name, hidden=True, expose_value=False, callback=_kept_elsewhere)


@click.command()
@_of_run("--state")
@_of_run("--checkpoint")
@click.option("--listen", "where", metavar="[HOST:]PORT", help="Answer there; of a port alone only to this machine.")
@options
def command(asked: Asked, where: str | None) -> None:
    """Stay: fetch each source, publish each edition, mail what is due, each at its time.

    Logs to stderr, a line for each thing that happened; with --json as JSON. SIGTERM and Ctrl-C end it within seconds,
    SIGHUP reads digest.toml again. A second one on the same store stands by, and takes over when the first is gone;
    `digest run` may come in between at any time.

    With --listen, or `listen` of the [serve] table, it answers /metrics for Prometheus, /health (does it live?) and
    /ready (does it serve, or stand by?).
    """
    context = click.get_current_context()
    level = context.params["level"]
    if context.get_parameter_source("level") is ParameterSource.DEFAULT:
        level = "warning" if asked.quiet else "info"
    logs.configure(level, "json" if asked.json else None)
    told = None if where is None else _listen(where)

    def load() -> Config:
        config = asked.config()
        return config if told is None else config.model_copy(update={"serve": ServeSettings(listen=told)})

    scheduler = Scheduler(load)
    with _signals(scheduler):
        scheduler.run()


def _listen(text: str) -> Listen:
    try:
        return listen(text)
    except ValueError as error:
        raise UsageError(f"--listen: {text!r}: {error}") from error


@contextmanager
def _signals(scheduler: Scheduler) -> Iterator[None]:
    """Pass signals on during the block; a second one of those that end it does so at once."""

    def stop(number: int, _frame: FrameType | None) -> None:
        scheduler.stop()
        signal.signal(number, signal.SIG_DFL)

    def reload(_number: int, _frame: FrameType | None) -> None:
        scheduler.reload()

    handlers = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: reload}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
