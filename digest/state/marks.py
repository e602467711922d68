"""Where newsletters stand, as a document. Pure; may import protocols and the folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from digest.protocols.state import EditionRow, NewsletterRow
from digest.state.folder import Damage

FILE = "marks.json"
#: raised when an older program could not read a state any more
FORM = 1


@dataclass(frozen=True)
class Marks:
    """Where all newsletters stand."""

    #: number of the newest change
    log: int = 0
    #: what the key of the hashes is derived with; no secret
    salt: str | None = None
    newsletters: Sequence[NewsletterRow] = ()
    #: newsletter, number -> sha256 of the edition's file
    editions: Mapping[tuple[str, int], str] = field(default_factory=dict)


def encode(marks: Marks) -> dict[str, Any]:
    """Return the document."""
    return {
        "form": FORM,
        "log": marks.log,
        "salt": marks.salt,
        "newsletters": {
            one.id: {
                "mark": one.mark,
                "feed_id": one.feed_id,
                "paused": one.paused,
                "editions": {
                    str(number): told for (id, number), told in sorted(marks.editions.items()) if id == one.id
                },
            }
            for one in sorted(marks.newsletters)
        },
    }


def decode(document: Mapping[str, Any], damage: Damage) -> Marks | None:
    """Return what a document says; None where it is damaged."""
    try:
        newsletters, editions = [], {}
        for id, told in document["newsletters"].items():
            newsletters.append(NewsletterRow(id, int(told["mark"]), told["feed_id"], bool(told["paused"])))
            editions.update({(id, int(number)): str(sha256) for number, sha256 in told["editions"].items()})
        return Marks(int(document["log"]), document["salt"], newsletters, editions)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        damage.note(f"{FILE} cannot be read: {error!r}")
        return None


def of(newsletters: Sequence[NewsletterRow], editions: Sequence[EditionRow], log: int, salt: str | None) -> Marks:
    """Return where newsletters stand, with the sha256 of the editions' files."""
    return Marks(log, salt, newsletters, {(one.newsletter, one.number): one.sha256 for one in editions})
