"""What is said of a request that failed: without secrets, with what was tried and what to do. May import errors.

A `Failure` is how the parts of the HTTP client speak among themselves; sources only ever see the SourceError.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit, urlunsplit

from digest.errors import SourceError

#: what stands for a secret
HIDDEN = "…"
_SECRET_NAME = re.compile(
    r"key|token|secret|passw|pwd|auth|sig(nature)?$|session|credential|(^|[_-])(sid|hash|code)$", re.IGNORECASE
)
#: A long run of letters and digits mixed is a key, whatever its name is.
_SECRET_VALUE = re.compile(r"(?=[^&]*\d)(?=[^&]*[A-Za-z])[A-Za-z0-9_~%=-]{24,}")

#: HTTP status -> what to do about it
_ADVICE = {
    401: "it wants a login: check the address in digest.toml",
    403: "the server refuses: check the address, and set `contact` in digest.toml so that it knows who asks",
    404: "check the address in digest.toml",
    406: "the server has no form of it that is asked for: check that the address is the feed's own",
    410: "it was removed for good: take the source out of digest.toml",
    429: "the server is asked too often: run less often; the next run asks again",
}
_TROUBLE = "the server is in trouble; the next run asks again"
_NOT_IT = "the server answers with something else than what was asked for; it may take this program for a robot"
#: Answers after which the same request may succeed a little later (RFC 6585, RFC 9110 section 15.6).
PASSING = frozenset({429, 500, 502, 503, 504})


class Failure(Exception):
    """Why a request failed."""

    def __init__(
        self, what: str, advice: str | None = None, *, again: bool = False, after: float = 0, late: bool = False
    ) -> None:
        """Say why.

        Args:
            what: for people, e.g. `HTTP 429`.
            advice: what to do, where that is known.
            again: whether the same request may succeed a little later.
            after: seconds that the server asks to wait before that.
            late: the time of the whole get is over.
        """
        super().__init__(what)
        self.what = what
        self.advice = advice
        self.again = again
        self.after = after
        self.late = late

    def told(self, url: str, tries: int, seconds: float) -> WebError:
        """Return the error that a source raises for it."""
        tried = f", {tries} tries in {span(seconds)}" if tries > 1 else ""
        return WebError(shown(url), self.what + tried, self.advice)


class WebError(SourceError):
    """There is no answer to use of an address."""

    def __init__(self, url: str, what: str, advice: str | None = None) -> None:
        """Say where, what happened, and what to do about it, where that is known."""
        super().__init__(f"{url}: {what}" + (f"; {advice}" if advice else ""))
        self.url = url
        self.what = what


def late(seconds: float) -> Failure:
    """Return the failure of a get that takes longer than it may."""
    advice = "the next run asks again; a longer `timeout` of the source waits for more"
    return Failure(f"no answer within {span(seconds)}", advice, late=True)


def status(code: int, after: float) -> Failure:
    """Return the failure that a status code is."""
    advice = _ADVICE.get(code) or (_TROUBLE if code >= 500 else None if code >= 300 else _NOT_IT)
    asks = f" (it asks to wait {span(after)})" if after else ""
    return Failure(f"HTTP {code}{asks}", advice, again=code in PASSING, after=after)


def shown(url: str) -> str:
    """Return a URL as a person may see it: no user, no password, no key in its query, no fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that is none"
    host = parts.netloc.rpartition("@")[2]
    query = "&".join(_shown_pair(pair) for pair in parts.query.split("&")) if parts.query else ""
    return urlunsplit((parts.scheme, host, parts.path, query, ""))


def _shown_pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    if equals and value and (_SECRET_NAME.search(name) or _SECRET_VALUE.fullmatch(value)):
        return f"{name}={HIDDEN}"
    return HIDDEN if not equals and _SECRET_VALUE.fullmatch(name) else pair


def span(seconds: float) -> str:
    """Return a duration in its unit: `4 s`, `2 min`, `3 h`."""
    if seconds < 10 and round(seconds, 1) % 1:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def size(count: int) -> str:
    """Return a number of bytes: `1,204 bytes`, `50 MB`."""
    return f"{count // 1_000_000} MB" if count >= 1_000_000 and not count % 1_000_000 else f"{count:,} bytes"


def retry_after(header: str | None, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> float:
    """Return the seconds that a Retry-After header asks to wait (RFC 9110 section 10.2.3), 0 where it asks nothing."""
    text = (header or "").strip()
    if re.fullmatch(r"\d{1,9}", text, re.ASCII):
        return float(text)
    try:
        instant = parsedate_to_datetime(text)
    except ValueError:
        return 0
    instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return max(0.0, (instant - now()).total_seconds())
