"""`digest send` with its parts timed: `python -m bench.sending FOLDER`; prints CPU and wall seconds by part.

A part's time is its own: what it calls of another part is that part's. To take it costs about a microsecond a call.
SQLite's commits may run in a second thread, whose time is told as CPU alone. In `advance` the first one waits for them,
and for PostgreSQL, once there is no message to make.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

_BEGIN = time.process_time()

#: part -> the methods that are it, as `module:class.method`
PARTS = {
    "render once": ["digest.rendering.postroom:Postroom._prepare"],
    "make": ["digest.rendering.postroom:Postroom.make"],
    "advance": ["digest.store.ledger:SqlLedger.advance"],
    "commit (SQLite)": ["digest.store.hot:Line._sqlite"],
    "claim": ["digest.store.ledger:SqlLedger.claim"],
    "sweep": ["digest.store.ledger:SqlLedger.sweep", "digest.store.ledger:SqlLedger.timings"],
    "lane": [f"digest.delivery.lane:SmtpLane.{name}" for name in ("offer", "release", "advance")],
    "wait": ["digest.delivery.pool:Pool.wait"],
    "feed": ["digest.delivery.sender:_Run._feed"],
}


class Watch:
    """Adds up the time of the part that runs in the main thread, and the CPU time of parts in others."""

    def __init__(self) -> None:
        """Begin with what is no part."""
        self.cpu: defaultdict[str, float] = defaultdict(float)
        self.wall: defaultdict[str, float] = defaultdict(float)
        self._part = "rest"
        self._since = time.thread_time(), time.perf_counter()

    def switch(self, part: str) -> str:
        """Let another part run; return the one that did."""
        now = time.thread_time(), time.perf_counter()
        self.cpu[self._part] += now[0] - self._since[0]
        self.wall[self._part] += now[1] - self._since[1]
        self._since = now
        part, self._part = self._part, part
        return part

    def over(self, part: str, method: Callable[..., Any]) -> Callable[..., Any]:
        """Return a method whose time is a part's."""

        def timed(*args: Any, **named: Any) -> Any:
            if threading.current_thread() is not threading.main_thread():
                return self._aside(part, method, *args, **named)
            before = self.switch(part)
            try:
                return method(*args, **named)
            finally:
                self.switch(before)

        return timed

    def _aside(self, part: str, method: Callable[..., Any], *args: Any, **named: Any) -> Any:
        begin = time.thread_time()
        try:
            return method(*args, **named)
        finally:
            self.cpu[part] += time.thread_time() - begin


def main(folder: str) -> None:
    """Send in `folder`, and tell what each part took."""
    watch = Watch()
    os.chdir(folder)
    from importlib import import_module

    from digest import config as configuration
    from digest import outbox
    from digest.bootstrap import opened, post
    from digest.cli.mailing import stopping

    for part, methods in PARTS.items():
        for method in methods:
            module, _, path = method.partition(":")
            owner, _, name = path.partition(".")
            holder = getattr(import_module(module), owner)
            setattr(holder, name, watch.over(part, getattr(holder, name)))
    config = configuration.load(Path("digest.toml"))
    with opened(config) as system, stopping() as stop:
        wired = post(system, configuration.resolve_mail(config))
        watch.switch("rest")
        start = {"cpu": watch.cpu.pop("rest") + _BEGIN, "wall": watch.wall.pop("rest")}
        done = outbox.deliver(wired, stop=stop)
        watch.switch("end")
    print(json.dumps({"start": start, "cpu": watch.cpu, "wall": watch.wall, "submitted": done.tally.submitted}))


if __name__ == "__main__":
    main(sys.argv[1])
