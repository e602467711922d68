"""Mail through a sendmail command: what a machine with its own mail system offers. May import protocols and errors.

The message goes to the command's standard input; to release it is to end that input.
"""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from digest.errors import TransportError
from digest.protocols import Answered, Claimed, Event, Lost, Outcome, Outgoing, Ready

#: sysexits.h -> enhanced status (RFC 3463), as sendmail itself tells them: it will not do at another time either
FAILED = {
    65: "5.6.0",  # EX_DATAERR
    67: "5.1.1",  # EX_NOUSER
    68: "5.1.2",  # EX_NOHOST
    69: "5.0.0",  # EX_UNAVAILABLE
    76: "5.5.0",  # EX_PROTOCOL
}
#: sysexits.h and the shell: how it is called, configured or permitted; the next message would fare no better
HOPELESS = {
    64: "it was called wrongly (EX_USAGE)",
    77: "this user may not send (EX_NOPERM)",
    78: "it is not configured (EX_CONFIG)",
    126: "it cannot be run",
    127: "it, or what it calls, was not found",
}
#: sysexits.h: the machine is in trouble, and says so in these words
_TEMPORARY = {
    70: "EX_SOFTWARE",
    71: "EX_OSERR",
    72: "EX_OSFILE",
    73: "EX_CANTCREAT",
    74: "EX_IOERR",
    75: "EX_TEMPFAIL",
}
#: a shell's exit status, above which it says that what it ran was killed (POSIX, 2.8.2)
_SHELL_KILLED = 128
#: characters of what it says that are kept
_SAID = 200
#: seconds between two looks at a command that is to end
_LOOK = 0.005


@dataclass(frozen=True)
class Sendmail:
    """Hands each message to a command: `COMMAND -i -f SENDER -- RECIPIENT`, as RFC 5321 addresses without brackets.

    Args:
        command: its name or path, and arguments that go before ours.
        timeout: seconds that it may take for a message.
    """

    command: Sequence[str] = ("sendmail",)
    timeout: float = 60.0
    lanes: int = 1

    @property
    def name(self) -> str:
        """Return the command's name."""
        return self.command[0]

    def open(self) -> SendmailLane:
        """Find the command.

        Raises:
            TransportError: there is none.
        """
        places = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/lib"))
        found = shutil.which(self.command[0], path=places)
        if found is None:
            raise TransportError(
                f"{self.command[0]} is no command that can be run here; install a mail system that has one, or name "
                "its path, or use an SMTP relay"
            )
        return SendmailLane((found, *self.command[1:]), self.timeout)


class SendmailLane:
    """Runs the command once for each message; it implements `Lane`.

    `advance` waits for the command, no longer than it may take: there is nothing that could be waited for together
    with other lanes on all systems.
    """

    writes = False
    deadline: float | None = None

    def __init__(self, command: Sequence[str], timeout: float) -> None:
        self._command, self._timeout = tuple(command), timeout
        self._message: Outgoing | None = None
        self._running: _Running | None = None
        self._released = self._over = False

    def fileno(self) -> int | None:
        """Return None: `advance` does all the waiting."""
        return None

    @property
    def free(self) -> bool:
        """Whether it takes a message."""
        return self._message is None and not self._over

    def offer(self, message: Outgoing) -> None:
        """Take a message."""
        self._message = message

    def advance(self) -> Sequence[Event]:
        """Write the message to a new command, or wait for the one that has it all."""
        if self._message is None:
            return []
        if self._released:
            return self._wait(self._message)
        return [] if self._running else self._begin(self._message)

    def release(self, delivery: Claimed) -> None:
        """End the command's input."""
        assert self._running is not None, "nothing is ready"
        self._running.finish()
        self._released = True

    def close(self, reason: str) -> Sequence[Event]:
        """Kill the command before its input ends; once it has ended, nobody knows what it does."""
        message, released = self._message, self._released
        if self._running is not None:
            self._running.kill()
        self._message, self._running, self._released, self._over = None, None, False, True
        if message is None:
            return []
        outcome = Outcome("unknown", text=reason) if released else Outcome("pending", text=reason)
        return [Answered(message.delivery, outcome)]

    def _begin(self, message: Outgoing) -> Sequence[Event]:
        arguments = [*self._command, "-i", "-f", message.sender, "--", message.recipient]
        try:
            self._running = _Running(arguments, self._timeout)
        except OSError as error:
            return self._lose(f"{self._command[0]} cannot be run: {error.strerror}")
        if self._running.write(message.content.replace(b"\r\n", b"\n")):
            return [Ready(message.delivery)]
        status = self._running.wait()
        said = self._running.said()
        self._running = None
        if status is None:
            return self._lose(f"{self._command[0]} did not read the message in {self._timeout:.0f} s")
        if status == 0:
            # it took nothing: the message had not ended
            return self._answer(message, Outcome("deferred", text="the command ended before it had the message"))
        return self._ended(message, status, said)

    def _wait(self, message: Outgoing) -> Sequence[Event]:
        running = self._running
        assert running is not None, "it was released"
        status = running.wait()
        said = running.said()
        if status is None:
            reason = f"{self._command[0]} did not end in {self._timeout:.0f} s, and was killed"
            return [*self.close(reason), Lost(reason)]
        self._running, self._released = None, False
        if status == 0:
            return self._answer(message, Outcome("submitted", text=said or "taken"))
        return self._ended(message, status, said)

    def _ended(self, message: Outgoing, status: int, said: str) -> Sequence[Event]:
        """Say what its exit status means."""
        if status in HOPELESS:
            return self._lose(f"{self._command[0]}: {HOPELESS[status]}: {said}", hopeless=True)
        if status < 0 or status > _SHELL_KILLED:
            told = f"the command was killed by signal {-status if status < 0 else status - _SHELL_KILLED}"
            return self._answer(message, Outcome("unknown", text=f"{told} {said}".strip()))
        told = f"exit status {status}"
        if status in FAILED:
            return self._answer(message, Outcome("failed", status=FAILED[status], text=f"{told} {said}".strip()))
        told = f"{told} ({_TEMPORARY[status]})" if status in _TEMPORARY else told
        return self._answer(message, Outcome("deferred", text=f"{told} {said}".strip()))

    def _answer(self, message: Outgoing, outcome: Outcome) -> Sequence[Event]:
        self._message = None
        return [Answered(message.delivery, outcome)]

    def _lose(self, reason: str, *, hopeless: bool = False) -> Sequence[Event]:
        # with such a status it has taken nothing, even where it had all
        self._released = False
        return [*self.close(reason), Lost(reason, hopeless)]


class _Running:
    """A command that runs, with its input and what it says."""

    def __init__(self, arguments: Sequence[str], timeout: float) -> None:
        self._timeout = timeout
        self._until = time.monotonic() + timeout
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with the command
        # A group of its own: what ends us at a terminal must not end a message by halves.
        self._process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=self._output, stderr=subprocess.STDOUT, start_new_session=True
        )
        assert self._process.stdin is not None
        self._input: IO[bytes] = self._process.stdin
        os.set_blocking(self._input.fileno(), False)

    def write(self, content: bytes) -> bool:
        """Write all of a message, but not its end; False: it is not read, or the command has ended."""
        left = memoryview(content)
        with selectors.DefaultSelector() as selector:
            selector.register(self._input, selectors.EVENT_WRITE)
            while left:
                wait = self._until - time.monotonic()
                if wait <= 0 or not selector.select(wait):
                    return False
                try:
                    left = left[os.write(self._input.fileno(), left) :]
                except BrokenPipeError:
                    return False
        return self._process.poll() is None

    def finish(self) -> None:
        """Tell it that the message has ended."""
        self._until = time.monotonic() + self._timeout
        self._input.close()

    def wait(self) -> int | None:
        """Return its exit status, as that of `Popen`; None: it did not end in time, and was killed."""
        while self._process.poll() is None:
            if time.monotonic() >= self._until:
                self.kill()
                return None
            time.sleep(_LOOK)
        self._input.close()
        return self._process.returncode

    def said(self) -> str:
        """Return the beginning of what it said, as one line; nothing after it can be asked any more."""
        if self._output.closed:
            return ""
        self._output.seek(0)
        words = self._output.read(4096).decode("utf-8", "replace").split()
        self._output.close()
        return " ".join(words)[:_SAID]

    def kill(self) -> None:
        """Kill it and what it started, then let go of its input: it must not see the message's end."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._input.close()
        self._output.close()
