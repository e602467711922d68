"""The contract of a source: ours keep it, so does an installed one; each way to break it is found."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from digest.errors import SourceError
from digest.models import Alias, Dating, Dump, Link, Listing, Notice, Parsed, Rejected, Span
from digest.protocols import Source
from digest.sources import kinds, open_source, settings_for
from digest.sources.base import read_lines
from digest.sources.folder import FolderSettings
from digest.testing import Memory, check_source
from tests.acceptance.command import digest, receipts, tallies

DATING = Dating(date=datetime(2026, 11, 20, tzinfo=UTC).date(), rule="assumed")
EXAMPLE = (
    "2611.00001\tSmall Networks for Every Task\tWe prune them.\n"
    "no paper at all\n"
    "2611.00002\tLarge Networks for No Task\tWe grow them.\n"
)


def item(number: int) -> dict[str, Any]:
    return {"paper": {"id": f"2611.{number:05}", "title": f"Paper {number}", "summary": "We did.", "upvotes": number}}


@pytest.fixture
def installed(tmp_path: Path, root: Path) -> Path:
    """A folder that pip could have installed the example into: its module, and its metadata."""
    site = tmp_path / "site"
    metadata = site / "digest_tabs-1.0.dist-info"
    metadata.mkdir(parents=True)
    shutil.copy(root / "tests" / "example_source" / "example_source.py", site)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: digest-tabs\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[digest.sources]\ntabs = example_source:KIND\n")
    (tmp_path / "papers.tsv").write_text(EXAMPLE)
    return site


def test_folders_keep_the_contract(tmp_path: Path, seeds: Path) -> None:
    shutil.copytree(seeds, tmp_path / "in")
    (tmp_path / "in" / "2026-11-20.json").write_text(json.dumps([item(1), "no object", item(2)]))
    (tmp_path / "in" / "broken.json.gz").write_bytes(b"\x1f\x8b\x08 not gzip")
    check_source(open_source(FolderSettings(name="s", path="in"), tmp_path))


def test_an_installed_kind_keeps_the_contract(tmp_path: Path, installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(installed)
    assert "tabs" in kinds()
    settings = settings_for("tabs").model_validate({"name": "mine", "kind": "tabs", "path": "papers.tsv"})
    source = open_source(settings, tmp_path)
    check_source(source)
    (dump,) = source.fetch(Memory())
    assert isinstance(dump, Dump)
    parsed = source.parse(dump, Memory().now)
    assert [one.title for one in parsed.listings] == ["Small Networks for Every Task", "Large Networks for No Task"]
    assert [one.span.first for one in parsed.rejected] == [2]


def test_the_command_runs_an_installed_kind(tmp_path: Path, installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "digest.toml").write_text(
        '[newsletters.daily]\ntitle = "Daily"\n[[sources]]\nname = "mine"\nkind = "tabs"\npath = "papers.tsv"\n'
    )
    monkeypatch.setenv("PYTHONPATH", str(installed))
    (receipt,) = receipts("run", cwd=tmp_path)
    assert tallies(receipt) == (3, 2, 0, 0, 0, 1)
    (tmp_path / "digest.toml").write_text('[newsletters.daily]\ntitle = "Daily"\n[[sources]]\nkind = "tab"\n')
    wrong = digest("run", cwd=tmp_path)
    assert wrong.returncode == 2
    assert 'did you mean "tabs"' in wrong.stderr


def test_lines_are_read_by_the_names_in_a_pattern() -> None:
    pattern = re.compile(r"(?P<title>[^|]*)\|(?P<authors>[^|]*)(?:\|(?P<doi>10\.\S+))?")
    content = "\ufeffA  Title|Ann Bee, Cee Dee,|10.1000/x\r\n\n |Nobody\nno line of that form\nAnother|\n".encode()
    dump = Dump(source="made", name="2026-11-19.txt", content=content)
    told = read_lines(dump, Memory().now, pattern, otherwise="no title and authors")
    assert [(one.title, one.authors, one.span.first) for one in told.listings] == [
        ("A Title", ("Ann Bee", "Cee Dee"), 1),
        ("Another", (), 5),
    ]
    assert told.listings[0].ids == (Alias(scheme="doi", value="10.1000/x"),)
    assert [(one.span.first, one.reason) for one in told.rejected] == [(n, "no title and authors") for n in (3, 4)]
    assert (told.dating.date.isoformat(), told.dating.rule) == ("2026-11-19", "file-name")


class Made:
    """A source whose parts a test replaces."""

    name = "made"
    daily = False

    def __init__(self, **parts: Any) -> None:
        self.listing: dict[str, Any] = {"title": "A Title", "span": Span(first=1, last=1)}
        self.listing |= parts.pop("listing", {})
        self.parts = parts

    def fetch(self, memory: object) -> Any:
        yield from self.parts.get("dumps", [Dump(source="made", name="a.txt", content=b"one\n\ntwo")])
        if "fails" in self.parts:
            raise self.parts["fails"]

    def parse(self, dump: Dump, received: datetime) -> Parsed:
        if "parse" in self.parts:
            return self.parts["parse"](dump)  # type: ignore[no-any-return]
        dating = Dating(date=dump.date, rule="option") if dump.date else DATING
        return Parsed(dating=dating, listings=(Listing(**self.listing),))


def parsed(*spans: tuple[int, int], reason: str = "why") -> Callable[[Dump], Parsed]:
    def parse(dump: Dump) -> Parsed:
        rejected = [Rejected(span=Span(first=a, last=b), reason=reason, text="") for a, b in spans]
        dating = Dating(date=dump.date, rule="option") if dump.date else DATING
        return Parsed(dating=dating, rejected=tuple(rejected))

    return parse


def raises(error: Exception) -> Callable[[Dump], Parsed]:
    def parse(dump: Dump) -> Parsed:
        raise error

    return parse


def changing() -> Callable[[Dump], Parsed]:
    calls: list[Dump] = []

    def parse(dump: Dump) -> Parsed:
        calls.append(dump)
        return Parsed(dating=DATING, header=(Span(first=1, last=len(calls)),))

    return parse


BROKEN = [
    ({"dumps": ["text"]}, "yields a str"),
    ({"dumps": [Dump(source="other", name="a", content=b"")]}, "says source 'other'"),
    ({"dumps": [Dump(source="made", name=" a\n", content=b"")]}, "names are for people"),
    ({"dumps": [Dump(source="made", name="a", content=b"", date=DATING.date)]}, "go together"),
    ({"dumps": [Notice(status="empty", note=" ")]}, "says nothing"),
    ({"fails": KeyError("x")}, "fetch raises KeyError"),
    ({"fails": SourceError("")}, "says nothing"),
    ({"parse": raises(ValueError("x"))}, "parse raises ValueError"),
    ({"parse": changing()}, "must be pure"),
    ({"parse": lambda dump: Parsed(dating=DATING)}, "date that a command gives"),
    ({"parse": parsed((2, 1))}, "from 2 to 1"),
    ({"parse": parsed((1, 2), (2, 3))}, "2 is read twice"),
    ({"parse": parsed((3, 3))}, r"\[1\] is in no listing"),
    ({"parse": parsed((1, 1), (5, 5))}, r"\[3\] is in no listing"),
    ({"parse": parsed((1, 3), reason="")}, "without a reason"),
    ({"listing": {"title": "Two\nlines"}}, "not cleaned"),
    ({"listing": {"title": ""}}, "is empty"),
    ({"listing": {"abstract": "one\n\n\n\ntwo"}}, "is empty"),
    ({"listing": {"ids": (Alias(scheme="arxiv", value="2611.00001v2"),)}}, "not normalised"),
    ({"listing": {"ids": (Alias(scheme="hf", value="2611.00001v2"),)}}, "not normalised"),
    ({"listing": {"ids": (Alias(scheme="doi", value="https://doi.org/10.1000/x"),)}}, "not normalised"),
    ({"listing": {"ids": (Alias(scheme="title", value="x"),)}}, "no scheme"),
    ({"listing": {"keywords": ("a", "a")}}, "twice"),
    ({"listing": {"links": (Link(rel="code", url="github.com/a/b"),)}}, r"no http\(s\) address"),
    ({"listing": {"upvotes": -1}}, "a count of -1"),
    ({"listing": {"authors": ("A", "B"), "author_count": 1}}, "1 authors, but 2 names"),
    ({"listing": {"version": 0}}, "version 0"),
]


@pytest.mark.parametrize(("parts", "message"), BROKEN, ids=[message for _, message in BROKEN])
def test_what_breaks_the_contract_is_named(parts: dict[str, Any], message: str) -> None:
    source: Source = Made(**parts)
    with pytest.raises(AssertionError, match=message):
        check_source(source)


def test_what_keeps_the_contract_passes() -> None:
    check_source(Made(fails=SourceError("the server is down"), parse=parsed((1, 1), (3, 3))))
    check_source(Made(listing={"abstract": "one\n\ntwo", "ids": (Alias(scheme="arxiv", value="cs.lg/0112017"),)}))
    check_source(Made(dumps=[Notice(status="calendar", note="never at weekends")]))
