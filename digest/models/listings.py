"""What sources give: dumps, listings, what was rejected. May import the base."""

from __future__ import annotations

import hashlib
from datetime import date as Date
from functools import cached_property
from typing import Literal

from pydantic import Field

from digest import text
from digest.models.base import Value

Scheme = Literal["arxiv", "doi", "hf", "openreview", "pmid", "title"]
DateRule = Literal["option", "setting", "file-name", "source-clock", "proven", "assumed"]
Announced = Literal["new", "cross", "replace", "replace-cross"]
LinkRel = Literal["work", "pdf", "code", "project", "discussion"]


class Alias(Value):
    """One name of a paper under one scheme; stable schemes carry normalised ids without a version."""

    scheme: Scheme
    value: str


class Span(Value):
    """A run of lines of a text dump, or of items of a structured one; 1-based, both ends inside."""

    first: int
    last: int


class Organization(Value):
    """An organisation as a source writes it."""

    name: str
    #: its short name at the source, e.g. `MediaTek-Research`
    handle: str | None = None


class Link(Value):
    """A link to something that belongs to a paper; `url` is always http(s)."""

    rel: LinkRel
    url: str


class Category(Value):
    """A category of the source's own."""

    #: e.g. `cs.LG`
    id: str
    #: for people, e.g. `Machine Learning`
    name: str


class Dump(Value):
    """One snapshot of a source, as it came."""

    source: str
    #: file name or URL, for people
    name: str
    content: bytes
    #: the date a command or the source's own clock gives it, which outranks what its name and text say
    date: Date | None = None
    date_rule: DateRule | None = None
    #: what the source wants to recall at its next fetch (validators, pages had); kept together with the bytes
    remember: dict[str, str] = Field(default_factory=dict)

    @cached_property
    def sha256(self) -> str:
        """The hexadecimal sha256 of the bytes: with the source, the dump's identity."""
        return hashlib.sha256(self.content).hexdigest()


class Dating(Value):
    """The date of a dump, with the rule that decided it."""

    date: Date
    rule: DateRule
    #: what a person should know: an assumption, a contradiction
    note: str | None = None


class Listing(Value):
    """What one dump says about one paper. Absent facts are None or empty."""

    span: Span
    title: str
    #: paragraphs separated by a blank line; "" where the dump has none
    abstract: str = ""
    authors: tuple[str, ...] = ()
    #: known also where the names are not
    author_count: int | None = None
    organization: Organization | None = None
    published: Date | None = None
    comments: int | None = None
    upvotes: int | None = None
    #: names of the work at the source, without the scheme `title`
    ids: tuple[Alias, ...] = ()
    links: tuple[Link, ...] = ()
    categories: tuple[Category, ...] = ()
    #: keywords that the source gives
    keywords: tuple[str, ...] = ()
    #: journal or conference, as the source writes it
    venue: str | None = None
    #: stars of its code repository
    stars: int | None = None
    #: the version the source names (arXiv's v2 is 2)
    version: int | None = None
    #: how arXiv announces it; a replacement is no news of a paper that was never announced
    announced: Announced | None = None
    withdrawn: bool = False
    #: what else the source says: thumbnail, submitted_by, ai_summary ...
    extra: dict[str, str] = Field(default_factory=dict)

    @cached_property
    def sketch(self) -> tuple[int, ...]:
        """Values of which listings of near texts share some."""
        return text.sketch(self.title, self.abstract)


class Rejected(Value):
    """A part of a dump that could not be read as a listing; nothing of it is lost."""

    span: Span
    reason: str
    text: str


class Notice(Value):
    """What a source says instead of a dump: why there is none."""

    #: `unchanged`: the server says nothing changed; `empty`: there is nothing; `calendar`: and that is its way today
    status: Literal["unchanged", "empty", "calendar"]
    #: for people, e.g. `feed says: none on Sat, Sun`
    note: str
    #: the date it speaks of
    date: Date | None = None


class Parsed(Value):
    """A dump, read. Header spans, listings and rejected spans together are the whole dump."""

    dating: Dating
    listings: tuple[Listing, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    header: tuple[Span, ...] = ()
