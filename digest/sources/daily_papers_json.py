"""Daily Papers as the API gives them: a list of items, in JSON or as Python writes its values.

Seen in the wild: the list itself; an object around it; items that are strings, in which `repr` of an item stands;
whole files in Python's notation; one item a line; a file that was cut. Spans are numbers of items. May import models,
text.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from pydantic_core import from_json

from digest.errors import ParseError
from digest.models import Dating, Listing, Parsed, Rejected, Span
from digest.sources.daily_papers_items import Unreadable, listing_of
from digest.sources.dates import Clues

LABEL = "Daily Papers as the API's JSON"

#: what only an item of Daily Papers has, in either notation, also inside a string
_MARK = re.compile(
    r"""["'](?:paper\\?["']\s*:\s*\{|(?:dailyPapers|submittedOnDailyAt|discussionId|upvotes)\\?["']\s*:)"""
)
_EMPTY = re.compile(r"\[\s*\]\s*")
_PROBE = 400_000
#: names under which a wrapper holds its list, the likeliest first
_WRAPPED = ("dailyPapers", "data", "papers", "items", "results")
#: names under which a wrapper says the day of its page
_DAYS = ("dateString", "date")
#: Python's own reader makes a tree of a hundred times the text: longer texts are not given to it
_LONGEST_REPR = 8_000_000
_DECODER = json.JSONDecoder(strict=False)
_SPACE = re.compile(r"\s*")
_AHEAD = timedelta(days=1)
_LONGEST_REJECTED = 20_000


class Page(NamedTuple):
    """A page, taken out of its notation."""

    items: list[Any]
    #: the day that it names
    day: date | None = None
    #: what follows the last item that could be read, and why it could not
    rest: tuple[str, str] | None = None


def recognise(text: str) -> bool:
    """Say whether `text` is a list of such items, or holds one."""
    if text[:64].lstrip()[:1] not in ("[", "{"):
        return False
    return _MARK.search(text, 0, _PROBE) is not None or _EMPTY.fullmatch(text.strip()) is not None


def read(text: str, decide: Callable[[Clues], Dating]) -> Parsed:
    """Read a page; an item that is no listing is rejected with its reason, the others stay."""
    return read_page(_page(text), decide)


def read_page(page: Page, decide: Callable[[Clues], Dating]) -> Parsed:
    """Read the items of a page."""
    listings: list[Listing] = []
    rejected: list[Rejected] = []
    items: list[Any] = []
    for number, raw in enumerate(page.items, 1):
        span = Span(first=number, last=number)
        try:
            item = _unpacked(raw)
            listings.append(listing_of(item, span))
            items.append(item)
        except Unreadable as error:
            rejected.append(Rejected(span=span, reason=str(error), text=_shown(raw)))
    if page.rest is not None:
        number, (reason, text) = len(page.items) + 1, page.rest
        span = Span(first=number, last=number)
        rejected.append(Rejected(span=span, reason=reason, text=text[:_LONGEST_REJECTED]))
    dating = _dated(decide(Clues()), page.day or _submitted(items), listings)
    return Parsed(dating=dating, listings=tuple(listings), rejected=tuple(rejected))


def page_of(value: Any) -> Page | None:
    """Find the list of items in a value, in at most three wrappers; None without one."""
    day = None
    for _ in range(4):
        if isinstance(value, list):
            return Page(value, day)
        if not isinstance(value, dict):
            return None
        if _is_item(value):
            return Page([value], day)
        day = next((found for name in _DAYS if (found := _day(value.get(name)))), day)
        value = _inside(value)
    return None


def _inside(wrapper: Mapping[Any, Any]) -> Any:
    """Return what a wrapper holds: the value of a known name, else its only list."""
    for name in _WRAPPED:
        if isinstance(wrapper.get(name), list | dict):
            return wrapper[name]
    return next((value for value in wrapper.values() if isinstance(value, list)), None)


def _is_item(value: Mapping[Any, Any]) -> bool:
    return isinstance(value.get("paper"), dict) or ("title" in value and ("id" in value or "summary" in value))


def _page(text: str) -> Page:
    """Take a page out of its notation: JSON, else Python's, else a value a line, else as far as JSON goes."""
    text = text.strip()
    try:
        return _listed(_loaded(text))
    except RecursionError as error:
        raise ParseError("is nested too deeply for a page; fetch it again, or remove the file") from error
    except ValueError as error:
        why = str(error)
    found = _literal(text)
    if found is not None:
        return _listed(found)
    return _piecewise(text, why)


def _loaded(text: str) -> Any:
    """Read JSON; first as it should be written, which takes half the time, then with controls and lone surrogates."""
    try:
        return from_json(text, cache_strings="keys")
    except (ValueError, TypeError):
        return json.loads(text, strict=False)


def _listed(value: Any) -> Page:
    page = page_of(value)
    if page is None:
        raise ParseError("is JSON without a list of papers in it; fetch it again, or remove the file")
    return page


def _piecewise(text: str, why: str) -> Page:
    """Read one item after the other, in a list or one a line; what follows the first fault is the rest."""
    items: list[Any] = []
    position = 1 if text[0] == "[" else 0
    while position < len(text):
        try:
            item, end = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            break
        items.append(item)
        position = _after(text, end)
    if not items or (text[0] != "[" and not all(isinstance(one, dict) and _is_item(one) for one in items)):
        raise ParseError(f"is neither JSON ({why}) nor in Python's notation; fetch it again, or remove the file")
    rest = text[position:].strip()
    if not rest or rest == "]":
        return Page(items)
    return Page(items, rest=(f"cannot be read from here on: {why}", rest))


def _after(text: str, end: int) -> int:
    """Return where the next item begins, after white space and a comma."""
    position = _space(text, end)
    return _space(text, position + 1) if text[position : position + 1] == "," else position


def _space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _unpacked(item: Any) -> dict[Any, Any]:
    """Return an item as an object; one that is a string holds JSON, or what Python's `repr` wrote."""
    if isinstance(item, str):
        text = item.strip()
        try:
            item = json.loads(text, strict=False)
        except (ValueError, RecursionError):
            item = _literal(text)
            if item is None:
                raise Unreadable("a string that holds neither JSON nor a value in Python's notation") from None
    if not isinstance(item, dict):
        raise Unreadable(f"no object with a paper in it, but of type {type(item).__name__}")
    return item


def _literal(text: str) -> Any:
    """Read a value in Python's notation, which can hold no code; None where it is none, or too long."""
    if len(text) > _LONGEST_REPR:
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _submitted(items: list[Any]) -> date | None:
    """Return the newest day on which an item says it was submitted to the page."""
    return max(filter(None, map(_submission, items)), default=None)


def _submission(item: Mapping[Any, Any]) -> date | None:
    inner = item.get("paper")
    said = inner.get("submittedOnDailyAt") if isinstance(inner, dict) else None
    return _day(said) or _day(item.get("submittedOnDailyAt"))


def _day(value: Any) -> date | None:
    """Return the day of an ISO date or instant."""
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None


def _dated(dating: Dating, told: date | None, listings: list[Listing]) -> Dating:
    """Date a page by what is in it, where neither command, name nor clock did; note where they contradict."""
    if dating.rule in ("file-name", "source-clock") and told is not None and told != dating.date:
        return dating.model_copy(update={"note": f"its items say {told}"})
    if dating.rule != "assumed":
        return dating
    if told is not None:
        return Dating(date=told, rule="proven")
    newest = max((one.published for one in listings if one.published), default=None)
    if newest is None or newest > dating.date + _AHEAD:
        return dating
    note = "no date in name or items: taken as the day of its newest paper"
    return Dating(date=newest, rule="assumed", note=note)


def _shown(item: Any) -> str:
    text = item if isinstance(item, str) else json.dumps(item, default=str)
    return text[:_LONGEST_REJECTED]
