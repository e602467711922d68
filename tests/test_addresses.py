"""Addresses: what is one, what is not, and why."""

from __future__ import annotations

import re

import pytest
from email_validator import validate_email
from hypothesis import given
from hypothesis import strategies as st

from digest import addresses
from digest.addresses import checked


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("ada@example.org", "ada@example.org"),
        (" Ada.Lovelace+papers@Example.ORG\t", "Ada.Lovelace+papers@example.org"),
        ("o'neil@example.org", "o'neil@example.org"),
        ("ada@bücher.example.de", "ada@xn--bcher-kva.example.de"),
        ("ada@例え.テスト", "ada@xn--r8jz45g.xn--zckzah"),
        ("ada@localhost", "ada@localhost"),
        ("ada@LOCALHOST", "ada@localhost"),
        ("ada@mail.test", "ada@mail.test"),
        ("ada@nas.local", "ada@nas.local"),
        ("ada@mail.corp.internal", "ada@mail.corp.internal"),
    ],
)
def test_an_address_is_told_to_servers_in_ascii(told: str, meant: str) -> None:
    assert checked(told) == meant


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("", "there is no address"),
        ("ada", "must have an @-sign"),
        ("ada@", "something after the @-sign"),
        ("ada@example", "'example' is no whole name of a host, like example.org"),
        ("ada@192.168.1.1", "no whole name of a host"),
        ("ada@[127.0.0.1]", "bracketed IP address"),
        ("ada@example.invalid", "special-use"),
        ("jürgen@example.org", "many servers cannot take (SMTPUTF8); ask for an address in ASCII"),
        ("Ada <ada@example.org>", "angle brackets"),
        ("ada@example.org, bob@example.org", "more than one address; write one"),
        ("ada@example.org;bob@example.org", "more than one address; write one"),
        ("ada@example.org\r\nBcc: bob@example.org", "one line, without control characters"),
        ("ada@example.org\n", "one line, without control characters"),
        ("ada@exam\u2028ple.org", "one line, without control characters"),
        ('"ada lovelace"@example.org', "not allowed"),
        (f"{'a' * 65}@example.org", "too long before the @-sign"),
        (f"ada@{'a' * 64}.example.org", "so many characters"),
        (f"{'a' * 64}@{'b' * 60}.{'c' * 60}.{'d' * 60}.example.org", "too long"),
        ("a..b@example.org", "two periods"),
    ],
)
def test_what_is_none_says_why(told: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        checked(told)


@given(st.from_regex(addresses._PLAIN, fullmatch=True))
def test_what_is_known_by_its_form_is_what_email_validator_makes_of_it(told: str) -> None:
    if len(told) > 254 or len(told.rpartition("@")[0]) > 64:
        return
    assert checked(told) == validate_email(told, check_deliverability=False, strict=True).ascii_email


@given(st.text(st.characters(codec="utf-8"), max_size=30), st.text(max_size=30))
def test_whatever_comes_out_is_one_line_of_ascii_and_stays_as_it_is(local: str, domain: str) -> None:
    try:
        found = checked(f"{local}@{domain}.org")
    except ValueError:
        return
    assert re.fullmatch(r"[!-~]+@[a-z0-9.-]+", found)
    assert checked(found) == found
    assert not re.search(r"[<>,;\s]", found)


def test_spellings_of_one_address_share_a_key() -> None:
    assert addresses.key("Ada@example.org") == addresses.key("ada@EXAMPLE.org")
