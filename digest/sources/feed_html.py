"""HTML and plain text of feeds as paragraphs of text: nothing of the markup is left, nothing of the text is lost.

Linear in its input. May import text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

from digest.text import clean

#: longer descriptions are read up to here
LONGEST = 400_000
_BLOCKS = frozenset(
    "address article aside blockquote center dd details dir div dl dt fieldset figcaption figure footer form h1 h2 h3 "
    "h4 h5 h6 header hr li main menu nav ol p pre section summary table tbody td tfoot th thead tr ul title sec "
    "abstract".split()
)
_HEADINGS = frozenset("h1 h2 h3 h4 h5 h6 title".split())
#: elements whose text is for machines, or says again what stands beside it
_SKIPPED = frozenset("script style head template svg annotation annotation-xml iframe object noscript".split())
_INLINE = frozenset(
    "a abbr acronym audio b bdi bdo big br button cite code data del dfn em embed font i img input ins kbd label link "
    "map area mark math meta meter nobr param picture q rp rt ruby s samp select small source span strike strong sub "
    "sup time track tt u var video wbr html body semantics mrow mi mn mo ms mtext msub msup msubsup mfrac msqrt mroot "
    "mover munder munderover mtable mtr mtd mspace mstyle mpadded mphantom mfenced italic bold".split()
)
_KNOWN = _BLOCKS | _INLINE | _SKIPPED
_COMMENT_OR_CDATA = re.compile(r"<!--|<!\[CDATA\[|\]\]>")
_BARE = (
    "nowrap|disabled|checked|selected|controls|async|defer|hidden|ismap|itemscope|allowfullscreen|noshade|compact"
    "|download|autoplay|loop|muted|open|required|reversed|crossorigin"
)
#: a tag: its attributes have values, else it is prose (`x <a and b> y`); quotes end before the next `<`
_TAG = re.compile(
    r"<(/?)(?:[A-Za-z]{1,6}:)?([A-Za-z][A-Za-z0-9-]{0,20})"
    rf"((?:\s++(?:[^<>\"'=]*+=\s*+(?:\"[^\"<]*+\"|'[^'<]*+'|[^\s<>\"']++)|[^<>=\"']*+=[^<>]*+|(?:{_BARE})(?=[\s/>])|/)?)*+)\s*+/?>"
)
_HREF = re.compile(r"href\s*=\s*(?:\"([^\"<>]{1,2000})\"|'([^'<>]{1,2000})'|([^\s<>\"']{1,2000}))", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_RAISED = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")
_LOWERED = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
_SCRIPT = re.compile(r"[0-9+\-−=()n]{1,12}")


@dataclass(frozen=True)
class Prose:
    """What a piece of HTML says."""

    #: in order; none is empty
    paragraphs: tuple[str, ...]
    #: where its links lead to
    links: tuple[str, ...]


def prose(source: str) -> Prose:
    """Read HTML, or plain text whose paragraphs a blank line parts."""
    source = _without_comments(source[:LONGEST])
    parts: list[str] = []
    links: list[str] = []
    skipping = ""
    scripts: list[tuple[str, int]] = []
    for text, tag in _pieces(source):
        if not skipping:
            parts.append(_plain(text))
        if tag is None:
            continue
        name, closing = tag[2].lower(), bool(tag[1])
        if skipping or name in _SKIPPED:
            skipping = _skips(skipping, name, closing, tag)
        elif name in ("sub", "sup"):
            _scripted(parts, scripts, name, closing)
        elif name in _BLOCKS:
            parts.append("\n\n")
        elif name == "br":
            parts.append("\n")
        elif name == "a" and not closing and (href := _HREF.search(tag[3])):
            links.append(html.unescape(next(filter(None, href.groups()))).strip())
    paragraphs = (clean(one) for one in re.split(r"\n[ \t\xa0]*\n\s*", "".join(parts)))
    return Prose(tuple(one for one in paragraphs if one), tuple(dict.fromkeys(links)))


def line(source: str, *, markup: bool = True) -> str:
    """Return a title or a name as one line; `markup`: tags and entities in it are HTML, not text."""
    return " ".join(prose(source).paragraphs) if markup else clean(source[:LONGEST])


def title_of(page: str) -> str | None:
    """Return the title of an HTML page."""
    found = re.search(r"<title[^<>]*>([^<]{1,500})", page[:100_000], re.IGNORECASE)
    return clean(html.unescape(found[1])) or None if found else None


def is_page(head: str) -> bool:
    """Say whether a document that begins so is an HTML page."""
    return (
        re.match(r"(?:<\?xml[^<>]*>|<!--[^<>]*-->|\s)*+<(?:!doctype\s+html|html|head|body)\b", head, re.IGNORECASE)
        is not None
    )


def _without_comments(source: str) -> str:
    """Drop comments; of CDATA sections only the marks."""
    done: list[str] = []
    at = 0
    while found := _COMMENT_OR_CDATA.search(source, at):
        done.append(source[at : found.start()])
        at = found.end()
        if found.group() == "<!--":
            end = source.find("-->", at)
            at = len(source) if end < 0 else end + 3
    return "".join(done) + source[at:]


def _pieces(source: str) -> Iterator[tuple[str, re.Match[str] | None]]:
    """Yield each text with the tag behind it; what no HTML knows is text (`<think>`)."""
    at = 0
    for tag in _TAG.finditer(source):
        if tag[2].lower() in _KNOWN:
            yield source[at : tag.start()], tag
            at = tag.end()
    yield source[at:], None


def _plain(text: str) -> str:
    return _ENTITY.sub(lambda match: html.unescape(match.group()), text) if "&" in text else text


def _skips(skipping: str, name: str, closing: bool, tag: re.Match[str]) -> str:
    """Return the element whose text is left out from here on."""
    if skipping:
        return "" if closing and name == skipping else skipping
    return "" if closing or tag.group().endswith("/>") else name


def _scripted(parts: list[str], scripts: list[tuple[str, int]], name: str, closing: bool) -> None:
    """Write 10<sup>5</sup> as 10⁵, other raised text with `^`, other lowered text as it is."""
    if not closing:
        scripts.append((name, len(parts)))
        return
    if not scripts or scripts[-1][0] != name:
        return
    _, start = scripts.pop()
    text = "".join(parts[start:])
    if _SCRIPT.fullmatch(text) and (name == "sup" or "n" not in text):
        parts[start:] = [text.translate(_RAISED if name == "sup" else _LOWERED)]
    elif name == "sup" and text.strip() and parts[start - 1 : start] and parts[start - 1][-1:].isalnum():
        parts[start:] = [f"^{text}" if len(text) == 1 else text]
