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
from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from typing import Literal

from digest.models import Evidence, Tag, Taxonomy
from digest.tagging.phrases import Found, Matcher, normalise
from digest.tagging.scoring import CLAIMS
from digest.tagging.taxonomy import Rules

Where = Literal["title", "lead", "abstract"]
_Parts = dict[tuple[Where, int], float]

#: Stands between the parts, so that no phrase and no sentence reaches from one into the next.
_APART = " \n "
#: The end of the first sentence: a full stop after two letters, so not that of `e.g.` or `J.`, before a capital.
_LEAD = re.compile(r"(?<=[\w)\]][\w)\]])[.!?]\s+(?=[\"'“(\[]?[A-Z])")


@dataclass(frozen=True)
class _Text:
    """A paper's text, normalised, with where its parts begin."""

    text: str
    lead: int
    body: int

    def where(self, start: int) -> Where:
        return "title" if start < self.lead else "lead" if start < self.body else "abstract"


def _prepare(title: str, abstract: str) -> _Text:
    stop = _LEAD.search(abstract)
    end = stop.end() if stop else len(abstract)
    first, second, rest = normalise(title), normalise(abstract[:end]), normalise(abstract[end:])
    lead = len(first) + len(_APART)
    return _Text(_APART.join((first, second, rest)), lead, lead + len(second) + len(_APART))


class Tagger:
    """Gives tags under one taxonomy. Built once (about 60 ms); `tag` is pure and takes about 0.2 ms."""

    def __init__(self, rules: Rules) -> None:
        """Build the automaton over all phrases of `rules`."""
        #: the names there are
        self.taxonomy: Taxonomy = rules.taxonomy
        self._scoring = rules.scoring
        self._factors: dict[Where, float] = {
            "title": self._scoring.title,
            "lead": self._scoring.lead,
            "abstract": self._scoring.body,
        }
        self._order = {leaf.id: order for order, leaf in enumerate(rules.leaves)}
        everything = [phrase for leaf in rules.leaves for phrase in (*leaf.phrases, *leaf.not_within, *leaf.unless)]
        self._phrases = tuple(dict.fromkeys((*everything, *CLAIMS)))
        number = {phrase: n for n, phrase in enumerate(self._phrases)}
        self._claims = frozenset(number[claim] for claim in CLAIMS)
        self._earns: dict[int, list[tuple[str, float]]] = defaultdict(list)
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
        scores = {leaf: self._score(parts) for leaf, parts in weighed.items()}
        strongest = sorted(scores, key=lambda leaf: (-scores[leaf], self._order[leaf]))[: self._scoring.most]
        best = max(scores.values(), default=0.0)
        given = [leaf for rank, leaf in enumerate(strongest) if scores[leaf] >= self._least(rank, best)]
        return tuple(self._tag(leaf, scores[leaf], weighed[leaf]) for leaf in given)

    def _least(self, rank: int, best: float) -> float:
        """Return the score that the tag at `rank` needs beside the best one's."""
        if rank == 0:
            return self._scoring.first
        share = self._scoring.relative if rank < 2 else self._scoring.third
        return max(self._scoring.threshold, share * min(best, self._scoring.enough))

    def _weighed(self, text: _Text) -> dict[str, _Parts]:
        """Return what the phrases of each leaf weigh, by part of the text."""
        found = list(self._matcher.find(text.text))
        claims, blocked, forbidden = self._context(text, found)
        weighed: dict[str, _Parts] = defaultdict(dict)
        for each in found:
            earned = self._earns.get(each.phrase)
            if earned:
                where = text.where(each.start)
                claimed = where != "title" and _inside(each, claims)
                for leaf, weight in earned:
                    if leaf not in forbidden and not (leaf in blocked and _inside(each, blocked[leaf])):
                        self._weigh(weighed[leaf], (where, each.phrase), weight, claimed)
        return weighed

    def _context(self, text: _Text, found: Iterable[Found]) -> tuple[list[Found], dict[str, list[Found]], set[str]]:
        """Return where claims are made, where a leaf's phrases do not count, and the leaves that cannot be given."""
        claims: list[Found] = []
        blocked: dict[str, list[Found]] = defaultdict(list)
        forbidden: set[str] = set()
        for each in found:
            if each.phrase in self._claims and each.start >= text.lead:
                end = text.text.find(". ", each.end)
                claims.append(Found(each.phrase, each.start, end if end > 0 else len(text.text)))
            for leaf in self._blocks.get(each.phrase, ()):
                blocked[leaf].append(each)
            forbidden.update(self._forbids.get(each.phrase, ()))
        return claims, blocked, forbidden

    def _weigh(self, parts: _Parts, key: tuple[Where, int], weight: float, claimed: bool) -> None:
        """Add one occurrence of a phrase to what a leaf's phrases weigh."""
        if key[0] == "title":
            parts[key] = weight
            return
        scoring, before = self._scoring, parts.get(key)
        gain = (scoring.again if before else 1.0) + (scoring.claim if claimed else 0.0)
        most = 1 + 3 * scoring.again + scoring.claim
        parts[key] = weight * gain if before is None else min(weight * most, before + weight * gain)

    def _score(self, parts: _Parts) -> float:
        return sum(self._factors[where] * norm for where, norm in _norms(parts).items())

    def _tag(self, leaf: str, score: float, parts: _Parts) -> Tag:
        """Return a tag with its evidence; the weights of the evidence add up to the score."""
        norms = _norms(parts)
        evidence = [
            Evidence(phrase=self._phrases[n], where=where, weight=round(self._factors[where] * w * w / norms[where], 2))
            for (where, n), w in parts.items()
        ]
        evidence.sort(key=lambda each: (-each.weight, each.phrase, each.where))
        return Tag(id=leaf, score=round(score, 2), evidence=tuple(evidence))


def _norms(parts: _Parts) -> dict[Where, float]:
    """Return the Euclidean norm of what phrases weigh, by part."""
    squares: dict[Where, float] = defaultdict(float)
    for (where, _), weight in parts.items():
        squares[where] += weight * weight
    return {where: sqrt(square) for where, square in squares.items()}


def _inside(inner: Found, outers: Iterable[Found]) -> bool:
    return any(outer.start <= inner.start and inner.end <= outer.end for outer in outers)
