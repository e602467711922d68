"""The sentence of an abstract that says what the paper did. Pure; may import text and its own package.

Rules over words, no model: authors of abstracts announce their act in few forms ("we propose", "this paper
introduces", "is presented"), so the clause that holds one is found, cut from its lead-in and kept as it is written.
"""

from __future__ import annotations

from dataclasses import dataclass

from digest import text
from digest.edition import cues

LIMIT = 280


@dataclass(frozen=True)
class _Title:
    words: frozenset[str]
    #: the name that a title gives the work: what stands before its colon, where that is one word
    name: str


@dataclass(frozen=True)
class _Candidate:
    score: float
    words: str


def summarise(title: str, abstract: str, limit: int = LIMIT) -> str:
    """Return the sentence of `abstract` that says what the paper did.

    Args:
        title: decides between sentences that say it equally well.
        abstract: paragraphs separated by a blank line.
        limit: characters at most; a longer sentence is shortened at a clause or word, with an ellipsis.

    Returns:
        A sentence cut from the abstract, without its lead-in ("To overcome this, we propose" begins at "We propose");
        only its first letter may be another. "" without an abstract.
    """
    prose = [text.clean(sentence) for sentence in text.sentences(abstract)]
    topic = _read_title(title)
    best: _Candidate | None = None
    for place, sentence in enumerate(prose):
        candidate = _weigh(sentence, place, len(prose), topic)
        if best is None or candidate.score > best.score:
            best = candidate
    return _capital(_fit(best.words, limit)) if best else ""


def _read_title(title: str) -> _Title:
    name = title.partition(":")[0].strip() if ":" in title else ""
    return _Title(frozenset(text.parts(title)), "" if " " in name else name)


def _weigh(sentence: str, place: int, total: int, title: _Title) -> _Candidate:
    """Return what is left of a sentence without its lead-in, and how well it says what was done."""
    small = text.lowered(sentence)
    label = cues.LABEL.match(small)
    begin = label.end() if label else 0
    sentence, small = sentence[begin:], small[begin:]
    cut, score = _act(small) or _statement(sentence, small)
    clause, small = sentence[cut:], small[cut:]
    words = set(text.parts(clause))
    score += 2.0 * len(words & title.words) / (len(title.words) or 1) + 2.0 * bool(title.name and title.name in clause)
    score -= 3.0 * place / max(total, 8) + 1.5 * (place == 0 and total > 2 and score < 5.0)
    return _Candidate(score - _blame(clause, small), clause)


def _blame(clause: str, small: str) -> float:
    """Return what speaks against a clause: it points back, tells a result, the code, a further step, or too little."""
    by = cues.BY.within(clause)
    blame = 5.0 * cues.CODE.within(small) + 4.0 * bool(cues.DANGLING.match(small)) - 2.5 * by
    blame += 3.0 * (bool(cues.POINTING.match(small)) and not by) + 3.0 * cues.ADDED.within(small)
    blame += 2.5 * cues.RESULT.within(small[:90]) + 4.0 * clause.endswith("?")
    return blame + 3.0 * (len(clause) < 50) + 9.0 * (len(clause) < 25)


def _act(small: str) -> tuple[int, float] | None:
    """Return where the clause begins in which authors say what they did, with its weight; None without one."""
    for found in cues.ACTIVE.finditer(small):
        before = small[: found.start()]
        if cues.BOUND.search(before) or not _may_go(before):
            continue
        weight = 10.0 if found["make"] else 7.5 if found["give"] else 6.0
        return found.start(), weight - 2.0 * bool(cues.WEAK.match(small[found.start() :]))
    if cues.NOMINAL.search(small):
        return 0, 7.5
    if not cues.PASSIVE.within(small):
        return None
    begin = _without_lead_in(small)
    cut = small[begin:]
    if cues.PASSIVE.within(cut) and not cues.BACKGROUND.match(cut) and not cues.BACKGROUND.match(small):
        return begin, 7.0 if cues.HERE.search(small) else 4.0
    return None


def _may_go(before: str) -> bool:
    """Whether a clause stands without the words before it: none, a lead-in, or words closed by a comma."""
    return not before.strip() or bool(cues.JOINED.search(before)) or bool(cues.OPENING.match(before))


def _statement(sentence: str, small: str) -> tuple[int, float]:
    """Return where a sentence without an act begins behind its lead-in, with its weight; background weighs least."""
    background = bool(cues.BACKGROUND.match(small)) or bool(cues.STATE.search(small))
    weight = 0.0 if background else 3.0 + 1.5 * bool(cues.OWN.match(sentence))
    return _without_lead_in(small), weight


def _without_lead_in(small: str) -> int:
    """Return what of a sentence connectives and introductory phrases are, as long as a whole sentence is left."""
    begin = 0
    for _ in range(4):
        for pattern in (cues.CONNECTIVE, cues.LEADING):
            found = pattern.match(small[begin:])
            if found and found.end() and len(small) - begin - found.end() > 30:
                begin += found.end()
                break
        else:
            break
    return begin


def _fit(sentence: str, limit: int) -> str:
    """Shorten at a clause, else at a word; never inside brackets or a formula."""
    if len(sentence) <= limit:
        return sentence
    head = sentence[: limit - 1]
    for mark in cues.CLAUSE_ENDS:
        ends = [match.start() for match in mark.finditer(head) if _whole(head[: match.start()])]
        if ends and ends[-1] > limit // 2:
            return head[: ends[-1]].rstrip() + "…"
    cut = text.shorten(sentence, limit).removesuffix("…")
    closed = cut
    while not _whole(closed) and " " in closed:
        closed = closed[: closed.rfind(" ")]
    cut = closed if " " in closed else cut
    return cues.LOOSE_END.sub("", cut).rstrip(" ,;:-–—(") + "…"


def _whole(piece: str) -> bool:
    return piece.count("(") <= piece.count(")") and piece.count("$") % 2 == 0 and piece.count("[") <= piece.count("]")


def _capital(sentence: str) -> str:
    """Raise the first letter, unless the first word is written with capitals of its own (`eLSTM`)."""
    first = sentence.split(" ", 1)[0]
    return sentence if first[1:] != first[1:].lower() else sentence[:1].upper() + sentence[1:]
