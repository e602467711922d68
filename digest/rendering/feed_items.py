"""The feeds of one newsletter, filled from its editions; each edition is read once. May import this package."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from digest import links
from digest.models import Edition, View
from digest.protocols import Store
from digest.rendering import feeds
from digest.rendering.feeds import Feed, FeedInfo, Item
from digest.rendering.shelf import Card, Row, Shelf

if TYPE_CHECKING:
    import jinja2

#: year of the ids of a newsletter that has no edition yet, and so no authority of its own
_UNBORN = 1970


@dataclass(frozen=True)
class FeedFiller:
    """Fills the feeds of one newsletter."""

    shelf: Shelf
    store: Store
    environment: jinja2.Environment
    base_url: str | None
    page_view: Callable[[Edition], View]

    @property
    def _authority(self) -> str:
        return self.shelf.feed_id or links.feed_authority(self.shelf.id, self.base_url, _UNBORN)

    def of_editions(self) -> Feed:
        """Return the feed of editions: the last ones, whole."""
        info = FeedInfo.of_editions(self.shelf.id, self.shelf.title)
        cards = self.shelf.cards[: -feeds.EDITION_ITEMS - 1 : -1]
        return self._feed(info, self._authority, [self._edition_item(card) for card in cards])

    def _edition_item(self, card: Card) -> Item:
        edition = self.store.edition(self.shelf.id, card.number)
        body = feeds.edition_body(self.environment, self.page_view(edition), self.base_url)
        return feeds.edition_item(edition, base_url=self.base_url, content=body)

    def of_papers(self, tags: Sequence[str | None]) -> Iterator[Feed]:
        """Yield the feeds of papers.

        Args:
            tags: one feed each; None is the feed of all papers.
        """
        windows = {tag: feeds.paper_window(self.shelf, tag) for tag in tags}
        items = self._paper_items(windows.values())
        for tag, window in windows.items():
            info = feeds.tag_feed(self.shelf, tag) if tag else FeedInfo.of_papers(self.shelf.id, self.shelf.title)
            id = links.tag_feed_id(self._authority, tag) if tag else links.papers_feed_id(self._authority)
            yield self._feed(info, id, [items[card.number, row.key] for card, row in window])

    def _paper_items(self, windows: Iterable[Sequence[tuple[Card, Row]]]) -> dict[tuple[int, str], Item]:
        """Return the items of all windows by edition and paper."""
        wanted: dict[int, set[str]] = {}
        for window in windows:
            for card, row in window:
                wanted.setdefault(card.number, set()).add(row.key)
        found: dict[tuple[int, str], Item] = {}
        for number, keys in wanted.items():
            edition = self.store.edition(self.shelf.id, number)
            for place, entry in enumerate(edition.entries):
                if entry.paper.key in keys:
                    found[number, entry.paper.key] = self._paper_item(edition, place)
        return found

    def _paper_item(self, edition: Edition, place: int) -> Item:
        entry = edition.entries[place]
        return feeds.paper_item(
            edition,
            place,
            url=feeds.paper_url(self.base_url, entry.paper),
            content=feeds.paper_body(self.environment, edition, entry, self.base_url),
            first=self._first[entry.paper.key],
        )

    @cached_property
    def _first(self) -> dict[str, datetime]:
        """Key of a paper -> instant of the first edition that carried it."""
        found: dict[str, datetime] = {}
        for card in self.shelf.cards:
            for row in card.rows:
                found.setdefault(row.key, card.instant)
        return found

    def _feed(self, info: FeedInfo, id: str, items: Sequence[Item]) -> Feed:
        return Feed(info=info, id=id, language=self.shelf.language, author=self.shelf.title, items=items)
