"""The JSON schema of a record: what may be given for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from drawbar.codecs.copybook.elements import Digits, Text
from drawbar.codecs.copybook.layout import is_called
from drawbar.codecs.copybook.nodes import Choice, Field, Group, Key, Named, Node, Table, Variant
from drawbar.codecs.copybook.record import CopybookLayout
from drawbar.codecs.fields import RecordField
from drawbar.codecs.record_spec import FieldType
from drawbar.kernel.values import JsonObject, JsonValue

_MOST_VALUES = 100
"""Values of an enumeration; with more of them the names of the conditions are told, not enforced."""


@dataclass(frozen=True, slots=True)
class Property:
    """One member of an object."""

    name: str
    schema: JsonObject
    required: bool


def properties(layout: CopybookLayout, fields: tuple[str, ...] = ()) -> list[Property]:
    """What a record is written from; counters follow from their tables. `fields`: only these and what is in them."""
    return list(_members(layout, layout.root, (), fields))


def object_schema(members: Iterable[Property]) -> JsonObject:
    found = list(members)
    return {
        "type": "object",
        "properties": {each.name: each.schema for each in found},
        "required": [each.name for each in found if each.required],
        "additionalProperties": False,
    }


def property_at(layout: CopybookLayout, way: Key) -> Property | None:
    """The member at a way of names."""
    group, above = layout.root, way[:0]
    for position, name in enumerate(way):
        found = next((p for p in _members(layout, group, above, ()) if p.name == name), None)
        inner = find(group, (name,))
        if position == len(way) - 1:
            return found
        if not isinstance(inner, Group):
            return None
        group, above = inner, (*above, name)
    return None


def writable(layout: CopybookLayout) -> Iterator[Key]:
    """The ways to everything that can be given."""
    return _ways(layout, layout.root, ())


def _ways(layout: CopybookLayout, node: Node, key: Key) -> Iterator[Key]:
    match node:
        case Group():
            for member in node.members:
                choices = (
                    [v.node for v in member.variants] if isinstance(member, Choice) else [member]
                )
                for each in choices:
                    way = (*key, each.name or "")
                    if each.name is not None and way not in layout.counters:
                        yield way
                        yield from _ways(layout, each, way)
        case Table():
            yield from _ways(layout, node.entry, key)


def _members(
    layout: CopybookLayout, group: Group, above: Key, fields: tuple[str, ...]
) -> Iterator[Property]:
    for member in group.members:
        if isinstance(member, Choice):
            for variant in member.variants:
                yield from _variant(layout, variant, above, fields)
        elif member.name is not None and (*above, member.name) not in layout.counters:
            key = (*above, member.name)
            inner = () if any(is_called(key, name) for name in fields) else fields
            schema = _schema(layout, member, key, inner)
            if schema is not None:
                yield Property(member.name, schema, _is_required(member))


def _variant(
    layout: CopybookLayout, variant: Variant, above: Key, fields: tuple[str, ...]
) -> Iterator[Property]:
    name = variant.node.name
    if name is None:
        return
    key = (*above, name)
    inner = () if any(is_called(key, each) for each in fields) else fields
    schema = _schema(layout, variant.node, key, inner)
    if schema is None:
        return
    rules = [f"{way[-1]} is {' or '.join(map(str, values))}" for way, values in variant.when]
    told = (
        f"Only where {' and '.join(rules)}." if rules else "Shares its place with others; give one."
    )
    yield Property(
        name, schema | {"description": _joined(schema.get("description"), told)}, required=False
    )


def _schema(
    layout: CopybookLayout, node: Node, key: Key, fields: tuple[str, ...]
) -> JsonObject | None:
    """None where nothing of it is among `fields`."""
    match node:
        case Field():
            return None if fields else _field(node)
        case Table():
            entry = _schema(layout, node.entry, key, fields)
            least: JsonObject = {"minItems": node.least} if node.counter and node.least else {}
            return entry and {"type": "array", "items": entry, **least, "maxItems": node.most}
        case Group():
            members = list(_members(layout, node, key, fields))
            return object_schema(members) if members else None
    raise TypeError("a choice is among the members of a group")


def _is_required(node: Node) -> bool:
    match node:
        case Field():
            return node.value is None
        case Group():
            return any(_is_required(member) for member in node.members if member.name)
    return True


def _field(field: Field) -> JsonObject:
    schema = field.element.schema()
    told = [f"As {field.picture} prints it."] if field.picture else []
    values = _values(field.conditions)
    if field.conditions:
        told.append("; ".join(_named(each) for each in field.conditions) + ".")
    if values:
        kept = {"type": schema["type"]} if schema["type"] == "string" else schema
        schema = {**kept, "enum": values}
    if field.value is not None:
        schema["default"] = field.element.decode(field.initial)
    if told:
        schema["description"] = " ".join(told)
    return schema


def _values(conditions: tuple[Named, ...]) -> list[JsonValue]:
    """All values of the conditions, or none where ranges make them too many to tell."""
    found: dict[JsonValue, None] = {}
    for each in conditions:
        if each.value == each.last:
            found[each.value] = None
        elif isinstance(each.value, int) and isinstance(each.last, int):
            if each.last - each.value >= _MOST_VALUES:
                return []
            found |= dict.fromkeys(range(each.value, each.last + 1))
        else:
            return []
    return [] if len(found) > _MOST_VALUES else list(found)


def _named(each: Named) -> str:
    until = "" if each.value == each.last else f" to {each.last}"
    return f"{each.value}{until}: {each.name}"


def _joined(first: JsonValue, second: str) -> str:
    return f"{first} {second}" if isinstance(first, str) else second


def find(node: Node, way: Key) -> Node | None:
    """What stands at a way of names inside a group."""
    if not way:
        return node
    members = node.members if isinstance(node, Group) else ()
    for member in members:
        choices = member.variants if isinstance(member, Choice) else ()
        for each in (member, *(variant.node for variant in choices)):
            if each.name == way[0]:
                return find(each, way[1:])
    return None


def limited(schema: JsonObject, node: Node) -> JsonObject | None:
    """The schema of a parameter with the limits of its place; None where it does not fit there at all."""
    if schema.get("type") not in _fitting(node):
        return None
    if not isinstance(node, Field) or "enum" in schema or "const" in schema:
        return schema
    element = node.element
    if isinstance(element, Text | Digits):
        kind: FieldType = "text" if isinstance(element, Text) else "digits"
        width = element.characters if isinstance(element, Text) else element.width
        return RecordField(node.name, width, kind).publish(schema)
    limits = element.schema()
    return schema | {
        word: choose(written, limit)
        for word, choose in (("minimum", max), ("maximum", min))
        if isinstance(limit := limits.get(word), int | float)
        and schema["type"] != "string"
        and isinstance(written := schema.get(word, limit), int | float)
    }


def _fitting(node: Node) -> tuple[str, ...]:
    """Types of JSON that can go there."""
    if not isinstance(node, Field):
        return ("array",) if isinstance(node, Table) else ("object",)
    match node.element:
        case Text():
            return ("string", "integer", "number", "boolean")
        case Digits():
            return ("string", "integer")
    return ("integer", "number", "string")
