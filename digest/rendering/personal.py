"""An edition as one kind of reader sees it: whose interests, which view, what subject. Pure.

May import models and this package's footing; how a view is chosen is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from digest.models import Edition, Interests, Taxonomy, Top, View
from digest.rendering import footing

#: an edition, a reader's own interests, the taxonomy that names parents of tags -> what her mail shows
PersonalView = Callable[[Edition, Interests | None, Taxonomy | None], View]


class Kind(NamedTuple):
    """What all readers share whose mail is alike."""

    newsletter: str
    #: the editions `after < number <= upto`
    after: int
    upto: int
    #: plain text alone
    plain: bool = False
    #: names of configured groups
    groups: tuple[str, ...] = ()
    #: it goes to who runs the program
    owner: bool = False

    @property
    def personal(self) -> bool:
        """Whether it is told which interests a paper meets: they are the reader's."""
        return self.owner or bool(self.groups)


@dataclass(frozen=True)
class Told:
    """What a mail shows, and what stands in a list of mails."""

    view: View
    subject: str


def union(interests: Sequence[Interests]) -> Interests:
    """Return what a reader of several groups wants: all that one of them wants.

    What one mutes and another wants is not muted; only matches are shown where all say so.
    """

    def all_of(name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(phrase for one in interests for phrase in getattr(one, name)))

    wanted = {phrase.casefold() for phrase in (*all_of("want"), *all_of("tags"))}
    return Interests(
        want=all_of("want"),
        authors=all_of("authors"),
        organizations=all_of("organizations"),
        tags=all_of("tags"),
        mute=tuple(phrase for phrase in all_of("mute") if phrase.casefold() not in wanted),
        only_matches=all(one.only_matches for one in interests),
    )


def tell(
    edition: Edition,
    kind: Kind,
    interests: Interests | None,
    *,
    view: PersonalView,
    subject: Callable[[Edition], str],
    taxonomy: Taxonomy | None,
) -> Told:
    """Choose what a kind of reader is shown.

    Args:
        edition: the snapshot, or several as one.
        kind: of reader.
        interests: of her groups; None: the newsletter's, as they were when the edition was composed.
        view: chooses.
        subject: of an edition's mail.
        taxonomy: lets interests name the parents of tags.
    """
    shown = view(edition, interests, taxonomy)
    if not shown.shown:
        return Told(_empty(shown, footing.nothing(edition, _asked(edition, kind))), footing.nothing_subject(edition))
    if interests is None:
        return Told(shown, subject(edition))
    label = f"by the interests of {_listed(kind.groups)}" if kind.groups else "by your interests"
    own = _own(shown, Top(label=label, keys=tuple(one.entry.paper.key for one in shown.top)))
    return Told(shown.model_copy(update={"edition": own}), subject(_matching(own, shown, interests)))


def _empty(shown: View, why: str) -> View:
    """Return a view that shows nothing, with the reason; of its sections the chart remains, if that leads anywhere."""
    edition = shown.edition.model_copy(update={"notes": (*shown.edition.notes, why)})
    left = shown.sections if edition.base_url else ()
    sections = tuple(section.model_copy(update={"more": 0}) for section in left)
    return shown.model_copy(update={"edition": edition, "sections": sections})


def _own(shown: View, top: Top) -> Edition:
    return shown.edition.model_copy(update={"top": top}) if top.keys else shown.edition


def _matching(edition: Edition, shown: View, interests: Interests) -> Edition:
    """Return the edition without what does not match, where a reader wants only what does: her subject counts those."""
    if not interests.only_matches:
        return edition
    entries = [*shown.top, *(entry for section in shown.sections for entry in section.entries)]
    fields = {name: getattr(edition, name) for name in Edition.model_fields}
    return Edition.model_validate({**fields, "entries": tuple(one.entry for one in entries)})


def _asked(edition: Edition, kind: Kind) -> str:
    if kind.groups:
        return (
            f"what {_listed(kind.groups)} asks for" if len(kind.groups) == 1 else f"what {_listed(kind.groups)} ask for"
        )
    return "your interests" if kind.owner else f"what {edition.title} is after"


def _listed(names: Sequence[str]) -> str:
    """Return `your group vision`, `your groups vision and speech`."""
    if len(names) == 1:
        return f"your group {names[0]}"
    return f"your groups {', '.join(names[:-1])} and {names[-1]}"


def known_groups(names: str, groups: Mapping[str, Interests]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return those of the named groups that there are, and those that there are not.

    Args:
        names: with commas between them.
        groups: as configured.
    """
    named = sorted({name.strip() for name in names.split(",")} - {""})
    return tuple(name for name in named if name in groups), tuple(name for name in named if name not in groups)
