"""Papers -> scores with reasons: sums of named signals, each in words a reader understands.

Pure; may import the ground, models and interests.
"""

from __future__ import annotations

from digest.ranking.ranks import Ranked, rank

__all__ = ["Ranked", "rank"]
