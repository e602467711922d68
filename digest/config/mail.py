"""`[mail]` and `[subscribers]`: what can be judged without reading a secret. May import delivery (for its settings).

A mistake is found when the file is read, whatever the command; a variable is read only when mail goes out.
"""

from __future__ import annotations

import re
import shlex
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, field_validator, model_validator

from digest.addresses import checked
from digest.config.reading import Duration, Settings, is_secret
from digest.delivery.providers import PROVIDERS, Provider
from digest.delivery.settings import Tls
from digest.wishes import did_you_mean

#: where what is usually spoken (RFC 8314, 3.3; RFC 6409)
_PORT_OF_TLS: dict[Tls, int] = {"implicit": 465, "starttls": 587, "none": 25}
LOOPBACK = re.compile(r"localhost|127\.[0-9.]+|\[?::1\]?")
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_PER = {"s": 1, "min": 60, "h": 3600}
#: where the token of a reader stands in `unsubscribe_url`
TOKEN = "{token}"  # noqa: S105 -- a placeholder


def _rate(value: Any) -> Any:
    if isinstance(value, str):
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*/\s*(s|min|h)\s*", value)
        if not found:
            raise ValueError("use messages a second, like 5, or a text like '20/min' or '300/h'")
        return float(found.group(1)) / _PER[found.group(2)]
    return value


def _command(value: Any) -> Any:
    return tuple(shlex.split(value)) if isinstance(value, str) else value


def _address(value: Any) -> Any:
    """Check an address that is written out; one behind `env:` or `file:` is checked when it is read."""
    return checked(value) if isinstance(value, str) and not is_secret(value) else value


def _line(value: Any) -> Any:
    if isinstance(value, str) and (_CONTROLS.search(value) or "\n" in value.strip()):
        raise ValueError("write one line, without control characters")
    return value.strip() if isinstance(value, str) else value


Address = Annotated[str, BeforeValidator(_address)]
Line = Annotated[str, BeforeValidator(_line)]
Rate = Annotated[float, BeforeValidator(_rate), Field(gt=0)]


class MailSettings(Settings):
    """The `[mail]` table. All may be left out but what names a server, and whom the mail is from."""

    #: what takes the messages: a server, a Maildir, a folder of .eml files, the machine's own sendmail
    transport: Literal["smtp", "maildir", "folder", "sendmail"] = "smtp"
    #: of maildir and folder
    path: str | None = None
    #: of sendmail: the program with its options; an envelope is added
    command: Annotated[tuple[str, ...] | None, BeforeValidator(_command), Field(min_length=1)] = None
    #: a key of PROVIDERS, who knows host, port and TLS
    provider: str | None = None
    host: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9._:\[\]-]+$")] = None
    port: Annotated[int | None, Field(ge=1, le=65535)] = None
    tls: Tls | None = None
    user: str | None = None
    #: `env:NAME` or `file:PATH`
    password: str | None = Field(default=None, repr=False)
    #: `env:NAME` or `file:PATH`: what addresses are hashed with where a state is kept as files; default: the user
    secret: str | None = Field(default=None, repr=False)
    #: default: the user, if that is an address
    from_: Annotated[Address | None, Field(alias="from")] = None
    #: the name beside it; default: the newsletter's title
    name: Line | None = None
    #: the one reader; default: user, else from, if there is no [subscribers] table
    to: Address | None = None
    reply_to: Address | None = None
    #: where servers report what cannot be delivered; default: from
    bounces: Address | None = None
    #: who mails, for the footer
    sender: Line | None = None
    postal_address: str | None = None
    #: where a reader unsubscribes with one click (RFC 8058), with {token} in it
    unsubscribe_url: str | None = None
    connections: Annotated[int | None, Field(ge=1, le=100)] = None
    rate: Rate | None = None
    domain_rate: Rate | None = None
    daily_limit: Annotated[int | None, Field(ge=1)] = None
    timeout: Annotated[Duration, Field(ge=1, le=3600)] = 60
    #: how long a message is tried that the server puts off
    give_up: Annotated[Duration, Field(ge=60)] = 3 * 86400

    @field_validator("provider")
    @classmethod
    def _known_provider(cls, name: str | None) -> str | None:
        if name is not None and name not in PROVIDERS:
            there = f"there are {', '.join(PROVIDERS)}"
            raise ValueError(f"no such provider{did_you_mean(name, PROVIDERS) or ';'} {there}; or say host, port, tls")
        return name

    @field_validator("password")
    @classmethod
    def _elsewhere(cls, value: str | None) -> str | None:
        if value is not None and not is_secret(value):
            raise ValueError(
                'a password does not belong into this file; write password = "env:DIGEST_MAIL_PASSWORD" and set that '
                'variable, or "file:/path" with a file that only you can read'
            )
        return value

    @field_validator("secret")
    @classmethod
    def _named(cls, value: str | None) -> str | None:
        if value is not None and not is_secret(value):
            raise ValueError(
                'a secret does not belong into this file; write secret = "env:DIGEST_SECRET" and set that variable'
            )
        return value

    @field_validator("unsubscribe_url")
    @classmethod
    def _one_click(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url.replace(TOKEN, "token"))
        safe = parts.scheme == "https" or (parts.scheme == "http" and LOOPBACK.fullmatch(parts.hostname or ""))
        if not (safe and parts.hostname) or url.count(TOKEN) != 1 or not re.fullmatch(r"[!-~]+", url):
            raise ValueError("use an https address with {token} in it, like 'https://example.org/unsubscribe/{token}'")
        return url

    @field_validator("postal_address")
    @classmethod
    def _readable(cls, text: str | None) -> str | None:
        if text is not None and _CONTROLS.search(text):
            raise ValueError("write it without control characters")
        return text and text.strip()

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.transport == "smtp":
            self._agrees_smtp()
        else:
            self._agrees_local()
        if self.from_ is None and not is_secret(self.told_user):
            self._needs_from()
        return self

    def _agrees_smtp(self) -> None:
        for name in ("path", "command"):
            if getattr(self, name) is not None:
                raise ValueError(f"{name} is not for SMTP; leave it out, or say the transport: {_LOCAL_TRANSPORTS}")
        if self.provider is None and self.host is None:
            raise ValueError(
                'says no server: name a provider, like provider = "gmail", or host (with port and tls, if they are '
                f"not 587 and starttls), or another transport: {_LOCAL_TRANSPORTS}"
            )
        self._agrees_host()
        if self.told_tls != "implicit" and self.told_port == _PORT_OF_TLS["implicit"]:
            raise ValueError('port 465 speaks TLS from the first byte (RFC 8314): say tls = "implicit", or port = 587')
        self._agrees_login()
        if self.told_tls == "none" and self.told_user is not None and not LOOPBACK.fullmatch(self.told_host):
            raise ValueError(
                f'tls = "none" would send the password in the clear to {self.told_host}; say tls = "starttls" or '
                '"implicit", or leave out user and password'
            )

    def _agrees_host(self) -> None:
        provider = self.known_provider
        if provider is None:
            return
        if provider.host is None and self.host is None:
            raise ValueError(f"host is missing: {provider.remedy}")
        if self.host and provider.host and not _same_owner(self.host, provider.host):
            raise ValueError(
                f"host {self.host!r} is none of the provider {self.provider!r} ({provider.host}); leave out one of them"
            )

    def _agrees_login(self) -> None:
        user, provider = self.told_user, self.known_provider
        if user is None and (self.password is not None or (provider and provider.password)):
            whose = f"; {provider.title} wants one" if provider else " where password is set"
            raise ValueError(f'user is missing{whose}: user = "env:DIGEST_MAIL_USER"')
        if self.password is None and user is not None:
            what = f"; {provider.title} wants {provider.password}" if provider else " where user is set"
            raise ValueError(f'password is missing{what}: password = "env:DIGEST_MAIL_PASSWORD"')

    def _agrees_local(self) -> None:
        for name in ("provider", "host", "port", "tls", "user", "password", "connections"):
            if getattr(self, name) is not None:
                raise ValueError(f'{name} is for SMTP; leave it out, or transport = "{self.transport}"')
        if self.transport == "sendmail":
            if self.path is not None and self.command is not None:
                raise ValueError("path and command both name the program; leave out one of them")
            return
        if self.command is not None:
            raise ValueError(f"command is for sendmail; {self.transport} has a path")
        if self.path is None:
            raise ValueError(f'path is missing: where the {self.transport} is, like path = "outbox"')

    def _needs_from(self) -> None:
        try:
            checked(self.told_user or "")
        except ValueError as error:
            why = "the user is no address" if self.told_user else "there is no user to take it from"
            raise ValueError(f'from is missing, and {why}: say from = "digest@example.org"') from error

    @property
    def known_provider(self) -> Provider | None:
        """The provider's own settings."""
        return PROVIDERS[self.provider] if self.provider else None

    @property
    def told_user(self) -> str | None:
        """The user as told (perhaps where it stands), or the provider's where all have the same."""
        provider = self.known_provider
        return self.user or (provider.user if provider else None)

    @property
    def told_host(self) -> str:
        """The host, as told or as the provider's."""
        provider = self.known_provider
        return self.host or (provider.host if provider else None) or ""

    @property
    def told_tls(self) -> Tls:
        """How it is protected: as told, as the port says, as the provider's, else by STARTTLS."""
        provider = self.known_provider
        if self.tls is not None:
            return self.tls
        if provider and self.port in (None, provider.port):
            return provider.tls
        return "implicit" if self.port == _PORT_OF_TLS["implicit"] else "starttls"

    @property
    def told_port(self) -> int:
        """The port: as told, as the provider's for that protection, else the usual one."""
        provider = self.known_provider
        if self.port or not provider or provider.tls != self.told_tls:
            return self.port or _PORT_OF_TLS[self.told_tls]
        return provider.port


_LOCAL_TRANSPORTS = '"maildir", "folder" or "sendmail"'


def _same_owner(host: str, other: str) -> bool:
    """Whether a host is of the same owner as another: providers have some by region, also by country."""
    return other.lower().split(".")[-2] in host.lower().split(".")


class SubscribersSettings(Settings):
    """The `[subscribers]` table."""

    #: a CSV file of people: email,name,groups,cadence,hour,format,timezone
    file: str | None = None
    #: who recorded their consent, and when
    confirmed_by: Line | None = None

    @model_validator(mode="after")
    def _with_consent(self) -> Self:
        if self.file is not None and not self.confirmed_by:
            raise ValueError(
                "confirmed_by is missing: say who recorded the consent of the people in the file, and when, like "
                'confirmed_by = "lab manager, 2026-11-20"'
            )
        if self.file is None and self.confirmed_by:
            raise ValueError('confirmed_by is for the people of a file: say file = "people.csv", or leave it out')
        return self
