"""How typical a text is: what its definition gives, in whatever order the texts come."""

from __future__ import annotations

import math
from collections import Counter, defaultdict

import pytest

from digest.ranking.fit import Corpus
from tests.edition.made import seed

TEXTS = {
    "a": ("Pruning graphs", "Pruned graphs lose nodes. Pruning keeps accuracy of graphs."),
    "b": ("Pruning nodes of graphs", "Graphs of nodes are pruned; accuracy stays."),
    "c": ("Whales", "Whales eat krill, whales sing."),
    "d": ("Graph songs", "Nodes sing, and krill listens to nodes."),
    "e": ("The", "of the"),
}
GROUPS = {"x": ["a", "b", "d"], "y": ["c", "e"]}
#: their terms, told by hand: stems and neighbouring stems, those of a title twice
TERMS = {
    "a": "pruning graph pruning graph | pruned graph lose node pruning keep accuracy graph",
    "b": "pruning node graph pruning node graph | graph node pruned accuracy stay",
    "c": "whale whale | whale eat krill whale sing",
    "d": "graph song graph song | node sing krill listen node",
    "e": "",
}
PAIRS = {
    "a": {"pruning graph": 2, "pruned graph": 1, "graph lose": 1, "lose node": 1, "node pruning": 1, "pruning keep": 1,
          "keep accuracy": 1},
    "b": {"pruning node": 2, "pruned accuracy": 1, "accuracy stay": 1},
    "c": {"whale eat": 1, "eat krill": 1, "krill whale": 1, "whale sing": 1},
    "d": {"graph song": 2, "node sing": 1, "krill listen": 1},
    "e": {},
}  # fmt: skip


def cosine_to_rest(key: str, group: list[str], vectors: dict[str, dict[str, float]]) -> float:
    """Return the cosine of a vector and the sum of the others of a group."""
    rest: defaultdict[str, float] = defaultdict(float)
    for other in group:
        if other != key:
            for term, value in vectors[other].items():
                rest[term] += value
    length = math.sqrt(sum(value * value for value in rest.values()))
    return sum(value * rest[term] for term, value in vectors[key].items()) / length if length else 0.0


def by_definition() -> dict[str, float]:
    counts = {key: Counter(TERMS[key].replace("|", " ").split()) + Counter(PAIRS[key]) for key in TERMS}
    having = Counter(term for terms in counts.values() for term in terms)
    vectors = {}
    for key, terms in counts.items():
        raw = {term: (1 + math.log(n)) * math.log(1 + len(TERMS) / having[term]) for term, n in terms.items()}
        length = math.sqrt(sum(value * value for value in raw.values()))
        vectors[key] = {term: value / length for term, value in raw.items()}
    found = {key: 0.25 * cosine_to_rest(key, list(TERMS), vectors) for key in TERMS}
    for group in GROUPS.values():
        for key in group:
            found[key] += 0.75 * cosine_to_rest(key, group, vectors)
    return found


def test_typical_is_what_the_definition_says() -> None:
    assert Corpus(TEXTS).typical(GROUPS) == pytest.approx(by_definition(), abs=1e-9)


def test_no_order_of_texts_changes_a_bit(seeds) -> None:
    texts = {one.paper.key: (one.paper.title, one.paper.abstract) for one in seed(next(seeds.glob("*.txt")))[1]}
    keys = sorted(texts)
    groups = {"odd": keys[::2], "even": keys[1::2]}
    backwards = {id: found[::-1] for id, found in groups.items()}
    assert Corpus(texts).typical(groups) == Corpus(dict(reversed(texts.items()))).typical(backwards)


@pytest.mark.parametrize(
    ("phrase", "count"),
    [
        ("graph", 3),
        ("pruning graph", 1),
        ("node", 3),
        ("whale", 1),
        ("krill listen", 1),
        ("krill to", 0),
        ("the", 1),
        ("", 0),
        ("-", 0),
    ],
)
def test_a_phrase_is_held_by_the_texts_in_which_its_words_stand_together(phrase: str, count: int) -> None:
    assert Corpus(TEXTS).holding(phrase) == count
