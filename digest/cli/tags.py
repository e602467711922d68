"""`digest tags`: judges the taxonomy."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from digest.bootstrap import System
from digest.cli import screen
from digest.cli.common import Asked, options
from digest.models import Listing, Span
from digest.tagging.evaluate import Labelled, evaluate, read_labelled
from digest.text import compact, count_noun


@click.group()
def command() -> None:
    """Judge the taxonomy against tags given by hand."""


@command.command("evaluate")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@options
def evaluate_command(asked: Asked, file: Path) -> None:
    """Print precision, recall, micro-F1, any-hit and untagged for papers with tags given by hand.

    FILE has one JSON object a line: {"title": "...", "tags": ["gnn"], "abstract": "..."}; where the abstract is
    missing, it is looked up by title among the papers known.
    """
    labelled = read_labelled(file)
    with asked.system() as system:
        tagger = system.parts.taggers[system.parts.newsletters[0].id]
        scores = evaluate(tagger, labelled, _abstracts(system, labelled))
    asked.tell(asdict(scores))
    if scores.without_abstract:
        missing = count_noun(scores.without_abstract, "paper")
        asked.say(f"{missing} of {scores.n} without an abstract, judged by the title alone.")
    if scores.unknown:
        asked.say(screen.wrap(f"Labels that are no leaf of the taxonomy: {', '.join(scores.unknown)}."))
    asked.say(
        f"{count_noun(scores.n, 'paper')}: precision {scores.precision:.3f}, recall {scores.recall:.3f}, "
        f"micro-F1 {scores.micro_f1:.3f},\n  any-hit {scores.any_hit:.3f}, untagged {scores.untagged:.3f}"
    )
    rows = [
        (one.tag, *map(str, (one.labelled, one.given, one.right)), f"{one.precision:.2f}", f"{one.recall:.2f}")
        for one in scores.tags
    ]
    asked.say(screen.table(("tag", "labelled", "given", "right", "precision", "recall"), rows))


def _abstracts(system: System, labelled: tuple[Labelled, ...]) -> dict[str, str]:
    """Look up the abstracts of titles among the papers known."""
    listings = [Listing(span=Span(first=1, last=1), title=one.title) for one in labelled if not one.abstract]
    return {compact(one.paper.title): one.paper.abstract for one in system.store.known(listings) if one.paper.abstract}
