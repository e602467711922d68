"""`digest init --github`: the workflow that runs a newsletter without a server. Called by `init`."""

from __future__ import annotations

import json
import os
import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from digest import __version__
from digest.errors import UsageError
from digest.rendering.environment import make_environment, render

#: seen from the root of the repository
FILE = Path(".github/workflows/digest.yml")
#: where the action lies in the program's repository
_FOLDER = ".github/actions/digest"
_USES = re.compile(r"\./[\w./-]+|[\w.-]+/[\w.-]+(/[\w.-]+)*@[\w./-]+")
_ON_GITHUB = re.compile(r"github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?\s*$", re.MULTILINE)
#: stands for whose repository it is where the program cannot know it
_SOMEBODY = "OWNER/digest"


class Action(NamedTuple):
    """What `uses:` says."""

    uses: str
    #: the version that a commit stands for
    version: str | None = None


def workflow(file: Path, told: str | None) -> tuple[Path, str, list[str]]:
    """Return where the workflow is written, its text, and what is left to do.

    Args:
        file: the configuration; its repository is the newsletter's.
        told: the action, like `OWNER/digest/.github/actions/digest@v1`; default: of the repository the program is from.

    Raises:
        UsageError: `told` names no action.
    """
    if told is not None and not _USES.fullmatch(told):
        raise UsageError(f"--action {told}: name it like OWNER/REPOSITORY/{_FOLDER}@VERSION, or ./{_FOLDER}")
    folder = file.resolve().parent
    root = next((one for one in (folder, *folder.parents) if (one / ".git").exists()), folder)
    action = Action(told) if told else _here(root) or _installed_from() or _of(_SOMEBODY)
    config = file.resolve().relative_to(root).as_posix()
    text = render(make_environment(None), "github/digest.yml", action=action, config=json.dumps(config))
    return Path(os.path.relpath(root / FILE)), text, _to_do(root, config, action)


def _of(repository: str) -> Action:
    return Action(f"{repository}/{_FOLDER}@v{__version__}")


def _here(root: Path) -> Action | None:
    """Return the action of the newsletter's own repository, where that is a fork of the program's."""
    return Action(f"./{_FOLDER}") if (root / _FOLDER / "action.yml").is_file() else None


def _installed_from() -> Action | None:
    """Return the action of the repository that pip has the program from (PEP 610)."""
    try:
        told = distribution("papers-digest").read_text("direct_url.json")
        found: dict[str, Any] = json.loads(told) if told else {}
    except (PackageNotFoundError, ValueError):
        return None
    url = str(found.get("url", ""))
    if commit := found.get("vcs_info", {}).get("commit_id"):
        found_in = _ON_GITHUB.search(url)
        return Action(f"{found_in[1]}/{_FOLDER}@{commit}", f"v{__version__}") if found_in else None
    name = _repository(Path(unquote(urlsplit(url).path)))
    return _of(name) if name else None


def _repository(root: Path) -> str | None:
    """Return which repository on GitHub a checkout is of, like `me/papers`."""
    try:
        told = (root / ".git" / "config").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = _ON_GITHUB.search(told)
    return found[1] if found else None


def _to_do(root: Path, config: str, action: Action) -> list[str]:
    """Return what a person does to make it run."""
    owner, _, name = (_repository(root) or "you/papers").partition("/")
    first = f"  do    git add {config} {FILE.as_posix()} && git commit -m newsletter && git push"
    if not (root / ".git").exists():
        first = "  do    git init; push both files to a repository on GitHub"
    somebody = [f"  do    say in it whose repository {_SOMEBODY} is, or use --action"]
    return [
        *(somebody if action.uses.startswith(_SOMEBODY) else ()),
        f'  do    base_url = "https://{owner.lower()}.github.io/{name}" in {config}',
        first,
        "  then  Settings > Pages > Source: GitHub Actions",
        "  then  Settings > Secrets > Actions: DIGEST_MAIL_USER, DIGEST_MAIL_PASSWORD",
        "  look  Actions > newsletter > Run workflow, with dry-run or without",
    ]
