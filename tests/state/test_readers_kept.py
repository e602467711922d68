"""Readers and what went to them, over runs that share nothing but a folder without an address."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from digest.config import parse, resolve_mail
from digest.errors import CheckpointError
from digest.models import Subscriber
from digest.protocols import Concluded, Outcome, Store
from digest.protocols.state import DeliveryRow
from digest.readers import sync_readers
from digest.state import keys, people
from digest.state.checkpoint import Command, watched
from digest.state.keeper import Keeper
from digest.store import open_store
from digest.testing import NOON, FrozenClock, RecordingTransport
from tests import postgres
from tests.acceptance.command import tree
from tests.delivery.readers import addresses, readers, send, sender, states

KEY = keys.of_secret("a secret")
REFUSED = Outcome("failed", 550, "5.1.1", "no such user")


def keeper(store: Store, folder: Path, now: datetime = NOON) -> Keeper:
    return Keeper(folder, store.tables, FrozenClock(now), salt="test")


@contextmanager
def imported(folder: Path, root: Path | str, now: datetime = NOON) -> Iterator[Store]:
    """Open an empty store, filled from a state."""
    store = open_store(str(root / "new.db" if isinstance(root, Path) else root), clock=FrozenClock(now))
    try:
        store.tables.key_with(KEY)
        keeper(store, folder, now).load([])
        yield store
    finally:
        store.close()


@contextmanager
def lab(path: Path, *names: str) -> Iterator[Store]:
    """Give a store with readers whose addresses are hashed with the key of all runs, and a delivery for each."""
    first = open_store(str(path / "digest.db"))
    first.tables.key_with(KEY)
    first.close()
    with readers(path, *names) as store:
        yield store


def _sync(store: Store, root: Path, csv: str | None, *, owner: str = "ada@example.org", day: int = 1) -> list[str]:
    data = {
        "newsletters": {"daily": {}},
        "sources": [{"kind": "folder", "path": "dumps"}],
        "mail": {"host": "localhost", "tls": "none", "from": "papers@example.org", "to": owner},
    }
    if csv is not None:
        data["subscribers"] = {"file": "people.csv", "confirmed_by": "lab manager"}
        (root / "people.csv").write_text(csv)
    config = parse(data, root=root, where="digest.toml", environ={})
    return sync_readers(config, resolve_mail(config, {}), store, NOON + timedelta(days=day))


def _named(store: Store) -> dict[str, tuple[str, str, int]]:
    return {
        one.subscriber.address: (one.status, one.origin, one.mark) for one in store.subscribers.subscriptions("daily")
    }


def test_readers_are_known_again_by_whoever_names_them_and_stay_where_they_were(tmp_path: Path) -> None:
    csv = "email,name,groups\nbob@example.org,Bob,\ncyd@example.org,Cyd,\n"
    with lab(tmp_path) as store:
        assert _sync(store, tmp_path, csv) == ["daily: 2 added by people.csv"]
        store.subscribers.unsubscribe("cyd@example.org", at=NOON, why="asked to")
        store.subscribers.suppress("dan@example.org", at=NOON, reason="bounced", evidence="550 no dan@example.org here")
        keeper(store, tmp_path / "state").save()
    for content in ((tmp_path / "state" / name).read_text() for name in tree(tmp_path / "state")):
        assert "@" not in content
        assert "Bob" not in content
    with imported(tmp_path / "state", tmp_path) as store:
        assert set(_named(store)) == {""}
        told = _sync(store, tmp_path, csv + "dan@example.org,Dan,\n", day=2)
        assert _named(store) == {
            "ada@example.org": ("confirmed", "owner", 1),
            "bob@example.org": ("confirmed", "file", 1),
            "": ("unsubscribed", "file", 1),
        }
        said = " ".join(told)
        assert "cyd@example.org (unsubscribed on 2026-11-20: asked to)" in said
        assert "dan@example.org (nothing goes to this address since 2026-11-20: bounced)" in said


def test_an_owner_who_has_left_stays_away(tmp_path: Path) -> None:
    with lab(tmp_path) as store:
        _sync(store, tmp_path, None)
        store.subscribers.unsubscribe("ada@example.org", at=NOON, why="asked to")
        keeper(store, tmp_path / "state").save()
    with imported(tmp_path / "state", tmp_path) as store:
        (said,) = _sync(store, tmp_path, None, day=2)
        assert "ada@example.org is not mailed: unsubscribed on 2026-11-20: asked to" in said


def test_who_is_not_named_again_waits_and_loses_no_edition(tmp_path: Path) -> None:
    with lab(tmp_path, "eve@example.org") as store:
        keeper(store, tmp_path / "state").save()
    with imported(tmp_path / "state", tmp_path) as store:
        transport = RecordingTransport()
        assert send(store, transport).total == 0
        assert [one.state for one in store.ledger.deliveries("daily")] == ["pending"]
        person = Subscriber(address="eve@example.org")
        (known,) = store.subscribers.admit("daily", [person], at=NOON, origin="command", confirmed_by="a test")
        assert known.result == "changed"
        keeper(store, tmp_path / "state").save()
        later = NOON + timedelta(days=2)
        assert send(store, transport, clock=FrozenClock(later)).submitted == 1


def test_a_message_put_off_is_tried_again_when_its_time_has_come_and_no_longer_than_allowed(tmp_path: Path) -> None:
    with lab(tmp_path, "eve@example.org") as store, store.ledger.sender("a test") as token:
        (one,) = store.ledger.claim(token, 1, NOON)
        store.ledger.advance(token, [one], [], NOON)
        outcome = Outcome("deferred", 450, "4.2.0", "eve@example.org is busy")
        store.ledger.advance(token, [], [Concluded(one, outcome, NOON + timedelta(hours=1))], NOON)
        before = store.ledger.deliveries("daily")[0]
        keeper(store, tmp_path / "state").save()
    with imported(tmp_path / "state", tmp_path) as store:
        (after,) = store.ledger.deliveries("daily")
        assert (after.id, after.state, after.tries, after.at, after.not_before, after.note) == (
            before.id, "deferred", 1, before.at, before.not_before, "450",
        )  # fmt: skip
        store.subscribers.admit(
            "daily", [Subscriber(address="eve@example.org")], at=NOON, origin="command", confirmed_by="a test"
        )
        with store.ledger.sender("another") as token:
            assert store.ledger.claim(token, 1, NOON) == []
            (again,) = store.ledger.claim(token, 1, NOON + timedelta(hours=1))
            assert (again.first_try, again.tries) == (NOON, 1)


def _line(state: str, tries: int = 0, minute: int = 0) -> DeliveryRow:
    at = datetime(2026, 11, 20, 9, minute, tzinfo=UTC)
    return DeliveryRow(1, "a" * 64, "daily", 0, 1, state, tries, at)


@pytest.mark.parametrize(
    ("lines", "counts"),
    [
        ([_line("pending"), _line("in_flight"), _line("submitted", 1)], "submitted"),
        ([_line("in_flight"), _line("deferred", 1), _line("in_flight", 1)], "in_flight"),
        ([_line("in_flight"), _line("deferred", 1)], "deferred"),
        ([_line("in_flight"), _line("unknown", 1), _line("submitted", 1)], "submitted"),
        ([_line("failed", 1), _line("unknown", 1)], "failed"),
        ([_line("submitted", 1), _line("deferred", 4, 9)], "submitted"),
    ],
)
def test_of_the_lines_of_a_delivery_the_one_that_went_furthest_counts(lines: list[DeliveryRow], counts: str) -> None:
    for seed in range(20):
        shuffled = [*lines, *lines]
        random.Random(seed).shuffle(shuffled)
        (found,) = people.furthest(map(people.decode_delivery, map(people.encode_delivery, shuffled))).values()
        assert found.state == counts


def test_a_delivery_that_a_person_reopened_is_pending_again(tmp_path: Path) -> None:
    with lab(tmp_path, "eve@example.org") as store:
        state = tmp_path / "state"
        assert send(store, RecordingTransport(answer=lambda message: REFUSED)).failed == 1
        keeper(store, state).save()
        store.ledger.reopen("daily", NOON, states=["failed"])
        keeper(store, state).save()
        assert [json.loads(line)["state"] for line in (state / "ledger.jsonl").read_text().splitlines()] == ["pending"]


@pytest.mark.parametrize("good", [0, 1, 2])
def test_nothing_leaves_once_the_command_fails_and_what_had_not_left_is_pending(tmp_path: Path, good: int) -> None:
    called: list[str] = []

    def run(point: str) -> None:
        called.append(point)
        if len(called) > good:
            raise CheckpointError("the push was refused")

    with lab(tmp_path, *addresses(5)) as store:
        kept, stop = keeper(store, tmp_path / "state"), threading.Event()
        kept.save()
        watch = watched(store.ledger, kept, run, stop)
        transport = RecordingTransport()
        with store.ledger.sender("a test") as token:
            tally = sender(store, transport, ledger=watch.ledger).work(token, stop=stop)
        found = sorted(states(store).values())
        kept.save_people()
        assert watch.trouble == "the push was refused: no message leaves before it is noted that it does"
    assert len(called) == good + 1
    assert tally.submitted == len(transport.released) == found.count("submitted")
    assert found == ["pending"] * (5 - tally.submitted) + ["submitted"] * tally.submitted
    lines = [json.loads(line)["state"] for line in (tmp_path / "state" / "ledger.jsonl").read_text().splitlines()]
    assert lines.count("in_flight") == lines.count("submitted") == tally.submitted


def test_a_command_that_cannot_be_run_says_so() -> None:
    with pytest.raises(CheckpointError, match=r"`/no/such/program \.\.\. published` cannot be run: No such file"):
        Command.parse("/no/such/program x")("published")
    with pytest.raises(CheckpointError, match=r"`sh \.\.\. done` ended with status 3"):
        Command.parse("sh -c 'exit 3'")("done")


@pytest.mark.tools
def test_the_key_follows_from_the_login_and_the_salt_alone(tmp_path: Path) -> None:
    one = keys.derive("Ada@example.org", "papers.example.org:daily")
    assert one == keys.derive("ada@example.org", "papers.example.org:daily")
    assert one != keys.derive("ada@example.org", "papers.example.org:weekly")
    with lab(tmp_path) as store:
        kept = Keeper(tmp_path / "state", store.tables, FrozenClock(), salt="first")
        kept.save()
        # it stays as it was told first, whatever the configuration says later
        assert Keeper(tmp_path / "state", store.tables, FrozenClock(), salt="second").salted() == "first"


def test_a_key_is_not_changed_under_people_who_are_known_by_it(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "digest.db"))
    assert store.tables.key_with(KEY)
    assert store.tables.key_with(keys.of_secret("another"))
    assert store.tables.key_with(KEY)
    store.enrol("daily", 0)
    store.subscribers.admit("daily", [Subscriber(address="a@example.org")], at=NOON, origin="command", confirmed_by="x")
    assert not store.tables.key_with(keys.of_secret("another"))
    assert store.subscribers.secret() == KEY
    store.close()


@pytest.mark.tools
def test_a_state_goes_from_one_database_to_the_other_and_back(tmp_path: Path, server: postgres.Server) -> None:
    with lab(tmp_path, *addresses(3)) as store:
        assert send(store, RecordingTransport(), limit=2).submitted == 2
        keeper(store, tmp_path / "first").save()
    url = server.create("state")
    with imported(tmp_path / "first", url) as store:
        keeper(store, tmp_path / "second").save()
        # numbers go on after those that came with the state
        person = Subscriber(address="new@example.org")
        store.subscribers.admit("daily", [person], at=NOON, origin="command", confirmed_by="a test", mark=0)
        assert store.ledger.sweep("daily", store.ledger.timings("daily"), NOON) == 1
    server.drop("state")
    assert tree(tmp_path / "second") == tree(tmp_path / "first")


def test_what_came_back_is_known_again_and_counts_on(tmp_path: Path) -> None:
    with lab(tmp_path, "eve@example.org") as store:
        send(store, RecordingTransport())
        (one,) = store.ledger.deliveries("daily")
        keeper(store, tmp_path / "state").save()
        store.returns.note(one.id, "counted", "4.2.2 <eve@example.org> is full", at=NOON)
        keeper(store, tmp_path / "state").save()
    assert "eve@" not in "".join((tmp_path / "state" / name).read_text() for name in tree(tmp_path / "state"))
    with imported(tmp_path / "state", tmp_path) as store:
        (known,) = store.ledger.deliveries("daily")
        assert (known.id, known.returned, known.returned_as, known.returned_note) == (one.id, NOON, "counted", None)
        assert store.returns.note(one.id, "counted", "4.2.2", at=NOON) == "known"
        assert store.returns.note(one.id, "permanent", "5.1.1", at=NOON) == "suppressed"
