"""Newsletters, editions and receipts (tx 3). May import models, protocols and the schema."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, insert, select, update

from digest.errors import StoreError
from digest.models import Edition, EditionRef, Receipt, Stored
from digest.protocols import NewsletterState
from digest.store.schema import editions, entries, newsletters, papers, receipts
from digest.store.values import any_json, pairs, portions


def newsletter(connection: Connection, id: str) -> NewsletterState | None:
    """Return where a newsletter stands; by the primary keys of newsletters and editions."""
    row = connection.execute(_states().where(newsletters.c.id == id)).one_or_none()
    return None if row is None else _state(row)


def every_newsletter(connection: Connection) -> list[NewsletterState]:
    """Return where every newsletter stands; by the primary keys of newsletters and editions."""
    return sorted(map(_state, connection.execute(_states())), key=lambda state: state.id)


def _states() -> Select[Any]:
    each = editions.alias()
    last = select(func.max(each.c.number)).where(each.c.newsletter == newsletters.c.id).correlate(newsletters)
    newest = and_(editions.c.newsletter == newsletters.c.id, editions.c.number == last.scalar_subquery())
    told = select(newsletters, editions.c.number, editions.c.date, editions.c.instant)
    return told.select_from(newsletters.outerjoin(editions, newest))


def _state(row: Row[Any]) -> NewsletterState:
    ref = None if row.number is None else EditionRef(number=row.number, date=row.date)
    return NewsletterState(id=row.id, mark=row.mark, last=ref, last_instant=row.instant, feed_id=row.feed_id)


def enrol(connection: Connection, id: str, mark: int) -> NewsletterState:
    """Meet a newsletter unless it is known; by the primary key."""
    found = newsletter(connection, id)
    if found is None:
        connection.execute(insert(newsletters).values(id=id, mark=mark))
        found = NewsletterState(id=id, mark=mark, last=None, last_instant=None, feed_id=None)
    return found


def publish(connection: Connection, edition: Edition, receipt: Receipt) -> bool:
    """Move the mark, store the edition and the receipt; False where the mark was elsewhere."""
    if not _move_mark(connection, edition):
        return False
    _store(connection, edition)
    _store_entries(connection, edition)
    receive(connection, receipt)
    return True


def _move_mark(connection: Connection, edition: Edition) -> bool:
    """Compare and set the mark; by the primary key."""
    moved = connection.execute(
        update(newsletters)
        .where(newsletters.c.id == edition.newsletter, newsletters.c.mark == edition.after)
        .values(mark=edition.upto, feed_id=func.coalesce(newsletters.c.feed_id, edition.feed_id))
    )
    return moved.rowcount == 1


def _store(connection: Connection, edition: Edition) -> None:
    snapshot = edition.canonical_json()
    connection.execute(
        insert(editions).values(
            newsletter=edition.newsletter,
            number=edition.number,
            date=edition.date,
            instant=edition.instant,
            after=edition.after,
            upto=edition.upto,
            snapshot=snapshot.decode(),
            sha256=hashlib.sha256(snapshot).hexdigest(),
        )
    )


def _store_entries(connection: Connection, edition: Edition) -> None:
    ids = _paper_ids(connection, [entry.paper.key for entry in edition.entries])
    lost = [entry.paper.key for entry in edition.entries if entry.paper.key not in ids]
    if lost:
        raise StoreError(f"{edition.newsletter}/{edition.number} has papers that the store has not: {', '.join(lost)}")
    rows = [
        {
            "paper": ids[entry.paper.key],
            "newsletter": edition.newsletter,
            "number": edition.number,
            "kind": entry.change,
        }
        for entry in edition.entries
    ]
    if rows:
        connection.execute(insert(entries), rows)


def _paper_ids(connection: Connection, keys: Iterable[str]) -> dict[str, int]:
    """Return ids of papers by key; by the unique index on papers.key."""
    found: dict[str, int] = {}
    for portion in portions(keys):
        query = select(papers.c.key, papers.c.id).where(papers.c.key.in_(portion))
        found.update(pairs(connection.execute(query)))
    return found


def receive(connection: Connection, receipt: Receipt) -> None:
    """Keep a receipt."""
    connection.execute(
        insert(receipts).values(started_at=receipt.started_at, verdict=receipt.verdict, data=any_json(receipt))
    )


def every_edition(connection: Connection, newsletter: str) -> list[Stored]:
    """Return the editions of a newsletter, oldest first; by the primary key."""
    query = select(editions.c.number, editions.c.date, editions.c.sha256, editions.c.instant)
    return [
        Stored(ref=EditionRef(number=number, date=date), newsletter=newsletter, sha256=sha256, instant=instant)
        for number, date, sha256, instant in connection.execute(
            query.where(editions.c.newsletter == newsletter).order_by(editions.c.number)
        )
    ]


def edition(connection: Connection, newsletter: str, number: int) -> Edition:
    """Return an edition as it was published; by the primary key.

    Raises:
        StoreError: there is none, or its bytes are not those that were stored.
    """
    query = select(editions.c.snapshot, editions.c.sha256)
    query = query.where(editions.c.newsletter == newsletter, editions.c.number == number)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise StoreError(f"there is no edition {newsletter}/{number} in the store")
    if hashlib.sha256(row.snapshot.encode()).hexdigest() != row.sha256:
        raise StoreError(f"edition {newsletter}/{number} is damaged: its sha256 differs; restore a backup")
    return Edition.model_validate_json(row.snapshot)
