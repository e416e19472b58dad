"""From validated arguments to the argument list and the bytes on standard input. Pure.

A value never becomes more than a part of one argument, and nothing here is read by a shell. What a
program could still mistake is an argument that begins with `-`: where a parameter begins an argument,
such a value is refused, unless `--` stands before it or the author wrote `allow_dash: true`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drawbar.codecs.jsontext import JsonCodec
from drawbar.codecs.payload import Answer, Payload, refused
from drawbar.codecs.template import Template, plain_text
from drawbar.kernel.values import JsonValue


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of the program. `guarded`: a value that begins it must not begin with `-`."""

    template: Template
    guarded: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Arguments that stand together or not at all."""

    arguments: tuple[Argument, ...]
    whole: bool = False
    """Left out when one of its parameters is."""


@dataclass(frozen=True, slots=True)
class Program:
    """One function of a program, compiled: its arguments, what goes in, what comes out."""

    function: str
    groups: tuple[Group, ...]
    input: Payload | None
    answer: Answer
    exit_codes: Mapping[int, str] = field(default_factory=dict)
    declared: frozenset[int] = frozenset()
    """Codes that the author knows, here or in an `errors:` rule: the program's own no."""


def arguments_of(program: Program, arguments: Mapping[str, JsonValue]) -> list[str]:
    """Raises BackendError `invalid_arguments` for a value that cannot be an argument."""
    found = []
    for group in program.groups:
        names = [name for argument in group.arguments for name in argument.template.parameters]
        if group.whole and any(arguments.get(name) is None for name in names):
            continue
        found += [_argument(argument, arguments) for argument in group.arguments]
    return found


def input_of(program: Program, arguments: Mapping[str, JsonValue]) -> bytes:
    """Raises BackendError `invalid_arguments`, naming the field, for a value that does not fit."""
    plan = program.input
    if plan is None:
        return b""
    data = plan.encode(arguments)
    return data + b"\n" if isinstance(plan.codec, JsonCodec) else data


def _argument(argument: Argument, arguments: Mapping[str, JsonValue]) -> str:
    text = ""
    for index, piece in enumerate(argument.template.pieces):
        if isinstance(piece, str):
            text += piece
            continue
        value = plain_text(arguments.get(piece.parameter))
        if "\0" in value:
            raise refused(piece.parameter, "it holds a NUL character, which no argument can")
        if argument.guarded and index == 0 and value.startswith("-"):
            raise refused(
                piece.parameter, "it begins with -, which the program could take for an option"
            )
        text += value
    return text


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended. `cut`: more was written than was read; `code` is None if that ended it.

    A code below zero is the number of the signal that ended it.
    """

    code: int | None
    output: bytes
    errors: bytes
    cut: bool
