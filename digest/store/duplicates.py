"""Which papers may be one work: pairs for people to decide. May import the catalogue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row, select

from digest.protocols import PossibleDuplicate
from digest.store import catalogue
from digest.store.schema import decisions, dumps, papers, sightings, versions

#: sightings read at a time
_SOME = 500


def possible(connection: Connection, limit: int) -> list[PossibleDuplicate]:
    """Return pairs that came near, newest first, without those that people decided on.

    By the index on dumps.seq and the one on the sightings that have rivals.
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
    query = (
        select(sightings, dumps.c.source, dumps.c.name, dumps.c.date, versions.c.title, papers.c.key)
        .join(dumps, dumps.c.id == sightings.c.dump)
        .join(versions, versions.c.id == sightings.c.version)
        .join(papers, papers.c.id == sightings.c.paper)
        .where(sightings.c.rivals.is_not(None))
        .order_by(dumps.c.date.desc(), dumps.c.seq.desc(), sightings.c.position)
    )
    rows = iter(connection.execute(query))
    while some := [row for row, _ in zip(rows, range(_SOME), strict=False)]:
        yield some


def _decided(connection: Connection) -> set[frozenset[int]]:
    """Return the pairs that people told apart; reads the whole table, which people fill."""
    query = select(decisions.c.paper, decisions.c.other)
    query = query.where(decisions.c.kind.in_(("split", "apart")), decisions.c.undone.is_(None))
    return {frozenset((one, other)) for one, other in connection.execute(query)}
