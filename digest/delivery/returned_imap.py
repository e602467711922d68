"""Where mail that came back lies on a server: a mailbox by IMAP (RFC 9051). May import errors and this package.

Nothing is ever deleted or moved. What was dealt with is marked as read; all else stays unread, for a person.
"""

from __future__ import annotations

import contextlib
import hashlib
import imaplib
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from digest.delivery.providers import PROVIDERS
from digest.delivery.replies import one_line
from digest.delivery.returned_files import Found
from digest.delivery.settings import ImapSettings
from digest.errors import TransportError

#: messages of one round: a mailbox with many unread ones is read in several
MOST = 1000
#: bytes of a message that are asked for: a report stands before the mail that it returns
FETCHED = 1 << 18
#: seconds that a goodbye may take
_GOODBYE = 2.0
#: what a server that answers oddly makes of imaplib
_ODD = (imaplib.IMAP4.error, OSError, ValueError, IndexError, KeyError, TypeError)


class ImapBox:
    """A mailbox on a server; connects when it is read first."""

    def __init__(
        self, settings: ImapSettings, remembered: Mapping[str, str] | None = None, *, mark: bool = True
    ) -> None:
        """Prepare; nothing is connected yet.

        Args:
            settings: how it is reached.
            remembered: what `memory` returned the last time.
            mark: whether messages are marked as read.
        """
        self._settings, self._mark = settings, mark
        self.name = f"{settings.folder} of {settings.user} at {settings.host}"
        # what is remembered may be kept where anybody reads it: it names nobody
        self._key = hashlib.blake2b(self.name.encode(), digest_size=8).hexdigest()
        self._known = dict(remembered or {})
        self._client: imaplib.IMAP4 | None = None
        #: messages of the folder, when it was opened
        self._exists = 0
        #: (of UIDVALIDITY, of UID): up to where all was looked at
        self._upto = (0, 0)

    def messages(self) -> Iterator[Found]:
        """Yield the unread ones after those looked at before, the oldest first, so many at most."""
        with _told(self._settings):
            client = self._connected()
            numbers = self._unread(client)
        for number in numbers[:MOST]:
            with _told(self._settings):
                content = _fetched(client, number)
            if content is not None:
                yield Found(f"message {number}", content, str(number))
            self._upto = (self._upto[0], number)

    def done(self, found: Found) -> None:
        """Mark it as read."""
        if self._mark:
            with _told(self._settings):
                self._connected().uid("STORE", found.key, "+FLAGS.SILENT", "(\\Seen)")

    def memory(self) -> Mapping[str, str]:
        """Return up to where all was looked at."""
        validity, number = self._upto
        return {"mailbox": self._key, "validity": str(validity), "uid": str(number)} if number else {}

    def close(self) -> None:
        """Log out."""
        client, self._client = self._client, None
        if client is None:
            return
        with contextlib.suppress(*_ODD):
            client.sock.settimeout(_GOODBYE)
            client.logout()
        # what broke off is not closed by then
        with contextlib.suppress(OSError):
            client.shutdown()

    def count(self) -> int:
        """Return how many messages the folder has; for who asks whether it can be reached."""
        with _told(self._settings):
            self._connected()
        return self._exists

    def _connected(self) -> imaplib.IMAP4:
        """Return the client, logged in, with the folder open."""
        if self._client is not None:
            return self._client
        client = _client(self._settings)
        try:
            _login(client, self._settings)
            kind, said = client.select(_quoted(self._settings.folder), readonly=not self._mark)
            if kind != "OK":
                where, folder = f"{self._settings.host}:{self._settings.port}", self._settings.folder
                raise TransportError(f"{where} does not open the folder {folder!r}: {_said(said)}. Check its name.")
        except BaseException:
            client.shutdown()
            raise
        self._exists = int(said[0] or 0)
        self._client = client
        return client

    def _unread(self, client: imaplib.IMAP4) -> list[int]:
        """Return the UIDs of what is to be looked at; where the server numbers anew, all that is unread."""
        validity = int(client.response("UIDVALIDITY")[1][-1] or 0)
        same = self._known.get("mailbox") == self._key and self._known.get("validity") == str(validity)
        last = int(self._known.get("uid", 0)) if same else 0
        self._upto = (validity, last)
        kind, found = client.uid("SEARCH", "UNSEEN", "UID", f"{last + 1}:*")
        if kind != "OK":
            raise imaplib.IMAP4.error(_text(found))
        # `n:*` names the last one, too, where it is before n
        return sorted(number for number in map(int, (found[0] or b"").split()) if number > last)


def _fetched(client: imaplib.IMAP4, number: int) -> bytes | None:
    """Return the beginning of a message, which stays unread; None: it has gone."""
    kind, found = client.uid("FETCH", str(number), f"(BODY.PEEK[]<0.{FETCHED}>)")
    if kind != "OK":
        raise imaplib.IMAP4.error(_text(found))
    return next((bytes(one[1]) for one in found if isinstance(one, tuple)), None)


def _client(settings: ImapSettings) -> imaplib.IMAP4:
    context = ssl.create_default_context()
    if settings.tls == "implicit":
        return imaplib.IMAP4_SSL(settings.host, settings.port, ssl_context=context, timeout=settings.timeout)
    client = imaplib.IMAP4(settings.host, settings.port, timeout=settings.timeout)
    if settings.tls == "starttls":
        if "STARTTLS" not in client.capabilities:
            client.shutdown()
            told = f"{settings.host}:{settings.port} offers no STARTTLS, and no password goes there without encryption"
            raise TransportError(f'{told}. Use port 993, with tls = "implicit".')
        client.starttls(ssl_context=context)
    return client


def _login(client: imaplib.IMAP4, settings: ImapSettings) -> None:
    try:
        if "AUTH=PLAIN" in client.capabilities:
            client.authenticate("PLAIN", lambda _: f"\0{settings.user}\0{settings.password}".encode())
        else:
            client.login(_quoted(settings.user), settings.password)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as error:
        where = f"{settings.host}:{settings.port} refuses the login of {settings.user!r}"
        raise TransportError(f"{where}: {_said(error.args)}. {_remedy(settings)}") from None


def _remedy(settings: ImapSettings) -> str:
    """Return what the provider says of passwords, where its mailboxes are at that host."""
    labels = set(settings.host.lower().split(".")[:-1]) - {"imap", "mail", "smtp"}
    for provider in PROVIDERS.values():
        if provider.host and labels & set(provider.host.split(".")[-2:-1]):
            return provider.remedy
    return (
        "Check user and password of [mail.inbox]; some providers want IMAP to be allowed first, or a password for it."
    )


def _quoted(text: str) -> str:
    """Return a string of the protocol (RFC 9051, 4.3)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _said(said: object) -> str:
    return one_line(_text(said)).rstrip(".")


def _text(said: object) -> str:
    words = said if isinstance(said, list | tuple) else [said]
    return " ".join(one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in words)


@contextmanager
def _told(settings: ImapSettings) -> Iterator[None]:
    """Turn what goes wrong in the block into a TransportError that says what to do."""
    where = f"{settings.host}:{settings.port}"
    try:
        yield
    except socket.gaierror as error:
        raise TransportError(f"{where} is not found: {error.strerror}. Check the host of [mail.inbox].") from error
    except ConnectionRefusedError as error:
        raise TransportError(f"{where} refuses the connection: nothing listens there. Check host and port.") from error
    except TimeoutError as error:
        told = f"{where} does not answer in time. Check host, port and tls"
        raise TransportError(f'{told}: a port for TLS alone (993) is silent until tls is "implicit".') from error
    except ssl.SSLCertVerificationError as error:
        told = f"{where}: its certificate is not trusted: {error.verify_message}"
        raise TransportError(
            f"{told}. Check the host's name; the variable SSL_CERT_FILE can name a file with its authority."
        ) from error
    except ssl.SSLError as error:
        raise TransportError(f"{where} does not speak TLS as expected: {error.reason or error}. Check tls.") from error
    except _ODD as error:
        raise TransportError(f"{where}: {_said(error.args) or 'it hung up'}. Try later.") from error
