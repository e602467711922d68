from __future__ import annotations

import email
import email.policy
import html
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digest.errors import RenderError
from digest.rendering import footing
from digest.rendering.environment import make_environment, wrap
from digest.rendering.headers import From, To
from digest.rendering.letter import MailLinks
from digest.rendering.mail import Mail, render_mail
from digest.rendering.mime import build_message, build_plain, quoted_line
from digest.rendering.splice import _LAST, Form, Markers, Reader, _slot, compile_message, make_markers, wrapped
from digest.text import clean
from tests.rendering.mail_editions import make_edition, make_view
from tests.rendering.messages import body, display_name, keeps_the_rules, parse

EDITION = make_edition(4)
VIEW = make_view(EDITION)
ENVIRONMENT = make_environment(None)
SENDER = From("papers@example.org", "Papers", "desk@example.org")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)

ANYTHING = st.text(st.characters(exclude_categories=["Cs"]), max_size=120)
MIXED = st.text(st.sampled_from('aZ 5=?_"\\<>,;&.éßπ漢字🎉\u0301\u200d\u00a0 \t'), max_size=120)
WORDS = ANYTHING | MIXED | st.text("a= ", max_size=200)
LOCAL = st.text(st.sampled_from("abcXYZ019._+=-!#$%&'*/?^`{|}~"), min_size=1, max_size=64)
HOST = st.from_regex(r"[a-z]{1,20}(\.[a-z0-9]{1,20}){1,8}", fullmatch=True)
ADDRESSES = st.builds("{}@{}".format, LOCAL, HOST).filter(lambda one: len(one) <= 254)
URLS = st.text(st.sampled_from("abcXYZ019./?&=%+-_~'\""), max_size=700).map("https://papers.example.org/{}".format)
TITLES = st.sampled_from(
    ["Daily Papers", "Журнал статей", "毎日の論文", "Zoë’s 🎉 list", 'a "b" \\ c, d', "=?utf-8?q?x?="]
)


def reader_of(address: str, name: str = "", url: str = "https://x.org/u/abc", sentence: str | None = None) -> Reader:
    to = To(address, name, "<daily.3.0123@papers.example.org>", NOON, (url, "mailto:a@b.org"), one_click=True)
    return Reader(to, f"You get this at {address}." if sentence is None else sentence, url)


def escaped(value: str) -> str:
    return html.escape(value, quote=True).replace("&#x27;", "'").replace("\u00a0", "&nbsp;")


# Any body, with its slots anywhere


@dataclass
class Draft:
    """A body in parts: text, or the number of a slot."""

    parts: list[str | int]

    def with_values(self, *values: str) -> str:
        return "".join(part if isinstance(part, str) else values[part] for part in self.parts)


PARTS: st.SearchStrategy[str | int] = (
    WORDS | st.sampled_from(["\n", "\n\n", ": ", '<a href="']) | st.sampled_from([0, 1])
)
DRAFTS = st.lists(PARTS, max_size=12).map(Draft)


@settings(max_examples=50)
@given(DRAFTS, DRAFTS, ADDRESSES, WORDS, URLS, WORDS, TITLES)
@example(
    Draft(["x" * 75, 0, "y" * 80]), Draft(["=" * 26, 1, " ", 1, "\n", 0]), "a@b.org", "🎉" * 60, "https://x", "s", "T"
)
@example(Draft(["x" * 76, 1, "y" * 76, 0]), Draft([1, "y"]), "a@b.org", "", "https://" + "x" * 68, "z" * 40, "T")
@example(Draft([0, 0, " "]), Draft([" ", 1, " "]), "a=b@c.org", '"', "https://" + "x" * 690, "=" * 75 + " ", "T")
@example(Draft([1, "\n", "tail "]), Draft([]), "a@b.org", "", "https://x/é".replace("é", "="), "漢" * 30, "T")
def test_spliced_it_is_what_it_would_be_if_built_for_the_reader(text, page, address, name, url, consent, title):
    edition = EDITION.model_copy(update={"title": title})
    sentence = clean(f"You get this at {address} (consent: {consent}).")
    reader = reader_of(address, name, url, sentence)
    markers = make_markers(text.with_values("", ""), page.with_values("", ""), sentence, url)
    form = compile_message(
        text.with_values(markers.sentence, markers.link),
        page.with_values(markers.sentence, markers.link),
        markers,
        edition,
        subject=title,
        sender=SENDER,
    )
    spliced = filled(form, reader)
    keeps_the_rules(spliced)
    slow = Mail(
        html=page.with_values(escaped(sentence), escaped(url)),
        text=text.with_values("\n".join(wrapped(sentence)), url),
        view=VIEW,
    )
    built = build_message(slow, edition, subject=title, sender=SENDER, to=reader.to)
    same(spliced, built)
    assert display_name(spliced, "To") == clean(name)
    assert parseaddr(email.message_from_bytes(spliced)["To"])[1] == address
    lone = compile_message(
        text.with_values(markers.sentence, markers.link), None, markers, edition, subject=title, sender=SENDER
    )
    plain = filled(lone, reader)
    keeps_the_rules(plain)
    same(plain, build_plain(slow.text, edition, subject=title, sender=SENDER, to=reader.to))


def filled(form: Form, reader: Reader) -> bytes:
    """Return the message of a reader in one piece."""
    return b"".join(form.fill(reader))


def same(spliced: bytes, built: bytes) -> None:
    """Both say the same: in each header, in each part."""
    assert spliced.partition(b"\r\n\r\n")[0] == built.partition(b"\r\n\r\n")[0]
    one, other = parse(spliced), parse(built)
    assert one.items() == other.items()
    assert one.get_content_type() == other.get_content_type()
    kinds = [part.get_content_type() for part in one.walk()]
    assert kinds == [part.get_content_type() for part in other.walk()]
    for kind in ("plain", "html")[: len(kinds) - 1 or 1]:
        assert body(one, kind) == body(other, kind)


# A real mail


def real(sentence: str, url: str, **more: object) -> Mail:
    to = MailLinks(web="https://papers.example.org/daily/", unsubscribe=url)
    return render_mail(
        VIEW,
        subject="s",
        preheader="p",
        minutes=1,
        environment=ENVIRONMENT,
        to=to,
        recipient=sentence,
        **more,  # type: ignore[arg-type]
    )


@cache
def template() -> tuple[Markers, Mail]:
    markers = make_markers(EDITION.canonical_json().decode())
    return markers, real(markers.sentence, markers.link)


def same_page(one: str, other: str) -> bool:
    return one.replace("&quot;", '"') == other.replace("&quot;", '"')


@settings(max_examples=20)
@given(ADDRESSES, WORDS, URLS, WORDS)
def test_a_real_mail_says_what_it_would_say_rendered_for_the_reader(address, name, url, consent):
    markers, mail = template()
    sentence = clean(f"You get this at {address} (consent: {consent}).").replace("“", "").replace("”", "")
    reader = reader_of(address, name, url, sentence)
    spliced = filled(compile_message(mail.text, mail.html, markers, EDITION, subject="s", sender=SENDER), reader)
    keeps_the_rules(spliced)
    slow = real(sentence, url)
    one = parse(spliced)
    assert body(one, "plain") == slow.text
    assert same_page(body(one, "html"), slow.html)
    assert one["Date"] == format_datetime(NOON)


def test_python_s_own_library_would_say_the_same():
    markers, mail = template()
    sentence = "You get this at ada@example.org (consent: Zoë & 漢字 🎉 <x>)."
    reader = reader_of("ada@example.org", "Ada", "https://x.org/u/?a=1&b=2", sentence)
    one = parse(filled(compile_message(mail.text, mail.html, markers, EDITION, subject="s", sender=SENDER), reader))
    slow = real(sentence, reader.link)
    usual = EmailMessage(policy=email.policy.SMTP)
    usual.set_content(slow.text, cte="quoted-printable")
    usual.add_alternative(f"{slow.html}\n", subtype="html", cte="quoted-printable")
    other = parse(usual.as_bytes())
    assert body(one, "plain") == body(other, "plain")
    assert f"{body(one, 'html')}\n" == body(other, "html")


@given(st.lists(st.text("abé漢.,-", min_size=1, max_size=90), max_size=40).map(" ".join))
@example("x" * 200 + " y")
@example("y " + "x" * 72 + " z")
def test_a_sentence_is_wrapped_as_templates_wrap(paragraph):
    assert "\n".join(wrapped(paragraph)) == wrap(paragraph)


def test_what_is_to_be_copied_stays_on_one_line():
    sentence = footing.for_reader(
        "Daily Papers", "ada@example.org", "because she asked", "daily", "x" * 24, "desk@example.org"
    )
    assert f"“unsubscribe daily {'x' * 24}”." in wrapped(sentence)
    assert " ".join(wrapped(sentence)) == sentence


# Markers


def test_a_marker_in_the_content_is_content():
    markers = make_markers("one")
    content = f"{markers.sentence} and {markers.link}\n"
    others = make_markers(content)
    assert others != markers
    form = compile_message(content + others.sentence, None, others, EDITION, subject="s", sender=SENDER)
    told = body(parse(filled(form, reader_of("a@b.org"))), "plain")
    assert told == f"{content}You get this at a@b.org.\n"


def test_each_reader_has_her_own_and_nothing_of_another():
    markers = make_markers("")
    form = compile_message(markers.sentence, f"<p>{markers.sentence}</p>", markers, EDITION, subject="s", sender=SENDER)
    first, second, again = (filled(form, reader_of(one)) for one in ("ada@b.org", "eve@b.org", "ada@b.org"))
    assert first == again
    assert b"ada@b.org" not in second
    assert first.replace(b"ada@", b"eve@") == second


def test_a_template_that_changes_a_marker_is_refused():
    markers = make_markers("")
    with pytest.raises(RenderError, match="no filter may change"):
        compile_message(markers.sentence.upper(), None, markers, EDITION, subject="s", sender=SENDER)


@pytest.mark.parametrize("address", ["a@b.org\r\nBcc: c@d.org", "a@b.org, c@d.org", "", "ä@b.org"])
def test_an_address_that_is_not_one_address_is_refused(address):
    form = compile_message("x", None, make_markers("x"), EDITION, subject="s", sender=SENDER)
    with pytest.raises(RenderError, match="one plain address"):
        form.fill(reader_of(address))


@given(st.text(st.sampled_from("ab=“”é \t%&\N{NO-BREAK SPACE}"), max_size=200))
def test_a_slot_is_encoded_as_any_line_is(line: str) -> None:
    assert _slot(line) == "\r\n".join(quoted_line(line, _LAST)).encode("ascii")


def test_a_slot_stands_on_lines_of_its_own_after_a_soft_break():
    markers = make_markers("")
    form = compile_message(f"Leave: {markers.link} now\n", None, markers, EDITION, subject="s", sender=SENDER)
    message = filled(form, reader_of("a@b.org", url="https://x.org/u/token"))
    assert re.search(rb"\r\nLeave:(=20| )=\r\nhttps://x\.org/u/token=\r\n now\r\n", message)
