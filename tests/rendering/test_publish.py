"""Publishing: the folder is the projection of the store, however it came about."""

from __future__ import annotations

import os
import posixpath
import subprocess
import sys
from datetime import date
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest

from digest.errors import RenderError
from digest.models import Count, Receipt, TagName, Taxonomy
from digest.rendering.folder import OutputFolder
from digest.rendering.ledger import Ledger
from tests.rendering import pages as make
from tests.rendering.well_formed import page

EDITIONS = make.editions(4)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the files of a folder published once, at the end."""
    output = tmp_path_factory.mktemp("whole")
    make.publisher(output).publish(make.filled(*EDITIONS))
    return make.contents(output)


def test_the_layout_is_the_documented_one(whole):
    assert {"index.html", "feeds.html", "feeds.opml"} == {path for path in whole if "/" not in path}
    day = {path.removeprefix("daily/2026-01-07/") for path in whole if path.startswith("daily/2026-01-07/")}
    assert day == {"index.html", "mail.html", "mail.txt", "mail.eml"}
    for folder in ("daily", "daily/papers", "daily/tags/snn"):
        assert {f"{folder}/rss.xml", f"{folder}/atom.xml", f"{folder}/feed.json"} <= set(whole)
    assert {"daily/index.html", "daily/tags/snn/index.html", "papers/2601.03001/index.html"} <= set(whole)
    papers = {entry.paper.key for edition in EDITIONS for entry in edition.entries}
    assert sum(path.startswith("papers/") for path in whole) == len(papers)


def test_every_page_is_well_formed_and_every_link_leads_to_a_file(whole):
    for path, content in whole.items():
        if not path.endswith("index.html") and path != "feeds.html":
            continue
        for link in page(content).links:
            parts = urlsplit(link)
            if parts.scheme:
                assert parts.scheme == "https"
                continue
            target = (
                posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(parts.path))) if parts.path else path
            )
            assert target in whole, f"{path} links to {link}"
            if parts.fragment:
                assert f'id="{parts.fragment}"'.encode() in whole[target]


def test_every_absolute_address_of_the_site_leads_to_a_file(whole):
    for path in (path for path in whole if path.endswith((".xml", ".opml"))):
        for element in ElementTree.fromstring(whole[path]).iter():
            for text in (element.text or "", element.get("href") or "", element.get("xmlUrl") or ""):
                if text.startswith(make.BASE):
                    target = text.removeprefix(make.BASE + "/")
                    assert (target + "index.html" if target.endswith("/") or not target else target) in whole


def test_a_second_publish_does_nothing(tmp_path):
    store, publisher = make.filled(*EDITIONS), make.publisher(tmp_path)
    changed = publisher.publish(store)
    assert sorted(changed) == sorted(make.contents(tmp_path))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert publisher.publish(store) == ()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_publishing_after_each_edition_gives_the_same_folder(tmp_path, whole):
    store, publisher = make.filled(), make.publisher(tmp_path)
    publisher.publish(store)
    for edition in EDITIONS:
        make.add(store, edition)
        publisher.publish(store)
    assert make.contents(tmp_path) == whole


def test_a_new_edition_leaves_what_it_does_not_concern(tmp_path):
    store, publisher = make.filled(*EDITIONS[:3]), make.publisher(tmp_path)
    publisher.publish(store)
    make.add(store, EDITIONS[3])
    changed = set(publisher.publish(store))
    assert {path.split("/")[1] for path in changed if path.startswith("daily/2026")} == {"2026-01-08"}
    keys = {entry.paper.key for entry in EDITIONS[3].entries}
    assert {path.split("/")[1] for path in changed if path.startswith("papers/")} == keys
    assert {"index.html", "daily/index.html", "daily/rss.xml", "daily/papers/feed.json"} <= changed


def test_a_paper_that_moved_on_gets_its_page_anew_and_nothing_else(tmp_path):
    store, publisher = make.filled(*EDITIONS), make.publisher(tmp_path)
    publisher.publish(store)
    known = EDITIONS[0].entries[1].paper
    counted = known.model_copy(update={"comments": Count(value=77, as_of=date(2026, 2, 1))})
    make.enrich(store, counted, date(2026, 2, 1))
    assert publisher.publish(store) == [f"papers/{known.key}/index.html"]
    assert "77 comments as of 1 Feb 2026" in page((tmp_path / f"papers/{known.key}/index.html").read_bytes()).text
    assert publisher.publish(store) == ()


def test_a_paper_in_two_newsletters_has_one_page_that_names_both(tmp_path):
    store, other = make.filled(EDITIONS[0]), make.DAILY.model_copy(update={"id": "weekly", "title": "Weekly"})
    publisher = make.publisher(tmp_path, newsletters=(make.DAILY, other))
    publisher.publish(store)
    again = EDITIONS[0].model_copy(update={"newsletter": "weekly", "title": "Weekly"})
    store.enrol("weekly", again.after)
    assert store.publish(again, Receipt(verdict="published", started_at=again.instant))
    key = again.entries[0].paper.key
    assert f"papers/{key}/index.html" in publisher.publish(store)
    found = page((tmp_path / f"papers/{key}/index.html").read_bytes())
    assert "Daily Papers No. 1" in found.text
    assert "Weekly No. 1" in found.text
    assert {"../../daily/2026-01-05/index.html", "../../weekly/2026-01-05/index.html"} <= set(found.links)


class Killed(BaseException):
    """What a process feels when it is killed."""


@pytest.mark.parametrize("after", [0, 9, 25, 45])
def test_a_killed_publish_is_made_whole_by_the_next(tmp_path, whole, monkeypatch, after):
    store, publisher, left = make.filled(*EDITIONS), make.publisher(tmp_path), [after]
    replace = os.replace

    def dying(source, target):
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", dying)
        with pytest.raises(Killed):
            publisher.publish(store)
    assert len(list(tmp_path.rglob(".*.digest-part"))) == 1
    publisher.publish(store)
    assert make.contents(tmp_path) == whole
    assert publisher.publish(store) == ()


def test_what_a_killed_publish_wrote_is_removed_when_it_is_no_longer_wanted(tmp_path, monkeypatch):
    store = make.filled(*EDITIONS)
    names = (TagName(id="group", name="Group"), *(TagName(id=id, name=id, parent="group") for id in make.NAMES))
    grouped = make.publisher(tmp_path, taxonomies={"daily": Taxonomy(id="one", names=names)})
    replace = os.replace

    def dying(source, target):
        if str(target).endswith("daily/index.html"):
            raise Killed
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", dying)
        with pytest.raises(Killed):
            grouped.publish(store)
    assert (tmp_path / "daily/tags/group/index.html").exists()
    make.publisher(tmp_path).publish(store)
    assert not (tmp_path / "daily/tags/group").exists()


@pytest.mark.parametrize("harm", ["missing", "cut", "folder"])
def test_a_damaged_file_is_made_again(tmp_path, whole, harm):
    store, publisher = make.filled(*EDITIONS), make.publisher(tmp_path)
    publisher.publish(store)
    victim = tmp_path / "daily/2026-01-06/mail.txt"
    if harm == "cut":
        victim.write_bytes(b"")
    else:
        for path in list(victim.parent.iterdir()) if harm == "folder" else [victim]:
            path.unlink()
    if harm == "folder":
        victim.parent.rmdir()
    changed = publisher.publish(store)
    assert "daily/2026-01-06/mail.txt" in changed
    assert len(changed) == (4 if harm == "folder" else 1)
    assert make.contents(tmp_path) == whole


def test_only_own_files_are_removed(tmp_path):
    names = (TagName(id="group", name="Group"), TagName(id="snn", name="x", parent="group"))
    store = make.filled(*EDITIONS)
    make.publisher(tmp_path, taxonomies={"daily": Taxonomy(id="one", names=names)}).publish(store)
    for path in ("CNAME", "daily/tags/group/mine.txt", "papers/.hidden", ".part"):
        (tmp_path / path).write_text("mine")
    changed = make.publisher(tmp_path).publish(store)
    assert "daily/tags/group/rss.xml" in changed
    assert [path.name for path in (tmp_path / "daily/tags/group").iterdir()] == ["mine.txt"]
    for path in ("CNAME", "papers/.hidden", ".part"):
        assert (tmp_path / path).read_text() == "mine"


def test_a_folder_that_was_there_before_is_adopted(tmp_path, whole):
    make.publisher(tmp_path).publish(make.filled(*EDITIONS))
    (tmp_path / ".index.html.digest-part").write_text("left by a run that another store knew of")
    assert make.publisher(tmp_path).publish(make.filled(*EDITIONS)) == []
    assert make.contents(tmp_path) == whole


def test_other_settings_make_everything_anew(tmp_path):
    store = make.filled(*EDITIONS)
    make.publisher(tmp_path).publish(store)
    changed = make.publisher(tmp_path, base_url="https://elsewhere.example").publish(store)
    assert "daily/papers/rss.xml" in changed
    assert b"papers.example.org/site" not in (tmp_path / "daily/papers/rss.xml").read_bytes()
    assert not [path for path in changed if path.startswith("daily/2026")], "an edition is as it was"


def test_an_own_template_stands_before_the_bundled_one(tmp_path):
    own, output = tmp_path / "own", tmp_path / "out"
    (own / "page").mkdir(parents=True)
    (own / "page/feeds.html").write_text(
        '{% extends "bundled/page/feeds.html" %}{% block place %}My place{% endblock %}'
    )
    store = make.filled(*EDITIONS[:1])
    publisher = make.publisher(output, templates=own)
    publisher.publish(store)
    assert b"My place" in (output / "feeds.html").read_bytes()
    (own / "page/feeds.html").write_text("{{ nonsense }}")
    with pytest.raises(RenderError, match="feeds"):
        publisher.publish(store)
    (own / "page/feeds.html").unlink()
    assert publisher.publish(store) == ["feeds.html"]


def test_before_a_first_edition_there_are_pages_and_empty_feeds(tmp_path):
    publisher = make.publisher(tmp_path, base_url=None)
    publisher.publish(make.filled())
    assert set(make.contents(tmp_path)) == {
        "index.html",
        "feeds.html",
        "feeds.opml",
        "daily/index.html",
        *(f"daily/{name}" for name in ("rss.xml", "atom.xml", "feed.json")),
        *(f"daily/papers/{name}" for name in ("rss.xml", "atom.xml", "feed.json")),
    }


def test_a_newsletter_that_is_no_longer_configured_keeps_its_pages(tmp_path):
    store = make.filled(*EDITIONS[:2])
    make.publisher(tmp_path).publish(store)
    other = make.DAILY.model_copy(update={"id": "weekly", "title": "Weekly"})
    make.publisher(tmp_path, newsletters=(other,)).publish(store)
    assert (tmp_path / "daily/2026-01-05/index.html").exists()
    found = page((tmp_path / "index.html").read_bytes()).text
    assert "Weekly" in found
    assert "Daily Papers" in found


def test_mails_and_pages_of_an_edition_stay_when_its_papers_move_on(tmp_path):
    store, publisher = make.filled(*EDITIONS[:2]), make.publisher(tmp_path)
    publisher.publish(store)
    before = {path: content for path, content in make.contents(tmp_path).items() if path.startswith("daily/2026")}
    for edition in EDITIONS[2:]:
        make.add(store, edition)
    publisher.publish(store)
    after = make.contents(tmp_path)
    assert {path: after[path] for path in before} == before


def test_files_are_written_only_where_they_differ(tmp_path):
    folder = OutputFolder(tmp_path)
    assert folder.write("a/b.txt", b"one")
    assert not folder.write("a/b.txt", b"one")
    assert folder.write("a/b.txt", b"two")
    assert folder.size("a/b.txt") == 3
    assert folder.size("a/b.txt/c") is None
    assert folder.remove("a/b.txt")
    assert not folder.remove("a/b.txt")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said_with_its_path(tmp_path):
    (tmp_path / "daily").write_text("a file where a folder should be")
    with pytest.raises(RenderError, match=r"daily/rss.xml cannot be written: \w+"):
        make.publisher(tmp_path).publish(make.filled())


@pytest.mark.parametrize("content", [None, b"", b'{"form":0,"products":[]}'])
def test_an_unknown_ledger_counts_as_none(content):
    assert Ledger.unpack(content) == Ledger()


def test_a_ledger_survives_its_packing():
    ledger = Ledger("f", 3, {"daily": 2}, {"paper  x": "y"}, {"ü/index.html": 7}, ("a",), unclean=False)
    assert Ledger.unpack(ledger.pack()) == ledger


def test_a_run_with_nothing_new_loads_nothing_that_renders(tmp_path, root):
    code = f"""
import sys
from pathlib import Path
from tests.rendering import pages as make
from digest.store import open_store
store = open_store({str(tmp_path / "store.db")!r})
publisher = make.publisher(Path({str(tmp_path / "out")!r}))
if not store.editions("daily"):
    make.add(store, make.editions(1)[0])
print(len(publisher.publish(store)), *sorted({{"jinja2", "mjml", "css_inline"}} & set(sys.modules)))
"""
    runs = [
        subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert runs[0].splitlines()[-1].endswith("css_inline jinja2 mjml")
    assert runs[1].splitlines()[-1] == "0"


def test_a_paper_that_the_catalogue_lost_keeps_its_page(tmp_path):
    store = make.filled(EDITIONS[0])
    lost = EDITIONS[0].entries[0].paper.key
    make.publisher(tmp_path).publish(Forgetful(store, lost))
    assert "Paper 1000 on" in page((tmp_path / f"papers/{lost}/index.html").read_bytes()).text


class Forgetful:
    """A store that no longer knows one paper, as after a merge that an older release made."""

    def __init__(self, store, lost):
        self._store, self._lost = store, lost

    def __getattr__(self, name):
        return getattr(self._store, name)

    def paper(self, key):
        return None if key == self._lost else self._store.paper(key)

    def papers(self, keys):
        return {key: record for key, record in self._store.papers(keys).items() if key != self._lost}


def test_paths_are_plain_whatever_ids_hold(tmp_path: Path):
    paper = make.paper(1, key="10.1000/a..b ü/../../x", ids=({"scheme": "doi", "value": "10.1000/a..b ü/../../x"},))
    edition = make.edition(1, [make.entry(paper, "cs.LG/../x")], tag_names={"cs.LG/../x": "Machine learning"})
    make.publisher(tmp_path / "out").publish(make.filled(edition))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert len(list((tmp_path / "out/papers").iterdir())) == 1
    assert len(list((tmp_path / "out/daily/tags").iterdir())) == 1
