"""Whether readers can leave: the unsubscribe URL answers, or mail does. May import findings."""

from __future__ import annotations

from collections.abc import Iterator

from digest.doctor.findings import Finding, fail, fine, warn

AREA = "unsubscribe"
#: seconds for the answer
TIMEOUT = 10.0
#: readers from which Gmail and Yahoo want one-click links (RFC 8058) of who mails to them in a day
_MANY = 5000
#: a token of nobody: asking for it can end no subscription, and a GET must not anyway (RFC 8058 section 3.1)
_NOBODY = "digest-doctor"
_REMEDY = "mend it before the next mail: readers who cannot leave report spam"


def by_url(url: str, timeout: float = TIMEOUT) -> Iterator[Finding]:
    """Ask the URL with a token of nobody, and yield how it answers."""
    import httpx

    if not url.startswith("https://"):
        yield fail(AREA, f"{url} is not https: one-click unsubscribing is not offered to readers", "serve it by https")
        return
    try:
        answer = httpx.get(url.replace("{token}", _NOBODY), timeout=timeout, follow_redirects=True)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        said = str(error) or type(error).__name__
        yield fail(AREA, f"{url} does not answer: {said}", _REMEDY)
        return
    yield _answered(url, answer.status_code)


def _answered(url: str, code: int) -> Finding:
    if code >= 500:
        return fail(AREA, f"{url} answers HTTP {code}", _REMEDY)
    if code >= 400:
        what = f"{url} answers HTTP {code} to a token of nobody: right only if it knows its tokens"
        return warn(AREA, what, "subscribe an address of yours, and open the link of its mail once")
    return fine(AREA, f"{url} answers HTTP {code}")


def by_mail(address: str, readers: int) -> Finding:
    """Return how readers leave without a URL."""
    told = f"by mail to {address}, which somebody has to read"
    if readers >= _MANY:
        what = f"{told}; with {readers:,} readers Gmail and Yahoo want one-click links"
        return warn(AREA, what, 'say unsubscribe_url = "https://.../{token}"')
    return fine(AREA, told if readers else "you are the one reader: there is nobody to leave")
