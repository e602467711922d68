"""Whether somebody is told that something is wrong, and telling it: by mail, by a webhook; once until it is over.

    receipt x conditions x what is kept -> alerts, what to keep        pure
    alerts -> a mail without the ledger, a POST                        do

May import bootstrap and below. What goes wrong here changes no verdict: it is logged, and told to who called.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from digest import clock
from digest.addresses import checked
from digest.bootstrap import System, transport
from digest.config import Condition, Config, Mail, resolve_mail
from digest.config.reading import secret
from digest.delivery.once import submit
from digest.delivery.settings import SmtpSettings
from digest.errors import ConfigError, DigestError, StoppedError, UsageError
from digest.logs import logger
from digest.models import Receipt, SourceReceipt
from digest.outbox import Delivered
from digest.protocols import Claimed, Outgoing, Store
from digest.receipt import INCOMPLETE
from digest.text import count_noun

#: whose notes these are in the store
OWNER = "[alerts]"
#: seconds that a mail server and a webhook have for each answer
TIMEOUT = 15.0
#: what is judged by the sources, all of which each receipt has
_OF_SOURCES = frozenset({"partial", "stale", "shrunken"})
#: what trouble with mail is about
_ABOUT_MAIL = "mail"
#: characters of a subject
_SUBJECT = 100


@dataclass(frozen=True)
class Standing:
    """Something that is wrong, since when, and whether it was told."""

    since: datetime
    told: bool = False


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
        """Return what to keep: what could not be told is told by the next run."""
        keys = {alert.key for alert in self.alerts} if told else set()
        return {key: replace(one, told=one.told or key in keys) for key, one in self.standing.items()}


def decide(
    conditions: Sequence[Condition],
    done: Receipt,
    trouble: str | None,
    before: Mapping[str, Standing],
    *,
    mailed: bool = True,
) -> Decision:
    """Return what is to be told of a run: each trouble once, until it is over.

    Args:
        conditions: of `[alerts] when`.
        done: what the run did.
        trouble: what keeps the transport from taking mail; None: nothing.
        before: what an earlier run kept.
        mailed: mail was to go out; else nothing is known of that.
    """
    now, standing, alerts = done.started_at, dict[str, Standing](), list[Alert]()
    for condition in conditions:
        standing |= _not_looked_at(condition, done, before, mailed)
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
    """Return what a run says nothing of, so that it is not over: other newsletters, mail where none was to go out."""
    if condition.trouble in _OF_SOURCES:
        return {}
    looked = {one.newsletter for one in done.editions} | ({_ABOUT_MAIL} if mailed else set())
    found = {key: one for key, one in before.items() if key.startswith(_key(condition, ""))}
    return {key: one for key, one in found.items() if key.removeprefix(_key(condition, "")) not in looked}


def _unicode(told: Mapping[str, str]) -> dict[str, str]:
    """Return texts that can be sent; names of files that they quote need not be Unicode."""
    return {_sendable(about): _sendable(sentence) for about, sentence in told.items()}


def _sendable(text: str) -> str:
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
    return {_ABOUT_MAIL: "; ".join(told)} if told else {}


# Telling it


def after_run(
    system: System,
    done: Receipt,
    delivered: Delivered | None,
    say: Callable[[str], object],
    environ: Mapping[str, str] | None = None,
) -> None:
    """Tell what is to be told of a run; what goes wrong with that changes nothing.

    Args:
        system: the configuration and the store that keeps what was told.
        done: what the run did.
        delivered: what became of the mail; None: none went out.
        say: is given what goes wrong, for stderr.
        environ: where `env:NAME` is looked up; default: the process's.
    """
    settings = system.config.alerts
    if settings is None:
        return
    errors: list[str] = []
    try:
        before = kept(system.store)
        trouble = delivered.tally.trouble if delivered else None
        decided = decide(settings.when, done, trouble, before, mailed=delivered is not None)
        reached, errors = tell(system.config, decided.alerts, done.started_at, environ)
        after = decided.after(reached)
        if after != before:
            keep(system.store, after)
    except DigestError as error:
        errors.append(str(error))
    for one in errors:
        logger().warning("alert not told", error=one)
        say(f"digest: alert: {one}")


@contextmanager
def watching(config: Config, say: Callable[[str], object], *, rehearse: bool = False) -> Iterator[None]:
    """Tell that the run of the block ended before it had a receipt, where `broken` is to be told.

    Each time, for there may be no store to keep that it was told. Wrong usage is told to nobody but who sees it.

    Args:
        config: says whom.
        say: is given what goes wrong with telling it.
        rehearse: tell nobody.
    """
    try:
        yield
    except DigestError as error:
        wanted = config.alerts is not None and any(one.trouble == "broken" for one in config.alerts.when)
        if wanted and not rehearse and type(error) not in (UsageError, StoppedError):
            now = clock.system()()
            alert = Alert(Condition("broken"), "the run", _sendable(f"The run ended early: {error}"), now)
            for one in tell(config, [alert], now)[1]:
                say(f"digest: alert: {one}")
        raise


def kept(store: Store) -> dict[str, Standing]:
    """Return what was wrong after the run before."""
    found = {key: json.loads(value) for key, value in store.remembered(OWNER).items()}
    return {key: Standing(datetime.fromisoformat(one["since"]), one["told"]) for key, one in found.items()}


def keep(store: Store, standing: Mapping[str, Standing]) -> None:
    """Keep what is wrong, instead of what was."""
    told = {key: {"since": one.since.isoformat(), "told": one.told} for key, one in standing.items()}
    store.keep_notes(OWNER, {key: json.dumps(value) for key, value in told.items()})


def tell(
    config: Config, alerts: Sequence[Alert], now: datetime, environ: Mapping[str, str] | None = None
) -> tuple[bool, list[str]]:
    """Tell alerts on all ways; return whether one of them reached somebody, and what went wrong on the others."""
    settings = config.alerts
    if settings is None or not alerts:
        return False, []
    environ = os.environ if environ is None else environ
    ways: list[Callable[[], None]] = []
    if settings.to is not None:
        ways.append(lambda: _mail(config, alerts, now, environ))
    if settings.webhook is not None:
        ways.append(lambda: _post(config, alerts, now, environ))
    errors = []
    for way in ways:
        try:
            way()
        except DigestError as error:
            errors.append(str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not end a run; it may quote the webhook
            errors.append(f"nothing was told: {type(error).__name__}")
    return len(errors) < len(ways), errors


def _resolved(config: Config, key: str, value: str | None, environ: Mapping[str, str]) -> str:
    found = secret(value, f"{config.where}: alerts.{key}", environ, config.root)
    assert isinstance(found, str)
    return found


def _mail(config: Config, alerts: Sequence[Alert], now: datetime, environ: Mapping[str, str]) -> None:
    assert config.alerts is not None
    mail = resolve_mail(config, environ)
    if isinstance(mail.transport, SmtpSettings):
        quick = replace(mail.transport, timeout=min(mail.transport.timeout, TIMEOUT))
        mail = replace(mail, transport=quick)
    try:
        to = checked(_resolved(config, "to", config.alerts.to, environ))
    except ValueError as error:
        raise ConfigError(f"{config.where}: alerts.to: what {config.alerts.to} holds is no address") from error
    way = transport(mail)
    outcome = submit(way, message(mail, to, alerts, now))
    if outcome.state != "submitted":
        raise DigestError(f"{way.name} did not take the mail for {to}: {outcome.text}")


def message(mail: Mail, to: str, alerts: Sequence[Alert], now: datetime) -> Outgoing:
    """Return the mail that tells alerts: plain text, from whom the newsletters are."""
    from email.message import EmailMessage
    from email.policy import SMTP
    from email.utils import format_datetime

    made = EmailMessage(policy=SMTP.clone(max_line_length=76))
    made["From"], made["To"] = mail.from_addr, to
    made["Subject"] = _subject(alerts)
    made["Date"] = format_datetime(now)
    made["Message-ID"] = f"<digest.alert.{secrets.token_hex(16)}@{mail.from_addr.rpartition('@')[2]}>"
    # so that no vacation answers (RFC 3834)
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(text(alerts), cte="quoted-printable")
    return Outgoing(_nobody(to, now), mail.bounces or mail.from_addr, to, (made.as_bytes(),))


def _subject(alerts: Sequence[Alert]) -> str:
    named = ", ".join(f"{alert.about} {alert.condition}" for alert in alerts)
    subject = f"digest: {named}"
    return subject if len(subject) <= _SUBJECT else f"{subject[: _SUBJECT - 1]}…"


def text(alerts: Sequence[Alert]) -> str:
    """Return what alerts say to a person."""
    lines = [f"{one.sentence}\n  {one.condition}, since {one.since:%Y-%m-%d %H:%M} UTC" for one in alerts]
    end = f"Told by digest on {platform.node()}: once, and again only after it was over.\nMore: digest doctor"
    return "\n\n".join([*lines, end]) + "\n"


def _nobody(to: str, now: datetime) -> Claimed:
    """Return the delivery of an alert: no row of the ledger."""
    return Claimed(
        id=0, subscription=0, newsletter="", after=0, upto=0, tries=0, address=to, name="", format="text", groups="",
        origin="owner", since=now, confirmed_by=None, first_try=None,
    )  # fmt: skip


def _post(config: Config, alerts: Sequence[Alert], now: datetime, environ: Mapping[str, str]) -> None:
    """Post alerts as JSON; neither the address nor an error that may quote it is ever told."""
    import httpx

    assert config.alerts is not None
    url = _resolved(config, "webhook", config.alerts.webhook, environ)
    if not url.startswith(("https://", "http://")):
        raise ConfigError(f"{config.where}: alerts.webhook: what it holds is no address of the web")
    try:
        code = httpx.post(url, json=payload(alerts, now), timeout=TIMEOUT).status_code
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        # not chained: the error quotes the address
        raise DigestError(f"the webhook does not answer ({type(error).__name__}): check its address") from None
    if not 200 <= code < 300:
        raise DigestError(f"the webhook answers HTTP {code}: check its address")


def payload(alerts: Sequence[Alert], now: datetime) -> dict[str, object]:
    """Return alerts as JSON; chats show `text`."""
    return {
        "text": text(alerts),
        "at": now.isoformat(),
        "alerts": [
            {
                "condition": str(one.condition),
                "about": one.about,
                "sentence": one.sentence,
                "since": one.since.isoformat(),
            }
            for one in alerts
        ],
    }
