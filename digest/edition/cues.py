"""The words by which a sentence of an abstract is told apart: an act of its authors, background, a result, a remark.

Patterns only. All but `BY` and `OWN` are of small letters, for what `text.lowered` returns: ignoring case while
searching takes twice as long. May import nothing of `digest`.
"""

from __future__ import annotations

import re


class Rare:
    """A pattern that few sentences have; looked for only where one of its words, or its beginning, is."""

    def __init__(self, pattern: str, words: str) -> None:
        """Compile `pattern`; every match of it has one of `words`, which are separated by commas."""
        #: what is looked for
        self.pattern = re.compile(pattern)
        self._words = tuple(" ".join(word.split()) for word in words.split(","))

    def within(self, sentence: str) -> bool:
        """Whether a sentence has it."""
        # a generator would take twice as long
        for word in self._words:
            if word in sentence:
                return self.pattern.search(sentence) is not None
        return False


def _any(words: str) -> str:
    """Return a pattern of alternatives that are separated by commas; each may be a pattern itself."""
    return "|".join(" ".join(part.split()) for part in words.split(","))


def _verbs(words: str) -> str:
    """Return a pattern of verbs, also in the third person and the past."""
    return rf"(?:{_any(words)})(?:e?s|e?d)?"


def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


_MAKE = _verbs(
    """propose, introduce, present, develop, design, devise, unveil, formulate, create, build, built, construct, invent,
    pioneer, put forward, contribute"""
)
_GIVE = _verbs(
    """describe, release, formali[sz]e, derive, suggest, publish, provide, open-?source, launch, announce, extend,
    redesign, generali[sz]e, curate, establish, implement, report, collect, define, craft, advocate, assemble,
    synthesi[sz]e, offer, survey, review, show, demonstrate, prove, study, investigate, explore, examine, analy[sz]e,
    re-?visit, re-?think, benchmark, reveal, discover, identify, characteri[sz]e, quantify, uncover, systemati[sz]e,
    unify, reformulate, recast, showcase, challenge, question, tackle, address, aim, approach, focus, seek, consider,
    attempt, target"""
)
#: after "we", these tell no act of the authors
_NO_ACT = _any(
    """we, our, i, is, was, has, in, on, to, of, are, were, have, had, can, could, may, might, must, should, need,
    needed, hope, believe, know, do, did, would, lack, want, see, live, get, think, expect, note, thank, refer, call,
    assume, anticipate, conclude, discuss, observe, recall, the, first, then, and, human, humans, will, perceive,
    understand, encounter, face, rely, often, cannot, say, witness, witnessed, seen, been, become, encourage,
    recommend, plan, leave, denote, hypothesi[sz]e"""
)
_ADVERBS = _any(
    r"""\w+ly, also, then, here, thus, hence, first, further, therefore, now, instead, in turn, in this \w+, do, can,
    will, have"""
)
_ADVERB = rf"(?:{_ADVERBS})"
_WORKS = _any(
    """paper, work, study, article, survey, report, thesis, dissertation, review, letter, tutorial, manuscript,
    research, chapter, note, technical report, position paper, perspective, overview, monograph, contribution,
    project, investigation"""
)
_WORK = rf"(?:{_WORKS})"
_SUBJECT = (
    rf"(?:we|i|the authors?|(?:this|our) (?:[\w-]+ )?{_WORK}|the (?:goal|aim|purpose|objective|focus) of this {_WORK}"
    r"|the (?:present |current )?(?:paper|article|study|survey|thesis|technical report))"
)

#: the authors and what they did; groups `make`, `give`: how plainly
ACTIVE = _pattern(
    rf"\b{_SUBJECT}\s+(?:{_ADVERB},?\s+){{0,2}}(?:(?P<make>{_MAKE})|(?P<give>{_GIVE})|(?!(?:{_NO_ACT})\b)[a-z][a-z-]+)\b"
)
#: the act stands in a gerund: "tackles this by introducing"
BY = Rare(
    r"\b(?:by|and)(?: \w+ly| first)? (?:propos|introduc|present|develop|design|build|creat|devis)ing\b"
    r"|\band (?:propose|introduce|present|develop|design|build)\b",
    "propos, introduc, present, develop, design, build, creating, devising",
)
NOMINAL = _pattern(rf"^(?:this|our) {_WORK} is\b|^our (?:\w+ ){{0,2}}(?:goal|aim|purpose|objective)\b")
PASSIVE = Rare(
    r"\b(?:is|are)\s+(?:\w+ly\s+)?(?:proposed|introduced|presented|developed|described|studied|investigated|derived"
    r"|analy[sz]ed|established|proven|explored|examined)\b",
    "posed, duced, presented, developed, described, studied, investigated, derived, analy, established, proven, explor,"
    "examined",
)
#: what makes a passive the authors' own
HERE = _pattern(rf"\b(?:in this|here|novel|new|this {_WORK})\b")
#: a sentence about the work by its own parts
OWN = re.compile(r"^(?:Our|The proposed|The resulting|The core|The key|Here)\b")

#: words closed by a comma or the like, after which a clause stands alone
JOINED = _pattern(
    r"(?:[,;:—–]|--|\))\s*(?:and|so|but|then|thus|hence|here|therefore|accordingly|in this \w+|yet|where|while)?[\s,]*$"
)
_OPENERS = _any(
    """to, in, within, on, for, with, using, by, based, building, motivated, inspired, driven, given, here, therefore,
    thus, hence, so, then, also, instead, finally, first, firstly, second, secondly, third, thirdly, lastly, next,
    accordingly, consequently, specifically, moreover, furthermore, additionally, however, towards?, throughout,
    besides, and, but, as, at, from, through, after, currently, now, again, overall, notably, conversely, rather,
    meanwhile, alternatively, following, recently, yet, crucially, importantly, concretely, empirically,
    theoretically, ultimately, together, further, in turn, herein, subsequently, leveraging, under, via, among,
    beyond, unlike, despite, because, due"""
)
#: first words of a lead-in, which a clause may follow without a comma
OPENING = _pattern(rf"^(?:{_OPENERS})\b")
_BINDERS = _any(
    """that, which, as, when, if, where, because, whether, what, how, than, since, while, although, whom, whose, in,
    within, throughout, of, for, by, from, to, with, on, and our, unlike, like"""
)
#: last words before a clause that hangs on them
BOUND = _pattern(rf"\b(?:{_BINDERS})\s*$")

_THIS_WORK = r"(?:\w+ )?(?:paper|work|study|article|report|survey|thesis|letter|review)"
_CONNECTIVES = _any(
    """however, moreover, furthermore, additionally, in addition, specifically, therefore, thus, hence, consequently,
    accordingly, besides, meanwhile, nevertheless, nonetheless, notably, in particular, for instance, for example,
    in contrast, herein, here, finally, firstly, first, secondly, second, lastly, also, overall, as a result, to
    this end, to that end, to do so, instead, conversely, in summary, in conclusion, in this context, in this
    regard, in this setting, indeed, interestingly, importantly, crucially, ultimately, similarly, likewise, as
    such, that is, in other words, on the other hand, on the one hand, at the same time, and, but, so, yet, then,
    thereby, with this, with that, for this purpose, for this reason, for this, in doing so, by doing so, in
    response, in essence, concretely, more specifically, more precisely, more concretely, further, surprisingly,
    remarkably, unfortunately, fortunately, recently, currently, today, nowadays, in general, generally, typically,
    traditionally, in practice, simultaneously, as an alternative"""
)
#: connectives, with the comma after them: no summary begins with one
CONNECTIVE = _pattern(
    rf"^(?:in (?:this|our) {_THIS_WORK}|{_CONNECTIVES}"
    r")\b\s*,?\s+"
)
_INTRODUCTIONS = _any(
    """motivated, inspired, driven, building (?:up)?on, given, based on, despite, unlike, while, although, though,
    since, because, due to, in light of, following, leveraging, towards?, by, when, as, compared, for, under,
    through, using, with, in, on, at, from, after, within, across, among, beyond, besides"""
)
#: an introductory phrase, up to its comma
LEADING = _pattern(rf"^(?:(?:in order )?to (?!train|learn|what|our)\w+|{_INTRODUCTIONS})\b[^.;]*?,\s+")
_BACKGROUND_OPENERS = _any(
    r"""recent(?:ly)?, over the, with the (?:rapid|recent|rise|advent|growing|increasing), despite, while, although,
    existing, current, traditional, conventional, prior, previous, most, many, several, numerous, modern,
    state-of-the-art, as the, as \w+ (?:become|grow), in recent years, the
    (?:rapid|recent|advent|rise|success|growing|increasing|field), unfortunately, today, nowadays, historically,
    simultaneously, during the, for decades, there (?:is|are|has|have)"""
)
BACKGROUND = _pattern(rf"^(?:{_BACKGROUND_OPENERS})\b")
_BECAME = _any(
    """revolutioni[sz]ed, emerged, become, been, shown, achieved, demonstrated, gained, attracted, made, led,
    transformed, seen, proven, enabled, received"""
)
_IS_SO = _any(
    """important, crucial, essential, widely, fundamental, critical, challenging, difficult, known, often, typically,
    commonly, usually, vital, key, becoming, limited, prone, ubiquitous, popular, increasingly, central, one of the"""
)
#: predicates of background: what has become, is known, is hard
STATE = _pattern(
    rf"\b(?:(?:has|have) (?:\w+ )?(?:{_BECAME})"
    rf"|(?:is|are) (?:\w+ ){{0,2}}(?:{_IS_SO})"
    r"|(?:remain|suffer|struggle|fail|hinder|limit|require|overlook|lack)s?\b|relies\b|rely\b|plays? an? |faces? )"
)
_RESULTS = _any(
    r"""experiment, experimental, empirical, extensive, results?, evaluations?, outperform\w*, state-of-the-art, sota,
    benchmarks? (?:show|demonstrate)"""
)
RESULT = Rare(
    rf"\b(?:{_RESULTS})\b",
    "experiment, empirical, extensive, result, evaluation, outperform, state-of-the-art, sota, benchmark",
)
CODE = Rare(
    r"\b(?:codes?|github|project page|website|demo|source|datasets?|weights|checkpoints|models?) (?:\w+ ){0,6}"
    r"(?:available|released?|found|accessible|at http)|https?://"
    r"|open-?source (?:our|the|all|code)|\brelease (?:our|the|all|code)",
    "availab, releas, found, accessible, http, source",
)
#: not the first thing that was done
ADDED = Rare(
    r"\b(?:we|paper|work|study)\s+(?:also|further|additionally|then|finally|next|furthermore|subsequently|similarly|lastly)\b"
    r"|^(?:our|the) (?:second|third)\b",
    "also, further, additionally, then, finally, next, subsequently, similarly, lastly, second, third",
)
_POINTERS = _any(
    """these, those, they, their, such, that, he, she, there, both, doing so, the latter, the former, another, others,
    one"""
)
#: openings that point to the sentence before
DANGLING = _pattern(rf"^(?:it|its|this(?! (?:\w+ ){{0,2}}{_WORK}\b)|{_POINTERS})\b")
_POINTED_ACTS = _verbs(
    """address, tackle, overcome, solve, do, achieve, answer, accomplish, resolve, mitigate, use, apply, attribute,
    call, refer, formali[sz]e, exploit, leverage, show, demonstrate, verify, validate, evaluate, test, implement,
    combine, extend, explore, study, find, bridge, fill, challenge, close, train, name, term, provide, argue, prove,
    adopt"""
)
#: acts on something told in the sentence before: "We address this"
POINTING = _pattern(
    rf"^\w+,? (?:\w+ly |also |further |then )*{_POINTED_ACTS}"
    r" (?:to |on |that |for |at )?(?:this|these|it|them|such|their|its|those|both|they)\b"
)
_STEPS = _any(
    """use, apply, begin, start, conduct, perform, evaluate, compare, test, validate, verify, train, make, set"""
)
#: steps on the way, not the work
WEAK = _pattern(rf"^(?:we|i) (?:\w+ly )?(?:{_STEPS})\b")
_PARTS = _any(
    """abstract, tl;?dr, summary, background, objectives?, aims?, motivation, methods?, results?, conclusions?,
    purpose, introduction, approach"""
)
#: the name of a part of a structured abstract, or a comment sign of LaTeX
LABEL = _pattern(rf"^(?:%+\s*)?(?:(?:{_PARTS})\s*[:.—-]+\s*)?")
_LOOSE = _any(
    """a, an, the, of, to, in, on, for, with, and, or, by, that, which, from, as, at, is, are, its, their, our, this,
    these"""
)
#: words that no shortened sentence ends with
LOOSE_END = _pattern(rf"(?:\s+(?:{_LOOSE}))+$")
#: where a sentence may be shortened, best first
CLAUSE_ENDS = (
    re.compile(r"[;:—](?=\s)"),
    re.compile(
        r",(?= (?:which|where|while|and|but|with|by|thus|thereby|so|enabling|achieving|allowing)\b)",
    ),
    re.compile(r",(?=\s)"),
)
