"""A file of people: what is taken, what is refused and why, and that what is written can be read."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest import people, wishes
from digest.errors import UsageError
from digest.models import Subscriber, Subscription
from digest.people import Person, Refused

GROUPS = ("vision", "nlp", "robots")


def read(text: str | bytes) -> list[Person | Refused]:
    raw = text if isinstance(text, bytes) else text.encode()
    return list(people.read(io.BytesIO(raw), GROUPS))


def taken(text: str | bytes) -> list[Subscriber]:
    found = read(text)
    assert [str(one) for one in found if isinstance(one, Refused)] == []
    return [one.subscriber for one in found if isinstance(one, Person)]


WHOLE = Subscriber(
    address="ada@example.org",
    name="Ada, Countess",
    groups=("vision", "nlp"),
    timezone="Europe/Berlin",
    cadence="mon",
    hour=8,
    format="text",
)


@pytest.mark.parametrize(
    "text",
    [
        "email,name,groups,cadence,hour,format,timezone\n"
        'ada@example.org,"Ada, Countess",vision nlp,mon,8,text,Europe/Berlin\n',
        "timezone;format;hour;cadence;groups;name;address\n"
        'Europe/Berlin;TEXT;08;Mon;"vision;nlp";Ada, Countess;ada@Example.org\n',
        "E-Mail\tName\tGroups\tCadence\tHour\tFormat\tTimezone\r\n"
        " ada@example.org \t Ada,  Countess\tvision|nlp\tmon\t8\ttext\tEurope/Berlin\r\n",
        "\ufeffemail;name;groups;cadence;hour;format;timezone\n\n;;;;;;\n"
        "ada@example.org;Ada, Countess;vision, nlp vision;mon;8;text;Europe/Berlin",
    ],
    ids=["comma", "semicolon", "tab", "byte order mark and blank lines"],
)
def test_a_file_is_read_however_it_is_cut(text: str) -> None:
    assert taken(text) == [WHOLE]


def test_addresses_alone_are_a_file() -> None:
    assert taken("email\nada@example.org\nbob@example.org\n") == [
        Subscriber(address="ada@example.org"),
        Subscriber(address="bob@example.org"),
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ada@example,,,,,,", "line 3: 'ada@example' is no address: 'example' is no whole name of a host"),
        (",Ada,,,,,", "line 3: there is no address"),
        ("ada@example.org,,visoin,,,,", "line 3: no group 'visoin'; did you mean 'vision'? there are vision, nlp,"),
        ("ada@example.org,,,daily,,,", "line 3: cadence 'daily': allowed are each, mon, tue, wed, thu, fri, sat, sun"),
        ("ada@example.org,,,,24,,", "line 3: hour '24': allowed are 0 to 23"),
        ("ada@example.org,,,,08:00,,", "line 3: hour '08:00': allowed are 0 to 23"),
        ("ada@example.org,,,,,pdf,", "line 3: format 'pdf': allowed are html, text"),
        ("ada@example.org,,,,,,Europe/Belin", "line 3: timezone 'Europe/Belin': no such time zone; did you"),
        ("ada@example.org,,,,,,/etc/passwd", "line 3: timezone '/etc/passwd': no such time zone"),
        ("ADA@Example.org,,,,,,\nada@example.org,,,,,,", "line 4: ada@example.org is in line 3, too; delete"),
        ('ada@example.org,"Ada,,,,,', "line 3: a quote stands alone"),
        ("ada@example.org,Lovelace, Ada,nlp,mon,8,text,UTC", "line 3: 8 fields for 7 columns; quote a field"),
        ("ada@example.org,A\x07da,,,,,", "line 3: the name has control characters"),
        (f"ada@example.org,{'A' * 300},,,,,", "line 3: the name has 300 characters; 200 are allowed"),
        (f"ada@example.org,{'A' * 20_000},,,,,", "line 3: it has 20,022 bytes; is a line break or a quote missing?"),
    ],
)  # fmt: skip
def test_a_line_with_a_mistake_says_which_and_spoils_no_other(line: str, said: str) -> None:
    header = "email,name,groups,cadence,hour,format,timezone"
    found = read(f"{header}\nfirst@example.org,,,,,,\n{line}\nlast@example.org,,,,,,\n")
    good = [one.subscriber.address for one in found if isinstance(one, Person)]
    assert (good[0], good[-1]) == ("first@example.org", "last@example.org")
    (refused,) = [one for one in found if isinstance(one, Refused)]
    assert str(refused).startswith(said)


def test_a_line_that_is_no_utf_8_spoils_no_other() -> None:
    found = read(b"email,name\nada@example.org,Ad\xe4\nbob@example.org,B\xc3\xb6b\n")
    assert [str(one) for one in found[:1]] == ["line 2: it is not UTF-8; save the file as “CSV UTF-8”"]
    assert found[1:] == [Person(3, Subscriber(address="bob@example.org", name="Böb"))]


def test_a_refused_line_says_whose_it_is_where_that_can_be_told() -> None:
    found = read("email,hour\nada@example.org,25\nbob,1\nä@example.org,1\ncleo@example.org,1,2\n")
    told = [(one.address, one.broken) for one in found if isinstance(one, Refused)]
    assert told == [("ada@example.org", False), (None, False), (None, False), (None, True)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "it is empty; its first line names the columns, like email,name,groups"),
        (b"\n\n", "it is empty"),
        ("email,name\n".encode("utf-16"), "it is UTF-16; save it as “CSV UTF-8”"),
        (b"email\rada@example.org\r", "line 1: this is no line of a CSV file"),
        (b"PK\x03\x04\x00\x00", "line 1: this is no line of a CSV file"),
        (b"ada@example.org\nbob@example.org\n", "line 1: the first line names the columns, like email or"),
        (b"email,cadance\n", "line 1: unknown column 'cadance'; did you mean 'cadence'? allowed are email"),
        (b"email,phone\n", "line 1: unknown column 'phone'; allowed are email"),
        (b"name,groups\n", "line 1: there is no column 'email'"),
        (b"email,name,Address\n", "line 1: two columns mean 'email'; delete one"),
        (b'email,"name\n', "line 1: the names of the columns cannot be read"),
    ],
)  # fmt: skip
def test_a_file_without_a_header_is_none(text: bytes, said: str) -> None:
    with pytest.raises(UsageError, match="^" + re.escape(said)):
        read(text)


def test_people_who_left_are_not_taken_out_of_an_export() -> None:
    found = read(
        "email,status\nada@example.org,unsubscribed\nbob@example.org,confirmed\ncleo@example.org,unconfirmed\n"
    )
    assert [str(one) for one in found if isinstance(one, Refused)] == [
        "line 2: ada@example.org is unsubscribed; only who is confirmed is taken",
        "line 4: cleo@example.org is unconfirmed; only who is confirmed is taken",
    ]


def test_a_file_of_any_length_is_read_as_it_comes() -> None:
    def endless():
        yield b"email\n"
        for number in iter(int, 1):
            yield b"a%d@example.org\n" % number
            raise AssertionError("it was asked for more than the first line")

    (first,) = islice(people.read(endless(), ()), 1)
    assert first == Person(2, Subscriber(address="a0@example.org"))


names = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=20) | st.sampled_from(
    ("Ada, Countess of Lovelace", 'the "first" one', "semi;colon", "=1+1", "O'Neil", '"', ",", "Ångström", "愛")
)
subscribers = st.builds(
    Subscriber,
    address=st.integers(0, 10**6).map(lambda number: f"reader.{number}@example.org"),
    name=names.map(wishes.person_name),
    groups=st.lists(st.sampled_from(GROUPS), unique=True).map(tuple),
    timezone=st.sampled_from((None, "Europe/Berlin", "UTC", "America/Argentina/Buenos_Aires")),
    cadence=st.sampled_from(wishes.CADENCES),
    hour=st.none() | st.integers(0, 23),
    format=st.sampled_from(wishes.FORMATS),
)


def subscribed(number: int, person: Subscriber) -> Subscription:
    return Subscription(
        id=number,
        newsletter="daily",
        subscriber=person,
        status="confirmed",
        mark=number,
        origin="import",
        since=datetime(2026, 11, 20, 9, tzinfo=UTC),
        confirmed_by='A. Lovelace, "2026-11-20"\nby mail',
    )


@given(st.lists(subscribers, unique_by=lambda person: person.address))
def test_what_is_written_is_read_back_and_written_alike(persons: list[Subscriber]) -> None:
    written = "".join(people.write(subscribed(number, person) for number, person in enumerate(persons)))
    back = taken(written)
    assert back == persons
    assert "".join(people.write(subscribed(number, person) for number, person in enumerate(back))) == written


@given(st.binary(max_size=200), st.sampled_from((b"", b"email,name,groups,cadence,hour,format,timezone\n")))
def test_whatever_it_holds_each_line_is_taken_or_refused_once(noise: bytes, header: bytes) -> None:
    try:
        found = read(header + noise)
    except UsageError:
        return
    lines = [one.line for one in found]
    assert lines == sorted(set(lines))
    assert set(lines) <= set(range(2, len((header + noise).split(b"\n")) + 1))
