"""From what sources give to what is known of papers: the first half of the way of the data.

    fetch | keep (tx 1) | parse | identify | compare | tag | commit (tx 2)      for each dump, in the order of dates

May import the pure stages, protocols and below.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import date, datetime

from digest import diff, identity, receipt
from digest.clock import Clock
from digest.errors import BytesGoneError, ParseError, PartlyReadError, SourceError
from digest.logs import logger
from digest.models import (
    Change,
    Dating,
    Dump,
    DumpReceipt,
    Interests,
    Newsletter,
    Notice,
    Parsed,
    Rejected,
    Rejection,
    SourceReceipt,
    SourceStatus,
    Span,
    Tag,
)
from digest.protocols import (
    DumpOutcome,
    Fetching,
    FetchMemory,
    KeptDump,
    Publisher,
    Source,
    Store,
)
from digest.tagging import Tagger


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
    #: fetches the sources of a run; None: one after the other
    fetching: Fetching | None = None


@dataclass(frozen=True)
class Item:
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


@dataclass(frozen=True)
class Gathered:
    """What a source had."""

    #: by date, then name
    items: Sequence[Item]
    #: what stopped it; what it gave before stays
    failure: str | None
    notices: Sequence[Notice]
    #: what stopped it concerns some of its parts; the others were read
    partly: bool = False

    @property
    def note(self) -> str | None:
        """What it said of the newest day instead of a dump; that something is unchanged only where it gave nothing."""
        told = [one.note for one in self._newest if one.status != "unchanged" or not self.items]
        return "; ".join(dict.fromkeys(told)) or None

    @property
    def status(self) -> SourceStatus:
        """How it is where it gave no dump: what it says of earlier days says nothing of the newest."""
        calendar = self.notices and all(one.status == "calendar" for one in self._newest)
        return "calendar" if calendar else "empty"

    @property
    def _newest(self) -> Sequence[Notice]:
        days = [one.date or date.max for one in self.notices]
        return [one for one, day in zip(self.notices, days, strict=True) if day == max(days)]


@dataclass(frozen=True)
class _Memory:
    """A source's past, read from the store before its fetch starts: another thread may look into it."""

    now: datetime
    latest: date | None
    told: Mapping[str, str]

    def recall(self, key: str) -> str | None:
        """What an earlier dump asked to remember."""
        return self.told.get(key)


def fetched(parts: Parts, sources: Sequence[Source]) -> AbstractContextManager[Sequence[Iterator[Dump | Notice]]]:
    """Start the fetches: what each source gives, in their order."""
    store = parts.store
    memories = [_Memory(parts.clock(), store.latest_dump_date(one.name), store.remembered(one.name)) for one in sources]
    asked = list(zip(sources, memories, strict=True))
    return parts.fetching(asked) if parts.fetching else nullcontext([_lazily(*one) for one in asked])


def _lazily(source: Source, memory: FetchMemory) -> Iterator[Dump | Notice]:
    """Fetch when the first of it is asked for."""
    yield from source.fetch(memory)


def gather(parts: Parts, source: Source, given: Iterable[Dump | Notice]) -> Gathered:
    """Keep (tx 1) and parse what a source gives, and what a killed run left."""
    items: dict[int, Item] = {}
    again: list[KeptDump] = []
    notices: list[Notice] = []
    remember: dict[str, str] = {}
    failure, partly = None, False
    for kept, dump in parts.store.unfinished(source.name):
        items[kept.id] = read(source, kept, dump)
    try:
        for got in given:
            if isinstance(got, Notice):
                parts.store.note_fetch(source.name, parts.clock(), got.status, got.note)
                notices.append(got)
                continue
            dump = got
            known = parts.store.find(dump)
            if known is not None:
                again.append(known)
                remember |= dump.remember
            kept = known or parts.store.keep(dump, parts.clock())
            if kept.id not in items:
                items[kept.id] = read(source, kept, dump)
    except SourceError as error:
        failure, partly = str(error), isinstance(error, PartlyReadError)
        logger().warning("source failed", source=source.name, error=failure)
    parts.store.note_known(source.name, again, parts.clock(), remember)
    if failure:
        # last, so that whoever asks how the source is meets it first
        parts.store.note_fetch(source.name, parts.clock(), "partial" if partly else "failed", failure)
    elif not items and not notices:
        parts.store.note_fetch(source.name, parts.clock(), "empty", None)
    ordered = sorted(items.values(), key=lambda item: (item.dating.date, item.name))
    return Gathered(ordered, failure, tuple(notices), partly)


def read(source: Source, kept: KeptDump, dump: Dump) -> Item:
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
    return Item(source=source.name, kept=kept, name=dump.name, sha256=dump.sha256, parsed=parsed)


class Firsts:
    """Which source of a run was the first to have a new paper."""

    def __init__(self) -> None:
        self._source: dict[str, str] = {}
        self._told: set[tuple[str, str]] = set()

    def elsewhere(self, source: str, changes: Sequence[Change]) -> dict[str, int]:
        """Note the new papers of a dump, and count by source those that another had before; each paper once."""
        met: Counter[str] = Counter()
        for change in changes:
            key = change.paper.key
            if change.kind == "new":
                self._source[key] = source
            elif self._source.get(key, source) != source and (source, key) not in self._told:
                self._told.add((source, key))
                met[self._source[key]] += 1
        return dict(met)


def take_in(parts: Parts, item: Item, *, announce: bool, firsts: Firsts | None = None) -> SourceReceipt:
    """Identify, compare, tag and commit (tx 2) one dump; `firsts` knows what other sources had in this run."""
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
            tags=tags_of(parts, changes),
        )
    )
    return base.model_copy(
        update={
            "listed": len(changes) + len(parsed.rejected),
            "rejected": len(parsed.rejected),
            "note": f"{item.name}: {dating.note}" if dating.note else None,
            "rejections": tuple(Rejection(dump=item.name, span=one.span, reason=one.reason) for one in parsed.rejected),
            "older": 0 if announce else len(changes),
            "elsewhere": firsts.elsewhere(item.source, changes) if firsts and announce else {},
            **receipt.tally(changes, announce=announce),
        }
    )


def read_again(parts: Parts, source: Source, kept: KeptDump) -> SourceReceipt:
    """Read a committed dump once more, and commit what today's reader finds in it beyond what was found then.

    A listing that was read alike then only fills gaps: nothing is announced twice. A dump that cannot be read any more,
    or whose bytes are gone, stays as it is.
    """
    store, dating = parts.store, kept.dating
    assert dating is not None, "a committed dump has a date"
    try:
        dump = store.raw(kept.id)
    except BytesGoneError as error:
        gone = DumpReceipt(name=error.name, sha256=kept.sha256, date=dating.date, date_rule=dating.rule)
        seen = kept.listed - kept.rejected
        noted = SourceReceipt(name=source.name, dumps=(gone,), listed=kept.listed, seen=seen, rejected=kept.rejected)
        return noted.model_copy(update={"note": str(error)})
    entry = DumpReceipt(name=dump.name, sha256=dump.sha256, date=dating.date, date_rule=dating.rule)
    parsed = read(source, replace(kept, dating=None), dump).parsed
    had = store.texts(kept.id)
    base = SourceReceipt(name=source.name, dumps=(entry,), listed=kept.listed, rejected=kept.rejected)
    base = base.model_copy(update={"seen": kept.listed - kept.rejected})
    if parsed is None or (had and not parsed.listings):
        return base.model_copy(update={"note": f"{dump.name} cannot be read any more; it stays as it was"})
    before = {one.paper.key: one.paper for one in store.known(parsed.listings)}
    changes = _compare(store, parsed, dating.date, alike=frozenset(had))
    now = [(one.title, one.abstract) for one in parsed.listings]
    papers = {change.paper.key: change.paper for change in changes}
    if now == had and len(parsed.rejected) == kept.rejected and papers == {key: before.get(key) for key in papers}:
        return base
    store.mend(
        DumpOutcome(
            dump=kept.id,
            dating=dating,
            changes=changes,
            rejected=parsed.rejected,
            announce=True,
            tags=tags_of(parts, changes),
        )
    )
    tally = receipt.tally(changes, announce=True)
    rejected = tuple(Rejection(dump=dump.name, span=one.span, reason=one.reason) for one in parsed.rejected)
    told = {"listed": len(changes) + len(rejected), "rejected": len(rejected), "rejections": rejected}
    return base.model_copy(update=told | tally)


def _compare(store: Store, parsed: Parsed, day: date, alike: Collection[tuple[str, str]] = frozenset()) -> list[Change]:
    """Return the change that each listing of a dump makes, in its order; those with texts in `alike` only fill gaps."""
    shelf = identity.Shelf(store.known(parsed.listings))
    met: set[str] = set()
    changes = []
    for listing in parsed.listings:
        match = shelf.identify(listing)
        if match.key is None:
            change = diff.first(listing, match, shelf.mint(listing), day)
        else:
            again = match.key in met or (listing.title, listing.abstract) in alike
            told = shelf.told_before(match.key, listing)
            change = diff.compare(listing, match, shelf.paper(match.key), day, again=again, told_before=told)
        met.add(change.paper.key)
        shelf.put(change.paper, listing)
        changes.append(change)
    return changes


def tags_of(parts: Parts, changes: Sequence[Change]) -> dict[str, dict[str, tuple[Tag, ...]]]:
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
