"""A Daily Papers page as plain text: title, abstract and sometimes a byline, one after the other, without marks.

Which line is a title and which an abstract follows from the best labelling of the whole page (Viterbi's algorithm),
so that one damaged paper does not shift the others. May import models, text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from digest.models import Dating, Parsed, Rejected
from digest.sources import daily_papers as page
from digest.sources.dates import Clues, PartialDate
from digest.sources.labelling import Kind, Label, Token, label
from digest.text import clean

LABEL = "Daily Papers as text (a title, its abstract, perhaps authors and date, line by line)"

#: lines looked at to find the head of a page
_HEAD_LINES = 25
_LONGEST_HEAD_LINE = 200


def recognise(text: str) -> bool:
    """Say whether `text` has the head or the bylines of such a page, or plainly is titles and abstracts in turn."""
    lines = _lines(text[:100_000])
    if any(page.is_mark(line.text) for line in lines[:_HEAD_LINES]):
        return True
    if any(page.author_count(line.text) is not None and line.text[0] in "•*" for line in lines):
        return True
    if not _is_prose(text[:20_000]):
        return False
    tokens = [token for token in _tokens(lines, _head(lines))[:60] if token.kind != Kind.HEAD]
    labels = label(tokens)
    papers = sum(pair == (Label.TITLE, Label.ABSTRACT) for pair in pairwise(labels))
    return papers >= 2 and papers * 2 >= 0.8 * sum(one not in (Label.BYLINE, Label.HEAD) for one in labels)


def _is_prose(text: str) -> bool:
    """Say whether a text is words: mostly letters and white space, unlike tables, programs and binary files."""
    return sum(char.isalpha() or char.isspace() for char in text) >= 0.85 * len(text)


def read(text: str, decide: Callable[[Clues], Dating]) -> Parsed:
    """Read a page; what is no header and no listing is rejected with its lines and a reason."""
    whole = text.split("\n")
    lines = _lines(text)
    head = _head(lines)
    tokens = _tokens(lines, head)
    drafts: list[page.Draft] = []
    rejected: list[Rejected] = []
    for segment in _segments(tokens, label(tokens)):
        reason = segment.fault()
        if reason is None:
            drafts.append(segment.draft())
        else:
            rejected.append(page.reject(whole, segment.tokens[0].number, segment.tokens[-1].number, reason))
    header = page.spans([token.number for token in tokens if token.kind == Kind.HEAD])
    return page.finish(page.clues(head.date, drafts), decide, drafts, rejected, header)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that is not blank: its number from 1, and its text without white space around it."""

    number: int
    text: str


def _lines(text: str) -> list[_Line]:
    found = ((number, clean_line) for number, line in enumerate(text.split("\n"), 1) if (clean_line := line.strip()))
    return [_Line(number, line) for number, line in found]


@dataclass(frozen=True)
class _Head:
    """How many of the first lines are the page's, and the date among them."""

    size: int
    date: PartialDate | None = None


def _head(lines: list[_Line]) -> _Head:
    """Find the date at the head: all before it is head, whatever it says; without one, the lines known as such."""
    for index, line in enumerate(lines[:_HEAD_LINES]):
        if len(line.text) > _LONGEST_HEAD_LINE or line.text == "·" or page.author_count(line.text) is not None:
            break
        written = page.written_date(line.text)
        if written is not None and written.comments is None:
            return _Head(index + 1, written.date)
    return _Head(0)


def _tokens(lines: list[_Line], head: _Head) -> list[Token]:
    return [Token(line.number, line.text, _kind(line.text, index < head.size)) for index, line in enumerate(lines)]


def _kind(line: str, in_head: bool) -> Kind:
    if in_head:
        return Kind.HEAD
    if len(line) >= 100:
        return Kind.TEXT
    if line == "·":
        return Kind.DOT
    if page.written_date(line) is not None:
        return Kind.DATE
    if page.author_count(line) is not None:
        return Kind.AUTHORS
    return Kind.HEAD if page.is_head(line) else Kind.TEXT


@dataclass(frozen=True)
class _Segment:
    """The lines of one paper, or of what is left of one."""

    tokens: list[Token]
    labels: list[Label]

    def texts(self, wanted: Label) -> list[str]:
        """Return the texts of all lines with one label."""
        return [token.text for token, found in zip(self.tokens, self.labels, strict=True) if found == wanted]

    def fault(self) -> str | None:
        """Say why this is no listing; None where it is one."""
        titles, abstract = self.texts(Label.TITLE), self.texts(Label.ABSTRACT)
        if Label.OVERLONG in self.labels:
            length = max(len(token.text) for token in self.tokens)
            return f"a line of {length:,} characters: too long for a title (at most {page.LONGEST_TITLE:,}) or abstract"
        if Label.STRAY in self.labels:
            return "an abstract without a title before it"
        if not titles:
            return "authors or a date without title and abstract before them"
        if not abstract:
            return "a title without an abstract after it"
        if not clean(titles[0]):
            return "a title without any visible character"
        return None

    def draft(self) -> page.Draft:
        """Return the listing that this is."""
        draft = page.Draft(self.tokens[0].number, self.tokens[-1].number, clean(self.texts(Label.TITLE)[0]))
        draft.paragraphs = self.texts(Label.ABSTRACT)
        for text in self.texts(Label.BYLINE):
            written = page.written_date(text)
            if written is not None:
                draft.published, draft.comments = written.date, written.comments
            elif (authors := page.author_count(text)) is not None:
                draft.authors = authors
            elif text != "·":
                draft.organization = page.organization(clean(text))
        return draft


def _segments(tokens: list[Token], labels: list[Label]) -> list[_Segment]:
    """Cut the page into papers: at titles, before stray abstracts, after dates and around header lines."""
    found: list[_Segment] = []
    last: Label | None = None
    closed = True
    for token, one in zip(tokens, labels, strict=True):
        if one == Label.HEAD:
            closed = True
            continue
        stray = one == Label.STRAY and last not in (Label.STRAY, Label.OVERLONG)
        if closed or stray or one in (Label.TITLE, Label.OVERLONG):
            found.append(_Segment([], []))
        found[-1].tokens.append(token)
        found[-1].labels.append(one)
        closed = token.kind == Kind.DATE
        last = one
    return found
