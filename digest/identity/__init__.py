"""Which paper a listing is: rules on ids, titles and abstracts, and the keys of papers not met before.

Pure; may import models, links and the ground. rapidfuzz only verifies candidates, it never searches.

Rules, the first that holds decides:

1. `id`: a stable id is known. Two different ids of one scheme are never one paper. Only where people split the very
   text off that paper, it goes to the other one (`decided`), whose ids it then says nothing of.
2. `text`: title and abstract are what a known listing had, and nothing contradicts.
3. `title`: the compact titles are equal, and there is evidence: the abstracts are alike; or, where one side has
   none, an author is shared and the years are at most one apart. Titles under four words need alike abstracts,
   recurring columns never merge by title.
4. `near`: the titles are near, and so are the abstracts. Where one side has no abstract, the titles must be nearer, and
   most authors, the year and the kind of venue the same.
5. Otherwise the listing is a paper not met before. One that fits two papers is attached to none. What came near
   without being it is a possible duplicate: shown to people, never merged.
"""

from __future__ import annotations

from digest.identity.evidence import abstract_ratio
from digest.identity.judging import same_work
from digest.identity.shelf import Shelf

__all__ = ["Shelf", "abstract_ratio", "same_work"]
