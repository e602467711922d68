"""What digest.toml says of the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from digest import config
from digest.errors import ConfigError


def load(**keys: Any) -> config.Config:
    data = {"newsletters": {"daily": {}}, "sources": [{"kind": "folder", "path": "x"}], **keys}
    return config.parse(data, root=Path(), where="digest.toml", environ={})


def test_contact_and_allowed_hosts_are_read():
    found = load(contact="mailto:lab@example.org", allow_hosts=["127.0.0.1", "intranet.example.org"])
    assert (found.contact, found.allow_hosts) == ("mailto:lab@example.org", ("127.0.0.1", "intranet.example.org"))
    assert (load().contact, load().allow_hosts) == (None, ())
    assert load(contact="https://example.org/about").contact == "https://example.org/about"


@pytest.mark.parametrize("contact", ["me", "me@example.org", "mailto:me@x)\r\nX: y", "mailto:é@example.org", ""])
def test_a_contact_that_no_header_may_have_is_refused(contact):
    with pytest.raises(ConfigError, match=r"contact: found .*mailto:you@example\.org"):
        load(contact=contact)


def test_an_allowed_host_is_a_name_and_no_address():
    with pytest.raises(ConfigError, match=r"allow_hosts.*found 'http://x/'.*without scheme"):
        load(allow_hosts=["http://x/"])


def test_every_source_on_the_web_has_a_timeout_and_others_have_none():
    tables: list[dict[str, Any]] = [
        {"kind": "arxiv", "categories": ["cs.LG"], "timeout": "2m"},
        {"kind": "daily-papers", "timeout": 45},
        {"kind": "feed", "url": "https://example.org/feed", "timeout": "45s"},
        {"kind": "opml", "path": "list.opml"},
    ]
    found = [getattr(source, "timeout", None) for source in load(sources=tables).sources]
    assert found == [120, 45, 45, 20]
    with pytest.raises(ConfigError, match=r"sources\[1\].timeout: found '20 apples': .*like '4h'"):
        load(sources=[{"kind": "opml", "path": "x", "timeout": "20 apples"}])
    with pytest.raises(ConfigError, match=r"sources\[1\].timeout: found '0s'"):
        load(sources=[{"kind": "opml", "path": "x", "timeout": "0s"}])
    with pytest.raises(ConfigError, match="unknown key"):
        load(sources=[{"kind": "folder", "path": "x", "timeout": "20s"}])


def test_the_environment_may_say_them_too():
    data: dict[str, Any] = {"newsletters": {"daily": {}}, "sources": [{"kind": "folder", "path": "x"}]}
    environ = {"DIGEST__ALLOW_HOSTS": '["127.0.0.1"]', "DIGEST__CONTACT": "mailto:a@b.org"}
    found = config.parse(data, root=Path(), where="digest.toml", environ=environ)
    assert (found.contact, found.allow_hosts) == ("mailto:a@b.org", ("127.0.0.1",))
