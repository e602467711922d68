"""A scriptable SMTP server on loopback: does what it is told, and lies, stalls and breaks off when told to.

In a test: `with serving(Script(...)) as server:`. For tests that kill it, a process of its own:
`python -m tests.delivery.server --port 2525 --log accepted.log`; it prints `ready <port>` and runs until it is ended.
"""

from __future__ import annotations

import argparse
import base64
import os
import re
import shlex
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, NamedTuple

Stage = Literal["greeting", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "content", "dot", "RSET", "QUIT"]


@dataclass(frozen=True)
class Script:
    """What a server announces, and what it does wrong."""

    pipelining: bool = True
    #: `SIZE n`; None: nothing of it
    size: int | None = None
    tls: Literal["none", "starttls", "implicit"] = "none"
    #: a PEM file with certificate and key
    certificate: Path | None = None
    #: user and password, without which it takes no mail
    login: tuple[str, str] | None = None
    mechanisms: str = "PLAIN LOGIN"
    #: accepted messages: `Message-ID <tab> recipient`, one line for each
    log: Path | None = None
    #: it logs after the 250 has gone out, not before
    log_late: bool = False
    #: accepted messages as files, `000001.eml` and so on
    folder: Path | None = None
    #: it keeps accepted messages in memory
    keep: bool = True
    #: stage -> its reply instead of the usual one; CRLF inside makes it more than one line
    replies: Mapping[str, str] = field(default_factory=dict)
    #: pattern of recipients (`*@example.com`) -> the reply to their RCPT
    refuse: Mapping[str, str] = field(default_factory=dict)
    #: it defers each recipient the first time
    greylist: bool = False
    #: it says 354 even if there is no recipient
    data_anyway: bool = False
    #: it breaks off: after the reply to DATA, within the content, after the dot and before its reply, or at a command
    drop: Stage | None = None
    #: only at the n-th message (from 1, over the server's life); None: at each
    drop_at: int | None = None
    #: it never answers from this stage on
    silent: Stage | None = None
    #: seconds before each reply
    pause: float = 0.0
    #: messages of a connection after which it says 421
    close_after: int | None = None
    #: it sends replies byte by byte
    dribble: bool = False


class Message(NamedTuple):
    """A message that was accepted."""

    sender: str
    recipients: tuple[str, ...]
    #: as it was before its dots were doubled
    content: bytes
    #: what followed the addresses, like `SIZE=12`
    parameters: str

    @property
    def message_id(self) -> str:
        """Its Message-ID, or nothing."""
        found = re.search(rb"(?im)^Message-ID:\s*(<[^>]*>)", self.content)
        return found[1].decode() if found else ""


class _DroppedError(Exception):
    """The server breaks off."""


class Server:
    """Serves until it is stopped; may be looked at from other threads."""

    def __init__(self, script: Script, port: int = 0) -> None:
        self.script = script
        self.accepted: list[Message] = []
        #: every command, as it came
        self.commands: list[str] = []
        #: connections that were made
        self.connections = 0
        #: messages whose final dot came, refused ones and dropped ones too
        self.finals = 0
        self.greylisted: set[str] = set()
        #: called before the server stops: what tests opened to it
        self.at_end: list[Callable[[], object]] = []
        self.lock = threading.Lock()
        self.context = _context(script)
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._stopped = False
        self._listening = socket.create_server(("127.0.0.1", port), backlog=64, reuse_port=False)
        self.port: int = self._listening.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    @property
    def recipients(self) -> list[str]:
        """To whom something was accepted, in order."""
        return [one for message in list(self.accepted) for one in message.recipients]

    def disconnect(self) -> None:
        """Break all connections off, and take new ones."""
        with self.lock:
            for one in self._open:
                _shut(one)

    def stop(self) -> None:
        """Take no more connections, break off those there are, and wait for their threads."""
        self._stopped = True
        _shut(self._listening)
        self._listening.close()
        self._acceptor.join(10)
        self.disconnect()
        for thread in self._threads:
            thread.join(10)

    def record(self, message: Message) -> None:
        """Note that a message is accepted, in the log and the folder."""
        with self.lock:
            if self.script.keep:
                self.accepted.append(message)
            if self.script.folder:
                (self.script.folder / f"{self.finals:06}.eml").write_bytes(message.content)
            if self.script.log:
                lines = "".join(f"{message.message_id}\t{one}\n" for one in message.recipients)
                handle = os.open(self.script.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
                os.write(handle, lines.encode())
                os.close(handle)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                if self._stopped:
                    connection.close()
                    return
                self.connections += 1
                self._open.add(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        session = _Session(self, connection)
        try:
            session.run()
        except (_DroppedError, OSError):
            # Told to break off, or the client is gone.
            pass
        finally:
            with self.lock:
                self._open.discard(connection)
            session.socket.close()
            connection.close()


class _Session:
    """One connection."""

    def __init__(self, server: Server, connection: socket.socket) -> None:
        self.server, self.script = server, server.script
        self.socket = connection
        self.buffer = b""
        self.encrypted = False
        self.known = self.script.login is None
        self.sender: str | None = None
        self.parameters = ""
        self.recipients: list[str] = []
        self.done = 0
        #: replies that go out together once all that came is read
        self.held = b""

    def run(self) -> None:
        if self.script.tls == "implicit":
            self._encrypt()
        self.say("greeting", "220 localhost ESMTP")
        while True:
            line = self.line().decode("utf-8", "replace")
            with self.server.lock:
                self.server.commands.append(line)
            verb, _, rest = line.partition(" ")
            command = getattr(self, f"on_{verb.lower()}", None)
            if command is None:
                self.say("unknown", f"500 5.5.2 {verb}?")
            else:
                command(rest)

    # In and out

    def line(self) -> bytes:
        while b"\r\n" not in self.buffer:
            self._more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def content(self) -> bytes:
        """Read up to the final dot; dots are single again."""
        parts: list[bytes] = []
        self.buffer = b"\r\n" + self.buffer
        if self._drops("content"):
            while len(self.buffer) < 10:
                self._more()
            raise _DroppedError
        while (end := self.buffer.find(b"\r\n.\r\n")) < 0:
            # The end may lie across two reads.
            if len(self.buffer) > 8:
                parts.append(self.buffer[:-4])
                self.buffer = self.buffer[-4:]
            self._more()
        parts.append(self.buffer[: end + 2])
        self.buffer = self.buffer[end + 5 :]
        return b"".join(parts).replace(b"\r\n.", b"\r\n")[2:]

    def _more(self) -> None:
        if self.held:
            self._send(self.held)
            self.held = b""
        data = self.socket.recv(262144)
        if not data:
            raise _DroppedError
        self.buffer += data

    def say(self, stage: str, usual: str) -> str:
        """Reply, or what the script says instead; return the reply."""
        script = self.script
        if stage != "DATA" and self._drops(stage):
            raise _DroppedError
        if script.silent == stage:
            self._send(self.held)
            while self.socket.recv(65536):
                pass
            raise _DroppedError
        reply = script.replies.get(stage, usual)
        if script.pause:
            self._send(self.held)
            self.held = b""
            time.sleep(script.pause)
        self.held += reply.encode() + b"\r\n"
        return reply

    def now(self) -> None:
        """Send what is held."""
        self._send(self.held)
        self.held = b""

    def _send(self, data: bytes) -> None:
        if self.script.dribble:
            for place in range(len(data)):
                self.socket.sendall(data[place : place + 1])
                time.sleep(0.0002)
        elif data:
            self.socket.sendall(data)

    def _drops(self, stage: str) -> bool:
        at = self.script.drop_at
        return self.script.drop == stage and (at is None or at == self.server.finals + (stage != "dot"))

    def _encrypt(self) -> None:
        assert self.server.context, "TLS needs a certificate"
        self.socket = self.server.context.wrap_socket(self.socket, server_side=True)
        self.encrypted, self.buffer = True, b""

    # Commands

    def on_ehlo(self, _rest: str) -> None:
        script, words = self.script, ["localhost"]
        if script.pipelining:
            words.append("PIPELINING")
        if script.size is not None:
            words.append(f"SIZE {script.size}")
        if script.tls == "starttls" and not self.encrypted:
            words.append("STARTTLS")
        elif script.login:
            words.append(f"AUTH {script.mechanisms}")
        words += ["8BITMIME", "ENHANCEDSTATUSCODES"]
        lines = [f"250-{word}" for word in words[:-1]] + [f"250 {words[-1]}"]
        self.say("EHLO", "\r\n".join(lines))

    def on_helo(self, _rest: str) -> None:
        self.say("HELO", "250 localhost")

    def on_starttls(self, _rest: str) -> None:
        if self.say("STARTTLS", "220 2.0.0 go ahead").startswith("220"):
            self.now()
            self._encrypt()

    def on_auth(self, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        if mechanism == "PLAIN":
            _, user, password = _plain(initial or self._asked("")).split("\0")
        else:
            user = _plain(initial) if initial else _plain(self._asked("VXNlcm5hbWU6"))
            password = _plain(self._asked("UGFzc3dvcmQ6"))
        if (user, password) == self.script.login:
            self.known = True
            self.say("AUTH", "235 2.7.0 welcome")
        else:
            self.say("AUTH", "535 5.7.8 Username and Password not accepted")

    def _asked(self, prompt: str) -> str:
        self.held += f"334 {prompt}\r\n".encode()
        return self.line().decode()

    def on_mail(self, rest: str) -> None:
        if not self.known:
            self.say("MAIL", "530 5.7.0 Authentication required")
        elif self.script.close_after is not None and self.done >= self.script.close_after:
            self.held += b"421 4.7.0 enough for one connection\r\n"
            self.now()
            raise _DroppedError
        elif self.sender is not None:
            self.say("nested", "503 5.5.1 nested MAIL command")
        else:
            address, _, parameters = rest.removeprefix("FROM:").partition("> ")
            if self.say("MAIL", "250 2.1.0 Ok").startswith("2"):
                self.sender, self.parameters = address.strip("<>"), parameters

    def on_rcpt(self, rest: str) -> None:
        recipient = rest.removeprefix("TO:").strip("<>")
        if self.sender is None:
            self.say("early", "503 5.5.1 need MAIL command")
        elif refused := self._refused(recipient):
            self.say("refused", refused)
        elif self.say("RCPT", "250 2.1.5 Ok").startswith("2"):
            self.recipients.append(recipient)

    def _refused(self, recipient: str) -> str | None:
        for pattern, reply in self.script.refuse.items():
            if fnmatchcase(recipient, pattern):
                return reply
        if self.script.greylist and recipient not in self.server.greylisted:
            self.server.greylisted.add(recipient)
            return "451 4.7.1 greylisted, come back later"
        return None

    def on_data(self, _rest: str) -> None:
        if not self.recipients and not self.script.data_anyway:
            self.say("no DATA", "554 5.5.1 no valid recipients")
            return
        reply = self.say("DATA", "354 go ahead")
        self.now()
        if self._drops("DATA"):
            raise _DroppedError
        if reply.startswith("354"):
            self._message()

    def _message(self) -> None:
        content = self.content()
        with self.server.lock:
            self.server.finals += 1
        message = Message(self.sender or "", tuple(self.recipients), content, self.parameters)
        nobody = not self.recipients
        self._forget()
        self.done += 1
        if nobody:
            self.say("lone", "554 5.5.1 no valid recipients")
            return
        if not self.script.replies.get("dot", "250").startswith("2"):
            self.say("dot", "250 2.0.0 Ok")
            return
        if not self.script.log_late:
            self.server.record(message)
        self.say("dot", "250 2.0.0 Ok: queued")
        if self.script.log_late:
            self.now()
            self.server.record(message)

    def _forget(self) -> None:
        self.sender, self.recipients = None, []

    def on_rset(self, _rest: str) -> None:
        self._forget()
        self.say("RSET", "250 2.0.0 Ok")

    def on_quit(self, _rest: str) -> None:
        self.say("QUIT", "221 2.0.0 bye")
        self.now()
        raise _DroppedError


def _plain(text: str) -> str:
    return base64.b64decode(text).decode()


def _shut(one: socket.socket) -> None:
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        # It is shut already.
        pass


def _context(script: Script) -> ssl.SSLContext | None:
    if script.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(script.certificate)
    return context


def certificate(folder: Path, name: str = "localhost") -> Path:
    """Make a self-signed certificate for a name and 127.0.0.1 by `openssl`; return the PEM file, its key within."""
    path = folder / f"{name}.pem"
    alternatives = f"subjectAltName=DNS:{name}" + (",IP:127.0.0.1" if name == "localhost" else "")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30".split()
    told = ["-subj", f"/CN={name}", "-addext", alternatives, "-keyout", str(path), "-out", f"{path}.crt"]
    subprocess.run(command + told, check=True, capture_output=True)
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


@contextmanager
def serving(script: Script | None = None, port: int = 0) -> Iterator[Server]:
    """Run a server for the block."""
    server = Server(script or Script(), port)
    try:
        yield server
    finally:
        for end in server.at_end:
            end()
        server.stop()


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.delivery.server", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--no-pipelining", dest="pipelining", action="store_false")
    parser.add_argument("--size", type=int)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--log-late", action="store_true")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--refuse", action="append", default=[], metavar="PATTERN=REPLY")
    parser.add_argument("--reply", action="append", default=[], metavar="STAGE=REPLY", dest="replies")
    parser.add_argument("--greylist", action="store_true")
    parser.add_argument("--data-anyway", action="store_true")
    parser.add_argument("--drop")
    parser.add_argument("--drop-at", type=int)
    parser.add_argument("--silent")
    parser.add_argument("--pause", type=float, default=0.0)
    parser.add_argument("--close-after", type=int)
    parser.add_argument("--dribble", action="store_true")
    return parser


def main() -> None:
    """Serve as the command line says, until ended."""
    told = vars(_options().parse_args())
    port = told.pop("port")
    for name in ("refuse", "replies"):
        told[name] = dict(pair.split("=", 1) for pair in told[name])
    server = Server(Script(keep=False, **told), port)
    print(f"ready {server.port}", flush=True)
    threading.Event().wait()


@contextmanager
def in_process(arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run a server in a process of its own, with the command's options; yield the process and the port."""
    command = [sys.executable, "-m", "tests.delivery.server", *shlex.split(arguments)]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout, "it is a pipe"
            yield process, int(process.stdout.readline().split()[1])
        finally:
            process.kill()


if __name__ == "__main__":
    main()
