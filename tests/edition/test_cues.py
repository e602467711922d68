"""Cues: the words that are looked for first are in all that a pattern finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from digest import text
from digest.edition import cues
from tests.edition.made import seed

RARE = {name: cue for name, cue in vars(cues).items() if isinstance(cue, cues.Rare)}
#: sentences that have the cue, one for each of its forms
TOLD = {
    "BY": [
        *(f"it helps by {act}ing" for act in "propos introduc present develop design build creat devis".split()),
        *(f"a test and {act} it" for act in "propose introduce present develop design build".split()),
    ],
    "PASSIVE": [
        f"a net is newly {act}"
        for act in "proposed introduced presented developed described studied investigated derived analyzed analysed "
        "established proven explored examined".split()
    ],
    "RESULT": [
        *("an experiment", "experimental work", "empirical work", "extensive work", "a result", "all results"),
        *("evaluations", "it outperforms", "state-of-the-art", "sota", "benchmarks show", "benchmark demonstrate"),
    ],
    "CODE": [
        *(f"{thing} is {way}" for thing in ("code", "our github", "the demo") for way in ("available", "released")),
        *(f"{thing} can be {way}" for thing in ("website", "datasets") for way in ("found", "accessible", "at http")),
        *("https://example.org", "we open-source our work", "opensource all", "and release the code"),
    ],
    "ADDED": [
        *(f"we {word} do" for word in "also further additionally then finally next furthermore".split()),
        *(f"this work {word} does" for word in "subsequently similarly lastly".split()),
        *("our second step", "the third step"),
    ],
}


@pytest.mark.parametrize("name", RARE)
def test_every_form_of_a_rare_cue_is_found(name: str) -> None:
    cue = RARE[name]
    assert TOLD[name]
    assert [told for told in TOLD[name] if not (cue.pattern.search(told) and cue.within(told))] == []


@pytest.mark.parametrize("name", RARE)
def test_looking_for_words_first_loses_nothing(name: str, seeds: Path) -> None:
    cue = RARE[name]
    prose = [one.paper.abstract for path in seeds.glob("*.txt") for one in seed(path)[1]]
    sentences = [text.lowered(sentence) for abstract in prose for sentence in text.sentences(abstract)]
    assert [one for one in sentences if cue.within(one) != bool(cue.pattern.search(one))] == []
