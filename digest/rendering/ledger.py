"""What the output folder is known to hold: kept in the store, as JSON. May import nothing of `digest`.

It says when there is nothing to do without rendering anything, and which files are ours to replace and to remove.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

#: raised when the fields, or what they mean, change
_FORM = 1


@dataclass(frozen=True)
class Ledger:
    """The state of one output folder after its last publish."""

    #: of all that decides how values become files: templates, code, settings
    fingerprint: str = ""
    #: number of the store's last commit then
    commit: int = 0
    #: newsletter -> number of its newest edition then
    newest: Mapping[str, int] = field(default_factory=dict)
    #: product -> what it was made from
    products: Mapping[str, str] = field(default_factory=dict)
    #: path -> size in bytes, of every file that is ours
    files: Mapping[str, int] = field(default_factory=dict)
    #: paths a publish was about to write: not empty only where it was killed
    pending: tuple[str, ...] = ()
    #: whether the folder may hold temporary files
    unclean: bool = True

    def pack(self) -> bytes:
        """Return the ledger as bytes; equal ledgers give equal bytes."""
        data = {"form": _FORM, **{name: getattr(self, name) for name in self.__dataclass_fields__}}
        return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()

    @staticmethod
    def unpack(content: bytes | None) -> Ledger:
        """Return what `pack` wrote; an empty ledger where there is nothing, or another release's."""
        data: dict[str, Any] = json.loads(content) if content else {}
        if data.pop("form", None) != _FORM:
            return Ledger()
        return Ledger(**{**data, "pending": tuple(data["pending"])})

    @property
    def owned(self) -> set[str]:
        """The paths of all files that are ours."""
        return {*self.files, *self.pending}


def digest_of(parts: Iterable[str]) -> str:
    """Return a short hash of strings in their order."""
    found = hashlib.blake2b(digest_size=16)
    for part in parts:
        found.update(f"{len(part)}:{part}".encode())
    return found.hexdigest()
