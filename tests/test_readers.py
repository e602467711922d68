"""The readers that the configuration names become subscriptions, and nothing that cannot be read ends one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from digest.config import parse, resolve_mail
from digest.models import Subscriber, Subscription
from digest.protocols import Store
from digest.readers import REPLACED, meet, sync_readers
from digest.store import open_store
from tests.told import Told, titles, world

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
MAIL = {"host": "localhost", "tls": "none", "from": "papers@example.org"}
FILE = {"file": "people.csv", "confirmed_by": "lab manager, 2026-11-20"}


@dataclass
class Lab:
    """A folder with a file of people, and a store."""

    root: Path
    store: Store
    at: datetime = NOW

    def sync(
        self, text: str | bytes | None = None, *, newsletters: tuple[str, ...] = ("daily",), **mail: Any
    ) -> list[str]:
        """Write the file, unless there is to be none, and bring the store up to it."""
        data: dict[str, Any] = {
            "newsletters": {id: {} for id in newsletters},
            "sources": [{"kind": "folder", "path": "dumps"}],
            "mail": MAIL | mail,
            "groups": {"vision": {"want": ["object detection"]}},
        }
        if text is not None:
            data["subscribers"] = FILE
            (self.root / "people.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
        config = parse(data, root=self.root, where="digest.toml", environ={})
        self.at += timedelta(days=1)
        return sync_readers(config, resolve_mail(config, {}), self.store, self.at)

    def all(self, newsletter: str = "daily") -> dict[str, Subscription]:
        """Return the subscriptions by address."""
        return {one.subscriber.address: one for one in self.store.subscribers.subscriptions(newsletter)}

    def confirmed(self, newsletter: str = "daily") -> set[str]:
        """Return who gets mail."""
        return {address for address, one in self.all(newsletter).items() if one.status == "confirmed"}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    store = open_store(str(tmp_path / "digest.db"))
    yield Lab(tmp_path, store)
    store.close()


# The one reader


def test_the_configured_reader_is_subscribed_to_every_newsletter_once(lab: Lab) -> None:
    for _ in range(2):
        assert lab.sync(to="ada@example.org", newsletters=("daily", "weekly")) == []
    for newsletter in ("daily", "weekly"):
        (one,) = lab.store.subscribers.subscriptions(newsletter)
        assert (one.subscriber, one.status, one.origin, one.confirmed_by, one.mark) == (
            Subscriber(address="ada@example.org"), "confirmed", "owner", "the configuration", 0,
        )  # fmt: skip


def test_another_reader_takes_her_place_and_she_may_come_back(lab: Lab) -> None:
    lab.sync(to="ada@example.org")
    assert lab.sync(to="bob@example.org") == ["daily: ada@example.org gets no mail any more: " + REPLACED]
    assert lab.confirmed() == {"bob@example.org"}
    lab.sync(to="ada@example.org")
    assert lab.confirmed() == {"ada@example.org"}


def test_no_reader_at_all_ends_the_one_there_was(lab: Lab) -> None:
    lab.sync(to="ada@example.org")
    lab.sync("email\nbob@example.org\n")
    assert lab.confirmed() == {"bob@example.org"}


def test_a_reader_who_unsubscribed_is_not_subscribed_again_but_told_of(lab: Lab) -> None:
    lab.sync(to="ada@example.org")
    lab.store.subscribers.unsubscribe("ada@example.org", at=NOW, why="her wish")
    (told,) = lab.sync(to="ada@example.org")
    assert told.startswith("daily: ada@example.org is not mailed: unsubscribed on 2026-11-20: her wish; `digest subscr")
    assert lab.confirmed() == set()


def test_a_reader_whose_address_bounced_stays_unmailed_whatever_the_configuration(lab: Lab) -> None:
    lab.sync(to="ada@example.org")
    lab.sync(to="bob@example.org")
    lab.store.subscribers.suppress("ada@example.org", at=NOW, reason="bounced")
    (_, told) = lab.sync(to="ada@example.org")
    assert told.startswith("daily: ada@example.org is not mailed: nothing goes to this address since ")
    assert lab.confirmed() == set()


def test_what_the_reader_wished_by_a_command_stays(lab: Lab) -> None:
    lab.sync(to="ada@example.org")
    wished = Subscriber(address="Ada@example.org", name="Ada", cadence="mon", hour=8)
    lab.store.subscribers.admit("daily", [wished], at=NOW, origin="command", confirmed_by="her")
    lab.sync(to="ada@example.org")
    (one,) = lab.all().values()
    assert (one.subscriber.name, one.subscriber.cadence, one.subscriber.hour) == ("Ada", "mon", 8)


def test_people_whom_commands_added_are_left_alone(lab: Lab) -> None:
    lab.sync(to="ada@example.org")
    lab.store.subscribers.admit(
        "daily", [Subscriber(address="eve@example.org")], at=NOW, origin="command", confirmed_by="her"
    )
    lab.sync("email\nbob@example.org\n")
    lab.sync("email\ncleo@example.org\n")
    assert lab.confirmed() == {"cleo@example.org", "eve@example.org"}


# The people of a file


def test_the_people_of_the_file_are_subscribed_with_their_wishes(lab: Lab) -> None:
    told = lab.sync("email,name,groups,cadence\nada@example.org,Ada,vision,mon\nbob@example.org,,,\n")
    assert told == ["daily: 2 added by people.csv"]
    ada = lab.all()["ada@example.org"]
    assert ada.subscriber == Subscriber(address="ada@example.org", name="Ada", groups=("vision",), cadence="mon")
    assert (ada.origin, ada.confirmed_by, ada.status) == ("file", "lab manager, 2026-11-20", "confirmed")
    assert lab.sync("email,name,groups,cadence\nada@example.org,Ada,vision,tue\nbob@example.org,,,\n") == [
        "daily: 1 changed by people.csv"
    ]
    assert lab.sync("email,name,groups,cadence\nbob@example.org,,,\nada@example.org,Ada,vision,tue\n") == []


def test_who_is_in_the_file_no_more_gets_no_mail_and_comes_back_with_it(lab: Lab) -> None:
    lab.sync("email\nada@example.org\nbob@example.org\n", newsletters=("daily", "weekly"))
    told = lab.sync("email\nADA@example.org\n", newsletters=("daily", "weekly"))
    assert [line for line in told if "ended" in line] == [
        "daily: 1 subscription ended: no longer in people.csv",
        "weekly: 1 subscription ended: no longer in people.csv",
    ]
    assert lab.confirmed("weekly") == {"ada@example.org"}
    lab.sync("email\nada@example.org\nbob@example.org\n")
    assert lab.confirmed() == {"ada@example.org", "bob@example.org"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "people.csv cannot be read: it is empty; its first line names the columns"),
        ("email\n", "people.csv names nobody who can be subscribed; everybody stays subscribed as before"),
        (
            "emial\nada@example.org\n",
            "people.csv cannot be read: line 1: unknown column 'emial'; did you mean 'email'?",
        ),
        ("email\nada@\nbob\n", "people.csv names nobody who can be subscribed"),
        ("email\nada@example.org\n".encode("utf-16"), "people.csv cannot be read: it is UTF-16"),
        (b"PK\x03\x04\x00\x00\x08", "people.csv cannot be read: line 1: this is no line of a CSV file"),
        (
            'email,name\nada@example.org,\n"bob@example.org,\n',
            "people.csv: 1 line may be anybody's, so nobody is unsub",
        ),
    ],
)
def test_a_damaged_file_unsubscribes_nobody(lab: Lab, text: str | bytes, said: str) -> None:
    lab.sync("email\nada@example.org\nbob@example.org\n")
    told = lab.sync(text)
    assert any(line.startswith(said) for line in told), told
    assert lab.confirmed() == {"ada@example.org", "bob@example.org"}


def test_a_file_that_is_gone_unsubscribes_nobody(lab: Lab) -> None:
    lab.sync("email\nada@example.org\n")
    (lab.root / "people.csv").unlink()
    (lab.root / "people.csv").mkdir()
    config = parse(
        {"newsletters": {"daily": {}}, "sources": [{"kind": "folder", "path": "x"}], "mail": MAIL, "subscribers": FILE},
        root=lab.root, where="digest.toml", environ={},
    )  # fmt: skip
    assert sync_readers(config, resolve_mail(config, {}), lab.store, NOW) == [
        "people.csv cannot be read: Is a directory; everybody stays subscribed as before"
    ]
    (lab.root / "people.csv").rmdir()
    (told,) = sync_readers(config, resolve_mail(config, {}), lab.store, NOW)
    assert told == "people.csv cannot be read: No such file or directory; everybody stays subscribed as before"
    assert lab.confirmed() == {"ada@example.org"}


def test_a_mistake_in_her_own_line_unsubscribes_nobody_either(lab: Lab) -> None:
    lab.sync("email,hour\nada@example.org,8\nbob@example.org,8\n")
    told = lab.sync("email,hour\nada@example.org,8 am\nbob@example.org,8\n")
    assert told == ["people.csv: line 2: hour '8 am': allowed are 0 to 23"]
    assert lab.confirmed() == {"ada@example.org", "bob@example.org"}
    assert lab.all()["ada@example.org"].subscriber.hour == 8


def test_many_mistakes_are_told_in_few_lines(lab: Lab) -> None:
    told = lab.sync("email\nada@example.org\n" + "".join(f"bad{number}\n" for number in range(20)))
    assert len(told) == 7
    assert told[4].startswith("people.csv: line 7: 'bad4' is no address")
    assert told[5] == "people.csv: 15 more lines are refused; `digest subscribers import people.csv --dry-run` says all"


def test_who_unsubscribed_is_not_brought_back_by_the_file_and_the_run_says_so(lab: Lab) -> None:
    people = "email\n" + "".join(f"reader{number}@example.org\n" for number in range(9))
    lab.sync(people)
    for number in range(7):
        lab.store.subscribers.unsubscribe(f"reader{number}@example.org", at=NOW, why="her wish")
    (told,) = lab.sync(people)
    assert told.startswith(
        "daily: not mailed, though in people.csv: reader0@example.org (unsubscribed on 2026-11-20: her"
    )
    assert told.endswith("; 2 more")
    assert lab.confirmed() == {"reader7@example.org", "reader8@example.org"}


def test_the_owner_who_is_in_the_file_too_has_one_subscription_with_the_wishes_of_the_file(lab: Lab) -> None:
    lab.sync("email,hour\nada@example.org,8\nbob@example.org,\n", to="Ada@example.org")
    assert lab.confirmed() == {"ada@example.org", "bob@example.org"}
    assert lab.all()["ada@example.org"].subscriber.hour == 8
    lab.sync("email,hour\nbob@example.org,\n", to="Ada@example.org")
    assert {address.lower() for address in lab.confirmed()} == {"ada@example.org", "bob@example.org"}


# Newsletters that no run has met


@pytest.mark.parametrize("met", [True, False])
def test_the_first_edition_is_the_same_whether_somebody_subscribed_before_it_or_not(tmp_path: Path, met: bool) -> None:
    papers = Told()
    with world(tmp_path) as here:
        papers.gives = [papers.batch(date(2026, 11, 18), titles(0, 5)), papers.batch(date(2026, 11, 20), titles(3, 9))]
        if met:
            meet(here.parts.store, "daily")
        (edition,) = here.run(papers).editions
        # only the newest dump is announced; all of it is
        assert edition.entries == 4
        # a newsletter that is configured later begins with what comes from then on
        if met:
            meet(here.parts.store, "weekly")
        weekly = here.parts.newsletters[0].model_copy(update={"id": "weekly"})
        here.parts = here.parts.__class__(
            **{**vars(here.parts), "newsletters": (weekly,), "taggers": {"weekly": here.parts.taggers["daily"]}}
        )
        papers.gives = [papers.batch(date(2026, 11, 21), titles(7, 12))]
        (edition,) = here.run(papers, at=NOW + timedelta(days=1)).editions
        assert (edition.newsletter, edition.entries) == ("weekly", 3)


def test_a_newsletter_that_was_met_stays_where_it_is(lab: Lab) -> None:
    lab.store.enrol("daily", 7)
    lab.sync(to="ada@example.org")
    meet(lab.store, "daily")
    state = lab.store.newsletter("daily")
    assert state is not None
    assert state.mark == 7
