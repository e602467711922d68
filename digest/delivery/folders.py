"""Transports into a folder: a Maildir, and one of .eml files. May import protocols and errors.

A message is written and synced under a temporary name; to release it is to rename it, which cannot be done by halves.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import socket
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from digest.errors import TransportError
from digest.protocols import Answered, Claimed, Event, Lost, Outcome, Outgoing, Ready

#: lanes of a folder: they do not make it faster, but one commit of the ledger carries what happened on all
LANES = 8
#: what the name of a file may hold as it is
_UNSAFE = re.compile(rb"[^A-Za-z0-9@._+=-]")
#: bytes of a name; file systems take 255
_LONGEST = 200

_counter = itertools.count()


@dataclass(frozen=True)
class Maildir:
    """Puts each message into `new/` of a Maildir, which is made where there is none; lines end in LF there.

    Args:
        path: the folder that holds `tmp`, `new` and `cur`.
    """

    path: Path
    lanes: int = LANES

    @property
    def name(self) -> str:
        """Return what people call it."""
        return f"Maildir {self.path}"

    def open(self) -> FolderLane:
        """Make what is missing of the Maildir.

        Raises:
            TransportError: it cannot be written.
        """
        for part in ("tmp", "new", "cur"):
            _check(self.path / part, mode=0o700)
        return FolderLane(self._place)

    def _place(self, message: Outgoing) -> _Place:
        name = unique_name()
        content = message.content.replace(b"\r\n", b"\n")
        return _Place(content, self.path / "tmp" / name, self.path / "new" / name)


@dataclass(frozen=True)
class EmlFolder:
    """Puts each message into a file `<newsletter>-<upto>-<address>.eml`; sent again, it replaces the file.

    Args:
        path: the folder, which is made where there is none.
    """

    path: Path
    lanes: int = LANES

    @property
    def name(self) -> str:
        """Return what people call it."""
        return f"folder {self.path}"

    def open(self) -> FolderLane:
        """Make the folder where there is none.

        Raises:
            TransportError: it cannot be written.
        """
        _check(self.path, mode=0o777)
        return FolderLane(self._place)

    def _place(self, message: Outgoing) -> _Place:
        name = eml_name(message.delivery)
        return _Place(message.content, self.path / f".{name}.part", self.path / name)


@dataclass(frozen=True)
class _Place:
    """Where a message goes, and by which way."""

    content: bytes
    temporary: Path
    final: Path


class FolderLane:
    """Writes a message after the other; it implements `Lane` and never waits for anybody.

    Args:
        place: says where a message goes.
    """

    writes = False
    deadline: float | None = None

    def __init__(self, place: Callable[[Outgoing], _Place]) -> None:
        self._place = place
        self._message: Outgoing | None = None
        self._written: _Place | None = None
        self._answer: Outcome | None = None
        self._over = False

    def fileno(self) -> int | None:
        """Return None: there is nothing to wait for."""
        return None

    @property
    def free(self) -> bool:
        """Whether it takes a message."""
        return self._message is None and not self._over

    def offer(self, message: Outgoing) -> None:
        """Take a message."""
        self._message = message

    def advance(self) -> Sequence[Event]:
        """Write the message, or say what became of it."""
        message = self._message
        if message is None:
            return []
        if self._answer is not None:
            answered = Answered(message.delivery, self._answer)
            self._message = self._written = self._answer = None
            return [answered]
        if self._written is not None:
            return []
        place = self._place(message)
        try:
            _write(place.temporary, place.content)
        except OSError as error:
            _remove(place.temporary)
            reason = f"{place.temporary.parent} cannot be written: {error.strerror}"
            return [*self.close(reason), Lost(reason, hopeless=True)]
        self._written = place
        return [Ready(message.delivery)]

    def release(self, delivery: Claimed) -> None:
        """Give the file its name."""
        assert self._written is not None, "nothing is ready"
        place = self._written
        try:
            place.temporary.replace(place.final)
        except OSError as error:
            self._answer = Outcome("deferred", text=f"{place.final} cannot be written: {error.strerror}")
            _remove(place.temporary)
            return
        try:
            _sync(place.final.parent)
        except OSError as error:
            self._answer = Outcome("unknown", text=f"{place.final.parent} cannot be synced: {error.strerror}")
            return
        self._answer = Outcome("submitted", text=f"written to {place.final.name}")

    def close(self, reason: str) -> Sequence[Event]:
        """Take a message back that was not released."""
        message, place, answer = self._message, self._written, self._answer
        self._message = self._written = self._answer = None
        self._over = True
        if message is None:
            return []
        if answer is not None:
            # unlike a relay, a folder is known to have it
            return [Answered(message.delivery, answer)]
        if place is not None:
            _remove(place.temporary)
        return [Answered(message.delivery, Outcome("pending", text=reason))]


def unique_name() -> str:
    """Return a name that no other delivery to the Maildir has (cr.yp.to/proto/maildir.html)."""
    now = time.time_ns()
    # the specification's own escapes; a colon would begin the flags
    host = socket.gethostname().replace("/", r"\057").replace(":", r"\072")
    return f"{now // 10**9}.M{now % 10**9 // 1000}P{os.getpid()}Q{next(_counter)}.{host}"


def eml_name(delivery: Claimed) -> str:
    """Return the name of a delivery's file: always the same, another for each delivery, safe in any folder."""
    # the hyphen behind digits would look like the end of another number
    address = re.sub(r"^(\d+)-", r"\1%2D", _safe(delivery.address))
    name = f"{_safe(delivery.newsletter)}-{delivery.upto}-{address}"
    if len(name) > _LONGEST:
        name = f"{name[: _LONGEST - 17]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return f"{name}.eml"


def _safe(text: str) -> str:
    """Escape what a path must not hold, as in a URL; dots in front, too, which hide a file or leave the folder."""
    safe = _UNSAFE.sub(lambda found: b"%%%02X" % ord(found[0]), text.encode()).decode()
    return f"%2E{safe[1:]}" if safe.startswith(".") else safe


def _check(folder: Path, mode: int) -> None:
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise TransportError(
            f"mail cannot be put into {folder}: {error.strerror}; make it a folder that this user may write to"
        ) from error


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        # what cannot be removed lies there under a temporary name and disturbs nobody
        pass
