"""Under which heading an edition prints each paper. Pure; may import models.

The taxonomy has two levels. Only a paper's strongest tag counts. A leaf is a heading from four papers on, else its
parent is. While there are over ten, the smallest leaf heading is folded into its parent. A paper left alone takes
the first of its further tags whose leaf or parent is a heading, else it stands under "Also new". An edition under
12 papers has parents only; under 5 it is one list.

Where the headings are the sources' own categories, every paper has one, and a paper left alone under a parent is
first given the company of the parent's smallest leaf.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from digest.models import Tag, Taxonomy

ALL = ("all", "New papers")
ALSO_NEW = ("also-new", "Also new")
#: id of the taxonomy that is made of the sources' own categories
CATEGORIES = "categories"
#: an edition has at most so many headings
MOST = 10

_ONE_LIST_UNDER = 5
_PARENTS_ONLY_UNDER = 12
_LEAF_FROM = 4


@dataclass(frozen=True)
class Headings:
    """The sections of an edition's new papers: id, name, keys of papers; by size, "also-new" last."""

    sections: tuple[tuple[str, str, tuple[str, ...]], ...]


def assign_headings(tags: Sequence[tuple[str, Sequence[Tag]]], taxonomy: Taxonomy) -> Headings:
    """Give every paper one heading.

    Args:
        tags: (paper key, its tags strongest first) of the edition's new papers, in the order that sections keep.
            Tags that the taxonomy does not know are passed over.
        taxonomy: the names there are.
    """
    if len(tags) < _ONE_LIST_UNDER:
        return Headings(((*ALL, tuple(key for key, _ in tags)),) if tags else ())
    wanted = {key: [tag.id for tag in its if tag.id in taxonomy.by_id] for key, its in tags}
    of = _fold(_first(wanted, taxonomy), taxonomy)
    if taxonomy.id == CATEGORIES:
        of = _keep_company(of, taxonomy)
    of = _settle_alone(of, wanted, taxonomy)
    return Headings(_sections([key for key, _ in tags], of, taxonomy))


def _first(wanted: Mapping[str, Sequence[str]], taxonomy: Taxonomy) -> dict[str, str]:
    """Return the heading of each tagged paper: the leaf of its strongest tag if that is big enough, else the parent."""
    strongest = {key: ids[0] for key, ids in wanted.items() if ids}
    sizes = Counter(strongest.values())
    leaves = len(wanted) >= _PARENTS_ONLY_UNDER
    return {
        key: leaf if leaves and sizes[leaf] >= _LEAF_FROM else _parent(leaf, taxonomy)
        for key, leaf in strongest.items()
    }


def _fold(of: Mapping[str, str], taxonomy: Taxonomy) -> dict[str, str]:
    """Fold the smallest leaf heading into its parent until there are at most ten headings."""
    order = _order(taxonomy)
    of = dict(of)
    while len(sizes := Counter(of.values())) > MOST:
        leaves = [id for id in sizes if taxonomy.by_id[id].parent]
        if not leaves:
            break
        smallest = min(leaves, key=lambda id: (sizes[id], order[id]))
        of = {key: _parent(id, taxonomy) if id == smallest else id for key, id in of.items()}
    return of


def _keep_company(of: Mapping[str, str], taxonomy: Taxonomy) -> dict[str, str]:
    """Fold the smallest leaf heading into its parent where that has one paper."""
    order = _order(taxonomy)
    of = dict(of)
    sizes = Counter(of.values())
    for parent in [id for id, size in sizes.items() if size == 1]:
        leaves = [id for id in sizes if id != parent and _parent(id, taxonomy) == parent]
        if leaves:
            smallest = min(leaves, key=lambda id: (sizes[id], order[id]))
            of = {key: parent if id == smallest else id for key, id in of.items()}
    return of


def _settle_alone(of: Mapping[str, str], wanted: Mapping[str, Sequence[str]], taxonomy: Taxonomy) -> dict[str, str]:
    """Give papers that stand alone another heading of theirs, or none; of too many parents the biggest stay."""
    order = _order(taxonomy)
    sizes = Counter(of.values())
    shared = sorted((id for id in sizes if sizes[id] > 1), key=lambda id: (-sizes[id], order[id]))
    headings = set(shared[:MOST])
    settled = {key: id for key, id in of.items() if id in headings}
    for key, ids in wanted.items():
        further = (id for leaf in ids[1:] for id in (leaf, _parent(leaf, taxonomy)) if id in headings)
        other = next(further, None) if key not in settled else None
        if other:
            settled[key] = other
    return settled


def _sections(
    keys: Sequence[str], of: Mapping[str, str], taxonomy: Taxonomy
) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    order = _order(taxonomy)
    sizes = Counter(of.values())
    ids = sorted(sizes, key=lambda id: (-sizes[id], order[id]))
    sections = [(id, taxonomy.by_id[id].name, tuple(key for key in keys if of.get(key) == id)) for id in ids]
    rest = tuple(key for key in keys if key not in of)
    return (*sections, *([(*ALSO_NEW, rest)] if rest else []))


def _parent(id: str, taxonomy: Taxonomy) -> str:
    return taxonomy.by_id[id].parent or id


def _order(taxonomy: Taxonomy) -> dict[str, int]:
    return {name.id: order for order, name in enumerate(taxonomy.names)}
