"""`digest init`: a configuration that works as it is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click

from digest.cli import screen
from digest.cli.common import Asked, options
from digest.cli.units import OURS, cron, units
from digest.delivery.providers import PROVIDERS, Provider
from digest.errors import UsageError
from digest.sources import settings_for
from digest.wishes import did_you_mean

_FORM = """\
# Read by `digest run`; every key but a source has a default. Relative paths start at this file.
store  = "digest.db"              # what was seen, and every edition
output = "public"                 # what is published: any static host serves it
# base_url = "https://papers.example.org"   # for absolute links in mails and feeds

[newsletters.daily]               # the ID: a folder, and part of the feeds' ids
title = "Daily Papers"
timezone = "UTC"                  # whose days the editions are dated in
# at = "08:00"                    # publish from here on; default: at once
# days = "mon-fri"                # default: every day
show = 25                         # entries in the mail; the page has all
{sources}
[interests]                       # ranks; the page keeps everything
want = []                         # phrases, like ["pruning", "spiking neural network"]
authors = []                      # like ["Song Han"]
mute = []                         # like ["survey"]
"""

_FOLDER = """
[[sources]]
name = "{name}"
kind = "folder"                   # text dumps of Daily Papers pages, one file each
path = "{path}"
"""

_MAIL = """
[mail]                            # left out: feeds and pages only
{server}
# {password}
{user}password = "env:DIGEST_MAIL_PASSWORD"   # it never stands in this file
{sender}# to = "me@example.org"           # the one reader; default: whom it is from
# bounces = "bounces@example.org" # what cannot be delivered comes back to bounces+TOKEN@example.org
# [mail.inbox]                    # where that is read, and who asks to be left out: digest bounces
# host = "imap.example.org"       # by IMAP, as the user above unless user and password are given; or path = "Maildir"
"""
_USER = 'user = "env:DIGEST_MAIL_USER"       # the login{also}\n'
_FROM = 'from = "digest@example.org"         # an address that {title} lets you mail from\n'

#: kinds told by one value -> the key it is written under
_WEB = {"arxiv": "categories = [{}]", "feed": "url = {}", "opml": "path = {}"}


@click.command()
@click.option("--source", "told", multiple=True, metavar="KIND:WHAT", help="What to read, like folder:dumps.")
@click.option("--mail", metavar="PROVIDER", help=f"Mail it: {', '.join(PROVIDERS)}, or the host of a server.")
@click.option("--cron", "for_cron", is_flag=True, help="Print the lines for your crontab.")
@click.option("--systemd", "for_systemd", is_flag=True, help="Write units for systemd into the folder --units.")
@click.option("--units", "folder", type=click.Path(path_type=Path), default=Path("systemd"), show_default=True,
              metavar="FOLDER", help="Where --systemd writes them.")  # fmt: skip
@click.option("--github", is_flag=True, help="Write the workflow that runs it on GitHub, without a server.")
@click.option("--action", metavar="USES", help="With --github: the action, if not that of where this program is from.")
@options
def command(
    asked: Asked,
    told: tuple[str, ...],
    mail: str | None,
    for_cron: bool,
    for_systemd: bool,
    folder: Path,
    github: bool,
    action: str | None,
) -> None:
    """Write a digest.toml of about 20 lines that works as it is. Never overwrites one.

    With --cron, --systemd or --github one that is there is used: its times and folders are what they write.
    """
    hosted = _workflow(asked.file, github, action)
    if (for_cron or for_systemd or hosted) and not (told or mail) and asked.file.exists():
        wrote: list[str] = []
    else:
        wrote = _configure(asked.file, told, mail)
    done = {"file": str(asked.file)} if wrote else {}
    if for_systemd:
        wrote += _write_units(asked, folder)
        done |= {"units": str(folder)}
    if hosted:
        path, text, to_do = hosted
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, text, "Take it away for a new one")
        wrote += [f"Wrote {path}.", *to_do]
        done |= {"workflow": str(path)}
    if for_cron:
        lines = cron(asked.config())
        done |= {"cron": lines}
        # what is told to a person are comments: `(crontab -l; digest init --cron) | crontab -`
        wrote = [*(f"# {line.strip()}" for line in wrote), lines.rstrip()]
    elif not (for_systemd or hosted):
        wrote.append("  next  digest run, then digest preview --open")
    asked.tell(done)
    asked.say("\n".join(wrote))


def _workflow(file: Path, wanted: bool, action: str | None) -> tuple[Path, str, list[str]] | None:
    """Return path and text of the workflow, and what is left to do; None where it is not wanted."""
    if not wanted:
        if action:
            raise UsageError("--action belongs to --github: digest init --github --action USES")
        return None
    # templates are a heavy import
    from digest.cli.init_github import workflow

    return workflow(file, action)


def _configure(file: Path, told: tuple[str, ...], mail: str | None) -> list[str]:
    """Write the configuration; return what to tell of it."""
    tables = [_table(one) for one in told or ("folder:dumps",)]
    provider = _provider(mail)
    mailing = _mail(mail, provider) if mail else ""
    _write(file, _FORM.format(sources="".join(tables)) + mailing, "Name another with --config FILE")
    return [f"Wrote {file}.", *(_to_set(provider) if mail else [])]


def _write(file: Path, text: str, otherwise: str) -> None:
    """Write a file that is not there yet."""
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError as error:
        raise UsageError(f"{file} is there already; it stays as it is. {otherwise}") from error
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror}") from error


def _write_units(asked: Asked, folder: Path) -> list[str]:
    """Write the units for systemd; return what to do with them."""
    texts = units(asked.config())
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be made: {error.strerror}") from error
    for name, text in texts.items():
        path = folder / name
        if path.is_file() and path.read_text(encoding="utf-8", errors="replace").startswith(OURS):
            # ours, of other times or folders
            path.unlink()
        _write(path, text, "Name another folder with --units FOLDER")
    here = folder.resolve()
    return [
        f"Wrote {', '.join(texts)} into {folder}.",
        f"  do    sudo systemctl link {shlex.quote(str(here))}/digest*",
        "  then  sudo systemctl enable --now digest.timer           a run at each time",
        "  or    sudo systemctl enable --now digest-serve.service   a process that stays",
        "  look  systemctl list-timers digest.timer; journalctl -u digest -u digest-serve",
    ]


def _provider(mail: str | None) -> Provider | None:
    """Return what is known of the provider; None: a host was named, or nothing."""
    if mail is None or mail in PROVIDERS:
        return PROVIDERS[mail] if mail else None
    if re.fullmatch(r"localhost|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", mail):
        return None
    near = did_you_mean(mail, PROVIDERS) or ";"
    raise UsageError(f"--mail {mail}: no such provider{near} there are {', '.join(PROVIDERS)}, or name a host")


def _mail(mail: str, provider: Provider | None) -> str:
    """Return the `[mail]` table."""
    server = f'provider = "{mail}"' if provider else f'host = "{mail}"'
    if provider and provider.host is None:
        server += '\n# host = "..."                   # it has one for each region: name yours'
    own = provider is None or provider.user is None
    also = ", and From and To unless from and to are given" if own else ""
    return _MAIL.format(
        server=server,
        user=_USER.format(also=also) if own else "",
        password=f"The password is {provider.password}." if provider else "Port 587 with STARTTLS; or say port, tls.",
        sender="" if own or provider is None else _FROM.format(title=provider.title),
    )


def _to_set(provider: Provider | None) -> list[str]:
    """Return what a person has to set before mail goes out."""
    own = provider is None or provider.user is None
    lines = ["  do    export DIGEST_MAIL_USER=you@example.org"] if own else []
    lines.append("  do    export DIGEST_MAIL_PASSWORD=...")
    return [*lines, *([screen.wrap(f"        {provider.remedy}", "        ")] if provider else [])]


def _table(told: str) -> str:
    """Return the `[[sources]]` table for one `--source`."""
    kind, colon, what = told.partition(":")
    settings_for(kind)
    if kind == "daily-papers":
        return '\n[[sources]]\nkind = "daily-papers"\n'
    if not colon or not what:
        raise UsageError(f"--source {told}: say what to read after the colon, like folder:dumps")
    if kind in _WEB:
        values = ", ".join(f'"{_plain(one)}"' for one in (what.split(",") if kind == "arxiv" else [what]))
        return f'\n[[sources]]\nkind = "{kind}"\n{_WEB[kind].format(values)}\n'
    path = Path(what).as_posix().replace("\\", "\\\\").replace('"', '\\"')
    name = Path(what).resolve().name.replace("\\", "").replace('"', "") or "dumps"
    return _FOLDER.format(name=name, path=path)


def _plain(text: str) -> str:
    return text.strip().replace("\\", "").replace('"', "")
