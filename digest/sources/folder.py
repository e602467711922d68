"""Dumps as files in a folder: what lies there is read in the form that it has.

May import protocols, models, errors and the forms.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import Field

from digest.errors import ParseError, PartlyReadError, SourceError
from digest.models import Dump, Parsed
from digest.protocols import FetchMemory
from digest.sources import Kind, SourceSettings, formats, packed
from digest.sources.dates import decide

#: The name of the source that `digest replay` reads files as that belong to no other.
REPLAY = "replay"


class FolderSettings(SourceSettings):
    """A `[[sources]]` table of kind `folder`."""

    kind: Literal["folder"] = "folder"
    #: a folder of dumps, or one file; relative to the folder of digest.toml
    path: str
    #: year of dates that are written without one; decides wherever it is set
    year: int | None = Field(default=None, ge=1990, le=2200)
    #: which files of the folder are dumps, e.g. `*.txt`; `**/*.txt` looks into folders below
    pattern: str = "*"


class FolderSource:
    """A source that is a folder of files, or some files of it."""

    def __init__(
        self,
        settings: FolderSettings,
        root: Path,
        *,
        paths: Sequence[Path] | None = None,
        day: date | None = None,
        loose: bool = False,
    ) -> None:
        """Open the folder; nothing is read yet.

        Args:
            settings: name, path, year, pattern.
            root: where a relative `settings.path` starts.
            paths: read only these files and folders.
            day: the date of all of them, told by a command.
            loose: the paths are named by themselves, wherever `settings.path` is.
        """
        self._settings = settings
        self._home = root / Path(settings.path).expanduser()
        self._paths = paths
        self._day = day
        self._loose = loose

    @classmethod
    def for_paths(
        cls, settings: FolderSettings, root: Path, paths: Sequence[Path], day: date | None = None
    ) -> FolderSource:
        """Open files and folders under a source's settings; their dumps are named as when the source reads them."""
        return cls(settings, root, paths=paths, day=day)

    @property
    def name(self) -> str:
        """The name in the configuration."""
        return self._settings.name

    @property
    def daily(self) -> bool:
        """Whether an edition waits for its batch of the day."""
        return self._settings.daily

    def fetch(self, memory: FetchMemory | None = None) -> Iterator[Dump]:
        """Yield the files by name, without hidden ones; of packed ones, what is in them.

        Raises:
            SourceError: path or file is not there, or none can be read.
            PartlyReadError: after all others were yielded: some cannot be read.
        """
        unreadable: list[str] = []
        files = self._files()
        for name, path in files:
            try:
                for unpacked, content in _contents(name, path):
                    rule: Literal["option"] | None = "option" if self._day else None
                    yield Dump(source=self.name, name=unpacked, content=content, date=self._day, date_rule=rule)
            except SourceError as error:
                unreadable.append(str(error))
            except OSError as error:
                unreadable.append(f"{path}: {error.strerror or error}; check that it exists, its owner and mode")
        if unreadable:
            kind = SourceError if len(unreadable) == len(files) else PartlyReadError
            raise kind(f"source {self.name}: cannot read " + ". ".join(unreadable))

    def looks(self) -> str:
        """Return a digest of names, sizes and times of its files; "" where they cannot be seen."""
        try:
            seen = [(name, path.stat()) for name, path in self._files()]
        except (SourceError, OSError):
            return ""
        told = "\n".join(f"{name}/{one.st_ino}/{one.st_size}/{one.st_mtime_ns}" for name, one in seen)
        return hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()

    def parse(self, dump: Dump, received: datetime) -> Parsed:
        """Read one dump in the form that it has.

        Raises:
            ParseError: it is empty or of no known form.
        """
        dating = partial(decide, dump, received, year=self._settings.year)
        try:
            return formats.read_bytes(dump.content, dating)
        except ParseError as error:
            raise ParseError(f"{dump.name} {error}") from error

    def _files(self) -> list[tuple[str, Path]]:
        """Return (name, path) of every dump, by name; a file given twice counts once."""
        starts = [self._home] if self._paths is None else self._paths
        found: dict[Path, str] = {}
        for start in starts:
            for path in self._below(start):
                found.setdefault(path.resolve(), self._named(path, start))
        return sorted((name, path) for path, name in found.items())

    def _below(self, start: Path) -> list[Path]:
        """Return the files to read at `start`; broken links are among them, so that reading can name them."""
        try:
            if start.is_dir():
                found = start.glob(self._settings.pattern)
                return [path for path in found if not _hidden(path, start) and (path.is_file() or not path.exists())]
            start.stat()
        except OSError as error:
            raise SourceError(f"source {self.name}: {start}: {_absent(error)}") from error
        return [start]

    def _named(self, path: Path, start: Path) -> str:
        """Return the name of a file: below the source's folder, else below the folder it was found in."""
        for base in (start,) if self._loose else (self._home, start):
            relative = _below(path, base)
            if relative is not None and relative.parts:
                return relative.as_posix()
        return path.name


def _contents(name: str, path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the dumps in a file: itself, or what is packed in it."""
    with path.open("rb") as file:
        head = file.read(packed.HEAD)
        if not packed.is_packed(head):
            yield name, head + file.read()
            return
        file.seek(0)
        yield from packed.unpack(name, file)


def sources_for(
    paths: Sequence[Path], configured: Sequence[SourceSettings], root: Path, day: date | None = None
) -> list[FolderSource]:
    """Open files and folders as the sources that hold them, in the order of the configuration; others as `replay`.

    Args:
        paths: as given to a command, relative to the working folder.
        configured: the settings of all sources; those of other kinds hold no path.
        root: the folder of digest.toml.
        day: the date of all of them; None: they say it themselves.
    """
    folders = [settings for settings in configured if isinstance(settings, FolderSettings)]
    other = FolderSettings(name=REPLAY, path=".")
    held: dict[str, list[Path]] = {}
    for path in paths:
        holder = next((settings for settings in folders if _holds(settings, root, path)), other)
        held.setdefault(holder.name, []).append(path)
    known = [settings for settings in folders if settings.name in held]
    opened = [FolderSource.for_paths(settings, root, held[settings.name], day) for settings in known]
    if REPLAY in held and REPLAY not in (settings.name for settings in known):
        opened.append(FolderSource(other, root, paths=held[REPLAY], day=day, loose=True))
    return opened


def _holds(settings: FolderSettings, root: Path, path: Path) -> bool:
    return _below(path, root / Path(settings.path).expanduser()) is not None


def _below(path: Path, base: Path) -> Path | None:
    try:
        return path.resolve().relative_to(base.resolve())
    except ValueError:
        return None


def _hidden(path: Path, start: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(start).parts)


def _absent(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file or folder; create it, or correct `path`"
    return f"{error.strerror or error}; check owner and mode"


def _open(settings: SourceSettings, root: Path) -> FolderSource:
    assert isinstance(settings, FolderSettings), "the registry hands a kind its own settings"
    return FolderSource(settings, root)


KIND = Kind(FolderSettings, _open)
