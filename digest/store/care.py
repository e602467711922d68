"""Care of the store: copies of it, and what it lets go of. May import this package."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from digest.errors import StoreError
from digest.logs import logger
from digest.models import BackupMade, Keep, Sizes, Tidied
from digest.protocols import Census, Figures, Progress
from digest.store import backup, figures, retention, sizes
from digest.store.engine import Database


class SqlCare:
    """The Care of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def backup(self, file: Path, now: datetime, progress: Progress | None = None) -> BackupMade:
        """Write one state of the store into a SQLite file while others go on writing, and check it."""
        made = backup.make(self._database, file, now, progress)
        logger().info("backup made", path=made.path)
        return made

    def sizes(self) -> Sizes:
        """Return what the store holds."""
        with self._database.reading() as connection:
            return sizes.sizes(connection, self._database.place)

    def figures(self, sources: Sequence[str]) -> Figures:
        """Return what is known of some sources and the newest run."""
        with self._database.reading() as connection:
            return figures.figures(connection, sources)

    def census(self) -> Census:
        """Count deliveries, subscriptions and papers."""
        with self._database.reading() as connection:
            return figures.census(connection)

    def tidy(self, keep: Keep, now: datetime) -> Tidied:
        """Let go of what is older than is kept."""
        return retention.tidy(self._database, keep, now)

    def tidy_daily(self, keep: Keep, now: datetime) -> Tidied | None:
        """Do that unless it was done in the last day; None: it was, or the store refuses: then another day."""
        try:
            return retention.daily(self._database, keep, now)
        except StoreError as error:
            logger().warning("store not tidied", error=str(error))
            return None

    def would_tidy(self, keep: Keep, now: datetime) -> Tidied:
        """Return what `tidy` would let go of."""
        return retention.would_tidy(self._database, keep, now)

    def vacuum(self) -> None:
        """Give back the space that is free."""
        retention.vacuum(self._database)
