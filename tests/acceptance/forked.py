"""`digest` in processes that begin with all its modules: to load them takes longer than a day's run.

`python -m tests.acceptance.forked SOCKET` loads the program once and forks for each call, so that each has a process of
its own, which shares nothing with the one before. What a shell calls is a few lines that hand over arguments,
environment, folder and the three streams, and end with the same status.
"""

from __future__ import annotations

import gc
import json
import os
import pkgutil
import shlex
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import digest
from digest.rendering.environment import make_environment
from tests.acceptance.command import unmeasured

#: libraries that are loaded at their first use
_LATE = "ahocorasick_rs css_inline encodings.idna feedparser httpx jinja2 mjml rapidfuzz structlog"
ROOT = Path(__file__).resolve().parents[2]
#: hands a call over
_CALL = """\
import json, os, socket, struct, sys
told = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
with socket.socket(socket.AF_UNIX) as line:
    line.connect({address!r})
    socket.send_fds(line, [struct.pack("!I", len(told))], [0, 1, 2])
    line.sendall(told)
    said = line.recv(1)
os._exit(said[0] if said else 70)
"""


@contextmanager
def loaded() -> Iterator[Path]:
    """Load the program in a process, and yield what is to be called in its place."""
    # the path of a socket has 108 bytes at most
    with tempfile.TemporaryDirectory() as folder:
        address, call = f"{folder}/digest.sock", Path(folder) / "digest"
        command = [sys.executable, "-W", "error", "-m", "tests.acceptance.forked", address]
        with subprocess.Popen(command, cwd=ROOT, env=unmeasured(), stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == b"ready\n"
                (Path(folder) / "call.py").write_text(_CALL.format(address=address))
                handing = shlex.join([sys.executable, "-ISE", f"{folder}/call.py"])
                call.write_text(f'#!/bin/sh\nexec {handing} "$@"\n')
                call.chmod(0o755)
                yield call
            finally:
                process.terminate()


def main(address: str) -> None:
    """Load the program, and fork for each call."""
    _load()
    # what is there now stays where it is: a collection would copy all of it into each process
    gc.collect()
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen()
        print("ready", flush=True)
        while True:
            line, _ = door.accept()
            if not os.fork():
                door.close()
                _answer(line)
            line.close()
            _reap()


def _reap() -> None:
    """Let go of the processes that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        pass  # there are none


def _load() -> None:
    """Import what a run imports when it comes to it: all of the program, and what that loads late."""
    found = pkgutil.walk_packages(digest.__path__, "digest.")
    names = [one.name for one in found if not one.name.startswith(("digest.__main__", "digest.store.migrations."))]
    for name in [*names, *_LATE.split()]:
        import_module(name)
    environment = make_environment(None)
    for name in environment.list_templates():
        environment.get_template(name)


def _answer(line: socket.socket) -> None:
    """Be the process that was called, and end with its status."""
    status = 70
    try:
        args, folder, environ = _told(line)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environ)
        time.tzset()
        from digest.cli import main as program

        try:
            program(args)
            status = 0
        except SystemExit as ended:
            status = int(ended.code or 0)
        sys.stdout.flush()
    finally:
        line.sendall(bytes([status]))
        os._exit(status)


def _told(line: socket.socket) -> Any:
    """Read what the call is; its streams become ours."""
    head, streams, _, _ = socket.recv_fds(line, 4, 3)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    (size,) = struct.unpack("!I", head)
    text = b""
    while len(text) < size:
        text += line.recv(size - len(text))
    return json.loads(text)


if __name__ == "__main__":
    main(sys.argv[1])
