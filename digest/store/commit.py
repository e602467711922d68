"""The commit of a dump (tx 2): papers, texts, tags, sightings, changes. May import models, text, protocols, schema.

Every function here runs in the one write transaction: what it read stays true until it has written.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from digest import text
from digest.errors import StoreError
from digest.models import Listing, Paper
from digest.protocols import DumpOutcome
from digest.store.schema import (
    aliases,
    changes,
    decisions,
    dumps,
    papers,
    rejected,
    searchable,
    sightings,
    tags,
    versions,
)
from digest.store.types import escape
from digest.store.values import numbers, pairs, paper_json, portions, tags_json

_SKETCHED = "SELECT hash, count(*) FROM sketches WHERE hash IN"


@dataclass
class _Batch:
    """What is known while one dump is written."""

    connection: Connection
    outcome: DumpOutcome
    source: str
    #: number of this commit
    seq: int
    #: paper key -> the paper after the dump
    after: dict[str, Paper]
    #: paper key -> (id, stored JSON) before the dump
    before: dict[str, tuple[int, str]]
    ids: dict[str, int] = field(default_factory=dict)
    #: ids of the versions that the changes were listed under
    listed: list[int] = field(default_factory=list)

    def insert(self, table: Any, rows: list[dict[str, Any]]) -> None:
        """Insert rows at once."""
        if rows:
            self.connection.execute(insert(table), rows)


def source_and_name(connection: Connection, outcome: DumpOutcome) -> tuple[str, str] | None:
    """Return source and name of the dump; None where it was committed before; by the primary key."""
    query = select(dumps.c.source, dumps.c.name, dumps.c.seq).where(dumps.c.id == outcome.dump)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise StoreError(f"there is no dump {outcome.dump} in the store")
    return None if row.seq is not None else (row.source, row.name)


def write(connection: Connection, outcome: DumpOutcome, source: str) -> None:
    """Write all that a dump brought."""
    after = {change.paper.key: change.paper for change in outcome.changes}
    before = _stored(connection, after)
    _refuse_known(outcome, before)
    batch = _Batch(connection, outcome, source, last_commit(connection) + 1, after, before)
    _number(batch)
    _write_new(batch)
    _write_versions(batch)
    _write_tags(batch)
    _update_known(batch)
    _write_aliases(batch)
    # before the sightings of this dump are there
    here = _seen_here(batch)
    _write_sightings(batch)
    _write_rejected(batch)
    _close(batch, _write_changes(batch, here))


def mend(connection: Connection, outcome: DumpOutcome) -> None:
    """Write what a committed dump says when it is read again; by the primary keys of dumps, sightings, rejected.

    It keeps its place in the order of commits, so that a paper which it was the first to list is new with it. Its
    sightings are those of now; papers and texts that it no longer has stay.
    """
    row = connection.execute(select(dumps).where(dumps.c.id == outcome.dump, dumps.c.seq.is_not(None))).one_or_none()
    if row is None:
        raise StoreError(f"there is no committed dump {outcome.dump} in the store")
    outcome = replace(outcome, announce=bool(row.announced))
    after = {change.paper.key: change.paper for change in outcome.changes}
    before = _stored(connection, after)
    _refuse_known(outcome, before)
    batch = _Batch(connection, outcome, row.source, row.seq, after, before)
    _number(batch)
    _write_new(batch)
    _write_versions(batch)
    _write_tags(batch)
    _update_known(batch)
    _write_aliases(batch)
    here = _seen_here(batch, upto=row.seq)
    for table in (sightings, rejected):
        connection.execute(delete(table).where(table.c.dump == outcome.dump))
    _write_sightings(batch)
    _write_rejected(batch)
    _write_changes(batch, here)
    _close_again(batch, row)


def last_commit(connection: Connection) -> int:
    """Return the number of the last commit, mending or decision; by the unique indexes on each."""
    return max(last(connection, column) for column in (dumps.c.seq, dumps.c.mended, decisions.c.seq))


def last(connection: Connection, column: Any) -> int:
    """Return the greatest number given so far; by the column's own index."""
    return connection.execute(select(func.max(column))).scalar() or 0


def _stored(connection: Connection, keys: Iterable[str]) -> dict[str, tuple[int, str]]:
    """Return id and JSON of the papers that exist; by the unique index on papers.key."""
    found: dict[str, tuple[int, str]] = {}
    for portion in portions(keys):
        query = select(papers.c.key, papers.c.id, papers.c.data).where(papers.c.key.in_(portion))
        found |= {key: (id, data) for key, id, data in connection.execute(query)}
    return found


def _refuse_known(outcome: DumpOutcome, before: Mapping[str, tuple[int, str]]) -> None:
    """Refuse to overwrite a paper that came in after the listings were identified."""
    for change in outcome.changes:
        if change.kind == "new" and change.paper.key in before and not _dormant(before[change.paper.key][1]):
            raise StoreError(
                f"paper {change.paper.key} is called new but is in the store: another run was faster; run again"
            )


def _dormant(stored: str) -> bool:
    """Whether a stored paper was listed only as a replacement: then its first true listing is new."""
    return bool(json.loads(stored).get("dormant"))


def _number(batch: _Batch) -> None:
    batch.ids = {key: id for key, (id, _) in batch.before.items()}
    fresh = [key for key in batch.after if key not in batch.before]
    batch.ids |= dict(zip(fresh, range(last(batch.connection, papers.c.id) + 1, 2**63), strict=False))


# Papers


def _write_new(batch: _Batch) -> None:
    fresh = [(batch.ids[key], paper) for key, paper in batch.after.items() if key not in batch.before]
    batch.insert(
        papers,
        [
            {"id": id, "key": paper.key, "first_seen": paper.first_seen, "data": paper_json(paper)}
            for id, paper in fresh
        ],
    )
    batch.insert(searchable, [{"paper": id, "folded": folded(paper)} for id, paper in fresh])


def folded(paper: Paper) -> str:
    """Return what search reads of a paper."""
    return text.fold(f"{paper.title}\n{paper.abstract}")


def _update_known(batch: _Batch) -> None:
    """Update the papers that are no longer as they were; by the primary keys."""
    rows, words = [], []
    for key, (id, data) in batch.before.items():
        paper = batch.after[key]
        told = paper_json(paper)
        if told != data:
            rows.append({"at": id, "first_seen": paper.first_seen, "data": told})
            had = json.loads(data)
            if (had["title"], had.get("abstract", "")) != (paper.title, paper.abstract):
                words.append({"at": id, "folded": folded(paper)})
    if rows:
        batch.connection.execute(update(papers).where(papers.c.id == bindparam("at")), rows)
    if words:
        batch.connection.execute(update(searchable).where(searchable.c.paper == bindparam("at")), words)


def _write_aliases(batch: _Batch) -> None:
    """Give ids to papers; an id that has a paper keeps it; by the primary key of aliases."""
    wanted: dict[tuple[str, str], int] = {}
    for key, paper in batch.after.items():
        for alias in paper.ids:
            wanted.setdefault((alias.value, alias.scheme), batch.ids[key])
    for portion in portions({value for value, _ in wanted}):
        query = select(aliases.c.value, aliases.c.scheme).where(aliases.c.value.in_(portion))
        for value, scheme in batch.connection.execute(query):
            wanted.pop((value, scheme), None)
    batch.insert(aliases, [{"value": value, "scheme": scheme, "paper": id} for (value, scheme), id in wanted.items()])


# Texts


def _write_versions(batch: _Batch) -> None:
    """Add the texts that are new for their papers: as listed, and as the paper came to be."""
    known = _stored_texts(batch)
    first = last(batch.connection, versions.c.id) + 1
    rows: list[dict[str, Any]] = []

    sketched: dict[int, list[int]] = {}

    def version(paper: int, title: str, abstract: str, listing: Listing | None = None) -> int:
        key = text.key64(escape(f"{title}\n\n{abstract}"))
        if (paper, key) not in known:
            known[paper, key] = first + len(rows)
            for one in listing.sketch if listing else text.sketch(title, abstract):
                sketched.setdefault(one, []).append(paper)
            rows.append(
                {
                    "id": first + len(rows),
                    "paper": paper,
                    "title_key": text.key64(text.compact(title)),
                    "text_key": key,
                    "title": title,
                    "abstract": abstract,
                    "dump": batch.outcome.dump,
                }
            )
        return known[paper, key]

    for change in batch.outcome.changes:
        id, listing, paper = batch.ids[change.paper.key], change.listing, change.paper
        batch.listed.append(version(id, listing.title, listing.abstract, listing))
        if (paper.title, paper.abstract) != (listing.title, listing.abstract):
            version(id, paper.title, paper.abstract)
    batch.insert(versions, rows)
    write_sketches(batch.connection, sketched)


def write_sketches(connection: Connection, sketched: Mapping[int, list[int]]) -> None:
    """Let sketch values find papers, until HOT papers have one; by the primary key of sketches."""
    room: dict[int, int] = {}
    for portion in portions(sorted(sketched)):
        query = f"{_SKETCHED} ({numbers(portion)}) GROUP BY hash"
        room.update((one, text.HOT - count) for one, count in connection.exec_driver_sql(query).all())
    rows = [
        (one, paper)
        # in the order of the key, for the pages of the table to be met once
        for one, found in sorted(sketched.items())
        for paper in list(dict.fromkeys(found))[: max(0, room.get(one, text.HOT))]
    ]
    if rows:
        # many narrow rows: handed to the driver as they are
        place = "?" if connection.dialect.paramstyle == "qmark" else "%s"
        connection.exec_driver_sql(
            f"INSERT INTO sketches (hash, paper) VALUES ({place}, {place}) ON CONFLICT DO NOTHING",  # noqa: S608 - ours
            rows,
        )


def _stored_texts(batch: _Batch) -> dict[tuple[int, int], int]:
    """Return the versions of the papers at hand by (paper, text_key); by the index on versions.paper."""
    found: dict[tuple[int, int], int] = {}
    for portion in portions(id for id, _ in batch.before.values()):
        query = select(versions.c.paper, versions.c.text_key, versions.c.id).where(versions.c.paper.in_(portion))
        found |= {(paper, key): id for paper, key, id in batch.connection.execute(query)}
    return found


# Tags


def _write_tags(batch: _Batch) -> None:
    for taxonomy, tagged in batch.outcome.tags.items():
        told = {_id(batch, key): tags_json(given) for key, given in tagged.items()}
        before = _stored_tags(batch, taxonomy, told)
        moved = {id: given for id, given in told.items() if id in before and before[id] != given}
        batch.insert(tags, [{"paper": id, "taxonomy": taxonomy, "tags": told[id]} for id in told if id not in before])
        if moved:
            _update_tags(batch, taxonomy, moved)


def _id(batch: _Batch, key: str) -> int:
    try:
        return batch.ids[key]
    except KeyError:
        raise StoreError(f"paper {key} has tags, but no listing in dump {batch.outcome.dump}") from None


def _stored_tags(batch: _Batch, taxonomy: str, ids: Iterable[int]) -> dict[int, str]:
    """Return tags as they are stored; by the primary key of tags."""
    found: dict[int, str] = {}
    for portion in portions(ids):
        query = select(tags.c.paper, tags.c.tags).where(tags.c.taxonomy == taxonomy, tags.c.paper.in_(portion))
        found.update(pairs(batch.connection.execute(query)))
    return found


def _update_tags(batch: _Batch, taxonomy: str, moved: Mapping[int, str]) -> None:
    """Replace tags; by the primary key of tags."""
    batch.connection.execute(
        update(tags).where(tags.c.paper == bindparam("at"), tags.c.taxonomy == taxonomy),
        [{"at": id, "tags": given} for id, given in moved.items()],
    )


# Sightings


def _write_sightings(batch: _Batch) -> None:
    rows = []
    for position, (change, version) in enumerate(zip(batch.outcome.changes, batch.listed, strict=True)):
        listing, match = change.listing, change.match
        rows.append(
            {
                "dump": batch.outcome.dump,
                "position": position,
                "first": listing.span.first,
                "last": listing.span.last,
                "paper": batch.ids[change.paper.key],
                "version": version,
                "kind": change.kind,
                "rule": match.rule,
                "title_score": match.title_score,
                "abstract_score": match.abstract_score,
                "rivals": json.dumps(match.rivals) if match.rivals else None,
                "comments": listing.comments,
                "upvotes": listing.upvotes,
                "stars": listing.stars,
                "silent": change.silent,
            }
        )
    batch.insert(sightings, rows)


def _seen_here(batch: _Batch, upto: int | None = None) -> set[int]:
    """Return the papers that this source listed, in commits up to one; by the index on sightings (paper, dump)."""
    found: set[int] = set()
    for portion in portions(id for id, _ in batch.before.values()):
        query = select(sightings.c.paper).distinct().join(dumps, dumps.c.id == sightings.c.dump)
        query = query.where(sightings.c.paper.in_(portion), dumps.c.source == batch.source, ~sightings.c.silent)
        if upto is not None:
            query = query.where(dumps.c.seq <= upto)
        found |= set(batch.connection.execute(query).scalars())
    return found


def _write_rejected(batch: _Batch) -> None:
    rows = [
        {
            "dump": batch.outcome.dump,
            "position": position,
            "first": part.span.first,
            "last": part.span.last,
            "reason": part.reason,
            "text": part.text,
        }
        for position, part in enumerate(batch.outcome.rejected)
    ]
    batch.insert(rejected, rows)


# The log


def _write_changes(batch: _Batch, here: set[int]) -> int:
    """Append to the log, in order of listing; return its end."""
    number = last(batch.connection, changes.c.number)
    rows: list[dict[str, Any]] = []
    for change in batch.outcome.changes if batch.outcome.announce else ():
        if change.silent:
            continue
        paper = batch.ids[change.paper.key]
        kinds: list[str] = [change.kind] if change.kind != "seen" else []
        if change.kind != "new" and paper not in here:
            kinds.insert(0, "listed")
        here.add(paper)
        before = change.before or (None, None)
        for kind in kinds:
            number += 1
            rows.append(
                {
                    "number": number,
                    "paper": paper,
                    "kind": kind,
                    "source": batch.source,
                    "dump": batch.outcome.dump,
                    "fields": json.dumps(change.fields) if change.fields and kind != "listed" else None,
                    "before_title": before[0] if kind == "revised" else None,
                    "before_abstract": before[1] if kind == "revised" else None,
                }
            )
    batch.insert(changes, rows)
    return number


def _close(batch: _Batch, log_end: int) -> None:
    """Mark the dump as committed; by the primary key of dumps."""
    outcome, dating = batch.outcome, batch.outcome.dating
    kinds = Counter(change.kind if outcome.announce else "seen" for change in outcome.changes)
    batch.connection.execute(
        update(dumps)
        .where(dumps.c.id == outcome.dump)
        .values(
            date=dating.date,
            date_rule=dating.rule,
            note=dating.note,
            seq=batch.seq,
            log_end=log_end,
            announced=outcome.announce,
            listed=len(outcome.changes) + len(outcome.rejected),
            new=kinds["new"],
            revised=kinds["revised"],
            enriched=kinds["enriched"],
            seen=kinds["seen"],
            rejected=len(outcome.rejected),
        )
    )


def _close_again(batch: _Batch, row: Row[Any]) -> None:
    """Mark the dump as mended, its tallies being what was and what came; by the primary key of dumps."""
    outcome = batch.outcome
    told = len(outcome.changes)
    came = sum(change.kind == "new" for change in outcome.changes) if outcome.announce else 0
    new = min(row.new + came, told)
    revised = min(row.revised, told - new)
    enriched = min(row.enriched, told - new - revised)
    batch.connection.execute(
        update(dumps)
        .where(dumps.c.id == outcome.dump)
        .values(
            mended=last_commit(batch.connection) + 1,
            listed=told + len(outcome.rejected),
            new=new,
            revised=revised,
            enriched=enriched,
            seen=told - new - revised - enriched,
            rejected=len(outcome.rejected),
        )
    )
