"""What all parts of the bench are told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Settings:
    """Sizes and places of a run."""

    #: for everything that is written; each part makes folders of its own in it
    scratch: Path
    #: how often contenders take turns
    rounds: int = 5
    #: papers on one long page
    page: int = 5_000
    #: papers that are tagged
    tagged: int = 1_000
    #: listings of one batch, half of them new
    batch: int = 10_000
    #: known papers of the small and of the large store
    small: int = 10_000
    known: int = 1_000_000
    #: papers taken in beside reader
    intake: int = 5_000
    #: papers of a whole run beside rss2email
    whole: int = 200
    #: readers that a sender mails to, and messages that are mailed the usual way
    readers: int = 10_000
    usual: int = 300
    #: readers of one more run; None: there is none
    many: int | None = None
    #: kills of senders that hit a message in flight
    hits: int = 100
    #: where the peers are, or will be
    peers: Path | None = ROOT / ".venv" / "bench"
    #: the bundled dumps
    seeds: Path = ROOT / "seeds"
    #: extra real data
    data: Path | None = None


def quick(scratch: Path) -> Settings:
    """Return smaller sizes, for a first look."""
    return Settings(
        scratch,
        rounds=3,
        page=500,
        tagged=200,
        batch=1_000,
        small=1_000,
        known=50_000,
        intake=500,
        whole=50,
        readers=1_000,
        usual=100,
        hits=5,
    )
