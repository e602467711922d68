"""Categories of sources with names for people: arXiv's (https://arxiv.org/category_taxonomy), bioRxiv's, medRxiv's.

May import models.
"""

from __future__ import annotations

import difflib
import re

from digest.models import Category
from digest.sources.category_names import ARCHIVES, ARXIV, BIORXIV

_ARXIV_FORM = re.compile(r"[a-z]{2,}(?:-[a-z]+)?(?:\.[A-Z][A-Za-z]|\.[a-z]+(?:-[a-z]+)?)?")
_LONGEST = 80


def arxiv(term: str) -> Category | None:
    """Return a category of arXiv, by its id; None for the classes of ACM and MSC that stand beside them."""
    id = term.strip()
    if id in ARXIV:
        return Category(id=id, name=ARXIV[id])
    if id in ARCHIVES:
        return Category(id=id, name=ARCHIVES[id])
    known = id.partition(".")[0] in ARCHIVES
    return Category(id=id, name=id) if known and _ARXIV_FORM.fullmatch(id) else None


def named(term: str, label: str = "") -> Category | None:
    """Return a category of any source: with its shipped name, else as the source writes it."""
    if term in ARXIV:
        return Category(id=term, name=ARXIV[term])
    written = " ".join((label or term).replace("_", " ").split())
    id = re.sub(r"[^\w]+", "-", written.casefold()).strip("-")
    if not id or len(written) > _LONGEST:
        return None
    return Category(id=id, name=BIORXIV.get(id, written))


def unknown_arxiv(id: str) -> str | None:
    """Say what is wrong with a category that arXiv should be asked for; None where it is one."""
    if id in ARXIV or id in ARCHIVES:
        return None
    known = {one.casefold(): one for one in (*ARXIV, *ARCHIVES)}
    near = difflib.get_close_matches(id.casefold(), known, n=1)
    meant = f"; did you mean '{known[near[0]]}'?" if near else "; use ids like 'cs.LG' of arxiv.org/category_taxonomy"
    return f"'{id}' is no category of arXiv{meant}"
