"""Schemas of one function with the definitions they need, and no more of them than they need.

What is used once, or is small, is written where it is used; what is used often, or stands inside itself, stands in
`$defs`. Deep nesting is broken by `$defs`, too: strict modes count to ten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import orjson

from drawbar.backends.http.openapi.apart import is_exact
from drawbar.backends.http.openapi.schemas import EXACTLY_ONE, REFERENCE
from drawbar.kernel.values import JsonObject, JsonValue

_LEVELS = 5
"""Objects inside one another before the next goes to `$defs`."""
_SMALL = 250
"""Characters up to which a definition is written in each place that uses it."""
LETTERS = 4
"""Characters of JSON to a token, roughly."""


class Bundle:
    """Knows all schemas of a function, and writes each of them with its definitions."""

    def __init__(
        self, roots: Iterable[JsonObject], definition: Callable[[str], JsonObject]
    ) -> None:
        self._definition = definition
        self._uses: Counter[str] = Counter()
        self._written: JsonObject = {}
        self._small: dict[str, bool] = {}
        waiting = [name for root in roots for name in references(root)]
        while waiting:
            name = waiting.pop()
            self._uses[name] += 1
            if self._uses[name] == 1:
                waiting.extend(references(definition(name)))

    def whole(self, schema: JsonObject) -> JsonObject:
        """The schema, with `$defs` where some are left."""
        written = self._write(schema, 0)
        found: JsonObject = {}
        waiting = list(references(written))
        while waiting:
            name = waiting.pop()
            if name not in found:
                if name not in self._written:
                    self._written[name] = self._write(self._definition(name), 0)
                inner = self._written[name]
                found[name] = inner
                waiting.extend(references(inner))
        return {**written, "$defs": dict(sorted(found.items()))} if found else written

    def _write(self, schema: JsonObject, level: int) -> JsonObject:
        reference = schema.get("$ref")
        if isinstance(reference, str):
            name = reference.removeprefix(REFERENCE)
            if not self._is_inline(name, level):
                return schema
            inner = self._write(self._definition(name), level)
            own = schema.get("description")
            return inner if own is None else {**inner, "description": own}
        inside = level + (schema.get("type") == "object")
        alternatives = self._alternatives(schema)
        # Marked without alternatives: null was taken away, and one was left.
        read = {"anyOf", EXACTLY_ONE} if alternatives else {EXACTLY_ONE}
        plain = {word: value for word, value in schema.items() if word not in read} | alternatives
        return {word: self._inner(word, value, inside) for word, value in plain.items()}

    def _alternatives(self, schema: JsonObject) -> JsonObject:
        """`anyOf`, or `oneOf` where exactly one is meant and each can be told from the others."""
        members = schema.get("anyOf")
        if not isinstance(members, list):
            return {}
        exact = EXACTLY_ONE in schema and is_exact(members, self._resolved)
        return {"oneOf" if exact else "anyOf": members}

    def _inner(self, word: str, value: JsonValue, level: int) -> JsonValue:
        """The value of one keyword, its schemas written."""
        if word in {"items", "additionalProperties"} and isinstance(value, dict):
            return self._write(value, level)
        if word in {"oneOf", "anyOf"} and isinstance(value, list):
            return [self._write(each, level) if isinstance(each, dict) else each for each in value]
        if word == "properties" and isinstance(value, dict):
            return {
                name: self._write(each, level) if isinstance(each, dict) else each
                for name, each in value.items()
            }
        return value

    def _resolved(self, schema: JsonObject) -> JsonObject:
        while isinstance(reference := schema.get("$ref"), str):
            schema = self._definition(reference.removeprefix(REFERENCE))
        return schema

    def _is_inline(self, name: str, level: int) -> bool:
        return self._is_small(name) or (self._uses[name] == 1 and level < _LEVELS)

    def _is_small(self, name: str) -> bool:
        if name not in self._small:
            inner = self._definition(name)
            self._small[name] = (
                next(iter(references(inner)), None) is None and len(orjson.dumps(inner)) <= _SMALL
            )
        return self._small[name]


def references(schema: JsonValue) -> Iterator[str]:
    """The names of the definitions that a schema refers to, each as often as it does."""
    waiting = [schema]
    while waiting:
        value = waiting.pop()
        if not isinstance(value, dict):
            continue
        reference = value.get("$ref")
        if isinstance(reference, str):
            yield reference.removeprefix(REFERENCE)
            continue
        waiting.extend((value.get("items"), value.get("additionalProperties")))
        members = value.get("anyOf") or value.get("oneOf")
        waiting.extend(members if isinstance(members, list) else ())
        properties = value.get("properties")
        waiting.extend(properties.values() if isinstance(properties, dict) else ())


def weight(schemas: Iterable[JsonObject]) -> int:
    """Tokens of these as one schema, roughly; definitions that several of them bring count once."""
    definitions: JsonObject = {}
    length = 0
    for schema in schemas:
        length += len(orjson.dumps({k: v for k, v in schema.items() if k != "$defs"}))
        brought = schema.get("$defs")
        definitions.update(brought if isinstance(brought, dict) else {})
    return (length + len(orjson.dumps(definitions))) // LETTERS
