"""What an operator's Prometheus is told, read from the store whenever it asks.

    meter      a store, looked at again and again: what is costly is remembered for a while
    families   what was found -> metrics with names, help and labels
    text       metrics -> the text that Prometheus reads, also as a file

`digest serve` answers with it on `/metrics`, `digest run --metrics-file` writes it for node_exporter. No label has an
address or a secret. prometheus_client is imported when something is asked for. May import bootstrap and below.
"""

from __future__ import annotations

from digest.bootstrap import System
from digest.metrics.families import gauge, of_store
from digest.metrics.meter import Meter
from digest.metrics.text import CONTENT_TYPE, exposition, write

__all__ = ["CONTENT_TYPE", "Meter", "exposition", "gauge", "of_store", "text_of", "write"]


def text_of(wired: System) -> bytes:
    """Return what a system's store tells now, as text.

    Raises:
        StoreError: the store refuses.
    """
    return exposition(list(of_store(Meter(wired).read())))
