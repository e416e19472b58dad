"""What stands behind a type in `Annotated[...]`: limits as `annotated_types` and pydantic write them, and words."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from drawbar.compiler.parameters import whole
from drawbar.kernel.values import JsonObject, JsonValue

_WORDS: Mapping[str, str] = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
    "min_length": "minLength",
    "max_length": "maxLength",
    "pattern": "pattern",
    "description": "description",
}
_CALLS: Mapping[str, tuple[str, ...]] = {
    "Ge": ("ge",),
    "Gt": ("gt",),
    "Le": ("le",),
    "Lt": ("lt",),
    "MultipleOf": ("multiple_of",),
    "MinLen": ("min_length",),
    "MaxLen": ("max_length",),
    "Len": ("min_length", "max_length"),
    "Interval": (),
    "Field": (),
    "StringConstraints": (),
    "Doc": ("description",),
}
"""By class: the words that its arguments without a name stand for."""
_NUMBERS = frozenset({"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf"})
_OF_LISTS = {"minLength": "minItems", "maxLength": "maxItems"}


def constrain(schema: JsonObject, metadata: Sequence[ast.expr]) -> JsonObject:
    """The schema with what can be read of the metadata; the rest is the function's own business."""
    found = dict(schema)
    for each in metadata:
        match each:
            case ast.Constant(str() as text):
                found["description"] = text
            case ast.Call(function, arguments, keywords):
                name = ast.unparse(function).rpartition(".")[2]
                for word, value in _given(name, arguments, keywords):
                    _put(found, _WORDS[word], value)
    return found


def _given(
    name: str, arguments: Sequence[ast.expr], keywords: Sequence[ast.keyword]
) -> Iterator[tuple[str, JsonValue]]:
    if name not in _CALLS:
        return
    words = [*zip(_CALLS[name], arguments, strict=False)]
    words += [(each.arg, each.value) for each in keywords if each.arg is not None]
    for word, node in words:
        if word not in _WORDS:
            continue
        try:
            value = ast.literal_eval(node)
        except ValueError:
            continue
        if isinstance(value, str | int | float):
            yield word, value


def _put(schema: JsonObject, keyword: str, value: JsonValue) -> None:
    if keyword in _NUMBERS and schema.get("type") not in ("integer", "number"):
        return  # of a Decimal, which is a text here
    if schema.get("type") == "array":
        keyword = _OF_LISTS.get(keyword, keyword)
    if keyword == "pattern":
        value = whole(str(value))
    schema[keyword] = value
