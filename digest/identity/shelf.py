"""The papers that a dump's listings might be, and which of them each listing is. Pure; may import the judging."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from hashlib import sha256

from digest.identity.evidence import STABLE, stable_ids
from digest.identity.judging import Judged, Rule, Text, judge
from digest.models import Known, Listing, Match, Paper
from digest.text import HOT, compact, nearest

#: a paper's key is its id of the first of these schemes that it has
KEY_SCHEMES = ("arxiv", "doi", "openreview", "pmid")
_RULES: tuple[Rule, ...] = ("text", "title", "near")


class Shelf:
    """The known papers that a dump's listings might be, growing as its listings are identified."""

    def __init__(self, known: Iterable[Known]) -> None:
        """Put `known` papers on the shelf."""
        self._papers: dict[str, Paper] = {}
        self._texts: dict[str, list[Text]] = {}
        self._by_id: dict[tuple[str, str], str] = {}
        self._by_title: defaultdict[str, list[str]] = defaultdict(list)
        self._by_sketch: dict[int, tuple[str, ...]] = {}
        #: keys that papers had before they were merged
        self._former: set[str] = set()
        #: key -> keys of papers that people parted from it by splits
        self._parted: dict[str, tuple[str, ...]] = {}
        for one in known:
            self._register(one.paper, one.texts, one.sketch)
            self._former.update(one.former)
            if one.parted:
                self._parted[one.paper.key] = one.parted

    def paper(self, key: str) -> Paper:
        """Return the paper `key` in its present state."""
        return self._papers[key]

    def told_before(self, key: str, listing: Listing) -> bool:
        """Whether the paper was listed under the very text of `listing` before."""
        return _has(self._texts.get(key, ()), listing.title, listing.abstract)

    def put(self, paper: Paper, listing: Listing) -> None:
        """Keep a paper's state after `listing`, so that later listings of the dump meet it."""
        sketch = () if self.told_before(paper.key, listing) else listing.sketch
        self._register(paper, [(listing.title, listing.abstract)], sketch)

    def _register(self, paper: Paper, texts: Sequence[tuple[str, str]], sketch: Iterable[int]) -> None:
        self._papers[paper.key] = paper
        known = self._texts.setdefault(paper.key, [])
        for scheme_and_value in stable_ids(paper.ids):
            self._by_id.setdefault(scheme_and_value, paper.key)
        for title, abstract in (*texts, (paper.title, paper.abstract)):
            if not _has(known, title, abstract):
                known.append(text := Text.of(title, abstract))
                keys = self._by_title[text.compact]
                if paper.key not in keys:
                    keys.append(paper.key)
        for one in sketch:
            shared = self._by_sketch.get(one, ())
            # beyond HOT nobody looks
            if len(shared) < HOT and paper.key not in shared:
                self._by_sketch[one] = (*shared, paper.key)

    def identify(self, listing: Listing) -> Match:
        """Say which paper on the shelf `listing` is, by which rule, and which others came near."""
        ids = stable_ids(listing.ids) if listing.ids else ()
        found = list(dict.fromkeys(self._by_id[id] for id in ids if id in self._by_id)) if ids else None
        if found:
            decided = self._decided(found[0], listing)
            if decided:
                return Match(key=decided, rule="decided")
            return Match(key=found[0], rule="id", rivals=tuple(found[1:]))
        told = Text.of(listing.title, listing.abstract)
        judged = {key: self._judge(listing, told, key) for key in self._by_title.get(told.compact, ())}
        if not any(one.rule == "text" for one in judged.values()):
            for key, shared in self._near(listing):
                if key not in judged:
                    judged[key] = self._judge(listing, told, key, shared=shared)
        return _decide(judged)

    def _decided(self, key: str, listing: Listing) -> str | None:
        """Return the paper that has the very text of a listing since people split it off `key`."""
        parted = self._parted.get(key)
        if not parted or self.told_before(key, listing):
            return None
        return next((other for other in parted if self.told_before(other, listing)), None)

    def _judge(self, listing: Listing, told: Text, key: str, *, shared: int = 8) -> Judged:
        return judge(listing, told, self._papers[key], self._texts[key], shared=shared)

    def _near(self, listing: Listing) -> list[tuple[str, int]]:
        """Return the papers that share most of a listing's sketch; what too many share says nothing."""
        return nearest(listing.sketch, self._by_sketch)

    def mint(self, listing: Listing) -> str:
        """Return the key of a paper first met in `listing`: its best id, else a hash of its compact title."""
        by_scheme = {STABLE[alias.scheme]: alias.value for alias in listing.ids if alias.scheme in STABLE}
        for scheme in KEY_SCHEMES:
            if scheme in by_scheme and not self._taken(by_scheme[scheme]):
                return by_scheme[scheme]
        title = compact(listing.title)
        if not title:
            title = listing.title.casefold()
        key = _hash_key(title)
        attempt = 0
        # The title's own key may be another paper's: take the abstract in, then a number.
        while self._taken(key):
            key = _hash_key(f"{title}\0{compact(listing.abstract)}" + (f"\0{attempt}" if attempt else ""))
            attempt += 1
        return key

    def _taken(self, key: str) -> bool:
        return key in self._papers or key in self._former


def _has(texts: Iterable[Text], title: str, abstract: str) -> bool:
    for text in texts:  # noqa: SIM110 - asked several times a listing, and twice as fast as any()
        if text.title == title and text.abstract == abstract:
            return True
    return False


def _decide(judged: dict[str, Judged]) -> Match:
    """Return the match of what was judged: the first rule that one paper fits."""
    if not judged:
        return Match(key=None, rule="none")
    for rule in _RULES:
        fits = [key for key, one in judged.items() if one.rule == rule]
        if len(fits) > 1:
            score = max(judged[key].title_score for key in fits)
            return Match(key=None, rule="ambiguous", title_score=score, rivals=_rivals(judged))
        if fits:
            one = judged[fits[0]]
            return Match(
                key=fits[0],
                rule=rule,
                title_score=one.title_score,
                abstract_score=one.abstract_score,
                rivals=_rivals(judged, but=fits[0]),
            )
    rivals = _rivals(judged)
    best = max((judged[key] for key in rivals), key=lambda one: one.rank, default=None)
    return Match(
        key=None,
        rule="none",
        title_score=best.title_score if best else None,
        abstract_score=best.abstract_score if best else None,
        rivals=rivals,
    )


def _rivals(judged: dict[str, Judged], but: str | None = None) -> tuple[str, ...]:
    """Return the keys that came near."""
    return tuple(key for key, one in judged.items() if (one.possible or one.rule) and key != but)


def _hash_key(text: str) -> str:
    return "t-" + sha256(text.encode()).hexdigest()[:16]
