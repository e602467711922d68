from __future__ import annotations

import gc
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from digest import links, logs
from digest.edition import view
from digest.edition.join import join
from digest.errors import ConfigError, RenderError
from digest.models import Edition, EditionRef, Interests
from digest.protocols import Claimed, Outgoing, Store
from digest.rendering.mail import LIMIT
from digest.rendering.postroom import Postroom, Stationery
from digest.rendering.publication import Publication
from digest.rendering.splice import Form
from digest.store import open_store
from digest.testing import FrozenClock, commit_dump, make_change, make_listing, make_receipt
from tests.rendering.mail_editions import make_edition, make_entry
from tests.rendering.messages import body, keeps_the_rules, parse

SECRET = b"s" * 32
CLICK = "https://papers.example.org/leave/{token}"
SINCE = datetime(2026, 11, 3, 9, tzinfo=UTC)
GROUPS = {
    "vision": Interests(want=("object detection",)),
    "speech": Interests(want=("speech",), mute=("object detection",)),
    "strict": Interests(want=("quaternions",), only_matches=True),
}


def edition_of(number: int, keys: range, **more: Any) -> Edition:
    entries = [make_entry(n) for n in keys]
    found = make_entry(keys[-1], title="Object Detection by Spikes", abstract="We detect objects.")
    # as good as the second, until somebody wants just that
    found = found.model_copy(update={"score": entries[1].score})
    return make_edition(
        entries=[*entries[:-1], found],
        number=number,
        date=date(2026, 6, 14 + number),
        instant=datetime(2026, 6, 14 + number, 8, tzinfo=UTC),
        after=10 * (number - 1),
        upto=10 * number,
        previous=EditionRef(number=number - 1, date=date(2026, 6, 13 + number)) if number > 1 else None,
        **more,
    )


EDITIONS = [edition_of(number, range(10 * number, 10 * number + 8)) for number in (1, 2, 3)]
EDITIONS.append(edition_of(4, range(100, 400), show=300))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(str(tmp_path_factory.mktemp("postroom") / "digest.db"), clock=FrozenClock())
    opened.enrol("daily", 0)
    papers = [entry.paper for edition in EDITIONS for entry in edition.entries]
    listings = [make_listing(one.title, one.abstract, ids=[f"arxiv:{one.key}"]) for one in papers]
    commit_dump(opened, [make_change("new", *both) for both in zip(listings, papers, strict=True)])
    for edition in EDITIONS:
        assert opened.publish(edition, make_receipt())
    yield opened
    opened.close()


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def room(store: Store, clock: FrozenClock):
    """Opens a postroom; arguments are those of its stationery."""

    def opened(groups: dict[str, Interests] = GROUPS, **stationery: Any) -> Postroom:
        return Postroom(
            Publication(
                output=Path("public"),
                newsletters=(),
                base_url="https://papers.example.org",
                mail_view=view.mail_view,
                page_view=view.page_view,
                subject=view.subject,
                preheader=view.preheader,
                minutes=view.reading_minutes,
            ),
            store,
            Stationery(**{"from_addr": "papers@example.org", **stationery}),
            groups=groups,
            interests=Interests(want=("spiking",)),
            personal_view=view.mail_view,
            join=join,
            clock=clock,
            secret=SECRET,
        )

    return opened


def claimed(**fields: Any) -> Claimed:
    usual: dict[str, Any] = {
        "id": 77,
        "subscription": 1234567,
        "newsletter": "daily",
        "after": 2,
        "upto": 3,
        "tries": 0,
        "address": "ada@example.org",
        "name": "Ada Lovelace",
        "format": "html",
        "groups": "",
        "origin": "file",
        "since": SINCE,
        "confirmed_by": "lab manager, 2026-11-03",
        "first_try": None,
    }
    return Claimed(**{**usual, **fields})


def said(outgoing: Outgoing) -> tuple[str, str]:
    """The words of the plain text and of the HTML."""
    message = parse(outgoing.content)
    page = re.sub(r"<style.*?</style>|<!--.*?-->", "", body(message, "html"), flags=re.DOTALL)
    words = re.sub(r"<[^>]+>", " ", page).replace("&amp;", "&").replace("&nbsp;", " ")
    return " ".join(body(message, "plain").split()), " ".join(words.split())


def hrefs(outgoing: Outgoing) -> list[str]:
    return [one.replace("&amp;", "&") for one in re.findall(r'href="([^"]*)"', body(parse(outgoing.content), "html"))]


def test_a_message_has_all_that_providers_ask_for(room):
    made = room(unsubscribe_url=CLICK, reply_to="desk@example.org").make(claimed())
    keeps_the_rules(made.content)
    message = parse(made.content)
    assert message["From"] == "Daily Papers <papers@example.org>"
    assert message["To"] == "Ada Lovelace <ada@example.org>"
    assert message["Reply-To"] == "desk@example.org"
    token = links.token(SECRET, "unsubscribe", 1234567)
    by_mail = f"mailto:desk@example.org?subject=unsubscribe%20daily%20{token}"
    assert message["List-Unsubscribe"].split() == [f"<https://papers.example.org/leave/{token}>,", f"<{by_mail}>"]
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Help"].strip() == "<https://papers.example.org/feeds.html>"
    assert message["List-Archive"].strip() == "<https://papers.example.org/daily/>"
    assert (message["Precedence"], message["Auto-Submitted"]) == ("bulk", "auto-generated")
    assert message["Feedback-ID"] == "2026-06-17:daily:edition:digest"
    assert (made.sender, made.recipient) == ("papers@example.org", "ada@example.org")
    assert made.delivery == claimed()


def test_its_id_is_the_delivery_s_and_tells_of_nobody(room):
    post = room()
    first = parse(post.make(claimed()).content)["Message-ID"]
    assert (
        parse(post.make(claimed(id=78, tries=1, address="new@b.org", name="", after=1)).content)["Message-ID"] == first
    )
    assert parse(post.make(claimed(subscription=2)).content)["Message-ID"] != first
    assert parse(post.make(claimed(after=1, upto=2)).content)["Message-ID"] != first
    assert re.fullmatch(r"<daily\.3\.[0-9a-f]{32}@papers\.example\.org>", first)


def test_its_date_is_that_of_the_first_try(room, clock):
    tried = claimed(first_try=SINCE + timedelta(microseconds=7))
    post = room()
    assert parse(post.make(tried).content)["Date"].datetime == SINCE
    assert parse(post.make(claimed()).content)["Date"].datetime == clock()
    before = post.make(tried)
    clock.advance(hours=3)
    assert post.make(tried) == before


def test_the_envelope_names_the_delivery_where_there_is_an_address_for_what_comes_back(room):
    made = room(bounces="back@lists.example.org").make(claimed())
    found = re.fullmatch(r"back\+([a-z2-7]+)@lists\.example\.org", made.sender)
    assert found
    assert links.read_token(SECRET, "bounce", found[1].upper()) == 77
    assert links.read_token(SECRET, "unsubscribe", found[1]) is None


def test_with_a_link_she_leaves_by_one_click_above_the_fold_and_below(room):
    made = room(unsubscribe_url=CLICK).make(claimed())
    link = CLICK.replace("{token}", links.token(SECRET, "unsubscribe", 1234567))
    assert hrefs(made).count(link) == 2
    page = body(parse(made.content), "html")
    assert page.index(link) < page.index("<h1") < page.rindex(link)
    text, words = said(made)
    assert text.count(f"Unsubscribe: {link}") == 2
    for part in (text, words):
        assert (
            "You get Daily Papers at ada@example.org because you have been on its list of readers since 3 Nov 2026"
            " (consent: lab manager, 2026-11-03)." in part
        )
        assert "To leave" not in part


def test_without_one_she_leaves_by_mail_and_is_told_how(room):
    made = room(reply_to="desk@example.org").make(claimed())
    token = links.token(SECRET, "unsubscribe", 1234567)
    by_mail = f"mailto:desk@example.org?subject=unsubscribe%20daily%20{token}"
    assert hrefs(made).count(by_mail) == 2
    message = parse(made.content)
    assert message["List-Unsubscribe"].strip() == f"<{by_mail}>"
    assert message["List-Unsubscribe-Post"] is None
    assert f"with the subject\n“unsubscribe daily {token}”." in body(message, "plain")
    assert f"To leave, write to desk@example.org with the subject “unsubscribe daily {token}”." in said(made)[1]


@pytest.mark.parametrize(
    ("origin", "told"),
    [
        ("web", "because you signed up for it on 3 Nov 2026"),
        ("import", "because you were on a list of readers that was imported on 3 Nov 2026"),
        ("command", "because you were added to its readers on 3 Nov 2026"),
        ("file", "because you have been on its list of readers since 3 Nov 2026"),
    ],
)
def test_she_is_told_why_she_gets_it(room, origin, told):
    made = room().make(claimed(origin=origin, confirmed_by=None))
    for part in said(made):
        assert f"You get Daily Papers at ada@example.org {told}." in part


def test_the_foot_says_who_sends_it_from_where(room):
    made = room(sender="The <vision> lab", postal_address="Example University\n1 Main Street, Springfield\n")
    text, words = said(made.make(claimed()))
    assert "Daily Papers is sent by The <vision> lab, Example University, 1 Main Street, Springfield." in text
    assert "Daily Papers is sent by The &lt;vision&gt; lab, Example University, 1 Main Street, Springfield." in words


def test_the_owner_s_own_shows_what_meets_her_interests_and_nobody_else_s_does(room):
    own = said(room().make(claimed(origin="owner")))
    others = said(room().make(claimed()))
    for part in own:
        assert "Your own digest, sent by digest to ada@example.org." in part
        assert "matches your ‘spiking’" in part
        assert "nsubscribe" not in part
    assert not any("matches your" in part for part in others)


def test_groups_choose_what_their_readers_see(room):
    post = room()
    for part in said(post.make(claimed(groups="vision"))):
        assert "Here because: matches your “object detection”" in part
        assert "by the interests of your group vision" in part
    assert "Object Detection by Spikes" in parse(post.make(claimed(groups="vision")).content)["Subject"]
    # what one group wants, another does not mute
    for part in said(post.make(claimed(groups="speech,vision"))):
        assert "matches your “object detection”" in part
    assert "Object Detection" not in said(post.make(claimed(groups="speech")))[0]
    # only matches: where all of her groups say so
    assert "Paper 31" in said(post.make(claimed(groups="strict,vision")))[0]


def test_a_group_that_is_not_there_is_left_out_and_said_once(room, capsys):
    post = room()
    logs.configure("info")
    try:
        with_unknown = post.make(claimed(groups="gone,vision"))
        post.make(claimed(subscription=2, groups="vision,gone"))
        post.make(claimed(subscription=3, groups="gone"))
    finally:
        logs.configure(None)
    assert with_unknown == post.make(claimed(groups="gone,vision"))
    assert said(with_unknown) == said(post.make(claimed(groups="vision")))
    assert capsys.readouterr().err.count("'gone'") == 1


def test_where_nothing_matches_the_mail_says_so(room):
    made = room().make(claimed(groups="strict"))
    keeps_the_rules(made.content)
    assert parse(made.content)["Subject"] == "Daily Papers, 17 Jun: nothing for you among 8 papers"
    for part in said(made):
        assert "None of the 8 papers here matches what your group strict asks for. All are on the web." in part
        assert "Paper 31" not in part
        assert "more in" not in part
    assert "https://papers.example.org/daily/2026-06-17/" in hrefs(made)


def test_as_text_it_is_one_part_with_the_same_words(room):
    made = room(unsubscribe_url=CLICK).make(claimed(format="text"))
    keeps_the_rules(made.content)
    message = parse(made.content)
    assert message.get_content_type() == "text/plain"
    html = room(unsubscribe_url=CLICK).make(claimed())
    assert body(message, "plain") == body(parse(html.content), "plain")


def test_several_editions_are_one_mail(room):
    made = room().make(claimed(after=0))
    keeps_the_rules(made.content)
    text, words = said(made)
    for part in (text, words):
        assert "The first 3 editions: " in part
        assert "24 new papers" in part
        assert "Paper 10:" in part
        assert "Paper 36:" in part
    found = hrefs(made)
    assert not [one for one in found if "/2026-06-17/" in one]
    assert found.count("https://papers.example.org/daily/") >= 2
    since = said(room().make(claimed(after=1)))[0]
    assert "No. 2 to 3 ·" in since
    assert "2 editions since No. 1: " in since


def test_a_long_mail_keeps_the_budget_with_the_longest_foot(room):
    address = f"{'&' * 64}@{'a' * 60}.{'b' * 60}.{'c' * 60}.org"
    post = room(unsubscribe_url=f"https://papers.example.org/{'&' * 600}/{{token}}")
    made = post.make(claimed(after=3, upto=4, address=address, confirmed_by="&" * 500))
    keeps_the_rules(made.content)
    page = body(parse(made.content), "html")
    assert LIMIT - 12 * 1024 < len(page.encode()) <= LIMIT


def test_forms_are_few_whatever_the_number_of_kinds(room):
    groups = {f"g{n}": Interests(want=(f"word{n}",)) for n in range(80)}
    post = room(groups)
    for name in groups:
        post.make(claimed(groups=name, format="text"))
    gc.collect()
    assert sum(isinstance(one, Form) for one in gc.get_objects()) <= 64
    assert "Paper 30" in body(parse(post.make(claimed(groups="g0", format="text")).content), "plain")


def test_a_test_is_the_real_mail_without_a_token_of_anybody(room, store):
    post = room(unsubscribe_url=CLICK, bounces="back@lists.example.org")
    first, second = (post.test(store.edition("daily", 3), "me@example.org") for _ in range(2))
    keeps_the_rules(first.content)
    one, other = parse(first.content), parse(second.content)
    assert one["Subject"].startswith("[Test] Daily Papers, 17 Jun: ")
    assert one["Message-ID"] != other["Message-ID"]
    assert one["List-Unsubscribe"] is None
    assert (first.sender, first.recipient) == ("papers@example.org", "me@example.org")
    assert "" not in hrefs(first)
    for part in said(first):
        assert "A test of Daily Papers, sent to me@example.org alone." in part
        assert "Unsubscribe" not in part
        assert "Paper 31" in part


@pytest.mark.parametrize("url", ["http://x.org/{token}", "https://x.org/leave"])
def test_a_link_that_ends_nothing_is_refused(url):
    with pytest.raises(ConfigError, match="unsubscribe_url"):
        Stationery("a@b.org", unsubscribe_url=url)


def test_a_return_address_has_room_for_the_longest_token():
    longest = links.token(SECRET, "bounce", 2**63 - 1)
    assert len("b" * 34 + "+" + longest) <= 64
    assert Stationery("a@b.org", bounces="b" * 34 + "@b.org").bounces
    with pytest.raises(ConfigError, match="bounces"):
        Stationery("a@b.org", bounces="b" * 35 + "@b.org")


def test_what_is_no_address_is_refused(room):
    with pytest.raises(RenderError, match="one plain address"):
        room().make(claimed(address="a@b.org\r\nBcc: eve@b.org"))


@pytest.mark.tools
@pytest.mark.parametrize("fields", [{}, {"after": 0}, {"groups": "strict"}, {"format": "text"}, {"origin": "owner"}])
def test_spamassassin_finds_nothing_in_it(room, clock, fields):
    tool = shutil.which("spamassassin")
    assert tool, "needs the command spamassassin"
    clock.now = datetime.now(UTC)  # a date far off counts against a mail
    made = room(unsubscribe_url=CLICK, sender="The lab", postal_address="1 Main Street").make(claimed(**fields))
    done = subprocess.run([tool, "-L", "-t"], input=made.content, capture_output=True, timeout=120)
    score = re.search(rb"X-Spam-Status:.*?score=(-?[\d.]+)", done.stdout, re.DOTALL)
    assert score, done.stderr
    assert float(score[1]) <= 0, done.stdout[-2000:].decode()
