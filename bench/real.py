"""Real papers for the parts that use them, from the folder that DIGEST_TEST_DATA names."""

from __future__ import annotations

import json
import re
import tarfile
from datetime import date
from pathlib import Path
from typing import Any

from bench.papers import Made

_ARCHIVE = "daily-papers-json.tar.xz"


def days(data: Path, most: int | None = None) -> dict[date, list[Made]]:
    """Return the papers of each day that Daily Papers' API gave, without titles or abstracts that are missing."""
    found: dict[date, list[Made]] = {}
    archive = data / _ARCHIVE
    if not archive.is_file():
        return found
    with tarfile.open(archive) as files:
        for member in files:
            dated = re.search(r"(\d{4}-\d\d-\d\d)\.json$", member.name)
            content = files.extractfile(member) if dated else None
            if dated is None or content is None:
                continue
            papers = [made for one in json.load(content) if (made := _made(one))]
            if papers:
                found[date.fromisoformat(dated[1])] = papers
            if most is not None and len(found) >= most:
                break
    return found


def _made(item: Any) -> Made | None:
    paper = item.get("paper") if isinstance(item, dict) else None
    if not isinstance(paper, dict):
        return None
    title, abstract = (" ".join(str(paper.get(name) or "").split()) for name in ("title", "summary"))
    published = date.fromisoformat(str(paper.get("publishedAt") or "2025-01-01")[:10])
    authors = paper.get("authors")
    count = len(authors) if isinstance(authors, list) else 1
    return Made(title, abstract, max(count, 1), published, 0) if title and abstract else None
