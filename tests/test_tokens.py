from __future__ import annotations

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest import links
from digest.testing import make_edition, make_listing, make_paper

SECRET = bytes(range(32))
PURPOSES: list[links.Purpose] = ["unsubscribe", "bounce"]
NUMBERS = st.integers(0, 2**63 - 1)


@given(NUMBERS, st.sampled_from(PURPOSES))
def test_a_token_is_read_back_in_any_case_for_its_purpose_alone(number, purpose):
    token = links.token(SECRET, purpose, number)
    assert re.fullmatch("[a-z2-7]{18,29}", token)
    other = PURPOSES[1 - PURPOSES.index(purpose)]
    for text in (token, token.upper(), token.title()):
        assert links.read_token(SECRET, purpose, text) == number
        assert links.read_token(SECRET, other, text) is None
        assert links.read_token(SECRET[::-1], purpose, text) is None


@given(NUMBERS, st.integers(0, 28), st.sampled_from("abcxyz234567"))
def test_a_token_with_another_letter_names_nobody(number, place, letter):
    token = links.token(SECRET, "bounce", number)
    place %= len(token)
    forged = token[:place] + letter + token[place + 1 :]
    assert links.read_token(SECRET, "bounce", forged) == (number if forged == token else None)


@given(st.text(max_size=40) | st.text("abcdefghijklmnopqrstuvwxyz234567=", max_size=40))
def test_any_text_is_read_without_an_error(text):
    assert links.read_token(SECRET, "unsubscribe", text) is None


@pytest.mark.parametrize("text", ["", "=" * 8, "\ud800", "ſ" * 18, "a" * 18 + "=", "a" * 10_000])
def test_odd_texts_are_no_tokens(text):
    assert links.read_token(SECRET, "bounce", text) is None


def test_a_token_cannot_be_written_in_two_ways():
    token = links.token(SECRET, "bounce", 5)
    for other in (f"{token}=", f" {token}", f"{token}a", token[:-1]):
        assert links.read_token(SECRET, "bounce", other) is None


@given(NUMBERS, NUMBERS, st.integers(1, 10_000))
def test_a_message_id_is_that_of_subscription_and_edition(one, other, upto):
    def made(subscription: int = one, upto: int = upto, seal: str = "0123abcd") -> str:
        return links.delivery_message_id("papers.example.org", "daily", subscription, upto, seal, SECRET)

    first = made()
    assert first == made()
    assert (first == made(other)) == (one == other)
    assert first not in (made(upto=upto + 1), made(seal="0123abce"))
    assert re.fullmatch(rf"<daily\.{upto}\.[0-9a-f]{{32}}@papers\.example\.org>", first)


def test_a_seal_is_that_of_what_came_out_and_when():
    papers = [make_paper(make_listing(f"Title {number}", ids=[f"arxiv:{number}"])) for number in (1, 2, 3)]
    edition = make_edition(papers[:2])
    assert links.seal(edition) == links.seal(make_edition(papers[:2]))
    # what may change with the program, or with the order of its entries, is no part of it
    assert links.seal(edition) == links.seal(make_edition(papers[1::-1], lead="In other words.", show=3))
    zoned = edition.instant.astimezone(ZoneInfo("Europe/Berlin"))
    assert links.seal(edition) == links.seal(make_edition(papers[:2], instant=zoned))
    assert links.seal(edition) not in (links.seal(make_edition(papers)), links.seal(make_edition(papers[:1])))
    later = edition.instant + timedelta(microseconds=1)
    assert links.seal(edition) != links.seal(make_edition(papers[:2], instant=later))


def test_the_link_that_asks_by_mail_says_what_its_subject_says():
    link = links.unsubscribe_mailto("desk+daily&x@example.org", "daily", "abc234")
    assert link == "mailto:desk+daily%26x@example.org?subject=unsubscribe%20daily%20abc234"
    assert links.unsubscribe_subject("daily", "abc234") == "unsubscribe daily abc234"
