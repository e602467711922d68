"""The output folder on disk: files are written whole or not at all. May import errors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from digest.errors import RenderError

#: How a file is called until it is whole: `.index.html.digest-part`. Names like this are ours, wherever they lie.
_PART = ".digest-part"


class OutputFolder:
    """A folder that static hosts serve. Paths are relative, with `/`.

    Readers never see half a file: bytes go to a temporary name in the same folder, which is then renamed. No fsync:
    a power cut costs at most a file whose size is wrong, and that is found and mended by the next publish.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def size(self, path: str) -> int | None:
        """Return the size of a file in bytes; None where there is none."""
        try:
            return os.stat(self.root / path).st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, path: str, content: bytes) -> bool:
        """Make the file at `path` hold `content`; returns False where it did already, and then touches nothing.

        Raises:
            RenderError: the disk is full, the folder belongs to somebody else, a file is in the way ...
        """
        target = self.root / path
        try:
            if self.size(path) == len(content) and target.read_bytes() == content:
                return False
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".{target.name}{_PART}")
            part.write_bytes(content)
            os.replace(part, target)
        except OSError as error:
            raise RenderError(f"{target} cannot be written: {error.strerror}; see to it and run again") from error
        return True

    def remove(self, path: str) -> bool:
        """Remove a file, and the folders that are empty without it; returns False where there was none."""
        target = self.root / path
        try:
            target.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return False
        for folder in target.parents:
            if folder == self.root or any(folder.iterdir()):
                break
            folder.rmdir()
        return True

    def clean(self) -> None:
        """Remove the temporary files that a killed run left."""
        for part in list(self._parts()):
            part.unlink(missing_ok=True)

    def _parts(self) -> Iterator[Path]:
        for folder, _, names in os.walk(self.root):
            for name in names:
                if name.startswith(".") and name.endswith(_PART):
                    yield Path(folder, name)
