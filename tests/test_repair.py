"""A better reader repairs the past: kept dumps are read again, without the network."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from digest.pipeline import repair
from tests.told import Told, World, titles, world

SOME = titles(0, 9)


def at(day: int) -> datetime:
    return datetime(2026, 11, day, 9, tzinfo=UTC)


def printed(here: World) -> list[tuple[str, int | None]]:
    """Return title and lateness of the newest edition's entries."""
    newest = here.parts.store.editions("daily")[-1].ref.number
    return [(one.paper.title, one.late) for one in here.parts.store.edition("daily", newest).entries]


def test_what_an_old_reader_passed_over_comes_late_and_once(tmp_path: Path) -> None:
    source = Told(blind=(SOME[3],))
    with world(tmp_path, pages=True) as here:
        source.gives = [source.batch(date(2026, 11, 18), SOME[:6])]
        assert here.run(source, at=at(18)).sources[0].new == 5
        before = here.parts.store.edition("daily", 1).canonical_json()
        source.blind, source.gives = (), []
        (told,) = repair(here.parts, [source])
        assert (told.listed, told.new, told.seen) == (6, 1, 5)
        (again,) = repair(here.parts, [source])
        assert (again.new, again.revised, again.seen) == (0, 0, 6)
        assert here.run(source, at=at(19)).editions[0].entries == 1
        assert printed(here) == [(SOME[3], 1)]
        assert here.run(source, at=at(20)).editions[0].number is None
        assert here.parts.store.edition("daily", 1).canonical_json() == before
        assert len(here.parts.store.editions("daily")) == 2


def test_an_unchanged_reader_changes_nothing(tmp_path: Path) -> None:
    source = Told()
    with world(tmp_path) as here:
        for day, names in ((18, SOME[:5]), (19, SOME[2:8])):
            source.gives = [source.batch(date(2026, 11, day), names, comments=day)]
            here.run(source, at=at(day))
        end, touched = here.parts.store.log_end(), here.parts.store.touched(0)
        (told,) = repair(here.parts, [source])
        assert (told.listed, told.seen, told.new, told.revised, told.enriched) == (11, 11, 0, 0, 0)
        assert (here.parts.store.log_end(), here.parts.store.touched(0)) == (end, touched)


def test_a_paper_that_waits_for_its_edition_is_not_lost_when_an_earlier_dump_turns_out_to_have_it(
    tmp_path: Path,
) -> None:
    source = Told(blind=(SOME[0],))
    with world(tmp_path, days="mon-fri") as here:
        source.gives = [source.batch(date(2026, 11, 20), SOME[:3])]
        here.run(source, at=at(20))
        source.blind = ()
        source.gives = [source.batch(date(2026, 11, 21), [SOME[0], *SOME[3:5]])]
        here.run(source, at=at(21))
        repair(here.parts, [source])
        assert here.run(source, at=at(23)).editions[0].entries == 3
        assert {title for title, _ in printed(here)} == {SOME[0], *SOME[3:5]}


def test_a_corrected_text_is_revised_once_and_its_gaps_are_filled_in_silence(tmp_path: Path) -> None:
    class Hasty(Told):
        """Reads the first words of each abstract only, and no venue."""

        hasty = True

        def parse(self, dump, received):
            parsed = super().parse(dump, received)
            if not self.hasty:
                return parsed
            cut = [one.model_copy(update={"venue": None}) for one in parsed.listings]
            cut[0] = cut[0].model_copy(update={"title": "Subscribe to our newsletter"})
            return parsed.model_copy(update={"listings": tuple(cut)})

    source = Hasty()
    ids = [{"ids": [{"scheme": "arxiv", "value": f"2611.0000{n}"}], "venue": "TMLR"} for n in range(3)]
    rows = [{"title": name, "abstract": f"We study {name}.", **more} for name, more in zip(SOME, ids, strict=False)]
    with world(tmp_path) as here:
        source.gives = [source.dump(date(2026, 11, 18), rows)]
        here.run(source, at=at(18))
        source.hasty, source.gives = False, []
        (told,) = repair(here.parts, [source])
        assert (told.new, told.revised, told.seen) == (0, 1, 2)
        record = here.parts.store.paper("2611.00001")
        assert record is not None
        assert record.paper.venue == "TMLR"
        assert len(record.sightings) == 1
        here.run(source, at=at(19))
        edition = here.parts.store.edition("daily", 2)
        assert [(one.paper.title, one.revision) for one in edition.entries] == [(SOME[0], "title changed")]
        assert set(here.parts.store.touched(1)[1]) == {f"2611.0000{n}" for n in range(3)}


def test_a_baseline_stays_silent_and_a_dump_that_cannot_be_read_any_more_stays(tmp_path: Path) -> None:
    source = Told(blind=(SOME[0],))
    with world(tmp_path) as here:
        source.gives = [source.batch(date(2026, 11, 17), SOME[:3]), source.batch(date(2026, 11, 18), SOME[3:6])]
        here.run(source, at=at(18))
        source.blind = ()
        repair(here.parts, [source])
        assert here.run(source, at=at(19)).editions[0].number is None
        assert here.parts.store.search(SOME[0], 5)
        source.blind = tuple(SOME)
        (told,) = repair(here.parts, [source])
        assert "cannot be read any more" in (told.note or "")
        assert [len(here.parts.store.texts(kept.id)) for kept in here.parts.store.committed("papers")] == [3, 3]
