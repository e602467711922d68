"""`digest serve`: stays, and does everything at its time."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click
from click.core import ParameterSource

from digest import logs
from digest.cli.common import Asked, options
from digest.scheduler import Scheduler


@click.command()
@options
def command(asked: Asked) -> None:
    """Stay: fetch each source, publish each edition, mail what is due, each at its time.

    Logs to stderr, a line for each thing that happened. SIGTERM and Ctrl-C end it within seconds, SIGHUP reads
    digest.toml again. A second one on the same store stands by, and takes over when the first is gone; `digest run`
    may come in between at any time.
    """
    if click.get_current_context().get_parameter_source("level") is ParameterSource.DEFAULT:
        logs.configure("warning" if asked.quiet else "info")
    scheduler = Scheduler(asked.config)
    with _signals(scheduler):
        scheduler.run()


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
