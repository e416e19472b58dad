from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
import pytest
from pydantic import BaseModel

from drawbar.compiler.packing import Packing, Unpackable
from drawbar.kernel.values import JsonObject, JsonValue, Secret


class Range(NamedTuple):
    low: int
    high: int | None


class Rule(BaseModel):
    code: str
    words: tuple[str, ...] = ()
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Leaf:
    only: str


@dataclass(frozen=True, slots=True)
class Tree:
    leaf: Leaf
    pieces: tuple[str | Leaf, ...] = ()
    pairs: tuple[tuple[str, Range], ...] = ()
    by_name: Mapping[str, tuple[Leaf, ...]] = field(default_factory=dict)
    either: Leaf | Range | None = None
    free: JsonValue = None
    object: JsonObject = field(default_factory=dict)
    rule: Rule | None = None
    inner: Tree | None = None
    _remembered: dict[str, str] = field(default_factory=dict, compare=False)


WHOLE = Tree(
    Leaf("a"),
    ("b", Leaf("c"), "d"),
    (("e", Range(1, None)), ("f", Range(2, 3))),
    {"g": (Leaf("h"), Leaf("i")), "j": ()},
    Range(0, 9),
    [1, [2.0, {"k": [None, True]}], "ü"],
    {"l": [[], {}]},
    Rule(code="m", words=("n",)),
    Tree(Leaf("o"), either=Leaf("p")),
)


def through(value: object, *classes: type) -> Any:  # what was packed
    packing = Packing(*classes)
    return packing.unpack(orjson.loads(packing.pack(value)))


def test_an_instance_comes_back_with_all_that_is_in_it() -> None:
    assert through(WHOLE, Tree) == WHOLE


def test_types_come_back_as_their_annotation_says() -> None:
    back = through(WHOLE, Tree)

    assert isinstance(back.pieces, tuple)
    assert isinstance(back.by_name["j"], tuple)
    assert isinstance(back.pairs[0][1], Range)
    assert isinstance(back.free, list)
    assert isinstance(back.free[1][1]["k"], list)
    assert back.rule.model_fields_set == {"code", "words"}


def test_what_an_instance_remembers_for_itself_starts_anew() -> None:
    tree = Tree(Leaf("a"))
    tree._remembered["x"] = "y"

    assert through(tree, Tree)._remembered == {}


@dataclass(frozen=True)
class Holder:
    value: Any


@pytest.mark.parametrize("value", [Secret("x"), Leaf("x"), {1, 2}, b"x", {1: 2}, object()])
def test_what_was_not_named_is_refused_and_not_shown(value: object) -> None:
    with pytest.raises(Unpackable) as caught:
        Packing(Holder).pack(Holder(value))

    assert "x'" not in str(caught.value)


@dataclass(frozen=True)
class Calls:
    work: Callable[[], None]


@dataclass(frozen=True)
class Unclear:
    either: tuple[str, ...] | Leaf


@pytest.mark.parametrize("kind", [Calls, Unclear])
def test_an_annotation_that_json_cannot_carry_is_refused(kind: type) -> None:
    with pytest.raises(TypeError):
        Packing(kind).pack(Leaf("a"))


def test_only_known_classes_come_out() -> None:
    with pytest.raises(IndexError):
        Packing(Leaf).unpack([7, ["os.system"]])
