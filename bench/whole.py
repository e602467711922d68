"""Part 5: whole runs, from starting the process to the end, beside rss2email's."""

from __future__ import annotations

import configparser
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from statistics import median

from bench.measure import Table, Timing, alternate, run
from bench.papers import Maker, page, rss
from bench.peers import Peer, peer
from bench.settings import Settings

_ABOUT = (
    "digest: a folder with one dump, published as page, mail (HTML, text, message), feeds, a page a paper and a tag.\n"
    "rss2email: a feed from a loopback server that answers `not modified`, into a Maildir; once a mail a paper, once\n"
    "all in one (`digest = true`)."
)
CONFIG = """\
[newsletters.daily]
[[sources]]
name = "dumps"
kind = "folder"
path = "dumps"
year = 2026
"""


def measure(settings: Settings) -> Iterator[Table]:
    """Measure a first run and one with nothing new."""
    table = Table(f"Whole runs over {settings.whole:,} papers", _ABOUT)
    papers = Maker(settings.seeds).papers(range(settings.whole))
    folder = settings.scratch / "whole"
    web = folder / "web"
    web.mkdir(parents=True, exist_ok=True)
    (web / "feed.xml").write_text(rss(papers))
    ours = _Digest(folder, page(papers, date(2026, 7, 1), bylines=True))
    contenders = {"digest": ours.first, "digest again": ours.again}
    mailer = peer("rss2email", settings.peers) if settings.peers else None
    with _serving(web) as url:
        if mailer and not mailer.missing:
            for name, together in (("rss2email", False), ("rss2email, one mail", True)):
                theirs = _Rss2email(mailer, folder, f"{url}/feed.xml", together=together)
                contenders |= {name: theirs.first, f"{name} again": theirs.again}
        elif mailer:
            table.note(f"rss2email skipped: {mailer.missing}")
        timings = alternate(settings.rounds, contenders)
    for last, what in (("", "all new"), (" again", "nothing new")):
        peers = [name for name in timings if name.startswith("rss2email") and name.endswith(" again") == bool(last)]
        for name in peers:
            table.time(f"{what}: {name.removesuffix(' again')}", timings[name], "s")
        closest = min(peers, key=lambda name: median(timings[name].cpu), default=None)
        against = timings[closest] if closest else None
        goal = "at most 1x of the quicker" if last else ""
        table.time(f"{what}: digest", timings[f"digest{last}"], "s", over=against, goal=goal)
    yield table


class _Digest:
    """Our runs, each first one in a folder of its own."""

    def __init__(self, folder: Path, dump: str) -> None:
        self._folder, self._dump = folder, dump
        self._turn = count()
        self._at = folder

    def first(self) -> Timing:
        self._at = self._folder / f"digest-{next(self._turn)}"
        (self._at / "dumps").mkdir(parents=True)
        (self._at / "dumps" / "page.txt").write_text(self._dump)
        (self._at / "digest.toml").write_text(CONFIG)
        return self.again(expected="published")

    def again(self, expected: str = "quiet: all seen") -> Timing:
        done = run([sys.executable, "-m", "digest", "run", "--json"], self._at)
        verdict = json.loads(done.out)["verdict"]
        if verdict != expected:
            raise RuntimeError(f"digest run: {verdict}, not {expected}")
        return done.timing


class _Rss2email:
    """The peer's runs, each first one with a configuration of its own."""

    def __init__(self, mailer: Peer, folder: Path, url: str, *, together: bool) -> None:
        self._program = mailer.folder / "bin" / "r2e"
        self._folder, self._url, self._together = folder, url, together
        self._turn = count()
        self._at = folder

    def first(self) -> Timing:
        self._at = self._folder / f"rss2email-{'one' if self._together else 'many'}-{next(self._turn)}"
        self._at.mkdir()
        self._r2e("new", "reader@papers.invalid")
        config = configparser.ConfigParser(interpolation=None)
        config.read(self._at / "r2e.cfg")
        inbox = {"email-protocol": "maildir", "maildir-path": str(self._at), "maildir-mailbox": "mail"}
        config["DEFAULT"].update({**inbox, "from": "papers@papers.invalid", "digest": str(self._together)})
        with (self._at / "r2e.cfg").open("w") as file:
            config.write(file)
        self._r2e("add", "papers", self._url)
        timing = self.again()
        if not any((self._at / "mail").glob("new/*")):
            raise RuntimeError("rss2email delivered nothing")
        return timing

    def again(self) -> Timing:
        return self._r2e("run")

    def _r2e(self, *args: str) -> Timing:
        files: list[str | Path] = ["--config", self._at / "r2e.cfg", "--data", self._at / "r2e.json"]
        return run([self._program, *files, *args], self._at, HOME=str(self._at)).timing


@contextmanager
def _serving(folder: Path) -> Iterator[str]:
    """Serve a folder on the loopback address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
