"""Dumps, changes, fetches and receipts as lines. Pure; may import models, protocols and the folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from digest.models import EditionReceipt, Receipt
from digest.protocols.state import ChangeRow, DumpRow, FetchRow, SightingRow
from digest.state.folder import Line
from digest.state.snapshots import lean

_TALLY = ("listed", "new", "revised", "enriched", "seen", "rejected")
#: a listing that only replaces one of a paper which was never announced
_SILENT = "replaced"
#: what a sighting is if its line says the key alone
_PLAIN = "seen"


def reference(source: str, sha256: str) -> str:
    """Return what a dump is called in other lines."""
    return hashlib.blake2b(f"{source}\0{sha256}".encode(errors="surrogatepass"), digest_size=6).hexdigest()


# Dumps, with what they listed


def encode_dump(dump: DumpRow, sightings: Iterable[SightingRow]) -> Line:
    """Return the line of a dump."""
    told = {name: getattr(dump, name) for name in ("source", "sha256", "name", "size", "note", "seq", "log_end")}
    return lean(told) | {
        "received": dump.received.isoformat(),
        "date": dump.date.isoformat(),
        "rule": dump.date_rule,
        "announced": dump.announced,
        "tally": [getattr(dump, name) for name in _TALLY],
        "papers": [_sighting(one) for one in sightings],
    }


def _sighting(one: SightingRow) -> str | list[Any]:
    counts = [one.comments, one.upvotes, one.stars]
    while counts and counts[-1] is None:
        counts.pop()
    kind = _SILENT if one.silent else one.kind
    return [one.paper, kind, *counts] if counts or kind != _PLAIN else one.paper


def decode_dump(line: Line, id: int) -> tuple[DumpRow, list[SightingRow]]:
    """Return the row of a dump, and what it listed.

    Raises:
        ValueError, KeyError, TypeError: it is no line of a dump.
    """
    dump = DumpRow(
        id=id,
        source=str(line["source"]),
        sha256=str(line["sha256"]),
        name=str(line["name"]),
        size=int(line.get("size", 0)),
        received=datetime.fromisoformat(line["received"]),
        date=date.fromisoformat(line["date"]),
        date_rule=str(line["rule"]),
        note=line.get("note"),
        seq=int(line["seq"]),
        log_end=int(line.get("log_end", 0)),
        announced=bool(line["announced"]),
        **dict(zip(_TALLY, map(int, line["tally"]), strict=True)),
    )
    return dump, [_sighted(id, one) for one in line["papers"]]


def _sighted(dump: int, told: str | list[Any]) -> SightingRow:
    key, kind, *counts = [told, _PLAIN] if isinstance(told, str) else told
    comments, upvotes, stars = (*counts, None, None, None)[:3]
    silent = kind == _SILENT
    return SightingRow(dump, str(key), _PLAIN if silent else str(kind), comments, upvotes, stars, silent)


# Changes


def encode_change(one: ChangeRow, dumps: Mapping[int, str]) -> Line:
    """Return the line of a change that no edition covers."""
    fields = json.loads(one.fields) if one.fields else None
    told = {"n": one.number, "paper": one.paper, "kind": one.kind, "source": one.source, "dump": dumps[one.dump]}
    return told | lean({"fields": fields}) | ({"before": list(one.before)} if one.before else {})


def decode_change(line: Line, dumps: Mapping[str, int]) -> ChangeRow:
    """Return the row of a change.

    Raises:
        ValueError, KeyError, TypeError: it is no line of a change, or of a dump that is gone.
    """
    before = line.get("before")
    title, abstract = before or ("", "")
    return ChangeRow(
        number=int(line["n"]),
        paper=str(line["paper"]),
        kind=str(line["kind"]),
        source=str(line["source"]),
        dump=dumps[line["dump"]],
        fields=json.dumps(line["fields"]) if line.get("fields") else None,
        before=(title, abstract) if before else None,
    )


# Fetches


def encode_fetches(
    sources: Iterable[str], memory: Mapping[str, Mapping[str, str]], fetches: Sequence[FetchRow], past: Iterable[str]
) -> dict[str, Any]:
    """Return what is known of each source: its memory, its last fetches, whether it is past its baseline."""
    known = set(past)
    return {
        "sources": {
            source: {
                "announced": source in known,
                "fetches": [
                    {"at": one.at.isoformat(), "status": one.status} | ({"note": one.note} if one.note else {})
                    for one in fetches
                    if one.source == source
                ],
                "memory": dict(sorted(memory.get(source, {}).items())),
            }
            for source in sorted(sources)
        }
    }


def decode_fetches(told: Mapping[str, Any], source: str) -> list[FetchRow]:
    """Return the fetches of a source.

    Raises:
        ValueError, KeyError, TypeError: they are none.
    """
    return [
        FetchRow(source, datetime.fromisoformat(one["at"]), str(one["status"]), one.get("note"))
        for one in told["fetches"]
    ]


# Receipts


def encode_receipt(data: str) -> Line:
    """Return the line of a run."""
    told = json.loads(data)
    editions = [
        lean(
            {
                "newsletter": one["newsletter"],
                "verdict": one["verdict"],
                "sentence": one["evidence"],
                **{name: one.get(name) for name in ("number", "date", "entries", "sections")},
            }
        )
        for one in told["editions"]
    ]
    return {"at": told["started_at"], "verdict": told["verdict"], "editions": editions}


def decode_receipt(line: Line) -> str:
    """Return a receipt as JSON.

    Raises:
        ValueError, KeyError, TypeError: it is no line of a run.
    """
    editions = tuple(
        EditionReceipt(**{name: value for name, value in one.items() if name != "sentence"}, evidence=one["sentence"])
        for one in line["editions"]
    )
    whole = Receipt(verdict=line["verdict"], started_at=datetime.fromisoformat(line["at"]), editions=editions)
    return json.dumps(whole.model_dump(mode="json"))
