"""The contract of one operation, for zeep: what the operation reaches, in one document without imports.

zeep resolves a contract as a whole, so one undefined name anywhere makes it refuse everything, and it
fetches schemas that contracts only name. From the index (see `xsd`) a small WSDL is made that holds this
operation and the vendored schemas' own components, copied as they stand. There is nothing left to fetch.
"""

from __future__ import annotations

import copy
from dataclasses import replace

from lxml import etree

from drawbar.backends.soap.contract.catalog import CATALOG
from drawbar.backends.soap.contract.documents import parse_xml
from drawbar.backends.soap.contract.encoding import ENCODINGS, declare_array_for_zeep, prefixed
from drawbar.backends.soap.contract.messages import Side
from drawbar.backends.soap.contract.wsdl import SOAP_11, SOAP_12, Contract, Operation
from drawbar.backends.soap.contract.xsd import WSDL, XML, XSD, Unresolved
from drawbar.backends.soap.message.check import schemas_for

NAMESPACE = "drawbar:/digest"
_HTTP = "http://schemas.xmlsoap.org/soap/http"


def digest_of(contract: Contract, operation: Operation) -> bytes:
    """A WSDL with one operation, one binding and one port. Raises Unresolved.

    A hole in what comes back costs only the reply, which then is read by names.
    """
    if operation.returned is not None:
        try:
            return _digest(contract, operation)
        except Unresolved:
            pass
    return _digest(contract, replace(operation, returned=None))


def _digest(contract: Contract, operation: Operation) -> bytes:
    soap = SOAP_11 if operation.version == "1.1" else SOAP_12
    root = etree.Element(_wsdl("definitions"), nsmap={"wsdl": WSDL, "soap": soap, "d": NAMESPACE})
    root.set("targetNamespace", NAMESPACE)
    sides = {"input": operation.sent}
    if operation.returned is not None:
        sides["output"] = operation.returned
    _add_types(root, contract, list(sides.values()))
    for name, side in sides.items():
        _add_message(root, name, side)
    port_type = etree.SubElement(root, _wsdl("portType"), name="PortType")
    abstract = etree.SubElement(port_type, _wsdl("operation"), name=operation.name)
    for name in sides:
        etree.SubElement(abstract, _wsdl(name), message=f"d:{name}")
    _add_binding(root, operation, soap, sides)
    service = etree.SubElement(root, _wsdl("service"), name="Service")
    port = etree.SubElement(service, _wsdl("port"), name="Port", binding="d:Binding")
    # Calls are sent by Drawbar, to the adapter's endpoint; zeep only wants to see an address.
    etree.SubElement(port, f"{{{soap}}}address", location="drawbar:/nowhere")
    return etree.tostring(root)


def _add_types(root: etree._Element, contract: Contract, sides: list[Side]) -> None:
    types = etree.SubElement(root, _wsdl("types"))
    starts = [declared for side in sides for declared in side.declared]
    # zeep looks these two up on the web, unless they stand before whoever imports them.
    documents = {
        namespace: [parse_xml(CATALOG[namespace].encode())] for namespace in (XML, ENCODINGS["1.1"])
    }
    reached = schemas_for(contract.index, starts, declare_array_for_zeep)
    documents = {
        **documents,
        **{name: each for name, each in reached.items() if name not in documents},
    }
    for namespace, schemas in documents.items():
        for schema in schemas:
            for node in schema.findall(f"{{{XSD}}}import"):
                schema.remove(node)
            for other in documents:
                # The encoding imports itself, for zeep would fetch it for its own first use of a name.
                own = namespace if namespace != ENCODINGS["1.1"] else None
                if other not in {own, ""} and namespace != XML:
                    schema.insert(0, etree.Element(f"{{{XSD}}}import", namespace=other))
            types.append(copy.deepcopy(schema))


def _add_message(root: etree._Element, name: str, side: Side) -> None:
    message = etree.SubElement(root, _wsdl("message"), name=name)
    for part in side.parts:
        node = etree.SubElement(message, _wsdl("part"), name=part.name)
        if part.element is not None:
            node.set("element", prefixed(node, part.element))
        elif part.type is not None:
            node.set("type", prefixed(node, part.type))


def _add_binding(
    root: etree._Element, operation: Operation, soap: str, sides: dict[str, Side]
) -> None:
    binding = etree.SubElement(root, _wsdl("binding"), name="Binding", type="d:PortType")
    style = "rpc" if operation.rpc else "document"
    etree.SubElement(binding, f"{{{soap}}}binding", style=style, transport=_HTTP)
    bound = etree.SubElement(binding, _wsdl("operation"), name=operation.name)
    etree.SubElement(bound, f"{{{soap}}}operation", soapAction=operation.action)
    for name, side in sides.items():
        body = etree.SubElement(etree.SubElement(bound, _wsdl(name)), f"{{{soap}}}body")
        body.set("use", "encoded" if side.encoded else "literal")
        if side.namespace:
            body.set("namespace", side.namespace)
        if side.encoded:
            body.set("encodingStyle", ENCODINGS[operation.version])


def _wsdl(name: str) -> str:
    return f"{{{WSDL}}}{name}"
