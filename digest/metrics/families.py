"""What was found -> metrics, named as Prometheus wants it: base units, `_total`, `_timestamp_seconds`.

A state is one series for each value it can have, 1 for the one it has: series that come and go cannot be asked for.
May import the meter's readings and below.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, get_args

from digest import __version__
from digest.metrics.meter import Readings
from digest.models import STATUSES, DeliveryState, Receipt, ReturnKind, SourceStatus, Verdict

if TYPE_CHECKING:
    from prometheus_client import Metric

#: values of the labels of a series, and its value
Sample = tuple[tuple[str, ...], float]

_VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
_STATES: tuple[DeliveryState, ...] = get_args(DeliveryState)
#: what is noted of a fetch; `unchanged` and `baseline` only the store knows
_STATUSES: tuple[str, ...] = (*get_args(SourceStatus), "unchanged", "baseline")
_RETURNS: tuple[ReturnKind, ...] = get_args(ReturnKind)
_RESULTS = ("new", "revised", "enriched", "seen", "rejected")
_WARNINGS = ("stale", "shrunken")


def gauge(name: str, help: str, samples: Iterable[Sample], *labels: str) -> Metric:
    """Return a gauge with its series.

    Args:
        name: of the metric.
        help: what it says, in a sentence.
        samples: values of the labels, and a value for each.
        labels: their names.
    """
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(name, help, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


def info(name: str, help: str, **labels: str) -> Metric:
    """Return a series that is always 1, for its labels; `_info` is added to its name."""
    from prometheus_client.core import InfoMetricFamily

    return InfoMetricFamily(name, help, value=labels)


def of_store(found: Readings) -> Iterator[Metric]:
    """Yield all that a store tells."""
    figures = found.figures
    yield gauge("digest_store_up", "Whether the store answers.", [((), 1)])
    version = {"version": __version__, "schema": figures.revision, "python": platform.python_version()}
    yield info("digest_build", "The release, the schema of its store, its Python.", **version)
    yield gauge("digest_store_size_bytes", "Bytes of the database on disk.", [((), figures.bytes)])
    if figures.free is not None:
        yield gauge("digest_store_free_bytes", "Bytes of them that are free.", [((), figures.free)])
    yield from _of_sources(found)
    if figures.receipt is not None:
        yield from _of_run(found, figures.receipt)
    yield from _of_editions(found)
    if found.census is not None:
        yield from _of_census(found)


def _of_sources(found: Readings) -> Iterator[Metric]:
    health = {name: one for name, one in found.sources.items() if one is not None}
    yield gauge(
        "digest_source_last_fetch_timestamp_seconds",
        "When a source was fetched last, whatever came of it; 0: never.",
        _instants(found.sources, {name: one.at for name, one in health.items()}),
        "source",
    )
    yield gauge(
        "digest_source_last_success_timestamp_seconds",
        "When all of a source could be read last; 0: never.",
        _instants(found.sources, found.figures.successes),
        "source",
    )
    yield gauge(
        "digest_source_status",
        "What came of the last fetch of a source: 1 for what did.",
        _which({(name,): one.status for name, one in health.items()}, _STATUSES),
        "source",
        "status",
    )
    failing = {name: one.failing_since for name, one in health.items() if one.failing_since}
    yield gauge(
        "digest_source_failing_since_timestamp_seconds",
        "Since when a source fails, day by day; one that does not fail has no series.",
        _instants(failing, failing),
        "source",
    )
    yield gauge(
        "digest_source_news_timestamp_seconds",
        "The newest date on which a source had something new: its midnight, UTC; 0: none.",
        _instants(found.sources, {name: _midnight(one.news[0]) for name, one in health.items() if one.news}),
        "source",
    )


def _of_run(found: Readings, receipt: Receipt) -> Iterator[Metric]:
    """Yield what the newest run said; a source or a newsletter that it says nothing of has no series."""
    told = {one.name: one for one in receipt.sources if one.name in found.sources}
    yield gauge("digest_run_timestamp_seconds", "When the newest run began.", [((), receipt.started_at.timestamp())])
    yield gauge(
        "digest_run_verdict", "The verdict of the newest run: 1 for the one it is.",
        _which({(): receipt.verdict}, _VERDICTS), "verdict",
    )  # fmt: skip
    yield gauge(
        "digest_newsletter_verdict",
        "The verdict of the newest run for a newsletter: 1 for the one it is.",
        _which({(one.newsletter,): one.verdict for one in receipt.editions if one.newsletter in found.newsletters},
               _VERDICTS),
        "newsletter",
        "verdict",
    )  # fmt: skip
    yield gauge(
        "digest_source_listings",
        "What the newest run knew of a source: listings by what they were; all together are what was listed.",
        [((name, result), getattr(one, result)) for name, one in told.items() for result in _RESULTS],
        "source",
        "result",
    )
    yield gauge(
        "digest_source_warning",
        "What is odd about the newest batch of a source: 1 for what is.",
        _which({(name,): one.warning for name, one in told.items()}, _WARNINGS),
        "source",
        "warning",
    )


def _of_editions(found: Readings) -> Iterator[Metric]:
    out = {id: state for id, state in found.newsletters.items() if state is not None}
    yield gauge(
        "digest_edition_number",
        "The number of a newsletter's newest edition; 0: there is none.",
        [((id,), last.number if (last := state and state.last) else 0) for id, state in found.newsletters.items()],
        "newsletter",
    )
    yield gauge(
        "digest_edition_timestamp_seconds",
        "When a newsletter's newest edition came out; 0: there is none.",
        _instants(found.newsletters, {id: one.last_instant for id, one in out.items()}),
        "newsletter",
    )
    yield gauge(
        "digest_edition_date_timestamp_seconds",
        "The date of a newsletter's newest edition: its midnight, UTC; 0: there is none.",
        _instants(found.newsletters, {id: _midnight(one.last.date) for id, one in out.items() if one.last}),
        "newsletter",
    )
    yield gauge(
        "digest_edition_entries",
        "Entries of a newsletter's newest edition; 0: there is none.",
        [((id,), found.entries.get(id, 0)) for id in found.newsletters],
        "newsletter",
    )
    yield gauge(
        "digest_newsletter_paused",
        "Whether a newsletter is mailed to nobody until somebody says --resume.",
        [((id,), id in found.paused) for id in found.newsletters],
        "newsletter",
    )


def _of_census(found: Readings) -> Iterator[Metric]:
    """Yield what was counted; a newsletter that is configured has each series."""
    census = found.census
    assert census is not None
    assert found.counted is not None
    yield gauge(
        "digest_deliveries",
        "Deliveries by state; unknown ones that a person left as they are do not count.",
        [((id, state), census.deliveries.get((id, state), 0)) for id in found.newsletters for state in _STATES],
        "newsletter",
        "state",
    )
    yield gauge(
        "digest_deliveries_returned",
        "Deliveries that came back, by what that means; those that the store let go of are none of them.",
        [((id, kind), census.returned.get((id, kind), 0)) for id in found.newsletters for kind in _RETURNS],
        "newsletter",
        "kind",
    )
    yield gauge(
        "digest_deliveries_waiting_since_timestamp_seconds",
        "From when on the oldest delivery that waits may go out; where none waits there is no series.",
        _instants(census.waiting_since.keys() & found.newsletters.keys(), census.waiting_since),
        "newsletter",
    )
    yield gauge(
        "digest_subscriptions",
        "Subscriptions by status.",
        [((id, status), census.subscriptions.get((id, status), 0)) for id in found.newsletters for status in STATUSES],
        "newsletter",
        "status",
    )
    yield gauge("digest_suppressions", "Addresses that nothing goes to.", [((), census.suppressed)])
    yield gauge("digest_papers", "Papers that are known.", [((), census.papers)])
    yield gauge(
        "digest_counted_timestamp_seconds",
        "When deliveries, subscriptions, suppressions and papers were counted.",
        [((), found.counted.timestamp())],
    )


def _instants(names: Iterable[str], told: Mapping[str, datetime | None]) -> list[Sample]:
    """Return an instant for each name; 0 where there is none, so that its age is beyond every limit."""
    return [((name,), at.timestamp() if (at := told.get(name)) else 0) for name in names]


def _which(told: Mapping[tuple[str, ...], str | None], values: Iterable[str]) -> list[Sample]:
    """Return a series for each value that something can have."""
    return [((*labels, value), value == has) for labels, has in told.items() for value in values]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
