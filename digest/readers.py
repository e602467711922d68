"""The readers that the configuration names -> subscriptions. May import config, people, addresses, protocols.

`run` calls this before it mails. What cannot be read changes nothing: a file that is damaged, empty or gone for a
moment must not unsubscribe the people in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from digest import people
from digest.config import Config, Mail
from digest.errors import UsageError
from digest.models import Admission, Subscriber, Subscription
from digest.people import Person, Refused
from digest.protocols import Store, Subscribers
from digest.text import count_noun

#: who confirmed the subscription of the configured reader
BY_CONFIGURATION = "the configuration"
#: why it ends where the configuration names another, or none
REPLACED = "the configuration does not name this reader any more"
#: people in one transaction
PORTION = 2000
#: refused lines and people that are told one by one
_TOLD = 5


def meet(store: Store, newsletter: str) -> None:
    """Enrol a newsletter that was never met, as `run` does: its first edition is all that comes from now on.

    `run` enrols at the end of the log before its fetches. Done here, before that run, it is the same place, unless
    another configuration's run on the same store is faster; then the first edition has what that one brought as well.
    """
    if store.newsletter(newsletter) is None:
        store.enrol(newsletter, store.log_end())


def sync_readers(config: Config, mail: Mail, store: Store, at: datetime) -> list[str]:
    """Bring subscriptions up to what the configuration says: its one reader, and the people of its file.

    Args:
        config: what names them.
        mail: the same, resolved.
        store: where subscriptions are; newsletters not met before are enrolled.
        at: now.

    Returns:
        Sentences: who came and went, who is refused, what could not be read.
    """
    for newsletter in config.newsletters:
        meet(store, newsletter.id)
    told = _sync_file(config, store.subscribers, at) if config.subscribers and config.subscribers.file else []
    for newsletter in config.newsletters:
        told += _sync_owner(newsletter.id, mail.to, store.subscribers, at)
    return told


# The one reader


def _sync_owner(newsletter: str, owner: str | None, subscribers: Subscribers, at: datetime) -> list[str]:
    """Subscribe the configured reader, with whatever wishes she has; end the subscription of whoever was it before."""
    known = next(subscribers.subscriptions(newsletter, address=owner), None) if owner else None
    if owner and known is not None and known.status == "confirmed" and not known.subscriber.address:
        known = _named_again(newsletter, owner, known, subscribers, at)
    if known is not None and known.status == "confirmed":
        if known.suppressed:
            return [f"{newsletter}: nothing is mailed to {owner}: {known.suppressed}"]
        if known.origin == "owner":
            return []
    told = _end_others(newsletter, owner, subscribers, at)
    if owner is None or (known is not None and known.status == "confirmed"):
        return told
    # what the configuration ended, it may begin again; what she ended herself, it may not
    again = known is not None and known.why == REPLACED and not known.suppressed
    person = known.subscriber.model_copy(update={"address": owner}) if known else Subscriber(address=owner)
    (admission,) = subscribers.admit(
        newsletter, [person], at=at, origin="owner", confirmed_by=BY_CONFIGURATION, again=again
    )
    if admission.result == "refused":
        wants_back = f"`digest subscribers add {owner} --newsletter {newsletter} --again` if you want it back"
        return [*told, f"{newsletter}: {owner} is not mailed: {admission.reason}; {wants_back}"]
    return told


def _named_again(
    newsletter: str, owner: str, known: Subscription, subscribers: Subscribers, at: datetime
) -> Subscription:
    """Tell the store the address of a reader that it knows by the hash alone: it was filled from a state."""
    person = known.subscriber.model_copy(update={"address": owner})
    subscribers.admit(newsletter, [person], at=at, origin=known.origin, confirmed_by=None)
    return next(subscribers.subscriptions(newsletter, address=owner), known)


def _end_others(newsletter: str, owner: str | None, subscribers: Subscribers, at: datetime) -> list[str]:
    former = [
        one
        for one in subscribers.subscriptions(newsletter, status="confirmed", origin="owner")
        # one without address gets nothing anyway
        if one.subscriber.address and _was_owner(one, owner)
    ]
    for one in former:
        subscribers.unsubscribe(one.subscriber.address, at=at, why=REPLACED, newsletter=newsletter)
    return [f"{newsletter}: {one.subscriber.address} gets no mail any more: {REPLACED}" for one in former]


def _was_owner(one: Subscription, owner: str | None) -> bool:
    return one.subscriber.address.lower() != (owner or "").lower()


# The people of a file


@dataclass
class _Tally:
    """What became of the lines of a file."""

    #: of good lines, and of those refused ones whose owner can be told: they stay as they are
    addresses: list[str] = field(default_factory=list)
    good: int = 0
    refused: int = 0
    #: somebody may be in them, nobody knows who
    broken: int = 0
    told: list[str] = field(default_factory=list)

    def note(self, line: Person | Refused) -> None:
        """Count a line."""
        if isinstance(line, Person):
            self.good += 1
            self.addresses.append(line.subscriber.address)
            return
        self.refused += 1
        self.broken += line.broken
        if line.address:
            self.addresses.append(line.address)
        if self.refused <= _TOLD:
            self.told.append(str(line))


def _sync_file(config: Config, subscribers: Subscribers, at: datetime) -> list[str]:
    """Subscribe the people of the file to every newsletter; end those that it names no more."""
    settings = config.subscribers
    assert settings is not None
    assert settings.file is not None
    name, tally = settings.file, _Tally()
    newsletters = [newsletter.id for newsletter in config.newsletters]
    results: dict[str, Counter[str]] = {newsletter: Counter() for newsletter in newsletters}
    refusals: dict[str, list[str]] = {newsletter: [] for newsletter in newsletters}
    try:
        for portion in _portions(config, name, tally):
            for newsletter in newsletters:
                answers = subscribers.admit(
                    newsletter, portion, at=at, origin="file", confirmed_by=settings.confirmed_by
                )
                results[newsletter].update(answer.result for answer in answers)
                refusals[newsletter] += _refusals(answers, _TOLD - len(refusals[newsletter]))
    except (OSError, UsageError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        return [f"{name} cannot be read: {why}; everybody stays subscribed as before"]
    told = [f"{name}: {line}" for line in tally.told]
    if tally.refused > _TOLD:
        told.append(f"{name}: {tally.refused - _TOLD} more lines are refused; `digest subscribers import {name} "
                    "--dry-run` says all")  # fmt: skip
    told += [line for one in newsletters for line in _words(one, name, results[one], refusals[one])]
    return told + _end_missing(name, tally, newsletters, subscribers, at)


def _portions(config: Config, name: str, tally: _Tally) -> Iterator[list[Subscriber]]:
    """Yield the people of the file, some at a time."""
    portion: list[Subscriber] = []
    with config.path(name).open("rb") as lines:
        for line in people.read(lines, config.groups):
            tally.note(line)
            if isinstance(line, Person):
                portion.append(line.subscriber)
            if len(portion) == PORTION:
                yield portion
                portion = []
    if portion:
        yield portion


def _refusals(answers: Sequence[Admission], limit: int) -> list[str]:
    return [f"{one.address} ({one.reason})" for one in answers if one.result == "refused"][: max(limit, 0)]


def _words(newsletter: str, name: str, results: Counter[str], refusals: Sequence[str]) -> Iterator[str]:
    """Say what changed, and who is in the file but is not mailed."""
    changed = [f"{results[result]:,} {result}" for result in ("added", "changed") if results[result]]
    if changed:
        yield f"{newsletter}: {' and '.join(changed)} by {name}"
    if results["refused"]:
        more = results["refused"] - len(refusals)
        listed = "; ".join([*refusals, *([f"{more:,} more"] if more else [])])
        yield f"{newsletter}: not mailed, though in {name}: {listed}"


def _end_missing(
    name: str, tally: _Tally, newsletters: Sequence[str], subscribers: Subscribers, at: datetime
) -> list[str]:
    """End the subscriptions of those who are in the file no more, if the file can be trusted to say so."""
    if not tally.good:
        return [f"{name} names nobody who can be subscribed; everybody stays subscribed as before"]
    if tally.broken:
        lines = count_noun(tally.broken, "line")
        return [f"{name}: {lines} may be anybody's, so nobody is unsubscribed until they are mended"]
    told = []
    for newsletter in newsletters:
        ended = subscribers.keep_only(newsletter, tally.addresses, at=at, why=f"no longer in {name}")
        if ended:
            told.append(f"{newsletter}: {count_noun(ended, 'subscription')} ended: no longer in {name}")
    return told
