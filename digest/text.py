"""Pure work on strings: cleaning, the compact title that identity compares, words, sentences.

May import `latex` and errors.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TypeVar
from zlib import crc32

from digest import latex

#: controls but tab and newline; bidi overrides, isolates and marks; zero-width and other invisibles; surrogates
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\ufffe\uffff\U000e0000-\U000e007f]"
)
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_NOT_ALNUM = re.compile(r"[\W_]+")
_PART = re.compile(r"[^\W_]+")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
#: for text in ASCII, which nearly all is: a tenth of the time of the patterns above
_OTHERS = bytes(code for code in range(128) if not chr(code).isalnum())
_PARTED = bytes.maketrans(_OTHERS, b" " * len(_OTHERS))
_WORDED = bytes(code if code in b"'-" else _PARTED[code] for code in range(256))


def clean(text: str) -> str:
    """Drop what no reader sees and no format carries (controls, bidi marks, zero-width), make white space single."""
    spaced = text.replace("\n", " ")
    # what can be printed has nothing invisible
    return single_spaced(spaced if spaced.isprintable() else _INVISIBLE.sub("", text))


def single_spaced(text: str) -> str:
    """Return `text` with each run of white space as one space, and none at its ends."""
    # of white space, only the space can be printed
    if text.isprintable() and "  " not in text:
        return text.strip(" ")
    return " ".join(text.split())


def clean_paragraphs(paragraphs: list[str]) -> str:
    """Clean each paragraph and join those that are left by a blank line."""
    return "\n\n".join(kept for kept in map(clean, paragraphs) if kept)


def fold(text: str) -> str:
    """Return `text` as searching compares it: LaTeX as Unicode, NFKD, without accents and case."""
    text = latex.to_unicode(text, force=True)
    if not text.isascii():
        text = _NOT_ASCII.sub(_uncombined, unicodedata.normalize("NFKD", text))
    return text.casefold()


def _uncombined(run: re.Match[str]) -> str:
    return "".join(char for char in run.group() if not unicodedata.combining(char))


#: the letters beyond ASCII that are, but for their case, letters of ASCII, though their small ones are others
_ALIKE = str.maketrans("\u0130\u0131\u017f", "iis")


def lowered(text: str) -> str:
    """Return `text` in small letters, each in its place: what ignoring case finds in `text`, small patterns find here.

    Ignoring case while searching takes twice as long.
    """
    return (text if text.isascii() else text.translate(_ALIKE)).lower()


def compact(text: str) -> str:
    """Return the letters and digits of the folded text: what makes two titles the same title."""
    return _compact_title(text) if len(text) < 300 else _compact(text)


@lru_cache(maxsize=4096)
def _compact_title(title: str) -> str:
    """Every stage on a listing's way asks for this; the titles of one dump stay in reach."""
    return _compact(title)


def _compact(text: str) -> str:
    folded = fold(text)
    if folded.isascii():
        return folded.encode().translate(None, _OTHERS).decode()
    return _NOT_ALNUM.sub("", folded)


def key64(text: str) -> int:
    """Return a signed 64-bit hash of `text`, equal in every process: fits a BIGINT column."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


#: letters and digits stay, and all bytes beyond ASCII; white space parts words, what else there is goes
_SPACED = bytes(32 if chr(byte).isspace() and byte < 128 else byte for byte in range(256))
_GONE = bytes(byte for byte in range(128) if not chr(byte).isalnum() and not chr(byte).isspace())
#: a long word, and what follows it: long ones are rare, and yet one comes every forty bytes
_LONG = re.compile(rb" ([^ ]{9,}.{13})")
_OTHER = re.compile(rb" (?=([^ ]{3,8} .{13}))")
#: the greatest prime below 2**63
_PRIME = 2**63 - 25
#: letters of a title below which its ends are those of many
_SHORT = 10
#: long words of an abstract that a teaser would have
_OPENING = 8
#: a sketch value that so many papers share tells none of them apart
HOT = 8
#: papers that are compared with a text for its sketch alone: those that share most of it
_NEAREST = 4

T = TypeVar("T")


def sketch(title: str, abstract: str) -> tuple[int, ...]:
    """Return 63-bit values of which near texts share some, equal in every process.

    Two for the title: its first and its last 20 letters, for one change leaves one of them whole. Eight for the
    abstract: the bottom of its shingles (Broder, "On the resemblance and containment of documents", 1997), each a long
    word with what follows it; half of them from its opening, so that a teaser finds the whole.
    """
    name = compact(title)
    if len(name) < _SHORT:
        # too little to be near to something else
        name = f"{title}\0{abstract}"
    ends = tuple(_number(end.encode("utf-8", "replace")) for end in (f"< {name[:20]}", f"> {name[-20:]}"))
    return ends + _shingles(b" " + fold(abstract).encode("utf-8", "replace").translate(_SPACED, _GONE))


def _shingles(content: bytes) -> tuple[int, ...]:
    """Return the values of the eight shingles that come first in an order which all texts share."""
    found = _LONG.findall(content)
    opening, rest = _ordered(found[:_OPENING]), _ordered(found)
    last = sorted(rest.keys() - opening.keys())[:4]
    chosen = [rest[order] for order in sorted(opening)[: 8 - len(last)] + last]
    if len(chosen) < 8:
        # a short text: others of its words tell it from other short ones
        more = _ordered(one for one in _OTHER.findall(content) if one not in chosen)
        chosen += [more[order] for order in sorted(more)[: 8 - len(chosen)]]
    return tuple(map(_number, chosen))


def _ordered(shingles: Iterable[bytes]) -> dict[int, bytes]:
    # a checksum gives the order: a good hash of each would take longer than all the rest
    return {crc32(one): one for one in shingles}


def _number(content: bytes) -> int:
    """Return a 63-bit remainder of the bytes: enough for what a person's text compares, in a third of a hash's time."""
    return int.from_bytes(content, "big") % _PRIME


def nearest(sketched: Sequence[int], having: Mapping[int, Sequence[T]]) -> list[tuple[T, int]]:
    """Return up to four who share most of an abstract's sketch, with how many values, or an end of the title.

    Args:
        sketched: the values of `sketch`.
        having: value -> who has it, in a fixed order; where there are HOT, it tells nothing.
    """
    if having.keys().isdisjoint(sketched):
        return []
    shared: dict[T, int] = {}
    ends: set[T] = set()
    for place, value in enumerate(sketched):
        found = having.get(value, ())
        if len(found) < HOT:
            for one in found:
                shared[one] = shared.get(one, 0) + (place >= 2)
            if place < 2:
                ends.update(found)
    near = [(one, count) for one, count in shared.items() if count > 1 or one in ends]
    return sorted(near, key=lambda one: -one[1])[:_NEAREST] if len(near) > _NEAREST else near


#: in folded ASCII, hyphens and apostrophes that are not inside a word
_LOOSE = re.compile(r"['-](?:(?<=[^a-z0-9].)|(?![a-z0-9]))")


def words(text: str) -> list[str]:
    """Return the folded words of `text`, hyphenated ones whole."""
    folded = fold(text)
    if folded.isascii():
        return _LOOSE.sub(" ", f" {folded.encode().translate(_WORDED).decode()} ").split()
    return _WORD.findall(folded)


def shorten(text: str, limit: int) -> str:
    """Cut `text` at a word to at most `limit` characters, with an ellipsis where something is gone."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    cut = head.rfind(" ")
    return head[: cut if cut > limit // 2 else len(head)].rstrip(" ,;:-–—") + "…"


#: words that begin a sentence far more often than they follow an initial or an abbreviation
_OPENERS = (
    "We|The|This|These|That|Those|It|Its|They|Our|In|To|However|Moreover|Furthermore|Additionally|Also|For|On|By|With|"
    "While|Although|Since|As|At|From|Here|There|Such|Some|Many|Most|Despite|Finally|Experiments|Extensive|Experimental|"
    "Results|Specifically|Therefore|Thus|Hence|Instead|An|When|Unlike|Recent|Recently|Existing|Using|Based|Code|If|One|"
    "Both|Each|First|Second|Through|Towards?|Then|But|And|Yet|So|Another|Given|Inspired|Motivated|Notably|Compared"
)
_OPENER = re.compile(rf"\s*(?:{_OPENERS})\b")
#: never the end of a sentence
_ABBREVIATION = re.compile(
    r"\b(?:e\.g|i\.e|vs|cf|resp|approx|w\.r\.t|a\.k\.a|viz|dr|prof|mr|mrs|ms|st)\.$", re.IGNORECASE
)
#: not the end where a number or a bracket follows
_NUMBERED = re.compile(r"\b(?:figs?|eqs?|secs?|refs?|tabs?|algs?|thms?|nos?|vol|pp|ch|app)\.$", re.IGNORECASE)
#: the number of an item in a list
_ITEM = re.compile(r"(?:^|[:;,(]\s*|\band\s+)\(?(?:\d{1,2}|[ivx]{1,4})\)?\.$")
#: the end only where an opener follows
_MAYBE = re.compile(r"(?:\bet al|\betc|\b[A-Z]|\b[ap]\.m|\b(?:[A-Za-z]\.)+[A-Za-z])\.$")
_END = re.compile(
    r"[.!?](?:[\"'”’)\]]*(?=\s+[\"'“‘(\[$]?[A-Z0-9\\$%]|\s+[a-z]{0,3}[A-Z]|\s*\n|\s*$)"
    rf"|(?<=[a-z)].)(?=(?:{_OPENERS})\b))"
)
#: a longer word is none of these
_LONGEST_SHORT = len("approx") + 1
_FORMULA = re.compile(r"\$\$[^$]+\$\$|\$(?![\d\s][^$]*\s)[^$\n]{1,300}?(?<!\s)\$(?!\d)")


def sentences(text: str) -> list[str]:
    """Split prose into sentences; abbreviations, initials, decimals and formulas do not end one."""
    found: list[str] = []
    for paragraph in text.split("\n\n"):
        formulas = [match.span() for match in _FORMULA.finditer(paragraph)]
        start = 0
        for end in _END.finditer(paragraph):
            if formulas and any(first < end.start() < last - 1 for first, last in formulas):
                continue
            if _goes_on(paragraph[start : end.end()], paragraph[end.end() :]):
                continue
            found.append(paragraph[start : end.end()].strip())
            start = end.end()
        if paragraph[start:].strip():
            found.append(paragraph[start:].strip())
    return found


def _goes_on(piece: str, rest: str) -> bool:
    """Whether the full stop at the end of `piece` belongs to an abbreviation, and the sentence goes on in `rest`."""
    piece = piece.rstrip("\"'”’)]")[-24:]
    if not piece.endswith(".") or not rest or rest.isspace():
        return False
    if len(piece) > _LONGEST_SHORT and piece[-_LONGEST_SHORT - 1 : -1].isalpha():
        return False
    if _ABBREVIATION.search(piece) or _ITEM.search(piece):
        return True
    if _NUMBERED.search(piece):
        return rest.lstrip()[:1].isdigit() or rest.lstrip()[:1] in "(["
    return bool(_MAYBE.search(piece)) and not _OPENER.match(rest)


def with_next(abstract: str, sentence: str) -> str:
    """Return `sentence`, which was cut from `abstract`, with the sentence that follows it there.

    Where it ends the abstract, or was itself shortened, it stays alone.
    """
    if not sentence or sentence.endswith("…"):
        return sentence
    prose = [clean(one) for one in sentences(abstract)]
    for one, following in pairwise(prose):
        if one.endswith(sentence[1:]):
            return f"{sentence} {following}"
    return sentence


def has_phrase(prepared: str, phrase: str) -> bool:
    """Return whether `phrase` stands as whole words in a text that `searchable` prepared; also in the plural."""
    return any(form in prepared for form in forms(phrase))


def forms(phrase: str) -> tuple[str, ...]:
    """Return what `has_phrase` looks for: the words with a space around them, and their plural; () without a word."""
    wanted = searchable(phrase)
    return (wanted, f"{wanted.rstrip()}s ") if wanted.strip() else ()


def searchable(text: str) -> str:
    """Return the folded words of `text`, hyphens as spaces, a space around each: what `has_phrase` looks into."""
    return f" {' '.join(parts(text))} "


def parts(text: str) -> list[str]:
    """Return the folded words of `text`, hyphenated ones in their parts."""
    folded = fold(text)
    return folded.encode().translate(_PARTED).decode().split() if folded.isascii() else _PART.findall(folded)


_URL = re.compile(r"\b(?:https?:|www\.|github\.)\S+")
_URL_MARKS = ("http", "www.", "github.")
#: words that keep their capital inside a sentence though only their first letter is one
_PROPER = frozenset(
    "bayesian bayes gaussian markov markovian euclidean riemannian boltzmann hopfield kolmogorov arnold monte carlo "
    "bellman fourier turing lyapunov hebbian hamiltonian lagrangian hilbert banach lipschitz siamese jacobian hessian "
    "newton schrödinger navier stokes wasserstein fisher nash pareto shapley laplace laplacian poisson langevin "
    "chinese english french german japanese korean spanish arabic indic african earth mars internet wikipedia "
    "reddit github python java android linux minecraft atari mamba lie ising koopman gabor hamming".split()
)


def inside_sentence(name: str) -> str:
    """Return a name in title case as it stands inside a sentence: `learning & theory`, but `LLM agents`, `Bayesian`."""
    return re.sub(r"\w+", lambda word: _lower(word.group()), name)


def _lower(word: str) -> str:
    plain = word == "A" or (word[:1].isupper() and word[1:].islower() and word.casefold() not in _PROPER)
    return word.lower() if plain else word


def as_written(phrase: str, *prose: str) -> str:
    """Return a folded phrase as the texts spell it (`GNN`, `once-for-all`), without the capitals of a title.

    Where a text has it in small letters, so; where none has it at all, unchanged.
    """
    pattern = _spelled(phrase)
    texts = [_URL.sub(" ", one) if any(mark in one for mark in _URL_MARKS) else one for one in prose]
    found = [clean(one[match.start() : match.end()]) for one in texts for match in pattern.finditer(lowered(one))]
    small = [form for form in found if form == form.lower()]
    return (small or [inside_sentence(form) for form in found] or [phrase])[0]


@lru_cache(maxsize=1024)
def _spelled(phrase: str) -> re.Pattern[str]:
    """Return what finds a phrase in lowered text; it begins with the letters themselves, which is sought fastest."""
    first, *others = [re.escape(part) for part in _PART.findall(lowered(phrase))] or [""]
    pattern = rf"{first}(?<=\b{first})" + "".join(rf"[\s–-]+{part}" for part in others) + r"(?=s?\b)"
    return re.compile(pattern, re.NOFLAG if phrase.isascii() else re.IGNORECASE)


def count_noun(count: int, one: str, many: str | None = None) -> str:
    """Return `1 author`, `3 authors`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
