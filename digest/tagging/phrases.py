"""Phrases in text: what counts as an occurrence, and how all of them are found in one pass.

An occurrence of a phrase is defined on `normalise`d text (case, accents, LaTeX and hyphens gone, white space single):

* the words of the phrase stand there in order, one space apart, the last one also in a regular plural
  (`network`, `networks`; `loss`, `losses`; `memory`, `memories`);
* each word also in its other spelling, `-ize` for `-ise` (`quantization`, `quantisation`), `-or` for `-our` in a few;
* the characters before and after it are neither letters nor digits.

May import the ground; ahocorasick_rs is imported when a matcher is built.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from typing import NamedTuple

from digest import text

_DASHES = re.compile("[-\u2010-\u2015\u2212]")
_SPELLING = re.compile(r"(?<=[a-z]i)[sz](?=(?:ation|ations|e|ed|er|ers|es|ing|able)$)")
_COLOUR = re.compile(r"^(behavi|col|neighb|fav)ou?r")
_CONSONANT_Y = re.compile(r"[^aeiou\W\d]y$")


class Found(NamedTuple):
    """One occurrence: the phrase's number, and where it stands in the normalised text."""

    phrase: int
    start: int
    end: int


def normalise(string: str) -> str:
    """Return `string` as phrases are compared with it: folded, hyphens as spaces, white space single."""
    folded = text.fold(string)
    folded = folded.replace("-", " ") if folded.isascii() else _DASHES.sub(" ", folded)
    return text.single_spaced(folded)


@cache
def spellings(phrase: str) -> tuple[str, ...]:
    """Return the normalised strings that count as `phrase`, without repetition, the phrase itself first."""
    *before, last = normalise(phrase).split(" ")
    choices = [_word(word) for word in before] + [[form for word in _word(last) for form in (word, *_plurals(word))]]
    return tuple(dict.fromkeys(" ".join(words) for words in product(*choices)))


def _word(word: str) -> list[str]:
    other = _SPELLING.sub(lambda m: "z" if m.group() == "s" else "s", word)
    if _COLOUR.match(word):
        other = _COLOUR.sub(lambda m: m.group(1) + ("or" if "our" in m.group() else "our"), word)
    return [word] if other == word else [word, other]


def _plurals(word: str) -> tuple[str, ...]:
    if _CONSONANT_Y.search(word):
        return (word[:-1] + "ies",)
    return (word + "es",) if word.endswith(("s", "x", "z", "ch", "sh")) else (word + "s",)


class Matcher:
    """Finds every occurrence of many phrases, overlapping ones too, in one pass (Aho & Corasick, 1975)."""

    def __init__(self, phrases: Sequence[str]) -> None:
        """Build the automaton for `phrases`; their positions are the numbers in what it finds."""
        from ahocorasick_rs import AhoCorasick

        strings = [(string, number) for number, phrase in enumerate(phrases) for string in spellings(phrase)]
        self._numbers = [number for _, number in strings]
        self._automaton = AhoCorasick([string for string, _ in strings])

    def find(self, normalised: str) -> Iterator[Found]:
        """Yield every occurrence in a text that `normalise` gave, by its end."""
        return map(Found._make, self.spans(normalised))

    def spans(self, normalised: str) -> list[tuple[int, int, int]]:
        """Return what `find` yields, as plain tuples: a paper has fifty, and the tagger looks at them all."""
        numbers, found = self._numbers, self._automaton.find_matches_as_indexes(normalised, overlapping=True)
        # the character before the first is the last one
        text = normalised + " "
        return [
            (numbers[index], start, end)
            for index, start, end in found
            if not (text[end].isalnum() or text[start - 1].isalnum())
        ]
