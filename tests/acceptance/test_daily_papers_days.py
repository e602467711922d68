"""Real days of Daily Papers replayed: an edition a day, every listing accounted for, no paper announced twice."""

from __future__ import annotations

import io
import lzma
import tarfile
from datetime import UTC, datetime
from pathlib import Path

from digest import pipeline
from digest.bootstrap import opened
from digest.clock import fixed
from digest.config import load
from digest.sources.folder import sources_for
from tests.acceptance.command import rows

#: the days around a change of year, on which most of the files are malformed
FIRST, LAST = "2024-12-26", "2025-01-13"


def test_days_replayed_from_an_archive_make_an_edition_each(data: Path, tmp_path: Path) -> None:
    (tmp_path / "digest.toml").write_text(
        '[newsletters.daily]\ntitle = "Daily"\n[[sources]]\nkind = "folder"\npath = "dumps"\n'
    )
    archive, count = _some(data / "daily-papers-json.tar.xz")
    (tmp_path / "days.tar.xz").write_bytes(archive)
    config = load(tmp_path / "digest.toml")
    with opened(config, fixed(datetime(2026, 1, 1, tzinfo=UTC))) as system:
        sources = sources_for([tmp_path / "days.tar.xz"], config.sources, tmp_path)
        receipts = list(pipeline.replay(system.parts, sources))
        again = list(pipeline.replay(system.parts, sources))
    editions = [edition for one in receipts for edition in one.editions]
    assert [edition.number for edition in editions] == list(range(1, count + 1))
    found = [source for one in receipts for source in one.sources]
    assert sum(one.rejected for one in found) == 0
    assert sum(one.new for one in found) == sum(edition.entries or 0 for edition in editions)
    for one in found:
        assert one.listed == one.new + one.revised + one.enriched + one.seen + one.rejected
    assert sum(one.listed for one in found) == rows(tmp_path / "digest.db", "select sum(listed) from dumps")[0][0]
    assert {edition.number for one in again for edition in one.editions} == {None}
    assert sum(source.new for one in again for source in one.sources) == 0


def _some(path: Path) -> tuple[bytes, int]:
    """Return an archive of the days from FIRST to LAST, and how many they are."""
    made, count = io.BytesIO(), 0
    with tarfile.open(path) as whole, tarfile.open(fileobj=made, mode="w") as part:
        for member in whole:
            if FIRST <= member.name[-15:-5] <= LAST:
                part.addfile(member, whole.extractfile(member))
                count += 1
    return lzma.compress(made.getvalue(), preset=1), count
