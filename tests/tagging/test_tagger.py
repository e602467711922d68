"""Tags: strongest first, with the evidence that earned them; mere mention earns none."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from digest.models import Tag
from digest.tagging import Tagger, load_taxonomy
from digest.tagging.taxonomy import parse_rules

SMALL = """
name = "small"
[parents.p]
name = "Parent"
[leaves.graph]
name = "Graphs"
parent = "p"
phrases.4 = ["graph neural network"]
phrases.3 = ["graph"]
phrases.1 = ["node"]
not_within = ["computation graph"]
unless = ["bar graph"]
[leaves.prune]
name = "Pruning"
parent = "p"
phrases.4 = ["pruning"]
phrases.1 = ["node"]
[leaves.robot]
name = "Robots"
parent = "p"
phrases.4 = ["robot"]
"""


@pytest.fixture(scope="module")
def small() -> Tagger:
    return Tagger(parse_rules(SMALL, "small.toml"))


@pytest.fixture(scope="module")
def ml() -> Tagger:
    return load_taxonomy()


def ids(tags: tuple[Tag, ...]) -> list[str]:
    return [tag.id for tag in tags]


def test_every_phrase_counts_also_one_inside_another(small: Tagger) -> None:
    (tag,) = small.tag("Graph neural networks", "We use graph neural networks.")
    assert tag.id == "graph"
    assert {(evidence.phrase, evidence.where) for evidence in tag.evidence} == {
        ("graph neural network", "title"), ("graph", "title"), ("graph neural network", "lead"), ("graph", "lead"),
    }  # fmt: skip
    assert [evidence.weight for evidence in tag.evidence] == sorted((e.weight for e in tag.evidence), reverse=True)
    assert sum(evidence.weight for evidence in tag.evidence) == pytest.approx(tag.score, abs=0.05)


def test_title_lead_and_abstract_are_told_apart(small: Tagger) -> None:
    (tag,) = small.tag("Pruning", "Pruning of vol. 3, e.g. pruning, is old. Pruning of a graph is pruning.")
    assert {evidence.where for evidence in tag.evidence} == {"title", "lead", "abstract"}
    lead_only = small.tag("Pruning", "Models such as e.g. these need pruning. Nothing follows.")
    assert {evidence.where for evidence in lead_only[0].evidence} == {"title", "lead"}


def test_the_title_outweighs_the_abstract_and_order_is_by_score(small: Tagger) -> None:
    text = "Machines cost. This paper is about robots and pruning, pruning and robots."
    assert ids(small.tag("Robots", text))[0] == "robot"
    assert ids(small.tag("Pruning", text))[0] == "prune"
    both = small.tag("Robots for pruning a graph neural network", text)
    assert [tag.score for tag in both] == sorted((tag.score for tag in both), reverse=True)


def test_what_is_said_again_or_claimed_counts_more(small: Tagger) -> None:
    once = small.tag("Pruning", "First one. Then pruning.")[0].score
    assert small.tag("Pruning", "First one. Then pruning, and pruning.")[0].score > once
    assert small.tag("Pruning", "First one. Now we propose pruning.")[0].score > once


def test_a_claim_reaches_from_its_words_to_the_end_of_its_sentence(small: Tagger) -> None:
    def score(abstract: str) -> float:
        return small.tag("Pruning", abstract)[0].score

    unclaimed = score("First one. Now it is told. Then pruning.")
    assert score("First one. Now we propose it. Then pruning.") == unclaimed
    assert score("First one. Then pruning. Now we propose it.") == unclaimed
    assert score("First one. By pruning we propose it. That is all.") == unclaimed
    claimed = score("First one. Now it is told. Then we propose pruning.")
    assert claimed > unclaimed
    assert score("First one. Now we propose it. Then we present pruning.") == claimed
    assert score("First one. In this work, we propose it, and pruning.") == claimed


def test_a_phrase_within_a_blocking_one_does_not_count(small: Tagger) -> None:
    assert small.tag("Computation graphs", "The computation graph of a computation graph.") == ()
    assert ids(small.tag("A graph and its computation graph", "The graph is a graph. A graph.")) == ["graph"]


def test_an_excluding_phrase_removes_the_tag_alone(small: Tagger) -> None:
    assert ids(small.tag("Pruning graph neural networks", "A text.")) == ["graph", "prune"]
    assert ids(small.tag("Pruning graph neural networks", "A text. With a bar-graph.")) == ["prune"]


def test_a_tag_far_below_the_strongest_is_not_given(small: Tagger) -> None:
    alone = "A text. We propose it."
    strong = "Graph neural networks are graphs. We propose graph neural networks, graph neural networks on graphs."
    assert ids(small.tag("Pruning of networks", alone)) == ["prune"]
    assert ids(small.tag("Pruning of graph neural networks", strong)) == ["graph"]


def test_no_text_and_no_phrase_earn_no_tag(small: Tagger) -> None:
    assert small.tag("", "") == ()
    assert small.tag("On nothing", "A node is mentioned once.") == ()


def test_mere_mention_in_a_first_sentence_earns_no_tag(ml: Tagger) -> None:
    tags = ml.tag(
        "Structured pruning of convolutional networks",
        "Deep learning has had success in natural language processing, speech recognition and robotics. "
        "We propose a pruning criterion that removes filters. The pruned networks keep their accuracy.",
    )
    assert ids(tags) == ["prune"]


@pytest.mark.parametrize(
    ("title", "abstract", "tag"),
    [
        ("Faster text-to-image sampling", "We speed up diffusion models.", "gen"),
        ("Grasping with few demonstrations", "We study robot manipulation and imitation learning.", "rl"),
        ("A corpus of court decisions for large language models", "We fine-tune LLMs on it.", "llm"),
        ("Streaming ASR for children", "We improve speech recognition.", "audio"),
        ("Operator learning for turbulence", "Neural operators solve partial differential equations.", "sci"),
        (
            "Bounds for two-layer networks",
            "We prove a generalisation bound in the neural tangent kernel regime.",
            "theory",
        ),
        ("Averaging what clients know", "Data stay local. We study federated learning with non-IID clients.", "fed"),
        ("Segmenting retinal vessels", "We segment medical images of patients with diabetic retinopathy.", "medical"),
        (
            "Chatting about pictures",
            "Pictures say much. We present a vision-language model for visual question answering.",
            "multimodal",
        ),
    ],
)
def test_the_bundled_taxonomy_knows_the_breadth_of_machine_learning(
    ml: Tagger, title: str, abstract: str, tag: str
) -> None:
    assert tag in ids(ml.tag(title, abstract))


def test_hostile_text_is_tagged_like_any_other(ml: Tagger) -> None:
    plain = ids(ml.tag("Spiking neural networks", ""))
    assert ids(ml.tag("\u202eSpiking\x00 ne\u0301ural \u2011networks 🦊\n\n$\\alpha$", "…")) != []
    assert ids(ml.tag("SPIKING NEURAL–NETWORKS", "\\" * 50 + "$" * 51)) == plain
    assert len(ml.tag("pruning " * 20_000, "graph neural network " * 20_000)) <= 3


def test_tagging_is_fast_and_its_matcher_loaded_only_when_needed(ml: Tagger) -> None:
    abstract = "We prune spiking neural networks and quantise graph transformers for large language models. " * 15
    start = time.process_time()
    for _ in range(50):
        ml.tag("Pruning spiking neural networks", abstract)
    assert (time.process_time() - start) / 50 < 0.01
    code = "import sys, digest.tagging, digest.tagging.evaluate; sys.exit('ahocorasick_rs' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
