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
from digest.store.rows import among, ask
from digest.store.schema import (
    aliases,
    dumps,
    editions,
    entries,
    papers,
    searchable,
    sightings,
    tags,
    versions,
)
from digest.store.types import escape, unescape
from digest.store.values import numbers, portions, tags_of

Rows = dict[int, list[Row[Any]]]

_ALIASED = "SELECT value, scheme, paper FROM aliases WHERE value"
_TITLED = "SELECT DISTINCT paper FROM versions WHERE title_key IN"
_SKETCHED = "SELECT hash, paper FROM sketches WHERE hash IN"
_MERGED = 'SELECT id, "key", "into" FROM papers WHERE "into" IN'
_PARTED = "SELECT paper, other FROM decisions WHERE kind = 'split' AND undone IS NULL AND"
_PAPERS = "SELECT id, data FROM papers WHERE id IN"
_TEXTS = "SELECT paper, title, abstract FROM versions WHERE paper IN"


# Candidates


def known(connection: Connection, listings: Sequence[Listing]) -> list[Known]:
    """Return every paper that shares an alias, a compact title or a part of the sketch with a listing, by key.

    A listing that an alias or its whole text finds is not looked for by its sketch.
    """
    aliased = _with_alias(connection, listings)
    titled = _with_title(connection, listings)
    texts = _texts(connection, titled | set(aliased.values()))
    told = {one for id in titled for one in texts[id]}
    rest = [one for one in listings if (one.title, one.abstract) not in told and not _named_by(one, aliased)]
    near = _with_sketch(connection, rest)
    texts |= _texts(connection, near.keys() - texts.keys())
    former, parted, stored = _former(connection, texts), _parted(connection, texts), load(connection, texts)
    found = [
        Known(
            paper=paper,
            texts=tuple(texts[id]),
            sketch=tuple(near.get(id, ())),
            former=tuple(former.get(id, ())),
            parted=tuple(stored[other].key for other in _linked(parted, id) if other in stored),
        )
        for id, paper in stored.items()
    ]
    return sorted(found, key=lambda known: known.paper.key)


def _named_by(listing: Listing, aliased: Mapping[tuple[str, str], int]) -> bool:
    return any((_registry(alias.scheme), alias.value) in aliased for alias in listing.ids)


def _with_alias(connection: Connection, listings: Iterable[Listing]) -> dict[tuple[str, str], int]:
    """Return the papers that ids of listings name; by the primary key of aliases."""
    wanted = {(_registry(alias.scheme), alias.value) for listing in listings for alias in listing.ids}
    found: dict[tuple[str, str], int] = {}
    for portion in portions({value for _, value in wanted}):
        values, told = among(connection, list(map(escape, portion)))
        for stored, scheme, paper in ask(connection, f"{_ALIASED} {values}", told):
            name = _registry(scheme), unescape(stored)
            if name in wanted:
                found[name] = paper
    return found


def _registry(scheme: str) -> str:
    """Return who gave the ids of a scheme: a Hugging Face id is the arXiv id."""
    return "arxiv" if scheme == "hf" else scheme


def _with_title(connection: Connection, listings: Iterable[Listing]) -> set[int]:
    """Return papers with a version of a listing's compact title; by the index on title_key.

    That two titles have one key by chance, out of 2**64, only makes a candidate that nothing speaks for.
    """
    wanted = {text.compact(listing.title) for listing in listings} - {""}
    found: set[int] = set()
    # in the order of the key: pages are met once
    for portion in portions(sorted(map(text.key64, wanted))):
        found.update(paper for (paper,) in ask(connection, f"{_TITLED} ({numbers(portion)})"))
    return found


def _with_sketch(connection: Connection, listings: Sequence[Listing]) -> dict[int, list[int]]:
    """Return the papers that share most of a listing's sketch, with what they share; by the primary key of sketches."""
    having: dict[int, list[int]] = {}
    # in the order of the key: pages are met once
    for portion in portions(sorted({one for listing in listings for one in listing.sketch})):
        for one, paper in ask(connection, f"{_SKETCHED} ({numbers(portion)}) ORDER BY hash, paper"):
            having.setdefault(one, []).append(paper)
    found: defaultdict[int, set[int]] = defaultdict(set)
    for listing in listings:
        for paper, _ in text.nearest(listing.sketch, having):
            found[paper].update(one for one in listing.sketch if paper in having.get(one, ()))
    return {paper: sorted(values) for paper, values in found.items()}


def _former(connection: Connection, ids: Iterable[int]) -> dict[int, list[str]]:
    """Return the keys of papers that were merged into others; by the index on papers.into."""
    found: dict[int, list[str]] = {}
    todo = {id: id for id in ids}
    while todo:
        more: dict[int, int] = {}
        for portion in portions(todo):
            for id, key, into in ask(connection, f"{_MERGED} ({numbers(portion)})"):
                found.setdefault(todo[into], []).append(unescape(key))
                more[id] = todo[into]
        todo = more
    return found


def _parted(connection: Connection, ids: Iterable[int]) -> dict[int, list[int]]:
    """Return whom people split from papers, and from those, both ways; by the indexes on both sides of decisions."""
    found: dict[int, list[int]] = {}
    todo, met = set(ids), set()
    while todo:
        for portion in portions(todo):
            wanted = numbers(portion)
            for paper, other in ask(connection, f"{_PARTED} (paper IN ({wanted}) OR other IN ({wanted}))"):
                for one, two in ((paper, other), (other, paper)):
                    if two not in found.setdefault(one, []):
                        found[one].append(two)
        met |= todo
        todo = found.keys() - met
    return found


def _linked(parted: Mapping[int, Sequence[int]], id: int) -> list[int]:
    """Return whom one decision after the other parted from a paper, the nearest first."""
    found = [id]
    for one in found:
        found += [other for other in parted.get(one, ()) if other not in found]
    return found[1:]


def load(connection: Connection, ids: Iterable[int]) -> dict[int, Paper]:
    """Return papers by id; by the primary key."""
    found: dict[int, Paper] = {}
    read = Paper.__pydantic_validator__.validate_json
    for portion in portions(ids):
        found.update((id, read(data)) for id, data in ask(connection, f"{_PAPERS} ({numbers(portion)})"))
    return found


def _texts(connection: Connection, ids: Iterable[int]) -> dict[int, list[tuple[str, str]]]:
    """Return the texts of papers, in the order they came; by the index on versions.paper."""
    found: dict[int, list[tuple[str, str]]] = {}
    for portion in portions(ids):
        # by id alone, SQLite would read all versions in their order
        for paper, title, abstract in ask(connection, f"{_TEXTS} ({numbers(portion)}) ORDER BY paper, id"):
            found.setdefault(paper, []).append((unescape(title), unescape(abstract)))
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
    """Return ids of keys, those of merged papers as what they were merged into; by the unique index on papers.key."""
    return list(dict.fromkeys(id for id, _ in with_keys(connection, keys)))


def with_keys(connection: Connection, keys: list[str]) -> list[tuple[int, str]]:
    """Return id and key of the papers that keys name, of merged ones what they were merged into."""
    return list(named(connection, keys).values())


def named(connection: Connection, keys: Iterable[str]) -> dict[str, tuple[int, str]]:
    """Return key -> (id, key) of the paper it names now; by the unique index on papers.key and the primary key."""
    columns = (papers.c.id, papers.c.key, papers.c.into)
    rows: dict[str, Row[Any]] = {}
    for portion in portions(keys):
        rows |= {row.key: row for row in connection.execute(select(*columns).where(papers.c.key.in_(portion)))}
    while merged := {row.into for row in rows.values() if row.into is not None}:
        found: dict[int, Row[Any]] = {}
        for portion in portions(merged):
            found |= {row.id: row for row in connection.execute(select(*columns).where(papers.c.id.in_(portion)))}
        rows = {key: row if row.into is None else found[row.into] for key, row in rows.items()}
    return {key: (row.id, row.key) for key, row in rows.items()}


def find(connection: Connection, name: str) -> int | None:
    """Return the id of a paper named by its key, an id, or `scheme:id`."""
    return next(iter(_ids(connection, [name]) or _named(connection, name)), None)


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
