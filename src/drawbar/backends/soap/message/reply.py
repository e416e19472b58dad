"""From the bytes of an answer to a value: typed where the contract knows the element, never losing any.

Servers in the field leave out, add and reorder elements. So the reply is read by name, not by order, and
what the contract does not know is kept as it stands; notes say where a reply leaves its contract.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lxml import etree

from drawbar.backends.soap.contract.documents import UnreadableXml, parse_xml
from drawbar.backends.soap.contract.shape import Attribute, Content, Item, Record
from drawbar.backends.soap.contract.shaping import Shapes
from drawbar.backends.soap.contract.texts import Text, full_names
from drawbar.backends.soap.contract.xsd import (
    XSI,
    Component,
    SchemaDocument,
    Unresolved,
    clark,
    local,
    split,
)
from drawbar.backends.soap.message.arrays import element_of, layout_of
from drawbar.backends.soap.message.binary import BINARY, MEDIA_TYPE, Bytes
from drawbar.backends.soap.message.expected import Expected, expected_of
from drawbar.backends.soap.message.remarks import Remarks
from drawbar.backends.soap.message.request import ENVELOPES
from drawbar.backends.soap.publish.schema import TYPE
from drawbar.kernel.ports import Cut
from drawbar.kernel.values import JsonObject, JsonValue

_GENERIC = frozenset(
    {"client", "server", "sender", "receiver", "versionmismatch", "mustunderstand"}
)
"""Fault codes of SOAP itself, which say nothing about what went wrong."""
_CODES = frozenset(
    {"code", "errorcode", "faultcode", "error_code", "errcode", "errorid", "errornumber"}
)
_NIL = f"{{{XSI}}}nil"
_KIND = f"{{{XSI}}}type"
_TRUE = frozenset({"true", "1"})
_FAULTS = frozenset(f"{{{namespace}}}Fault" for namespace in ENVELOPES.values())
_BODIES = {f"{{{namespace}}}Envelope": f"{{{namespace}}}Body" for namespace in ENVELOPES.values()}
_NAMING = frozenset({"QName", "list"})
"""Types whose texts may hold names that a prefix makes full."""
TEXT = "_text"
"""Under this name stands the whole text of an element with mixed content."""


class NoEnvelope(ValueError):
    """The answer is no SOAP envelope; the message says what it is instead."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The server's own no."""

    code: str
    """What an adapter matches: the application's code where there is one, else the fault code."""
    fault_code: str
    text: str
    actor: str | None
    detail: JsonValue
    facts: Mapping[str, str]


@dataclass(slots=True)
class Reading:
    """Reads one answer; collects what a reader should know about it."""

    shapes: Shapes
    encoded: bool = False
    """SOAP encoding leaves out what has no value, and knows no order."""
    shown: Bytes | None = None
    """How bytes are shown; None: as they are written."""
    remarks: Remarks = field(default_factory=Remarks)

    def root(self, node: etree._Element, item: Item | None, *, rpc: bool = False) -> JsonValue:
        """The value of the body's element, which some servers give another name than the contract.

        The wrapper of an rpc reply may have any name (SOAP 1.1, section 7.1).
        """
        if item is not None and not rpc and local(str(node.tag)) != item.name:
            self.remarks.unknown[local(str(node.tag))] = None
            return generic(node)
        return self.element(node, item)

    # -- typed ----------------------------------------------------------------------------------

    def element(self, node: etree._Element, item: Item | None) -> JsonValue:
        """The value of one element; None for nil."""
        if node.get(_NIL) in _TRUE:
            return None
        if item is None:
            return generic(node)
        kind = item.type
        if isinstance(kind, Text):
            if kind.base != "anyType":
                return self._simple(node, kind, item.name)
            kind = self._said(node) or kind
        if isinstance(kind, Text):
            return self._simple(node, kind, item.name)
        try:
            found = actual(node, kind)
            return self.record(node, found, named=found is not kind)
        except Unresolved:
            return generic(node)  # a hole in the contract costs the types, not the data

    def record(self, node: etree._Element, record: Record, *, named: bool = False) -> JsonValue:
        content = record.content
        if content.array:
            return self._array(node, content)
        value: JsonObject = {}
        if named:
            value[TYPE] = record.label
        self._attributes(node, content, value)
        if content.text is not None and not len(node):
            name = content.text_name
            value[name] = self._simple(node, content.text, local(str(node.tag)))
            return value
        self._children(node, expected_of(record), value)
        if (text := text_between(node)) is not None:
            value[TEXT] = text
        return value

    def _array(self, node: etree._Element, content: Content) -> JsonValue:
        try:
            layout = layout_of(node)
        except ValueError:
            layout = None
            self.remarks.odd[local(str(node.tag))] = None
        is_flat = layout is not None and layout.is_flat
        if content.rank > 1 and not is_flat and not any(len(child) for child in node):
            is_flat = True  # without its sizes, but no rows are there either
        item = element_of(content, content.rank if is_flat else 1)
        values = [self.element(child, item) for child in node]
        try:
            return values if layout is None else layout.arranged(values)
        except ValueError:
            self.remarks.odd[local(str(node.tag))] = None
            return values

    def _said(self, node: etree._Element) -> Text | Record | None:
        """The type that an element says of itself, where the contract leaves it open."""
        user = Component(node, SchemaDocument(node, "", "reply"))
        try:
            return self.shapes.type_of(user.name(node.get(_KIND) or "xs:"), user)
        except Unresolved:
            return None

    def _simple(self, node: etree._Element, kind: Text, name: str) -> JsonValue:
        if len(node):
            return generic(node)
        written = node.text or ""
        if self.shown is not None and kind.base in BINARY:
            instead = self.shown.of_text(written, kind.base, node.get(MEDIA_TYPE))
            if instead is not None:
                return instead
        return self._text(kind, written, name, node)

    def _text(self, kind: Text, written: str, name: str, node: etree._Element) -> JsonValue:
        if kind.base in _NAMING:
            written = full_names(kind, written, node)
        value = kind.read(written)
        if not kind.is_read(value):
            self.remarks.odd[name] = None
        return value

    def _attributes(self, node: etree._Element, content: Content, value: JsonObject) -> None:
        if not node.attrib:
            return
        known: dict[str, Attribute] = {each.tag: each for each in content.attributes}
        for tag, text in node.attrib.items():
            tag_name, written = str(tag), str(text)
            if split(tag_name)[0] == XSI:
                continue
            attribute = known.get(tag_name) or known.get(local(tag_name))
            if attribute is not None:
                value[attribute.name] = self._text(attribute.type, written, attribute.name, node)
            else:
                value[local(tag_name)] = written

    def _children(self, node: etree._Element, expected: Expected, value: JsonObject) -> None:
        met: list[str] = []
        parts = expected.parts
        for child in node:
            tag = str(child.tag)
            found = parts.get(tag) or parts.get(local(tag))
            if found is None:
                self.remarks.unknown[local(tag)] = None
                add(value, local(tag), generic(child), repeated=local(tag) in value)
                continue
            item, repeated = found
            name = item.name
            met.append(name)
            part = self.element(child, item)
            if repeated or name in value:
                add(value, name, part, repeated=True)
            else:
                value[name] = part
        if not self.encoded:
            self._compare(node, met, expected)
        for name in expected.lists:
            value.setdefault(name, [])  # no element is an empty list

    def _compare(self, node: etree._Element, met: list[str], expected: Expected) -> None:
        for names in expected.required:
            if names.isdisjoint(met):
                self.remarks.missing[" or ".join(sorted(names))] = None
        if not expected.is_in_order(met):
            self.remarks.misordered[local(str(node.tag))] = None


def actual(node: etree._Element, record: Record) -> Record:
    """The type an `xsi:type` names, when the contract has it."""
    kind = node.get(_KIND)
    if kind is None:
        return record
    prefix, _, name = kind.strip().rpartition(":")
    return record.heir(clark(node.nsmap.get(prefix or None) or "", name)) or record


def add(value: JsonObject, name: str, part: JsonValue, *, repeated: bool) -> None:
    if not repeated:
        value[name] = part
        return
    have = value.get(name)
    if isinstance(have, list):
        have.append(part)
    else:
        value[name] = [have, part] if name in value else [part]


def generic(node: etree._Element) -> JsonValue:
    """Any XML as JSON: text, or an object of attributes and children; repeated children are a list."""
    if node.get(_NIL) in _TRUE:
        return None
    attributes = {
        local(str(tag)): str(text)
        for tag, text in node.attrib.items()
        if split(str(tag))[0] != XSI and local(str(tag)) != "encodingStyle"
    }
    if not len(node) and not attributes:
        return node.text or ""
    value: JsonObject = dict(attributes)
    for child in node:
        add(value, local(str(child.tag)), generic(child), repeated=local(str(child.tag)) in value)
    if not len(node):
        if said := (node.text or "").strip():
            value["value"] = said
    elif (text := text_between(node)) is not None:
        value[TEXT] = text
    return value


def text_between(node: etree._Element) -> str | None:
    """The whole text of an element, when some of it stands between its children; else None."""
    if _is_blank(node.text) and all(_is_blank(child.tail) for child in node):
        return None
    return " ".join("".join(str(part) for part in node.itertext()).split())


def _is_blank(text: str | None) -> bool:
    return text is None or not text or text.isspace()


# -- envelopes and faults -------------------------------------------------------------------------


def envelope_in(data: bytes) -> etree._Element:
    """Raises NoEnvelope."""
    try:
        root = parse_xml(data)
    except UnreadableXml as error:
        raise NoEnvelope(str(error)) from None
    if str(root.tag) not in _BODIES:
        raise NoEnvelope(f"its root is `{local(str(root.tag))}`, not a SOAP envelope")
    return root


def body_in(envelope: etree._Element) -> etree._Element:
    """Raises NoEnvelope."""
    wanted = _BODIES[str(envelope.tag)]
    body = next((child for child in envelope if child.tag == wanted), None)
    if body is None:
        raise NoEnvelope("the envelope has no body")
    return body


def says_something(node: etree._Element) -> bool:
    """Whether an element of the body holds anything: some servers answer calls that have no reply."""
    return len(node) > 0 or bool((node.text or "").strip())


def fault_in(body: etree._Element, reading: Reading) -> Fault | None:
    """The fault, when the body is one."""
    fault = next((node for node in body if node.tag in _FAULTS), None)
    return _fault(fault, reading) if fault is not None else None


def _fault(node: etree._Element, reading: Reading) -> Fault:
    parts = {local(str(child.tag)): child for child in node}
    code, subcodes = _said_codes(parts)
    reason = parts.get("Reason")
    text = _text(_child(reason, "Text")) if reason is not None else _text(parts.get("faultstring"))
    detail_node = parts.get("detail") if "detail" in parts else parts.get("Detail")
    detail = _detail(detail_node, reading)
    facts: dict[str, str] = {}
    _leaves(detail, facts)
    own = _last(code)
    chosen = _chosen(subcodes, own, facts)
    actor = _text(parts.get("faultactor")) or _text(parts.get("Role"))
    facts |= {"fault": chosen, "faultcode": own, "text": text}
    if subcodes:
        facts["subcode"] = ".".join(subcodes)
    if actor:
        facts["actor"] = actor
    return Fault(
        chosen, own, text or chosen or "the service answered a fault", actor, detail, facts
    )


def _said_codes(parts: Mapping[str, etree._Element]) -> tuple[str, list[str]]:
    """The fault code of either version, and the subcodes of SOAP 1.2."""
    if (block := parts.get("Code")) is None:
        return _text(parts.get("faultcode")), []
    return _text(_child(block, "Value")), [_last(each) for each in _subcodes(block)]


def _chosen(subcodes: Sequence[str], own: str, facts: Mapping[str, str]) -> str:
    """The first code that says something: the innermost, the fault's own, one of the detail."""
    codes = (v for name, v in facts.items() if name.rsplit(".", 1)[-1].lower() in _CODES and v)
    told = (each for each in (*subcodes[-1:], own, *codes) if each)
    return next((each for each in told if each.lower() not in _GENERIC), own)


def _subcodes(block: etree._Element) -> Iterator[str]:
    """Those of SOAP 1.2, from the outermost to the one inside all others."""
    inner = _child(block, "Subcode")
    while inner is not None:
        yield _text(_child(inner, "Value"))
        inner = _child(inner, "Subcode")


def _detail(node: etree._Element | None, reading: Reading) -> JsonValue:
    """The detail as JSON; elements that the contract declares are read by their types."""
    if node is None:
        return None
    if not len(node):
        return (node.text or "").strip() or None
    value: JsonObject = {}
    for child in node:
        tag = str(child.tag)
        user = Component(child, SchemaDocument(child, "", "reply"))
        try:
            item = reading.shapes.element(tag, user)
        except Unresolved:
            item = None
        add(value, local(tag), reading.element(child, item), repeated=local(tag) in value)
    return value


def _leaves(value: JsonValue, facts: dict[str, str]) -> None:
    """Every leaf of the detail as `detail.Name`; the first of a name counts."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, dict | list):
                _leaves(inner, facts)
            elif inner is not None:
                facts.setdefault(f"detail.{name}", _as_text(inner))
    elif isinstance(value, list):
        for inner in value:
            _leaves(inner, facts)


def _as_text(value: JsonValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _child(node: etree._Element, name: str) -> etree._Element | None:
    return next((child for child in node if local(str(child.tag)) == name), None)


def _text(node: etree._Element | None) -> str:
    return " ".join((node.text or "").split()) if node is not None else ""


def _last(code: str | None) -> str:
    """A fault code without its prefix and without the classes before its last dot of SOAP 1.1."""
    if not code:
        return ""
    name = code.rpartition(":")[2]
    head, _, rest = name.partition(".")
    return rest if rest and head.lower() in _GENERIC else name


# -- caps -----------------------------------------------------------------------------------------


def capped(value: JsonValue, most: int) -> tuple[JsonValue, tuple[Cut, ...]]:
    """The value with every list cut to `most` elements, and one Cut for each list that was."""
    if not _is_too_long(value, most):
        return value, ()
    cuts: list[Cut] = []
    return _capped(value, most, "reply", cuts), tuple(cuts)


def _is_too_long(value: JsonValue, most: int) -> bool:
    if isinstance(value, list):
        return len(value) > most or any(_is_too_long(each, most) for each in value)
    return isinstance(value, dict) and any(_is_too_long(each, most) for each in value.values())


def _capped(value: JsonValue, most: int, path: str, cuts: list[Cut]) -> JsonValue:
    if isinstance(value, dict):
        return {name: _capped(inner, most, name, cuts) for name, inner in value.items()}
    if not isinstance(value, list):
        return value
    if len(value) > most:
        cuts.append(
            Cut(most, len(value), "rows", f"ask for less of `{path}`, or raise `limits.rows`")
        )
    return [_capped(inner, most, path, cuts) for inner in value[:most]]
