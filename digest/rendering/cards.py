"""An entry in the words of the web: facts, links, reasons, chips. May import links, models and text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date as Date

from digest import links
from digest.models import Count, Edition, Entry, LinkRel, Paper, View, ViewEntry, ViewSection
from digest.rendering import shelf
from digest.rendering.environment import day_month, short_date
from digest.text import count_noun, shorten

#: venues are cut at so many characters
_VENUE = 80

#: what a link to something that belongs to a paper is called
LINK_WORDS: dict[LinkRel, str] = {
    "work": "The paper",
    "pdf": "PDF",
    "code": "Code",
    "project": "Project page",
    "discussion": "Discussion",
}


@dataclass(frozen=True)
class Fact:
    """A part of the soft line: words, a date or a link."""

    text: str
    url: str | None = None
    #: for ears: says what the link's words alone do not
    label: str | None = None
    date: Date | None = None


@dataclass(frozen=True)
class Chip:
    """A link to a tag's page."""

    name: str
    url: str


@dataclass(frozen=True)
class EntryCard:
    """An entry as pages and feeds print it."""

    key: str
    title: str
    url: str | None
    summary: str
    abstract: str
    facts: tuple[Fact, ...]
    reasons: tuple[str, ...]
    chips: tuple[Chip, ...]


@dataclass(frozen=True)
class SectionCards:
    """A section of an edition as pages and feeds print it."""

    #: its id in a page
    anchor: str
    title: str
    #: the page of its tag; None where it is no tag
    url: str | None
    label: str
    cards: tuple[EntryCard, ...]
    #: says where the rest of it stands; "" where it is whole
    rest: str


@dataclass(frozen=True)
class Places:
    """Where links lead to: pages link relatively, feeds absolutely."""

    paper: Callable[[Paper], str | None]
    #: by a tag's id
    tag: Callable[[str], str | None]


def anchor(section: str) -> str:
    """Return the id of a section in its page; a prefix keeps it apart from the page's own ids."""
    return f"s-{links.safe(section)}"


def sections(view: View, places: Places) -> list[SectionCards]:
    """Return what a view shows, section by section, its top first."""
    edition = view.edition

    def cards(entries: Sequence[ViewEntry]) -> tuple[EntryCard, ...]:
        return tuple(entry_card(edition, one.entry, places) for one in entries)

    found = [_section(edition, one, cards(one.entries), places) for one in view.sections]
    if view.top:
        found.insert(0, SectionCards("s-top", "Top of the edition", None, edition.top.label, cards(view.top), ""))
    return found


def _section(edition: Edition, section: ViewSection, cards: tuple[EntryCard, ...], places: Places) -> SectionCards:
    is_tag = section.id not in shelf.NO_TAGS and section.id in edition.tag_names
    above = section.total - section.more - len(cards)
    return SectionCards(
        anchor=anchor(section.id),
        title=section.title,
        url=places.tag(section.id) if is_tag else None,
        label=f"{section.total:,} {'revised' if section.id == 'revised' else 'new'}",
        cards=cards,
        rest=f"{above:,} more {'stands' if above == 1 else 'stand'} at the top." if above > 0 else "",
    )


def entry_card(edition: Edition, entry: Entry, places: Places) -> EntryCard:
    """Return an entry with all that its edition knows of it."""
    paper = entry.paper
    summary, abstract = _texts(entry)
    return EntryCard(
        key=paper.key,
        title=paper.title,
        url=places.paper(paper),
        summary=summary,
        abstract=abstract,
        facts=facts(edition, entry),
        reasons=tuple(one.text for one in entry.reasons if edition.public_reasons or not one.personal),
        chips=_chips(edition, entry, places),
    )


def _texts(entry: Entry) -> tuple[str, str]:
    """Return summary and abstract; no abstract where it says nothing beyond the summary."""
    abstract = entry.paper.abstract
    return (entry.summary or abstract, "" if abstract.strip() == (entry.summary or abstract).strip() else abstract)


def _chips(edition: Edition, entry: Entry, places: Places) -> tuple[Chip, ...]:
    further = (tag for tag in shelf.tags_of(edition, entry) if tag != entry.heading)
    return tuple(Chip(edition.tag_names[tag], url) for tag in further if (url := places.tag(tag)))


def facts(edition: Edition, entry: Entry) -> tuple[Fact, ...]:
    """Return the soft line of an entry: who, when, counts with their date, what is special, links."""
    paper = entry.paper
    who = shelf.who(paper)
    found = [Fact(who)] if who else []
    if paper.published:
        found.append(Fact(short_date(paper.published), date=paper.published))
    if paper.venue:
        found.append(Fact(shorten(paper.venue, _VENUE)))
    # A count that is the reason why it is here stands there, with its date.
    found += [Fact(text) for text in counts(paper, edition.date, but=[reason.signal for reason in entry.reasons])]
    note = shelf.note(entry)
    if note:
        found.append(Fact(note))
    return (*found, *link_facts(paper))


def counts(paper: Paper, seen_from: Date | None = None, but: Sequence[str] = ()) -> list[str]:
    """Return comments, upvotes and stars in words, with the date of the dump that said so.

    Args:
        paper: whose counts.
        seen_from: a date whose year goes without saying.
        but: leave out `comments`, `upvotes` or `stars`.
    """
    pairs = ((paper.comments, "comment"), (paper.upvotes, "upvote"), (paper.stars, "star"))
    known = [(count, noun) for count, noun in pairs if count is not None and count.value and f"{noun}s" not in but]
    return [f"{count_noun(count.value, noun)} as of {_as_of(count, seen_from)}" for count, noun in known]


def _as_of(count: Count, seen_from: Date | None) -> str:
    same_year = seen_from is not None and seen_from.year == count.as_of.year
    return day_month(count.as_of) if same_year else short_date(count.as_of)


def link_facts(paper: Paper) -> tuple[Fact, ...]:
    """Return the links beside a title: code, project page, and where to look for a paper whose place is not known."""
    found = [
        Fact(LINK_WORDS[link.rel], link.url, f"{LINK_WORDS[link.rel]} of {paper.title}")
        for link in paper.links
        if link.rel in ("code", "project")
    ]
    if not any(link.rel == "code" for link in paper.links) and (code := links.code_in(paper.abstract)):
        found.insert(0, Fact(LINK_WORDS["code"], code, f"{LINK_WORDS['code']} of {paper.title}"))
    if links.work_url(paper) is None:
        found.append(Fact("Find on arXiv", links.find_on_arxiv(paper.title), f"Find {paper.title} on arXiv"))
    return tuple(found)


def work_links(paper: Paper) -> tuple[Fact, ...]:
    """Return every link of a paper, the work itself first, each address once."""
    work = links.work_url(paper)
    found = {work: Fact(LINK_WORDS["work"], work)} if work else {}
    for link in sorted(paper.links, key=lambda one: tuple(LINK_WORDS).index(one.rel)):
        found.setdefault(link.url, Fact(LINK_WORDS[link.rel], link.url))
    if not work:
        search = links.find_on_arxiv(paper.title)
        found[search] = Fact("Find on arXiv", search)
    return tuple(found.values())
