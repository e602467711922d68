"""RSS 0.9 to 2.0, RDF and Atom as a channel with items: feedparser on bytes, which fetches nothing.

May import the readers of parts; feedparser is imported with the first feed.
"""

from __future__ import annotations

import codecs
import io
import re
import struct
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from time import struct_time
from typing import Any

from digest.errors import ParseError
from digest.models import LinkRel
from digest.sources.decoding import decode
from digest.sources.feed_items import Channel, Item

#: feeds of more bytes are not read: ten days of all of arXiv are less
LIMIT = 20_000_000
#: nor those of more items
_MOST_ITEMS = 50_000
#: elements within elements that end the reading; feedparser slows down with their depth
_DEEPEST = 20_000
_ROOT = re.compile(
    r"(?:\s|\ufeff|<\?[^>]*>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[[^\]]*\]\s*)?>)*+", re.DOTALL | re.IGNORECASE
)
_NAME = re.compile(r"<(?:[\w-]{1,30}:)?(rss|feed|rdf|channel|entry)(?=[\s>/])", re.IGNORECASE)
ITEM = re.compile(r"<((?:[\w-]{1,30}:)?(?:item|entry))(?=[\s>/])")
_ITEM_END = re.compile(r"</(?:[\w-]{1,30}:)?(?:item|entry)\s*>")
_END = re.compile(r"</(?:[\w-]{1,30}:)?(?:rss|feed|rdf|channel)\s*>\s*(?:<!--.*?-->\s*)*$", re.IGNORECASE | re.DOTALL)
_IDENTIFIER = re.compile(
    r"<(?:dc|dcterms|DC):identifier[^<>]*>\s*(?:<!\[CDATA\[)?\s*([^<>\s]{3,300}?)\s*(?:\]\]>)?\s*<"
)
_SKIP_DAYS = re.compile(r"<skipDays>(.{0,2000}?)</skipDays>", re.DOTALL)
_DAY = re.compile(r"<day>\s*(?:<!\[CDATA\[)?\s*(\w{6,9})")
_MIDNIGHT = re.compile(r"(?:\s|T)00:00(?::00(?:\.0+)?)?\s*(?:([+-])(\d\d):?(\d\d)|[A-Z]{3})$")
_TAG = re.compile(r"<(?:(!--|!\[CDATA\[)|(/)?[A-Za-z_][^<>]*?(/)?>)")
_HEAD = 20_000
#: what feedparser is known to raise on bytes that are no feed
_REFUSALS = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    RecursionError,
    struct.error,
)
#: fields of an item that hold a date, the best first
_DATES = ("published", "prism_publicationdate", "created", "updated", "prism_coverdate")
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)")


def recognise(text: str) -> bool:
    """Say whether a document that begins so is such a feed."""
    head = text[:_HEAD]
    start = _ROOT.match(head)
    return _NAME.match(head, start.end() if start else 0) is not None


def read(content: bytes) -> Channel:
    """Read a feed; one that is not well-formed as far as that goes.

    Raises:
        ParseError: it is too large, or feedparser cannot read it at all.
    """
    if len(content) > LIMIT:
        raise ParseError(f"has {len(content) / 1e6:,.0f} MB; feeds of over {LIMIT / 1e6:,.0f} MB are not read")
    text = _text(content)
    if _too_deep(text):
        raise ParseError(f"has over {_DEEPEST:,} elements within elements; this is no feed")
    if sum(1 for _ in ITEM.finditer(text)) > _MOST_ITEMS:
        raise ParseError(f"has over {_MOST_ITEMS:,} items; this is no feed")
    found = _parsed(content)
    raws = _raws(text, len(found.entries))
    # Plain dicts: feedparser's own take a date that is missed from another field.
    plain = str(found.get("version", "")).startswith("atom")
    items = [
        _item(dict(entry), number, raw, plain)
        for number, (entry, raw) in enumerate(zip(found.entries, raws, strict=True), 1)
    ]
    head = dict(found.feed)
    return Channel(
        title=_string(head, "prism_publicationname") or _string(head, "title"),
        made=_day(head, ("published", "updated", "created")),
        items=tuple(items),
        skip_days=_skip_days(text),
        total=_number(head, "opensearch_totalresults"),
        cut=bool(found.get("bozo")) and bool(items) and _is_cut(text),
        language=_string(head, "language"),
    )


def _parsed(content: bytes) -> Any:
    import feedparser

    try:
        # A stream: feedparser takes bytes for a file's name first.
        return feedparser.parse(io.BytesIO(content), sanitize_html=False, resolve_relative_uris=False)
    except _REFUSALS as error:
        raise ParseError(f"cannot be read as a feed ({type(error).__name__}: {str(error)[:200]})") from error


def _text(content: bytes) -> str:
    """Return the text, in the encoding that its XML declaration names."""
    declared = re.match(rb"\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z][\w.-]{1,40})[\"']", content[:400])
    if declared:
        try:
            encoding = codecs.lookup(declared[1].decode("ascii"))
            if encoding.name not in ("utf-8", "utf-16", "utf-32"):
                return encoding.decode(content, "replace")[0]
        except (LookupError, ValueError, TypeError):
            pass  # an encoding that Python does not know, or none of texts: told by the bytes
    return decode(content)


def _too_deep(text: str) -> bool:
    """Whether more elements are open at once than any feed has; comments and CDATA hold none."""
    depth = at = 0
    while tag := _TAG.search(text, at):
        at = tag.end()
        if tag[1]:
            at = text.find("-->" if tag[1] == "!--" else "]]>", at)
            if at < 0:
                return False
        elif tag[2]:
            depth -= 1
        elif not tag[3]:
            depth += 1
            if depth > _DEEPEST:
                return True
    return False


def _raws(text: str, count: int) -> list[str]:
    """Return each item as it stands in the feed; "" where that cannot be told."""
    starts = [match.start() for match in ITEM.finditer(text)]
    if not starts or len(starts) != count:
        return [""] * count
    ends = [*starts[1:], len(text)]
    return [text[start:end] for start, end in zip(starts, ends, strict=True)]


def _is_cut(text: str) -> bool:
    last = max((match.start() for match in ITEM.finditer(text)), default=-1)
    return last >= 0 and _END.search(text[-2_000:]) is None and _ITEM_END.search(text, last) is None


def _skip_days(text: str) -> tuple[str, ...]:
    found = _SKIP_DAYS.search(text)
    return tuple(_DAY.findall(found[1])) if found else ()


def _item(entry: Mapping[str, Any], number: int, raw: str, plain: bool) -> Item:
    """Read an entry; `plain`: the feed says itself where its titles have markup."""
    links = _links(entry)
    return Item(
        number=number,
        title=_string(entry, "title"),
        title_markup=not plain or _type(entry, "title_detail") != "text/plain",
        bodies=_bodies(entry, plain),
        authors=_authors(entry),
        published=_day(entry, _DATES),
        named=_named(entry, raw, links),
        link=_string(entry, "link"),
        links=tuple((rel, url) for rel, url in links if rel != "work"),
        categories=_categories(entry),
        venue=_string(entry, "prism_publicationname") or _journal_reference(entry) or _source(entry),
        comments=_first_number(entry, ("slash_comments", "thr_total")),
        announced=_string(entry, "arxiv_announce_type"),
        comment=_string(entry, "arxiv_comment"),
        raw=raw,
    )


def _bodies(entry: Mapping[str, Any], plain: bool) -> tuple[str, ...]:
    """Return description and contents; the text of Atom is escaped, so that all are HTML."""
    found = [(_string(entry, "summary"), _type(entry, "summary_detail"))]
    contents = entry.get("content")
    found += [(_string(one, "value"), _string(one, "type")) for one in (contents if isinstance(contents, list) else ())]
    escaped = (_escaped(text) if plain and kind == "text/plain" else text for text, kind in found)
    return tuple(dict.fromkeys(text for text in escaped if text.strip()))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _authors(entry: Mapping[str, Any]) -> tuple[str, ...]:
    authors = entry.get("authors")
    names = [_string(one, "name") for one in authors if isinstance(one, Mapping)] if isinstance(authors, list) else []
    return tuple(name for name in names if name.strip()) or tuple(filter(None, (_string(entry, "author"),)))


def _links(entry: Mapping[str, Any]) -> list[tuple[LinkRel, str]]:
    """Return the links by what they lead to: `work` for all that is no PDF and no discussion."""
    found: list[tuple[LinkRel, str]] = []
    links = entry.get("links")
    for one in links if isinstance(links, list) else []:
        url, rel, kind = (_string(one, name) for name in ("href", "rel", "type"))
        if kind == "application/pdf" or _string(one, "title") == "pdf":
            found.append(("pdf", url))
        elif rel == "replies":
            found.append(("discussion", url))
        elif rel in ("alternate", "related", "via", ""):
            found.append(("work", url))
    if _string(entry, "comments").startswith("http"):
        found.append(("discussion", _string(entry, "comments")))
    return [(rel, url) for rel, url in found if url]


def _named(entry: Mapping[str, Any], raw: str, links: Iterable[tuple[LinkRel, str]]) -> tuple[str, ...]:
    """Return what may hold an id: the first of each scheme counts."""
    fields = ("id", "prism_doi", "arxiv_doi", "dc_identifier", "dcterms_identifier", "citation_doi", "doi", "pmid")
    told = [_prefixed(field, _string(entry, field)) for field in fields]
    alternates = [url for rel, url in links if rel in ("work", "discussion")]
    return tuple(
        dict.fromkeys(filter(None, (*told, *_IDENTIFIER.findall(raw), *alternates, _string(entry, "prism_url"))))
    )


def _prefixed(field: str, value: str) -> str:
    """Say of a bare number in an element `pmid` what it is."""
    return f"pmid:{value}" if field == "pmid" and value.isdigit() else value


def _categories(entry: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return (term, label): arXiv's primary one first."""
    primary = entry.get("arxiv_primary_category")
    found = [(_string(primary, "term"), "")] if isinstance(primary, Mapping) else []
    tags = entry.get("tags")
    found += [(_string(tag, "term"), _string(tag, "label")) for tag in (tags if isinstance(tags, list) else ())]
    found.append((_string(entry, "prism_section"), ""))
    return tuple(dict.fromkeys(one for one in found if any(one)))


def _journal_reference(entry: Mapping[str, Any]) -> str:
    return _string(entry, "arxiv_journal_ref") or _string(entry, "arxiv_journal_reference")


def _source(entry: Mapping[str, Any]) -> str:
    """Return the journal in `dc:source`, which others use for an address or an id."""
    source = _string(entry, "dc_source")
    return "" if "://" in source or source.lower().startswith(("doi", "urn:", "issn")) else source


def _day(entry: Mapping[str, Any], fields: Iterable[str]) -> date | None:
    """Return the first date there is, in UTC; a midnight is that day, wherever it was."""
    for field in fields:
        written, instant = _string(entry, field).strip(), entry.get(f"{field}_parsed")
        day = _of_instant(instant, written) if isinstance(instant, struct_time) else _of_text(written)
        if day is not None and date(1800, 1, 1) <= day <= date(2200, 1, 1):
            return day
    return None


def _of_instant(instant: struct_time, written: str) -> date | None:
    try:
        day = date(*instant[:3])
    except (ValueError, OverflowError):
        return None
    midnight = _MIDNIGHT.search(written[-40:])
    return day + timedelta(days=1) if midnight and midnight[1] == "+" and instant.tm_hour >= 10 else day


def _of_text(written: str) -> date | None:
    found = _ISO.match(written)
    try:
        return date(int(found[1]), int(found[2]), int(found[3])) if found else None
    except ValueError:
        return None


def _string(entry: Any, field: str) -> str:
    value = entry.get(field) if isinstance(entry, Mapping) else None
    return value if isinstance(value, str) else ""


def _type(entry: Mapping[str, Any], field: str) -> str:
    return _string(entry.get(field), "type")


def _number(entry: Any, field: str) -> int | None:
    value = _string(entry, field).strip()
    return int(value) if value.isdecimal() and len(value) < 10 else None


def _first_number(entry: Any, fields: Iterable[str]) -> int | None:
    return next((found for field in fields if (found := _number(entry, field)) is not None), None)
