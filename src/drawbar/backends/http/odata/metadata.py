"""`$metadata` of an OData service (CSDL), as far as requests are made by it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from lxml import etree

from drawbar.codecs.codec import CodecError
from drawbar.codecs.markup import parse_xml

Version: TypeAlias = Literal[2, 4]
_COLLECTION = re.compile(r"Collection\((.+)\)")


class UnreadableMetadata(Exception):
    """What was read is no metadata of OData v2 or v4; the text says why."""


@dataclass(frozen=True, slots=True)
class Type:
    """Of a value: `Edm.String`, or a complex type or enumeration of the service's own, by its full name."""

    name: str
    collection: bool = False
    nullable: bool = True
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class Property:
    name: str
    type: Type
    description: str | None = None
    computed: bool = False
    """The service fills it, so nobody sends it."""


@dataclass(frozen=True, slots=True)
class Structure:
    """An entity type or a complex type, with what it inherits."""

    name: str
    key: tuple[str, ...]
    properties: Mapping[str, Property]
    navigations: Mapping[str, str]
    """Full names of the types behind them."""
    above: tuple[str, ...] = ()
    """Full names of the types it inherits from."""
    has_stream: bool = False
    """Each entity is a file with properties (`HasStream`)."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A function or an action; in v2 a function import."""

    name: str
    path: str
    """As it stands in a URL."""
    method: Literal["GET", "POST"]
    parameters: tuple[Property, ...]
    bound_to: str | None = None
    """The full name of the entity type whose single entities have it."""


@dataclass(slots=True)
class Metadata:
    """One service."""

    version: Version
    sets: dict[str, str] = field(default_factory=dict)
    """Full names of entity types, by entity set."""
    singletons: dict[str, str] = field(default_factory=dict)
    """The same of what there is one of, which has no key in its path."""
    structures: dict[str, Structure] = field(default_factory=dict)
    enumerations: dict[str, tuple[str, ...]] = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)

    def entity(self, name: str) -> Structure:
        """Of a set or a singleton."""
        return self.structures[self.sets.get(name) or self.singletons[name]]


def read_metadata(data: bytes) -> Metadata:
    """Raises UnreadableMetadata."""
    try:
        root = parse_xml(data)
    except CodecError as error:
        raise UnreadableMetadata(str(error)) from error
    if etree.QName(root).localname != "Edmx":
        raise UnreadableMetadata("it is no EDMX document, as a service answers to /$metadata")
    return _Reading(root, _version(root)).run()


def _version(root: etree._Element) -> Version:
    if root.get("Version", "").startswith("4"):
        return 4
    services = next(_all(root, "DataServices"), None)
    attributes = (
        {} if services is None else {_local(str(k)): str(v) for k, v in services.attrib.items()}
    )
    told = attributes.get("DataServiceVersion", "2.0")
    if told[:1] in "12":
        return 2
    raise UnreadableMetadata(f"its version is {told}; 2.0 and 4.0 are read")


class _Reading:
    def __init__(self, root: etree._Element, version: Version) -> None:
        self._root = root
        self._found = Metadata(version)
        self._aliases: dict[str, str] = {}
        self._nodes: dict[str, etree._Element] = {}

    def run(self) -> Metadata:
        schemas = list(_all(self._root, "Schema"))
        for schema in schemas:
            namespace = schema.get("Namespace", "")
            self._aliases[schema.get("Alias", namespace)] = namespace
            for node in schema:
                if node.get("Name"):
                    self._nodes.setdefault(f"{namespace}.{node.get('Name')}", node)
        self._types()
        for container in _all(self._root, "EntityContainer"):
            self._container(container)
        if self._found.version == 4:  # noqa: PLR2004 -- the version
            for schema in schemas:
                self._bound(schema)
        found = self._found
        if not (found.sets or found.singletons or found.operations):
            raise UnreadableMetadata("it has no entity set and no operation")
        return self._found

    def _types(self) -> None:
        for name, node in self._nodes.items():
            kind = _local(node.tag)
            if kind in ("EntityType", "ComplexType"):
                self._found.structures[name] = self._structure(name, frozenset())
            elif kind == "EnumType":
                members = tuple(each.get("Name", "") for each in _children(node, "Member"))
                self._found.enumerations[name] = members

    def _structure(self, name: str, above: frozenset[str]) -> Structure:
        node = self._nodes[name]
        base = self._full(node.get("BaseType", ""))
        key: tuple[str, ...] = ()
        bases: tuple[str, ...] = ()
        streams = {k: v for k, v in node.attrib.items() if _local(str(k)) == "HasStream"}
        has_stream = "true" in streams.values()
        properties: dict[str, Property] = {}
        navigations: dict[str, str] = {}
        if base in self._nodes and base not in above:
            inherited = self._structure(base, above | {name})
            key = inherited.key
            properties |= inherited.properties
            navigations |= inherited.navigations
            bases = (base, *inherited.above)
            has_stream = has_stream or inherited.has_stream
        own = [each.get("Name", "") for each in _all(node, "PropertyRef")]
        for each in _children(node, "Property"):
            properties[each.get("Name", "")] = self._property(each)
        for each in _children(node, "NavigationProperty"):
            navigations[each.get("Name", "")] = self._behind(each)
        return Structure(name, tuple(own) or key, properties, navigations, bases, has_stream)

    def _behind(self, node: etree._Element) -> str:
        """v4 says the type itself, v2 an association and the role in it."""
        if node.get("Type"):
            return self._type(node).name
        association = self._nodes.get(self._full(node.get("Relationship", "")))
        ends = () if association is None else _children(association, "End")
        found = [each.get("Type", "") for each in ends if each.get("Role") == node.get("ToRole")]
        return self._full(found[0]) if found else ""

    def _property(self, node: etree._Element) -> Property:
        attributes = {_local(str(key)): str(value) for key, value in node.attrib.items()}
        said = attributes.get("quickinfo") or attributes.get("label")
        computed = attributes.get("StoreGeneratedPattern") in ("Identity", "Computed")
        for each in _children(node, "Annotation"):
            term = each.get("Term", "").rpartition(".")[2]
            if term in ("Description", "LongDescription") and said is None:
                said = each.get("String")
            if term == "Computed" and each.get("Bool", "true") == "true":
                computed = True
        return Property(node.get("Name", ""), self._type(node), said, computed)

    def _type(self, node: etree._Element) -> Type:
        text = node.get("Type", "Edm.String")
        match = _COLLECTION.fullmatch(text)
        length = node.get("MaxLength", "")
        return Type(
            self._full(match[1] if match else text),
            match is not None,
            node.get("Nullable", "true") != "false",
            int(length) if length.isdecimal() else None,
        )

    def _full(self, name: str) -> str:
        head, dot, last = name.rpartition(".")
        return f"{self._aliases.get(head, head)}{dot}{last}"

    def _container(self, container: etree._Element) -> None:
        found = self._found
        for each in _children(container, "EntitySet"):
            target = self._full(each.get("EntityType", ""))
            if target in found.structures:
                found.sets[each.get("Name", "")] = target
        for each in _children(container, "Singleton"):
            target = self._full(each.get("Type", ""))
            if target in found.structures:
                found.singletons[each.get("Name", "")] = target
        for each in container:
            kind, name = _local(str(each.tag)), each.get("Name", "")
            if found.version == 2 and kind == "FunctionImport":  # noqa: PLR2004 -- the version
                attributes = {_local(str(k)): str(v) for k, v in each.attrib.items()}
                post = attributes.get("HttpMethod", "GET") == "POST"
                found.operations[name] = Operation(
                    name, name, "POST" if post else "GET", self._parameters(each)
                )
            elif kind in ("FunctionImport", "ActionImport"):
                node = self._nodes.get(self._full(each.get("Function") or each.get("Action") or ""))
                if node is not None and node.get("IsBound") != "true":
                    method: Literal["GET", "POST"] = "GET" if kind == "FunctionImport" else "POST"
                    found.operations[name] = Operation(name, name, method, self._parameters(node))

    def _bound(self, schema: etree._Element) -> None:
        """Those of single entities; the first parameter is the entity."""
        for kind in ("Function", "Action"):
            for node in _children(schema, kind):
                if node.get("IsBound") != "true":
                    continue
                parameters = self._parameters(node)
                if not parameters or parameters[0].type.collection:
                    continue
                name = node.get("Name", "")
                self._found.operations.setdefault(
                    name,
                    Operation(
                        name,
                        f"{schema.get('Namespace')}.{name}",
                        "GET" if kind == "Function" else "POST",
                        parameters[1:],
                        parameters[0].type.name,
                    ),
                )

    def _parameters(self, node: etree._Element) -> tuple[Property, ...]:
        return tuple(
            self._property(each)
            for each in _children(node, "Parameter")
            if each.get("Mode") != "Out"
        )


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _children(node: etree._Element, name: str) -> Iterator[etree._Element]:
    return (each for each in node if _local(each.tag) == name)


def _all(node: etree._Element, name: str) -> Iterator[etree._Element]:
    return (each for each in node.iter() if _local(each.tag) == name)
