"""An edition x preferences -> what a mail or a page shows of it. Pure; may import models, text and interests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from digest import text
from digest.edition.lead import NO_HEADING, inside
from digest.interests import MUTED, Met, meet
from digest.models import Density, Edition, Entry, Interests, Section, Taxonomy, View, ViewEntry, ViewSection

#: a mail tells this many of its best in a sentence; what is shown beyond is a title
_TOLD = 25
#: what each heading shows at least, where there is room
_EACH = 2
#: words a minute
_PACE = 220
_SUBJECT = 90
#: how long the titles of a subject may be: shorter ones where else only one would fit
_SHORT_TITLES = (38, 26, 18)
_LAST_SHOWN = 3
#: words that no shortened title ends with
_OPEN_ENDS = frozenset(
    "a an the of for in on to with and or by from via as at is are towards toward using under into over its &".split()
)


def mail_view(edition: Edition, interests: Interests | None = None, taxonomy: Taxonomy | None = None) -> View:
    """Choose what a mail shows: the top, then the best of each heading, at most `edition.show` papers, each once.

    Args:
        edition: as it was composed.
        interests: a reader's own, in place of the newsletter's: they rank, mute and, with `only_matches`, choose.
        taxonomy: lets interests name the parents of tags.
    """
    entries = _personal(edition, interests, taxonomy) if interests else _unmuted(edition)
    ranked = sorted(entries, key=lambda entry: (entry.change != "new", -entry.score, entry.paper.key))
    top = [key for key in _top(edition, ranked, own=interests is not None) if key in {e.paper.key for e in ranked}]
    top = top[: edition.show]
    shown = _choose(edition, [entry.paper.key for entry in ranked], top)
    return _view(edition, {entry.paper.key: entry for entry in ranked}, top, shown)


def page_view(edition: Edition) -> View:
    """Show everything, muted or not, in full: what an edition's page and its full feed hold."""
    by_key = edition.by_key
    in_top = frozenset(edition.top.keys)
    sections = tuple(
        ViewSection(
            id=section.id,
            title=section.title,
            total=len(section.keys),
            entries=tuple(_at(by_key[key], "abstract") for key in section.keys if key not in in_top),
        )
        for section in edition.sections
    )
    return View(edition=edition, top=tuple(_at(by_key[key], "abstract") for key in edition.top.keys), sections=sections)


def reading_minutes(view: View) -> int:
    """Return how long a view takes to read, at 220 words a minute; at least 1."""
    entries = [*view.top, *(entry for section in view.sections for entry in section.entries)]
    words = len(view.edition.lead.split()) + sum(len(_read(entry).split()) for entry in entries)
    return max(1, round(words / _PACE))


def subject(edition: Edition) -> str:
    """Return the subject of an edition's mail: `Daily Papers, 2 Jan: SPARSE Data, RAPTOR and 46 more`.

    As many of the best three as fit into 90 characters, two at least where that can be.
    """
    head = f"{edition.title}, {edition.date.day} {edition.date:%b}: "
    able = (entry for entry in edition.entries if entry.score >= 0 and not entry.paper.withdrawn)
    keys = edition.top.keys or tuple(entry.paper.key for entry in able)
    keys = keys or tuple(entry.paper.key for entry in edition.entries)
    for limit in _SHORT_TITLES:
        titles = [short_title(edition.entry(key).paper.title, limit) for key in keys[:_LAST_SHOWN]]
        while len(titles) > 1 and len(head) + len(_listed(titles, len(edition.entries))) > _SUBJECT:
            titles.pop()
        if len(titles) > 1 or len(keys) == 1:
            break
    return text.shorten(head + _listed(titles, len(edition.entries)), _SUBJECT + 30)


def preheader(edition: Edition) -> str:
    """Return what stands after the subject in a list of mails: headings with their counts."""
    parts = [f"{len(one.keys)} {inside(one.title)}" for one in edition.sections if one.id not in NO_HEADING]
    counts = {one.id: len(one.keys) for one in edition.sections}
    if counts.get("all"):
        parts.append(text.count_noun(counts["all"], "new paper"))
    if counts.get("also-new"):
        parts.append(f"{counts['also-new']} also new" if parts else text.count_noun(counts["also-new"], "new paper"))
    if counts.get("revised"):
        parts.append(f"{counts['revised']} revised")
    return " · ".join(parts)


def short_title(title: str, limit: int = _SHORT_TITLES[0]) -> str:
    """Return the part of a title before its colon where that has at most `limit` characters, else its first words."""
    name = title.partition(": ")[0].strip()
    if len(name) <= limit:
        return name
    words = name.split()
    while len(words) > 1 and len(" ".join(words)) >= limit:
        words.pop()
    while len(words) > 1 and words[-1].casefold() in _OPEN_ENDS:
        words.pop()
    return " ".join(words)[: limit - 1].rstrip(",;:-–— ") + "…"


def _listed(titles: Sequence[str], total: int) -> str:
    """Return `A, B and 46 more`, `A and B`."""
    more = total - len(titles)
    parts = [*titles, f"{more} more"] if more else list(titles)
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]


def _read(shown: ViewEntry) -> str:
    """Return the words of an entry that a view shows."""
    entry, paper = shown.entry, shown.entry.paper
    told = {
        "abstract": paper.abstract,
        "two": text.with_next(paper.abstract, entry.summary),
        "one": entry.summary,
        "title": "",
    }[shown.density]
    return " ".join([paper.title, told, *(reason.text for reason in entry.reasons if shown.density != "title")])


def _unmuted(edition: Edition) -> list[Entry]:
    return [entry for entry in edition.entries if entry.score >= 0 and (entry.matches or not edition.only_matches)]


def _personal(edition: Edition, interests: Interests, taxonomy: Taxonomy | None) -> list[Entry]:
    """Return the entries as a reader's own interests see them: without what is muted, or does not match."""
    found = []
    for entry in edition.entries:
        met = meet(
            entry.paper, entry.tags, interests, heading=entry.heading, taxonomy=taxonomy, names=edition.tag_names
        )
        if not met.muted and (met.reasons or not interests.only_matches):
            found.append(_as_met(entry, met))
    return found


def _as_met(entry: Entry, met: Met) -> Entry:
    """Return the entry with a reader's interests in place of the newsletter's."""
    others = [reason for reason in entry.reasons if not reason.personal]
    score = entry.score + (MUTED if entry.score < 0 else 0.0)
    score -= sum(reason.weight for reason in entry.reasons if reason.personal)
    score += sum(reason.weight for reason in met.reasons)
    own = list(met.reasons[:2])
    reasons = sorted([*own, *others[: _LAST_SHOWN - len(own)]], key=lambda reason: (-reason.weight, reason.text))
    return entry.model_copy(update={"reasons": tuple(reasons), "score": round(score, 6)})


def _top(edition: Edition, ranked: Sequence[Entry], *, own: bool) -> list[str]:
    """Return the keys of the top: the edition's, or for a reader's own interests the best in her order."""
    size = len(edition.top.keys)
    new = [entry for entry in ranked if entry.change == "new" and not entry.paper.withdrawn]
    if not own or not size:
        return list(edition.top.keys)
    chosen: list[Entry] = []
    for entry in new:
        alike = sum(other.heading == entry.heading for other in chosen)
        if len(chosen) < size and alike < _EACH:
            chosen.append(entry)
    chosen += [entry for entry in new if entry not in chosen][: size - len(chosen)]
    return [entry.paper.key for entry in chosen]


def _choose(edition: Edition, ranked: Sequence[str], top: Sequence[str]) -> frozenset[str]:
    """Return what is shown: the top, then one, then two of each section, then the best of all others."""
    place = {key: n for n, key in enumerate(ranked)}
    shown = set(top)
    for least in range(1, _EACH + 1):
        for section in edition.sections:
            keys = sorted((key for key in section.keys if key in place), key=place.__getitem__)
            lacking = least - sum(key in shown for key in keys)
            if section.id != "revised" or least == 1:
                room = max(0, min(lacking, edition.show - len(shown)))
                shown.update([key for key in keys if key not in shown][:room])
    shown.update([key for key in ranked if key not in shown][: max(0, edition.show - len(shown))])
    return frozenset(shown)


def _view(edition: Edition, entries: Mapping[str, Entry], top: Sequence[str], shown: frozenset[str]) -> View:
    told = frozenset([key for key in entries if key in shown][:_TOLD])
    return View(
        edition=edition,
        top=tuple(_at(entries[key], "two") for key in top),
        sections=tuple(_section(section, entries, frozenset(top), shown, told) for section in edition.sections),
    )


def _section(
    section: Section, entries: Mapping[str, Entry], top: frozenset[str], shown: frozenset[str], told: frozenset[str]
) -> ViewSection:
    inside_section = frozenset(section.keys)
    keys = [key for key in entries if key in inside_section and key in shown and key not in top]
    return ViewSection(
        id=section.id,
        title=section.title,
        total=len(section.keys),
        entries=tuple(_at(entries[key], "one" if key in told else "title") for key in keys),
        more=len(inside_section - shown),
    )


def _at(entry: Entry, density: Density) -> ViewEntry:
    return ViewEntry(entry=entry, density=density)
