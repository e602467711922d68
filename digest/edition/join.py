"""Several editions of a newsletter as one, for who was not served for a while or reads weekly. Pure.

May import models, links and its own package.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from digest.edition.compose import REVISED
from digest.edition.headings import ALL, ALSO_NEW, MOST
from digest.edition.lead import NO_HEADING, lead
from digest.models import Counts, Edition, Entry, Section, Top

#: of a heading, so many stand at the top where there are others
_EACH = 2


def join(editions: Sequence[Edition]) -> Edition:
    """Return editions of one newsletter as one, in which each paper stands once; one edition is itself.

    A paper is told as its newest edition has it, and is new if it was new in any of them. Number, date and settings
    are those of the newest.

    Raises:
        ValueError: there is none.
    """
    if not editions:
        raise ValueError("there is no edition to join")
    editions = sorted(editions, key=lambda one: one.number)
    first, newest = editions[0], editions[-1]
    if len(editions) == 1:
        return newest
    names = {id: name for one in editions for id, name in one.tag_names.items()}
    parents = {id: parent for one in editions for id, parent in one.tag_parents.items()}
    entries = _entries(editions)
    titles = {section.id: section.title for one in editions for section in one.sections}
    headings = _headings(entries, titles, names, parents)
    entries = [_under(entry, headings.get(entry.paper.key)) for entry in entries]
    sections = _sections(entries, {**names, **titles})
    day = newest.date
    return Edition.model_validate(
        {
            **{name: getattr(newest, name) for name in Edition.model_fields},
            "after": first.after,
            "upto": newest.upto,
            "counts": _counts(editions, entries),
            "lead": _lead(editions, lead(entries, sections, day, coded=sum(map(_has_code, entries)))),
            "top": _top(editions, entries),
            "sections": sections,
            "entries": tuple(entries),
            "tag_names": dict(sorted(names.items())),
            "tag_parents": dict(sorted(parents.items())),
            "previous": first.previous,
        }
    )


def _entries(editions: Sequence[Edition]) -> list[Entry]:
    """Return each paper once, as its newest edition tells it: new ones first, best first."""
    found: dict[str, Entry] = {}
    for edition in editions:
        for entry in edition.entries:
            key = entry.paper.key
            found[key] = _renewed(found[key], entry) if key in found else entry
    return sorted(found.values(), key=lambda entry: (entry.change != "new", -entry.score, entry.paper.key))


def _renewed(before: Entry, now: Entry) -> Entry:
    """Return the newer entry of a paper; it stays new, and where it stood, if it was new in the interval."""
    if before.change != "new" or now.change == "new":
        return now
    kept = {"change": "new", "listed": before.listed, "late": before.late, "revision": None, "heading": before.heading}
    return now.model_copy(update=kept)


def _headings(
    entries: Sequence[Entry], titles: Mapping[str, str], names: Mapping[str, str], parents: Mapping[str, str]
) -> dict[str, str]:
    """Return the heading of each new paper.

    Small editions are one list; their papers find a heading among those of the others by their tags. While there are
    over ten headings, the smallest that has a tag above it is folded into that.
    """
    of = {entry.paper.key: entry.heading or ALSO_NEW[0] for entry in entries if entry.change == "new"}
    real = set(of.values()) - NO_HEADING
    if real:
        for entry in entries:
            if of.get(entry.paper.key) == ALL[0]:
                above = (id for tag in entry.tags for id in (tag.id, parents.get(tag.id, "")))
                of[entry.paper.key] = next((id for id in above if id in real), ALSO_NEW[0])
    while len(sizes := Counter(id for id in of.values() if id not in NO_HEADING)) > MOST:
        able = [id for id in sizes if parents.get(id) in names or parents.get(id) in titles]
        if not able:
            break
        smallest = min(able, key=lambda id: (sizes[id], id))
        of = {key: parents[id] if id == smallest else id for key, id in of.items()}
    return of


def _under(entry: Entry, heading: str | None) -> Entry:
    return entry if entry.heading == heading else entry.model_copy(update={"heading": heading})


def _sections(entries: Sequence[Entry], titles: Mapping[str, str]) -> tuple[Section, ...]:
    """Return the sections: headings by size, then what has none, then the revised."""
    keys: dict[str, list[str]] = {}
    for entry in entries:
        keys.setdefault(REVISED if entry.change == "revised" else entry.heading or ALSO_NEW[0], []).append(
            entry.paper.key
        )
    last = (ALSO_NEW[0], REVISED)
    known = {ALSO_NEW[0]: ALSO_NEW[1], **titles}
    ids = sorted(keys, key=lambda id: (last.index(id) if id in last else -1, -len(keys[id]), id))
    return tuple(Section(id=id, title=known.get(id, id), keys=tuple(keys[id])) for id in ids)


def _top(editions: Sequence[Edition], entries: Sequence[Entry]) -> Top:
    """Return the best new papers, as many as the newest edition's top has, at most two of a heading.

    Where that is too small for a top, as many as the largest has: all of them together are long enough for one.
    """
    size = len(editions[-1].top.keys) or max(len(one.top.keys) for one in editions)
    able = [one for one in entries if one.change == "new" and one.score >= 0 and not one.paper.withdrawn]
    chosen: list[str] = []
    taken: Counter[str | None] = Counter()
    for entry in able:
        if len(chosen) < size and taken[entry.heading] < _EACH:
            chosen.append(entry.paper.key)
            taken[entry.heading] += 1
    chosen += [entry.paper.key for entry in able if entry.paper.key not in chosen][: size - len(chosen)]
    keys = tuple(entry.paper.key for entry in able if entry.paper.key in chosen)
    return Top(label=f"the best of {len(editions)} editions" if keys else "", keys=keys)


def _counts(editions: Sequence[Edition], entries: Sequence[Entry]) -> Counts:
    """Return what came in all: listings are added, papers counted once."""
    revised = sum(entry.change == "revised" for entry in entries)
    return Counts(
        listed=sum(one.counts.listed for one in editions),
        had=sum(one.counts.had for one in editions),
        new=len(entries) - revised,
        revised=revised,
        late=sum(entry.late is not None for entry in entries),
    )


def _lead(editions: Sequence[Edition], told: str) -> str:
    """Return `3 editions since No. 126: 30 of 131 are on pruning; ...`."""
    before = editions[0].previous
    since = f"{len(editions)} editions since No. {before.number}" if before else f"The first {len(editions)} editions"
    opening, space, rest = told.partition(" ")
    return f"{since}: {opening.lower() if opening in ('All', 'One', 'Nothing') else opening}{space}{rest}"


def _has_code(entry: Entry) -> bool:
    return entry.change == "new" and any(reason.signal == "code" for reason in entry.reasons)
