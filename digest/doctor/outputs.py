"""How the output folder is. May import findings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from digest.doctor.findings import Finding, fail, fine, warn
from digest.doctor.stores import megabytes

AREA = "output"
#: files that are counted, at most
_MANY = 200_000


@dataclass(frozen=True)
class Folder:
    """What an output folder holds."""

    path: Path
    exists: bool
    #: why nothing can be written there; None: it can
    refuses: str | None
    files: int = 0
    size: int = 0
    #: there are more files than were counted
    more: bool = False


def look(path: Path) -> Folder:
    """Look a folder over; counts its files, up to a bound."""
    if not path.exists():
        above = next(one for one in path.parents if one.exists())
        refuses = None if os.access(above, os.W_OK) and above.is_dir() else f"it cannot be made in {above}"
        return Folder(path, False, refuses)
    if not path.is_dir():
        return Folder(path, True, "it is a file")
    refuses = None if os.access(path, os.W_OK | os.X_OK) else "it is not writable for this user"
    files = size = 0
    for folder, _, names in os.walk(path):
        for name in names:
            files, size = files + 1, size + _size(os.path.join(folder, name))
        if files > _MANY:
            return Folder(path, True, refuses, files, size, more=True)
    return Folder(path, True, refuses, files, size)


def _size(name: str) -> int:
    try:
        return os.lstat(name).st_size
    except OSError:
        # it went away since
        return 0


def judged(folder: Folder, newest: datetime | None) -> Iterator[Finding]:
    """Yield how the folder is.

    Args:
        folder: what it holds.
        newest: the instant of the newest edition in the store.
    """
    if folder.refuses:
        remedy = "mend `output` in the configuration, or make it a folder that this user may write to"
        yield fail(AREA, f"{folder.path}: {folder.refuses}", remedy)
    elif not folder.exists:
        yield fine(AREA, f"{folder.path}: not there yet; digest run makes it")
    elif newest is not None and not folder.files:
        yield warn(AREA, f"{folder.path} is empty, though editions are out", "digest run publishes them again")
    else:
        last = f"; last edition {newest:%Y-%m-%d %H:%M} UTC" if newest else ""
        count = f"{'over ' if folder.more else ''}{folder.files:,} {'file' if folder.files == 1 else 'files'}"
        yield fine(AREA, f"{folder.path}: {count}, {megabytes(folder.size)}{last}")
