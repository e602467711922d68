"""Feeds of any form as listings: what a folder's form and the kinds `feed`, `opml` and `arxiv` share.

May import models, errors and the readers of feeds.
"""

from __future__ import annotations

from collections.abc import Callable

from digest.errors import ParseError
from digest.models import Dating, Parsed
from digest.sources import feed_html, feed_items, feed_xml, json_feed
from digest.sources.dates import Clues
from digest.sources.decoding import decode
from digest.sources.feed_items import Channel

LABEL = "RSS, RDF, Atom and JSON feeds"

_PROBE = 250_000


def recognise(content: bytes) -> bool:
    """Say whether the bytes are a feed; cheap where they are not."""
    head = decode(content[:_PROBE]).lstrip("\ufeff \t\n")
    return head[:1] in ("<", "{") and (feed_xml.recognise(head) or json_feed.recognise(head))


def read(content: bytes, decide: Callable[[Clues], Dating]) -> Parsed:
    """Read a feed: every item is a listing or rejected.

    Raises:
        ParseError: it is no feed, or none that can be read.
    """
    return feed_items.parsed(channel(content), decide)


def has_items(content: bytes) -> bool:
    """Say whether a feed certainly has items; cheap."""
    return recognise(content) and feed_xml.ITEM.search(decode(content)) is not None


def channel(content: bytes) -> Channel:
    """Read a feed as it is written.

    Raises:
        ParseError: it is empty, a page instead of a feed, of no known form, or cannot be read.
    """
    if not content.strip(b"\0 \t\r\n\xef\xbb\xbf"):
        raise ParseError("is empty: not one byte of a feed came; fetch it again")
    head = decode(content[:_PROBE]).lstrip("\ufeff \t\n")
    if feed_html.is_page(head) and not feed_xml.recognise(head):
        title = feed_html.title_of(head)
        raise ParseError("is an HTML page instead of a feed" + (f": {title}" if title else ""))
    if json_feed.recognise(head):
        return json_feed.read(content)
    found = feed_xml.read(content)
    if not found.items and not feed_xml.recognise(head):
        raise ParseError(f"is of no known form of feed; it begins: {' '.join(head[:400].split())[:60]!r}")
    return found
