"""Phrases in text: one pass over all of them finds what searching each alone finds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.tagging import BUNDLED
from digest.tagging.phrases import Matcher, normalise, spellings
from digest.tagging.taxonomy import read_rules
from tests.tagging.seeding import new_papers


def alone(phrase: str) -> re.Pattern[str]:
    """The definition once more, as a pattern for one phrase; a look-ahead, so that none hides another."""
    words = [re.sub(r"(?<=[a-z]i)[sz](?=(ations?|e[dr]?|ers|es|ing|able)$)", "[sz]", word) for word in phrase.split()]
    last = words[-1]
    if re.search(r"[b-df-hj-np-tv-z]y$", last):
        words[-1] = f"{last[:-1]}(?:y|ies)"
    else:
        words[-1] = last + ("(?:es)?" if re.search("(s|x|z|ch|sh)$", last) else "s?")
    return re.compile(rf"(?<![^\W_])(?={'[ ]'.join(words)}(?![^\W_]))")


def searched_alone(phrases: list[str], text: str) -> set[tuple[int, int]]:
    return {(n, match.start()) for n, phrase in enumerate(phrases) for match in alone(phrase).finditer(text)}


PHRASES = [
    "spiking neural network", "neural network", "network", "graph neural network", "quantization", "memory", "loss",
    "network memory", "neural", "optimisation", "graph", "process", "network loss", "neural network",
]  # fmt: skip
WORDS = (
    "spiking neural network networks graph graphs quantisation quantization memory memories loss losses optimizations "
    "process networked Neural x 7 , ( _ é"
).split()


@settings(max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from([" ", "-", "  ", "", "\n", " – "])), max_size=30))
def test_one_pass_finds_what_each_phrase_alone_finds(pieces: list[tuple[str, str]]) -> None:
    text = normalise("".join(word + gap for word, gap in pieces))
    assert {(found.phrase, found.start) for found in Matcher(PHRASES).find(text)} == searched_alone(PHRASES, text)


def test_on_real_papers_every_bundled_phrase_is_found_and_alternation_would_lose_some(seeds: Path) -> None:
    phrases = sorted({phrase for leaf in read_rules(BUNDLED).leaves for phrase in leaf.phrases})
    matcher = Matcher(phrases)
    longest_first = sorted({string for phrase in phrases for string in spellings(phrase)}, key=len, reverse=True)
    alternation = re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, longest_first))})(?![^\W_])")
    papers = [paper for papers in new_papers(seeds).values() for paper in papers][:8]
    text = "\n".join(normalise(f"{paper.title}. {paper.abstract}") for paper in papers)
    ours = {(found.phrase, found.start) for found in matcher.find(text)}
    assert ours == searched_alone([normalise(phrase) for phrase in phrases], text)
    assert len(alternation.findall(text)) < 0.95 * len(ours)


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("spiking neural network", "Spiking Neural-Networks"),
        ("post-training quantisation", "Post Training Quantization"),
        ("quantization", "We quantise; quantisation follows"),
        ("memory", "two memories"),
        ("loss", "losses, all of them"),
        ("schrodinger bridge", "Schrödinger Bridges"),
        ("neural tangent kernel", "the neural\ntangent kernel's"),
        ("behavior", "such behaviour"),
        ("3d", "(3D)"),
        ("α divergence", r"the $\alpha$-divergence"),
    ],
)
def test_other_ways_to_write_a_phrase_count(phrase: str, text: str) -> None:
    assert list(Matcher([phrase]).find(normalise(text)))


@pytest.mark.parametrize(
    ("phrase", "text"),
    [("network", "networked"), ("nas", "nasal"), ("rl", "url"), ("graph neural", "graph, neural"), ("3d", "33d")],
)
def test_parts_of_words_and_words_apart_do_not_count(phrase: str, text: str) -> None:
    assert not list(Matcher([phrase]).find(normalise(text)))
