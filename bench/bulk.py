"""A store with many known papers, written faster than the product writes it: a fixture.

A few papers go in by the product's own way. Their rows are the pattern for all others, so that this knows only the
columns in which papers differ.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date, timedelta
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from bench.given import Given, take_in
from bench.papers import Made, Maker
from digest import text
from digest.store import open_store

Row = dict[str, Any]
#: papers that go in by the product's own way
_BY_HAND = 100
#: papers written at a time
_PORTION = 20_000
#: papers of a dump: a large day's, for a run looks at the dump before its own
_DUMP = 10_000
_DAY = date(2020, 1, 1)


def build(path: Path, maker: Maker, size: int) -> None:
    """Write a store that knows the papers 0 to `size` of `maker`, a dump a day; named otherwise until it is whole."""
    part = path.with_name(path.name + ".part")
    for suffix in ("", "-wal", "-shm"):
        part.with_name(part.name + suffix).unlink(missing_ok=True)
    first = min(_BY_HAND, size)
    with closing(open_store(str(part))) as store:
        listings = [paper.listing(at) for at, paper in enumerate(maker.papers(range(first)), 1)]
        take_in(store, [Given(listings, f"known {size}", _DAY)], {})
    with closing(sqlite3.connect(part, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000;")
        _fill(connection, maker, first, size)
        connection.executescript("PRAGMA optimize; PRAGMA journal_mode = WAL;")
    part.rename(path)


def _fill(connection: sqlite3.Connection, maker: Maker, first: int, size: int) -> None:
    tables = ("papers", "searchable", "versions", "sightings", "changes")
    patterns = {name: _last(connection, name) for name in ("dumps", *tables)}
    dump = patterns.pop("dumps")
    rows = ((paper, _rows(patterns, paper, number - first + 1)) for number, paper in _made(maker, first, size))
    holders = Counter(hash for (hash,) in connection.execute("SELECT hash FROM sketches"))
    connection.execute("BEGIN")
    while portion := list(islice(rows, _PORTION)):
        for name in tables:
            _insert(connection, name, [told[name] for _, told in portion])
        _sketch(connection, holders, [(paper, told["papers"]["id"]) for paper, told in portion])
    _insert(connection, "dumps", [_dump(dump, step, size - first) for step in range(1, _step(size - first) + 1)])
    connection.execute("COMMIT")


def _step(step: int) -> int:
    """Return how many dumps after the pattern a row is that is `step` rows after it."""
    return (step - 1) // _DUMP + 1


def _dump(pattern: Row, step: int, rows: int) -> Row:
    """Return the dump that is `step` after the pattern."""
    id, name = pattern["id"] + step, f"{pattern['name']} {step}"
    listed, end = min(_DUMP, rows - (step - 1) * _DUMP), pattern["log_end"] + min(step * _DUMP, rows)
    same = {"id": id, "seq": pattern["seq"] + step, "name": name, "sha256": sha256(name.encode()).hexdigest()}
    return {**pattern, **same, "date": _day(step).isoformat(), "log_end": end, "listed": listed, "new": listed}


def _day(step: int) -> date:
    return _DAY + timedelta(days=step)


def _sketch(connection: sqlite3.Connection, holders: Counter[int], papers: Sequence[tuple[Made, int]]) -> None:
    """Let the papers be found by near texts, as a commit does: until HOT papers have a value."""
    rows = []
    for paper, id in papers:
        for value in dict.fromkeys(text.sketch(paper.title, paper.abstract)):
            holders[value] += 1
            if holders[value] <= text.HOT:
                rows.append((value, id))
    connection.executemany("INSERT INTO sketches (hash, paper) VALUES (?, ?)", sorted(rows))


def _made(maker: Maker, first: int, size: int) -> Iterator[tuple[int, Made]]:
    return ((number, maker.paper(number)) for number in range(first, size))


def _last(connection: sqlite3.Connection, table: str) -> Row:
    """Return the row of a table that was written last: the pattern for those that follow."""
    return dict(connection.execute(f"SELECT * FROM {table} ORDER BY rowid DESC LIMIT 1").fetchone())  # noqa: S608 - ours


def _insert(connection: sqlite3.Connection, table: str, rows: Sequence[Row]) -> None:
    columns = list(rows[0])
    names, places = ", ".join(f'"{name}"' for name in columns), ", ".join("?" * len(columns))
    values = [tuple(row.values()) for row in rows]
    connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", values)  # noqa: S608 - ours


def _rows(patterns: dict[str, Row], paper: Made, step: int) -> dict[str, Row]:
    """Return what the store holds of a paper, `step` rows after the patterns."""
    dump, day, place = patterns["versions"]["dump"] + _step(step), _day(_step(step)).isoformat(), (step - 1) % _DUMP
    title = text.compact(paper.title)
    key = "t-" + sha256(title.encode()).hexdigest()[:16]
    papers, versions, sightings = (patterns[name] for name in ("papers", "versions", "sightings"))
    told = {"title": paper.title, "abstract": paper.abstract}
    counted = {"value": paper.comments, "as_of": day}
    numbers = {"author_count": paper.authors, "published": paper.published.isoformat(), "comments": counted}
    data = {**json.loads(papers["data"]), "key": key, **told, **numbers, "first_seen": day}
    data["as_of"] = dict.fromkeys(data["as_of"], day)
    seen = {"comments": paper.comments, "dump": dump, "position": place}
    id, version = papers["id"] + step, versions["id"] + step
    keys = {"title_key": text.key64(title), "text_key": text.key64(f"{paper.title}\n\n{paper.abstract}")}
    return {
        "papers": {
            **papers,
            "id": id,
            "key": key,
            "first_seen": day,
            "data": json.dumps(data, ensure_ascii=False, separators=(",", ":")),
        },
        "searchable": {
            **patterns["searchable"],
            "paper": id,
            "folded": text.fold(f"{paper.title}\n{paper.abstract}"),
        },
        "versions": {**versions, "id": version, "paper": id, "dump": dump, **keys, **told},
        "sightings": {**sightings, "paper": id, "version": version, **seen},
        "changes": {**patterns["changes"], "number": patterns["changes"]["number"] + step, "paper": id, "dump": dump},
    }
