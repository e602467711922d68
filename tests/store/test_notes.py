"""Notes of parts of the program, on both databases."""

from __future__ import annotations

from digest.models import Dump
from digest.protocols import Store
from digest.testing import NOON


def test_notes_replace_those_before_and_touch_no_others(store: Store) -> None:
    store.keep(Dump(source="blog", name="a", content=b"a", remember={"etag:a": "1"}), NOON)
    store.keep_notes("[alerts]", {"broken: daily": "1", "stale: caf\udce9": "2"})
    store.keep_notes("[other]", {"a": "3"})
    assert store.remembered("[alerts]") == {"broken: daily": "1", "stale: caf\udce9": "2"}
    store.keep_notes("[alerts]", {"held: daily": "4"})
    assert store.remembered("[alerts]") == {"held: daily": "4"}
    store.keep_notes("[alerts]", {})
    assert store.remembered("[alerts]") == {}
    assert store.remembered("[other]") == {"a": "3"}
    assert store.remembered("blog") == {"etag:a": "1"}
