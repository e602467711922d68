"""Run `digest` and die of SIGKILL at a chosen line of its own log.

    python killed.py EVENT COUNT DELAY -- ARGUMENTS

When the log shows EVENT for the COUNT-th time the process kills itself, after DELAY seconds. Nothing in the program
knows of it: its stderr is a stream that reads along.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import TextIO


class DeadlyStream:
    """Passes everything on, and kills the process at the chosen line."""

    def __init__(self, stream: TextIO, event: str, count: int, delay: float) -> None:
        self._stream, self._event, self._left, self._delay = stream, f"event={event!r}", count, delay

    def write(self, text: str) -> int:
        written = self._stream.write(text)
        self._stream.flush()
        if self._event in text:
            self._left -= 1
            if self._left == 0:
                if self._delay:
                    threading.Thread(target=self._die_later, daemon=True).start()
                else:
                    self._die()
        return written

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return False

    def _die_later(self) -> None:
        time.sleep(self._delay)
        self._die()

    def _die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    event, count, delay = sys.argv[1:4]
    sys.stderr = DeadlyStream(sys.stderr, event, int(count), float(delay))
    from digest.cli import main as command

    command(sys.argv[5:])


if __name__ == "__main__":
    main()
