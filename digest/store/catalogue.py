"""Papers as they are looked up: candidates, records, search. May import models, text, protocols and the schema."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, select

from digest import text
from digest.models import EditionRef, Known, Listing, Paper, Sighting
from digest.protocols import PaperRecord
from digest.store.schema import aliases, dumps, editions, entries, papers, searchable, sightings, tags, versions
from digest.store.values import portions, tags_of

Rows = dict[int, list[Row[Any]]]


# Candidates


def known(connection: Connection, listings: Sequence[Listing]) -> list[Known]:
    """Return every paper that shares an alias or a compact title with a listing, by key."""
    ids = _with_alias(connection, listings) | _with_title(connection, listings)
    texts = _texts(connection, ids)
    found = [Known(paper=paper, texts=tuple(texts[id])) for id, paper in load(connection, ids).items()]
    return sorted(found, key=lambda known: known.paper.key)


def _with_alias(connection: Connection, listings: Iterable[Listing]) -> set[int]:
    """Return papers that have an id of a listing; by the primary key of aliases."""
    wanted = {(_registry(alias.scheme), alias.value) for listing in listings for alias in listing.ids}
    found = set()
    for portion in portions({value for _, value in wanted}):
        query = select(aliases.c.value, aliases.c.scheme, aliases.c.paper).where(aliases.c.value.in_(portion))
        found |= {paper for value, scheme, paper in connection.execute(query) if (_registry(scheme), value) in wanted}
    return found


def _registry(scheme: str) -> str:
    """Return who gave the ids of a scheme: a Hugging Face id is the arXiv id."""
    return "arxiv" if scheme == "hf" else scheme


def _with_title(connection: Connection, listings: Iterable[Listing]) -> set[int]:
    """Return papers with a version of a listing's compact title; by the index on versions.title_key."""
    wanted = {text.compact(listing.title) for listing in listings} - {""}
    found = set()
    for portion in portions(map(text.key64, wanted)):
        query = select(versions.c.paper, versions.c.title).where(versions.c.title_key.in_(portion))
        found |= {paper for paper, title in connection.execute(query) if text.compact(title) in wanted}
    return found


def load(connection: Connection, ids: Iterable[int]) -> dict[int, Paper]:
    """Return papers by id; by the primary key."""
    found: dict[int, Paper] = {}
    for portion in portions(ids):
        query = select(papers.c.id, papers.c.data).where(papers.c.id.in_(portion))
        found |= {id: Paper.model_validate_json(data) for id, data in connection.execute(query)}
    return found


def _texts(connection: Connection, ids: Iterable[int]) -> Mapping[int, list[tuple[str, str]]]:
    """Return the texts of papers, in the order they came; by the index on versions.paper."""
    found = defaultdict(list)
    for portion in portions(ids):
        query = select(versions.c.paper, versions.c.title, versions.c.abstract)
        # by id alone, SQLite would read all versions in their order
        query = query.where(versions.c.paper.in_(portion)).order_by(versions.c.paper, versions.c.id)
        for paper, title, abstract in connection.execute(query):
            found[paper].append((title, abstract))
    return found


# Records


def paper(connection: Connection, name: str) -> PaperRecord | None:
    """Return the record of a paper named by its key, an id, or `scheme:id`."""
    ids = _ids(connection, [name]) or _named(connection, name)
    return next(iter(_records(connection, ids).values()), None)


def records(connection: Connection, keys: Iterable[str]) -> dict[str, PaperRecord]:
    """Return the records of papers by key; unknown keys are left out."""
    found: dict[str, PaperRecord] = {}
    for portion in portions(keys):
        found |= _records(connection, _ids(connection, portion))
    return found


def _ids(connection: Connection, keys: list[str]) -> list[int]:
    """Return ids of keys; by the unique index on papers.key."""
    return list(connection.execute(select(papers.c.id).where(papers.c.key.in_(keys))).scalars())


def _named(connection: Connection, name: str) -> list[int]:
    """Return the id of the paper with an alias, the oldest where several fit; by the primary key of aliases."""
    scheme, _, value = name.partition(":")
    rows = connection.execute(
        select(aliases.c.scheme, aliases.c.value, aliases.c.paper).where(aliases.c.value.in_([name, value]))
    )
    return sorted(row.paper for row in rows if row.value == name or row.scheme == scheme)[:1]


def _records(connection: Connection, ids: list[int]) -> dict[str, PaperRecord]:
    """Return the records of a portion of papers."""
    texts, printed = _versions(connection, ids), _entries(connection, ids)
    seen, tagged = listed(connection, ids), _tags(connection, ids)
    return {
        paper.key: PaperRecord(
            paper=paper,
            versions=[(row.title, row.abstract, row.date) for row in texts[id]],
            editions=[(row.newsletter, EditionRef(number=row.number, date=row.date), row.kind) for row in printed[id]],
            sightings=[(row.source, row.name, row.date, row.kind, row.rule) for row in seen[id]],
            counts=by_date(seen[id]),
            tags={row.taxonomy: tags_of(row.tags) for row in tagged[id]},
        )
        for id, paper in load(connection, ids).items()
    }


def grouped(rows: Iterable[Row[Any]]) -> Rows:
    """Return rows by their paper, in their order."""
    found: Rows = defaultdict(list)
    for row in rows:
        found[row.paper].append(row)
    return found


def _versions(connection: Connection, ids: list[int]) -> Rows:
    """Return versions with the dates of their dumps, oldest first; by the index on versions.paper."""
    return grouped(
        connection.execute(
            select(versions.c.paper, versions.c.title, versions.c.abstract, dumps.c.date)
            .join(dumps, dumps.c.id == versions.c.dump)
            .where(versions.c.paper.in_(ids))
            .order_by(dumps.c.date, versions.c.id)
        )
    )


def _entries(connection: Connection, ids: list[int]) -> Rows:
    """Return entries with their editions, oldest first; by the primary keys of entries and editions."""
    return grouped(
        connection.execute(
            select(entries.c.paper, entries.c.newsletter, entries.c.number, entries.c.kind, editions.c.date)
            .join(editions)
            .where(entries.c.paper.in_(ids))
            .order_by(editions.c.instant, entries.c.newsletter, entries.c.number)
        )
    )


def listed(connection: Connection, ids: Any, log_end: int | None = None) -> Rows:
    """Return sightings with their dumps, oldest first; by the index on sightings (paper, dump).

    Args:
        connection: where to ask.
        ids: ids of papers, or a query for them.
        log_end: leave out commits after the log's end was this.
    """
    query = (
        select(
            sightings.c.paper,
            sightings.c.kind,
            sightings.c.rule,
            sightings.c.comments,
            sightings.c.upvotes,
            dumps.c.source,
            dumps.c.name,
            dumps.c.date,
        )
        .join(dumps, dumps.c.id == sightings.c.dump)
        .where(sightings.c.paper.in_(ids))
        .order_by(dumps.c.date, dumps.c.seq, sightings.c.position)
    )
    if log_end is not None:
        query = query.where(dumps.c.log_end <= log_end)
    return grouped(connection.execute(query))


def by_date(rows: Iterable[Row[Any]]) -> tuple[Sighting, ...]:
    """Return one sighting a date, with the last counts of that date; a listing without a count hides none."""
    found: dict[Any, Sighting] = {}
    for row in rows:
        before = found.get(row.date)
        found[row.date] = Sighting(
            date=row.date,
            comments=before.comments if before and row.comments is None else row.comments,
            upvotes=before.upvotes if before and row.upvotes is None else row.upvotes,
        )
    return tuple(found.values())


def _tags(connection: Connection, ids: list[int]) -> Rows:
    """Return tags of all taxonomies; by the primary key of tags."""
    return grouped(connection.execute(select(tags).where(tags.c.paper.in_(ids)).order_by(tags.c.taxonomy)))


# Search


def search(connection: Connection, words: str, limit: int) -> list[Paper]:
    """Return papers whose title or abstract holds every word, whole; newest first.

    Reads folded texts along the index on papers.first_seen until `limit` are found: the one question that may read
    all papers.
    """
    wanted = text.fold(words).split()
    if not wanted or limit < 1:
        return []
    query = select(papers.c.data, searchable.c.folded).join(searchable)
    for word in wanted:
        query = query.where(searchable.c.folded.contains(word, autoescape=True))
    patterns = [re.compile(rf"(?<!\w){re.escape(word)}(?!\w)") for word in wanted]
    query = query.order_by(papers.c.first_seen.desc(), papers.c.id.desc())
    with connection.execution_options(yield_per=200).execute(query) as rows:
        fits = (data for data, folded in rows if all(pattern.search(folded) for pattern in patterns))
        return [Paper.model_validate_json(data) for data in islice(fits, limit)]
