"""The command line. May import everything; each command is a module that is imported when it is called.

Exit status: 0 published, quiet, waiting, held or partial; 1 broken; 2 wrong usage or configuration.
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module

import click

from digest import __version__
from digest.errors import DigestError, UsageError

#: heading of the help -> command -> (module, one line of help); a module has its command as `command`
COMMANDS: dict[str, dict[str, tuple[str, str]]] = {
    "Run": {
        "demo": ("demo", "Five real dumps, five editions, in a temporary folder."),
        "init": ("init", "Write a digest.toml that works as it is."),
        "run": ("run", "Fetch, diff, compose what is due, publish."),
        "replay": ("replay", "The same from dumps: one edition a date."),
        "baseline": ("baseline", "Fetch, and note everything as known."),
    },
    "Look": {
        "preview": ("preview", "The newest edition with today's configuration."),
        "papers": ("papers", "What is known; merge and split papers."),
        "tags": ("tags", "Judge the taxonomy."),
        "sources": ("sources", "How the sources are; try one without keeping it."),
    },
    "People": {
        "subscribers": ("subscribers", "Add, remove, list, import, export, forget readers."),
        "send": ("send", "Submit what is due, to everybody once."),
        "deliveries": ("deliveries", "What went to whom; who is missing, and why."),
        "bounces": ("bounces", "Read what came back, and who asks to be left out."),
    },
    "Care": {
        "doctor": ("doctor", "What is wrong with the set-up, and what to do."),
        "serve": ("serve", "Stay, and do everything at its time."),
        "schedule": ("schedule", "What is done when, in local time and in UTC."),
        "backup": ("backup", "A copy of the store that is whole, while others write."),
        "store": ("store", "What the store holds; copy, restore, tidy it."),
        "state": ("state", "All of it as text files, and back."),
    },
}


class _Group(click.Group):
    """A group that imports a command when it is called, and lists its commands by heading."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for commands in COMMANDS.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for commands in COMMANDS.values():
            if cmd_name in commands:
                command = import_module(f"digest.cli.{commands[cmd_name][0]}").command
                assert isinstance(command, click.Command)
                return command
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            import difflib

            near = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
            ctx.fail(f"no command {name!r}" + (f"; did you mean {near[0]!r}?" if near else "; see digest --help"))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for heading, commands in COMMANDS.items():
            with formatter.section(heading):
                formatter.write_dl([(name, line) for name, (_, line) in commands.items()])


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(__version__, prog_name="digest")
def cli() -> None:
    """A digest of papers: each work once, under the right heading, with the reason it is there."""


def main(args: list[str] | None = None) -> None:
    """Run the command line, and end the process with its exit status."""
    # Values without cycles by the hundred thousand: looking for cycles as often as usual costs a tenth of a run.
    gc.set_threshold(500_000, 20, 100)
    try:
        cli.main(args=args, prog_name="digest", standalone_mode=True)
    except UsageError as error:
        _end(error, 2)
    except DigestError as error:
        _end(error, 1)


def _end(error: DigestError, status: int) -> None:
    click.echo(f"digest: {error}", err=True)
    sys.exit(status)
