"""A Daily Papers page as text: what is read from the seeds, and from damaged copies of them."""

from __future__ import annotations

import json
import os
import random
import re
import tarfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.models import Dating, Listing, Parsed
from digest.sources import daily_papers_text as form
from digest.sources import formats
from digest.sources.dates import Clues
from digest.text import clean, compact

SEEDS = sorted((Path(__file__).parents[2] / "seeds").glob("*.txt"))
TEXTS = [path.read_text(encoding="utf-8") for path in SEEDS]
COUNTS = (47, 90, 54, 41, 56)


def decide(_: Clues) -> Dating:
    return Dating(date=date(2026, 8, 1), rule="option")


def read(text: str) -> Parsed:
    return form.read(text, decide)


def facts(listing: Listing) -> tuple[object, ...]:
    """All of a listing but where it stands."""
    return tuple(value for name, value in listing if name != "span")


def all_facts(text: str) -> list[tuple[object, ...]]:
    return [facts(listing) for listing in read(text).listings]


def assert_whole(text: str, parsed: Parsed) -> None:
    """Header, listings and rejected spans hold every line that is not blank, and hold it once."""
    parts = [*parsed.header, *(one.span for one in parsed.listings), *(one.span for one in parsed.rejected)]
    held = [number for span in parts for number in range(span.first, span.last + 1)]
    assert len(held) == len(set(held))
    lines = text.split("\n")
    assert {n for n in held if lines[n - 1].strip()} == {n for n, line in enumerate(lines, 1) if line.strip()}


@pytest.mark.parametrize(("text", "count"), list(zip(TEXTS, COUNTS, strict=True)))
def test_every_paper_of_the_seeds_is_read(text: str, count: int) -> None:
    parsed = read(text)
    assert (len(parsed.listings), parsed.rejected) == (count, ())
    assert all(len(one.abstract) >= 165 and not one.authors for one in parsed.listings)
    assert form.recognise(text)
    assert_whole(text, parsed)


def test_seeds_hold_247_different_papers() -> None:
    assert len({compact(one.title) for text in TEXTS for one in read(text).listings}) == 247


def test_a_listing_has_all_that_its_lines_say() -> None:
    first, *_, organised, _ = read(TEXTS[0]).listings
    assert first.title == (
        "SPARSE Data, Rich Results: Few-Shot Semi-Supervised Learning via Class-Conditioned Image Translation"
    )
    assert first.abstract.startswith("Deep learning has revolutionized medical imaging, but")
    assert (first.author_count, first.published, first.comments) == (4, date(2025, 8, 8), 2)
    assert (first.span.first, first.span.last) == (13, 19)
    assert organised.organization is not None
    assert (organised.organization.handle, organised.organization.name) == ("MediaTek-Research", "MediaTek Research")
    assert organised.author_count is None


BLANKS: dict[str, Callable[[str], str]] = {
    "none": lambda text: re.sub(r"\n\s*\n", "\n", text),
    "doubled": lambda text: text.replace("\n\n", "\n\n\n\n"),
    "between every line": lambda text: text.replace("\n", "\n\n"),
    "with spaces in them": lambda text: text.replace("\n\n", "\n \t \n"),
    "and indented lines": lambda text: text.replace("\n", "\n   "),
}


@pytest.mark.parametrize("blanks", BLANKS)
@pytest.mark.parametrize("index", range(5))
def test_blank_lines_do_not_matter(blanks: str, index: int) -> None:
    changed = BLANKS[blanks](TEXTS[index])
    assert all_facts(changed) == all_facts(TEXTS[index])
    assert_whole(changed, read(changed))


def thirds(abstract: str) -> list[str]:
    sentences = re.split(r"(?<=[.!?]) ", abstract)
    size = max(len(sentences) // 3, 1)
    parts = (sentences[:size], sentences[size : 2 * size], sentences[2 * size :])
    return [" ".join(part) for part in parts if part]


def mid_words(abstract: str) -> list[str]:
    size = len(abstract) // 3
    return [abstract[:size], abstract[size : 2 * size], abstract[2 * size :]]


#: what is done to the title and abstract lines of one paper
DAMAGE: dict[str, Callable[[str, str], list[str]]] = {
    "abstract cut to 165": lambda title, abstract: [title, abstract[:165]],
    "abstract in three": lambda title, abstract: [title, *thirds(abstract)],
    "abstract in three, mid-word": lambda title, abstract: [title, *mid_words(abstract)],
    "no title": lambda title, abstract: [abstract],
    "no abstract": lambda title, abstract: [title],
    "nothing": lambda title, abstract: [],
    "junk before": lambda title, abstract: ["?!! 0x00 ~~", title, abstract],
}


def damaged(text: str, damage: str) -> Iterator[tuple[int, str]]:
    """Yield the page with each of its papers damaged in turn."""
    lines = text.split("\n")
    for index, listing in enumerate(read(text).listings):
        start = listing.span.first - 1
        title, abstract = lines[start], lines[start + 2]
        yield index, "\n".join([*lines[:start], "\n\n".join(DAMAGE[damage](title, abstract)), *lines[start + 3 :]])


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("text", TEXTS, ids=[path.name[:3] for path in SEEDS])
def test_one_damaged_paper_leaves_the_others_as_they_were(text: str, damage: str) -> None:
    before = all_facts(text)
    for index, changed in damaged(text, damage):
        if index % 3 != len(damage) % 3:
            continue  # a third of the positions, not the same for every damage: all of them take half a minute
        others = before[:index] + before[index + 1 :]
        parsed = read(changed)
        after = [facts(listing) for listing in parsed.listings]
        assert [one for one in others if one not in after] == []
        assert len(parsed.listings) + len(parsed.rejected) <= len(before) + 2
        if damage == "junk before":
            assert after == before
            assert [one.text for one in parsed.rejected] == ["?!! 0x00 ~~"]


def test_an_abstract_in_three_paragraphs_is_one_abstract() -> None:
    whole = read(TEXTS[3]).listings[5]
    _, changed = list(damaged(TEXTS[3], "abstract in three"))[5]
    assert read(changed).listings[5].abstract.replace("\n\n", " ") == whole.abstract


@pytest.mark.parametrize("text", TEXTS, ids=[path.name[:3] for path in SEEDS])
def test_a_truncated_page_keeps_what_stood_before(text: str) -> None:
    whole = read(text).listings
    for end in range(200, len(text), 4999):
        complete = [facts(one) for one in whole if one.span.last < text[:end].count("\n") + 1]
        assert all_facts(text[:end])[: len(complete)] == complete


def test_reasons_say_what_is_missing() -> None:
    title = "A Title Without Anything After It"
    abstract = "We show that this is prose. It has sentences, and it ends. "
    reasons = [one.reason for one in read(f"Daily Papers\nJan 2\n{title}").rejected]
    assert reasons == ["a title without an abstract after it"]
    reasons = [one.reason for one in read(f"Daily Papers\nJan 2\n{abstract * 5}\n• 3 authors\n·\nMay 3").rejected]
    assert reasons == ["an abstract without a title before it"]
    reasons = [one.reason for one in read("Daily Papers\nJan 2\n• 3 authors\n·\nMay 3").rejected]
    assert reasons == ["authors or a date without title and abstract before them"]


HEADS = [
    "new\nGet trending papers in your email inbox once a day!\nGet trending papers in your email inbox!\nSubscribe\n"
    "Daily Papers\nbyAK and the research community\nDaily\nWeekly\nMonthly\nTrending Papers\nJan 2\n",
    "Daily Papers\nby AK and the research community\nJan 2, 2026\n",
    "byAK and the research community\nspiking networks\nJan 2\n",
    "Jan 2\n",
    "",
]


@pytest.mark.parametrize("head", HEADS)
def test_lines_of_the_head_may_come_and_go(head: str) -> None:
    body = TEXTS[1].split("Jun 26\n", 1)[1]
    parsed = read(head + body)
    assert [facts(one) for one in parsed.listings] == all_facts(TEXTS[1])
    assert parsed.rejected == ()
    assert form.recognise(head + body)


def test_a_head_without_papers_gives_nothing_and_rejects_nothing() -> None:
    parsed = read(HEADS[0])
    assert (parsed.listings, parsed.rejected) == ((), ())


@pytest.mark.parametrize(
    "text",
    [
        "Dear all,\nthe meeting is moved to Tuesday. Please bring your slides, and be on time.\nBest,\nAnna\n",
        "<html><head><title>Daily Papers</title></head><body><p>Nothing.</p></body></html>",
        '{"papers": [{"title": "A"}]}',
        "id,title\n1,A Study\n2,Another Study\n",
        bytes(range(256)).decode("latin-1") * 50,
    ],
)
def test_other_texts_are_not_taken_for_a_page(text: str) -> None:
    assert not form.recognise(text)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=400))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_no_line_of_any_text_is_lost(text: str) -> None:
    assert_whole(text, read(text))


@given(st.integers(0, 4), st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_no_line_of_a_shuffled_page_is_lost(index: int, order: random.Random) -> None:
    lines = TEXTS[index].split("\n")
    order.shuffle(lines)
    text = "\n".join(lines[:200])
    assert_whole(text, read(text))


def test_what_no_reader_sees_is_dropped_and_markup_stays_text() -> None:
    prose = "We study <script>alert(1)</script> in \u202edepth\u202c. It is done\x07 well, and so it ends. " * 3
    (listing,) = read(f"Daily Papers\nJan 2\nThe \u200fTitle <script>\n{prose}").listings
    assert listing.title == "The Title <script>"
    assert "<script>alert(1)</script>" in listing.abstract
    assert not set("\u202e\u202c\x07\u200f") & set(listing.abstract)


def test_five_thousand_papers_take_time_in_proportion() -> None:
    body = TEXTS[4].split("Jul 31\n", 1)[1] + "\n"
    started = time.perf_counter()
    assert len(read("Daily Papers\nJul 31\n" + body * 90).listings) == 5040
    assert time.perf_counter() - started < 15


@pytest.mark.parametrize("line", ["x" * 50_000_000, "A line. " * 6_000_000, "[" * 10_000_000, " ." * 10_000_000])
def test_one_huge_line_is_rejected_in_bounded_time(line: str) -> None:
    started = time.perf_counter()
    parsed = formats.read(f"{TEXTS[2]}\n\n{line}", decide)
    assert [facts(one) for one in parsed.listings] == all_facts(TEXTS[2])
    assert "too long" in parsed.rejected[0].reason
    assert time.perf_counter() - started < 10


@pytest.mark.parametrize("index", [0, 20, 40])
@pytest.mark.parametrize("title", ["A Long Word " * 834, "x" * 10_000])
def test_a_title_of_ten_thousand_characters_is_rejected_alone(title: str, index: int) -> None:
    for text in (TEXTS[3], TEXTS[4]):
        before = all_facts(text)
        listing = read(text).listings[index]
        lines = text.split("\n")
        lines[listing.span.first - 1] = title
        parsed = read("\n".join(lines))
        assert [facts(one) for one in parsed.listings] == before[:index] + before[index + 1 :]
        (rejected,) = parsed.rejected
        assert "too long for a title" in rejected.reason


def real_papers() -> list[tuple[str, str]]:
    """Titles and abstracts of a year of Daily Papers, from the test data."""
    archive = Path(os.environ.get("DIGEST_TEST_DATA") or "/nowhere") / "daily-papers-json.tar.xz"
    if not archive.is_file():
        pytest.skip("DIGEST_TEST_DATA is not set, or holds no daily-papers-json.tar.xz")
    found: dict[str, tuple[str, str]] = {}
    with tarfile.open(archive) as days:
        for member in days:
            content = days.extractfile(member) if member.name.endswith(".json") else None
            entries = json.load(content) if content else []
            papers = [entry.get("paper") for entry in entries if isinstance(entry, dict)]
            for paper in (paper for paper in papers if isinstance(paper, dict) and paper.get("summary")):
                found[paper["id"]] = clean(paper["title"]), clean(paper["summary"])
    return list(found.values())


def test_real_papers_are_read_back_from_pages_made_of_them() -> None:
    papers = real_papers()
    assert len(papers) > 4000
    for byline in ("", "\n\n  • 4 authors\n·\nAug 8, 2025 2"):
        wrong = 0
        for start in range(0, len(papers), 50):
            batch = papers[start : start + 50]
            body = "\n\n".join(f"{title}\n\n{abstract}{byline}" for title, abstract in batch)
            got = {(one.title, one.abstract) for one in read(f"Daily Papers\n\nJan 2\n\n{body}\n").listings}
            wrong += len(set(batch) - got)
        assert wrong <= len(papers) / 1000
