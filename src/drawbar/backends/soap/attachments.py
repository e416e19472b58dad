"""Bytes beside the envelope: XOP (MTOM) and SOAP with attachments.

In a reply, what is attached is put back to where the message refers to it, as base64, so that signatures,
types and readers see one kind of message. In a request, base64 is taken out where the adapter asks for MTOM.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import unquote

from lxml import etree

from drawbar.backends.soap.binary import MEDIA_TYPE, description
from drawbar.backends.soap.expected import expected_of
from drawbar.backends.soap.multipart import Part, join_parts, parameters_of
from drawbar.backends.soap.reply import actual
from drawbar.backends.soap.request import Version
from drawbar.backends.soap.shape import Item
from drawbar.backends.soap.texts import Text
from drawbar.kernel.values import JsonObject, JsonValue

_XOP = "http://www.w3.org/2004/08/xop/include"
INCLUDE = f"{{{_XOP}}}Include"
XOP_TYPE = "application/xop+xml"
_CID = "cid:"


def put_back(envelope: etree._Element, parts: Iterable[Part]) -> list[Part]:
    """Put attachments where the message refers to them; the parts that nothing refers to are returned.

    Three ways to refer are in use: an Include of XOP, an empty element with `href`, a text `cid:...` (swaRef).
    """
    by_id = {part.id: part for part in parts}
    used: set[str] = set()
    for holder, identifier in list(_references(envelope)):
        part = by_id.get(unquote(identifier.removeprefix(_CID)))
        if part is None:
            continue
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


def listed(parts: Iterable[Part], *, describe: bool) -> list[JsonValue]:
    """Attachments that nothing refers to, for a reader."""
    found: list[JsonValue] = []
    for part in parts:
        said: JsonObject = {"content_id": part.id, **description(part.data, part.type)}
        if not describe:
            said["data"] = base64.b64encode(part.data).decode()
        found.append(said)
    return found


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
    """The envelope and its attachments as one body (XOP packaging), and the headers of the request."""
    kind = "text/xml" if version == "1.1" else "application/soap+xml"
    root = Part("message@drawbar", f'{XOP_TYPE}; charset=utf-8; type="{kind}"', envelope)
    words = {"type": XOP_TYPE, "start-info": kind}
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
