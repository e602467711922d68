"""The ledger of deliveries in a database. May import models, protocols and this package."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, select, update

from digest.errors import StoreError
from digest.logs import logger
from digest.models import Delivery, DeliveryCounts, DeliveryState, Subscription, UnknownPolicy
from digest.protocols import Claimed, Concluded, Recovered, Timing
from digest.store import advance, claims, senders, sweep, told
from digest.store.engine import Database
from digest.store.hot import Line
from digest.store.rows import Raw
from digest.store.schema import newsletters
from digest.store.senders import Sender
from digest.store.types import instant
from digest.store.values import PORTION


class SqlLedger:
    """A Ledger in a database; safe to use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        #: by token: senders of this process, and the connection each has to itself
        self._senders: dict[str, Sender] = {}
        self._lines: dict[str, Line] = {}

    @contextmanager
    def sender(self, owner: str) -> Iterator[str]:
        """Enlist a sender for the block and yield its token; gives back what is left."""
        with senders.enlist(self._database, owner) as sender:
            self._senders[sender.token] = sender
            # what nobody else can see has one connection for all
            line = None if self._database.private else self._lines.setdefault(sender.token, Line(self._database))
            try:
                yield sender.token
            finally:
                del self._senders[sender.token]
                if line:
                    del self._lines[sender.token]
                    line.close()

    def recover(self, policies: Mapping[str, UnknownPolicy], now: datetime) -> Recovered:
        """Take back what senders that have ended left."""
        with self._database.writing() as connection:
            found = senders.recover(connection, policies, now)
        if any(found):
            logger().info("deliveries recovered", **found._asdict())
        return found

    def timings(self, newsletter: str) -> Sequence[Timing]:
        """Return the different wishes of a newsletter's confirmed subscribers."""
        with self._database.reading() as connection:
            return sweep.timings(connection, newsletter)

    def sweep(self, newsletter: str, due: Sequence[Timing], now: datetime, *, upto: int | None = None) -> int:
        """Make a pending delivery for each confirmed subscription whose mark is before `upto`; return how many."""
        with self._database.writing() as connection:
            return sweep.sweep(connection, newsletter, due, now, upto)

    def catch_up(self, newsletter: str) -> int:
        """Move every subscription's mark to the newest edition without a delivery; return how many moved."""
        with self._database.writing() as connection:
            return sweep.catch_up(connection, newsletter)

    def claim(self, token: str, limit: int, now: datetime, *, daily_limit: int | None = None) -> Sequence[Claimed]:
        """Take up to `limit` deliveries that are pending, or deferred until now; oldest first."""
        sender = self._senders.get(token)
        if sender is None:
            raise StoreError("these deliveries are claimed for a sender that is not enlisted: it has ended")
        with self._database.writing() as connection:
            senders.renew(connection, sender)
            return claims.claim(connection, token, limit, now, daily_limit)

    def claiming(
        self, token: str, limit: int, now: datetime, *, daily_limit: int | None = None
    ) -> Callable[[], Sequence[Claimed]]:
        """Begin to claim, where writers need not wait for each other."""
        line = self._lines.get(token)
        if line is None or self._database.sqlite or daily_limit is not None:
            return partial(self.claim, token, limit, now, daily_limit=daily_limit)
        coming = line.claiming(token, limit, now)
        return lambda: self._completed(coming(), token, limit, now)

    def _completed(self, found: Sequence[Raw], token: str, limit: int, now: datetime) -> Sequence[Claimed]:
        """Return what was claimed ahead, and what there is besides."""
        claimed = claims.wanted(found)
        if len(claimed) < len(found):
            with self._database.writing() as connection:
                claims.settle(connection, found, now)
        return claimed if len(claimed) == limit else [*claimed, *self.claim(token, limit - len(claimed), now)]

    def advance(
        self,
        token: str,
        begun: Sequence[Claimed],
        concluded: Sequence[Concluded],
        now: datetime,
        *,
        meanwhile: Callable[[], None] | None = None,
    ) -> frozenset[int]:
        """Commit what happened; return the ids among `begun` whose claim was lost."""
        line = self._lines.get(token)
        if line is not None:
            return line.advance(token, begun, concluded, now, meanwhile)
        ended, at = advance.ends(concluded), instant(now)
        with self._database.writing() as connection:
            cursor = connection.connection.cursor()
            if self._database.sqlite:
                return advance.sqlite(cursor, token, begun, ended, at)
            rows = cursor.execute(advance.AT_ONCE, advance.parameters(token, begun, ended, at)).fetchall()
            return advance.lost(begun, ended, rows)

    def give_back(self, token: str) -> int:
        """Let go of all claims that are not in flight; return how many."""
        with self._database.writing() as connection:
            return senders.give_back(connection, token)

    def next_due(self, now: datetime) -> datetime | None:
        """Return when a deferred delivery may be tried next; None: nothing is deferred."""
        with self._database.reading() as connection:
            return told.next_due(connection, now)

    def counts(self, newsletter: str | None = None, upto: int | None = None) -> DeliveryCounts:
        """Return how many deliveries are in each state; claimed and in flight count as pending."""
        with self._database.reading() as connection:
            return told.counts(connection, newsletter, upto)

    def deliveries(
        self,
        newsletter: str,
        *,
        number: int | None = None,
        states: Sequence[DeliveryState] = (),
        limit: int | None = None,
    ) -> Sequence[Delivery]:
        """Return deliveries, newest first: those that cover edition `number`, those in one of `states`."""
        query, found, before = told.listed(newsletter, number, states), list[Delivery](), None
        while limit is None or len(found) < limit:
            wanted = PORTION if limit is None else min(PORTION, limit - len(found))
            with self._database.reading() as connection:
                rows = told.portion(connection, query, before, wanted)
            found += map(told.delivery, rows)
            if len(rows) < wanted:
                break
            before = found[-1].id
        return found

    def missing(self, newsletter: str, number: int) -> Iterator[tuple[Subscription, Delivery | None]]:
        """Yield the subscriptions that were to get an edition and have no `submitted` delivery of it."""
        with self._database.reading() as connection:
            last = None if told.is_tidied(connection, newsletter, number) else 0
        while last is not None:
            with self._database.reading() as connection:
                found = told.missing(connection, newsletter, number, last)
            yield from found
            last = found[-1][0].id if len(found) == PORTION else None

    def reopen(
        self, newsletter: str, now: datetime, *, states: Sequence[DeliveryState], number: int | None = None
    ) -> int:
        """Make final deliveries in `states` pending once more; return how many."""
        with self._database.writing() as connection:
            return sweep.reopen(connection, newsletter, now, states, number)

    def send_missing(self, newsletter: str, number: int, now: datetime) -> int:
        """Make deliveries of one edition for confirmed subscriptions that none covers; return how many."""
        with self._database.writing() as connection:
            if told.is_tidied(connection, newsletter, number):
                raise StoreError(
                    f"who got {newsletter}/{number} is not known any more ([keep] ledger): mailing it to those who "
                    "lack it might mail it to everybody once more"
                )
            return sweep.send_missing(connection, newsletter, number, now)

    def settle_unknown(self, newsletter: str, now: datetime) -> int:
        """Note that a person looked at the `unknown` ones and leaves them; return how many."""
        with self._database.writing() as connection:
            return sweep.settle_unknown(connection, newsletter, now)

    def pause(self, newsletter: str, paused: bool) -> None:
        """Make no deliveries of a newsletter, and claim none, until it goes on."""
        with self._database.writing() as connection:
            found = _pause(connection, newsletter, paused)
        if not found:
            raise StoreError(f"there is no newsletter {newsletter!r} in the store: run `digest run` once")

    def paused(self) -> Sequence[str]:
        """Return the newsletters that are paused."""
        with self._database.reading() as connection:
            return _paused(connection)


def _pause(connection: Connection, newsletter: str, paused: bool) -> bool:
    """Let a newsletter rest or go on; by the primary key."""
    statement = update(newsletters).where(newsletters.c.id == newsletter).values(paused=paused)
    return bool(connection.execute(statement).rowcount)


def _paused(connection: Connection) -> list[str]:
    """Return the newsletters that are paused; they are few."""
    query = select(newsletters.c.id).where(newsletters.c.paused).order_by(newsletters.c.id)
    return list(connection.execute(query).scalars())
