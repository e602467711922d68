"""The numbers and words, beside a taxonomy's own, that turn phrases into tags. Imports nothing of `digest`."""

from __future__ import annotations

from dataclasses import dataclass

#: Changes whenever the same taxonomy and numbers may give other tags than before.
ALGORITHM = 1

#: How authors begin to say what they did.
CLAIMS = (
    "we propose", "we present", "we introduce", "we develop", "we describe", "we design", "we derive", "we prove",
    "we study", "we investigate", "we explore", "we analyze", "we consider", "we address", "we show", "we find",
    "we demonstrate", "we train", "we build", "we release", "we evaluate", "is proposed", "this paper", "this work",
    "this article", "this study", "this thesis", "this survey", "this review", "our method", "our approach",
    "our framework", "our model",
)  # fmt: skip


@dataclass(frozen=True)
class Scoring:
    """The numbers that turn phrases into tags."""

    #: factors of the parts of the text; a first sentence often tells of other work
    title: float = 3.0
    lead: float = 0.75
    body: float = 1.0
    #: what a phrase weighs more in a sentence that says what was done
    claim: float = 0.5
    #: what each repetition adds to a phrase's weight in the body, up to three of them
    again: float = 0.2
    #: the strongest tag needs this score
    first: float = 8.0
    #: a further one this
    threshold: float = 10.0
    #: and this share of the strongest tag's
    relative: float = 0.55
    #: from the third tag on, this share
    third: float = 0.9
    #: a strongest tag above this does not raise what the others need
    enough: float = 28.0
    #: no paper has more tags
    most: int = 3


#: What the taxonomies here are written for.
SCORING = Scoring()
