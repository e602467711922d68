"""What a relay says of itself, asked without handing anything over. May import the transport beside it."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime

from digest.delivery.settings import SmtpSettings
from digest.delivery.smtp import session


@dataclass(frozen=True)
class Announced:
    """What a relay announces to who is logged in."""

    host: str
    port: int
    #: like `TLSv1.3`; None: nothing is encrypted
    tls: str | None
    #: until when its certificate is valid; None: it has none
    expires: datetime | None
    #: whether a login was asked for, and went well
    login: bool
    #: bytes of a message that it takes (RFC 1870); None: it does not say
    size: int | None
    #: whether commands go in groups (RFC 2920)
    pipelining: bool


def probe(settings: SmtpSettings) -> Announced:
    """Connect, encrypt, log in, and say goodbye.

    Raises:
        TransportError: which of them failed, and what to do.
    """
    with session(settings) as client:
        size = client.esmtp_features.get("size", "")
        found = Announced(
            host=settings.host,
            port=settings.port,
            tls=client.sock.version() if isinstance(client.sock, ssl.SSLSocket) else None,
            expires=_expires(client.sock),
            login=settings.user is not None,
            size=int(size) or None if size.isdecimal() else None,
            pipelining=client.has_extn("pipelining"),
        )
        try:
            client.quit()
        except (smtplib.SMTPException, OSError):
            # All is known by now; some hang up at once.
            pass
    return found


def _expires(sock: object) -> datetime | None:
    certificate = sock.getpeercert() if isinstance(sock, ssl.SSLSocket) else None
    until = certificate.get("notAfter") if certificate else None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(until), UTC) if isinstance(until, str) else None
