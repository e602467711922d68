"""`digest subscribers`: who reads."""

from __future__ import annotations

import itertools
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import click

from digest import addresses, people, readers, wishes
from digest.bootstrap import System
from digest.cli import screen
from digest.cli.common import Asked, options
from digest.errors import UsageError
from digest.models import STATUSES, Subscriber, Subscription, SubscriptionStatus
from digest.people import Person, Refused
from digest.text import count_noun

#: rows that a table shows unless told otherwise
_SHOWN = 50
_CONSENT = (
    "--confirmed-by is missing: mail may go only to people who want it. Say who recorded their consent and when, "
    'like --confirmed-by "asked at the group meeting of 2026-11-20, A. Lovelace"; it is kept with each subscription'
)
_newsletter = click.option("--newsletter", metavar="ID", help="Which; needed where there are several.")
_consent = click.option("--confirmed-by", metavar="TEXT", help="Who recorded their consent, and when.")
_again = click.option("--again", is_flag=True, help="They left or were suppressed, and ask for it once more.")


@click.group()
def command() -> None:
    """Add, remove, list, import, export and forget the people who get mail."""


# Which newsletter, and whom


def _chosen(system: System, told: str | None) -> str:
    """Return the newsletter that is meant."""
    known = [newsletter.id for newsletter in system.parts.newsletters]
    if told is None and len(known) > 1:
        raise UsageError(f"there are several newsletters; say --newsletter {' or --newsletter '.join(known)}")
    chosen = told or known[0]
    if chosen not in known:
        raise UsageError(f"no newsletter {chosen!r}{wishes.did_you_mean(chosen, known)}; there are {', '.join(known)}")
    return chosen


def _met(system: System, told: str | None) -> str | None:
    """Return the newsletter that is told, also one that is configured no more; None: all."""
    known = {state.id for state in system.store.newsletters()} | {one.id for one in system.parts.newsletters}
    if told is not None and told not in known:
        there = ", ".join(sorted(known))
        raise UsageError(f"no newsletter {told!r}{wishes.did_you_mean(told, known)}; there are {there}")
    return told


def _address(text: str) -> str:
    try:
        return addresses.checked(text)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _person(system: System, newsletter: str, address: str, told: dict[str, Any]) -> Subscriber:
    """Return a person with the wishes that are told, and else those she has."""
    known = next(system.store.subscribers.subscriptions(newsletter, address=address), None)
    person = known.subscriber if known else Subscriber(address=address)
    return person.model_copy(update={"address": address, **told})


def _wishes(system: System, name: str | None, groups: Sequence[str], timezone: str | None) -> dict[str, Any]:
    try:
        told: dict[str, Any] = {"name": wishes.person_name(name)} if name is not None else {}
        told |= {"groups": wishes.group_names(groups, system.config.groups)} if groups else {}
        return told | ({"timezone": wishes.zone(timezone)} if timezone else {})
    except ValueError as error:
        raise UsageError(str(error)) from error


# Adding


@command.command()
@click.argument("emails", nargs=-1, required=True, metavar="ADDRESS...")
@_consent
@_newsletter
@click.option("--name", help="The name of the person; for one address.")
@click.option("--group", "groups", multiple=True, metavar="NAME", help="Start with the interests of [groups.NAME].")
@click.option("--timezone", metavar="ZONE", help="IANA name; default: the newsletter's.")
@click.option("--cadence", type=click.Choice(wishes.CADENCES), help="Each edition, or one mail a week, on a day.")
@click.option("--hour", type=click.IntRange(0, 23), help="Local hour from which mail goes; default: at once.")
@click.option("--format", "form", type=click.Choice(wishes.FORMATS), help="HTML with its text, or the text alone.")
@_again
@options
def add(
    asked: Asked,
    emails: tuple[str, ...],
    confirmed_by: str | None,
    newsletter: str | None,
    name: str | None,
    groups: tuple[str, ...],
    timezone: str | None,
    cadence: str | None,
    hour: int | None,
    form: str | None,
    again: bool,
) -> None:
    """Subscribe people, or change what they wish; their first edition is the next one."""
    if not (confirmed_by or "").strip():
        raise UsageError(_CONSENT)
    if name is not None and len(emails) > 1:
        raise UsageError("--name is the name of one person; call it once for each address")
    checked = [_address(one) for one in emails]
    with asked.system() as system:
        told = _wishes(system, name, groups, timezone)
        given = (("cadence", cadence), ("hour", hour), ("format", form))
        told |= {key: value for key, value in given if value is not None}
        chosen = _chosen(system, newsletter)
        readers.meet(system.store, chosen)
        persons = [_person(system, chosen, address, told) for address in checked]
        answers = system.store.subscribers.admit(
            chosen, persons, at=system.parts.clock(), origin="command", confirmed_by=confirmed_by, again=again
        )
    asked.tell({"newsletter": chosen, "people": [answer.model_dump(mode="json") for answer in answers]})
    words = {"added": "subscribed; the next edition is the first", "changed": "changed", "again": "known, as it is"}
    for answer in answers:
        asked.say(f"{answer.address}: {words.get(answer.result) or f'refused: {answer.reason}'}")
    refused = [answer for answer in answers if answer.result == "refused"]
    if refused:
        asked.say("  do    --again, if they asked for it once more themselves")
    _say_whether_mail_goes(asked, system)
    raise SystemExit(1 if len(refused) == len(answers) else 0)


def _say_whether_mail_goes(asked: Asked, system: System) -> None:
    if system.config.mail is None:
        asked.say(f"  do    {asked.file} has no [mail] table yet: nothing is mailed before it has one")


# Importing


@dataclass
class _Imported:
    """What became of the lines of a file."""

    results: Counter[str] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)

    @property
    def taken(self) -> int:
        """Lines that name a subscriber now."""
        return sum(self.results.values())

    def words(self) -> str:
        """Say it in a few words."""
        names = {"added": "added", "changed": "changed", "again": "known, as they are", "good": "good"}
        told = [f"{self.results[result]:,} {name}" for result, name in names.items() if self.results[result]]
        return ", ".join([*told, *([f"{len(self.refused):,} refused"] if self.refused else [])]) or "nobody in it"


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@_consent
@_newsletter
@_again
@click.option("--dry-run", is_flag=True, help="Only say which lines would be refused.")
@options
def import_(
    asked: Asked, file: Path, confirmed_by: str | None, newsletter: str | None, again: bool, dry_run: bool
) -> None:
    """Subscribe the people of a CSV file; lines with a mistake are told, the others are taken.

    The first line names the columns: email, and any of name, groups, cadence, hour, format, timezone.
    """
    if not dry_run and not (confirmed_by or "").strip():
        raise UsageError(_CONSENT)
    done = _Imported()
    with asked.system() as system:
        chosen = _chosen(system, newsletter)
        if not dry_run:
            readers.meet(system.store, chosen)
        for portion in _portions(file, system, done.refused):
            if dry_run:
                done.results["good"] += len(portion)
                continue
            answers = system.store.subscribers.admit(
                chosen,
                [person.subscriber for person in portion],
                at=system.parts.clock(),
                origin="import",
                confirmed_by=confirmed_by,
                again=again,
            )
            for person, answer in zip(portion, answers, strict=True):
                if answer.result == "refused":
                    done.refused.append(Refused(person.line, f"{answer.address}: {answer.reason}", answer.address))
                else:
                    done.results[answer.result] += 1
    done.refused.sort()
    counts = {result: done.results[result] for result in ("added", "changed", "again")}
    refused = [{"line": one.line, "address": one.address, "reason": one.reason} for one in done.refused]
    asked.tell({"newsletter": chosen, "file": str(file), **counts, "refused": refused})
    asked.say("\n".join(screen.wrap(f"  refused  {line}", "    ") for line in done.refused))
    asked.say(f"{file.name}: {done.words()}.")
    _say_whether_mail_goes(asked, system)
    raise SystemExit(0 if done.taken else 1)


def _portions(file: Path, system: System, refused: list[Refused]) -> Iterator[list[Person]]:
    """Yield the people of a file, some at a time; what is refused goes into a list."""
    try:
        with file.open("rb") as lines:
            good = _good(people.read(lines, system.config.groups), refused)
            while portion := list(itertools.islice(good, readers.PORTION)):
                yield portion
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from error
    except UsageError as error:
        raise UsageError(f"{file}: {error}") from error


def _good(lines: Iterable[Person | Refused], refused: list[Refused]) -> Iterator[Person]:
    for line in lines:
        if isinstance(line, Person):
            yield line
        else:
            refused.append(line)


# Leaving


@command.command()
@click.argument("email", metavar="ADDRESS")
@click.option("--newsletter", metavar="ID", help="From this one only; default: from all.")
@options
def remove(asked: Asked, email: str, newsletter: str | None) -> None:
    """End a subscription, at the wish of the person or yours; no file brings it back."""
    address = _address(email)
    with asked.system() as system:
        ended = system.store.subscribers.unsubscribe(
            address, at=system.parts.clock(), why="removed by a command", newsletter=_met(system, newsletter)
        )
    asked.tell({"address": address, "ended": ended})
    asked.say(f"{address}: {count_noun(ended, 'subscription')} ended." if ended else f"{address} is not subscribed.")
    raise SystemExit(0 if ended else 1)


@command.command()
@click.argument("email", metavar="ADDRESS")
@options
def forget(asked: Asked, email: str) -> None:
    """Delete all that says who a person is. A keyed hash stays, so that no import undoes it."""
    address = _address(email)
    with asked.system() as system:
        known = system.store.subscribers.forget(address, at=system.parts.clock())
    asked.tell({"address": address, "forgotten": known})
    asked.say(f"{address}: forgotten." if known else f"{address} is not known.")
    file = system.config.subscribers.file if system.config.subscribers else None
    if known and file:
        asked.say(f"  do    delete the line in {file}, too")
    raise SystemExit(0 if known else 1)


@command.command()
@click.argument("email", metavar="ADDRESS")
@click.option("--reason", required=True, metavar="TEXT", help="Why, like: complained by telephone.")
@options
def suppress(asked: Asked, email: str, reason: str) -> None:
    """Let nothing go to an address any more, in no newsletter; `add --again` lifts it."""
    address = _address(email)
    with asked.system() as system:
        system.store.subscribers.suppress(address, at=system.parts.clock(), reason=reason, evidence="a command")
    asked.tell({"address": address, "suppressed": reason})
    asked.say(f"{address}: nothing goes there any more.")


# Looking


@command.command("list")
@click.option("--newsletter", metavar="ID", help="This one only.")
@click.option("--status", type=click.Choice(STATUSES), help="Those only.")
@click.option("--limit", type=click.IntRange(1), default=_SHOWN, show_default=True, help="Rows of the table.")
@options
def list_(asked: Asked, newsletter: str | None, status: SubscriptionStatus | None, limit: int) -> None:
    """List subscriptions; --json has all of them, a line each."""
    with asked.system() as system:
        which = _met(system, newsletter)
        found = _with_address(system.store.subscribers.subscriptions(which, status=status))
        if asked.json:
            for one in found:
                asked.tell(one.model_dump(mode="json"))
            return
        shown = list(itertools.islice(found, limit))
        ids = [which] if which else [state.id for state in system.store.newsletters()]
        counts = {id: system.store.subscribers.subscriber_counts(id) for id in ids}
    if shown:
        asked.say(_table(shown, several=len(ids) > 1))
    if next(found, None) is not None:
        asked.say(f"  the first {limit:,}; --limit N shows more, --json has all")
    for id, numbers in counts.items():
        told = [f"{count:,} {name}" for name, count in numbers.items() if count]
        asked.say(f"{id}: {', '.join(told) or 'no subscribers'}.")
    if not counts:
        asked.say("No subscribers yet: `digest subscribers add` or `import` subscribes people.")


def _with_address(found: Iterable[Subscription]) -> Iterator[Subscription]:
    """Leave out people who were forgotten."""
    return (one for one in found if one.subscriber.address)


def _table(found: Sequence[Subscription], *, several: bool) -> str:
    """Return a table; the newsletter has a column where there are several."""
    header = ("address", "status", "mail", "groups", "mark", "since", "newsletter")
    rows = [
        (
            one.subscriber.address,
            f"suppressed: {one.suppressed}" if one.suppressed and one.status == "confirmed" else one.status,
            _rhythm(one.subscriber),
            " ".join(one.subscriber.groups) or "-",
            str(one.mark),
            one.since.date().isoformat(),
            one.newsletter,
        )
        for one in found
    ]
    shown = len(header) - (0 if several else 1)
    return screen.table(header[:shown], [row[:shown] for row in rows], left=(0, 1, 2, 3, 5, 6))


def _rhythm(person: Subscriber) -> str:
    """Return when and how she gets mail, like `mon 08h text`."""
    hour = "" if person.hour is None else f"{person.hour:02}h"
    return " ".join(part for part in (person.cadence, hour, "text" if person.format == "text" else "") if part)


@command.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@_newsletter
@click.option("--status", type=click.Choice(STATUSES), help="Those only.")
@options
def export(asked: Asked, file: Path | None, newsletter: str | None, status: SubscriptionStatus | None) -> None:
    """Write subscribers as CSV that `import` reads back, to FILE or the screen.

    Names and addresses of people are in it: FILE can be read by you only.
    """
    if file is None and asked.json:
        raise UsageError("export writes CSV: name a FILE, or use `digest subscribers list --json`")
    with asked.system() as system:
        chosen = _chosen(system, newsletter)
        found = _with_address(system.store.subscribers.subscriptions(chosen, status=status))
        with _opened(file) as output:
            lines = 0
            for line in people.write(found):
                output.write(line.encode())
                lines += 1
    if file is not None:
        asked.tell({"newsletter": chosen, "file": str(file), "subscribers": lines - 1})
        asked.say(f"{file}: {count_noun(lines - 1, 'subscriber')} of {chosen}.")


@contextmanager
def _opened(file: Path | None) -> Iterator[IO[bytes]]:
    """Open a file for the block, to be in its place whole or not at all; None: the screen."""
    if file is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
            yield output
        beside.replace(file)
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror}") from error
    finally:
        beside.unlink(missing_ok=True)
