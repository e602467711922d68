"""Who this process is, and whether another one still lives. May import nothing of `digest`."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")


@dataclass(frozen=True)
class Process:
    """A process, so that it can be told from a later one with its number."""

    #: where `pid` means something: host, boot and process namespace
    machine: str
    host: str
    pid: int
    #: when it began, in the kernel's ticks since boot; "" where the system does not say
    started: str


def this() -> Process:
    """Return this process."""
    return Process(machine=machine(), host=platform.node(), pid=os.getpid(), started=started(os.getpid()) or "")


def machine() -> str:
    """Return an id of what process numbers refer to: other containers and earlier boots have another one."""
    try:
        return f"{platform.node()} {_BOOT.read_text().strip()} {_NAMESPACE.readlink()}"
    except OSError:
        return platform.node()


def started(pid: int) -> str | None:
    """Return when a process of this machine began (proc(5), field 22 of stat); None: not known."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # the name in parentheses may hold anything
    return stat.rpartition(")")[2].split()[19]


def is_dead(process: Process) -> bool:
    """Say whether a process has certainly ended; False where that cannot be known from here."""
    if process.machine != machine() or sys.platform == "win32":
        return False
    try:
        # signal 0 only asks
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        # it lives, as another user's
        pass
    now = started(process.pid)
    return bool(now and process.started and now != process.started)
