"""Between JSON along a shape and zeep's value objects, in both directions.

zeep has names of its own where XML has none: `_value_1` for the text of an element with attributes, for a
wildcard, and for a choice or sequence that is repeated. A choice or an optional sequence that comes once
lies flat in its parent.
"""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from lxml import etree

from drawbar.backends.soap.contract import builtins
from drawbar.backends.soap.contract.builtins import WrongText
from drawbar.backends.soap.contract.shape import (
    Attribute,
    Choice,
    Content,
    Group,
    Item,
    Member,
    Record,
)
from drawbar.backends.soap.contract.texts import Text
from drawbar.backends.soap.contract.xsd import local
from drawbar.backends.soap.message.reply import add, generic
from drawbar.backends.soap.message.request import (
    WrongValue,
    as_object,
    branch_of,
    can_be_empty,
    foreign,
    join,
    refuse_unknown,
)
from drawbar.backends.soap.publish.schema import TYPE, kinds_of
from drawbar.kernel.values import JsonObject, JsonValue

Values = Mapping[str, Any]
"""What zeep takes and gives, by its names; it has no annotations."""
_CLOCKS = frozenset({"dateTime", "dateTimeStamp", "time"})
_FRACTION = re.compile(r"(:\d\d)(?:(\.\d*[1-9])|\.)0*(?!\d)")
"""zeep writes microseconds with all their zeros."""
_GREGORIAN = frozenset({"gYear", "gYearMonth", "gMonth", "gMonthDay", "gDay"})


class _Names:
    """zeep's names within one object, handed out in the order of the members."""

    def __init__(self, *, spread: bool = False) -> None:
        self._spread = spread
        self._elements: Counter[str] = Counter()
        self._values = 0

    def element(self, item: Item) -> str:
        name = item.name if self._spread else local(item.tag)
        count = self._elements[name]
        self._elements[name] += 1
        return f"{name}__{count}" if count else name

    def value(self) -> str:
        self._values += 1
        return f"_value_{self._values}"


class Objects:
    """Writes for, and reads from, one zeep client."""

    def __init__(self, client: Any) -> None:  # zeep has no annotations
        from zeep import xsd  # noqa: PLC0415 -- heavy, and few adapters use it
        from zeep.xsd.types import builtins as types  # noqa: PLC0415 -- as above

        self._client = client
        self._nil = xsd.Nil
        known = {name: getattr(types, name) for name in dir(types)}
        self._types: dict[str, Any] = {
            each._default_qname.localname: each()  # noqa: SLF001 -- zeep tells the XSD name nowhere else
            for each in known.values()
            if isinstance(each, type)
            and issubclass(each, types.BuiltinType)
            and each is not types.BuiltinType
        }

    # -- to zeep --------------------------------------------------------------------------------

    def arguments(
        self, item: Item | None, values: JsonObject, *, spread: bool
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What an operation of zeep is called with. Raises WrongValue."""
        if item is None:
            return (), {}
        if isinstance(item.type, Record) and item.unfolds:
            return (), self._content(item.type.content, values, "", _Names(spread=spread))
        return (self._value(item, values.get(item.name), item.name),), {}

    def _content(
        self, content: Content, values: JsonObject, path: str, names: _Names | None = None
    ) -> dict[str, Any]:
        refuse_unknown(content, values, path)
        names = names or _Names()
        made: dict[str, Any] = {}
        for attribute in content.attributes:
            value = attribute.fixed if attribute.required else None
            given = values.get(attribute.name, value)
            if given is not None:
                inner = join(path, attribute.name)
                made[attribute.name] = self._text(attribute.type, given, inner)
        if content.text is not None:
            inner = join(path, content.text_name)
            made[names.value()] = self._text(content.text, values.get(content.text_name), inner)
        self._members(content.members, values, path, names, made)
        return made

    def _members(
        self,
        members: tuple[Member, ...],
        values: JsonObject,
        path: str,
        names: _Names,
        made: dict[str, Any],
    ) -> None:
        for member in members:
            value = values.get(member.name)
            inner = join(path, member.name)
            match member:
                case Item():
                    self._item(member, values, inner, names.element(member), made)
                case Choice() | Group() if member.most == 1:
                    if value is not None:
                        chosen = as_object(value, inner)
                        run = _run(member, chosen, inner)
                        refuse_unknown(Content(run), chosen, inner)
                        self._members(run, chosen, inner, names, made)
                case Choice() | Group():
                    made[names.value()] = [
                        self._one(member, as_object(each, inner), inner) for each in _list(value)
                    ]
                case _:
                    nodes = [foreign(member, each, inner) for each in _list(value)]
                    made[names.value()] = nodes if member.most != 1 else next(iter(nodes), None)

    def _one(self, member: Choice | Group, chosen: JsonObject, path: str) -> dict[str, Any]:
        made: dict[str, Any] = {}
        run = _run(member, chosen, path)
        refuse_unknown(Content(run), chosen, path)
        self._members(run, chosen, path, _Names(), made)
        return made

    def _item(
        self, item: Item, values: JsonObject, path: str, name: str, made: dict[str, Any]
    ) -> None:
        value = values.get(item.name)
        if value is None:
            if item.fixed is not None and item.least > 0:
                made[name] = item.fixed
            elif item.nillable and item.name in values:
                made[name] = self._nil
            elif item.least > 0 and isinstance(item.type, Record) and can_be_empty(item.type):
                made[name] = (
                    [] if item.type.content.array else self._content(item.type.content, {}, path)
                )
            elif item.least > 0:
                raise WrongValue(path, "it is missing")
        elif item.most == 1:
            made[name] = self._value(item, value, path)
        else:
            made[name] = [
                self._value(item, each, f"{path}/{number}")
                for number, each in enumerate(_list(value))
            ]

    def _value(self, item: Item, value: JsonValue, path: str) -> Any:  # whatever zeep takes
        if value is None and item.nillable:
            return self._nil
        if item.fixed is not None:
            return item.fixed
        if isinstance(item.type, Text):
            return self._text(item.type, value, path)
        return self._record(item.type, value, path)

    def _record(self, record: Record, value: JsonValue, path: str) -> Any:  # whatever zeep takes
        if record.content.array:
            return self._array(record, value, path, self._client.get_type(record.name))
        given = as_object(value, path)
        if not record.abstract:
            return self._content(record.content, given, path)
        chosen = kinds_of(record).get(str(given.get(TYPE)))
        if chosen is None or chosen.name is None:
            raise WrongValue(
                join(path, TYPE), f"{given.get(TYPE)!r} is no type that may stand here"
            )
        plain = {name: each for name, each in given.items() if name != TYPE}
        return self._client.get_type(chosen.name)(**self._content(chosen.content, plain, path))

    def _array(self, record: Record, value: JsonValue, path: str, kind: Any) -> list[Any]:
        """The elements of an array, for which zeep makes no objects by itself; `kind` is its type of the array."""
        if not isinstance(value, list):
            raise WrongValue(path, "it has to be a list")
        (member,) = record.content.members
        assert isinstance(member, Item)  # noqa: S101 -- arrays are made of one item
        inner = kind.elements[0][1].type
        made: list[Any] = []
        for number, each in enumerate(value):
            at = f"{path}/{number}"
            if isinstance(member.type, Record) and member.type.content.array:
                made.append(inner(self._array(member.type, each, at, inner)))
            else:
                single = self._value(member, each, at)
                made.append(inner(**single) if isinstance(single, dict) else single)
        return made

    def _text(self, text: Text, value: JsonValue, path: str) -> Any:  # whatever zeep takes
        try:
            if text.base == "list":
                return [self._text(text.members[0], each, path) for each in _list(value)]
            written = text.write(value)
        except WrongText as error:
            raise WrongValue(path, str(error)) from None
        if text.base in _GREGORIAN:
            return self._types[text.base].pythonvalue(written)
        return _python(text.base, written)

    # -- from zeep ------------------------------------------------------------------------------

    def value(self, item: Item, value: Any, *, spread: bool = False) -> JsonValue:
        """One value of zeep as JSON."""
        if value is None:
            return None
        if isinstance(value, etree._Element):  # noqa: SLF001 -- lxml has no other name for it
            return generic(value)
        kind = item.type
        if isinstance(kind, Text):
            return self._read(kind, value)
        if kind.content.array:
            (member,) = kind.content.members
            assert isinstance(member, Item)  # noqa: S101 -- arrays are made of one item
            return [self.value(member, each) for each in value]
        if item.nillable and not any(value[name] not in (None, []) for name in value):
            return None  # zeep makes an object without values of an element that is nil
        actual = self._actual(kind, value)
        found: JsonObject = {} if actual is kind else {TYPE: actual.label}
        self._parts(actual.content, value, found, _Names(spread=spread))
        return found

    @staticmethod
    def _actual(record: Record, value: Any) -> Record:
        name = getattr(getattr(value, "_xsd_type", None), "qname", None)
        return (record.heir(name.text) if name is not None else None) or record

    def _parts(self, content: Content, value: Values, found: JsonObject, names: _Names) -> None:
        for attribute in content.attributes:
            self._attribute(attribute, value, found)
        if content.text is not None:
            found[content.text_name] = self._read(content.text, _get(value, names.value()) or "")
        self._read_members(content.members, value, found, names)

    def _attribute(self, attribute: Attribute, value: Values, found: JsonObject) -> None:
        if (given := _get(value, attribute.name)) is not None:
            found[attribute.name] = self._read(attribute.type, given)

    def _read_members(
        self, members: tuple[Member, ...], value: Values, found: JsonObject, names: _Names
    ) -> None:
        for member in members:
            match member:
                case Item():
                    self._read_item(member, _get(value, names.element(member)), found)
                case Choice() | Group() if member.most == 1:
                    for run in _runs(member):
                        self._read_members(run, value, found, names)
                case Choice() | Group():
                    for each in _get(value, names.value()) or ():
                        for run in _runs(member):
                            self._read_repeated(run, each, found)
                case _:
                    for each in _list(_get(value, names.value())):
                        tag = local(str(each.tag))
                        add(found, tag, generic(each), repeated=tag in found)

    def _read_item(self, item: Item, value: Any, found: JsonObject) -> None:
        if item.most != 1:
            found[item.name] = [self.value(item, each) for each in value or ()]
        elif value is not None:
            found[item.name] = self.value(item, value)
        elif item.least > 0:
            # zeep makes None of an element that is nil, and of one that is there and empty.
            found[item.name] = None if item.nillable else _nothing(item.type)

    def _read_repeated(self, members: tuple[Member, ...], value: Values, found: JsonObject) -> None:
        """What comes again and again is a list under each name, as the order is not kept."""
        once: JsonObject = {}
        self._read_members(members, value, once, _Names())
        for name, each in once.items():
            for single in each if isinstance(each, list) else [each]:
                add(found, name, single, repeated=True)

    def _read(self, text: Text, value: Any) -> JsonValue:
        if text.base == "list":
            return [self._read(text.members[0], each) for each in value]
        if text.base == "anyType" and isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return text.read(value)
        kind = self._types.get(text.base)
        written = value if kind is None else kind.xmlvalue(value)
        said = written.decode() if isinstance(written, bytes) else str(written)
        if text.base in _CLOCKS:
            said = _FRACTION.sub(r"\1\2", said)
        return text.read(said)


def _python(base: str, written: str) -> Any:
    """A text as the object that zeep writes it from."""
    if base == "boolean":
        return written == "true"
    if base in builtins.INTEGERS:
        return int(written)
    if base == "decimal":
        return Decimal(written)
    if base in builtins.FLOATS:
        return float(written)
    return base64.b64decode(written) if base == "base64Binary" else written


def _nothing(kind: Text | Record) -> JsonValue:
    """The value of an element that is there and empty."""
    if isinstance(kind, Text):
        return kind.read("")
    return [] if kind.content.array else {}


def _run(member: Choice | Group, chosen: JsonObject, path: str) -> tuple[Member, ...]:
    return branch_of(member, chosen, path) if isinstance(member, Choice) else member.members


def _runs(member: Choice | Group) -> tuple[tuple[Member, ...], ...]:
    return member.branches if isinstance(member, Choice) else (member.members,)


def _get(value: Values, name: str) -> Any:
    return value[name] if name in value else None  # noqa: SIM401 -- zeep's objects have no get


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
