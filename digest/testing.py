"""What ships for tests, ours and those of third parties: a clock moved by hand, builders of values, contracts.

`check_source` runs the contract of a source. A builder fills in what a test does not care about. May import models,
protocols, text and the ground.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from digest.errors import ParseError, SourceError, TransportError
from digest.models import (
    Alias,
    Change,
    ChangeKind,
    Counts,
    Dating,
    Dump,
    Edition,
    Entry,
    Listing,
    Match,
    Notice,
    Paper,
    Parsed,
    Receipt,
    Rejected,
    Section,
    Span,
    Tag,
    Top,
)
from digest.protocols import (
    Answered,
    Claimed,
    DumpOutcome,
    Event,
    FetchMemory,
    KeptDump,
    Lost,
    Outcome,
    Outgoing,
    Ready,
    Source,
    Store,
)
from digest.text import clean

#: the date that builders use where none is given
DAY = date(2026, 11, 20)
#: the instant that builders use where none is given
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class FrozenClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return the instant at which it stands."""
        return self.now

    def advance(self, **duration: float) -> None:
        """Move it forward, by the arguments of timedelta."""
        self.now += timedelta(**duration)


def ids(*names: str) -> tuple[Alias, ...]:
    """Return aliases written as `scheme:value`."""
    split = (name.split(":", 1) for name in names)
    return tuple(Alias.model_validate({"scheme": scheme, "value": value}) for scheme, value in split)


def make_listing(title: str = "Pruning Spiking Networks", abstract: str = "We prune them.", **fields: Any) -> Listing:
    """Return a listing; `ids` may be written as `scheme:value`."""
    fields["ids"] = ids(*(one for one in fields.get("ids", ()) if isinstance(one, str))) or fields.get("ids", ())
    return Listing(**{"span": Span(first=1, last=1), **fields, "title": title, "abstract": abstract})


def make_paper(listing: Listing, key: str | None = None, **fields: Any) -> Paper:
    """Return the paper that a listing tells of; its key is the listing's first id, unless given."""
    told = {name: getattr(listing, name) for name in ("title", "abstract", "authors", "ids", "links", "categories")}
    return Paper(**{"key": key or listing.ids[0].value, "first_seen": DAY, **told, **fields})


def make_change(
    kind: ChangeKind = "new",
    listing: Listing | None = None,
    paper: Paper | None = None,
    *,
    fields: Sequence[str] = (),
    before: tuple[str, str] | None = None,
    **match: Any,
) -> Change:
    """Return a change; further arguments are those of its match."""
    listing = listing or make_listing(ids=["arxiv:2611.00001"])
    paper = paper or make_paper(listing)
    decided: dict[str, Any] = {"key": None, "rule": "none"} if kind == "new" else {"key": paper.key, "rule": "id"}
    return Change(
        kind=kind,
        listing=listing,
        match=Match(**{**decided, **match}),
        paper=paper,
        fields=tuple(fields),
        before=before,
    )


def make_outcome(
    dump: KeptDump | int,
    changes: Iterable[Change] = (),
    *,
    day: date = DAY,
    announce: bool = True,
    rejected: Sequence[Rejected] = (),
    tags: Mapping[str, Mapping[str, Sequence[Tag]]] | None = None,
    note: str | None = None,
) -> DumpOutcome:
    """Return what the commit of a dump writes."""
    return DumpOutcome(
        dump=dump if isinstance(dump, int) else dump.id,
        dating=Dating(date=day, rule="option", note=note),
        changes=tuple(changes),
        rejected=rejected,
        announce=announce,
        tags=tags or {},
    )


def commit_dump(
    store: Store, changes: Iterable[Change], *, source: str = "papers", name: str | None = None, **outcome: Any
) -> KeptDump:
    """Keep a dump of its own bytes and commit `changes` for it; return it as kept, before the commit."""
    name = name or f"dump {store.dump_count()}"
    kept = store.keep(Dump(source=source, name=name, content=name.encode()), NOON)
    store.commit(make_outcome(kept, changes, **outcome))
    return kept


def make_edition(papers: Sequence[Paper], *, revised: Sequence[Paper] = (), **fields: Any) -> Edition:
    """Return an edition of one section with `papers`, and one with those that are only revised."""
    entries = [Entry(paper=paper, change="new", listed=DAY, score=1, heading="all") for paper in papers]
    entries += [Entry(paper=paper, change="revised", listed=DAY, score=0) for paper in revised]
    sections = (
        Section(id="all", title="All", keys=tuple(paper.key for paper in papers)),
        Section(id="revised", title="Revised", keys=tuple(paper.key for paper in revised)),
    )
    told: dict[str, Any] = {
        "newsletter": "daily",
        "title": "Daily Papers",
        "number": 1,
        "date": DAY,
        "instant": NOON,
        "timezone": "UTC",
        "language": "en",
        "after": 0,
        "upto": 1,
        "counts": Counts(listed=len(entries), had=0, new=len(papers), revised=len(revised), late=0),
        "lead": "What came.",
        "top": Top(label="by score", keys=()),
        "sections": tuple(section for section in sections if section.keys),
        "entries": tuple(entries),
        "tag_names": {},
        "feed_id": "tag:digest.invalid,2026:daily",
        "show": 25,
    }
    return Edition(**{**told, **fields})


def make_receipt(**fields: Any) -> Receipt:
    """Return a receipt."""
    return Receipt(**{"verdict": "published", "started_at": NOON, **fields})


@dataclass
class Memory:
    """What a source may know of its past when it fetches, told by a test; it implements `FetchMemory`."""

    now: datetime = NOON
    latest: date | None = None
    #: what dumps asked to remember
    told: dict[str, str] = field(default_factory=dict)

    def recall(self, key: str) -> str | None:
        """Return what was remembered."""
        return self.told.get(key)

    def keep(self, *dumps: Dump) -> None:
        """Remember what dumps ask for, and their dates, as a store does once they are committed."""
        for dump in dumps:
            self.told |= dump.remember
            self.latest = max(filter(None, (self.latest, dump.date)), default=None)


#: what a server says of a message that it takes
TAKEN = Outcome("submitted", 250, "2.0.0", "taken")


@dataclass
class RecordingTransport:
    """A transport that takes messages nowhere and remembers them; it implements `Transport`.

    A test tells it what its server says. Instead of an answer that may be `Lost`: the connection ends there.
    """

    name: str = "recording"
    lanes: int = 2
    #: what is said to the envelope and the content; None: go on
    before: Callable[[Outgoing], Outcome | Lost | None] = lambda message: None
    #: what is said once a message was released
    answer: Callable[[Outgoing], Outcome | Lost] = lambda message: TAKEN
    #: what is raised where a lane is opened, told how many were before; None: it opens
    refuse: Callable[[int], str | None] = lambda opened: None
    #: messages whose last byte has left, in that order
    released: list[Outgoing] = field(default_factory=list)
    #: why lanes were closed, in that order
    closed: list[str] = field(default_factory=list)
    #: lanes that were opened
    opened: int = 0
    #: lanes that are open
    open_now: int = 0
    #: the most lanes that were open at once
    open_most: int = 0

    def open(self) -> RecordingLane:
        """Open a lane.

        Raises:
            TransportError: `refuse` says so.
        """
        refused = self.refuse(self.opened)
        if refused is not None:
            raise TransportError(refused)
        self.opened += 1
        self.open_now += 1
        self.open_most = max(self.open_most, self.open_now)
        return RecordingLane(self)

    def addresses(self) -> list[str]:
        """Return whom the released messages are for."""
        return [message.recipient for message in self.released]


class RecordingLane:
    """A lane of a RecordingTransport: never waits, and takes a message while one is in flight."""

    writes = False
    deadline: float | None = None

    def __init__(self, transport: RecordingTransport) -> None:
        self._transport = transport
        self._coming: Outgoing | None = None
        self._ready: Outgoing | None = None
        self._in_flight: Outgoing | None = None
        self._over = False

    def fileno(self) -> int | None:
        """Return None: it never waits."""
        return None

    @property
    def free(self) -> bool:
        """Whether it takes another message."""
        return self._coming is None and self._ready is None and not self._over

    def offer(self, message: Outgoing) -> None:
        """Take a message."""
        assert self.free, "a lane that is not free was offered a message"
        self._coming = message

    def advance(self) -> Sequence[Event]:
        """Say what became of the message that was released, then of the next."""
        events: list[Event] = []
        if self._in_flight is not None:
            message, self._in_flight = self._in_flight, None
            said = self._transport.answer(message)
            if isinstance(said, Lost):
                self._in_flight = message
                return self._lose(said)
            events.append(Answered(message.delivery, said))
        if self._coming is not None:
            early = self._transport.before(self._coming)
            if isinstance(early, Lost):
                return [*events, *self._lose(early)]
            message, self._coming = self._coming, None
            if early is None:
                self._ready = message
                events.append(Ready(message.delivery))
            else:
                events.append(Answered(message.delivery, early))
        return events

    def release(self, delivery: Claimed) -> None:
        """Note that a message has gone."""
        assert self._ready is not None, "a message was released that is not ready"
        assert self._ready.delivery.id == delivery.id, "another message was released than the one that is ready"
        self._in_flight, self._ready = self._ready, None
        self._transport.released.append(self._in_flight)

    def close(self, reason: str) -> Sequence[Event]:
        """End it."""
        if self._over:
            return []
        self._over = True
        self._transport.open_now -= 1
        self._transport.closed.append(reason)
        events: list[Event] = []
        if self._in_flight is not None:
            events.append(Answered(self._in_flight.delivery, Outcome("unknown", text=reason)))
        back = [message for message in (self._ready, self._coming) if message is not None]
        events += [Answered(message.delivery, Outcome("pending", text=reason)) for message in back]
        self._in_flight = self._ready = self._coming = None
        return events

    def _lose(self, lost: Lost) -> Sequence[Event]:
        return [*self.close(lost.reason), lost]


def make_claimed(id: int = 1, address: str | None = None, **fields: Any) -> Claimed:
    """Return a delivery as a sender claims it, of edition 1 of `daily`."""
    told: dict[str, Any] = {
        "subscription": id,
        "newsletter": "daily",
        "after": 0,
        "upto": 1,
        "tries": 0,
        "address": address or f"reader{id}@example.org",
        "name": "",
        "format": "html",
        "groups": "",
        "origin": "command",
        "since": NOON,
        "confirmed_by": "a test",
        "first_try": None,
    }
    return Claimed(id=id, **{**told, **fields})


def make_outgoing(delivery: Claimed, body: str = "Hello.", sender: str = "digest@example.org") -> Outgoing:
    """Return a small message for a delivery."""
    lines = (
        f"From: {sender}",
        f"To: {delivery.address}",
        f"Subject: {delivery.newsletter} {delivery.upto}",
        f"Message-ID: <{delivery.subscription}.{delivery.upto}@example.org>",
        "",
        body,
    )
    content = "".join(f"{line}\r\n" for line in lines).encode()
    return Outgoing(delivery, sender, delivery.address, (content,))


#: what a normalised id looks like; stable ones carry no version
_NORMAL = {
    "arxiv": r"\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z]{2})?/\d{7}",
    "hf": r"\S+(?<!v\d)(?<!v\d\d)",
    "doi": r"10\.\d{4,9}/[^\sA-Z]+",
    "openreview": r"[\w-]+",
    "pmid": r"[1-9]\d*",
}


def check_source(source: Source, memory: FetchMemory | None = None) -> None:
    """Check that a source keeps its contract: for the tests of a source, ours or a third party's.

    It fetches twice and parses each dump several times, whole and damaged; nothing is stored.

    Args:
        source: what to check; it should have some dumps.
        memory: what it may know of its past; None: it was never read, and it is noon of `DAY`.

    Raises:
        AssertionError: it does not keep it; the message says what is wrong, where.
    """
    memory = memory or Memory()
    name = source.name
    _hold(str(name).strip(), "it has no name")
    _hold(source.name == name, "its name changes from one look to the next")
    _hold(isinstance(source.daily, bool), f"`daily` is {source.daily!r}; it is True or False")
    dumps = _check_fetch(source, memory)
    again = _check_fetch(source, memory)
    names = {dump.sha256: dump.name for dump in dumps}
    for dump in again:
        had = names.get(dump.sha256, dump.name)
        _hold(had == dump.name, f"the same bytes are called {had!r}, then {dump.name!r}")
    for dump in dumps:
        _check_parse(source, dump, memory.now)
    hostile = (b"", b"\x00\xff\xfe\x80", b"[{" * 500, b"<" * 500, "Sm\u00f8rrebr\u00f8d".encode("utf-16"))
    for content in hostile:
        _read(source, Dump(source=name, name="damaged", content=content), memory.now)


def _hold(held: object, otherwise: str) -> None:
    if not held:
        raise AssertionError(otherwise)


def _check_fetch(source: Source, memory: FetchMemory) -> list[Dump]:
    """Return the dumps that it yields."""
    found: list[Dump] = []
    try:
        for got in source.fetch(memory):
            if isinstance(got, Notice):
                _hold(got.note.strip(), f"a notice ({got.status}) says nothing: `note` is for people")
                continue
            _hold(isinstance(got, Dump), f"fetch yields a {type(got).__name__}; it yields Dump or Notice")
            _hold(got.source == source.name, f"dump {got.name!r} says source {got.source!r}, not {source.name!r}")
            _hold(got.name and clean(got.name) == got.name, f"a dump is called {got.name!r}; names are for people")
            _hold((got.date is None) == (got.date_rule is None), f"dump {got.name!r}: date and date_rule go together")
            found.append(got)
    except SourceError as error:
        _hold(str(error).strip(), "fetch raises a SourceError that says nothing")
    except Exception as error:
        raise AssertionError(f"fetch raises {type(error).__name__} ({error}); it may raise SourceError") from error
    return found


def _read(source: Source, dump: Dump, received: datetime) -> Parsed | None:
    """Parse a dump; None where it has no known form."""
    try:
        parsed = source.parse(dump, received)
    except ParseError as error:
        _hold(str(error).strip(), f"dump {dump.name!r}: parse raises a ParseError that says nothing")
        return None
    except Exception as error:
        what = f"parse raises {type(error).__name__} ({error}) on {dump.content[:40]!r}; it may raise ParseError"
        raise AssertionError(f"dump {dump.name!r}: {what}") from error
    _hold(isinstance(parsed, Parsed), f"dump {dump.name!r}: parse returns a {type(parsed).__name__}; it returns Parsed")
    return parsed


def _check_parse(source: Source, dump: Dump, received: datetime) -> None:
    where = f"dump {dump.name!r}"
    parsed = _read(source, dump, received)
    twin = dump.model_copy(update={"content": bytes(bytearray(dump.content))})
    _hold(parsed == _read(source, twin, received), f"{where}: parsed twice, it gives two values; parse must be pure")
    size = len(dump.content)
    for content in (dump.content[: size // 2], dump.content[size // 3 :], dump.content.replace(b"a", b"\xe9")):
        _read(source, dump.model_copy(update={"content": content}), received)
    if parsed is None:
        return
    told = dump.model_copy(update={"date": date(2020, 2, 29), "date_rule": "option"})
    dating = source.parse(told, received).dating
    _hold((dating.date, dating.rule) == (told.date, "option"), f"{where}: a date that a command gives is not taken")
    _check_spans(parsed, dump, where)
    for listing in parsed.listings:
        _check_listing(listing, f"{where}, {listing.span.first} to {listing.span.last}")
    for one in parsed.rejected:
        _hold(one.reason.strip(), f"{where}: {one.span.first} to {one.span.last} is rejected without a reason")


def _check_spans(parsed: Parsed, dump: Dump, where: str) -> None:
    """Spans are apart from each other, and what lies between is blank: nothing is lost, nothing counted twice."""
    spans = [*parsed.header, *(one.span for one in parsed.listings), *(one.span for one in parsed.rejected)]
    spans.sort(key=lambda span: span.first)
    lines = dump.content.decode("utf-8", "replace").splitlines()
    for span in spans:
        _hold(1 <= span.first <= span.last, f"{where}: a span from {span.first} to {span.last}")
    for one, other in pairwise([Span(first=0, last=0), *spans]):
        _hold(one.last < other.first, f"{where}: {other.first} to {min(one.last, other.last)} is read twice")
        lost = [at for at in range(one.last + 1, other.first) if "".join(lines[at - 1 : at]).strip() or at > len(lines)]
        _hold(not lost, f"{where}: {lost[:1]} is in no listing, no rejected span and no header")


def _check_listing(listing: Listing, where: str) -> None:
    """What the stages after parsing rely on."""
    texts = (listing.title, *listing.authors, *listing.keywords, *listing.abstract.split("\n\n"))
    for text in texts if listing.abstract else texts[:-1]:
        _hold(text and clean(text) == text, f"{where}: {text[:60]!r} is empty or not cleaned; use digest.text.clean")
    for alias in listing.ids:
        form = _NORMAL.get(alias.scheme)
        _hold(form, f"{where}: {alias.scheme} is no scheme of a source's ids")
        _hold(re.fullmatch(form or "", alias.value), f"{where}: the id {alias.scheme}:{alias.value} is not normalised")
    for link in listing.links:
        _hold(re.match(r"https?://[^\s/]", link.url), f"{where}: {link.url[:60]!r} is no http(s) address")
    for count in (listing.comments, listing.upvotes, listing.stars, listing.author_count):
        _hold(count is None or count >= 0, f"{where}: a count of {count}")
    for named in (listing.ids, listing.links, listing.categories, listing.keywords):
        _hold(len(set(named)) == len(named), f"{where}: {named} says something twice")
    few = listing.author_count is not None and listing.author_count < len(listing.authors)
    _hold(not few, f"{where}: {listing.author_count} authors, but {len(listing.authors)} names")
    _hold(listing.version is None or listing.version >= 1, f"{where}: version {listing.version}")
