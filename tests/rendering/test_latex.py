from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.latex import to_unicode
from digest.text import compact

SHOWN = [
    # Formulas
    (r"$\alpha$-VAE and $\beta$", "α-VAE and β"),
    (r"$\epsilon$ and $\varphi$, $\nabla$NABLA", "ε and φ, ∇NABLA"),
    (r"a $M$ultilingual $Co$mmonsense $μ$P $τ^2$-Bench", "a Multilingual Commonsense μP τ²-Bench"),
    (r"X$^{2}$-Gaussian in 360$^\circ$, $360^\circ\times180^\circ$", "X²-Gaussian in 360°, 360°×180°"),
    (r"$x_{i+1}^2$, $10^{-4}$, $k^{th}$, $x_{i + 1}$", "xᵢ₊₁², 10⁻⁴, kᵗʰ, xᵢ₊₁"),
    (r"$x \leq 7$, $\leq 7$B, $3\times 3$, $n\to\infty$", "x ≤ 7, ≤7B, 3×3, n→∞"),
    (r"$\mathcal{O}(n \log n)$, $\mathcal O(n\log n)$", "𝒪(n log n), 𝒪(n log n)"),
    (r"$\mathcal{L}$, $\mathbb{R}^d$, $\mathbf{x}\in\mathbb{R}$, $\mathbb{E}$", "ℒ, ℝᵈ, 𝐱∈ℝ, 𝔼"),
    (r"$\text{Mamba}_2$, $\mathrm{GPT}$, $\textit{Don't Guess}$: x", "Mamba₂, GPT, Don't Guess: x"),
    (r"$\frac{1}{2}$, $\frac{a+b}{2}$, $\sqrt{n}$, $1/\sqrt{d}$", "1/2, (a+b)/2, √n, 1/√d"),
    (r"$\hat{x}$, $\tilde{O}(n)$, $\|x\|_2$, $p(x|y)$, $x^*$", "x̂, Õ(n), ‖x‖₂, p(x|y), x*"),
    (r"$\left(a, b\right)$, $4.54\%$, $\ell_2$, $10\,000$", "(a, b), 4.54%, ℓ₂, 10 000"),
    (r"$n$, $O(n)$, $k=5$, $5$ and $$x^2$$", "n, O(n), k=5, 5 and x²"),
    # Outside of them
    (r"improves by 4.54\%, Q\&As, foo\_bar, \$5", "improves by 4.54%, Q&As, foo_bar, $5"),
    (r"e.g.\ DQN, (\eg flames), \ie, now", "e.g. DQN, (e.g. flames), i.e., now"),
    (r"we propose \emph{both} and \textbf{A \emph{b} c}, {\it without}", "we propose both and A b c, without"),
    (r"introduce~\textsc{Domain2Vec}, A\textsuperscript{2}FM", "introduce Domain2Vec, A²FM"),
    (r"0{\deg}, 90{\deg}, {\mu}m, \textgreater 13B", "0°, 90°, μm, >13B"),
    (r"Schr\"odinger, Poincar\'e, \'{e}tude, \c{c}a", "Schrödinger, Poincaré, étude, ça"),
    (r"{\o}, {\'e}, Erd\H{o}s", "ø, é, Erdős"),
    ("termed as ``Meta'' or ``Meta\"", "termed as “Meta” or “Meta”"),
    (r"in {raise.17ex\scriptstyle\sim}4 hours", "in ~4 hours"),
    # What Hugging Face left of a formula
    ("approx13% and approx 44.1\\%, approx60%)", "≈13% and ≈44.1%, ≈60%)"),
    ("mathcal O_i(u), mathcal{L} and mathbb R", "𝒪_i(u), ℒ and ℝ"),
    ("leq 7B, geq 90% of these, a 3times speedup", "≤ 7B, ≥ 90% of these, a 3× speedup"),
    ("3times3, 64times 64", "3×3, 64×64"),
    ("0.73rightarrow0.90, QCNN rightarrow BIFSNN, sim607K, ell_2 norm", "0.73→0.90, QCNN → BIFSNN, ∼607K, ℓ₂ norm"),
    ("A^2FM, 10^{-4}, 10^5, 360^circ, 1.2pm0.3", "A²FM, 10⁻⁴, 10⁵, 360°, 1.2±0.3"),
]

KEPT = [
    "R&D at ~5 for $5 and $6",
    "from $5, or 6$ in all; US$1 to US$2 and A$AP and Ke$ha",
    "$HOME/$USER, $PATH$ and $x",
    "5$ and 6$, $ x $, $$ and $",
    r"$\foo{x}$-norm, $x_{abc}$, $\begin{cases}a & b\end{cases}$, $\frac{1}$, $x^$, ${$",
    r"we propose \tool, C:\new, \alpha outside, it\'s \"okay\"",
    "sigmaleft( sum_j and times sometimes 3 times faster, approx. 5, an approximation",
    "sim2real, Meta-sim2 and similar, mathematics, math of leqs, 5 pm, x^ y, a ^ b",
    "x_2 and snake_case, ~, \\, {braces}, a~b, rightarrows",
    "2^31-1",
    "",
]


@pytest.mark.parametrize(("source", "shown"), SHOWN)
def test_what_is_certain_is_shown_as_unicode(source, shown):
    assert to_unicode(source) == shown


@pytest.mark.parametrize("source", KEPT)
def test_what_is_in_doubt_stays_as_it_was(source):
    assert to_unicode(source) == source


@pytest.mark.parametrize(("source", "shown"), SHOWN)
def test_showing_twice_is_showing_once(source, shown):
    assert to_unicode(shown) == shown or "$" in shown


PIECES = st.sampled_from(
    [*r"$ $$ \ { } ^ _ ~ ' \" \alpha \frac \mathcal \text{a} \left( \sqrt \hat x 2 & % b \' `".split(), " ", "é"]
)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.lists(PIECES | st.text(max_size=3), max_size=25).map("".join))
def test_it_never_fails_and_drops_no_dollar_but_in_pairs(text):
    shown = to_unicode(text)
    assert (text.count("$") - shown.count("$")) % 2 == 0
    to_unicode(text, force=True)


def test_without_a_mark_of_latex_nothing_changes_for_comparing():
    for text in ("Plain title: of 5 words & more", "ünïcode μ", "a_b^c {d}"):
        assert to_unicode(text, force=True) is text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"$\tau$-bench", "τ-bench"),
        (r"X$^{2}$-Gaussian", "X^2-Gaussian"),
        (r"A\textsuperscript{2}FM", "A^2FM"),
        (r"$\textbf{World} \mathcal{M}$odel", "World Model"),
        (r"360$^\circ$ $\nabla$NABLA", "360^circ nablaNABLA"),
        (r"Schr\"{o}dinger Poincar\'e", "Schrödinger Poincaré"),
        (r"Costs \$5 \& 4\%", "Costs $5 & 4%"),
        ("$M$ulti", "Multi"),
    ],
)
def test_titles_are_compared_without_their_latex(one, other):
    assert compact(one) == compact(other)


def test_long_hopeless_text_is_read_in_bounded_time():
    hopeless = ("$", "{", r"\frac", "`", "$a^", r"\'", "x^{", r"$\sqrt", r"\textbf{", "times", "approx 1")
    start = time.perf_counter()
    for text in [form for piece in hopeless for form in (piece * 4000, f"${piece * 4000}$", f"$x$ {piece * 4000} $")]:
        to_unicode(text)
        to_unicode(text, force=True)
    assert time.perf_counter() - start < 5


def test_real_titles_of_two_sources_compare_equal(data: Path):
    """arXiv's titles have LaTeX, Hugging Face's have what it leaves of it."""
    lines = (data / "pairs" / "hf_arxiv_pairs.jsonl").read_text().splitlines()
    pairs = [json.loads(line) for line in lines]
    marked = [pair for pair in pairs if "$" in pair["arxiv_title"] or "\\" in pair["arxiv_title"]]
    assert len(marked) > 15
    assert all(compact(pair["hf_title"]) == compact(pair["arxiv_title"]) for pair in marked)
    assert not [pair for pair in marked if "$" in to_unicode(pair["arxiv_title"])]
