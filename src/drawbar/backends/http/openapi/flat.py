"""A schema of a document without references and `allOf` at its top: all that it says, in one object.

What is inside stays as it stands in the document, so that merging goes only as deep as somebody looks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from drawbar.backends.http.openapi.documents import Documents
from drawbar.kernel.values import JsonObject, JsonValue

ANNOTATIONS = frozenset(
    {
        *("description", "title", "default", "example", "examples", "deprecated", "xml"),
        *("externalDocs", "readOnly", "writeOnly", "nullable", "x-nullable", "$comment"),
    }
)
"""Words that say nothing about which values fit (null apart)."""
_BRANCHES_MULTIPLIED = 16


class Flattening:
    """Flat schemas of one set of documents."""

    def __init__(self, documents: Documents) -> None:
        self.documents = documents

    def flat(self, node: JsonValue, inside: tuple[str, ...] = ()) -> JsonObject:
        """All keywords that hold for a value. Raises BrokenReference."""
        if not isinstance(node, dict):
            return {"not": {}} if node is False else {}
        reference = node.get("$ref")
        if isinstance(reference, str):
            if reference in inside:
                return {}
            target = self.flat(self.documents.target(reference), (*inside, reference))
            rest = {key: value for key, value in node.items() if key != "$ref"}
            return intersection(self.flat(rest, inside), target) if rest else target
        members = node.get("allOf")
        if not isinstance(members, list):
            return node
        result = {key: value for key, value in node.items() if key != "allOf"}
        for member in members:
            result = intersection(result, self.flat(member, inside))
        return result


def intersection(first: JsonObject, second: JsonObject) -> JsonObject:
    """What fits both. Of words for people the first's are kept."""
    result = dict(first)
    for key, value in second.items():
        if key not in result:
            result[key] = value
        elif result[key] != value and key in _MERGED:
            result[key] = _MERGED[key](result[key], value)
    for closed in (first, second):
        if closed.get("additionalProperties") is False:
            _keep_declared(result, closed)
    return result


def _keep_declared(schema: JsonObject, closed: JsonObject) -> None:
    """Of the properties only those that a closed part of the schema declares."""
    known, declared = schema.get("properties"), closed.get("properties")
    if isinstance(known, dict):
        names = declared if isinstance(declared, dict) else {}
        schema["properties"] = {name: each for name, each in known.items() if name in names}


def types_of(schema: Mapping[str, JsonValue]) -> list[str]:
    """The types a schema names."""
    kind = schema.get("type")
    return [each for each in (kind if isinstance(kind, list) else [kind]) if isinstance(each, str)]


def _both(first: Any, second: Any) -> Any:  # schemas
    return {"allOf": [first, second]}


def _properties(first: Any, second: Any) -> Any:  # mappings of schemas
    if not isinstance(first, dict) or not isinstance(second, dict):
        return first if isinstance(first, dict) else second
    merged = dict(first)
    for name, schema in second.items():
        merged[name] = schema if merged.get(name, schema) == schema else _both(merged[name], schema)
    return merged


def _union(first: Any, second: Any) -> Any:  # lists of names
    if not isinstance(first, list) or not isinstance(second, list):
        return first if isinstance(first, list) else second
    return [*first, *(each for each in second if each not in first)]


def _types(first: Any, second: Any) -> Any:  # names of types, or lists of them
    one, other = types_of({"type": first}), types_of({"type": second})
    common = [each for each in one if each in other]
    if not common and "integer" in (*one, *other) and "number" in (*one, *other):
        common = ["integer"]
    if not common:
        return first
    return common[0] if len(common) == 1 else common


def _choices(first: Any, second: Any) -> Any:  # lists of values
    if not isinstance(first, list) or not isinstance(second, list):
        return first
    return [each for each in first if each in second] or first


def _open(first: Any, second: Any) -> Any:  # schemas or truth values
    if first is False or second is False:
        return False
    if first is True or first == {}:
        return second
    return first if second is True or second == {} else _both(first, second)


def _branches(first: Any, second: Any) -> Any:  # lists of schemas
    if not isinstance(first, list) or not isinstance(second, list):
        return first
    if len(first) * len(second) > _BRANCHES_MULTIPLIED:
        return first
    return [_both(one, other) for one in first for other in second]


def _largest(first: Any, second: Any) -> Any:  # numbers
    return max((first, second), key=_as_number)


def _smallest(first: Any, second: Any) -> Any:  # numbers
    return min((first, second), key=_as_number)


def _as_number(value: JsonValue) -> float:
    return value if isinstance(value, int | float) else 0.0


def _either(first: Any, second: Any) -> Any:  # truth values
    return first or second


_MERGED: Mapping[str, Callable[[Any, Any], Any]] = {
    "properties": _properties,
    "required": _union,
    "type": _types,
    "enum": _choices,
    "items": _both,
    "additionalProperties": _open,
    "oneOf": _branches,
    "anyOf": _branches,
    "minimum": _largest,
    "minLength": _largest,
    "minItems": _largest,
    "maximum": _smallest,
    "maxLength": _smallest,
    "maxItems": _smallest,
    "nullable": _either,
    "x-nullable": _either,
    "readOnly": _either,
}
