"""Taxonomy files: what is wrong is said with file, key and what would be right; ids name what decides tags."""

from __future__ import annotations

from pathlib import Path

import pytest

from digest.errors import TaxonomyError
from digest.tagging import BUNDLED, load_taxonomy
from digest.tagging.taxonomy import parse_rules

GOOD = """
name = "birds"
[parents.water]
name = "Water birds"
[parents.land]
name = "Land birds"
[leaves.duck]
name = "Ducks"
parent = "water"
description = "ducks and teals"
phrases.3 = ["mallard", "teal"]
phrases."1.5" = ["pond"]
not_within = ["rubber duck pond"]
unless = ["cricket score"]
[leaves.owl]
name = "Owls"
parent = "land"
phrases.4 = ["owl"]
[leaves.goose]
name = "Geese"
parent = "water"
phrases.4 = ["goose"]
"""


@pytest.mark.parametrize(
    ("old", "new", "key", "says"),
    [
        ('parent = "land"', 'parent = "lant"', "leaves.owl.parent", "did you mean 'land'? allowed are land, water"),
        ("[leaves.owl]", "[leaves.water]", "leaves.water", "used once"),
        ("[leaves.owl]", "[leaves.duck]", "leaves', 'duck", "used once"),
        ("[leaves.owl]", '[leaves."Owl!"]', "leaves.Owl!", "a-z, 0-9"),
        ("[leaves.owl]", "[leaves.also-new]", "leaves.also-new", "none of all, also-new"),
        ("phrases.4 = [\"owl\"]", "phrases.0 = [\"owl\"]", "leaves.owl.phrases.0", "over 0 and up to 5"),
        ("phrases.4 = [\"owl\"]", "phrases.9 = [\"owl\"]", "leaves.owl.phrases.9", "over 0 and up to 5"),
        ("phrases.4 = [\"owl\"]", "phrases.nan = [\"owl\"]", "leaves.owl.phrases.nan", "over 0 and up to 5"),
        ("phrases.4 = [\"owl\"]", "phrases.heavy = [\"owl\"]", "leaves.owl.phrases.heavy", "a weight is a number"),
        ("phrases.4 = [\"owl\"]", "phrases.4 = \"owl\"", "leaves.owl.phrases.4", "a list of texts"),
        ("phrases.4 = [\"owl\"]", "phrases.4 = [\"-\"]", "leaves.owl.phrases.4", "a list of texts"),
        ("phrases.4 = [\"owl\"]", "phrases.4 = []", "leaves.owl.phrases", "needs phrases"),
        ("phrases.4 = [\"owl\"]", "phrase.4 = [\"owl\"]", "leaves.owl.phrase", "did you mean 'phrases'?"),
        ('"mallard", "teal"', '"mallard", "Mallard"', "leaves.duck.phrases.3", "'Mallard' is matched by 'mallard'"),
        ('"pond"', '"teals"', "leaves.duck.phrases.1.5", "'teals' is matched by 'teal' already"),
        ('"pond"', '"teal"', "leaves.duck.phrases.1.5", "'teal' stands there twice"),
        ('name = "birds"', "", "name", "a text is needed"),
        ('name = "Owls"', 'name = " "', "leaves.owl.name", "a text is needed"),
        ('parent = "land"', 'parent = "water"', "parents.land", "no leaf has this parent"),
        ("[parents.water]", "[parents.water", "no valid TOML", "line 3"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_file_key_and_remedy(old: str, new: str, key: str, says: str, tmp_path: Path) -> None:
    assert old in GOOD
    file = tmp_path / "birds.toml"
    file.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(TaxonomyError) as raised:
        load_taxonomy(file)
    message = str(raised.value)
    assert message.startswith(str(file))
    assert key in message
    assert says in message


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError, match="nowhere"):
        load_taxonomy(tmp_path / "nowhere.toml")
    (tmp_path / "bytes.toml").write_bytes(b'name = "\xff"')
    with pytest.raises(TaxonomyError, match="bytes"):
        load_taxonomy(tmp_path / "bytes.toml")


def test_names_stand_in_the_order_of_the_file_leaves_after_their_parent() -> None:
    names = parse_rules(GOOD, "birds.toml").taxonomy.names
    assert [(name.id, name.parent) for name in names] == [
        ("water", None), ("duck", "water"), ("goose", "water"), ("land", None), ("owl", "land"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"mallard"', '"pintail"'),
        ("phrases.4", "phrases.5"),
        ('unless = ["cricket score"]', ""),
        ('not_within = ["rubber duck pond"]', ""),
        ('name = "Owls"', 'name = "Owls & kin"'),
    ],
)
def test_the_id_changes_with_what_decides_or_names_tags(old: str, new: str) -> None:
    assert parse_rules(GOOD, "x").taxonomy.id != parse_rules(GOOD.replace(old, new, 1), "x").taxonomy.id


def test_the_id_is_the_name_and_stays_for_the_same_content() -> None:
    id = parse_rules(GOOD, "x").taxonomy.id
    assert id.startswith("birds-")
    assert id == parse_rules(f"# a note\n{GOOD}", "elsewhere").taxonomy.id


def test_the_bundled_taxonomy_has_two_levels_and_its_leaves() -> None:
    taxonomy = load_taxonomy().taxonomy
    parents = [name for name in taxonomy.names if name.parent is None]
    assert 8 <= len(parents) <= 12
    wanted = (
        "snn gnn prune quant distil nas hyper elastic arch systems cl transfer llm multimodal transf kan gen neural3d "
        "vision bio theory opt rl security fed interp sci quantum medical time audio ssl bayes symb survey"
    )
    leaves = {name.id for name in taxonomy.names if name.parent}
    assert leaves >= set(wanted.split())
    assert all(taxonomy.by_id[name.parent].parent is None for name in taxonomy.names if name.parent)
    assert all(len(name.name) <= 34 for name in taxonomy.names)
    assert BUNDLED.read_text(encoding="utf-8").startswith("#")
