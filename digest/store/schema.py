"""The tables: one schema for SQLite and PostgreSQL. May import the column types and SQLAlchemy.

Numbers that readers follow (`dumps.seq`, `changes.number`, ids of papers and versions) are given by the writing
transaction as last + 1 under the write lock, never by a sequence: they have no gaps and become visible in order.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from digest.store.types import BigInt, Day, Instant, Prose

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def _tally(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")


#: one row a fact about the store itself; this table is what a PostgreSQL writer locks
meta = Table(
    "meta",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)

#: the revision of the schema, as Alembic keeps it
revision = Table(
    "schema_revision",
    metadata,
    Column("version_num", String(32), nullable=False),
    # the name Alembic gives it
    PrimaryKeyConstraint("version_num", name="schema_revision_pkc"),
)

dumps = Table(
    "dumps",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("source", Prose, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("name", Prose, nullable=False),
    Column("size", BigInt, nullable=False),
    Column("received", Instant, nullable=False),
    #: the date a command or the source's own clock gave it
    Column("told", Day),
    Column("told_rule", String(20)),
    # From here on null until tx 2
    Column("date", Day),
    Column("date_rule", String(20)),
    Column("note", Prose),
    #: which commit it was
    Column("seq", BigInt, unique=True),
    #: which commit last mended it: it was read again, with a reader that knows more
    Column("mended", BigInt, unique=True),
    #: number of the newest change after that commit
    Column("log_end", BigInt),
    #: whether its changes were logged; false for a baseline
    Column("announced", Boolean),
    _tally("listed"),
    _tally("new"),
    _tally("revised"),
    _tally("enriched"),
    _tally("seen"),
    _tally("rejected"),
    #: zlib; the last column, for SQLite walks over it to reach those behind
    Column("raw", LargeBinary, nullable=False),
    UniqueConstraint("source", "sha256"),
)
Index("ix_dumps_source_date", dumps.c.source, dumps.c.date)

#: every fetch, also of known bytes and those that brought nothing
fetches = Table(
    "fetches",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("source", Prose, nullable=False),
    Column("at", Instant, nullable=False),
    Column("dump", ForeignKey(dumps.c.id)),
    Column("sha256", String(64)),
    #: the date that the fetch told, not the one decided
    Column("date", Day),
    Column("status", Prose, nullable=False),
    Column("note", Prose),
)
Index("ix_fetches_source_id", fetches.c.source, fetches.c.id)

#: what sources want to recall at their next fetch: validators, pages had
memory = Table(
    "memory",
    metadata,
    Column("source", Prose, primary_key=True),
    Column("name", Prose, primary_key=True),
    Column("value", Prose, nullable=False),
)

rejected = Table(
    "rejected",
    metadata,
    Column("dump", ForeignKey(dumps.c.id), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("first", Integer, nullable=False),
    Column("last", Integer, nullable=False),
    Column("reason", Prose, nullable=False),
    Column("text", Prose, nullable=False),
)

papers = Table(
    "papers",
    metadata,
    Column("id", BigInt, primary_key=True, autoincrement=False),
    Column("key", Prose, nullable=False, unique=True),
    Column("first_seen", Day, nullable=False, index=True),
    #: the paper that it was merged into; its rows are that one's
    Column("into", ForeignKey("papers.id")),
    #: the whole Paper as JSON
    Column("data", Text, nullable=False),
)
_merged = papers.c.into.is_not(None)
Index("ix_papers_into", papers.c.into, sqlite_where=_merged, postgresql_where=_merged)

#: folded title and abstract, for searching; apart, so that reading papers does not read them
searchable = Table(
    "searchable",
    metadata,
    Column("paper", ForeignKey(papers.c.id), primary_key=True, autoincrement=False),
    Column("folded", Prose, nullable=False),
)

aliases = Table(
    "aliases",
    metadata,
    Column("value", Prose, primary_key=True),
    Column("scheme", String(20), primary_key=True),
    Column("paper", ForeignKey(papers.c.id), nullable=False),
)

#: every text a paper was listed under or came to have
versions = Table(
    "versions",
    metadata,
    Column("id", BigInt, primary_key=True, autoincrement=False),
    Column("paper", ForeignKey(papers.c.id), nullable=False, index=True),
    #: key64 of the compact title
    Column("title_key", BigInt, nullable=False, index=True),
    #: key64 of title and abstract
    Column("text_key", BigInt, nullable=False),
    Column("title", Prose, nullable=False),
    Column("abstract", Prose, nullable=False),
    Column("dump", ForeignKey(dumps.c.id), nullable=False),
)

#: values of which papers with near texts share some (`text.sketch`); one that many share is kept for the first of them.
#: They follow from the texts, and are ten a paper: no foreign key, which would be looked up for each
sketches = Table(
    "sketches",
    metadata,
    Column("hash", BigInteger, primary_key=True, autoincrement=False),
    Column("paper", BigInt, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

#: every listing of every committed dump, with the decision that attached it to its paper
sightings = Table(
    "sightings",
    metadata,
    Column("dump", ForeignKey(dumps.c.id), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("first", Integer, nullable=False),
    Column("last", Integer, nullable=False),
    Column("paper", ForeignKey(papers.c.id), nullable=False),
    #: the text it was listed under
    Column("version", ForeignKey(versions.c.id), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("rule", String(12), nullable=False),
    Column("title_score", Float(53)),
    Column("abstract_score", Float(53)),
    #: JSON list of the keys that came near
    Column("rivals", Text),
    Column("comments", BigInt),
    Column("upvotes", BigInt),
    Column("stars", BigInt),
    #: true: a replacement of a paper that was never announced
    Column("silent", Boolean, nullable=False),
)
Index("ix_sightings_paper", sightings.c.paper, sightings.c.dump)
_near = sightings.c.rivals.is_not(None)
Index("ix_sightings_rivals", sightings.c.dump, sightings.c.position, sqlite_where=_near, postgresql_where=_near)

#: what people decided about identity; `undone` is the decision that took it back
decisions = Table(
    "decisions",
    metadata,
    Column("id", BigInt, primary_key=True),
    #: which commit it was, among those of dumps
    Column("seq", BigInt, nullable=False, unique=True),
    Column("at", Instant, nullable=False),
    Column("by", Prose, nullable=False),
    Column("kind", String(10), nullable=False),
    #: the paper that stayed, and the other side
    Column("paper", ForeignKey(papers.c.id), nullable=False, index=True),
    Column("other", ForeignKey(papers.c.id), nullable=False, index=True),
    #: what moved, as JSON, so that it can be taken back
    Column("moved", Text, nullable=False),
    Column("undone", ForeignKey("decisions.id")),
    CheckConstraint("kind IN ('merge', 'split', 'apart')", name="kind"),
)

#: the append-only log; `listed`: first seen at this source, though known from another
changes = Table(
    "changes",
    metadata,
    Column("number", BigInt, primary_key=True, autoincrement=False),
    Column("paper", ForeignKey(papers.c.id), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("source", Prose, nullable=False),
    Column("dump", ForeignKey(dumps.c.id), nullable=False),
    #: JSON list of the fields that changed
    Column("fields", Text),
    Column("before_title", Prose),
    Column("before_abstract", Prose),
    CheckConstraint("kind IN ('new', 'revised', 'enriched', 'listed')", name="kind"),
)

tags = Table(
    "tags",
    metadata,
    Column("paper", ForeignKey(papers.c.id), primary_key=True),
    Column("taxonomy", Prose, primary_key=True),
    #: JSON list of Tag
    Column("tags", Text, nullable=False),
)

newsletters = Table(
    "newsletters",
    metadata,
    Column("id", Prose, primary_key=True),
    #: number of the last change that an edition covers
    Column("mark", BigInt, nullable=False),
    Column("feed_id", Prose),
    #: whether nobody makes or claims deliveries of it
    Column("paused", Boolean, nullable=False, server_default=false()),
)

editions = Table(
    "editions",
    metadata,
    Column("newsletter", ForeignKey(newsletters.c.id), primary_key=True),
    Column("number", BigInt, primary_key=True),
    Column("date", Day, nullable=False),
    Column("instant", Instant, nullable=False),
    #: the interval of the log it covers: after < number <= upto
    Column("after", BigInt, nullable=False),
    Column("upto", BigInt, nullable=False),
    #: the canonical JSON
    Column("snapshot", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    UniqueConstraint("newsletter", "date"),
)

entries = Table(
    "entries",
    metadata,
    Column("paper", ForeignKey(papers.c.id), primary_key=True),
    Column("newsletter", Prose, primary_key=True),
    Column("number", BigInt, primary_key=True),
    Column("kind", String(10), nullable=False),
    ForeignKeyConstraint(["newsletter", "number"], [editions.c.newsletter, editions.c.number]),
)

receipts = Table(
    "receipts",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("started_at", Instant, nullable=False),
    Column("verdict", String(40), nullable=False),
    Column("data", Text, nullable=False),
)

run_lock = Table(
    "run_lock",
    metadata,
    #: there is one
    Column("id", Integer, primary_key=True, autoincrement=False),
    #: unguessable, so that a holder lets go of its own lock only
    Column("token", String(32), nullable=False),
    Column("owner", Prose, nullable=False),
    #: host, boot and process namespace: where `pid` means something
    Column("machine", Prose, nullable=False),
    Column("host", Prose, nullable=False),
    Column("pid", BigInt, nullable=False),
    #: when the process began, as its system counts
    Column("process", Prose, nullable=False),
    Column("since", Instant, nullable=False),
    Column("expires", Instant, nullable=False),
    CheckConstraint("id = 1", name="one"),
)

leases = Table(
    "leases",
    metadata,
    #: of the work, e.g. `scheduler`
    Column("name", String(32), primary_key=True),
    #: these are as in run_lock
    Column("token", String(32), nullable=False),
    Column("owner", Prose, nullable=False),
    Column("machine", Prose, nullable=False),
    Column("host", Prose, nullable=False),
    Column("pid", BigInt, nullable=False),
    Column("process", Prose, nullable=False),
    Column("since", Instant, nullable=False),
    Column("expires", Instant, nullable=False),
)

outputs = Table(
    "outputs",
    metadata,
    Column("folder", Prose, primary_key=True),
    Column("state", LargeBinary, nullable=False),
)

#: people; one who was forgotten is a hash alone
subscribers = Table(
    "subscribers",
    metadata,
    Column("id", BigInt, primary_key=True, autoincrement=False),
    Column("address", Prose),
    #: keyed with the secret of the store (`secret.address_hash`)
    Column("hash", String(64), nullable=False, unique=True),
    Column("name", Prose, nullable=False),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", BigInt, primary_key=True, autoincrement=False),
    Column("newsletter", ForeignKey(newsletters.c.id), nullable=False),
    Column("subscriber", ForeignKey(subscribers.c.id), nullable=False, index=True),
    Column("status", String(12), nullable=False),
    #: number of the last edition that she was served; no index holds it, for each delivery moves it
    Column("mark", BigInt, nullable=False),
    Column("origin", String(10), nullable=False),
    Column("since", Instant, nullable=False),
    Column("confirmed_by", Prose),
    Column("ended", Instant),
    Column("why", Prose),
    #: whether it ended only because the file named her no more
    Column("returns", Boolean, nullable=False, server_default=false()),
    Column("format", String(4), nullable=False),
    Column("timezone", Prose),
    Column("cadence", String(4), nullable=False),
    Column("hour", Integer),
    #: names with commas between them
    Column("groups", Prose, nullable=False),
    UniqueConstraint("newsletter", "subscriber"),
    CheckConstraint("status IN ('unconfirmed', 'confirmed', 'unsubscribed')", name="status"),
)

#: addresses that nothing goes to; they outlive the subscriber
suppressions = Table(
    "suppressions",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("reason", Prose, nullable=False),
    Column("at", Instant, nullable=False),
    Column("evidence", Prose, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", BigInt, primary_key=True),
    #: its subscription's
    Column("newsletter", Prose, nullable=False),
    Column("subscription", ForeignKey(subscriptions.c.id), nullable=False),
    Column("after", BigInt, nullable=False),
    Column("upto", BigInt, nullable=False),
    Column("state", String(10), nullable=False),
    #: the sender's that holds it, while one does
    Column("token", String(32)),
    Column("tries", Integer, nullable=False, server_default="0"),
    #: when it came into its state
    Column("at", Instant, nullable=False),
    Column("first_try", Instant),
    Column("not_before", Instant, nullable=False),
    Column("code", Integer),
    Column("note", Prose),
    #: of an unknown one: whether a person looked at it and left it
    Column("settled", Boolean, nullable=False, server_default=false()),
    #: when it was read that it came back, as what (ReturnKind), and what was said then
    Column("returned", Instant),
    Column("returned_as", String(10)),
    Column("returned_note", Prose),
    UniqueConstraint("subscription", "upto"),
    CheckConstraint(
        "state IN ('pending', 'claimed', 'in_flight', 'submitted', 'deferred', 'failed', 'unknown')", name="state"
    ),
)
Index("ix_deliveries_newsletter", deliveries.c.newsletter, deliveries.c.upto)


def _partial(name: str, condition: str, *columns: Column[Any], unique: bool = False) -> None:
    """Add an index of the deliveries in some states; statements that rely on it repeat the condition's very words."""
    Index(name, *columns, unique=unique, sqlite_where=text(condition), postgresql_where=text(condition))


#: the conditions of the partial indexes of deliveries
OPEN = "state IN ('pending', 'claimed', 'in_flight', 'deferred')"
WAITING = "state IN ('pending', 'deferred')"
HELD = "token IS NOT NULL"
HANDED_OVER = "state IN ('submitted', 'unknown')"
UNKNOWN = "state = 'unknown'"
RETURNED = "returned IS NOT NULL"

_partial("uq_deliveries_open", OPEN, deliveries.c.subscription, unique=True)
_partial("ix_deliveries_waiting", WAITING, deliveries.c.newsletter, deliveries.c.not_before, deliveries.c.id)
_partial("ix_deliveries_held", HELD, deliveries.c.token)
_partial("ix_deliveries_handed_over", HANDED_OVER, deliveries.c.at)
_partial("ix_deliveries_unknown", UNKNOWN, deliveries.c.newsletter)
_partial("ix_deliveries_returned", RETURNED, deliveries.c.newsletter, deliveries.c.upto)

#: final deliveries that are there no more, counted by the last edition in them
tidied = Table(
    "tidied",
    metadata,
    Column("newsletter", Prose, primary_key=True),
    Column("upto", BigInt, primary_key=True, autoincrement=False),
    _tally("submitted"),
    _tally("failed"),
    #: a person had left them so
    _tally("unknown"),
)

#: who takes deliveries out now, each with a lease that it renews
senders = Table(
    "senders",
    metadata,
    Column("token", String(32), primary_key=True),
    Column("owner", Prose, nullable=False),
    #: these are as in run_lock
    Column("machine", Prose, nullable=False),
    Column("host", Prose, nullable=False),
    Column("pid", BigInt, nullable=False),
    Column("process", Prose, nullable=False),
    Column("since", Instant, nullable=False),
    Column("expires", Instant, nullable=False),
)
