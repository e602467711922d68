"""The two settings of a state: how long it has editions, and what its hashes are keyed with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from digest.config import Config, parse, resolve_mail
from digest.errors import ConfigError


def _config(tmp_path: Path, **told: Any) -> Config:
    data = {"newsletters": {"daily": {}}, "sources": [{"kind": "folder", "path": "x"}], **told}
    return parse(data, root=tmp_path, where="digest.toml", environ={})


@pytest.mark.parametrize(
    ("told", "days"), [({}, 730), ({"archive": "1y"}, 365), ({"archive": "90d"}, 90), ({"archive": 86400}, 1)]
)
def test_editions_are_kept_as_long_as_told(tmp_path: Path, told: dict[str, Any], days: int) -> None:
    assert _config(tmp_path, **told).archive == days * 86400


@pytest.mark.parametrize("archive", ["soon", "0d", "-1y"])
def test_what_is_no_time_is_refused(tmp_path: Path, archive: str) -> None:
    with pytest.raises(ConfigError, match=r"digest\.toml: archive: "):
        _config(tmp_path, archive=archive)


def test_the_secret_stands_elsewhere_and_in_no_message(tmp_path: Path) -> None:
    mail = {"host": "localhost", "tls": "none", "from": "a@example.org"}
    config = _config(tmp_path, mail={**mail, "secret": "env:DIGEST_SECRET"})
    assert resolve_mail(config, {"DIGEST_SECRET": "hush"}).secret == "hush"
    assert "hush" not in repr(resolve_mail(config, {"DIGEST_SECRET": "hush"}))
    with pytest.raises(ConfigError, match="a secret does not belong into this file") as refused:
        _config(tmp_path, mail={**mail, "secret": "hush"})
    assert "hush" not in str(refused.value)
