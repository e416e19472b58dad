"""Distinguished names with holes for parameters (RFC 4514)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from drawbar.codecs.payload import refused
from drawbar.codecs.template import Hole, Template, read_template

_ATTRIBUTE = r"(?:[A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)"
_HOLE = r"\{[A-Za-z0-9_.-]+\}"
_VALUE = rf"(?:\\[0-9A-Fa-f]{{2}}|\\[^0-9A-Fa-f]|{_HOLE}|[^,+\\\"<>;{{}}\x00])*"
_PART = rf"\s*{_ATTRIBUTE}={_VALUE}(?:\+{_ATTRIBUTE}={_VALUE})*"
_NAME = re.compile(rf"{_PART}(?:,{_PART})*")
_COMMA = re.compile(r"(?:\\.|[^\\,])+", re.DOTALL)
_SPECIAL = re.compile(r"[\"+,;<>\\=]")


@dataclass(frozen=True, slots=True)
class NameTemplate:
    """Where an entry is. `below`: the whole name is one parameter, and has to lie there."""

    template: Template
    below: str | None = None

    def holes(self) -> Iterator[str]:
        return iter(self.template.parameters)

    def fill(self, texts: Mapping[str, bytes]) -> str:
        """Raises BackendError `invalid_arguments` for a name that is none, or that lies elsewhere."""
        for name in self.template.parameters:
            if not texts[name]:
                raise refused(name, "it may not be empty in a distinguished name")
        if self.below is None:
            return "".join(
                piece if isinstance(piece, str) else escaped(texts[piece.parameter].decode())
                for piece in self.template.pieces
            )
        [parameter] = self.template.parameters
        name = texts[parameter].decode()
        if not _NAME.fullmatch(name) or re.search(_HOLE, name):
            raise refused(parameter, "it is no distinguished name")
        if not lies_below(name, self.below):
            raise refused(parameter, f"it does not lie below {self.below}")
        return name


def read_name(text: str, base: str | None) -> NameTemplate | None:
    """None where it is no name, or one whole parameter without a `base` that it could be held to."""
    template = read_template(text)
    if template is None:
        return None
    match template.pieces:
        case (Hole(),):
            return None if base is None else NameTemplate(template, base)
    return NameTemplate(template) if _NAME.fullmatch(text) else None


def is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None and not re.search(_HOLE, text)


def lies_below(name: str, base: str) -> bool:
    """Whether it is the base or below it; two ways to write one character count as two."""
    parts, wanted = _parts(name), _parts(base)
    return parts[-len(wanted) :] == wanted


def escaped(value: str) -> str:
    """A value within a name (RFC 4514 2.4)."""
    text = _SPECIAL.sub(r"\\\g<0>", value).replace("\x00", "\\00")
    if text[:1] in ("#", " "):
        text = f"\\{text}"
    return f"{text[:-1]}\\ " if value[1:].endswith(" ") else text


def _parts(name: str) -> list[str]:
    return [part.strip().casefold() for part in _COMMA.findall(name)]
