"""The operations of a WSDL 1.1 contract, read with lxml.

Nothing is checked as a whole: each operation is resolved when an adapter asks for it, so an undefined
message or type costs only the operations that use it.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from lxml import etree

from drawbar.backends.soap.contract.catalog import CATALOG
from drawbar.backends.soap.contract.documents import UnreadableXml, locate, parse_xml
from drawbar.backends.soap.contract.encoding import ENCODINGS
from drawbar.backends.soap.contract.mend import meant_by, read_contract_file
from drawbar.backends.soap.contract.messages import Side, Style, side_of, with_attached
from drawbar.backends.soap.contract.shape import Choice, Content, Item, Record
from drawbar.backends.soap.contract.shaping import Shapes
from drawbar.backends.soap.contract.xsd import (
    WSDL,
    XML,
    SchemaIndex,
    Unresolved,
    clark,
    clip,
    local,
    schemas_of,
    split,
    text_of,
)

SOAP_11 = "http://schemas.xmlsoap.org/wsdl/soap/"
SOAP_12 = "http://schemas.xmlsoap.org/wsdl/soap12/"
MIME = "http://schemas.xmlsoap.org/wsdl/mime/"
_SOAP_ENCODING = ENCODINGS["1.1"]
_ENCODED = frozenset(ENCODINGS.values())
_VERSIONS: dict[str, Literal["1.1", "1.2"]] = {SOAP_11: "1.1", SOAP_12: "1.2"}
_ADDRESSED = (
    "{http://www.w3.org/2007/05/addressing/metadata}Action",
    "{http://www.w3.org/2006/05/addressing/wsdl}Action",
)
_TABLES = ("message", "portType", "binding", "service")


class Unsupported(Exception):
    """A style of SOAP that is not served yet; the message says which."""


@dataclass(frozen=True, slots=True)
class Port:
    """One way to reach the service: a port with a SOAP binding."""

    service: str
    name: str
    binding: etree._Element
    version: Literal["1.1", "1.2"]
    address: str | None
    """Only told to a reader; calls go to the endpoint of the adapter."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, resolved: what goes into the body, what comes back, what may go wrong."""

    name: str
    version: Literal["1.1", "1.2"]
    action: str
    sent: Side
    returned: Side | None
    """None where the contract has no reply, or where what it says of it leads nowhere."""
    one_way: bool
    headers: tuple[str, ...]
    """Full names of the header elements that the contract wants."""
    documentation: str | None
    rpc: bool = False
    addressed: str = ""
    """The action as WS-Addressing names it."""
    attached_to_reply: tuple[str, ...] = ()
    """Parts of the reply that come beside its envelope."""

    @property
    def request(self) -> Item | None:
        """The element of the body; None for an empty body."""
        return self.sent.item

    @property
    def reply(self) -> Item | None:
        return self.returned.item if self.returned is not None else None


@dataclass(slots=True)
class Contract:
    """A WSDL with everything it imports from files beside it."""

    path: Path
    index: SchemaIndex = field(default_factory=SchemaIndex)
    shapes: Shapes = field(init=False)
    ports: list[Port] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """WSDL imports that led nowhere, in words."""
    _tables: dict[str, dict[str, tuple[etree._Element, str]]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    _seen: set[Path] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.shapes = Shapes(self.index)

    # -- loading --------------------------------------------------------------------------------

    def load(self) -> None:
        """Read the file and its imports. Raises UnreadableXml when the file itself is no WSDL."""
        root = read_contract_file(self.path)
        self._take(root, self.path)
        if not any(self._tables.values()):
            raise UnreadableXml("it holds no WSDL definitions")
        for namespace, text in CATALOG.items():
            if namespace != XML and not self.index.knows(namespace):
                self.index.add(parse_xml(text.encode()), Path(f"{namespace}.xsd"))
        self.index.link()
        self.ports.extend(self._find_ports() or self._bound())

    def _take(self, root: etree._Element, path: Path) -> None:
        self._seen.add(path.resolve())
        for schema in schemas_of(root):
            self.index.add(schema, path)
        # A metadata envelope holds the definitions further down.
        for definitions in root.iter(f"{{{WSDL}}}definitions"):
            namespace = definitions.get("targetNamespace") or ""
            for node in definitions:
                tag = local(node.tag)
                if tag in _TABLES and (name := node.get("name")):
                    self._tables[tag].setdefault(clark(namespace, name), (node, path.name))
                if tag == "import":
                    self._import(node, path)

    def _import(self, node: etree._Element, importer: Path) -> None:
        location = node.get("location")
        if location is None:
            return
        found = locate(location, importer)
        self.index.looked_at.update(found.looked_at)
        if found.path is None:
            self.missing.append(f"{importer.name} imports `{location}`, and there is no such file")
        elif found.path not in self._seen:
            try:
                self._take(read_contract_file(found.path), found.path)
            except UnreadableXml as error:
                self.missing.append(f"{importer.name} imports `{location}`: {error}")

    def _find_ports(self) -> list[Port]:
        found = []
        for service, (node, _) in self._tables["service"].items():
            for port in node.iterfind(f"{{{WSDL}}}port"):
                name = _qname(port, port.get("binding") or "")
                binding = self._tables["binding"].get(name)
                if binding is None:
                    continue
                for namespace, version in _VERSIONS.items():
                    if binding[0].find(f"{{{namespace}}}binding") is not None:
                        address = port.find(f"{{{namespace}}}address")
                        found.append(
                            Port(
                                split(service)[1],
                                port.get("name") or "",
                                binding[0],
                                version,
                                address.get("location") if address is not None else None,
                            )
                        )
        return found

    def _bound(self) -> Iterator[Port]:
        """Every SOAP binding as a port: some contracts have no service, or one that names no binding of theirs."""
        for name, (binding, _) in self._tables["binding"].items():
            for namespace, version in _VERSIONS.items():
                if binding.find(f"{{{namespace}}}binding") is not None:
                    yield Port("", split(name)[1], binding, version, None)

    # -- what is said about it ------------------------------------------------------------------

    @property
    def files(self) -> frozenset[Path]:
        """Every file that was read."""
        return frozenset(self._seen) | self.index.files

    def documentation(
        self, word: Literal["service", "definitions", "portType"], port: Port
    ) -> str | None:
        """What the contract says of the service of a port, of its port type, or of itself."""
        if word == "service":
            nodes = [n for n, (e, _) in self._tables[word].items() if split(n)[1] == port.service]
            return _documentation(self._tables[word][nodes[0]][0]) if nodes else None
        if word == "portType":
            found = self._tables[word].get(_qname(port.binding, port.binding.get("type") or ""))
            return _documentation(found[0]) if found is not None else None
        parent = port.binding.getparent()
        return _documentation(parent) if parent is not None else None

    def policies(self) -> list[str]:
        """The names of what its policies ask for, such as `UsernameToken` or `UsingAddressing`."""
        roots = {n.getroottree().getroot() for t in _TABLES for n, _ in self._tables[t].values()}
        tags = {str(node.tag) for root in roots for node in root.iter()}
        spoken = ("policy", "addressing", "ws-addr")
        return sorted({local(tag) for tag in tags if any(word in tag.lower() for word in spoken)})

    # -- operations -----------------------------------------------------------------------------

    def operations(self, port: Port) -> list[str]:
        names = (node.get("name") for node in port.binding.iterfind(f"{{{WSDL}}}operation"))
        return list(dict.fromkeys(name for name in names if name))

    def operation(self, port: Port, name: str) -> Operation:
        """Raises Unresolved or Unsupported."""
        bound = next(
            node
            for node in port.binding.iterfind(f"{{{WSDL}}}operation")
            if node.get("name") == name
        )
        abstract = self._abstract(port, bound, name)
        soap = _extension(bound, "operation")
        general = _extension(port.binding, "binding")
        style = (soap.get("style") if soap is not None else None) or (
            general.get("style") if general is not None else None
        )
        rpc = style == "rpc"
        return Operation(
            name=name,
            version=port.version,
            action=(soap.get("soapAction") if soap is not None else None) or "",
            sent=self._side(bound, abstract, "input", rpc=rpc) or Side(None),
            returned=self._reply(bound, abstract, rpc=rpc),
            one_way=abstract.find(f"{{{WSDL}}}output") is None,
            headers=self._headers(bound),
            documentation=_documentation(abstract) or _documentation(bound),
            rpc=rpc,
            addressed=_addressed(abstract, soap),
            attached_to_reply=tuple(_attached(output))
            if (output := bound.find(f"{{{WSDL}}}output")) is not None
            else (),
        )

    def _abstract(self, port: Port, bound: etree._Element, name: str) -> etree._Element:
        """The operation of the port type that a bound operation stands for."""
        wanted = _qname(port.binding, port.binding.get("type") or "")
        if (found := self._tables["portType"].get(wanted)) is None:
            raise self._undefined("portType", wanted, f"binding `{port.binding.get('name')}`")
        same = [n for n in found[0].iterfind(f"{{{WSDL}}}operation") if n.get("name") == name]
        if not same:
            raise Unresolved(
                f"{found[1]}: portType `{split(wanted)[1]}` has no operation `{name}`",
                f"add it, or take it out of binding `{port.binding.get('name')}`",
            )
        if len(same) == 1:
            return same[0]
        bound_input = bound.find(f"{{{WSDL}}}input")
        wanted_input = bound_input.get("name") if bound_input is not None else None
        for node in same:  # overloaded: told apart by the names of their inputs
            own = node.find(f"{{{WSDL}}}input")
            if own is not None and own.get("name") == wanted_input:
                return node
        return same[0]

    def _reply(self, bound: etree._Element, abstract: etree._Element, *, rpc: bool) -> Side | None:
        """What comes back; a hole there only costs the types of the answer, not the operation."""
        try:
            return self._side(bound, abstract, "output", rpc=rpc)
        except (Unresolved, Unsupported):
            return None

    def _side(
        self, bound: etree._Element, abstract: etree._Element, side: str, *, rpc: bool
    ) -> Side | None:
        declared = abstract.find(f"{{{WSDL}}}{side}")
        if declared is None:
            return None
        message, file = self._message(declared, f"operation `{abstract.get('name')}`")
        holder = bound.find(f"{{{WSDL}}}{side}")
        body = _extension(holder, "body") if holder is not None else None
        parts = list(message.iterfind(f"{{{WSDL}}}part"))
        beside = _attached(holder) if holder is not None else {}
        attached = {name: beside[name] for each in parts if (name := each.get("name")) in beside}
        parts = [part for part in parts if part.get("name") not in attached]
        if body is not None and (chosen := body.get("parts")) is not None:
            parts = [part for part in parts if part.get("name") in chosen.split()]
        elif side == "input" and not rpc:
            parts = self._without_headers(parts, bound, declared)
        name = str(abstract.get("name")) + ("" if side == "input" else "Response")
        made = side_of(self.shapes, _style(body, name, rpc=rpc), parts, file)
        return with_attached(made, attached, declared) if side == "input" else made

    def _without_headers(
        self,
        parts: list[etree._Element],
        bound: etree._Element,
        declared: etree._Element,
    ) -> list[etree._Element]:
        """Parts of the input's own message that the binding puts into the header are not in the body."""
        message = _qname(declared, declared.get("message") or "")
        in_header = {
            node.get("part")
            for node in _header_words(bound)
            if _qname(node, node.get("message") or "") == message
        }
        return [part for part in parts if part.get("name") not in in_header]

    def _headers(self, bound: etree._Element) -> tuple[str, ...]:
        """The header elements a contract wants; a header that leads nowhere is left to the adapter."""
        found: list[str] = []
        for node in _header_words(bound):
            entry = self._tables["message"].get(_qname(node, node.get("message") or ""))
            parts = entry[0].iterfind(f"{{{WSDL}}}part") if entry is not None else ()
            named = (part for part in parts if part.get("name") == node.get("part"))
            found.extend(
                _qname(part, element) for part in named if (element := part.get("element"))
            )
        return tuple(found)

    def _message(self, declared: etree._Element, user: str) -> tuple[etree._Element, str]:
        name = _qname(declared, declared.get("message") or "")
        if (found := self._tables["message"].get(name)) is None:
            raise self._undefined("message", name, user)
        return found

    def _undefined(self, kind: str, name: str, user: str) -> Unresolved:
        why = f"; {self.missing[0]}" if self.missing else ""
        return Unresolved(
            f"{self.path.name}: {user} uses {kind} `{split(name)[1]}`, which is not defined{why}",
            "put the imported file beside it"
            if self.missing
            else f"define the {kind} in {self.path.name}",
        )


def content_of(item: Item | None) -> Content:
    """What a body element takes as parameters: its children, or its own text."""
    if item is None:
        return Content()
    if isinstance(item.type, Record) and item.unfolds:
        return _with_identities(item.type.content, item)
    return Content((item,))


def _with_identities(content: Content, item: Item) -> Content:
    """What unfolds is not told of itself: its rules of identity go to the parts that they begin with, or the first."""
    members = list(content.members)
    spoken = [n for n, each in enumerate(members) if isinstance(each, Item | Choice)]
    for each in item.identities if spoken else ():
        at = next((n for n in spoken if members[n].name == each.part), spoken[0])
        member = members[at]
        assert isinstance(member, Item | Choice)  # noqa: S101 -- picked so above
        words = " ".join(filter(None, (member.documentation, each.words)))
        members[at] = replace(member, documentation=words)
    return replace(content, members=tuple(members)) if item.identities else content


_cache: dict[Path, tuple[dict[Path, tuple[int, int] | None], Contract]] = {}
_cache_lock = threading.Lock()


def read_contract(path: Path) -> Contract:
    """The contract in a file, read once as long as no file of it changes. Raises UnreadableXml."""
    path = path.resolve()
    with _cache_lock:
        cached = _cache.get(path)
        if cached is not None and cached[0] == _stamps(cached[1].index.looked_at):
            return cached[1]
        contract = Contract(path)
        contract.index.looked_at.add(path)
        contract.load()
        _cache[path] = (_stamps(contract.index.looked_at), contract)
        return contract


def _stamps(files: Iterable[Path]) -> dict[Path, tuple[int, int] | None]:
    """Time of change and size; None of what is not there."""
    return {file: _stamp(file) for file in files}


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _extension(holder: etree._Element, name: str) -> etree._Element | None:
    """What a binding says in SOAP's words. Some mix the words of both versions; the body may be in MIME parts."""
    own = [node for namespace in _VERSIONS for node in holder.iter(f"{{{namespace}}}{name}")]
    return own[0] if own else None


def _addressed(abstract: etree._Element, soap: etree._Element | None) -> str:
    """The action of WS-Addressing: said at the input, else SOAP's, else made up by the metadata's rules."""
    input_ = abstract.find(f"{{{WSDL}}}input")
    if input_ is not None:
        said = next((str(v) for n, v in input_.attrib.items() if n in _ADDRESSED), None)
        if said is not None:
            return said
    if soap is not None and (action := soap.get("soapAction")):
        return action
    definitions = next(abstract.iterancestors(f"{{{WSDL}}}definitions"), None)
    namespace = (definitions.get("targetNamespace") if definitions is not None else None) or ""
    holder = abstract.getparent()
    port_type = (holder.get("name") if holder is not None else None) or ""
    given = input_.get("name") if input_ is not None else None
    parts = (namespace.rstrip("/:"), port_type, given or f"{abstract.get('name')}Request")
    return (":" if namespace.startswith("urn:") else "/").join(parts)


def _header_words(bound: etree._Element) -> list[etree._Element]:
    return [
        node
        for namespace in _VERSIONS
        for node in bound.iterfind(f"{{{WSDL}}}input/{{{namespace}}}header")
    ]


def _style(body: etree._Element | None, name: str, *, rpc: bool) -> Style:
    """What a binding says of a body. Raises Unsupported."""
    words: Mapping[str, str] = (
        {str(k): str(v) for k, v in body.attrib.items()} if body is not None else {}
    )
    encoded = words.get("use") == "encoded"
    said = words.get("encodingStyle", _SOAP_ENCODING)
    if encoded and not _ENCODED.intersection(said.split()):
        raise Unsupported(f"the body is encoded as {said} says")
    return Style(rpc, encoded, name, words.get("namespace") or "")


def _attached(holder: etree._Element) -> dict[str, str]:
    """Parts that a MIME binding puts beside the envelope, and their media types: the first of each."""
    found: dict[str, str] = {}
    for node in holder.iter(f"{{{MIME}}}content"):
        if (name := node.get("part")) is not None:
            found.setdefault(name, node.get("type") or "application/octet-stream")
    return found


def _qname(node: etree._Element, text: str) -> str:
    prefix, _, name = text.strip().rpartition(":")
    namespace = node.nsmap.get(prefix or None)
    if namespace is None and prefix:
        namespace = meant_by(prefix, node)
    return clark(namespace or "", name)


def _documentation(node: etree._Element) -> str | None:
    found = node.find(f"{{{WSDL}}}documentation")
    return clip(text_of(found)) if found is not None else None
