"""Compressed files and archives as the dumps in them, one after the other, never more unpacked than allowed.

gzip, bzip2, xz, zstd and tar, told by their first bytes, also one in the other; a name decides nothing. May import
errors.
"""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from lzma import LZMAError
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any, cast

from digest.errors import SourceError

if TYPE_CHECKING:
    import zstandard

#: bytes that tell what a file is: the first block of a tar
HEAD = tarfile.BLOCKSIZE
#: bytes that one dump may have, unpacked
MEMBER_LIMIT = 200_000_000
#: bytes that all of one file may have, unpacked
TOTAL_LIMIT = 2_000_000_000
#: a packed file in a packed file in a packed file: more is no accident
_DEEPEST = 4
_MAGIC = {b"\x1f\x8b\x08": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_ZSTD_WINDOW = 128 << 20
#: bytes unpacked at a time: each four of them may become 128 KB
_ZSTD_STEP = 512
_CHUNK = 1 << 18
_MOST_FAULTS = 10


def is_packed(head: bytes) -> bool:
    """Say whether a file that begins with `head` (at least `HEAD` bytes, or all of it) is one of these."""
    return _packing(head) is not None


def unpack(
    name: str, file: IO[bytes], *, member_limit: int = MEMBER_LIMIT, total_limit: int = TOTAL_LIMIT
) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of every file in a packed one, in its order; one not packed is itself.

    A compressed file keeps its name, a member of an archive is called `archive.tar.xz/member`. Folders, links and
    hidden files are none.

    Args:
        name: what the file is called.
        file: at its beginning; read once, from front to back.
        member_limit: bytes that one of them may have.
        total_limit: bytes that all together may have.

    Raises:
        SourceError: it, or (after all others were yielded) some of its members are broken, or larger than allowed.
    """
    budget = _Budget(name, member_limit, total_limit)
    yield from _whole(name, _Peeked(file), budget, 0)
    if budget.faults:
        raise SourceError("; ".join(budget.faults))


class _TooMuch(SourceError):
    """All together is too large: nothing more is unpacked."""


@dataclass
class _Budget:
    """How much may be unpacked of one file, and what was wrong with its members."""

    name: str
    member: int
    total: int
    faults: list[str] = field(default_factory=list)
    _taken: int = 0

    def take(self, size: int) -> None:
        """Count bytes unpacked, on every level."""
        self._taken += size
        if self._taken > self.total:
            much = f"{self.name} has over {_size(self.total)} unpacked; unpack it yourself"
            raise _TooMuch("; ".join([*self.faults, much]))

    def fault(self, text: str) -> None:
        """Note what is wrong with a member; of many, the first."""
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(text)
        else:
            self.faults[-1] = "and further ones"


class _Peeked(io.RawIOBase):
    """A file whose first bytes can be looked at; reads as much as is asked for, where there is as much."""

    def __init__(self, file: IO[bytes], budget: _Budget | None = None) -> None:
        self._file, self._budget = file, budget
        self.head = b""
        self.head = self._exactly(HEAD)

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Read at most `size` bytes (all of them: without), fewer only at the end."""
        wanted = size if size is not None and size >= 0 else None
        first = self.head if wanted is None else self.head[:wanted]
        self.head = self.head[len(first) :]
        return first + self._exactly(None if wanted is None else wanted - len(first))

    def _exactly(self, size: int | None) -> bytes:
        chunks: list[bytes] = []
        while size is None or size > 0:
            chunk = self._file.read(_CHUNK if size is None else min(size, _CHUNK))
            if not chunk:
                break
            if self._budget is not None:
                self._budget.take(len(chunk))
            chunks.append(chunk)
            size = None if size is None else size - len(chunk)
        return b"".join(chunks)


def _packing(head: bytes) -> str | None:
    for magic, packing in _MAGIC.items():
        if head.startswith(magic):
            return packing
    return "tar" if _is_tar(head) else None


def _is_tar(head: bytes) -> bool:
    """Say whether a block is the header of a member: its checksum is right."""
    if len(head) < tarfile.BLOCKSIZE or b"\0" not in head:
        return False
    try:
        tarfile.TarInfo.frombuf(head[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _whole(name: str, file: _Peeked, budget: _Budget, depth: int) -> Iterator[tuple[str, bytes]]:
    """Unpack a file; where it is broken, note it: what holds it goes on."""
    try:
        yield from _files(name, file, budget, depth)
    except _broken() as error:
        why = str(error).rstrip(".") or type(error).__name__
        budget.fault(f"{name} cannot be unpacked ({why}); fetch it again, or remove it")


def _files(name: str, file: _Peeked, budget: _Budget, depth: int) -> Iterator[tuple[str, bytes]]:
    packing = _packing(file.head)
    if packing is None:
        content = file.read(budget.member + 1)
        if len(content) <= budget.member:
            yield name, content
        else:
            budget.fault(f"{name} has over {_size(budget.member)} unpacked, no dump is that large; remove it")
    elif depth == _DEEPEST:
        budget.fault(f"{name} is packed more than {_DEEPEST} times over; unpack it yourself")
    elif packing == "tar":
        yield from _members(name, file, budget, depth)
    else:
        unpacked = _opened(packing, file)
        if unpacked is None:
            budget.fault(f"{name} is packed with zstd: `pip install zstandard`, or unpack it yourself")
        else:
            with unpacked:
                yield from _whole(name, _Peeked(unpacked, budget), budget, depth + 1)


def _members(name: str, file: _Peeked, budget: _Budget, depth: int) -> Iterator[tuple[str, bytes]]:
    """Go through an archive from front to back, holding no list of its members."""
    with tarfile.open(fileobj=cast(IO[bytes], file), mode="r|", errorlevel=1) as archive:
        while (member := archive.next()) is not None:
            # It remembers every member; an archive may have millions of empty ones.
            archive.members = []  # type: ignore[attr-defined]
            path = PurePosixPath(_readable(member.name))
            if not member.isreg() or any(part.startswith(".") and part != ".." for part in path.parts):
                continue
            content = archive.extractfile(member)
            if content is not None:
                yield from _whole(f"{name}/{path}", _Peeked(content), budget, depth + 1)


def _readable(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _opened(packing: str, file: _Peeked) -> IO[bytes] | None:
    """Open a compressed file; None where its packing needs a package that is not installed."""
    raw: Any = file
    if packing == "gzip":
        import gzip

        return cast(IO[bytes], gzip.GzipFile(fileobj=raw, mode="rb"))
    if packing == "bzip2":
        import bz2

        return cast(IO[bytes], bz2.BZ2File(raw))
    if packing == "xz":
        import lzma

        return cast(IO[bytes], lzma.LZMAFile(raw))
    try:
        import zstandard
    except ImportError:
        return None
    return cast(IO[bytes], _Zstd(raw, zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)))


class _Zstd(io.RawIOBase):
    """A zstd file, unpacked; unlike the package's own reader it says where a file ends early."""

    def __init__(self, file: IO[bytes], unpacker: zstandard.ZstdDecompressor) -> None:
        self._file, self._unpacker = file, unpacker
        self._frame = unpacker.decompressobj()
        self._begun = False
        self._ready = b""

    def read(self, size: int = -1) -> bytes:
        """Read some bytes, at most `size`; none at the end."""
        while not self._ready and (packed := self._file.read(_ZSTD_STEP)):
            self._ready = self._unpacked(packed)
        if not self._ready and self._begun:
            raise EOFError("ends early")
        found = self._ready if size < 0 else self._ready[:size]
        self._ready = self._ready[len(found) :]
        return found

    def _unpacked(self, packed: bytes) -> bytes:
        found: list[bytes] = []
        while packed:
            found.append(self._frame.decompress(packed))
            self._begun, packed = not self._frame.eof, self._frame.unused_data
            if not self._begun:
                self._frame = self._unpacker.decompressobj()
        return b"".join(found)


def _broken() -> tuple[type[Exception], ...]:
    """Return what the unpackers raise; zstandard's own only where it is there."""
    raised: tuple[type[Exception], ...] = (OSError, EOFError, tarfile.TarError, LZMAError, zlib.error)
    try:
        import zstandard
    except ImportError:
        return raised
    return (*raised, zstandard.ZstdError)


def _size(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size >= 1_000_000 else f"{size:,} bytes"
