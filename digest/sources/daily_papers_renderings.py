"""A Daily Papers page as other programs render it: markdown, numbered references, one URL a line.

Each form is cut into pieces (a vote, a title, an abstract, a byline), each with its lines; one grammar makes papers
of them. May import models, text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from itertools import chain

from digest.models import Alias, Dating, Link, Parsed, Rejected
from digest.sources import daily_papers as page
from digest.sources.dates import Clues, PartialDate
from digest.sources.pieces import Is, Piece, cut_markdown, cut_references, cut_urls
from digest.sources.prose import prose
from digest.text import clean

LABEL = "Daily Papers as markdown, with numbered references, or with one URL a line"

_MARKDOWN = re.compile(r"^### \[.*\]\(https?://", re.MULTILINE)
_REFERENCES = re.compile(r"^### \[.*(?:\n.+){0,3}\]\[\d+\]$", re.MULTILINE)
_URL_LINE = re.compile(r"^[ \t]*https?://huggingface\.co/papers/\d{4}\.\d{4,5}[ \t]*$", re.MULTILINE)
_NEIGHBOUR = re.compile(r"/papers/date/(\d{4}-\d\d-\d\d)\b")
_ID = re.compile(r"/papers/(\d{4}\.\d{4,5})(?!\d)")
_PROBE = 200_000


def recognise(text: str) -> bool:
    """Say whether `text` is one of the forms."""
    return _cutter(text[:_PROBE]) is not None


def read(text: str, decide: Callable[[Clues], Dating]) -> Parsed:
    """Read a page; what is no header and no listing is rejected with its lines and a reason."""
    cut = _cutter(text[:_PROBE]) or cut_urls
    lines = text.split("\n")
    pieces, written = _headed(cut(lines))
    drafts: list[page.Draft] = []
    rejected: list[Rejected] = []
    for group in _groups(pieces):
        draft = _draft(group)
        reason = _fault(draft)
        if reason is None:
            drafts.append(draft)
        else:
            rejected.append(page.reject(lines, draft.first, draft.last, reason))
    heads = (range(piece.first, piece.last + 1) for piece in pieces if piece.kind == Is.HEAD)
    header = page.spans(chain.from_iterable(heads))
    found = replace(page.clues(written, drafts), neighbours=_neighbours(text))
    return page.finish(found, decide, drafts, rejected, header)


def _cutter(text: str) -> Callable[[list[str]], list[Piece]] | None:
    if _REFERENCES.search(text):
        return cut_references
    if _MARKDOWN.search(text):
        return cut_markdown
    return cut_urls if len(_URL_LINE.findall(text)) >= 2 else None


def _neighbours(text: str) -> tuple[date, ...]:
    found = []
    for match in _NEIGHBOUR.finditer(text[:_PROBE]):
        try:
            found.append(date.fromisoformat(match[1]))
        except ValueError:
            continue
    return tuple(found)


def _headed(pieces: list[Piece]) -> tuple[list[Piece], PartialDate | None]:
    """Mark what stands before the first paper as the page's head, and find the date in it."""
    start = next((index for index, piece in enumerate(pieces) if piece.kind in (Is.VOTE, Is.TITLE)), len(pieces))
    dated = next((index for index, piece in enumerate(pieces[:start]) if piece.kind == Is.DATE), None)
    size = start if dated is None else dated + 1
    head = [replace(piece, kind=Is.HEAD) for piece in pieces[:size]]
    written = page.written_date(pieces[dated].text) if dated is not None else None
    return [*head, *pieces[size:]], written.date if written else None


def _groups(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """Cut the page into papers: at votes, at titles without one before them, after the head's lines."""
    found: list[list[Piece]] = []
    kinds: set[Is] | None = None
    for piece in pieces:
        if piece.kind == Is.HEAD:
            kinds = None
            continue
        if kinds is None or _begins(piece, kinds):
            kinds = set()
            found.append([])
        kinds.add(piece.kind)
        found[-1].append(piece)
    return found


def _begins(piece: Piece, before: set[Is]) -> bool:
    """Say whether a piece cannot belong to the paper of which there were pieces of these kinds before it."""
    if piece.kind == Is.TITLE:
        return not before <= {Is.VOTE, Is.URL}
    return piece.kind == Is.VOTE or (piece.kind == Is.TEXT and Is.DATE in before)


def _draft(group: list[Piece]) -> page.Draft:
    draft = page.Draft(group[0].first, group[-1].last, "")
    for piece in group:
        _take(draft, piece)
    id_ = next((match[1] for piece in group if (match := _ID.search(piece.url.replace("%2F", "/")))), None)
    if id_ is not None:
        draft.ids = (Alias(scheme="arxiv", value=id_), Alias(scheme="hf", value=id_))
    draft.links = tuple(_links(group, id_))
    return draft


def _take(draft: page.Draft, piece: Piece) -> None:
    match piece.kind:
        case Is.VOTE:
            draft.upvotes = page.count(piece.text)
        case Is.TITLE if not draft.title:
            draft.title = clean(piece.text)
        case Is.TITLE | Is.TEXT:
            _take_text(draft, piece)
        case Is.AUTHORS:
            draft.authors = page.author_count(piece.text)
        case Is.ORGANIZATION:
            draft.organization = piece.organization
        case Is.DATE:
            written = page.written_date(piece.text)
            if written:
                draft.published, draft.comments = written.date, written.comments
        case Is.COMMENTS:
            draft.comments = page.count(piece.text)


def _take_text(draft: page.Draft, piece: Piece) -> None:
    """Take a text as the abstract, or as the title where the form does not mark titles."""
    text = clean(piece.text)
    if not draft.title and not draft.paragraphs and not piece.body and text and prose(text) < 0:
        draft.title = text
    else:
        draft.paragraphs += piece.text.split("\n\n")


def _links(group: list[Piece], id_: str | None) -> Iterable[Link]:
    if id_ is None:
        works = [piece.url for piece in group if piece.kind == Is.TITLE and piece.url]
        yield from (Link(rel="work", url=url) for url in works[:1])
    talks = [piece.url for piece in group if piece.url.endswith("#community")]
    yield from (Link(rel="discussion", url=url) for url in talks[:1])


def _fault(draft: page.Draft) -> str | None:
    if not draft.title and not draft.paragraphs:
        return "nothing in it is a title or an abstract"
    if not draft.title:
        return "an abstract without a title before it"
    length = sum(map(len, draft.paragraphs))
    if length > page.LONGEST_ABSTRACT:
        return f"an abstract of {length:,} characters; at most {page.LONGEST_ABSTRACT:,} are read"
    if len(draft.title) > page.LONGEST_TITLE:
        return f"a title of {len(draft.title):,} characters; at most {page.LONGEST_TITLE:,} are read"
    if not clean(" ".join(draft.paragraphs)) and not draft.ids:
        return "a title without an abstract after it"
    return None
