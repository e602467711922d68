"""A list of feeds in OPML (http://opml.org/spec2.opml), from a file or the web: one source of all their items.

One feed that fails stops no other, and is named with its reason. May import protocols, models, errors and the kind
`feed`.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from digest.errors import PartlyReadError, SourceError
from digest.models import Dump, Notice, Parsed
from digest.protocols import FetchMemory
from digest.sources import Kind, SourceSettings, feed
from digest.sources.base import WebSettings, WebSource
from digest.sources.decoding import decode
from digest.sources.http_words import WebError, shown
from digest.text import clean, count_noun, shorten

if TYPE_CHECKING:
    from digest.sources.http import Http

#: hosts that are asked at once
THREADS = 16
#: feeds that one list may have
MOST = 5_000
#: feeds that a message names for one reason
_NAMED = 5
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_OUTLINE = re.compile(r"<outline\b((?:[^<>\"']++|\"[^\"<]*+\"|'[^'<]*+')*+)>", re.IGNORECASE)
_URL = re.compile(r"(?<![\w:-])xmlUrl\s*=\s*(?:\"([^\"<]*)\"|'([^'<]*)')", re.IGNORECASE)
_NAMES = re.compile(r"(?<![\w:-])(?:text|title)\s*=\s*(?:\"([^\"<]*)\"|'([^'<]*)')", re.IGNORECASE)
_TYPE = re.compile(r"(?<![\w:-])type\s*=\s*[\"']\s*(\w+)", re.IGNORECASE)


class OpmlSettings(WebSettings):
    """A `[[sources]]` table of kind `opml`."""

    kind: Literal["opml"] = "opml"
    name: str = "opml"
    #: a file, relative to the folder of digest.toml, or an http(s) address
    path: str


class OpmlSource(WebSource[OpmlSettings]):
    """All feeds of a list."""

    def __init__(self, settings: OpmlSettings, root: Path, http: Http | None = None) -> None:
        """Prepare; nothing is read yet.

        Args:
            settings: name, and where the list is.
            root: where a relative path starts.
            http: the way to the web; None: the one that all sources share.
        """
        super().__init__(settings, http)
        self._root = root

    @property
    def host(self) -> str:
        """Many hosts: it waits for no other source, and none for it."""
        return f"opml {self.name}"

    def fetch(self, memory: FetchMemory) -> Iterator[Dump | Notice]:
        """Yield every feed of the list that has something, in its order, then how many have nothing.

        Raises:
            SourceError: the list cannot be read, or no feed of it.
            PartlyReadError: after all others were yielded: some feeds cannot be read.
        """
        names = feeds(self._list())
        if not names:
            raise SourceError(f"source {self.name}: {self._settings.path} names no feeds: no outline has an xmlUrl")
        failed: dict[str, SourceError] = {}
        quiet: Counter[str] = Counter()
        for url, given in _all(self.web, self.name, list(names), memory):
            if isinstance(given, Dump):
                yield given
            elif isinstance(given, Notice):
                quiet["unchanged" if given.status == "unchanged" else "empty"] += 1
            else:
                failed[url] = given
        if quiet:
            yield _summed(quiet, len(names), memory.now)
        if failed:
            of = f"{len(failed)} of {count_noun(len(names), 'feed')}"
            kind = SourceError if len(failed) == len(names) else PartlyReadError
            raise kind(f"source {self.name}: {of} failed: {_told(failed, names)}")

    def parse(self, dump: Dump, received: datetime) -> Parsed:
        """Read one of the feeds.

        Raises:
            ParseError: it is none.
        """
        return feed.parse(dump, received)

    def _list(self) -> str:
        where = self._settings.path
        if re.match(r"https?://", where):
            return decode(self.web().get(where, accept="text/x-opml, application/xml, */*;q=0.5").content)
        path = self._root / Path(where).expanduser()
        try:
            return decode(path.read_bytes())
        except OSError as error:
            raise SourceError(
                f"source {self.name}: {path}: {error.strerror or error}; create it, or correct `path`"
            ) from error


def feeds(text: str) -> dict[str, str]:
    """Return the addresses of the feeds in a list, each once, in its order, with their names.

    Also where the list is not well-formed. A feed that it gives no name is called by its address.
    """
    found: dict[str, str] = {}
    for outline in _OUTLINE.findall(_COMMENT.sub("", text)):
        url, kind, named = _URL.search(outline), _TYPE.search(outline), _NAMES.search(outline)
        if url and (kind is None or kind[1].lower() not in ("link", "include")):
            address = re.sub(r"^feed:(?://)?(?=https?:)|^feed(?=://)", _as_http, _text(url))
            found.setdefault(address, clean(_text(named)) if named else "")
    return {url: shorten(name, 40) or shown(url) for url, name in list(found.items())[:MOST] if url}


def _text(attribute: re.Match[str]) -> str:
    return html.unescape(attribute[1] if attribute[1] is not None else attribute[2]).strip()


def _told(failed: Mapping[str, SourceError], names: Mapping[str, str]) -> str:
    """Say which feeds failed, each reason once: `A Blog: HTTP 404; A Journal, B Journal and 3 more: no answer`."""
    reasons: dict[str, list[str]] = {}
    for url, error in failed.items():
        reason = error.what if isinstance(error, WebError) else str(error).rpartition(f"{shown(url)} ")[2]
        reasons.setdefault(reason, []).append(names[url])
    return "; ".join(f"{_some(feeds)}: {reason}" for reason, feeds in reasons.items())


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _as_http(scheme: re.Match[str]) -> str:
    """Read `feed:https://...` and `feed://...`, as old readers wrote them."""
    return "http" if scheme.group() == "feed" else ""


def _all(
    web: Callable[[], Http], source: str, urls: Sequence[str], memory: FetchMemory
) -> Iterator[tuple[str, Dump | Notice | SourceError]]:
    """Ask for all feeds: many hosts at once, those of one host one after the other; give them in the list's order."""
    hosts: dict[str, list[str]] = {}
    for url in urls:
        hosts.setdefault(feed.host_of(url), []).append(url)

    def one_host(group: Sequence[str]) -> dict[str, Dump | Notice | SourceError]:
        http = web()
        left = SourceError("not asked after that")
        return {url: left if http.exhausted else _one(http, source, url, memory) for url in group}

    pool = ThreadPoolExecutor(min(THREADS, len(hosts)), thread_name_prefix="opml")
    try:
        answers = {host: pool.submit(one_host, group) for host, group in hosts.items()}
        for url in urls:
            yield url, answers[feed.host_of(url)].result().pop(url)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _one(http: Http, source: str, url: str, memory: FetchMemory) -> Dump | Notice | SourceError:
    try:
        return feed.ask(http, source, url, memory)
    except SourceError as error:
        return error


def _summed(quiet: Counter[str], count: int, now: datetime) -> Notice:
    """Say how many feeds have nothing."""
    told = " and ".join(f"{quiet[what]} {what}" for what in ("unchanged", "empty") if quiet[what])
    status: Literal["unchanged", "empty"] = "unchanged" if quiet["unchanged"] else "empty"
    return Notice(status=status, note=f"of {count_noun(count, 'feed')} {told}", date=now.astimezone(UTC).date())


def _open(settings: SourceSettings, root: Path) -> OpmlSource:
    assert isinstance(settings, OpmlSettings), "the registry hands a kind its own settings"
    return OpmlSource(settings, root)


KIND = Kind(OpmlSettings, _open)
