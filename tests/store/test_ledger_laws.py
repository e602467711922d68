"""Whatever happens in whatever order, the laws of the ledger hold."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from digest.models import DeliveryState
from digest.protocols import Claimed, Concluded, Outcome, Timing
from digest.store import open_store
from digest.testing import NOON
from tests.store.readers import admit, publish, ready

NAMES = ("ann", "bob", "cid")
EVERY = [Timing(None, "each", None), Timing(None, "fri", 7)]
FINAL: tuple[DeliveryState, ...] = ("submitted", "failed", "unknown")
WAITING = ("pending", "claimed", "deferred")
OPEN = (*WAITING, "in_flight")

names = strategies.sampled_from(NAMES)
numbers = strategies.integers(1, 5)
outcomes = strategies.sampled_from(
    [
        Outcome("submitted", 250),
        Outcome("submitted", 250),
        Outcome("deferred", 451),
        Outcome("failed", 550),
        Outcome("unknown"),
        Outcome("pending"),
    ]
)


class Ledger(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.exit = ExitStack()
        folder = self.exit.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        self.path = ready(str(Path(folder) / "digest.db"))
        self.store = open_store(self.path)
        self.exit.callback(self.store.close)
        self.ledger = self.store.ledger
        admit(self.store, *NAMES)
        self.tokens = [self.exit.enter_context(self.ledger.sender(f"sender {number}")) for number in range(2)]
        #: what senders think they hold
        self.held: list[list[Claimed]] = [[], []]
        self.flying: list[list[Claimed]] = [[], []]
        self.look = sqlite3.connect(self.path)
        self.exit.callback(self.look.close)
        self.marks: dict[int, int] = {}
        self.now = NOON

    def teardown(self) -> None:
        self.exit.close()

    # What happens

    @rule()
    def publish(self) -> None:
        publish(self.store)

    @rule(minutes=strategies.integers(1, 90))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(due=strategies.sampled_from([EVERY, EVERY[:1], EVERY[1:]]), upto=strategies.none() | numbers)
    def sweep(self, due: list[Timing], upto: int | None) -> None:
        self.ledger.sweep("daily", due, self.now, upto=upto)

    @rule(who=strategies.integers(0, 1), limit=strategies.integers(1, 3), daily=strategies.none() | numbers)
    def claim(self, who: int, limit: int, daily: int | None) -> None:
        claimed = self.ledger.claim(self.tokens[who], limit, self.now, daily_limit=daily)
        assert len(claimed) <= limit
        self.held[who] += claimed

    @rule(who=strategies.integers(0, 1), begins=strategies.integers(0, 3), ends=strategies.lists(outcomes, max_size=3))
    def advance(self, who: int, begins: int, ends: list[Outcome]) -> None:
        begun, self.held[who] = self.held[who][:begins], self.held[who][begins:]
        ended, self.flying[who] = self.flying[who][: len(ends)], self.flying[who][len(ends) :]
        concluded = [
            Concluded(one, outcome, self.now + timedelta(hours=1)) for one, outcome in zip(ended, ends, strict=False)
        ]
        lost = self.ledger.advance(self.tokens[who], begun, concluded, self.now)
        assert lost <= {one.id for one in begun}
        self.flying[who] += [one for one in begun if one.id not in lost]

    @rule(who=strategies.integers(0, 1))
    def give_back(self, who: int) -> None:
        self.ledger.give_back(self.tokens[who])

    @rule(who=strategies.integers(0, 1), policy=strategies.sampled_from(["skip", "resend"]))
    def lose(self, who: int, policy) -> None:
        """A lease is over; the sender knows nothing of it and goes on."""
        past = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="microseconds")
        with self.look:
            self.look.execute("UPDATE senders SET expires = ? WHERE token = ?", (past, self.tokens[who]))
        self.ledger.recover({"daily": policy}, self.now)

    @rule(name=names, how=strategies.sampled_from(["unsubscribe", "suppress", "forget"]))
    def leave(self, name: str, how: str) -> None:
        address = f"{name}@example.org"
        if how == "unsubscribe":
            self.store.subscribers.unsubscribe(address, at=self.now, why="w")
        elif how == "suppress":
            self.store.subscribers.suppress(address, at=self.now, reason="bounced")
        else:
            self.store.subscribers.forget(address, at=self.now)

    @rule(some=strategies.sets(names))
    def keep_only(self, some: set[str]) -> None:
        self.store.subscribers.keep_only("daily", [f"{name}@example.org" for name in some], at=self.now, why="gone")

    @rule(
        name=names,
        again=strategies.booleans(),
        consent=strategies.sampled_from([None, "me"]),
        mark=strategies.none() | numbers,
        wish=strategies.sampled_from([{}, {"cadence": "fri", "hour": 7}]),
        origin=strategies.sampled_from(["file", "web"]),
    )
    def admit(self, name: str, again: bool, consent: str | None, mark: int | None, wish: dict, origin: str) -> None:
        how: dict[str, Any] = {"again": again, "confirmed_by": consent, "origin": origin, "at": self.now}
        admit(self.store, name, mark=mark, **how, **wish)

    @rule(states=strategies.lists(strategies.sampled_from(FINAL), max_size=2), number=strategies.none() | numbers)
    def reopen(self, states: list[DeliveryState], number: int | None) -> None:
        self.ledger.reopen("daily", self.now, states=states, number=number)

    @rule(number=numbers)
    def send_missing(self, number: int) -> None:
        self.ledger.send_missing("daily", number, self.now)

    @rule()
    def settle(self) -> None:
        self.ledger.settle_unknown("daily", self.now)

    @rule(paused=strategies.booleans())
    def pause(self, paused: bool) -> None:
        self.ledger.pause("daily", paused)

    @rule()
    def catch_up(self) -> None:
        self.ledger.catch_up("daily")

    # The laws

    def rows(self, query: str) -> list[tuple]:
        return self.look.execute(query).fetchall()

    @invariant()
    def one_delivery_of_a_subscription_is_open_at_most(self) -> None:
        found = [id for id, state in self.rows("SELECT subscription, state FROM deliveries") if state in OPEN]
        assert len(found) == len(set(found))

    @invariant()
    def marks_never_fall_and_are_past_all_that_is_final(self) -> None:
        marks = dict(self.rows("SELECT id, mark FROM subscriptions"))
        assert all(marks[id] >= before for id, before in self.marks.items())
        self.marks = marks
        for id, upto, state in self.rows("SELECT subscription, upto, state FROM deliveries"):
            assert state in OPEN or marks[id] >= upto

    @invariant()
    def no_edition_reaches_anybody_twice(self) -> None:
        query = "SELECT subscription, after, upto FROM deliveries WHERE state = 'submitted'"
        covered = [(id, number) for id, after, upto in self.rows(query) for number in range(after + 1, upto + 1)]
        assert len(covered) == len(set(covered))

    @invariant()
    def a_delivery_is_held_by_a_sender_exactly_while_it_is_under_way(self) -> None:
        for state, token in self.rows("SELECT state, token FROM deliveries"):
            assert (token is not None) == (state in ("claimed", "in_flight"))

    @invariant()
    def nothing_waits_for_who_has_left(self) -> None:
        ended = "SELECT id FROM subscriptions WHERE status <> 'confirmed'"
        query = f"SELECT state FROM deliveries WHERE subscription IN ({ended})"
        assert not {state for (state,) in self.rows(query)} & set(WAITING)

    @invariant()
    def nobody_under_suppression_is_confirmed(self) -> None:
        kept = self.rows("SELECT p.id FROM subscribers p JOIN suppressions x ON x.hash = p.hash")
        confirmed = self.rows("SELECT subscriber FROM subscriptions WHERE status = 'confirmed'")
        assert not set(kept) & set(confirmed)

    @invariant()
    def counts_add_up(self) -> None:
        counts = self.ledger.counts("daily")
        ((every, settled),) = self.rows("SELECT count(*), coalesce(sum(settled), 0) FROM deliveries")
        assert sum(counts.model_dump().values()) + settled == every


Ledger.TestCase.settings = settings(max_examples=10, stateful_step_count=30)
test_ledger_laws = Ledger.TestCase
