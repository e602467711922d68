"""Folders with a configuration, dumps and a store, for tests of what is said of them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from digest import config as configuration
from digest import pipeline
from digest.bootstrap import opened
from digest.doctor import Finding, examine
from digest.models import Subscriber
from tests.acceptance.command import page, paper

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
SECRET = "correct horse battery"
FEED = """<rss version="2.0"><channel><title>Blog</title><link>https://blog.example.org</link><description>d</description>
<item><title>On the pruning of very small networks</title><link>https://blog.example.org/1</link>
<guid>https://blog.example.org/1</guid><description>Small networks can be pruned, too.</description></item>
</channel></rss>"""
WHOLE = """\
base_url = "https://papers.example.org"
{top}
[newsletters.daily]
timezone = "Europe/Berlin"
{newsletter}
[[sources]]
name = "dumps"
kind = "folder"
path = "dumps"
year = 2026
{more}
"""


class Home:
    """A folder with a configuration and dumps."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "digest.toml"
        (folder / "dumps").mkdir(exist_ok=True)
        self.dump("Nov 18", range(4))
        self.write()

    def dump(self, day: str, numbers: range) -> None:
        (self.folder / "dumps" / f"{day.replace(' ', '-')}.txt").write_text(page(day, [paper(n) for n in numbers]))

    def write(self, more: str = "", *, top: str = "", newsletter: str = "") -> None:
        self.file.write_text(WHOLE.format(more=more, top=top, newsletter=newsletter))

    def run(self) -> None:
        """Publish what the dumps have."""
        with opened(configuration.load(self.file)) as system:
            pipeline.run(system.parts, system.sources())

    def admit(self, *names: str, confirmed_by: str | None = "a test") -> None:
        people = [Subscriber(address=f"{name}@example.net") for name in names]
        with opened(configuration.load(self.file, {})) as system:
            system.store.subscribers.admit("daily", people, at=NOW, origin="command", confirmed_by=confirmed_by)

    def sql(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self.folder / "digest.db")) as connection, connection:
            connection.execute(statement, values)

    def everything(self) -> list[str]:
        """Return all that the store holds."""
        with closing(sqlite3.connect(self.folder / "digest.db")) as connection:
            return list(connection.iterdump())

    def examine(self, source: str | None = None, **environ: str) -> list[Finding]:
        return examine(self.file, source=source, environ=environ)


def mail(port: int, more: str = "", *, tls: str = "none", host: str = "127.0.0.1") -> str:
    return f'[mail]\nhost = "{host}"\nport = {port}\ntls = "{tls}"\nfrom = "me@example.org"\ntimeout = "3s"\n{more}\n'


def feed(url: str, more: str = "") -> str:
    return f'[[sources]]\nname = "blog"\nkind = "feed"\nurl = "{url}"\ntimeout = "1s"\n{more}\n'


def of(found: list[Finding], area: str, level: str | None = None) -> list[Finding]:
    return [one for one in found if one.area == area and level in (None, one.level)]


def the(found: list[Finding], area: str, level: str, *words: str) -> Finding:
    """Return the one finding of an area and a level that says all of `words`; what is not well has a remedy."""
    named = [one for one in of(found, area, level) if all(word in one.what for word in words)]
    assert len(named) == 1, [one.what for one in found if one.area == area]
    assert (named[0].remedy is None) == (level == "ok")
    return named[0]


def failures(found: list[Finding]) -> list[str]:
    return [f"{one.area}: {one.what}" for one in found if one.level == "fail"]
