"""Which papers may be one work: pairs for people to decide. May import the catalogue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Result, Row, select

from digest.protocols import PossibleDuplicate
from digest.store import catalogue
from digest.store.schema import decisions, dumps, papers, sightings, versions

#: sightings looked at together
_SOME = 100


def possible(connection: Connection, limit: int) -> list[PossibleDuplicate]:
    """Return pairs that came near, newest first, without those that people decided on.

    Goes back dump by dump, by the index on the sightings that have rivals, and stops at the last pair that is wanted.
    """
    found: dict[frozenset[int], PossibleDuplicate] = {}
    decided = _decided(connection)
    for rows in _near(connection):
        others = catalogue.named(connection, {key for row in rows for key in json.loads(row.rivals)})
        stored = catalogue.load(connection, {id for id, _ in others.values()})
        for row in rows:
            for name in json.loads(row.rivals):
                other = others.get(name)
                if other is None or other[0] == row.paper:
                    continue
                pair = frozenset((row.paper, other[0]))
                if pair not in decided and pair not in found:
                    found[pair] = _pair(row, other[1], stored[other[0]].title)
        if len(found) >= limit:
            break
    return list(found.values())[:limit]


def _pair(row: Row[Any], other: str, title: str) -> PossibleDuplicate:
    return PossibleDuplicate(
        key=row.key,
        title=row.title,
        other=other,
        other_title=title,
        rule=row.rule,
        title_score=row.title_score,
        abstract_score=row.abstract_score,
        source=row.source,
        dump=row.name,
        date=row.date,
        first=row.first,
    )


def _near(connection: Connection) -> Iterator[list[Row[Any]]]:
    """Yield the sightings that have rivals, newest first, some at a time; reads no further than it is asked to."""
    for dump in _with_rivals(connection):
        rows = iter(_rivalled(connection, dump))
        while some := list(islice(rows, _SOME)):
            yield some


def _with_rivals(connection: Connection) -> list[int]:
    """Return the dumps with such sightings, newest first; one look a dump into the index on those sightings."""
    any_near = select(sightings.c.dump).where(sightings.c.dump == dumps.c.id, sightings.c.rivals.is_not(None))
    query = select(dumps.c.id).where(any_near.exists()).order_by(dumps.c.date.desc(), dumps.c.seq.desc())
    return list(connection.execute(query).scalars())


def _rivalled(connection: Connection, dump: int) -> Result[Any]:
    """Find the sightings of a dump that have rivals, in its order; by the index on them, and primary keys."""
    query = (
        select(sightings, dumps.c.source, dumps.c.name, dumps.c.date, versions.c.title, papers.c.key)
        .join(dumps, dumps.c.id == sightings.c.dump)
        .join(versions, versions.c.id == sightings.c.version)
        .join(papers, papers.c.id == sightings.c.paper)
        .where(sightings.c.dump == dump, sightings.c.rivals.is_not(None))
        .order_by(sightings.c.position)
    )
    return connection.execute(query)


def _decided(connection: Connection) -> set[frozenset[int]]:
    """Return the pairs that people told apart; reads the whole table, which people fill."""
    query = select(decisions.c.paper, decisions.c.other)
    query = query.where(decisions.c.kind.in_(("split", "apart")), decisions.c.undone.is_(None))
    return {frozenset((one, other)) for one, other in connection.execute(query)}
