"""The lead: one sentence made of facts of the edition. Pure; may import models and text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date as Date

from digest import text
from digest.models import Count, Entry, Section

#: longer titles are cut at a word
_TITLE = 110
#: ids of sections that are no headings
NO_HEADING = frozenset({"all", "also-new", "revised"})


def lead(entries: Sequence[Entry], sections: Sequence[Section], day: Date, *, coded: int = 0) -> str:
    """Return one sentence on an edition: its largest headings, and what is discussed most.

    Args:
        entries: all of them, best first.
        sections: as the edition prints them.
        day: the edition's date; upvotes of that date are told as today's.
        coded: how many of the new ones come with code.
    """
    new = [entry for entry in entries if entry.change == "new"]
    if not new:
        return _on_revised(entries)
    if len(new) == 1:
        return f"One paper is new: {quoted(new[0])}{_tail(new[0], day)}"
    able = [entry for entry in new if entry.score >= 0 and not entry.paper.withdrawn] or new
    discussed = _leader(able, day)
    opening = _on_headings(len(new), sections, both=not discussed)
    if not discussed:
        return f"{opening}; {_otherwise(able, coded)}."
    return f"{opening}; {discussed}."


def inside(name: str) -> str:
    """Return a heading's name as it stands inside a sentence; one all in title case stays a name."""
    first, *rest = name.split(" ")
    titled = any(word[:1].isupper() and word[1:].islower() for word in rest)
    return name if titled else " ".join([text.inside_sentence(first), *rest])


def quoted(entry: Entry) -> str:
    """Return a title in quotation marks."""
    return f"“{text.shorten(entry.paper.title, _TITLE)}”"


def _on_headings(count: int, sections: Sequence[Section], *, both: bool) -> str:
    """Return `12 of 48 are on learning & theory`, with the second heading too where there is nothing else to say."""
    found = [section for section in sections if section.id not in NO_HEADING]
    if not found:
        return f"{count} papers are new"
    first = found[0]
    verb = "is" if len(first.keys) == 1 else "are"
    some = f"All {count}" if len(first.keys) == count else f"{len(first.keys)} of {count}"
    words = f"{some} {verb} on {inside(first.title)}"
    if both and len(found) > 1:
        words += f", {len(found[1].keys)} on {inside(found[1].title)}"
    return words


def _leader(entries: Sequence[Entry], day: Date) -> str | None:
    """Return what is discussed or upvoted most; None where nothing has a count."""
    for word, one, pick in (("discussed", "comment", "comments"), ("upvoted", "upvote", "upvotes")):
        counts = [(count, entry) for entry in entries if (count := _count(entry, pick)) and count.value > 0]
        if not counts:
            continue
        most = max(count.value for count, _ in counts)
        leaders = [(count, entry) for count, entry in counts if count.value == most]
        if len(leaders) > 1 and word == "discussed" and any(_count(entry, "upvotes") for entry in entries):
            continue
        count, entry = leaders[0]
        most_of_all = "the most" if len(leaders) == 1 else "among the most"
        return f"{most_of_all} {word} is {quoted(entry)} ({_told(count, one, day)})"
    return None


def _count(entry: Entry, pick: str) -> Count | None:
    return entry.paper.comments if pick == "comments" else entry.paper.upvotes


def _told(count: Count, one: str, day: Date) -> str:
    year = "" if count.as_of.year == day.year else f" {count.as_of.year}"
    today = count.as_of == day and one == "upvote"
    when = "today" if today else f"as of {count.as_of.day} {count.as_of:%B}{year}"
    return f"{text.count_noun(count.value, one)} {when}"


def _otherwise(entries: Sequence[Entry], coded: int) -> str:
    """Return a fact that needs no counts: how many come with code, else which paper ranks first."""
    if coded > 1:
        return "all of them come with code" if coded == len(entries) else f"{coded} come with code"
    return f"{quoted(entries[0])} comes first"


def _tail(entry: Entry, day: Date) -> str:
    told = _leader([entry], day)
    counts = told[told.rindex("(") + 1 : -1] if told else ""
    return f" ({counts})." if counts else "."


def _on_revised(entries: Sequence[Entry]) -> str:
    if len(entries) == 1:
        return f"Nothing is new; one paper was revised: {quoted(entries[0])} ({entries[0].revision})."
    return f"Nothing is new; {len(entries)} papers were revised, among them {quoted(entries[0])}."
