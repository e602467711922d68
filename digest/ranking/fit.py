"""How typical a text is of its heading, and which phrases set it apart. Pure; may import text.

TF-IDF after Salton and Buckley (1988): (1 + log tf) x log(1 + N/df), vectors of length 1, compared by their cosine.
Sums use math.fsum, so that no order of papers changes a bit of a score.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from digest import text

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


class Vector(NamedTuple):
    """A text as a vector of length 1."""

    #: the terms that other texts have too
    shared: dict[str, float]
    #: squares of the values of its own terms, which are most: they meet nothing, but count for the length
    own: list[float]
    #: the sum of all squares: 1, but for what is lost in rounding
    square: float


class Corpus:
    """The texts of an edition, and what is rare and common among them."""

    def __init__(self, texts: Mapping[str, tuple[str, str]]) -> None:
        """Read the texts: key -> (title, abstract)."""
        self._prose = {key: text.searchable(f"{title} . {abstract}") for key, (title, abstract) in texts.items()}
        self._texts = dict(texts)
        counts = {key: _terms(title, abstract) for key, (title, abstract) in sorted(texts.items())}
        self._vectors = _vectors(counts)
        self._having: defaultdict[str, list[str]] = defaultdict(list)
        for key, prose in self._prose.items():
            for word in set(prose.split()):
                self._having[word].append(key)
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
            forms = text.forms(phrase)
            prose = [self._prose[key] for key in self._candidates(forms)]
            self._holding[phrase] = sum(any(form in one for form in forms) for one in prose)
        return self._holding[phrase]

    def _candidates(self, forms: Sequence[str]) -> set[str]:
        """Return the keys of the texts that have all words of one of the forms, which differ in the last one."""
        found = {key for form in forms for key in self._having.get(form.split()[-1], ())}
        for word in forms[0].split()[:-1] if forms else ():
            found.intersection_update(self._having.get(word, ()))
        return found

    def typical(self, groups: Mapping[str, Sequence[str]]) -> dict[str, float]:
        """Return how near each text is to the others of its group, and a little to all others: 0..1 by key.

        A text is compared with the sum of the others, never with itself: one alone in its group is no type.
        """
        everyone = _Sum(self._vectors.values())
        found = {key: 0.25 * everyone.nearness(vector) for key, vector in self._vectors.items()}
        for keys in groups.values():
            total = _Sum(self._vectors[key] for key in keys)
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


@lru_cache(maxsize=4096)
def telling(phrase: str) -> int:
    """Return how many words a phrase has; 0 where all of them are common to all texts."""
    words = text.parts(phrase)
    return len(words) if any(word not in _STOP for word in words) else 0


@lru_cache(maxsize=16_384)
def _stem(word: str) -> str | None:
    """Return a word without a plural's s; "" where it is common to all texts, None where it is no word to compare."""
    if len(word) < 2 or word.isdigit():
        return None
    plural = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))
    stem = word[:-1] if plural else word
    return "" if stem in _STOP else stem


def _terms(title: str, abstract: str) -> Counter[str]:
    """Return the terms of a text, words and pairs of words, with how often they occur; the title counts twice."""
    named = _phrases(title)
    return Counter([*named, *named, *_phrases(abstract)])


def _phrases(prose: str) -> list[str]:
    """Return the stems of words, and those of each two that are neighbours."""
    found = [stem for stem in map(_stem, text.words(prose)) if stem is not None]
    return [*filter(None, found), *[f"{a} {b}" for a, b in pairwise(found) if a and b]]


def _vectors(counts: Mapping[str, Counter[str]]) -> dict[str, Vector]:
    """Return the vectors of texts, by how often each of their terms stands in them."""
    having = Counter(term for terms in counts.values() for term in terms)
    rare = {term: math.log(1 + len(counts) / n) for term, n in having.items() if n > 1}
    return {key: _vector(terms, rare, math.log(1 + len(counts))) for key, terms in counts.items()}


def _vector(terms: Counter[str], rare: Mapping[str, float], alone: float) -> Vector:
    """Return the vector of a text.

    Args:
        terms: how often each stands in it.
        rare: what a term that others have too weighs, by how few have it.
        alone: what any other term weighs.
    """
    often = {n: 1 + math.log(n) for n in set(terms.values())}
    shared = {term: often[n] * rare[term] for term, n in terms.items() if term in rare}
    own = [often[n] * alone for term, n in terms.items() if term not in rare]
    length = math.sqrt(math.fsum([value * value for value in (*shared.values(), *own)]))
    if not length:
        return Vector({}, [], 0.0)
    shared = {term: value / length for term, value in shared.items()}
    own = [value / length for value in own]
    squares = [value * value for value in own]
    return Vector(shared, squares, math.fsum([*[value * value for value in shared.values()], *squares]))


class _Sum:
    """The sum of vectors, to which each of them can be compared without itself."""

    def __init__(self, vectors: Iterable[Vector]) -> None:
        parts: defaultdict[str, list[float]] = defaultdict(list)
        squares: list[float] = []
        for vector in vectors:
            squares += vector.own
            for term, value in vector.shared.items():
                parts[term].append(value)
        self._values = {term: math.fsum(values) for term, values in parts.items()}
        self._square = math.fsum([*[value * value for value in self._values.values()], *squares])

    def nearness(self, one: Vector) -> float:
        """Return the cosine of a vector and the rest of the sum, 0 where there is no rest."""
        within = math.fsum([*[value * self._values[term] for term, value in one.shared.items()], *one.own])
        square = self._square - 2 * within + one.square
        return max(0.0, within - one.square) / math.sqrt(square) if square > 1e-6 else 0.0
