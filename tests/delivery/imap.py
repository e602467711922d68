"""A small scriptable IMAP server on loopback: one folder in memory, and what it does wrong when told to."""

from __future__ import annotations

import base64
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Stored:
    """A message of the folder."""

    content: bytes
    flags: set[str] = field(default_factory=set)


@dataclass
class Mailbox:
    """What a server has, and how it behaves; may be changed while it serves."""

    messages: dict[int, Stored] = field(default_factory=dict)
    login: tuple[str, str] = ("me", "pass word")
    folder: str = "INBOX"
    validity: int = 7
    #: it offers AUTH=PLAIN
    plain: bool = True
    starttls: bool = False
    #: a PEM file with certificate and key; given without `starttls`, TLS is spoken from the first byte
    certificate: Path | None = None
    #: command -> it breaks off instead of answering
    drop: str = ""
    #: command -> its whole answer instead of the usual one
    replies: dict[str, str] = field(default_factory=dict)
    #: every command, as it came, without the password
    commands: list[str] = field(default_factory=list)

    def add(self, *contents: bytes) -> None:
        """Let messages arrive."""
        for content in contents:
            self.messages[max(self.messages, default=0) + 1] = Stored(content)

    @property
    def unread(self) -> list[int]:
        """UIDs of what nobody read."""
        return [uid for uid, one in sorted(self.messages.items()) if "\\Seen" not in one.flags]


class _GoneError(Exception):
    """The client has gone, or the server breaks off."""


class _Session:
    def __init__(self, mailbox: Mailbox, connection: socket.socket) -> None:
        self.mailbox, self.socket, self.buffer = mailbox, connection, b""
        self.known = self.writes = False

    def run(self) -> None:
        if self.mailbox.certificate and not self.mailbox.starttls:
            self._encrypt()
        self._send("* OK [CAPABILITY " + self._able() + "] ready")
        while True:
            tag, _, rest = self._line().partition(" ")
            verb = rest.split(" ")[0].upper()
            if verb == "UID":
                verb = rest.split(" ")[1].upper()
            self.mailbox.commands.append(rest if verb not in ("LOGIN", "AUTHENTICATE") else verb)
            if self.mailbox.drop == verb:
                raise _GoneError
            if verb in self.mailbox.replies:
                self._send(self.mailbox.replies[verb].format(tag=tag))
                continue
            getattr(self, f"on_{verb.lower()}", self.on_unknown)(tag, rest)

    def _able(self) -> str:
        words = ["IMAP4rev1", "STARTTLS"] if self.mailbox.starttls else ["IMAP4rev1"]
        return " ".join([*words, "AUTH=PLAIN"] if self.mailbox.plain else words)

    def _encrypt(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        assert self.mailbox.certificate
        context.load_cert_chain(self.mailbox.certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def _line(self) -> str:
        while b"\r\n" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                raise _GoneError
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line.decode()

    def _send(self, *lines: str | bytes) -> None:
        told = [one.encode() if isinstance(one, str) else one for one in lines]
        self.socket.sendall(b"\r\n".join(told) + b"\r\n")

    # Commands

    def on_unknown(self, tag: str, rest: str) -> None:
        self._send(f"{tag} BAD {rest}?")

    def on_capability(self, tag: str, _rest: str) -> None:
        self._send(f"* CAPABILITY {self._able()}", f"{tag} OK done")

    def on_starttls(self, tag: str, _rest: str) -> None:
        self._send(f"{tag} OK begin")
        self._encrypt()

    def on_logout(self, tag: str, _rest: str) -> None:
        self._send("* BYE", f"{tag} OK done")

    def on_login(self, tag: str, rest: str) -> None:
        told = [one.replace("\\\\", "\\").replace('\\"', '"') for one in re.findall(r'"((?:[^"\\]|\\.)*)"', rest)]
        self._greet(tag, tuple(told))

    def on_authenticate(self, tag: str, _rest: str) -> None:
        self._send("+ ")
        _, user, password = base64.b64decode(self._line()).decode().split("\0")
        self._greet(tag, (user, password))

    def _greet(self, tag: str, told: tuple[str, ...]) -> None:
        self.known = told == self.mailbox.login
        self._send(f"{tag} OK welcome" if self.known else f"{tag} NO [AUTHENTICATIONFAILED] Invalid credentials")

    def on_select(self, tag: str, rest: str) -> None:
        self.writes = True
        self._open(tag, rest)

    def on_examine(self, tag: str, rest: str) -> None:
        self._open(tag, rest)

    def _open(self, tag: str, rest: str) -> None:
        box = self.mailbox
        if not self.known or rest.partition(" ")[2].strip('"') != box.folder:
            self._send(f"{tag} NO [NONEXISTENT] Unknown Mailbox")
            return
        told = [f"* {len(box.messages)} EXISTS", f"* OK [UIDVALIDITY {box.validity}] UIDs valid"]
        self._send(*told, f"{tag} OK [READ-{'WRITE' if self.writes else 'ONLY'}] opened")

    def on_search(self, tag: str, rest: str) -> None:
        first = int(rest.rpartition(" ")[2].partition(":")[0])
        # n:* names the last one, too
        found = [uid for uid in self.mailbox.unread if uid >= first or uid == max(self.mailbox.messages)]
        self._send("* SEARCH " + " ".join(map(str, found)), f"{tag} OK done")

    def on_fetch(self, tag: str, rest: str) -> None:
        uid = int(rest.split(" ")[2])
        one = self.mailbox.messages.get(uid)
        if one is not None:
            size = int(re.search(r"BODY\.PEEK\[\]<0\.(\d+)>", rest)[1])  # type: ignore[index]
            content = one.content[:size]
            head = f"* {uid} FETCH (UID {uid} BODY[]<0> {{{len(content)}}}\r\n".encode()
            self.socket.sendall(head + content + b")\r\n")
        self._send(f"{tag} OK done")

    def on_store(self, tag: str, rest: str) -> None:
        assert self.writes, "the folder is open to be read only"
        uid, _, flags = rest.split(" ", 4)[2:]
        if one := self.mailbox.messages.get(int(uid)):
            one.flags |= set(flags.strip("()").split())
        self._send(f"{tag} OK done")


@contextmanager
def serving(mailbox: Mailbox) -> Iterator[int]:
    """Serve a mailbox for the block; yield the port."""
    listening = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        session = _Session(mailbox, connection)
        try:
            session.run()
        except (_GoneError, OSError):
            # told to break off, or the client is gone
            pass
        finally:
            session.socket.close()
            connection.close()

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threads.append(threading.Thread(target=serve, args=(connection,), daemon=True))
            threads[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield int(listening.getsockname()[1])
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        acceptor.join(10)
        for thread in threads:
            thread.join(10)
