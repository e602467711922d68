"""Evaluation: figures worked out by hand, and the bundled tagger's on labelled papers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from digest.errors import TaxonomyError
from digest.tagging import Tagger, load_taxonomy
from digest.tagging.evaluate import Labelled, TagScore, evaluate, read_labelled
from digest.tagging.taxonomy import parse_rules
from digest.text import compact
from tests.tagging.seeding import new_papers

FRUIT = """
name = "fruit"
[parents.fruit]
name = "Fruit"
[leaves.apple]
name = "Apples"
parent = "fruit"
phrases.4 = ["apple"]
[leaves.pear]
name = "Pears"
parent = "fruit"
phrases.4 = ["pear"]
"""


def test_figures_are_those_worked_out_by_hand() -> None:
    labelled = [
        Labelled("Apple and pear", frozenset({"apple", "pear"})),
        Labelled("Apple", frozenset({"pear"})),
        Labelled("Plum", frozenset({"plum"})),
        Labelled("What it is", frozenset({"apple"}), "An apple. Apples we propose: apple, apple, apple."),
        Labelled("A riddle", frozenset({"apple"})),
    ]
    scores = evaluate(
        Tagger(parse_rules(FRUIT, "f")), labelled, {"ariddle": "An apple. An apple, an apple; this work: apples."}
    )
    assert (scores.n, scores.without_abstract, scores.unknown, scores.foreign) == (5, 3, ("plum",), 0)
    assert scores.precision == pytest.approx(4 / 5)
    assert scores.recall == pytest.approx(4 / 6)
    assert scores.micro_f1 == pytest.approx(8 / 11)
    assert scores.any_hit == pytest.approx(3 / 5)
    assert scores.untagged == pytest.approx(1 / 5)
    assert scores.tags[0] == TagScore("apple", labelled=3, given=4, right=3)
    assert scores.tags[1].precision == 1
    assert scores.tags[1].recall == pytest.approx(1 / 2)
    assert scores.tags[2].f1 == 0


def test_tags_that_no_label_uses_are_counted() -> None:
    scores = evaluate(Tagger(parse_rules(FRUIT, "f")), [Labelled("Apple and pear", frozenset({"pear"}))])
    assert (scores.foreign, scores.precision, scores.recall) == (1, 0.5, 1)


def test_labelled_papers_are_read_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    lines = [{"title": "A", "tags": ["x", "y"], "idx": 3}, {"title": "B", "tags": [], "abstract": "Text"}]
    file.write_text("\n".join(map(json.dumps, lines)) + "\n\n", encoding="utf-8")
    assert read_labelled(file) == (Labelled("A", frozenset({"x", "y"})), Labelled("B", frozenset(), "Text"))


@pytest.mark.parametrize(
    "line",
    ["{", "[]", "3", '{"title": "A"}', '{"title": 3, "tags": []}', '{"title": "A", "tags": "x"}',
     '{"title": "A", "tags": [3]}', '{"title": "A", "tags": [], "abstract": 3}'],
)  # fmt: skip
def test_a_line_of_another_form_is_named(line: str, tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text('{"title": "A", "tags": ["x"]}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(TaxonomyError, match=r"labels\.jsonl, line 2: no labelled paper"):
        read_labelled(file)


def test_an_empty_or_missing_file_of_labels_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("\n", encoding="utf-8")
    for name in ("empty.jsonl", "missing.jsonl"):
        with pytest.raises(TaxonomyError, match=name):
            read_labelled(tmp_path / name)


def test_the_bundled_tagger_agrees_with_people_on_labelled_papers(data: Path, seeds: Path) -> None:
    abstracts = {compact(paper.title): paper.abstract for papers in new_papers(seeds).values() for paper in papers}
    scores = evaluate(load_taxonomy(), read_labelled(data / "labels" / "seed_tags.jsonl"), abstracts)
    assert (scores.n, scores.without_abstract, scores.unknown) == (83, 0, ())
    assert scores.precision >= 0.8
    assert scores.micro_f1 >= 0.8
    assert scores.any_hit >= 0.9
    assert scores.untagged <= 0.05
