from __future__ import annotations

import itertools
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import RenderError
from digest.models import Alias, Density, Edition, Entry, View
from digest.rendering.environment import bundled_folder, make_environment
from digest.rendering.mail import LIMIT, Mail, MailLinks, render_mail
from digest.text import clean
from tests.rendering.mail_editions import make_edition, make_entry, make_view

ENVIRONMENT = make_environment(None)
VOID = {"meta", "br", "img", "hr", "link"}


class Page(HTMLParser):
    """What a reader, a screen reader and a filter find in a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == [], "elements that nobody closed"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data):
        if not {"style", "title"} & set(self._open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def hrefs(self) -> list[str]:
        return [link["href"] or "" for link in self.all("a")]


def mail_of(view: View, **given: object) -> Mail:
    usual: dict[str, object] = {"subject": "The subject", "preheader": "4 on pruning", "minutes": 5}
    return render_mail(view, **{"environment": ENVIRONMENT, **usual, **given})  # type: ignore[arg-type]


def entries_of(view: View):
    return [*view.top, *(entry for section in view.sections for entry in section.entries)]


@pytest.fixture(scope="module")
def mail() -> Mail:
    return mail_of(make_view(make_edition()))


def test_it_is_one_well_formed_page_for_every_reader(mail):
    page = Page(mail.html)
    assert page.all("html")[0]["lang"] == "en"
    assert "<title>The subject</title>" in mail.html
    headings = [tag for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert headings.count("h1") == 1
    assert headings[0] == "h1"
    assert all(int(after[1]) - int(before[1]) <= 1 for before, after in itertools.pairwise(headings))
    assert all(table.get("role") == "presentation" for table in page.all("table"))
    assert all(table == 'role="presentation"' for table in re.findall(r"<table[^>]*?(role=\"\w+\")", mail.html))
    assert len(re.findall("<table", mail.html)) == len(re.findall('<table[^>]*role="presentation"', mail.html))
    assert {("color-scheme", "light dark"), ("supported-color-schemes", "light dark")} <= {
        (meta.get("name"), meta.get("content")) for meta in page.all("meta")
    }
    assert not {"script", "form", "img", "link", "iframe", "object", "input"} & {tag for tag, _ in page.elements}
    assert not re.search(r"@import|url\(|fonts\.g|src=", mail.html)


def test_no_words_are_smaller_than_thirteen_pixels(mail):
    sizes = {int(size) for size in re.findall(r"font-size:\s*(\d+)", re.sub("<!--.*?-->", "", mail.html))}
    assert sizes == {0, 13, 16, 18, 19, 34}
    # 0 is for cells whose own rows set a size, and for the bars.
    assert not re.search(r"<td[^>]*font-size:\s*0[^>]*>[^<\s]", mail.html)


def test_the_preheader_is_a_block_of_its_own_that_nobody_sees(mail):
    hidden = re.search(r'<div class="pre" style="([^"]*)">([^<]*)</div>', mail.html)
    assert hidden
    assert hidden[2] == "4 on pruning"
    assert "display: none" in hidden[1]
    assert "font-size" not in hidden[1]
    assert mail.html.index(hidden[0]) < mail.html.index("<h1")
    assert mail.html.count("4 on pruning") == 1


def test_it_says_what_came_and_leads_out_of_it_above_everything(mail):
    words = Page(mail.html).text
    assert "18 listed · 6 you have had · 12 new" in words
    assert "No. 3 · Tuesday, 16 June 2026 · 12 new papers under 6 headings · 5 minutes" in words
    top = mail.html[: mail.html.index("<h1")]
    assert 'href="https://papers.example.org/daily/2026-06-16/"' in top
    assert 'href="https://papers.example.org/daily/"' in top
    assert 'href="https://papers.example.org/feeds.html"' in top
    assert "nsubscribe" not in mail.html
    assert "Preferences" not in mail.html


def test_a_reader_s_own_mail_has_her_links_at_both_ends():
    own = MailLinks(web="https://x.org/e", preferences="https://x.org/p", unsubscribe="https://x.org/u")
    mail = mail_of(make_view(make_edition()), to=own, recipient="This goes to a@b.org at 08:00, since 2 May 2026.")
    hrefs = Page(mail.html).hrefs
    assert hrefs[:3] == ["https://x.org/e", "https://x.org/p", "https://x.org/u"]
    assert hrefs[-2:] == ["https://x.org/p", "https://x.org/u"]
    for part in (Page(mail.html).text, mail.text):
        assert "This goes to a@b.org at 08:00, since 2 May 2026." in part
    assert "as everybody can read it" not in mail.html
    assert mail.text.count("https://x.org/u") == 2


def test_without_a_site_there_is_no_dead_link():
    entries = [make_entry(0), make_entry(1, ids=(), title="No Id"), *(make_entry(n) for n in range(2, 12))]
    view = make_view(make_edition(entries=entries, base_url=None))
    sections = tuple(one.model_copy(update={"more": 3, "total": one.total + 3}) for one in view.sections)
    mail = mail_of(view.model_copy(update={"sections": sections}))
    page = Page(mail.html)
    anchors = {attributes.get("id") for _, attributes in page.elements}
    for href in page.hrefs:
        assert href.startswith("https://") or href.removeprefix("#") in anchors, href
    assert "https://arxiv.org/abs/2606.00000" in page.hrefs
    assert "https://arxiv.org/search/?query=No+Id&searchtype=title" in page.hrefs
    assert re.search("<h3[^>]*>No Id</h3>", mail.html)
    assert "3 more in the full edition" in page.text
    assert "example.org" not in mail.html + mail.text


def test_an_entry_has_title_sentence_facts_and_reasons():
    mail = mail_of(make_view(make_edition()))
    words = Page(mail.html).text
    assert "Paper 4: On the Training of Sparse and Spiking Networks from Scratch We show that 4 pruned" in words
    assert "4 authors · 26 Feb 2021 · 1 comment" in words
    assert "Here because: about “pruning”" in words
    assert "matches your" not in mail.html + mail.text
    assert 'href="https://github.com/lab/paper-3"' in mail.html
    assert "Code: https://github.com/lab/paper-3\n" in mail.text
    assert "spiking" in Page(mail_of(make_view(make_edition()), personal=True).html).text
    assert "matches your ‘spiking’" in mail_of(make_view(make_edition(public_reasons=True))).text


def test_a_listing_without_facts_leaves_no_empty_line():
    bare = make_entry(1, author_count=None, published=None, comments=None, links=())
    bare = bare.model_copy(update={"reasons": (), "summary": ""})
    mail = mail_of(make_view(make_edition(entries=[make_entry(0), bare], top=make_edition(1).top)))
    assert not re.search(r"<p[^>]*>\s*</p>", mail.html)
    after = mail.text[mail.text.index("Paper 1:") :].split("\n")
    assert after[1:3] == ["  https://papers.example.org/papers/2606.00001/", ""]


def test_revised_and_late_stand_there_in_words_at_every_density():
    late = make_entry(0).model_copy(update={"late": 3})
    revised = make_entry(1).model_copy(update={"change": "revised", "heading": None, "revision": "title changed, v2"})
    edition = make_edition(entries=[make_entry(2), late, revised])
    told: tuple[Density, Density] = ("one", "title")
    for density in told:
        mail = mail_of(make_view(edition, density, density))
        for part in (Page(mail.html).text, " ".join(mail.text.split())):
            assert "Late: first seen 3 days after its date" in part
            assert "Revised: title changed, v2" in part


def test_bars_add_up_and_lead_to_sections_of_the_page():
    edition = make_edition(20)
    page = Page(mail_of(make_view(edition)).html)
    counts = [int(n) for n in re.findall(r'class="count"[^>]*>(\d+)<', mail_of(make_view(edition)).html)]
    assert sum(counts) == 20
    links = [href for href in page.hrefs if "#" in href]
    assert links[:6] == [f"https://papers.example.org/daily/2026-06-16/#s-h{n}" for n in range(6)]


def test_each_density_shows_what_it_says_and_the_text_mirrors_it():
    edition = make_edition(8, top={"label": "", "keys": ()})
    cases: tuple[tuple[Density, tuple[str, ...], tuple[str, ...]], ...] = (
        ("abstract", ("Networks are large.", "learn as fast", "41 % of the energy"), ()),
        ("two", ("learn as fast", "41 % of the energy"), ("Networks are large.",)),
        ("one", ("learn as fast",), ("Networks are large.", "41 % of the energy")),
        ("title", ("Paper 7",), ("learn as fast", "4 authors", "Here because")),
    )
    for density, shown, hidden in cases:
        mail = mail_of(make_view(edition, density))
        for part in (Page(mail.html).text, " ".join(mail.text.split())):
            assert all(part.count(words) >= 8 or words == "Paper 7" for words in shown), density
            assert not any(words in part for words in hidden), density


def test_the_text_has_every_title_of_the_html_wrapped_at_72():
    mail = mail_of(make_view(make_edition(30)))
    flat = " ".join(mail.text.split())
    for shown in entries_of(mail.view):
        assert shown.entry.paper.title in flat
        assert shown.entry.paper.title in Page(mail.html).text
    assert all(len(line) <= 72 or "://" in line for line in mail.text.split("\n"))
    assert not re.search(r"&[a-z#0-9]+;|\n\n\n\n|[ \t]\n", mail.text)
    order = [mail.text.index(f"Paper {n}:") for n in (0, 1, 2, 6)]
    assert order == sorted(order)


# The budget


@pytest.mark.parametrize(
    ("count", "density"), [(288, "title"), (288, "one"), (1000, "abstract"), (1000, "title"), (25, "abstract")]
)
def test_html_keeps_the_budget_and_counts_what_it_leaves_out(count, density):
    edition = make_edition(count)
    view = make_view(edition, density, "two")
    mail = mail_of(view)
    assert len(mail.html.encode()) <= LIMIT
    assert mail.view.shown + sum(section.more for section in mail.view.sections) == count
    assert all(shown.density != "title" for shown in mail.view.top)
    told = [shown.entry.score for shown in entries_of(mail.view) if shown.density != "title"]
    lines = [shown.entry.score for shown in entries_of(mail.view) if shown.density == "title"]
    assert min(told) > max(lines, default=0)
    if count <= 288:
        assert mail.view.shown == count
    else:
        assert mail.view.shown > 250
        assert re.search(r"[\d,]+ more in Heading &amp; more h\d", mail.html)
    shown = {entry.entry.paper.key for entry in entries_of(mail.view)}
    lost = {entry.paper.key for entry in edition.entries} - shown
    assert max((edition.entry(key).score for key in lost), default=0) < min(edition.entry(key).score for key in shown)


def test_a_mail_that_fits_is_shown_as_it_was_chosen():
    view = make_view(make_edition(25), "one")
    mail = mail_of(view)
    assert mail.view == view
    assert 35_000 < len(mail.html.encode()) < 65_000


def test_a_line_costs_three_hundred_bytes_at_most():
    few, many = (len(mail_of(make_view(make_edition(n), "title")).html.encode()) for n in (60, 160))
    assert (many - few) / 100 <= 300


def test_very_long_abstracts_and_titles_do_not_break_it():
    entries = [make_entry(n, abstract="Deep nets learn. " * 4000, title="Long " * 500) for n in range(30)]
    mail = mail_of(make_view(make_edition(entries=entries), "abstract", "abstract"))
    assert len(mail.html.encode()) <= LIMIT
    assert mail.view.shown == 30
    assert max(len(line) for line in mail.text.split("\n")) <= 3000


def test_a_smaller_limit_shows_less_down_to_the_frame():
    view = make_view(make_edition(60))
    sizes = [mail_of(view, limit=limit).view.shown for limit in (100_000, 40_000, 25_000, 1)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 60
    assert sizes[-1] == 0


# Escaping, colours, bytes

NASTY = st.sampled_from(
    [
        "<script>alert(1)</script>",
        "</mj-text><mj-raw>",
        "</mj-body></mjml>",
        "{{ 7*7 }} {% raw %}",
        '"><img src=x onerror=1>',
        "' onmouseover='x",
        "\\alpha \\\\ \\u{200b}",
        "\u200b\u200d\ufeff",
        "<!-- [if mso]> -->",
        "--> ]]> <![CDATA[",
        "&amp; &lt; &#60; &nbsp",
        "<a href='javascript:x'>y</a>",
        "\x00\x08\x1b\ud800",
        "<style>*{}</style>",
        "日本語 🎉 e\u0301",
        "</title></td></table>",
        "<" * 300,
    ]
)
WORDS = st.lists(NASTY | st.text(max_size=30), min_size=1, max_size=4).map(" ".join)


def dumped(text: str) -> str:
    """What sources make of bytes before anybody else sees them."""
    return clean(text.encode("utf-8", "ignore").decode()) or "x"


@settings(max_examples=60, derandomize=True, deadline=None)
@given(WORDS, WORDS, WORDS)
def test_nothing_of_a_dump_becomes_markup(title, abstract, who):
    plain = mail_of(make_view(make_edition(3)))
    entry = make_entry(0, title=title, abstract=abstract, authors=(who,), organization={"name": who})
    entry = entry.model_copy(update={"summary": abstract, "revision": who})
    edition = make_edition(entries=[entry, make_entry(1), make_entry(2)], lead=abstract, title=title, notes=(who,))
    mail = mail_of(make_view(edition), subject=title, preheader=who)
    names = {tag for tag, _ in Page(mail.html).elements}
    assert names <= {tag for tag, _ in Page(plain.html).elements} | {"i", "span"}
    assert not [name for _, attributes in Page(mail.html).elements for name in attributes if name.startswith("on")]
    assert all(href.startswith("https://") for href in Page(mail.html).hrefs)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", mail.html + mail.text)
    mail.html.encode()


@pytest.mark.parametrize("title", ["a < b & c > d \"e\" 'f'", "{{ x }} {% y %}", "<b>bold</b> &amp; co", "a\\b\\alpha"])
def test_titles_are_read_as_they_were_written(title):
    mail = mail_of(make_view(make_edition(entries=[make_entry(0, title=dumped(title)), make_entry(1)])))
    assert dumped(title) in Page(mail.html).text
    assert dumped(title) in " ".join(mail.text.split())


def test_formulas_are_shown_as_unicode_in_both_parts():
    entry = make_entry(0, title=r"$\alpha$-VAE for R&D at ~5 $5 and $6")
    entry = entry.model_copy(update={"summary": r"We gain 4.54\% in $\mathcal{O}(n^2)$."})
    mail = mail_of(make_view(make_edition(entries=[entry, make_entry(1)])))
    for part in (Page(mail.html).text, " ".join(mail.text.split())):
        assert "α-VAE for R&D at ~5 $5 and $6" in part
        assert "We gain 4.54% in 𝒪(n²)." in part


def test_equal_input_gives_equal_bytes():
    first, second = (mail_of(make_view(make_edition(300)), preheader="x") for _ in range(2))
    assert (first.html, first.text) == (second.html, second.text)
    third = mail_of(make_view(make_edition(300)), preheader="x", environment=make_environment(None))
    assert third.html == first.html


def written(mail: Mail) -> str:
    """The HTML without its style elements: what clients that drop those still have."""
    return re.sub(r"<style.*?</style>", "", mail.html, flags=re.DOTALL)


def luminance(color: str) -> float:
    channels = [int(color[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2.2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_every_text_colour_holds_four_and_a_half_to_one_in_light_and_dark(mail):
    head = (bundled_folder() / "mail" / "head.css").read_text()
    dark = head[head.index("prefers-color-scheme:dark") :]
    light_colors = set(re.findall(r"(?<![-\w])color:\s*(#\w{6})", written(mail)))
    dark_colors = set(re.findall(r"(?<![-\w])color:(#\w{6})", dark))
    assert light_colors == {"#1d1c1a", "#5d5a54", "#a63a1e"}
    assert dark_colors == {"#ece9e2", "#a8a399", "#ff9d7a"}
    assert all(contrast(color, ground) >= 4.5 for color in light_colors for ground in ("#fffdf9", "#f4f2ec"))
    assert all(contrast(color, ground) >= 4.5 for color in dark_colors for ground in ("#1b1b1a", "#131312"))


def test_dark_rules_reach_the_inner_tables(mail):
    assert ".paper,.paper>table{background:#1b1b1a!important}" in mail.html
    assert mail.html.count('<div class="paper"') == 3
    for ground in re.findall(r"background(?:-color)?:\s*(#\w{6})", written(mail)):
        assert ground in {"#f4f2ec", "#fffdf9", "#a63a1e"}


def test_a_user_s_template_stands_before_ours_and_its_mistakes_are_named(tmp_path: Path):
    folder = tmp_path / "mail"
    folder.mkdir()
    mine = folder / "mail.txt"
    mine.write_text("MINE\n{% include 'bundled/mail/mail.txt' %}")
    view = make_view(make_edition(3))

    def text() -> str:
        environment = make_environment(tmp_path)
        return render_mail(view, subject="s", preheader="p", minutes=1, environment=environment).text

    assert text().startswith("MINE\nDaily Papers\n")
    mine.write_text("{{ letter.title }}\n{{ letter.nothing }}\n")
    with pytest.raises(RenderError, match=r"mail\.txt, line 2: .*nothing"):
        text()
    mine.write_text("{% if %}\n")
    with pytest.raises(RenderError, match=r"mail\.txt, line 1"):
        text()
    mine.unlink()
    (folder / "mail.mjml").write_text("<mjml><mj-body><mj-text>a < b</mj-text></mj-body></mjml>")
    with pytest.raises(RenderError, match="MJML"):
        text()


def test_an_edition_of_one_is_a_mail_too():
    section = {"id": "all", "title": "All papers", "keys": ["2606.00000"]}
    edition = make_edition(1, top={"label": "", "keys": ()}, sections=(section,))
    mail = mail_of(make_view(edition))
    assert 'class="bars"' not in mail.html
    assert "1 new paper ·" in mail.text


def test_seed_ids_give_links_to_the_work_itself():
    entry: Entry = make_entry(0, ids=(Alias(scheme="doi", value="10.1/x"),))
    edition: Edition = make_edition(entries=[entry], base_url=None)
    assert "https://doi.org/10.1/x" in mail_of(make_view(edition)).html
