"""Which interests of a reader a paper meets. Pure; may import models and text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from digest import text
from digest.models import Interests, Paper, Reason, Tag, Taxonomy

#: What a muted paper's score is lowered by; every other signal adds, so a score below zero says: muted.
MUTED = 1000.0

_WEIGHTS = {"want": 3.0, "authors": 3.0, "organizations": 2.0, "tags": 2.5}


@dataclass(frozen=True)
class Met:
    """What of a reader's interests one paper meets."""

    #: wanted, heaviest first; each `personal`
    reasons: tuple[Reason, ...]
    #: muted phrases that it holds
    muted: tuple[str, ...]


def meet(
    paper: Paper,
    tags: Sequence[Tag],
    interests: Interests,
    *,
    heading: str | None = None,
    taxonomy: Taxonomy | None = None,
    names: Mapping[str, str] | None = None,
) -> Met:
    """Return what of `interests` a paper meets.

    Phrases are matched as whole words, without case, accents and hyphens, in title and abstract; authors and
    organisations by their whole name or whole words of it; tags by id or name, of the leaf or its parent.

    Args:
        paper: the paper.
        tags: its tags.
        interests: what a reader wants and mutes.
        heading: id of the heading it stands under.
        taxonomy: names tags and knows their parents.
        names: id -> name, where there is no taxonomy at hand.
    """
    prose = text.searchable(f"{paper.title} . {paper.abstract}") if interests.want or interests.mute else ""
    organization = paper.organization
    own = (organization.name, organization.handle or "") if organization else ()
    found = [("want", phrase) for phrase in interests.want if text.has_phrase(prose, phrase)]
    found += [("authors", name) for name in interests.authors if _named(name, paper.authors)]
    found += [("organizations", name) for name in interests.organizations if _named(name, own)]
    named = _tag_names(tags, heading, taxonomy, names or {}) if interests.tags or interests.mute else set()
    found += [("tags", tag) for tag in interests.tags if text.searchable(tag) in named]
    muted = [phrase for phrase in interests.mute if text.has_phrase(prose, phrase) or text.searchable(phrase) in named]
    reasons = {phrase.casefold(): _reason(kind, phrase) for kind, phrase in reversed(found)}
    return Met(tuple(sorted(reasons.values(), key=lambda reason: (-reason.weight, reason.text))), tuple(muted))


def _reason(kind: str, phrase: str) -> Reason:
    return Reason(signal="interest", text=f"matches your “{phrase}”", weight=_WEIGHTS[kind], personal=True)


def _named(wanted: str, names: Iterable[str]) -> bool:
    return any(text.searchable(wanted) in text.searchable(name) for name in names) and bool(wanted.strip())


def _tag_names(
    tags: Sequence[Tag], heading: str | None, taxonomy: Taxonomy | None, names: Mapping[str, str]
) -> set[str]:
    """Return ids and names, as `searchable` makes them, of all tags with their parents, and of the heading."""
    ids = {tag.id for tag in tags} | ({heading} if heading else set())
    known = taxonomy.by_id if taxonomy else {}
    ids |= {known[id].parent or id for id in ids if id in known}
    called = [names[id] for id in ids if id in names] + [known[id].name for id in ids if id in known]
    return {text.searchable(one) for one in [*ids, *called]}
