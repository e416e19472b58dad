"""Texts of an adapter with holes for parameters: `{name}`; `{{` and `}}` are braces."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from drawbar.kernel.values import JsonValue

_PIECE = re.compile(r"\{\{|\}\}|\{([A-Za-z0-9_.-]+)\}|[{}]|[^{}]+")


@dataclass(frozen=True, slots=True)
class Hole:
    """Where a parameter goes."""

    parameter: str


@dataclass(frozen=True, slots=True)
class Template:
    """A text in pieces."""

    pieces: tuple[str | Hole, ...]

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(piece.parameter for piece in self.pieces if isinstance(piece, Hole))

    def fill(self, arguments: Mapping[str, JsonValue]) -> str:
        return "".join(
            piece if isinstance(piece, str) else plain_text(arguments.get(piece.parameter))
            for piece in self.pieces
        )


def read_template(text: str) -> Template | None:
    """None where a brace stands alone."""
    pieces: list[str | Hole] = []
    for match in _PIECE.finditer(text):
        piece = match[0]
        if match[1] is not None:
            pieces.append(Hole(match[1]))
        elif piece in ("{", "}"):
            return None
        else:
            pieces.append({"{{": "{", "}}": "}"}.get(piece, piece))
    return Template(tuple(pieces))


def plain_text(value: JsonValue) -> str:
    """A text as it is, nothing as no text, anything else as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else orjson.dumps(value).decode()
