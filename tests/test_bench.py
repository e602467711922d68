"""The parts of the bench run, on tiny sizes. What they measure is not judged: machines differ."""

from __future__ import annotations

import email
import email.message
import email.policy
import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bench import catalogue, intake, kills, mailing, parsing, readers, startup, tagging, whole
from bench.bulk import build
from bench.given import Given, take_in
from bench.measure import Table, Timing, alternate, run
from bench.papers import Maker, page, rss
from bench.settings import Settings
from digest.models import Dump
from digest.sources.folder import FolderSettings, FolderSource
from digest.store import open_store
from digest.text import compact
from tests.delivery.server import Script, serving

#: they start many processes and build stores: where everything is demanded
pytestmark = pytest.mark.tools


@pytest.fixture(scope="module")
def maker(seeds: Path) -> Maker:
    return Maker(seeds)


@pytest.fixture
def tiny(tmp_path: Path) -> Settings:
    return Settings(
        tmp_path,
        rounds=1,
        page=20,
        tagged=4,
        batch=20,
        small=120,
        known=300,
        intake=8,
        whole=3,
        readers=40,
        usual=4,
        hits=1,
        peers=None,
    )


@pytest.fixture
def one_dump(tmp_path: Path, seeds: Path) -> Path:
    folder = tmp_path / "one"
    folder.mkdir()
    dump = min(seeds.iterdir())
    (folder / dump.name).write_bytes(dump.read_bytes())
    return folder


def figures(table: Table) -> list[float]:
    """Return the median of each row."""
    return [float(row[2].replace(",", "")) for row in table.rows]


def test_made_up_papers_are_the_same_everywhere_and_no_two_have_one_title(seeds: Path, maker: Maker):
    papers = maker.papers(range(300))
    assert papers == Maker(seeds).papers(range(300))
    assert len({compact(paper.title) for paper in papers}) == 300
    assert 80 < sum(len(paper.abstract.split()) for paper in papers) / 300 < 300


@pytest.mark.parametrize("bylines", [False, True])
def test_made_up_pages_are_read_back_whole(maker: Maker, bylines: bool):
    papers = maker.papers(range(60))
    source = FolderSource(FolderSettings(name="bench", path=".", year=2026), Path())
    content = page(papers, date(2026, 7, 1), bylines=bylines).encode()
    parsed = source.parse(Dump(source="bench", name="a", content=content), datetime(2026, 12, 31, tzinfo=UTC))
    assert parsed.dating.date == date(2026, 7, 1)
    assert [listing.title for listing in parsed.listings] == [paper.title for paper in papers]
    if bylines:
        assert [listing.published for listing in parsed.listings] == [paper.published for paper in papers]


def test_the_feed_has_every_paper(maker: Maker):
    import feedparser

    papers = maker.papers(range(20))
    assert [entry.title for entry in feedparser.parse(rss(papers)).entries] == [paper.title for paper in papers]


def test_a_store_written_in_bulk_knows_its_papers_as_one_written_by_the_product(tmp_path: Path, maker: Maker):
    path = tmp_path / "bulk.db"
    build(path, maker, 250)
    listings = [paper.listing(at) for at, paper in enumerate(maker.papers(range(240, 260)), 1)]
    with closing(open_store(str(path))) as store:
        (found,) = take_in(store, [Given(listings, "next", date(2026, 7, 1))], {}).sources
        assert store.log_end() == 260
    assert (found.new, found.seen) == (10, 10)
    with closing(sqlite3.connect(path)) as connection:
        counts = [
            connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for name in ("papers", "versions", "searchable", "sightings")
        ]
    assert counts == [260, 260, 260, 270]


def test_contenders_take_turns():
    calls: list[str] = []
    timings = alternate(2, {"a": lambda: calls.append("a"), "b": lambda: Timing([3.0], [2.0], [1.0])})
    assert calls == ["a", "a"]
    assert (timings["b"].wall, timings["b"].cpu, timings["b"].peak) == ([3.0, 3.0], [2.0, 2.0], [1.0, 1.0])
    assert Timing([2.0, 6.0, 4.0], [1.0] * 3).ratios(Timing([1.0, 2.0, 1.0], [2.0] * 3)) == (3.0, 0.5)


def test_the_peak_of_a_process_is_its_own(tmp_path: Path):
    ballast = bytearray(80 * 2**20)
    small = run([sys.executable, "-c", "pass"], tmp_path)
    large = run([sys.executable, "-c", "x = b'1' * (60 * 2**20)"], tmp_path)
    assert len(ballast) > small.timing.peak[0] * 2**20
    assert large.timing.peak[0] - small.timing.peak[0] > 50


def test_a_process_that_fails_is_told(tmp_path: Path):
    with pytest.raises(RuntimeError, match="status 3: so it goes"):
        run([sys.executable, "-c", "import sys; print('so it goes', file=sys.stderr); sys.exit(3)"], tmp_path)


@pytest.mark.parametrize(
    ("module", "titles"),
    [
        (parsing, ["Parsing"]),
        (tagging, ["Tagging, seeds", "Tagging, made-up"]),
        (catalogue, ["20 listings, half of them new"]),
        (intake, ["Taking in 8 made-up papers on one page"]),
        (whole, ["Whole runs over 3 papers"]),
        (startup, ["Starting", "A run with nothing new, step by step", "Imports of a run with nothing new"]),
    ],
    ids=lambda value: value.__name__ if hasattr(value, "__name__") else "",
)
def test_each_part_measures(module, titles: list[str], tiny: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tagging, "_FEW", 1)
    tables = list(module.measure(tiny))
    assert [table.title.partition(":")[0] for table in tables] == titles
    assert all(figure > 0 for table in tables for figure in figures(table))
    assert all(str(table).startswith(f"== {table.title}\n") for table in tables)


def test_a_mailing_is_measured_against_the_usual_way_and_the_relays_limit(tiny: Settings, one_dump: Path):
    messages, *splits = mailing.measure(replace(tiny, seeds=one_dump, many=60))
    names = [row[0] for row in messages.rows]
    if not names:
        pytest.skip(messages.notes[0])
    assert {"digest, SQLite, 1 connection", "digest, SQLite, 8 connections"} < set(names)
    assert names[0] == "the usual way"
    assert names[-2:] == ["smtp-source, 1 connection", "smtp-source, 8 connections"]
    kinds = ["SQLite", "PostgreSQL"] if any("PostgreSQL" in name for name in names) else ["SQLite"]
    assert [table.title for table in splits] == [
        f"A message of {number} on {kind}, part by part" for number in (40, 60) for kind in kinds
    ]
    assert all({"make", "lane", "advance", "sweep"} < {note.split()[-1] for note in table.notes} for table in splits)


def test_without_a_relay_the_mailing_says_where_to_get_one(tiny: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mailing, "_tool", lambda name: None)
    (table,) = mailing.measure(tiny)
    assert table.rows == []
    assert "apt install postfix" in str(table)


def test_the_usual_way_mails_what_we_mail(tmp_path: Path, root: Path, one_dump: Path):
    places = readers.Places(tmp_path, one_dump)
    readers.build(places, "readers", 2)
    file = readers.message(places, "readers")
    ours = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    (tmp_path / "usual.json").write_text(json.dumps(readers.parts(file)))
    with serving(Script()) as server:
        usual = root / "bench" / "peer_side" / "usual.py"
        run([sys.executable, usual, tmp_path / "usual.json", str(server.port), "2"], tmp_path)
        first, second = server.accepted
    theirs = email.message_from_bytes(first.content, policy=email.policy.default)
    assert first.recipients == ("reader0@example.org",)
    assert (theirs["List-Id"], theirs["From"]) == (ours["List-Id"], ours["From"])
    assert theirs["Subject"].split() == ours["Subject"].split()
    for kind in ("plain", "html"):
        assert _body(theirs, kind) == _body(ours, kind)
    assert b"reader1@example.org" in second.content
    assert b"reader0@example.org" not in second.content


def _body(message: email.message.EmailMessage, kind: str) -> list[str]:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).split()


def test_kills_are_counted(tiny: Settings):
    table = next(kills.measure(tiny))
    assert table.title == "1 kills that hit, SQLite, one sender"
    assert re.search(r"^\d+ kills, [1-9]\d* messages in flight when killed$", str(table), re.MULTILINE)
    assert "0 missing, 0 twice (goal: 0)" in table.notes


def test_the_alternation_loses_phrases_that_overlap():
    phrases = ["neural network", "network pruning", "neural network pruning"]
    text = "neural network pruning"
    assert len(tagging.alternation(phrases).findall(text)) == 1
    assert tagging.count(tagging.one_by_one(phrases), text) == 3


def test_the_bench_is_a_command(root: Path, tmp_path: Path):
    bench = [sys.executable, str(root / "bench" / "run.py"), "--no-peers", "--rounds", "1", "--scratch", str(tmp_path)]
    done = subprocess.run([*bench, "--quick", "parsing"], capture_output=True, text=True, check=True)
    assert re.search(r"^seeds: digest \(288 listings, 0 rejected\)", done.stdout, re.MULTILINE)
    wrong = subprocess.run([*bench, "speed"], capture_output=True, text=True)
    assert wrong.returncode == 2
    assert "no part speed; there are parsing, tagging," in wrong.stderr


def test_extra_real_data_is_read_as_days(data: Path):
    from bench import real

    days = real.days(data, most=3)
    assert len(days) == 3
    assert all(paper.title and paper.abstract for papers in days.values() for paper in papers)
    assert json.dumps([paper.title for papers in days.values() for paper in papers])
