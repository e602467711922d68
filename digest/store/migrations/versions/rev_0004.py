"""Deliveries that came back; what waits, by newsletter, so that nobody passes over what a paused one has.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let deliveries say that they came back, and know what waits by newsletter; no row is written."""
    op.drop_index("ix_deliveries_waiting", "deliveries")
    where = sa.text("state IN ('pending', 'deferred')")
    op.create_index(
        "ix_deliveries_waiting",
        "deliveries",
        ["newsletter", "not_before", "id"],
        sqlite_where=where,
        postgresql_where=where,
    )
    op.add_column("deliveries", sa.Column("returned", sa.String(32), nullable=True))
    op.add_column("deliveries", sa.Column("returned_as", sa.String(10), nullable=True))
    op.add_column("deliveries", sa.Column("returned_note", sa.Text(), nullable=True))
    where = sa.text("returned IS NOT NULL")
    op.create_index(
        "ix_deliveries_returned", "deliveries", ["newsletter", "upto"], sqlite_where=where, postgresql_where=where
    )
