"""`$filter` of conditions that an author wrote, with values in their places and nothing else of a model's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from drawbar.backends.http.odata.metadata import Metadata, Structure, Type
from drawbar.backends.http.odata.values import literal
from drawbar.kernel.values import JsonValue

_PLACE = re.compile(r"\{(?P<name>[A-Za-z_]\w*)(?::(?P<type>[\w.]+))?\}")
_COMPARED = re.compile(
    r"(?P<way>[A-Za-z_][\w/]*)\s+(?:eq|ne|gt|ge|lt|le)\s+\{(?P<name>\w+)(?::[\w.]+)?\}"
)
_TEXT_FUNCTION = re.compile(
    r"(?:contains|startswith|endswith|substringof|indexof)\s*\([^()]*\{(?P<name>\w+)(?::[\w.]+)?\}[^()]*\)"
)
_NAMED = re.compile(r"(?<![\w/'.:{])(?P<way>[A-Za-z_][\w/]*)\s+(?:eq|ne|gt|ge|lt|le)\b")


@dataclass(frozen=True, slots=True)
class Condition:
    """Texts and places in turn: text, place, text, ..."""

    parts: tuple[str | tuple[str, Callable[[JsonValue], str]], ...]

    def text(self, arguments: Mapping[str, JsonValue]) -> str | None:
        """None where one of its parameters was left out."""
        written = []
        for part in self.parts:
            if isinstance(part, str):
                written.append(part)
            elif (value := arguments.get(part[0])) is None:
                return None
            else:
                written.append(part[1](value))
        return "".join(written)


@dataclass(frozen=True, slots=True)
class Filter:
    """All conditions of a function."""

    conditions: tuple[Condition, ...]
    key: str = "$filter"

    def text(self, arguments: Mapping[str, JsonValue]) -> str | None:
        found = [text for each in self.conditions if (text := each.text(arguments)) is not None]
        if len(found) < 2:  # noqa: PLR2004 -- one needs no brackets
            return found[0] if found else None
        return " and ".join(f"({text})" for text in found)


class WrongCondition(Exception):
    """A condition that cannot be built; the text says why."""


def condition_of(
    text: str, metadata: Metadata, entity: Structure
) -> tuple[Condition, dict[str, Type]]:
    """The condition, and the types of its parameters. Raises WrongCondition."""
    for way in _ways(text):
        if way_type(way, metadata, entity) is None:
            raise WrongCondition(f"`{entity.name}` has no property `{way}`")
    types: dict[str, Type] = {}
    parts: list[str | tuple[str, Callable[[JsonValue], str]]] = []
    end = 0
    for place in _PLACE.finditer(text):
        if text.count("'", 0, place.start()) % 2:
            raise WrongCondition(f"{place[0]} stands inside quotes; they are added by the type")
        kind = _type_of(place, text, metadata, entity)
        types[place["name"]] = kind
        parts += [text[end : place.start()], (place["name"], literal(metadata, kind))]
        end = place.end()
    parts.append(text[end:])
    if re.search(r"[{}]", re.sub(r"'[^']*'", "", "".join(p for p in parts if isinstance(p, str)))):
        raise WrongCondition("a place is written {name} or {name:Edm.Type}")
    return Condition(tuple(parts)), types


def _type_of(place: re.Match[str], text: str, metadata: Metadata, entity: Structure) -> Type:
    if place["type"]:
        name = place["type"]
        if not name.startswith("Edm.") and name not in metadata.enumerations:
            raise WrongCondition(f"there is no type `{name}`")
        return Type(name)
    for compared in _COMPARED.finditer(text):
        if compared["name"] == place["name"]:
            found = way_type(compared["way"], metadata, entity)
            if found is not None:
                return replace(
                    found, max_length=None
                )  # a value to compare with may be as long as it likes
    if any(each["name"] == place["name"] for each in _TEXT_FUNCTION.finditer(text)):
        return Type("Edm.String")
    raise WrongCondition(
        f"nothing says the type of {place[0]}; write {{{place['name']}:Edm.String}}, say"
    )


def _ways(text: str) -> Iterator[str]:
    """Properties that are compared."""
    for found in _NAMED.finditer(re.sub(r"'[^']*'", "''", text)):
        if found["way"] not in ("not", "and", "or") and not found["way"].startswith("$it"):
            yield found["way"]


def way_type(way: str, metadata: Metadata, entity: Structure) -> Type | None:
    """Of `Total` or `Customer/City`; None where there is none such. What a lambda names is not known here."""
    holder: Structure | None = entity
    steps = way.split("/")
    for index, step in enumerate(steps):
        if holder is None:
            return None
        last = index == len(steps) - 1
        if step in holder.properties:
            found = holder.properties[step].type
            if last:
                return found
            holder = metadata.structures.get(found.name)
        else:
            holder = metadata.structures.get(holder.navigations.get(step, ""))
    return None
