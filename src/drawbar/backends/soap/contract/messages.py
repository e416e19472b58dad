"""What a message puts into the body: one element, an rpc wrapper, or several parts side by side.

Whatever the style, the parts become one `Item` whose content are the parameters, so that the schema, the
compiled plan and zeep all look at the same thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from lxml import etree

from drawbar.backends.soap.contract.shape import Content, Item, Member, Record
from drawbar.backends.soap.contract.shaping import Shapes
from drawbar.backends.soap.contract.texts import builtin
from drawbar.backends.soap.contract.xsd import XSD, Component, SchemaDocument, clark, split


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A part of a message: it names an element or a type, both in full."""

    name: str
    element: str | None
    type: str | None
    user: Component


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """The body of a request or of a reply."""

    item: Item | None
    """The element of the body; with `spread`, one that stands for the body itself. None for an empty body."""
    parts: tuple[Part, ...] = ()
    namespace: str = ""
    encoded: bool = False
    spread: bool = False
    """The parts stand side by side in the body, without an element around them."""
    declared: tuple[Component, ...] = ()
    """Declarations of the elements directly in the body: the schema's, or made up where it has none."""
    attached: Mapping[str, str] = field(default_factory=dict)
    """Parts that travel beside the envelope (MIME bindings), and their media types."""


@dataclass(frozen=True, slots=True)
class Style:
    """What the binding says about a body."""

    rpc: bool
    encoded: bool
    name: str
    """Name of an rpc wrapper."""
    namespace: str


def side_of(shapes: Shapes, style: Style, nodes: Sequence[etree._Element], file: str) -> Side:
    """The body that these parts make. Raises Unresolved."""
    parts = tuple(_part(node, file) for node in nodes)
    if style.rpc:
        return _wrapped(shapes, style, parts, file)
    if not parts:
        return Side(None)
    declared = tuple(_declaration(shapes, part, file) for part in parts)
    if len(parts) > 1:
        items = tuple(
            _named(shapes, part, each) for part, each in zip(parts, declared, strict=True)
        )
        record = Record(parts[0].user, None, lambda _: Content(items), lambda _: ())
        body = Item("Body", "Body", record)
        return Side(body, parts, style.namespace, style.encoded, True, declared)
    (part,) = parts
    if part.element is None:
        item = _named(shapes, part, declared[0])
        return Side(item, parts, style.namespace, style.encoded, False, declared)
    item = shapes.element(part.element, part.user)
    return Side(item, parts, style.namespace, style.encoded, False, declared)


def with_attached(side: Side, attached: Mapping[str, str], user: etree._Element) -> Side:
    """The same with parts that travel beside the envelope as further parameters."""
    if not attached:
        return side
    inside: tuple[Member, ...] = ()
    if side.item is not None:
        whole = side.item.type
        inside = (
            whole.content.members if side.spread and isinstance(whole, Record) else (side.item,)
        )
    beside = tuple(_attachment(name, kind) for name, kind in attached.items())
    node = Component(user, SchemaDocument(user, "", ""))
    record = Record(node, None, lambda _: Content((*inside, *beside)), lambda _: ())
    return replace(side, item=Item("Body", "Body", record), spread=True, attached=dict(attached))


def is_text(media_type: str) -> bool:
    """Whether an attachment is given as text rather than as base64."""
    return media_type.startswith("text/") or media_type.endswith("xml")


def _attachment(name: str, media_type: str) -> Item:
    kind = builtin("string" if is_text(media_type) else "base64Binary")
    assert kind is not None  # noqa: S101 -- both are types of XML Schema
    return Item(name, name, kind, documentation=f"Attached to the message as {media_type}.")


def _part(node: etree._Element, file: str) -> Part:
    user = Component(node, SchemaDocument(node, "", file))
    element, kind = node.get("element"), node.get("type")
    return Part(
        node.get("name") or "part",
        user.name(element) if element is not None else None,
        user.name(kind) if kind is not None and element is None else None,
        user,
    )


def _declaration(shapes: Shapes, part: Part, file: str) -> Component:
    """The schema's element, or one made up for a part that names a type."""
    if part.element is not None:
        return shapes.index.find("element", part.element, part.user)
    schema = etree.Element(f"{{{XSD}}}schema", nsmap={"xs": XSD})
    node = etree.SubElement(schema, f"{{{XSD}}}element", nsmap=part.user.node.nsmap)  # type: ignore[arg-type]  # the stubs know no default namespace
    node.set("name", part.name)
    node.set("type", part.user.get("type") or "xs:anyType")
    return Component(node, SchemaDocument(schema, "", file))


def _named(shapes: Shapes, part: Part, declared: Component) -> Item:
    """A part under the name it has in the message, which is unique there."""
    if part.element is not None:
        return replace(shapes.element(part.element, part.user), name=part.name)
    kind = part.type or clark(XSD, "anyType")
    declared.own_name()
    return Item(part.name, part.name, shapes.type_of(kind, declared), declared=kind)


def _wrapped(shapes: Shapes, style: Style, parts: tuple[Part, ...], file: str) -> Side:
    """rpc: an element called like the operation that holds each part, unqualified."""
    schema = etree.Element(f"{{{XSD}}}schema", nsmap={"xs": XSD})
    schema.set("targetNamespace", style.namespace)
    element = etree.SubElement(schema, f"{{{XSD}}}element", name=style.name)
    kind = etree.SubElement(element, f"{{{XSD}}}complexType")
    sequence = etree.SubElement(kind, f"{{{XSD}}}sequence")
    for part in parts:
        node = etree.SubElement(sequence, f"{{{XSD}}}element", nsmap=part.user.node.nsmap)  # type: ignore[arg-type]  # the stubs know no default namespace
        if part.element is not None:
            node.set("ref", part.user.get("element") or "")
        else:
            node.set("name", part.name)
            node.set("type", part.user.get("type") or "xs:anyType")
    document = SchemaDocument(schema, style.namespace, file)
    declared = Component(element, document)
    record = shapes.record(Component(kind, document))
    tag = clark(style.namespace, style.name)
    item = Item(split(tag)[1], tag, record)
    return Side(item, parts, style.namespace, style.encoded, False, (declared,))
