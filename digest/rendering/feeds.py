"""Feeds: RSS 2.0, Atom (RFC 4287), JSON Feed 1.1, and the OPML list of them. May import links, models, latex, text.

Nothing in them depends on when they are written: their dates are those of editions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape
from typing import TYPE_CHECKING, Any

from digest import latex, links
from digest.models import Edition, Entry, Paper, View
from digest.rendering import cards
from digest.rendering.shelf import Card, Row, Shelf, tags_of
from digest.text import clean

if TYPE_CHECKING:
    import jinja2

#: editions in a feed of editions
EDITION_ITEMS = 20
#: editions whose entries a feed of papers holds, however many they are ...
PAPER_EDITIONS = 7
#: ... and papers it holds at least, where there are so many
PAPER_ITEMS = 100

#: what stands for the date of a feed without items (RFC 4287 demands one, validators a plausible one)
_NEVER = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class FeedInfo:
    """What a feed is about; its three formats lie in one folder."""

    title: str
    about: str
    folder: str
    #: path of the page that shows the same
    page: str
    #: id of the tag; None for a feed that is not about one
    tag: str | None = None

    @staticmethod
    def of_editions(newsletter: str, title: str) -> FeedInfo:
        """Return what is known of a newsletter's feed of editions."""
        return FeedInfo(title, f"Every edition of {title}, whole", newsletter, links.newsletter_page(newsletter))

    @staticmethod
    def of_papers(newsletter: str, title: str) -> FeedInfo:
        """Return what is known of a newsletter's feed of papers."""
        folder, page = links.papers_folder(newsletter), links.newsletter_page(newsletter)
        return FeedInfo(f"{title}: papers", f"Every new paper in {title}, once", folder, page)

    @property
    def paths(self) -> tuple[str, str, str]:
        """The paths of RSS, Atom, JSON."""
        return links.feed_paths(self.folder)


def tag_feed(shelf: Shelf, tag: str) -> FeedInfo:
    """Return what is known of a tag's feed of papers."""
    name = shelf.names[tag]
    folder, page = links.tag_folder(shelf.id, tag), links.tag_page(shelf.id, tag)
    return FeedInfo(f"{shelf.title}: {name}", f"New papers on {name} in {shelf.title}", folder, page, tag)


@dataclass(frozen=True)
class Item:
    """One item of a feed: an edition or a paper."""

    id: str
    title: str
    url: str | None
    #: plain text
    summary: str
    #: HTML
    content: str
    authors: tuple[str, ...]
    categories: tuple[str, ...]
    published: datetime
    updated: datetime


@dataclass(frozen=True)
class Feed:
    """A feed with its items, newest first."""

    info: FeedInfo
    id: str
    language: str
    #: name of the author where an item has none: the newsletter
    author: str
    items: Sequence[Item]

    @property
    def updated(self) -> datetime:
        """The instant of the newest edition in it."""
        return max((item.updated for item in self.items), default=_NEVER).replace(microsecond=0)


def paper_window(shelf: Shelf, tag: str | None = None) -> list[tuple[Card, Row]]:
    """Return what a feed of papers holds, newest edition first, each paper once, where it last appeared.

    All entries of the last editions (of a tag: of those with a paper under it), and older ones up to PAPER_ITEMS.
    """
    cards = shelf.cards if tag is None else shelf.tags[tag]
    found: dict[str, tuple[Card, Row]] = {}
    for nth, card in enumerate(reversed(cards)):
        for row in card.rows:
            if nth >= PAPER_EDITIONS and len(found) >= PAPER_ITEMS:
                return list(found.values())
            if tag is None or tag in shelf.tags_of(row):
                found.setdefault(row.key, (card, row))
    return list(found.values())


def paper_url(base_url: str | None, paper: Paper) -> str | None:
    """Return where an item about a paper links to: its page if there is a site, else the work, else nowhere."""
    return links.absolute(base_url, links.paper_page(paper.key)) if base_url else links.work_url(paper)


def paper_item(edition: Edition, place: int, *, url: str | None, content: str, first: datetime) -> Item:
    """Return the item of a paper.

    Args:
        edition: the edition that last carried it.
        place: index of its entry there.
        url: where it links to.
        content: its HTML.
        first: instant of the edition that first carried it.
    """
    entry = edition.entries[place]
    return Item(
        id=links.paper_id(edition.feed_id, entry.paper.key),
        title=_title(entry.paper.title),
        url=url,
        summary=_plain(entry.summary or entry.paper.abstract),
        content=content,
        authors=tuple(filter(None, map(clean, entry.paper.authors))),
        categories=tuple(filter(None, (clean(edition.tag_names[tag]) for tag in tags_of(edition, entry)))),
        published=first.replace(microsecond=0),
        updated=_ranked(edition, len(edition.entries) - place),
    )


def _ranked(edition: Edition, behind: int) -> datetime:
    """Return the edition's instant, plus a microsecond for each entry behind this one.

    Readers sort by date and validators want no two dates equal: so the order of the edition is kept.
    """
    return edition.instant.replace(microsecond=0) + timedelta(microseconds=behind)


def edition_item(edition: Edition, *, base_url: str | None, content: str) -> Item:
    """Return the item of an edition; `content` is its whole body as HTML."""
    page = links.edition_page(edition.newsletter, edition.date)
    instant = edition.instant.replace(microsecond=0)
    return Item(
        id=links.edition_id(edition.feed_id, edition.date),
        title=f"{edition.title} No. {edition.number}, {edition.date.isoformat()}",
        url=links.absolute(base_url, page) if base_url else None,
        summary=_plain(edition.lead),
        content=content,
        authors=(),
        categories=tuple(clean(one.title) for one in edition.sections if one.id in edition.tag_names),
        published=instant,
        updated=instant,
    )


def _title(text: str) -> str:
    return _plain(text) or "(without title)"


def _plain(text: str) -> str:
    return clean(latex.to_unicode(text))


def edition_body(environment: jinja2.Environment, view: View, base_url: str | None) -> str:
    """Return the whole of an edition as HTML for feed readers."""
    from digest.rendering.environment import render

    sections = cards.sections(view, _places(base_url))
    return render(environment, "feed/edition.html", edition=view.edition, sections=sections)


def paper_body(environment: jinja2.Environment, edition: Edition, entry: Entry, base_url: str | None) -> str:
    """Return an entry as HTML for feed readers: its facts, then the abstract."""
    from digest.rendering.environment import render

    card = cards.entry_card(edition, entry, _places(base_url))
    return render(environment, "feed/paper.html", card=card, abstract=entry.paper.abstract)


def _places(base_url: str | None) -> cards.Places:
    return cards.Places(paper=lambda paper: paper_url(base_url, paper), tag=lambda tag: None)


def render_feed(environment: jinja2.Environment, feed: Feed, base_url: str | None) -> list[tuple[str, bytes]]:
    """Return path and bytes of a feed's three formats."""
    from digest.rendering.environment import render

    rss, atom, json_feed = feed.info.paths
    home = links.absolute(base_url, feed.info.page) if base_url else None
    context: dict[str, Any] = {"feed": feed, "home": home, "rfc822": _rfc822, "rfc3339": _rfc3339, "escape": escape}
    own = {path: links.absolute(base_url, path) if base_url else None for path in feed.info.paths}
    return [
        (rss, render(environment, "feed/rss.xml", own=own[rss], **context).encode()),
        (atom, render(environment, "feed/atom.xml", own=own[atom], **context).encode()),
        (json_feed, _json(feed, home, own[json_feed])),
    ]


def _rfc822(instant: datetime) -> str:
    return format_datetime(instant.astimezone(UTC).replace(microsecond=0), usegmt=True)


def _rfc3339(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _json(feed: Feed, home: str | None, own: str | None) -> bytes:
    """Return the feed as JSON Feed 1.1; what is not known is left out."""
    data = _known(
        version="https://jsonfeed.org/version/1.1",
        title=feed.info.title,
        home_page_url=home,
        feed_url=own,
        description=feed.info.about,
        language=feed.language,
        authors=[{"name": feed.author}],
    )
    data["items"] = [_json_item(item) for item in feed.items]
    return json.dumps(data, ensure_ascii=False, indent=1).encode() + b"\n"


def _json_item(item: Item) -> dict[str, Any]:
    return _known(
        id=item.id,
        url=item.url,
        title=item.title,
        content_html=item.content,
        summary=item.summary,
        date_published=_rfc3339(item.published),
        date_modified=_rfc3339(item.updated),
        authors=[{"name": name} for name in item.authors],
        tags=list(item.categories),
    )


def _known(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def render_opml(environment: jinja2.Environment, title: str, shelves: Iterable[Shelf], base_url: str | None) -> bytes:
    """Return every feed as OPML 2.0, once each, in RSS; addresses are absolute where the site has one."""
    from digest.rendering.environment import render

    groups = [(shelf, _feeds(shelf)) for shelf in shelves]

    def address(path: str) -> str:
        return links.absolute(base_url, path) if base_url else path

    context: dict[str, Any] = {"title": title, "groups": groups, "address": address, "base_url": base_url}
    return render(environment, "feed/feeds.opml", **context).encode()


def _feeds(shelf: Shelf) -> list[FeedInfo]:
    tags = sorted(shelf.tags, key=lambda tag: (shelf.names[tag].casefold(), tag))
    return [
        FeedInfo.of_editions(shelf.id, shelf.title),
        FeedInfo.of_papers(shelf.id, shelf.title),
        *(tag_feed(shelf, tag) for tag in tags),
    ]
