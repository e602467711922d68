"""Dumps in folders and files: which are read, how they are named, what happens to those that cannot be."""

from __future__ import annotations

import codecs
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from digest.errors import ConfigError, ParseError, SourceError
from digest.models import Dump, Parsed
from digest.sources import KINDS, kinds, open_source, settings_for, unknown_kind_message
from digest.sources.decoding import decode
from digest.sources.folder import FolderSettings, FolderSource, sources_for
from digest.testing import Memory

RECEIVED = datetime(2026, 11, 20, tzinfo=UTC)
ABSTRACT = "We study naïve networks – they’re small. Our method prunes them, and it works well on every task we tried. "
PAGE = f"Daily Papers\nJan 2\n\nSmall Networks for Every Task\n\n{ABSTRACT * 3}\n\n  • 4 authors\n·\nAug 8, 2025 2\n"


def source(path: Path, **more: object) -> FolderSource:
    return FolderSource(FolderSettings.model_validate({"name": "s", "path": str(path), **more}), Path("/"))


def parse(content: bytes) -> Parsed:
    return source(Path()).parse(Dump(source="s", name="page.txt", content=content), RECEIVED)


def test_a_folder_gives_its_files_by_name(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", ".hidden", "c.md"):
        (tmp_path / name).write_text(name)
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "d.txt").write_text("d")
    assert [one.name for one in source(tmp_path).fetch()] == ["a.txt", "b.txt", "c.md"]
    assert {one.source for one in source(tmp_path).fetch()} == {"s"}
    assert [one.name for one in source(tmp_path, pattern="**/*.txt").fetch()] == ["a.txt", "b.txt", "below/d.txt"]
    assert [(one.name, one.content) for one in source(tmp_path / "c.md").fetch()] == [("c.md", b"c.md")]
    assert next(source(tmp_path).fetch()).date_rule is None


def test_a_relative_path_starts_at_the_root(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_bytes(b"1")
    opened = open_source(FolderSettings(name="s", path="in"), tmp_path)
    assert [one.name for one in opened.fetch(Memory()) if isinstance(one, Dump)] == ["a.txt"]
    assert (opened.name, opened.daily) == ("s", False)


def test_a_missing_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere.*create it, or correct `path`"):
        list(source(tmp_path / "nowhere").fetch())


def test_a_file_that_cannot_be_read_stops_no_other(tmp_path: Path) -> None:
    for name in "ac":
        (tmp_path / name).write_text(name)
    (tmp_path / "b").symlink_to(tmp_path / "gone")
    found = source(tmp_path).fetch()
    assert [next(found).name, next(found).name] == ["a", "c"]
    with pytest.raises(SourceError, match=r"cannot read .*gone: No such file"):
        next(found)


def test_equal_names_from_two_folders_are_two_dumps(tmp_path: Path) -> None:
    for folder in "xy":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "page.txt").write_text(folder)
    given = [tmp_path / "x" / "page.txt", tmp_path / "y" / "page.txt", tmp_path / "x"]
    (opened,) = sources_for(given, [], tmp_path)
    assert [(one.name, one.content) for one in opened.fetch()] == [("page.txt", b"x"), ("page.txt", b"y")]


def test_paths_are_read_as_the_source_that_holds_them(tmp_path: Path) -> None:
    seeds, other = tmp_path / "seeds", tmp_path / "other"
    for folder in (seeds, other):
        folder.mkdir()
        for name in ("a.txt", "b.txt"):
            (folder / name).write_text(PAGE)
    settings = FolderSettings(name="mine", path="seeds", year=2024)
    opened = sources_for([seeds / "b.txt", other], [settings], tmp_path)
    assert [(one.name, [entry.name for entry in one.fetch()]) for one in opened] == [
        ("mine", ["b.txt"]),
        ("replay", ["a.txt", "b.txt"]),
    ]
    dump = next(opened[0].fetch())
    assert opened[0].parse(dump, RECEIVED).dating.date == date(2024, 1, 2)
    whole = open_source(settings, tmp_path).fetch(Memory())
    assert dump.name == [entry.name for entry in whole if isinstance(entry, Dump)][1]


def test_a_day_that_a_command_gives_is_the_date_of_every_dump(tmp_path: Path) -> None:
    (tmp_path / "2025-05-05.txt").write_text(PAGE)
    (opened,) = sources_for([tmp_path / "2025-05-05.txt"], [], tmp_path, date(2026, 3, 4))
    (dump,) = opened.fetch()
    dating = opened.parse(dump, RECEIVED).dating
    assert (dump.name, dating.date, dating.rule) == ("2025-05-05.txt", date(2026, 3, 4), "option")


def test_paths_that_are_not_there_are_named(tmp_path: Path) -> None:
    (opened,) = sources_for([tmp_path / "gone.txt"], [], tmp_path)
    with pytest.raises(SourceError, match=r"gone\.txt"):
        list(opened.fetch())


@pytest.mark.parametrize(
    "content",
    [
        PAGE.encode(),
        codecs.BOM_UTF8 + PAGE.encode(),
        PAGE.encode("utf-16"),
        PAGE.encode("utf-16-le"),
        PAGE.encode("utf-16-be"),
        PAGE.encode("utf-32"),
        PAGE.encode("utf-32-be"),
        PAGE.replace("\n", "\r\n").encode(),
        PAGE.replace("\n", "\r").encode(),
        PAGE.replace("net", "n\0et\0").encode(),
        PAGE.encode("cp1252"),
    ],
    ids="utf8 bom utf16 utf16le utf16be utf32 utf32be crlf cr nul cp1252".split(),
)
def test_encodings_and_line_ends_do_not_matter(content: bytes) -> None:
    assert parse(content).listings == parse(PAGE.encode()).listings
    assert len(parse(content).listings) == 1


def test_latin_1_and_cut_characters_are_read() -> None:
    assert decode("naïve\x81 café".encode("latin-1")) == "naïve\x81 café"
    whole = "they’re “here” – naïve".encode()
    assert decode(whole + "é".encode()[:1]) == "they’re “here” – naïve\ufffd"
    assert decode(b"") == ""


def test_an_empty_dump_is_an_error_and_a_bare_head_is_not() -> None:
    for empty in (b"", b" \r\n\t\n", codecs.BOM_UTF8, b"\0\0"):
        with pytest.raises(ParseError, match=r"page\.txt is empty"):
            parse(empty)
    assert parse(b"new\n\nSubscribe\n\nDaily Papers\n\nJan 2\n").listings == ()


def test_an_unknown_form_is_told_with_those_that_are_known() -> None:
    with pytest.raises(ParseError, match=r"page\.txt is of no known form; known are: Daily Papers as .*'%PDF-1"):
        parse(b"%PDF-1.7 and so on")


def test_kinds_that_are_not_there_are_told_with_those_that_are() -> None:
    assert settings_for("folder") is FolderSettings
    assert set(KINDS) <= set(kinds())
    assert 'did you mean "folder"' in unknown_kind_message("fodler")
    assert unknown_kind_message("blog").endswith("there are: " + ", ".join(f'"{name}"' for name in kinds()))
    with pytest.raises(ConfigError, match='unknown kind of source "rss"'):
        settings_for("rss")


@pytest.mark.parametrize("wrong", [{"pth": "x"}, {"path": "x", "year": 12}, {"path": "x", "kind": "feed"}, {}])
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FolderSettings.model_validate({"name": "s", **wrong})
