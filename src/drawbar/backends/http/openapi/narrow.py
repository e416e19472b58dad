"""Narrowing an operation that is too large to offer whole: which parts of its input are not published.

An author says `hide:` (these parts not) or `keep:` (of the optional parts only these), with dotted paths that
begin with a parameter. What is required stays in any case. Above LARGE tokens a narrowing is proposed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from drawbar.backends.http.openapi.bundle import LETTERS
from drawbar.backends.http.openapi.media import resolved
from drawbar.backends.http.openapi.publish import Publication
from drawbar.backends.http.openapi.schemas import REFERENCE, Schemas
from drawbar.kernel.values import JsonObject
from drawbar.spec.names import closest
from drawbar.spec.source import At, Report

LARGE = 4_000
"""Tokens above which a narrowing is proposed: every run pays for the schemas it offers."""
_ROOM = 100
"""Tokens below LARGE that a proposal aims at: places of the request add words of their own."""
_DEEPEST = 4
_LISTED = 60
"""Paths of a proposal that are written out; more would hide the point."""


def is_large(tokens: int) -> bool:
    """Whether a draft narrows an input of this weight."""
    return tokens > LARGE - _ROOM


@dataclass(slots=True)
class _Part:
    """What stands at one path: a schema for each alternative that writes it in its own way."""

    schemas: list[JsonObject]
    required: bool
    """By one of them at least."""


class Narrowing:
    """Takes parts away from what one operation publishes."""

    def __init__(self, published: Publication, schemas: Schemas) -> None:
        self._published = published
        self._schemas = schemas
        self._heavy: dict[tuple[str, int], int] = {}
        self._copies: dict[tuple[str, ...], str] = {}
        """Definitions without what stands at a path, by the name of the whole one and the path."""

    def hide(self, paths: Iterable[str], report: Report, at: At) -> None:
        """Problems are noted: paths that are not there, or that lead to what is required."""
        for index, path in enumerate(paths):
            why = self._problem(self._steps(path))
            if why is None:
                self.remove(path)
            else:
                message, fix = why
                report.add((*at, index), "DB525", message, fix=fix)

    def keep(self, paths: Iterable[str], report: Report, at: At) -> None:
        """Of the optional parts only these, at the top and inside each part that a path leads into."""
        listed = list(paths)
        for index, path in enumerate(listed):
            if not self._found(self._steps(path)):
                message, fix = self._missing(self._steps(path))
                report.add((*at, index), "DB525", message, fix=fix)
        for path in list(self._all_but(listed)):
            self.remove(path)

    def remove(self, path: str) -> None:
        """Take an optional part away."""
        name, *rest = self._steps(path)
        if not rest:
            self._published.narrowed({name: None})
        else:
            schema = self._published.schema(name)
            self._published.narrowed({name: self._without(schema, rest)})

    def proposed(self) -> list[str]:
        """Paths to hide until the rest is no longer LARGE: the heaviest optional parts first.

        Weighing is dear, so each round takes away about half of what is too much.
        """
        found: list[str] = []
        left = sorted(dict(self._candidates()).items(), key=lambda each: -each[1])
        while left and (over := self._published.weight() - LARGE + _ROOM) > 0:
            taken = 0
            while left and taken <= over * LETTERS // 2:
                path, size = left.pop(0)
                if not any(path.startswith(f"{each}.") for each in found):
                    self.remove(path)
                    found.append(path)
                    taken += size
        return found

    def _steps(self, path: str) -> list[str]:
        """The parameter and what leads on inside it; the name of a parameter may hold a point."""
        for name in self._published.names:
            if path == name:
                return [name]
            if path.startswith(f"{name}."):
                return [name, *path[len(name) + 1 :].split(".")]
        return path.split(".")

    # -- looking --------------------------------------------------------------------------------------

    def _candidates(self) -> Iterator[tuple[str, int]]:
        """Optional parts and how heavy each is. What another alternative requires stays."""
        for name in list(self._published.names):
            schema = self._published.schema(name)
            if not self._published.is_required(name):
                yield name, self._heaviness(schema, 0)
            else:
                yield from self._optional([schema], name, 1)

    def _optional(
        self, schemas: Sequence[JsonObject], path: str, depth: int
    ) -> Iterator[tuple[str, int]]:
        if depth > _DEEPEST:
            return
        for name, inner in self._inside(schemas).items():
            if "." in name:
                continue
            if inner.required:
                yield from self._optional(inner.schemas, f"{path}.{name}", depth + 1)
            else:
                heaviest = max(self._heaviness(each, 0) for each in inner.schemas)
                yield f"{path}.{name}", heaviest

    def _heaviness(self, schema: JsonObject, depth: int) -> int:
        """Characters with everything inside, down to a depth; only good for putting parts in order."""
        key = (str(schema.get("$ref")), depth)
        if "$ref" in schema and key in self._heavy:
            return self._heavy[key]
        whole = resolved(schema, self._schemas)
        size = len(orjson.dumps(whole))
        if depth < _DEEPEST:
            for holder in self._holders(whole):
                for part in _parts(holder)[0].values():
                    size += self._heaviness(part, depth + 1) if "$ref" in str(part)[:400] else 0
        if "$ref" in schema:
            self._heavy[key] = size
        return size

    def _holders(self, schema: JsonObject, seen: set[str] | None = None) -> list[JsonObject]:
        """The objects that a path goes on in, each once: the schema's own, those of its alternatives, of its elements."""
        seen = set() if seen is None else seen
        reference = schema.get("$ref")
        if isinstance(reference, str):
            if reference in seen:
                return []
            seen.add(reference)
        schema = resolved(schema, self._schemas)
        if isinstance(items := schema.get("items"), dict):
            return self._holders(items, seen)
        members = schema.get("anyOf")
        if isinstance(members, list):
            return [h for m in members if isinstance(m, dict) for h in self._holders(m, seen)]
        return [schema] if isinstance(schema.get("properties"), dict) else []

    def _inside(self, schemas: Iterable[JsonObject]) -> dict[str, _Part]:
        """By name what stands in the objects of these schemas, which are alternatives."""
        found: dict[str, _Part] = {}
        for schema in schemas:
            for holder in self._holders(schema):
                properties, required = _parts(holder)
                for name, part in properties.items():
                    known = found.setdefault(name, _Part([], required=False))
                    known.required = known.required or name in required
                    if part not in known.schemas:  # else a path through alternatives has no end
                        known.schemas.append(part)
        return found

    def _found(self, path: list[str]) -> _Part | None:
        """What stands at a path."""
        name, *rest = path
        if name not in self._published.names:
            return None
        found = _Part([self._published.schema(name)], required=self._published.is_required(name))
        for step in rest:
            inner = self._inside(found.schemas).get(step)
            if inner is None:
                return None
            found = inner
        return found

    def _problem(self, path: list[str]) -> tuple[str, str | None] | None:
        found = self._found(path)
        if found is None:
            return self._missing(path)
        if found.required:
            name = ".".join(path)
            return (
                f"`{name}` is required, so it cannot be hidden",
                "fill it with `const:` or `from:`",
            )
        return None

    def _missing(self, path: list[str]) -> tuple[str, str | None]:
        for length in range(len(path), 0, -1):
            above = path[: length - 1]
            holder = self._found(above) if above else None
            if above and holder is None:
                continue
            names = self._published.names if holder is None else [*self._inside(holder.schemas)]
            meant = closest(path[length - 1], names)
            fix = ".".join((*above, meant)) if meant else None
            wanted = ".".join(path)
            listed = ", ".join(names[:20])
            return (
                f"the operation's input has no `{wanted}`",
                f"did you mean `{fix}`?" if fix else f"there is {listed or 'nothing'}",
            )
        return "an empty path", None

    def _all_but(self, keep: list[str]) -> Iterator[str]:
        below: dict[str, list[str]] = {}
        for path in keep:
            name, *left = self._steps(path)
            below.setdefault(name, []).extend([".".join(left)] if left else [])
        for name in list(self._published.names):
            if name not in below:
                if not self._published.is_required(name):
                    yield name
            elif below[name]:
                schema = self._published.schema(name)
                yield from self._inside_all_but(schema, name, below[name])

    def _inside_all_but(self, schema: JsonObject, path: str, keep: list[str]) -> Iterator[str]:
        below: dict[str, list[str]] = {}
        for each in keep:
            name, _, left = each.partition(".")
            below.setdefault(name, []).extend([left] if left else [])
        seen = set()
        for holder in self._holders(schema):
            properties, required = _parts(holder)
            for name, part in properties.items():
                if name in seen:
                    continue
                seen.add(name)
                if below.get(name):
                    yield from self._inside_all_but(part, f"{path}.{name}", below[name])
                elif name not in below and name not in required:
                    yield f"{path}.{name}"

    def _without(self, schema: JsonObject, path: Sequence[str]) -> JsonObject:
        """A copy along the path, in which its end is no longer there; the same where it never was."""
        reference = schema.get("$ref")
        if isinstance(reference, str):
            return self._referred_without(schema, reference.removeprefix(REFERENCE), path)
        if isinstance(items := schema.get("items"), dict):
            return _changed(schema, "items", items, self._without(items, path))
        members = schema.get("anyOf")
        if isinstance(members, list):
            less = [self._without(m, path) if isinstance(m, dict) else m for m in members]
            same = all(new is old for new, old in zip(less, members, strict=True))
            return schema if same else {**schema, "anyOf": less}
        properties, _ = _parts(schema)
        name, *rest = path
        if name not in properties:
            return schema
        if rest:
            inner = _changed(
                properties, name, properties[name], self._without(properties[name], rest)
            )
            return schema if inner is properties else {**schema, "properties": inner}
        return {**schema, "properties": {k: v for k, v in properties.items() if k != name}}

    def _referred_without(self, schema: JsonObject, name: str, path: Sequence[str]) -> JsonObject:
        """With a definition of its own, made once, however many alternatives lead to it."""
        key = (name, *path)
        if key not in self._copies:
            self._copies[key] = name  # what leads back to it meanwhile stays as it is
            whole = self._schemas.definition(name)
            less = self._without(whole, path)
            if less is not whole:
                self._copies[key] = self._schemas.define(f"{name}_less", less)
        if self._copies[key] == name:
            return schema
        return {**schema, "$ref": REFERENCE + self._copies[key]}


def _changed(
    holder: dict[str, Any], name: str, old: JsonObject, new: JsonObject
) -> dict[str, Any]:  # a schema, or its properties
    return holder if new is old else {**holder, name: new}


def _parts(schema: JsonObject) -> tuple[dict[str, JsonObject], list[str]]:
    properties = schema.get("properties")
    required = schema.get("required")
    parts = properties.items() if isinstance(properties, dict) else ()
    names = required if isinstance(required, list) else []
    return (
        {name: part for name, part in parts if isinstance(part, dict)},
        [name for name in names if isinstance(name, str)],
    )


def advice(hide: list[str], left: int) -> str:
    """A line to paste into the function."""
    if not hide:
        return "fill parts of it with `const:`, or offer another operation"
    return (
        f"narrow it to about {left} tokens, and take back what is needed:\n"
        f"      hide: [{', '.join(hide[:_LISTED])}]"
    )
