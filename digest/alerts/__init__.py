"""Whether somebody is told that something is wrong, and telling it: by mail, by a webhook; once until it is over.

    deciding   receipt x conditions x what is kept -> alerts, what to keep        pure
    telling    alerts -> a mail without the ledger, a POST

May import bootstrap and below. What goes wrong here changes no verdict: it is logged, and told to who called.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from digest import clock
from digest.alerts.deciding import ABOUT_MAIL, Alert, Decision, Standing, decide, sendable
from digest.alerts.telling import tell
from digest.bootstrap import System
from digest.config import Condition, Config
from digest.errors import DigestError, StoppedError, UsageError
from digest.logs import logger
from digest.models import DeliveryCounts, EditionReceipt, Receipt, SourceReceipt
from digest.outbox import Delivered
from digest.protocols import Store

__all__ = [
    "OWNER",
    "Alert",
    "Decision",
    "Standing",
    "after_run",
    "decide",
    "keep",
    "kept",
    "of_step",
    "tell",
    "watching",
]

#: whose notes these are in the store
OWNER = "[alerts]"


def after_run(
    system: System,
    done: Receipt,
    delivered: Delivered | None,
    say: Callable[[str], object],
    environ: Mapping[str, str] | None = None,
) -> None:
    """Tell what is to be told of a run; what goes wrong with that changes nothing.

    Args:
        system: the configuration and the store that keeps what was told.
        done: what the run did.
        delivered: what became of the mail; None: none went out.
        say: is given what goes wrong, for stderr.
        environ: where `env:NAME` is looked up; default: the process's.
    """
    settings = system.config.alerts
    if settings is None:
        return
    errors: list[str] = []
    try:
        before = kept(system.store)
        trouble = delivered.tally.trouble if delivered else None
        decided = decide(
            settings.when, done, trouble, _configured(before, done, system.config), mailed=_tried(delivered)
        )
        reached, errors = tell(system.config, decided.alerts, done.started_at, environ)
        after = decided.after(reached)
        if after != before:
            keep(system.store, after)
    except DigestError as error:
        errors.append(str(error))
    for one in errors:
        logger().warning("alert not told", error=one)
        say(f"digest: alert: {one}")


def of_step(
    system: System,
    *,
    sources: Sequence[SourceReceipt] = (),
    editions: Sequence[EditionReceipt] = (),
    delivered: Delivered | None = None,
) -> None:
    """Tell what is to be told of one step of a process that stays, which knows nothing of the others.

    Args:
        system: the configuration and the store that keeps what was told.
        sources: what was fetched.
        editions: what was done for newsletters.
        delivered: what became of the mail; None: none went out.
    """
    if system.config.alerts is None or not (sources or editions or _tried(delivered)):
        return
    done = Receipt(
        verdict="published",
        started_at=system.parts.clock(),
        sources=tuple(sources),
        editions=tuple(editions),
        deliveries=delivered.counts if delivered else DeliveryCounts(),
    )
    # what goes wrong with it is in the log
    after_run(system, done, delivered, lambda _: None)


def _tried(delivered: Delivered | None) -> bool:
    """Whether a delivery says anything of the mail: with nothing to do it met no server."""
    return delivered is not None and bool(delivered.tally.trouble or delivered.tally.total or delivered.counts.unknown)


def _configured(before: Mapping[str, Standing], done: Receipt, config: Config) -> dict[str, Standing]:
    """Return what is kept of what is still there: of a source that was taken out nobody will say that it is over."""
    names = {ABOUT_MAIL, *(one.id for one in config.newsletters), *(one.newsletter for one in done.editions)}
    sources = {one.name for one in config.sources} | {one.name for one in done.sources}
    names |= set(map(sendable, sources))
    return {key: one for key, one in before.items() if key.partition(": ")[2] in names}


@contextmanager
def watching(config: Config, say: Callable[[str], object], *, rehearse: bool = False) -> Iterator[None]:
    """Tell that the run of the block ended before it had a receipt, where `broken` is to be told.

    Each time, for there may be no store to keep that it was told. Wrong usage is told to nobody but who sees it.

    Args:
        config: says whom.
        say: is given what goes wrong with telling it.
        rehearse: tell nobody.
    """
    try:
        yield
    except DigestError as error:
        wanted = config.alerts is not None and any(one.trouble == "broken" for one in config.alerts.when)
        if wanted and not rehearse and type(error) not in (UsageError, StoppedError):
            now = clock.system()()
            alert = Alert(Condition("broken"), "the run", sendable(f"The run ended early: {error}"), now)
            for one in tell(config, [alert], now)[1]:
                say(f"digest: alert: {one}")
        raise


def kept(store: Store) -> dict[str, Standing]:
    """Return what was wrong after the run before."""
    found = {key: json.loads(value) for key, value in store.remembered(OWNER).items()}
    return {
        key: Standing(datetime.fromisoformat(one["since"]), one["told"], one.get("owed", ""))
        for key, one in found.items()
    }


def keep(store: Store, standing: Mapping[str, Standing]) -> None:
    """Keep what is wrong, instead of what was."""
    told = {
        key: {"since": one.since.isoformat(), "told": one.told} | ({"owed": one.owed} if one.owed else {})
        for key, one in standing.items()
    }
    store.keep_notes(OWNER, {key: json.dumps(value) for key, value in told.items()})
