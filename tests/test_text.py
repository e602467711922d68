"""Pure work on strings: the ways taken for plain text give what the definitions give."""

from __future__ import annotations

import re
import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from digest import text

#: pieces of prose in which every way of `text` has something to do
PIECES = st.sampled_from(
    [
        *("Networks", "We", "self-play", "it's", "x", "7", "3D", "e.g.", "URL's", "state--of", "-edge", "edge-", "'q'"),
        *("a_b", "(", ")", ".", ",", "  ", " ", "\n", "\n\n", "\t", "\r", "\x0b", "\x1c", "\x00", "\u200b", "\u00a0"),
        *("é", "ﬁ", "ß", "İ", "ſ", "²", "漢字", "–", "’", "\\alpha", "$", "\\'e", "\ufeff", "\ud800"),
    ]
)
PROSE = st.lists(PIECES, max_size=30).map("".join)
INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\ufffe\uffff\U000e0000-\U000e007f]"
)


@settings(max_examples=500)
@given(PROSE)
def test_words_are_those_of_the_definitions(prose: str) -> None:
    folded = text.fold(prose)
    assert text.compact(prose) == re.sub(r"[\W_]+", "", folded)
    assert text.words(prose) == re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", folded)
    assert text.searchable(prose) == " " + " ".join(re.findall(r"[^\W_]+", folded)) + " "


@settings(max_examples=500)
@given(PROSE)
def test_clean_text_has_nothing_invisible_and_single_spaces(prose: str) -> None:
    assert text.clean(prose) == " ".join(INVISIBLE.sub("", prose).split())
    assert text.single_spaced(prose) == " ".join(prose.split())


def test_what_can_be_printed_is_neither_invisible_nor_white_space_but_the_space() -> None:
    printed = [char for code in range(sys.maxunicode + 1) if (char := chr(code)).isprintable()]
    assert not [char for char in printed if INVISIBLE.match(char)]
    assert [char for char in printed if char.isspace()] == [" "]


def test_small_letters_stand_in_their_places_and_find_what_ignoring_case_finds() -> None:
    letters = re.compile("[a-z]", re.IGNORECASE)
    every = [chr(code) for code in range(sys.maxunicode + 1)]
    small = [text.lowered(char) for char in every]
    assert all(len(char) == 1 for char in small)
    told = [char for char, low in zip(every, small, strict=True) if bool(letters.match(char)) != ("a" <= low <= "z")]
    assert told == []
    assert text.lowered("We PROPOSE İt, K ſ ı Σ") == "we propose it, k s i σ"


def test_sketches_are_what_stores_hold() -> None:
    prose = " ".join(f"Experiment{n} and the {n * 7} benchmark-{n} ones," for n in range(60))
    abstract = f"We prune networks once. {prose} Schrödinger's $\\alpha$-bridge is left behind by 2."
    assert text.sketch("Sparse Networks — Once for All", abstract) == (
        *(8614871680943180896, 2672850848080938682, 8305928696444928695, 8305708794069172919, 8305653818587153594),
        *(8305598842888324282, 5766433540373009198, 5738670871754890286, 5752744620590881838, 5780617240371844910),
    )
    assert text.sketch("Short", "Four words and more") == (
        1858669322064109416,
        3324897218458445214,
        1201271119297734242,
    )
    assert text.sketch("Short", "Three words only") == (2435069131906517364, 8154188987938542432)


def test_only_short_words_and_marks_before_a_full_stop_let_a_sentence_go_on() -> None:
    prose = "It is approx. 3 of Figs. 2 by A. Smith et al. who win. Convolutions. Then more of it w.r.t. Networks. End."
    assert text.sentences(prose) == [
        "It is approx. 3 of Figs. 2 by A. Smith et al. who win.",
        "Convolutions.",
        "Then more of it w.r.t. Networks.",
        "End.",
    ]


def test_a_phrase_is_told_as_the_texts_spell_it() -> None:
    abstract = "See https://gnn.org/x. Our GNNs are graph neural  networks, once–for-all. ΑΣ too."
    assert text.as_written("gnn", abstract) == "GNN"
    assert text.as_written("Graph neural network", abstract, "Graph Neural Networks") == "graph neural network"
    assert text.as_written("once for all", abstract) == "once–for-all"
    assert text.as_written("ας", abstract) == "ΑΣ"
    assert text.as_written("org", abstract) == "org", "an address spells nothing"
    assert text.as_written("neural graph", abstract) == "neural graph"
