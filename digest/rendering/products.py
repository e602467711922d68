"""What an output folder consists of: each product with its paths and what it is made from. Pure.

May import links and this package's `shelf` and `ledger`. A product is made anew exactly when its inputs differ, so
publishing after each edition and publishing once at the end give the same folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from digest import links
from digest.rendering.ledger import digest_of
from digest.rendering.shelf import Card, Shelf

Kind = Literal["paper", "edition", "tag", "archive", "edition-feeds", "paper-feeds", "site"]


@dataclass(frozen=True)
class Product:
    """Some files that are made together."""

    kind: Kind
    #: "" for papers and the site
    newsletter: str
    #: key of a paper, id of a tag, number of an edition, else ""
    name: str
    paths: tuple[str, ...]
    #: changes with whatever the files are made from, beside the settings and a paper's own record
    inputs: str

    @property
    def id(self) -> str:
        """Names the product in the ledger."""
        return f"{self.kind} {self.newsletter} {self.name}"


def products(shelves: Sequence[Shelf]) -> Iterator[Product]:
    """Yield everything there is to publish; what is linked to comes before what links to it."""
    yield from _papers(shelves)
    for shelf in shelves:
        yield from (_edition(card) for card in shelf.cards)
        yield from (_tag(shelf, tag) for tag in shelf.tags)
        everything = _made_from(shelf.cards)
        yield Product("archive", shelf.id, "", (links.newsletter_page(shelf.id),), everything)
        yield Product("edition-feeds", shelf.id, "", links.feed_paths(shelf.id), everything)
        yield Product("paper-feeds", shelf.id, "", links.feed_paths(links.papers_folder(shelf.id)), everything)
    site = _made_from([card for shelf in shelves for card in shelf.cards])
    yield Product("site", "", "", (links.OPML, links.FEEDS, links.INDEX), site)


def _papers(shelves: Sequence[Shelf]) -> Iterator[Product]:
    appearances: dict[str, list[str]] = {}
    for shelf in shelves:
        for card in shelf.cards:
            for row in card.rows:
                appearances.setdefault(row.key, []).append(card.sha256[:16])
    for key, found in appearances.items():
        yield Product("paper", "", key, (links.paper_page(key),), " ".join(found))


def _edition(card: Card) -> Product:
    return Product(
        "edition", card.newsletter, str(card.number), links.edition_files(card.newsletter, card.date), card.sha256
    )


def _tag(shelf: Shelf, tag: str) -> Product:
    paths = (links.tag_page(shelf.id, tag), *links.feed_paths(links.tag_folder(shelf.id, tag)))
    return Product("tag", shelf.id, tag, paths, _made_from(shelf.tags[tag]))


def _made_from(cards: Sequence[Card]) -> str:
    return digest_of(card.sha256 for card in cards)
