"""The index of a contract's XML Schemas: every named component, found by its full name.

zeep throws most of a schema away (facets, documentation, fixed values), so the compiler reads the XSD
itself. Names are looked up across all documents, whatever they import: contracts in the field forget
imports, and a name has one meaning anyway. A name that leads nowhere is an `Unresolved` raised when
somebody needs it, so a hole in a contract costs only what falls through it.

Full names are written in Clark's notation, `{namespace}local`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree

from drawbar.backends.soap.contract.documents import UnreadableXml, locate
from drawbar.backends.soap.contract.mend import meant_by, read_contract_file

XSD = "http://www.w3.org/2001/XMLSchema"
WSDL = "http://schemas.xmlsoap.org/wsdl/"
XML = "http://www.w3.org/XML/1998/namespace"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
SCHEMA = f"{{{XSD}}}schema"

KINDS = {
    "element": "element",
    "complexType": "type",
    "simpleType": "type",
    "attribute": "attribute",
    "group": "group",
    "attributeGroup": "attributeGroup",
}
"""Tags of top-level components, and the table each is kept in: types share one."""

DOCUMENTATION = 400
"""Characters of documentation that are kept: the rest costs tokens and adds little."""


class Unresolved(Exception):
    """A name of the contract that nothing defines; says which, where and what to do."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


@dataclass(frozen=True, slots=True, eq=False)
class SchemaDocument:
    """One `xs:schema`, as it counts: an included document takes its includer's namespace."""

    root: etree._Element
    namespace: str
    file: str

    def qualifies(self, what: str) -> bool:
        """Whether local elements (or attributes) carry the namespace: `elementFormDefault`."""
        return self.root.get(f"{what}FormDefault") == "qualified"


@dataclass(frozen=True, slots=True, eq=False)
class Component:
    """A node of a schema and the document it stands in, which gives its names their meaning."""

    node: etree._Element
    document: SchemaDocument

    @property
    def tag(self) -> str:
        """The local name of the node, such as `complexType`."""
        return local(self.node.tag)

    def get(self, name: str) -> str | None:
        return self.node.get(name)

    def name(self, text: str) -> str:
        """The full name that a QName in the text of this node means. Raises Unresolved."""
        prefix, _, last = text.strip().rpartition(":")
        if not prefix:
            namespace = self.node.nsmap.get(None)
            # An included document without a namespace of its own means its includer's.
            return clark(self.document.namespace if namespace is None else namespace, last)
        if prefix == "xml":
            return clark(XML, last)
        namespace = self.node.nsmap.get(prefix) or meant_by(prefix, self.node)
        if namespace is None:
            raise Unresolved(
                f"{self.document.file}: the prefix of `{text}` in {describe(self)} is not declared",
                f"declare xmlns:{prefix} in {self.document.file}",
            )
        return clark(namespace, last)

    def own_name(self) -> str:
        """The name that this node declares. Raises Unresolved for one that no XML can carry."""
        name = self.get("name") or ""
        try:
            etree.QName(name)
        except ValueError:
            raise Unresolved(
                f"{self.document.file}: {describe(self)} cannot be written: `{name}` is no name of XML",
                f"correct the name in {self.document.file}",
            ) from None
        return name

    def children(self, *tags: str) -> list[Component]:
        """Child nodes of the schema language with one of these local names; all when none is named."""
        return [
            Component(node, self.document)
            for node in self.node
            if node.tag.startswith(f"{{{XSD}}}") and (not tags or local(node.tag) in tags)
        ]

    def child(self, *tags: str) -> Component | None:
        return next(iter(self.children(*tags)), None)

    def documentation(self) -> str | None:
        """The text of `xs:documentation`, on one line, clipped."""
        texts = [
            text_of(node)
            for annotation in self.children("annotation")
            for node in annotation.node
            if node.tag == f"{{{XSD}}}documentation"
        ]
        return clip(" ".join(texts))


@dataclass(frozen=True, slots=True)
class Missing:
    """An import or include that leads to no readable file."""

    file: str
    namespace: str
    location: str
    reason: str


_OTHER = {"type": "element", "element": "type"}
_SPOKEN = {"type": "a type", "element": "an element"}
_SHOWN = 5
"""Missing files that an error names."""


def _not_there(where: str, missing: Sequence[Missing]) -> Unresolved:
    """What some missing file, one of these, would have defined."""
    first = missing[0]
    if len(missing) == 1:
        return Unresolved(
            f"{where}, whose schema {first.file} imports from `{first.location}`: {first.reason}",
            f"put that schema beside {first.file}, as `{_file_name(first.location)}`",
        )
    told = ", ".join(f"`{each.location}` ({each.reason})" for each in missing[:_SHOWN])
    names = ", ".join(f"`{_file_name(each.location)}`" for each in missing[:_SHOWN])
    return Unresolved(
        f"{where}, which may be in what {first.file} imports: {told}",
        f"put those schemas beside {first.file}, as {names}",
    )


@dataclass(slots=True)
class SchemaIndex:
    """Every named component of a contract. Filled while loading, only read afterwards."""

    documents: list[SchemaDocument] = field(default_factory=list)
    looked_at: set[Path] = field(default_factory=set)
    """What was read, or looked for in vain."""
    missing: list[Missing] = field(default_factory=list)
    tables: dict[str, dict[str, Component]] = field(default_factory=lambda: defaultdict(dict))
    members: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Elements by the head of their substitution group."""
    derived: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Named types by the type they derive from directly."""
    meant: dict[str, str] = field(default_factory=dict)
    """Full names that nothing has, and those that were meant by them."""
    _elsewhere: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Namespaces that an import promised, by those that its file has instead."""
    _seen: set[tuple[str, str]] = field(default_factory=set)

    def find(self, table: str, name: str, user: Component) -> Component:
        """The component called `name`. Raises Unresolved with the file, the user and the remedy."""
        if found := self.tables[table].get(name):
            return found
        if found := self.nearly(table, name):
            return found
        namespace, last = split(name)
        where = f"{user.document.file}: {describe(user)} uses {table} `{last}` of namespace `{namespace}`"
        if missing := [each for each in self.missing if each.namespace == namespace]:
            raise _not_there(where, missing)
        if (other := _OTHER.get(table)) is not None and name in self.tables[other]:
            word = "ref" if other == "element" and user.tag == "element" else other
            raise Unresolved(
                f"{where}, and only {_SPOKEN[other]} is called that",
                f"write `{word}` instead of `{'ref' if user.get('ref') else table}` in {user.document.file}",
            )
        raise Unresolved(
            f"{where}, which no file defines",
            f"add the schema that defines `{last}`, or correct the name in {user.document.file}",
        )

    def nearly(self, table: str, name: str) -> Component | None:
        """What was meant by a name in a namespace that an import promised, or in that of XML Schema itself."""
        namespace, last = split(name)
        if namespace == XSD:
            others = {document.namespace for document in self.documents}
        else:
            others = self._elsewhere.get(namespace, set())
        names = [full for each in others if (full := clark(each, last)) in self.tables[table]]
        if len(names) != 1:
            return None
        self.meant[name] = names[0]
        return self.tables[table][names[0]]

    @property
    def files(self) -> frozenset[Path]:
        """Every file that was followed."""
        return frozenset(Path(path) for path, _ in self._seen)

    def knows(self, namespace: str) -> bool:
        """Whether any document of this namespace was read."""
        return any(document.namespace == namespace for document in self.documents)

    def add(self, root: etree._Element, path: Path, *, namespace: str | None = None) -> None:
        """Take in an `xs:schema` and whatever it includes and imports from files."""
        own = root.get("targetNamespace")
        document = SchemaDocument(root, (own or namespace) or "", path.name)
        self.documents.append(document)
        for node in root:
            component = Component(node, document)
            match local(node.tag):
                case "include":
                    self._follow(component, path, document.namespace)
                case "redefine":
                    self._follow(component, path, document.namespace)
                    self._redefine(component)
                case "import":
                    self._follow(component, path, None)
            if (table := KINDS.get(local(node.tag))) and (name := node.get("name")):
                self.tables[table].setdefault(clark(document.namespace, name), component)

    def _redefine(self, holder: Component) -> None:
        """Definitions that take the place of included ones of the same name, and start from them.

        The included one goes on under another name, which only its successor knows; everybody else who
        says the name means the successor.
        """
        namespace = holder.document.namespace
        for successor in holder.children(*KINDS):
            table = self.tables[KINDS[successor.tag]]
            name = successor.get("name") or ""
            full = clark(namespace, name)
            if (original := table.get(full)) is not None:
                aside = f"{name}.original"
                while clark(namespace, aside) in table:
                    aside += ".original"
                original.node.set("name", aside)
                if original.tag == "complexType":
                    original.node.set("abstract", "true")  # nothing may stand for it any more
                table[clark(namespace, aside)] = original
                _point_at(successor, full, aside)
            table[full] = successor

    def link(self) -> None:
        """Note substitution groups and derivation; called once, after everything was added."""
        for name, component in self.tables["element"].items():
            for head in (component.get("substitutionGroup") or "").split():
                self._note(self.members, component, head, name)
        for name, component in self.tables["type"].items():
            for content in component.children("complexContent", "simpleContent"):
                for step in content.children("extension", "restriction"):
                    if base := step.get("base"):
                        self._note(self.derived, component, base, name)

    @staticmethod
    def _note(table: dict[str, list[str]], user: Component, text: str, name: str) -> None:
        try:
            target = user.name(text)
        except Unresolved:
            return  # reported when the component itself is used
        if target != name:
            table[target].append(name)

    def _follow(self, component: Component, importer: Path, includer: str | None) -> None:
        location = component.get("schemaLocation")
        namespace = includer if includer is not None else component.get("namespace") or ""
        if location is None:
            return  # an import that names no file: the namespace is found wherever it is
        if namespace in {XML, XSD}:
            return
        found = locate(location, importer)
        self.looked_at.update(found.looked_at)
        if found.path is not None:
            try:
                self._read(found.path, namespace, includer)
            except UnreadableXml as error:
                self.missing.append(Missing(importer.name, namespace, location, str(error)))
        elif includer is not None or not self.knows(namespace):
            why = "there is no such file"
            self.missing.append(Missing(importer.name, namespace, location, why))

    def _read(self, path: Path, namespace: str, includer: str | None) -> None:
        """Take in a file, once for each namespace that it is read as. Raises UnreadableXml."""
        if (str(path), namespace) in self._seen:
            return
        self._seen.add((str(path), namespace))
        for schema in schemas_of(read_contract_file(path)):
            if includer is None and (schema.get("targetNamespace") or "") != namespace:
                self._elsewhere[namespace].add(schema.get("targetNamespace") or "")
            self.add(schema, path, namespace=includer)


def schemas_of(root: etree._Element) -> Iterator[etree._Element]:
    """The schemas a file holds: itself, or those inside a WSDL that was imported as if it were one."""
    if root.tag == SCHEMA:
        yield root
    else:
        yield from root.iter(SCHEMA)


def _point_at(successor: Component, full: str, aside: str) -> None:
    """Let a redefinition that names itself mean what it takes the place of."""
    own = KINDS[successor.tag]
    for node in successor.node.iter(f"{{{XSD}}}*"):
        inner = Component(node, successor.document)
        for word, kind in (("base", "type"), ("ref", KINDS.get(inner.tag, ""))):
            text = node.get(word)
            if text is not None and kind == own and inner.name(text) == full:
                prefix, colon, _ = text.strip().rpartition(":")
                node.set(word, f"{prefix}{colon}{aside}")


def clark(namespace: str, name: str) -> str:
    return f"{{{namespace}}}{name}" if namespace else name


def split(name: str) -> tuple[str, str]:
    """Namespace and local part of a full name."""
    namespace, brace, last = name.rpartition("}")
    return (namespace[1:], last) if brace else ("", name)


def text_of(node: etree._Element) -> str:
    """All text in an element."""
    return "".join(str(text) for text in node.itertext())


def local(tag: str) -> str:
    return tag.rpartition("}")[2]


def clip(text: str, length: int = DOCUMENTATION) -> str | None:
    """On one line and no longer than `length`, cut between words; None when nothing is left."""
    words = " ".join(text.split())
    if len(words) <= length:
        return words or None
    return words[: length - 3].rsplit(" ", 1)[0] + "..."


def describe(component: Component) -> str:
    """A node in an author's words: `element Leave` or `attribute in complexType Leave`."""
    node: etree._Element | None = component.node
    own = component.tag
    while node is not None:
        if name := node.get("name"):
            tag = local(node.tag)
            return f"{tag} `{name}`" if node is component.node else f"{own} in {tag} `{name}`"
        node = node.getparent()
    return own


def _file_name(location: str) -> str:
    return location.replace("\\", "/").rsplit("/", 1)[-1] or location
