"""LaTeX in titles and abstracts as Unicode: for showing where it is certain, everywhere for comparing.

May import nothing of `digest`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

_GREEK = dict(
    zip(
        "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi varpi rho "
        "varrho sigma varsigma tau upsilon phi varphi chi psi omega "
        "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega".split(),
        "αβγδεεζηθϑικλμνξπϖρϱσςτυϕφχψωΓΔΘΛΞΠΣΥΦΨΩ",
        strict=True,
    )
)
_LETTERS = {
    **_GREEK,
    **dict(
        zip(
            "ell hbar imath jmath Re Im aleph infty partial nabla emptyset varnothing forall exists neg lnot top bot "
            "angle prime degree deg circ dagger ddagger star ast bullet checkmark ldots dots cdots vdots langle rangle "
            "lceil rceil lfloor rfloor lVert rVert Vert lvert rvert vert sum prod int oint sharp flat natural "
            "square Box blacksquare triangle diamond Diamond clubsuit heartsuit spadesuit ss o O l L i ae AE oe OE aa "
            "AA S P copyright pounds".split(),
            "ℓℏıȷℜℑℵ∞∂∇∅∅∀∃¬¬⊤⊥∠′°°∘†‡⋆∗•✓…………⟨⟩⌈⌉⌊⌋‖‖‖|||∑∏∫∮♯♭♮□□■△⋄◇♣♡♠ßøØłŁıæÆœŒåÅ§¶©£".replace("…………", "…" * 4),
            strict=True,
        )
    ),
}
_OPERATORS = dict(
    zip(
        "times div cdot pm mp leq le geq ge neq ne ll gg approx sim simeq cong equiv propto to rightarrow leftarrow "
        "leftrightarrow Rightarrow Leftarrow Leftrightarrow longrightarrow longleftarrow implies iff mapsto "
        "uparrow downarrow Uparrow Downarrow nearrow searrow in notin ni subset subseteq supset supseteq cup cap "
        "setminus wedge land vee lor oplus ominus otimes odot mid parallel perp vdash models prec succ preceq succeq "
        "leqslant geqslant lesssim gtrsim triangleq coloneqq colon gets lt gt leadsto rightsquigarrow hookrightarrow "
        "bmod".split(),
        "×÷·±∓≤≤≥≥≠≠≪≫≈∼≃≅≡∝→→←↔⇒⇐⇔⟶⟵⇒⇔↦↑↓⇑⇓↗↘∈∉∋⊂⊆⊃⊇∪∩∖∧∧∨∨⊕⊖⊗⊙∣∥⊥⊢⊨≺≻⪯⪰⩽⩾≲≳≜≔:←<>⇝⇝↪%",
        strict=True,
    )
)
_OPERATORS["bmod"] = "mod"
_FUNCTIONS = frozenset(
    "log ln lg exp sin cos tan cot arcsin arccos arctan sinh cosh tanh max min sup inf lim argmax argmin det dim ker "
    "rank tr diag sign softmax sigmoid poly polylog Pr gcd mod deg".split()
)
_SPACES = {",": " ", ";": " ", ":": " ", " ": " ", "!": "", "quad": " ", "qquad": " ", "thinspace": " ", "/": ""}
_SIZES = frozenset(
    "left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr limits nolimits displaystyle textstyle "
    "scriptstyle".split()
)
_TEXT_FONTS = frozenset(
    "text textrm textbf textit texttt textsf textsc textnormal emph mbox mathrm operatorname".split()
)
_ACCENTS = {
    **{"hat": "\u0302", "widehat": "\u0302", "tilde": "\u0303", "widetilde": "\u0303", "bar": "\u0304"},
    **{"overline": "\u0305", "vec": "\u20d7", "dot": "\u0307", "ddot": "\u0308", "check": "\u030c", "breve": "\u0306"},
}
#: first capital, first small letter, first digit in the block of mathematical alphanumerics
_STYLES = {
    **{"mathcal": (0x1D49C, 0, 0), "mathscr": (0x1D49C, 0, 0), "cal": (0x1D49C, 0, 0)},
    **{"mathbb": (0x1D538, 0x1D552, 0x1D7D8), "mathds": (0x1D538, 0x1D552, 0x1D7D8), "mathfrak": (0x1D504, 0x1D51E, 0)},
    **{"mathbf": (0x1D400, 0x1D41A, 0x1D7CE), "boldsymbol": (0x1D400, 0x1D41A, 0x1D7CE), "bm": (0x1D400, 0x1D41A, 0)},
    **{"mathsf": (0, 0, 0), "mathtt": (0, 0, 0), "mathit": (0, 0, 0)},
}
#: letters that stood in Unicode before the block, whose places in it are empty
_HOLES = {
    **{0x1D49D: "ℬ", 0x1D4A0: "ℰ", 0x1D4A1: "ℱ", 0x1D4A3: "ℋ", 0x1D4A4: "ℐ", 0x1D4A7: "ℒ", 0x1D4A8: "ℳ", 0x1D4AD: "ℛ"},
    **{0x1D53A: "ℂ", 0x1D53F: "ℍ", 0x1D545: "ℕ", 0x1D547: "ℙ", 0x1D548: "ℚ", 0x1D549: "ℝ", 0x1D551: "ℤ"},
    **{0x1D506: "ℭ", 0x1D50B: "ℌ", 0x1D50C: "ℑ", 0x1D515: "ℜ", 0x1D51D: "ℨ"},
}
_RAISED = dict(
    zip(
        "0123456789+-−=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVWαβγδεθιφχ⊤′°†‡*∗⋆ ,",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵅᵝᵞᵟᵋᶿᶥᵠᵡᵀ′°†‡*∗⋆ ,",
        strict=True,
    )
)
del _RAISED[","], _RAISED[" "]
_LOWERED = dict(zip("0123456789+-−=()aehijklmnoprstuvxβγρφχ", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ", strict=True))


class _Doubt(Exception):
    """A formula has something without a certain form in Unicode."""


def to_unicode(text: str, *, force: bool = False) -> str:
    r"""Return `text` with its formulas as Unicode. Pure; never fails.

    Args:
        text: prose with LaTeX in it.
        force: convert everywhere, for comparing: fonts go, Greek letters become Greek, any other command its name (as
            in listings that lost their backslashes). Else for showing: a well-formed `$...$` all of whose parts have a
            form in Unicode, marks that mean one thing only (`4.54\%`, `\emph{both}`, `Schr\"odinger`), and formulas
            that lost their backslashes where nothing else can be meant (`approx13%`). The rest stays as it was.
    """
    if force:
        return _forced(text) if "\\" in text or "$" in text else text
    return _shown(text)


# For comparing

_FONT = re.compile(
    r"\\(?:math(?:cal|bf|bb|rm|it|sf|tt|scr|frak)|text(?:bf|it|tt|rm|sf|sc|superscript|subscript)?|emph|operatorname"
    r"|boldsymbol|bm|bf|it|rm|em|tt|sc)(?![A-Za-z])\s*"
)
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_ESCAPED = re.compile(r"\\(?=[%&#_])")


def _forced(text: str) -> str:
    if "\\" in text:
        text = _accented(text, certain=False)
        text = _FONT.sub("", text)
        text = _COMMAND.sub(lambda m: _GREEK.get(m.group(1), m.group(1)), text)
        text = _ESCAPED.sub("", text)
    # three times through the text, and yet a tenth of a pattern's time
    return text.replace("$", "").replace("{", "").replace("}", "")


# For showing

#: arguments within arguments of one formula; no one writes more
_DEEPEST = 20
_DELIMITER = re.compile(r"(?<!\\)\$\$?")
_PLAIN = re.compile(r"[A-Za-z0-9 .,+*/()<>=|:'!%\[\]-]+")
_PROSE = re.compile(rf"(?<![A-Za-z])(?!(?:{'|'.join(_FUNCTIONS)})(?![A-Za-z]))(?:[A-Za-z]{{4,}}|(?<=\s)[A-Za-z]{{2,}})")
_LONG_WORD = re.compile(r"[A-Za-z]{4,}")


def _shown(text: str) -> str:
    done: list[str] = []
    start = position = 0
    while opening := _DELIMITER.search(text, position):
        closing = _DELIMITER.search(text, opening.end())
        if closing is None:
            break
        body = text[opening.end() : closing.start()]
        if not _well_formed(opening.group(), body, closing.group(), text[closing.end() : closing.end() + 1]):
            position = opening.end()
            continue
        formula = _formula(body)
        if formula is None and "\\" not in body:
            position = opening.end()
            continue
        kept = text[opening.start() : closing.end()]
        done += [_prose(text[start : opening.start()]), kept if formula is None else formula]
        start = position = closing.end()
    done.append(_prose(text[start:]))
    return "".join(done)


def _well_formed(opening: str, body: str, closing: str, after: str) -> bool:
    """Whether two dollars hold a formula: no space inside of them, no digit after the second (Pandoc's rule)."""
    return opening == closing and bool(body) and body.strip() == body and not after.isdigit()


def _formula(body: str) -> str | None:
    """Return a formula as Unicode; None on any doubt."""
    if not any(mark in body for mark in "\\^_{") and body.isascii() and not _plain(body):
        return None
    try:
        return _Formula(body).read()
    except _Doubt:
        return None


def _plain(body: str) -> bool:
    """Whether ASCII without any mark of LaTeX is a formula still: `n`, `O(n)`, `k=5`, but no prose and no `HOME/`."""
    return bool(_PLAIN.fullmatch(body)) and not _PROSE.search(body) and body[-1] not in "/-+<=,:."


class _Formula:
    """Reads one formula from left to right."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.depth = 0

    def read(self, end: str = "") -> str:
        """Return what comes up to the character `end`, which is passed, or up to the end."""
        out = ""
        while self.at < len(self.source):
            char = self.source[self.at]
            if char == end:
                self.at += 1
                return out
            out = self._joined(out, char)
        if end:
            raise _Doubt
        return out

    def _joined(self, out: str, char: str) -> str:
        if char in "^_":
            self.at += 1
            return out + _script(self._argument(), _RAISED if char == "^" else _LOWERED)
        if char == "\\" and (name := self._name()) in _OPERATORS:
            self.at += 1 + len(name)
            return self._operator(out, _OPERATORS[name])
        piece = self._piece()
        return f"{out} {piece}" if piece in _FUNCTIONS and out[-1:].isalnum() else out + piece

    def _operator(self, out: str, sign: str) -> str:
        """Write an operator as wide on its right as its source is on its left: there a space only ends the name."""
        self._skip_space()
        return f"{out}{sign} " if out.endswith(" ") else out + sign

    def _piece(self) -> str:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise _Doubt
        piece = self._one()
        self.depth -= 1
        return piece

    def _one(self) -> str:
        char = self.source[self.at]
        if char == "\\":
            return self._command()
        if char == "{":
            self.at += 1
            return self.read("}")
        if char in "}&#%$" or (ord(char) < 32 and not char.isspace()):
            raise _Doubt
        if word := _LONG_WORD.match(self.source, self.at):
            if word.group() not in _FUNCTIONS:
                raise _Doubt
            self.at = word.end()
            return word.group()
        self.at += 1
        return {"~": " ", "'": "′", "\n": " "}.get(char, char)

    def _argument(self) -> str:
        self._skip_space()
        if self.at >= len(self.source) or self.source[self.at] in "^_}&":
            raise _Doubt
        if self.source[self.at] == "\\" and (name := self._name()) in _OPERATORS:
            self.at += 1 + len(name)
            return _OPERATORS[name]
        if self.source[self.at].isalnum():
            self.at += 1
            return self.source[self.at - 1]
        return self._piece()

    def _text(self) -> str:
        """Return a braced argument that is prose."""
        self._skip_space()
        group = re.compile(r"\{([^{}\\$]*)\}").match(self.source, self.at)
        if group is None:
            raise _Doubt
        self.at = group.end()
        return group.group(1)

    def _name(self) -> str:
        match = re.compile(r"[A-Za-z]+|.", re.DOTALL).match(self.source, self.at + 1)
        return match.group() if match else ""

    def _skip_space(self) -> None:
        while self.source[self.at : self.at + 1].isspace():
            self.at += 1

    def _command(self) -> str:
        name = self._name()
        self.at += 1 + len(name)
        if name in _SPACES:
            return _SPACES[name]
        if name and name in "%&#_${}":
            return name
        if name == "|":
            return "‖"
        if name in _TEXT_FONTS:
            return self._text()
        if name in _FUNCTIONS and name != "deg":
            return name
        if name in _LETTERS:
            self._skip_space()
            return _LETTERS[name]
        return self._structure(name)

    def _structure(self, name: str) -> str:
        if name in _STYLES:
            return _styled(self._argument(), name)
        if name in _SIZES:
            if name in ("left", "right", "middle") and self.source[self.at : self.at + 1] == ".":
                self.at += 1
            return ""
        if name in _ACCENTS:
            return _with_mark(self._argument(), _ACCENTS[name])
        if name in ("frac", "tfrac", "dfrac"):
            return f"{_grouped(self._argument())}/{_grouped(self._argument())}"
        if name == "sqrt" and self.source[self.at : self.at + 1] != "[":
            return f"√{_grouped(self._argument())}"
        raise _Doubt


def _script(text: str, forms: dict[str, str]) -> str:
    text = text.replace(" ", "")
    if text in ("°", "∘") and forms is _RAISED:
        return "°"
    if not text or any(char not in forms for char in text):
        raise _Doubt
    return "".join(forms[char] for char in text)


def _grouped(text: str) -> str:
    return text if len(text) == 1 or text.isalnum() else f"({text})"


def _with_mark(text: str, mark: str) -> str:
    if len(text) != 1 or not text.isalpha():
        raise _Doubt
    return unicodedata.normalize("NFC", text + mark)


def _styled(text: str, name: str) -> str:
    """Return a letter in a mathematical style; words stay plain, since no one can search for styled ones."""
    return _style_letter(text, name) if len(text) == 1 else text


def _style_letter(char: str, name: str) -> str:
    capital, small, digit = _STYLES[name]
    for first, base in (("A", capital), ("a", small), ("0", digit)):
        if base and char.isascii() and first <= char <= ("9" if first == "0" else chr(ord(first) + 25)):
            place = base + ord(char) - ord(first)
            return _HOLES.get(place, chr(place))
    return char


# Outside of formulas

_MARKS = {"`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", '"': "\u0308", "=": "\u0304", ".": "\u0307"}
_MARKS |= {"c": "\u0327", "v": "\u030c", "u": "\u0306", "H": "\u030b", "k": "\u0328", "r": "\u030a", "d": "\u0323"}
_BRACED_MARK = re.compile(
    r"""\{\\([`'^~"=.])\s*\{?\\?([A-Za-z])\}?\}|\\([`'^~"=.])\{\\?([A-Za-z])\}|\\([cvuHkrd])\{([A-Za-z])\}"""
    r"""|\{\\([cvuHkrd])[ ]+([A-Za-z])\}"""
)
#: only after a letter, and only on vowels: `it\'s` and `\"okay\"` are quotation
_BARE_MARK = re.compile(r"""(?<=[A-Za-z])\\([`'^~"])([aeiouyAEIOUY]|[nN](?<=~.))""")
_LETTER = re.compile(r"\{\\(ss|o|O|l|L|i|ae|AE|oe|OE|aa|AA)\}")


def _accented(text: str, *, certain: bool = True) -> str:
    def compose(match: re.Match[str]) -> str:
        mark, letter = (group for group in match.groups() if group)
        letter = "i" if letter == "i" else letter
        composed = unicodedata.normalize("NFC", letter + _MARKS[mark])
        return composed if len(composed) == 1 else match.group()

    text = _BRACED_MARK.sub(compose, text)
    text = (_BARE_MARK if certain else re.compile(r"""\\([`'^~"])([A-Za-z])""")).sub(compose, text)
    return _LETTER.sub(lambda m: _LETTERS[m.group(1)], text)


_WRAPPED = re.compile(
    r"\\(?:text(?:bf|it|tt|rm|sf|sc|normal)?|emph|underline|mbox|url)\s?\{([^{}\\$]*)\}"
    r"|(?<![A-Za-z\\])text(?:bf|it|tt|sc)\{([^{}\\$]*)\}"
    r"|\{\\(?:it|em|bf|tt|sc|sl|rm|sf)\s+([^{}\\$]*)\}"
)
_SCRIPTED = re.compile(r"\\text(super|sub)script\s?\{([^{}\\$]*)\}")
_BRACED_SYMBOL = re.compile(r"\{\\([A-Za-z]+)\}")
_SIGNS = {"textgreater": ">", "textless": "<", "textasciitilde": "~", "textendash": "–", "textemdash": "—"}
_SIGNS |= {"ldots": "…", "dots": "…", "textdegree": "°", "LaTeX": "LaTeX", "textmu": "µ", "textquotesingle": "'"}
_SIGN = re.compile(rf"\\({'|'.join(_SIGNS)})(?![A-Za-z])(?:\{{\}}|[ ])?")
_ABOUT = re.compile(r"\{\\?raise\s?[-.\d]*ex(?:\\?hbox)?\s?\{?\$?\\?scriptstyle\s?\\?sim\$?\}?\}")
_QUOTED = re.compile(r"""``([^`"\n]{1,200}?)(?:''|")""")


def _prose(text: str) -> str:
    if "\\" in text:
        text = re.sub(r"(?<=[\w)])~(?=\\(?:text|emph))", " ", _ABOUT.sub("~", text))
        text = _accented(text)
        for _ in range(3):  # nested fonts
            text = _WRAPPED.sub(lambda m: next(group for group in m.groups() if group is not None), text)
        text = _SCRIPTED.sub(_scripted, text)
        text = _BRACED_SYMBOL.sub(lambda m: _LETTERS.get(m.group(1)) or _OPERATORS.get(m.group(1)) or m.group(), text)
        text = _SIGN.sub(lambda m: _SIGNS[m.group(1)], text)
        text = re.sub(r"\\(?:(e)(g)|(i)(e))(?=[ ,:])", lambda m: "{}.{}.".format(*filter(None, m.groups())), text)
        text = re.sub(r"\\([%&#_$])", r"\1", text)
        text = re.sub(r"(?<=[.,:;a-z])\\(?= )", "", text)
    if "``" in text:
        text = _QUOTED.sub("“\\1”", text)
    for hint, pattern, sign in _DROPPED:
        if hint in text:
            text = pattern.sub(sign, text)
    return text


def _scripted(match: re.Match[str]) -> str:
    try:
        return _script(match.group(2), _RAISED if match.group(1) == "super" else _LOWERED)
    except _Doubt:
        return match.group()


def _style(match: re.Match[str]) -> str:
    return _style_letter(match.group(2) or match.group(3), f"math{match.group(1)}")


#: what Hugging Face leaves of a formula where nothing else can be meant: looked for only where the first word is
_DROPPED: tuple[tuple[str, re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    ("approx", re.compile(r"(?<![\w\\.-])approx ?(?=~?\d)"), lambda m: "≈"),
    ("leq", re.compile(r"(?<![A-Za-z\\])leq(?![A-Za-z])"), lambda m: "≤"),
    ("geq", re.compile(r"(?<![A-Za-z\\])geq(?![A-Za-z])"), lambda m: "≥"),
    ("neq", re.compile(r"(?<![A-Za-z\\])neq(?![A-Za-z])"), lambda m: "≠"),
    ("leftrightarrow", re.compile(r"(?<![A-Za-z\\])leftrightarrow(?![A-Za-z])"), lambda m: "↔"),
    ("rightarrow", re.compile(r"(?<![A-Za-z\\])rightarrow(?![A-Za-z])"), lambda m: "→"),
    ("cdot", re.compile(r"(?<![A-Za-z\\])cdot(?![A-Za-z])"), lambda m: "·"),
    ("infty", re.compile(r"(?<![A-Za-z\\])infty(?![A-Za-z])"), lambda m: "∞"),
    ("times", re.compile(r"(?<=\d)times(?: ?(?=\d)|\b)"), lambda m: "×"),
    ("sim", re.compile(r"(?<![\w\\-])sim(?=\d+(?:[.,]\d+)*(?:%|[KMB]\b| ?×))"), lambda m: "∼"),
    ("pm", re.compile(r"(?<=\d)pm(?=\d+\.\d)"), lambda m: "±"),
    ("math", re.compile(r"(?<![A-Za-z\\])math(cal|bb|scr|frak|bf)(?: ([A-Za-z])(?![A-Za-z])|\{([A-Za-z])\})"), _style),
    ("ell_", re.compile(r"(?<![A-Za-z\\])ell_\{?([0-9p])\}?(?![A-Za-z0-9])"), lambda m: "ℓ" + _LOWERED[m.group(1)]),
    ("circ", re.compile(r"(?<=\d)\^\{?\\?circ\b\}?"), lambda m: "°"),
    (
        "^",
        re.compile(r"(?<=[A-Za-zα-ωΑ-Ω\d)])\^(?:\{(-?\d+|[+-])\}|(\d)(?![\d.]))"),
        lambda m: _script(m.group(1) or m.group(2), _RAISED),
    ),
)
