"""Every path, URL and id of the system. Rendering writes them, web and bounces read them.

Paths are relative to the output folder and always end in a file name, so that a static host and a file browser
both serve them. Pure; may import models.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b32decode, b32encode
from binascii import Error as NotBase32
from datetime import UTC, date
from typing import Literal
from urllib.parse import quote, quote_plus, urlsplit

from digest.models import Alias, Edition, Paper

#: First path parts that no newsletter may be called.
RESERVED = frozenset({"papers", "tags", "feeds", "index.html", "feeds.html", "feeds.opml"})

INDEX = "index.html"
FEEDS = "feeds.html"
OPML = "feeds.opml"

#: what a token lets its bearer do: end a subscription, tell of a delivery that came back
Purpose = Literal["unsubscribe", "bounce"]

#: what a token looks like: the proof and a number of 1 to 8 bytes, in base32
TOKEN = r"[A-Za-z2-7]{18,29}"  # noqa: S105 -- a pattern
_UNSAFE = re.compile(r"[^A-Za-z0-9.-]")
#: bytes of a token that prove it: 80 bits
_PROOF = 10
#: a number has at most so many bytes
_NUMBER = 8
#: schemes by how well they name a work to a reader
_ORDER = ("arxiv", "hf", "openreview", "doi", "pmid")


def safe(text: str) -> str:
    """Return `text` as one path part: letters, digits, `.` and `-` stay, others become `~XX` of their UTF-8."""
    return _UNSAFE.sub(lambda m: "".join(f"~{byte:02X}" for byte in m.group().encode()), text).replace("..", "~2E~2E")


def newsletter_page(newsletter: str) -> str:
    """Return the path of a newsletter's archive."""
    return f"{newsletter}/index.html"


def edition_folder(newsletter: str, day: date) -> str:
    """Return the folder of an edition's files."""
    return f"{newsletter}/{day.isoformat()}"


def edition_files(newsletter: str, day: date) -> tuple[str, ...]:
    """Return the paths of the four files of an edition: page, mail as HTML, as text, as message."""
    folder = edition_folder(newsletter, day)
    return tuple(f"{folder}/{name}" for name in ("index.html", "mail.html", "mail.txt", "mail.eml"))


def edition_page(newsletter: str, day: date) -> str:
    """Return the path of an edition's page."""
    return f"{edition_folder(newsletter, day)}/index.html"


def feed_paths(folder: str) -> tuple[str, str, str]:
    """Return the paths of the RSS, Atom and JSON feed in `folder`."""
    return f"{folder}/rss.xml", f"{folder}/atom.xml", f"{folder}/feed.json"


def papers_folder(newsletter: str) -> str:
    """Return the folder of a newsletter's feeds of papers."""
    return f"{newsletter}/papers"


def tag_folder(newsletter: str, tag: str) -> str:
    """Return the folder of a tag's page and feeds."""
    return f"{newsletter}/tags/{safe(tag)}"


def tag_page(newsletter: str, tag: str) -> str:
    """Return the path of a tag's page."""
    return f"{tag_folder(newsletter, tag)}/index.html"


def paper_page(key: str) -> str:
    """Return the path of a paper's page."""
    return f"papers/{safe(key)}/index.html"


def relative(target: str, base: str) -> str:
    """Return the relative URL from the page at `base` to the one at `target`."""
    here, there = base.split("/")[:-1], target.split("/")
    shared = 0
    while shared < min(len(here), len(there) - 1) and here[shared] == there[shared]:
        shared += 1
    return "/".join([".."] * (len(here) - shared) + there[shared:])


def absolute(base_url: str, path: str) -> str:
    """Return the absolute URL of `path`; a page called index.html is named by its folder."""
    path = path.removesuffix("index.html")
    return f"{base_url.rstrip('/')}/{path}"


def work_url(paper: Paper) -> str | None:
    """Return where the work itself is: its own link, else the page of its best id; None where neither is known."""
    for link in paper.links:
        if link.rel == "work":
            return link.url
    by_scheme = {alias.scheme: alias for alias in paper.ids}
    for scheme in _ORDER:
        if scheme in by_scheme:
            return alias_url(by_scheme[scheme])
    return None


def alias_url(alias: Alias) -> str | None:
    """Return the page of an id at its registry."""
    match alias.scheme:
        case "arxiv":
            return f"https://arxiv.org/abs/{alias.value}"
        case "hf":
            return f"https://huggingface.co/papers/{alias.value}"
        case "openreview":
            return f"https://openreview.net/forum?id={quote_plus(alias.value)}"
        case "doi":
            return f"https://doi.org/{quote_plus(alias.value, safe='/')}"
        case "pmid":
            return f"https://pubmed.ncbi.nlm.nih.gov/{alias.value}/"
        case _:
            return None


_CODE = re.compile(r"https?://(?:www\.)?(?:github\.com|gitlab\.com|bitbucket\.org)/[\w.~%-]+/[\w.~%-]*[\w~%-]")


def code_in(abstract: str) -> str | None:
    """Return the first address of a code repository that an abstract gives; None without one."""
    found = _CODE.search(abstract)
    return found.group() if found else None


def find_on_arxiv(title: str) -> str:
    """Return a search for a title on arXiv, for papers whose id is not known."""
    return f"https://arxiv.org/search/?query={quote_plus(title)}&searchtype=title"


def title_url(edition: Edition, paper: Paper) -> str | None:
    """Return where a title in a mail or feed links to: its page if there is a site, else the work, else nowhere."""
    if edition.base_url:
        return absolute(edition.base_url, paper_page(paper.key))
    return work_url(paper)


def feed_authority(newsletter: str, base_url: str | None, year: int) -> str:
    """Return the `tag:` URI (RFC 4151) that all ids of a newsletter begin with; made once, then stored."""
    host = (urlsplit(base_url).hostname if base_url else None) or "digest.invalid"
    return f"tag:{host},{year}:{newsletter}"


def edition_id(feed_id: str, day: date) -> str:
    """Return the feed id of an edition."""
    return f"{feed_id}/{day.isoformat()}"


def paper_id(feed_id: str, key: str) -> str:
    """Return the feed id of a paper."""
    return f"{feed_id}/paper/{safe(key)}"


def message_id(edition: Edition) -> str:
    """Return the Message-ID of an edition's public message (RFC 5322): stable, unique, without a person."""
    seed = f"{edition.feed_id}\n{edition.date.isoformat()}\n{edition.number}".encode()
    name = f"{edition.newsletter}.{edition.date.isoformat()}.{hashlib.sha256(seed).hexdigest()[:16]}"
    return f"<{name}@{feed_host(edition)}>"


def feed_host(edition: Edition) -> str:
    """Return the host that names a newsletter in its feed ids: `digest.invalid` where it began without a site."""
    return edition.feed_id.removeprefix("tag:").partition(",")[0]


def list_id(edition: Edition) -> str:
    """Return the List-Id of a newsletter (RFC 2919)."""
    return f"<{edition.newsletter}.{feed_host(edition)}>"


def seal(edition: Edition) -> str:
    """Return what tells an edition from another of its number: a store that was restored gives numbers again.

    Made of what stays whatever becomes of papers and of the program: when it came out, and whose papers it has.
    """
    instant = edition.instant.astimezone(UTC).isoformat(timespec="microseconds")
    told = "\n".join([edition.date.isoformat(), instant, *sorted(entry.paper.key for entry in edition.entries)])
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def delivery_message_id(host: str, newsletter: str, subscription: int, upto: int, seal: str, secret: bytes) -> str:
    """Return the Message-ID of the mail that brings a subscription up to an edition, at each try the same.

    Nobody without the secret learns from it whose it is, or whether two are one reader's. Another edition has another
    one, also under the same number: mail programs show only the first of two mails with one Message-ID.

    Args:
        host: names who sends.
        newsletter: whose.
        subscription: id of the row.
        upto: number of the edition.
        seal: the edition's, which stands before the proof.
        secret: the store's.
    """
    proof = hmac.digest(secret, b"message:%d:%d:%b" % (subscription, upto, seal.encode()), "sha256")[:12].hex()
    return f"<{newsletter}.{upto}.{seal}{proof}@{host}>"


def token(secret: bytes, purpose: Purpose, number: int) -> str:
    """Return a signed name of a row: small letters and digits, safe in a URL and before the @ of an address.

    80 bits of an HMAC-SHA256 (RFC 2104, 5 lets it be cut so) and the number, in base32 (RFC 4648, 6), which survives
    servers that change the case of a local part.

    Args:
        secret: the store's.
        purpose: what it is for; a token is good for nothing else.
        number: id of the row, from 0 on.
    """
    proof = hmac.digest(secret, b"%b:%d" % (purpose.encode(), number), "sha256")[:_PROOF]
    content = proof + number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")
    return b32encode(content).decode().rstrip("=").lower()


def read_token(secret: bytes, purpose: Purpose, text: str) -> int | None:
    """Return the number that `token` was given; None where the text, in any case, is no token for that purpose."""
    try:
        content = b32decode(text.upper() + "=" * (-len(text) % 8))
    except (NotBase32, ValueError):
        return None
    if not _PROOF < len(content) <= _PROOF + _NUMBER:
        return None
    number = int.from_bytes(content[_PROOF:], "big")
    genuine = token(secret, purpose, number)
    return number if hmac.compare_digest(genuine.encode(), text.lower().encode()) else None


def unsubscribe_mailto(address: str, newsletter: str, token: str) -> str:
    """Return the link that asks by mail to be left out (RFC 6068): what `unsubscribe_subject` says, to an address."""
    subject = quote(unsubscribe_subject(newsletter, token))
    return f"mailto:{quote(address, safe='@+')}?subject={subject}"


def help_mailto(address: str, newsletter: str) -> str:
    """Return the link that asks a person for help with a newsletter by mail."""
    return f"mailto:{quote(address, safe='@+')}?subject={quote(f'help {newsletter}')}"


def unsubscribe_subject(newsletter: str, token: str) -> str:
    """Return the subject of a mail that asks to be left out."""
    return f"unsubscribe {newsletter} {token}"


def papers_feed_id(feed_id: str) -> str:
    """Return the id of a newsletter's feed of papers."""
    return f"{feed_id}/papers"


def tag_feed_id(feed_id: str, tag: str) -> str:
    """Return the id of a tag's feed of papers."""
    return f"{feed_id}/tags/{safe(tag)}"
