"""The web pages: values in, HTML out. May import links, models, protocols, text and this package's own modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date as Date
from itertools import groupby
from pathlib import Path
from typing import Any

from digest import links
from digest.models import Edition, Evidence, Paper, Tag, View, ViewSection
from digest.protocols import PaperRecord
from digest.rendering import cards, shelf
from digest.rendering.environment import make_environment, render
from digest.rendering.feeds import EDITION_ITEMS, PAPER_EDITIONS, PAPER_ITEMS, FeedInfo, tag_feed
from digest.rendering.shelf import Card, Row, Shelf
from digest.rendering.wording import Piece, word_diff
from digest.text import compact, count_noun, sentences, shorten

_TYPES = ("application/rss+xml", "application/atom+xml", "application/feed+json")

#: what the first page shows of an edition without a top, and of the editions before it
_BEST = 3
_EARLIER = 5
#: phrases that a paper's page names for a tag
_PHRASES = 5
#: characters of categories or keywords that a paper's page shows
_SUBJECTS = 600
#: a beginning of so many letters is a teaser of the whole abstract
_TEASER = 40


@dataclass(frozen=True)
class _Alternate:
    """A feed that a page names in its head."""

    type: str
    title: str
    path: str


@dataclass(frozen=True)
class _Bar:
    """A row of the little chart: papers of a heading."""

    title: str
    anchor: str
    total: int
    percent: int
    pale: bool


@dataclass(frozen=True)
class Appearance:
    """One edition that a paper stood in."""

    shelf: Shelf
    card: Card
    row: Row


@dataclass(frozen=True)
class _Place:
    """An appearance as a paper's page prints it."""

    newsletter: str
    title: str
    number: int
    date: Date
    heading: str | None
    note: str


@dataclass(frozen=True)
class _TagLine:
    """A tag as a paper's page prints it, with the phrases that earned it."""

    name: str
    url: str
    phrases: str


@dataclass(frozen=True)
class _Version:
    """A revision as a paper's page prints it."""

    date: Date
    what: str
    title: Sequence[Piece]
    abstract: Sequence[Piece]


class Pages:
    """Renders pages; every link in them is relative, so that the folder works wherever it lies."""

    def __init__(self, templates: Path | None, base_url: str | None) -> None:
        self.environment = make_environment(templates)
        # templates do not change while one folder is made from them
        self.environment.auto_reload = False
        self._base_url = base_url
        self._style = render(self.environment, "page/style.css")

    def _page(self, template: str, path: str, *, base_url: str | None, language: str = "en", **context: Any) -> bytes:
        def rel(target: str) -> str:
            return links.relative(target, path)

        from markupsafe import Markup

        defaults: dict[str, Any] = {"feeds": (), "canonical": None, **context}
        style = Markup(self._style)  # noqa: S704  a template of our own or of the user's, not a paper's text
        text = render(
            self.environment,
            f"page/{template}",
            path=path,
            rel=rel,
            style=style,
            base_url=base_url,
            language=language,
            **defaults,
        )
        return text.encode()

    def edition(self, view: View, minutes: int) -> bytes:
        """Return the page of an edition: complete, made from the snapshot alone, with links back and none forward."""
        edition = view.edition
        path = links.edition_page(edition.newsletter, edition.date)
        feed = FeedInfo.of_editions(edition.newsletter, edition.title)
        return self._page(
            "edition.html",
            path,
            base_url=edition.base_url,
            language=edition.language,
            feeds=_alternates(feed),
            edition=edition,
            came=_came(edition),
            counted=shelf.counted(edition),
            minutes=minutes,
            bars=_bars(view.sections),
            sections=cards.sections(view, _places(edition.newsletter, path)),
        )

    def archive(self, one: Shelf) -> bytes:
        """Return the page of a newsletter: all its editions, newest first."""
        path = links.newsletter_page(one.id)
        newest_first = one.cards[::-1]
        years = [(year, list(group)) for year, group in groupby(newest_first, lambda card: card.date.year)]
        editions, papers = FeedInfo.of_editions(one.id, one.title), FeedInfo.of_papers(one.id, one.title)
        return self._page(
            "archive.html",
            path,
            base_url=self._base_url,
            language=one.language,
            feeds=(*_alternates(editions), *_alternates(papers)),
            id=one.id,
            title=one.title,
            counted=count_noun(len(one.cards), "edition"),
            editions=newest_first,
            years=years,
            edition_feed=editions,
            paper_feed=papers,
        )

    def tag(self, one: Shelf, tag: str) -> bytes:
        """Return the page of a tag: the papers of all editions under it, newest first."""
        path = links.tag_page(one.id, tag)
        rows = one.rows(tag)
        days = [(day, [row for _, row in group]) for day, group in groupby(rows, lambda pair: pair[0].date)]
        feed = tag_feed(one, tag)
        return self._page(
            "tag.html",
            path,
            base_url=self._base_url,
            language=one.language,
            feeds=_alternates(feed),
            id=one.id,
            title=one.title,
            name=one.names[tag],
            rows=rows,
            days=days,
            editions=len(one.tags[tag]),
            feed=feed,
        )

    def index(self, shelves: Sequence[Shelf]) -> bytes:
        """Return the first page: every newsletter with its newest edition, and how to subscribe to its feeds."""
        title = shelves[0].title if len(shelves) == 1 else "Newsletters"
        feeds = [FeedInfo.of_editions(one.id, one.title) for one in shelves]
        return self._page(
            "index.html",
            links.INDEX,
            base_url=self._base_url,
            language=shelves[0].language if len(shelves) == 1 else "en",
            feeds=[alternate for feed in feeds for alternate in _alternates(feed)],
            title=title,
            newsletters=[_front(one) for one in shelves],
        )

    def feeds(self, shelves: Sequence[Shelf]) -> bytes:
        """Return the page that lists every feed, and says what each is for."""
        return self._page(
            "feeds.html",
            links.FEEDS,
            base_url=self._base_url,
            newsletters=[_feeds_of(one) for one in shelves],
            edition_items=EDITION_ITEMS,
            paper_editions=PAPER_EDITIONS,
            paper_items=PAPER_ITEMS,
        )

    def paper(self, key: str, record: PaperRecord, appearances: Sequence[Appearance]) -> bytes:
        """Return the page of a paper.

        Args:
            key: the key it was announced under: not the record's own where the paper was merged since.
            record: what is known of it.
            appearances: the editions it stood in, oldest first; at least one.
        """
        path = links.paper_page(key)
        paper = record.paper
        return self._page(
            "paper.html",
            path,
            base_url=self._base_url,
            canonical=links.paper_page(paper.key),
            language=appearances[-1].shelf.language,
            paper=paper,
            about=_about(paper),
            who=_names(paper),
            counted=cards.counts(paper),
            subjects=_subjects(paper),
            work_links=cards.work_links(paper),
            places=[_place(one) for one in reversed(appearances)],
            tags=_tag_lines(appearances, record.tags, path),
            counts=[one for one in record.counts[::-1] if one.comments is not None or one.upvotes is not None],
            versions=_versions(record.versions),
            ids=_ids(paper),
        )


def _places(newsletter: str, path: str) -> cards.Places:
    """Return where links lead to from the page at `path`."""
    return cards.Places(
        paper=lambda paper: links.relative(links.paper_page(paper.key), path),
        tag=lambda tag: links.relative(links.tag_page(newsletter, tag), path),
    )


def _alternates(feed: FeedInfo) -> list[_Alternate]:
    return [_Alternate(type, feed.title, path) for type, path in zip(_TYPES, feed.paths, strict=True)]


def _came(edition: Edition) -> str:
    """Return what came: `54 listed · 6 known before · 48 new`; the parts that are not zero."""
    counts = edition.counts
    parts = ((counts.listed, "listed"), (counts.had, "known before"), (counts.new, "new"))
    return " · ".join(f"{count:,} {word}" for count, word in parts if count)


def _bars(sections: Sequence[ViewSection]) -> list[_Bar]:
    headings = [one for one in sections if one.id not in {"all", "revised"}]
    most = max((one.total for one in headings), default=1) or 1
    return [
        _Bar(one.title, cards.anchor(one.id), one.total, max(1, 100 * one.total // most), one.id == "also-new")
        for one in headings
    ]


def _front(one: Shelf) -> dict[str, Any]:
    """Return what the first page says of a newsletter."""
    newest = one.newest
    return {
        "id": one.id,
        "title": one.title,
        "counted": count_noun(len(one.cards), "edition"),
        "newest": newest,
        "top": _best(newest) if newest else (),
        "earlier": one.cards[-2 : -2 - _EARLIER : -1],
        "edition_feed": FeedInfo.of_editions(one.id, one.title),
        "paper_feed": FeedInfo.of_papers(one.id, one.title),
    }


def _best(card: Card) -> Sequence[Row]:
    """Return the rows of an edition's top, or its first ones where it has none."""
    return [card.by_key[key] for key in card.top] or card.rows[:_BEST]


def _feeds_of(one: Shelf) -> dict[str, Any]:
    """Return the feeds of a newsletter, its tags by name."""
    tags = sorted(one.tags, key=lambda tag: (one.names[tag].casefold(), tag))
    return {
        "id": one.id,
        "title": one.title,
        "edition_feed": FeedInfo.of_editions(one.id, one.title),
        "paper_feed": FeedInfo.of_papers(one.id, one.title),
        "tag_feeds": [
            {
                "name": one.names[tag],
                "page": links.tag_page(one.id, tag),
                "paths": tag_feed(one, tag).paths,
                "papers": one.sizes[tag],
            }
            for tag in tags
        ],
    }


def _about(paper: Paper) -> str:
    first = sentences(paper.abstract)[:1]
    return shorten(first[0] if first else paper.title, 300)


def _names(paper: Paper) -> str:
    """Return who wrote it, all names."""
    names = ", ".join(paper.authors) or shelf.who(paper.model_copy(update={"organization": None}))
    organization = paper.organization.name if paper.organization else ""
    return " · ".join(part for part in (names, organization) if part)


def _place(one: Appearance) -> _Place:
    return _Place(one.shelf.id, one.shelf.title, one.card.number, one.card.date, one.row.heading, one.row.note)


def _tag_lines(appearances: Sequence[Appearance], tags: Mapping[str, Sequence[Tag]], path: str) -> list[_TagLine]:
    """Return the tags a paper stands under in each newsletter's last edition with it, with what earned them."""
    earned = {tag.id: tag for found in tags.values() for tag in found}
    last = {one.shelf.id: one for one in appearances}
    return [
        _TagLine(
            one.card.names[tag],
            links.relative(links.tag_page(one.shelf.id, tag), path),
            _phrases(earned[tag].evidence) if tag in earned else "",
        )
        for one in last.values()
        for tag in one.row.tags
    ]


def _phrases(evidence: Sequence[Evidence]) -> str:
    """Return the strongest phrases, each once, with the place it was found in."""
    places: dict[str, str] = {}
    for one in evidence:
        places.setdefault(one.phrase, one.where)
    return ", ".join(f"“{phrase}” in the {where}" for phrase, where in list(places.items())[:_PHRASES])


def _versions(versions: Sequence[tuple[str, str, Date]]) -> list[_Version]:
    """Return the revisions, newest first; nothing where the text never changed."""
    found = []
    had_title, had_abstract = versions[0][:2] if versions else ("", "")
    for title, abstract, day in versions[1:]:
        titled, told = compact(title) != compact(had_title), not _goes_on(had_abstract, abstract)
        if titled or told:
            found.append(
                _Version(
                    date=day,
                    what=f"{' and '.join(['title'] * titled + ['abstract'] * told)} changed",
                    title=word_diff(had_title, title) if titled else (),
                    abstract=word_diff(had_abstract, abstract) if told else (),
                )
            )
        had_title = title
        had_abstract = abstract if told else max(had_abstract, abstract, key=len)
    return found[::-1]


def _goes_on(before: str, after: str) -> bool:
    """Whether two abstracts are one: equal letters, or one is the beginning of the other, as a teaser is, or none."""
    shorter, longer = sorted((compact(before), compact(after)), key=len)
    return shorter == longer or not shorter or (len(shorter) >= _TEASER and longer.startswith(shorter))


def _subjects(paper: Paper) -> list[tuple[str, str]]:
    """Return what its sources file a paper under, with what that is called."""
    filed = [one.name if one.name == one.id else f"{one.name} ({one.id})" for one in paper.categories]
    told = (("Categories", ", ".join(filed)), ("Keywords", ", ".join(paper.keywords)))
    return [(label, shorten(words, _SUBJECTS)) for label, words in told if words]


def _ids(paper: Paper) -> str:
    names = [f"{alias.scheme}:{alias.value}" for alias in paper.ids]
    return "Known as " + ", ".join(names) if names else f"Known here as {paper.key}"
