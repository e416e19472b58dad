"""From a SOAP adapter and its contract to plans: pure, offline, deterministic."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from drawbar.backends.soap.access.checks import check_access
from drawbar.backends.soap.contract.documents import UnreadableXml
from drawbar.backends.soap.contract.shape import Content, Item
from drawbar.backends.soap.contract.wsdl import (
    Contract,
    Operation,
    Port,
    Unsupported,
    content_of,
    read_contract,
)
from drawbar.backends.soap.contract.xsd import Unresolved, local
from drawbar.backends.soap.message.header_parts import beside_body, header_items
from drawbar.backends.soap.options import BytesForm, SoapBackendSpec, SoapFunctionSpec
from drawbar.backends.soap.publish.publishing import input_of, offered_of
from drawbar.backends.soap.publish.schema import Publication
from drawbar.compiler.kind import Parameter, Plan
from drawbar.compiler.parameters import merge_parameters
from drawbar.spec.model import Adapter
from drawbar.spec.names import closest
from drawbar.spec.source import At, Report, Source

Wire: TypeAlias = Literal["plan", "zeep"]
CODES: Mapping[str, str] = {
    "DB401": "the WSDL cannot be read",
    "DB402": "the contract has no such service or port, or none that speaks SOAP",
    "DB403": "the contract has no such operation",
    "DB404": "the contract uses a name that nothing defines, or imports a file that is not there",
    "DB405": "a style of SOAP that is not served yet",
    "DB406": "a parameter goes to a place that the contract does not have",
    "DB407": "two parameters go to the same place",
    "DB408": "the name of a SOAP header is not written in full",
    "DB409": "the contract wants a SOAP header that the adapter does not send",
    "DB410": "a pattern of the contract cannot be published",
    "DB413": "a part of the input that is to be hidden or kept is not there, or is required",
    "DB414": "the input of an operation is so large that every run pays for it",
    "DB415": "a type that is to be offered does not exist",
    "DB416": "`tls` without an https:// endpoint",
    "DB421": "a file of `security` is not there",
    "DB422": "the adapter needs an extra that is not installed",
    "DB424": "an input beyond the limits of strict modes, of which only a part is offered",
    "DB423": "the contract has no such SOAP header with the operation",
    "DB411": "an abstract type has more concrete types than a model can choose from",
}


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """What a call needs of its operation. `places` has each parameter's way into the message."""

    contract: Contract
    operation: Operation
    content: Content
    places: tuple[tuple[str, tuple[str, ...]], ...]
    reads: bool
    wire: Wire = "plan"
    """Who writes the request and reads the reply."""
    bytes_form: BytesForm = "file"
    """Whether bytes in a reply are only described."""
    headers: tuple[Item, ...] = ()
    """Header elements that are parameters."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What stands for a binding on disk; the contract is read again at the first call of its adapter."""

    operation: str
    places: tuple[tuple[str, tuple[str, ...]], ...]
    reads: bool
    wire: Wire
    bytes_form: BytesForm
    headers: tuple[str, ...]
    """Names of the header elements that are parameters."""


def kept(binding: Binding) -> Kept:
    return Kept(
        binding.operation.name,
        binding.places,
        binding.reads,
        binding.wire,
        binding.bytes_form,
        tuple(local(item.tag) for item in binding.headers),
    )


def bind(kept: Kept, backend: SoapBackendSpec, folder: Path) -> Binding:
    """The binding that was kept. Raises UnreadableXml or Unresolved when the contract is another by now."""
    contract = read_contract(folder / backend.wsdl)
    ports = _ports(contract, backend, Report(Source("", None)))
    port = next((each for each in ports if kept.operation in contract.operations(each)), None)
    if port is None:
        raise UnreadableXml(f"it has no operation `{kept.operation}` any more")
    operation = contract.operation(port, kept.operation)
    unread = Report(Source("", None))
    declared = header_items(contract, operation, kept.headers, unread, ())
    content, headers = beside_body(content_of(operation.request), declared)
    return Binding(
        contract, operation, content, kept.places, kept.reads, kept.wire, kept.bytes_form, headers
    )


def compile_functions(adapter: Adapter, report: Report) -> Mapping[str, Plan]:
    backend = adapter.backend
    assert isinstance(backend, SoapBackendSpec)  # noqa: S101 -- the loader parses with this kind's models
    check_access(backend, adapter.folder, report)
    contract = _contract(adapter, backend, report)
    if contract is None:
        return {}
    ports = _ports(contract, backend, report)
    if not ports:
        return {}
    plans: dict[str, Plan] = {}
    wanted: dict[str, list[str]] = {}
    for name, spec in adapter.functions.items():
        assert isinstance(spec, SoapFunctionSpec)  # noqa: S101 -- as above
        at = ("functions", name)
        operation = _operation(contract, ports, spec, report, at)
        if operation is not None:
            for header in operation.headers:
                if local(header) in spec.header_parameters:
                    continue
                wanted.setdefault(header, []).append(operation.name)
            plan = _plan(contract, operation, spec, report, at)
            if plan is not None:
                plans[name] = plan
    _check_wanted_headers(wanted, backend, report)
    return plans


def _contract(adapter: Adapter, backend: SoapBackendSpec, report: Report) -> Contract | None:
    at = ("backend", "wsdl")
    if re.match(r"[a-z]+://", backend.wsdl):
        report.add(
            at,
            "DB401",
            f"`{backend.wsdl}` is an address, and a contract is never fetched while compiling",
            fix="save it beside the adapter and write its path, such as ./wsdl/service.wsdl",
        )
        return None
    report.files.add(adapter.folder / backend.wsdl)
    try:
        contract = read_contract(adapter.folder / backend.wsdl)
    except UnreadableXml as error:
        report.add(
            at,
            "DB401",
            f"the WSDL `{backend.wsdl}` cannot be read: {error}",
            fix="write the path of a WSDL 1.1 file, relative to this adapter",
        )
        return None
    report.files.update(contract.index.looked_at)
    return contract


def _ports(contract: Contract, backend: SoapBackendSpec, report: Report) -> list[Port]:
    """The ports an adapter may mean. Reports when there are none."""
    if not contract.ports:
        report.add(
            ("backend", "wsdl"),
            "DB402",
            f"`{backend.wsdl}` has no service with a SOAP 1.1 or 1.2 port"
            + (f" ({contract.missing[0]})" if contract.missing else ""),
            fix="put the file that defines the service and its binding beside it, and name that one",
        )
        return []
    ports = contract.ports
    for word, wanted in (("service", backend.service), ("port", backend.port)):
        if wanted is None:
            continue
        known = list(
            dict.fromkeys(port.service if word == "service" else port.name for port in ports)
        )
        ports = [
            port for port in ports if wanted == (port.service if word == "service" else port.name)
        ]
        if not ports:
            meant = closest(wanted, known)
            report.add(
                ("backend", word),
                "DB402",
                f"the contract has no {word} `{wanted}` that speaks SOAP",
                fix=f"did you mean `{meant}`?" if meant else f"it has {', '.join(known)}",
            )
            return []
    return ports


def _operation(
    contract: Contract, ports: list[Port], spec: SoapFunctionSpec, report: Report, at: At
) -> Operation | None:
    port = next((each for each in ports if spec.operation in contract.operations(each)), None)
    where = (*at, "operation")
    if port is None:
        known = dict.fromkeys(name for each in ports for name in contract.operations(each))
        meant = closest(spec.operation, known)
        report.add(
            where,
            "DB403",
            f"the contract has no operation `{spec.operation}`",
            fix=f"did you mean `{meant}`?" if meant else f"it has {_some(list(known))}",
        )
        return None
    try:
        return contract.operation(port, spec.operation)
    except Unresolved as error:
        report.add(where, "DB404", error.message, fix=error.fix)
    except Unsupported as error:
        report.add(
            where,
            "DB405",
            f"`{spec.operation}` cannot be called: {error}",
            fix="leave the function out until a later version, or use another operation",
        )
    return None


def _plan(
    contract: Contract, operation: Operation, spec: SoapFunctionSpec, report: Report, at: At
) -> Plan | None:
    try:
        declared = header_items(
            contract, operation, spec.header_parameters, report, (*at, "header_parameters")
        )
        content, headers = beside_body(content_of(operation.request), declared)
        input_ = input_of(content, spec, report, at)
        _check_places(input_.published, input_.paths, report, at)
        input_, offered = offered_of(input_, spec, operation.name, report, at)
        published = input_.published
        parameters = merge_parameters(spec, offered, report, at, published.find)
    except Unresolved as error:
        report.add((*at, "operation"), "DB404", error.message, fix=error.fix)
        return None
    _warn(published, operation, report, at)
    if report.is_broken(at):
        return None
    places = tuple((each.name, tuple(_place(each).split("."))) for each in parameters)
    binding = Binding(
        contract,
        operation,
        content,
        places,
        reads=spec.effect == "read",
        wire=spec.wire,
        bytes_form=spec.base64,
        headers=headers,
    )
    return Plan(parameters, binding, operation.documentation)


def _place(parameter: Parameter) -> str:
    return parameter.to or parameter.name


def _check_places(published: Publication, paths: Mapping[str, str], report: Report, at: At) -> None:
    """Every parameter the author wrote goes somewhere, and no two to the same place."""
    seen: dict[str, str] = {}
    for name, path in paths.items():
        where = (*at, "parameters", name)
        if published.find(path) is None:
            meant = closest(path, _known(published, path))
            report.add(
                where,
                "DB406",
                f"the operation's input has no `{path}` that one value could go to",
                fix=f"did you mean `{meant}`?" if meant else _choices(published),
            )
        for other, owner in seen.items():
            if path == other or path.startswith(other + ".") or other.startswith(path + "."):
                report.add(
                    where,
                    "DB407",
                    f"`{name}` and `{owner}` both fill `{min(path, other, key=len)}`",
                    fix="give each of them a place of its own with `to:`",
                )
        seen[path] = name


def _known(published: Publication, path: str) -> list[str]:
    """Paths that could have been meant: everything at the level where the path goes wrong."""
    parts = path.split(".")
    for length in range(len(parts) - 1, -1, -1):
        names = published.names(parts[:length])
        if names:
            return [".".join((*parts[:length], name)) for name in names]
    return []


def _choices(published: Publication) -> str:
    names = published.names([])
    return f"it has {_some(names)}" if names else "the operation takes nothing"


def _some(names: list[str], most: int = 20) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def _warn(published: Publication, operation: Operation, report: Report, at: At) -> None:
    where = (*at, "operation")
    for pattern in sorted(published.dropped):
        report.add(
            where,
            "DB410",
            f"the pattern `{pattern}` of `{operation.name}` cannot be written as JSON Schema",
            fix="it is said in the description and checked before a call is sent",
            severity="warning",
        )
    for label in sorted(published.crowded):
        report.add(
            where,
            "DB411",
            f"the abstract type `{label}` of `{operation.name}` stands for very many types",
            fix=f"name those that are offered with `types: {{{label}: [...]}}`",
            severity="warning",
        )


def _check_wanted_headers(
    wanted: Mapping[str, list[str]], backend: SoapBackendSpec, report: Report
) -> None:
    """Once for each header that the contract has and the adapter says nothing of."""
    known = set(_sent_headers(backend))
    for name, operations in wanted.items():
        if name not in known:
            report.add(
                ("backend",),
                "DB409",
                f"the contract wants the SOAP header `{local(name)}` with {_some(operations, 3)}",
                fix=f'add it to `soap_headers:` as "{name}"; with `omit: true`, if the service does without',
                severity="warning",
            )


def _sent_headers(backend: SoapBackendSpec) -> Iterator[str]:
    yield from backend.soap_headers
    if backend.identity is not None:
        yield backend.identity.header.name
    if (backend.auth is not None and backend.auth.wsse_username is not None) or backend.security:
        yield "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}Security"
