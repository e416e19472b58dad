"""Header elements of a contract that a function offers as parameters, as it does the parts of the body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lxml import etree

from drawbar.backends.soap.contract.shape import Content, Item
from drawbar.backends.soap.contract.wsdl import Contract, Operation
from drawbar.backends.soap.contract.xsd import Component, SchemaDocument, local
from drawbar.backends.soap.message.check import Check
from drawbar.backends.soap.message.request import header_of
from drawbar.kernel.values import JsonObject
from drawbar.spec.names import closest
from drawbar.spec.source import At, Report


def header_items(
    contract: Contract, operation: Operation, names: Sequence[str], report: Report, at: At
) -> tuple[Item, ...]:
    """The declarations of these headers of the operation. Raises Unresolved; unknown names are reported."""
    known = {local(name): name for name in operation.headers}
    found: list[Item] = []
    for name in names:
        if name not in known:
            meant = closest(name, known)
            has = f"it has {', '.join(known)}" if known else "it has none"
            report.add(
                at,
                "DB423",
                f"the contract has no SOAP header `{name}` with `{operation.name}`",
                fix=f"did you mean `{meant}`?" if meant else has,
            )
            continue
        found.append(contract.shapes.element(known[name], _user(contract)))
    return tuple(found)


def _user(contract: Contract) -> Component:
    """Who asks for the declaration of a header, for errors."""
    node = etree.Element("header")
    return Component(node, SchemaDocument(node, "", contract.path.name))


def header_check(contract: Contract, items: Sequence[Item]) -> Check:
    """Holds such headers against their declarations."""
    user = _user(contract)
    return Check(contract, [contract.index.find("element", item.tag, user) for item in items])


def beside_body(content: Content, headers: Sequence[Item]) -> tuple[Content, tuple[Item, ...]]:
    """The parameters of body and headers together, and the headers under names that the body leaves free."""
    taken = {part.name for part in (*content.members, *content.attributes)}
    named = tuple(
        replace(item, name=f"{item.name}_header") if item.name in taken else item
        for item in headers
    )
    return replace(content, members=(*content.members, *named)), named


def take_headers(values: JsonObject, items: Sequence[Item]) -> list[etree._Element]:
    """Take the values of headers out of the values of a call, and write them. Raises WrongValue."""
    given = ((item, values.pop(item.name, None)) for item in items)
    return [header_of(item.tag, value, item) for item, value in given if value is not None]
