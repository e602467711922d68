"""Made-up papers: words of the bundled dumps in new orders, at the lengths of real ones; equal on every machine.

Words follow each other as they do in the dumps (a Markov chain that goes two words at a time), so that phrases of the
taxonomy, dashes, formulas and accents turn up about as often as in real text. A paper follows from its number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from xml.sax.saxutils import escape

from digest.models import Listing
from digest.sources.folder import FolderSettings, FolderSource

_HEAD = (
    "new\n\nGet trending papers in your email inbox!\n\nSubscribe\n\nDaily Papers\n\n"
    "byAK and the research community\n\n"
)
_SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
_START = ""
#: the day that published dates are counted back from
_TODAY = date(2026, 6, 30)
#: word -> what followed it: two words, and the last of them
Chain = dict[str, list[tuple[str, str]]]


@dataclass(frozen=True)
class Made:
    """A made-up paper, with what a page with bylines says of it."""

    title: str
    abstract: str
    authors: int
    published: date
    comments: int

    def listing(self, position: int) -> Listing:
        """Return the paper as a parser gives it."""
        told = {"author_count": self.authors, "published": self.published, "comments": self.comments}
        return Listing.model_validate(
            {"span": {"first": position, "last": position}, "title": self.title, "abstract": self.abstract, **told}
        )


class Maker:
    """Makes papers out of the text of a folder of dumps."""

    def __init__(self, seeds: Path) -> None:
        """Read the dumps."""
        listings = real_listings(seeds)
        self._titles = _chain(listing.title for listing in listings)
        self._abstracts = _chain(listing.abstract for listing in listings)
        self._lengths = [
            (len(listing.title.split()), len(listing.abstract.split())) for listing in listings if listing.abstract
        ]

    def paper(self, number: int) -> Made:
        """Return the paper `number`; no two have one title."""
        random = Random(number)
        title, abstract = self._lengths[int(random.random() * len(self._lengths))]
        words = " ".join(_walk(self._titles, max(title - 1, 4), random))
        return Made(
            title=f"{_name(number)}: {words}",
            abstract=" ".join(_walk(self._abstracts, abstract, random)).rstrip(",;:-") + ".",
            authors=1 + int(random.random() * 12),
            published=_TODAY - timedelta(days=int(random.random() * 600)),
            comments=int(random.random() * 5),
        )

    def papers(self, numbers: Iterable[int]) -> list[Made]:
        """Return many of them."""
        return [self.paper(number) for number in numbers]


def real_listings(folder: Path, year: int = 2026) -> list[Listing]:
    """Return the listings of all dumps of a folder."""
    source = FolderSource(FolderSettings(name="seeds", path=str(folder.resolve()), year=year), folder)
    received = datetime(year, 12, 31, tzinfo=UTC)
    return [listing for dump in source.fetch() for listing in source.parse(dump, received).listings]


def _chain(texts: Iterable[str]) -> Chain:
    follow: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for text in texts:
        words = [_START, *text.split()]
        for at, word in enumerate(words[:-1]):
            pair = words[at + 1 : at + 3]
            follow[word].append((" ".join(pair), pair[-1]))
    return dict(follow)


def _walk(chain: Chain, length: int, random: Random) -> list[str]:
    """Return about `length` words, in pairs; where none follows, a new text begins."""
    pairs, word, draw = [], _START, random.random
    for _ in range((length + 1) // 2):
        follow = chain.get(word) or chain[_START]
        pair, word = follow[int(draw() * len(follow))]
        pairs.append(pair)
    return pairs


def _name(number: int) -> str:
    """Return a made-up name of a method, another one for every number."""
    syllables: list[str] = []
    rest = number
    while rest or not syllables:
        rest, digit = divmod(rest, len(_SYLLABLES))
        syllables.append(_SYLLABLES[digit])
    return "".join(syllables).capitalize() + "Net"


# As sources give them


def page(papers: Sequence[Made], day: date, *, bylines: bool) -> str:
    """Return a dump in the form of the bundled ones, with or without authors and dates below each paper."""
    head = f"{_HEAD}{day:%b} {day.day}\n"
    return head + "".join(f"\n{one.title}\n\n{one.abstract}\n{_byline(one) if bylines else ''}" for one in papers)


def _byline(paper: Made) -> str:
    authors = f"{paper.authors} author{'s' if paper.authors > 1 else ''}"
    comments = f" {paper.comments}" if paper.comments else ""
    return f"\n  • {authors}\n·\n{paper.published:%b} {paper.published.day}, {paper.published.year}{comments}\n"


def rss(papers: Sequence[Made], first: int = 0) -> str:
    """Return the papers as an RSS 2.0 feed, numbered from `first` on."""
    items = "".join(
        f"<item><title>{escape(one.title)}</title><link>http://papers.invalid/{number}</link>"
        f"<guid isPermaLink='false'>papers.invalid/{number}</guid>"
        f"<pubDate>{one.published:%a, %d %b %Y} 00:00:00 GMT</pubDate>"
        f"<description>{escape(one.abstract)}</description></item>\n"
        for number, one in enumerate(papers, first)
    )
    channel = "<title>Papers</title><link>http://papers.invalid/</link><description>Made up</description>"
    return f'<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0"><channel>{channel}\n{items}</channel></rss>\n'
