"""WS-Addressing headers: which message this is, where it goes, what it asks for; and whose answer came back."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Literal

from lxml import etree

from drawbar.backends.soap.access.failures import not_trusted
from drawbar.backends.soap.contract.xsd import split
from drawbar.backends.soap.message.request import header_in
from drawbar.backends.soap.options import SoapBackendSpec

Edition = Literal["1.0", "2004/08"]
NAMESPACES: Mapping[Edition, str] = {
    "1.0": "http://www.w3.org/2005/08/addressing",
    "2004/08": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
}
_ANONYMOUS: Mapping[Edition, str] = {
    "1.0": "http://www.w3.org/2005/08/addressing/anonymous",
    "2004/08": "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous",
}
"""The reply comes over the connection of the request."""


def add_addressing(envelope: etree._Element, options: SoapBackendSpec, action: str) -> str | None:
    """The id of the message; None where the adapter asks for no addressing."""
    if (edition := options.addressing) is None:
        return None
    namespace = NAMESPACES[edition]
    header = header_in(envelope)
    message_id = f"urn:uuid:{uuid.uuid4()}"
    reply_to = etree.Element(f"{{{namespace}}}ReplyTo")
    etree.SubElement(reply_to, f"{{{namespace}}}Address").text = _ANONYMOUS[edition]
    texts = {
        "Action": action,
        "MessageID": message_id,
        "To": options.addressed_to or options.endpoint,
    }
    for name, text in texts.items():
        etree.SubElement(header, f"{{{namespace}}}{name}", nsmap={"wsa": namespace}).text = text
    header.append(reply_to)
    return message_id


def check_related(envelope: etree._Element, message_id: str) -> None:
    """Raises BackendError when the reply says that it answers another message."""
    for header in envelope:
        for node in header if split(str(header.tag))[1] == "Header" else ():
            namespace, name = split(str(node.tag))
            if name != "RelatesTo" or namespace not in NAMESPACES.values():
                continue
            if (node.get("RelationshipType") or "Reply").rpartition("/")[2].lower() != "reply":
                continue
            if (node.text or "").strip() != message_id:
                raise not_trusted("it says that it answers another message")
