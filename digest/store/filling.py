"""A store as a whole, written: rows of a state in an empty store. May import protocols, models and this package."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select, update

from digest import text
from digest.errors import StoreError
from digest.models import Paper, Receipt
from digest.protocols.state import Contents, DeliveryRow, PaperRow, People, SubscriptionRow
from digest.store.commit import folded, write_sketches
from digest.store.schema import (
    aliases,
    changes,
    deliveries,
    dumps,
    editions,
    entries,
    fetches,
    memory,
    newsletters,
    papers,
    receipts,
    searchable,
    sightings,
    subscribers,
    subscriptions,
    suppressions,
    tags,
    versions,
)
from digest.store.types import escape
from digest.store.values import any_json, paper_json, portions

#: what holds a message that was in flight when its run ended: no sender, so that it is taken back
LOST = "state"
#: in place of the bytes of a dump, which are not part of a state: they cannot be read again
_NO_BYTES = b""

Row = dict[str, Any]


def fill(connection: Connection, contents: Contents) -> None:
    """Write all rows; what they name is there, numbers are unique."""
    _insert(connection, newsletters, [one._asdict() for one in contents.newsletters])
    ids = _write_dumps(connection, contents)
    known = _write_papers(connection, contents.papers, ids)
    _write_sightings(connection, contents, ids, known)
    _write_changes(connection, contents, ids, known)
    _write_editions(connection, contents, known)
    rows = [{"source": source, "name": name, "value": value} for source, told in contents.memory.items()
            for name, value in told.items()]  # fmt: skip
    _insert(connection, memory, rows)
    _insert(connection, fetches, [one._asdict() for one in contents.fetches])
    _write_people(connection, contents.people)
    _write_receipts(connection, contents.receipts)


def _insert(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    for portion in portions(rows):
        connection.execute(insert(table), portion)


def _write_dumps(connection: Connection, contents: Contents) -> dict[int, int]:
    """Add dumps; return the ids they got by those they have in the contents."""
    found: dict[int, int] = {}
    for one in contents.dumps:
        row = {**one._asdict(), "raw": _NO_BYTES}
        del row["id"]
        added = connection.execute(insert(dumps).values(row))
        assert added.inserted_primary_key is not None
        found[one.id] = added.inserted_primary_key[0]
    return found


@dataclass
class _Known:
    """The papers written: their ids, and the version that sightings name."""

    ids: dict[str, int] = field(default_factory=dict)
    version: dict[str, int] = field(default_factory=dict)


def _write_papers(connection: Connection, papers_told: Sequence[PaperRow], dump_ids: Mapping[int, int]) -> _Known:
    """Add papers with all that finds them."""
    known = _Known(ids={one.key: one.id for one in papers_told})
    rows, words = list[Row](), list[Row]()
    named: dict[tuple[str, str], Row] = {}
    for one in papers_told:
        paper = Paper.model_validate_json(one.data)
        # those merged into others are pointed to them when all are there
        rows.append({"id": one.id, "key": one.key, "first_seen": paper.first_seen, "data": paper_json(paper)})
        if one.into is None:
            words.append({"paper": one.id, "folded": folded(paper)})
            for alias in paper.ids:
                row = {"value": alias.value, "scheme": alias.scheme, "paper": one.id}
                named.setdefault((alias.value, alias.scheme), row)
    _insert(connection, papers, rows)
    _insert(connection, searchable, words)
    _insert(connection, aliases, named.values())
    _write_texts(connection, papers_told, dump_ids, known)
    tagged = (
        {"paper": one.id, "taxonomy": name, "tags": tags} for one in papers_told for name, tags in one.tags.items()
    )
    _insert(connection, tags, tagged)
    for one in papers_told:
        if one.into is not None:
            _point(connection, one.id, known.ids[one.into])
    return known


def _point(connection: Connection, id: int, into: int) -> None:
    """Note that a paper was merged into another one; by the primary key."""
    connection.execute(update(papers).where(papers.c.id == id).values(into=into))


def _write_texts(
    connection: Connection, papers_told: Sequence[PaperRow], dump_ids: Mapping[int, int], known: _Known
) -> None:
    rows: list[Row] = []
    sketched: dict[int, list[int]] = {}
    for one in papers_told:
        for told in one.texts:
            rows.append(_version(len(rows) + 1, one.id, dump_ids[told.dump], told.title, told.abstract))
            known.version[one.key] = len(rows)
        for value in one.sketch or (value for told in one.texts for value in text.sketch(told.title, told.abstract)):
            sketched.setdefault(value, []).append(one.id)
    _insert(connection, versions, rows)
    write_sketches(connection, sketched)


def _version(id: int, paper: int, dump: int, title: str, abstract: str) -> Row:
    return {
        "id": id,
        "paper": paper,
        "title_key": text.key64(text.compact(title)),
        "text_key": text.key64(escape(f"{title}\n\n{abstract}")),
        "title": title,
        "abstract": abstract,
        "dump": dump,
    }


def _write_sightings(connection: Connection, contents: Contents, ids: Mapping[int, int], known: _Known) -> None:
    """Add sightings in their order; how each was decided is not part of a state."""
    places: dict[int, int] = {}
    rows: list[Row] = []
    for one in contents.sightings:
        place = places[one.dump] = places.get(one.dump, -1) + 1
        rows.append(
            {
                "dump": ids[one.dump],
                "position": place,
                "first": place + 1,
                "last": place + 1,
                "paper": known.ids[one.paper],
                "version": known.version[one.paper],
                "kind": one.kind,
                "rule": "none" if one.kind == "new" else "text",
                "comments": one.comments,
                "upvotes": one.upvotes,
                "stars": one.stars,
                "silent": one.silent,
            }
        )
    _insert(connection, sightings, rows)


def _write_changes(connection: Connection, contents: Contents, ids: Mapping[int, int], known: _Known) -> None:
    """Add the changes that no edition covers yet, and one at the log's end where that is before them."""
    rows: list[Row] = [
        {
            "number": one.number,
            "paper": known.ids[one.paper],
            "kind": one.kind,
            "source": one.source,
            "dump": ids[one.dump],
            "fields": one.fields,
            "before_title": one.before[0] if one.before else None,
            "before_abstract": one.before[1] if one.before else None,
        }
        for one in contents.changes
    ]
    if contents.log_end and all(row["number"] != contents.log_end for row in rows):
        if not contents.sightings:
            raise StoreError("a log has changes, but no paper is known that they could be of")
        last = contents.sightings[-1]
        source = next(one.source for one in contents.dumps if one.id == last.dump)
        place = {"number": contents.log_end, "paper": known.ids[last.paper], "dump": ids[last.dump], "source": source}
        rows.append({**place, "kind": "enriched", "fields": None, "before_title": None, "before_abstract": None})
    _insert(connection, changes, rows)


def _write_editions(connection: Connection, contents: Contents, known: _Known) -> None:
    columns = ("newsletter", "number", "date", "sha256", "instant", "after", "upto", "snapshot")
    _insert(connection, editions, ({name: getattr(one, name) for name in columns} for one in contents.editions))
    rows = (
        {"paper": known.ids[key], "newsletter": one.newsletter, "number": one.number, "kind": kind}
        for one in contents.editions
        for key, kind in one.entries
    )
    _insert(connection, entries, rows)


def _write_people(connection: Connection, people: People) -> None:
    whose = {hash: id for id, hash in enumerate(dict.fromkeys(one.hash for one in people.subscriptions), 1)}
    nameless = ({"id": id, "hash": hash, "address": None, "name": ""} for hash, id in whose.items())
    _insert(connection, subscribers, nameless)
    _insert(connection, subscriptions, (_subscription(one, whose[one.hash]) for one in people.subscriptions))
    _insert(connection, suppressions, ({**one._asdict(), "evidence": ""} for one in people.suppressions))
    ids = {(one.hash, one.newsletter): one.id for one in people.subscriptions}
    _insert(connection, deliveries, (_delivery(one, ids[one.hash, one.newsletter]) for one in people.deliveries))
    if connection.dialect.name == "postgresql" and people.deliveries:
        # what gives numbers to later rows does not see those that came with theirs
        last = max(one.id for one in people.deliveries)
        connection.execute(select(func.setval(func.pg_get_serial_sequence("deliveries", "id"), last)))


def _subscription(one: SubscriptionRow, subscriber: int) -> Row:
    row: Row = one._asdict()
    del row["hash"]
    return {**row, "subscriber": subscriber, "groups": ""}


def _delivery(one: DeliveryRow, subscription: int) -> Row:
    row: Row = one._asdict()
    del row["hash"]
    row |= {"subscription": subscription, "not_before": one.not_before or one.at}
    return row | {"token": LOST if one.state == "in_flight" else None}


def _write_receipts(connection: Connection, told: Iterable[str]) -> None:
    found = map(Receipt.model_validate_json, told)
    _insert(
        connection,
        receipts,
        ({"started_at": one.started_at, "verdict": one.verdict, "data": any_json(one)} for one in found),
    )
