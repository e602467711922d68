"""Which paper a listing is: rules on ids and titles, and the keys of papers not met before.

Pure; may import models, links and the ground. rapidfuzz only verifies candidates, it never searches.

Rules, the first that holds decides:

1. `id`: a stable id is known. Two different ids of one scheme are never one paper.
2. `text`: title and abstract are what a known listing had, and nothing contradicts.
3. `title`: the compact titles are equal, and there is evidence: the abstracts are alike; or, where one side has
   none, an author is shared and the years are at most one apart. Titles under four words need alike abstracts,
   recurring columns never merge by title.
4. Otherwise the listing is a paper not met before. One that fits two papers is attached to none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from digest.models import Alias, Known, Listing, Match, Paper
from digest.text import compact, fold, words

#: abstracts with at least this ratio (0..100, normalised indel similarity) are alike; measured on real pairs
ABSTRACT_ALIKE = 70.0
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
#: schemes whose values name a work for good; a Hugging Face id is the arXiv id
STABLE = {"arxiv": "arxiv", "hf": "arxiv", "doi": "doi", "openreview": "openreview", "pmid": "pmid"}
#: a paper's key is its id of the first of these schemes that it has
KEY_SCHEMES = ("arxiv", "doi", "openreview", "pmid")


@dataclass(frozen=True)
class _Judged:
    """A candidate with what speaks for it."""

    key: str
    rule: str | None
    title_score: float
    abstract_score: float | None


class Shelf:
    """The known papers that a dump's listings might be, growing as its listings are identified."""

    def __init__(self, known: Iterable[Known]) -> None:
        """Put `known` papers on the shelf."""
        self._papers: dict[str, Paper] = {}
        self._texts: dict[str, list[tuple[str, str]]] = {}
        self._by_id: dict[tuple[str, str], str] = {}
        self._by_title: defaultdict[str, list[str]] = defaultdict(list)
        for one in known:
            self._register(one.paper, one.texts)

    def paper(self, key: str) -> Paper:
        """Return the paper `key` in its present state."""
        return self._papers[key]

    def put(self, paper: Paper, listing: Listing) -> None:
        """Keep a paper's state after `listing`, so that later listings of the dump meet it."""
        self._register(paper, [(listing.title, listing.abstract)])

    def _register(self, paper: Paper, texts: Sequence[tuple[str, str]]) -> None:
        self._papers[paper.key] = paper
        known = self._texts.setdefault(paper.key, [])
        for alias in paper.ids:
            self._by_id.setdefault((STABLE.get(alias.scheme, alias.scheme), alias.value), paper.key)
        for text in (*texts, (paper.title, paper.abstract)):
            if text not in known:
                known.append(text)
                keys = self._by_title[compact(text[0])]
                if paper.key not in keys:
                    keys.append(paper.key)

    def identify(self, listing: Listing) -> Match:
        """Say which paper on the shelf `listing` is, by which rule, and which others came near."""
        ids = _ids(listing.ids)
        found = list(dict.fromkeys(self._by_id[id] for id in ids if id in self._by_id))
        if found:
            return Match(key=found[0], rule="id", rivals=tuple(found[1:]))
        title = compact(listing.title)
        near = [self._judge(listing, title, key) for key in self._by_title.get(title, ())]
        for rule in ("text", "title"):
            fits = [one for one in near if one.rule == rule]
            rivals = tuple(one.key for one in near if one not in fits)
            if len(fits) == 1:
                one = fits[0]
                return Match(
                    key=one.key,
                    rule="text" if rule == "text" else "title",
                    title_score=one.title_score,
                    abstract_score=one.abstract_score,
                    rivals=rivals,
                )
            if fits:
                return Match(key=None, rule="ambiguous", title_score=100.0, rivals=tuple(one.key for one in near))
        return Match(key=None, rule="none", rivals=tuple(one.key for one in near))

    def _judge(self, listing: Listing, title: str, key: str) -> _Judged:
        paper = self._papers[key]
        texts = [abstract for known, abstract in self._texts[key] if compact(known) == title]
        if _ids_differ(_ids(listing.ids), _ids(paper.ids)):
            return _Judged(key, None, 100.0, None)
        if listing.abstract in texts and not _contradicts(listing, paper, title):
            return _Judged(key, "text", 100.0, 100.0 if listing.abstract else None)
        if title in RECURRING:
            return _Judged(key, None, 100.0, None)
        scores = [abstract_ratio(listing.abstract, text) for text in texts if listing.abstract and text]
        if scores:
            best = max(scores)
            return _Judged(key, "title" if best >= ABSTRACT_ALIKE else None, 100.0, best)
        long_enough = len(words(listing.title)) >= SHORT_TITLE
        evidence = long_enough and _shares_author(listing, paper) and _years_apart(listing, paper) <= 1
        return _Judged(key, "title" if evidence else None, 100.0, None)

    def mint(self, listing: Listing) -> str:
        """Return the key of a paper first met in `listing`: its best id, else a hash of its compact title."""
        by_scheme = {STABLE[alias.scheme]: alias.value for alias in listing.ids if alias.scheme in STABLE}
        for scheme in KEY_SCHEMES:
            if scheme in by_scheme and by_scheme[scheme] not in self._papers:
                return by_scheme[scheme]
        title = compact(listing.title)
        if not title:
            title = listing.title.casefold()
        key = _hash_key(title)
        attempt = 0
        # The title's own key may be another paper's: take the abstract in, then a number.
        while key in self._papers:
            key = _hash_key(f"{title}\0{compact(listing.abstract)}" + (f"\0{attempt}" if attempt else ""))
            attempt += 1
        return key


def abstract_ratio(one: str, other: str) -> float:
    """Return how alike two abstracts are, 0..100; a beginning (a teaser) is compared with the other's beginning."""
    from rapidfuzz.fuzz import ratio

    if one == other:
        return 100.0
    one, other = fold(one), fold(other)
    length = min(len(one), len(other))
    if max(len(one), len(other)) > 1.4 * length and length >= 80:
        one, other = one[:length], other[:length]
    return float(ratio(one, other))


def _hash_key(text: str) -> str:
    return "t-" + sha256(text.encode()).hexdigest()[:16]


def _ids(aliases: Sequence[Alias]) -> list[tuple[str, str]]:
    return [(STABLE[alias.scheme], alias.value) for alias in aliases if alias.scheme in STABLE]


def _ids_differ(ours: list[tuple[str, str]], theirs: list[tuple[str, str]]) -> bool:
    """Whether both have an id of one scheme, and share none of it: two works."""
    by_scheme: defaultdict[str, set[str]] = defaultdict(set)
    for scheme, value in theirs:
        by_scheme[scheme].add(value)
    return any(by_scheme[scheme] and value not in by_scheme[scheme] for scheme, value in ours)


def _contradicts(listing: Listing, paper: Paper, title: str) -> bool:
    """Whether equal texts are still two works: other authors, or a recurring or bare short title of another day."""
    if listing.authors and paper.authors and not _shares_author(listing, paper):
        return True
    bare = not listing.abstract and (title in RECURRING or len(words(listing.title)) < SHORT_TITLE)
    if bare or title in RECURRING:
        return listing.published is None or listing.published != paper.published
    return _years_apart(listing, paper) > 1


def _shares_author(listing: Listing, paper: Paper) -> bool:
    return bool(_names(listing.authors) & _names(paper.authors))


def _names(authors: Iterable[str]) -> set[tuple[str, str]]:
    """Return (surname, first initial) of each author, whichever way round it is written."""
    names = set()
    for author in authors:
        last, comma, first = author.partition(",")
        parts = [*words(first), *words(last)] if comma else words(author)
        if parts:
            names.add((parts[-1], parts[0][0]))
    return names


def _years_apart(listing: Listing, paper: Paper) -> int:
    if listing.published is None or paper.published is None:
        return 0
    return abs(listing.published.year - paper.published.year)
