"""The way from every released schema to the present one, run by Alembic. May import Alembic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: the newest revision; revisions are numbers of four digits, so that an older program knows a newer store
HEAD = "0005"


def upgrade(connection: Connection, target: str = "head") -> None:
    """Run the migrations that the database lacks, in the transaction that is open on `connection`."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, target)
