"""A taxonomy file, read and checked: names in two levels, and the phrases that earn each leaf.

The form, in TOML (every key but `name`, `parent` and `phrases` may be left out):

    name = "ml"

    [parents.efficient]
    name = "Efficient & elastic models"

    [leaves.prune]
    name = "Pruning & sparsity"
    parent = "efficient"
    description = "neural network pruning, sparse networks, lottery tickets"
    phrases.3 = ["network pruning", "lottery ticket"]    # by weight, over 0 and up to 5
    phrases."1.5" = ["sparsity"]
    not_within = ["pruning shears"]    # a phrase inside one of these does not count
    unless = ["horticulture"]          # where one of these stands, the tag is not given

May import models, text and errors.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from digest.errors import TaxonomyError
from digest.models import TagName, Taxonomy
from digest.tagging.phrases import normalise, spellings
from digest.tagging.scoring import ALGORITHM, CLAIMS, SCORING, Scoring

#: No phrase weighs more.
HEAVIEST = 5.0
#: Ids of sections that are no headings.
RESERVED = ("all", "also-new", "revised")

_ID = re.compile("[a-z0-9]+(?:-[a-z0-9]+)*")
_TOP = ("name", "parents", "leaves")
_PARENT = ("name", "description")
_LEAF = ("name", "parent", "description", "phrases", "not_within", "unless")


@dataclass(frozen=True)
class Leaf:
    """A leaf of the taxonomy with what earns it."""

    id: str
    #: phrase -> weight, 0 < weight <= 5
    phrases: Mapping[str, float]
    #: an occurrence inside an occurrence of one of these does not count
    not_within: tuple[str, ...] = ()
    #: where one of these occurs, the tag is not given
    unless: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rules:
    """A taxonomy with all that decides its tags."""

    taxonomy: Taxonomy
    leaves: tuple[Leaf, ...]
    scoring: Scoring = SCORING


def read_rules(path: Path) -> Rules:
    """Read and check a taxonomy file.

    Raises:
        TaxonomyError: it cannot be read, or has a mistake; the message names file, key, and what is allowed.
    """
    try:
        content = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise TaxonomyError(f"{path}: the taxonomy cannot be read: {error}") from error
    return parse_rules(content, str(path))


def parse_rules(content: str, file: str) -> Rules:
    """Check the text of a taxonomy file; `file` names it in messages.

    Raises:
        TaxonomyError: it has a mistake.
    """
    try:
        data = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        hint = "; an id may be used once" if "twice" in str(error) or "overwrite" in str(error) else ""
        raise TaxonomyError(f"{file}: no valid TOML: {error}{hint}") from error
    return _Reader(file).rules(data)


@dataclass(frozen=True)
class _Reader:
    """Checks the parts of one file; every complaint names it."""

    file: str

    def rules(self, data: Mapping[str, Any]) -> Rules:
        self.known_keys("", data, _TOP)
        name = self.string(data, "", "name")
        parents, leaves = self.table(data, "", "parents"), self.table(data, "", "leaves")
        for id in leaves:
            if id in parents:
                raise self.error(f"leaves.{id}", "the id is a parent's too; an id may be used once")
        names = [self.parent(id, self.table(parents, "parents.", id)) for id in parents]
        read = [self.leaf(id, self.table(leaves, "leaves.", id), parents) for id in leaves]
        below = {id: [leaf for leaf, _ in read if leaf.parent == id] for id in parents}
        for id, its in below.items():
            if not its:
                raise self.error(f"parents.{id}", "no leaf has this parent; give it one, or remove it")
        ordered = tuple(each for parent in names for each in (parent, *below[parent.id]))
        rules = tuple(leaf for _, leaf in read)
        return Rules(Taxonomy(id=f"{name}-{_fingerprint(ordered, rules)}", names=ordered), rules)

    def parent(self, id: str, data: Mapping[str, Any]) -> TagName:
        key = f"parents.{id}."
        self.known_keys(key, data, _PARENT)
        return TagName(
            id=self.id(key, id),
            name=self.string(data, key, "name"),
            description=self.string(data, key, "description", ""),
        )

    def leaf(self, id: str, data: Mapping[str, Any], parents: Iterable[str]) -> tuple[TagName, Leaf]:
        key = f"leaves.{id}."
        self.known_keys(key, data, _LEAF)
        parent = self.string(data, key, "parent")
        if parent not in parents:
            raise self.error(f"{key}parent", f"no parent is called {parent!r}; {_choices(parent, parents)}")
        name = TagName(
            id=self.id(key, id),
            name=self.string(data, key, "name"),
            parent=parent,
            description=self.string(data, key, "description", ""),
        )
        rule = Leaf(
            id=id,
            phrases=self.phrases(self.table(data, key, "phrases"), f"{key}phrases"),
            not_within=self.strings(data.get("not_within", []), f"{key}not_within"),
            unless=self.strings(data.get("unless", []), f"{key}unless"),
        )
        return name, rule

    def phrases(self, data: Mapping[str, Any], key: str) -> dict[str, float]:
        found: dict[str, float] = {}
        owner: dict[str, str] = {}
        for text, phrases in data.items():
            weight = self.weight(text, key)
            for phrase in self.strings(phrases, f"{key}.{text}"):
                for string in spellings(phrase):
                    if string in owner:
                        other = owner[string]
                        same = "stands there twice" if other == phrase else f"is matched by {other!r} already"
                        raise self.error(f"{key}.{text}", f"{phrase!r} {same}; remove one of them")
                owner.update(dict.fromkeys(spellings(phrase), phrase))
                found[phrase] = weight
        if not found:
            raise self.error(key, 'a leaf needs phrases by weight, like phrases.3 = ["network pruning"]')
        return found

    def weight(self, text: str, key: str) -> float:
        try:
            weight = float(text)
        except ValueError:
            weight = 0.0
        if not 0 < weight <= HEAVIEST:
            allowed = f'a weight is a number over 0 and up to {HEAVIEST:g}, like phrases.3 or phrases."1.5"'
            raise self.error(f"{key}.{text}", allowed)
        return weight

    def id(self, key: str, id: str) -> str:
        if not _ID.fullmatch(id) or id in RESERVED:
            allowed = f"a-z, 0-9 and '-', and is none of {', '.join(RESERVED)}"
            raise self.error(key.rstrip("."), f"an id is made of {allowed}")
        return id

    def known_keys(self, key: str, data: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
        for name in data:
            if name not in allowed:
                raise self.error(f"{key}{name}", f"unknown key; {_choices(name, allowed)}")

    def table(self, data: Mapping[str, Any], key: str, name: str) -> Mapping[str, Any]:
        value = data.get(name)
        if not isinstance(value, dict) or not value:
            raise self.error(f"{key}{name}", "a table with at least one key is needed here")
        return value

    def string(self, data: Mapping[str, Any], key: str, name: str, default: str | None = None) -> str:
        value = data.get(name, default)
        if not isinstance(value, str) or (default is None and not value.strip()):
            raise self.error(f"{key}{name}", "a text is needed here, in quotes and not empty")
        return value

    def strings(self, value: object, key: str) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(each, str) and normalise(each) for each in value):
            raise self.error(key, 'a list of texts is needed here, like ["network pruning", "lottery ticket"]')
        return tuple(value)

    def error(self, key: str, message: str) -> TaxonomyError:
        return TaxonomyError(f"{self.file}: {key}: {message}")


def _choices(name: str, allowed: Iterable[str]) -> str:
    allowed = sorted(allowed)
    near = difflib.get_close_matches(name, allowed, n=1, cutoff=0.5)
    return (f"did you mean {near[0]!r}? " if near else "") + f"allowed are {', '.join(allowed)}"


def _fingerprint(names: Iterable[TagName], leaves: Iterable[Leaf]) -> str:
    rules = [[leaf.id, sorted(leaf.phrases.items()), sorted(leaf.not_within), sorted(leaf.unless)] for leaf in leaves]
    data = [ALGORITHM, CLAIMS, astuple(SCORING), [name.model_dump() for name in names], rules]
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:8]
