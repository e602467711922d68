"""What transports and the sender are told. May import nothing of `digest`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: `starttls` and `implicit` (RFC 8314) refuse to go on without it; `none` is for a relay on this machine
Tls = Literal["starttls", "implicit", "none"]


@dataclass(frozen=True)
class SmtpSettings:
    """How an SMTP relay is reached."""

    host: str
    port: int = 587
    tls: Tls = "starttls"
    #: None: no AUTH
    user: str | None = None
    password: str | None = None
    #: a key of `providers.PROVIDERS`, whose remedies are told where a login fails
    provider: str | None = None
    #: connections at once
    connections: int = 1
    #: seconds that one answer may take
    timeout: float = 60.0

    def __repr__(self) -> str:
        """Return it without the password."""
        return f"SmtpSettings({self.host!r}, {self.port}, {self.tls!r}, user={self.user!r})"


@dataclass(frozen=True)
class ImapSettings:
    """How a mailbox is reached (RFC 9051)."""

    host: str
    user: str
    password: str
    port: int = 993
    tls: Tls = "implicit"
    folder: str = "INBOX"
    #: seconds that one answer may take
    timeout: float = 30.0

    def __repr__(self) -> str:
        """Return it without the password."""
        return f"ImapSettings({self.host!r}, {self.port}, {self.tls!r}, user={self.user!r}, folder={self.folder!r})"


@dataclass(frozen=True)
class Pace:
    """How fast, and how long it is tried."""

    #: messages a second, of one sender; None: as fast as the relay takes them
    rate: float | None = None
    #: the same for each domain that readers are at
    domain_rate: float | None = None
    #: messages in 24 hours, of all senders
    daily_limit: int | None = None
    #: seconds after the first try at which a deferred message has failed
    give_up: float = 3 * 86400
    #: seconds before the second try; doubles from try to try, up to `longest_wait`
    first_wait: float = 300.0
    longest_wait: float = 6 * 3600.0
