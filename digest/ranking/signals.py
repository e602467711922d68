"""The signals of one paper, each a Reason with its weight. Pure; may import the ground and models."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from datetime import date as Date

from digest import text
from digest.models import Count, Logged, Paper, Reason, Sighting

#: a paper this many days old, or younger, is fresh
FRESH_DAYS = 7

_COMMENTS, _UPVOTES, _RISING, _CODE, _STARS, _FRESH = 1.6, 1.0, 0.8, 0.9, 0.25, 1.0

_THING = r"(?:source[- ]?codes?|codes?|codebase|implementation|software|toolkit|library|scripts?|repository|repo)"
#: one of these is in all that the next pattern finds; both are for small letters
_THINGS = (
    "code", "implementation", "software", "toolkit", "library", "script", "repo", "github", "gitlab", "bitbucket",
    "4open",
)  # fmt: skip
_CODE_SAYS = re.compile(
    rf"\b{_THING}\b[^.;]{{0,80}}?\b(?:is|are|can be|has been|have been|made)\s+(?:\w+\s+){{0,3}}?"
    r"(?:available|accessible|released|open-?sourced|found|published|public|provided|at\b)"
    r"|\b(?:we|and)\s+(?:\w+\s+){0,2}?(?:release|open-?source|publish|share|provide)d?\s+(?:\w+\s+){0,5}?"
    rf"{_THING}\b|\b{_THING}\s*(?:and \w+\s*)?(?:at|:|available)\s*(?:at\s*)?\(?(?:https?:|github|www)"
    r"|\b(?:github|gitlab|bitbucket)\.(?:com|io)/\w|\banonymous\.4open\.science/r|\bgithub\.io\b.{0,20}\bcode\b"
)
_NOT_YET = re.compile(
    rf"\b{_THING}\b[^.;]{{0,60}}?\b(?:will|shall|to be|soon|upon|(?:is|are) not)\b"
    rf"|\bwill\b[^.;]{{0,40}}\b{_THING}\b"
)
_CLAUSES = re.compile(r"(?<=[.;]) ")


def of_paper(logged: Logged, day: Date) -> Iterator[Reason]:
    """Yield the signals that a paper has of itself: counts, their rise, code and its stars, freshness.

    Args:
        logged: the paper with its sightings up to the end of the interval.
        day: the edition's date, against which counts and publication are dated.
    """
    paper = logged.paper
    yield from _count("comments", "comment", paper.comments, _COMMENTS, day)
    yield from _count("upvotes", "upvote", paper.upvotes, _UPVOTES, day)
    yield from _rising("comments", "comment", logged.sightings, day)
    yield from _rising("upvotes", "upvote", logged.sightings, day)
    yield from _count("stars", "star", paper.stars, _STARS, day)
    if has_code(paper):
        yield Reason(signal="code", text="code available", weight=_CODE)
    yield from _fresh(paper.published, day)


def has_code(paper: Paper) -> bool:
    """Whether there is code now: a link to it, or words of the abstract that say so (not "will be released")."""
    if any(link.rel == "code" for link in paper.links):
        return True
    small = text.lowered(paper.abstract)
    if not _tells_of_code(small):
        return False
    clauses = filter(_tells_of_code, _CLAUSES.split(small))
    return any(_CODE_SAYS.search(one) and not _NOT_YET.search(one) for one in clauses)


def _tells_of_code(small: str) -> bool:
    return any([thing in small for thing in _THINGS])  # noqa: C419 - a generator takes twice as long


def on(day: Date, edition: Date) -> str:
    """Return a date as a reason writes it: `16 June`, with its year where that is not the edition's."""
    return f"{day.day} {day:%B}" if day.year == edition.year else f"{day.day} {day:%B} {day.year}"


def told(count: Count, one: str, day: Date) -> str:
    """Return `41 upvotes today`, `3 comments as of 16 June`: upvotes move by the hour, comments stay."""
    today = count.as_of == day and one == "upvote"
    when = "today" if today else f"as of {on(count.as_of, day)}"
    return f"{count.value:,} {one if count.value == 1 else one + 's'} {when}"


def _count(signal: str, one: str, count: Count | None, weight: float, day: Date) -> Iterator[Reason]:
    if count and count.value > 0:
        yield Reason(signal=signal, text=told(count, one, day), weight=weight * math.log2(1 + count.value))


def _rising(signal: str, one: str, sightings: Sequence[Sighting], day: Date) -> Iterator[Reason]:
    """Yield the rise of a count since the last earlier date on which the paper was seen with one."""
    by_date = {sighting.date: getattr(sighting, signal) for sighting in sightings}
    known = sorted((when, value) for when, value in by_date.items() if value is not None)
    if len(known) < 2:
        return
    (before, was), (after, now) = known[-2:]
    if now > was:
        more = now - was
        noun = one if more == 1 else one + "s"
        words = f"rising: {more:,} more {noun} from {on(before, day)} to {on(after, day)}"
        yield Reason(signal="rising", text=words, weight=_RISING * math.log2(1 + more))


def _fresh(published: Date | None, day: Date) -> Iterator[Reason]:
    """Yield freshness; a date past the edition's is no date of publication but a mistake."""
    if published is None or not 0 <= (age := (day - published).days) <= FRESH_DAYS:
        return
    words = {0: "published today", 1: "published yesterday"}.get(age, f"published {age} days ago")
    yield Reason(signal="fresh", text=words, weight=_FRESH * (1 - age / (FRESH_DAYS + 1)))
