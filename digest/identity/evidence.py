"""What speaks for one work behind two descriptions: titles, abstracts, authors, years, venues.

Pure; may import models and the ground. rapidfuzz verifies a pair that something else found, it never searches.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import lru_cache
from html import unescape
from typing import Protocol

from digest.models import Alias
from digest.text import compact, fold, searchable, words

#: titles that differ are near from this ratio, or from this token-set ratio on
TITLE_NEAR, TITLE_WORDS_NEAR = 60.0, 85.0
#: abstracts with at least this ratio (0..100, normalised indel similarity) are alike; measured on real pairs
ABSTRACT_ALIKE = 70.0
#: shorter abstracts say too little for titles that differ
SHORT_ABSTRACT = 80
#: titles with fewer words say too little to merge without alike abstracts
SHORT_TITLE = 4
#: titles under which journals print something else every time, compact
RECURRING = frozenset(
    compact(title)
    for title in (
        "editorial, guest editorial, editor's note, editors' note, from the editor, from the editors, book review, "
        "book reviews, correction, erratum, corrigendum, author correction, publisher correction, retraction, "
        "retraction note, obituary, in memoriam, news, news and views, letter to the editor, letters to the editor, "
        "preface, foreword, introduction, introduction to the special issue, table of contents, front matter, "
        "back matter, masthead, issue information, cover, cover image, contents, index, announcement, announcements, "
        "call for papers, research highlights, this week, in this issue, editorial board, acknowledgement to reviewers"
    ).split(", ")
)
_RECURRING = re.compile(
    r"\b(?:book|literature|software|product|media) reviews?(?: (?:column|section))?$|\bcolumn$|"
    r"^(?:guest )?editorial\b|\b(?:editors?|chairs?|presidents?)(?: s)? (?:notes?|messages?|introduction|"
    r"foreword|preface|page)\b|^(?:introduction to|foreword to|preface to) the\b.*\bissue\b|"
    r"^(?:message|letter|note) from the\b"
)
#: each alternative of it has one of them, whole
_RECURRING_WORDS = frozenset(
    "review reviews column editorial editor editors chair chairs president presidents issue message letter note".split()
)
#: schemes whose values name a work for good; a Hugging Face id is the arXiv id
STABLE = {"arxiv": "arxiv", "hf": "arxiv", "doi": "doi", "openreview": "openreview", "pmid": "pmid"}

#: what a title begins or ends with that speaks of another work
_ABOUT = re.compile(
    r"^(?:(?:author|publisher) )?(?:erratum|errata|corrigendum|correction|addendum|retraction|retracted|comments?|"
    r"reply|response|rejoinder|review)\b|\b(?:erratum|corrigendum|correction|addendum|retraction|reply|rejoinder|review)$"
)
_ENTITY = re.compile(r"\s*(&#?\w+;)\s*")
_NUMBER = re.compile(r"\b(?:\d+|[ivx]+)\b")
#: what a journal is called; conferences are not
_JOURNAL = re.compile(
    r"\bjournal\b|\bj\b|\btrans(?:actions)?\b|\brecord\b|\bletters?\b|\breviews?\b|\bmagazine\b|\bannals\b|\bbulletin\b"
)


class Told(Protocol):
    """What a listing and a paper have in common, as far as identity looks."""

    @property
    def title(self) -> str:
        """The title."""

    @property
    def abstract(self) -> str:
        """The abstract, or ""."""

    @property
    def authors(self) -> tuple[str, ...]:
        """Names, either way round."""

    @property
    def published(self) -> date | None:
        """The day it came out."""

    @property
    def venue(self) -> str | None:
        """Journal or conference."""

    @property
    def ids(self) -> tuple[Alias, ...]:
        """Names of the work."""


def stable_ids(aliases: Sequence[Alias]) -> list[tuple[str, str]]:
    """Return (scheme, value) of the ids that name a work for good."""
    return [(STABLE[alias.scheme], alias.value) for alias in aliases if alias.scheme in STABLE]


def ids_differ(ours: list[tuple[str, str]], theirs: list[tuple[str, str]]) -> bool:
    """Whether both have an id of one scheme, and share none of it: two works."""
    by_scheme: defaultdict[str, set[str]] = defaultdict(set)
    for scheme, value in theirs:
        by_scheme[scheme].add(value)
    return any(by_scheme[scheme] and value not in by_scheme[scheme] for scheme, value in ours)


@lru_cache(maxsize=1)
def _fuzz() -> tuple[Callable[..., float], Callable[..., float]]:
    """Import what compares strings when the first two are compared: most runs of a command compare none."""
    from rapidfuzz.fuzz import ratio, token_set_ratio

    return ratio, token_set_ratio


def title_ratio(one: str, other: str) -> float:
    """Return the ratio (0..100) of the folded words of two titles."""
    return float(_fuzz()[0](one, other))


def titles_near(one: str, other: str, score: float) -> bool:
    """Return whether two titles (folded words) with this ratio are near."""
    return score >= TITLE_NEAR or _fuzz()[1](one, other, score_cutoff=TITLE_WORDS_NEAR) >= TITLE_WORDS_NEAR


def abstract_ratio(one: str, other: str, least: float = 0.0) -> float:
    """Return how alike two abstracts are, 0..100; a beginning (a teaser) is compared with the other's beginning.

    What is below `least` counts as 0, and is found sooner.
    """
    if one == other:
        return 100.0
    one, other = fold(one), fold(other)
    length = min(len(one), len(other))
    if max(len(one), len(other)) > 1.4 * length and length >= 80:
        one, other = one[:length], other[:length]
    return float(_fuzz()[0](one, other, score_cutoff=least))


def recurs(title: str) -> bool:
    """Whether a title is one under which something else is printed every time."""
    return recurs_plain(searchable(title).strip())


def recurs_plain(plain: str) -> bool:
    """Whether the folded words of a title are such."""
    if plain.replace(" ", "") in RECURRING:
        return True
    # most titles have none of the words, and need no search
    return not _RECURRING_WORDS.isdisjoint(plain.split()) and bool(_RECURRING.search(plain))


def speaks_of(one: str, other: str) -> bool:
    """Whether one title (folded words) is that of an erratum, a reply or a review, and the other is not."""
    return bool(_ABOUT.search(one)) != bool(_ABOUT.search(other))


def numbers_differ(one: str, other: str) -> bool:
    """Whether two titles (folded words) count differently: `Part I` and `Part II`, `Volume 3` and `Volume 4`."""
    return sorted(_NUMBER.findall(one)) != sorted(_NUMBER.findall(other))


def shares_author(one: Told, other: Told) -> bool:
    """Whether an author of one is an author of the other."""
    return bool(_names(one.authors) & _names(other.authors))


def authors_alike(one: Told, other: Told) -> float:
    """Return the share, 0..1, of all authors of both that both have."""
    ours, theirs = _names(one.authors), _names(other.authors)
    return len(ours & theirs) / len(ours | theirs) if ours and theirs else 0.0


@lru_cache(maxsize=4096)
def _names(authors: tuple[str, ...]) -> frozenset[tuple[str, str]]:
    return frozenset(_surnames(authors))


def _surnames(authors: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Yield (surname, first initial) of each author, whichever way round it is written."""
    for author in authors:
        # some exports escape an accented letter, and put spaces around it
        if "&" in author:
            author = unescape(_ENTITY.sub(r"\1", author))
        last, comma, first = author.partition(",")
        parts = [*words(first), *words(last)] if comma else words(author)
        if parts:
            yield parts[-1], parts[0][0]


def years_apart(one: Told, other: Told) -> int:
    """Return how many years lie between two descriptions; 0 where one does not say."""
    if one.published is None or other.published is None:
        return 0
    return abs(one.published.year - other.published.year)


def venues_differ(one: Told, other: Told) -> bool:
    """Whether one came out in a journal and the other elsewhere: often a paper and its longer version."""
    if not one.venue or not other.venue:
        return False
    return is_journal(one.venue) != is_journal(other.venue)


def is_journal(venue: str) -> bool:
    """Whether a venue is called as journals are."""
    return bool(_JOURNAL.search(" ".join(words(venue))))
