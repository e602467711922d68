"""What all texts of a Daily Papers page have in common: its head, and the byline under a paper.

May import models, text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from digest.models import Alias, Dating, Link, Listing, Organization, Parsed, Rejected, Span
from digest.sources.dates import Clues, PartialDate, partial_date
from digest.text import clean_paragraphs

_MONTH = (
    r"(Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)"
)
#: `Jan 2`, `Aug 8, 2025`, `Aug 8, 2025 2` (2 comments)
_DATE = re.compile(rf"{_MONTH}\.? (\d{{1,2}})(?:, ?(\d{{4}}))?(?: +(\d{{1,6}}))?", re.IGNORECASE)
_AUTHORS = re.compile(r"(?:[•*·-] ?)?(\d{1,6}) authors?", re.IGNORECASE)
_HEAD = re.compile(
    r"new|subscribe|(?:hugging ?face )?daily papers|(?:trending )?papers|trending|daily|weekly|monthly"
    r"|daily weekly monthly|get trending papers in your email inbox(?: once a day)?!?|by|ak|by ?ak"
    r"|(?:by ?)?(?:ak )?and the research community|log ?in|sign ?up|submit(?: a paper)?|previous|next|search",
    re.IGNORECASE,
)
#: lines of a head that nothing else has
_MARK = re.compile(
    r"get trending papers in your email inbox.*|(?:hugging ?face )?daily papers|by ?ak(?: and the research community)?"
    r"|(?:by ?ak )?and the research community",
    re.IGNORECASE,
)
_HANDLE = re.compile(r"[A-Za-z0-9][\w.-]*")
_LONGEST_HEAD = 80
#: Longer titles are none.
LONGEST_TITLE = 1000
#: Longer abstracts are none.
LONGEST_ABSTRACT = 20_000


@dataclass(frozen=True)
class Written:
    """A date as a byline writes it, with the comments behind it."""

    date: PartialDate
    comments: int | None = None


def written_date(line: str) -> Written | None:
    """Read a line that is a date and at most a count of comments."""
    match = _DATE.fullmatch(line) if len(line) < 40 else None
    if match is None:
        return None
    found = partial_date(match[1], match[2], match[3])
    return Written(found, int(match[4]) if match[4] else None) if found else None


def author_count(line: str) -> int | None:
    """Read `• 4 authors`."""
    match = _AUTHORS.fullmatch(line) if len(line) < 40 else None
    return int(match[1]) if match else None


def count(text: str) -> int | None:
    """Read a count; `-` is none."""
    digits = text.replace(",", "")
    return int(digits) if digits.isdecimal() and len(digits) < 10 else None


def is_head(line: str) -> bool:
    """Say whether a line belongs to the page, not to a paper."""
    return len(line) <= _LONGEST_HEAD and _HEAD.fullmatch(line) is not None


def is_mark(line: str) -> bool:
    """Say whether a line is found at the head of such a page and nowhere else."""
    return len(line) <= _LONGEST_HEAD and _MARK.fullmatch(line) is not None


def organization(text: str) -> Organization:
    """Read an organisation as the page shows it: its handle (the text of its picture), then its name."""
    handle, _, name = text.partition(" ")
    if not name:
        return Organization(name=text, handle=text if _HANDLE.fullmatch(text) else None)
    if _HANDLE.fullmatch(handle) and not name[0].islower():
        return Organization(name=name, handle=handle)
    return Organization(name=text)


@dataclass
class Draft:
    """A listing as far as it is read; its date waits for the year of the dump."""

    first: int
    last: int
    title: str
    paragraphs: list[str] = field(default_factory=list)
    authors: int | None = None
    organization: Organization | None = None
    published: PartialDate | None = None
    comments: int | None = None
    upvotes: int | None = None
    ids: tuple[Alias, ...] = ()
    links: tuple[Link, ...] = ()

    def listing(self, year: int) -> Listing:
        """Return the listing, for a dump of `year`."""
        return Listing(
            span=Span(first=self.first, last=self.last),
            title=self.title,
            abstract=clean_paragraphs(self.paragraphs),
            author_count=self.authors,
            organization=self.organization,
            published=self.published.within(year) if self.published else None,
            comments=self.comments,
            upvotes=self.upvotes,
            ids=self.ids,
            links=self.links,
        )


def clues(page: PartialDate | None, drafts: Iterable[Draft]) -> Clues:
    """Return what the listings of a page say of its date."""
    drafts = tuple(drafts)
    return Clues(
        page=page,
        written=frozenset(d.published.year for d in drafts if d.published and d.published.year),
        ids=tuple(alias.value for d in drafts for alias in d.ids if alias.scheme == "arxiv"),
    )


def finish(
    found: Clues,
    decide: Callable[[Clues], Dating],
    drafts: Iterable[Draft],
    rejected: Iterable[Rejected],
    header: Iterable[Span],
) -> Parsed:
    """Date the page, then its listings."""
    dating = decide(found)
    return Parsed(
        dating=dating,
        listings=tuple(draft.listing(dating.date.year) for draft in drafts),
        rejected=tuple(rejected),
        header=tuple(header),
    )


def reject(lines: list[str], first: int, last: int, reason: str) -> Rejected:
    """Set the lines `first` to `last` (1-based) aside."""
    return Rejected(span=Span(first=first, last=last), reason=reason, text="\n".join(lines[first - 1 : last]))


def spans(numbers: Iterable[int]) -> list[Span]:
    """Return the runs among ascending line numbers."""
    found: list[Span] = []
    for number in numbers:
        if found and found[-1].last == number - 1:
            found[-1] = Span(first=found[-1].first, last=number)
        else:
            found.append(Span(first=number, last=number))
    return found
