"""XML-RPC (http://xmlrpc.com/spec.md) with the extensions that servers have: `nil`, `i8`, and Apache's types.

Moments have no zone in XML-RPC. One with a zone in the arguments is sent in UTC; one in an answer is told as it came.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, TypeAlias

from lxml import etree

from drawbar.backends.http.reply.reply import Unusable
from drawbar.backends.http.request.bodies import WrongContent
from drawbar.backends.http.request.dialect import Said
from drawbar.backends.http.rpc.fault import faulted
from drawbar.backends.http.rpc.jsonrpc import by_position
from drawbar.codecs.codec import CodecError
from drawbar.codecs.markup import parse_xml
from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import JsonObject, JsonValue

WireType: TypeAlias = Literal["int", "i8", "double", "string", "dateTime.iso8601", "base64"]
INT32 = (-(2**31), 2**31 - 1)
INT64 = (-(2**63), 2**63 - 1)
_MOMENT = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)T(\d\d):?(\d\d):?(\d\d)(.*)")


@dataclass(frozen=True, slots=True)
class Shape:
    """The type on the wire of a value; of a list that of its elements, of a struct that of its members."""

    wire: WireType | None = None
    """By the value itself where there is none."""
    item: Shape | None = None
    members: Mapping[str, Shape] = field(default_factory=dict)


_PLAIN = Shape()


@dataclass(frozen=True, slots=True)
class XmlRpc:
    """One method; its parameters go by position."""

    method: str
    order: tuple[str, ...]
    shapes: Mapping[str, Shape]
    media: str = "text/xml"
    accept: str = "text/xml"

    def write(self, value: JsonValue) -> bytes:
        arguments = value if isinstance(value, dict) else {}
        root = etree.Element("methodCall")
        etree.SubElement(root, "methodName").text = self.method
        params = etree.SubElement(root, "params")
        for name, each in zip(self.order, by_position(self.order, arguments), strict=False):
            param = etree.SubElement(params, "param")
            _write(etree.SubElement(param, "value"), each, self.shapes.get(name, _PLAIN))
        return etree.tostring(root, xml_declaration=True, encoding="utf-8")

    def read(self, asked: bytes | None, answer: bytes) -> Said:
        del asked  # nothing in an answer says which call it belongs to
        try:
            root = parse_xml(answer)
        except CodecError as error:
            raise Unusable(f"it is no XML-RPC response: {error}") from error
        if (fault := _fault(root, None)) is not None:
            raise fault
        found = root.findall("params/param/value")
        if root.tag != "methodResponse" or len(found) != 1:
            raise Unusable("it is no XML-RPC response with one value")
        return Said(_read(found[0]))

    def failure(self, status: int, answer: bytes) -> BackendError | None:
        try:
            return _fault(parse_xml(answer), status)
        except (CodecError, Unusable):
            return None


def _fault(root: etree._Element, status: int | None) -> BackendError | None:
    node = root.find("fault/value")
    value = None if node is None else _read(node)
    if not isinstance(value, dict):
        return None
    code, text = value.pop("faultCode", 0), value.pop("faultString", "")
    known = code if isinstance(code, int | str) and not isinstance(code, bool) else 0
    return faulted(known, text if isinstance(text, str) else "", value or None, status)


# -- arguments ----------------------------------------------------------------------------------------


def _write(node: etree._Element, value: JsonValue, shape: Shape) -> None:
    if isinstance(value, list):
        data = etree.SubElement(etree.SubElement(node, "array"), "data")
        for each in value:
            _write(etree.SubElement(data, "value"), each, shape.item or _PLAIN)
    elif isinstance(value, dict):
        struct = etree.SubElement(node, "struct")
        for name, each in value.items():
            member = etree.SubElement(struct, "member")
            etree.SubElement(member, "name").text = _text(name)
            inner = shape.members.get(name, _PLAIN)
            _write(etree.SubElement(member, "value"), each, inner)
    else:
        name, text = _scalar(value, shape.wire)
        etree.SubElement(node, name).text = text


def _scalar(value: str | float | None, wire: WireType | None) -> tuple[str, str | None]:
    if value is None:
        return "nil", None
    if isinstance(value, bool):
        return "boolean", str(int(value))
    if isinstance(value, str):
        return wire or "string", _of_text(value, wire)
    if wire == "double" or not isinstance(value, int):
        return "double", format(Decimal(repr(value)), "f")  # XML-RPC has no exponents
    name = "i8" if wire == "i8" else "int"
    least, most = INT64 if name == "i8" else INT32
    if not least <= value <= most:
        raise WrongContent(f"{value} is no {name} of XML-RPC, which goes from {least} to {most}")
    return name, str(value)


def _of_text(text: str, wire: WireType | None) -> str:
    if wire == "dateTime.iso8601":
        return _moment(text)
    if wire == "base64":
        try:
            return base64.b64encode(base64.b64decode(text, validate=True)).decode()
        except (binascii.Error, ValueError):
            raise WrongContent("it is no Base64") from None
    return _text(text)


def _moment(text: str) -> str:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise WrongContent("it is no date with a time, such as 2026-11-24T09:30:00Z") from None
    if moment.tzinfo is not None:
        moment = moment.astimezone(dt.UTC)
    return moment.strftime("%Y%m%dT%H:%M:%S")


def _text(text: str) -> str:
    try:
        etree.Element("x").text = text
    except ValueError:
        raise WrongContent("it holds a character that XML cannot carry") from None
    return text


# -- answers ------------------------------------------------------------------------------------------


def _read(node: etree._Element) -> JsonValue:
    """Of a `value` element. Raises Unusable."""
    if not len(node):
        return node.text or ""  # a text needs no `string` around it
    inner = node[0]
    kind = etree.QName(inner).localname
    if kind == "array":
        return [_read(each) for each in inner.findall("data/value")]
    if kind == "struct":
        return _struct(inner)
    text = inner.text or ""
    try:
        return _plain(kind, text)
    except ValueError:
        raise Unusable(f"{text[:40]!r} in it is no {kind} of XML-RPC") from None


def _struct(node: etree._Element) -> JsonObject:
    found: JsonObject = {}
    for member in node.findall("member"):
        value = member.find("value")
        if value is None:
            raise Unusable("a member of a struct in it has no value")
        found[member.findtext("name") or ""] = _read(value)
    return found


def _plain(kind: str, text: str) -> JsonValue:
    """Raises ValueError."""
    if kind == "nil":
        return None
    if kind not in _READERS:
        raise ValueError(kind)
    return _READERS[kind](text)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _integer(text: str) -> int | str:
    number = int(text)
    least, most = INT64
    return number if least <= number <= most else str(number)


def _told_moment(text: str) -> str:
    """`19980717T14:08:55` as `1998-07-17T14:08:55`; a zone or fraction behind it stays."""
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    year, month, day, hour, minute, second, rest = found.groups()
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}{rest}"


_READERS: Mapping[str, Callable[[str], JsonValue]] = {
    **dict.fromkeys(("int", "i1", "i2", "i4", "i8", "biginteger"), _integer),
    **dict.fromkeys(("double", "float"), _number),
    **dict.fromkeys(("dateTime.iso8601", "dateTime"), _told_moment),
    **dict.fromkeys(("string", "bigdecimal"), str),
    "boolean": lambda text: bool(("0", "1").index(text.strip())),
    "base64": lambda text: "".join(text.split()),
}
