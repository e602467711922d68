"""What is to be told of a run, or of a step of one: each trouble once, until it is over.

    receipt x conditions x what is kept -> alerts, what to keep

Pure; may import models, the configuration's words and receipts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from digest.config import Condition
from digest.models import Receipt, SourceReceipt
from digest.receipt import INCOMPLETE
from digest.text import count_noun

#: what trouble with mail is about
ABOUT_MAIL = "mail"
#: what is judged by a source's newest batch
_OF_BATCHES = frozenset({"stale", "shrunken"})


@dataclass(frozen=True)
class Standing:
    """Something that is wrong, since when, and whether it was told."""

    since: datetime
    told: bool = False
    #: what was to be told of it and reached nobody, to be told by whatever comes next
    owed: str = ""


@dataclass(frozen=True)
class Alert:
    """What somebody is told."""

    condition: Condition
    #: what it is about: a source, a newsletter, `mail`
    about: str
    #: the receipt's own words
    sentence: str
    since: datetime

    @property
    def key(self) -> str:
        """Names it in what is kept."""
        return _key(self.condition, self.about)


@dataclass(frozen=True)
class Decision:
    """What to tell, and what to keep once it is told."""

    alerts: Sequence[Alert]
    standing: Mapping[str, Standing]

    def after(self, told: bool) -> Mapping[str, Standing]:
        """Return what to keep: what could not be told is told by the next step, whatever that looks at."""
        said = {alert.key: alert.sentence for alert in self.alerts}
        owed = {} if told else said
        return {
            key: replace(one, told=one.told or (told and key in said), owed=owed.get(key, ""))
            for key, one in self.standing.items()
        }


def decide(
    conditions: Sequence[Condition],
    done: Receipt,
    trouble: str | None,
    before: Mapping[str, Standing],
    *,
    mailed: bool = True,
) -> Decision:
    """Return what is to be told of a run, or of a step of one: each trouble once, until it is over.

    Args:
        conditions: of `[alerts] when`.
        done: what was done: sources that were fetched, newsletters that were looked after, mail.
        trouble: what keeps the transport from taking mail; None: nothing.
        before: what an earlier step kept.
        mailed: mail was tried; else nothing is known of that.
    """
    now, standing, alerts = done.started_at, dict[str, Standing](), list[Alert]()
    for condition in conditions:
        for about, one in _not_looked_at(condition, done, before, mailed).items():
            standing[_key(condition, about)] = one
            if one.owed:
                alerts.append(Alert(condition, about, one.owed, one.since))
        for about, sentence in _unicode(troubles(condition, done, trouble)).items():
            key = _key(condition, about)
            one = before.get(key) or Standing(now)
            standing[key] = one
            if not one.told and (now.date() - one.since.date()).days + 1 >= condition.days:
                alerts.append(Alert(condition, about, sentence, one.since))
    return Decision(alerts, standing)


def _not_looked_at(
    condition: Condition, done: Receipt, before: Mapping[str, Standing], mailed: bool
) -> dict[str, Standing]:
    """Return what a step says nothing of, so that it is not over: other sources and newsletters, mail not tried."""
    looked, prefix = _looked_at(condition, done, mailed), _key(condition, "")
    found = {key.removeprefix(prefix): one for key, one in before.items() if key.startswith(prefix)}
    return {about: one for about, one in found.items() if about not in looked}


def _looked_at(condition: Condition, done: Receipt, mailed: bool) -> set[str]:
    """Return what a step says something of, as it is named in what is kept.

    What is odd about a batch is so until another one brings something: nothing new says nothing of it.
    """
    if condition.trouble in _OF_BATCHES:
        looked = {one.name for one in done.sources if one.warning or one.new or one.revised or one.enriched}
    elif condition.trouble == "partial":
        looked = {one.name for one in done.sources}
    elif condition.trouble in ("failed mails", "unknown mails"):
        looked = {ABOUT_MAIL} if mailed else set()
    else:
        looked = {one.newsletter for one in done.editions}
    return set(map(sendable, looked))


def _unicode(told: Mapping[str, str]) -> dict[str, str]:
    """Return texts that can be sent; names of files that they quote need not be Unicode."""
    return {sendable(about): sendable(sentence) for about, sentence in told.items()}


def sendable(text: str) -> str:
    """Return a text as one line of Unicode; names of files that it quotes need not be that."""
    return " ".join(text.encode("utf-8", "replace").decode().split())


def _key(condition: Condition, about: str) -> str:
    return f"{condition}: {about}"


def troubles(condition: Condition, done: Receipt, trouble: str | None) -> Mapping[str, str]:
    """Return what a condition is about in a run, with a sentence for each; nothing where it does not hold."""
    match condition.trouble:
        case "partial":
            return {one.name: _said(one, "could not be read") for one in done.sources if one.status in INCOMPLETE}
        case "stale" | "shrunken" as warning:
            return {one.name: _said(one, warning) for one in done.sources if one.warning == warning}
        case "failed mails" | "unknown mails" as state:
            return _mails(done, state, trouble)
        case verdict:
            held = (one for one in done.editions if one.verdict.partition(":")[0] == verdict)
            return {one.newsletter: f"{one.newsletter} is {one.verdict}: {one.evidence}" for one in held}


def _said(source: SourceReceipt, otherwise: str) -> str:
    said = source.note or source.evidence or otherwise
    return f"{source.name}: {said.removeprefix(f'source {source.name}: ')}"


def _mails(done: Receipt, state: str, trouble: str | None) -> dict[str, str]:
    count = done.deliveries.failed if state == "failed mails" else done.deliveries.unknown
    told = [f"{count_noun(count, 'mail')} {'failed' if state == 'failed mails' else 'may be lost'}"] if count else []
    told += [trouble] if trouble and state == "failed mails" else []
    return {ABOUT_MAIL: "; ".join(told)} if told else {}
