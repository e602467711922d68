"""Papers are found by other parts of their texts: long words and what follows them.

Revision ID: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
#: texts that are read at a time: their values are written in the order of the key, so pages of the table are met once
_PORTION = 20_000


def upgrade() -> None:
    """Sketch every text anew; a million papers take minutes."""
    # as of today, not as of this revision: values of an older form would find nothing
    from digest import text
    from digest.logs import logger
    from digest.store.commit import write_sketches
    from digest.store.types import unescape

    connection = op.get_bind()
    op.drop_table("sketches")
    op.create_table(
        "sketches",
        sa.Column("hash", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("paper", _BIG, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("hash", "paper", name="pk_sketches"),
        sqlite_with_rowid=False,
    )
    query = sa.text("SELECT id, paper, title, abstract FROM versions WHERE id > :last ORDER BY id LIMIT :portion")
    last = 0
    while rows := connection.execute(query, {"last": last, "portion": _PORTION}).all():
        sketched: dict[int, list[int]] = {}
        for last, paper, title, abstract in rows:  # noqa: B007 - where the next portion begins
            for value in text.sketch(unescape(title), unescape(abstract)):
                sketched.setdefault(value, []).append(paper)
        write_sketches(connection, sketched)
        logger().info("texts sketched anew", upto=last)
