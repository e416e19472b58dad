"""Checks the finished body against the contract's own XSD, as a careful server would.

Only the part of the schemas that an operation can reach is compiled, from copies in memory: a hole or a
contradiction elsewhere in the contract does not matter. What the JSON Schema could not say (dates in
range, patterns on numbers, keys) is caught here, before the first byte leaves.
"""

from __future__ import annotations

import contextlib
import copy
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from lxml import etree

from drawbar.backends.soap.contract.catalog import CATALOG
from drawbar.backends.soap.contract.encoding import (
    ENCODINGS,
    Held,
    declare_array,
    held_by,
    prefixed,
)
from drawbar.backends.soap.contract.mend import meant_by
from drawbar.backends.soap.contract.texts import builtin
from drawbar.backends.soap.contract.wsdl import Contract, Operation
from drawbar.backends.soap.contract.xsd import (
    XML,
    XSD,
    Component,
    SchemaDocument,
    SchemaIndex,
    Unresolved,
    clark,
    local,
    split,
)
from drawbar.backends.soap.message.lenient import drop_bad_patterns, make_deterministic

DeclareArray: TypeAlias = Callable[[etree._Element, Held, str], None]  # noqa: SLF001 -- lxml has no other name for it
"""Adds a SOAP-encoded array to a schema, under a name."""
_REFERENCES = {
    "type": "type",
    "base": "type",
    "itemType": "type",
    "memberTypes": "type",
    "substitutionGroup": "element",
}
_ALWAYS = frozenset({"anyType", "anySimpleType"})
_OCCURS = "id minOccurs maxOccurs"
_ATTRIBUTES: Mapping[str, frozenset[str]] = {
    f"{{{XSD}}}{tag}": frozenset(words.split())
    for tag, words in {
        "complexType": "id name abstract block final mixed",
        "simpleType": "id name final",
        "element": f"{_OCCURS} name ref type substitutionGroup default fixed form nillable abstract block final",
        "attribute": "id name ref type use default fixed form",
        "sequence": _OCCURS,
        "choice": _OCCURS,
        "all": _OCCURS,
        "group": f"{_OCCURS} name ref",
        "attributeGroup": "id name ref",
        "complexContent": "id mixed",
        "simpleContent": "id",
        "extension": "id base",
        "restriction": "id base",
    }.items()
}
"""What may stand in a schema. Tools let other words pass, and contracts in the field have them; libxml2 does not."""
_PLACE = "drawbar:/schema/{}.xsd"
_XML_PLACE = _PLACE.format("xml")


class Check:
    """The compiled schema of elements, such as those of an operation's body; shared by threads."""

    def __init__(self, contract: Contract, declared: Iterable[Component]) -> None:
        self._lock = threading.Lock()
        self._schema = _compiled(contract, declared)

    @property
    def works(self) -> bool:
        """False where libxml2 does not take the contract's schema; then nothing is checked."""
        return self._schema is not None

    @property
    def is_free(self) -> bool:
        """Whether no thread is checking a body right now."""
        return not self._lock.locked()

    def problem(self, body: etree._Element) -> str | None:
        """What is wrong with a body, in one line; None when it is valid."""
        if self._schema is None:
            return None
        with self._lock:  # the error log belongs to the schema, not to the call
            if self._schema.validate(body):
                return None
            lines = str(self._schema.error_log).splitlines()
        return _spoken(lines[0].split(": ", 1)[-1]) if lines else "it is not valid"


_NAMESPACE = re.compile(r"\{[^{}]*\}(?=\w)")


def _spoken(message: str) -> str:
    """libxml2's message without the namespaces in front of names; braces around sets of values stay."""
    return _NAMESPACE.sub("", message)


def body_check(contract: Contract, operation: Operation) -> Check:
    return Check(contract, operation.sent.declared)


def _compiled(contract: Contract, declared: Iterable[Component]) -> etree.XMLSchema | None:
    declared = tuple(declared)
    if not declared:
        return None
    try:
        documents = schemas_for(contract.index, declared, declare_array)
    except Unresolved:
        return None
    for mend in (_leave, drop_bad_patterns, make_deterministic):
        for roots in documents.values():
            for root in roots:
                mend(root)
        parser = etree.XMLParser(no_network=True, resolve_entities=False, load_dtd=False)
        parser.resolvers.add(_Resolver(documents))
        with contextlib.suppress(etree.XMLSchemaParseError, etree.XMLSyntaxError):
            return etree.XMLSchema(etree.fromstring(_driver(documents), parser))
    return None


def _leave(root: etree._Element) -> None:
    """As it is, which most are."""


class _Resolver(etree.Resolver):
    """Answers imports from memory, and every other address with nothing."""

    def __init__(self, documents: dict[str, list[etree._Element]]) -> None:
        super().__init__()
        self._texts = {
            _PLACE.format(f"{number}-{part}"): etree.tostring(root)
            for number, roots in enumerate(documents.values())
            for part, root in enumerate(roots)
        }
        self._texts[_XML_PLACE] = CATALOG[XML].encode()
        for number, (namespace, roots) in enumerate(documents.items()):
            self._texts[_PLACE.format(number)] = _included(number, namespace, len(roots))

    def resolve(self, system_url: str, public_id: str, context: object) -> object:  # type: ignore[override]  # noqa: ARG002 -- lxml's signature; the stubs lack the context
        text = self._texts.get(system_url, b"<none/>")
        return self.resolve_string(text, context, base_url=system_url)


def _driver(documents: dict[str, list[etree._Element]]) -> bytes:
    # Only a schema with a namespace of its own may import one that has none.
    root = etree.Element(f"{{{XSD}}}schema", nsmap={"xs": XSD}, targetNamespace="drawbar:/schema")
    for number, namespace in enumerate(documents):
        node = etree.SubElement(root, f"{{{XSD}}}import", schemaLocation=_PLACE.format(number))
        if namespace:
            node.set("namespace", namespace)
    return etree.tostring(root)


def _included(number: int, namespace: str, count: int) -> bytes:
    root = etree.Element(f"{{{XSD}}}schema", nsmap={"xs": XSD})
    if namespace:
        root.set("targetNamespace", namespace)
    for part in range(count):
        etree.SubElement(
            root, f"{{{XSD}}}include", schemaLocation=_PLACE.format(f"{number}-{part}")
        )
    return etree.tostring(root)


def schemas_for(
    index: SchemaIndex, starts: Iterable[Component], array: DeclareArray
) -> dict[str, list[etree._Element]]:
    """Small schemas by namespace that hold what these elements can reach. Raises Unresolved."""
    return _Reach(index, array).documents(starts)


class _Reach:
    """Collects the components an operation can reach, and copies them into small schemas."""

    def __init__(self, index: SchemaIndex, array: DeclareArray) -> None:
        self._index = index
        self._array = array
        self._found: dict[tuple[str, str], Component] = {}
        self._waiting: list[Component] = []

    def documents(self, starts: Iterable[Component]) -> dict[str, list[etree._Element]]:
        """Schemas by namespace, one for each document that gave something. Raises Unresolved."""
        for start in starts:
            name = clark(start.document.namespace, start.get("name") or "")
            self._take(("element", name), start)
        while self._waiting:
            self._follow(self._waiting.pop())
        by_document: dict[SchemaDocument, list[Component]] = defaultdict(list)
        for component in self._found.values():
            by_document[component.document].append(component)
        roots = {
            document: self._copied(document, by_document[document]) for document in by_document
        }
        by_namespace: dict[str, list[etree._Element]] = defaultdict(list)
        for document, root in roots.items():
            by_namespace[document.namespace].append(root)
        for namespace, group in by_namespace.items():
            for root in group:
                _import_all(root, namespace, list(by_namespace))
        return by_namespace

    def _copied(self, document: SchemaDocument, components: list[Component]) -> etree._Element:
        root = _empty_copy(document, components)
        for component in components:
            held = self._held(component)
            if held is not None:
                self._array(root, held, component.get("name") or "")
            else:
                root.append(_lax_copy(component.node))
        if self._index.meant:
            _say_what_was_meant(root, document, self._index.meant)
        return root

    def _held(self, component: Component) -> Held | None:
        """What a SOAP-encoded array holds; the arrays of the encodings themselves stay as they are."""
        if component.tag != "complexType" or component.document.namespace in ENCODINGS.values():
            return None
        return held_by(component, self._index)

    def _take(self, key: tuple[str, str], component: Component) -> None:
        if key not in self._found:
            self._found[key] = component
            self._waiting.append(component)

    def _follow(self, component: Component) -> None:
        """Everything a component names, and what may stand in its place."""
        held = self._held(component)
        if held is not None and held.type is not None:
            self._name("type", held.type, held.user)
        for node in component.node.iter():
            inner = Component(node, component.document)
            if ref := node.get("ref"):
                self._name(local(node.tag), inner.name(ref), inner)
            allowed = _ATTRIBUTES.get(str(node.tag), _REFERENCES)
            for attribute, table in _REFERENCES.items():
                for text in (node.get(attribute) or "").split() if attribute in allowed else ():
                    self._name(table, inner.name(text), inner, stands=attribute == "type")

    def _name(self, table: str, name: str, user: Component, *, stands: bool = True) -> None:
        """What a name means and, where an element `stands` for it, what may stand in its place."""
        namespace, last = split(name)
        if namespace == XML or (namespace == XSD and not self._is_of_the_contract(table, last)):
            return
        found = self._index.find(table, name, user)
        name = self._index.meant.get(name, name)
        self._take((table, name), found)
        if table == "element":
            self._take_all(table, name, self._index.members)
        elif table == "type" and stands and found.get("abstract") in {"true", "1"}:
            self._take_all(table, name, self._index.derived)

    def _is_of_the_contract(self, table: str, name: str) -> bool:
        """Whether a name that is written as one of XML Schema is not, and means a type of the contract."""
        known = name in _ALWAYS or builtin(name) is not None
        return not known and self._index.nearly(table, clark(XSD, name)) is not None

    def _take_all(self, table: str, name: str, below: Mapping[str, list[str]]) -> None:
        """Everything below a name, at any distance."""
        waiting = list(below.get(name, ()))
        seen = set(waiting)
        while waiting:
            each = waiting.pop()
            self._take((table, each), self._index.tables[table][each])
            waiting.extend(new for new in below.get(each, ()) if new not in seen)
            seen.update(below.get(each, ()))


def _lax_copy(node: etree._Element) -> etree._Element:
    """A copy whose wildcards take elements that are not among the copies, without a slip that tools let pass."""
    made = copy.deepcopy(node)
    for inner in made.iter(*_ATTRIBUTES):
        for name in set(inner.attrib) - _ATTRIBUTES[str(inner.tag)]:
            if not str(name).startswith("{"):
                del inner.attrib[name]
    for wildcard in (f"{{{XSD}}}any", f"{{{XSD}}}anyAttribute"):
        for found in made.iter(wildcard):
            found.set("processContents", "lax")
    return made


def _say_what_was_meant(
    root: etree._Element, document: SchemaDocument, meant: Mapping[str, str]
) -> None:
    """Names that nothing has, replaced by those that were meant: no other tool would find them."""
    for node in root.iter():
        user = Component(node, document)
        for attribute in ("ref", *_REFERENCES):
            texts = (node.get(attribute) or "").split()
            if any(user.name(text) in meant for text in texts):
                names = (meant.get(name := user.name(text), name) for text in texts)
                node.set(attribute, " ".join(prefixed(node, name) for name in names))


def _empty_copy(document: SchemaDocument, components: list[Component]) -> etree._Element:
    """A schema with the document's prefixes and defaults and nothing in it.

    Prefixes declared further down are declared here too: where a node is moved into a tree that knows its
    namespace by another prefix, lxml takes the declaration away, and the names in its attributes hang loose.
    """
    prefixes = dict(document.root.nsmap)
    for component in components:
        for node in component.node.iter():
            prefixes = {**node.nsmap, **prefixes}
            for prefix in _prefixes(node) - prefixes.keys() - {"xml"}:
                if namespace := meant_by(prefix, component.node):
                    prefixes[prefix] = namespace
    if None not in prefixes and document.namespace:
        prefixes[None] = document.namespace
    root = etree.Element(f"{{{XSD}}}schema", nsmap=prefixes)  # type: ignore[arg-type]  # the stubs know no default namespace
    for name in ("elementFormDefault", "attributeFormDefault", "blockDefault", "finalDefault"):
        if value := document.root.get(name):
            root.set(name, value)
    if document.namespace:
        root.set("targetNamespace", document.namespace)
    return root


def _prefixes(node: etree._Element) -> set[str]:
    """Those of the names in a node's attributes."""
    values = (node.get(attribute) for attribute in ("ref", *_REFERENCES))
    texts = (text for value in values if value and ":" in value for text in value.split())
    return {text.partition(":")[0] for text in texts if ":" in text}


def _import_all(root: etree._Element, own: str, namespaces: list[str]) -> None:
    """Contracts forget imports; the copies have all of them."""
    for number, namespace in enumerate(namespaces):
        if namespace != own:
            _import(root, namespace, _PLACE.format(number))
    _import(root, XML, _XML_PLACE)


def _import(root: etree._Element, namespace: str, place: str) -> None:
    node = etree.Element(f"{{{XSD}}}import", schemaLocation=place)
    if namespace:
        node.set("namespace", namespace)
    root.insert(0, node)
