"""The `[serve]` table: an address in all its forms, and what a mistake says."""

from __future__ import annotations

from pathlib import Path

import pytest

from digest.config import Config, Listen, listen
from digest.errors import ConfigError
from tests.test_config import GOOD, read


def serving(tmp_path: Path, listen: str, **environ: str) -> Config:
    return read(tmp_path, f"{GOOD}[serve]\nlisten = {listen}\n", **environ)


@pytest.mark.parametrize(
    ("written", "host", "port"),
    [
        ('"127.0.0.1:8765"', "127.0.0.1", 8765),
        ('"0.0.0.0:80"', "0.0.0.0", 80),
        ('"digest.internal:8765"', "digest.internal", 8765),
        ('"[::1]:8765"', "::1", 8765),
        ('"[::ffff:10.0.0.1]:8765"', "::ffff:10.0.0.1", 8765),
        # of a port alone only this machine hears
        ("8765", "127.0.0.1", 8765),
        ('"8765"', "127.0.0.1", 8765),
        ('":8765"', "127.0.0.1", 8765),
        ('"localhost:0"', "localhost", 0),
    ],
)
def test_an_address_is_read_in_each_of_its_forms(tmp_path: Path, written: str, host: str, port: int) -> None:
    found = serving(tmp_path, written).serve.listen
    assert found == Listen(host, port)
    assert listen(str(found)) == found


@pytest.mark.parametrize(
    "written", ['"everywhere"', '""', '"127.0.0.1"', '"::1:8765"', '"127.0.0.1:99999"', '"http://x:1"', "true", "-1"]
)
def test_what_is_no_address_is_refused_with_what_is(tmp_path: Path, written: str) -> None:
    with pytest.raises(ConfigError, match=r"serve\.listen: found .*: use a port of this machine like 8765, or HOST"):
        serving(tmp_path, written)


def test_nothing_listens_unless_it_is_said(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD).serve.listen is None
    assert read(tmp_path, f"{GOOD}[serve]\n").serve.listen is None


def test_the_environment_says_another(tmp_path: Path) -> None:
    told = {"DIGEST__SERVE__LISTEN": "0.0.0.0:9300"}
    assert read(tmp_path, GOOD, **told).serve.listen == Listen("0.0.0.0", 9300)
    assert serving(tmp_path, '"127.0.0.1:8765"', **told).serve.listen == Listen("0.0.0.0", 9300)
    assert read(tmp_path, GOOD, DIGEST__SERVE__LISTEN="9300").serve.listen == Listen("127.0.0.1", 9300)


def test_a_key_that_is_none_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"serve\.lisen: unknown key; did you mean 'listen'"):
        read(tmp_path, f"{GOOD}[serve]\nlisen = 8765\n")
