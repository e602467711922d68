"""A Daily Papers page as a browser saves it: the page's own data, which its HTML carries, are read.

May import models.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape

from digest.errors import ParseError
from digest.models import Dating, Parsed
from digest.sources import daily_papers_json
from digest.sources.dates import Clues

LABEL = "the saved HTML page of Daily Papers"

_TARGET = re.compile(r"""data-target\s*=\s*["']?DailyPapers["'\s>]""")
_TAG_NAME = re.compile(r"<[a-zA-Z][\w-]*")
#: one attribute after the other; each alternative ends where the next one starts, so that it takes linear time
_ATTRIBUTE = re.compile(r"""\s*([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?""")


def recognise(text: str) -> bool:
    """Say whether `text` is such a page."""
    return text[:64].lstrip()[:1] == "<" and _TARGET.search(text) is not None


def read(text: str, decide: Callable[[Clues], Dating]) -> Parsed:
    """Read the page through its data.

    Raises:
        ParseError: the data are not whole.
    """
    for found in _TARGET.finditer(text):
        props = _props(text, found.start())
        if props is not None:
            return daily_papers_json.read_page(_page(props), decide)
    raise ParseError("is a Daily Papers page without its data (data-props); save the page again, or remove the file")


def _props(text: str, inside: int) -> str | None:
    """Return the `data-props` of the tag that `inside` lies in."""
    start = _TAG_NAME.match(text, text.rfind("<div", 0, inside))
    position = start.end() if start else inside
    while (attribute := _ATTRIBUTE.match(text, position)) is not None:
        if attribute[1] == "data-props":
            value = next((value for value in attribute.groups()[1:] if value is not None), None)
            return None if value is None else unescape(value)
        position = attribute.end()
    return None


def _page(props: str) -> daily_papers_json.Page:
    try:
        value = json.loads(props, strict=False)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"is a Daily Papers page whose data are broken ({error}); save the page again") from error
    papers = value.get("dailyPapers") if isinstance(value, dict) else None
    page = daily_papers_json.page_of(value) if isinstance(papers, list) else None
    if page is None:
        raise ParseError("is a Daily Papers page without a list of papers; save the page again, or remove the file")
    return page
