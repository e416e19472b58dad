"""From the arguments of a call to the envelope that is sent.

The body is written along the shape of its element, so a value can only land where the contract has a
place for it. What the schema could not say is checked here: WrongValue says which argument, and what
would be right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal

from lxml import etree

from drawbar.backends.soap.contract.builtins import WrongText
from drawbar.backends.soap.contract.documents import UnreadableXml, parse_xml
from drawbar.backends.soap.contract.encoding import ITEM, prefixed
from drawbar.backends.soap.contract.shape import (
    Attribute,
    Choice,
    Content,
    Group,
    Item,
    Member,
    Record,
    Wildcard,
)
from drawbar.backends.soap.contract.texts import Text
from drawbar.backends.soap.contract.wsdl import Operation
from drawbar.backends.soap.contract.xsd import XSI, split
from drawbar.backends.soap.message.arrays import uneven
from drawbar.backends.soap.publish.schema import TYPE, is_hidden, kinds_of
from drawbar.kernel.values import JsonObject, JsonValue

ENVELOPES: Mapping[str, str] = {
    "1.1": "http://schemas.xmlsoap.org/soap/envelope/",
    "1.2": "http://www.w3.org/2003/05/soap-envelope",
}
Version = Literal["1.1", "1.2"]
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class WrongValue(ValueError):
    """A value the contract has no room for; `path` says which, in the words of the arguments."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message


def nested(
    arguments: Mapping[str, JsonValue], places: Iterable[tuple[str, tuple[str, ...]]]
) -> JsonObject:
    """The arguments as the message holds them: each at the end of its way."""
    tree: JsonObject = {}
    for name, way in places:
        if name not in arguments:
            continue
        holder = tree
        for step in way[:-1]:
            inner = holder.get(step)
            if not isinstance(inner, dict):
                inner = {}
            holder[step] = inner = dict(inner)
            holder = inner
        holder[way[-1]] = arguments[name]
    return tree


def bodies_of(operation: Operation, values: JsonObject) -> list[etree._Element]:
    """The elements of the body: none, one, or several parts side by side. Raises WrongValue."""
    item = operation.request
    if operation.sent.spread and item is not None and isinstance(item.type, Record):
        holder = etree.Element("Body")
        _content(holder, item.type.content, values, "")
        return list(holder)
    root = body_of(operation, values)
    return [] if root is None else [root]


def body_of(operation: Operation, values: JsonObject) -> etree._Element | None:
    """The element of the body, None where the contract has an empty one. Raises WrongValue."""
    item = operation.request
    if item is None:
        return None
    root = etree.Element(item.tag, nsmap={"tns": split(item.tag)[0]} if "}" in item.tag else None)
    if isinstance(item.type, Record) and item.unfolds:
        _content(root, item.type.content, values, "")
    else:
        _value(root, item, values.get(item.name), item.name)
    return root


def envelope_of(
    version: Version, headers: Iterable[etree._Element], body: Iterable[etree._Element]
) -> etree._Element:
    namespace = ENVELOPES[version]
    envelope = etree.Element(f"{{{namespace}}}Envelope", nsmap={"soap": namespace})
    header = etree.SubElement(envelope, f"{{{namespace}}}Header")
    header.extend(list(headers))
    holder = etree.SubElement(envelope, f"{{{namespace}}}Body")
    holder.extend(list(body))
    return envelope


def header_in(envelope: etree._Element) -> etree._Element:
    """The header of an envelope that `envelope_of` made."""
    return envelope[0]


def header_of(tag: str, value: JsonValue, item: Item | None) -> etree._Element:
    """A header element; along its declaration where the contract has one, else children in its namespace."""
    node = etree.Element(tag, nsmap={"h": split(tag)[0]} if "}" in tag else None)
    if item is not None:
        if isinstance(item.type, Record) and isinstance(value, dict):
            _content(node, item.type.content, value, item.name)
            return node
        if isinstance(item.type, Text):
            _fill(node, item, value, item.name)
            return node
    _plain(node, value)
    return node


def _plain(node: etree._Element, value: JsonValue) -> None:
    if isinstance(value, dict):
        namespace = split(str(node.tag))[0]
        for name, inner in value.items():
            for each in inner if isinstance(inner, list) else [inner]:
                tag = name if name.startswith("{") or not namespace else f"{{{namespace}}}{name}"
                _plain(etree.SubElement(node, tag), each)
    elif isinstance(value, bool):
        node.text = "true" if value else "false"
    elif value is not None:
        node.text = _clean(str(value), split(str(node.tag))[1])


# -- along the shape ------------------------------------------------------------------------------


def _content(node: etree._Element, content: Content, values: JsonObject, path: str) -> None:
    refuse_unknown(content, values, path)
    for attribute in content.attributes:
        _attribute(node, attribute, values.get(attribute.name), path)
    if content.text is not None and (value := values.get(content.text_name)) is not None:
        node.text = _write(node, content.text, value, join(path, content.text_name))
    for member in content.members:
        _member(node, member, values, path)


def refuse_unknown(content: Content, values: JsonObject, path: str) -> None:
    known = {part.name for part in (*content.members, *content.attributes)}
    if content.text is not None:
        known.add(content.text_name)
    for name in values:
        if name not in known and name != TYPE:
            raise WrongValue(join(path, name), "the contract has no place for it")


def _attribute(node: etree._Element, attribute: Attribute, value: JsonValue, path: str) -> None:
    if attribute.fixed is not None and (attribute.required or value is not None):
        node.set(attribute.tag, attribute.fixed)
    elif value is not None:
        node.set(attribute.tag, _write(node, attribute.type, value, join(path, attribute.name)))
    elif attribute.required:
        raise WrongValue(join(path, attribute.name), "it is missing")


def _member(node: etree._Element, member: Member, values: JsonObject, path: str) -> None:
    value = values.get(member.name)
    inner = join(path, member.name)
    if member.name not in values or value is None:
        _absent(node, member, inner, given=member.name in values)
        return
    if member.most == 1:
        _one(node, member, value, inner)
        return
    if not isinstance(value, list):
        raise WrongValue(inner, "it has to be a list")
    if len(value) < member.least or (member.most is not None and len(value) > member.most):
        most = "any number" if member.most is None else str(member.most)
        raise WrongValue(inner, f"{len(value)} elements; it takes {member.least} to {most}")
    for index, each in enumerate(value):
        _one(node, member, each, f"{inner}/{index}")


def _absent(node: etree._Element, member: Member, path: str, *, given: bool) -> None:
    """A part without a value: left out where it may be, else nil, its fixed content, or an error."""
    if member.least == 0:
        return
    if isinstance(member, Item):
        if member.fixed is not None:
            etree.SubElement(node, member.tag).text = member.fixed
            return
        if isinstance(member.type, Record) and can_be_empty(member.type):
            _content(etree.SubElement(node, member.tag), member.type.content, {}, path)
            return
        if member.nillable and given:
            _nil(etree.SubElement(node, member.tag), member)
            return
    raise WrongValue(path, "it is missing")


def can_be_empty(record: Record) -> bool:
    """Whether an element of this type is complete without any value from the caller."""
    content = record.content
    return (
        not record.abstract
        and content.text is None
        and all(member.least == 0 or is_hidden(member) for member in content.members)
    )


def _one(node: etree._Element, member: Member, value: JsonValue, path: str) -> None:
    match member:
        case Item():
            _value(etree.SubElement(node, member.tag), member, value, path)
        case Wildcard():
            node.append(foreign(member, value, path))
        case Group():
            _content(node, Content(member.members), as_object(value, path), path)
        case Choice():
            chosen = as_object(value, path)
            _content(node, Content(branch_of(member, chosen, path)), chosen, path)


def _value(node: etree._Element, item: Item, value: JsonValue, path: str) -> None:
    if value is None and item.nillable:
        _nil(node, item)
    else:
        _fill(node, item, value, path)


def _nil(node: etree._Element, item: Item) -> None:
    """No content; the attributes that the contract fixes are there all the same."""
    node.set(f"{{{XSI}}}nil", "true")
    for attribute in item.type.content.attributes if isinstance(item.type, Record) else ():
        if attribute.required and attribute.fixed is not None:
            node.set(attribute.tag, attribute.fixed)


def _fill(node: etree._Element, item: Item, value: JsonValue, path: str) -> None:
    if item.fixed is not None:
        node.text = item.fixed
    elif isinstance(item.type, Text):
        node.text = _write(node, item.type, value, path)
    elif item.type.content.array:
        _array(node, item.type.content, value, path)
    else:
        _content(
            node, _concrete(node, item.type, value, path).content, as_object(value, path), path
        )


def _array(node: etree._Element, content: Content, value: JsonValue, path: str) -> None:
    """SOAP encoding takes any name for the elements of an array; all are called alike, as they are checked."""
    (member,) = content.members
    assert isinstance(member, Item)  # noqa: S101 -- arrays are made of one item
    if not isinstance(value, list):
        raise WrongValue(path, "it has to be a list")
    if content.rank > 1 and (why := uneven(value, content.rank)) is not None:
        raise WrongValue(path, why)
    for index, each in enumerate(value):
        _value(etree.SubElement(node, ITEM), member, each, f"{path}/{index}")


def _concrete(node: etree._Element, record: Record, value: JsonValue, path: str) -> Record:
    """The type to write; an abstract one is named in `xsi:type`."""
    if not record.abstract:
        return record
    kind = as_object(value, path).get(TYPE)
    chosen = kinds_of(record).get(str(kind))
    if chosen is None or chosen.name is None:
        raise WrongValue(join(path, TYPE), f"{kind!r} is no type that may stand here")
    node.set(f"{{{XSI}}}type", prefixed(node, chosen.name))
    return chosen


def branch_of(choice: Choice, chosen: JsonObject, path: str) -> tuple[Member, ...]:
    """The one branch whose parts these are."""
    given = {name for name, value in chosen.items() if value is not None}
    fitting = [
        branch
        for branch in choice.branches
        if given <= {member.name for member in branch}
        and all(
            member.name in chosen for member in branch if member.least > 0 and not is_hidden(member)
        )
    ]
    if not fitting:
        options = " | ".join("+".join(m.name for m in branch) for branch in choice.branches)
        raise WrongValue(path, f"give exactly one of {options}")
    return fitting[0]


def foreign(wildcard: Wildcard, value: JsonValue, path: str) -> etree._Element:
    try:
        node = parse_xml(str(value).encode())
    except UnreadableXml as error:
        raise WrongValue(path, f"it has to be one XML element: {error}") from None
    if not wildcard.takes(split(str(node.tag))[0]):
        raise WrongValue(path, f"the element has to be {wildcard.rule}")
    return node


def _write(node: etree._Element, text: Text, value: JsonValue, path: str) -> str:
    if text.base == "QName" and isinstance(value, str):
        return prefixed(node, value)
    if text.base == "list" and text.members[0].base == "QName" and isinstance(value, list):
        return " ".join(prefixed(node, str(each)) for each in value)
    try:
        return _clean(text.write(value), path)
    except WrongText as error:
        raise WrongValue(path, str(error)) from None


def _clean(text: str, path: str) -> str:
    if (found := _NOT_XML.search(text)) is not None:
        raise WrongValue(path, f"XML has no character U+{ord(found[0]):04X}")
    return text


def as_object(value: JsonValue, path: str) -> JsonObject:
    if not isinstance(value, dict):
        raise WrongValue(path, "it has to be an object")
    return value


def join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name
