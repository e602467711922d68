"""The way of the data, from dumps to an output folder; the only module that names every step.

    fetch | keep (tx 1) | parse | identify | compare | tag | commit (tx 2)      for each dump, in the order of dates
    log after the mark | tag | rank, compose | publish edition (tx 3)           for each newsletter
    store | publisher                                                           once, at the end

The pure steps are imported; sources, store and publisher are handed in as protocols. A run can die anywhere: what is
committed stays, and the next run goes on from there. May import the pure stages, links, protocols and below.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from digest import diff, identity, links, receipt, schedule
from digest.clock import Clock
from digest.edition.compose import compose
from digest.errors import ParseError, SourceError, StoreError
from digest.logs import logger
from digest.models import (
    Change,
    Dating,
    Dump,
    DumpReceipt,
    Edition,
    EditionReceipt,
    EditionRef,
    Interests,
    Logged,
    Newsletter,
    Parsed,
    Receipt,
    Rejected,
    Rejection,
    SourceReceipt,
    Span,
    Tag,
)
from digest.protocols import DumpOutcome, KeptDump, NewsletterState, Progress, Publisher, Source, Store
from digest.ranking import rank
from digest.tagging import Tagger

#: the source of dumps that `replay` is given and no configured source holds
REPLAY = "replay"


@dataclass(frozen=True)
class Parts:
    """What a run works with."""

    store: Store
    publisher: Publisher
    newsletters: Sequence[Newsletter]
    #: newsletter id -> the tagger that gives its headings
    taggers: Mapping[str, Tagger]
    interests: Interests
    clock: Clock
    base_url: str | None = None


@dataclass(frozen=True)
class _Item:
    """A dump of a run, kept: known from before, or parsed and waiting to be taken in."""

    source: str
    kept: KeptDump
    name: str
    sha256: str
    #: None: committed before, not parsed again
    parsed: Parsed | None

    @property
    def dating(self) -> Dating:
        """The date it has, or will get."""
        dating = self.parsed.dating if self.parsed else self.kept.dating
        assert dating is not None
        return dating


def run(parts: Parts, sources: Sequence[Source], progress: Progress | None = None) -> Receipt:
    """Fetch, take in, compose what is due, publish.

    The first time it reads a source, only the dumps of its newest date are announced: the rest is the baseline.
    """
    started, store = parts.clock(), parts.store
    end = store.log_end()
    for newsletter in parts.newsletters:
        store.enrol(newsletter.id, end)
    found: list[SourceReceipt] = []
    for source in sources:
        first = not store.has_announced(source.name) and not store.has_announced(REPLAY)
        items, failure = _gather(parts, source)
        newest = max((item.dating.date for item in items), default=None)
        if progress:
            progress.start(len(items))
        takes = (_take_in(parts, item, announce=not first or item.dating.date == newest) for item in items)
        found.append(_sum(source.name, takes, failure, progress))
    editions = [_run_newsletter(parts, newsletter, sources, found, started) for newsletter in parts.newsletters]
    return _close(parts, started, found, editions)


def replay(parts: Parts, sources: Sequence[Source], progress: Progress | None = None) -> Iterator[Receipt]:
    """Take in the dumps of all sources date by date, with an edition of every newsletter for each date with news.

    Yields a receipt a date, and one more if a source failed or nothing came; publishes after the last. Ignores `at`,
    `wait`, `days` and the baseline.
    """
    store = parts.store
    for newsletter in parts.newsletters:
        store.enrol(newsletter.id, 0)
    gathered = [_gather(parts, source) for source in sources]
    items = sorted((item for some, _ in gathered for item in some), key=lambda item: item.dating.date)
    if progress:
        progress.start(len(items))
    for day, group in groupby(items, key=lambda item: item.dating.date):
        started = parts.clock()
        found = [
            _sum(name, (_take_in(parts, item, announce=True) for item in some), None, progress)
            for name, some in groupby(group, key=lambda item: item.source)
        ]
        editions = [_replay_newsletter(parts, newsletter, found, day) for newsletter in parts.newsletters]
        yield _note(parts, started, found, editions)
    failures = [_sum(source.name, (), failure, None) for source, (_, failure) in zip(sources, gathered, strict=True)]
    if not items or any(one.status == "failed" for one in failures):
        quiet = [receipt.quiet(one.id, failures, _last(store.newsletter(one.id))) for one in parts.newsletters]
        yield _note(parts, parts.clock(), failures, quiet)
    parts.publisher.publish(store)


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
    tags = {one.paper.key: tagger.tag(one.paper.title, one.paper.abstract) for one in logged}
    edition = compose(
        newsletter,
        logged,
        tags,
        tagger.taxonomy,
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


def _gather(parts: Parts, source: Source) -> tuple[list[_Item], str | None]:
    """Keep (tx 1) and parse what a source has, and what a killed run left; by date, then name.

    Returns the items, and what stopped the source, if it failed: what it gave before stays.
    """
    items: dict[int, _Item] = {}
    again: list[KeptDump] = []
    failure = None
    for kept, dump in parts.store.unfinished(source.name):
        items[kept.id] = _read(source, kept, dump)
    try:
        for dump in source.fetch():
            known = parts.store.recall(dump)
            if known is not None:
                again.append(known)
            kept = known or parts.store.keep(dump, parts.clock())
            if kept.id not in items:
                items[kept.id] = _read(source, kept, dump)
    except SourceError as error:
        failure = str(error)
        parts.store.note_fetch(source.name, parts.clock(), "failed", failure)
        logger().warning("source failed", source=source.name, error=failure)
    parts.store.note_known(source.name, again, parts.clock())
    return sorted(items.values(), key=lambda item: (item.dating.date, item.name)), failure


def _read(source: Source, kept: KeptDump, dump: Dump) -> _Item:
    """Parse a dump, unless it was committed before; one that cannot be read is one rejected listing."""
    parsed = None
    if not kept.done:
        try:
            parsed = source.parse(dump, kept.received)
        except ParseError as error:
            text = dump.content[:2000].decode("utf-8", "replace")
            span = Span(first=1, last=max(1, len(dump.content.splitlines())))
            dating = Dating(date=dump.date or kept.received.date(), rule=dump.date_rule or "assumed")
            parsed = Parsed(dating=dating, rejected=(Rejected(span=span, reason=str(error), text=text),))
    return _Item(source=source.name, kept=kept, name=dump.name, sha256=dump.sha256, parsed=parsed)


def _take_in(parts: Parts, item: _Item, *, announce: bool) -> SourceReceipt:
    """Identify, compare, tag and commit (tx 2) one dump."""
    dating, parsed = item.dating, item.parsed
    entry = DumpReceipt(name=item.name, sha256=item.sha256, date=dating.date, date_rule=dating.rule)
    base = SourceReceipt(name=item.source, dumps=(entry,))
    if parsed is None:
        kept = item.kept
        seen = kept.listed - kept.rejected
        return base.model_copy(update={"listed": kept.listed, "seen": seen, "rejected": kept.rejected})
    changes = _compare(parts.store, parsed, dating.date)
    parts.store.commit(
        DumpOutcome(
            dump=item.kept.id,
            dating=dating,
            changes=changes,
            rejected=parsed.rejected,
            announce=announce,
            tags=_tags(parts, changes),
        )
    )
    return base.model_copy(
        update={
            "listed": len(changes) + len(parsed.rejected),
            "rejected": len(parsed.rejected),
            "note": f"{item.name}: {dating.note}" if dating.note else None,
            "rejections": tuple(Rejection(dump=item.name, span=one.span, reason=one.reason) for one in parsed.rejected),
            **receipt.tally(changes, announce=announce),
        }
    )


def _compare(store: Store, parsed: Parsed, day: date) -> list[Change]:
    """Return the change that each listing of a dump makes, in its order."""
    shelf = identity.Shelf(store.known(parsed.listings))
    met: set[str] = set()
    changes = []
    for listing in parsed.listings:
        match = shelf.identify(listing)
        if match.key is None:
            change = diff.first(listing, match, shelf.mint(listing), day)
        else:
            change = diff.compare(listing, match, shelf.paper(match.key), day, again=match.key in met)
        met.add(change.paper.key)
        shelf.put(change.paper, listing)
        changes.append(change)
    return changes


def _tags(parts: Parts, changes: Sequence[Change]) -> dict[str, dict[str, tuple[Tag, ...]]]:
    """Tag every paper whose text is new, under every taxonomy in use."""
    papers = {
        change.paper.key: change.paper
        for change in changes
        if change.kind == "new" or {"title", "abstract"} & set(change.fields)
    }
    taggers = {tagger.taxonomy.id: tagger for tagger in parts.taggers.values()}
    return {
        id: {key: tagger.tag(paper.title, paper.abstract) for key, paper in papers.items()}
        for id, tagger in taggers.items()
    }


def _run_newsletter(
    parts: Parts, newsletter: Newsletter, sources: Sequence[Source], found: Sequence[SourceReceipt], now: datetime
) -> EditionReceipt:
    """Compose a newsletter's edition if there is news and it is due; say why, if not."""
    store = parts.store
    covered = [one for one in found if newsletter.sources is None or one.name in newsletter.sources]
    last = _last(store.newsletter(newsletter.id))
    today = schedule.local_date(newsletter, now)
    waited = [source.name for source in sources if source.daily and source.name in {one.name for one in covered}]
    complete = all((store.latest_dump_date(name) or date.min) >= today for name in waited)
    due = schedule.due(newsletter, last.date if last else None, now, complete=complete)
    if due.now:
        return _issue(parts, newsletter, due.date, now, covered) or receipt.quiet(newsletter.id, covered, last)
    waiting = _waiting(parts, newsletter)
    if not waiting:
        return receipt.quiet(newsletter.id, covered, last)
    if due.why == "held" and last:
        return receipt.held(newsletter.id, waiting, last)
    until = due.until.isoformat(timespec="minutes") if due.until else None
    return receipt.not_due(newsletter.id, waiting, due.why or "waiting", until)


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


def _issue(
    parts: Parts, newsletter: Newsletter, day: date, instant: datetime, found: Sequence[SourceReceipt]
) -> EditionReceipt | None:
    """Rank, compose and publish (tx 3) the edition over the log after the newsletter's mark; None without news."""
    store, tagger = parts.store, parts.taggers[newsletter.id]
    state = store.newsletter(newsletter.id)
    if state is None:
        raise StoreError(f"newsletter {newsletter.id!r} is not enrolled")
    upto = store.log_end()
    logged = store.logged(newsletter.id, state.mark, upto, newsletter.sources, tagger.taxonomy.id)
    if not logged:
        return None
    listed, had = store.tallies(state.mark, upto, newsletter.sources)
    failed = [one.name for one in found if one.status == "failed"]
    feed_id = newsletter.feed_id or links.feed_authority(newsletter.id, parts.base_url, day.year)
    edition = compose(
        newsletter,
        logged,
        {
            one.paper.key: tagger.tag(one.paper.title, one.paper.abstract) if one.tags is None else one.tags
            for one in logged
        },
        tagger.taxonomy,
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
        notes=tuple(f"{name} could not be read; its papers come later, marked “Late”." for name in failed),
    )
    issued = receipt.published(
        newsletter.id,
        EditionRef(number=edition.number, date=day),
        entries=len(edition.entries),
        sections=len(edition.sections),
        files=links.edition_files(newsletter.id, day),
        failed=failed,
    )
    full = Receipt(verdict=issued.verdict, started_at=instant, sources=tuple(found), editions=(issued,))
    if not store.publish(edition, full):
        raise StoreError(f"another run published {newsletter.id!r} at the same time; run again to see what is left")
    return issued


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


def _sum(name: str, takes: Iterable[SourceReceipt], failure: str | None, progress: Progress | None) -> SourceReceipt:
    """Carry out the dumps of a source, one after the other, and add their receipts."""
    found = SourceReceipt(name=name, status="empty")
    for one in takes:
        found = receipt.add(found, one)
        if progress:
            progress.step(one.dumps[0].name)
    if failure:
        found = receipt.add(found, SourceReceipt(name=name, status="failed", note=failure))
    return found


def _last(state: NewsletterState | None) -> EditionRef | None:
    return state.last if state else None
