"""What all forms of feeds have in common: the items of a feed, each a listing or rejected with a reason.

May import models, links, text and the readers of parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import urlsplit

from digest.errors import ParseError
from digest.links import code_in
from digest.models import Alias, Category, Dating, Link, LinkRel, Listing, Parsed, Rejected, Span
from digest.sources import categories, feed_arxiv, feed_html, feed_ids, feed_labels, feed_names
from digest.sources.daily_papers import LONGEST_ABSTRACT, LONGEST_TITLE
from digest.sources.dates import Clues, PartialDate
from digest.text import shorten

_WITHDRAWN_TITLE = re.compile(r"\W*(?:withdrawn|retracted(?: article| paper)?)\W*[:\])]", re.IGNORECASE)
_WITHDRAWN_ABSTRACT = re.compile(
    r"\W*(?:(?:this|the) (?:paper|manuscript|article|submission|preprint|work|version)|paper|withdrawn)\W+"
    r"(?:(?:has|have) been |is |was )?(?:\w+ )?(?:withdrawn|retracted)\b"
    r"|\W*(?:the|this) (?:author|preprint)s? (?:has|have) (?:\w+ ){0,2}withdrawn\b",
    re.IGNORECASE,
)
_WITHDRAWN_COMMENT = re.compile(
    r"\b(?:paper|manuscript|article|submission|preprint|work) (?:(?:has|have) been |is |was )?(?:\w+ )?withdrawn\b"
    r"|^\W*withdrawn\b(?! from)|\bauthors? (?:has|have) (?:\w+ )?withdrawn\b|^\W*withdrawn by\b",
    re.IGNORECASE,
)
#: links that an id says as well
_OF_IDS = re.compile(
    r"https?://(?:(?:[a-z-]+\.)?arxiv\.org/|(?:dx\.)?doi\.org/|(?:www\.)?openreview\.net/|pubmed\.ncbi\."
    r"|(?:www\.)?(?:huggingface\.co|hf\.co)/papers/)",
    re.IGNORECASE,
)
_OPAQUE_TERM = re.compile(r"https?://|uncategorized$|articles?$|papers?$|blog$|news$", re.IGNORECASE)


@dataclass(frozen=True)
class Item:
    """One item as a feed writes it: strings, whose markup is not read yet."""

    number: int
    title: str = ""
    #: whether tags and entities in the title are HTML
    title_markup: bool = True
    #: the description, the content: the first that says something is the abstract
    bodies: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    published: date | None = None
    #: guid, identifiers, then links: what may hold an id
    named: tuple[str, ...] = ()
    link: str = ""
    links: tuple[tuple[LinkRel, str], ...] = ()
    #: (term, label)
    categories: tuple[tuple[str, str], ...] = ()
    venue: str = ""
    comments: int | None = None
    announced: str = ""
    #: what the authors say of the version, at arXiv
    comment: str = ""
    #: the item as it stands in the feed, for what is rejected
    raw: str = ""
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Channel:
    """A feed as it is written."""

    title: str = ""
    #: when it was made, as it says
    made: date | None = None
    items: tuple[Item, ...] = ()
    #: days on which it has none, e.g. `Saturday`
    skip_days: tuple[str, ...] = ()
    #: results that a search found in all, of which this may be a page
    total: int | None = None
    #: the file ends inside of its last item
    cut: bool = False
    language: str = ""


def parsed(channel: Channel, decide: Callable[[Clues], Dating]) -> Parsed:
    """Return every item as a listing or a rejected one; spans count items from 1.

    Raises:
        ParseError: it is an answer of arXiv's API that says what was wrong with the question.
    """
    if error := feed_arxiv.error_in([(item.named, item.bodies) for item in channel.items]):
        raise ParseError(f"is an error message of arXiv's API: {error}")
    read = [_read(item, channel, last=item is channel.items[-1]) for item in channel.items]
    listings = tuple(one for one in read if isinstance(one, Listing))
    return Parsed(
        dating=_dated(channel, listings, decide),
        listings=listings,
        rejected=tuple(one for one in read if isinstance(one, Rejected)),
    )


def _dated(channel: Channel, listings: Sequence[Listing], decide: Callable[[Clues], Dating]) -> Dating:
    """Date a feed: by what outranks it, by its own date, else by that of its newest item."""
    ids = tuple(alias.value for one in listings for alias in one.ids if alias.scheme == "arxiv")
    made = channel.made
    page = PartialDate(made.month, made.day, made.year) if made else None
    dating = decide(Clues(page=page, ids=ids))
    days = [item.published for item in channel.items if item.published and item.published <= dating.date]
    if page is None and dating.rule == "assumed" and days:
        return Dating(date=max(days), rule="assumed", note="no date in name or head: taken as that of its newest item")
    return dating


def _read(item: Item, channel: Channel, *, last: bool) -> Listing | Rejected:
    if last and channel.cut:
        return _reject(item, "the file ends inside of this item; fetch it again")
    named = feed_arxiv.named_in_title(feed_html.line(item.title, markup=item.title_markup))
    if not named.title:
        return _reject(item, "has no title")
    if len(named.title) > LONGEST_TITLE:
        return _reject(
            item, f"its title has {len(named.title):,} characters; the longest that is one has {LONGEST_TITLE:,}"
        )
    return _listing(item, channel, named)


def _reject(item: Item, reason: str) -> Rejected:
    span = Span(first=item.number, last=item.number)
    text = item.raw or "\n".join(filter(None, (item.title, item.link, *item.named, *item.bodies)))
    return Rejected(span=span, reason=f"item {item.number}: {reason}", text=text[:LONGEST_ABSTRACT])


def _listing(item: Item, channel: Channel, named: feed_arxiv.Named) -> Listing:
    proses = [feed_html.prose(body) for body in item.bodies if body.strip()]
    labels = feed_labels.read([prose.paragraphs for prose in proses])
    said = feed_arxiv.announcement(labels.abstract)
    names = feed_ids.read((*item.named, *labels.named, *said.named, *named.named, item.link))
    at_arxiv = any(alias.scheme == "arxiv" for alias in names.ids)
    abstract = said.abstract
    return Listing(
        span=Span(first=item.number, last=item.number),
        title=named.title,
        abstract=abstract if len(abstract) <= LONGEST_ABSTRACT else shorten(abstract, LONGEST_ABSTRACT),
        authors=feed_names.names(item.authors, inverted=not at_arxiv or len(item.authors) > 1)
        or feed_names.names(labels.authors),
        published=item.published,
        comments=item.comments if labels.comments is None else labels.comments,
        upvotes=labels.upvotes,
        ids=names.ids,
        links=_links(item, names.ids, [url for prose in proses for url in prose.links]),
        categories=_categories((*item.categories, *((one, "") for one in named.categories)), at_arxiv),
        keywords=labels.keywords,
        venue=_venue(item, channel, labels.venue, names.ids),
        version=names.version,
        announced=feed_arxiv.announced(item.announced) or said.announced or named.announced,
        withdrawn=_withdrawn(named.title, abstract, item.comment),
        extra={**item.extra, **({"comment": feed_html.line(item.comment)} if item.comment.strip() else {})},
    )


def _withdrawn(title: str, abstract: str, comment: str) -> bool:
    return bool(
        _WITHDRAWN_TITLE.match(title)
        or _WITHDRAWN_ABSTRACT.match(abstract[:400])
        or _WITHDRAWN_COMMENT.search(comment[:400])
    )


def _links(item: Item, ids: Sequence[Alias], hrefs: Sequence[str]) -> tuple[Link, ...]:
    """Return the work's own page where no id says it, its PDF, its code, its discussion; http(s) only."""
    found: list[tuple[LinkRel, str]] = []
    if item.link and not (ids and _OF_IDS.match(item.link)):
        found.append(("work", item.link))
    found += [(rel, url) for rel, url in item.links if not (ids and rel == "pdf" and _OF_IDS.match(url))]
    found += [("code", code) for url in hrefs if (code := code_in(url)) and url.startswith(code)][:1]
    known: dict[Link, None] = {}
    for rel, url in found:
        if is_web(url):
            known.setdefault(Link(rel=rel, url=url.strip()))
    return tuple(known)


def is_web(url: str) -> bool:
    """Say whether a link can stand in a page: http or https, with a host, without spaces and controls."""
    url = url.strip()
    if len(url) > 2000 or re.search(r"[\s\x00-\x20\x7f\"<>\\]", url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _categories(terms: Sequence[tuple[str, str]], at_arxiv: bool) -> tuple[Category, ...]:
    found: dict[str, Category] = {}
    for term, label in terms:
        term, label = feed_html.line(term[:500]), feed_html.line(label[:500])
        if not (term or label) or _OPAQUE_TERM.match(term or label):
            continue
        one = categories.arxiv(term) if at_arxiv else categories.named(term or label, label)
        if one is not None:
            found.setdefault(one.id, one)
    return tuple(found.values())


def _venue(item: Item, channel: Channel, labelled: str, ids: Sequence[Alias]) -> str | None:
    """Return the journal: as the item says it, else the feed's title where its items have DOIs of journals."""
    told = feed_html.line(item.venue[:500]) or labelled
    if told:
        return told
    schemes = {alias.scheme for alias in ids}
    if "doi" not in schemes or "arxiv" in schemes:
        return None
    return feed_labels.journal(channel.title) or None
