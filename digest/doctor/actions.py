"""Whether a workflow that runs digest on GitHub will do it. Pure but for reading files; may import findings.

Workflows are read as text: what is looked for are keys at the beginning of a line. Facts are those of GitHub's
documentation of `on.schedule`, `concurrency` and `permissions`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from digest.doctor.findings import Finding, fine, warn
from digest.models import Newsletter

AREA = "actions"
_WORKFLOWS = ".github/workflows"
#: GitHub stops schedules of public repositories after so many days without activity; said so many days before
_IDLE, _BEFORE = timedelta(days=60), timedelta(days=15)
_RUNS = re.compile(r"\bdigest +run\b|-m +digest\b|papers-digest")
_BRANCH = re.compile(r"(?m)^\s*(?:ref|branch|state[_-]branch|DIGEST_STATE_BRANCH)\s*:\s*['\"]?([\w./-]+)['\"]?\s*$")


@dataclass(frozen=True)
class Checkout:
    """What a git checkout says of itself."""

    root: Path
    #: name -> text of its workflows
    workflows: dict[str, str]
    #: when something was last committed here; None: that is not told
    last: datetime | None = None
    #: it has a remote `upstream`, as forks have
    fork: bool = False
    #: branches that are known here, by short name
    branches: frozenset[str] = frozenset()


def look(start: Path) -> Checkout | None:
    """Return the checkout that a folder lies in, if it has workflows."""
    root = next((one for one in (start, *start.parents) if (one / ".git").exists()), None)
    folder = root / _WORKFLOWS if root else None
    if root is None or folder is None or not folder.is_dir():
        return None
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".yml", ".yaml"))
    workflows = {path.name: path.read_text(encoding="utf-8", errors="replace") for path in paths}
    git = root / ".git"
    return Checkout(
        root,
        workflows,
        last=_last(_text(git / "logs" / "HEAD")),
        fork='[remote "upstream"]' in _text(git / "config"),
        branches=_branches(git),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _last(log: str) -> datetime | None:
    """Return the instant of the last line of git's log of HEAD: `old new name <mail> seconds zone TAB what`."""
    found = re.search(r"> (\d+) [+-]\d{4}", log.splitlines()[-1]) if log.strip() else None
    return datetime.fromtimestamp(int(found[1]), UTC) if found else None


def _branches(git: Path) -> frozenset[str]:
    packed = re.findall(r"(?m)^[0-9a-f]+ refs/(?:heads|remotes/[^/\s]+)/(\S+)$", _text(git / "packed-refs"))
    loose = [
        path.relative_to(folder).as_posix()
        for folder in (git / "refs" / "heads", *(git / "refs" / "remotes").glob("*"))
        for path in folder.rglob("*")
        if path.is_file()
    ]
    return frozenset((*packed, *loose))


def judged(checkout: Checkout | None, newsletters: Sequence[Newsletter], now: datetime) -> Iterator[Finding]:
    """Yield the pitfalls of workflows that run digest.

    Args:
        checkout: None: there is none, or it has no workflows.
        newsletters: their zones are what a schedule is compared with.
        now: the instant.
    """
    found = {name: text for name, text in checkout.workflows.items() if _RUNS.search(text)} if checkout else {}
    for name, text in found.items():
        assert checkout is not None
        told = [*_workflow(name, _uncommented(text), newsletters), *_around(checkout, name, _uncommented(text), now)]
        yield from told or [fine(AREA, f"{name}: schedule, concurrency and permissions are told")]


def _uncommented(text: str) -> str:
    return re.sub(r"(?m)(^|\s)#.*$", "", text)


def _has(text: str, key: str) -> bool:
    return re.search(rf"(?m)^\s*-?\s*{key}\s*:", text) is not None


def _workflow(name: str, text: str, newsletters: Sequence[Newsletter]) -> Iterator[Finding]:
    scheduled = _has(text, "cron")
    zones = sorted({one.timezone for one in newsletters if one.timezone != "UTC"})
    if scheduled and zones and not _has(text, "timezone"):
        what = f"{name}: cron without timezone is UTC, the newsletter's zone is {', '.join(zones)}"
        yield warn(AREA, what, f'say timezone: "{zones[0]}" beside cron')
    if scheduled and re.search(r"cron\s*:\s*['\"]?0 ", text):
        what = f"{name}: cron at the full hour, when GitHub is busiest: runs come late, or not at all"
        yield warn(AREA, what, "take another minute, like 17")
    if not _has(text, "concurrency"):
        what = f"{name}: no concurrency: two runs at once push over each other"
        yield warn(AREA, what, "say concurrency: { group: digest, cancel-in-progress: false }")
    if not _has(text, "permissions"):
        what = f"{name}: no permissions: the token of a new repository may only read, and pushing fails"
        yield warn(AREA, what, "say permissions: { contents: write }, and for Pages: pages: write, id-token: write")


def _around(checkout: Checkout, name: str, text: str, now: datetime) -> Iterator[Finding]:
    if not _has(text, "cron"):
        return
    if checkout.fork:
        what = f"{name}: this looks like a fork (remote upstream): its schedules are off until somebody turns them on"
        yield warn(AREA, what, "enable the workflow under Actions of your repository")
    if checkout.last and now - checkout.last > _IDLE - _BEFORE:
        days = (now - checkout.last).days
        what = f"{name}: no commit here for {days} days: after 60 GitHub stops the schedules of public repositories"
        yield warn(AREA, what, "commit something, or have the workflow commit its state")
    for branch in _BRANCH.findall(text):
        if checkout.branches and branch not in checkout.branches and "$" not in branch:
            what = f"{name}: there is no branch {branch} here"
            yield warn(AREA, what, f"make it once (git push origin HEAD:{branch}), or fetch it")
