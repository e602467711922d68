"""What people decide about identity: merge, split, apart; each can be taken back. May import the catalogue and commit.

A paper that was merged keeps its row, which points to the one it went into; all that hangs on it moves there, and the
decision notes what moved.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, or_, select, tuple_, update

from digest import text
from digest.errors import StoreError
from digest.models import Count, Paper
from digest.protocols import Decision
from digest.store import catalogue
from digest.store.commit import folded, last, last_commit, write_sketches
from digest.store.schema import (
    aliases,
    changes,
    decisions,
    dumps,
    entries,
    papers,
    searchable,
    sightings,
    sketches,
    versions,
)
from digest.store.types import escape
from digest.store.values import paper_json, portions

#: what hangs on a paper -> the columns that name a row of it
_KEYS = {
    aliases: (aliases.c.value, aliases.c.scheme),
    versions: (versions.c.id,),
    sightings: (sightings.c.dump, sightings.c.position),
    changes: (changes.c.number,),
    entries: (entries.c.newsletter, entries.c.number),
}
#: names of rows by table
Moved = dict[str, list[list[Any]]]


@dataclass(frozen=True)
class _Side:
    id: int
    paper: Paper


def _side(connection: Connection, name: str) -> _Side:
    """Return a paper by key or id; the one it was merged into, where it was."""
    found = catalogue.find(connection, name)
    if found is None:
        raise StoreError(f"no paper {name!r} in the store")
    return _Side(found, catalogue.load(connection, [found])[found])


def _note(
    connection: Connection, kind: str, sides: tuple[int, int], moved: Mapping[str, Any], at: datetime, by: str
) -> int:
    row = {"kind": kind, "paper": sides[0], "other": sides[1], "moved": json.dumps(moved), "at": at, "by": by}
    number = last(connection, decisions.c.id) + 1
    connection.execute(insert(decisions).values(id=number, seq=last_commit(connection) + 1, **row))
    return number


def every(connection: Connection) -> list[Decision]:
    """Return all decisions, newest first; reads the whole table, which people fill."""
    one, other = papers.alias(), papers.alias()
    query = select(decisions, one.c.key.label("one"), other.c.key.label("two"))
    query = query.join(one, one.c.id == decisions.c.paper).join(other, other.c.id == decisions.c.other)
    return [
        Decision(at=row.at, by=row.by, kind=row.kind, key=row.one, other=row.two, undone=row.undone is not None)
        for row in connection.execute(query.order_by(decisions.c.id.desc()))
    ]


# Apart


def apart(connection: Connection, key: str, other: str, at: datetime, by: str) -> None:
    """Note that two papers are two works."""
    one, two = _side(connection, key), _side(connection, other)
    if one.id == two.id:
        raise StoreError(f"{key} and {other} are one paper; `papers split` parts them")
    _note(connection, "apart", (one.id, two.id), {}, at, by)


# Merge


def merge(connection: Connection, key: str, into: str, at: datetime, by: str, *, keep: str | None) -> str:
    """Make two papers one; return the key that stays: the older one's, unless `keep` names the other."""
    one, two = _side(connection, key), _side(connection, into)
    if one.id == two.id:
        raise StoreError(f"{key} and {into} are one paper already")
    stays, goes = sorted((one, two), key=lambda side: side.id)
    if keep is not None:
        kept = _side(connection, keep).id
        if kept not in (one.id, two.id):
            raise StoreError(f"{keep} is neither {key} nor {into}")
        stays, goes = (one, two) if kept == one.id else (two, one)
    rows = _rows(connection, goes.id)
    _move(connection, rows, goes.id, stays.id)
    both = combined(stays.paper, goes.paper)
    moved = {"rows": rows, "before": paper_json(stays.paper), "after": paper_json(both)}
    _write(connection, stays.id, both)
    connection.execute(update(papers).where(papers.c.id == goes.id).values(into=stays.id))
    connection.execute(delete(searchable).where(searchable.c.paper == goes.id))
    number = _note(connection, "merge", (stays.id, goes.id), moved, at, by)
    _undo(connection, "split", (stays.id, goes.id), number)
    _undo(connection, "apart", (stays.id, goes.id), number)
    return stays.paper.key


def combined(paper: Paper, other: Paper) -> Paper:
    """Return a paper with what another knows of it: gaps are filled, of two values the newer dump's counts."""
    update: dict[str, Any] = {"as_of": dict(other.as_of) | paper.as_of}
    for name in Paper.model_fields:
        ours, theirs = getattr(paper, name), getattr(other, name)
        if name in ("key", "as_of", "first_seen", "dormant") or not theirs:
            continue
        if name in ("ids", "links", "categories"):
            update[name] = tuple(sorted(dict.fromkeys((*ours, *theirs)), key=str))
        elif not ours or _newer(name, ours, theirs, paper, other):
            update[name] = theirs
            if name in other.as_of:
                update["as_of"][name] = other.as_of[name]
    update["first_seen"] = min(paper.first_seen, other.first_seen)
    update["dormant"] = paper.dormant and other.dormant
    return paper.model_copy(update=update)


def _newer(name: str, ours: Any, theirs: Any, paper: Paper, other: Paper) -> bool:
    if isinstance(ours, Count):
        return bool(theirs.as_of > ours.as_of)
    return name in paper.as_of and name in other.as_of and other.as_of[name] > paper.as_of[name]


def _write(connection: Connection, id: int, paper: Paper) -> None:
    """Replace a paper and what search reads of it; by the primary keys."""
    told = {"data": paper_json(paper), "first_seen": paper.first_seen}
    connection.execute(update(papers).where(papers.c.id == id).values(**told))
    connection.execute(delete(searchable).where(searchable.c.paper == id))
    connection.execute(insert(searchable).values(paper=id, folded=folded(paper)))


def _rows(connection: Connection, id: int) -> Moved:
    """Return the names of all rows that hang on a paper.

    By the indexes on versions and sightings and the primary key of entries; aliases have none: a paper's own ids name
    them. Changes are found in the stretch of the log that each of its dumps wrote.
    """
    paper = catalogue.load(connection, [id])[id]
    found: Moved = {"changes": _changes(connection, id)}
    for table in (versions, sightings, entries):
        rows = connection.execute(select(*_KEYS[table]).where(table.c.paper == id))
        found[table.name] = [list(row) for row in rows]
    named = aliases.c.value.in_([alias.value for alias in paper.ids])
    rows = connection.execute(select(*_KEYS[aliases]).where(named, aliases.c.paper == id))
    found["aliases"] = [list(row) for row in rows]
    return found


def _changes(connection: Connection, id: int, only: Sequence[int] | None = None) -> list[list[Any]]:
    """Return the numbers of a paper's changes, of all its dumps or some; by the primary key of changes."""
    mine = select(sightings.c.dump).where(sightings.c.paper == id)
    query = select(dumps.c.id, dumps.c.seq, dumps.c.log_end).where(dumps.c.id.in_(mine if only is None else only))
    found: list[list[Any]] = []
    for _, seq, end in connection.execute(query).all():
        before = select(dumps.c.log_end).where(dumps.c.seq < seq).order_by(dumps.c.seq.desc()).limit(1)
        start = connection.execute(before).scalar() or 0
        stretch = and_(changes.c.number > start, changes.c.number <= end, changes.c.paper == id)
        found += [[number] for number in connection.execute(select(changes.c.number).where(stretch)).scalars()]
    return found


def _move(connection: Connection, rows: Moved, one: int, other: int) -> None:
    """Hang rows of one paper on another; by their primary keys."""
    _move_sketches(connection, [id for (id,) in rows.get("versions", [])], one, other)
    for table, columns in _KEYS.items():
        named = rows.get(table.name, [])
        if table is entries:
            named = _not_had(connection, named, other)
        for portion in portions(map(tuple, named)):
            where = and_(tuple_(*columns).in_(portion), table.c.paper == one)
            connection.execute(update(table).where(where).values(paper=other))


def _not_had(connection: Connection, named: list[list[Any]], paper: int) -> list[list[Any]]:
    """Leave out the editions that have the paper already: there both had an entry."""
    query = select(entries.c.newsletter, entries.c.number).where(entries.c.paper == paper)
    had = {tuple(row) for row in connection.execute(query)}
    return [one for one in named if tuple(one) not in had]


def _move_sketches(connection: Connection, ids: list[int], one: int, other: int) -> None:
    """Let the sketches of versions find another paper; by the primary keys of versions and sketches."""
    values: set[int] = set()
    for portion in portions(ids):
        query = select(versions.c.title, versions.c.abstract).where(versions.c.id.in_(portion))
        values.update(value for title, abstract in connection.execute(query) for value in text.sketch(title, abstract))
    for portion in portions(values):
        connection.execute(delete(sketches).where(sketches.c.hash.in_(portion), sketches.c.paper == one))
    write_sketches(connection, {value: [other] for value in values})


def _undo(connection: Connection, kind: str, sides: tuple[int, int], by: int) -> None:
    """Mark decisions on a pair as taken back; by the index on decisions.paper."""
    pair = or_(
        and_(decisions.c.paper == sides[0], decisions.c.other == sides[1]),
        and_(decisions.c.paper == sides[1], decisions.c.other == sides[0]),
    )
    still = and_(pair, decisions.c.kind == kind, decisions.c.undone.is_(None))
    connection.execute(update(decisions).where(still).values(undone=by))


# Split


def split(connection: Connection, key: str, at: datetime, by: str, *, chosen: Sequence[int]) -> str:
    """Part a paper; return the key of the other one.

    Args:
        connection: where to write.
        key: the paper.
        at: when it was decided.
        by: by whom.
        chosen: which of its sightings, counted from 1 as its record tells them; none: the newest merge is taken back.
    """
    side = _side(connection, key)
    return _detach(connection, side, chosen, at, by) if chosen else _take_back(connection, side, at, by)


def _take_back(connection: Connection, side: _Side, at: datetime, by: str) -> str:
    query = select(decisions).where(decisions.c.paper == side.id, decisions.c.kind == "merge")
    query = query.where(decisions.c.undone.is_(None)).order_by(decisions.c.id.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise StoreError(f"{side.paper.key} was never merged by hand; name the sightings that are another work's")
    moved = json.loads(row.moved)
    rows: Moved = moved["rows"]
    texts = [id for (id,) in rows["versions"]]
    # also what came under its texts since
    query = select(*_KEYS[sightings]).where(sightings.c.paper == side.id, sightings.c.version.in_(texts))
    rows["sightings"] = [list(one) for one in connection.execute(query)]
    _move(connection, rows, side.id, row.other)
    connection.execute(update(papers).where(papers.c.id == row.other).values(into=None))
    other = catalogue.load(connection, [row.other])[row.other]
    _write(connection, row.other, other)
    _write(connection, side.id, _without(side.paper, other, moved))
    number = _note(connection, "split", (side.id, row.other), {}, at, by)
    connection.execute(update(decisions).where(decisions.c.id == row.id).values(undone=number))
    return other.key


def _without(paper: Paper, other: Paper, moved: Mapping[str, str]) -> Paper:
    """Return a paper without what a merge brought it; what came after the merge stays."""
    before = Paper.model_validate_json(moved["before"])
    after = Paper.model_validate_json(moved["after"])
    update: dict[str, Any] = {
        name: getattr(before, name) for name in Paper.model_fields if getattr(paper, name) == getattr(after, name)
    }
    ids = set(other.ids) - set(before.ids)
    update["ids"] = tuple(alias for alias in paper.ids if alias not in ids)
    return paper.model_copy(update=update)


def _detach(connection: Connection, side: _Side, chosen: Sequence[int], at: datetime, by: str) -> str:
    rows = _sightings(connection, side.id)
    wrong = [number for number in chosen if not 1 <= number <= len(rows)]
    if wrong or len({*chosen}) >= len(rows):
        raise StoreError(f"{side.paper.key} has the sightings 1 to {len(rows)}; choose some of them, not all")
    mine = [rows[number - 1] for number in sorted({*chosen})]
    left = [row for row in rows if row not in mine]
    paper = _paper_of(connection, mine, side.paper)
    id = last(connection, papers.c.id) + 1
    connection.execute(insert(papers).values(id=id, key=paper.key, first_seen=paper.first_seen, data=paper_json(paper)))
    connection.execute(insert(searchable).values(paper=id, folded=folded(paper)))
    shared = {row.version for row in left}
    own = sorted({row.version for row in mine} - shared)
    moved: Moved = {"versions": [[one] for one in own], "sightings": [[row.dump, row.position] for row in mine]}
    _move(connection, moved, side.id, id)
    _copy_versions(connection, [row for row in mine if row.version in shared], id)
    _announce(connection, id, mine[0])
    _write(connection, side.id, _still(side.paper, left))
    _note(connection, "split", (side.id, id), {"rows": moved, "before": paper_json(side.paper)}, at, by)
    return paper.key


def _sightings(connection: Connection, id: int) -> Sequence[Row[Any]]:
    """Return a paper's sightings in the order of its record, with their texts; by the index on sightings."""
    query = select(sightings, versions.c.title, versions.c.abstract, dumps.c.date, dumps.c.source)
    query = query.join(dumps, dumps.c.id == sightings.c.dump).join(versions, versions.c.id == sightings.c.version)
    query = query.where(sightings.c.paper == id).order_by(dumps.c.date, dumps.c.seq, sightings.c.position)
    return connection.execute(query).all()


def _paper_of(connection: Connection, rows: Sequence[Row[Any]], was: Paper) -> Paper:
    """Return the paper that sightings tell of: its newest text, its counts. The rest comes with its next listing."""
    newest = rows[-1]
    counts: dict[str, Any] = {}
    for row in rows:
        for name in ("comments", "upvotes", "stars"):
            if getattr(row, name) is not None:
                counts[name] = Count(value=getattr(row, name), as_of=row.date)
    return Paper(
        key=_key(connection, newest, was),
        title=newest.title,
        abstract=newest.abstract,
        first_seen=min(row.date for row in rows),
        as_of={"title": newest.date, "abstract": newest.date},
        **counts,
    )


def _key(connection: Connection, row: Row[Any], was: Paper) -> str:
    """Return a key that no paper has: from the text, the paper it was part of, and a number where need be."""
    for attempt in range(1_000):
        content = "\0".join((text.compact(row.title), text.compact(row.abstract), was.key, str(attempt)))
        key = "t-" + sha256(content.encode()).hexdigest()[:16]
        if not catalogue.with_keys(connection, [key]):
            return key
    raise StoreError(f"{was.key} was split too often")


def _copy_versions(connection: Connection, rows: Iterable[Row[Any]], id: int) -> None:
    """Give a paper texts that another keeps too."""
    sketched: dict[int, list[int]] = {}
    copies: dict[int, int] = {}
    for row in rows:
        if row.version not in copies:
            copies[row.version] = last(connection, versions.c.id) + 1
            told = {"title": row.title, "abstract": row.abstract, "dump": row.dump}
            title_key = text.key64(text.compact(row.title))
            text_key = text.key64(escape(f"{row.title}\n\n{row.abstract}"))
            keys = {"title_key": title_key, "text_key": text_key}
            connection.execute(insert(versions).values(id=copies[row.version], paper=id, **keys, **told))
            sketched.update((one, [id]) for one in text.sketch(row.title, row.abstract))
        named = and_(sightings.c.dump == row.dump, sightings.c.position == row.position)
        connection.execute(update(sightings).where(named).values(version=copies[row.version]))
    write_sketches(connection, sketched)


def _announce(connection: Connection, id: int, first: Row[Any]) -> None:
    """Log that a paper is new which was taken for another one; by the primary key of changes."""
    number = last(connection, changes.c.number) + 1
    told = {"kind": "new", "source": first.source, "dump": first.dump}
    connection.execute(insert(changes).values(number=number, paper=id, **told))


def _still(paper: Paper, left: Sequence[Row[Any]]) -> Paper:
    """Return what a paper is without some of its sightings: its text is one of those left."""
    if any((row.title, row.abstract) == (paper.title, paper.abstract) for row in left):
        return paper
    if any(row.title == paper.title for row in left) and any(row.abstract == paper.abstract for row in left):
        return paper
    newest = left[-1]
    as_of = paper.as_of | {"title": newest.date, "abstract": newest.date}
    return paper.model_copy(update={"title": newest.title, "abstract": newest.abstract, "as_of": as_of})
