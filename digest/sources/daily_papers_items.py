"""One item of Daily Papers, as its API and its pages give it -> a listing. May import models, text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Any

from digest.models import Alias, Link, LinkRel, Listing, Organization, Span
from digest.sources.daily_papers import LONGEST_ABSTRACT, LONGEST_TITLE
from digest.text import clean, clean_paragraphs, compact

_ARXIV = re.compile(r"(?:arxiv:)?(\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z]{2})?/\d{7})(?:v(\d{1,3}))?", re.IGNORECASE)
_URL = re.compile(r"https?://[^/?#]+\.[^/?#.]", re.IGNORECASE)
#: arXiv writes the first line of a further paragraph with white space before it
_PARAGRAPH = re.compile(r"\n\s*\n|\n[ \t]+")
_BLANK = re.compile(r"\n\s*\n")
_LONGEST_URL = 2000
_LONGEST_EXTRA = 5000
_MOST_KEYWORDS = 100
_LARGEST = 2**31 - 1
#: name in `extra` -> name at the paper or at the item around it
_EXTRA = {
    "thumbnail": "thumbnail",
    "ai_summary": "ai_summary",
    "submitted_at": "submittedOnDailyAt",
    "discussion_id": "discussionId",
    "author_participating": "isAuthorParticipating",
    "code_added_by": "githubRepoAddedBy",
}

#: only dictionaries come from JSON: asking for any Mapping takes ten times as long
Json = dict[Any, Any]


class Unreadable(Exception):
    """An item that is no listing; the message says why."""


def listing_of(item: Json, span: Span) -> Listing:
    """Make a listing of an item; fields of unexpected types count as absent.

    Raises:
        Unreadable: it has no title; or neither id nor abstract; or one of them is far too long.
    """
    inner = item.get("paper")
    paper: Json = inner if isinstance(inner, dict) else item
    title = _title(paper, item)
    abstract = _abstract(paper) or _abstract(item)
    ids, version = _ids(_text(paper.get("id")) or _text(item.get("id")))
    _check(title, abstract, ids)
    authors = _authors(paper.get("authors"))
    return Listing(
        span=span,
        title=title,
        abstract=abstract,
        authors=authors,
        author_count=len(authors) or None,
        organization=_organization(item, paper),
        published=_date(paper.get("publishedAt")) or _date(item.get("publishedAt")),
        comments=_count(item.get("numComments")),
        upvotes=_count(paper.get("upvotes")),
        ids=ids,
        links=tuple(_links(paper, ids)),
        keywords=_keywords(paper.get("ai_keywords")),
        stars=_count(paper.get("githubStars")),
        version=version,
        extra=_extra(item, paper),
    )


def _check(title: str, abstract: str, ids: tuple[Alias, ...]) -> None:
    if not title:
        raise Unreadable("no title")
    if not abstract and not ids:
        raise Unreadable("a title with neither id nor abstract")
    if len(title) > LONGEST_TITLE:
        raise Unreadable(f"a title of {len(title):,} characters; at most {LONGEST_TITLE:,} are read")
    if len(abstract) > LONGEST_ABSTRACT:
        raise Unreadable(f"an abstract of {len(abstract):,} characters; at most {LONGEST_ABSTRACT:,} are read")


def _text(value: Any) -> str:
    return clean(value) if isinstance(value, str) else ""


def _title(paper: Json, item: Json) -> str:
    """Return the paper's title; the one around it where that kept the marks of its formulas."""
    title, outer = _text(paper.get("title")), _text(item.get("title"))
    if not title or (title != outer and ("$" in outer or "\\" in outer) and compact(title) == compact(outer)):
        return outer
    return title


def _abstract(paper: Json) -> str:
    summary = paper.get("summary")
    if not isinstance(summary, str):
        return ""
    lines = summary.strip().split("\n")
    hanging = len(lines) > 1 and all(line[:1] in (" ", "\t", "") for line in lines[1:])
    return clean_paragraphs((_BLANK if hanging else _PARAGRAPH).split(summary))


def _ids(given: str) -> tuple[tuple[Alias, ...], int | None]:
    """Return the aliases of an id, and the version it names; Hugging Face's ids are arXiv's."""
    match = _ARXIV.fullmatch(given)
    if match is None:
        return ((Alias(scheme="hf", value=given),) if given and " " not in given else ()), None
    value = match[1].lower()
    return (Alias(scheme="arxiv", value=value), Alias(scheme="hf", value=value)), int(match[2]) if match[2] else None


def _authors(given: Any) -> tuple[str, ...]:
    """Return the names; authors are objects, or only their names."""
    if not isinstance(given, list):
        return ()
    names = [_text(one.get("name") or one.get("fullname") if isinstance(one, dict) else one) for one in given]
    return tuple(filter(None, names))


def _organization(item: Json, paper: Json) -> Organization | None:
    """Return the organisation of the paper; until October 2025 it was called the submitter's."""
    for given in (item.get("organization"), paper.get("organization"), item.get("submitterOrganization")):
        if isinstance(given, dict):
            handle = _text(given.get("name"))
            name = _text(given.get("fullname")) or handle
            if name:
                return Organization(name=name, handle=handle or None)
    return None


def _date(value: Any) -> date | None:
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= _LARGEST else None


def _links(paper: Json, ids: tuple[Alias, ...]) -> Iterable[Link]:
    named: tuple[tuple[LinkRel, str], ...] = (("code", "githubRepo"), ("project", "projectPage"))
    for rel, name in named:
        url = _url(paper.get(name))
        if url:
            yield Link(rel=rel, url=url)
    if ids and _text(paper.get("discussionId")):
        yield Link(rel="discussion", url=f"https://huggingface.co/papers/{ids[-1].value}#community")


def _url(value: Any) -> str | None:
    """Return an address without the white space that people paste into it; None where it is none."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_URL:
        return None
    url = clean("".join(value.split()))
    if "://" not in url:
        url = f"https://{url}"
    return url if _URL.match(url) else None


def _keywords(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list):
        return ()
    return tuple(dict.fromkeys(filter(None, map(_text, given[:_MOST_KEYWORDS]))))


def _extra(item: Json, paper: Json) -> dict[str, str]:
    """Return what else it says, as text."""
    found = {key: _scalar(paper.get(name) or item.get(name)) for key, name in _EXTRA.items()}
    found["submitted_by"] = _person(item.get("submittedBy")) or _person(paper.get("submittedOnDailyBy"))
    found["media"] = _media(item, paper)
    organization = item.get("organization") or paper.get("organization") or item.get("submitterOrganization")
    if isinstance(organization, dict):
        found["organization_avatar"] = _scalar(organization.get("avatar"))
    return {key: value for key, value in found.items() if value}


def _scalar(value: Any) -> str:
    if value is True:
        return "yes"
    return _text(value)[:_LONGEST_EXTRA]


def _person(value: Any) -> str:
    """Return `Full Name (handle)`."""
    if not isinstance(value, dict):
        return ""
    name, handle = _text(value.get("fullname")), _text(value.get("name")) or _text(value.get("user"))
    return f"{name} ({handle})" if name and handle and name != handle else name or handle


def _media(item: Json, paper: Json) -> str:
    """Return the addresses of pictures and films, one a line."""
    given: list[Any] = [item.get("mediaUrl")]
    for one in (item.get("mediaUrls"), paper.get("mediaUrls")):
        given += one if isinstance(one, list) else []
    return "\n".join(dict.fromkeys(filter(None, map(_url, given))))[:_LONGEST_EXTRA]
