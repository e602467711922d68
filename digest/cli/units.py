"""What lets a machine run this program by itself: a line for cron, units for systemd.

Nothing of it relies on a shell's environment: paths are absolute, secrets come from files.
"""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import sys
import zlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from digest.config import FILE, Config
from digest.models import Newsletter

#: when newsletters without `at` are looked after: sources have the night's papers by then
_MORNING = "07:00"
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

#: how units begin that may be written anew
OURS = "# Written by `digest init --systemd`."

_CRON = """\
# {title}: look every hour; an edition comes out at its own time, once a day
MAILTO={user}
PATH={path}
{when}  cd {folder} && {command}
"""
_CRON_DAILY = """\
# {title}: once a day, in this machine's time; with `at` in digest.toml: every hour, and out at its time
MAILTO={user}
PATH={path}
{when}  cd {folder} && {command}
"""

_UNIT = """\
{ours}
[Unit]
Description={description}
Documentation=man:systemd.exec(5)
Wants=network-online.target
After=network-online.target

[Service]
{service}
User={user}
Group={group}
WorkingDirectory={folder}
# DIGEST_MAIL_PASSWORD=... and the like; readable by nobody else (chmod 600)
EnvironmentFile=-{folder}/digest.env
Environment={path}

ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths={writes}
PrivateTmp=yes
{privileges}
"""
_HARDENED = """\
NoNewPrivileges=yes
CapabilityBoundingSet=
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native"""
_SENDMAIL = """\
# sendmail hands mail over with rights of its own, which stricter settings would take from it
NoNewPrivileges=no"""

_RUN = """\
Type=oneshot
ExecStart={command}"""
_SERVE = """\
Type=simple
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=30
TimeoutStopSec=40"""

_TIMER = """\
{ours}
[Unit]
Description={title}: when to look for an edition

[Timer]
{times}
# A machine that was off looks as soon as it is on again.
Persistent=true
AccuracySec=1s

[Install]
WantedBy=timers.target
"""


def cron(config: Config) -> str:
    """Return lines for a crontab: hourly where newsletters have their hour, else once a day.

    cron knows no zone but the machine's; the hour of an edition is ours to keep, summer and winter.
    """
    hourly = all(newsletter.at for newsletter in config.newsletters)
    hour, minute = map(int, _MORNING.split(":"))
    # not everybody asks at the full hour
    when = f"{1 + zlib.crc32(bytes(config.root)) % 58} * * * *" if hourly else f"{minute} {hour} * * *"
    return (_CRON if hourly else _CRON_DAILY).format(
        title=_title(config),
        user=_user(),
        path=":".join(_path()),
        when=when,
        # cron takes a bare % for a line's end
        folder=shlex.quote(str(config.root)).replace("%", r"\%"),
        command=shlex.join(_called(config, "run", "--quiet")).replace("%", r"\%"),
    )


def units(config: Config) -> dict[str, str]:
    """Return systemd units by their names: a timer with its service, and a service that stays."""
    title = _escaped(_title(config))
    told = {
        "ours": OURS,
        "user": _user(),
        "group": _group(),
        "folder": _escaped(str(config.root)),
        "path": _quoted(f"PATH={':'.join(_path())}"),
        "writes": " ".join(_quoted(str(path)) for path in _written(config)),
        "privileges": _SENDMAIL if _uses_sendmail(config) else _HARDENED,
    }
    run = _UNIT.format(
        description=f"{title}: look for an edition",
        service=_RUN.format(command=_line(_called(config, "run", "--quiet"))),
        **told,
    )
    serve = _UNIT.format(
        description=f"{title}: everything at its time",
        service=_SERVE.format(command=_line(_called(config, "serve"))),
        **told,
    )
    times = "\n".join(f"OnCalendar={one}" for one in dict.fromkeys(_times(config.newsletters)))
    return {
        "digest.service": run,
        "digest.timer": _TIMER.format(ours=OURS, title=title, times=times),
        "digest-serve.service": f"{serve}\n[Install]\nWantedBy=multi-user.target\n",
    }


def _called(config: Config, *words: str) -> list[str]:
    """Return how this program is called, whatever the environment: the script beside the interpreter, or the module."""
    script = Path(sys.executable).parent / "digest"
    program = [str(script)] if os.access(script, os.X_OK) else [sys.executable, "-m", "digest"]
    file = Path(config.where).name
    return [*program, *words, *([] if file == FILE else ["--config", file])]


def _times(newsletters: Sequence[Newsletter]) -> Iterator[str]:
    """Yield calendar events (systemd.time(7)): `at`, each hour while sources are waited for, the end of the wait."""
    for newsletter in newsletters:
        first = timedelta(hours=int((newsletter.at or _MORNING)[:2]), minutes=int((newsletter.at or _MORNING)[3:]))
        last = first + timedelta(seconds=newsletter.wait)
        while first < last:
            yield _event(newsletter, first)
            first += timedelta(hours=1)
        yield _event(newsletter, last)


def _event(newsletter: Newsletter, time: timedelta) -> str:
    """Return the event at a time from midnight of an edition's date on; past midnight it is any day's."""
    hours, minutes = divmod(int(time.total_seconds()) // 60, 60)
    every = len(newsletter.days) == 7 or hours >= 24
    days = "" if every else ",".join(_DAYS[day - 1] for day in sorted(newsletter.days)) + " "
    return f"{days}*-*-* {hours % 24:02}:{minutes:02}:00 {newsletter.timezone}"


def _written(config: Config) -> list[Path]:
    """Return the folders that a run writes to, none of them below another."""
    found = [config.root, _there(config.path(config.output))]
    if "://" not in config.store:
        found.append(_there(config.path(config.store).parent))
    if config.mail is not None and config.mail.transport in ("maildir", "folder") and config.mail.path:
        found.append(_there(config.path(config.mail.path)))
    if _uses_sendmail(config):
        found.append(Path("/var/spool"))
    different = list(dict.fromkeys(found))
    return [one for one in different if not any(one != other and one.is_relative_to(other) for other in different)]


def _there(path: Path) -> Path:
    """Return a folder, or the nearest above it that is there: systemd starts nothing that may write to none."""
    return next(one for one in (path, *path.parents) if one.is_dir())


def _uses_sendmail(config: Config) -> bool:
    return config.mail is not None and config.mail.transport == "sendmail"


def _path() -> list[str]:
    return list(dict.fromkeys([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]))


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's, which nobody named
        return str(os.getuid())


def _group() -> str:
    try:
        return grp.getgrgid(os.getgid()).gr_name
    except KeyError:
        return str(os.getgid())


def _title(config: Config) -> str:
    """Return the name of what is looked after, as one line."""
    return " ".join(config.newsletters[0].title.split())


def _escaped(text: str) -> str:
    """Return a text without specifiers (systemd.unit(5))."""
    return text.replace("%", "%%")


def _line(words: Sequence[str]) -> str:
    """Return a command, in which `$` would begin a variable."""
    return " ".join(_quoted(word).replace("$", "$$") for word in words)


def _quoted(word: str) -> str:
    """Return one word of a setting that takes several (systemd.syntax(7))."""
    escaped = _escaped(word).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if any(character in escaped for character in " \t'\"\\;") else escaped
