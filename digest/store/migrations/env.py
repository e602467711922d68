"""What Alembic runs: the migrations, on the connection it was handed. May import the schema and Alembic."""

from __future__ import annotations

from alembic import context

from digest.store import schema


def _run() -> None:
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=schema.metadata,
        version_table=schema.revision.name,
        # SQLite alters tables by copying them
        render_as_batch=True,
    )
    # the caller's transaction is open, and holds the lock under which schemas change
    context.run_migrations()


_run()
