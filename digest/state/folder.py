"""The files of a state and their lines: written whole, read as far as they can be. May import errors."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from digest.errors import StoreError

#: a line of a file
Line = dict[str, Any]
#: damaged lines that are named one by one
_NAMED = 5


@dataclass
class Damage:
    """What of a state cannot be used, in words."""

    notes: list[str] = field(default_factory=list)
    #: file -> lines left out
    lines: dict[str, list[str]] = field(default_factory=dict)

    def note(self, words: str) -> None:
        """Say something."""
        self.notes.append(words)

    def line(self, file: str, number: int, why: str) -> None:
        """Leave out a line."""
        self.lines.setdefault(file, []).append(f"line {number}: {why}")

    def told(self) -> list[str]:
        """Return all of it as sentences."""
        found = list(self.notes)
        for file, lines in sorted(self.lines.items()):
            more = f"; {len(lines) - _NAMED} more" if len(lines) > _NAMED else ""
            count = "1 line is" if len(lines) == 1 else f"{len(lines)} lines are"
            found.append(f"{file}: {count} left out: {'; '.join(lines[:_NAMED])}{more}")
        return found


def line_of(value: Any) -> str:
    """Return a value as one line of canonical JSON: keys sorted, no spaces."""
    told = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    # a file name may be no Unicode
    return told if told.isascii() or _is_unicode(told) else json.dumps(value, sort_keys=True, separators=(",", ":"))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class Folder:
    """A folder that holds a state; other files in it are left alone."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a file; None where there is none.

        Raises:
            StoreError: it cannot be read.
        """
        try:
            return (self.root / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StoreError(f"{self.root / name} cannot be read: {error.strerror}") from error

    def document(self, name: str, damage: Damage) -> dict[str, Any] | None:
        """Return the JSON object of a file; None where there is none, or it cannot be read."""
        content = self.read(name)
        if content is None:
            return None
        try:
            found = json.loads(content)
        except (ValueError, RecursionError) as error:
            damage.note(f"{name} cannot be read: {error}")
            return None
        if not isinstance(found, dict):
            damage.note(f"{name} cannot be read: it holds no JSON object")
            return None
        return found

    def lines(self, name: str, damage: Damage) -> Iterator[tuple[int, Line]]:
        """Yield number and value of each line that is a JSON object, each once."""
        met: set[bytes] = set()
        for number, raw in enumerate((self.read(name) or b"").split(b"\n"), 1):
            if not raw.strip() or raw in met:
                continue
            met.add(raw)
            try:
                found = json.loads(raw)
            except (ValueError, RecursionError):
                damage.line(name, number, "no JSON")
                continue
            if isinstance(found, dict):
                yield number, found
            else:
                damage.line(name, number, "no JSON object")

    def files(self, under: str) -> list[str]:
        """Return the names of the JSON files below a folder of it, sorted."""
        return sorted(path.relative_to(self.root).as_posix() for path in (self.root / under).rglob("*.json"))

    def write(self, name: str, content: bytes) -> bool:
        """Make a file hold `content`; False where it did already.

        Raises:
            StoreError: the disk is full, the folder belongs to somebody else ...
        """
        target = self.root / name
        try:
            if target.is_file() and target.read_bytes() == content:
                return False
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".{target.name}.part")
            part.write_bytes(content)
            os.replace(part, target)
        except OSError as error:
            raise StoreError(f"{target} cannot be written: {error.strerror}") from error
        return True

    def write_lines(self, name: str, lines: Iterable[str]) -> bool:
        """Make a file hold lines."""
        return self.write(name, "".join(f"{line}\n" for line in lines).encode())

    def write_document(self, name: str, value: Any) -> bool:
        """Make a file hold a JSON object, a line a value, in the order it is given."""
        return self.write(name, (json.dumps(value, ensure_ascii=True, indent=1) + "\n").encode())

    def append(self, name: str, lines: Iterable[str]) -> None:
        """Add lines to a file.

        Raises:
            StoreError: it cannot be written.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with (self.root / name).open("ab") as file:
                file.write("".join(f"{line}\n" for line in lines).encode())
        except OSError as error:
            raise StoreError(f"{self.root / name} cannot be written: {error.strerror}") from error

    def remove(self, name: str) -> None:
        """Remove a file."""
        (self.root / name).unlink(missing_ok=True)
