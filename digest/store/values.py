"""Values as JSON text, and lists in portions that a statement takes. May import models and errors."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter
from pydantic_core import PydanticSerializationError

from digest.errors import StoreError
from digest.models import Paper, Tag

T = TypeVar("T")

#: values in one IN list; SQLite takes 32,766, PostgreSQL's protocol 65,535
PORTION = 5_000

_tags: TypeAdapter[tuple[Tag, ...]] = TypeAdapter(tuple[Tag, ...])


def portions(values: Iterable[T], size: int = PORTION) -> Iterator[list[T]]:
    """Yield `values` in lists of at most `size`."""
    rest = iter(values)
    while portion := list(islice(rest, size)):
        yield portion


def numbers(values: Iterable[int]) -> str:
    """Return numbers as they stand in an IN list: without parameters, whose handling costs more than the search."""
    return ",".join(map(str, map(int, values)))


def pairs(rows: Iterable[Any]) -> dict[Any, Any]:
    """Return rows of two columns as a dictionary."""
    return dict(map(tuple, rows))


def paper_json(paper: Paper) -> str:
    """Return a paper as JSON without what is default.

    Raises:
        StoreError: a text of it is no Unicode; sources are to clean what they read.
    """
    try:
        return paper.model_dump_json(exclude_defaults=True)
    except PydanticSerializationError as error:
        raise StoreError(f"paper {paper.key!r} cannot be stored: {error}") from error


def tags_json(tags: Sequence[Tag]) -> str:
    """Return tags as a JSON list without what is default."""
    return _tags.dump_json(tuple(tags), exclude_defaults=True).decode()


def tags_of(text: str) -> tuple[Tag, ...]:
    """Return the tags of a JSON list."""
    return _tags.validate_json(text)


def any_json(value: BaseModel) -> str:
    """Return any value as JSON, also one that quotes file names which are no Unicode."""
    return json.dumps(value.model_dump(mode="json"))
