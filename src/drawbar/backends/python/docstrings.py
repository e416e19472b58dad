"""What a docstring says of a function and of its parameters, in the styles of Google and Sphinx."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SPHINX = re.compile(r"^:param (?:[^:]* )?(\w+):\s*(.*)")
_SECTION = re.compile(r"^(?:Args|Arguments|Parameters):\s*$")
_ENTRY = re.compile(r"^(\s+)(\w+)(?:\s*\([^)]*\))?:\s*(.*)")


def first_paragraph(text: str | None) -> str | None:
    """In one line."""
    paragraph = (text or "").split("\n\n")[0]
    return " ".join(paragraph.split()) or None


def parameters_of(text: str | None) -> Mapping[str, str]:
    """Descriptions by parameter."""
    found: dict[str, str] = {}
    name = ""
    inside, indent = False, 0
    for line in (text or "").splitlines():
        if sphinx := _SPHINX.match(line.strip()):
            name, found[sphinx[1]] = sphinx[1], sphinx[2]
            continue
        if _SECTION.match(line):
            inside, indent, name = True, 0, ""
            continue
        entry = _ENTRY.match(line) if inside else None
        if entry is not None and len(entry[1]) <= (indent or len(entry[1])):
            indent = len(entry[1])
            name, found[entry[2]] = entry[2], entry[3]
        elif line.strip() and line[0].isspace() and name:
            found[name] = f"{found[name]} {line.strip()}".strip()
        else:
            inside, name = inside and not line.strip(), ""
    return {each: said for each, said in found.items() if said}
