"""Mail through an SMTP relay. May import protocols.

`smtplib` connects, starts TLS and logs in; then a lane takes over the socket.
"""

from __future__ import annotations

import ipaddress
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from digest.delivery.conversation import Manner
from digest.delivery.lane import SmtpLane
from digest.delivery.providers import PROVIDERS
from digest.delivery.replies import CLOSING, one_line
from digest.delivery.settings import SmtpSettings
from digest.errors import TransportError
from digest.protocols import Lane

#: the port of RFC 8314 for each way of encrypting
_PORTS = {"implicit": 465, "starttls": 587}


class SmtpTransport:
    """A relay that messages are handed to."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings

    @property
    def name(self) -> str:
        """The relay's host."""
        return self._settings.host

    @property
    def lanes(self) -> int:
        """How many connections it takes at once."""
        return max(1, self._settings.connections)

    def open(self) -> Lane:
        """Connect, encrypt, log in.

        Raises:
            TransportError: which of them failed, and what to do.
        """
        with session(self._settings) as client:
            return _lane(client, self._settings)


@contextmanager
def session(settings: SmtpSettings) -> Iterator[smtplib.SMTP]:
    """Yield a client that is connected, encrypted and logged in; it is closed at the end of the block.

    Raises:
        TransportError: which of them failed, and what to do.
    """
    _check(settings)
    client = _client(settings)
    try:
        _introduce(client, settings)
        _login(client, settings)
        yield client
    except (OSError, UnicodeError) as error:
        raise TransportError(_words(error, settings)) from error
    finally:
        # Nothing is left to close where a lane has taken the socket.
        client.close()


def _check(settings: SmtpSettings) -> None:
    """Refuse what smtplib cannot encode; its own error would quote from the password."""
    if settings.user is not None and settings.password is None:
        raise TransportError(f"{_where(settings)}: there is a user, {settings.user!r}, but no password. Set one.")
    for what, value in (("user", settings.user), ("password", settings.password)):
        if value is not None and not (value.isascii() and value.isprintable()):
            told = f"{_where(settings)}: the {what} has a character that is not printable ASCII"
            raise TransportError(f"{told}. Was a line end copied with it? Else choose another {what}.")


def _client(settings: SmtpSettings) -> smtplib.SMTP:
    """Return a client that is not connected; given a host, it would connect at once, and hide what it was told."""
    # The name is set once the connection has an address: to look it up here may take many seconds.
    if settings.tls == "implicit":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(timeout=settings.timeout, context=context, local_hostname="localhost")
    return smtplib.SMTP(timeout=settings.timeout, local_hostname="localhost")


def _introduce(client: smtplib.SMTP, settings: SmtpSettings) -> None:
    """Connect, say who we are, and encrypt."""
    # Without it smtplib checks certificates against no name.
    client._host = settings.host  # type: ignore[attr-defined]
    code, said = client.connect(settings.host, settings.port)
    if code != 220:
        raise smtplib.SMTPConnectError(code, said)
    sock = client.sock
    assert sock is not None, "it is connected"
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.local_hostname = _own_name(sock)
    client.ehlo_or_helo_if_needed()
    if settings.tls == "starttls":
        if not client.has_extn("starttls"):
            raise TransportError(
                f"{_where(settings)} offers no STARTTLS, and nothing goes there without encryption. Set tls to"
                ' "implicit" if it is a port for TLS alone (465), or to "none" if it is a relay on this machine.'
            )
        client.starttls(context=ssl.create_default_context())
        client.ehlo_or_helo_if_needed()


def _own_name(sock: socket.socket) -> str:
    """Return what EHLO says of us: the host's full name, else the connection's address (RFC 5321 section 4.1.4)."""
    name = socket.gethostname()
    if "." in name.strip(".") and name.isascii() and name.isprintable():
        return name
    address = sock.getsockname()[0]
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _login(client: smtplib.SMTP, settings: SmtpSettings) -> None:
    if settings.user is None or settings.password is None:
        return
    assert client.sock is not None, "it is connected"
    if settings.tls == "none" and not ipaddress.ip_address(client.sock.getpeername()[0]).is_loopback:
        told = f"{_where(settings)}: a password is not sent without encryption to another machine"
        raise TransportError(f'{told}. Set tls to "starttls" or "implicit".')
    if not client.has_extn("auth"):
        told = f"{_where(settings)} offers no login (AUTH)"
        raise TransportError(f"{told}. Leave out user and password, or use its port for submission (587 or 465).")
    client.login(settings.user, settings.password)


def _lane(client: smtplib.SMTP, settings: SmtpSettings) -> SmtpLane:
    """Take the socket from smtplib, with what its reader may already hold of later answers."""
    sock, reader = client.sock, client.file
    assert sock is not None, "it is connected"
    sock.setblocking(False)
    try:
        early = reader.peek() if reader else b""
    except ssl.SSLWantReadError:
        early = b""
    lane = SmtpLane(sock, _manner(client, settings), timeout=settings.timeout, early=early)
    client.sock = None
    return lane


def _manner(client: smtplib.SMTP, settings: SmtpSettings) -> Manner:
    size = client.esmtp_features.get("size", "")
    return Manner(
        relay=settings.host,
        pipelining=client.has_extn("pipelining"),
        size=client.has_extn("size"),
        largest=int(size) or None if size.isdecimal() else None,
        remedy=_remedy(settings),
    )


def _where(settings: SmtpSettings) -> str:
    return f"{settings.host}:{settings.port}"


def _remedy(settings: SmtpSettings) -> str:
    provider = PROVIDERS.get(settings.provider or "")
    return provider.remedy if provider else "Check user and password."


def _words(error: Exception, settings: SmtpSettings) -> str:
    """Return what went wrong and what to do; what servers say is quoted, what we said is not."""
    where = _where(settings)
    if isinstance(error, smtplib.SMTPResponseException):
        return _refusal(error, settings)
    if isinstance(error, smtplib.SMTPServerDisconnected) and isinstance(error.__context__, TimeoutError):
        return f"{where} {_unreachable(error.__context__)}"
    if isinstance(error, smtplib.SMTPServerDisconnected):
        told = f"{where} closed the connection before the login was done"
        return f"{told}. Check host, port and tls; a relay may also refuse this machine's address."
    if isinstance(error, smtplib.SMTPException):
        return f"{where}: {one_line(str(error))}. The relay offers no way to log in with a password that we know."
    if isinstance(error, ssl.SSLCertVerificationError):
        told = f"{where}: its certificate is not trusted: {error.verify_message}"
        return f"{told}. Check the host's name; the variable SSL_CERT_FILE can name a file with its authority."
    if isinstance(error, ssl.SSLError):
        other = f'Set tls to "starttls" and port to {_PORTS["starttls"]}' if settings.tls == "implicit" else "Check tls"
        return f"{where} does not speak TLS as expected: {error.reason or error}. {other}."
    return f"{where} {_unreachable(error)}"


def _unreachable(error: Exception) -> str:
    if isinstance(error, UnicodeError):
        return "is no name of a host. Check its spelling."
    if isinstance(error, socket.gaierror):
        return f"is not found: {error.strerror}. Check the host's spelling, and this machine's network."
    if isinstance(error, ConnectionRefusedError):
        return "refuses the connection: nothing listens there. Check host and port, and that the relay runs."
    if isinstance(error, TimeoutError):
        return (
            "does not answer in time. Check host and port; a firewall may block it (25 often is; 587 and 465 seldom),"
            ' and a port for TLS alone (465) is silent until tls is "implicit".'
        )
    return f"cannot be reached: {error}. Check host and port, and this machine's network."


def _refusal(error: smtplib.SMTPResponseException, settings: SmtpSettings) -> str:
    """Return the words for a reply that says no."""
    where, raw = _where(settings), error.smtp_error
    said = f"{error.smtp_code} {one_line(raw.decode('utf-8', 'replace') if isinstance(raw, bytes) else str(raw))}"
    if error.smtp_code < 0:
        return f"{where} does not speak SMTP. Check host and port."
    if error.smtp_code == CLOSING:
        return f"{where} takes no connection now: {said}. Try later; fewer connections may help."
    if isinstance(error, smtplib.SMTPAuthenticationError):
        if error.smtp_code < 500:
            return f"{where} cannot check the login of {settings.user!r} now: {said}. Try later."
        return f"{where} refuses the login of {settings.user!r}: {said}. {_remedy(settings)}"
    if isinstance(error, smtplib.SMTPConnectError):
        return f"{where} refuses this machine: {said}. Ask who runs it, or use its port for submission (587 or 465)."
    return f"{where} refuses: {said}. Check host, port and tls."
