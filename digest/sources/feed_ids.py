"""Ids of a work in the guids, links and identifiers of a feed's item.

Pure; may import models.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from digest.models import Alias

_ARXIV_ID = r"(\d{4}\.\d{4,5}|[a-z]+(?:-[a-z]+)?(?:\.[A-Z]{2})?/\d{7})(?:v(\d{1,3}))?(?![\w])"
_ARXIV = (
    re.compile(rf"(?:oai:arXiv\.org:|^arxiv:\s?){_ARXIV_ID}", re.IGNORECASE),
    re.compile(rf"^https?://(?:[a-z-]+\.)?arxiv\.org/(?:abs|pdf|html|format)/(?:arxiv:)?{_ARXIV_ID}", re.IGNORECASE),
    re.compile(rf"^https?://(?:www\.)?(?:alphaxiv\.org/(?:abs|overview)|ar5iv\.org/(?:abs|html))/{_ARXIV_ID}"),
    re.compile(rf"10\.48550/arxiv\.{_ARXIV_ID}", re.IGNORECASE),
)
_HF = re.compile(r"^https?://(?:www\.)?(?:huggingface\.co|hf\.co)/papers/(\d{4}\.\d{4,5})(?:v(\d{1,3}))?(?!\w)")
_DOI = re.compile(r"10\.\d{4,9}/[^\s\"'<>]+")
_DOI_PLACE = re.compile(r"(?:doi:|info:doi/|urn:doi:|https?://(?:dx\.|www\.)?doi\.org/)\s?(?=10\.|10%)", re.IGNORECASE)
#: publishers' pages whose paths, or a field of the query, hold the DOI
_DOI_PAGE = re.compile(
    r"https?://[^/\s]+/(?:[^\s?#]{0,200}?/)??(?:[^\s?#]{0,60}\?(?:[^\s#]{0,200}&)?(?:id|doi)=)?(10\.\d{4,9}/[^\s?#&\"'<>]+)",
    re.IGNORECASE,
)
_DOI_TAIL = re.compile(
    r"(?:/(?:abstract|full|pdf|epdf|meta|short|html|full-text|fulltext)|\.(?:full|abstract|short)(?:-text|\.pdf)?|\.pdf)$"
)
_NATURE = re.compile(r"^https?://(?:www\.)?nature\.com/articles/([a-z0-9][\w-]{5,40})(?=$|[?#])")
#: these pages name the version; their DOI has one of two prefixes, and stands elsewhere in the item
_BIORXIV = re.compile(r"https?://(?:www\.)?(?:bio|med)rxiv\.org/[^\s?#]{1,100}?\d{6,8}v(\d{1,2})\b")
_OPENREVIEW = re.compile(r"^https?://(?:www\.)?openreview\.net/(?:forum|pdf)\?(?:[^\s#]*&)?id=([\w-]{6,20})")
_PMID = (
    re.compile(r"^(?:pmid|pubmed|info:pmid/|urn:pmid):?\s?/?(\d{1,9})$", re.IGNORECASE),
    re.compile(r"^https?://(?:pubmed\.ncbi\.nlm\.nih\.gov|(?:www\.)?ncbi\.nlm\.nih\.gov/pubmed)/(\d{1,9})(?!\d)"),
)
#: versions at the end of preprints' DOIs: Research Square, Preprints.org, ChemRxiv, bioRxiv's pages, F1000
_DOI_VERSIONS = (
    (re.compile(r"^10\.21203/rs\."), re.compile(r"/v(\d+)$")),
    (re.compile(r"^10\.20944/preprints"), re.compile(r"\.v(\d+)$")),
    (re.compile(r"^10\.26434/chemrxiv"), re.compile(r"[-.]v(\d+)$")),
    (re.compile(r"^10\.(?:1101|64898)/"), re.compile(r"v(\d+)$")),
)


@dataclass(frozen=True)
class Names:
    """What names a work, and the version that is named with it."""

    ids: tuple[Alias, ...] = ()
    version: int | None = None


def read(named: Iterable[str]) -> Names:
    """Return the ids that guids, links and identifiers hold, each once, in their order; DOIs in small letters."""
    ids: dict[Alias, None] = {}
    versions: list[int] = []
    for text in named:
        for alias, version in _of(text.strip()[:2000]):
            if alias:
                ids.setdefault(alias)
            versions += [version] if version else []
    return Names(tuple(_agreeing(ids)), max(versions, default=None))


def _of(text: str) -> list[tuple[Alias | None, int | None]]:
    for pattern in _ARXIV:
        if found := pattern.search(text):
            return [(Alias(scheme="arxiv", value=_bare(found[1])), int(found[2] or 0) or None)]
    if found := _HF.match(text):
        version = int(found[2] or 0) or None
        return [(Alias(scheme="arxiv", value=found[1]), version), (Alias(scheme="hf", value=found[1]), None)]
    if found := _OPENREVIEW.match(text):
        return [(Alias(scheme="openreview", value=found[1]), None)]
    for pattern in _PMID:
        if found := pattern.match(text):
            return [(Alias(scheme="pmid", value=found[1].lstrip("0") or "0"), None)]
    doi = _doi(text)
    preprint = _BIORXIV.match(text)
    return [*([doi] if doi else []), *([(None, int(preprint[1]))] if preprint else [])]


def _bare(arxiv: str) -> str:
    """Return an old id without the subject class, which names nothing: math.GT/0309136 is math/0309136."""
    archive, slash, number = arxiv.partition("/")
    return f"{archive.lower().partition('.')[0]}/{number}" if slash else arxiv


def _doi(text: str) -> tuple[Alias, int | None] | None:
    if found := _NATURE.match(text):
        return Alias(scheme="doi", value=f"10.1038/{found[1].lower()}"), None
    if place := _DOI_PLACE.match(text):
        doi = _DOI.match(unquote(text[place.end() :]))
        value = doi[0] if doi else ""
    elif text.startswith("10."):
        doi = _DOI.match(text)
        value = doi[0] if doi else ""
    else:
        page = _DOI_PAGE.match(unquote(text)) if text.startswith("http") else None
        value = _DOI_TAIL.sub("", page[1].rstrip("/")) if page else ""
    value = _closed(value.rstrip(".,;:'\"\\/")).lower()
    return _without_version(value) if value else None


def _closed(value: str) -> str:
    """Drop a bracket that was opened before the DOI began."""
    return value[:-1] if value.endswith((")", "]", "}")) and not any(char in value for char in "([{") else value


def _without_version(value: str) -> tuple[Alias, int | None]:
    for family, version in _DOI_VERSIONS:
        if family.match(value) and (found := version.search(value)):
            return Alias(scheme="doi", value=value[: found.start()]), int(found[1])
    return Alias(scheme="doi", value=value), None


def _agreeing(ids: Iterable[Alias]) -> list[Alias]:
    """Keep the first id of each scheme: an item tells of one work."""
    first: dict[str, Alias] = {}
    for alias in ids:
        first.setdefault(alias.scheme, alias)
    return list(first.values())
