"""Between what zeep writes and reads and the form that SOAP encoding has on the wire.

zeep says few types. Here every element gets its own, and every array what it holds and how many, which is
what servers of that time read by. It happens after the check against the contract, which knows no such words.
"""

from __future__ import annotations

from lxml import etree

from drawbar.backends.soap.contract.encoding import ENCODINGS, ITEM, prefixed, say_type
from drawbar.backends.soap.contract.shape import Item, Record
from drawbar.backends.soap.contract.texts import Text
from drawbar.backends.soap.contract.xsd import XSD, XSI, clark
from drawbar.backends.soap.message.arrays import element_of, flatten
from drawbar.backends.soap.message.expected import by_name
from drawbar.backends.soap.message.reply import actual
from drawbar.backends.soap.message.request import ENVELOPES, Version

_TYPE = f"{{{XSI}}}type"
_NIL = f"{{{XSI}}}nil"
_BOOLEANS = frozenset({"true", "false", "1", "0"})
_SPOKEN = {"list": "string", "union": "string", "anyType": "string", "anySimpleType": "string"}
"""What is said for texts of types that have no name of their own."""


def tidy(node: etree._Element, item: Item) -> None:
    """Call the elements of arrays `item`, as the contract that zeep has does; servers call them what they like."""
    if not isinstance(item.type, Record):
        return
    record = actual(node, item.type)
    if not record.content.array:
        parts = by_name(record.content.members)
        for child in node:
            if (found := parts.get(str(child.tag))) is not None:
                tidy(child, found[0])
        return
    (member,) = record.content.members
    assert isinstance(member, Item)  # noqa: S101 -- arrays are made of one item
    if _TYPE in node.attrib:
        del node.attrib[_TYPE]  # "an array": less than the contract says
    for child in node:
        child.tag = ITEM
        tidy(child, member)


def has_odd_boolean(node: etree._Element, item: Item) -> bool:
    """Whether a boolean of a reply is neither true nor false: zeep would call it false, and say nothing."""
    if isinstance(item.type, Text):
        return item.type.base == "boolean" and (node.text or "false").strip() not in _BOOLEANS
    content = actual(node, item.type).content
    if any(
        each.type.base == "boolean" and (node.get(each.tag) or "false").strip() not in _BOOLEANS
        for each in content.attributes
    ):
        return True
    parts = by_name(content.members)
    found = ((child, parts.get(str(child.tag))) for child in node)
    return any(has_odd_boolean(child, part[0]) for child, part in found if part is not None)


def annotate(body: etree._Element, item: Item, version: Version, *, rpc: bool) -> None:
    """Say the encoding, and the type of every element below it (and of itself, where it is no wrapper)."""
    body.set(f"{{{ENVELOPES[version]}}}encodingStyle", ENCODINGS[version])
    _say(body, item, version, wrapper=rpc)


def _say(node: etree._Element, item: Item, version: Version, *, wrapper: bool = False) -> None:
    if node.get(_NIL) is not None:
        return
    if isinstance(item.type, Text):
        name = item.declared or clark(XSD, _SPOKEN.get(item.type.base, item.type.base))
        say_type(node, clark(XSD, "string") if name == clark(XSD, "anyType") else name)
        return
    record = actual(node, item.type)
    if record.content.array:
        _say_array(node, record, version)
        return
    if not wrapper and record.name is not None:
        say_type(node, record.name)
    parts = by_name(record.content.members)
    for child in node:
        if (found := parts.get(str(child.tag))) is not None:
            _say(child, found[0], version)


def _say_array(node: etree._Element, record: Record, version: Version) -> None:
    encoding = ENCODINGS[version]
    member = element_of(record.content, record.content.rank)
    sizes = [str(size) for size in flatten(node, record.content.rank)]
    say_type(node, clark(encoding, "Array"))
    name, brackets = _held(member)
    if version == "1.1":
        node.set(f"{{{encoding}}}arrayType", f"{prefixed(node, name)}{brackets}[{','.join(sizes)}]")
    else:
        held = clark(encoding, "Array") if brackets else name
        node.set(f"{{{encoding}}}itemType", prefixed(node, held))
        node.set(f"{{{encoding}}}arraySize", " ".join(sizes))
    for child in node:
        _say(child, member, version)


def _held(item: Item) -> tuple[str, str]:
    """The type that an array holds, and the brackets of arrays in between."""
    if isinstance(item.type, Text):
        return item.declared or clark(XSD, _SPOKEN.get(item.type.base, item.type.base)), ""
    if item.type.content.array and item.type.name is None:
        rank = item.type.content.rank
        name, brackets = _held(element_of(item.type.content, rank))
        return name, f"{brackets}[{',' * (rank - 1)}]"
    return item.type.name or clark(XSD, "anyType"), ""
