"""Column types that read back equal on every database. May import the ground and SQLAlchemy."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import BigInteger, Integer, String, Text
from sqlalchemy.types import TypeDecorator

#: 64 bits on both databases: SQLite's rowid alias must be spelled INTEGER.
BigInt = BigInteger().with_variant(Integer(), "sqlite")

# PostgreSQL's text holds no NUL and no database holds lone surrogates, but a file name or a broken dump may.
# They are written behind a noncharacter, which Unicode keeps free for such uses (Unicode 16.0, section 23.7).
_MARK = "\U0010ffff"
_ODD = re.compile(f"[\x00\ud800-\udfff{_MARK}]")
_ESCAPED = re.compile(f"{_MARK}([0-9a-f]{{6}})")


def escape(text: str) -> str:
    """Return `text` without the characters that a database refuses; `unescape` is its inverse."""
    if text.isascii() and "\x00" not in text:
        return text
    return _ODD.sub(lambda m: f"{_MARK}{ord(m.group()):06x}", text)


def unescape(text: str) -> str:
    """Return what `escape` was given."""
    if _MARK not in text:
        return text
    return _ESCAPED.sub(lambda m: chr(int(m.group(1), 16)), text)


def instant(value: datetime) -> str:
    """Return an aware instant as it is stored."""
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone: instants are aware")
    return value.astimezone(UTC).isoformat(timespec="microseconds")


class Prose(TypeDecorator[str]):
    """Any Python string, also with NUL and lone surrogates."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        """Escape what the database refuses."""
        return None if value is None else escape(value)

    def process_result_value(self, value: str | None, dialect: Any) -> str | None:
        """Undo the escape."""
        return None if value is None else unescape(value)


class Day(TypeDecorator[date]):
    """A local date, as ISO 8601 text: sorts as the dates do."""

    impl = String(10)
    cache_ok = True

    def process_bind_param(self, value: date | None, dialect: Any) -> str | None:
        """Write `2026-11-20`."""
        return None if value is None else value.isoformat()

    def process_result_value(self, value: str | None, dialect: Any) -> date | None:
        """Read it back."""
        return None if value is None else date.fromisoformat(value)


class Instant(TypeDecorator[datetime]):
    """An aware instant, as ISO 8601 text in UTC of one width: sorts as the instants do."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> str | None:
        """Write `2026-11-20T08:00:00.000000+00:00`."""
        return None if value is None else instant(value)

    def process_result_value(self, value: str | None, dialect: Any) -> datetime | None:
        """Read it back."""
        return None if value is None else datetime.fromisoformat(value)
