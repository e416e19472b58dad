"""Signatures as schemas: what is read from the source, and what the author is told when it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.python.conftest import SETTINGS, adapter
from drawbar.compiler.files import base64_schema
from drawbar.kernel.values import JsonValue
from drawbar.testing.kinds import compiled

CALL = "  any: {description: Any., call: 'tools:any', parameters: %s}"


def schemas(source: str, folder: Path, parameters: str = "{}") -> dict[str, JsonValue]:
    (folder / "tools.py").write_text(source)
    found = compiled(adapter(CALL % parameters), folder, SETTINGS)
    assert not [each for each in found.problems if each.severity == "error"]
    return {each.name: each.schema for each in found.functions[0].parameters}


def problems(
    source: str, folder: Path, parameters: str = "{}", settings: str = SETTINGS
) -> list[tuple[str, str, str]]:
    (folder / "tools.py").write_text(source)
    found = compiled(adapter(CALL % parameters), folder, settings).problems
    return [(each.code, each.message, each.fix or "") for each in found]


HEAD = """\
import datetime as dt
import enum
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Literal, NewType, NotRequired, Optional, TypedDict, Union
import typing as t
"""


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        ("str", {"type": "string"}),
        ("'int'", {"type": "integer"}),
        ("float", {"type": "number"}),
        ("bool", {"type": "boolean"}),
        ("bytes", {**base64_schema(), "contentEncoding": "base64"}),
        ("dt.date", {"type": "string", "format": "date"}),
        ("dt.datetime", {"type": "string", "format": "date-time"}),
        ("uuid.UUID", {"type": "string", "format": "uuid"}),
        ("Decimal", {"type": "string", "pattern": r"^[+-]?\d{1,40}(?:\.\d{1,40})?$"}),
        ("list[int]", {"type": "array", "items": {"type": "integer"}}),
        ("Sequence[str]", {"type": "array", "items": {"type": "string"}}),
        ("set[str]", {"type": "array", "items": {"type": "string"}, "uniqueItems": True}),
        ("tuple[int, ...]", {"type": "array", "items": {"type": "integer"}}),
        (
            "tuple[int, str]",
            {
                "type": "array",
                "prefixItems": [{"type": "integer"}, {"type": "string"}],
                "minItems": 2,
                "maxItems": 2,
            },
        ),
        ("dict[str, float]", {"type": "object", "additionalProperties": {"type": "number"}}),
        ("Optional[int]", {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        ("t.Union[int, None]", {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        ("int | str | None", {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]}),
        ("Literal['a', 'b']", {"type": "string", "enum": ["a", "b"]}),
        ("Literal[1, 2]", {"type": "integer", "enum": [1, 2]}),
        ("t.Literal[True]", {"type": "boolean", "enum": [True]}),
        ("Annotated[int, Ge(1), Lt(9), 'How many.']",
         {"type": "integer", "minimum": 1, "exclusiveMaximum": 9, "description": "How many."}),
        ("Annotated[str, Field(min_length=2, pattern='[a-z]+', description='A word.')]",
         {"type": "string", "minLength": 2, "pattern": "^(?:[a-z]+)$", "description": "A word."}),
        ("Annotated[list[int], Len(1, 3)]",
         {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3}),
    ],
)  # fmt: skip
def test_a_type_hint_is_a_schema(hint: str, schema: JsonValue, tmp_path: Path) -> None:
    source = f"{HEAD}from annotated_types import Ge, Len, Lt\nfrom pydantic import Field\n\ndef any(x: {hint}): ...\n"

    assert schemas(source, tmp_path) == {"x": schema}


def test_classes_aliases_and_other_modules_are_followed(tmp_path: Path) -> None:
    (tmp_path / "shapes.py").write_text(
        HEAD
        + '''
class Colour(enum.Enum):
    """The colour of a buoy."""
    RED = "red"
    GREEN = "green"

class Side(enum.Enum):
    PORT = enum.auto()
    STARBOARD = enum.auto()

@dataclass
class Place:
    lat: float
    lon: float

@dataclass(frozen=True)
class Buoy(Place):
    """A buoy."""
    colour: Colour
    marks: list[str] = field(default_factory=list)

class Wish(TypedDict, total=False):
    when: dt.date
    note: NotRequired[str]
'''
    )
    source = (
        HEAD
        + """
import shapes
from shapes import Buoy as Mark, Wish
Number = NewType("Number", int)
Numbers = list[Number]
def any(buoy: Mark, wish: Wish, sides: list[shapes.Side], numbers: Numbers): ...
"""
    )
    found = schemas(source, tmp_path)

    assert found == {
        "buoy": {
            "type": "object",
            "properties": {
                "lat": {"type": "number"},
                "lon": {"type": "number"},
                "colour": {
                    "type": "string",
                    "enum": ["red", "green"],
                    "description": "The colour of a buoy.",
                },
                "marks": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["lat", "lon", "colour"],
            "additionalProperties": False,
            "description": "A buoy.",
        },
        "wish": {
            "type": "object",
            "properties": {
                "when": {"type": "string", "format": "date"},
                "note": {"type": "string"},
            },
            "required": [],
            "additionalProperties": False,
        },
        "sides": {"type": "array", "items": {"type": "string", "enum": ["PORT", "STARBOARD"]}},
        "numbers": {"type": "array", "items": {"type": "integer"}},
    }


def test_defaults_and_docstrings_are_told(tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text('''
import os

def any(size: int, unit: str = "m", note: str | None = None, home: str = os.sep, *, deep: bool = False):
    """Measure a thing.

    Longer than that.

    Args:
        size: How large
            it is.
        unit (str): In which unit.
    """
''')
    found = compiled(adapter("  any: {call: 'tools:any'}"), tmp_path, SETTINGS)
    [function] = found.functions

    assert not found.problems
    assert function.description == "Measure a thing."
    assert {each.name: (each.required, each.schema) for each in function.parameters} == {
        "size": (True, {"type": "integer", "description": "How large it is."}),
        "unit": (False, {"type": "string", "default": "m", "description": "In which unit."}),
        "note": (False, {"type": "string"}),
        "home": (False, {"type": "string"}),
        "deep": (False, {"type": "boolean", "default": False}),
    }


def test_nothing_of_a_module_runs_while_it_is_read(tmp_path: Path) -> None:
    source = (
        "import pathlib\npathlib.Path(__file__).with_name('ran').touch()\ndef any(x: int): ...\n"
    )
    schemas(source, tmp_path)

    assert not (tmp_path / "ran").exists()


def test_a_module_is_read_only_where_the_settings_allow_it(tmp_path: Path) -> None:
    [denied] = problems("def any(x: int): ...\n", tmp_path, settings="")

    assert denied == (
        "DB971",
        "the settings of this deployment do not allow the module `tools`",
        "the operator allows it: `kinds: {python: {modules: [tools]}}`",
    )


@pytest.mark.parametrize(
    ("source", "parameters", "code", "message"),
    [
        ("def ayn(x: int): ...\n", "{}", "DB972", "`tools` has no function `any` at its top level"),
        ("def any(:\n", "{}", "DB972", "tools.py:1 is no Python: invalid syntax"),
        ("def any(x): ...\n", "{}", "DB973", "`x` of tools.py:1 has no type hint; it has to be given"),
        (
            "import pandas\ndef any(x: pandas.DataFrame): ...\n",
            "{}",
            "DB973",
            "`pandas.DataFrame` is no type that is known here; it has to be given",
        ),
        (
            "class C: ...\ndef any(x: C): ...\n",
            "{}",
            "DB973",
            "the class `C` is no dataclass, TypedDict, Enum or pydantic model; it has to be given",
        ),
        (
            "from dataclasses import dataclass\n@dataclass\nclass C:\n    c: 'C'\ndef any(x: C): ...\n",
            "{}",
            "DB973",
            "`x` of tools.py:5 cannot be read: holds itself, or is too deep; it has to be given",
        ),
        ("def any(x: list): ...\n", "{}", "DB973", "`list` is no type that is known here; it has to be given"),
        ("def any(x: int): ...\n", "{y: {type: string}}", "DB974", "`any` takes no `y`"),
        ("def any(x: int): ...\n", "{x: {optional: true}}", "DB974", "`any` cannot do without `x`"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told(
    source: str, parameters: str, code: str, message: str, tmp_path: Path
) -> None:
    found = problems(source, tmp_path, parameters)

    assert code in [each for each, _, _ in found]
    assert any(said.endswith(message) for _, said, _ in found), found


def test_the_author_tells_what_the_source_does_not(tmp_path: Path) -> None:
    source = "def any(x, y=1, **more): ...\n"
    parameters = "{x: {type: string}, y: {type: integer}, z: {type: boolean}}"

    assert list(schemas(source, tmp_path, parameters)) == ["x", "y", "z"]


def test_what_is_left_out_because_of_its_type_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text("def any(x: int, y=object()): ...\n")
    found = compiled(adapter(CALL % "{}"), tmp_path, SETTINGS)

    assert [(each.code, each.severity) for each in found.problems] == [("DB973", "warning")]
    assert [each.name for each in found.functions[0].parameters] == ["x"]
