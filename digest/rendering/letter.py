"""A view in the words of a mail: what its HTML and its plain text say alike. Pure.

May import links, models, text, latex and this package's cards and shelf.
"""

from __future__ import annotations

from dataclasses import dataclass

from digest import links, text
from digest.latex import to_unicode
from digest.models import Edition, View, ViewEntry, ViewSection
from digest.rendering import cards, shelf
from digest.rendering.environment import long_date, paragraphs, short_date

#: a title or lead longer than this is cut: nobody reads it, and the mail has a size
_LONGEST_TITLE = 400
_LONGEST_LEAD = 800
#: an abstract of more characters is no abstract, but happens
_LONG = 5000


@dataclass(frozen=True)
class MailLinks:
    """Where a mail can lead; None: there is no such place, and no link to it."""

    web: str | None = None
    archive: str | None = None
    feeds: str | None = None
    preferences: str | None = None
    unsubscribe: str | None = None
    #: where papers stand that the mail leaves out; None: in the sections of `web`
    rest: str | None = None


def public_links(edition: Edition) -> MailLinks:
    """Return the links of a mail that is for everybody: none without a site, since a mail has no relative links."""
    if not edition.base_url:
        return MailLinks()
    return MailLinks(
        web=links.absolute(edition.base_url, links.edition_page(edition.newsletter, edition.date)),
        archive=links.absolute(edition.base_url, links.newsletter_page(edition.newsletter)),
        feeds=links.absolute(edition.base_url, links.FEEDS),
    )


@dataclass(frozen=True)
class Place:
    """A link with its words."""

    text: str
    url: str


@dataclass(frozen=True)
class Bar:
    """A heading with its papers in the little chart."""

    title: str
    total: int
    #: 1..100, of the largest heading
    percent: int
    #: of the section on the web, else in the mail itself
    url: str
    pale: bool


@dataclass(frozen=True)
class LetterEntry:
    """An entry as a mail prints it; empty parts leave no line."""

    title: str
    url: str | None
    #: the told sentences, or the abstract's paragraphs
    told: tuple[str, ...]
    facts: tuple[cards.Fact, ...]
    reasons: tuple[str, ...]
    #: whether it is a line of a list: its title, and what is special about it
    line: bool
    note: str

    @property
    def words(self) -> tuple[str, ...]:
        """The facts without a link, for plain text."""
        return tuple(fact.text for fact in self.facts if not fact.url)

    @property
    def linked(self) -> tuple[cards.Fact, ...]:
        """The facts that are links."""
        return tuple(fact for fact in self.facts if fact.url)


@dataclass(frozen=True)
class LetterSection:
    """A heading with its entries."""

    anchor: str
    title: str
    #: what stands beside the heading
    label: str
    entries: tuple[LetterEntry, ...]
    #: where the rest of it is; "" where nothing is left out
    more: str
    more_url: str | None

    @property
    def full(self) -> tuple[LetterEntry, ...]:
        """The entries that are told."""
        return tuple(entry for entry in self.entries if not entry.line)

    @property
    def lines(self) -> tuple[LetterEntry, ...]:
        """The entries that are a line each."""
        return tuple(entry for entry in self.entries if entry.line)


@dataclass(frozen=True)
class Letter:
    """All that a mail says."""

    subject: str
    preheader: str
    language: str
    title: str
    came: str
    about: str
    #: above the masthead
    places: tuple[Place, ...]
    notes: tuple[str, ...]
    lead: str
    bars: tuple[Bar, ...]
    sections: tuple[LetterSection, ...]
    #: sentences of the footer
    colophon: tuple[str, ...]
    #: below them
    footer: tuple[Place, ...]


def make_letter(
    view: View,
    *,
    subject: str,
    preheader: str,
    minutes: int,
    to: MailLinks,
    recipient: str = "",
    personal: bool = False,
) -> Letter:
    """Return a view in words.

    Args:
        view: what is shown.
        subject: of the message; also the title of the HTML.
        preheader: what a list of mails shows after the subject.
        minutes: how long it takes to read.
        to: where it links to.
        recipient: who gets it, since when, and how to change that; each line is a paragraph; "": it is for everybody.
        personal: whether reasons that tell of a reader's interests are shown though the edition keeps them.
    """
    edition = view.edition
    return Letter(
        subject=text.clean(to_unicode(subject)),
        preheader=text.clean(to_unicode(preheader)),
        language=edition.language,
        title=edition.title,
        came=_came(edition),
        about=_about(edition, minutes),
        places=_places(to),
        notes=edition.notes,
        lead=text.shorten(to_unicode(edition.lead), _LONGEST_LEAD),
        bars=_bars(view, to),
        sections=_sections(view, to, personal or edition.public_reasons),
        colophon=_colophon(edition, recipient),
        footer=_footer(edition, to),
    )


def _came(edition: Edition) -> str:
    counts = edition.counts
    parts = ((counts.listed, "listed"), (counts.had, "you have had"), (counts.new, "new"))
    return " · ".join(f"{count:,} {word}" for count, word in parts if count)


def _about(edition: Edition, minutes: int) -> str:
    parts = (_numbers(edition), long_date(edition.date), shelf.counted(edition))
    return " · ".join([*parts, text.count_noun(minutes, "minute")])


def _numbers(edition: Edition) -> str:
    """Return `No. 128`, or for several editions as one `No. 126 to 128`."""
    first = edition.previous.number + 1 if edition.previous else edition.number
    return f"No. {first} to {edition.number}" if first < edition.number else f"No. {edition.number}"


def _places(to: MailLinks) -> tuple[Place, ...]:
    """Return the links that matter most: a reader's own, else those of everybody."""
    own = (("Preferences", to.preferences), ("Unsubscribe", to.unsubscribe))
    public = (("All editions", to.archive), ("Feeds", to.feeds))
    wanted = own if any(url for _, url in own) else public
    here = ("Read on the web", to.web) if to.web or wanted is public else ("All editions", to.archive)
    return tuple(Place(words, url) for words, url in (here, *wanted) if url)


def _footer(edition: Edition, to: MailLinks) -> tuple[Place, ...]:
    previous = edition.previous
    before = None
    if previous and edition.base_url:
        before = links.absolute(edition.base_url, links.edition_page(edition.newsletter, previous.date))
    named = (
        (f"No. {previous.number} of {short_date(previous.date)}" if previous else "", before),
        ("All editions", to.archive),
        ("Feeds", to.feeds),
        ("Preferences", to.preferences),
        ("Unsubscribe", to.unsubscribe),
    )
    return tuple(Place(words, url) for words, url in named if url)


def _colophon(edition: Edition, recipient: str) -> tuple[str, ...]:
    if recipient:
        return tuple(recipient.split("\n"))
    follow = " To get the next ones, follow a feed." if edition.base_url else ""
    return (f"This is {edition.title} No. {edition.number} as everybody can read it.{follow}",)


def _anchor(section: str) -> str:
    """Return the id of a section, here and in the edition's page."""
    return f"s-{links.safe(section)}"


def _bars(view: View, to: MailLinks) -> tuple[Bar, ...]:
    headings = [section for section in view.sections if section.id not in {"all", "revised"}]
    if len(headings) < 2:
        return ()
    most = max(section.total for section in headings) or 1
    return tuple(
        Bar(
            title=section.title,
            total=section.total,
            percent=max(1, round(100 * section.total / most)),
            url=_section_url(section, to),
            pale=section.id == "also-new",
        )
        for section in headings
    )


def _section_url(section: ViewSection, to: MailLinks) -> str:
    if to.rest:
        return to.rest
    if to.web:
        return f"{to.web}#{_anchor(section.id)}"
    return f"#{_anchor(section.id)}" if _printed(section) else "#s-top"


def _printed(section: ViewSection) -> bool:
    """Whether a mail has the section: not where all of it stands in the top."""
    return bool(section.entries or section.more)


def _sections(view: View, to: MailLinks, personal: bool) -> tuple[LetterSection, ...]:
    edition = view.edition
    found = [
        LetterSection(
            anchor=_anchor(section.id),
            title=section.title or "Revised",
            label=_label(section),
            entries=tuple(_entry(edition, one, personal) for one in section.entries),
            more=_more(section, to),
            more_url=_section_url(section, to) if to.web or to.rest else None,
        )
        for section in view.sections
        if _printed(section)
    ]
    if view.top:
        top = tuple(_entry(edition, one, personal) for one in view.top)
        found.insert(0, LetterSection("s-top", "Top of the edition", edition.top.label, top, "", None))
    return tuple(found)


def _label(section: ViewSection) -> str:
    """Return how many a section has, and how many of them stand above it."""
    count = f"{section.total:,} {'revised' if section.id == 'revised' else 'new'}"
    above = section.total - len(section.entries) - section.more
    return f"{count}, {above:,} at the top" if above > 0 else count


def _more(section: ViewSection, to: MailLinks) -> str:
    if not section.more:
        return ""
    if not (to.web or to.rest):
        return f"{section.more:,} more in the full edition"
    named = {"also-new": "also new", "revised": "revised", "all": "on the web"}
    return f"{section.more:,} more {named.get(section.id) or f'in {section.title}'}"


def _entry(edition: Edition, shown: ViewEntry, personal: bool) -> LetterEntry:
    entry, line = shown.entry, shown.density == "title"
    return LetterEntry(
        title=text.shorten(to_unicode(entry.paper.title), _LONGEST_TITLE),
        url=links.title_url(edition, entry.paper),
        told=tuple(map(to_unicode, _told(shown))),
        facts=() if line else cards.facts(edition, entry),
        reasons=() if line else tuple(one.text for one in entry.reasons if personal or not one.personal),
        line=line,
        note=shelf.note(entry) if line else "",
    )


def _told(shown: ViewEntry) -> list[str]:
    entry, abstract = shown.entry, shown.entry.paper.abstract
    match shown.density:
        case "abstract":
            return paragraphs(abstract) or [one for one in [entry.summary] if one]
        case "two":
            told = text.with_next(_around(abstract, entry.summary), entry.summary)
        case "one":
            told = entry.summary
        case _:
            told = ""
    return [told] if told else []


def _around(abstract: str, sentence: str) -> str:
    """Return the part of a very long abstract that begins with the sentence: all that its next one is looked for in."""
    if len(abstract) <= _LONG:
        return abstract
    start = max(0, abstract.find(sentence[1:]) - 1)
    return abstract[start : start + len(sentence) + _LONG]
