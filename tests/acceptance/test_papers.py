"""`digest papers`: what people see of identity, and how they decide it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.acceptance.command import CONFIG, called, receipts

ABOUT = "We prune spiking networks while they learn, and show that a tenth of all weights is enough on four benchmarks."
OTHER = "Fish migrate along rivers every autumn; a sonar counts them all night, and agrees with three field seasons."


def folder(tmp_path: Path) -> Path:
    (tmp_path / "digest.toml").write_text(CONFIG)
    dumps = tmp_path / "dumps"
    dumps.mkdir()
    for day, about in ((18, ABOUT), (19, OTHER)):
        listed = [{"paper": {"id": f"2611.000{day}", "title": "Counting What Spikes in Rivers", "summary": about}}]
        (dumps / f"2026-11-{day}.json").write_text(json.dumps(listed))
    return tmp_path


def answers(*args: str, cwd: Path) -> Any:
    return receipts("papers", *args, cwd=cwd)[0]


def test_a_pair_that_came_near_is_shown_merged_and_split(tmp_path: Path) -> None:
    cwd = folder(tmp_path)
    assert called("replay", "dumps", cwd=cwd).returncode == 0
    (pair,) = answers("possible-duplicates", cwd=cwd)
    assert {pair["key"], pair["other"]} == {"2611.00018", "2611.00019"}
    said = called("papers", "possible-duplicates", cwd=cwd).stdout
    assert "2611.00018" in said
    assert "Counting What Spikes" in said
    before = {path: path.read_bytes() for path in cwd.glob("public/daily/2026*/*")}
    assert answers("merge", "2611.00019", "2611.00018", cwd=cwd) == {"key": "2611.00018"}
    assert answers("possible-duplicates", cwd=cwd) == []
    assert answers("show", "2611.00019", cwd=cwd)["paper"]["key"] == "2611.00018"
    assert called("run", cwd=cwd).returncode == 0
    assert {path: path.read_bytes() for path in cwd.glob("public/daily/2026*/*")} == before
    assert (cwd / "public/papers/2611.00019/index.html").is_file()
    assert answers("split", "2611.00018", cwd=cwd) == {"key": "2611.00018", "other": "2611.00019"}
    # what somebody told apart is not shown again
    assert called("papers", "possible-duplicates", cwd=cwd).stdout == "No pair is left to decide.\n"


def test_what_cannot_be_decided_is_said(tmp_path: Path) -> None:
    cwd = folder(tmp_path)
    done = called("papers", "merge", "1", "2", cwd=cwd)
    assert done.returncode == 1
    assert "no paper '1' in the store" in done.stderr
