"""Feeds through the whole of fetch, identify, compare and commit: one work, one line, one time."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from itertools import permutations
from pathlib import Path

import pytest

from digest import pipeline
from digest.models import Dump, Interests, Notice, Parsed
from digest.protocols import FetchMemory, Store
from digest.sources import feed
from digest.sources.folder import FolderSettings, FolderSource
from digest.store import open_store
from digest.testing import FrozenClock
from tests.sources import feeds

BEFORE, DAY = date(2026, 11, 19), date(2026, 11, 20)
APPEARANCES = ("ai v1", "lg v1", "ai v2", "lg v2", "page")


class Nowhere:
    """Publishes nothing."""

    def publish(self, store: Store) -> Sequence[str]:
        return ()


@contextmanager
def parts(clock: FrozenClock) -> Iterator[pipeline.Parts]:
    """Wire a store in memory, without a newsletter: what is new is in the receipts."""
    store = open_store(":memory:", clock=clock)
    try:
        yield pipeline.Parts(
            store=store, publisher=Nowhere(), newsletters=(), taggers={}, interests=Interests(), clock=clock
        )
    finally:
        store.close()


def words(seed: int, count: int = 60) -> str:
    """Return an abstract that is like no other."""
    chosen = random.Random(seed)
    letters = ["".join(chosen.choices("abcdefghijklmnopqrstuvwxyz", k=7)) for _ in range(count)]
    return f"We {' '.join(letters)}."


def appearance(kind: str, papers: Sequence[int], *, rewritten: bool) -> tuple[str, str]:
    """Return name and text of a dump in which some papers appear."""
    day = BEFORE if kind.endswith("v1") else DAY
    name = f"{day:%Y%m%d}_{kind.replace(' ', '')}.xml"
    if kind == "page":
        return name, feeds.page_rss(
            *((number(n), f"A Title of Paper {words(n, 2)}", words(n), 5) for n in papers), day=day
        )
    first = kind.endswith("v1")
    announced = {"ai v1": "new", "lg v1": "cross", "ai v2": "replace", "lg v2": "replace-cross"}[kind]
    own = "cs.AI" if kind.startswith("ai") else "cs.LG"
    items = [
        feeds.arxiv_item(
            f"{number(n)}v{1 if first else 2}",
            f"A Title of Paper {words(n, 2)}",
            words(n) if first or not rewritten else f"{words(n)} {words(-n - 1, 20)}",
            kind=announced,
            categories=(own, "cs.AI", "cs.LG"),
        )
        for n in papers
    ]
    return name, feeds.arxiv(*items, day=day)


def number(n: int) -> str:
    return f"2611.{n:05}"


def kinds(store: Store, n: int) -> list[str]:
    record = store.paper(number(n))
    assert record is not None
    return [kind for *_, kind, _ in record.sightings]


def folder(home: Path, name: str, text: str) -> FolderSource:
    """Write a dump into a folder of its own, and open that."""
    home.mkdir()
    (home / name).write_text(text)
    return FolderSource(FolderSettings(name=home.name, path=str(home)), home)


@pytest.mark.parametrize("rewritten", [False, True])
def test_five_appearances_in_their_order_are_one_new_and_one_revised(tmp_path: Path, rewritten: bool) -> None:
    with parts(FrozenClock()) as wired:
        sources = [
            folder(tmp_path / kind.replace(" ", "-"), *appearance(kind, [1], rewritten=rewritten))
            for kind in APPEARANCES
        ]
        receipts = list(pipeline.replay(wired, sources))
    told = [one for receipt in receipts for one in receipt.sources]
    assert [one.name for one in told] == ["ai-v1", "lg-v1", "ai-v2", "lg-v2", "page"]
    assert sum(one.new for one in told) == 1
    assert sum(one.revised for one in told) == 1
    assert told[0].new == told[2].revised == 1
    assert all(one.listed == 1 and not one.rejected for one in told)


@pytest.mark.parametrize("rewritten", [False, True])
def test_five_appearances_in_every_order_are_new_once_and_revised_once_a_v2_follows(
    tmp_path: Path, rewritten: bool
) -> None:
    """Each of the 120 orders is a paper of its own: what arrives in a step arrives together."""
    orders = list(permutations(APPEARANCES))
    with parts(FrozenClock()) as wired:
        for step in range(5):
            for kind in APPEARANCES:
                papers = [n for n, order in enumerate(orders) if order[step] == kind]
                home = tmp_path / f"{step}-{kind.replace(' ', '-')}"
                source = folder(home, *appearance(kind, papers, rewritten=rewritten))
                for receipt in pipeline.replay(wired, [source]):
                    assert all(one.listed == len(papers) and not one.rejected for one in receipt.sources)
        wrong = {}
        for n, order in enumerate(orders):
            found = Counter(kinds(wired.store, n))
            first_v2 = min(order.index("ai v2"), order.index("lg v2"))
            known = first_v2 > min(order.index(one) for one in ("ai v1", "lg v1", "page"))
            if found["new"] != 1 or found["revised"] != known or sum(found.values()) != 5:
                wrong[order] = (kinds(wired.store, n), known)
    assert not wrong, (len(wrong), list(wrong.items())[:5])


def test_a_replacement_of_a_paper_never_met_is_no_news(tmp_path: Path) -> None:
    with parts(FrozenClock()) as wired:
        source = folder(tmp_path / "lg", *appearance("lg v2", [1], rewritten=False))
        (receipt,) = pipeline.replay(wired, [source])
        (told,) = receipt.sources
        assert (told.new, told.revised, told.seen) == (0, 0, 1)


class Polled:
    """A feed that is read anew each day."""

    name = "papers"
    daily = True

    def __init__(self, pages: dict[date, bytes]) -> None:
        self._pages = pages

    def fetch(self, memory: FetchMemory) -> Iterator[Dump | Notice]:
        day = memory.now.date()
        yield Dump(
            source=self.name,
            name="https://x.invalid/f.xml",
            content=self._pages[day],
            date=day,
            date_rule="source-clock",
        )

    def parse(self, dump: Dump, received: datetime) -> Parsed:
        return feed.parse(dump, received)


def polled(pages: dict[date, bytes]) -> tuple[Counter[str], int]:
    """Read a feed day after day; return how many listings were of each kind, and how many papers there are."""
    tally: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    clock = FrozenClock()
    source = Polled(pages)
    with parts(clock) as wired:
        for day in sorted(pages):
            clock.now = datetime.combine(day, time(12), UTC)
            for told in pipeline.run(wired, [source]).sources:
                tally.update(listed=told.listed, new=told.new, revised=told.revised, enriched=told.enriched)
                tally.update(seen=told.seen, rejected=told.rejected)
        ids = {alias.value for page in pages.values() for one in feeds.read(page).listings for alias in one.ids}
        for id in ids:
            record = wired.store.paper(id)
            assert record is not None, id
            seen.update({record.paper.key: sum(kind == "new" for *_, kind, _ in record.sightings)})
    assert tally["listed"] == sum(tally[kind] for kind in ("new", "revised", "enriched", "seen", "rejected"))
    assert set(seen.values()) == {1}
    return tally, len(seen)


def test_a_page_read_again_enriches_what_moved(tmp_path: Path) -> None:
    one, two = ("2611.00001", "Pruning Networks", words(1)), ("2611.00002", "Growing Networks", words(2))
    pages = {
        BEFORE: feeds.page_rss((*one, 3), (*two, 1), day=BEFORE).encode(),
        DAY: feeds.page_rss((*one, 9), (*two, 1), day=DAY).encode(),
    }
    tally, papers = polled(pages)
    assert papers == 2
    assert (tally["new"], tally["enriched"], tally["seen"], tally["revised"]) == (2, 1, 1, 0)


def test_the_page_as_rss_read_again_every_day_announces_each_paper_once(data: Path) -> None:
    files = sorted((data / "daily-papers-rss").glob("*.xml"))
    if not files:
        pytest.skip("DIGEST_TEST_DATA holds no daily-papers-rss")
    start = date(2026, 6, 28)
    pages = {start + timedelta(days=n): file.read_bytes() for n, file in enumerate(files)}
    listings = [one for page in pages.values() for one in feeds.read(page).listings]
    tally, papers = polled(pages)
    assert all(one.upvotes is not None and one.abstract and one.authors and one.ids for one in listings)
    assert tally["listed"] == len(listings)
    assert tally["new"] == papers
    assert tally["enriched"] > 0
    assert tally["revised"] == tally["rejected"] == 0
