"""People who are added to a newsletter, or whose wishes change. May import models and the schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from digest.errors import StoreError
from digest.models import Admission, Origin, Subscriber
from digest.store.schema import editions, newsletters, subscribers, subscriptions, suppressions
from digest.store.secret import address_hash
from digest.store.values import portions

Row = dict[str, Any]


@dataclass(frozen=True)
class Wish:
    """What all who are admitted in one call have in common."""

    newsletter: str
    at: datetime
    origin: Origin
    confirmed_by: str | None
    mark: int | None
    again: bool


@dataclass
class _Found:
    """What the store has of a portion, by hash, and what of it is to be written."""

    people: dict[str, Row]
    subscriptions: dict[str, Row]
    suppressions: dict[str, Row]
    #: ids of rows that are not in the store yet
    new_people: dict[str, Row] = field(default_factory=dict)
    new_subscriptions: dict[str, Row] = field(default_factory=dict)
    changed_people: dict[str, Row] = field(default_factory=dict)
    changed_subscriptions: dict[str, Row] = field(default_factory=dict)
    lifted: set[str] = field(default_factory=set)


def admit(connection: Connection, secret: bytes, people: Sequence[Subscriber], wish: Wish) -> list[Admission]:
    """Add people, or bring their wishes up to date.

    Raises:
        StoreError: the newsletter was never met.
    """
    newest = _newest(connection, wish.newsletter)
    mark = newest if wish.mark is None else wish.mark
    answers: list[Admission] = []
    for portion in portions(people):
        hashes = [address_hash(secret, person.address) for person in portion]
        found = _find(connection, wish.newsletter, hashes)
        answers += [_decide(found, hash, person, wish, mark) for hash, person in zip(hashes, portion, strict=True)]
        _write(connection, found)
    return answers


def _newest(connection: Connection, newsletter: str) -> int:
    """Return the number of the newest edition; by the primary keys of newsletters and editions."""
    newest = select(func.max(editions.c.number)).where(editions.c.newsletter == newsletter).scalar_subquery()
    row = connection.execute(select(newest).where(newsletters.c.id == newsletter)).one_or_none()
    if row is None:
        raise StoreError(f"there is no newsletter {newsletter!r} in the store: run `digest run` once")
    return row[0] or 0


def _find(connection: Connection, newsletter: str, hashes: Sequence[str]) -> _Found:
    known = _people(connection, hashes)
    by_id = {row["id"]: hash for hash, row in known.items()}
    linked = _subscriptions(connection, newsletter, list(by_id))
    return _Found(known, {by_id[row["subscriber"]]: row for row in linked}, _suppressions(connection, hashes))


def _people(connection: Connection, hashes: Sequence[str]) -> dict[str, Row]:
    """Return subscribers by hash; by the unique index on it."""
    rows = connection.execute(select(subscribers).where(subscribers.c.hash.in_(hashes)))
    return {row.hash: dict(row._mapping) for row in rows}


def _subscriptions(connection: Connection, newsletter: str, ids: Sequence[int]) -> list[Row]:
    """Return what links subscribers to a newsletter; by the unique index on (newsletter, subscriber)."""
    query = select(subscriptions).where(subscriptions.c.newsletter == newsletter, subscriptions.c.subscriber.in_(ids))
    return [dict(row._mapping) for row in connection.execute(query)]


def _suppressions(connection: Connection, hashes: Sequence[str]) -> dict[str, Row]:
    """Return suppressions by hash; by the primary key."""
    rows = connection.execute(select(suppressions).where(suppressions.c.hash.in_(hashes)))
    return {row.hash: dict(row._mapping) for row in rows}


def _decide(found: _Found, hash: str, person: Subscriber, wish: Wish, mark: int) -> Admission:
    """Say what becomes of one wish, and note what is to be written for it."""
    link = found.subscriptions.get(hash)
    refusal = None if wish.again else _refusal(found.suppressions.get(hash), link)
    if refusal:
        return Admission(address=person.address, result="refused", reason=refusal)
    if found.suppressions.pop(hash, None):
        found.lifted.add(hash)
    renamed = _know(found, hash, person)
    wanted = _wanted(person)
    if link is None:
        begun = _begun(wish, mark)
        row = {"newsletter": wish.newsletter, "hash": hash, "ended": None, "why": None, "returns": False}
        found.subscriptions[hash] = found.new_subscriptions[hash] = {**row, **wanted, **begun}
        return Admission(address=person.address, result="added")
    returned = link["status"] == "unsubscribed"
    changes = {**wanted, **_restarted(link, wish, mark)}
    changed = {name: value for name, value in changes.items() if link[name] != value}
    if changed:
        link.update(changed)
        if hash not in found.new_subscriptions:
            found.changed_subscriptions[hash] = link
    if returned:
        return Admission(address=person.address, result="added")
    return Admission(address=person.address, result="changed" if changed or renamed else "again")


def _refusal(suppression: Mapping[str, Any] | None, link: Mapping[str, Any] | None) -> str | None:
    if suppression:
        return f"nothing goes to this address since {suppression['at']:%Y-%m-%d}: {suppression['reason']}"
    if link and link["status"] == "unsubscribed" and not link["returns"]:
        return f"unsubscribed on {link['ended']:%Y-%m-%d}: {link['why']}"
    return None


def _know(found: _Found, hash: str, person: Subscriber) -> bool:
    """Note who a person is; say whether that changed. No name given is no wish to have none."""
    row = found.people.get(hash)
    if row is None:
        row = {"id": None, "hash": hash, "address": person.address, "name": person.name}
        found.people[hash] = found.new_people[hash] = row
        return False
    told = {"address": row["address"] or person.address, "name": person.name or row["name"]}
    if told.items() <= row.items():
        return False
    row.update(told)
    if hash not in found.new_people:
        found.changed_people[hash] = row
    return True


def _wanted(person: Subscriber) -> Row:
    return {
        "format": person.format,
        "timezone": person.timezone,
        "cadence": person.cadence,
        "hour": person.hour,
        "groups": ",".join(person.groups),
    }


def _begun(wish: Wish, mark: int) -> Row:
    return {
        "status": "unconfirmed" if wish.confirmed_by is None else "confirmed",
        "mark": mark,
        "origin": wish.origin,
        "since": wish.at,
        "confirmed_by": wish.confirmed_by,
    }


def _restarted(link: Mapping[str, Any], wish: Wish, mark: int) -> Row:
    """Return what changes where a subscription begins anew, or is confirmed; what she was served is not forgotten."""
    begun = _begun(wish, max(mark, link["mark"]))
    if link["status"] == "unsubscribed":
        return {**begun, "ended": None, "why": None, "returns": False}
    if link["status"] == "unconfirmed" and wish.confirmed_by is not None:
        return {**begun, "origin": link["origin"]}
    return {}


def _write(connection: Connection, found: _Found) -> None:
    _add_people(connection, list(found.new_people.values()))
    ids = {hash: row["id"] for hash, row in found.people.items()}
    _add_subscriptions(connection, [{**row, "subscriber": ids[hash]} for hash, row in found.new_subscriptions.items()])
    if found.changed_people:
        _change_people(connection, list(found.changed_people.values()))
    if found.changed_subscriptions:
        _change_subscriptions(connection, list(found.changed_subscriptions.values()))
    if found.lifted:
        _lift(connection, found.lifted)


def _add_people(connection: Connection, rows: Sequence[Row]) -> None:
    """Insert subscribers, with the ids that follow; by the primary key."""
    first = (connection.execute(select(func.max(subscribers.c.id))).scalar() or 0) + 1
    for id, row in enumerate(rows, first):
        row["id"] = id
    if rows:
        connection.execute(insert(subscribers), rows)


def _add_subscriptions(connection: Connection, rows: Sequence[Row]) -> None:
    """Insert subscriptions, with the ids that follow; by the primary key."""
    first = (connection.execute(select(func.max(subscriptions.c.id))).scalar() or 0) + 1
    numbered = [{**row, "id": id} for id, row in enumerate(rows, first)]
    for row in numbered:
        del row["hash"]
    if numbered:
        connection.execute(insert(subscriptions), numbered)


def _change_people(connection: Connection, rows: Sequence[Row]) -> None:
    """Write address and name anew; by the primary key."""
    statement = update(subscribers).where(subscribers.c.id == bindparam("which"))
    connection.execute(
        statement, [{"which": row["id"], "address": row["address"], "name": row["name"]} for row in rows]
    )


def _change_subscriptions(connection: Connection, rows: Sequence[Row]) -> None:
    """Write subscriptions anew; by the primary key."""
    fixed = ("id", "newsletter", "subscriber")
    statement = update(subscriptions).where(subscriptions.c.id == bindparam("which"))
    told = [{name: value for name, value in row.items() if name not in fixed} for row in rows]
    connection.execute(statement, [{**values, "which": row["id"]} for values, row in zip(told, rows, strict=True)])


def _lift(connection: Connection, hashes: set[str]) -> None:
    """Delete suppressions; by the primary key."""
    connection.execute(delete(suppressions).where(suppressions.c.hash.in_(hashes)))
