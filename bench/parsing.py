"""Part 1: what it costs to read a listing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from bench import real
from bench.measure import Table, alternate
from bench.papers import Maker, page
from bench.settings import Settings
from digest.models import Dump
from digest.sources.folder import FolderSettings, FolderSource

_RECEIVED = datetime(2026, 12, 31, tzinfo=UTC)
_ABOUT = (
    "Time a listing, from bytes to values, beside a naive splitter (the limit): it takes lines in pairs as\n"
    "title and abstract, believes them, and makes no values."
)


def measure(settings: Settings) -> Iterator[Table]:
    """Measure the seeds, long pages, and real pages if there are any."""
    table = Table("Parsing", _ABOUT)
    source = FolderSource(FolderSettings(name="bench", path=".", year=2026), Path())
    made = Maker(settings.seeds).papers(range(settings.page))
    seeds = [path.read_bytes() for path in sorted(settings.seeds.glob("*.txt"))]
    pages = {"seeds": seeds}
    for name, bylines in (("bare", False), ("with bylines", True)):
        pages[f"one page of {len(made):,}, {name}"] = [page(made, date(2026, 7, 1), bylines=bylines).encode()]
    if settings.data:
        days = real.days(settings.data)
        pages[f"{len(days)} real days, bare"] = [page(one, day, bylines=False).encode() for day, one in days.items()]
    for name, contents in pages.items():
        _compare(table, name, source, contents, settings.rounds)
    yield table


def _compare(table: Table, name: str, source: FolderSource, contents: list[bytes], rounds: int) -> None:
    dumps = [Dump(source="bench", name="page.txt", content=content) for content in contents]
    parsed = [source.parse(dump, _RECEIVED) for dump in dumps]
    count = sum(len(one.listings) for one in parsed)
    rejected = sum(len(one.rejected) for one in parsed)
    contenders: dict[str, Callable[[], object]] = {
        "digest": lambda: [source.parse(dump, _RECEIVED) for dump in dumps],
        "naive": lambda: [naive(content) for content in contents],
    }
    timings = {one: timing.per(count) for one, timing in alternate(rounds, contenders).items()}
    naive_count = sum(len(naive(content)) for content in contents)
    table.time(f"{name}: naive ({naive_count:,} pairs)", timings["naive"], "us")
    table.time(
        f"{name}: digest ({count:,} listings, {rejected} rejected)", timings["digest"], "us", over=timings["naive"]
    )


def naive(content: bytes) -> list[tuple[str, str]]:
    """Return lines in pairs, without those that are short."""
    lines = [line for line in map(str.strip, content.decode().split("\n")) if len(line) > 25]
    return list(zip(lines[::2], lines[1::2], strict=False))
