"""digest.toml: what works, and what a mistake says."""

from __future__ import annotations

from pathlib import Path

import pytest

from digest.config import Config, load
from digest.errors import ConfigError

GOOD = """\
store = "my.db"
base_url = "https://papers.example.org"
[newsletters.daily]
title = "Daily Papers"
timezone = "Europe/Berlin"
at = "08:00"
wait = "4h"
days = "mon-fri"
show = 30
[newsletters.my-weekly]
days = "mon,thu"
[[sources]]
name = "one"
kind = "folder"
path = "dumps"
year = 2026
[[sources]]
kind = "folder"
path = "more"
newsletters = ["daily"]
[interests]
want = ["pruning"]
mute = ["survey"]
"""


def read(tmp_path: Path, text: str, **environ: str) -> Config:
    file = tmp_path / "digest.toml"
    file.write_text(text)
    return load(file, environ)


def test_a_whole_configuration(tmp_path: Path) -> None:
    config = read(tmp_path, GOOD)
    daily, weekly = config.newsletters
    assert (daily.id, daily.title, daily.wait, daily.days, daily.show) == (
        "daily", "Daily Papers", 4 * 3600, frozenset({1, 2, 3, 4, 5}), 30,
    )  # fmt: skip
    assert (weekly.title, weekly.days, weekly.sources) == ("My Weekly", frozenset({1, 4}), ("one",))
    assert daily.sources is None
    assert [source.name for source in config.sources] == ["one", "folder"]
    assert config.interests.want == ("pruning",)
    assert config.path(config.store) == tmp_path / "my.db"


def test_the_least_that_works(tmp_path: Path) -> None:
    config = read(tmp_path, '[newsletters.daily]\n[[sources]]\nkind = "folder"\npath = "dumps"\n')
    assert (config.store, config.output, config.base_url, config.newsletters[0].show) == (
        "digest.db",
        "public",
        None,
        25,
    )


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("title =", "titel =", "newsletters.daily.titel: unknown key; did you mean 'title'? allowed here: at, "),
        ('store = "my.db"', 'stroe = "my.db"', "stroe: unknown key; did you mean 'store'?"),
        ("want =", "wants =", "interests.wants: unknown key; did you mean 'want'?"),
        ("Europe/Berlin", "Europe/Belin", "newsletters.daily.timezone: found 'Europe/Belin': no such time zone; did"),
        ('"08:00"', '"8 am"', "newsletters.daily.at: found '8 am': use a time of day like '08:00'"),
        ('"mon-fri"', '"weekdays"', "newsletters.daily.days: found 'weekdays': 'weekdays' is no day; use mon, tue,"),
        ('"4h"', '"four hours"', "newsletters.daily.wait: found 'four hours': use a number with s, m, h or d"),
        ("show = 30", 'show = "many"', "newsletters.daily.show: found 'many': "),
        ("show = 30", "show = 0", "newsletters.daily.show: found 0: "),
        ("[newsletters.daily]", "[newsletters.papers]", "newsletters.papers: 'papers' is reserved"),
        ("[newsletters.daily]", '[newsletters."Täglich"]', "an id has small letters, digits and '-' only"),
        ('kind = "folder"\npath = "dumps"', 'kind = "foldr"\npath = "dumps"', 'unknown kind of source "foldr"; did'),
        ('kind = "folder"\npath = "dumps"', 'kind = "arxiv"', "sources[1].year: unknown key; allowed here: "),
        ('path = "dumps"\n', "", "sources[1].path: is missing"),
        ("year = 2026", "yaer = 2026", "sources[1].yaer: unknown key; did you mean 'year'?"),
        ('["daily"]', '["dayly"]', "no newsletter 'dayly'; did you mean 'daily'?"),
        ("https://papers.example.org", "papers.example.org", "base_url: found 'papers.example.org': use an address"),
        ('name = "one"', 'name = "folder"', "is the name of another source"),
        ('name = "one"', 'name = "replay"', "'replay' is reserved"),
        ("[interests]", "[interests", "not TOML: "),
        ("[interests]", "[mial]\n[interests]", "mial: unknown key; did you mean 'mail'?"),
        ('store = "my.db"', 'store = "env:DATABASE_URL"', "store: the environment variable DATABASE_URL is not set"),
        ('store = "my.db"', 'store = "file:secret"', "cannot be read"),
    ],
)  # fmt: skip
def test_a_mistake_says_where_it_is_and_what_is_allowed(tmp_path: Path, was: str, becomes: str, said: str) -> None:
    assert was in GOOD
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, GOOD.replace(was, becomes, 1))
    assert str(caught.value).startswith(f"{tmp_path / 'digest.toml'}: ")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is none; add a [[sources]] table"),
        ('[[sources]]\nkind = "folder"\npath = "x"\n', "there is none; add a [newsletters.daily] table"),
        ("sources = 3\n", "write each source as a [[sources]] table"),
        ("[[sources]]\npath = 'x'\n", "sources[1].kind: is missing"),
    ],
)
def test_what_has_to_be_there_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert said in str(caught.value)


def test_no_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="digest init"):
        load(tmp_path / "digest.toml", {})


def test_the_environment_overrides_and_secrets_come_from_it_or_from_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("postgresql://u:p@localhost/digest\n")
    config = read(
        tmp_path,
        GOOD.replace('"my.db"', '"file:secret"'),
        DIGEST__NEWSLETTERS__MY_WEEKLY__SHOW="7",
        DIGEST__OUTPUT="site",
        DIGEST__INTERESTS__MUTE='["benchmark"]',
        DIGEST__CLOCK="2026-01-01",
    )
    assert config.newsletters[1].show == 7
    assert (config.output, config.interests.mute) == ("site", ("benchmark",))
    assert config.store == "postgresql://u:p@localhost/digest"
    config = read(tmp_path, GOOD.replace('"my.db"', '"env:DATABASE_URL"'), DATABASE_URL="postgresql://h/d")
    assert config.store == "postgresql://h/d"
    with pytest.raises(ConfigError, match=r"newsletters.daily.shwo: unknown key; did you mean 'show'"):
        read(tmp_path, GOOD, DIGEST__NEWSLETTERS__DAILY__SHWO="3")
