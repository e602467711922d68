"""How well a tagger's tags agree with tags that people gave. May import models, text and errors."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from digest.errors import TaxonomyError
from digest.tagging.tagger import Tagger
from digest.text import compact


@dataclass(frozen=True)
class Labelled:
    """A paper with the tags that a person gave it; `abstract` is None where the file has none."""

    title: str
    tags: frozenset[str]
    abstract: str | None = None


@dataclass(frozen=True)
class TagScore:
    """How one tag did."""

    tag: str
    #: papers that have it by the labels, by the tagger, by both
    labelled: int
    given: int
    right: int

    @property
    def precision(self) -> float:
        """The share of those given that are right; 0 where none was given."""
        return _ratio(self.right, self.given)

    @property
    def recall(self) -> float:
        """The share of those labelled that were given; 0 where none was labelled."""
        return _ratio(self.right, self.labelled)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return _ratio(2 * self.right, self.labelled + self.given)


@dataclass(frozen=True)
class Scores:
    """How the tags of `n` papers agree with their labels; shares are 0..1."""

    n: int
    #: over all (paper, tag) pairs
    precision: float
    recall: float
    micro_f1: float
    #: share of papers with at least one right tag
    any_hit: float
    #: share of papers without any tag
    untagged: float
    #: tags given that no label of the file uses, each a wrong one in `precision`: the labels may know fewer topics
    foreign: int
    #: papers of which only the title was known
    without_abstract: int
    #: labels that are no leaf of the taxonomy; nothing can give them
    unknown: tuple[str, ...]
    #: most labelled first
    tags: tuple[TagScore, ...]


def read_labelled(path: Path) -> tuple[Labelled, ...]:
    """Read labelled papers, one JSON object a line: `title`, `tags`, perhaps `abstract`; other keys are passed over.

    Raises:
        TaxonomyError: the file cannot be read, or a line has another form; the message names the line.
    """
    try:
        lines = path.read_bytes().decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TaxonomyError(f"{path}: the labelled papers cannot be read: {error}") from error
    papers = tuple(_labelled(line, f"{path}, line {n}") for n, line in enumerate(lines, 1) if line.strip())
    if not papers:
        raise TaxonomyError(f"{path}: no labelled papers in it; {_FORM}")
    return papers


def evaluate(tagger: Tagger, labelled: Iterable[Labelled], abstracts: Mapping[str, str] | None = None) -> Scores:
    """Tag every labelled paper and compare.

    Args:
        tagger: what is measured.
        labelled: papers with the tags that people gave.
        abstracts: compact title (`text.compact`) -> abstract, for papers without one of their own.
    """
    papers = list(labelled)
    texts = [paper.abstract or (abstracts or {}).get(compact(paper.title), "") for paper in papers]
    given = [
        frozenset(tag.id for tag in tagger.tag(paper.title, text)) for paper, text in zip(papers, texts, strict=True)
    ]
    by_label = Counter(tag for paper in papers for tag in paper.tags)
    by_tagger = Counter(tag for tags in given for tag in tags)
    both = [paper.tags & tags for paper, tags in zip(papers, given, strict=True)]
    right = Counter(tag for tags in both for tag in tags)
    leaves = {name.id for name in tagger.taxonomy.names if name.parent}
    return Scores(
        n=len(papers),
        precision=_ratio(right.total(), by_tagger.total()),
        recall=_ratio(right.total(), by_label.total()),
        micro_f1=_ratio(2 * right.total(), by_label.total() + by_tagger.total()),
        any_hit=_ratio(sum(map(bool, both)), len(papers)),
        untagged=_ratio(sum(not tags for tags in given), len(papers)),
        foreign=sum(count for tag, count in by_tagger.items() if tag not in by_label),
        without_abstract=sum(not text for text in texts),
        unknown=tuple(sorted(set(by_label) - leaves)),
        tags=tuple(
            TagScore(tag, by_label[tag], by_tagger[tag], right[tag])
            for tag in sorted({*by_label, *by_tagger}, key=lambda tag: (-by_label[tag], -by_tagger[tag], tag))
        ),
    )


_FORM = 'a line is like {"title": "...", "tags": ["snn"]}, with "abstract" where it is known'


def _labelled(line: str, where: str) -> Labelled:
    try:
        data = json.loads(line)
        title, tags, abstract = data["title"], data["tags"], data.get("abstract")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise TaxonomyError(f"{where}: no labelled paper ({error}); {_FORM}") from error
    typed = isinstance(title, str) and isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)
    if not typed or not isinstance(abstract, str | None):
        raise TaxonomyError(f"{where}: no labelled paper; {_FORM}")
    return Labelled(title, frozenset(tags), abstract)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
