"""digest.toml and the environment -> Config. May import sources and delivery (for their settings), models and below.

    environment   variables over the data of the file
    reading       tables -> models, and where a mistake is
    mail          [mail] and [subscribers]
    inbox         [mail.inbox]
    alerts        [alerts]
    serving       [serve]
    resolving     [mail] -> Mail: its secrets, its addresses; only when mail is really going out

No stage imports this package: `bootstrap` hands each the values it needs.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator

from digest.config.alerts import AlertSettings, Condition
from digest.config.environment import PREFIX, override
from digest.config.inbox import InboxSettings, resolve_inbox
from digest.config.mail import MailSettings, SubscribersSettings
from digest.config.reading import Duration, Settings, TableReader, secret
from digest.config.resolving import CommandSettings, Mail, PathSettings, resolve_mail, unset_variables
from digest.config.serving import Listen, ServeSettings, listen
from digest.errors import ConfigError
from digest.links import RESERVED
from digest.models import Interests, Keep, Newsletter, UnknownPolicy
from digest.sources import SourceSettings, settings_for
from digest.wishes import GROUP, did_you_mean, time_zone

__all__ = [
    "FILE",
    "PREFIX",
    "AlertSettings",
    "CommandSettings",
    "Condition",
    "Config",
    "InboxSettings",
    "Listen",
    "Mail",
    "MailSettings",
    "NewsletterSettings",
    "PathSettings",
    "ServeSettings",
    "SubscribersSettings",
    "listen",
    "load",
    "parse",
    "resolve_inbox",
    "resolve_mail",
    "secret",
    "unset_variables",
]

FILE = "digest.toml"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_YEAR = 365 * 86400
_NEWSLETTER_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def _days(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("use names of days, like 'mon-fri' or 'mon,thu'")
    days: set[int] = set()
    for part in value.lower().replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        if first not in _DAYS or (dash and last not in _DAYS):
            raise ValueError(f"'{part}' is no day; use mon, tue, wed, thu, fri, sat, sun, like 'mon-fri' or 'mon,thu'")
        start, stop = _DAYS.index(first), _DAYS.index(last or first)
        days.update(1 + (start + step) % 7 for step in range((stop - start) % 7 + 1))
    return frozenset(days)


def _years(value: Any) -> Any:
    found = re.fullmatch(r"\s*(\d+)\s*y\s*", value) if isinstance(value, str) else None
    return int(found.group(1)) * _YEAR if found else value


class NewsletterSettings(Settings):
    """One `[newsletters.ID]` table."""

    title: str | None = None
    timezone: str = "UTC"
    at: Annotated[str | None, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = None
    wait: Annotated[Duration, Field(ge=0)] = 0
    days: Annotated[frozenset[int], BeforeValidator(_days)] = frozenset(range(1, 8))
    show: Annotated[int, Field(ge=1, le=1000)] = 25
    headings: str = "auto"
    language: str = "en"
    feed_id: Annotated[str | None, Field(pattern=r"^tag:[^\s]+,\d{4}(-\d\d){0,2}:[^\s]+$")] = None
    public_reasons: bool = False
    #: what is done about a message of which nobody knows whether it was taken
    unknown: UnknownPolicy = "skip"

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        return time_zone(name)


class Config(Settings):
    """All of digest.toml, checked."""

    #: folder of the file; relative paths start here
    root: Path
    store: str = "digest.db"
    output: str = "public"
    base_url: Annotated[str | None, Field(pattern=r"^https?://[^\s/]+[^\s]*$")] = None
    #: a folder whose templates replace the shipped ones
    templates: str | None = None
    #: who asks: the owners of servers see it in the User-Agent
    contact: Annotated[str | None, Field(pattern=r"^(mailto:[!-'*-~]+@[!-'*-~]+|https?://[!-'*-~]+)$")] = None
    #: hosts of this machine or its network that sources may ask; others there are refused
    allow_hosts: tuple[Annotated[str, Field(pattern=r"^[^\s/@]+$")], ...] = ()
    #: how long a state that is kept as files has editions; a state in a database keeps all
    archive: Annotated[Duration, BeforeValidator(_years), Field(ge=86400)] = 2 * _YEAR
    newsletters: tuple[Newsletter, ...]
    sources: tuple[SourceSettings, ...]
    interests: Interests = Interests()
    #: None: nothing is mailed
    mail: MailSettings | None = None
    #: where mail comes back; None: nobody but a person reads that
    inbox: InboxSettings | None = None
    #: None: there is one reader, who is named in `mail`, and those whom commands add
    subscribers: SubscribersSettings | None = None
    #: name -> the interests with which its readers start
    groups: Mapping[str, Interests] = Field(default_factory=dict)
    #: None: nobody is told but who reads what a run prints
    alerts: AlertSettings | None = None
    #: after which time the store lets go of what
    keep: Keep = Keep()
    serve: ServeSettings = ServeSettings()
    #: name of the file, for messages
    where: str = FILE

    def path(self, relative: str) -> Path:
        """Return a path of the configuration, seen from the folder of digest.toml."""
        return (self.root / relative).resolve()


def load(path: Path, environ: Mapping[str, str] | None = None) -> Config:
    """Read and check a configuration file, with the overrides of the environment.

    Args:
        path: the TOML file; its folder is the root of relative paths.
        environ: variables like `DIGEST__NEWSLETTERS__DAILY__SHOW=5` override; default: the process's.

    Raises:
        ConfigError: the message names file and key, what was found, what is allowed, the nearest known name.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file; `digest init --source folder:PATH` writes one") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    return parse(data, root=path.resolve().parent, where=str(path), environ=os.environ if environ is None else environ)


def parse(data: dict[str, Any], *, root: Path, where: str, environ: Mapping[str, str]) -> Config:
    """Check the data of a configuration file; arguments and errors as in `load`.

    The store's secret is read at once, those of `[mail]` stay unread: most commands mail nothing.
    """
    data = override(data, environ)
    reader = _Reader(where)
    plain_keys = ("store", "output", "base_url", "templates", "contact", "allow_hosts", "archive")
    tables = {"newsletters", "sources", "interests", "mail", "subscribers", "groups", "alerts", "keep", "serve"}
    reader.unknown_keys("", data, {*plain_keys, *tables})
    sources = reader.sources(data.get("sources", []))
    newsletters = reader.newsletters(data.get("newsletters", {}), sources)
    plain = {key: data[key] for key in plain_keys if key in data}
    if "store" in plain:
        plain["store"] = secret(plain["store"], f"{where}: store", environ, root)
    values = {
        "newsletters": newsletters,
        "sources": sources,
        "interests": reader.model(Interests, "interests", data.get("interests", {})),
        **reader.mail(data),
        "subscribers": reader.model(SubscribersSettings, "subscribers", data["subscribers"])
        if "subscribers" in data
        else None,
        "groups": reader.groups(data.get("groups", {})),
        "alerts": reader.alerts(data),
        "keep": reader.model(Keep, "keep", data.get("keep", {})),
        "serve": reader.model(ServeSettings, "serve", data.get("serve", {})),
    }
    return reader.model(Config, "", {"root": root, "where": where, **values, **plain})


class _Reader(TableReader):
    """Reads the tables of one file that come in numbers."""

    def sources(self, data: Any) -> tuple[SourceSettings, ...]:
        """Check the `[[sources]]` tables."""
        if not isinstance(data, list):
            raise self.fail("sources", "write each source as a [[sources]] table")
        if not data:
            raise self.fail("sources", "there is none; add a [[sources]] table with kind and, for a folder, path")
        sources: list[SourceSettings] = []
        for number, table in enumerate(data, 1):
            where = f"sources[{number}]"
            kind = table.get("kind") if isinstance(table, Mapping) else None
            if not isinstance(kind, str):
                raise self.fail(f"{where}.kind", 'is missing; it says how the source is read, like kind = "folder"')
            try:
                model = settings_for(kind)
            except ConfigError as error:
                raise self.fail(f"{where}.kind", str(error)) from error
            source = self.model(model, where, {"name": kind, **table})
            if any(source.name == other.name for other in sources):
                raise self.fail(f"{where}.name", f"{source.name!r} is the name of another source; give each its own")
            if source.name == "replay":
                raise self.fail(f"{where}.name", "'replay' is reserved for dumps that belong to no source")
            sources.append(source)
        return tuple(sources)

    def newsletters(self, data: Any, sources: Sequence[SourceSettings]) -> tuple[Newsletter, ...]:
        """Check the `[newsletters.ID]` tables."""
        if not isinstance(data, Mapping) or not data:
            raise self.fail("newsletters", "there is none; add a [newsletters.daily] table, which may be empty")
        newsletters = []
        for id, table in data.items():
            where = f"newsletters.{id}"
            if not _NEWSLETTER_ID.fullmatch(id):
                raise self.fail(where, "an id has small letters, digits and '-' only: it is a folder and an address")
            if id in RESERVED:
                raise self.fail(where, f"{id!r} is reserved; reserved are {', '.join(sorted(RESERVED))}")
            settings = self.model(NewsletterSettings, where, table)
            covered = tuple(source.name for source in sources if source.newsletters is None or id in source.newsletters)
            if not covered:
                raise self.fail(where, "covers no source: each [[sources]] table names other newsletters")
            values = {"title": id.replace("-", " ").title(), **settings.model_dump(exclude_none=True)}
            newsletters.append(Newsletter(id=id, sources=covered if len(covered) < len(sources) else None, **values))
        for source in sources:
            for name in source.newsletters or ():
                if name not in data:
                    raise self.fail(
                        f"source {source.name!r}: newsletters",
                        f"no newsletter {name!r}{did_you_mean(name, data)}; there are {', '.join(data)}",
                    )
        return tuple(newsletters)

    def mail(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Check the `[mail]` table, and the one within it that says where mail comes back."""
        told = data.get("mail")
        if not isinstance(told, Mapping) or "inbox" not in told:
            return {"mail": self.model(MailSettings, "mail", told) if "mail" in data else None}
        own = {key: value for key, value in told.items() if key != "inbox"}
        inbox, mail = self.model(InboxSettings, "mail.inbox", told["inbox"]), self.model(MailSettings, "mail", own)
        if inbox.host is not None and inbox.user is None and mail.told_user is None:
            raise self.fail("mail.inbox.user", 'is missing, and [mail] has none: user = "env:DIGEST_INBOX_USER"')
        return {"mail": mail, "inbox": inbox}

    def alerts(self, data: Mapping[str, Any]) -> AlertSettings | None:
        """Check the `[alerts]` table, which has mail to send only where `[mail]` says how."""
        if "alerts" not in data:
            return None
        settings = self.model(AlertSettings, "alerts", data["alerts"])
        if settings.to is not None and "mail" not in data:
            raise self.fail("alerts.to", "there is no [mail] table to say how mail goes out; add one, or say webhook")
        return settings

    def groups(self, data: Any) -> Mapping[str, Interests]:
        """Check the `[groups.NAME]` tables."""
        if not isinstance(data, Mapping):
            raise self.fail("groups", "write each group as a [groups.NAME] table")
        for name in data:
            if not GROUP.fullmatch(name):
                raise self.fail(f"groups.{name}", "a group's name has letters, digits, '-', '_' and '.' only")
        return {name: self.model(Interests, f"groups.{name}", table) for name, table in data.items()}
