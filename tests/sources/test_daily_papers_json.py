"""Daily Papers as JSON, as Python writes it, and in the saved page: every item is a listing or a reason."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from html import escape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import ParseError
from digest.models import Dump, Link, Listing, Organization, Parsed
from digest.sources.folder import FolderSettings, FolderSource, sources_for
from digest.testing import Memory, check_source, ids

RECEIVED = datetime(2026, 11, 20, tzinfo=UTC)

#: an item with every field that the API ever gave
WHOLE: dict[str, Any] = {
    "paper": {
        "id": "2510.12747",
        "authors": [
            {"_id": "1", "user": {"fullname": "jz", "user": "jz", "isPro": False}, "name": "Junhao Zhuang"},
            {"_id": "2", "name": "Shi  Guo", "hidden": True},
            {"_id": "3", "name": ""},
        ],
        "publishedAt": "2025-10-14T17:25:54.000Z",
        "submittedOnDailyAt": "2025-10-15T00:27:04.930Z",
        "title": "FlashVSR: Towards Real-Time\n  Super-Resolution",
        "submittedOnDailyBy": {"fullname": "Tai Siri", "user": "taesiri"},
        "summary": "Diffusion models have advanced\nvideo restoration.\n  We propose FlashVSR.",
        "upvotes": 24,
        "discussionId": "68eeff63486b78128f0e339a",
        "projectPage": " https://zhuang2002.github.io/FlashVSR/",
        "githubRepo": "https://github.com/OpenImagingLab/\nFlashVSR",
        "githubRepoAddedBy": "user",
        "githubStars": 34,
        "ai_summary": "Fast video.",
        "ai_keywords": ["diffusion", "video  super-resolution", "diffusion", ""],
        "mediaUrls": ["https://cdn.example.org/a.mp4"],
        "organization": {"name": "pa", "fullname": "Paper Lab"},
    },
    "publishedAt": "2025-10-14T13:25:54.000Z",
    "title": "FlashVSR: Towards Real-Time\n  Super-Resolution",
    "summary": "Another summary.",
    "thumbnail": "https://cdn.example.org/2510.12747.png",
    "numComments": 2,
    "submittedBy": {"fullname": "Tai Siri", "name": "taesiri"},
    "isAuthorParticipating": True,
    "mediaUrls": ["https://cdn.example.org/a.mp4", "https://cdn.example.org/b.mp4"],
    "organization": {"name": "lab", "fullname": "Open Imaging Lab", "avatar": "https://cdn.example.org/lab.png"},
}


def item(number: int = 1, **paper: Any) -> dict[str, Any]:
    told = {"id": f"2611.{number:05}", "title": f"Paper {number}", "summary": "We did.", "upvotes": 1, **paper}
    return {"paper": {name: value for name, value in told.items() if value is not None}}


def parse(content: str | bytes, name: str = "page.json") -> Parsed:
    source = FolderSource(FolderSettings(name="s", path="."), Path("/"))
    raw = content if isinstance(content, bytes) else content.encode()
    return source.parse(Dump(source="s", name=name, content=raw), RECEIVED)


def read(*items: Any, name: str = "page.json") -> Parsed:
    return parse(json.dumps(items), name)


def titles(parsed: Parsed) -> list[str]:
    return [one.title for one in parsed.listings]


def test_every_field_is_taken() -> None:
    (listing,) = read(WHOLE).listings
    assert listing.model_dump(exclude={"span", "extra"}) == Listing(
        span=listing.span,
        title="FlashVSR: Towards Real-Time Super-Resolution",
        abstract="Diffusion models have advanced video restoration.\n\nWe propose FlashVSR.",
        authors=("Junhao Zhuang", "Shi Guo"),
        author_count=2,
        organization=Organization(name="Open Imaging Lab", handle="lab"),
        published=date(2025, 10, 14),
        comments=2,
        upvotes=24,
        ids=ids("arxiv:2510.12747", "hf:2510.12747"),
        links=(
            Link(rel="code", url="https://github.com/OpenImagingLab/FlashVSR"),
            Link(rel="project", url="https://zhuang2002.github.io/FlashVSR/"),
            Link(rel="discussion", url="https://huggingface.co/papers/2510.12747#community"),
        ),
        keywords=("diffusion", "video super-resolution"),
        stars=34,
    ).model_dump(exclude={"span", "extra"})
    assert listing.extra == {
        "thumbnail": "https://cdn.example.org/2510.12747.png",
        "ai_summary": "Fast video.",
        "submitted_at": "2025-10-15T00:27:04.930Z",
        "discussion_id": "68eeff63486b78128f0e339a",
        "author_participating": "yes",
        "code_added_by": "user",
        "submitted_by": "Tai Siri (taesiri)",
        "media": "https://cdn.example.org/a.mp4\nhttps://cdn.example.org/b.mp4",
        "organization_avatar": "https://cdn.example.org/lab.png",
    }


def test_the_names_of_older_fields_are_known() -> None:
    old = item() | {"mediaUrl": "https://cdn.example.org/x.png", "submitterOrganization": {"name": "nvidia"}}
    (listing,) = read(old).listings
    assert listing.organization == Organization(name="nvidia", handle="nvidia")
    assert listing.extra == {"media": "https://cdn.example.org/x.png"}


@pytest.mark.parametrize(
    ("given", "aliases", "version"),
    [
        ("2611.00001", ["arxiv:2611.00001", "hf:2611.00001"], None),
        ("arXiv:2611.00001v3", ["arxiv:2611.00001", "hf:2611.00001"], 3),
        ("hep-th/9901001", ["arxiv:hep-th/9901001", "hf:hep-th/9901001"], None),
        ("some-report", ["hf:some-report"], None),
        ("no id", [], None),
        (None, [], None),
        (26.1, [], None),
    ],
)
def test_ids_are_normalised(given: Any, aliases: list[str], version: int | None) -> None:
    (listing,) = read(item(id=given)).listings
    assert (listing.ids, listing.version) == (ids(*aliases), version)


def test_formulas_of_a_title_are_kept_where_only_the_outer_one_has_them() -> None:
    outer = {"title": "An $L_2$ Norm-Based Strategy"}
    assert titles(read(item(title="An L_2 Norm-Based Strategy") | outer)) == ["An $L_2$ Norm-Based Strategy"]
    assert titles(read(item(title="Quite Another Title") | outer)) == ["Quite Another Title"]
    assert titles(read(item(title=None) | {"title": "Outer"})) == ["Outer"]


def test_an_abstract_whose_lines_are_all_indented_is_one_paragraph() -> None:
    assert read(item(summary="One\n  two\n  three")).listings[0].abstract == "One two three"
    assert read(item(summary="One\ntwo\n  Three\nfour")).listings[0].abstract == "One two\n\nThree four"
    assert read(item(summary="One\n\nTwo")).listings[0].abstract == "One\n\nTwo"
    assert read(item(summary=None) | {"summary": "Outer."}).listings[0].abstract == "Outer."


BAD: list[tuple[Any, str]] = [
    (3, "type int"),
    (None, "type NoneType"),
    ([], "type list"),
    ("not an object", "neither JSON nor"),
    ("__import__('os').system('true')", "neither JSON nor"),
    ("[1]", "type list"),
    ({}, "no title"),
    ({"paper": None}, "no title"),
    (item(title=["x"]), "no title"),
    (item(id=None, summary=None), "neither id nor abstract"),
    (item(title="x" * 1001), "a title of 1,001 characters"),
    (item(summary="x" * 20_001), "an abstract of 20,001 characters"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD, ids=[reason for _, reason in BAD])
def test_a_bad_item_is_rejected_alone(bad: Any, reason: str) -> None:
    parsed = read(item(1), bad, item(3))
    assert [(one.title, one.span.first) for one in parsed.listings] == [("Paper 1", 1), ("Paper 3", 3)]
    (rejected,) = parsed.rejected
    assert reason in rejected.reason
    assert (rejected.span.first, rejected.span.last) == (2, 2)
    assert rejected.text == (bad if isinstance(bad, str) else json.dumps(bad))[:20_000]


def test_odd_values_count_as_absent() -> None:
    odd = item(upvotes=True, authors="x", ai_keywords="x", githubStars=-1, projectPage="no page", publishedAt="soon")
    (listing,) = read(odd | {"numComments": "3", "organization": "x", "submittedBy": []}).listings
    empty = Listing(
        span=listing.span,
        title="Paper 1",
        abstract="We did.",
        ids=ids("arxiv:2611.00001", "hf:2611.00001"),
    )
    assert listing == empty
    assert read(item(authors=["Ada Lovelace", {"fullname": "Alan Turing"}])).listings[0].authors == (
        "Ada Lovelace",
        "Alan Turing",
    )


PAPERS = [item(1, title='It\'s "one"'), item(2, isPro=False, ai_summary=None)]
NOTATIONS = {
    "a list": json.dumps(PAPERS),
    "indented": "\n\n " + json.dumps(PAPERS, indent=2),
    "a wrapper": json.dumps({"status": "success", "date": "2026-11-19", "count": 2, "data": PAPERS}),
    "two wrappers": json.dumps({"date": "2026-11-19", "data": {"papers": PAPERS}}),
    "a wrapper of another name": json.dumps({"n": 2, "entries": PAPERS}),
    "Python's": repr(PAPERS),
    "Python's, in strings": json.dumps([repr(one) for one in PAPERS]),
    "Python's, in strings, in a wrapper": json.dumps({"date": "2026-11-19", "data": [repr(one) for one in PAPERS]}),
    "JSON in strings": json.dumps([json.dumps(one) for one in PAPERS]),
    "strings in Python's": repr([repr(one) for one in PAPERS]),
    "an item a line": "\n".join(json.dumps(one) for one in PAPERS),
    "papers without items around them": json.dumps([one["paper"] for one in PAPERS]),
}


@pytest.mark.parametrize("notation", NOTATIONS)
def test_every_notation_is_read(notation: str) -> None:
    parsed = parse(NOTATIONS[notation])
    assert titles(parsed) == ['It\'s "one"', "Paper 2"]
    assert parsed.rejected == ()
    assert [one.ids[0].value for one in parsed.listings] == ["2611.00001", "2611.00002"]
    dated = "2026-11-19" in NOTATIONS[notation]
    assert parsed.dating.rule == ("proven" if dated else "assumed")


def test_one_item_alone_is_a_page() -> None:
    assert titles(parse(json.dumps(item(1)))) == ["Paper 1"]


def test_an_empty_list_is_a_page_without_papers() -> None:
    parsed = parse(" [ ]\n", name="2026-11-19.json")
    assert (parsed.listings, parsed.rejected, parsed.dating.date) == ((), (), date(2026, 11, 19))


def test_of_a_page_that_was_cut_what_is_whole_is_read() -> None:
    whole = json.dumps([item(1), item(2), item(3)])
    parsed = parse(whole[: whole.index("Paper 3")])
    assert titles(parsed) == ["Paper 1", "Paper 2"]
    (rest,) = parsed.rejected
    assert (rest.span.first, rest.span.last) == (3, 3)
    assert rest.reason.startswith("cannot be read from here on: ")
    assert rest.text.startswith('{"paper": {"id": "2611.00003"')


@pytest.mark.parametrize(
    "text",
    [
        '[{"paper": {"title": ',
        '{"upvotes": 3}',
        '{"paper": {"title": ' + "[" * 100_000,
        "[{'paper': {" + "-" * 20_000 + "1",
        '{"data": 3, "upvotes": 1}',
    ],
)
def test_what_is_no_page_says_so(text: str) -> None:
    with pytest.raises(ParseError, match=r"^page\.json is "):
        parse(text)


def test_the_date_is_the_names_then_the_items() -> None:
    days = [item(1, submittedOnDailyAt="2026-11-18T23:59:59.000Z"), item(2, submittedOnDailyAt="2026-11-19")]
    named, told = read(*days, name="daily_2026-11-17.json").dating, read(*days).dating
    assert (named.date, named.rule, named.note) == (date(2026, 11, 17), "file-name", "its items say 2026-11-19")
    assert (told.date, told.rule, told.note) == (date(2026, 11, 19), "proven", None)
    newest = read(item(1, publishedAt="2024-05-24T17:34:15.000Z"), item(2)).dating
    assert (newest.date, newest.rule) == (date(2024, 5, 24), "assumed")
    assert "newest paper" in (newest.note or "")
    future = read(item(1, publishedAt="2034-05-24")).dating
    assert (future.date, future.rule) == (RECEIVED.date(), "assumed")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["paper", "title", "summary", "id", "authors", "upvotes", "name", "x"]), inner),
    max_leaves=12,
))  # fmt: skip
@settings(max_examples=100)
def test_whatever_the_items_are_each_is_a_listing_or_a_reason(value: Any) -> None:
    items = [item(1), value, repr(value), json.dumps(value)]
    parsed = read(*items)
    spans = [one.span.first for one in parsed.listings] + [one.span.first for one in parsed.rejected]
    assert sorted(spans) == [1, 2, 3, 4]


# The saved page


def html(props: object, *, quote: str = '"', before: str = "") -> str:
    text = escape(json.dumps(props), quote=True) if quote == '"' else json.dumps(props).replace("'", "&#39;")
    tag = f"<div class={quote}SVELTE_HYDRATER contents{quote} {before}data-target={quote}DailyPapers{quote} "
    return (
        '<!doctype html>\n<html class=""><head><title>Daily Papers - Hugging Face</title></head><body>'
        '<div class="SVELTE_HYDRATER contents" data-target="MainHeader" data-props="{&quot;user&quot;:1}"></div>'
        f"<main>{tag}data-props={quote}{text}{quote}><h1>Daily Papers</h1></div></main></body></html>"
    )


PROPS = {"periodType": "day", "dateString": "2026-11-19", "dailyPapers": [WHOLE, item(2)], "prevDate": "2026-11-18"}


@pytest.mark.parametrize("quote", ['"', "'"])
def test_a_saved_page_gives_what_the_api_gives(quote: str) -> None:
    parsed = parse(html(PROPS, quote=quote), name="Daily Papers.html")
    assert parsed.listings == read(WHOLE, item(2)).listings
    assert (parsed.dating.date, parsed.dating.rule) == (date(2026, 11, 19), "proven")


def test_the_order_of_attributes_does_not_matter() -> None:
    page = html({}, before=f'data-props="{escape(json.dumps(PROPS))}" a ')
    assert len(parse(page).listings) == 2


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (html({"dailyPapers": 3}), "without a list of papers"),
        (html([1]), "without a list of papers"),
        (html(PROPS)[: html(PROPS).index("FlashVSR")], "without its data"),
        (html("x").replace("&quot;x&quot;", "{"), "data are broken"),
        ('<div data-target="DailyPapers">', "without its data"),
    ],
)
def test_a_page_without_whole_data_says_so(page: str, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        parse(page)


# A year and a half of real pages


def test_every_real_page_is_read(data: Path) -> None:
    (source,) = sources_for([data / "daily-papers-json.tar.xz"], [], Path("/"))
    dumps = list(source.fetch(Memory()))
    assert len(dumps) == 415
    listed = rejected = 0
    found: set[str] = set()
    for dump in dumps:
        parsed = source.parse(dump, RECEIVED)
        assert dump.name.endswith(f"/{parsed.dating.date}.json")
        assert parsed.dating.note is None
        listed += len(parsed.listings)
        rejected += len(parsed.rejected)
        found |= {one.ids[0].value for one in parsed.listings}
    assert (listed, rejected, len(found)) == (6141, 0, 6141)


def test_real_pages_keep_the_contract(data: Path, tmp_path: Path) -> None:
    (source,) = sources_for([data / "daily-papers-json.tar.xz"], [], Path("/"))
    for dump in source.fetch(Memory()):
        if dump.name[-15:-5] in ("2024-05-27", "2024-12-11", "2025-01-10"):
            (tmp_path / dump.name[-15:]).write_bytes(dump.content)
    check_source(FolderSource(FolderSettings(name="s", path="."), tmp_path))


def test_what_json_should_not_hold_is_read_all_the_same() -> None:
    clean = read(item(1, title="A title", summary="One line and more."))
    for title in ("A\ttitle", "A title\\ud800", "A \x01title", "A title\\u0000"):
        content = json.dumps([item(1, title="#", summary="One line and more.")]).replace("#", title)
        assert parse(content).listings == clean.listings, title
    assert parse(f'[{json.dumps(item(1))}, {{"paper": NaN}}]').listings == read(item(1)).listings
    assert len(parse(f"[{json.dumps(item(1))}, {'[' * 300 + ']' * 300}]").rejected) == 1
