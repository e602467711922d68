"""How typical a text is of its heading, and which phrases set it apart. Pure; may import text.

TF-IDF after Salton and Buckley (1988): (1 + log tf) x log(1 + N/df), vectors of length 1, compared by their cosine.
Sums use math.fsum, so that no order of papers changes a bit of a score.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from digest import text

Vector = dict[str, float]

_STOP = frozenset(
    "a about above after against all also among an and any approach are as at based be because been before being "
    "between both but by can could did different do does due during each e g either even every existing few for from "
    "further furthermore g given had has have however how i ie if in into is it its itself large less many may method "
    "methods model models more moreover most much must network networks neural new no non nor not novel number of "
    "often on one only onto or other our out over own paper papers per performance problem proposed propose rather "
    "recent results s same several show shows significantly since so some state study such t task tasks than that the "
    "their them then there these they this those through thus to too two under up upon us use used using various very "
    "via was we well were what when where whether which while who will with within without work would yet you "
    "your".split()
)


class Corpus:
    """The texts of an edition, and what is rare and common among them."""

    def __init__(self, texts: Mapping[str, tuple[str, str]]) -> None:
        """Read the texts: key -> (title, abstract)."""
        self._prose = {key: text.searchable(f"{title} . {abstract}") for key, (title, abstract) in texts.items()}
        self._texts = dict(texts)
        counts = {key: _terms(title, abstract) for key, (title, abstract) in sorted(texts.items())}
        self._df = Counter(term for terms in counts.values() for term in terms)
        self._vectors = {key: self._unit(terms) for key, terms in counts.items()}
        having: dict[str, set[str]] = {}
        for key, prose in self._prose.items():
            for word in set(prose.split()):
                having.setdefault(word, set()).add(key)
        self._having = {word: frozenset(keys) for word, keys in having.items()}
        self._holding: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._prose)

    def title(self, key: str) -> str:
        """Return the title of a text."""
        return self._texts[key][0]

    def abstract(self, key: str) -> str:
        """Return the abstract of a text."""
        return self._texts[key][1]

    def holding(self, phrase: str) -> int:
        """Return in how many texts `phrase` stands as whole words."""
        if phrase not in self._holding:
            prose = (self._prose[key] for key in self._candidates(text.searchable(phrase).split()))
            self._holding[phrase] = sum(text.has_phrase(one, phrase) for one in prose)
        return self._holding[phrase]

    def _candidates(self, words: Sequence[str]) -> frozenset[str]:
        """Return the keys of the texts that have all these words, the last one perhaps in the plural."""
        if not words:
            return frozenset()
        *first, last = words
        having = [self._having.get(word, frozenset()) for word in first]
        ends = self._having.get(last, frozenset()) | self._having.get(f"{last}s", frozenset())
        return frozenset.intersection(ends, *having)

    def typical(self, groups: Mapping[str, Sequence[str]]) -> dict[str, float]:
        """Return how near each text is to the others of its group, and a little to all others: 0..1 by key.

        A text is compared with the sum of the others, never with itself: one alone in its group is no type.
        """
        everyone = _Sum(list(self._vectors.values()))
        found = {key: 0.25 * everyone.nearness(vector) for key, vector in self._vectors.items()}
        for keys in groups.values():
            total = _Sum([self._vectors[key] for key in keys])
            for key in keys:
                found[key] += 0.75 * total.nearness(self._vectors[key])
        return found

    def distinctive(self, key: str) -> list[str]:
        """Return phrases of a title, the one that sets it apart most first."""
        found = [word for word in text.words(self._texts[key][0]) if word not in _STOP and not word.isdigit()]
        rare = sorted(dict.fromkeys(found), key=lambda word: (self.holding(word), -len(word), word))
        pairs = [f"{a} {b}" for a, b in pairwise(found) if self._adjacent(key, a, b)]
        pairs.sort(key=lambda pair: (min(self.holding(word) for word in pair.split()), -len(pair), pair))
        return [*pairs, *rare]

    def _adjacent(self, key: str, a: str, b: str) -> bool:
        return text.has_phrase(text.searchable(self._texts[key][0]), f"{a} {b}")

    def _unit(self, terms: Counter[str]) -> Vector:
        total = len(self._prose)
        found = {term: (1 + math.log(n)) * math.log(1 + total / self._df[term]) for term, n in terms.items()}
        length = math.sqrt(math.fsum(value * value for value in found.values()))
        return {term: value / length for term, value in found.items()} if length else {}


def tells(phrase: str) -> bool:
    """Return whether a phrase has a word that is not common to all texts."""
    return any(word not in _STOP for word in text.searchable(phrase).split())


def _terms(title: str, abstract: str) -> Counter[str]:
    """Return the words and the pairs of words of a text; those of the title count twice."""
    counts: Counter[str] = Counter()
    for prose in (title, title, abstract):
        found = [_stem(word) for word in text.words(prose) if len(word) > 1 and not word.isdigit()]
        counts.update(word for word in found if word not in _STOP)
        pairs = pairwise(found)
        counts.update(f"{a} {b}" for a, b in pairs if a not in _STOP and b not in _STOP)
    return counts


def _stem(word: str) -> str:
    """Drop a plural's s."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


class _Sum:
    """The sum of vectors, to which each of them can be compared without itself."""

    def __init__(self, vectors: Sequence[Vector]) -> None:
        parts: dict[str, list[float]] = {}
        for vector in vectors:
            for term, value in vector.items():
                parts.setdefault(term, []).append(value)
        self._values = {term: math.fsum(values) for term, values in parts.items()}
        self._square = math.fsum(value * value for value in self._values.values())

    def nearness(self, own: Vector) -> float:
        """Return the cosine of a vector and the rest of the sum, 0 where there is no rest."""
        within = math.fsum(value * self._values[term] for term, value in own.items())
        itself = math.fsum(value * value for value in own.values())
        square = self._square - 2 * within + itself
        return max(0.0, within - itself) / math.sqrt(square) if square > 1e-6 else 0.0
