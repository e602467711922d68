"""Metrics as the text that Prometheus reads. May import errors."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from digest.errors import DigestError

if TYPE_CHECKING:
    from prometheus_client import Metric

#: of the text: the form that every Prometheus and node_exporter reads
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(families: Sequence[Metric], *, process: bool = False) -> bytes:
    """Return metrics as text.

    Args:
        families: what there is.
        process: say what this process takes, too, by the names that all programs have for that: `process_...`.
    """
    from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
    from prometheus_client.registry import Collector

    class Given(Collector):
        def collect(self) -> Iterable[Metric]:
            return families

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Given())
    if process:
        ProcessCollector(registry=registry)
    return generate_latest(registry)


def write(path: Path, text: bytes) -> None:
    """Write a file that the textfile collector of node_exporter reads: whole or not at all, readable for all.

    Raises:
        DigestError: it cannot be written; the one before stays.
    """
    part: Path | None = None
    try:
        # a name that node_exporter passes over, for it ends otherwise
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        part = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(text)
        # node_exporter is another user
        part.chmod(0o644)
        part.replace(path)
    except OSError as error:
        if part is not None:
            part.unlink(missing_ok=True)
        raise DigestError(f"metrics are not in {path}: {error.strerror}; see to its folder") from error
