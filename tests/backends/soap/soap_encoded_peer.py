"""A server's own reading of SOAP encoding: it takes types from `xsi:type` and `arrayType`, and holds them,
the names and the values against the WSDL. Written from the specification, without the product's code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

XS = "http://www.w3.org/2001/XMLSchema"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
WSDL_NS = "http://schemas.xmlsoap.org/wsdl/"
ENC_11 = "http://schemas.xmlsoap.org/soap/encoding/"
ENC_12 = "http://www.w3.org/2003/05/soap-encoding"


def qname(node: etree._Element, text: str) -> str:
    prefix, _, name = text.rpartition(":")
    return f"{{{node.nsmap[prefix or None]}}}{name}"


class EncodedPeer:
    def __init__(self, wsdl: Path) -> None:
        self.root = etree.parse(wsdl).getroot()
        self.types: dict[str, etree._Element] = {}
        for schema in self.root.iter(f"{{{XS}}}schema"):
            for node in schema:
                if name := node.get("name"):
                    self.types[f"{{{schema.get('targetNamespace')}}}{name}"] = node

    def complaints(self, call: etree._Element, message: str, version: str = "1.1") -> list[str]:
        """Everything that is wrong with the element of an rpc/encoded body."""
        envelope = {
            "1.1": "http://schemas.xmlsoap.org/soap/envelope/",
            "1.2": "http://www.w3.org/2003/05/soap-envelope",
        }[version]
        encoding = ENC_11 if version == "1.1" else ENC_12
        found = []
        if call.get(f"{{{envelope}}}encodingStyle") != encoding:
            found.append("the call does not say its encoding")
        parts = self.root.find(f"{{{WSDL_NS}}}message[@name='{message}']")
        assert parts is not None
        declared = {part.get("name"): qname(part, str(part.get("type"))) for part in parts}
        if [child.tag for child in call] != list(declared):
            found.append(f"the parts are {[child.tag for child in call]}, not {list(declared)}")
        for child in call:
            found.extend(self._value(child, declared.get(str(child.tag), ""), encoding))
        return found

    def _value(self, node: etree._Element, declared: str, encoding: str) -> Iterator[str]:
        if node.get(f"{{{XSI}}}nil") == "true":
            return
        said = qname(node, node.get(f"{{{XSI}}}type") or "xs:nothing")
        held = self._held(declared)
        if held is not None:
            yield from self._array(node, said, held, encoding)
            return
        definition = self.types.get(said)
        if definition is None or definition.tag == f"{{{XS}}}simpleType":
            if said != declared:
                yield f"{node.tag} says it is {said}, not {declared}"
            yield from self._text(node, declared)
            return
        if said not in {declared, *self._derived(declared)}:
            yield f"{node.tag} says it is {said}, which is no {declared}"
        if definition.get("abstract") == "true":
            yield f"{node.tag} says it is the abstract {said}"
        yield from self._parts(node, said, encoding)

    def _parts(self, node: etree._Element, kind: str, encoding: str) -> Iterator[str]:
        elements, ordered = self._elements(kind)
        names = [child.tag for child in node]
        wanted = [str(each.get("name")) for each in elements]
        for each in elements:
            if each.get("name") not in names and each.get("minOccurs") != "0":
                yield f"{node.tag} lacks {each.get('name')}"
        if ordered and names != [name for name in wanted if name in names]:
            yield f"the parts of {node.tag} are in another order: {names}"
        by_name = {each.get("name"): each for each in elements}
        for child in node:
            declaration = by_name.get(str(child.tag))
            if declaration is None:
                yield f"{node.tag} has {child.tag}, which is unknown"
                continue
            if child.get(f"{{{XSI}}}nil") and declaration.get("nillable") != "true":
                yield f"{child.tag} cannot be nil"
            yield from self._value(
                child, qname(declaration, str(declaration.get("type"))), encoding
            )

    def _elements(self, kind: str) -> tuple[list[etree._Element], bool]:
        node = self.types[kind]
        base: list[etree._Element] = []
        for extension in node.iter(f"{{{XS}}}extension"):
            base, _ = self._elements(qname(extension, str(extension.get("base"))))
        own = list(node.iter(f"{{{XS}}}element"))
        return [*base, *own], node.find(f".//{{{XS}}}all") is None

    def _derived(self, kind: str) -> list[str]:
        return [
            name
            for name, node in self.types.items()
            for extension in node.iter(f"{{{XS}}}extension")
            if qname(extension, str(extension.get("base"))) == kind
        ]

    def _held(self, kind: str) -> str | None:
        """What an array holds: a type and brackets; None for what is no array."""
        node = self.types.get(kind)
        restriction = node.find(f".//{{{XS}}}restriction") if node is not None else None
        if restriction is None or not str(restriction.get("base")).endswith(":Array"):
            return None
        attribute = restriction.find(f"{{{XS}}}attribute")
        if attribute is not None:
            text = str(attribute.get(f"{{{WSDL_NS}}}arrayType"))
            name, brackets = re.fullmatch(r"([^\[]+)(.*)", text).groups()  # type: ignore[union-attr]  # as the WSDL writes it
            return qname(attribute, name) + brackets
        element = restriction.find(f".//{{{XS}}}element")
        assert element is not None
        return qname(element, str(element.get("type"))) + "[]"

    def _array(self, node: etree._Element, said: str, held: str, encoding: str) -> Iterator[str]:
        if said != f"{{{encoding}}}Array":
            yield f"{node.tag} says it is {said}, not an array"
        inner = held.removesuffix("[]")
        if encoding == ENC_11:
            text = node.get(f"{{{encoding}}}arrayType") or "xs:nothing[0]"
            name, brackets = re.fullmatch(r"([^\[]+)(.*)", text).groups()  # type: ignore[union-attr]  # as just made
            if qname(node, name) + brackets != f"{inner}[{len(node)}]":
                yield f"{node.tag} says it holds {text}, not {len(node)} of {inner}"
        else:
            item = qname(node, node.get(f"{{{encoding}}}itemType") or "xs:nothing")
            wanted = f"{{{encoding}}}Array" if inner.endswith("]") else inner
            if (item, node.get(f"{{{encoding}}}arraySize")) != (wanted, str(len(node))):
                yield f"{node.tag} says it holds {item}, not {len(node)} of {wanted}"
        for child in node:
            if inner.endswith("]"):
                said = qname(child, child.get(f"{{{XSI}}}type") or "xs:nothing")
                yield from self._array(child, said, inner, encoding)
            else:
                yield from self._value(child, inner, encoding)

    def _text(self, node: etree._Element, kind: str) -> Iterator[str]:
        """The text against its simple type, by a validator."""
        definition = self.types.get(kind)
        if definition is not None:
            restriction = definition.find(f"{{{XS}}}restriction")
            assert restriction is not None
            values = [each.get("value") for each in restriction]
            if node.text not in values:
                yield f"{node.tag} is {node.text!r}, not one of {values}"
            return
        name = kind.rpartition("}")[2]
        schema = etree.XMLSchema(
            etree.fromstring(
                f'<xs:schema xmlns:xs="{XS}"><xs:element name="x" type="xs:{name}"/></xs:schema>'
            )
        )
        bare = etree.Element("x")
        bare.text = node.text
        if not schema.validate(bare):
            yield f"{node.tag}: {str(schema.error_log).splitlines()[0]}"
