"""From validated arguments to the argument list and the bytes on standard input. Pure.

A value never becomes more than a part of one argument, and nothing here is read by a shell. What a
program could still mistake is an argument that begins with `-`: where a parameter begins an argument,
such a value is refused, unless `--` stands before it or the author wrote `allow_dash: true`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import orjson

from drawbar.codecs.codec import Codec, CodecError
from drawbar.codecs.jsontext import JsonCodec
from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import JsonObject, JsonValue

_PIECE = re.compile(r"\{\{|\}\}|\{([A-Za-z0-9_.-]+)\}|[{}]|[^{}]+")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a parameter goes in an argument."""

    parameter: str


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of the program. `guarded`: a value that begins it must not begin with `-`."""

    pieces: tuple[str | Place, ...]
    guarded: bool = False

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(piece.parameter for piece in self.pieces if isinstance(piece, Place))


@dataclass(frozen=True, slots=True)
class Group:
    """Arguments that stand together or not at all."""

    arguments: tuple[Argument, ...]
    whole: bool = False
    """Left out when one of its parameters is."""


@dataclass(frozen=True, slots=True)
class Input:
    """What goes to standard input. `members` are built into an object, or `whole` is the value itself."""

    codec: Codec
    whole: str | None = None
    members: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Parameter and its way in the object."""


Output = Literal["json", "text", "lines", "record", "records"]


@dataclass(frozen=True, slots=True)
class Binding:
    """One function, compiled."""

    function: str
    groups: tuple[Group, ...]
    input: Input | None
    output: Output
    codec: Codec
    exit_codes: Mapping[int, str] = field(default_factory=dict)
    declared: frozenset[int] = frozenset()
    """Codes that the author knows, here or in an `errors:` rule: the program's own no."""
    changes: bool = False


def read_argument(text: str) -> Argument | None:
    """The pieces of one element of `argv`; None where a brace stands alone."""
    pieces: list[str | Place] = []
    for match in _PIECE.finditer(text):
        piece = match[0]
        if match[1] is not None:
            pieces.append(Place(match[1]))
        elif piece in ("{", "}"):
            return None
        else:
            pieces.append({"{{": "{", "}}": "}"}.get(piece, piece))
    return Argument(tuple(pieces))


def arguments_of(binding: Binding, arguments: Mapping[str, JsonValue]) -> list[str]:
    """Raises BackendError `invalid_arguments` for a value that cannot be an argument."""
    found = []
    for group in binding.groups:
        names = [name for argument in group.arguments for name in argument.parameters]
        if group.whole and any(arguments.get(name) is None for name in names):
            continue
        found += [_argument(argument, arguments) for argument in group.arguments]
    return found


def input_of(binding: Binding, arguments: Mapping[str, JsonValue]) -> bytes:
    """Raises BackendError `invalid_arguments`, naming the field, for a value that does not fit."""
    plan = binding.input
    if plan is None:
        return b""
    value = arguments.get(plan.whole) if plan.whole is not None else _members(plan, arguments)
    try:
        data = plan.codec.encode(value)
    except CodecError as error:
        names = (error.where, error.field)
        name = ", ".join(name for name in names if name) or "standard input"
        raise _refused(name, error.message) from error
    return data + b"\n" if isinstance(plan.codec, JsonCodec) else data


def _argument(argument: Argument, arguments: Mapping[str, JsonValue]) -> str:
    text = ""
    for index, piece in enumerate(argument.pieces):
        if isinstance(piece, str):
            text += piece
            continue
        value = _text(arguments.get(piece.parameter))
        if "\0" in value:
            raise _refused(piece.parameter, "it holds a NUL character, which no argument can")
        if argument.guarded and index == 0 and value.startswith("-"):
            raise _refused(
                piece.parameter, "it begins with -, which the program could take for an option"
            )
        text += value
    return text


def _members(plan: Input, arguments: Mapping[str, JsonValue]) -> JsonObject:
    whole: JsonObject = {}
    for parameter, way in plan.members:
        if parameter not in arguments:
            continue
        inner = whole
        for name in way[:-1]:
            following = inner.setdefault(name, {})
            if not isinstance(
                following, dict
            ):  # `compile` refuses adapters in which this could happen
                raise TypeError(f"{'.'.join(way)} goes into a value that is no object")
            inner = following
        inner[way[-1]] = arguments[parameter]
    return whole


def _text(value: JsonValue) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else orjson.dumps(value).decode()


def _refused(name: str, why: str) -> BackendError:
    return BackendError(
        f"{name}: {why}. Nothing was passed on.", code="invalid_arguments", work="not_started"
    )
