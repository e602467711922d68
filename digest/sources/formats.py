"""The forms of dumps that a folder may hold, told apart by what is in them.

A form is a module with `LABEL`, `recognise(text)` and `read(text, decide)`; a new one is one file and one name here.
May import models, errors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from digest.errors import ParseError
from digest.models import Dating, Parsed
from digest.sources import daily_papers_html, daily_papers_json, daily_papers_renderings, daily_papers_text, feed_form
from digest.sources.dates import Clues
from digest.sources.decoding import decode


class Form(Protocol):
    """One form of dump."""

    #: what a person calls it
    LABEL: str

    def recognise(self, text: str) -> bool:
        """Say whether `text` is of this form; cheap where it is not."""

    def read(self, text: str, decide: Callable[[Clues], Dating]) -> Parsed:
        """Read `text`: header, listings and rejected spans cover every item, or line not blank, exactly once."""


#: The first that recognises a text reads it.
FORMS: tuple[Form, ...] = (daily_papers_json, daily_papers_html, daily_papers_renderings, daily_papers_text)


def read_bytes(content: bytes, decide: Callable[[Clues], Dating]) -> Parsed:
    """Read a dump of any known form; feeds say their encoding themselves.

    Raises:
        ParseError: it is empty, or of no known form.
    """
    return feed_form.read(content, decide) if feed_form.recognise(content) else read(decode(content), decide)


def read(text: str, decide: Callable[[Clues], Dating]) -> Parsed:
    """Read a dump of any known form.

    Raises:
        ParseError: it is empty, or of no known form.
    """
    if not text.strip():
        raise ParseError("is empty: there is no text in it; fetch it again, or remove the file")
    for form in FORMS:
        if form.recognise(text):
            return form.read(text, decide)
    known = "; ".join(label for label in (*(form.LABEL for form in FORMS), feed_form.LABEL))
    raise ParseError(f"is of no known form; known are: {known}. It begins: {_beginning(text)!r}")


def _beginning(text: str) -> str:
    return " ".join(text[:400].split())[:60]
