"""The Dockerfile, without an engine: its instructions are known, it copies what there is, and its steps work."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.acceptance.mailing import free_port

#: Dockerfile reference, all that it names but the deprecated MAINTAINER
KNOWN = set(
    "ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL ONBUILD RUN SHELL STOPSIGNAL USER VOLUME "
    "WORKDIR".split()
)


def instructions(root: Path) -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile with what they are given, continued lines as one."""
    lines = [line for line in (root / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(name, given) for name, _, given in (line.partition(" ") for line in joined.splitlines() if line)]


def given(root: Path, name: str) -> list[str]:
    return [told for one, told in instructions(root) if one == name]


def sources(root: Path) -> list[str]:
    """Return what is copied from the checkout."""
    own = [told for told in given(root, "COPY") if "--from=" not in told]
    return [path for told in own for path in told.split()[:-1]]


def check(root: Path) -> list[str]:
    """Return the command that says whether the container is well."""
    found = json.loads(given(root, "HEALTHCHECK")[0].partition("CMD ")[2])
    assert all(isinstance(word, str) for word in found)
    return list(found)


def test_every_instruction_is_known_and_the_first_is_from(root: Path) -> None:
    names = [name for name, _ in instructions(root)]
    assert names[0] == "FROM"
    assert set(names) <= KNOWN
    for name in ("CMD", "ENTRYPOINT"):
        assert len(given(root, name)) == 1
        assert json.loads(given(root, name)[0])
    assert check(root)


def test_it_copies_what_there_is_and_the_ignore_file_lets_it_through(root: Path) -> None:
    rules = [line for line in (root / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert sources(root)
    for path in sources(root):
        assert (root / path).exists(), path
        assert f"!{path}" in rules
    assert rules[0] == "*", "stores and secrets of the folder would come into the image"
    assert all((root / rule[1:]).exists() for rule in rules if rule.startswith("!"))
    assert not any(fnmatch.fnmatch("digest/cli/run.py", rule.removeprefix("**/")) for rule in rules[1:])


def test_stages_are_named_before_they_are_used_and_nobody_is_root(root: Path) -> None:
    named = [told.split(" AS ")[1] for told in given(root, "FROM") if " AS " in told]
    used = re.findall(r"--from=(\S+)", " ".join(given(root, "COPY")))
    assert set(used) <= set(named)
    (user,) = given(root, "USER")
    number = user.split(":")[0]
    assert number.isdigit()
    assert int(number) > 0
    assert f"--uid {number} " in " ".join(given(root, "RUN"))
    order = [name for name, _ in instructions(root)]
    assert order.index("USER") < order.index("ENTRYPOINT")


def test_the_commands_it_names_are_commands(root: Path) -> None:
    from digest.cli import COMMANDS

    known = {name for commands in COMMANDS.values() for name in commands}
    (entry,), default = json.loads(given(root, "ENTRYPOINT")[0]), json.loads(given(root, "CMD")[0])
    assert (entry, default[0]) == ("digest", "serve")
    assert default[0] in known


def test_its_check_asks_the_port_on_which_it_answers(root: Path) -> None:
    (port,) = given(root, "EXPOSE")
    assert json.loads(given(root, "CMD")[0])[-1] == f"0.0.0.0:{port}"
    # the image has Python, and no curl
    python, option, program = check(root)
    assert (python, option) == ("python", "-c")
    assert f"'127.0.0.1', {port}," in program
    assert "'/health'" in program


@pytest.mark.parametrize(("status", "ends"), [(200, 0), (503, 1), (None, 1)])
def test_its_check_ends_as_the_answer_says(root: Path, status: int | None, ends: int) -> None:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert status is not None
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"what is the matter")

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        if status is not None:
            threading.Thread(target=server.handle_request, daemon=True).start()
        else:
            server.server_close()
        program = check(root)[2].replace(given(root, "EXPOSE")[0], str(server.server_port))
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert done.returncode == ends
    assert (done.stdout == "what is the matter\n") == (status is not None)


@pytest.mark.tools
def test_its_steps_make_a_program_that_works(root: Path, tmp_path: Path) -> None:
    """Each RUN as a shell runs it, with folders below a temporary one, a new Python, and nobody really added."""
    tools = tmp_path / "tools"
    subprocess.run([sys.executable, "-m", "venv", str(tools)], check=True)
    (tools / "bin" / "useradd").write_text(f'#!/bin/sh\necho "$@" >> {shlex.quote(str(tmp_path / "added"))}\n')
    (tools / "bin" / "useradd").chmod(0o755)
    environment = {"PATH": f"{tools / 'bin'}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}
    here = tmp_path
    for name, told in instructions(root):
        if name == "WORKDIR":
            here = tmp_path / told.lstrip("/")
            here.mkdir(parents=True, exist_ok=True)
        elif name == "COPY" and "--from=" not in told:
            *paths, target = told.split()
            for path in paths:
                place = here / target if target != "./" else here / path
                copy = shutil.copytree if (root / path).is_dir() else shutil.copy
                copy(root / path, place)
        elif name == "RUN":
            step = re.sub(r"(?<![\w.])/(opt|data)\b", rf"{tmp_path}/\1", told)
            shell = ["/bin/sh", "-ec", step]
            ran = subprocess.run(shell, cwd=here, env=environment, capture_output=True, text=True)
            assert ran.returncode == 0, f"{step}\n{ran.stderr[-2000:]}"
    assert "10001" in (tmp_path / "added").read_text()
    program = tmp_path / "opt" / "digest" / "bin" / "digest"
    (tmp_path / "data" / "dumps").mkdir()
    for arguments in (["init"], ["store"], ["doctor"]):
        done = subprocess.run([program, *arguments], cwd=tmp_path / "data", capture_output=True, text=True)
        assert done.returncode in ((0,) if arguments != ["doctor"] else (0, 1)), done.stderr
    assert_well_while_it_serves(root, program, tmp_path / "data")
    assert "psycopg" in subprocess.run([program.parent / "pip", "list"], capture_output=True, text=True).stdout


def assert_well_while_it_serves(root: Path, program: Path, data: Path) -> None:
    """Start what a container runs, on a free port, and check it as its engine does; then end it as that does."""
    (port,) = given(root, "EXPOSE")
    free = str(free_port())
    command = [word.replace(port, free) for word in json.loads(given(root, "CMD")[0])]
    python, *rest = [word.replace(port, free) for word in check(root)]
    environ = {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    asked = [str(program.parent / python), *rest]
    assert subprocess.run(asked, cwd=data, env=environ, capture_output=True).returncode == 1
    serving = subprocess.Popen([program, *command], cwd=data, env=environ, stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 30
        while (done := subprocess.run(asked, cwd=data, env=environ, capture_output=True, text=True)).returncode:
            assert serving.poll() is None, serving.communicate()[1]
            assert time.monotonic() < until, done.stderr
            time.sleep(0.1)
        assert done.stdout.startswith("Alive: ")
        serving.terminate()
        assert serving.wait(timeout=10) == 0
    finally:
        serving.kill()
        serving.communicate()
