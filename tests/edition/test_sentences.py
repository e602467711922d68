from __future__ import annotations

import pytest

from digest import text


@pytest.mark.parametrize(
    "sentences",
    [
        ["We use e.g. Adam.", "It costs $5.", "The rest is free."],
        ["Smith et al. Proved it.", "See Fig. 3 for it."],
        ["This holds for class A.", "We use it."],
        ["Let $a. B$ be a set.", "It is small."],
        ["It improves by 4.54% over v1.2 of it.", "eLSTM is good."],
        ["They differ in two aspects: 1. Size of data, 2. Shift of domain.", "This is hard."],
        ["Is it new?", "(It is.)", "“Yes!”"],
        ["The U.S. Army paid.", "J. Smith wrote it."],
        ["It costs $5.", "That is $6 less.", "Good."],
    ],
)
def test_sentences_are_told_apart(sentences):
    assert text.sentences(" ".join(sentences)) == sentences


def test_a_missing_space_between_sentences_is_seen():
    assert text.sentences("We have data.We use them. Node.js is no end.") == [
        "We have data.",
        "We use them.",
        "Node.js is no end.",
    ]


def test_paragraphs_end_sentences():
    assert text.sentences("A heading\n\nA sentence.") == ["A heading", "A sentence."]


def test_with_next_tells_what_follows():
    abstract = "It is hard. To mend this, we propose X. It works. The end."
    assert text.with_next(abstract, "We propose X.") == "We propose X. It works."
    assert text.with_next(abstract, "The end.") == "The end."
    assert text.with_next(abstract, "We propose…") == "We propose…"
    assert text.with_next(abstract, "") == ""


@pytest.mark.parametrize(
    ("phrase", "holds"),
    [("pruning", 1), ("Spiking neural network", 1), ("net", 0), ("étude", 1), ("ETUDE", 1), ("  ", 0), ("prune", 0)],
)
def test_phrases_are_whole_words(phrase, holds):
    assert text.has_phrase(text.searchable("Pruning of spiking-neural networks: an Étude"), phrase) == bool(holds)


@pytest.mark.parametrize(
    ("phrase", "prose", "written"),
    [
        ("gnn", "A fast GNN trainer", "GNN"),
        ("once for all", "Once-for-All: we train a once-for-all network", "once-for-all"),
        ("graph neural network", "Graph Neural Networks are here", "graph neural network"),
        ("kolmogorov arnold", "Kolmogorov-Arnold Networks", "Kolmogorov-Arnold"),
        ("3d gaussian splatting", "3D Gaussian Splatting", "3D Gaussian splatting"),
        ("hopfield", "Hopfield is here: https://github.com/x/hopfield-layers", "Hopfield"),
        ("absent", "Nothing of it", "absent"),
    ],
)
def test_phrases_are_shown_as_they_are_written(phrase, prose, written):
    assert text.as_written(phrase, prose) == written
