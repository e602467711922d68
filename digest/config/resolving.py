"""`[mail]` -> Mail: reads secrets, checks addresses. Called when mail is really going out, by nobody else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from digest.addresses import checked
from digest.config.mail import MailSettings
from digest.config.reading import secret
from digest.delivery.settings import Pace, SmtpSettings
from digest.errors import ConfigError

if TYPE_CHECKING:
    from digest.config import Config

#: where Unix has it (sendmail(8))
_SENDMAIL = "/usr/sbin/sendmail"


@dataclass(frozen=True)
class PathSettings:
    """A transport that writes messages below a folder."""

    kind: Literal["maildir", "folder"]
    path: Path


@dataclass(frozen=True)
class CommandSettings:
    """A transport that hands messages to a program."""

    command: tuple[str, ...]


@dataclass(frozen=True)
class Mail:
    """All that mailing depends on, with its secrets; addresses are checked, in ASCII form."""

    transport: SmtpSettings | PathSettings | CommandSettings
    pace: Pace
    from_addr: str
    #: display name of From; None: the newsletter's title
    name: str | None = None
    #: the one reader; None: only those who are subscribed
    to: str | None = None
    reply_to: str | None = None
    #: where bounces go; None: from_addr
    bounces: str | None = None
    #: who mails, for the footer
    sender: str | None = None
    postal_address: str | None = None
    #: https URL with `{token}`
    unsubscribe_url: str | None = None
    #: what addresses are hashed with where a state is kept as files; None: what follows from the user
    secret: str | None = field(default=None, repr=False)


def resolve_mail(config: Config, environ: Mapping[str, str] | None = None) -> Mail:
    """Read the secrets of `[mail]` and check what they hold.

    Args:
        config: the configuration.
        environ: where `env:NAME` is looked up; default: the process's.

    Raises:
        ConfigError: there is no such table, a secret cannot be read, an address is none.
    """
    told = config.mail
    if told is None:
        raise ConfigError(
            f"{config.where}: there is no [mail] table, so nothing can be mailed; `digest init --mail gmail` shows one"
        )
    reader = _Secrets(config, os.environ if environ is None else environ)
    user = reader.text("user", told.told_user)
    from_addr = reader.address("from", told.from_) or _user_address(config, user)
    to = reader.address("to", told.to)
    if to is None and config.subscribers is None:
        to = _address_or_none(user) or from_addr
    return Mail(
        transport=_transport(config, told, user, reader.text("password", told.password)),
        pace=_pace(told),
        from_addr=from_addr,
        name=told.name,
        to=to,
        reply_to=reader.address("reply_to", told.reply_to),
        bounces=reader.address("bounces", told.bounces),
        sender=told.sender,
        postal_address=told.postal_address,
        unsubscribe_url=told.unsubscribe_url,
        secret=reader.text("secret", told.secret),
    )


def unset_variables(config: Config, environ: Mapping[str, str] | None = None) -> list[str]:
    """Return the variables that `[mail]` names and that hold nothing.

    Args:
        config: the configuration.
        environ: where they are looked up; default: the process's.
    """
    told = config.mail
    environ = os.environ if environ is None else environ
    values = (
        (told.told_user, told.password, told.from_, told.to, told.reply_to, told.bounces, told.secret) if told else ()
    )
    names = [value.removeprefix("env:") for value in values if value and value.startswith("env:")]
    return [name for name in dict.fromkeys(names) if not environ.get(name)]


class _Secrets:
    """Reads keys of `[mail]`; errors name them, never what they hold."""

    def __init__(self, config: Config, environ: Mapping[str, str]) -> None:
        self._config, self._environ = config, environ

    def text(self, key: str, value: str | None) -> str | None:
        found = secret(value, f"{self._config.where}: mail.{key}", self._environ, self._config.root)
        assert found is None or isinstance(found, str)
        if found is not None and any(ord(character) < 32 for character in found):
            raise ConfigError(f"{self._config.where}: mail.{key}: what {value} holds is more than one line")
        return found

    def address(self, key: str, value: str | None) -> str | None:
        found = self.text(key, value)
        if found is None:
            return None
        try:
            return checked(found)
        except ValueError as error:
            raise ConfigError(f"{self._config.where}: mail.{key}: what {value} holds is no address") from error


def _address_or_none(text: str | None) -> str | None:
    try:
        return checked(text or "")
    except ValueError:
        # a user of a relay need not be one
        return None


def _user_address(config: Config, user: str | None) -> str:
    found = _address_or_none(user)
    if found is None:
        raise ConfigError(
            f'{config.where}: mail.from: is missing, and the user is no address: say from = "digest@example.org"'
        )
    return found


def _transport(
    config: Config, told: MailSettings, user: str | None, password: str | None
) -> SmtpSettings | PathSettings | CommandSettings:
    if told.transport == "sendmail":
        return CommandSettings(command=told.command or (told.path or _SENDMAIL,))
    if told.transport != "smtp":
        assert told.path is not None
        return PathSettings(kind=told.transport, path=config.path(told.path))
    provider = told.known_provider
    return SmtpSettings(
        host=told.told_host,
        port=told.told_port,
        tls=told.told_tls,
        user=user,
        password=password,
        provider=told.provider,
        connections=told.connections or (provider.connections if provider else 1),
        timeout=float(told.timeout),
    )


def _pace(told: MailSettings) -> Pace:
    provider = told.known_provider
    return Pace(
        rate=told.rate or (provider.rate if provider else None),
        domain_rate=told.domain_rate,
        daily_limit=told.daily_limit or (provider.daily_limit if provider else None),
        give_up=float(told.give_up),
    )
