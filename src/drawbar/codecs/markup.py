"""XML as values. Document types and entities are refused, so nothing is expanded, fetched or read.

How an element becomes a value:

* only text: the text; nothing inside: null
* else an object: attributes as `@name`, child elements by their local name (a list where a name
  repeats), text beside them as `#text`

Namespaces are dropped; the reader is a language model, and the local names are what the manual says.
"""

from __future__ import annotations

import re

from lxml import etree

from drawbar.codecs.codec import CodecError
from drawbar.kernel.values import JsonObject, JsonValue

_NAME = re.compile(r"[A-Za-z_][\w.-]*")


class XmlCodec:
    """The whole document, under the name of its root element."""

    media = "application/xml"

    def encode(self, value: JsonValue) -> bytes:
        if not isinstance(value, dict) or len(value) != 1:
            raise CodecError("XML is written from an object with one member, the root element")
        ((name, content),) = value.items()
        root = etree.Element(_name(name))
        _fill(root, content)
        return etree.tostring(root, xml_declaration=True, encoding="utf-8")

    def decode(self, data: bytes) -> JsonValue:
        root = parse_xml(data)
        return {_local(root.tag): _value(root)}


def parse_xml(data: bytes) -> etree._Element:
    """The root element, without comments and processing instructions. Raises CodecError."""
    if b"<!DOCTYPE" in data:
        raise CodecError("a document type is not accepted")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise CodecError(f"not XML: {error.msg}", where=f"line {line}, column {column}") from error
    if root.getroottree().docinfo.internalDTD is not None:  # in UTF-16, say
        raise CodecError("a document type is not accepted")
    return root


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _value(element: etree._Element) -> JsonValue:
    text = element.text or ""
    if not len(element) and not element.attrib:
        return text or None
    found: JsonObject = {f"@{_local(str(key))}": str(item) for key, item in element.attrib.items()}
    for child in element:
        text += child.tail or ""
        _put(found, _local(str(child.tag)), _value(child))
    if text.strip():
        found["#text"] = text.strip()
    return found


def _put(found: JsonObject, name: str, value: JsonValue) -> None:
    """`value` is never a list, so a list that is there already was made here."""
    if name not in found:
        found[name] = value
        return
    before = found[name]
    if isinstance(before, list):
        before.append(value)
    else:
        found[name] = [before, value]


def _fill(element: etree._Element, value: JsonValue) -> None:
    if not isinstance(value, dict):
        element.text = _text(value)
        return
    for name, item in value.items():
        if name == "#text":
            element.text = _text(item)
        elif name.startswith("@"):
            element.set(_name(name[1:]), _text(item) or "")
        else:
            for one in item if isinstance(item, list) else [item]:
                _fill(etree.SubElement(element, _name(name)), one)


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise CodecError(f"{name!r} is no name of an element or attribute")
    return name


def _text(value: JsonValue) -> str | None:
    if isinstance(value, dict | list):
        raise CodecError("a list stands under a name, and text holds one value")
    if isinstance(value, bool):
        return "true" if value else "false"
    try:
        etree.Element("x").text = (text := None if value is None else str(value))
    except ValueError as error:  # control characters
        raise CodecError("holds a character that XML cannot carry") from error
    return text
