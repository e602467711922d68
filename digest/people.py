"""A CSV file of people -> subscribers and refused lines, and back. Pure; may import addresses, wishes, models.

A line is a record: no field of a person holds a line break, and so a mistake in one line spoils no other.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from digest import addresses, wishes
from digest.errors import UsageError
from digest.models import Subscriber, Subscription

#: what may stand in a file; `address` and `e-mail` mean `email`
COLUMNS = ("email", "name", "groups", "cadence", "hour", "format", "timezone")
#: what `export` adds; an import looks at the status only
EXTRA = ("status", "since", "confirmed_by", "mark")
_ALIASES = {"address": "email", "e-mail": "email"}
_DELIMITERS = (",", ";", "\t")
_BETWEEN_GROUPS = re.compile(r"[;,|\s]+")
#: a line longer than that is none of a person
_LONGEST = 10_000


class Person(NamedTuple):
    """A line that was read."""

    line: int
    subscriber: Subscriber


class Refused(NamedTuple):
    """A line that was not."""

    line: int
    #: what is wrong, and what to do
    reason: str
    #: whose it is, where that can be told
    address: str | None = None
    #: the line is no record at all: anybody's may be in it
    broken: bool = False

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


@dataclass(frozen=True)
class _Form:
    """How the lines of a file are cut."""

    delimiter: str
    columns: tuple[str, ...]


def read(lines: Iterable[bytes], groups: Collection[str]) -> Iterator[Person | Refused]:
    """Yield each line of a CSV file but its header and empty ones: a person, or why it is refused.

    Args:
        lines: of the file, as bytes: UTF-8, with or without a byte order mark; cut by comma, semicolon or tab.
        groups: the names that are configured.

    Raises:
        UsageError: there is no header, or it has a column that means nothing; the message does not name the file.
    """
    form: _Form | None = None
    seen: dict[str, int] = {}
    for number, raw in enumerate(lines, 1):
        if number == 1:
            raw = _without_mark(raw)
        if not raw.strip():
            continue
        if form is None:
            form = _header(raw, number)
            continue
        got = _line(raw, number, form, groups)
        if got is None:
            continue
        address = got.subscriber.address if isinstance(got, Person) else None
        if address is not None:
            first = seen.setdefault(addresses.key(address), number)
            if first != number:
                yield Refused(number, f"{address} is in line {first}, too; delete one of the two lines", address)
                continue
        yield got
    if form is None:
        raise UsageError(f"it is empty; its first line names the columns, like {','.join(COLUMNS[:3])}")


def _without_mark(raw: bytes) -> bytes:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UsageError("it is UTF-16; save it as “CSV UTF-8”")
    return raw.removeprefix(b"\xef\xbb\xbf")


def _header(raw: bytes, number: int) -> _Form:
    """Read the names of the columns, and with them what is between columns."""
    text = raw.decode("utf-8", errors="replace").strip("\r\n")
    if len(raw) > _LONGEST or "\r" in text or "\0" in text:
        raise UsageError(f"line {number}: this is no line of a CSV file; save it as “CSV UTF-8”")
    delimiter = max(_DELIMITERS, key=text.count)
    try:
        told = [name.strip().lower() for name in _cells(text, delimiter)]
    except csv.Error as error:
        raise UsageError(f"line {number}: the names of the columns cannot be read: {error}") from error
    names = tuple(_ALIASES.get(name, name) for name in told)
    if "@" in text:
        raise UsageError(f"line {number}: the first line names the columns, like email or {','.join(COLUMNS[:3])}")
    for name in names:
        if name not in (*COLUMNS, *EXTRA):
            near = wishes.did_you_mean(name, COLUMNS) or ";"
            raise UsageError(
                f"line {number}: unknown column {name!r}{near} allowed are {', '.join(COLUMNS)}; delete or rename it"
            )
        if names.count(name) > 1:
            raise UsageError(f"line {number}: two columns mean {name!r}; delete one")
    if "email" not in names:
        raise UsageError(f"line {number}: there is no column 'email'; allowed are {', '.join(COLUMNS)}")
    return _Form(delimiter, names)


def _cells(text: str, delimiter: str) -> list[str]:
    """Cut one line (RFC 4180)."""
    if '"' not in text:
        return text.split(delimiter)
    return next(csv.reader([text], delimiter=delimiter, strict=True))


def _line(raw: bytes, number: int, form: _Form, groups: Collection[str]) -> Person | Refused | None:
    """Read one line; None: its fields are empty."""
    if len(raw) > _LONGEST:
        return Refused(number, f"it has {len(raw):,} bytes; is a line break or a quote missing?", broken=True)
    try:
        cells = [cell.strip() for cell in _cells(raw.decode("utf-8").strip("\r\n"), form.delimiter)]
    except UnicodeDecodeError:
        return Refused(number, "it is not UTF-8; save the file as “CSV UTF-8”", broken=True)
    except csv.Error:
        return Refused(number, 'a quote stands alone; write "..." around a field, "" for a quote in it', broken=True)
    if not any(cells):
        return None
    if any(cells[len(form.columns) :]):
        fields = f"{len(cells)} fields for {len(form.columns)} columns"
        return Refused(number, f"{fields}; quote a field that holds {form.delimiter!r}", broken=True)
    return _person(number, dict(zip(form.columns, cells, strict=False)), groups)


def _person(number: int, told: dict[str, str], groups: Collection[str]) -> Person | Refused:
    """Read the fields of one line; empty ones are as if their column were not there."""
    address = None
    try:
        address = addresses.checked(told["email"])
        status = told.get("status") or "confirmed"
        if status != "confirmed":
            return Refused(number, f"{address} is {status}; only who is confirmed is taken", address)
        return Person(number, subscriber(address, told, _BETWEEN_GROUPS.split(told.get("groups", "")), groups))
    except ValueError as error:
        return Refused(number, str(error), address)


def subscriber(
    address: str, told: Mapping[str, str | None], groups: Iterable[str], known: Collection[str]
) -> Subscriber:
    """Return a person with her wishes.

    Args:
        address: hers, checked.
        told: name, cadence, hour, format and timezone as text; what is missing or empty is the default.
        groups: names of groups.
        known: the names that are configured.

    Raises:
        ValueError: a wish that cannot be; the message says what was found, and what is allowed.
    """
    hour, zone, cadence, form = (told.get(key) for key in ("hour", "timezone", "cadence", "format"))
    return Subscriber(
        address=address,
        name=wishes.person_name(told.get("name") or ""),
        groups=wishes.group_names((name for name in groups if name), known),
        timezone=wishes.zone(zone) if zone else None,
        cadence=wishes.cadence(cadence) if cadence else "each",
        hour=wishes.hour(hour) if hour else None,
        format=wishes.mail_format(form) if form else "html",
    )


def write(subscriptions: Iterable[Subscription]) -> Iterator[str]:
    """Yield the lines of a CSV file, each with its end, that `read` reads back."""
    yield _joined((*COLUMNS, *EXTRA))
    for one in subscriptions:
        person = one.subscriber
        hour = "" if person.hour is None else str(person.hour)
        wished = (" ".join(person.groups), person.cadence, hour, person.format, person.timezone or "")
        kept = (one.status, one.since.isoformat(timespec="seconds"), one.confirmed_by or "", str(one.mark))
        yield _joined((person.address, person.name, *wished, *kept))


def _joined(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([" ".join(cell.split()) for cell in cells])
    return line.getvalue()
