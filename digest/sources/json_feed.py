"""JSON Feed 1.0 and 1.1 (https://www.jsonfeed.org/version/1.1/) as a channel with items. May import feed_items."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from digest.errors import ParseError
from digest.models import LinkRel
from digest.sources.decoding import decode
from digest.sources.feed_items import Channel, Item

#: longer files are not read
LIMIT = 20_000_000
_MARK = re.compile(r"[\"']version[\"']\s*:\s*[\"']https?:\\?/\\?/(?:www\.)?jsonfeed\.org\\?/version\\?/", re.IGNORECASE)
_PROBE = 200_000


def recognise(text: str) -> bool:
    """Say whether `text` is a JSON Feed."""
    return text[:64].lstrip().startswith("{") and bool(_MARK.search(text[:_PROBE]) or _MARK.search(text[-2_000:]))


def read(content: bytes) -> Channel:
    """Read a feed; what in it is of another type than it should be counts as not there.

    Raises:
        ParseError: it is no JSON, or has no list of items.
    """
    if len(content) > LIMIT:
        raise ParseError(f"has {len(content) / 1e6:,.0f} MB; feeds of over {LIMIT / 1e6:,.0f} MB are not read")
    try:
        feed = json.loads(decode(content), strict=False)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"is no JSON that can be read ({str(error)[:200]}); fetch it again") from error
    if not isinstance(feed, dict) or not isinstance(feed.get("items"), list):
        raise ParseError("is a JSON Feed without a list of items; fetch it again")
    items = tuple(_item(one, number, feed) for number, one in enumerate(feed["items"], 1))
    return Channel(title=_string(feed, "title"), items=items, language=_string(feed, "language"))


def _item(item: Any, number: int, feed: Mapping[str, Any]) -> Item:
    raw = json.dumps(item, ensure_ascii=False, default=str)
    if not isinstance(item, dict):
        return Item(number=number, raw=raw)
    return Item(
        number=number,
        title=_string(item, "title"),
        title_markup=False,
        bodies=_bodies(item),
        authors=_authors(item) or _authors(feed),
        published=_day(item, "date_published") or _day(item, "date_modified"),
        named=tuple(filter(None, (_string(item, name) for name in ("id", "url", "external_url", "doi", "_doi")))),
        link=_string(item, "url") or _string(item, "external_url"),
        links=_attachments(item),
        categories=tuple((tag, "") for tag in _list(item, "tags") if isinstance(tag, str)),
        raw=raw,
    )


def _bodies(item: Mapping[str, Any]) -> tuple[str, ...]:
    """Return summary, then content; plain text is escaped, so that all are HTML."""
    plain = (_string(item, "summary"), _string(item, "content_text"))
    summary, text = (one.replace("&", "&amp;").replace("<", "&lt;") for one in plain)
    return tuple(filter(None, (summary, _string(item, "content_html") or text)))


def _authors(of: Mapping[str, Any]) -> tuple[str, ...]:
    """Return `authors` of 1.1, else `author` of 1.0."""
    authors = [*_list(of, "authors"), of.get("author")]
    names = [_string(one, "name") if isinstance(one, dict) else one for one in authors]
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and name.strip()))


def _attachments(item: Mapping[str, Any]) -> tuple[tuple[LinkRel, str], ...]:
    found = (one for one in _list(item, "attachments") if isinstance(one, dict))
    return tuple(("pdf", _string(one, "url")) for one in found if _string(one, "mime_type") == "application/pdf")


def _day(item: Mapping[str, Any], field: str) -> date | None:
    """Read an RFC 3339 instant; a midnight is that day, wherever it was."""
    try:
        instant = datetime.fromisoformat(_string(item, field).strip())
        midnight = (instant.hour, instant.minute) == (0, 0)
        return instant.date() if midnight or instant.tzinfo is None else instant.astimezone(UTC).date()
    except (ValueError, OverflowError):
        return None


def _list(of: Mapping[str, Any], field: str) -> list[Any]:
    value = of.get(field)
    return value if isinstance(value, list) else []


def _string(of: Mapping[str, Any], field: str) -> str:
    value = of.get(field)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and field == "id":
        return str(value)
    return value if isinstance(value, str) else ""
