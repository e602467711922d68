"""Care of a store: copies of it, and what it lets go of. May import models."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from digest.models import BackupMade, Keep, Sizes, Tidied
from digest.protocols.figures import Census, Figures

if TYPE_CHECKING:
    from digest.protocols.progress import Progress


class Care(Protocol):
    """What keeps a store well. All methods raise StoreError for what the driver refuses."""

    def backup(self, file: Path, now: datetime, progress: Progress | None = None) -> BackupMade:
        """Write one state of the store into a SQLite file while others go on writing, and check it.

        The file is there when it is whole and on disk, or not at all; one that is there is replaced if it is a backup.
        """

    def sizes(self) -> Sizes:
        """Return what the store holds."""

    def figures(self, sources: Sequence[str]) -> Figures:
        """Return what is known of some sources and the newest run; takes as long in a large store as in a small one."""

    def census(self) -> Census:
        """Count deliveries, subscriptions and papers: in a large store that takes a while."""

    def tidy(self, keep: Keep, now: datetime) -> Tidied:
        """Let go of what is older than is kept, in portions, so that no writer waits long; safe to kill.

        One call takes so much at most, and says if there is more.
        """

    def tidy_daily(self, keep: Keep, now: datetime) -> Tidied | None:
        """Do that unless it was done in the last day; None: it was, or the store refuses: then another day."""

    def would_tidy(self, keep: Keep, now: datetime) -> Tidied:
        """Return what `tidy` would let go of, all calls together; writes nothing."""

    def vacuum(self) -> None:
        """Give back the space that is free, which takes as much space meanwhile, and keeps writers waiting."""
