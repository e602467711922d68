from __future__ import annotations

from typing import Any

from digest.edition import view
from digest.models import Edition, Interests
from digest.rendering.personal import Kind, Told, known_groups, tell, union
from tests.rendering.mail_editions import make_edition, make_entry

NOTHING = Interests(want=("quaternions",), only_matches=True)
KIND = Kind("daily", 2, 3, groups=("strict",))


def told(edition: Edition, interests: Interests | None, kind: Kind = KIND, **more: Any) -> Told:
    return tell(edition, kind, interests, view=view.mail_view, subject=view.subject, taxonomy=None, **more)


def test_who_is_in_several_groups_wants_what_each_wants():
    one = Interests(want=("pruning", "SNN"), authors=("Song Han",), mute=("survey", "GAN"), only_matches=True)
    other = Interests(want=("gan", "pruning"), organizations=("MIT",), tags=("prune",), mute=("snn",))
    both = union([one, other])
    assert both == Interests(
        want=("pruning", "SNN", "gan"), authors=("Song Han",), organizations=("MIT",), tags=("prune",), mute=("survey",)
    )
    assert union([one, one]).only_matches
    assert union([one]).want == one.want


def test_names_of_groups_are_those_that_there_are():
    groups = {"vision": Interests(), "speech": Interests()}
    assert known_groups(" vision,gone, speech,vision,", groups) == (("speech", "vision"), ("gone",))
    assert known_groups("", groups) == ((), ())


def test_where_nothing_is_to_be_shown_no_empty_heading_is():
    found = told(make_edition(8), NOTHING)
    assert found.view.shown == 0
    assert {section.more for section in found.view.sections} == {0}
    assert found.view.edition.notes == (
        "None of the 8 papers here matches what your group strict asks for. All are on the web.",
    )
    # without a site there is nothing that a chart could lead to
    alone = told(make_edition(1, base_url=None), NOTHING, Kind("daily", 2, 3, groups=("a", "b")))
    assert alone.view.sections == ()
    assert alone.view.edition.notes == ("The one paper here does not match what your groups a and b ask for.",)
    assert alone.subject == "Daily Papers, 16 Jun: nothing for you among 1 paper"


def test_where_all_is_muted_everybody_is_told():
    muted = [make_entry(n).model_copy(update={"score": -900.0}) for n in range(3)]
    edition = make_edition(entries=muted, top={"label": "", "keys": ()})
    assert (
        told(edition, None, Kind("daily", 2, 3))
        .view.edition.notes[0]
        .startswith("None of the 3 papers here matches what Daily Papers is after.")
    )
    own = told(edition, None, Kind("daily", 2, 3, owner=True)).view.edition.notes[0]
    assert own.startswith("None of the 3 papers here matches your interests.")


def test_a_subject_counts_what_matches_where_only_that_is_wanted():
    entries = [make_entry(0), make_entry(1, title="On Quaternions"), make_entry(2, title="Quaternions Again")]
    edition = make_edition(entries=[*entries, *(make_entry(n) for n in range(3, 9))])
    found = told(edition, NOTHING)
    assert found.subject == "Daily Papers, 16 Jun: On Quaternions and Quaternions Again"
    assert found.view.edition.top.label == "by the interests of your group strict"
    assert edition.top.label == "by comments, then code"
    assert "and 6 more" in told(edition, NOTHING.model_copy(update={"only_matches": False})).subject
