"""What is told of providers fits together."""

from __future__ import annotations

import pytest

from digest.delivery.providers import PROVIDERS

PORTS = {"implicit": 465, "starttls": 587}


@pytest.mark.parametrize("name", PROVIDERS)
def test_each_is_encrypted_on_the_port_that_is_meant_for_it(name):
    assert PROVIDERS[name].port == PORTS[PROVIDERS[name].tls]


@pytest.mark.parametrize("name", PROVIDERS)
def test_each_says_what_to_do(name):
    one = PROVIDERS[name]
    assert one.title.split(".")[0].split()[-1].lower() in one.remedy.lower()
    assert one.remedy.endswith(".")
    assert one.password
    assert one.user is None or f'"{one.user}"' in one.remedy
    assert one.host is None or (one.host == one.host.lower() and "." in one.host)


@pytest.mark.parametrize("name", PROVIDERS)
def test_limits_are_such(name):
    one = PROVIDERS[name]
    assert one.connections >= 1
    assert one.rate is None or one.rate > 0
    assert one.daily_limit is None or one.daily_limit >= 100


def test_a_host_that_depends_on_the_account_is_explained():
    assert [name for name, one in PROVIDERS.items() if one.host is None] == ["ses"]
    assert "email-smtp.REGION.amazonaws.com" in PROVIDERS["ses"].remedy
