"""`digest papers`: looks into the catalogue, and decides what identity left open."""

from __future__ import annotations

from dataclasses import asdict

import click

from digest import links
from digest.cli import screen
from digest.cli.common import Asked, options
from digest.errors import UsageError
from digest.models import Paper
from digest.protocols import PaperRecord, PossibleDuplicate
from digest.text import count_noun, shorten

#: who decides here, as the store notes it
BY = "cli"


@click.group()
def command() -> None:
    """Search and show what is known of papers, and decide which are one."""


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


@command.command("possible-duplicates")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@options
def possible_duplicates(asked: Asked, limit: int) -> None:
    """List pairs of papers that may be one work, newest first.

    `digest papers merge` makes a pair one paper, `digest papers apart` says that it is two.
    """
    with asked.system() as system:
        found = system.store.possible_duplicates(limit)
    asked.tell([{**asdict(pair), "date": str(pair.date)} for pair in found])
    for pair in found:
        asked.say(f"{pair.key:20}  {shorten(pair.title, 56)}\n{pair.other:20}  {shorten(pair.other_title, 56)}")
        asked.say(f"{'':22}{_scores(pair)}, {pair.date} {pair.source} {pair.dump}")
    if not found:
        asked.say("No pair is left to decide.")


def _scores(pair: PossibleDuplicate) -> str:
    title = "title not compared" if pair.title_score is None else f"title {pair.title_score:.0f}"
    return title if pair.abstract_score is None else f"{title}, abstract {pair.abstract_score:.0f}"


@command.command()
@click.argument("key")
@click.argument("into")
@click.option("--keep", metavar="KEY", help="Which of the two keys stays; the older one, unless told.")
@options
def merge(asked: Asked, key: str, into: str, keep: str | None) -> None:
    """Make two papers one.

    The other key goes on naming it. Published editions stay as they are; `digest papers split` takes it back.
    """
    with asked.system() as system:
        stays = system.store.merge(key, into, system.parts.clock(), BY, keep=keep)
    asked.tell({"key": stays})
    asked.say(f"One paper from now on: {stays}. `digest papers split {stays}` takes it back.")


@command.command()
@click.argument("key")
@click.option("--sighting", "sightings", type=click.IntRange(1), multiple=True,
              help="Make this listing of `digest papers show` a paper of its own; may be repeated.")  # fmt: skip
@options
def split(asked: Asked, key: str, sightings: tuple[int, ...]) -> None:
    """Take back the newest merge of a paper, or make some of its listings another paper."""
    with asked.system() as system:
        other = system.store.split(key, system.parts.clock(), BY, sightings=sightings)
    asked.tell({"key": key, "other": other})
    asked.say(f"Two papers from now on: {key} and {other}. `digest papers merge {other} {key}` takes it back.")


@command.command()
@click.argument("key")
@click.argument("other")
@options
def apart(asked: Asked, key: str, other: str) -> None:
    """Say that two papers are two works: they are not listed as possible duplicates again."""
    with asked.system() as system:
        system.store.apart(key, other, system.parts.clock(), BY)
    asked.tell({"key": key, "other": other})
    asked.say(f"{key} and {other} are two works.")


def _lines(record: PaperRecord) -> list[str]:
    paper = record.paper
    lines = [screen.wrap(paper.title, ""), f"  key     {paper.key}", *_facts(paper)]
    for newsletter, ref, change in record.editions:
        lines.append(f"  {change:7} {newsletter}/{ref.number} of {ref.date}")
    for number, (source, dump, day, change, rule) in enumerate(record.sightings, 1):
        known = f", known by {rule}" if rule != "none" else ""
        lines.append(f"  listed  {number}. {day} {source} {dump}: {change}{known}")
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
    if paper.venue:
        facts.append(f"  in      {paper.venue}")
    if paper.categories:
        facts.append(f"  filed   {', '.join(category.id for category in paper.categories)}")
    if paper.withdrawn:
        facts.append("  withdrawn")
    for name, count in (("comments", paper.comments), ("upvotes", paper.upvotes), ("stars", paper.stars)):
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
