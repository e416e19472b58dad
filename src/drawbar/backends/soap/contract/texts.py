"""Simple types: what a text of the contract may be, as JSON Schema and on the wire.

A `Text` carries both, so what is published and what is sent cannot drift apart. What JSON Schema cannot
say (a bound on a date, a pattern on a number) is said in `notes` for the reader and left to the check of
the finished body against the XSD.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation

from lxml import etree

from drawbar.backends.soap.contract import builtins
from drawbar.backends.soap.contract.builtins import WrongText
from drawbar.backends.soap.contract.patterns import translate
from drawbar.backends.soap.contract.xsd import (
    XSD,
    Component,
    SchemaIndex,
    Unresolved,
    clark,
    clip,
    describe,
    split,
)
from drawbar.kernel.files import FileText
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.spec.names import closest

_MEANINGS = 2_000
"""Characters that the meanings of all values of an enumeration may take, unless they are very many."""
_SHORTEST_MEANING = 80
"""Characters that each of them has in any case, with its value."""
_MOST_MEANINGS = 6_000
"""Characters after which no more meanings are told."""
_DEEPEST = 50
"""Steps of derivation followed before a type counts as derived from itself."""


@dataclass(frozen=True, slots=True)
class Text:
    """A simple type. `members` is the item type of a list or the member types of a union."""

    base: str
    """The built-in type that decides how a value is written; `list` and `union` stand beside them."""
    schema: JsonObject
    members: tuple[Text, ...] = ()
    meanings: tuple[str, ...] = ()
    """Documentation of enumeration values, such as `A: approved`."""
    notes: tuple[str, ...] = ()
    """Rules that the schema does not show."""
    dropped: tuple[str, ...] = ()
    """Patterns that could not be translated."""
    documentation: str | None = None
    name: str | None = None
    """Full name of the type; None for a type written where it is used."""

    def write(self, value: JsonValue) -> str:
        """Raises WrongText."""
        if self.base == "list":
            items = value if isinstance(value, list) else [value]
            return " ".join(self.members[0].write(item) for item in items)
        if self.base == "union":
            return self._write_member(value)
        if self.base == "hexBinary" and isinstance(value, FileText):
            return value.content.data.hex()
        return builtins.to_text(self.base, value)

    def read(self, text: str) -> JsonValue:
        """Never fails: a text that does not fit stays a text."""
        if self.base == "list":
            return [self.members[0].read(item) for item in text.split()]
        if self.base == "union":
            return self._read_member(text)
        return builtins.from_text(self.base, text)

    def is_read(self, value: JsonValue) -> bool:
        """Whether a value that was read is one of this type, rather than a text that did not fit."""
        allowed = self.schema.get("enum")
        if isinstance(allowed, list) and value not in allowed:
            return False
        if self.base == "list":
            return isinstance(value, list) and all(self.members[0].is_read(each) for each in value)
        if self.base == "union":
            return any(
                fits(member.schema, value) and member.is_read(value) for member in self.members
            )
        if isinstance(value, str):
            return builtins.is_read(self.base, value)
        return self.base not in builtins.INTEGERS or isinstance(value, int)

    def _write_member(self, value: JsonValue) -> str:
        for member in self.members:
            if fits(member.schema, value):
                try:
                    return member.write(value)
                except WrongText:
                    continue  # a union inside the union that has no member for it either
        raise WrongText(f"{value!r} is none of the types allowed here")

    def _read_member(self, text: str) -> JsonValue:
        for member in self.members:
            value = member.read(text)
            if fits(member.schema, value):
                return value
        return text


def full_names(kind: Text, text: str, node: etree._Element) -> str:
    """The text with its QNames written in full: a prefix means something only on its node."""
    if kind.base == "QName":
        prefix, _, name = text.strip().rpartition(":")
        namespace = node.nsmap.get(prefix or None)
        return clark(namespace, name) if namespace else text
    if kind.base == "list":
        return " ".join(full_names(kind.members[0], each, node) for each in text.split())
    return text


ANY_TEXT = Text("anySimpleType", builtins.SCHEMAS["anySimpleType"])
_JSON_TYPES: dict[str, Callable[[JsonValue], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
}


def fits(schema: JsonObject, value: JsonValue) -> bool:
    """Whether a union's member can be what was meant: by JSON type and enumeration."""
    if "anyOf" in schema:
        return True  # a union inside a union decides for itself
    allowed = schema.get("enum")
    if isinstance(allowed, list) and value not in allowed:
        return False
    return _JSON_TYPES[str(schema["type"])](value)


def builtin(name: str) -> Text | None:
    """A built-in type by its local name."""
    if item := builtins.LISTS.get(name):
        members = (Text(item, dict(builtins.SCHEMAS[item])),)
        return Text(
            "list", {"type": "array", "items": members[0].schema, "minItems": 1}, members=members
        )
    if (schema := builtins.SCHEMAS.get(name)) is None:
        return None
    hint = builtins.HINTS.get(name)
    return Text(name, dict(schema), notes=(hint,) if hint else ())


@dataclass(slots=True)
class Texts:
    """Makes simple types from the index; each named one once."""

    index: SchemaIndex
    _named: dict[str, Text] = field(default_factory=dict)

    @staticmethod
    def is_built_in(name: str) -> bool:
        """Whether XML Schema itself has a simple type of this name."""
        return builtin(name) is not None

    def named(self, name: str, user: Component, depth: int = 0) -> Text:
        """The simple type called `name`. Raises Unresolved; a complex type has no text and is refused too."""
        namespace, last = split(name)
        if namespace == XSD:
            if (found := builtin(last)) is None:
                meant = closest(last, [*builtins.SCHEMAS, *builtins.LISTS])
                raise Unresolved(
                    f"{user.document.file}: {describe(user)} uses `{last}`, which XML Schema does not have",
                    f"did you mean `{meant}`?"
                    if meant
                    else "use one of the built-in types of XML Schema, such as string",
                )
            return found
        if name not in self._named:
            component = self.index.find("type", name, user)
            if component.tag != "simpleType":
                raise Unresolved(
                    f"{user.document.file}: {describe(user)} wants a simple type, but `{last}` is a complex one",
                    f"name a simple type in {user.document.file}",
                )
            self._named[name] = replace(self.of(component, depth), name=name)
        return self._named[name]

    def of(self, node: Component, depth: int = 0) -> Text:
        """The type that a `simpleType` node defines."""
        if depth > _DEEPEST:
            raise Unresolved(
                f"{node.document.file}: {describe(node)} is derived from itself",
                f"give it a base of its own in {node.document.file}",
            )
        step = node.child("restriction", "list", "union")
        if step is None:
            return ANY_TEXT
        made = {"restriction": self._restriction, "list": self._list, "union": self._union}
        text = made[step.tag](step, depth + 1)
        return replace(text, documentation=node.documentation() or text.documentation)

    def base_of(self, step: Component, depth: int = 0) -> Text:
        """What a restriction starts from: the type it names, or the one written inside it."""
        if base := step.get("base"):
            return self.named(step.name(base), step, depth)
        inner = step.child("simpleType")
        return ANY_TEXT if inner is None else self.of(inner, depth)

    def _restriction(self, step: Component, depth: int) -> Text:
        return restrict(self.base_of(step, depth), step)

    def _list(self, step: Component, depth: int) -> Text:
        inner = step.child("simpleType")
        if item_type := step.get("itemType"):
            item = self.named(step.name(item_type), step, depth)
        else:
            item = ANY_TEXT if inner is None else self.of(inner, depth)
        schema: JsonObject = {"type": "array", "items": item.schema}
        return Text(
            "list",
            schema,
            members=(item,),
            meanings=item.meanings,
            notes=item.notes,
            dropped=item.dropped,
        )

    def _union(self, step: Component, depth: int) -> Text:
        named = (step.get("memberTypes") or "").split()
        members = [self.named(step.name(text), step, depth) for text in named]
        members += [self.of(node, depth) for node in step.children("simpleType")]
        schemas: list[JsonValue] = []
        for member in members:
            if member.schema not in schemas:
                schemas.append(member.schema)
        return Text(
            "union",
            {"anyOf": schemas},
            members=tuple(members),
            meanings=tuple(text for member in members for text in member.meanings),
            dropped=tuple(text for member in members for text in member.dropped),
        )


def restrict(base: Text, step: Component) -> Text:
    """`base` with the facets that are children of `step`."""
    facets = _Facets(base)
    for node in step.children():
        facets.take(node)
    return facets.made()


_LENGTHS = {
    "length": ("minLength", "maxLength"),
    "minLength": ("minLength",),
    "maxLength": ("maxLength",),
}
_BOUNDS = {
    "minInclusive": ("minimum", "from"),
    "maxInclusive": ("maximum", "to"),
    "minExclusive": ("exclusiveMinimum", "above"),
    "maxExclusive": ("exclusiveMaximum", "below"),
}


class _Facets:
    """Applies the facets of one restriction to a copy of its base."""

    def __init__(self, base: Text) -> None:
        self._base = base
        self._schema = dict(base.schema)
        self._values: list[JsonValue] = []
        self._meanings: list[str] = []
        self._patterns: list[str] = []
        self._notes = list(base.notes)
        self._dropped = list(base.dropped)
        self._counts: dict[str, int] = {}

    def take(self, node: Component) -> None:
        value = node.get("value") or ""
        match node.tag:
            case "enumeration":
                self._enumeration(value, node)
            case "pattern":
                self._patterns.append(value)
            case "length" | "minLength" | "maxLength":
                self._length(node.tag, value)
            case "minInclusive" | "maxInclusive" | "minExclusive" | "maxExclusive":
                self._bound(node.tag, value)
            case "fractionDigits" | "totalDigits":
                self._digits(node.tag, value)

    def made(self) -> Text:
        self._count_digits()
        if self._patterns:
            self._pattern("|".join(self._patterns))
        if self._values:
            self._schema = self._only_values()
        return replace(
            self._base,
            schema=self._schema,
            meanings=tuple(self._meanings) or self._base.meanings,
            notes=tuple(self._notes),
            dropped=tuple(self._dropped),
            documentation=None,
            name=None,
        )

    def _only_values(self) -> JsonObject:
        """An enumeration says it all: of the other words only the JSON type is kept."""
        if "anyOf" in self._schema:
            return {"anyOf": self._schema["anyOf"], "enum": self._values}
        kept: JsonObject = {"type": self._schema["type"], "enum": self._values}
        return kept | ({"items": self._schema["items"]} if "items" in self._schema else {})

    def _enumeration(self, text: str, node: Component) -> None:
        value = self._base.read(full_names(self._base, text, node.node))
        if value not in self._values:
            self._values.append(value)
        if meaning := node.documentation():
            self._meanings.append(f"{text}: {meaning}")

    def _pattern(self, pattern: str) -> None:
        translated = translate(pattern)
        if self._schema.get("type") != "string" or translated is None:
            self._dropped.append(pattern)
            self._notes.append(f"The text has to match {pattern}.")
        elif "pattern" in self._schema:
            # Both rules hold: the inherited one becomes a look-ahead of the new one.
            inherited = str(self._schema["pattern"])
            self._schema["pattern"] = f"^(?={inherited[1:]}){translated[1:]}"
        else:
            self._schema["pattern"] = translated

    def _length(self, facet: str, text: str) -> None:
        number = _whole(text)
        if number is None:
            return
        if self._base.base in {"base64Binary", "hexBinary"}:
            self._notes.append(f"{facet} {number} bytes.")  # the schema would count characters
            return
        suffix = "Items" if self._schema.get("type") == "array" else "Length"
        if suffix == "Length" and self._schema.get("type") != "string":
            return
        for word in _LENGTHS[facet]:
            self._schema[word.replace("Length", suffix)] = number

    def _bound(self, facet: str, text: str) -> None:
        word, spoken = _BOUNDS[facet]
        if self._schema.get("type") in {"integer", "number"}:
            number = self._base.read(text)
            if isinstance(number, int | float):
                self._schema[word] = number
                self._tidy(word)
            return
        self._notes.append(f"Values {spoken} {text}.")

    def _tidy(self, word: str) -> None:
        """The stricter of an inclusive and an exclusive bound is enough; the last one set is it."""
        pair = {
            "minimum": "exclusiveMinimum",
            "maximum": "exclusiveMaximum",
            "exclusiveMinimum": "minimum",
            "exclusiveMaximum": "maximum",
        }
        self._schema.pop(pair[word], None)

    def _digits(self, facet: str, text: str) -> None:
        number = _whole(text)
        if number is not None and self._schema.get("type") in {"integer", "number"}:
            self._counts[facet] = number

    def _count_digits(self) -> None:
        """Fractions become a step; a total leaves room for the fraction, as databases count it."""
        fraction = self._counts.get("fractionDigits")
        if fraction is not None and self._base.base == "decimal":
            self._schema.pop("multipleOf", None)
            if fraction:
                self._schema["multipleOf"] = float(Decimal(1).scaleb(-fraction))
            else:
                self._schema["type"] = "integer"
        if (total := self._counts.get("totalDigits")) is not None:
            step = Decimal(1).scaleb(-(fraction or 0))
            most = Decimal(10) ** (total - (fraction or 0)) - step
            limit = float(most) if fraction else int(most)
            for word, value in (("minimum", -limit), ("maximum", limit)):
                if word not in self._schema and f"exclusive{word.title()}" not in self._schema:
                    self._schema[word] = value


def _whole(text: str) -> int | None:
    try:
        return int(Decimal(text))
    except (InvalidOperation, ValueError):
        return None


def spoken(text: Text) -> Iterator[str]:
    """What a description adds for this type: rules the schema does not show, and the meanings of its values.

    Each meaning has its share of the room, so that none is left out because others are long.
    """
    if rules := clip(" ".join(text.notes)):
        yield rules
    share = max(_SHORTEST_MEANING, _MEANINGS // max(len(text.meanings), 1))
    left = _MOST_MEANINGS
    for meaning in text.meanings:
        told = clip(meaning.rstrip("."), share) or ""
        told = told if told.endswith("...") else f"{told}."
        left -= len(told) + 1
        if left < 0:
            yield "..."
            return
        yield told
