from __future__ import annotations

import html
import locale
from datetime import date
from pathlib import Path

import mjml
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import RenderError
from digest.rendering.environment import (
    attr,
    bundled_folder,
    day_month,
    dots,
    long_date,
    make_environment,
    paragraphs,
    render,
    short_date,
    templates_fingerprint,
    wrap,
    xml,
)

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60)


@given(TEXT | st.sampled_from(['\\alpha "x"', "\u200b", "a\\\\b", "é 漢字 🎉", "<&>'\""]))
def test_a_value_in_an_mjml_attribute_comes_out_as_it_went_in(text):
    page = mjml.mjml2html(f'<mjml lang="{attr(text)}"><mj-body></mj-body></mjml>', fonts={})
    written = page.partition('lang="')[2].partition('"')[0]
    assert html.unescape(written) == html.unescape(str(attr(text)))
    assert str(attr(text)).isascii()
    assert not set(str(attr(text))) & set("\"'<>\\{}")


def test_rss_text_has_references_that_every_reader_decodes_once():
    assert xml("a < b & c > d\x00\x08") == "a &#x3C; b &#x26; c &#x3E; d"


@pytest.mark.parametrize("name", ["C", "C.UTF-8"])
def test_dates_are_the_same_in_every_locale(name):
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, name)
        assert long_date(date(2026, 6, 16)) == "Tuesday, 16 June 2026"
        assert day_month(date(2026, 6, 16)) == "16 June"
        assert short_date(date(2021, 2, 26)) == "26 Feb 2021"
    finally:
        locale.setlocale(locale.LC_ALL, before)


def test_plain_text_is_wrapped_and_dotted():
    link = "https://papers.example.org/" + "x" * 80
    assert wrap(f"word {link} word", "* ", "  ") == f"* word\n  {link}\n  word"
    assert dots("Pruning", "12") == "Pruning " + "." * 47 + " 12"
    assert len(dots("long name " * 20, "1,234")) == len(dots("x", "1"))
    assert paragraphs("one\n\ntwo\n\n \n\n") == ["one", "two"]


def test_a_user_s_folder_stands_before_the_bundled_one_and_missing_ones_are_named(tmp_path: Path):
    (tmp_path / "a.html").write_text("{{ value }} {{ links.FEEDS }}\n")
    environment = make_environment(tmp_path)
    assert render(environment, "a.html", value="<b>\x00") == "&lt;b&gt; feeds.html\n"
    assert environment.get_template("mail/mail.mjml").filename == str(bundled_folder() / "mail" / "mail.mjml")
    with pytest.raises(RenderError, match=r"there is no template b\.html"):
        render(environment, "b.html")
    (tmp_path / "c.html").write_text("\n{% include 'gone.html' %}")
    with pytest.raises(RenderError, match=r"gone\.html, which c\.html needs"):
        render(environment, "c.html")
    (tmp_path / "d.html").write_text("\n\n{{ 1 / 0 }}")
    with pytest.raises(RenderError, match=r"d\.html, line 3: ZeroDivisionError"):
        render(environment, "d.html")
    with pytest.raises(RenderError, match="no folder"):
        make_environment(tmp_path / "nowhere")


def test_a_template_is_compiled_once_and_anew_when_it_changed(tmp_path: Path):
    first, second = (make_environment(None).get_template("mail/mail.mjml").root_render_func for _ in range(2))
    assert first.__code__ is second.__code__
    for text in ("before", "after"):
        (tmp_path / "a.html").write_text(text)
        assert render(make_environment(tmp_path), "a.html") == text


def test_the_fingerprint_moves_with_every_template(tmp_path: Path):
    first = templates_fingerprint(None)
    assert first == templates_fingerprint(None)
    mine = tmp_path / "mail.txt"
    mine.write_text("one")
    with_mine = templates_fingerprint(tmp_path)
    mine.write_text("two")
    renamed = templates_fingerprint(tmp_path)
    mine.rename(tmp_path / "other.txt")
    assert len({first, with_mine, renamed, templates_fingerprint(tmp_path)}) == 4
