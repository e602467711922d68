"""A process that is killed inside a transaction leaves nothing of it, and what it had committed."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from digest.protocols import Store
from digest.store import open_store
from digest.testing import commit_dump, make_change, make_edition, make_listing, make_outcome, make_paper, make_receipt

# The victim writes to its log as any run does; the log's reader holds it where it is until it is dead.
VICTIM = """
import sys, time
import structlog

def hold(logger, method, event):
    print(event["event"], flush=True)
    if event["event"] == sys.argv[2]:
        time.sleep(60)
    raise structlog.DropEvent

from digest import logs

logs.configure("debug")
structlog.configure(processors=[hold])

from digest.models import Dump
from digest.store import open_store
from digest.testing import *

store = open_store(sys.argv[1])
listings = [make_listing(f"Title {number}", ids=[f"arxiv:{number}"]) for number in range(3)]
commit_dump(store, [make_change("new", listing) for listing in listings], name="first")
store.enrol("daily", 0)
store.publish(make_edition([make_paper(listing) for listing in listings], upto=3), make_receipt())
"""


def killed_at(url: str, event: str) -> None:
    victim = subprocess.Popen([sys.executable, "-c", VICTIM, url, event], stdout=subprocess.PIPE, text=True)
    assert victim.stdout
    for line in victim.stdout:
        if line == f"{event}\n":
            break
    victim.kill()
    victim.communicate()


@pytest.mark.parametrize(
    ("event", "dumps", "changes", "editions"),
    [
        ("dump kept", 1, 0, 0),
        ("dump committing", 1, 0, 0),
        ("dump committed", 1, 3, 0),
        ("edition publishing", 1, 3, 0),
        ("edition published", 1, 3, 1),
    ],
)
def test_what_is_begun_is_undone_and_what_is_committed_stays(
    url: str, event: str, dumps: int, changes: int, editions: int
) -> None:
    killed_at(url, event)
    store = open_store(url)
    assert (store.dump_count(), store.log_end(), len(store.editions("daily"))) == (dumps, changes, editions)
    assert len(store.search("title", 9)) == changes
    state = store.newsletter("daily")
    assert (state.mark if state else 0) == (3 if editions else 0)
    # the next run goes on from there
    listings = [make_listing(f"Title {number}", ids=[f"arxiv:{number}"]) for number in range(3)]
    for kept, _ in store.unfinished("papers"):
        assert store.commit(make_outcome(kept, [make_change("new", listing) for listing in listings]))
    store.enrol("daily", 0)
    edition = make_edition([make_paper(listing) for listing in listings], upto=3)
    assert store.publish(edition, make_receipt()) == (not editions)
    assert (store.log_end(), len(store.editions("daily"))) == (3, 1)
    store.close()


def test_writers_at_once_leave_no_gap(store: Store, url: str) -> None:
    ends: list[int] = []
    done = threading.Event()

    def write(writer: int) -> None:
        mine = open_store(url)
        for number in range(5):
            listing = make_listing(f"Title {writer} {number}", ids=[f"arxiv:{writer}.{number}"])
            commit_dump(mine, [make_change("new", listing)], source=str(writer), name=f"{number}")
        mine.close()

    def watch() -> None:
        mine = open_store(url)
        while not done.is_set():
            end = mine.log_end()
            ends.append(end)
            assert len(mine.logged("daily", 0, end, None, "ml")) == end, "a number became visible before one below it"
            time.sleep(0.001)
        mine.close()

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(3)]
    watcher = threading.Thread(target=watch)
    for thread in (*writers, watcher):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    watcher.join()
    assert store.log_end() == 15
    assert ends == sorted(ends)
