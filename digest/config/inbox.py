"""`[mail.inbox]`: where bounces and letters of readers come back. May import reading, settings of delivery, errors."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, field_validator, model_validator

from digest.config.mail import LOOPBACK
from digest.config.reading import Duration, Settings, is_secret, secret
from digest.delivery.settings import ImapSettings, Tls
from digest.errors import ConfigError

if TYPE_CHECKING:
    from digest.config import Config

_PORT_OF_TLS: dict[Tls, int] = {"implicit": 993, "starttls": 143, "none": 143}


class InboxSettings(Settings):
    """The `[mail.inbox]` table: a Maildir, or a mailbox by IMAP."""

    #: of a Maildir
    path: str | None = None
    host: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9._:\[\]-]+$")] = None
    port: Annotated[int | None, Field(ge=1, le=65535)] = None
    tls: Tls | None = None
    #: default: those of [mail]
    user: str | None = None
    #: `env:NAME` or `file:PATH`
    password: str | None = Field(default=None, repr=False)
    folder: Annotated[str, Field(min_length=1, pattern=r"^[ -~]+$")] = "INBOX"
    timeout: Annotated[Duration, Field(ge=1, le=600)] = 30

    @field_validator("password")
    @classmethod
    def _elsewhere(cls, value: str | None) -> str | None:
        if value is not None and not is_secret(value):
            raise ValueError(
                'a password does not belong into this file; write password = "env:DIGEST_INBOX_PASSWORD" and set that '
                'variable, or "file:/path" with a file that only you can read'
            )
        return value

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if (self.path is None) == (self.host is None):
            raise ValueError('names one mailbox: path = "Maildir", or host = "imap.example.org" with user and password')
        if self.path is not None:
            for name in ("port", "tls", "user", "password"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{name} is for IMAP; leave it out, or name a host instead of a path")
            return self
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password belong together; without both, those of [mail] are used")
        if self.told_tls == "none" and not LOOPBACK.fullmatch(self.host or ""):
            raise ValueError(f'tls = "none" would send the password in the clear to {self.host}; leave it out')
        return self

    @property
    def told_tls(self) -> Tls:
        """How it is protected: as told, as the port says, else from the first byte."""
        return self.tls or ("starttls" if self.port == _PORT_OF_TLS["starttls"] else "implicit")


def resolve_inbox(config: Config, environ: Mapping[str, str] | None = None) -> Path | ImapSettings | None:
    """Read the secrets of `[mail.inbox]`; return the Maildir, or how the mailbox is reached; None: there is none.

    Args:
        config: the configuration.
        environ: where `env:NAME` is looked up; default: the process's.

    Raises:
        ConfigError: a secret cannot be read, or is more than one line.
    """
    told = config.inbox
    if told is None or config.mail is None:
        return None
    if told.path is not None:
        return config.path(told.path)
    own = told.user is not None
    values = (told.user, told.password) if own else (config.mail.told_user, config.mail.password)
    where = "mail.inbox" if own else "mail"
    environ = os.environ if environ is None else environ
    user, password = (
        _line(config, f"{where}.{key}", value, environ) for key, value in zip(("user", "password"), values, strict=True)
    )
    tls = told.told_tls
    return ImapSettings(
        host=told.host or "",
        user=user,
        password=password,
        port=told.port or _PORT_OF_TLS[tls],
        tls=tls,
        folder=told.folder,
        timeout=float(told.timeout),
    )


def _line(config: Config, key: str, value: str | None, environ: Mapping[str, str]) -> str:
    found = secret(value, f"{config.where}: {key}", environ, config.root)
    assert isinstance(found, str), "the configuration was checked"
    if any(ord(character) < 32 for character in found):
        raise ConfigError(f"{config.where}: {key}: what {value} holds is more than one line")
    return found
