"""What a listing is against what is known of its paper: new, revised, enriched or seen.

Pure; may import models and the ground. Each field remembers the date of the dump its value comes from: a dump of
that date or newer replaces it, an older one only fills gaps, so that the same dumps in any order end in the same paper.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from digest.models import Category, Change, ChangeKind, Count, Listing, Match, Paper
from digest.text import compact

#: fields that a newer dump replaces, in the order of Paper
REPLACED = (
    "title", "abstract", "authors", "author_count", "organization", "published",
    "comments", "upvotes", "venue", "stars",
)  # fmt: skip
COUNTS = ("comments", "upvotes", "stars")
#: fields to which every dump adds
GROWING = ("ids", "links", "categories", "keywords")
TEXT = ("title", "abstract", "version", "withdrawn")


def first(listing: Listing, match: Match, key: str, day: date) -> Change:
    """Return the change that makes a paper of a listing not met before; `day` is its dump's date.

    A replacement says that the paper is old: it is known from then on, but no news until it is listed otherwise.
    """
    given: dict[str, Any] = {name: _told(listing, name, day) for name in REPLACED}
    told: dict[str, Any] = {name: value for name, value in given.items() if value}
    paper = Paper(
        key=key,
        **told,
        ids=_grown((), listing.ids),
        links=_grown((), listing.links),
        categories=_filed((), listing.categories),
        keywords=_grown((), listing.keywords),
        withdrawn=listing.withdrawn,
        dormant=_replaces(listing),
        version=listing.version,
        first_seen=day,
        as_of=dict.fromkeys((*told, *(("version",) if listing.version else ())), day),
    )
    silent = paper.dormant
    return Change(kind="seen" if silent else "new", listing=listing, match=match, paper=paper, silent=silent)


def compare(
    listing: Listing, match: Match, paper: Paper, day: date, *, again: bool = False, told_before: bool = False
) -> Change:
    """Return the change that `listing` makes to a known paper.

    Args:
        listing: what the dump says.
        match: why it is this paper.
        paper: the paper before.
        day: the dump's date.
        again: the dump has listed the paper before: the second listing is `seen`, and only fills gaps.
        told_before: the paper was listed under this very text before. A source that names no version then repeats an
            old one, and does not take back what a source with versions says.
    """
    stale = told_before and listing.version is None and paper.version is not None
    update: dict[str, Any] = {}
    as_of = dict(paper.as_of)
    changed: list[str] = []
    for name in REPLACED:
        told = _told(listing, name, day) if name in COUNTS else getattr(listing, name)
        if not told or (stale and name in ("title", "abstract")):
            continue
        had = getattr(paper, name)
        known_on = as_of.get(name, date.min)
        if name == "abstract" and had and _same_abstract(had, told) and len(told) != len(had):
            # One is the beginning of the other: the longer one stays, whichever came first.
            update[name] = max(had, told, key=len)
            as_of[name] = max(day, known_on)
        elif not had or (not again and day >= known_on):
            if _differs(name, had, told):
                changed.append(name)
            update[name] = told
            as_of[name] = day
    for name in GROWING:
        had, told = getattr(paper, name), getattr(listing, name)
        if (not told and len(had) < 2) or (name == "ids" and match.rule == "decided"):
            continue
        grown = _filed(had, told) if name == "categories" else _grown(had, told)
        if grown != had:
            update[name] = grown
            changed.append(name)
    if listing.version is not None and _newer_version(listing.version, paper, day, again):
        if paper.version is not None or listing.version > 1:
            changed.append("version")
        update["version"] = listing.version
        as_of["version"] = day
    if listing.withdrawn and not paper.withdrawn:
        changed.append("withdrawn")
        update["withdrawn"] = True
    awake = paper.dormant and not _replaces(listing)
    if awake:
        update["dormant"] = False
    if day < paper.first_seen:
        update["first_seen"] = day
    if as_of != paper.as_of:
        update["as_of"] = as_of
    after = paper.model_copy(update=update) if update else paper
    kind: ChangeKind = "seen" if again else _kind(paper, changed)
    if paper.dormant:
        kind = "new" if awake else "seen"
    revised = kind == "revised"
    return Change(
        kind=kind,
        listing=listing,
        match=match,
        paper=after,
        fields=tuple(changed) if kind in ("revised", "enriched") else (),
        before=(paper.title, paper.abstract) if revised else None,
        silent=after.dormant,
    )


def _replaces(listing: Listing) -> bool:
    return listing.announced in ("replace", "replace-cross")


def _kind(paper: Paper, changed: list[str]) -> ChangeKind:
    """A text or version that replaces another one is a revision; a gap filled or a count moved is not.

    Where no source has named a version, it was the first.
    """
    if any(name in changed and (name in ("version", "withdrawn") or getattr(paper, name)) for name in TEXT):
        return "revised"
    return "enriched" if changed else "seen"


def _newer_version(version: int, paper: Paper, day: date, again: bool) -> bool:
    if paper.version is None:
        return True
    return not again and version > paper.version and day >= paper.as_of.get("version", date.min)


def _told(listing: Listing, name: str, day: date) -> Any:
    value = getattr(listing, name)
    if name in COUNTS:
        return None if value is None else Count(value=value, as_of=day)
    return value


def _differs(name: str, had: Any, told: Any) -> bool:
    """Whether a value says something else, not only in other bytes."""
    same = _SAME.get(name)
    return bool(had != told) if same is None or not had else not same(had, told)


def _same_title(had: str, told: str) -> bool:
    return had == told or compact(had) == compact(told)


def _same_abstract(had: str, told: str) -> bool:
    """Equal letters, or one is the beginning of the other: a teaser is no revision."""
    if had == told:
        return True
    one, other = sorted((compact(had), compact(told)), key=len)
    return one == other or (len(one) >= 40 and other.startswith(one))


_SAME: dict[str, Callable[[Any, Any], bool]] = {
    "title": _same_title,
    "abstract": _same_abstract,
    "authors": lambda had, told: sorted(map(compact, had)) == sorted(map(compact, told)),
    "comments": lambda had, told: had.value == told.value,
    "upvotes": lambda had, told: had.value == told.value,
    "stars": lambda had, told: had.value == told.value,
}


def _grown(had: tuple[Any, ...], told: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return both together in an order that does not depend on who came first."""
    if not told:
        return had
    return tuple(sorted(dict.fromkeys((*had, *told)), key=_written))


def _written(one: Any) -> str:
    """Return what `str` returns, of a text or a flat value, in a fifth of the time."""
    return one if isinstance(one, str) else " ".join([f"{name}={value!r}" for name, value in one.__dict__.items()])


def _filed(had: tuple[Category, ...], told: tuple[Category, ...]) -> tuple[Category, ...]:
    """Return both together, each id once: the source's first is the primary one, so those known keep their order."""
    found: dict[str, Category] = {}
    for category in (*had, *told):
        if category.id not in found or found[category.id].name == category.id:
            found[category.id] = category
    return tuple(found.values())
