"""The peers' virtualenv: made when it is first needed, from requirements.txt, apart from ours."""

from __future__ import annotations

import subprocess
import venv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PINS = Path(__file__).with_name("requirements.txt")
#: what a peer needs and does not ask for
_WITH = {"reader": ("sgmllib3k",)}
#: the programs that run in the peers' environment
SIDE = Path(__file__).with_name("peer_side")


@dataclass(frozen=True)
class Peer:
    """A package that can be compared with, or the reason why it cannot."""

    name: str
    folder: Path
    missing: str = ""

    @property
    def python(self) -> Path:
        """The interpreter that has it."""
        return self.folder / "bin" / "python"


@cache
def peer(name: str, folder: Path) -> Peer:
    """Return a peer, installed in the virtualenv at `folder` unless that fails."""
    pins = {line.partition("==")[0]: line for line in _PINS.read_text().split() if "==" in line}
    python = folder / "bin" / "python"
    if not python.exists():
        try:
            venv.create(folder, with_pip=True)
        except (OSError, subprocess.CalledProcessError) as error:
            return Peer(name, folder, missing=f"no virtualenv: {error}")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip += [pins[one] for one in (name, *_WITH.get(name, ()))]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    lines = done.stderr.strip().splitlines()
    return Peer(name, folder, missing=f"pip: {lines[-1] if lines else 'failed'}" if done.returncode else "")
