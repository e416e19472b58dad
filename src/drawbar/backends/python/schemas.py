"""Type hints as schemas, read from their source."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence

from drawbar.backends.python.constraints import constrain
from drawbar.backends.python.docstrings import first_paragraph
from drawbar.backends.python.sources import Found, Module, SourceError, Sources
from drawbar.compiler.files import base64_schema
from drawbar.kernel.values import JsonObject, JsonValue

_DECIMAL: JsonObject = {"type": "string", "pattern": r"^[+-]?\d{1,40}(?:\.\d{1,40})?$"}
"""A text, as everywhere here: a reader's float would change it."""
_PLAIN: Mapping[str, JsonObject] = {
    "builtins.str": {"type": "string"},
    "builtins.int": {"type": "integer"},
    "builtins.float": {"type": "number"},
    "builtins.bool": {"type": "boolean"},
    "builtins.bytes": {**base64_schema(), "contentEncoding": "base64"},
    "datetime.date": {"type": "string", "format": "date"},
    "datetime.datetime": {"type": "string", "format": "date-time"},
    "datetime.time": {"type": "string", "format": "time"},
    "decimal.Decimal": _DECIMAL,
    "uuid.UUID": {"type": "string", "format": "uuid"},
    "pathlib.Path": {"type": "string"},
}
_LISTS = frozenset(
    {
        *("builtins.list", "builtins.set", "builtins.frozenset"),
        *("typing.List", "typing.Sequence", "typing.Iterable", "typing.Collection", "typing.Set"),
        *("collections.abc.Sequence", "collections.abc.Iterable", "collections.abc.Collection"),
        *("collections.abc.Set", "typing.FrozenSet", "typing.AbstractSet"),
    }
)
_SETS = frozenset(name for name in _LISTS if name.endswith(("set", "Set")))
_TUPLES = frozenset({"builtins.tuple", "typing.Tuple"})
_MAPPINGS = frozenset({"builtins.dict", "typing.Dict", "typing.Mapping", "collections.abc.Mapping"})
_WRAPPERS = frozenset({"Required", "NotRequired", "ReadOnly", "Final"})
_TYPING = ("typing.", "typing_extensions.")
_ENUMS = frozenset({f"enum.{name}" for name in ("Enum", "StrEnum", "IntEnum")})
_RECORDS = frozenset({"pydantic.BaseModel", "pydantic.main.BaseModel"})
_DEEPEST = 12


class UnreadableError(Exception):
    """Of what the source says, nothing could be made; the message is for its author."""


class Types:
    """Schemas of type hints."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def schema(self, module: Module, hint: ast.expr, depth: int = 0) -> JsonObject:
        """Raises UnreadableError."""
        if depth > _DEEPEST:
            raise UnreadableError("holds itself, or is too deep")
        match hint:
            case ast.Constant(None):
                return {"type": "null"}
            case ast.Constant(str() as text):
                return self.schema(module, _parsed(text), depth + 1)
            case ast.BinOp(left, ast.BitOr(), right):
                return self._union(module, [left, right], depth)
            case ast.Subscript(base, inner):
                arguments = inner.elts if isinstance(inner, ast.Tuple) else [inner]
                return self._generic(module, base, arguments, depth)
            case ast.Name() | ast.Attribute():
                return self._named(module, hint, depth)
        raise UnreadableError(f"`{ast.unparse(hint)}` is no type that is known here")

    def _named(self, module: Module, hint: ast.expr, depth: int) -> JsonObject:
        found = self._resolve(module, hint)
        if isinstance(found, str):
            if found in _PLAIN:
                return dict(_PLAIN[found])
            raise UnreadableError(
                f"`{found.removeprefix('builtins.')}` is no type that is known here"
            )
        if isinstance(found.node, ast.ClassDef):
            return self._class(found, found.node, depth + 1)
        if isinstance(found.node, ast.expr):
            if (base := self._new_type(found)) is not None:
                return self.schema(found.module, base, depth + 1)
            return self.schema(found.module, found.node, depth + 1)
        raise UnreadableError(f"`{ast.unparse(hint)}` is a function")

    def _new_type(self, found: Found) -> ast.expr | None:
        match found.node:
            case ast.Call(function, [_, base]) if self._name(found.module, function) == "NewType":
                return base
        return None

    def _generic(
        self, module: Module, base: ast.expr, arguments: Sequence[ast.expr], depth: int
    ) -> JsonObject:
        found = self._resolve(module, base)
        name = found if isinstance(found, str) else ""
        if name in _LISTS:
            schema: JsonObject = {
                "type": "array",
                "items": self.schema(module, arguments[0], depth + 1),
            }
            return {**schema, "uniqueItems": True} if name in _SETS else schema
        if name in _TUPLES:
            return self._tuple(module, arguments, depth)
        if name in _MAPPINGS and self._resolve(module, arguments[0]) == "builtins.str":
            values = self.schema(module, arguments[1], depth + 1)
            return {"type": "object", "additionalProperties": values}
        special: Mapping[str, Callable[[Module, Sequence[ast.expr], int], JsonObject]] = {
            "Optional": lambda m, a, d: self._union(m, [*a, ast.Constant(None)], d),
            "Union": self._union,
            "Literal": self._literal,
            "Annotated": self._annotated,
            **dict.fromkeys(_WRAPPERS, lambda m, a, d: self.schema(m, a[0], d + 1)),
        }
        short = name.rpartition(".")[2]
        if name.startswith(_TYPING) and short in special:
            return special[short](module, arguments, depth)
        raise UnreadableError(f"`{ast.unparse(base)}[...]` is no type that is known here")

    def _tuple(self, module: Module, arguments: Sequence[ast.expr], depth: int) -> JsonObject:
        match arguments:
            case [item, ast.Constant(value)] if value is ...:
                return {"type": "array", "items": self.schema(module, item, depth + 1)}
        items: list[JsonValue] = [self.schema(module, each, depth + 1) for each in arguments]
        size = len(items)
        return {"type": "array", "prefixItems": items, "minItems": size, "maxItems": size}

    def _union(self, module: Module, members: Sequence[ast.expr], depth: int) -> JsonObject:
        read = [self.schema(module, each, depth + 1) for each in members]
        flat: list[JsonObject] = []
        for each in read:
            inner = each.get("anyOf")
            flat += (
                [one for one in inner if isinstance(one, dict)]
                if isinstance(inner, list)
                else [each]
            )
        return flat[0] if len(flat) == 1 else {"anyOf": list[JsonValue](flat)}

    def _literal(self, module: Module, arguments: Sequence[ast.expr], _depth: int) -> JsonObject:
        values: list[JsonValue] = []
        for each in arguments:
            match each:
                case ast.Constant(str() | int() | None as value):
                    values.append(value)
                case ast.Attribute(base, name):
                    values.append(self._member(module, base, name))
                case _:
                    raise UnreadableError(f"`{ast.unparse(each)}` is no value of a Literal")
        return {**_type_of(values), "enum": values}

    def _member(self, module: Module, base: ast.expr, name: str) -> JsonValue:
        found = self._resolve(module, base)
        if isinstance(found, Found) and isinstance(found.node, ast.ClassDef):
            for member, value in _members(found.node):
                if member == name:
                    return value
        raise UnreadableError(f"`{ast.unparse(base)}.{name}` is not to be found")

    def _annotated(self, module: Module, arguments: Sequence[ast.expr], depth: int) -> JsonObject:
        return constrain(self.schema(module, arguments[0], depth + 1), arguments[1:])

    def _class(self, found: Found, node: ast.ClassDef, depth: int) -> JsonObject:
        bases = {self._resolved(found.module, base) for base in node.bases}
        if bases & _ENUMS:
            values = [value for _, value in _members(node)]
            plain = all(isinstance(value, str | int) for value in values)
            chosen = values if plain else list[JsonValue](name for name, _ in _members(node))
            return _described({**_type_of(chosen), "enum": chosen}, node)
        is_typed = any(base.startswith(_TYPING) and base.endswith(".TypedDict") for base in bases)
        if not is_typed and not bases & _RECORDS and not self._is_dataclass(found.module, node):
            raise UnreadableError(
                f"the class `{node.name}` is no dataclass, TypedDict, Enum or pydantic model"
            )
        properties: JsonObject = {}
        required: list[JsonValue] = []
        for module, each, total in self._fields(found, node):
            name = ast.unparse(each.target)
            properties[name] = self.schema(module, each.annotation, depth + 1)
            if self._is_required(module, each, total=total):
                required.append(name)
        schema: JsonObject = {"type": "object", "properties": properties, "required": required}
        return _described({**schema, "additionalProperties": False}, node)

    def _fields(
        self, found: Found, node: ast.ClassDef
    ) -> Iterator[tuple[Module, ast.AnnAssign, bool]]:
        """Each field, where its names are to be looked up, and whether a TypedDict has to have it."""
        for base in node.bases:
            above = self._resolve(found.module, base)
            if isinstance(above, Found) and isinstance(above.node, ast.ClassDef):
                yield from self._fields(above, above.node)
        total = not any(
            word.arg == "total" and ast.unparse(word.value) == "False" for word in node.keywords
        )
        for each in node.body:
            if isinstance(each, ast.AnnAssign) and "ClassVar" not in ast.unparse(each.annotation):
                yield found.module, each, total

    def _is_required(self, module: Module, each: ast.AnnAssign, *, total: bool) -> bool:
        match each.annotation:
            case ast.Subscript(base) if self._name(module, base) == "NotRequired":
                return False
            case ast.Subscript(base) if self._name(module, base) == "Required":
                return True
        match each.value:
            case None:
                return total
            case ast.Call(_, arguments, keywords):
                words = {word.arg for word in keywords}
                has_default = words & {"default", "default_factory"}
                return not has_default and not arguments
        return False

    def _is_dataclass(self, module: Module, node: ast.ClassDef) -> bool:
        for each in node.decorator_list:
            called = each.func if isinstance(each, ast.Call) else each
            if self._resolved(module, called) in (
                "dataclasses.dataclass",
                "pydantic.dataclasses.dataclass",
            ):
                return True
        return False

    def _name(self, module: Module, hint: ast.expr) -> str:
        return self._resolved(module, hint).rpartition(".")[2]

    def _resolved(self, module: Module, hint: ast.expr) -> str:
        found = self._resolve(module, hint)
        return found if isinstance(found, str) else ""

    def _resolve(self, module: Module, hint: ast.expr) -> Found | str:
        try:
            match hint:
                case ast.Name(name):
                    return self._sources.find(module, name)
                case ast.Attribute(base, name):
                    return self._attribute(self._resolve(module, base), name)
        except SourceError as error:
            raise UnreadableError(str(error)) from None
        return ""

    def _attribute(self, above: Found | str, name: str) -> Found | str:
        if isinstance(above, Found):
            return ""
        whole = f"{above}.{name}"
        if whole in _PLAIN or above.partition(".")[0] in ("typing", "typing_extensions", "enum"):
            return whole
        try:
            return self._sources.find(self._sources.module(above), name)
        except SourceError:
            return whole


def without_null(schema: JsonObject) -> JsonObject:
    """For what may be left out, which says the same as a null."""
    members = schema.get("anyOf")
    if not isinstance(members, list):
        return schema
    rest = [each for each in members if each != {"type": "null"}]
    if len(rest) == 1 and isinstance(rest[0], dict):
        return {**rest[0], **{key: value for key, value in schema.items() if key != "anyOf"}}
    return {**schema, "anyOf": rest}


def _parsed(text: str) -> ast.expr:
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        raise UnreadableError(f"`{text}` is no Python") from None


def _members(node: ast.ClassDef) -> Iterator[tuple[str, JsonValue]]:
    """Members of an Enum; a value that is computed is None."""
    for each in node.body:
        match each:
            case ast.Assign([ast.Name(name)], ast.Constant(str() | int() as value)):
                yield name, value
            case ast.Assign([ast.Name(name)], _) if not name.startswith("_"):
                yield name, None


def _type_of(values: Sequence[JsonValue]) -> JsonObject:
    if all(isinstance(value, str) for value in values):
        return {"type": "string"}
    if all(isinstance(value, bool) for value in values):
        return {"type": "boolean"}
    whole = all(isinstance(value, int) and not isinstance(value, bool) for value in values)
    return {"type": "integer"} if whole else {}


def _described(schema: JsonObject, node: ast.ClassDef) -> JsonObject:
    text = first_paragraph(ast.get_docstring(node))
    return {**schema, "description": text} if text else schema
