"""`digest papers`: looks into the catalogue."""

from __future__ import annotations

import click

from digest import links
from digest.cli import screen
from digest.cli.common import Asked, options
from digest.errors import UsageError
from digest.models import Paper
from digest.protocols import PaperRecord
from digest.text import count_noun, shorten


@click.group()
def command() -> None:
    """Search and show what is known of papers."""


@command.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True)
@options
def search(asked: Asked, words: tuple[str, ...], limit: int) -> None:
    """List papers whose title or abstract holds every word, newest first."""
    with asked.system() as system:
        found = system.store.search(" ".join(words), limit)
    asked.tell([paper.model_dump(mode="json") for paper in found])
    for paper in found:
        asked.say(f"{paper.key:20}  {paper.first_seen}  {shorten(paper.title, 46)}")
    if not found:
        asked.say(f"No paper holds {' and '.join(words)}.")


@command.command()
@click.argument("key")
@options
def show(asked: Asked, key: str) -> None:
    """Show one paper: what is known of it, where it was listed, which editions had it.

    KEY is what `digest papers search` prints, or an id such as 2401.00001 or a DOI.
    """
    with asked.system() as system:
        record = system.store.paper(key)
    if record is None:
        raise UsageError(f"no paper {key!r}; `digest papers search WORDS` finds keys")
    asked.tell(_as_json(record))
    asked.say("\n".join(_lines(record)))


def _lines(record: PaperRecord) -> list[str]:
    paper = record.paper
    lines = [screen.wrap(paper.title, ""), f"  key     {paper.key}", *_facts(paper)]
    for newsletter, ref, change in record.editions:
        lines.append(f"  {change:7} {newsletter}/{ref.number} of {ref.date}")
    for source, dump, day, change, rule in record.sightings:
        lines.append(f"  listed  {day} {source} {dump}: {change}, known by {rule}" if rule != "none" else
                     f"  listed  {day} {source} {dump}: {change}")  # fmt: skip
    for tags in record.tags.values():
        for tag in tags:
            phrases = ", ".join(f'"{one.phrase}" in {one.where}' for one in tag.evidence[:3])
            lines.append(f"  tag     {tag.id} ({tag.score:.2f}): {phrases}")
    if paper.abstract:
        lines += ["", *(screen.wrap(paragraph, "") for paragraph in paper.abstract.split("\n\n"))]
    return lines


def _facts(paper: Paper) -> list[str]:
    facts = []
    if paper.authors:
        facts.append(f"  by      {', '.join(paper.authors)}")
    elif paper.author_count:
        facts.append(f"  by      {count_noun(paper.author_count, 'author')}")
    if paper.organization:
        facts.append(f"  from    {paper.organization.name}")
    if paper.published:
        facts.append(f"  date    {paper.published}")
    for name, count in (("comments", paper.comments), ("upvotes", paper.upvotes)):
        if count:
            facts.append(f"  {name:7} {count.value} as of {count.as_of}")
    url = links.work_url(paper)
    return [*facts, *([f"  work    {url}"] if url else [])]


def _as_json(record: PaperRecord) -> dict[str, object]:
    return {
        "paper": record.paper.model_dump(mode="json"),
        "versions": [{"title": title, "abstract": text, "date": str(day)} for title, text, day in record.versions],
        "editions": [{"newsletter": id, "number": ref.number, "date": str(ref.date), "change": change}
                     for id, ref, change in record.editions],
        "sightings": [{"source": source, "dump": dump, "date": str(day), "change": change, "rule": rule}
                      for source, dump, day, change, rule in record.sightings],
        "tags": {id: [tag.model_dump(mode="json") for tag in tags] for id, tags in record.tags.items()},
    }  # fmt: skip
