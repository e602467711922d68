"""All checks of a set-up: reads what they decide on, asks others side by side. May import all of this package."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from digest import clock
from digest.bootstrap import System, opened, store_address
from digest.config import Config, Mail, resolve_mail
from digest.delivery.probe import Announced, probe
from digest.delivery.settings import SmtpSettings
from digest.doctor import (
    actions,
    comebacks,
    crowd,
    domains,
    feeds,
    hours,
    leaving,
    outputs,
    pages,
    relays,
    setup,
    stores,
)
from digest.doctor.beside import SideBySide, Task, guarded
from digest.doctor.findings import Finding, fail, fine, from_error, warn
from digest.errors import ConfigError, DigestError, StoreError, UsageError
from digest.protocols import Progress, Remote, Source
from digest.sources.http import shared_http
from digest.store.checkup import Checkup, look
from digest.wishes import did_you_mean

_S = TypeVar("_S")
_T = TypeVar("_T")
#: stands in where there is no store to read
_MEMORY = "sqlite:///:memory:"
#: seconds that a relay may take in the eyes of a person who waits
_RELAY = 20.0


@dataclass
class _Case:
    """What is known of a set-up while it is looked at."""

    config: Config
    system: System
    mail: Mail | None
    #: None: there is no store, or none that can be read
    checkup: Checkup | None
    #: by `DIGEST__CLOCK`, where that is set
    now: datetime
    stopped: str | None
    environ: Mapping[str, str]
    #: what the relay announced, once it did
    announced: list[Announced] = field(default_factory=list)


def examine(
    file: Path,
    *,
    source: str | None = None,
    test: str | None = None,
    progress: Progress | None = None,
    environ: Mapping[str, str] | None = None,
) -> list[Finding]:
    """Look a set-up over; nothing is changed, kept or mailed.

    Args:
        file: the configuration.
        source: look at this source alone, and show what it gives.
        test: also submit the next edition to this address, as a test.
        progress: shows it to a person.
        environ: variables; default: the process's.

    Raises:
        UsageError: there is no such source, or it does not go together with a test.
    """
    if source is not None and test is not None:
        raise UsageError("--send-test looks at all there is: leave out the source")
    environ = os.environ if environ is None else environ
    now, stopped = _clock(environ)
    config, found = setup.loaded(file, environ)
    if config is None:
        folder = file.resolve().parent
        about = guarded(actions.AREA, "workflows", lambda: actions.judged(actions.look(folder), (), now))
        return [*found, *hours.stopped(stopped), *about]
    if source is not None:
        known = [one.name for one in config.sources]
        if source not in known:
            raise UsageError(f"no source {source!r}{did_you_mean(source, known) or ';'} there are {', '.join(known)}")
    mail, about_mail = _mail(config, environ, found)
    checkup, about_store = _store(config)
    with ExitStack() as stack:
        try:
            system = stack.enter_context(opened(_readable(config, checkup)))
        except DigestError as error:
            return [*found, *about_mail, *about_store, from_error(setup.AREA, error, f"mend that in {file}")]
        case = _Case(config, system, mail, checkup, now, stopped, environ)
        if source is not None:
            return [one for one in (*found, *about_store) if one.level == "fail"] + _sources(case, source, progress)
        return [*found, *about_mail, *about_store, *_looked(case, test, progress)]


def _clock(environ: Mapping[str, str]) -> tuple[datetime, str | None]:
    """Return the instant, and what stops the clock; one that is none is found where the system is opened."""
    told = environ.get(clock.VARIABLE) or None
    try:
        return clock.system()(), told
    except ConfigError:
        return datetime.now(UTC), told


def _mail(config: Config, environ: Mapping[str, str], found: Iterable[Finding]) -> tuple[Mail | None, list[Finding]]:
    """Return `[mail]` with its secrets; what keeps them from being read is told once."""
    if config.mail is None:
        return None, []
    try:
        return resolve_mail(config, environ), []
    except ConfigError as error:
        told = from_error(setup.AREA, error, f"mend that in {config.where}")
        return None, [] if any(one.what == told.what for one in found) else [told]


def _store(config: Config) -> tuple[Checkup | None, list[Finding]]:
    try:
        checkup = look(store_address(config))
    except OSError as error:
        what = f"cannot be looked at: {error.strerror or error}"
        return None, [fail(stores.AREA, what, "mend `store` in the configuration, or who may read it")]
    except StoreError as error:
        what, _, remedy = str(error).rpartition(": ")
        otherwise = "mend `store` in the configuration"
        return None, [Finding(stores.AREA, "fail", what or str(error), remedy if what else otherwise)]
    # leases run in real time
    return checkup, list(stores.judged(checkup, stores.free_disk(checkup), datetime.now(UTC)))


def _readable(config: Config, checkup: Checkup | None) -> Config:
    """Return a configuration whose store can be opened without changing it: this one, or one in memory."""
    if checkup and checkup.revision == checkup.head and not checkup.damage:
        return config
    return config.model_copy(update={"store": _MEMORY})


def _has_store(case: _Case) -> bool:
    return case.system.config is case.config


def _looked(case: _Case, test: str | None, progress: Progress | None) -> list[Finding]:
    """Carry out all checks but those of configuration and store."""
    # before others are asked: the way to the web is the process's, and a rehearsal wires its own
    about_templates = guarded(pages.TEMPLATES, "templates", partial(pages.templates, case.config))
    tasks: list[Task] = []
    found = guarded(feeds.AREA, "sources", partial(_gather, tasks, _source_tasks, case))
    found += guarded(relays.AREA, "mail", partial(_gather, tasks, _mail_tasks, case))
    if progress:
        progress.start(len(tasks))
    under_way = SideBySide(tasks, progress)
    mails: list[pages.NextMail] = []
    about_mails = guarded(pages.MAIL, "the next mail", partial(_gather, mails, pages.next_mails, case.system))
    about_people = guarded(crowd.SUBSCRIBERS, "subscribers", partial(_people, case)) if _has_store(case) else []
    about_output = guarded(outputs.AREA, "the output folder", partial(_output, case))
    answers = under_way.wait()
    about_hours = guarded(hours.AREA, "the schedule", partial(_hours, case))
    about_actions = guarded(actions.AREA, "workflows", partial(_actions, case))
    sent = guarded(relays.AREA, "the test", partial(_test, case, test)) if test else []
    others = [one for one in answers if one.area != feeds.AREA]
    asked = [one for one in answers if one.area == feeds.AREA]
    about_mails += _sized(case, mails)
    told = (about_templates, about_mails, others, sent, about_people, about_hours, about_actions, about_output)
    return [*found, *asked, *(one for some in told for one in some)]


def _gather(into: list[_T], make: Callable[[_S], Iterable[_T]], of: _S) -> tuple[Finding, ...]:
    """Put what there is into a list; there is nothing to find of it yet."""
    into.extend(make(of))
    return ()


# Sources


def _sources(case: _Case, name: str, progress: Progress | None) -> list[Finding]:
    tasks = list(_source_tasks(case, name))
    if progress:
        progress.start(len(tasks))
    return SideBySide(tasks, progress).wait()


def _source_tasks(case: _Case, only: str | None = None) -> Iterator[Task]:
    """Yield a task for each source; what the store knows of it is read here, not in its thread."""
    for source, settings in zip(case.system.sources(), case.config.sources, strict=True):
        if only not in (None, source.name):
            continue
        before = feeds.past(case.system, source, case.now)
        work = partial(_source, case, source, settings.kind, before, verbose=only is not None)
        limit = float(getattr(settings, "timeout", 0.0)) + feeds.PATIENCE
        yield Task(feeds.AREA, source.name, limit, work, source.host if isinstance(source, Remote) else "")


def _source(case: _Case, source: Source, kind: str, before: feeds.Past, *, verbose: bool) -> Iterator[Finding]:
    answer = feeds.asked(source, kind, before, afresh=verbose)
    today, remembered = case.now.date(), _has_store(case)
    return feeds.judged(source.name, answer, before.health, today, verbose=verbose, remembered=remembered)


# Mail


def _mail_tasks(case: _Case) -> Iterator[Task]:
    mail = case.mail
    if mail is None:
        none = fine(relays.AREA, "there is no [mail] table: feeds and pages only")
        if case.config.mail is not None:
            none = warn(relays.AREA, "not asked: [mail] lacks something", "set what configuration says is missing")
        yield Task(relays.AREA, "mail", _RELAY, lambda: [none])
        return
    settings = mail.transport
    if isinstance(settings, SmtpSettings):
        yield Task(relays.AREA, settings.host, settings.timeout + _RELAY, partial(_relay, case, settings))
        limit = 6 * domains.TIMEOUT
        yield Task(domains.AREA, "DNS", limit, partial(_domain, mail, settings.host))
    else:
        local = settings
        yield Task(relays.AREA, "the transport", _RELAY, lambda: [relays.local(local)])
    if case.config.inbox is not None:
        limit = 2.0 * case.config.inbox.timeout + _RELAY
        yield Task(comebacks.AREA, "the mailbox", limit, partial(comebacks.reached, case.config, case.environ))
    elif mail.bounces:
        bounces = mail.bounces
        yield Task(comebacks.AREA, "the mailbox", _RELAY, lambda: [comebacks.unread(bounces)])
    if mail.unsubscribe_url:
        yield Task(leaving.AREA, "unsubscribe_url", 2 * leaving.TIMEOUT, partial(leaving.by_url, mail.unsubscribe_url))


def _relay(case: _Case, settings: SmtpSettings) -> Iterator[Finding]:
    announced = probe(settings)
    case.announced.append(announced)
    # certificates end in real time
    yield from relays.announced(announced, datetime.now(UTC))


def _domain(mail: Mail, relay: str) -> Iterator[Finding]:
    domain = mail.from_addr.rpartition("@")[2]
    envelope = (mail.bounces or mail.from_addr).rpartition("@")[2]
    try:
        found = domains.published(domain, envelope)
    except domains.NoDns:
        found = None
    yield from domains.judged(domain, envelope, relay, found)


def _sized(case: _Case, mails: Iterable[pages.NextMail]) -> Iterator[Finding]:
    relay = case.announced[0] if case.announced else None
    for one in mails:
        yield from pages.sized(one, relay.size if relay else None, relay.host if relay else "")


def _test(case: _Case, address: str) -> Iterator[Finding]:
    if case.mail is None or not _has_store(case):
        remedy = "mend what is said above, or add a [mail] table: digest init --mail gmail shows one"
        yield fail(relays.AREA, "no test was sent: nothing can be mailed yet", remedy)
        return
    yield relays.send_test(case.system, case.mail, address)


# People


def _people(case: _Case) -> Iterator[Finding]:
    store, checkup = case.system.store, case.checkup
    if case.config.mail is None or checkup is None:
        return
    met = {state.id for state in store.newsletters()}
    ids = [one.id for one in case.config.newsletters if one.id in met]
    counts: dict[str, dict[str, int]] = {id: dict(store.subscribers.subscriber_counts(id).items()) for id in ids}
    confirmed = sum(one.get("confirmed", 0) for one in counts.values())
    yield from crowd.readers(counts, checkup.suppressed)
    yield from crowd.groups(checkup.groups, case.config.groups)
    if case.mail is not None:
        yield from crowd.pace(confirmed, case.mail.pace)
    if case.mail is not None and not case.mail.unsubscribe_url:
        others = confirmed if case.config.subscribers or confirmed > 1 else 0
        yield leaving.by_mail(case.mail.reply_to or case.mail.from_addr, others)
    stuck = {state: (one.count, one.since) for state, one in checkup.stuck.items()}
    yield from crowd.stuck(stuck, store.ledger.paused())


# The machine


def _hours(case: _Case) -> Iterator[Finding]:
    states = {state.id: state for state in case.system.store.newsletters()}
    for newsletter in case.config.newsletters:
        state = states.get(newsletter.id)
        yield hours.editions(newsletter, state.last.date if state and state.last else None, case.now)
    yield from hours.stopped(case.stopped)
    if case.stopped is None:
        ages = {host: (told, time.monotonic() - at) for host, (told, at) in shared_http().dates.items()}
        now = clock.system()()
        heard = {host: instant for host, told in ages.items() if (instant := hours.heard(*told, now))}
        yield from hours.against(now, heard, case.checkup.newest if case.checkup else None)
    yield hours.zone_data()


def _actions(case: _Case) -> Iterator[Finding]:
    return actions.judged(actions.look(case.config.root), case.config.newsletters, case.now)


def _output(case: _Case) -> Iterator[Finding]:
    instants = [state.last_instant for state in case.system.store.newsletters() if state.last_instant]
    folder = outputs.look(case.config.path(case.config.output))
    return outputs.judged(folder, max(instants, default=None))
