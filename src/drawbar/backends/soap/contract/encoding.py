"""SOAP encoding (section 5 of SOAP 1.1, part 2 of SOAP 1.2): what its arrays hold, and what it adds to a body.

An encoded body says the type of every element in `xsi:type`, and of every array what it holds and how many.
Old servers read by these words, not by a schema.
"""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from drawbar.backends.soap.contract.xsd import (
    WSDL,
    XSD,
    XSI,
    Component,
    SchemaIndex,
    Unresolved,
    clark,
    describe,
    split,
)

ENCODINGS: Mapping[str, str] = {
    "1.1": "http://schemas.xmlsoap.org/soap/encoding/",
    "1.2": "http://www.w3.org/2003/05/soap-encoding",
}
ITEM = "item"
"""The name that elements of an array get: it does not matter, and most stacks use this one."""
_ARRAYS = frozenset(clark(namespace, "Array") for namespace in ENCODINGS.values())
_WORDS = (f"{{{WSDL}}}arrayType", f"{{{WSDL}}}itemType")
_ARRAY_TYPE = re.compile(r"\s*([^\[\]\s]+)\s*((?:\[[\d,\s]*\])*)\s*$")
_DEEPEST = 50


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """What a SOAP-encoded array holds: elements of a named type, or as a particle says."""

    user: Component
    """The node that said so."""
    type: str | None = None
    """Full name of the type; None for anything, or where `element` says it."""
    ranks: tuple[int, ...] = (1,)
    """Dimensions of each of the arrays around an element, the outermost first: 1 and 2 for `int[,][]`."""
    element: Component | None = None

    @property
    def arrays(self) -> int:
        """How many more lists are around each element than one: 1 for `int[][]`, and for `int[,]`."""
        return sum(self.ranks) - 1

    def rank(self, depth: int) -> int:
        """Dimensions of the array that begins with the list of this depth, 0 for the outermost; 1 for a row."""
        starts = dict(zip(itertools.accumulate((0, *self.ranks)), self.ranks, strict=False))
        return starts.get(depth, 1)


def held_by(node: Component, index: SchemaIndex, depth: int = 0) -> Held | None:
    """What a complex type holds when it is a SOAP-encoded array, else None. Raises Unresolved."""
    name = node.get("name")
    if name is not None and clark(node.document.namespace, name) in _ARRAYS:
        return Held(node)
    content = node.child("complexContent")
    step = content.child("extension", "restriction") if content is not None else None
    base = step.get("base") if step is not None else None
    if step is None or base is None or depth > _DEEPEST:
        return None
    full = step.name(base)
    inherited: Held | None = None
    if full in _ARRAYS:
        inherited = Held(step)
    elif split(full)[0] != XSD:
        found = index.find("type", full, step)
        inherited = held_by(found, index, depth + 1) if found.tag == "complexType" else None
    if inherited is None:
        return None
    return _own(step) or inherited


def _own(step: Component) -> Held | None:
    """What a derivation itself says about the elements: an attribute first, else a particle."""
    for attribute in step.children("attribute"):
        for word in _WORDS:
            if (text := attribute.get(word)) is not None:
                return _written(text, attribute)
    for particle in step.children("sequence", "all", "choice"):
        elements = particle.children("element")
        if len(elements) == 1:
            return Held(step, element=elements[0])
    return None


def _written(text: str, user: Component) -> Held:
    match = _ARRAY_TYPE.match(text)
    if match is None:
        raise Unresolved(
            f"{user.document.file}: {describe(user)} is an array of `{text}`, which names no type and sizes",
            "write it as SOAP does, such as `xsd:string[]` or `xsd:string[,]`",
        )
    # An attribute's own prefixes count; a name without one means the default namespace.
    brackets = re.findall(r"\[[^\]]*\]", match[2])
    ranks = tuple(each.count(",") + 1 for each in reversed(brackets))
    return Held(user, user.name(match[1]), ranks or (1,))


def declare_array(schema: etree._Element, held: Held, name: str) -> None:
    """Add the array to a schema as a plain sequence of `item`, which a validator can check."""
    made = etree.SubElement(schema, f"{{{XSD}}}complexType", name=name)
    _declare_items(made, held, held.arrays)


def _declare_items(made: etree._Element, held: Held, arrays: int) -> None:
    sequence = etree.SubElement(made, f"{{{XSD}}}sequence")
    words = {"name": ITEM, "form": "unqualified", "minOccurs": "0", "maxOccurs": "unbounded"}
    item = etree.SubElement(sequence, f"{{{XSD}}}element", words)
    if arrays > 0:
        _declare_items(etree.SubElement(item, f"{{{XSD}}}complexType"), held, arrays - 1)
    elif held.type is not None:
        item.set("type", prefixed(item, held.type))
    elif held.element is not None:
        if (kind := held.element.get("type")) is not None:
            item.set("type", prefixed(item, held.element.name(kind)))
        item.extend(
            copy.deepcopy(inner.node)
            for inner in held.element.children("complexType", "simpleType")
        )


def declare_array_for_zeep(schema: etree._Element, held: Held, name: str) -> None:
    """Add the array in the one form that zeep writes in full: SOAP 1.1's array of elements called `item`.

    Without the element, zeep refuses an empty array. It reads only the first brackets, so an array in an
    array becomes a type of its own. What may be anything is said to be text, as it is published.
    """
    kind = held.type or clark(XSD, "string")
    if held.type is None and held.element is not None:
        kind = held.element.name(held.element.get("type") or "") or kind
    for number in range(held.arrays):
        inner = f"{name}.{number}"
        _restrict_array(schema, kind, inner)
        kind = clark(schema.get("targetNamespace") or "", inner)
    _restrict_array(schema, kind, name)


def _restrict_array(schema: etree._Element, kind: str, name: str) -> None:
    made = etree.SubElement(schema, f"{{{XSD}}}complexType", name=name)
    step = etree.SubElement(
        etree.SubElement(made, f"{{{XSD}}}complexContent"), f"{{{XSD}}}restriction"
    )
    step.set("base", prefixed(step, clark(ENCODINGS["1.1"], "Array")))
    words = {"name": ITEM, "form": "unqualified", "minOccurs": "0", "maxOccurs": "unbounded"}
    sequence = etree.SubElement(step, f"{{{XSD}}}sequence")
    item = etree.SubElement(sequence, f"{{{XSD}}}element", words, nillable="true")
    item.set("type", prefixed(item, kind))
    attribute = etree.SubElement(step, f"{{{XSD}}}attribute")
    attribute.set("ref", prefixed(attribute, clark(ENCODINGS["1.1"], "arrayType")))
    attribute.set(_WORDS[0], f"{prefixed(attribute, kind)}[]")


def prefixed(node: etree._Element, full_name: str) -> str:
    """A full name as XML text: with a prefix that is declared on the node."""
    namespace, name = split(full_name)
    if not namespace:
        return name
    known = (prefix for prefix, uri in node.nsmap.items() if uri == namespace and prefix)
    return f"{next(known, None) or _declare(node, namespace)}:{name}"


def _declare(node: etree._Element, namespace: str) -> str:
    """Make a prefix for a namespace known on a node: an attribute in it leaves its declaration behind."""
    marker = f"{{{namespace}}}drawbar"
    node.set(marker, "")
    prefix = next(p for p, uri in node.nsmap.items() if uri == namespace and p)
    del node.attrib[marker]
    return prefix


def say_type(node: etree._Element, full_name: str) -> None:
    node.set(f"{{{XSI}}}type", prefixed(node, full_name))
