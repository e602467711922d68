"""Papers as lines, with what identity needs to find them again. Pure; may import models, protocols and snapshots.

A line has title, ids and dates; all else it has only where no edition of the folder has it: texts are named by a hash,
fields by what differs. So does a paper whose text no edition has, while it may be listed again: with an id of its own
for 90 days after it was listed last, without one as long as editions are kept, since then its text is what finds it.
Afterwards it is shrunk to title, ids, people (of those without ids) and sketch.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from digest.models import Paper
from digest.protocols.state import PaperRow
from digest.state.folder import Line, line_of
from digest.state.snapshots import Pool, lean, text_hash

#: how long the text of a paper with an id of its own is kept after it was listed last
KEPT = timedelta(days=90)
_ALWAYS = ("key", "title", "abstract", "ids", "first_seen")
#: fields that stay when a line shrinks; those of a paper without ids speak for one work, where abstracts are gone
_STAY = ("dormant", "withdrawn", "version")
_SPEAK = ("authors", "author_count", "published", "venue")


@dataclass(frozen=True)
class Sighted:
    """How a paper was sighted."""

    #: sources that listed it, other than as a replacement
    sources: tuple[str, ...] = ()
    #: number of the last commit with it
    at: int | None = None
    #: date of the last dump with it
    last: date | None = None


@dataclass(frozen=True)
class Seen:
    """A line, read."""

    number: int
    key: str
    into: str | None
    data: dict[str, Any]
    #: reference of a dump, title, abstract
    texts: tuple[tuple[str, str, str], ...]
    tags: Mapping[str, str] = field(default_factory=dict)
    sketch: tuple[int, ...] = ()
    sources: tuple[str, ...] = ()
    at: int = 0

    @cached_property
    def json(self) -> str:
        """The paper as JSON, checked (ValueError where it is none)."""
        return Paper.model_validate(self.data).model_dump_json(exclude_defaults=True)


def shrinks(paper: PaperRow, sighted: Sighted, pool: Pool, today: date, archive: timedelta) -> bool:
    """Whether a paper is old enough to lose its text."""
    if paper.into is not None or paper.key in pool.papers:
        return False
    data = json.loads(paper.data)
    days = [data["first_seen"], *data.get("as_of", {}).values()]
    last = max([date.fromisoformat(max(days)), *([sighted.last] if sighted.last else [])])
    return last < today - (min(KEPT, archive) if data.get("ids") else archive)


def encode(paper: PaperRow, sighted: Sighted, pool: Pool, dumps: Mapping[int, str]) -> Line:
    """Return the line of a paper.

    Args:
        paper: the row; one with a sketch is shrunk.
        sighted: how it was sighted.
        pool: what editions have.
        dumps: id -> reference.
    """
    data = json.loads(paper.data)
    line: Line = {"n": paper.id, "key": paper.key, "title": data["title"], "first_seen": data["first_seen"]}
    if paper.into is not None:
        return line | {"into": paper.into}
    ids = [f"{one['scheme']}:{one['value']}" for one in data.get("ids", ())]
    line |= lean({"ids": ids, "sources": list(sighted.sources), "at": sighted.at})
    if paper.sketch:
        titles = list(dict.fromkeys(one.title for one in paper.texts if one.title != data["title"]))
        names = (*_STAY, *(() if ids else _SPEAK))
        kept = {name: data[name] for name in names if name in data}
        return line | lean({"sketch": _packed(paper.sketch), "titles": titles, "paper": kept})
    return line | _in_full(paper, data, pool, dumps)


def _in_full(paper: PaperRow, data: dict[str, Any], pool: Pool, dumps: Mapping[int, str]) -> Line:
    line: Line = {}
    fields = lean({name: value for name, value in data.items() if name not in _ALWAYS})
    printed = pool.papers.get(paper.key)
    if printed:
        line["in"] = printed.edition
        before = printed.fields
        fields = {name: fields.get(name) for name in sorted({*fields, *before}) if fields.get(name) != before.get(name)}
    if fields:
        line["paper"] = fields
    texts = [(one.title, one.abstract) for one in paper.texts]
    now = (data["title"], data.get("abstract", ""))
    line["texts"] = [
        [dumps.get(one.dump, "")] + ([name] if (name := text_hash(*text)) in pool.texts else list(text))
        for one, text in zip(paper.texts, texts, strict=True)
    ]
    if now not in texts:
        line["abstract"] = now[1]
    elif now != texts[-1]:
        line["now"] = texts.index(now)
    tags = {name: json.loads(told) for name, told in sorted(paper.tags.items())}
    if tags:
        same = printed.tags if printed else None
        line["tags"] = {name: True if lean(told) == same else told for name, told in tags.items()}
    return line


def decode(line: Line, pool: Pool) -> Seen:
    """Return what a line says; what it names in an edition that is gone is left out.

    Raises:
        ValueError, KeyError, TypeError: it is no line of a paper.
    """
    key, into = str(line["key"]), line.get("into")
    ids = [dict(zip(("scheme", "value"), one.split(":", 1), strict=True)) for one in line.get("ids", ())]
    data: dict[str, Any] = {"key": key, "title": line["title"], "first_seen": line["first_seen"], "ids": ids}
    # without the edition that it names, all there is are the fields that differed
    printed = pool.papers.get(key) if "in" in line else None
    fields = {**(printed.fields if printed else {}), **line.get("paper", {})}
    data |= {name: value for name, value in fields.items() if value is not None}
    titles = [*line.get("titles", ()), line["title"]]
    texts = [_text(one, line["title"], pool) for one in line["texts"]] if "texts" in line else None
    if texts is None:
        texts = [("", title, "") for title in titles]
    else:
        data["abstract"] = line.get("abstract", texts[line.get("now", -1)][2])
    tags = {name: printed.tags if told is True and printed else told for name, told in line.get("tags", {}).items()}
    return Seen(
        int(line["n"]),
        key,
        into,
        data,
        tuple(texts),
        {name: line_of(told) for name, told in tags.items() if told is not True},
        _unpacked(line.get("sketch", "")),
        tuple(line.get("sources", ())),
        int(line.get("at", 0)),
    )


def recovered(key: str, number: int, pool: Pool, sources: Sequence[str]) -> Seen:
    """Return a paper of which only editions tell, as one that all sources listed."""
    one = pool.papers[key]
    data = {**one.fields, "key": key, "title": one.title, "abstract": one.abstract, "ids": one.ids}
    return Seen(
        number,
        key,
        None,
        {**data, "first_seen": one.first_seen},
        (("", one.title, one.abstract),),
        sources=tuple(sources),
    )


def merged(one: Seen, other: Seen) -> Seen:
    """Return what two lines of one paper say: the newer one, with texts and sources of both."""
    newer, older = (one, other) if (one.at, str(one.data)) >= (other.at, str(other.data)) else (other, one)
    had = {text[1:] for text in newer.texts}
    texts = (*(text for text in older.texts if text[1:] not in had and text[2]), *newer.texts)
    sources = tuple(sorted({*one.sources, *other.sources}))
    return Seen(
        min(one.number, other.number),
        one.key,
        newer.into,
        newer.data,
        texts,
        newer.tags,
        newer.sketch if newer.sketch and older.sketch else (),
        sources,
        newer.at,
    )


def _text(told: Sequence[str], title: str, pool: Pool) -> tuple[str, str, str]:
    """Return reference, title and abstract of one text of a line."""
    if len(told) == 2:
        return (told[0], *pool.texts.get(told[1], (title, "")))
    ref, own, abstract = told
    return ref, own, abstract


def _packed(values: Sequence[int]) -> str:
    return b64encode(b"".join(value.to_bytes(8, "big", signed=True) for value in values)).decode()


def _unpacked(text: str) -> tuple[int, ...]:
    content = b64decode(text, validate=True)
    return tuple(int.from_bytes(content[at : at + 8], "big", signed=True) for at in range(0, len(content), 8))
