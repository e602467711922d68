"""The seam to a person who watches."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Shows long work to a person."""

    def start(self, total: int) -> None:
        """There are `total` steps."""

    def step(self, text: str) -> None:
        """One more is done; `text` says which comes."""
