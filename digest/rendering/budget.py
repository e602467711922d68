"""What a mail shows where all of it would be too large: told shorter from the lowest score up. Pure.

May import models.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import accumulate

from digest.models import Density, View, ViewEntry, ViewSection

_LOWER: dict[Density, Density | None] = {"abstract": "two", "two": "one", "one": "title", "title": None}
#: bytes around the words of an entry in HTML, about; only the number of renders depends on them
_AROUND: dict[Density | None, int] = {"abstract": 1100, "two": 1100, "one": 1100, "title": 150, None: 0}
#: bytes under the limit at which no better fit is looked for
_SLACK = 2 * 1024
_TRIES = 10


def fit(view: View, render: Callable[[View], str], limit: int) -> tuple[View, str]:
    """Return the fullest view that fits, and what `render` makes of it.

    All entries are told shorter before any is left out, and those of the top stay longest. The number of renders is
    small: each is aimed by what the ones before it measured.

    Args:
        view: as it should be.
        render: makes HTML of a view; less to show never makes more of it.
        limit: bytes of UTF-8.
    """
    steps = _steps(view)
    saved = [0, *accumulate(saving for _, _, saving in steps)]
    # What is far too large is not rendered just to learn that.
    at = _aim(saved, 0, saved[-1] - 2 * limit, -1, len(steps) + 1)
    best: tuple[View, str] | None = None
    over, under = -1, len(steps) + 1  # numbers of steps known to be too few, and to be enough
    for _ in range(_TRIES):
        shown = _stepped(view, steps[:at])
        html = render(shown)
        excess = len(html.encode()) - limit
        if excess > 0:
            over = at
        else:
            best, under = (shown, html), at
        if under - over <= 1 or -_SLACK <= excess <= 0:
            break
        at = _aim(saved, at, excess, over, under)
    if best is None:
        shown = _stepped(view, steps)
        best = (shown, render(shown))
    return best


#: an entry's place in the view, its next density, the bytes that saves
_Step = tuple[int, Density | None, int]


def _steps(view: View) -> list[_Step]:
    """Return every step down from the view to an empty one, in the order in which they are taken."""
    entries = [*view.top, *(entry for section in view.sections for entry in section.entries)]
    top, rest = range(len(view.top)), range(len(view.top), len(entries))

    def upwards(places: range) -> list[int]:
        return sorted(places, key=lambda place: (entries[place].entry.score, -place))

    now = [entry.density for entry in entries]
    steps: list[_Step] = []
    order = (
        *(("abstract", [*upwards(rest), *upwards(top)]), ("two", [*upwards(rest), *upwards(top)])),
        *(("one", upwards(rest)), ("title", upwards(rest)), ("one", upwards(top)), ("title", upwards(top))),
    )
    for density, places in order:
        for place in places:
            if now[place] == density:
                lower = _LOWER[now[place]]
                saving = _cost(entries[place], now[place]) - _cost(entries[place], lower)
                steps.append((place, lower, max(1, saving)))
                now[place] = lower or now[place]
    return steps


def _cost(shown: ViewEntry, density: Density | None) -> int:
    """Return about how many bytes of HTML an entry is."""
    entry, paper = shown.entry, shown.entry.paper
    if density is None:
        return 0
    told = {"abstract": paper.abstract, "two": 2 * entry.summary, "one": entry.summary, "title": ""}[density]
    return _AROUND[density] + len(paper.title.encode()) + len(told.encode())


def _aim(saved: Sequence[int], at: int, excess: int, over: int, under: int) -> int:
    """Return the number of steps, between `over` and `under`, that should mend an `excess` of bytes at `at` steps."""
    aimed = bisect_left(saved, saved[at] + excess)
    return min(max(aimed, over + 1), under - 1)


def _stepped(view: View, steps: Sequence[_Step]) -> View:
    to = {place: density for place, density, _ in steps}
    place = 0

    def lowered(entries: Sequence[ViewEntry]) -> tuple[ViewEntry, ...]:
        nonlocal place
        found = []
        for entry in entries:
            density = to.get(place, entry.density)
            place += 1
            if density:
                found.append(entry if density == entry.density else entry.model_copy(update={"density": density}))
        return tuple(found)

    top = lowered(view.top)
    gone = {one.entry.paper.key for one in view.top} - {one.entry.paper.key for one in top}
    sections = []
    for section in view.sections:
        kept = lowered(section.entries)
        lost = len(section.entries) - len(kept) + (len(gone & set(_keys(view, section))) if gone else 0)
        sections.append(section.model_copy(update={"entries": kept, "more": section.more + lost}))
    return view.model_copy(update={"top": top, "sections": tuple(sections)})


def _keys(view: View, section: ViewSection) -> tuple[str, ...]:
    return next((one.keys for one in view.edition.sections if one.id == section.id), ())
