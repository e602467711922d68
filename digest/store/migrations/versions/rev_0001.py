"""The first schema.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "dumps",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", _BIG, nullable=False),
        sa.Column("received", sa.String(32), nullable=False),
        sa.Column("told", sa.String(10), nullable=True),
        sa.Column("told_rule", sa.String(20), nullable=True),
        sa.Column("date", sa.String(10), nullable=True),
        sa.Column("date_rule", sa.String(20), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("seq", _BIG, nullable=True),
        sa.Column("mended", _BIG, nullable=True),
        sa.Column("log_end", _BIG, nullable=True),
        sa.Column("announced", sa.Boolean(), nullable=True),
        sa.Column("listed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("new", sa.Integer(), server_default="0", nullable=False),
        sa.Column("revised", sa.Integer(), server_default="0", nullable=False),
        sa.Column("enriched", sa.Integer(), server_default="0", nullable=False),
        sa.Column("seen", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rejected", sa.Integer(), server_default="0", nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dumps"),
        sa.UniqueConstraint("seq", name="uq_dumps_seq"),
        sa.UniqueConstraint("mended", name="uq_dumps_mended"),
        sa.UniqueConstraint("source", "sha256", name="uq_dumps_source"),
    )
    op.create_index("ix_dumps_source_date", "dumps", ["source", "date"])
    op.create_table(
        "memory",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source", "name", name="pk_memory"),
    )
    op.create_table(
        "meta",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_meta"),
    )
    op.create_table(
        "newsletters",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("mark", _BIG, nullable=False),
        sa.Column("feed_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_newsletters"),
    )
    op.create_table(
        "outputs",
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("folder", name="pk_outputs"),
    )
    op.create_table(
        "papers",
        sa.Column("id", _BIG, autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.String(10), nullable=False),
        sa.Column("into", _BIG, nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["into"], ["papers.id"], name="fk_papers_into"),
        sa.PrimaryKeyConstraint("id", name="pk_papers"),
        sa.UniqueConstraint("key", name="uq_papers_key"),
    )
    merged = sa.text('"into" IS NOT NULL')
    op.create_index("ix_papers_into", "papers", ["into"], sqlite_where=merged, postgresql_where=merged)
    op.create_index("ix_papers_first_seen", "papers", ["first_seen"])
    op.create_table(
        "receipts",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("started_at", sa.String(32), nullable=False),
        sa.Column("verdict", sa.String(40), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_receipts"),
    )
    op.create_table(
        "run_lock",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", _BIG, nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("since", sa.String(32), nullable=False),
        sa.Column("expires", sa.String(32), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_run_lock_one")),
        sa.PrimaryKeyConstraint("id", name="pk_run_lock"),
    )
    op.create_table(
        "aliases",
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("scheme", sa.String(20), nullable=False),
        sa.Column("paper", _BIG, nullable=False),
        sa.ForeignKeyConstraint(["paper"], ["papers.id"], name="fk_aliases_paper"),
        sa.PrimaryKeyConstraint("value", "scheme", name="pk_aliases"),
    )
    op.create_table(
        "changes",
        sa.Column("number", _BIG, autoincrement=False, nullable=False),
        sa.Column("paper", _BIG, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("dump", _BIG, nullable=False),
        sa.Column("fields", sa.Text(), nullable=True),
        sa.Column("before_title", sa.Text(), nullable=True),
        sa.Column("before_abstract", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('new', 'revised', 'enriched', 'listed')", name=op.f("ck_changes_kind")),
        sa.ForeignKeyConstraint(["dump"], ["dumps.id"], name="fk_changes_dump"),
        sa.ForeignKeyConstraint(["paper"], ["papers.id"], name="fk_changes_paper"),
        sa.PrimaryKeyConstraint("number", name="pk_changes"),
    )
    op.create_table(
        "decisions",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("seq", _BIG, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("paper", _BIG, nullable=False),
        sa.Column("other", _BIG, nullable=False),
        sa.Column("moved", sa.Text(), nullable=False),
        sa.Column("undone", _BIG, nullable=True),
        sa.CheckConstraint("kind IN ('merge', 'split', 'apart')", name=op.f("ck_decisions_kind")),
        sa.ForeignKeyConstraint(["other"], ["papers.id"], name="fk_decisions_other"),
        sa.ForeignKeyConstraint(["paper"], ["papers.id"], name="fk_decisions_paper"),
        sa.ForeignKeyConstraint(["undone"], ["decisions.id"], name="fk_decisions_undone"),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
        sa.UniqueConstraint("seq", name="uq_decisions_seq"),
    )
    op.create_index("ix_decisions_paper", "decisions", ["paper"])
    op.create_index("ix_decisions_other", "decisions", ["other"])
    op.create_table(
        "editions",
        sa.Column("newsletter", sa.Text(), nullable=False),
        sa.Column("number", _BIG, nullable=False),
        sa.Column("date", sa.String(10), nullable=False),
        sa.Column("instant", sa.String(32), nullable=False),
        sa.Column("after", _BIG, nullable=False),
        sa.Column("upto", _BIG, nullable=False),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["newsletter"], ["newsletters.id"], name="fk_editions_newsletter"),
        sa.PrimaryKeyConstraint("newsletter", "number", name="pk_editions"),
        sa.UniqueConstraint("newsletter", "date", name="uq_editions_newsletter"),
    )
    op.create_table(
        "fetches",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("dump", _BIG, nullable=True),
        sa.Column("sha256", sa.String(64), nullable=True),
        sa.Column("date", sa.String(10), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["dump"], ["dumps.id"], name="fk_fetches_dump"),
        sa.PrimaryKeyConstraint("id", name="pk_fetches"),
    )
    op.create_index("ix_fetches_source_id", "fetches", ["source", "id"])
    op.create_table(
        "rejected",
        sa.Column("dump", _BIG, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["dump"], ["dumps.id"], name="fk_rejected_dump"),
        sa.PrimaryKeyConstraint("dump", "position", name="pk_rejected"),
    )
    op.create_table(
        "searchable",
        sa.Column("paper", _BIG, autoincrement=False, nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["paper"], ["papers.id"], name="fk_searchable_paper"),
        sa.PrimaryKeyConstraint("paper", name="pk_searchable"),
    )
    op.create_table(
        "sketches",
        sa.Column("hash", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("paper", _BIG, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["paper"], ["papers.id"], name="fk_sketches_paper"),
        sa.PrimaryKeyConstraint("hash", "paper", name="pk_sketches"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tags",
        sa.Column("paper", _BIG, nullable=False),
        sa.Column("taxonomy", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["paper"], ["papers.id"], name="fk_tags_paper"),
        sa.PrimaryKeyConstraint("paper", "taxonomy", name="pk_tags"),
    )
    op.create_table(
        "versions",
        sa.Column("id", _BIG, autoincrement=False, nullable=False),
        sa.Column("paper", _BIG, nullable=False),
        sa.Column("title_key", _BIG, nullable=False),
        sa.Column("text_key", _BIG, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("abstract", sa.Text(), nullable=False),
        sa.Column("dump", _BIG, nullable=False),
        sa.ForeignKeyConstraint(["dump"], ["dumps.id"], name="fk_versions_dump"),
        sa.ForeignKeyConstraint(["paper"], ["papers.id"], name="fk_versions_paper"),
        sa.PrimaryKeyConstraint("id", name="pk_versions"),
    )
    op.create_index("ix_versions_paper", "versions", ["paper"])
    op.create_index("ix_versions_title_key", "versions", ["title_key"])
    op.create_table(
        "entries",
        sa.Column("paper", _BIG, nullable=False),
        sa.Column("newsletter", sa.Text(), nullable=False),
        sa.Column("number", _BIG, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.ForeignKeyConstraint(
            ["newsletter", "number"], ["editions.newsletter", "editions.number"], name="fk_entries_newsletter"
        ),
        sa.ForeignKeyConstraint(["paper"], ["papers.id"], name="fk_entries_paper"),
        sa.PrimaryKeyConstraint("paper", "newsletter", "number", name="pk_entries"),
    )
    op.create_table(
        "sightings",
        sa.Column("dump", _BIG, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.Column("paper", _BIG, nullable=False),
        sa.Column("version", _BIG, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("rule", sa.String(12), nullable=False),
        sa.Column("title_score", sa.Float(precision=53), nullable=True),
        sa.Column("abstract_score", sa.Float(precision=53), nullable=True),
        sa.Column("rivals", sa.Text(), nullable=True),
        sa.Column("comments", _BIG, nullable=True),
        sa.Column("upvotes", _BIG, nullable=True),
        sa.Column("stars", _BIG, nullable=True),
        sa.Column("silent", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["dump"], ["dumps.id"], name="fk_sightings_dump"),
        sa.ForeignKeyConstraint(["paper"], ["papers.id"], name="fk_sightings_paper"),
        sa.ForeignKeyConstraint(["version"], ["versions.id"], name="fk_sightings_version"),
        sa.PrimaryKeyConstraint("dump", "position", name="pk_sightings"),
    )
    op.create_index("ix_sightings_paper", "sightings", ["paper", "dump"])
    near = sa.text("rivals IS NOT NULL")
    op.create_index("ix_sightings_rivals", "sightings", ["dump", "position"], sqlite_where=near, postgresql_where=near)
