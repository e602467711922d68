"""Papers -> tags with the evidence that earned them. Pure; may import models, text and errors.

`load_taxonomy` reads a taxonomy file once; the `Tagger` it returns does no I/O.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from digest.tagging.tagger import Tagger
from digest.tagging.taxonomy import read_rules

__all__ = ["BUNDLED", "Tagger", "load_taxonomy"]

#: The taxonomy that comes with the program, for machine learning.
BUNDLED = Path(__file__).with_name("ml.toml")


def load_taxonomy(path: Path | None = None) -> Tagger:
    """Read a taxonomy file, the bundled one where `path` is None, and return its tagger.

    Raises:
        TaxonomyError: the file cannot be read or has a mistake; the message names file, key and what is allowed.
    """
    return _bundled() if path is None else Tagger(read_rules(path))


@lru_cache(maxsize=1)
def _bundled() -> Tagger:
    return Tagger(read_rules(BUNDLED))
