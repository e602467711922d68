from __future__ import annotations

from digest.models import Dump
from digest.protocols import Store
from digest.testing import NOON


def test_all_that_a_source_asked_to_remember_is_had_at_once_and_the_newest_counts(store: Store) -> None:
    first = Dump(source="feed", name="1", content=b"1", remember={"etag:u": "a", "since": "x"})
    store.keep(first, NOON)
    store.keep(Dump(source="feed", name="2", content=b"2", remember={"etag:u": "b"}), NOON)
    store.keep(Dump(source="other", name="2", content=b"2", remember={"etag:u": "c"}), NOON)
    assert store.remembered("feed") == {"etag:u": "b", "since": "x"}
    assert store.remembered("none") == {}
