"""Whether another run has taken mails that this one is about to hand over; exit status 1 if so.

    python taken.py STATE OURS THEIRS

Both commits have a ledger, and a common past. A mail is named by reader, newsletter and edition; what this run wrote
as `in_flight` since that past, and the other one as anything that is no longer open, both would submit.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator

LEDGER = "ledger.jsonl"
#: what nobody has begun to hand over
OPEN = ("pending", "deferred")


def git(state: str, *args: str) -> str:
    """Return what git prints; nothing where it fails: there is no such file, no common past."""
    done = subprocess.run(
        [shutil.which("git") or "git", "-C", state, *args],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return done.stdout if done.returncode == 0 else ""


def transitions(state: str, commit: str) -> set[str]:
    """Return the lines of a commit's ledger."""
    return set(git(state, "show", f"{commit}:{LEDGER}").splitlines()) if commit else set()


def deliveries(lines: set[str]) -> Iterator[tuple[tuple[object, ...], str]]:
    """Yield the name of each delivery, and how far it went; not of lines that are damaged."""
    for line in lines:
        try:
            told = json.loads(line)
            yield (told["hash"], told["newsletter"], told["upto"]), told["state"]
        except (ValueError, KeyError, TypeError):
            # an import names it
            continue


def main() -> int:
    """Compare."""
    state, ours, theirs = sys.argv[1:4]
    base = transitions(state, git(state, "merge-base", ours, theirs).strip())
    mine = {name for name, told in deliveries(transitions(state, ours) - base) if told == "in_flight"}
    other = {name for name, told in deliveries(transitions(state, theirs) - base) if told not in OPEN}
    return int(bool(mine & other))


if __name__ == "__main__":
    sys.exit(main())
