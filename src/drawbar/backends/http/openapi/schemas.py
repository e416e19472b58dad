"""Schemas of a document as JSON Schema 2020-12 that a model reads, for requests.

What is published is what is enforced: objects are closed, what the server alone may write is left out, null is
written as a type, and every reference is to `$defs`. Named schemas are written once for all functions of an
adapter, when the first of them needs it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from drawbar.backends.http.openapi.documents import BrokenReference, Documents
from drawbar.backends.http.openapi.flat import ANNOTATIONS, Flattening, types_of
from drawbar.backends.http.openapi.variants import (
    Discriminator,
    Heirs,
    base_of,
    branches_of,
    discriminator_of,
    is_null,
)
from drawbar.backends.http.openapi.words import (
    description_of,
    example_of,
    format_of,
    pattern_of,
)
from drawbar.kernel.values import JsonObject, JsonValue

REFERENCE = "#/$defs/"
EXACTLY_ONE = "x-exactly-one"
"""Stands beside `anyOf` where the document writes `oneOf`, until the schema is published."""
_TYPES = {
    **{name: name for name in ("string", "integer", "number", "boolean", "array", "object")},
    **dict.fromkeys(("int", "int32", "int64", "long"), "integer"),
    **dict.fromkeys(("float", "double", "decimal"), "number"),
    **dict.fromkeys(("bool",), "boolean"),
    **dict.fromkeys(("list",), "array"),
    **dict.fromkeys(("str", "text", "date", "datetime", "date-time", "uuid", "file"), "string"),
}
"""Types of JSON Schema, and names that documents write for them."""
_DEEPEST = 20
"""Merged schemas inside one another; what is further inside is offered as an object of any shape."""
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_PYTHON: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


class Schemas:
    """Written schemas of one document; `definitions` fills as they are needed."""

    def __init__(self, documents: Documents, version: str) -> None:
        self.documents = documents
        self.flattening = Flattening(documents)
        self._modern = version == "3.1"
        self._heirs = Heirs(self.flattening)
        self._names: dict[tuple[str, bool], str] = {}
        self._waiting: dict[str, tuple[str, bool]] = {}
        self._definitions: dict[str, JsonObject] = {}
        self._open: dict[int, str | None] = {}
        """Merged schemas that are being written, by identity, and the names of those that were met again."""

    def write(self, node: JsonValue) -> JsonObject:
        """The schema of a value in a request. Raises BrokenReference."""
        if not isinstance(node, dict):
            return {"not": {}} if node is False else {}
        if (bare := _bare_reference(node)) is not None:
            return self._reference(*bare)
        if "$ref" in node or "allOf" in node:
            return self._merged(node)
        return self._written(self.flattening.flat(node))

    def _merged(self, node: JsonObject) -> JsonObject:
        """A schema put together of others. One that leads to itself gets a name when it is met again."""
        key = id(node)
        if key in self._open:
            if self._open[key] is None:
                self._open[key] = self._free("part")
            return {"$ref": f"{REFERENCE}{self._open[key]}"}
        if len(self._open) > _DEEPEST:
            return {"type": "object", "additionalProperties": True}
        self._open[key] = None
        try:
            written = self._written(self.flattening.flat(node))
        finally:
            name = self._open.pop(key)
        if name is None:
            return written
        self._definitions[name] = written
        return {"$ref": REFERENCE + name}

    def flat(self, node: JsonValue) -> JsonObject:
        """As the document has it, without references at its top."""
        return self.flattening.flat(node)

    def definition(self, name: str) -> JsonObject:
        """What stands in `$defs` under a name that a written schema refers to."""
        if name not in self._definitions:
            reference, plain = self._waiting[name]
            self._definitions[name] = self._named(reference, plain=plain)
        return self._definitions[name]

    def define(self, label: str, schema: JsonObject) -> str:
        """A further definition; gives its name, which is `label` where that is free."""
        name = self._free(label)
        self._definitions[name] = schema
        return name

    # -- references ---------------------------------------------------------------------------------

    def _reference(self, reference: str, notes: JsonObject, *, plain: bool = False) -> JsonObject:
        for _ in range(20):  # an alias of an alias
            target = self.documents.target(reference)
            further = target.get("$ref") if isinstance(target, dict) else None
            if not isinstance(further, str) or len(target) > 1:  # type: ignore[arg-type]  # a dict
                break
            reference = further
        name = self._name(reference, plain=plain)
        result: JsonObject = {"$ref": REFERENCE + name}
        if notes.get("nullable") or notes.get("x-nullable"):
            result = {"anyOf": [result, {"type": "null"}]}
        if text := description_of(notes):
            result = {"description": text, **result}
        return result

    def _name(self, reference: str, *, plain: bool) -> str:
        key = (reference, plain)
        if key not in self._names:
            label = re.sub(r"[^A-Za-z0-9_.-]+", "_", _label(reference)).strip("_")[:60] or "schema"
            name = self._free(label)
            self._names[key] = name
            self._waiting[name] = key
        return self._names[key]

    def _free(self, label: str) -> str:
        name, count = label, 1
        while name in self._waiting or name in self._open.values() or name in self._definitions:
            count += 1
            name = f"{label}_{count}"
        return name

    def _named(self, reference: str, *, plain: bool) -> JsonObject:
        target = self.documents.target(reference)
        own = discriminator_of(target) if isinstance(target, dict) else None
        if own is not None and not plain and not branches_of(self.flat(target)):
            heirs = self._heirs.of(reference)
            if heirs:
                listed = [*([reference] if reference in own.values else []), *heirs]
                branches: list[JsonValue] = [
                    self._reference(each, {}, plain=each == reference) for each in listed
                ]
                text = description_of(self.flat(target))
                return _described({"anyOf": branches}, text)
        flat = self.flattening.flat(target, (reference,))
        inherited = discriminator_of(flat)
        if inherited is not None and not branches_of(flat):
            return self._written(self._told_apart(flat, inherited, reference))
        return self._written(flat)

    def _told_apart(
        self, flat: JsonObject, discriminator: Discriminator, reference: str
    ) -> JsonObject:
        """With the value by which a server knows this variant, where the document allows that value."""
        name = discriminator.property
        mapped = discriminator.values.get(reference)
        special = self._heirs.value_of(reference)
        values = mapped or ([special] if special else discriminator.of(reference))
        properties = flat.get("properties")
        known = properties.get(name) if isinstance(properties, dict) else None
        if not isinstance(properties, dict) or known is None:
            return flat
        choices = self.flat(known).get("enum")
        if isinstance(choices, list):
            values = [value for value in values if value in choices]
        if not values:
            return flat
        told: JsonObject = {"type": "string", "enum": list[JsonValue](values)}
        needed = flat.get("required")
        required = [*needed] if isinstance(needed, list) else []
        return {
            **flat,
            "properties": {**properties, name: told},
            "required": required if name in required else [name, *required],
        }

    # -- values -------------------------------------------------------------------------------------

    def _written(self, flat: JsonObject) -> JsonObject:
        branches = branches_of(flat)
        nullable = bool(flat.get("nullable") or flat.get("x-nullable"))
        if branches:
            nullable = nullable or any(is_null(branch) for branch in branches)
            schema = self._alternatives(flat, branches)
        else:
            kinds = types_of(flat)
            nullable = nullable or "null" in kinds
            schema = self._by_type(flat, [_TYPES.get(k.lower(), "") for k in kinds if k != "null"])
        return _nullable(schema) if nullable else schema

    def _alternatives(self, flat: JsonObject, branches: list[JsonValue]) -> JsonObject:
        base = base_of(flat)
        discriminator = discriminator_of(flat)
        written: list[JsonObject] = []
        for branch in branches:
            if is_null(branch):
                continue
            schema = self._alternative(base, branch, discriminator)
            if schema not in written:
                written.append(schema)
        if len(written) == 1:
            return _described(written[0], description_of(flat), over=False)
        if not written:
            return self._by_type({}, [])
        either: JsonObject = {"anyOf": list[JsonValue](written)}
        if flat.get("oneOf"):
            either[EXACTLY_ONE] = True
        return _described(either, description_of(flat))

    def _alternative(
        self, base: JsonObject, branch: JsonValue, discriminator: Discriminator | None
    ) -> JsonObject:
        reference = branch.get("$ref") if isinstance(branch, dict) else None
        if not base and (discriminator is None or not isinstance(reference, str)):
            return self.write(branch)
        flat = self.flattening.flat({"allOf": [branch, base]} if base else branch)
        if discriminator is not None and isinstance(reference, str):
            if discriminator_of(flat) is None or branches_of(flat):
                flat = self._told_apart(flat, discriminator, reference)
            elif not base:
                return self.write(branch)  # the variant itself says its value
            else:
                flat = self._told_apart(flat, discriminator, reference)
        return self._written(flat)

    def _by_type(self, flat: JsonObject, kinds: list[str]) -> JsonObject:
        kinds = [kind for kind in kinds if kind] or _implied(flat)
        if len(kinds) > 1:
            if all(kind in _PYTHON for kind in kinds):
                return self._scalar(flat, kinds)
            one: list[JsonValue] = [self._by_type(flat, [kind]) for kind in dict.fromkeys(kinds)]
            return {"anyOf": one}
        match kinds[0] if kinds else "":
            case "object":
                return self._object(flat)
            case "array":
                return self._array(flat)
            case "":
                return self._any(flat)
            case kind:
                return self._scalar(flat, [kind])

    def _object(self, flat: JsonObject) -> JsonObject:
        declared = flat.get("properties")
        properties: JsonObject = {}
        dropped = set()
        for name, node in declared.items() if isinstance(declared, dict) else ():
            if _is_read_only(node, self.documents):
                dropped.add(name)
            else:
                properties[name] = self.write(node)
        needed = flat.get("required")
        required = [
            name
            for name in (dict.fromkeys(needed) if isinstance(needed, list) else ())
            if isinstance(name, str) and name not in dropped
        ]
        more = self._further(flat.get("additionalProperties"), declared=bool(declared))
        if flat.get("additionalProperties") is False:
            required = [name for name in required if name in properties]
        for name in required:
            if name not in properties:
                properties[name] = more if isinstance(more, dict) else {}
        schema: JsonObject = {"type": "object"}
        if text := description_of(flat):
            schema["description"] = text
        if properties or more is False:
            schema["properties"] = properties
            schema["required"] = list[JsonValue](required)
        schema["additionalProperties"] = more
        for word in ("minProperties", "maxProperties"):
            if isinstance(flat.get(word), int):
                schema[word] = flat[word]
        return schema

    def _further(self, more: JsonValue, *, declared: bool) -> JsonValue:
        """Of properties that are not declared: their schema, or whether there may be any.

        Where some are declared, the others that a document lets pass are not offered.
        """
        if isinstance(more, dict) and more:
            return self.write(more)
        return more is not False and not declared

    def _array(self, flat: JsonObject) -> JsonObject:
        schema: JsonObject = {"type": "array"}
        if text := description_of(flat):
            schema["description"] = text
        schema["items"] = self.write(flat.get("items", {}))
        for word in ("minItems", "maxItems"):
            if isinstance(flat.get(word), int):
                schema[word] = flat[word]
        if flat.get("uniqueItems") is True:
            schema["uniqueItems"] = True
        return schema

    def _any(self, flat: JsonObject) -> JsonObject:
        choices = flat.get("enum")
        schema: JsonObject = {}
        if text := description_of(flat):
            schema["description"] = text
        if "const" in flat:
            schema["const"] = flat["const"]
        elif isinstance(choices, list) and choices:
            schema["enum"] = _distinct(choices)
        elif isinstance(flat.get("not"), dict) and not flat["not"]:
            schema["not"] = {}
        return schema

    def _scalar(self, flat: JsonObject, kinds: list[str]) -> JsonObject:
        schema: JsonObject = {"type": kinds[0] if len(kinds) == 1 else list[JsonValue](kinds)}
        said: list[str] = []
        choices = _choices(flat, kinds)
        if choices:
            schema["enum"] = choices
        elif "string" in kinds:
            _text_rules(flat, schema, said, modern=self._modern)
        if not choices and set(kinds) & {"integer", "number"}:
            schema.update(_bounds(flat))
        if not choices and len(kinds) == 1 and "format" not in schema:
            example = example_of(flat, _PYTHON[kinds[0]])
            if example is not None and "pattern" not in schema and kinds != ["boolean"]:
                schema["examples"] = [example]
        return _described(schema, description_of(flat, *said))


def _bare_reference(node: JsonObject) -> tuple[str, JsonObject] | None:
    """A reference with the words beside it, also where `allOf` stands around it only to make room for those."""
    rest = {key: value for key, value in node.items() if key not in ("$ref", "allOf")}
    if any(key not in ANNOTATIONS and key != "type" and not key.startswith("x-") for key in rest):
        return None
    reference = node.get("$ref")
    members = node.get("allOf")
    if reference is None and isinstance(members, list) and len(members) == 1:
        (only,) = members
        reference = only.get("$ref") if isinstance(only, dict) and len(only) == 1 else None
    elif "allOf" in node:
        return None
    return (reference, rest) if isinstance(reference, str) else None


def _label(reference: str) -> str:
    file, _, pointer = reference.partition("#")
    steps = [step for step in pointer.split("/") if step]
    if steps[:1] == ["paths"]:
        return "_".join(step.replace("~1", "_") for step in steps[1:])
    return steps[-1] if steps else file.rpartition("/")[2].partition(".")[0]


def _described(schema: JsonObject, text: str, *, over: bool = True) -> JsonObject:
    """With a description, behind the type, where models look for it."""
    if not text or ("description" in schema and not over):
        return schema
    head = {"type": schema["type"]} if "type" in schema else {}
    rest = {key: value for key, value in schema.items() if key not in ("type", "description")}
    return {**head, "description": text, **rest}


def _nullable(schema: JsonObject) -> JsonObject:
    kind = schema.get("type")
    if kind is not None and "const" not in schema:
        kinds = [*kind] if isinstance(kind, list) else [kind]
        result: JsonObject = {**schema, "type": [*kinds, "null"]}
        choices = schema.get("enum")
        if isinstance(choices, list) and None not in choices:
            result["enum"] = [*choices, None]
        return result
    members = schema.get("anyOf")
    if isinstance(members, list):
        return {**schema, "anyOf": [*members, {"type": "null"}]}
    choices = schema.get("enum")
    if isinstance(choices, list):
        return {**schema, "enum": [*choices, *([] if None in choices else [None])]}
    if not schema.keys() - {"description"}:
        return schema  # any value, null among them
    return {"anyOf": [schema, {"type": "null"}]}


def _implied(flat: JsonObject) -> list[str]:
    """The type of a schema that names none, by the words that stand in it."""
    if "properties" in flat or isinstance(flat.get("additionalProperties"), dict):
        return ["object"]
    if "items" in flat:
        return ["array"]
    if "enum" in flat or "const" in flat:
        return []
    if flat.keys() & {"pattern", "minLength", "maxLength"} or isinstance(flat.get("format"), str):
        return ["integer" if flat.get("format") in ("int32", "int64") else "string"]
    if flat.keys() & {"minimum", "maximum"}:
        return ["number"]
    return ["object"] if flat.get("required") and isinstance(flat["required"], list) else []


def _is_read_only(node: JsonValue, documents: Documents) -> bool:
    if not isinstance(node, dict):
        return False
    if node.get("readOnly") is True:
        return True
    if "$ref" not in node:
        return False
    try:
        return documents.object(node).get("readOnly") is True
    except BrokenReference:
        return False


def _choices(flat: JsonObject, kinds: list[str]) -> list[JsonValue]:
    """The values of `enum` or `const`, in the schema's own type where they are written in another."""
    found = [flat["const"]] if "const" in flat else flat.get("enum")
    if not isinstance(found, list):
        return []
    fitting = []
    for value in found:
        if value is None:
            continue
        cast = value if len(kinds) > 1 else _cast(value, kinds[0])
        if cast is not None:
            fitting.append(cast)
    return _distinct(fitting)


def _cast(value: JsonValue, kind: str) -> JsonValue:
    """The value as its schema's type has it; None where it cannot be."""
    if kind == "string":
        return _as_text(value)
    if kind == "boolean":
        return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value))
    if isinstance(value, str):
        try:
            return int(value) if kind == "integer" else float(value)
        except ValueError:
            return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _as_text(value: JsonValue) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def _distinct(values: Iterable[JsonValue]) -> list[JsonValue]:
    """Each once; true is not 1."""
    found: dict[tuple[str, str], JsonValue] = {}
    for value in values:
        found.setdefault((type(value).__name__, repr(value)), value)
    return list(found.values())


def _text_rules(flat: JsonObject, schema: JsonObject, said: list[str], *, modern: bool) -> None:
    form, text = format_of(flat, modern=modern)
    said.append(text)
    if form is not None:
        schema["format"] = form
    pattern, text = pattern_of(flat)
    said.append(text)
    if pattern is not None:
        schema["pattern"] = pattern
    least, most = flat.get("minLength"), flat.get("maxLength")
    if isinstance(least, int) and least > 0:
        schema["minLength"] = least
    if isinstance(most, int) and most >= (least if isinstance(least, int) else 0):
        schema["maxLength"] = most


def _bounds(flat: JsonObject) -> JsonObject:
    """Before 3.1 `exclusiveMinimum: true` stood beside the bound, as in JSON Schema's draft 4."""
    found: JsonObject = {}
    for word in _BOUNDS:
        value = flat.get(word)
        if isinstance(value, int | float) and not isinstance(value, bool):
            found[word] = value
    for word, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if flat.get(word) is True and bound in found:
            found[word] = found.pop(bound)
    if found.get("multipleOf") == 0:
        del found["multipleOf"]
    return found
