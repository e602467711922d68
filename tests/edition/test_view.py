from __future__ import annotations

from collections import Counter
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.edition.view import mail_view, page_view, preheader, reading_minutes, short_title, subject
from digest.models import Edition, Interests, Link, View
from tests.edition.made import LETTER, TAXONOMY, counted, issue, new, revised, seed_edition, tag

IDS = ("prune", "gnn", "detect")


def made(count: int, *, show: int = 25, changed: int = 0, interests: Interests | None = None) -> Edition:
    """Return an edition of `count` new papers under up to three headings, and `changed` revised ones."""
    logged = [new(n, upvotes=counted(n * 7 % 50)) for n in range(1, count + 1)]
    logged += [revised(n, "title") for n in range(count + 1, count + changed + 1)]
    tags = {one.paper.key: [tag(IDS[(n * n) % 3])] for n, one in enumerate(logged)}
    return issue(logged, tags, letter=LETTER.model_copy(update={"show": show}), interests=interests)


def keys(view: View) -> list[str]:
    entries = [*view.top, *(entry for section in view.sections for entry in section.entries)]
    return [shown.entry.paper.key for shown in entries]


def assert_adds_up(view: View) -> None:
    """Each paper stands once, and each section tells how many of it are shown nowhere."""
    shown = keys(view)
    assert len(set(shown)) == len(shown) == view.shown
    for section, whole in zip(view.sections, view.edition.sections, strict=True):
        assert section.id == whole.id
        assert section.total == len(whole.keys) == len(set(whole.keys) & set(shown)) + section.more
        assert {entry.entry.paper.key for entry in section.entries} <= set(whole.keys)


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(1, 70), st.integers(0, 5))
def test_a_mail_adds_up(count, show, changed):
    edition = made(count, show=show, changed=changed)
    view = mail_view(edition)
    assert_adds_up(view)
    assert view.shown == min(show, count + changed)


@pytest.mark.parametrize("name", ["000", "001", "002", "003", "004"])
def test_the_usual_mail_takes_about_five_minutes(seeds, name):
    (path,) = seeds.glob(f"{name}_*.txt")
    view = mail_view(seed_edition(path))
    assert_adds_up(view)
    assert view.shown == 25
    assert 4 <= reading_minutes(view) <= 6
    assert {shown.density for shown in view.top} == {"two"}
    assert {shown.density for section in view.sections for shown in section.entries} == {"one"}


@pytest.mark.parametrize("name", ["001", "002"])
def test_every_heading_is_shown(seeds, name):
    (path,) = seeds.glob(f"{name}_*.txt")
    view = mail_view(seed_edition(path))
    for section in view.sections:
        assert section.total - section.more >= min(2, section.total)


def test_a_mail_that_shows_all_tells_the_tail_by_title():
    view = mail_view(made(60, show=288, changed=3))
    densities = Counter(shown.density for section in view.sections for shown in section.entries)
    assert view.shown == 63
    assert not any(section.more for section in view.sections)
    assert densities == {"one": 20, "title": 38}
    assert len(view.top) == 5
    least = min(shown.entry.score for s in view.sections for shown in s.entries if shown.density == "one")
    assert all(shown.entry.score <= least for s in view.sections for shown in s.entries if shown.density == "title")


def test_a_page_shows_everything_in_full():
    edition = made(50, show=3, changed=2, interests=Interests(mute=("amber",)))
    view = page_view(edition)
    assert_adds_up(view)
    assert view.shown == 52
    assert {shown.density for section in view.sections for shown in section.entries} == {"abstract"}


def test_what_is_muted_is_in_the_edition_and_not_in_the_mail():
    logged = [new(1, title="A survey of pruning", upvotes=counted(90)), *(new(n) for n in range(2, 8))]
    edition = issue(logged, interests=Interests(mute=("survey",)))
    assert "2606.00001" in edition.by_key
    assert "2606.00001" in keys(page_view(edition))
    view = mail_view(edition)
    assert "2606.00001" not in keys(view)
    assert sum(section.more for section in view.sections) == 1


def test_a_readers_own_interests_take_the_place_of_the_newsletters():
    logged = [
        new(1, title="Pruning of amber"),
        new(2, title="Spiking of birch"),
        new(3, title="A survey of cedar"),
        *(new(n, upvotes=counted(1)) for n in range(4, 10)),
    ]
    edition = issue(logged, interests=Interests(want=("pruning",), mute=("survey",)))
    assert keys(mail_view(edition))[0] == "2606.00001"
    view = mail_view(edition, Interests(want=("spiking",), mute=("pruning",)))
    assert_adds_up(view)
    assert keys(view)[0] == "2606.00002"
    assert "2606.00001" not in keys(view)
    assert "2606.00003" in keys(view)
    entries = [shown.entry for shown in [*view.top, *view.sections[0].entries]]
    personal = [one.text for entry in entries for one in entry.reasons if one.personal]
    assert personal == ["matches your “spiking”"]


def test_only_matches_of_the_newsletter_acts_on_its_mail_and_not_on_its_page():
    logged = [new(n, title=f"Net {n}") for n in range(1, 10)]
    edition = issue(logged, interests=Interests(want=("net 5", "net 6"), only_matches=True))
    view = mail_view(edition)
    assert sorted(keys(view)) == ["2606.00005", "2606.00006"]
    assert_adds_up(view)
    assert len(keys(page_view(edition))) == 9


def test_only_matches_leaves_only_what_matches():
    logged = [new(n, title=f"Net {n}") for n in range(1, 10)]
    tags = {"2606.00002": [tag("prune")], "2606.00003": [tag("gnn")]}
    edition = issue(logged, tags)
    by_parent = Interests(tags=("Efficient models",), want=("net 5",), only_matches=True)
    view = mail_view(edition, by_parent, TAXONOMY)
    assert_adds_up(view)
    assert sorted(keys(view)) == ["2606.00002", "2606.00005"]
    assert mail_view(edition, Interests(only_matches=True)).shown == 0


def test_a_mail_of_one_paper():
    edition = issue([new(1, title="A net")])
    view = mail_view(edition)
    assert_adds_up(view)
    assert (view.top, view.shown, reading_minutes(view)) == ((), 1, 1)
    assert subject(edition) == "Daily Papers, 16 Jun: A net"
    assert preheader(edition) == "1 new paper"


def test_an_edition_of_revised_papers_alone():
    edition = issue([revised(n, "title", title=f"Net {n}: a study") for n in (1, 2)])
    view = mail_view(edition)
    assert_adds_up(view)
    assert subject(edition) == "Daily Papers, 16 Jun: Net 1 and Net 2"
    assert preheader(edition) == "2 revised"


@pytest.mark.parametrize(
    ("title", "short"),
    [
        ("SPARSE Data, Rich Results: Few-Shot Learning", "SPARSE Data, Rich Results"),
        ("RAPTOR: A Foundation Policy for Quadrotor Control", "RAPTOR"),
        ("Spiking Diffusion Models", "Spiking Diffusion Models"),
        ("How transferable are features in deep neural networks?", "How transferable are features in deep…"),
        ("An ever so long first part of a title that goes on: and on", "An ever so long first part of a title…"),
        ("Understanding self-supervised Learning Dynamics", "Understanding self-supervised…"),
        ("Pneumonoultramicroscopicsilicovolcanoconiosis", "Pneumonoultramicroscopicsilicovolcano…"),
    ],
)
def test_titles_are_shortened(title, short):
    assert short_title(title) == short


def test_a_subject_names_the_best_and_counts_the_rest():
    logged = [new(n, title=f"Net{n}: a study", comments=counted(n)) for n in range(1, 49)]
    assert subject(issue(logged, day=date(2026, 1, 2))) == "Daily Papers, 2 Jan: Net48, Net47, Net46 and 45 more"


@pytest.mark.parametrize("name", ["000", "001", "002", "003", "004"])
def test_subject_and_preheader_of_seeds(seeds, name):
    (path,) = seeds.glob(f"{name}_*.txt")
    edition = seed_edition(path)
    assert len(subject(edition)) <= 90
    assert sum(int(part.split()[0]) for part in preheader(edition).split(" · ")) == len(edition.entries)


def test_a_preheader_tells_headings_with_their_counts():
    logged = [new(n) for n in range(1, 13)] + [revised(20, "title")]
    tags = {one.paper.key: [tag("gnn" if n < 8 else "prune")] for n, one in enumerate(logged[:11])}
    assert preheader(issue(logged, tags)) == "8 graph neural networks · 3 efficient models · 1 also new · 1 revised"


def test_code_counts_also_where_most_have_it():
    code = (Link(rel="code", url="https://example.org/x"),)
    edition = issue([new(n, links=code) for n in range(1, 7)])
    assert edition.lead == "6 papers are new; all of them come with code."
