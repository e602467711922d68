"""Identity on real pairs: the same paper as two sites tell it, and records of two bibliographies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from digest.identity import Shelf, same_work
from digest.models import Listing, Span
from digest.store import open_store
from digest.testing import commit_dump, make_change, make_listing, make_paper
from digest.text import compact


def test_papers_without_their_ids_are_found_again_and_none_is_taken_for_another(data: Path, capsys) -> None:
    pairs = [json.loads(line) for line in (data / "pairs" / "hf_arxiv_pairs.jsonl").read_text("utf-8").splitlines()]
    store = open_store(":memory:")
    ours = [make_listing(pair["hf_title"], pair["hf_abstract"]) for pair in pairs]
    commit_dump(
        store, [make_change("new", one, make_paper(one, pair["id"])) for one, pair in zip(ours, pairs, strict=True)]
    )
    theirs = [make_listing(pair["arxiv_title"], pair["arxiv_abstract"]) for pair in pairs]
    shelf = Shelf(store.known(theirs))
    found = [shelf.identify(listing).key for listing in theirs]
    store.close()
    right = [key == pair["id"] for key, pair in zip(found, pairs, strict=True)]
    differ = [compact(pair["hf_title"]) != compact(pair["arxiv_title"]) for pair in pairs]
    wrong = [(key, pair["id"]) for key, pair in zip(found, pairs, strict=True) if key not in (None, pair["id"])]
    hard = sum(map(all, zip(right, differ, strict=True)))
    with capsys.disabled():
        print(f"\n{sum(right)} of {len(pairs)} found, {len(wrong)} wrong; titles differ: {hard} of {sum(differ)}")
    assert not wrong
    assert hard >= 0.75 * sum(differ)
    assert sum(right) >= 0.99 * len(pairs)


def records(path: Path) -> Iterator[tuple[Listing, Listing, bool]]:
    for line in path.read_text("utf-8").splitlines():
        one, other, same = line.split("\t")
        yield record(one), record(other), same == "1"


def record(told: str) -> Listing:
    fields = dict(re.findall(r"COL (\w+) VAL (.*?)\s*(?=COL |$)", told))
    return Listing(
        span=Span(first=1, last=1),
        title=fields["title"],
        authors=tuple(filter(None, re.split(r"\s+,\s+", fields["authors"]))),
        venue=fields["venue"] or None,
        published=date(int(fields["year"]), 1, 1) if fields["year"] else None,
    )


def test_records_without_abstracts_are_told_apart(data: Path, capsys) -> None:
    judged = [(same_work(one, other), same) for one, other, same in records(data / "pairs" / "dblp_acm_valid.txt")]
    hits = sum(said and same for said, same in judged)
    precision, recall = hits / sum(said for said, _ in judged), hits / sum(same for _, same in judged)
    f1 = 2 * precision * recall / (precision + recall)
    with capsys.disabled():
        print(f"\nprecision {precision:.4f}, recall {recall:.4f}, F1 {f1:.4f} of {len(judged)} pairs")
    assert precision >= 0.98
    assert f1 >= 0.95
