"""The commit of a dump (tx 2): papers, texts, tags, sightings, changes. May import models, text, protocols, schema.

Every function here runs in the one write transaction: what it read stays true until it has written.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, func, select

from digest import text
from digest.errors import StoreError
from digest.models import Listing, Paper
from digest.protocols import DumpOutcome
from digest.store.rows import Raw, among, ask, insertion, tell, tell_each
from digest.store.schema import dumps, rejected, sightings
from digest.store.types import escape, unescape
from digest.store.values import numbers, pairs, paper_json, portions, tags_json

_DUMP = "SELECT source, name, seq FROM dumps WHERE id = ?"
_LAST_COMMIT = "SELECT (SELECT max(seq) FROM dumps), (SELECT max(mended) FROM dumps), (SELECT max(seq) FROM decisions)"
_LAST = (
    "SELECT (SELECT max(seq) FROM dumps), (SELECT max(mended) FROM dumps), (SELECT max(seq) FROM decisions), "
    "(SELECT max(id) FROM papers), (SELECT max(id) FROM versions), (SELECT max(number) FROM changes)"
)
_STORED = "SELECT key, id, first_seen, data FROM papers WHERE key"
_NEW_PAPER = insertion("papers", "id, key, first_seen, data")
_NEW_SEARCHABLE = insertion("searchable", "paper, folded")
_DATA = "UPDATE papers SET data = ? WHERE id = ?"
_FIRST_SEEN = "UPDATE papers SET first_seen = ? WHERE id = ?"
_SEARCHABLE = "UPDATE searchable SET folded = ? WHERE paper = ?"
_ALIASED = "SELECT value, scheme FROM aliases WHERE value"
_NEW_ALIAS = insertion("aliases", "value, scheme, paper")
_TEXTS = "SELECT paper, text_key, id FROM versions WHERE paper IN"
_NEW_VERSION = insertion("versions", "id, paper, title_key, text_key, title, abstract, dump")
#: pages that SQLite keeps at hand, by far: 2,000 KiB of them
_PAGES = 400
_FIRST = {"key", "title", "abstract"}
_SKETCHED = "SELECT hash, count(*) FROM sketches WHERE hash IN"
_NEW_SKETCH = f"{insertion('sketches', 'hash, paper')} ON CONFLICT DO NOTHING"
_TAGGED = "SELECT paper, tags FROM tags WHERE taxonomy = ? AND paper IN"
_NEW_TAGS = insertion("tags", "paper, taxonomy, tags")
_TAGS = "UPDATE tags SET tags = ? WHERE paper = ? AND taxonomy = ?"
# a paper that was listed for weeks has many sightings: the first that fits ends the search. A cross join, for SQLite
# would start from the dumps of the source
_SIGHTED = (
    "SELECT id FROM papers WHERE EXISTS (SELECT 1 FROM sightings AS s CROSS JOIN dumps AS d WHERE s.paper = papers.id "
    "AND NOT s.silent AND d.id = s.dump AND d.source = ? AND d.seq <= ?) AND id IN"
)
_NEW_SIGHTING = insertion(
    "sightings",
    "dump, position, first, last, paper, version, kind, rule, title_score, abstract_score, rivals, comments, upvotes, "
    "stars, silent",
)
_NEW_REJECTED = insertion("rejected", "dump, position, first, last, reason, text")
_NEW_CHANGE = insertion("changes", "number, paper, kind, source, dump, fields, before_title, before_abstract")
_CLOSE = (
    "UPDATE dumps SET date = ?, date_rule = ?, note = ?, seq = ?, log_end = ?, announced = ?, listed = ?, new = ?, "
    "revised = ?, enriched = ?, seen = ?, rejected = ? WHERE id = ?"
)
_CLOSE_AGAIN = (
    "UPDATE dumps SET mended = ?, listed = ?, new = ?, revised = ?, enriched = ?, seen = ?, rejected = ? WHERE id = ?"
)


class _Had(NamedTuple):
    """A paper as it is stored."""

    id: int
    first_seen: str
    #: its JSON
    data: str


class _Last(NamedTuple):
    """The greatest numbers given so far."""

    paper: int
    version: int
    change: int
    commit: int


@dataclass
class _Batch:
    """What is known while one dump is written."""

    connection: Connection
    outcome: DumpOutcome
    source: str
    last: _Last
    #: paper key -> the paper after the dump
    after: dict[str, Paper]
    #: paper key -> the paper before the dump
    before: dict[str, _Had]
    ids: dict[str, int] = field(default_factory=dict)
    #: ids of the versions that the changes were listed under
    listed: list[int] = field(default_factory=list)


def source_and_name(connection: Connection, outcome: DumpOutcome) -> tuple[str, str] | None:
    """Return source and name of the dump; None where it was committed before; by the primary key."""
    rows = ask(connection, _DUMP, (outcome.dump,))
    if not rows:
        raise StoreError(f"there is no dump {outcome.dump} in the store")
    ((source, name, seq),) = rows
    return None if seq is not None else (unescape(source), unescape(name))


def write(connection: Connection, outcome: DumpOutcome, source: str) -> None:
    """Write all that a dump brought."""
    after = {change.paper.key: change.paper for change in outcome.changes}
    before = _stored(connection, after)
    _refuse_known(outcome, before)
    batch = _Batch(connection, outcome, source, _last(connection), after, before)
    _number(batch)
    # what is written follows what was read of it, while SQLite still has the pages at hand
    _update_known(batch)
    _write_new(batch)
    # before the sightings of this dump are there
    here = _seen_here(batch)
    sketched = _write_versions(batch)
    _write_sightings(batch)
    write_sketches(connection, sketched)
    _write_tags(batch)
    _write_aliases(batch)
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
    batch = _Batch(connection, outcome, row.source, _last(connection), after, before)
    _number(batch)
    _update_known(batch)
    _write_new(batch)
    write_sketches(connection, _write_versions(batch))
    _write_tags(batch)
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
    (commits,) = ask(connection, _LAST_COMMIT)
    return max(number or 0 for number in commits)


def last(connection: Connection, column: Any) -> int:
    """Return the greatest number given so far; by the column's own index."""
    return connection.execute(select(func.max(column))).scalar() or 0


def _last(connection: Connection) -> _Last:
    """Return the greatest numbers given so far; by the primary keys, and the unique indexes on commits."""
    ((*commits, paper, version, change),) = ask(connection, _LAST)
    return _Last(paper or 0, version or 0, change or 0, max(number or 0 for number in commits))


def _stored(connection: Connection, keys: Iterable[str]) -> dict[str, _Had]:
    """Return the papers that exist by key; by the unique index on papers.key."""
    found: dict[str, _Had] = {}
    for portion in portions(keys):
        wanted, told = among(connection, list(map(escape, portion)))
        found.update((unescape(key), _Had(*had)) for key, *had in ask(connection, f"{_STORED} {wanted}", told))
    return found


def _refuse_known(outcome: DumpOutcome, before: Mapping[str, _Had]) -> None:
    """Refuse to overwrite a paper that came in after the listings were identified."""
    for change in outcome.changes:
        if change.kind == "new" and change.paper.key in before and not _dormant(before[change.paper.key].data):
            raise StoreError(
                f"paper {change.paper.key} is called new but is in the store: another run was faster; run again"
            )


def _dormant(stored: str) -> bool:
    """Whether a stored paper was listed only as a replacement: then its first true listing is new."""
    return bool(json.loads(stored).get("dormant"))


def _number(batch: _Batch) -> None:
    batch.ids = {key: had.id for key, had in batch.before.items()}
    fresh = [key for key in batch.after if key not in batch.before]
    batch.ids |= dict(zip(fresh, range(batch.last.paper + 1, 2**63), strict=False))


# Papers


def _write_new(batch: _Batch) -> None:
    fresh = [(batch.ids[key], paper) for key, paper in batch.after.items() if key not in batch.before]
    rows = [(id, escape(paper.key), paper.first_seen.isoformat(), paper_json(paper)) for id, paper in fresh]
    tell_each(batch.connection, _NEW_PAPER, rows)
    tell_each(batch.connection, _NEW_SEARCHABLE, [(id, escape(folded(paper))) for id, paper in fresh])


def folded(paper: Paper) -> str:
    """Return what search reads of a paper."""
    return text.fold(f"{paper.title}\n{paper.abstract}")


def _update_known(batch: _Batch) -> None:
    """Update the papers that are no longer as they were; by the primary keys."""
    data: list[Raw] = []
    days: list[Raw] = []
    words: list[Raw] = []
    # in the order of the key: pages are met once
    for key, had in sorted(batch.before.items(), key=lambda one: one[1].id):
        paper = batch.after[key]
        told, day = paper_json(paper), paper.first_seen.isoformat()
        if told == had.data:
            continue
        data.append((told, had.id))
        # apart, for the column has an index
        if day != had.first_seen:
            days.append((day, had.id))
        if not _has_text(had.data, paper):
            words.append((escape(folded(paper)), had.id))
    tell_each(batch.connection, _DATA, data)
    tell_each(batch.connection, _FIRST_SEEN, days)
    tell_each(batch.connection, _SEARCHABLE, words)


def _has_text(data: str, paper: Paper) -> bool:
    """Whether a stored paper has title and abstract of `paper`."""
    # key, title and abstract come first: comparing them as they are written saves reading all of it
    if paper.abstract and data.startswith(paper.model_dump_json(include=_FIRST)[:-1] + ","):
        return True
    had = json.loads(data)
    return (had["title"], had.get("abstract", "")) == (paper.title, paper.abstract)


def _write_aliases(batch: _Batch) -> None:
    """Give ids to papers; an id that has a paper keeps it; by the primary key of aliases."""
    wanted: dict[tuple[str, str], int] = {}
    for key, paper in batch.after.items():
        for alias in paper.ids:
            wanted.setdefault((alias.value, alias.scheme), batch.ids[key])
    for portion in portions({value for value, _ in wanted}):
        values, told = among(batch.connection, list(map(escape, portion)))
        for value, scheme in ask(batch.connection, f"{_ALIASED} {values}", told):
            wanted.pop((unescape(value), scheme), None)
    rows = [(escape(value), scheme, id) for (value, scheme), id in wanted.items()]
    tell_each(batch.connection, _NEW_ALIAS, rows)


# Texts


def _write_versions(batch: _Batch) -> dict[int, list[int]]:
    """Add the texts that are new for their papers, as listed and as the paper came to be; return their sketches."""
    known = _stored_texts(batch)
    dump = batch.outcome.dump
    rows: list[Raw] = []
    sketched: dict[int, list[int]] = {}

    def version(paper: int, title: str, abstract: str, listing: Listing | None = None) -> int:
        key = text.key64(escape(f"{title}\n\n{abstract}"))
        found = known.get((paper, key))
        if found is None:
            found = known[paper, key] = batch.last.version + 1 + len(rows)
            for one in listing.sketch if listing else text.sketch(title, abstract):
                sketched.setdefault(one, []).append(paper)
            title_key = text.key64(text.compact(title))
            rows.append((found, paper, title_key, key, escape(title), escape(abstract), dump))
        return found

    for change in batch.outcome.changes:
        listing, paper = change.listing, change.paper
        id, title, abstract = batch.ids[paper.key], listing.title, listing.abstract
        batch.listed.append(version(id, title, abstract, listing))
        if paper.title != title or paper.abstract != abstract:
            version(id, paper.title, paper.abstract)
    tell_each(batch.connection, _NEW_VERSION, rows)
    return sketched


def write_sketches(connection: Connection, sketched: Mapping[int, list[int]]) -> None:
    """Let sketch values find papers, until HOT papers have one; by the primary key of sketches."""
    # in the order of the key, and so many that SQLite still has the pages at hand when it writes
    for portion in portions(sorted(sketched), _PAGES):
        counts = pairs(ask(connection, f"{_SKETCHED} ({numbers(portion)}) GROUP BY hash"))
        rows: list[Raw] = []
        for one in portion:
            # a paper may have many texts with it, and yet counts once
            papers = sketched[one] if len(sketched[one]) == 1 else list(dict.fromkeys(sketched[one]))
            rows += [(one, paper) for paper in papers[: max(0, text.HOT - counts.get(one, 0))]]
        tell_each(connection, _NEW_SKETCH, rows)


def _stored_texts(batch: _Batch) -> dict[tuple[int, int], int]:
    """Return the versions of the papers at hand by (paper, text_key); by the index on versions.paper."""
    found: dict[tuple[int, int], int] = {}
    for portion in portions(had.id for had in batch.before.values()):
        rows = ask(batch.connection, f"{_TEXTS} ({numbers(portion)})")
        found.update(((paper, key), id) for paper, key, id in rows)
    return found


# Tags


def _write_tags(batch: _Batch) -> None:
    for taxonomy, tagged in batch.outcome.tags.items():
        told = {_id(batch, key): tags_json(given) for key, given in tagged.items()}
        name = escape(taxonomy)
        before = _stored_tags(batch, name, told)
        fresh = [(id, name, given) for id, given in told.items() if id not in before]
        moved = [(given, id, name) for id, given in told.items() if id in before and before[id] != given]
        tell_each(batch.connection, _NEW_TAGS, fresh)
        # by the primary key of tags
        tell_each(batch.connection, _TAGS, moved)


def _id(batch: _Batch, key: str) -> int:
    try:
        return batch.ids[key]
    except KeyError:
        raise StoreError(f"paper {key} has tags, but no listing in dump {batch.outcome.dump}") from None


def _stored_tags(batch: _Batch, taxonomy: str, ids: Iterable[int]) -> dict[int, str]:
    """Return tags as they are stored; by the primary key of tags."""
    # a paper that this dump brought has none
    known = {had.id for had in batch.before.values()}
    found: dict[int, str] = {}
    for portion in portions(id for id in ids if id in known):
        found.update(pairs(ask(batch.connection, f"{_TAGGED} ({numbers(portion)})", (taxonomy,))))
    return found


# Sightings


def _write_sightings(batch: _Batch) -> None:
    ids, dump = batch.ids, batch.outcome.dump
    rows: list[Raw] = []
    for position, (change, version) in enumerate(zip(batch.outcome.changes, batch.listed, strict=True)):
        one, match = change.listing, change.match
        rivals = json.dumps(match.rivals) if match.rivals else None
        place = (dump, position, one.span.first, one.span.last, ids[change.paper.key], version)
        why = (change.kind, match.rule, match.title_score, match.abstract_score, rivals)
        rows.append((*place, *why, one.comments, one.upvotes, one.stars, change.silent))
    # in the order of papers, whose pages and index are met once so
    rows.sort(key=itemgetter(4))
    tell_each(batch.connection, _NEW_SIGHTING, rows)


def _seen_here(batch: _Batch, upto: int = 2**62) -> set[int]:
    """Return the papers that this source listed, in commits up to one; by the index on sightings (paper, dump)."""
    found: set[int] = set()
    for portion in portions(had.id for had in batch.before.values()):
        rows = ask(batch.connection, f"{_SIGHTED} ({numbers(portion)})", (escape(batch.source), upto))
        found.update(paper for (paper,) in rows)
    return found


def _write_rejected(batch: _Batch) -> None:
    dump = batch.outcome.dump
    rows = [
        (dump, position, part.span.first, part.span.last, escape(part.reason), escape(part.text))
        for position, part in enumerate(batch.outcome.rejected)
    ]
    tell_each(batch.connection, _NEW_REJECTED, rows)


# The log


def _write_changes(batch: _Batch, here: set[int]) -> int:
    """Append to the log, in order of listing; return its end."""
    number, source = batch.last.change, escape(batch.source)
    rows: list[Raw] = []
    for change in batch.outcome.changes if batch.outcome.announce else ():
        if change.silent:
            continue
        paper = batch.ids[change.paper.key]
        kinds: list[str] = [change.kind] if change.kind != "seen" else []
        if change.kind != "new" and paper not in here:
            kinds.insert(0, "listed")
        here.add(paper)
        for kind in kinds:
            number += 1
            fields = json.dumps(change.fields) if change.fields and kind != "listed" else None
            before = tuple(map(escape, change.before)) if change.before and kind == "revised" else (None, None)
            rows.append((number, paper, kind, source, batch.outcome.dump, fields, *before))
    tell_each(batch.connection, _NEW_CHANGE, rows)
    return number


def _close(batch: _Batch, log_end: int) -> None:
    """Mark the dump as committed; by the primary key of dumps."""
    outcome, dating = batch.outcome, batch.outcome.dating
    kinds = Counter(change.kind if outcome.announce else "seen" for change in outcome.changes)
    note = None if dating.note is None else escape(dating.note)
    dated = (dating.date.isoformat(), dating.rule, note, batch.last.commit + 1, log_end, outcome.announce)
    tally = (kinds["new"], kinds["revised"], kinds["enriched"], kinds["seen"], len(outcome.rejected))
    listed = len(outcome.changes) + len(outcome.rejected)
    tell(batch.connection, _CLOSE, (*dated, listed, *tally, outcome.dump))


def _close_again(batch: _Batch, row: Row[Any]) -> None:
    """Mark the dump as mended, its tallies being what was and what came; by the primary key of dumps."""
    outcome = batch.outcome
    told = len(outcome.changes)
    came = sum(change.kind == "new" for change in outcome.changes) if outcome.announce else 0
    new = min(row.new + came, told)
    revised = min(row.revised, told - new)
    enriched = min(row.enriched, told - new - revised)
    tally = (new, revised, enriched, told - new - revised - enriched, len(outcome.rejected))
    listed = told + len(outcome.rejected)
    tell(batch.connection, _CLOSE_AGAIN, (batch.last.commit + 1, listed, *tally, outcome.dump))
