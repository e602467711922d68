"""The best labelling of the lines of a page as titles, abstracts and bylines.

A hidden Markov model over the lines, decoded with Viterbi's algorithm (A. Viterbi, IEEE Trans. Inf. Theory 13(2),
1967): a cost for reading a line as title or abstract by its style, and a cost for every departure from
`title abstract byline`. Linear in the number of lines. May import models.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, IntEnum
from math import exp, inf, log, log1p

from digest.sources.daily_papers import LONGEST_TITLE
from digest.sources.prose import goes_on, prose

#: Longer lines are no abstracts; arXiv's limit is 1,920 characters, PubMed's structured ones reach twice that.
LONGEST_PARAGRAPH = 8000


class Kind(Enum):
    """What a line is by itself."""

    TEXT = "text"
    AUTHORS = "authors"
    DOT = "dot"
    DATE = "date"
    HEAD = "head"


class Label(Enum):
    """What a line is on its page."""

    TITLE = "title"
    ABSTRACT = "abstract"
    #: an abstract that has no title
    STRAY = "stray"
    BYLINE = "byline"
    OVERLONG = "overlong"
    HEAD = "head"


@dataclass(frozen=True, slots=True)
class Token:
    """A line that is not blank."""

    number: int
    text: str
    kind: Kind


class _State(IntEnum):
    """Where the page stands after a line."""

    OUTSIDE = 0
    TITLE = 1
    BODY = 2
    #: in an abstract of several paragraphs
    MORE = 3
    STRAY = 4
    BYLINE = 5


_O, _T, _B, _M, _S, _Y = _State
#: what it costs to lose a title or an abstract, in nats
_ORPHAN = 5.0
#: what a third or later paragraph costs
_AGAIN = 0.5

_Step = tuple[_State, _State, Label, float]


def label(tokens: list[Token]) -> list[Label]:
    """Return the label of every line, for the cheapest reading of the page as a whole."""
    best = [0.0] + [inf] * (len(_State) - 1)
    back: list[list[tuple[_State, Label] | None]] = []
    share = _share_of_bylines(tokens)
    for index in range(len(tokens)):
        after = [inf] * len(_State)
        came: list[tuple[_State, Label] | None] = [None] * len(_State)
        for start, end, name, cost in _steps(tokens, index, share):
            total = best[start] + cost
            if total < after[end]:
                after[end], came[end] = total, (start, name)
        best = after
        back.append(came)
    if not tokens:
        return []
    best[_T] += _ORPHAN / 2
    return _trace(back, min(_State, key=lambda state: best[state]))


def _trace(back: list[list[tuple[_State, Label] | None]], state: _State) -> list[Label]:
    labels: list[Label] = []
    for came in reversed(back):
        step = came[state]
        assert step is not None, "every state that was reached was reached from somewhere"
        state, name = step
        labels.append(name)
    return labels[::-1]


def _share_of_bylines(tokens: list[Token]) -> float:
    """Return about which share of the page's papers has a byline."""
    dates = sum(token.kind == Kind.DATE for token in tokens)
    texts = sum(token.kind == Kind.TEXT for token in tokens)
    return min((dates + 0.5) / (texts / 2 + 1), 0.99)


def _steps(tokens: list[Token], index: int, share: float) -> Iterator[_Step]:
    """Yield every way to read a line: from state, to state, label, cost."""
    kind = tokens[index].kind
    if kind == Kind.TEXT:
        yield from _text_steps(tokens, index, share)
    elif kind == Kind.HEAD:
        for state in _State:
            yield state, _O, Label.HEAD, _ORPHAN if state == _T else 0.0
    else:
        after = _O if kind == Kind.DATE else _Y
        yield _O, after, Label.BYLINE, _ORPHAN
        yield _T, after, Label.BYLINE, _ORPHAN
        yield _B, after, Label.BYLINE, 0.0
        yield _M, after, Label.BYLINE, 0.0
        yield _S, after, Label.BYLINE, 0.0
        yield _Y, after, Label.BYLINE, 0.0


def _text_steps(tokens: list[Token], index: int, share: float) -> Iterator[_Step]:
    text = tokens[index].text
    odds = prose(text)
    if len(text) > LONGEST_PARAGRAPH or (len(text) > LONGEST_TITLE and odds < 0):
        for state in _State:
            yield state, _S, Label.OVERLONG, _ORPHAN
        return
    no_byline = -log(1 - share)
    as_title = _softplus(odds) if len(text) <= LONGEST_TITLE else inf
    as_abstract = _softplus(-odds)
    yield _O, _T, Label.TITLE, as_title
    yield _T, _T, Label.TITLE, as_title + _ORPHAN
    yield _B, _T, Label.TITLE, as_title + no_byline
    yield _M, _T, Label.TITLE, as_title + no_byline
    yield _S, _T, Label.TITLE, as_title + no_byline
    yield _Y, _T, Label.TITLE, as_title + 3
    yield _T, _B, Label.ABSTRACT, as_abstract
    yield _O, _S, Label.STRAY, as_abstract + _ORPHAN
    yield _Y, _S, Label.STRAY, as_abstract + _ORPHAN
    on = goes_on(tokens[index - 1].text, text) if index else 0.0
    joined, apart = _softplus(-on), _softplus(on) + no_byline
    yield _B, _M, Label.ABSTRACT, as_abstract + _ORPHAN + joined
    yield _M, _M, Label.ABSTRACT, as_abstract + _AGAIN + joined
    yield _B, _S, Label.STRAY, as_abstract + _ORPHAN + apart
    yield _M, _S, Label.STRAY, as_abstract + _ORPHAN + apart
    yield _S, _S, Label.STRAY, as_abstract + _ORPHAN + joined
    if index + 1 < len(tokens) and tokens[index + 1].kind == Kind.DOT and len(text) < 100:
        yield _B, _Y, Label.BYLINE, 1.0
        yield _M, _Y, Label.BYLINE, 1.0
        yield _S, _Y, Label.BYLINE, 1.0
        yield _T, _Y, Label.BYLINE, 1.0 + _ORPHAN
        yield _O, _Y, Label.BYLINE, 1.0 + _ORPHAN


def _softplus(x: float) -> float:
    """Return -log of the probability that odds of -x leave: log(1 + e^x)."""
    return x if x > 30 else log1p(exp(x))
