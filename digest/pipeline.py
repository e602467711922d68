"""The way of the data, from dumps to an output folder; this module and `intake` alone name every step.

    fetch | keep (tx 1) | parse | identify | compare | tag | commit (tx 2)      for each dump: intake
    log after the mark | tag | rank, compose | publish edition (tx 3)           for each newsletter
    store | publisher                                                           once, at the end

The pure steps are imported; sources, store and publisher are handed in as protocols. A run can die anywhere: what is
committed stays, and the next run goes on from there. May import intake, the pure stages, links, protocols and below.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby

from digest import links, receipt, schedule
from digest.edition.categories import choose_headings
from digest.edition.compose import compose
from digest.errors import StoreError
from digest.intake import Firsts, Gathered, Parts, fetched, gather, read_again, take_in
from digest.models import (
    DumpReceipt,
    Edition,
    EditionReceipt,
    EditionRef,
    Logged,
    Newsletter,
    Receipt,
    SourceReceipt,
    SourceStatus,
)
from digest.protocols import NewsletterState, Progress, Source, Store
from digest.ranking import rank

__all__ = [
    "REPLAY",
    "Parts",
    "baseline",
    "enrol",
    "fetch",
    "issue",
    "recalled",
    "recompose",
    "repair",
    "replay",
    "run",
    "upcoming",
]

#: the source of dumps that `replay` is given and no configured source holds
REPLAY = "replay"
#: a batch that came so long ago is judged as one that came now
_FRESH = timedelta(days=1)


def run(parts: Parts, sources: Sequence[Source], progress: Progress | None = None) -> Receipt:
    """Fetch, take in, compose what is due, publish."""
    started = parts.clock()
    found = fetch(parts, sources, progress, now=started)
    return issue(parts, parts.newsletters, sources, found, now=started)


def fetch(
    parts: Parts, sources: Sequence[Source], progress: Progress | None = None, *, now: datetime | None = None
) -> list[SourceReceipt]:
    """Fetch sources, take in what they give, and hold it against their past; composes nothing.

    The first time it reads a source, only the dumps of its newest date are announced: the rest is the baseline.
    Newsletters that were never met begin with what comes now.

    Args:
        parts: with what.
        sources: all, or those whose time it is.
        progress: shows it to a person.
        now: when it began; default: now.
    """
    now, store = now or parts.clock(), parts.store
    enrol(parts)
    found: list[SourceReceipt] = []
    firsts = Firsts()
    with fetched(parts, sources) as fetches:
        for source, given in zip(sources, fetches, strict=True):
            first = not store.has_announced(source.name) and not store.has_announced(REPLAY)
            had = gather(parts, source, given)
            newest = max((item.dating.date for item in had.items), default=None)
            if progress:
                progress.start(len(had.items))
            takes = (
                take_in(parts, item, announce=not first or item.dating.date == newest, firsts=firsts)
                for item in had.items
            )
            summed = _sum(had, source.name, takes, progress)
            found.append(_judged(parts, source, had, summed, now))
    return found


def issue(
    parts: Parts,
    newsletters: Sequence[Newsletter],
    sources: Sequence[Source],
    found: Sequence[SourceReceipt],
    *,
    now: datetime | None = None,
) -> Receipt:
    """Compose the editions that are due, publish; fetches nothing.

    Args:
        parts: with what.
        newsletters: those that may come out.
        sources: all that are configured.
        found: what fetches of just now brought; of the other sources the store is asked.
        now: when it began; default: now.
    """
    now = now or parts.clock()
    enrol(parts)
    told = {one.name: one for one in found}
    known = [told.get(source.name) or recalled(parts, source, now) for source in sources]
    editions = [_run_newsletter(parts, newsletter, sources, known, now) for newsletter in newsletters]
    return _close(parts, now, known, editions)


def enrol(parts: Parts) -> None:
    """Meet the newsletters that were never met: their first edition holds what comes from now on."""
    for newsletter in parts.newsletters:
        if parts.store.newsletter(newsletter.id) is None:
            parts.store.enrol(newsletter.id, parts.store.log_end())


def recalled(parts: Parts, source: Source, now: datetime) -> SourceReceipt:
    """Return what the store knows of a source that is not fetched now: its last fetch, and its newest batch.

    What was new in a batch of today counts as new, all else as seen.
    """
    store, today = parts.store, _today(parts, now)
    health = store.health(source.name)
    if health is None:
        return SourceReceipt(name=source.name, status="empty", note="not fetched yet")
    batches = store.batches(source.name, receipt.LOOKED_BACK + 1)
    newest = batches[0] if batches else None
    dumps = store.dumps_of(source.name, newest.date) if newest else []
    of_today = newest is not None and newest.date >= today
    found = receipt.recalled(
        source.name,
        health,
        newest,
        [DumpReceipt(name=name, sha256=one.sha256, date=one.dating.date, date_rule=one.dating.rule)
         for name, one in dumps if one.dating],
        of_today=of_today,
        on_time=of_today and source.daily and _has_batch(store, source.name, today),
        fetched_today=any(schedule.local_date(one, health.at) >= today for one in parts.newsletters),
    )  # fmt: skip
    return receipt.judge(
        found,
        health,
        batches,
        store.overlap(source.name, batches[0].date, batches[1].date) if len(batches) > 1 else 0,
        today=today,
        fresh={newest.date} if newest and any(now - one.received < _FRESH for _, one in dumps) else (),
        daily=source.daily,
    )


def baseline(parts: Parts, sources: Sequence[Source], progress: Progress | None = None) -> Sequence[SourceReceipt]:
    """Fetch all and note it as known: nothing of it is announced, and the next run announces all that is new then."""
    store = parts.store
    found = []
    with fetched(parts, sources) as fetches:
        for source, given in zip(sources, fetches, strict=True):
            had = gather(parts, source, given)
            if progress:
                progress.start(len(had.items))
            takes = (take_in(parts, item, announce=False) for item in had.items)
            found.append(_sum(had, source.name, takes, progress))
            if had.failure is None:
                store.note_fetch(source.name, parts.clock(), "baseline", None)
    return found


def repair(parts: Parts, sources: Sequence[Source], progress: Progress | None = None) -> Sequence[SourceReceipt]:
    """Read every kept dump again, in the order of dates: what today's readers find more comes in the next edition.

    Editions that are out keep their bytes; pages of papers follow.
    """
    dumps = [(kept, source) for source in sources for kept in parts.store.committed(source.name)]
    dumps.sort(key=lambda one: one[0].dating.date if one[0].dating else date.min)
    found = {source.name: SourceReceipt(name=source.name, status="empty") for source in sources}
    if progress:
        progress.start(len(dumps))
    for kept, source in dumps:
        one = read_again(parts, source, kept)
        found[source.name] = receipt.add(found[source.name], one)
        if progress:
            progress.step(one.dumps[0].name)
    parts.publisher.publish(parts.store)
    return list(found.values())


def replay(parts: Parts, sources: Sequence[Source], progress: Progress | None = None) -> Iterator[Receipt]:
    """Take in the dumps of all sources date by date, with an edition of every newsletter for each date with news.

    Yields a receipt a date, and one more if a source failed or nothing came; publishes after the last. Ignores `at`,
    `wait`, `days` and the baseline. Nothing of it is mailed: all readers count as served.
    """
    store = parts.store
    for newsletter in parts.newsletters:
        store.enrol(newsletter.id, 0)
    with fetched(parts, sources) as fetches:
        gathered = [gather(parts, source, given) for source, given in zip(sources, fetches, strict=True)]
    items = sorted((item for had in gathered for item in had.items), key=lambda item: item.dating.date)
    if progress:
        progress.start(len(items))
    for day, group in groupby(items, key=lambda item: item.dating.date):
        started = parts.clock()
        found = [
            _sum(None, name, (take_in(parts, item, announce=True) for item in some), progress)
            for name, some in groupby(group, key=lambda item: item.source)
        ]
        editions = [_replay_newsletter(parts, newsletter, found, day) for newsletter in parts.newsletters]
        yield _note(parts, started, found, editions)
    failures = [_sum(had, one.name, (), None) for one, had in zip(sources, gathered, strict=True)]
    if not items or any(one.status in ("failed", "partial") for one in failures):
        quiet = [receipt.quiet(one.id, failures, _last(store.newsletter(one.id))) for one in parts.newsletters]
        yield _note(parts, parts.clock(), failures, quiet)
    parts.publisher.publish(store)
    for newsletter in parts.newsletters:
        store.ledger.catch_up(newsletter.id)


def recompose(parts: Parts, newsletter: Newsletter, editions: Sequence[Edition]) -> Edition:
    """Compose the papers of one or more editions anew, with today's taxonomy and interests; writes nothing.

    The result carries number and date of the last of them; several editions become one.
    """
    store, tagger, last = parts.store, parts.taggers[newsletter.id], editions[-1]
    entries = {entry.paper.key: entry for edition in editions for entry in edition.entries}
    records = store.papers(list(entries))
    logged = [
        Logged(
            number=number,
            kind=entry.change,
            paper=entry.paper,
            date=entry.listed,
            sightings=tuple(one for one in records[key].counts if one.date <= last.date) if key in records else (),
        )
        for number, (key, entry) in enumerate(entries.items())
    ]
    given = {one.paper.key: tagger.tag(one.paper.title, one.paper.abstract) for one in logged}
    taxonomy, tags = choose_headings(newsletter.headings, logged, given, tagger.taxonomy)
    edition = compose(
        newsletter,
        logged,
        tags,
        taxonomy,
        parts.interests,
        rank=rank,
        number=last.number,
        date=last.date,
        instant=last.instant,
        after=editions[0].after,
        upto=last.upto,
        counts_listed=sum(edition.counts.listed for edition in editions),
        counts_had=sum(edition.counts.had for edition in editions),
        previous=editions[0].previous,
        feed_id=last.feed_id,
        base_url=parts.base_url,
        notes=last.notes,
    )
    revisions = {key: entry.revision for key, entry in entries.items()}
    kept = [entry.model_copy(update={"revision": revisions[entry.paper.key]}) for entry in edition.entries]
    return edition.model_copy(update={"entries": tuple(kept)})


def _run_newsletter(
    parts: Parts, newsletter: Newsletter, sources: Sequence[Source], found: Sequence[SourceReceipt], now: datetime
) -> EditionReceipt:
    """Compose a newsletter's edition if there is news and it is due; say why, if not."""
    store = parts.store
    covered = [one for one in found if newsletter.sources is None or one.name in newsletter.sources]
    last = _last(store.newsletter(newsletter.id))
    today = schedule.local_date(newsletter, now)
    waited = [one for one in covered if one.name in {source.name for source in sources if source.daily}]
    complete = all(_complete(store, one, today) for one in waited)
    due = schedule.due(newsletter, last.date if last else None, now, complete=complete)
    if due.now:
        return _issue(parts, newsletter, due.date, now, covered) or receipt.quiet(newsletter.id, covered, last)
    waiting = _waiting(parts, newsletter)
    if not waiting and due.why == "calendar":
        return receipt.no_day(newsletter.id, today, covered, last)
    if not waiting:
        return receipt.quiet(newsletter.id, covered, last)
    if due.why == "held" and last:
        return receipt.held(newsletter.id, waiting, last)
    until = due.until.isoformat(timespec="minutes") if due.until else None
    return receipt.not_due(newsletter.id, waiting, due.why or "waiting", until)


def _complete(store: Store, found: SourceReceipt, today: date) -> bool:
    """Whether a source that has a daily batch needs no waiting for: it brought today's, or has none today.

    Today's batch is dated today, and has a paper that the one before had not.
    """
    return found.status == "calendar" or _has_batch(store, found.name, today)


def _has_batch(store: Store, source: str, today: date) -> bool:
    """Whether a batch is there that is dated today, and has a paper that the one before had not."""
    batches = store.batches(source, 2)
    if not batches or batches[0].date < today:
        return False
    return len(batches) < 2 or store.overlap(source, batches[0].date, batches[1].date) < batches[0].papers


def _replay_newsletter(
    parts: Parts, newsletter: Newsletter, found: Sequence[SourceReceipt], day: date
) -> EditionReceipt:
    """Compose a newsletter's edition of one date if there is news and dates do not go back."""
    last = _last(parts.store.newsletter(newsletter.id))
    if last is None or day > last.date:
        issued = _issue(parts, newsletter, day, schedule.instant_of(newsletter, day), found)
        return issued or receipt.quiet(newsletter.id, found, last)
    waiting = _waiting(parts, newsletter)
    return receipt.held(newsletter.id, waiting, last) if waiting else receipt.quiet(newsletter.id, found, last)


def _waiting(parts: Parts, newsletter: Newsletter) -> int:
    """Return how many papers the next edition has so far."""
    store, taxonomy = parts.store, parts.taggers[newsletter.id].taxonomy.id
    state = store.newsletter(newsletter.id)
    mark = state.mark if state else 0
    return len(store.logged(newsletter.id, mark, store.log_end(), newsletter.sources, taxonomy))


def upcoming(parts: Parts, newsletter: Newsletter) -> Edition | None:
    """Return the edition that would come out now, were it due; the newest one where nothing waits; None without any.

    Writes nothing.
    """
    state = parts.store.newsletter(newsletter.id)
    if state is None:
        return None
    now = parts.clock()
    day = schedule.local_date(newsletter, now)
    if state.last and day <= state.last.date:
        day = state.last.date + timedelta(days=1)
    waiting = _composed(parts, newsletter, state, day, now, ())
    if waiting is None and state.last:
        return parts.store.edition(newsletter.id, state.last.number)
    return waiting


def _issue(
    parts: Parts, newsletter: Newsletter, day: date, instant: datetime, found: Sequence[SourceReceipt]
) -> EditionReceipt | None:
    """Compose and publish (tx 3) the edition over the log after the newsletter's mark; None without news."""
    store = parts.store
    state = store.newsletter(newsletter.id)
    if state is None:
        raise StoreError(f"newsletter {newsletter.id!r} is not enrolled")
    edition = _composed(parts, newsletter, state, day, instant, found)
    if edition is None:
        return None
    issued = receipt.published(
        newsletter.id,
        EditionRef(number=edition.number, date=day),
        entries=len(edition.entries),
        sections=len(edition.sections),
        files=links.edition_files(newsletter.id, day),
        sources=found,
    )
    full = Receipt(verdict=issued.verdict, started_at=instant, sources=tuple(found), editions=(issued,))
    if not store.publish(edition, full):
        raise StoreError(f"another run published {newsletter.id!r} at the same time; run again to see what is left")
    return issued


def _composed(
    parts: Parts,
    newsletter: Newsletter,
    state: NewsletterState,
    day: date,
    instant: datetime,
    found: Sequence[SourceReceipt],
) -> Edition | None:
    """Rank and compose the edition over the log after the newsletter's mark; None without news."""
    store, tagger = parts.store, parts.taggers[newsletter.id]
    upto = store.log_end()
    logged = store.logged(newsletter.id, state.mark, upto, newsletter.sources, tagger.taxonomy.id)
    if not logged:
        return None
    listed, had = store.tallies(state.mark, upto, newsletter.sources)
    feed_id = newsletter.feed_id or links.feed_authority(newsletter.id, parts.base_url, day.year)
    given = {
        one.paper.key: tagger.tag(one.paper.title, one.paper.abstract) if one.tags is None else one.tags
        for one in logged
    }
    taxonomy, tags = choose_headings(newsletter.headings, logged, given, tagger.taxonomy)
    return compose(
        newsletter,
        logged,
        tags,
        taxonomy,
        parts.interests,
        rank=rank,
        number=state.last.number + 1 if state.last else 1,
        date=day,
        instant=instant,
        after=state.mark,
        upto=upto,
        counts_listed=listed,
        counts_had=had,
        previous=state.last,
        feed_id=state.feed_id or feed_id,
        base_url=parts.base_url,
        notes=receipt.for_readers(found),
    )


def _close(
    parts: Parts, started: datetime, found: Sequence[SourceReceipt], editions: Sequence[EditionReceipt]
) -> Receipt:
    """Publish the output folder and keep the receipt of the run."""
    parts.publisher.publish(parts.store)
    return _note(parts, started, found, editions)


def _note(
    parts: Parts, started: datetime, found: Sequence[SourceReceipt], editions: Sequence[EditionReceipt]
) -> Receipt:
    verdict = receipt.worst([edition.verdict for edition in editions])
    whole = Receipt(verdict=verdict, started_at=started, sources=tuple(found), editions=tuple(editions))
    parts.store.receive(whole)
    return whole


def _sum(had: Gathered | None, name: str, takes: Iterable[SourceReceipt], progress: Progress | None) -> SourceReceipt:
    """Carry out the dumps of a source, one after the other, and add their receipts to what else it said."""
    found = SourceReceipt(name=name, status=had.status if had else "empty", note=had.note if had else None)
    for one in takes:
        found = receipt.add(found, one)
        if progress:
            progress.step(one.dumps[0].name)
    if had and had.failure:
        status: SourceStatus = "partial" if had.partly else "failed"
        found = receipt.add(found, SourceReceipt(name=name, status=status, note=had.failure))
    return found


def _judged(parts: Parts, source: Source, had: Gathered, found: SourceReceipt, now: datetime) -> SourceReceipt:
    """Hold what a source gave against its past."""
    store = parts.store
    batches = store.batches(source.name, receipt.LOOKED_BACK + 1)
    return receipt.judge(
        found,
        store.health(source.name),
        batches,
        store.overlap(source.name, batches[0].date, batches[1].date) if len(batches) > 1 else 0,
        today=_today(parts, now),
        fresh={item.dating.date for item in had.items if item.parsed},
        daily=source.daily,
    )


def _today(parts: Parts, now: datetime) -> date:
    """Return the date it is where it is earliest, of all newsletters."""
    return min((schedule.local_date(one, now) for one in parts.newsletters), default=now.date())


def _last(state: NewsletterState | None) -> EditionRef | None:
    return state.last if state else None
