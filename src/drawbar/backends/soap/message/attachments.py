"""Bytes beside the envelope: XOP (MTOM) and SOAP with attachments.

In a reply, what is attached is put back to where the message refers to it, as base64, so that signatures,
types and readers see one kind of message. In a request, base64 is taken out where the adapter asks for MTOM.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote, unquote

from lxml import etree

from drawbar.backends.soap.contract.messages import is_text
from drawbar.backends.soap.contract.shape import Item
from drawbar.backends.soap.contract.texts import Text
from drawbar.backends.soap.message.binary import MEDIA_TYPE, Bytes, description
from drawbar.backends.soap.message.expected import expected_of
from drawbar.backends.soap.message.multipart import BrokenMultipart, Part, join_parts, parameters_of
from drawbar.backends.soap.message.reply import actual
from drawbar.backends.soap.message.request import Version
from drawbar.kernel.values import JsonObject, JsonValue

_XOP = "http://www.w3.org/2004/08/xop/include"
INCLUDE = f"{{{_XOP}}}Include"
XOP_TYPE = "application/xop+xml"
_CID = "cid:"
_OFTEN = 2
"""How often all that is attached may be referred to, taken together."""


def put_back(envelope: etree._Element, parts: Iterable[Part]) -> list[Part]:
    """Put attachments where the message refers to them; the parts that nothing refers to are returned.

    Three ways to refer are in use: an Include of XOP, an empty element with `href`, a text `cid:...` (swaRef).
    Raises BrokenMultipart when they are referred to so often that a small message would become a large one.
    """
    by_id = {part.id: part for part in parts}
    left = _OFTEN * sum(len(part.data) for part in by_id.values())
    used: set[str] = set()
    for holder, identifier in list(_references(envelope)):
        part = by_id.get(unquote(identifier.removeprefix(_CID)))
        if part is None:
            continue
        left -= len(part.data)
        if left < 0:
            raise BrokenMultipart("it refers to its attachments too often")
        used.add(part.id)
        for child in list(holder):
            holder.remove(child)
        holder.text = base64.b64encode(part.data).decode()
        if "href" in holder.attrib:
            del holder.attrib["href"]
        if holder.get(MEDIA_TYPE) is None:
            holder.set(MEDIA_TYPE, part.type)
    return [part for part in by_id.values() if part.id not in used]


def _references(envelope: etree._Element) -> Iterator[tuple[etree._Element, str]]:
    """Each element that stands for an attachment, and what it says of it."""
    for node in envelope.iter(etree.Element):
        href = node.get("href") or ""
        parent = node.getparent()
        if not href.startswith(_CID):
            text = (node.text or "").strip()
            if text.startswith(_CID) and not len(node):
                yield node, text
        elif node.tag == INCLUDE and parent is not None:
            yield parent, href
        elif not len(node):
            yield node, href


def by_part(parts: Iterable[Part], attached: Iterable[str]) -> tuple[dict[str, Part], list[Part]]:
    """The attachments of a reply that the contract has as its parts, by their names; and the others."""
    known = {f"{quote(name)}=": name for name in attached}
    named: dict[str, Part] = {}
    others: list[Part] = []
    for part in parts:
        name = known.get(part.id.partition("=")[0] + "=")
        if name is None:
            others.append(part)
        else:
            named[name] = part
    return named, others


def content_of_part(part: Part, shown: Bytes) -> JsonValue:
    """Text as text, and bytes as the function wants them."""
    if is_text(part.type):
        return part.data.decode("utf-8", "replace")
    instead = shown.of_data(part.data, part.type)
    return base64.b64encode(part.data).decode() if instead is None else instead


def listed(parts: Iterable[Part], shown: Bytes) -> list[JsonValue]:
    """Attachments that nothing refers to, for a reader."""
    found: list[JsonValue] = []
    for part in parts:
        said: JsonObject = {"content_id": part.id, **description(part.data, part.type)}
        instead = shown.of_data(part.data, part.type)
        said |= {"data": base64.b64encode(part.data).decode()} if instead is None else instead
        found.append(said)
    return found


def set_aside(
    body: list[etree._Element], attached: Mapping[str, str]
) -> tuple[list[etree._Element], list[Part]]:
    """The elements that stay in the body, and the parts that go beside it (WS-I Attachments Profile 1.0)."""
    inside, beside = [], []
    for node in body:
        if (kind := attached.get(str(node.tag))) is None:
            inside.append(node)
            continue
        text = node.text or ""
        data = text.encode() if is_text(kind) else base64.b64decode(text)
        charset = "; charset=utf-8" if is_text(kind) else ""
        identifier = f"{quote(str(node.tag))}={secrets.token_hex(12)}@drawbar"
        beside.append(Part(identifier, kind + charset, data))
    return inside, beside


def take_out(node: etree._Element, item: Item) -> list[Part]:
    """Put an Include in the place of each base64 of a body, and return what was there as parts."""
    parts: list[Part] = []
    for each in list(_binaries(node, item)):
        data = base64.b64decode(each.text or "")
        part = Part(
            f"{secrets.token_hex(12)}@drawbar",
            each.get(MEDIA_TYPE) or "application/octet-stream",
            data,
        )
        parts.append(part)
        each.text = None
        etree.SubElement(each, INCLUDE, nsmap={"xop": _XOP}).set("href", f"{_CID}{part.id}")
    return parts


def with_attachments(
    envelope: bytes, headers: Mapping[str, str], parts: Sequence[Part], version: Version
) -> tuple[bytes, Mapping[str, str]]:
    """The envelope and its attachments as one body, and the headers of the request.

    Packaged as XOP where the envelope refers to one of them, else as SOAP with attachments.
    """
    kind = "text/xml" if version == "1.1" else "application/soap+xml"
    if _XOP.encode() in envelope:
        root = Part("message@drawbar", f'{XOP_TYPE}; charset=utf-8; type="{kind}"', envelope)
        words = {"type": XOP_TYPE, "start-info": kind}
    else:
        root = Part("message@drawbar", f"{kind}; charset=utf-8", envelope)
        words = {"type": kind}
    if (action := parameters_of(headers["Content-Type"]).get("action")) is not None:
        words["action"] = action
    body, content_type = join_parts(root, parts, words)
    return body, {**headers, "Content-Type": content_type, "MIME-Version": "1.0"}


def _binaries(node: etree._Element, item: Item) -> Iterator[etree._Element]:
    """The elements with base64 below a node that was written along this item."""
    if isinstance(item.type, Text):
        if item.type.base == "base64Binary" and node.text:
            yield node
        return
    record = actual(node, item.type)
    text = record.content.text
    if text is not None:
        if text.base == "base64Binary" and node.text:
            yield node
        return
    parts = expected_of(record).parts
    for child in node:
        found = parts.get(str(child.tag))
        if found is not None:
            yield from _binaries(child, found[0])
