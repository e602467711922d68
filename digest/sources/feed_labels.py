"""What feeds write into descriptions beside the abstract: `Upvotes: 3`, `Authors: ...`, `Source: Journal of ...`.

Pure; may import nothing of `digest` but text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

#: label -> what it says
_LABELS = {
    **dict.fromkeys(("authors", "author", "author(s)", "by"), "authors"),
    **dict.fromkeys(("upvotes", "upvote", "votes", "likes", "👍", "⬆️", "🔥"), "upvotes"),
    **dict.fromkeys(("comments", "comment", "💬"), "comments"),
    **dict.fromkeys(("summary", "abstract", "background/abstract"), "abstract"),
    **dict.fromkeys(("keywords", "key words", "ai keywords"), "keywords"),
    **dict.fromkeys(("source", "journal", "published in", "journal-ref", "journal ref"), "venue"),
    **dict.fromkeys(("doi", "pmid", "arxiv", "arxiv id", "paper id", "link", "url", "arxiv link", "paper"), "named"),
    **dict.fromkeys(
        ("publication date", "published", "date", "submitted", "submitted on", "organization", "submitted by",
         "available online", "title", "pdf", "code", "github", "project page", "categories", "subjects", "category",
         "stars", "rank"),
        "other",
    ),
}  # fmt: skip
_LABEL = re.compile(
    r"(?:[•*·|-]\s*)?((?!https?:)[A-Za-z][A-Za-z() /-]{1,20}|👍|💬|🔥|⬆️)\s*[::]\s*|(👍|💬|🔥|⬆️)\s*(?=\d)", re.IGNORECASE
)
_COUNT = re.compile(r"[+]?(\d{1,3}(?:,\d{3})+|\d{1,9})\b")
_COUNTED = re.compile(r"\W*(\d{1,9}) (upvotes?|comments?|likes?|votes?)\W*", re.IGNORECASE)
#: nothing but where and when: `Nature, Published online: 14 May 2026; doi:10.1038/...`, `Journal, Volume 1, Page 1-9.`
_CITATION = re.compile(
    r"[^.]{0,200}(?:published online:|ahead of print|EarlyView|, vol(?:ume|\.)? \d|, issue \d|, pages? [\dA-Z])",
    re.IGNORECASE,
)
_NAMED = re.compile(r"\b(?:doi:\s?|https?://(?:dx\.)?doi\.org/)10\.\d{4,9}/\S+|\bPMID:\s?\d{1,9}\b", re.IGNORECASE)
_HEADING = re.compile(r"(?:abstract|summary|description|tl;?dr)\W*$", re.IGNORECASE)
_FOOTER = re.compile(
    r"the post .{0,400} appeared first on|(?:read|continue reading|view|see) (?:more|full|the full)\b.{0,80}$"
    r"|(?:\[?link\]?|\[?comments\]?|share|tweet|pdf|view pdf|arxiv|html|full text|discuss|read more)\W*$",
    re.IGNORECASE,
)
_SHORT = 300
#: a description with so many characters is an abstract, whatever longer text stands beside it
_ENOUGH = 400
_JOURNAL_BEFORE = re.compile(
    r"^(?:ScienceDirect (?:Publication|Search)|Wiley|tandf|Taylor (?:&|and) Francis|Table of Contents for|SAGE"
    r" Publications(?: Ltd| Inc)?|Latest (?:Results|articles?) (?:for|from)|Recent articles in|RSC -|ACS)\s*[:–-]?\s*",
    re.IGNORECASE,
)
_JOURNAL_AFTER = re.compile(
    r"(?:\s*(?:[:–|-]\s*(?:Table of Contents|Articles in Press|Vol(?:ume)?\.? .*|Issue|Current Issue|Latest"
    r"|Advance Access|(?:most )?recent (?:issue|articles)|nature\.com science feeds|latest (?:articles|papers|content)"
    r"|subject feeds|RSS.*|published articles|early view|ahead of print)|Current Issue|Advance Access"
    r"|latest issue))+\s*$",
    re.IGNORECASE,
)
_PREPRINTS = re.compile(r"^(bioRxiv|medRxiv|ChemRxiv|PsyArXiv|SSRN)\b.*", re.IGNORECASE)


@dataclass(frozen=True)
class Labels:
    """What a description says, taken apart."""

    #: paragraphs parted by a blank line
    abstract: str = ""
    authors: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    venue: str = ""
    #: what may hold an id
    named: tuple[str, ...] = ()
    upvotes: int | None = None
    comments: int | None = None


def read(bodies: Sequence[Sequence[str]]) -> Labels:
    """Take descriptions apart.

    Args:
        bodies: the paragraphs of the description, of the content, ...; the abstract is the first that is more than
            a line, else the longest; the facts beside it come from all.
    """
    facts: dict[str, list[str]] = {}
    left = [_without_labels(paragraphs, facts) for paragraphs in bodies]
    texts = ["\n\n".join(paragraphs) for paragraphs in left]
    enough = next((text for text in texts if len(text) >= _ENOUGH), None)
    return Labels(
        abstract=enough if enough is not None else max(texts, key=len, default=""),
        authors=tuple(facts.get("authors", ()))[:1],
        keywords=_keywords(facts.get("keywords", ())),
        venue=(facts.get("venue") or [""])[0].split(", Volume")[0][:200],
        named=tuple(facts.get("named", ())),
        upvotes=_count(facts.get("upvotes", ())),
        comments=_count(facts.get("comments", ())),
    )


def journal(title: str) -> str:
    """Return the journal's name in the title of its feed; "" where there is none."""
    title = " ".join(title[:500].split())
    if found := _PREPRINTS.match(title):
        return found[1]
    name = _JOURNAL_AFTER.sub("", _JOURNAL_BEFORE.sub("", title)).strip(" :-–|")
    return name if 2 < len(name) <= 120 and "://" not in name else ""


def _without_labels(paragraphs: Sequence[str], facts: dict[str, list[str]]) -> list[str]:
    """Return the paragraphs of the abstract; what others say goes into `facts`."""
    kept: list[str] = []
    for index, paragraph in enumerate(paragraphs):
        if _HEADING.match(paragraph) or (index and len(paragraph) < _SHORT and _FOOTER.match(paragraph)):
            continue
        if counted := _COUNTED.fullmatch(paragraph):
            facts.setdefault("comments" if counted[2][0] in "cC" else "upvotes", []).append(counted[1])
            continue
        for piece in _pieces(paragraph):
            what, value = _labelled(piece)
            if what == "abstract":
                kept += [value] if value else []
            elif what:
                facts.setdefault(what, []).append(value)
            else:
                kept.append(piece)
    return _without_citation(kept, facts)


def _pieces(paragraph: str) -> list[str]:
    """Cut a short line of facts at its bars: `Upvotes: 12 | Comments: 3`."""
    if len(paragraph) > _SHORT:
        return [paragraph]
    parts = re.split(r"\s+[|·•]\s+|\s{2,}", paragraph)
    return parts if len(parts) > 1 and all(_labelled(part)[0] for part in parts) else [paragraph]


def _labelled(piece: str) -> tuple[str, str]:
    """Return (what it says, its value); ("", "") for prose."""
    label = _LABEL.match(piece)
    what = _LABELS.get((label[1] or label[2]).strip().casefold(), "") if label else ""
    if not label or not what:
        return "", ""
    value = piece[label.end() :].strip()
    if what in ("upvotes", "comments"):
        return (what, value) if _COUNT.match(value) and len(value) < 40 else ("", "")
    if what == "named" and len(value.split()) > 1:
        return "", ""
    if what in ("other", "venue", "keywords") and len(value) > _SHORT:
        return "", ""
    return what, value


def _without_citation(kept: list[str], facts: dict[str, list[str]]) -> list[str]:
    """Take off a first line that only cites; the ids in it are facts."""
    if kept and len(kept[0]) < _SHORT and (_CITATION.match(kept[0]) or _NAMED.match(kept[0])):
        facts.setdefault("named", []).extend(found.rstrip(").,;") for found in _NAMED.findall(kept[0]))
        return kept[1:]
    return kept


def _count(values: Sequence[str]) -> int | None:
    found = _COUNT.match(values[0]) if values else None
    return int(found[1].replace(",", "")) if found else None


def _keywords(values: Sequence[str]) -> tuple[str, ...]:
    words = (word.strip(" .") for value in values for word in re.split(r"[;,]", value))
    return tuple(dict.fromkeys(word for word in words if word))[:50]
