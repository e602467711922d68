"""Where mail that came back lies on this machine: a Maildir, an mbox, a folder of .eml files, one message.

Only a Maildir knows what was read: the others are read whole each time, and nothing of them is changed. May import
errors and this package.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from digest.delivery.returned_mime import LIMIT
from digest.errors import TransportError

#: characters of a hash that name a message of a Maildir which was looked at
_NAME = 12


class Found(NamedTuple):
    """A message of a mailbox."""

    #: what a person finds it by
    name: str
    #: its beginning at least
    content: bytes
    #: what the mailbox finds it by
    key: str = ""


class Box(Protocol):
    """A mailbox. All methods raise TransportError for what keeps it from being read; the message says what to do."""

    @property
    def name(self) -> str:
        """What people call it; no secret."""

    def messages(self) -> Iterator[Found]:
        """Yield what is unread and was not looked at before, as far as it is known."""

    def done(self, found: Found) -> None:
        """Mark a message as read."""

    def memory(self) -> Mapping[str, str]:
        """Return what to remember of those that were looked at and stay unread."""

    def close(self) -> None:
        """Let go of it."""


class _Unmarked:
    """A mailbox that marks nothing."""

    def done(self, found: Found) -> None:
        """Leave it as it is."""

    def memory(self) -> Mapping[str, str]:
        """Return nothing."""
        return {}

    def close(self) -> None:
        """Do nothing."""


class Single(_Unmarked):
    """One message, as a server pipes it into a program."""

    def __init__(self, name: str, content: bytes) -> None:
        self.name, self._content = name, content

    def messages(self) -> Iterator[Found]:
        """Yield it."""
        yield Found(self.name, self._content)


class EmlFiles(_Unmarked):
    """A folder of .eml files."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = f"folder {path}"

    def messages(self) -> Iterator[Found]:
        """Yield all, by name."""
        for path in sorted(_listed(self._path)):
            if path.suffix.lower() == ".eml" and (content := _content(path)) is not None:
                yield Found(path.name, content)


class Mbox(_Unmarked):
    """A file with one message after the other (RFC 4155)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = f"mbox {path}"

    def messages(self) -> Iterator[Found]:
        """Yield all, in order; of a long one the beginning."""
        try:
            with self._path.open("rb") as file:
                for number, content in enumerate(_between_from_lines(file), 1):
                    yield Found(f"message {number}", content)
        except OSError as error:
            raise _refused(self._path, error) from error


def _between_from_lines(file: Iterator[bytes]) -> Iterator[bytes]:
    kept: list[bytes] = []
    size, blank = 0, True
    for line in file:
        if blank and line.startswith(b"From ") and kept:
            yield b"".join(kept)
            kept, size = [], 0
        if size < LIMIT:
            kept.append(line[1:] if line.startswith(b">From ") else line)
            size += len(line)
        blank = line in (b"\n", b"\r\n")
    if kept:
        yield b"".join(kept)


class Maildir:
    """A Maildir: unread are its messages in `new`, and those in `cur` without the flag S."""

    def __init__(self, path: Path, remembered: Mapping[str, str] | None = None, *, mark: bool = True) -> None:
        """Prepare; nothing is read yet.

        Args:
            path: the folder that holds `new` and `cur`.
            remembered: what `memory` returned the last time.
            mark: whether messages are marked as read.
        """
        self.path, self._mark = path, mark
        self.name = f"Maildir {path}"
        self._known = frozenset((remembered or {}).get("left", "").split())
        self._left: set[str] = set()

    def messages(self) -> Iterator[Found]:
        """Yield the unread ones, the oldest first, as far as their names tell; a server makes it for the first one."""
        if not self.path.exists():
            return
        paths = [*_listed(self.path / "new"), *_listed(self.path / "cur")]
        for path in sorted(paths, key=lambda path: path.name):
            if path.name.startswith(".") or (path.parent.name == "cur" and set("ST") & set(_flags(path.name))):
                continue
            key = _key(path.name)
            self._left.add(key)
            if key not in self._known and (content := _content(path)) is not None:
                yield Found(path.name, content, str(path))

    def done(self, found: Found) -> None:
        """Move it to `cur`, as read."""
        if not self._mark:
            return
        path = Path(found.key)
        flags = "".join(sorted({*_flags(path.name), "S"}))
        try:
            path.rename(self.path / "cur" / f"{path.name.partition(':')[0]}:2,{flags}")
        except FileNotFoundError:
            # somebody else moved it meanwhile
            return
        except OSError as error:
            raise _refused(path, error) from error
        self._left.discard(_key(path.name))

    def memory(self) -> Mapping[str, str]:
        """Return the names of those that are unread still."""
        return {"left": " ".join(sorted(self._left))} if self._left else {}

    def close(self) -> None:
        """Do nothing."""


def _flags(name: str) -> str:
    return name.partition(":2,")[2]


def _key(name: str) -> str:
    return hashlib.blake2b(name.partition(":")[0].encode(errors="surrogateescape")).hexdigest()[:_NAME]


def _listed(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_file()]
    except OSError as error:
        raise _refused(folder, error) from error


def _content(path: Path) -> bytes | None:
    """Return the beginning of a file; None: it has gone."""
    try:
        with path.open("rb") as file:
            return file.read(LIMIT + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refused(path, error) from error


def _refused(path: Path, error: OSError) -> TransportError:
    return TransportError(f"{path} cannot be read: {error.strerror or error}. Name a Maildir, or who may read it.")


def box_at(path: Path, *, mark: bool = True) -> Box:
    """Return the mailbox at a path, whatever its form.

    Raises:
        TransportError: there is nothing, or it cannot be read.
    """
    if path.is_dir():
        is_maildir = (path / "new").is_dir() and (path / "cur").is_dir()
        return Maildir(path, mark=mark) if is_maildir else EmlFiles(path)
    content = _content(path)
    if content is None:
        raise TransportError(f"{path}: there is no such file or folder")
    return Mbox(path) if content.startswith(b"From ") else Single(str(path), content)
