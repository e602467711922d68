"""One publish that has something to do. May import links, models, protocols and this package."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from digest import links
from digest.logs import logger
from digest.models import Edition, Sighting, View, ViewEntry
from digest.protocols import PaperRecord, Store
from digest.rendering.feed_items import FeedFiller
from digest.rendering.feeds import render_feed, render_opml
from digest.rendering.folder import OutputFolder
from digest.rendering.ledger import Ledger
from digest.rendering.products import Product, products
from digest.rendering.publication import Publication
from digest.rendering.shelf import Card, Shelf, pack_cards, read_cards
from digest.rendering.site import Appearance, Pages

#: records of papers read at a time
_BATCH = 200
#: what an output folder's name is followed by where its cards are remembered
_CARDS = "#cards"

Files = Iterable[tuple[str, bytes]]


class Publishing:
    """Renders and writes what differs, product by product."""

    def __init__(self, publication: Publication, store: Store, folder: OutputFolder, name: str) -> None:
        self._publication = publication
        self._store = store
        self._folder = folder
        self._name = name

    def run(self, before: Ledger, after: Ledger, touched: set[str]) -> Sequence[str]:
        """Bring the folder from `before` to `after`.

        Args:
            before: what was known of it.
            after: fingerprint, commit and newest editions as they are now.
            touched: keys of papers whose record changed since.

        Returns:
            The paths written or removed, sorted.
        """
        wanted = list(products(self._shelves))
        known = before.products if before.fingerprint == after.fingerprint else {}
        stale = [one for one in wanted if self._is_stale(one, known, before, touched)]
        paths = {path for one in wanted for path in one.paths}
        self._begin(before, stale)
        sizes = {path: size for path, size in before.files.items() if path in paths}
        changed: list[str] = []
        for path, content in self._make(stale):
            if self._folder.write(path, content):
                logger().debug("file written", path=path)
                changed.append(path)
            sizes[path] = len(content)
        changed += [path for path in before.owned - paths if self._folder.remove(path)]
        done = replace(after, products={one.id: one.inputs for one in wanted}, files=sizes, pending=(), unclean=False)
        self._store.keep_output_state(self._name, done.pack())
        return sorted(changed)

    def _is_stale(self, product: Product, known: Mapping[str, str], before: Ledger, touched: set[str]) -> bool:
        if known.get(product.id) != product.inputs or (product.kind == "paper" and product.name in touched):
            return True
        return any(self._folder.size(path) != before.files.get(path, -1) for path in product.paths)

    def _begin(self, before: Ledger, stale: Sequence[Product]) -> None:
        """Note what is about to be written, so that a killed publish leaves nothing unknown behind."""
        if before.unclean:
            self._folder.clean()
        pending = (path for one in stale for path in one.paths if path not in before.files)
        begun = replace(before, pending=tuple(dict.fromkeys([*before.pending, *pending])), unclean=True)
        self._store.keep_output_state(self._name, begun.pack())

    # What there is

    @cached_property
    def _shelves(self) -> list[Shelf]:
        """The newsletters with the cards of their editions: those configured, then others that have editions."""
        configured = {one.id: one for one in self._publication.newsletters}
        others = [state.id for state in self._store.newsletters() if state.id not in configured and state.last]
        ids = [*configured, *others]
        name = self._name + _CARDS
        cards, anew = read_cards(self._store, ids, self._store.output_state(name))
        if anew:
            self._store.keep_output_state(name, pack_cards(cards))
        by_id: dict[str, list[Card]] = {id: [] for id in ids}
        for card in cards:
            by_id[card.newsletter].append(card)
        taxonomies = self._publication.taxonomies
        return [Shelf(id, configured.get(id), found, taxonomies.get(id)) for id, found in by_id.items()]

    @cached_property
    def _pages(self) -> Pages:
        return Pages(self._publication.templates, self._publication.base_url)

    @cached_property
    def _appearances(self) -> dict[str, list[Appearance]]:
        """Key of a paper -> where it stood, oldest first."""
        found: dict[str, list[Appearance]] = {}
        for shelf in self._shelves:
            for card in shelf.cards:
                for row in card.rows:
                    found.setdefault(row.key, []).append(Appearance(shelf, card, row))
        for places in found.values():
            places.sort(key=lambda one: (one.card.instant, one.shelf.id))
        return found

    # How it is made

    def _make(self, stale: Sequence[Product]) -> Iterator[tuple[str, bytes]]:
        """Yield path and content of every file of the products, a few products in memory at a time."""
        papers = [one for one in stale if one.kind == "paper"]
        yield from self._papers([one.name for one in papers])
        for shelf in self._shelves:
            mine = [one for one in stale if one.newsletter == shelf.id and one.kind != "paper"]
            for one in mine:
                if one.kind == "edition":
                    yield from self._edition(self._store.edition(shelf.id, int(one.name)))
            yield from self._feeds(shelf, mine)
            for one in mine:
                if one.kind == "tag":
                    yield links.tag_page(shelf.id, one.name), self._pages.tag(shelf, one.name)
                elif one.kind == "archive":
                    yield links.newsletter_page(shelf.id), self._pages.archive(shelf)
        if any(one.kind == "site" for one in stale):
            yield from self._site()

    def _papers(self, keys: Sequence[str]) -> Files:
        for start in range(0, len(keys), _BATCH):
            batch = keys[start : start + _BATCH]
            records = self._store.papers(batch)
            for key in batch:
                record = records.get(key) or self._store.paper(key) or self._from_edition(key)
                yield links.paper_page(key), self._pages.paper(key, record, self._appearances[key])

    def _from_edition(self, key: str) -> PaperRecord:
        """Return a paper as its last edition has it: for keys that the catalogue no longer knows."""
        last = self._appearances[key][-1]
        paper = self._store.edition(last.shelf.id, last.card.number).entry(key).paper
        counts = Sighting(
            date=last.card.date,
            comments=paper.comments.value if paper.comments else None,
            upvotes=paper.upvotes.value if paper.upvotes else None,
        )
        versions = ((paper.title, paper.abstract, last.card.date),)
        return PaperRecord(paper=paper, versions=versions, editions=(), sightings=(), counts=(counts,), tags={})

    def _edition(self, edition: Edition) -> Files:
        """Yield the files of an edition, from its snapshot alone."""
        page, *mails = links.edition_files(edition.newsletter, edition.date)
        view = self._publication.page_view(edition)
        yield page, self._pages.edition(view, self._publication.minutes(_skimmed(view)))
        yield from zip(mails, self._publication.mails(edition, self._pages.environment), strict=True)

    def _feeds(self, shelf: Shelf, mine: Sequence[Product]) -> Files:
        """Yield the feeds of a newsletter: of editions, of papers, of tags."""
        chosen, environment = self._publication, self._pages.environment
        filler = FeedFiller(shelf, self._store, environment, chosen.base_url, chosen.page_view)
        kinds = {one.kind for one in mine}
        if "edition-feeds" in kinds:
            yield from render_feed(environment, filler.of_editions(), chosen.base_url)
        papers: list[str | None] = [None] if "paper-feeds" in kinds else []
        tags = [one.name for one in mine if one.kind == "tag"]
        for feed in filler.of_papers([*papers, *tags]):
            yield from render_feed(environment, feed, chosen.base_url)

    def _site(self) -> Files:
        """Yield the first page, the page of feeds and their list."""
        title = self._shelves[0].title if len(self._shelves) == 1 else "Newsletters"
        yield links.OPML, render_opml(self._pages.environment, title, self._shelves, self._publication.base_url)
        yield links.FEEDS, self._pages.feeds(self._shelves)
        yield links.INDEX, self._pages.index(self._shelves)


def _skimmed(view: View) -> View:
    """Return a view as a page shows it at first: abstracts are folded away, and cost no reading time."""

    def one(entries: Sequence[ViewEntry]) -> tuple[ViewEntry, ...]:
        return tuple(entry.model_copy(update={"density": "one"}) for entry in entries)

    sections = tuple(section.model_copy(update={"entries": one(section.entries)}) for section in view.sections)
    return view.model_copy(update={"top": one(view.top), "sections": sections})
