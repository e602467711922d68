"""Rules where two builders would answer differently, each through the whole command."""

from __future__ import annotations

import email
import email.policy
import json
from pathlib import Path

import feedparser
import pytest

from tests.acceptance.command import CONFIG, digest, page, paper, receipts, rows, tallies


def write(folder: Path, name: str, day: str, numbers: list[int]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(page(day, [paper(number) for number in numbers]))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "digest.toml").write_text(CONFIG)
    write(tmp_path / "dumps", "a.txt", "Nov 17", [0, 1, 2])
    return tmp_path


def test_the_same_bytes_again_are_seen_without_being_read_and_each_fetch_is_noted(home: Path) -> None:
    receipts("replay", "dumps", cwd=home)
    (home / "dumps" / "copy.txt").write_bytes((home / "dumps" / "a.txt").read_bytes())
    (again,) = receipts("run", cwd=home)
    assert again["verdict"] == "quiet: all seen"
    assert tallies(again) == (3, 0, 0, 0, 3, 0)
    assert rows(home / "digest.db", "SELECT count(*) FROM dumps") == [(1,)]
    assert rows(home / "digest.db", "SELECT count(*) FROM fetches") == [(3,)]
    assert rows(home / "digest.db", "SELECT count(*) FROM sightings") == [(3,)]


def test_other_bytes_of_the_same_date_are_another_dump(home: Path) -> None:
    receipts("replay", "dumps", cwd=home)
    write(home / "dumps", "b.txt", "Nov 17", [0, 1, 2, 3])
    (run,) = receipts("run", cwd=home)
    assert tallies(run) == (7, 1, 0, 0, 6, 0)
    assert rows(home / "digest.db", "SELECT count(*) FROM dumps") == [(2,)]


def test_nothing_arrived_means_that_no_fetch_gave_a_listing(home: Path) -> None:
    (home / "dumps" / "a.txt").unlink()
    (run,) = receipts("run", cwd=home)
    assert run["verdict"] == "quiet: nothing arrived"


def test_of_several_sources_the_first_in_the_configuration_has_the_paper(home: Path) -> None:
    config = CONFIG + '[[sources]]\nname = "more"\nkind = "folder"\npath = "more"\nyear = 2026\n'
    (home / "digest.toml").write_text(config)
    write(home / "more", "b.txt", "Nov 16", [2, 3])
    (run,) = receipts("run", cwd=home)
    assert [(one["name"], one["new"], one["seen"]) for one in run["sources"]] == [("dumps", 3, 0), ("more", 1, 1)]
    assert run["editions"][0]["entries"] == 4


def test_twice_in_one_dump_the_second_is_seen(home: Path) -> None:
    write(home / "dumps", "a.txt", "Nov 17", [0, 1, 0])
    (run,) = receipts("run", cwd=home)
    assert tallies(run) == (3, 2, 0, 0, 1, 0)


def test_replay_reads_files_of_no_source_under_its_own_name_and_ignores_hour_and_days(home: Path) -> None:
    config = CONFIG.replace('title = "Daily Papers"', 'at = "08:00"\ndays = "mon"\ntimezone = "Europe/Berlin"')
    (home / "digest.toml").write_text(config)
    write(home / "elsewhere", "2026-11-14.txt", "Nov 14", [5])
    found = receipts("replay", "dumps", "elsewhere", cwd=home)
    assert [one["sources"][0]["name"] for one in found] == ["replay", "dumps"]
    assert [one["editions"][0]["number"] for one in found] == [1, 2]
    # 14 November is a Saturday; eight o'clock in Berlin is seven in UTC
    snapshots = rows(home / "digest.db", "SELECT snapshot FROM editions ORDER BY number")
    assert [json.loads(text)["instant"] for (text,) in snapshots] == ["2026-11-14T07:00:00Z", "2026-11-17T07:00:00Z"]


def test_after_a_replay_of_files_of_no_source_nothing_is_first(home: Path) -> None:
    write(home / "elsewhere", "2026-11-14.txt", "Nov 14", [5])
    receipts("replay", "elsewhere", cwd=home)
    write(home / "dumps", "b.txt", "Nov 18", [3])
    (run,) = receipts("run", cwd=home)
    assert run["editions"][0]["entries"] == 4


def test_a_newsletter_met_later_begins_with_what_comes_after(home: Path) -> None:
    receipts("run", cwd=home)
    (home / "digest.toml").write_text(CONFIG.replace("[[sources]]", "[newsletters.second]\n[[sources]]"))
    write(home / "dumps", "b.txt", "Nov 20", [2, 7, 8])
    (run,) = receipts("run", "--as-of", "2026-11-21T09:00:00Z", cwd=home)
    assert [(one["newsletter"], one["number"], one["entries"]) for one in run["editions"]] == [
        ("daily", 2, 2),
        ("second", 1, 2),
    ]


def test_before_its_hour_an_edition_waits_and_papers_are_not_lost(home: Path) -> None:
    (home / "digest.toml").write_text(CONFIG.replace('title = "Daily Papers"', 'at = "08:00"'))
    (early,) = receipts("run", "--as-of", "2026-11-20T07:59:00Z", cwd=home)
    assert early["verdict"] == "waiting"
    assert "3 papers ready, it is not yet time; next from 2026-11-20T08:00" in early["editions"][0]["evidence"]
    (due,) = receipts("run", "--as-of", "2026-11-20T08:00:00Z", cwd=home)
    assert due["editions"][0]["entries"] == 3


def test_a_day_without_an_edition_is_calendar(home: Path) -> None:
    (home / "digest.toml").write_text(CONFIG.replace('title = "Daily Papers"', 'days = "mon-thu"'))
    assert receipts("run", cwd=home)[0]["verdict"] == "quiet: calendar"
    assert receipts("run", "--as-of", "2026-11-23", cwd=home)[0]["editions"][0]["entries"] == 3


def test_a_source_with_a_daily_batch_is_waited_for_until_the_deadline(home: Path) -> None:
    config = CONFIG.replace('title = "Daily Papers"', 'wait = "10h"').replace(
        "year = 2026", "year = 2026\ndaily = true"
    )
    (home / "digest.toml").write_text(config)
    assert receipts("run", "--as-of", "2026-11-20T09:00:00Z", cwd=home)[0]["verdict"] == "waiting"
    write(home / "dumps", "b.txt", "Nov 20", [6])
    assert receipts("run", "--as-of", "2026-11-20T09:10:00Z", cwd=home)[0]["editions"][0]["entries"] == 4


def test_the_authority_of_feed_ids_is_made_once_and_never_derived_again(home: Path) -> None:
    receipts("run", cwd=home)
    (home / "digest.toml").write_text('base_url = "https://papers.example.org"\n' + CONFIG)
    write(home / "dumps", "b.txt", "Nov 20", [6])
    receipts("run", "--as-of", "2027-01-04", cwd=home)
    feed = feedparser.parse((home / "public/daily/rss.xml").read_bytes())
    assert {entry.id for entry in feed.entries} == {
        "tag:digest.invalid,2026:daily/2026-11-20",
        "tag:digest.invalid,2026:daily/2027-01-04",
    }


def test_before_a_first_edition_pages_and_feeds_are_there_and_valid(home: Path) -> None:
    (home / "dumps" / "a.txt").unlink()
    receipts("run", cwd=home)
    for name in ("index.html", "feeds.html", "feeds.opml", "daily/index.html"):
        assert (home / "public" / name).is_file()
    for name in ("daily/rss.xml", "daily/atom.xml", "daily/papers/rss.xml"):
        feed = feedparser.parse((home / "public" / name).read_bytes())
        assert not feed.bozo
        assert feed.version
        assert feed.entries == []
    assert json.loads((home / "public/daily/feed.json").read_text())["items"] == []


def test_the_public_message_names_no_person_and_carries_the_editions_instant(home: Path) -> None:
    (home / "digest.toml").write_text(CONFIG + '[interests]\nwant = ["town 10"]\n')
    receipts("run", cwd=home)
    content = (home / "public/daily/2026-11-20/mail.eml").read_bytes()
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert message["From"].addresses[0].addr_spec == message["To"].addresses[0].addr_spec == "daily@digest.invalid"
    assert message["Date"].datetime.isoformat() == "2026-11-20T09:00:00+00:00"
    assert message["Subject"].startswith("Daily Papers, 20 Nov: ")
    for name in ("mail.eml", "mail.html", "mail.txt", "index.html"):
        assert "matches your" not in (home / "public/daily/2026-11-20" / name).read_text()


def test_reasons_of_interest_are_public_where_that_is_wanted(home: Path) -> None:
    config = CONFIG.replace('title = "Daily Papers"', "public_reasons = true") + '[interests]\nwant = ["town 10"]\n'
    (home / "digest.toml").write_text(config)
    receipts("run", cwd=home)
    assert "matches your “town 10”" in (home / "public/daily/2026-11-20/mail.txt").read_text()


def test_a_revised_paper_comes_again_in_words_and_in_no_headings_count(home: Path) -> None:
    receipts("run", cwd=home)
    title, abstract = paper(1)
    changed = abstract.replace("Code is available", "We add a proof. Code is available")
    text = page("Nov 21", [(title, changed), paper(9)])
    (home / "dumps" / "b.txt").write_text(text)
    (run,) = receipts("run", "--as-of", "2026-11-21T09:00:00Z", cwd=home)
    assert tallies(run) == (5, 1, 1, 0, 3, 0)
    assert run["editions"][0]["entries"] == 2
    shown = (home / "public/daily/2026-11-21/mail.txt").read_text()
    assert "1 new paper · 1 revised" in shown
    assert "Revised: abstract changed" in " ".join(shown.split())


def test_a_weekly_letter_says_what_rises(home: Path) -> None:
    """Counts need two dates: a dump with upvotes, listed again days later with more of them."""

    def markdown(day: str, counts: list[tuple[int, int]]) -> str:
        listings = "".join(
            f"[{upvotes}](https://huggingface.co/login?next=%2Fpapers%2F2610.0000{number})\n\n"
            f"### [{paper(number)[0]}](https://huggingface.co/papers/2610.0000{number})\n\n"
            f"[{paper(number)[1]}](https://huggingface.co/papers/2610.0000{number})\n\n- 3 authors\n\n·\n\nOct 9\n\n"
            for number, upvotes in counts
        )
        head = "# Daily Papers\n\n## by [AK](https://huggingface.co/akhaliq) and the research community"
        return f"{head}\n\n{day}\n\n{listings}"

    (home / "digest.toml").write_text(CONFIG.replace('title = "Daily Papers"', 'days = "mon"'))
    (home / "dumps" / "a.txt").write_text(markdown("Nov 17", [(n, 5) for n in range(6)]))
    assert receipts("run", "--as-of", "2026-11-17T09:00:00Z", cwd=home)[0]["verdict"] == "quiet: calendar"
    (home / "dumps" / "b.txt").write_text(markdown("Nov 20", [(n, 60 if n == 4 else 5) for n in range(6)]))
    (run,) = receipts("run", "--as-of", "2026-11-23T09:00:00Z", cwd=home)
    assert run["editions"][0]["entries"] == 6
    shown = " ".join((home / "public/daily/2026-11-23/mail.txt").read_text().split())
    assert "rising: 55 more upvotes from 17 November to 20 November" in shown


def test_an_empty_receipt_still_says_which_newsletter_and_why(home: Path) -> None:
    (home / "dumps" / "a.txt").unlink()
    done = digest("run", cwd=home)
    assert "Nothing to publish: no source gave a listing." in done.stdout
