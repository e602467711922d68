"""The sources' own categories as a taxonomy, for editions of which no taxonomy of ours knows much. May import models.

A paper's categories become its tags, the first one its strongest. What stands above them is known for arXiv (the
archive or group of https://arxiv.org/category_taxonomy) and for the subject areas of bioRxiv and medRxiv; any other
category stands for itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from digest.edition.headings import ALL, ALSO_NEW, CATEGORIES, MOST
from digest.models import Category, Evidence, Logged, Paper, Tag, TagName, Taxonomy

#: under this share of papers with a tag, a taxonomy has too little to say of an edition
ENOUGH = 0.7

#: what stands above arXiv's categories: id -> name
_GROUPS = {
    "cs": "Computer Science",
    "econ": "Economics",
    "eess": "Electrical Engineering and Systems Science",
    "math": "Mathematics",
    "physics": "Physics",
    "q-bio": "Quantitative Biology",
    "q-fin": "Quantitative Finance",
    "stat": "Statistics",
    "biology": "Biology",
    "medicine": "Medicine",
}
#: archives with categories of their own within arXiv's group Physics
_PHYSICS = {"astro-ph": "Astrophysics", "cond-mat": "Condensed Matter", "nlin": "Nonlinear Sciences"}
#: archives of that group that are one category
_PLAIN_PHYSICS = {
    "gr-qc": "General Relativity and Quantum Cosmology",
    "hep-ex": "High Energy Physics - Experiment",
    "hep-lat": "High Energy Physics - Lattice",
    "hep-ph": "High Energy Physics - Phenomenology",
    "hep-th": "High Energy Physics - Theory",
    "math-ph": "Mathematical Physics",
    "nucl-ex": "Nuclear Experiment",
    "nucl-th": "Nuclear Theory",
    "quant-ph": "Quantum Physics",
}
#: the subject areas of bioRxiv
_BIOLOGY = frozenset(
    """animal behavior and cognition|biochemistry|bioengineering|bioinformatics|biophysics|cancer biology|cell biology|
    developmental biology|ecology|evolutionary biology|genetics|genomics|immunology|microbiology|molecular biology|
    neuroscience|paleontology|pathology|pharmacology and toxicology|physiology|plant biology|
    scientific communication and education|synthetic biology|systems biology|zoology""".replace("\n    ", "").split("|")
)
#: the subject areas of medRxiv that are none of bioRxiv
_MEDICINE = frozenset(
    """addiction medicine|allergy and immunology|anesthesia|cardiovascular medicine|clinical trials|
    dentistry and oral medicine|dermatology|emergency medicine|
    endocrinology (including diabetes mellitus and metabolic disease)|epidemiology|forensic medicine|
    gastroenterology|genetic and genomic medicine|geriatric medicine|health economics|health informatics|health policy|
    health systems and quality improvement|hematology|hiv/aids|
    infectious diseases (except hiv/aids)|intensive care and critical care medicine|medical education|medical ethics|
    nephrology|neurology|nursing|nutrition|obstetrics and gynecology|
    occupational and environmental health|oncology|ophthalmology|orthopedics|otolaryngology|pain medicine|
    palliative medicine|pediatrics|pharmacology and therapeutics|primary care research|
    psychiatry and clinical psychology|
    public and global health|radiology and imaging|rehabilitation medicine and physical therapy|respiratory medicine|
    rheumatology|sexual and reproductive health|sports medicine|surgery|toxicology|transplantation|
    urology""".replace("\n    ", "").split("|")
)
_RESERVED = frozenset({ALL[0], ALSO_NEW[0], "revised"})


def choose_headings(
    wanted: str, logged: Sequence[Logged], tags: Mapping[str, Sequence[Tag]], taxonomy: Taxonomy
) -> tuple[Taxonomy, Mapping[str, Sequence[Tag]]]:
    """Return the taxonomy whose names are an edition's headings, with the papers' tags under it.

    Args:
        wanted: the newsletter's `headings`: `arxiv` means the categories always, `auto` where `taxonomy` tags fewer
            than 70 % of the new papers and the categories more of them.
        logged: the edition's papers.
        tags: paper key -> its tags under `taxonomy`.
        taxonomy: the newsletter's.
    """
    if wanted not in ("auto", "arxiv"):
        return taxonomy, tags
    new = [one.paper for one in logged if one.kind == "new"] or [one.paper for one in logged]
    tagged = sum(bool(tags.get(paper.key)) for paper in new)
    filed = sum(bool(_of(paper)) for paper in new)
    if wanted == "arxiv" or (tagged < ENOUGH * len(new) and filed > tagged):
        return category_taxonomy([one.paper for one in logged])
    return taxonomy, tags


def category_taxonomy(papers: Sequence[Paper]) -> tuple[Taxonomy, dict[str, tuple[Tag, ...]]]:
    """Return the categories of papers as a taxonomy, and their tags by key: the primary category first.

    Within physics an archive stands above its categories where it has company among the papers and there are not too
    many names above; else the group does.
    """
    found: dict[str, Category] = {}
    for paper in papers:
        for category in _of(paper):
            if category.id not in found or found[category.id].name == category.id:
                found[category.id] = category
    above = _above([of[0].id for paper in papers if (of := _of(paper))], found)
    parents = {id: _name(id) for id in above.values()}
    names = [TagName(id=id, name=name) for id, name in sorted(parents.items())]
    names += [TagName(id=id, name=_named(found[id]), parent=above.get(id)) for id in sorted(found) if id not in parents]
    return Taxonomy(id=CATEGORIES, names=tuple(names)), {paper.key: _tags(_of(paper)) for paper in papers}


def _of(paper: Paper) -> list[Category]:
    return [category for category in paper.categories if category.id not in _RESERVED and category.name.strip()]


def _tags(categories: Iterable[Category]) -> tuple[Tag, ...]:
    """Return categories as tags; their source put the primary one first."""
    return tuple(
        Tag(
            id=category.id,
            score=1.0 if place == 0 else 0.5,
            evidence=(Evidence(phrase=_named(category), where="category", weight=1.0 if place == 0 else 0.5),),
        )
        for place, category in enumerate(categories)
    )


def _above(primaries: Sequence[str], categories: Mapping[str, Category]) -> dict[str, str]:
    """Return what stands above each category, where something is known to."""
    sizes = Counter(archive for id in primaries if (archive := _archive(id)) in _PHYSICS)
    room = MOST - len({_group(categories[id]) or id for id in primaries})
    kept = {archive for archive, size in sizes.most_common() if size > 1}
    kept = set(sorted(kept, key=lambda archive: (-sizes[archive], archive))[: max(0, room)])
    above = {}
    for id, category in categories.items():
        parent = _archive(id) if _archive(id) in kept else _group(category)
        if parent is not None and id not in kept and parent != id:
            above[id] = parent
    return above


def _archive(id: str) -> str:
    return id.partition(".")[0]


def _group(category: Category) -> str | None:
    """Return the id of a category's group; None where it is not known."""
    archive = _archive(category.id)
    if archive in _PHYSICS or archive in _PLAIN_PHYSICS:
        return "physics"
    if archive in _GROUPS:
        return archive
    area = _area(category.name)
    return "biology" if area in _BIOLOGY else "medicine" if area in _MEDICINE else None


def _name(id: str) -> str:
    return _GROUPS.get(id) or _PHYSICS[id]


def _named(category: Category) -> str:
    """Return the name of a category for people, also where its source gave an id alone, or wrote `cell_biology`."""
    if category.name == category.id:
        shipped = _PLAIN_PHYSICS.get(category.id) or _PHYSICS.get(category.id) or _GROUPS.get(category.id)
        if shipped:
            return shipped
    area = _area(category.name)
    if area in _BIOLOGY or area in _MEDICINE:
        title = re.sub(r"\b(?!and\b)[a-z]", lambda found: found.group().upper(), area)
        return title.replace("Hiv/Aids", "HIV/AIDS")
    return category.name


def _area(name: str) -> str:
    """Return the name of a subject area as the lists above write it."""
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()
