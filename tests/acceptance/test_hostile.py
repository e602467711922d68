"""Dumps that no honest source gives, through the whole command: a clear outcome each, in bounded time and memory."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.command import CONFIG, NOW, page, paper, receipts, rows, unmeasured

HEAD = "new\n\nSubscribe\n\nDaily Papers\n\nbyAK and the research community\n\n"
SOME = [paper(number) for number in range(4)]
EVIL = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> \u202eevil\u202c {{ 7*7 }} ]]> & \"quotes\" 'n' </mj-text>"
)

DUMPS: dict[str, tuple[bytes, tuple[int, int]]] = {
    # name -> bytes, (new papers, rejected listings) that must come of it
    "empty": (b"", (0, 1)),
    "header only": (HEAD.encode(), (0, 0)),
    "truncated mid-line": (page("Nov 17", SOME).encode()[:-120], (4, 0)),
    "CRLF": (page("Nov 17", SOME).replace("\n", "\r\n").encode(), (4, 0)),
    "UTF-16": (page("Nov 17", SOME).encode("utf-16"), (4, 0)),
    "latin-1": (page("Nov 17", [(f"Übermäßig {t}", f"{a} Naïve.") for t, a in SOME]).encode("latin-1"), (4, 0)),
    "NUL bytes": (page("Nov 17", [(t.replace(" ", " \x00", 1), a) for t, a in SOME]).encode(), (4, 0)),
    "script": (page("Nov 17", [*SOME, (f"Attacks {EVIL} on Papers", paper(9)[1] + EVIL)]).encode(), (5, 0)),
    "RTL marks": (page("Nov 17", [(f"\u202e{t}\u200f", a) for t, a in SOME]).encode(), (4, 0)),
    "binary": (bytes(range(256)) * 40, (0, 1)),
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "digest.toml").write_text(CONFIG)
    (tmp_path / "dumps").mkdir()
    return tmp_path


def _conserved(receipt: dict[str, Any]) -> tuple[int, int]:
    """Assert the conservation law of a receipt; return what is new and what was rejected."""
    (source,) = receipt["sources"]
    kinds = ("new", "revised", "enriched", "seen", "rejected")
    assert source["listed"] == sum(source[kind] for kind in kinds)
    assert all(one["reason"] for one in source["rejections"])
    assert len(source["rejections"]) == source["rejected"]
    return source["new"], source["rejected"]


@pytest.mark.parametrize("name", DUMPS)
def test_each_has_a_clear_outcome(home: Path, name: str) -> None:
    content, expected = DUMPS[name]
    (home / "dumps" / "2026-11-17.txt").write_bytes(content)
    (receipt,) = receipts("replay", "dumps", cwd=home)
    assert _conserved(receipt) == expected
    entries = rows(home / "digest.db", "SELECT count(*) FROM entries")[0][0]
    assert entries == expected[0]
    if name == "RTL marks":
        assert {title for (title,) in rows(home / "digest.db", "SELECT title FROM versions")} == {t for t, _ in SOME}


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.scripts = 0
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


def test_nothing_of_a_dump_is_markup_in_any_file(home: Path) -> None:
    (home / "dumps" / "2026-11-17.txt").write_bytes(DUMPS["script"][0])
    receipts("replay", "dumps", cwd=home)
    files = sorted((home / "public").rglob("*.html"))
    assert len(files) > 10
    for file in files:
        text = file.read_text()
        tags = _Tags()
        tags.feed(text)
        assert (tags.scripts, tags.handlers) == (0, []), file
        assert "\u202e" not in text
    edition = (home / "public/daily/2026-11-17/index.html").read_text()
    assert "&lt;script&gt;" in edition
    assert "{{ 7*7 }}" in edition


@pytest.mark.tools
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("50 MB on one line", b"x" * 50_000_000),
        ("50 MB of words on one line", b"We propose a thing. " * 2_500_000),
        ("a title of 10,000 characters", page("Nov 17", [*SOME, ("Long " * 2000, paper(9)[1])]).encode()),
        ("5,000 papers", page("Nov 17", [paper(number) for number in range(5000)]).encode()),
    ],
)
def test_large_ones_take_bounded_time_and_memory(home: Path, name: str, content: bytes) -> None:
    (home / "dumps" / "2026-11-17.txt").write_bytes(content)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
        resource.setrlimit(resource.RLIMIT_AS, (2_000_000_000, 2_000_000_000))

    done = subprocess.run(
        [sys.executable, "-m", "digest", "replay", "dumps", "--json"],
        cwd=home,
        env={**unmeasured(), "DIGEST__CLOCK": NOW},
        capture_output=True,
        text=True,
        preexec_fn=limit,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    new, rejected = _conserved(json.loads(done.stdout))
    assert new + rejected >= 1
    if name == "5,000 papers":
        assert (new, rejected) == (5000, 0)
        assert len((home / "public/daily/2026-11-17/mail.html").read_bytes()) <= 100 * 1024
