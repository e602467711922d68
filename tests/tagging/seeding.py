"""The bundled dumps as tests of tagging need them: (title, abstract) of each edition's new papers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from digest.models import Listing
from digest.sources.folder import FolderSettings, FolderSource
from digest.text import compact

#: how many papers each dump has that none before it had, in date order
NEW = {"2026-01-02": 47, "2026-02-05": 36, "2026-06-16": 48, "2026-06-26": 81, "2026-07-31": 35}


def new_papers(seeds: Path) -> dict[str, list[Listing]]:
    """Return the listings of each date whose title no earlier dump had."""
    source = FolderSource(FolderSettings(name="seeds", path=str(seeds), year=2026), seeds)
    read = [source.parse(dump, datetime(2026, 12, 31, tzinfo=UTC)) for dump in source.fetch()]
    seen: set[str] = set()
    new: dict[str, list[Listing]] = {}
    for parsed in sorted(read, key=lambda parsed: parsed.dating.date):
        fresh = {compact(listing.title): listing for listing in reversed(parsed.listings)}
        date = parsed.dating.date.isoformat()
        new[date] = [listing for title, listing in fresh.items() if title not in seen]
        seen.update(fresh)
    return new
