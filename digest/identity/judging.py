"""Whether two descriptions are of one work, by which rule, and how near they come. Pure; may import the evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from digest.identity import evidence
from digest.identity.evidence import ABSTRACT_ALIKE, SHORT_ABSTRACT, SHORT_TITLE, Told
from digest.models import Listing
from digest.text import searchable, words

#: where one side has no abstract, or a year lies between, this share of all authors must be on both sides
AUTHORS_ALIKE = 0.5
#: values of their sketches that texts share before abstracts are compared: where titles are near, where they are far
SHARED_NEAR, SHARED_FAR = 2, 4
#: titles this near are worth a person's look; without abstracts, only they can be one work
TITLE_POSSIBLE = 85.0

#: of a paper with many texts, only the newest are compared with a title that differs from all
TEXTS = 8

Rule = Literal["text", "title", "near"]


class Text(NamedTuple):
    """A text under which a paper is known."""

    title: str
    abstract: str
    #: the compact title
    compact: str
    #: the folded words of the title, a space between
    plain: str

    @classmethod
    def of(cls, title: str, abstract: str) -> Text:
        """Return it with its title in the forms that are compared."""
        plain = _plain(title)
        return cls(title, abstract, plain.replace(" ", ""), plain)


@lru_cache(maxsize=16_384)
def _plain(title: str) -> str:
    """A listing's title is looked at when it is identified, and again when it is put on the shelf."""
    return searchable(title).strip()


@dataclass(frozen=True)
class Judged:
    """How a listing stands to one text of a paper."""

    #: by which they are one work
    rule: Rule | None
    title_score: float
    #: None: one side has no abstract, or it was not needed
    abstract_score: float | None = None
    #: they come near enough for a person to look at
    possible: bool = False

    @property
    def rank(self) -> tuple[bool, bool, float, float]:
        """Greater is nearer."""
        return self.rule is not None, self.possible, self.title_score, self.abstract_score or 0.0


#: nothing to look at
FAR = Judged(None, 0.0)


def same_work(one: Listing, other: Listing) -> bool:
    """Decide about two listings alone, as if one of them were all that is known of a paper.

    Unlike a listing that comes again, a recurring title is never the same work, whatever its day.
    """
    ours, theirs = evidence.stable_ids(one.ids), evidence.stable_ids(other.ids)
    if set(ours) & set(theirs):
        return True
    if evidence.recurs(one.title):
        return False
    told, known = Text.of(one.title, one.abstract), Text.of(other.title, other.abstract)
    return judge(one, told, other, [known]).rule is not None


def judge(listing: Listing, told: Text, paper: Told, texts: Sequence[Text], *, shared: int = 8) -> Judged:
    """Return how a listing stands to the nearest of a paper's texts.

    Args:
        listing: what a dump says.
        told: its text.
        paper: what is known besides its texts.
        texts: those under which it is known, oldest first.
        shared: how much of their sketches is known to be shared; abstracts are compared where that promises something.
    """
    same = [text.abstract for text in texts if text.compact == told.compact] if told.compact else []
    if same:
        return _same_title(listing, told, paper, same)
    found = [_near_title(listing, told, paper, text, shared) for text in texts[-TEXTS:]]
    return found[0] if len(found) == 1 else max(found, key=lambda one: one.rank, default=FAR)


def _ids_differ(listing: Listing, paper: Told) -> bool:
    if not listing.ids or not paper.ids:
        return False
    return evidence.ids_differ(evidence.stable_ids(listing.ids), evidence.stable_ids(paper.ids))


def _same_title(listing: Listing, told: Text, paper: Told, abstracts: list[str]) -> Judged:
    """Rule 2: the compact titles are equal; such pairs are always worth a look."""
    if _ids_differ(listing, paper):
        return Judged(None, 100.0, possible=True)
    if listing.abstract in abstracts and not _contradicts(listing, told, paper):
        return Judged("text", 100.0, 100.0 if listing.abstract else None, possible=True)
    if evidence.recurs_plain(told.plain):
        return Judged(None, 100.0, possible=True)
    scores = [evidence.abstract_ratio(listing.abstract, text) for text in abstracts if listing.abstract and text]
    if scores:
        best = max(scores)
        return Judged("title" if best >= ABSTRACT_ALIKE else None, 100.0, best, possible=True)
    enough = len(words(listing.title)) >= SHORT_TITLE and evidence.shares_author(listing, paper)
    fits = enough and evidence.years_apart(listing, paper) <= 1 and not _elsewhere(listing, paper)
    return Judged("title" if fits else None, 100.0, possible=True)


def _near_title(listing: Listing, told: Text, paper: Told, text: Text, shared: int) -> Judged:
    """Rule 3: title and abstract are near; or, without abstracts, what rule 2 asks for and more."""
    ratio = evidence.title_ratio(told.plain, text.plain)
    abstracts = bool(listing.abstract and text.abstract)
    if ratio < TITLE_POSSIBLE and not (abstracts and shared >= SHARED_NEAR):
        # whatever else there is, it says too little
        return FAR
    near = evidence.titles_near(told.plain, text.plain, ratio)
    score = None
    if abstracts and (ratio >= TITLE_POSSIBLE or shared >= (SHARED_NEAR if near else SHARED_FAR)):
        score = evidence.abstract_ratio(listing.abstract, text.abstract, ABSTRACT_ALIKE) or None
    alike = bool(score) and min(len(listing.abstract), len(text.abstract)) >= SHORT_ABSTRACT
    if (not alike and ratio < TITLE_POSSIBLE) or _of_a_series(told.plain, text.plain):
        return FAR
    against = _ids_differ(listing, paper) or _no_author_shared(listing, paper)
    fits = near and alike if abstracts else _one_paper_without_abstract(listing, paper, text.title)
    return Judged("near" if fits and not against else None, ratio, score, possible=alike or not against)


def _no_author_shared(listing: Listing, paper: Told) -> bool:
    return bool(listing.authors and paper.authors) and not evidence.shares_author(listing, paper)


def _of_a_series(one: str, other: str) -> bool:
    """Whether two titles (folded words) are of a series, or one speaks of the other."""
    if evidence.numbers_differ(one, other) or evidence.speaks_of(one, other):
        return True
    return evidence.recurs_plain(one) or evidence.recurs_plain(other)


def _one_paper_without_abstract(listing: Listing, paper: Told, title: str) -> bool:
    enough = min(len(words(listing.title)), len(words(title))) >= SHORT_TITLE
    people = evidence.authors_alike(listing, paper) >= AUTHORS_ALIKE
    return enough and people and evidence.years_apart(listing, paper) <= 1 and not _elsewhere(listing, paper)


def _elsewhere(listing: Listing, paper: Told) -> bool:
    """Whether venue, year and people together speak of two works under one title."""
    if evidence.venues_differ(listing, paper):
        return True
    return evidence.years_apart(listing, paper) > 0 and evidence.authors_alike(listing, paper) < AUTHORS_ALIKE


def _contradicts(listing: Listing, told: Text, paper: Told) -> bool:
    """Whether equal texts are still two works: other authors, or a recurring or bare short title of another day."""
    if _no_author_shared(listing, paper):
        return True
    recurs = evidence.recurs_plain(told.plain)
    bare = not listing.abstract and len(words(listing.title)) < SHORT_TITLE
    if bare or recurs:
        return listing.published is None or listing.published != paper.published
    return evidence.years_apart(listing, paper) > 1 or (not listing.abstract and _elsewhere(listing, paper))
