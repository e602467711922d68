"""Subscribers and deliveries.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables of mail, and let newsletters be paused."""
    op.add_column("newsletters", sa.Column("paused", sa.Boolean(), server_default=sa.false(), nullable=False))
    _people()
    _deliveries()
    op.create_table(
        "senders",
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", _BIG, nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("since", sa.String(32), nullable=False),
        sa.Column("expires", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("token", name="pk_senders"),
    )


def _people() -> None:
    op.create_table(
        "subscribers",
        sa.Column("id", _BIG, autoincrement=False, nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_subscribers"),
        sa.UniqueConstraint("hash", name="uq_subscribers_hash"),
    )
    op.create_table(
        "subscriptions",
        sa.Column("id", _BIG, autoincrement=False, nullable=False),
        sa.Column("newsletter", sa.Text(), nullable=False),
        sa.Column("subscriber", _BIG, nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("mark", _BIG, nullable=False),
        sa.Column("origin", sa.String(10), nullable=False),
        sa.Column("since", sa.String(32), nullable=False),
        sa.Column("confirmed_by", sa.Text(), nullable=True),
        sa.Column("ended", sa.String(32), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("returns", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("format", sa.String(4), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=True),
        sa.Column("cadence", sa.String(4), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=True),
        sa.Column("groups", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "status IN ('unconfirmed', 'confirmed', 'unsubscribed')", name=op.f("ck_subscriptions_status")
        ),
        sa.ForeignKeyConstraint(["newsletter"], ["newsletters.id"], name="fk_subscriptions_newsletter"),
        sa.ForeignKeyConstraint(["subscriber"], ["subscribers.id"], name="fk_subscriptions_subscriber"),
        sa.PrimaryKeyConstraint("id", name="pk_subscriptions"),
        sa.UniqueConstraint("newsletter", "subscriber", name="uq_subscriptions_newsletter"),
    )
    op.create_index("ix_subscriptions_subscriber", "subscriptions", ["subscriber"])
    op.create_table(
        "suppressions",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_suppressions"),
    )


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("newsletter", sa.Text(), nullable=False),
        sa.Column("subscription", _BIG, nullable=False),
        sa.Column("after", _BIG, nullable=False),
        sa.Column("upto", _BIG, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("token", sa.String(32), nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("first_try", sa.String(32), nullable=True),
        sa.Column("not_before", sa.String(32), nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("settled", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'claimed', 'in_flight', 'submitted', 'deferred', 'failed', 'unknown')",
            name=op.f("ck_deliveries_state"),
        ),
        sa.ForeignKeyConstraint(["subscription"], ["subscriptions.id"], name="fk_deliveries_subscription"),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint("subscription", "upto", name="uq_deliveries_subscription"),
    )
    op.create_index("ix_deliveries_newsletter", "deliveries", ["newsletter", "upto"])
    is_open = "state IN ('pending', 'claimed', 'in_flight', 'deferred')"
    _partial("uq_deliveries_open", is_open, "subscription", unique=True)
    _partial("ix_deliveries_waiting", "state IN ('pending', 'deferred')", "not_before", "id")
    _partial("ix_deliveries_held", "token IS NOT NULL", "token")
    _partial("ix_deliveries_handed_over", "state IN ('submitted', 'unknown')", "at")
    _partial("ix_deliveries_unknown", "state = 'unknown'", "newsletter")


def _partial(name: str, condition: str, *columns: str, unique: bool = False) -> None:
    where = sa.text(condition)
    op.create_index(name, "deliveries", [*columns], unique=unique, sqlite_where=where, postgresql_where=where)
