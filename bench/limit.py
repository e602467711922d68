"""Writes what a store holds once more, and nothing else: `python -m bench.limit STORE NEW`; prints wall, CPU, how many.

The least that taking in those papers can cost with this schema: a transaction for each dump that is kept and one for
each that is committed, bytes compressed, rows at hand as the driver takes them, no foreign key looked up. No parsing,
no identity, no tags.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
import zlib
from collections import defaultdict
from contextlib import closing
from typing import Any

from digest.store import open_store
from digest.store.dumps import LEVEL

Rows = list[tuple[Any, ...]]
_OF_PAPERS = ("papers", "searchable", "aliases", "tags", "sketches")
_OF_DUMPS = ("versions", "sightings", "changes", "rejected")


def main(store: str, path: str) -> None:
    """Copy a store, dump by dump."""
    with closing(sqlite3.connect(store)) as connection:
        connection.row_factory = sqlite3.Row
        dumps, rows, statements = _read(connection)
    open_store(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        wall, cpu = time.perf_counter(), time.process_time()
        for id, *values in dumps:
            connection.execute("BEGIN IMMEDIATE")
            values[-1] = zlib.compress(values[-1], LEVEL)
            connection.execute(statements["dumps"], (id, *values))
            connection.execute("COMMIT")
            connection.execute("BEGIN IMMEDIATE")
            for table, some in rows[id].items():
                connection.executemany(statements[table], some)
            connection.execute("COMMIT")
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps([wall, cpu, sum(len(some["sightings"]) for some in rows.values())]))


def _read(connection: sqlite3.Connection) -> tuple[Rows, dict[int, dict[str, Rows]], dict[str, str]]:
    """Return the dumps, their bytes last and as they came; by dump what came with it; and how each table is written."""
    first = dict(map(tuple, connection.execute("SELECT paper, min(dump) FROM versions GROUP BY paper")))
    found: defaultdict[int, dict[str, Rows]] = defaultdict(lambda: defaultdict(list))
    statements = {}
    for table in ("dumps", *_OF_PAPERS, *_OF_DUMPS):
        told = connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - ours
        columns = [name for (_, name, *_) in connection.execute(f"PRAGMA table_info({table})")]
        names, places = ", ".join(f'"{name}"' for name in columns), ", ".join("?" * len(columns))
        statements[table] = f"INSERT INTO {table} ({names}) VALUES ({places})"  # noqa: S608 - ours
        for row in told if table != "dumps" else ():
            paper = row["id"] if table == "papers" else row["paper"] if table in _OF_PAPERS else None
            found[row["dump"] if paper is None else first[paper]][table].append(tuple(row))
    dumps = [(*row[:-1], zlib.decompress(row["raw"])) for row in connection.execute("SELECT * FROM dumps ORDER BY id")]
    return dumps, found, statements


if __name__ == "__main__":
    main(*sys.argv[1:])
