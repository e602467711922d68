"""Editions as files, and what of papers stands in them already. Pure; may import protocols and text.

An edition's file holds its snapshot, byte for byte, but for the reasons that tell of a person's interests: where
`public_reasons` is not set, no page shows them, and neither does a file that may lie in a public repository.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple, TypeVar, cast

from digest.protocols.state import EditionRow
from digest.text import key64

T = TypeVar("T")

#: where the files lie
FOLDER = "editions"
#: fields of a paper that its line has in any case, or that are its text
_ELSEWHERE = ("key", "title", "abstract", "ids", "first_seen")


def file_name(newsletter: str, number: int, day: date) -> str:
    """Return the name of an edition's file."""
    return f"{FOLDER}/{newsletter}/{number}-{day.isoformat()}.json"


def public(snapshot: bytes) -> bytes:
    """Return a snapshot without reasons that tell of a person, unless its pages show them."""
    edition = json.loads(snapshot)
    if edition.get("public_reasons"):
        return snapshot
    told = False
    for entry in edition["entries"]:
        kept = [reason for reason in entry["reasons"] if not reason.get("personal")]
        told = told or len(kept) < len(entry["reasons"])
        entry["reasons"] = kept
    if not told:
        return snapshot
    return json.dumps(edition, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def lean(value: T) -> T:
    """Return a JSON value without fields that say nothing."""
    return cast(T, _lean(value))


def _lean(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: told for name, one in value.items() if not _is_nothing(told := _lean(one))}
    return [_lean(one) for one in value] if isinstance(value, list) else value


def _is_nothing(value: Any) -> bool:
    return value is None or value is False or value in ("", [], {})


def text_hash(title: str, abstract: str) -> str:
    """Return what a text is known by."""
    return f"{key64(json.dumps([title, abstract])) % 2**64:016x}"


class Printed(NamedTuple):
    """A paper as the newest edition with it has it."""

    #: like `daily/12`
    edition: str
    order: tuple[str, str, int]
    title: str
    abstract: str
    #: as `ids` of a paper
    ids: list[Any]
    first_seen: str
    #: its other fields that say something
    fields: dict[str, Any]
    #: JSON list of Tag
    tags: list[Any]


@dataclass
class Pool:
    """The papers of editions: their lines need not repeat what stands there."""

    texts: dict[str, tuple[str, str]] = field(default_factory=dict)
    papers: dict[str, Printed] = field(default_factory=dict)
    #: editions in it -> sha256 of their files
    sha256: dict[tuple[str, int], str] = field(default_factory=dict)

    def take(self, content: bytes) -> EditionRow:
        """Take in the file of an edition, and return its row.

        Raises:
            ValueError, LookupError, TypeError, AttributeError: it is no edition.
        """
        edition = json.loads(content)
        row = row_of(edition, content)
        self.learn(edition)
        self.put(edition, row)
        return row

    def learn(self, edition: Any) -> None:
        """Take the texts of an edition, also of one that counts for nothing else: lines name each by its hash.

        Raises:
            LookupError, TypeError: it is no edition.
        """
        for entry in edition["entries"]:
            title, abstract = str(entry["paper"]["title"]), str(entry["paper"]["abstract"])
            self.texts.setdefault(text_hash(title, abstract), (title, abstract))

    def put(self, edition: Any, row: EditionRow) -> None:
        """Take the papers of an edition that is whole, as the newest edition with each has it."""
        name, order = f"{row.newsletter}/{row.number}", (edition["instant"], row.newsletter, row.number)
        self.sha256[row.newsletter, row.number] = row.sha256
        for entry in edition["entries"]:
            self._put(entry["paper"], entry["tags"], name, order)

    def _put(self, paper: dict[str, Any], tags: list[Any], edition: str, order: tuple[str, str, int]) -> None:
        known = self.papers.get(paper["key"])
        if known is None or known.order < order:
            title, abstract = paper["title"], paper["abstract"]
            # one string for all who name it
            text = self.texts.get(text_hash(title, abstract), (title, abstract))
            fields = lean({name: value for name, value in paper.items() if name not in _ELSEWHERE})
            ids, first_seen = lean(paper["ids"]), paper["first_seen"]
            self.papers[paper["key"]] = Printed(edition, order, text[0], text[1], ids, first_seen, fields, lean(tags))


def row_of(edition: Any, content: bytes) -> EditionRow:
    """Return the row of an edition.

    Raises:
        ValueError, LookupError, TypeError, AttributeError: it is none.
    """
    return EditionRow(
        str(edition["newsletter"]),
        int(edition["number"]),
        date.fromisoformat(edition["date"]),
        hashlib.sha256(content).hexdigest(),
        datetime.fromisoformat(edition["instant"]),
        int(edition["after"]),
        int(edition["upto"]),
        content.decode(),
        tuple((str(entry["paper"]["key"]), str(entry["change"])) for entry in edition["entries"]),
    )
