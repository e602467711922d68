"""The Daily Papers page as other programs render it."""

from __future__ import annotations

import os
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from digest.models import Alias, Dating, Dump, Link, Listing, Organization, Parsed
from digest.sources import daily_papers_renderings as form
from digest.sources.dates import Clues
from digest.sources.folder import FolderSettings, FolderSource

REFERENCES = """new

Get trending papers in your email inbox once a day!

[Subscribe][9]

# Daily Papers

## by[AK][10] and the research community
* Daily
* Weekly

Jun 29
[
-
][11]

### [A Very Long Title that the Program Wraps: Small Networks and Their Many
Uses][12]

[

Small networks [0, 1) are useful. We wrap this abstract over two lines, as the
program does.

A second paragraph.

][13]
[
* 3 authors
][14]
·
May 30
[
1,065
][15]

### [Second Study of Things][16]

[

We study things.

][17]
[[some-lab] Some Lab][18]
·
Mar 8, 2024 [ 6][19]
[
3
][20]

[

An abstract that lost its title.

][21]
·
Mar 9, 2024
"""

LIST = """
[12]: https://huggingface.co/papers/2605.00012
16. https://huggingface.co/papers/2403.04567
[19]: https://huggingface.co/papers/2403.04567#community
"""

URLS = """Daily Papers

by

AK

https://huggingface.co/akhaliq

 and the research community

a search

https://huggingface.co/papers/date/2024-12-31

Jan 1

 [-] 19

https://huggingface.co/login?next=%2Fpapers%2F2409.00001

First Study of Small Networks

https://huggingface.co/papers/2409.00001

We study small networks. They are good.

https://huggingface.co/papers/2409.00001

[

2 authors](https://huggingface.co/papers/2409.00001)

·

Sep 3, 2024

2

https://huggingface.co/papers/2409.00001#community

 [-] -

https://huggingface.co/login?next=%2Fpapers%2F2410.00002

https://huggingface.co/papers/2410.00002

We lost our title, but we are still here. We have sentences.

https://huggingface.co/papers/2410.00002

 Some Lab

https://huggingface.co/some-lab

·

Oct 7
"""

MARKDOWN = r"""# Daily Papers

- Daily

Oct 2

[101](https://huggingface.co/login?next=%2Fpapers%2F2606.00001)

### [Small\_Networks: Are They\  Useful?](https://huggingface.co/papers/2606.00001)

[We show that they are\\
useful \[1\] and cost 5% of \\alpha.](https://huggingface.co/papers/2606.00001)

[![some-lab](https://cdn.example.org/a(1).png)Some Lab, Inc.](https://huggingface.co/some-lab)

·

May 29[6](https://huggingface.co/papers/2606.00001#community)

[-](https://huggingface.co/login?next=%2Fpapers%2F2502.00002)

### [No Abstract Here](https://huggingface.co/papers/2502.00002)

[- ![](https://cdn.example.org/b.png)\\
- 3 authors](https://huggingface.co/papers/2502.00002)

·

Feb 27, 2025

### [Another Place](https://example.org/work)

[We publish elsewhere.](https://example.org/work)

·

Feb 28, 2025
"""


def at(_: Clues) -> Dating:
    return Dating(date=date(2026, 6, 29), rule="option")


def ids(value: str) -> tuple[Alias, Alias]:
    return Alias(scheme="arxiv", value=value), Alias(scheme="hf", value=value)


def said(listing: Listing) -> dict[str, object]:
    return {name: value for name, value in listing if name in listing.model_fields_set and value not in (None, (), "")}


def assert_whole(text: str, parsed: Parsed) -> None:
    parts = [*parsed.header, *(one.span for one in parsed.listings), *(one.span for one in parsed.rejected)]
    held = [number for span in parts for number in range(span.first, span.last + 1)]
    lines = text.split("\n")
    assert len(held) == len(set(held))
    assert {n for n in held if lines[n - 1].strip()} == {n for n, line in enumerate(lines, 1) if line.strip()}


def test_numbered_references() -> None:
    assert form.recognise(REFERENCES)
    parsed = form.read(REFERENCES, at)
    first, second = parsed.listings
    assert first.title == "A Very Long Title that the Program Wraps: Small Networks and Their Many Uses"
    assert first.abstract == (
        "Small networks [0, 1) are useful. We wrap this abstract over two lines, as the program does."
        "\n\nA second paragraph."
    )
    assert (first.author_count, first.published, first.upvotes, first.comments) == (3, date(2026, 5, 30), None, None)
    assert (second.upvotes, second.comments, second.published) == (1065, 6, date(2024, 3, 8))
    assert second.organization == Organization(name="Some Lab", handle="some-lab")
    assert [one.reason for one in parsed.rejected] == ["an abstract without a title before it"]
    assert_whole(REFERENCES, parsed)


def test_a_list_of_references_gives_ids_and_links() -> None:
    parsed = form.read(REFERENCES + LIST, at)
    first, second = parsed.listings
    assert (first.ids, first.links) == (ids("2605.00012"), ())
    assert second.ids == ids("2403.04567")
    assert second.links == (Link(rel="discussion", url="https://huggingface.co/papers/2403.04567#community"),)
    assert_whole(REFERENCES + LIST, parsed)


def test_one_url_a_line() -> None:
    assert form.recognise(URLS)
    parsed = form.read(URLS, at)
    (listing,) = parsed.listings
    assert said(listing) == {
        "span": listing.span,
        "title": "First Study of Small Networks",
        "abstract": "We study small networks. They are good.",
        "author_count": 2,
        "published": date(2024, 9, 3),
        "comments": 2,
        "upvotes": 19,
        "ids": ids("2409.00001"),
        "links": (Link(rel="discussion", url="https://huggingface.co/papers/2409.00001#community"),),
    }
    assert [one.reason for one in parsed.rejected] == ["an abstract without a title before it"]
    assert_whole(URLS, parsed)


def test_the_link_to_the_day_before_proves_the_year() -> None:
    source = FolderSource(FolderSettings(name="s", path="."), Path())
    dump = source_dump(URLS)
    dating = source.parse(dump, datetime(2026, 11, 20, tzinfo=UTC)).dating
    assert (dating.date, dating.rule) == (date(2025, 1, 1), "proven")


def source_dump(text: str) -> Dump:
    return Dump(source="s", name="page", content=text.encode())


def test_markdown() -> None:
    assert form.recognise(MARKDOWN)
    parsed = form.read(MARKDOWN, at)
    first, second, third = parsed.listings
    assert first.title == "Small_Networks: Are They Useful?"
    assert first.abstract == r"We show that they are useful [1] and cost 5% of \alpha."
    assert (first.upvotes, first.comments, first.published, first.author_count) == (101, 6, date(2026, 5, 29), None)
    assert first.organization == Organization(name="Some Lab, Inc.", handle="some-lab")
    assert (second.title, second.abstract, second.author_count, second.upvotes) == ("No Abstract Here", "", 3, None)
    assert (second.published, second.ids) == (date(2025, 2, 27), ids("2502.00002"))
    assert (third.ids, third.links) == ((), (Link(rel="work", url="https://example.org/work"),))
    assert parsed.rejected == ()
    assert_whole(MARKDOWN, parsed)


@pytest.mark.parametrize("text", [REFERENCES, URLS, MARKDOWN], ids=["references", "urls", "markdown"])
def test_a_line_taken_away_harms_two_papers_at_most(text: str) -> None:
    lines = text.split("\n")
    before = {one.title: said(one) | {"span": None} for one in form.read(text, at).listings}
    for index in range(len(lines)):
        less = "\n".join(lines[:index] + lines[index + 1 :])
        parsed = form.read(less, at)
        assert_whole(less, parsed)
        after = {one.title: said(one) | {"span": None} for one in parsed.listings}
        assert sum(after.get(title) != facts for title, facts in before.items()) <= 2


@pytest.mark.parametrize("text", [REFERENCES, URLS, MARKDOWN], ids=["references", "urls", "markdown"])
def test_a_truncated_page_loses_no_line(text: str) -> None:
    for end in range(0, len(text), 7):
        assert_whole(text[:end], form.read(text[:end], at))


@pytest.mark.parametrize(
    "tail",
    [
        "[a ](\n" * 20_000 + "### [x\n" * 20_000,
        "[" + "![a" * 1_000_000 + "](https://example.org/)",
        "[" + "\\" * 2_000_000 + "](https://example.org/)",
        "[" + "\n " * 100_000 + "](https://example.org/)",
        "https://huggingface.co/papers/2401.00001\n" * 20_000,
    ],
    ids=["open", "pictures", "backslashes", "blanks", "urls"],
)
def test_brackets_without_end_take_time_in_proportion(tail: str) -> None:
    text = MARKDOWN + tail
    started = time.perf_counter()
    assert_whole(text, form.read(text, at))
    assert time.perf_counter() - started < 10


def test_real_pages() -> None:
    folder = os.environ.get("DIGEST_TEST_DATA")
    if not folder or not (Path(folder) / "page-renderings").is_dir():
        pytest.skip("DIGEST_TEST_DATA is not set, or holds no page-renderings")
    source = FolderSource(FolderSettings(name="s", path=str(Path(folder) / "page-renderings")), Path())
    for dump in source.fetch():
        parsed = source.parse(dump, datetime(2026, 11, 20, tzinfo=UTC))
        assert (len(parsed.listings), parsed.rejected) == (3, ())
        assert all(one.title and one.abstract and one.published for one in parsed.listings)
        assert all(one.author_count or one.organization for one in parsed.listings)
        assert_whole(dump.content.decode(), parsed)
