"""How a value is written as XML, by the `xml` words of an OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lxml import etree

from drawbar.backends.http.request.styles import text_of
from drawbar.kernel.values import JsonValue


@dataclass(frozen=True, slots=True)
class XmlShape:
    """One element or attribute. `members` may lead back to a shape that holds this one."""

    name: str
    namespace: str | None = None
    prefix: str | None = None
    attribute: bool = False
    wrapped: bool = False
    """A list has an element of its own around its elements."""
    members: Mapping[str, XmlShape] = field(default_factory=dict)
    """By property."""
    item: XmlShape | None = None
    """Of what stands in a list."""

    @property
    def tag(self) -> str:
        return f"{{{self.namespace}}}{self.name}" if self.namespace else self.name

    @property
    def names(self) -> Mapping[str, str] | None:
        """The default namespace has no prefix, which the types of lxml do not know."""
        if not self.namespace:
            return None
        return {self.prefix: self.namespace}  # type: ignore[dict-item]  # see above


def element_of(shape: XmlShape, value: JsonValue) -> etree._Element:
    """The root element. Raises ValueError for what no XML can hold."""
    root = etree.Element(shape.tag, nsmap=shape.names)
    if isinstance(value, list):
        for each in value:
            _append(root, shape.item or XmlShape("item"), each)
    else:
        _fill(root, shape, value)
    return root


def _append(parent: etree._Element, shape: XmlShape, value: JsonValue) -> None:
    if value is None:
        return
    if shape.attribute:
        parent.set(shape.tag, text_of(value))
    elif isinstance(value, list):
        holder = etree.SubElement(parent, shape.tag, nsmap=shape.names) if shape.wrapped else parent
        inner = shape.item or XmlShape(shape.name)
        for each in value:
            _append(holder, inner, each)
    else:
        _fill(etree.SubElement(parent, shape.tag, nsmap=shape.names), shape, value)


def _fill(node: etree._Element, shape: XmlShape, value: JsonValue) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            _append(node, shape.members.get(name) or XmlShape(name), inner)
    elif value is not None:
        node.text = text_of(value)
