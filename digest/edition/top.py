"""The best of an edition, and by what they were chosen. Pure; may import models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from digest.models import Entry, Reason, Top

#: an edition with fewer new papers has no top: it is short enough to be read whole
SMALL = 5
_EACH = 2
_NAMES = {
    "comments": "comments",
    "upvotes": "upvotes",
    "rising": "rising counts",
    "code": "code",
    "stars": "stars",
    "typical": "fit",
    "tag": "fit",
    "title": "fit",
    "interest": "fit",
    "fresh": "date",
}


def choose_top(entries: Sequence[Entry], reasons: Mapping[str, Sequence[Reason]]) -> Top:
    """Choose 3 of under 40 new papers, else 5, at most 2 of a heading where there are others; never a withdrawn one.

    Args:
        entries: best first.
        reasons: paper key -> all its reasons.
    """
    new = [entry for entry in entries if entry.change == "new"]
    able = [entry for entry in new if entry.score >= 0 and not entry.paper.withdrawn]
    if len(new) < SMALL:
        return Top(label="", keys=())
    size = 3 if len(new) < 40 else 5
    taken: Counter[str | None] = Counter()
    chosen: set[str] = set()
    for entry in able:
        if len(chosen) < size and taken[entry.heading] < _EACH:
            chosen.add(entry.paper.key)
            taken[entry.heading] += 1
    for entry in able:
        if len(chosen) < size:
            chosen.add(entry.paper.key)
    keys = tuple(entry.paper.key for entry in new if entry.paper.key in chosen)
    return Top(label=_label(keys, [entry.paper.key for entry in new], reasons), keys=keys)


def _label(chosen: Sequence[str], everyone: Sequence[str], reasons: Mapping[str, Sequence[Reason]]) -> str:
    """Return what lifts the chosen over the rest: `by comments, then code and fit`."""
    lifts = _means(chosen, reasons)
    lifts.subtract(_means([key for key in everyone if key not in chosen], reasons))
    best = [(name, lift) for name, lift in sorted(lifts.items(), key=lambda item: (-item[1], item[0])) if lift > 0]
    names = [name for name, lift in best[:3] if lift >= 0.1 * best[0][1]]
    if not names or not chosen:
        return ""
    return f"by {names[0]}" + (f", then {' and '.join(names[1:])}" if names[1:] else "")


def _means(keys: Sequence[str], reasons: Mapping[str, Sequence[Reason]]) -> Counter[str]:
    """Return what each kind of signal adds to a paper on average, in millionths."""
    sums: Counter[str] = Counter()
    for key in keys:
        for reason in reasons[key]:
            if reason.signal in _NAMES:
                sums[_NAMES[reason.signal]] += round(reason.weight * 1_000_000)
    return Counter({name: total // max(1, len(keys)) for name, total in sums.items()})
