"""Reads a request back by the document it was written for, and says what does not fit; knows nothing of the compiler.

A document of several files is put into one first, and one of version 2.0 is written anew in version 3.
"""

# ruff: noqa: PLR0911, PLR0917 -- one case after another, as the specification lists them
from __future__ import annotations

import copy
import email
import email.policy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import jsonschema_rs
import orjson
from lxml import etree

from backends.http.openapi_files import as_version_3, in_one

_HOLDERS = ("properties", "patternProperties", "definitions", "$defs", "schemas", "mapping")
_TYPES = {"string", "number", "integer", "boolean", "array", "object", "null"}
_DROPPED = ("discriminator", "example", "examples", "xml", "externalDocs", "format", "default")


class Unchecked(Exception):
    """The document cannot be used as a schema; the text says why."""


class Oracle:
    """One document."""

    def __init__(self, document: dict[str, Any]) -> None:
        document = copy.deepcopy(document)
        if str(document.get("swagger", "")).startswith("2"):
            document = as_version_3(document)
        self._document = _as_json_schema(document)
        self._registry = jsonschema_rs.Registry([("urn:doc", self._document)])

    @classmethod
    def of_files(cls, path: Path) -> Oracle:
        """The document of a file and of those beside it that it refers to."""
        return cls(in_one(path))

    def problem(
        self, method: str, path: str, target: str, headers: dict[str, str], body: bytes | None
    ) -> str | None:
        """What of the request contradicts the operation; None when all of it fits."""
        item_at = ["paths", path]
        item, item_at = self._resolved(self._document["paths"][path], item_at)
        operation = item[method.lower()]
        at = [*item_at, method.lower()]
        parameters = {}
        for where, listed in ((item_at, item), (at, operation)):
            for index, node in enumerate(listed.get("parameters", [])):
                found, found_at = self._resolved(node, [*where, "parameters", index])
                parameters[found["in"], found["name"]] = (found, found_at)
        split = urlsplit(target)
        values = _in_path(path, split.path)
        query = parse_qsl(split.query, keep_blank_values=True)
        for (where, name), (node, node_at) in parameters.items():
            try:
                given = self._given(where, name, node, values, query, headers, split.query)
            except ValueError as error:
                return f"{where} {name}: {error}"
            if given is None:
                if node.get("required") and where in ("path", "query") and name in (values or name):
                    return f"{where} {name}: it is missing"
                continue
            schema_at = _schema_at(node, node_at)
            if schema_at is not None and (problem := self._misfit(given, schema_at)):
                return f"{where} {name}: {problem}"
        return self._body_problem(operation, at, headers, body)

    # -- values ---------------------------------------------------------------------------------------

    def _given(  # one place of a request after another
        self, where: str, name: str, node: Any, values: Any, query: Any, headers: Any, raw: str
    ) -> Any:
        schema = self._schema(node)
        style = node.get("style", "form" if where in ("query", "cookie") else "simple")
        explode = node.get("explode", style in ("form", "deepObject"))
        if where == "path":
            text = values.get(name)
            if text is None:
                return None
            if "content" in node:
                return orjson.loads(unquote(text))
            return self._simple(text, schema, style, explode, name)
        if where == "header":
            text = next((v for k, v in headers.items() if k.lower() == name.lower()), None)
            if text is None:
                return None
            return self._simple(text, schema, "simple", explode, name)
        if where == "cookie":
            query = parse_qsl(headers.get("Cookie", "").replace("; ", "&"), keep_blank_values=True)
            raw = headers.get("Cookie", "").replace("; ", "&")
        if "content" in node:
            found = [v for k, v in query if k == name]
            return orjson.loads(found[0]) if found else None
        return self._from_pairs(name, schema, style, explode, query, raw)

    def _simple(self, text: str, schema: Any, style: str, explode: bool, name: str) -> Any:
        if style == "label":
            text = text.removeprefix(".")
        kinds = self._kinds(schema)
        if style == "matrix":
            parts = [part.partition("=") for part in text.split(";")[1:]]
            if kinds == {"object"} and explode:
                return self._object(schema, [(unquote(k), unquote(v)) for k, _, v in parts])
            if kinds == {"array"} and explode:
                return self._list(schema, [unquote(v) for _, _, v in parts])
            text = parts[0][2]
        if kinds == {"array"}:
            mark = "." if style == "label" and explode else ","
            return self._list(schema, [unquote(each) for each in text.split(mark)])
        if kinds == {"object"}:
            mark = "." if style == "label" and explode else ","
            pieces = text.split(mark)
            pairs = (
                [(k, v) for k, _, v in (piece.partition("=") for piece in pieces)]
                if explode
                else list(zip(pieces[::2], pieces[1::2], strict=True))
            )
            return self._object(schema, [(unquote(k), unquote(v)) for k, v in pairs])
        return self._scalar(schema, unquote(text))

    def _from_pairs(
        self, name: str, schema: Any, style: str, explode: bool, query: Any, raw: str
    ) -> Any:
        if style == "deepObject":
            mine = [
                (k[len(name) :], v) for k, v in query if re.match(re.escape(name) + r"(\[|$)", k)
            ]
            return self._deep(schema, mine) if mine else None
        kinds = self._kinds(schema)
        if kinds == {"object"} and explode:
            others = {k for k, _ in query}
            properties = self._properties(schema)
            if properties is not None:
                mine = [(k, v) for k, v in query if k in properties]
            else:
                mine = [(k, v) for k, v in query if k.startswith("key")]
            return self._object(schema, mine) if mine and others else None
        found = [v for k, v in query if k == name]
        if not found:
            return None
        if kinds <= {"array"} and kinds:
            if explode:
                return self._list(schema, found)
            mark = {"spaceDelimited": "%20", "pipeDelimited": "%7C"}.get(style, ",")
            text = next(
                p.partition("=")[2] for p in raw.split("&") if unquote(p.partition("=")[0]) == name
            )
            return self._list(schema, [unquote(each) for each in text.split(mark)])
        if kinds == {"object"}:
            text = next(
                p.partition("=")[2] for p in raw.split("&") if unquote(p.partition("=")[0]) == name
            )
            mark = {"spaceDelimited": "%20", "pipeDelimited": "%7C"}.get(style, ",")
            pieces = text.split(mark)
            pairs = list(zip(pieces[::2], pieces[1::2], strict=True))
            return self._object(schema, [(unquote(k), unquote(v)) for k, v in pairs])
        if len(found) > 1:
            return self._list(schema, found)
        return self._scalar(schema, found[0])

    def _deep(self, schema: Any, pairs: list[tuple[str, str]]) -> Any:
        if any(rest == "" for rest, _ in pairs):
            return self._scalar(schema, pairs[0][1])
        groups: dict[str, list[tuple[str, str]]] = {}
        for rest, value in pairs:
            key, _, inner = rest[1:].partition("]")
            groups.setdefault(key, []).append((inner, value))
        if all(not key or key.isdigit() for key in groups) and "object" not in self._kinds(schema):
            items = self._items(schema)
            if "" in groups:
                return [self._scalar(items, v) for _, v in groups[""]]
            return [self._deep(items, inner) for inner in groups.values()]
        return {k: self._deep(self._property(schema, k), inner) for k, inner in groups.items()}

    def _list(self, schema: Any, texts: list[str]) -> list[Any]:
        return [self._scalar(self._items(schema), text) for text in texts]

    def _object(self, schema: Any, pairs: list[tuple[str, str]]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, text in pairs:
            inner = self._property(schema, key)
            if self._kinds(inner) == {"array"} and not text.startswith("["):
                made.setdefault(key, []).append(self._scalar(self._items(inner), text))
            else:
                made[key] = self._scalar(inner, text)
        return made

    def _scalar(self, schema: Any, text: str) -> Any:
        kinds = self._kinds(schema)
        if kinds & {"object", "array"} or not kinds:
            try:
                value = orjson.loads(text)
            except orjson.JSONDecodeError:
                value = None
            if isinstance(value, dict | list) or (value is not None and not kinds):
                return value
        if kinds & {"integer", "number"}:
            try:
                return orjson.loads(text)
            except orjson.JSONDecodeError:
                pass
        if "boolean" in kinds and text in ("true", "false"):
            return text == "true"
        return text

    # -- schemas --------------------------------------------------------------------------------------

    def _flat(self, schema: Any, seen: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
        """The schema and all that it is made of."""
        if not isinstance(schema, dict):
            return
        yield schema
        reference = schema.get("$ref")
        if isinstance(reference, str) and reference not in seen:
            yield from self._flat(self._target(reference), (*seen, reference))
        for word in ("allOf", "anyOf", "oneOf"):
            for inner in schema.get(word, []):
                yield from self._flat(inner, seen)

    def _kinds(self, schema: Any) -> set[str]:
        found: set[str] = set()
        for each in self._flat(schema):
            kind = each.get("type")
            found |= set(kind if isinstance(kind, list) else [kind] if kind else [])
            if kind is None and "properties" in each:
                found.add("object")
            if kind is None and "items" in each:
                found.add("array")
        return found - {"null"}

    def _properties(self, schema: Any) -> dict[str, Any] | None:
        found: dict[str, Any] = {}
        for each in self._flat(schema):
            found |= each.get("properties", {})
        return found or None

    def _property(self, schema: Any, name: str) -> Any:
        for each in self._flat(schema):
            if name in each.get("properties", {}):
                return each["properties"][name]
        for each in self._flat(schema):
            if isinstance(each.get("additionalProperties"), dict):
                return each["additionalProperties"]
        return {}

    def _items(self, schema: Any) -> Any:
        return next((each["items"] for each in self._flat(schema) if "items" in each), {})

    def _schema(self, node: Any) -> Any:
        if "content" in node:
            return next(iter(node["content"].values())).get("schema", {})
        return node.get("schema", {})

    def _target(self, reference: str) -> Any:
        value: Any = self._document
        for step in reference.partition("#")[2].split("/")[1:]:
            key = unquote(step).replace("~1", "/").replace("~0", "~")
            value = value[int(key)] if isinstance(value, list) else value[key]
        return value

    def _resolved(self, node: Any, at: list[Any]) -> tuple[Any, list[Any]]:
        while "$ref" in node:
            reference = node["$ref"]
            node = self._target(reference)
            at = [
                unquote(step).replace("~1", "/").replace("~0", "~")
                for step in reference.partition("#")[2].split("/")[1:]
            ]
        return node, at

    def _misfit(self, value: Any, at: list[Any]) -> str | None:
        pointer = "/".join(_quoted(str(step).replace("~", "~0").replace("/", "~1")) for step in at)
        try:
            validator = jsonschema_rs.Draft202012Validator(
                {"$ref": f"urn:doc#/{pointer}"}, registry=self._registry
            )
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            raise Unchecked(str(error)[:200]) from None
        for wrong in validator.iter_errors(value):
            return f"{wrong.message[:160]} at /{'/'.join(map(str, wrong.instance_path))}"
        return None

    # -- bodies ---------------------------------------------------------------------------------------

    def _body_problem(
        self, operation: Any, at: list[Any], headers: dict[str, str], body: bytes | None
    ) -> str | None:
        if "requestBody" not in operation:
            return None if body is None else "there is a body where none is taken"
        node, node_at = self._resolved(operation["requestBody"], [*at, "requestBody"])
        if body is None:
            return "the body is missing" if node.get("required") else None
        kind = headers["Content-Type"]
        media = next(
            (
                name
                for name in node["content"]
                if name == kind or _bare(name) == _bare(kind) or "*" in name or "/" not in name
            ),
            None,
        )
        if media is None:
            return f"{kind} is not taken"
        inner = node["content"][media]
        schema = inner.get("schema")
        if schema is None:
            return None
        value = self._decoded(_bare(kind), kind, body, schema, inner.get("encoding", {}))
        return (
            None
            if value is None
            else self._misfit(value[0], [*node_at, "content", media, "schema"])
        )

    def _decoded(
        self, bare: str, kind: str, body: bytes, schema: Any, encoding: Any
    ) -> tuple[Any] | None:
        if "json" in bare or "yaml" in bare:
            return (orjson.loads(body),)
        if bare == "application/x-www-form-urlencoded":
            query = parse_qsl(body.decode(), keep_blank_values=True)
            made: dict[str, Any] = {}
            for name, inner in (self._properties(schema) or {}).items():
                how = encoding.get(name, {})
                style = how.get("style")
                if style is None and self._kinds(inner) == {"object"}:
                    found = [v for k, v in query if k == name]
                    value = orjson.loads(found[0]) if found else None
                else:
                    style = style or "form"
                    explode = how.get("explode", style in ("form", "deepObject"))
                    value = self._from_pairs(name, inner, style, explode, query, body.decode())
                if value is not None:
                    made[name] = value
            return (made,)
        if bare.startswith("multipart/"):
            return (self._multipart(kind, body, schema),)
        if bare.endswith("xml"):
            etree.fromstring(body)  # what stands in it is tested by itself
            return None
        return (self._scalar(schema, body.decode()),) if bare.startswith("text/") else None

    def _multipart(self, kind: str, body: bytes, schema: Any) -> Any:
        head = f"Content-Type: {kind}\r\n\r\n".encode()
        message = email.message_from_bytes(head + body, policy=email.policy.HTTP)
        made: dict[str, Any] = {}
        for part in message.iter_parts():
            name = str(part.get_param("name", header="content-disposition"))
            raw: Any = part.get_payload(decode=True)  # bytes, since a part holds no parts
            inner = self._property(schema, name)
            many = self._kinds(inner) == {"array"}
            one = self._items(inner) if many else inner
            if part.get_filename() is not None:
                value: Any = raw.decode(errors="replace")
            elif part.get_content_type() == "application/json":
                value = orjson.loads(raw)
            else:
                value = self._scalar(one, raw.decode())
            if many:
                made.setdefault(name, []).append(value)
            else:
                made[name] = value
        return made


def _quoted(text: str) -> str:
    return "".join(
        c if c.isalnum() or c in "-_.~" else "".join(f"%{b:02X}" for b in c.encode()) for c in text
    )


def _bare(media: str) -> str:
    return media.partition(";")[0].strip().lower()


def _in_path(template: str, path: str) -> dict[str, str]:
    template = template.partition("#")[0].partition("?")[0]
    names = re.findall(r"\{([^{}/]*)\}", template)
    parts = re.split(r"\{[^{}/]*\}", template)
    pattern = "(.*?)".join(re.escape(part) for part in parts)
    match = re.fullmatch(pattern, path) or re.fullmatch(pattern, unquote(path))
    if match is None:
        raise ValueError(f"{path} is not of the form {template}")
    values: dict[str, str] = {}
    for name, value in zip(names, match.groups(), strict=True):
        values[name] = values[name.strip("+*")] = value
    return values


def _schema_at(node: dict[str, Any], at: list[Any]) -> list[Any] | None:
    if "content" in node:
        media = next(iter(node["content"]))
        return [*at, "content", media, "schema"] if "schema" in node["content"][media] else None
    return [*at, "schema"] if "schema" in node else None


def _as_json_schema(node: Any, *, names: bool = False) -> Any:
    """OpenAPI's own words in those of JSON Schema 2020-12, everywhere."""
    if isinstance(node, list):
        return [_as_json_schema(each) for each in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {key: _as_json_schema(value) for key, value in node.items()}
    made = {
        key: _as_json_schema(value, names=key in _HOLDERS and isinstance(value, dict))
        for key, value in node.items()
        if not (key in _DROPPED and (key != "format" or isinstance(value, str)))
    }
    return _modern(made)


def _modern(made: dict[str, Any]) -> dict[str, Any]:
    if isinstance(made.get("in"), str) and "name" in made:
        return made  # a parameter
    kinds = made.get("type")
    if isinstance(kinds, str) and kinds not in _TYPES:
        del made["type"]
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if made.get(exclusive) is True and bound in made:
            made[exclusive] = made.pop(bound)
        elif isinstance(made.get(exclusive), bool):
            del made[exclusive]
    if isinstance(made.get("required"), bool) and "content" not in made and "in" not in made:
        del made["required"]
    if isinstance(made.get("required"), list) and isinstance(made.get("properties"), dict):
        # What only a server writes is not required of a request.
        made["required"] = [
            name
            for name in made["required"]
            if not (
                isinstance(inner := made["properties"].get(name), dict)
                and (inner.get("readOnly") or "$ref" in inner)
            )
            or name not in made["properties"]
        ]
    if isinstance(made.get("pattern"), str):
        try:
            jsonschema_rs.Draft202012Validator({"pattern": made["pattern"]})
        except ValueError:
            del made["pattern"]
    return _nullable(made)


def _nullable(made: dict[str, Any]) -> dict[str, Any]:
    if not (made.get("nullable") is True or made.get("x-nullable") is True):
        return made
    inner = {key: value for key, value in made.items() if key not in ("nullable", "x-nullable")}
    return {
        **{k: v for k, v in inner.items() if k == "properties"},
        "anyOf": [inner, {"type": "null"}],
    }
