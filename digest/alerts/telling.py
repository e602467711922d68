"""Alerts -> a mail without the ledger, a POST. May import deciding, bootstrap and below."""

from __future__ import annotations

import os
import platform
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from digest.addresses import checked
from digest.alerts.deciding import Alert
from digest.bootstrap import transport
from digest.config import Config, Mail, resolve_mail
from digest.config.reading import secret
from digest.delivery.once import submit
from digest.delivery.settings import SmtpSettings
from digest.errors import ConfigError, DigestError
from digest.protocols import Claimed, Outgoing

#: seconds that a mail server and a webhook have for each answer
TIMEOUT = 15.0
#: characters of a subject
_SUBJECT = 100


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
    """Return the delivery of an alert: no row of the ledger; in a folder each has a file of its own."""
    return Claimed(
        id=0, subscription=0, newsletter="alert", after=0, upto=int(now.timestamp()), tries=0, address=to, name="",
        format="text", groups="", origin="owner", since=now, confirmed_by=None, first_try=None,
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
