"""A run of the pipeline as the bench needs it: listings given, no newsletter, nothing published."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, cast

from digest import pipeline
from digest.models import Dating, Dump, Interests, Listing, Parsed, Receipt
from digest.pipeline import Parts
from digest.protocols import FetchMemory, Source, Store
from digest.tagging import Tagger


class Given:
    """A source with one dump, which is parsed before the clock runs."""

    name = "bench"
    daily = False

    def __init__(self, listings: Sequence[Listing], name: str, day: date) -> None:
        """Hold the listings; the dump's name is its content too."""
        self._parsed = Parsed(dating=Dating(date=day, rule="option"), listings=tuple(listings))
        self._dump = Dump(source=self.name, name=name, content=name.encode())

    def fetch(self, memory: FetchMemory) -> Iterator[Dump]:
        """Yield the dump."""
        yield self._dump

    def parse(self, dump: Dump, received: datetime) -> Parsed:
        """Return the listings."""
        return self._parsed


class Unpublished:
    """A publisher that publishes nothing."""

    def publish(self, store: Store) -> Sequence[str]:
        """Write nothing."""
        return ()


class Timed:
    """A store that adds up what its methods take."""

    def __init__(self, store: Store) -> None:
        """Wrap `store`."""
        self._store = store
        #: method -> CPU seconds
        self.cpu: defaultdict[str, float] = defaultdict(float)

    def __getattr__(self, name: str) -> Any:
        """Return a method that is timed."""
        method = getattr(self._store, name)

        def timed(*args: Any) -> Any:
            begin = time.process_time()
            try:
                return method(*args)
            finally:
                self.cpu[name] += time.process_time() - begin

        return timed


def take_in(store: Store | Timed, sources: Sequence[Source], taggers: Mapping[str, Tagger]) -> Receipt:
    """Take in what the sources have: fetch, parse, identify, compare, tag, commit."""
    parts = Parts(
        store=cast(Store, store),
        publisher=Unpublished(),
        newsletters=(),
        taggers=taggers,
        interests=Interests(),
        clock=lambda: datetime.now(UTC),
    )
    return pipeline.run(parts, sources)
