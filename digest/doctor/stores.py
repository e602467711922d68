"""Whether the store can be worked with. May import the store's checkup, bootstrap and below."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from digest.doctor.findings import Finding, fail, fine, warn
from digest.text import count_noun

if TYPE_CHECKING:
    from digest.store.checkup import Checkup, Held

AREA = "store"
#: bytes that have to be free: this, and twice the store
LEAST_FREE = 500_000_000
#: a run that holds the lock for longer needs a look
_LONG = timedelta(hours=1)


def free_disk(checkup: Checkup) -> int | None:
    """Return the bytes that are free where the store's file is."""
    if checkup.file is None or not checkup.file.parent.is_dir():
        return None
    return shutil.disk_usage(checkup.file.parent).free


def judged(checkup: Checkup, free: int | None, now: datetime) -> Iterator[Finding]:
    """Yield how a store is.

    Args:
        checkup: what was seen of it.
        free: bytes that are free beside it; None: it is not ours to know.
        now: real time, as its locks run in it.
    """
    yield from _revision(checkup)
    if checkup.refuses:
        yield _refused(checkup)
    elif checkup.revision:
        yield fine(AREA, "can be written to")
    if checkup.damage:
        yield fail(AREA, f"is damaged: {'; '.join(checkup.damage)}", "restore a backup: this file loses papers")
    elif not checkup.whole:
        yield fine(AREA, "no damage was found in the time there is to look; the rest was not looked at")
    if free is not None:
        yield _disk(free, checkup.size or 0)
    if checkup.lock:
        yield _locked(checkup.lock, now)
    for source, count in checkup.unfinished.items():
        yield warn(
            AREA,
            f"{count_noun(count, 'dump')} of {source} {'was' if count == 1 else 'were'} kept and never taken in: a "
            "run was ended on its way",
            "nothing: the next digest run takes them in first",
        )


def _revision(checkup: Checkup) -> Iterator[Finding]:
    place, found = checkup.place.removeprefix("store "), checkup.revision
    if found is None:
        if checkup.refuses is None:
            yield warn(AREA, f"{place}: there is none yet", "digest run makes it")
    elif found == checkup.head:
        size = f", {megabytes(checkup.size)}" if checkup.size else ""
        yield fine(AREA, f"{place}: schema {found}{size}")
    elif found > checkup.head:
        what = f"{place} is of a newer release: schema {found}, this program knows {checkup.head}"
        yield fail(AREA, what, "upgrade digest, or restore a backup of before the upgrade")
    else:
        what = f"{place} is of an older release: schema {found}, this program makes it {checkup.head}"
        yield warn(AREA, what, "copy it, then digest run upgrades it; older releases will refuse it")


def _refused(checkup: Checkup) -> Finding:
    assert checkup.refuses is not None
    said = checkup.refuses.removeprefix(f"{checkup.place}: ")
    what, _, advice = said.rpartition(": ")
    if "another program" in said:
        return warn(AREA, f"another program writes to it just now ({what})", "look again when that one is done")
    remedy = advice if what else "make the folder, or mend `store` in the configuration; this user must write there"
    return fail(AREA, f"cannot be written to: {what or said}", remedy)


def _disk(free: int, size: int) -> Finding:
    told = f"{megabytes(free)} are free beside it"
    if free < LEAST_FREE or free < 2 * size:
        needed = max(LEAST_FREE, 2 * size)
        return warn(AREA, told, f"free some space: {megabytes(needed)} are safe, an upgrade needs room for a copy")
    return fine(AREA, told)


def _locked(lock: Held, now: datetime) -> Finding:
    who = f"{lock.owner}, process {lock.pid} on {lock.host}, since {lock.since:%Y-%m-%d %H:%M} UTC"
    if lock.dead or lock.expires <= now:
        ended = "has ended" if lock.dead else "has given no sign of life"
        return warn(AREA, f"the run lock was left by {who}, which {ended}", "nothing: the next digest run takes it")
    if now - lock.since > _LONG:
        return warn(AREA, f"the run lock is held by {who}", f"see what that run waits for; end process {lock.pid}")
    return fine(AREA, f"a run is under way: {who}")


def megabytes(count: int | None) -> str:
    """Return a number of bytes as `0.3 MB`, `12 MB` or `1.5 GB`."""
    size = (count or 0) / 1_000_000
    if size >= 1000:
        return f"{size / 1000:,.1f} GB"
    return f"{size:,.0f} MB" if size >= 10 else f"{size:.1f} MB"
