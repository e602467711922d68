"""The log of changes as composing reads it. May import models and the schema."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, select, true, union

from digest.models import Logged, Paper, Tag
from digest.store import catalogue, commit
from digest.store.schema import changes, decisions, dumps, editions, entries, papers, sightings, tags
from digest.store.values import pairs, tags_of

Sources = Sequence[str] | None
#: changes that can make an entry
_NEWS = ("new", "listed", "revised")


def end(connection: Connection) -> int:
    """Return the number of the newest change; by the primary key."""
    return connection.execute(select(func.max(changes.c.number))).scalar() or 0


def logged(
    connection: Connection, newsletter: str, after: int, upto: int, sources: Sources, taxonomy: str
) -> list[Logged]:
    """Return the papers new or revised in an interval, by the number of their first change in it."""
    news = select(changes.c.paper).where(_interval(after, upto, sources), changes.c.kind.in_(_NEWS))
    announced = _announced(connection, newsletter, after, news)
    first = _first_commits(connection, sources, news)
    found = [
        (paper, kind, rows)
        for paper, rows in _by_paper(connection, after, upto, sources).items()
        if (kind := _kind(rows, paper in announced, first.get(paper)))
    ]
    stored = catalogue.load(connection, [paper for paper, _, _ in found])
    seen, tagged = catalogue.listed(connection, news, upto), _tags(connection, news, taxonomy)
    return [_logged(kind, rows, stored[id], seen[id], tagged.get(id)) for id, kind, rows in found]


def _covered(column: ColumnElement[str], sources: Sources) -> ColumnElement[bool]:
    return true() if sources is None else column.in_(sources)


def _interval(after: int, upto: int, sources: Sources) -> ColumnElement[bool]:
    return and_(changes.c.number > after, changes.c.number <= upto, _covered(changes.c.source, sources))


def _by_paper(connection: Connection, after: int, upto: int, sources: Sources) -> catalogue.Rows:
    """Return the changes of an interval by paper, oldest first; by the primary key of changes."""
    query = select(changes, dumps.c.date, dumps.c.seq).join(dumps, dumps.c.id == changes.c.dump)
    return catalogue.grouped(
        connection.execute(query.where(_interval(after, upto, sources)).order_by(changes.c.number))
    )


def _announced(connection: Connection, newsletter: str, after: int, news: Select[tuple[int]]) -> set[int]:
    """Return papers in editions up to the interval; by the primary key of entries."""
    query = select(entries.c.paper).join(editions)
    query = query.where(entries.c.newsletter == newsletter, editions.c.upto <= after, entries.c.paper.in_(news))
    return set(connection.execute(query).scalars())


def _first_commits(connection: Connection, sources: Sources, news: Select[tuple[int]]) -> dict[int, int]:
    """Return the commit in which a covered source first listed each paper; by the index on sightings (paper, dump)."""
    query = select(sightings.c.paper, func.min(dumps.c.seq)).join(dumps, dumps.c.id == sightings.c.dump)
    query = query.where(sightings.c.paper.in_(news), _covered(dumps.c.source, sources), ~sightings.c.silent)
    query = query.group_by(sightings.c.paper)
    return pairs(connection.execute(query))


def _kind(rows: Iterable[Row[Any]], announced: bool, first: int | None) -> Literal["new", "revised"] | None:
    """Say what a paper's changes make it for a newsletter.

    Args:
        rows: its changes in the interval.
        announced: whether an earlier edition had it.
        first: the commit in which a covered source first listed it.
    """
    if announced:
        return "revised" if any(row.kind == "revised" for row in rows) else None
    return "new" if any(row.kind in ("new", "listed") and row.seq == first for row in rows) else None


def _logged(
    kind: Literal["new", "revised"], rows: list[Row[Any]], paper: Paper, seen: list[Row[Any]], given: str | None
) -> Logged:
    revisions = [row for row in rows if row.kind == "revised"] if kind == "revised" else []
    told: tuple[Tag, ...] | None = None if given is None else tags_of(given)
    return Logged(
        number=rows[-1].number,
        kind=kind,
        paper=paper,
        date=revisions[-1].date if revisions else _arrival(rows),
        fields=_fields(revisions),
        before=(revisions[0].before_title, revisions[0].before_abstract) if revisions and _told(revisions[0]) else None,
        sightings=catalogue.by_date(seen),
        tags=told,
    )


def _arrival(rows: Iterable[Row[Any]]) -> Any:
    return next(row.date for row in rows if row.kind in ("new", "listed"))


def _told(row: Row[Any]) -> bool:
    return row.before_title is not None


def _fields(revisions: Iterable[Row[Any]]) -> tuple[str, ...]:
    """Return all fields that changed, in the order of Paper."""
    changed = {name for row in revisions for name in json.loads(row.fields or "[]")}
    order = {name: place for place, name in enumerate(Paper.model_fields)}
    return tuple(sorted(changed, key=lambda name: (order.get(name, len(order)), name)))


def _tags(connection: Connection, news: Select[tuple[int]], taxonomy: str) -> dict[int, str]:
    """Return tags of one taxonomy; by the primary key of tags."""
    query = select(tags.c.paper, tags.c.tags).where(tags.c.taxonomy == taxonomy, tags.c.paper.in_(news))
    return pairs(connection.execute(query))


def tallies(connection: Connection, after: int, upto: int, sources: Sources) -> tuple[int, int]:
    """Sum what the dumps behind an interval listed, and what was known of it; by the primary keys."""
    brought = select(changes.c.dump).where(_interval(after, upto, sources))
    query = select(func.sum(dumps.c.listed), func.sum(dumps.c.seen + dumps.c.enriched)).where(dumps.c.id.in_(brought))
    row = connection.execute(query).one()
    return row[0] or 0, row[1] or 0


def touched(connection: Connection, after: int) -> tuple[int, list[str]]:
    """Return the last commit, and the announced papers that commits after `after` listed.

    Whatever a dump's commit changes of a paper, it adds a sighting to it; what people decided touches both sides. By
    the unique indexes on dumps.seq and dumps.mended, and the primary keys of sightings, papers and entries.
    """
    newest = commit.last_commit(connection)
    printed = select(entries.c.paper).where(entries.c.paper == papers.c.id).exists()
    # two questions, for each number has its own index
    commits = [select(dumps.c.id).where(column > after) for column in (dumps.c.seq, dumps.c.mended)]
    query = select(papers.c.key).distinct().join(sightings, sightings.c.paper == papers.c.id)
    query = query.where(sightings.c.dump.in_(union(*commits)), printed)
    found = set(connection.execute(query).scalars())
    for side in (decisions.c.paper, decisions.c.other):
        query = select(papers.c.key).join(decisions, papers.c.id == side).where(decisions.c.seq > after)
        found.update(connection.execute(query).scalars())
    return newest, sorted(found)
