"""Tags for a paper, from the phrases in its title, its first sentence and the rest of its abstract.

A leaf's score is the sum over these three parts of (factor of the part) x (norm of what its phrases weigh there).
The norm is Euclidean, so that every phrase counts, overlapping ones too, but ten names of one thing do not count
ten times. In the abstract a phrase weighs more where the authors say what they did ("we propose ...", "this paper
..."), and the more often it occurs: what a paper is about, it says there, and says again.

Tags are the leaves over a threshold that are not far below the strongest one. Pure; may import models and text.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import inf, sqrt
from operator import mul
from typing import Literal, NamedTuple

from digest.models import Tag, Taxonomy
from digest.tagging.phrases import Matcher, normalise
from digest.tagging.scoring import CLAIMS
from digest.tagging.taxonomy import Rules

Where = Literal["title", "lead", "abstract"]
#: an occurrence: the phrase's number, where it starts and ends
_Span = tuple[int, int, int]
#: what phrases weigh in each part of the text: three times the phrase's number, plus that of the part -> weight
_Parts = dict[int, float]

_WHERE: tuple[Where, ...] = ("title", "lead", "abstract")
#: Stands between the parts, so that no phrase and no sentence reaches from one into the next.
_APART = " \n "
#: The end of the first sentence: a full stop after two letters, so not that of `e.g.` or `J.`, before a capital.
_LEAD = re.compile(r"[.!?](?<=[\w)\]][\w)\]].)\s+(?=[\"'“(\[]?[A-Z])")


class _Text(NamedTuple):
    """A paper's text, normalised, with where its parts begin."""

    text: str
    lead: int
    body: int


def _prepare(title: str, abstract: str) -> _Text:
    stop = _LEAD.search(abstract)
    end = stop.end() if stop else len(abstract)
    first, second, rest = normalise(title), normalise(abstract[:end]), normalise(abstract[end:])
    lead = len(first) + len(_APART)
    return _Text(_APART.join((first, second, rest)), lead, lead + len(second) + len(_APART))


def _claimed(text: str, claims: Iterable[_Span]) -> Iterator[tuple[float, float]]:
    """Yield where it is told what was done, from each claim to the end of its sentence; then what nothing is in."""
    begins: dict[int, int] = {}
    for _, start, end in claims:
        stop = text.find(". ", end)
        stop = stop if stop > 0 else len(text)
        begins[stop] = min(start, begins.get(stop, start))
    yield from ((start, stop) for stop, start in begins.items())
    yield inf, inf


class Tagger:
    """Gives tags under one taxonomy. Built once (about 60 ms); `tag` is pure and takes about 0.15 ms."""

    def __init__(self, rules: Rules) -> None:
        """Build the automaton over all phrases of `rules`."""
        #: the names there are
        self.taxonomy: Taxonomy = rules.taxonomy
        self._scoring = scoring = rules.scoring
        #: by part of the text, as in _WHERE
        self._factors = (scoring.title, scoring.lead, scoring.body)
        again, claim = scoring.again, scoring.claim
        #: what a phrase weighs at first and again in the abstract, by whether it is claimed; and at most
        self._gains = ((1.0, 1.0 + claim), (again, again + claim), 1 + 3 * again + claim)
        self._order = {leaf.id: order for order, leaf in enumerate(rules.leaves)}
        everything = [phrase for leaf in rules.leaves for phrase in (*leaf.phrases, *leaf.not_within, *leaf.unless)]
        self._phrases = tuple(dict.fromkeys((*everything, *CLAIMS)))
        number = {phrase: n for n, phrase in enumerate(self._phrases)}
        self._claims = frozenset(number[claim] for claim in CLAIMS)
        self._earns: defaultdict[int, list[tuple[str, float]]] = defaultdict(list)
        self._blocks: dict[int, list[str]] = defaultdict(list)
        self._forbids: dict[int, list[str]] = defaultdict(list)
        for leaf in rules.leaves:
            for phrase, weight in leaf.phrases.items():
                self._earns[number[phrase]].append((leaf.id, weight))
            for phrase in leaf.not_within:
                self._blocks[number[phrase]].append(leaf.id)
            for phrase in leaf.unless:
                self._forbids[number[phrase]].append(leaf.id)
        self._matcher = Matcher(self._phrases)

    def tag(self, title: str, abstract: str) -> tuple[Tag, ...]:
        """Return the tags of a paper, strongest first, each with the phrases that earned it."""
        weighed = self._weighed(_prepare(title, abstract))
        norms = {leaf: _norms(parts) for leaf, parts in weighed.items()}
        scores = {leaf: sum(map(mul, self._factors, norm)) for leaf, norm in norms.items()}
        strongest = sorted(scores, key=lambda leaf: (-scores[leaf], self._order[leaf]))[: self._scoring.most]
        best = max(scores.values(), default=0.0)
        given = [leaf for rank, leaf in enumerate(strongest) if scores[leaf] >= self._least(rank, best)]
        return tuple([self._tag(leaf, scores[leaf], weighed[leaf], norms[leaf]) for leaf in given])

    def _least(self, rank: int, best: float) -> float:
        """Return the score that the tag at `rank` needs beside the best one's."""
        if rank == 0:
            return self._scoring.first
        share = self._scoring.relative if rank < 2 else self._scoring.third
        return max(self._scoring.threshold, share * min(best, self._scoring.enough))

    def _weighed(self, text: _Text) -> dict[str, _Parts]:
        """Return what the phrases of each leaf weigh, by part of the text."""
        prose, lead, body = text
        found = self._matcher.spans(prose)
        claims = _claimed(prose, [one for one in found if one[0] in self._claims and one[1] >= lead])
        claim, claim_end = next(claims)
        blocked, forbidden = self._context(found)
        first, again, most = self._gains
        weighed: dict[str, _Parts] = {}
        for phrase, start, end in found:
            earned = self._earns.get(phrase)
            if earned is None:
                continue
            # Sentences do not overlap, and occurrences come by their ends: only the first to end later may hold it.
            while claim_end < end:
                claim, claim_end = next(claims)
            claimed = claim <= start
            part = 0 if start < lead else 1 if start < body else 2
            key = 3 * phrase + part
            for leaf, weight in earned:
                if leaf in blocked and _inside(start, end, blocked[leaf]):
                    continue
                parts = weighed.get(leaf)
                if parts is None:
                    parts = weighed[leaf] = {}
                if not part:
                    parts[key] = weight
                elif key not in parts:
                    parts[key] = weight * first[claimed]
                else:
                    parts[key] = min(weight * most, parts[key] + weight * again[claimed])
        return {leaf: parts for leaf, parts in weighed.items() if leaf not in forbidden}

    def _context(self, found: Sequence[_Span]) -> tuple[dict[str, list[_Span]], set[str]]:
        """Return where a leaf's phrases do not count, and the leaves that cannot be given."""
        blocked: dict[str, list[_Span]] = defaultdict(list)
        for one in found:
            if one[0] in self._blocks:
                for leaf in self._blocks[one[0]]:
                    blocked[leaf].append(one)
        forbidden = {leaf for one in found if one[0] in self._forbids for leaf in self._forbids[one[0]]}
        return blocked, forbidden

    def _tag(self, leaf: str, score: float, parts: _Parts, norms: Sequence[float]) -> Tag:
        """Return a tag with its evidence; the weights of the evidence add up to the score."""
        spoken = []
        for key, weight in parts.items():
            number, part = divmod(key, 3)
            told = round(self._factors[part] * weight * weight / norms[part], 2)
            spoken.append((-told, self._phrases[number], _WHERE[part]))
        evidence = [{"phrase": phrase, "where": where, "weight": -less} for less, phrase, where in sorted(spoken)]
        # whole at once: half the time of making one value after the other
        return Tag.model_validate({"id": leaf, "score": round(score, 2), "evidence": evidence})


def _norms(parts: _Parts) -> list[float]:
    """Return the Euclidean norms of what phrases weigh, by part."""
    squares = [0.0, 0.0, 0.0]
    for key, weight in parts.items():
        squares[key % 3] += weight * weight
    return [sqrt(square) for square in squares]


def _inside(start: int, end: int, outers: Iterable[_Span]) -> bool:
    for _, first, last in outers:  # noqa: SIM110 - a generator would take twice as long
        if first <= start and end <= last:
            return True
    return False
