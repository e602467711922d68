"""Scores of an edition's papers, and which of their reasons to show. Pure; may import what the package may."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date as Date

from digest import text
from digest.interests import MUTED, meet
from digest.models import Evidence, Interests, Logged, Reason, Tag, Taxonomy
from digest.ranking import signals
from digest.ranking.fit import Corpus, telling

#: reasons that an entry shows at most
SHOWN = 3
#: editions under this size show reasons also where they are true of most of it
SMALL = 4

_TYPICAL, _TAG, _TITLE = 0.8, 1.2, 0.05
#: evidence from this share of the strongest on may tell what a paper is about: the most specific of it does
_TELLING = 0.35
#: a heading under this size has no type worth naming
_TYPE_FROM = 4


@dataclass(frozen=True)
class Ranked:
    """What ranking found out about one paper."""

    #: sum of the weights of its reasons; below zero where it is muted
    score: float
    #: all of them, heaviest first
    reasons: tuple[Reason, ...]
    #: those worth showing, heaviest first; at least one that is not personal
    shown: tuple[Reason, ...]
    muted: bool


def rank(
    logged: Sequence[Logged],
    tags: Mapping[str, Sequence[Tag]],
    headings: Mapping[str, str],
    interests: Interests,
    edition_date: Date,
    *,
    taxonomy: Taxonomy | None = None,
) -> dict[str, Ranked]:
    """Score the papers of an edition.

    Args:
        logged: the papers, in any order: none changes a score.
        tags: paper key -> its tags, strongest first.
        headings: paper key -> id of its heading; revised papers have none.
        interests: of the newsletter.
        edition_date: against which counts and publication are dated.
        taxonomy: gives tags their parents and names, for interests and reasons.

    Returns:
        key -> what was found. A shown reason is true of at most half of the edition, from `SMALL` papers on.
    """
    table = _Table(logged, tags, headings, taxonomy)
    reasons = {one.paper.key: _reasons(one, table, interests, edition_date) for one in logged}
    true_of = Counter(words for found in reasons.values() for words in {reason.text for reason, _ in found})
    return {key: _ranked(key, found, table, true_of) for key, found in reasons.items()}


class _Table:
    """The edition as a whole, which single signals are compared with."""

    def __init__(
        self,
        logged: Sequence[Logged],
        tags: Mapping[str, Sequence[Tag]],
        headings: Mapping[str, str],
        taxonomy: Taxonomy | None,
    ) -> None:
        self.tags, self.headings, self.taxonomy = tags, headings, taxonomy
        self.corpus = Corpus({one.paper.key: (one.paper.title, one.paper.abstract) for one in logged})
        self.limit = len(logged) // 2 if len(logged) >= SMALL else len(logged)
        groups: dict[str, list[str]] = {}
        for one in logged:
            groups.setdefault(headings.get(one.paper.key, ""), []).append(one.paper.key)
        self.groups = {heading: sorted(keys) for heading, keys in groups.items() if heading}
        self.typical = self.corpus.typical(self.groups)
        self._phrases = {key: list(_phrases(found)) for key, found in tags.items()}
        self._speaking = Counter(phrase for phrases in self._phrases.values() for phrase in set(phrases))
        self._types = frozenset(key for keys in self.groups.values() for key in self._most_typical_of(keys))
        self._most_typical = max(self.typical.values(), default=0.0) or 1.0
        self.strongest = max((tag.score for found in tags.values() for tag in found), default=0.0)

    def name(self, id: str) -> str | None:
        """Return the name of a heading, where the taxonomy knows it."""
        known = self.taxonomy.by_id.get(id) if self.taxonomy else None
        return known.name if known else None

    def fit(self, key: str) -> float:
        """Return how typical a paper is of its heading, 0..1, where 1 is the most typical of the edition."""
        return self.typical[key] / self._most_typical

    def is_type(self, key: str) -> bool:
        """Whether a paper is among the most typical quarter of a heading of some size."""
        return key in self._types

    def _most_typical_of(self, keys: Sequence[str]) -> list[str]:
        best = sorted(keys, key=lambda key: (-round(self.typical[key], 9), key))
        return best[: max(1, len(keys) // 4)] if len(keys) >= _TYPE_FROM else []

    def phrases(self, key: str) -> Sequence[str]:
        """Return phrases of a paper's tags, the strongest tag's first; of those that weigh alike the most specific."""
        return self._phrases.get(key, ())

    def true_of(self, phrase: str) -> int:
        """Return of how many papers it is true that they are about `phrase`: by their text or by their evidence."""
        return max(self.corpus.holding(phrase), self._speaking[phrase])


def _phrases(tags: Iterable[Tag]) -> Iterator[str]:
    for tag in tags:
        spoken = [found for found in tag.evidence if found.where != "category" and telling(found.phrase)]
        most = max((found.weight for found in spoken), default=0.0)
        order = sorted([(found.weight < _TELLING * most, -_specific(found), found.phrase) for found in spoken])
        yield from (phrase for _, _, phrase in order)


def _specific(found: Evidence) -> float:
    """Return the weight of a phrase, more for one of several words."""
    return found.weight * (1 + 0.5 * min(2, telling(found.phrase) - 1))


#: a reason, and whether it may be shown
_Found = tuple[Reason, bool]


def _reasons(one: Logged, table: _Table, interests: Interests, day: Date) -> list[_Found]:
    key = one.paper.key
    tags = table.tags.get(key, ())
    met = meet(one.paper, tags, interests, heading=table.headings.get(key), taxonomy=table.taxonomy)
    found: list[_Found] = [(reason, True) for reason in signals.of_paper(one, day)]
    found += [(reason, True) for reason in met.reasons]
    found += [(_muted(phrase, len(met.muted)), False) for phrase in met.muted]
    found += [_fit(key, table)]
    found += _about(key, tags, table)
    found = [(_rounded(reason), shown) for reason, shown in found]
    return sorted(found, key=lambda pair: (-pair[0].weight, pair[0].signal, pair[0].text))


def _rounded(reason: Reason) -> Reason:
    weight = round(reason.weight, 6)
    return reason if weight == reason.weight else reason.model_copy(update={"weight": weight})


def _muted(phrase: str, of: int) -> Reason:
    return Reason(signal="muted", text=f"you mute '{phrase}'", weight=-MUTED / of, personal=True)


def _fit(key: str, table: _Table) -> _Found:
    name = table.name(table.headings.get(key, ""))
    shown = name is not None and table.is_type(key)
    words = f"typical of {name}" if shown else "near to others of this edition"
    return Reason(signal="typical", text=words, weight=_TYPICAL * table.fit(key)), shown


def _about(key: str, tags: Sequence[Tag], table: _Table) -> Iterator[_Found]:
    """Yield the strength of the tags' evidence, told by the first phrase that is not common; else by the title."""
    strength = _TAG * tags[0].score / table.strongest if tags and table.strongest > 0 else 0.0
    phrase = next((one for one in table.phrases(key) if table.true_of(one) <= table.limit), None)
    if phrase:
        words = text.as_written(phrase, table.corpus.abstract(key), table.corpus.title(key))
        yield Reason(signal="tag", text=f"about “{words}”", weight=strength), True
        return
    if tags:
        yield Reason(signal="tag", text=f"tagged {table.name(tags[0].id) or tags[0].id}", weight=strength), False
    rare = (one for one in table.corpus.distinctive(key) if table.true_of(one) <= table.limit)
    title = table.corpus.title(key)
    words = text.as_written(found, title) if (found := next(rare, None)) else text.shorten(title, 60)
    yield Reason(signal="title", text=f"about “{words}”", weight=_TITLE), True


def _ranked(key: str, found: Sequence[_Found], table: _Table, true_of: Mapping[str, int]) -> Ranked:
    reasons = tuple(reason for reason, _ in found)
    may = [reason for reason, shown in found if shown and true_of[reason.text] <= table.limit]
    return Ranked(
        score=round(sum(round(reason.weight * 1_000_000) for reason in reasons) / 1_000_000, 6),
        reasons=reasons,
        shown=_worth_showing(may) or (_last_resort(key),),
        muted=any(reason.signal == "muted" for reason in reasons),
    )


def _worth_showing(may: Sequence[Reason]) -> tuple[Reason, ...]:
    """Return the heaviest, with room for one that is not personal: public pages leave the personal ones out."""
    impersonal = [reason for reason in may if not reason.personal]
    personal = [reason for reason in may if reason.personal][: SHOWN - 1]
    if not impersonal:
        return ()
    kept = {id(reason) for reason in [*personal, *impersonal[: SHOWN - len(personal)]]}
    return tuple(reason for reason in may if id(reason) in kept)


def _last_resort(key: str) -> Reason:
    """Return what is true of this paper alone, where an edition's texts are all alike."""
    return Reason(signal="title", text=f"listed as {key}", weight=0.0)
