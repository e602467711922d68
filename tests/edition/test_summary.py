from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest import text
from digest.edition.summary import summarise
from tests.edition.made import seed

#: what no summary begins with: lead-ins, connectives, background
BAD = re.compile(
    r"(?:to (?:overcome|address|tackle|solve|mitigate|this|bridge|fill|do)|however|moreover|furthermore|in this|in our"
    r"|specifically|therefore|motivated|inspired|in recent|recent|recently|deep learning|despite|while|although"
    r"|existing|additionally|thus|hence|based on|building on|nevertheless|consequently|finally|here|it|they|these"
    r"|such|there"
    r"|this (?!(?:\w+ ){0,2}(?:paper|work|study|article|survey|report|review|thesis|research|tutorial)))\b",
    re.IGNORECASE,
)


def is_cut(summary: str, abstract: str) -> bool:
    """Whether a summary is a run of its abstract, but for its first letter and an ellipsis at its end."""
    prose = " ".join(map(text.clean, text.sentences(abstract)))
    return summary.removesuffix("…").casefold() in prose.casefold()


@pytest.mark.parametrize(
    ("abstract", "summary"),
    [
        (
            "Batch norm is unstable in spiking networks. To overcome this, we propose CaRe-BN, which mends it.",
            "We propose CaRe-BN, which mends it.",
        ),
        (
            "In recent years, graphs have become popular. In this paper we introduce HiGPT, a graph language model.",
            "We introduce HiGPT, a graph language model.",
        ),
        (
            "Graph neural networks (GNNs) have shown success. However, they are slow. This paper introduces DiskGNN, "
            "a system for graphs on disks. Experiments show that it is 8x faster.",
            "This paper introduces DiskGNN, a system for graphs on disks.",
        ),
        (
            "Deep learning has revolutionised images. Specifically, a new training paradigm is proposed that joins two "
            "others. It is fast.",
            "A new training paradigm is proposed that joins two others.",
        ),
        (
            "Motivated by the recent success of LLMs, for the first time, this work studies their use in networking. "
            "We release our code at https://example.org/x.",
            "This work studies their use in networking.",
        ),
        (
            "Existing methods are limited, and we therefore present a robust one for small data sets of images.",
            "We therefore present a robust one for small data sets of images.",
        ),
        (
            "Training is costly. The method that we propose elsewhere is not enough. We show that pruning at the start "
            "of training keeps accuracy.",
            "We show that pruning at the start of training keeps accuracy.",
        ),
        (
            "Agents fail often. We address this by introducing GenEnv, a game between an agent and its simulator.",
            "We address this by introducing GenEnv, a game between an agent and its simulator.",
        ),
        ("Vibravox is a dataset of French speech.", "Vibravox is a dataset of French speech."),
        ("", ""),
    ],
)
def test_the_sentence_that_says_what_was_done(abstract, summary):
    assert summarise("A title", abstract) == summary


def test_the_work_a_title_names_comes_before_another_act():
    abstract = (
        "Unlike existing work, we introduce planning in large spaces with a strategy. "
        "This paper proposes DeltaNet, which mends all of that in one single pass."
    )
    assert summarise("DeltaNet: Planning in large spaces", abstract).startswith("This paper proposes DeltaNet")


def test_what_comes_first_is_what_was_done():
    rest = "It has a part that is told at length. " * 6
    first = "We propose a new way to train networks on graphs of many kinds."
    abstract = f"{first} {rest}We propose amber for readers of graphs of any size."
    assert summarise("Amber pruning", abstract) == first


def test_a_clause_that_hangs_on_another_is_no_summary():
    abstract = (
        "To train nets that we design by hand costs much time and money for all of us. "
        "We show that pruning at the start of training keeps the accuracy of all of them."
    )
    assert summarise("", abstract).startswith("We show that pruning")


def test_a_long_sentence_is_shortened_at_a_clause():
    abstract = (
        "We introduce a very long method (with brackets, and commas) that reads the first part of a text with care, "
        "which then goes on to a second part that nobody needs to read in a mail, "
        "while a third part, added late, tells of results on many benchmarks that everybody has seen before anyway."
    )
    summary = summarise("", abstract)
    assert summary.endswith("in a mail…")
    assert len(summary) <= 280
    assert is_cut(summary, abstract)


def test_brackets_are_never_left_open():
    abstract = f"We introduce a method ({'word ' * 80}end) that works."
    summary = summarise("", abstract)
    assert summary == "We introduce a method…"


@pytest.mark.parametrize("name", ["000", "001", "002", "003", "004"])
def test_seeds_begin_well(seeds, name):
    (path,) = seeds.glob(f"{name}_*.txt")
    for one in seed(path)[1]:
        summary = summarise(one.paper.title, one.paper.abstract)
        assert bool(summary) == bool(one.paper.abstract)
        assert not BAD.match(summary), summary
        assert is_cut(summary, one.paper.abstract), summary
        assert len(summary) <= 280


def abstracts(data: Path) -> list[tuple[str, str]]:
    """Return titles and abstracts of some hundred days of a listing."""
    found: list[tuple[str, str]] = []
    with tarfile.open(data / "daily-papers-json.tar.xz") as archive:
        for member in [one for one in archive if one.isfile()][::10]:
            file = archive.extractfile(member)
            assert file is not None
            rows: Any = json.load(file)
            papers = [row.get("paper") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
            found += [(one["title"], one["summary"]) for one in papers if isinstance(one, dict) and one.get("summary")]
    return found


def test_other_abstracts_begin_well(data):
    told = [(summarise(title, abstract), abstract) for title, abstract in abstracts(data)]
    bad = [summary for summary, _ in told if BAD.match(summary)]
    assert len(told) > 500
    assert len(bad) <= len(told) / 100, bad
    assert all(is_cut(summary, abstract) and 0 < len(summary) <= 280 for summary, abstract in told)


@given(st.text(max_size=400))
@settings(max_examples=150)
def test_any_text_gives_a_cut_of_itself(abstract):
    summary = summarise("A title", abstract)
    assert len(summary) <= 280
    assert "\n" not in summary


@given(st.lists(st.sampled_from(["We propose X (a", "b),", "$x$;", "however,", "to do so, we", "e.g. Y", "it. The"])))
@settings(max_examples=150)
def test_any_words_give_a_cut_of_themselves(words):
    abstract = " ".join(words * 8)
    assert is_cut(summarise("", abstract), abstract)
