"""Part 2: what it costs to find the phrases of the taxonomy, and how many are found."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench import real
from bench.measure import Table, Timing, alternate, run
from bench.papers import Maker, real_listings
from bench.peers import SIDE, peer
from bench.settings import Settings
from digest.tagging import BUNDLED, load_taxonomy
from digest.tagging.phrases import Matcher, normalise, spellings
from digest.tagging.taxonomy import read_rules

_ABOUT = (
    "Time a paper to find all phrases in normalised text. One big alternation finds no phrase that overlaps another;\n"
    "one search a phrase finds all, pyahocorasick too (in a process of its own; it knows one owner of a\n"
    "spelling, we all). The two slow ways see a few of the papers."
)
#: papers that the slow ways see
_FEW = 20


def measure(settings: Settings) -> Iterator[Table]:
    """Measure the matcher beside other ways, then whole tagging."""
    rules = read_rules(BUNDLED)
    phrases = list(dict.fromkeys(p for leaf in rules.leaves for p in (*leaf.phrases, *leaf.not_within, *leaf.unless)))
    sets = {
        "seeds": [(one.title, one.abstract) for one in real_listings(settings.seeds)],
        "made-up": [(one.title, one.abstract) for one in Maker(settings.seeds).papers(range(settings.tagged))],
    }
    if settings.data:
        papers = [(one.title, one.abstract) for day in real.days(settings.data).values() for one in day]
        sets["real"] = papers[:: max(1, len(papers) // settings.tagged)]
    for name, papers in sets.items():
        yield _table(settings, name, phrases, papers)


def _table(settings: Settings, name: str, phrases: Sequence[str], papers: Sequence[tuple[str, str]]) -> Table:
    table = Table(f"Tagging, {name}: {len(phrases):,} phrases, {len(papers):,} papers", _ABOUT)
    texts = [f"{normalise(title)} \n {normalise(abstract)}" for title, abstract in papers]
    few = texts[:: max(1, len(texts) // _FEW)]
    matcher, big, each = Matcher(phrases), alternation(phrases), one_by_one(phrases)
    tagger = load_taxonomy()
    contenders: dict[str, Callable[[], object]] = {
        "automaton": lambda: [list(matcher.find(text)) for text in texts],
        "alternation": lambda: [list(big.finditer(text)) for text in few],
        "normalise": lambda: [(normalise(title), normalise(abstract)) for title, abstract in papers],
        "tag": lambda: [tagger.tag(title, abstract) for title, abstract in papers],
    }
    pinned = peer("pyahocorasick", settings.peers) if settings.peers else None
    theirs = 0
    if pinned and not pinned.missing:
        given = settings.scratch / f"phrases-{name}.json"
        given.write_text(json.dumps([[s for phrase in phrases for s in spellings(phrase)], texts]))
        python = pinned.python
        theirs = _told(python, given)[1]
        contenders["pyahocorasick"] = lambda: _told(python, given)[0]
    timings = {
        one: timing.per(len(few if one == "alternation" else texts))
        for one, timing in alternate(settings.rounds, contenders).items()
    }
    slowest = alternate(1, {"one by one": lambda: [count(each, text) for text in few]})["one by one"].per(len(few))
    all_found = sum(len(list(matcher.find(text))) for text in texts)
    few_found = sum(len(list(matcher.find(text))) for text in few)
    big_found = sum(len(list(big.finditer(text))) for text in few)
    each_found = sum(count(each, text) for text in few)
    ours = timings["automaton"]
    lost = 100 * (1 - big_found / max(few_found, 1))
    table.time(f"automaton: {all_found:,} found, {few_found:,} of them in {len(few)} papers", ours, "us")
    slow = f"one alternation: {big_found:,} found in {len(few)}, {lost:.0f} % lost"
    table.time(slow, timings["alternation"], "us", over=ours)
    table.time(f"a search a phrase, once: {each_found:,} found in {len(few)}", slowest, "us")
    if theirs:
        table.time(f"pyahocorasick: {theirs:,} found", timings["pyahocorasick"], "us", over=ours)
    elif pinned:
        table.note(f"pyahocorasick skipped: {pinned.missing}")
    table.time("normalising the text", timings["normalise"], "us", over=ours)
    table.time("Tagger.tag, all of it", timings["tag"], "us", over=ours)
    begin = time.perf_counter()
    Matcher(phrases)
    table.note(f"the automaton is built in {(time.perf_counter() - begin) * 1e3:.0f} ms")
    return table


def alternation(phrases: Sequence[str]) -> re.Pattern[str]:
    """Return one expression for all phrases, the longest first."""
    strings = sorted({string for phrase in phrases for string in spellings(phrase)}, key=len, reverse=True)
    return re.compile(_whole(strings))


def one_by_one(phrases: Sequence[str]) -> list[re.Pattern[str]]:
    """Return an expression for each phrase."""
    return [re.compile(_whole(sorted(spellings(phrase), key=len, reverse=True))) for phrase in phrases]


def _whole(strings: Sequence[str]) -> str:
    return rf"(?<![^\W_])(?:{'|'.join(map(re.escape, strings))})(?![^\W_])"


def count(patterns: Sequence[re.Pattern[str]], text: str) -> int:
    """Count what each of many expressions finds."""
    return sum(len(pattern.findall(text)) for pattern in patterns)


def _told(python: Path, given: Path) -> tuple[Timing, int]:
    wall, cpu, found = json.loads(run([python, SIDE / "match.py", given], SIDE).out)
    return Timing([wall], [cpu]), found
