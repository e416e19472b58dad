"""Narrowing an operation that is too large to offer whole: which parts of its input are not published.

An author says `hide:` (these parts not) or `keep:` (of the optional parts only these), with dotted paths that
begin with a parameter. What is required stays in any case. Above LARGE tokens a narrowing is proposed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import orjson

from drawbar.backends.http.openapi.bundle import LETTERS
from drawbar.backends.http.openapi.media import resolved
from drawbar.backends.http.openapi.publish import Publication
from drawbar.backends.http.openapi.schemas import Schemas
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


class Narrowing:
    """Takes parts away from what one operation publishes."""

    def __init__(self, published: Publication, schemas: Schemas) -> None:
        self._published = published
        self._schemas = schemas

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
        for path, size in self._optional_parts():
            if self._problem(self._steps(path)) is None:
                yield path, size

    def _optional_parts(self) -> Iterator[tuple[str, int]]:
        for name in list(self._published.names):
            schema = self._published.schema(name)
            if not self._published.is_required(name):
                yield name, self._heaviness(schema, 0)
            else:
                yield from self._optional(schema, name, 1)

    def _optional(self, schema: JsonObject, path: str, depth: int) -> Iterator[tuple[str, int]]:
        if depth > _DEEPEST:
            return
        for holder in self._holders(schema):
            properties, required = _parts(holder)
            for name, part in properties.items():
                inner = f"{path}.{name}"
                if "." in name:
                    continue
                if name not in required:
                    yield inner, self._heaviness(part, 0)
                else:
                    yield from self._optional(part, inner, depth + 1)

    def _heaviness(self, schema: JsonObject, depth: int) -> int:
        """Characters with everything inside, down to a depth; only good for putting parts in order."""
        schema = resolved(schema, self._schemas)
        size = len(orjson.dumps(schema))
        if depth < _DEEPEST:
            for holder in self._holders(schema):
                for part in _parts(holder)[0].values():
                    size += self._heaviness(part, depth + 1) if "$ref" in str(part)[:400] else 0
        return size

    def _holders(self, schema: JsonObject) -> list[JsonObject]:
        """The objects that a path goes on in: the schema's own, those of its alternatives, of its elements."""
        schema = resolved(schema, self._schemas)
        if isinstance(items := schema.get("items"), dict):
            return self._holders(items)
        members = schema.get("anyOf")
        if isinstance(members, list):
            return [
                h for member in members if isinstance(member, dict) for h in self._holders(member)
            ]
        return [schema] if isinstance(schema.get("properties"), dict) else []

    def _found(self, path: list[str]) -> list[tuple[JsonObject, bool]]:
        """The parts at a path, and whether each is required."""
        name, *rest = path
        if name not in self._published.names:
            return []
        found = [(self._published.schema(name), self._published.is_required(name))]
        for step in rest:
            inner = []
            for schema, _ in found:
                for holder in self._holders(schema):
                    properties, required = _parts(holder)
                    if step in properties:
                        inner.append((properties[step], step in required))
            found = inner
        return found

    def _problem(self, path: list[str]) -> tuple[str, str | None] | None:
        found = self._found(path)
        if not found:
            return self._missing(path)
        if any(required for _, required in found):
            name = ".".join(path)
            return (
                f"`{name}` is required, so it cannot be hidden",
                "fill it with `const:` or `from:`",
            )
        return None

    def _missing(self, path: list[str]) -> tuple[str, str | None]:
        for length in range(len(path), 0, -1):
            above = path[: length - 1]
            if above and not self._found(above):
                continue
            names = self._published.names
            if above:
                holders = [h for schema, _ in self._found(above) for h in self._holders(schema)]
                names = [name for holder in holders for name in _parts(holder)[0]]
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

    def _without(self, schema: JsonObject, path: list[str]) -> JsonObject:
        """A copy along the path, in which its end is no longer there."""
        schema = resolved(schema, self._schemas)
        if isinstance(items := schema.get("items"), dict):
            return {**schema, "items": self._without(items, path)}
        members = schema.get("anyOf")
        if isinstance(members, list):
            changed = [self._without(m, path) if isinstance(m, dict) else m for m in members]
            return {**schema, "anyOf": changed}
        properties, _ = _parts(schema)
        name, *rest = path
        if name not in properties:
            return schema
        if rest:
            return {
                **schema,
                "properties": {**properties, name: self._without(properties[name], rest)},
            }
        return {**schema, "properties": {k: v for k, v in properties.items() if k != name}}


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
