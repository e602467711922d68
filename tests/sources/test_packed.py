"""Compressed dumps and archives: told by their bytes, unpacked one by one, never more than allowed."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import tarfile
import tracemalloc
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from digest.errors import SourceError
from digest.sources import packed
from digest.sources.folder import FolderSettings, FolderSource
from digest.testing import Memory
from tests.acceptance.command import page, paper, receipts, tallies


def zstd(content: bytes) -> bytes:
    import zstandard

    return zstandard.compress(content)


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
if find_spec("zstandard"):
    PACKERS["zstd"] = zstd


def tar(*members: tuple[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


def unpacked(content: bytes, name: str = "a", **limits: int) -> tuple[list[tuple[str, bytes]], str]:
    found: list[tuple[str, bytes]] = []
    try:
        found.extend(packed.unpack(name, io.BytesIO(content), **limits))
    except SourceError as error:
        return found, str(error)
    return found, ""


@pytest.mark.parametrize("packing", PACKERS)
def test_each_packing_is_told_by_its_bytes(packing: str) -> None:
    pack = PACKERS[packing]
    assert packed.is_packed(pack(b"text"))
    assert unpacked(pack(b"text" * 1000), "page.txt") == ([("page.txt", b"text" * 1000)], "")
    assert unpacked(pack(b"")) == ([("a", b"")], "")
    members = (("./2026-01-01.txt", b"one"), ("more/2026-01-02.txt", b"two" * 9999))
    expected = [("old.bin/2026-01-01.txt", b"one"), ("old.bin/more/2026-01-02.txt", b"two" * 9999)]
    assert unpacked(pack(tar(*members)), "old.bin") == (expected, "")
    inside = tar(("page.txt.x", pack(b"text")), ("b", b"b"))
    assert unpacked(inside) == ([("a/page.txt.x", b"text"), ("a/b", b"b")], "")


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_archives_of_every_form_are_read(form: int) -> None:
    name = "d/" * 60 + "page.txt"
    assert unpacked(tar((name, b"x"), form=form)) == ([(f"a/{name}", b"x")], "")


@pytest.mark.parametrize("content", [b"", b"text", b"BZ", b"\x1f\x8b", b"x" * 600, b"\0" * 2000, b"0\0" * 600])
def test_what_is_not_packed_is_itself(content: bytes) -> None:
    assert not packed.is_packed(content[: packed.HEAD])
    assert unpacked(content) == ([("a", content)], "")


def test_several_streams_in_one_file_are_one_text() -> None:
    for pack in PACKERS.values():
        assert unpacked(pack(b"one") + pack(b"two")) == ([("a", b"onetwo")], "")


def test_folders_links_and_hidden_files_are_no_dumps() -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, kind in (("in", tarfile.DIRTYPE), ("in/link", tarfile.SYMTYPE), ("in/dev", tarfile.CHRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        for name in (".git/config", "in/._page.txt", "../up.txt"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    assert unpacked(made.getvalue()) == ([("a/../up.txt", b"")], "")


def test_a_member_that_is_too_large_stops_no_other() -> None:
    content = gzip.compress(tar(("a", b"x" * 101), ("b", b"x" * 100), ("c.gz", gzip.compress(b"x" * 101)), ("d", b"")))
    found, fault = unpacked(content, "all.tgz", member_limit=100)
    assert [name for name, _ in found] == ["all.tgz/b", "all.tgz/d"]
    assert "all.tgz/a has over 100 bytes unpacked" in fault
    assert "all.tgz/c.gz has over 100 bytes unpacked" in fault


def test_all_together_has_a_limit() -> None:
    content = gzip.compress(tar(*((f"{n}", b"x" * 1000) for n in range(100))))
    found, fault = unpacked(content, total_limit=50_000)
    assert 10 < len(found) < 50
    assert "a has over 50,000 bytes unpacked" in fault


def test_a_bomb_takes_neither_memory_nor_time() -> None:
    bombs = [gzip.compress(b"\0" * 50_000_000), gzip.compress(gzip.compress(b"\0" * 50_000_000))]
    for bomb in bombs:
        tracemalloc.start()
        found, fault = unpacked(bomb, member_limit=1_000_000)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert found == []
        assert "has over 1 MB unpacked" in fault
        assert peak < 10_000_000


def test_what_is_packed_over_and_over_is_left() -> None:
    content = b"text"
    for _ in range(6):
        content = gzip.compress(content)
    assert unpacked(content) == ([], "a is packed more than 4 times over; unpack it yourself")


@pytest.mark.parametrize("packing", PACKERS)
def test_a_broken_file_says_so(packing: str) -> None:
    whole = PACKERS[packing](b"".join(b"%d " % (n * n) for n in range(20_000)))
    for broken in (whole[: len(whole) // 2], whole[:20] + b"#" * 40 + whole[60:], whole[:8]):
        found, fault = unpacked(broken, "page")
        assert found == []
        assert "page cannot be unpacked" in fault


def test_a_broken_member_stops_no_other() -> None:
    found, fault = unpacked(tar(("a", b"1"), ("b", gzip.compress(b"x" * 99)[:20]), ("c", b"3")))
    assert [name for name, _ in found] == ["a/a", "a/c"]
    assert "a/b cannot be unpacked" in fault


def test_an_archive_that_was_cut_keeps_what_is_whole() -> None:
    whole = tar(("a", b"x" * 600), ("b", b"x" * 600))
    found, fault = unpacked(whole[: 512 + 1024 + 512 + 100])
    assert found[0] == ("a/a", b"x" * 600)
    assert "cannot be unpacked" in fault


def test_without_zstandard_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"\x28\xb5\x2f\xfd and so on"
    monkeypatch.setitem(sys.modules, "zstandard", None)
    found, fault = unpacked(content, "page.zst")
    assert found == []
    assert "pip install zstandard" in fault


def source(folder: Path) -> FolderSource:
    return FolderSource(FolderSettings(name="s", path="."), folder)


def test_a_folder_reads_packed_files_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(tar(("1.txt", b"1"), ("2.txt", b"2"))))
    (tmp_path / "b.txt").write_bytes(lzma.compress(b"3"))
    (tmp_path / "c.gz").write_bytes(b"not packed at all")
    (tmp_path / "d.gz").write_bytes(gzip.compress(b"x" * 999)[:20])
    (tmp_path / "e.txt").write_bytes(b"5")
    found = source(tmp_path).fetch(Memory())
    first = next(found)
    (tmp_path / "e.txt").write_bytes(b"six")
    names = {first.name: first.content}
    with pytest.raises(SourceError, match=r"cannot read d\.gz cannot be unpacked"):
        names.update((dump.name, dump.content) for dump in iter(lambda: next(found), None))
    assert names == {
        "a.tar.gz/1.txt": b"1",
        "a.tar.gz/2.txt": b"2",
        "b.txt": b"3",
        "c.gz": b"not packed at all",
        "e.txt": b"six",
    }


def test_the_command_replays_an_archive(tmp_path: Path) -> None:
    days = ("2026-01-05", "2026-01-06")
    pages = [
        (f"{day}.txt", page("Jan 5", [paper(n) for n in range(at, at + 3)]).encode()) for at, day in enumerate(days)
    ]
    (tmp_path / "digest.toml").write_text(
        '[newsletters.daily]\ntitle = "Daily"\n[[sources]]\nkind = "folder"\npath = "dumps"\n'
    )
    (tmp_path / "old.tar.xz").write_bytes(lzma.compress(tar(*reversed(pages))))
    first, second = receipts("replay", "old.tar.xz", cwd=tmp_path)
    assert [tallies(one)[:2] for one in (first, second)] == [(3, 3), (3, 1)]
    assert [one["sources"][0]["dumps"][0]["name"] for one in (first, second)] == [f"old.tar.xz/{d}.txt" for d in days]
