"""Writes the job summary, which begins with the verdict's sentence, and the outputs.

    python summary.py FOLDER

What a run printed with `--json` is in receipt.json of the folder, what it said on stderr in words.txt. Titles of
sources and what servers answered are text: nothing of them becomes markup. Needs the standard library only, so that
it also tells of an installation that failed.
"""

from __future__ import annotations

import html
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

#: lines of stderr that are shown
SHOWN = 20
COUNTED = ("listed", "new", "revised", "enriched", "seen", "rejected")


def plain(text: object) -> str:
    """Return text that markdown shows as it is, on one line."""
    told = html.escape(" ".join(str(text).split()), quote=False)
    return re.sub(r"([\\`*_{}\[\]()#+!|~@])", r"\\\1", told)


def receipt_of(folder: Path) -> dict[str, Any] | None:
    """Return the run's receipt; None if it did not get so far, or if nothing of it counts: the state was not kept."""
    if not ((folder / "kept").exists() or (folder / "dry").exists()):
        return None
    try:
        lines = (folder / "receipt.json").read_text(encoding="utf-8").splitlines()
        found = json.loads(lines[-1])
    except (OSError, ValueError, IndexError):
        return None
    return found if isinstance(found, dict) else None


def words_of(folder: Path) -> list[str]:
    """Return what was said on stderr."""
    try:
        text = (folder / "words.txt").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [line.removeprefix("digest: ") for line in text.splitlines() if line.strip()]


def sentences(receipt: dict[str, Any]) -> list[str]:
    """Return a sentence for each newsletter; with several, the run's verdict stands before them."""
    told = []
    for one in receipt["editions"]:
        name = f"{one['newsletter']}/{one['number']} of {one['date']}" if one["number"] else one["newsletter"]
        told.append(f"**{plain(one['verdict'])}** — {plain(name)}: {plain(one['evidence'])}.")
    return told if len(told) == 1 else [f"**{plain(receipt['verdict'])}**", *told]


def table(receipt: dict[str, Any]) -> list[str]:
    """Return what each source gave."""
    lines = [f"| source | status | {' | '.join(COUNTED)} | |", f"|---|---|{'---:|' * len(COUNTED)}---|"]
    for one in receipt["sources"]:
        cells = [one["name"], one["status"], *(one[name] for name in COUNTED), one["note"] or ""]
        lines.append(f"| {' | '.join(map(plain, cells))} |")
    return lines


def mail(receipt: dict[str, Any]) -> str:
    """Return what became of the mail; nothing if there was none."""
    counts = {state: number for state, number in receipt["deliveries"].items() if number}
    return f"Mail: {', '.join(f'{number:,} {state}' for state, number in counts.items())}." if counts else ""


def summary(folder: Path, receipt: dict[str, Any] | None) -> str:
    """Return the summary as markdown."""
    words = words_of(folder)
    if receipt is None:
        why = words[-1] if words else "the run ended before it could say anything; the log has more"
        paragraphs, words = [f"**broken** — {plain(why)}"], words[:-1]
    else:
        paragraphs = ["\n\n".join(sentences(receipt)), "\n".join(table(receipt)), mail(receipt)]
    if (folder / "first").exists():
        paragraphs.append("There was no state: this is a first run. If it is not, the branch with the state was lost.")
    paragraphs.append("\n".join(f"- {plain(line)}" for line in words[-SHOWN:]))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"


def outputs(folder: Path, receipt: dict[str, Any] | None) -> dict[str, str]:
    """Return the outputs of the action."""
    editions = receipt["editions"] if receipt else []
    published = (folder / "kept").exists() and (folder / "pages" / "index.html").is_file()
    return {
        "verdict": receipt["verdict"] if receipt else "broken",
        "new": str(sum(one["new"] for one in receipt["sources"])) if receipt else "0",
        "edition": " ".join(f"{one['newsletter']}/{one['number']}" for one in editions if one["number"]),
        "path": str(folder / "pages") if published else "",
    }


def main() -> None:
    """Write both files."""
    folder = Path(sys.argv[1])
    receipt = receipt_of(folder)
    with Path(os.environ["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as file:
        file.write(summary(folder, receipt))
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in outputs(folder, receipt).items())


if __name__ == "__main__":
    main()
