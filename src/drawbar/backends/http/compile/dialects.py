"""Functions that speak a dialect: their contracts, read once for an adapter, and a plan for each.

What a dialect needs is imported when an adapter uses it, so that others start without.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from drawbar.backends.http.compile.bindings import binding_of, constant_query, request_of
from drawbar.backends.http.compile.function_words import check_effect
from drawbar.backends.http.options import HttpBackendSpec, HttpFunctionSpec
from drawbar.backends.http.request.places import Places
from drawbar.backends.http.request.request import Slot
from drawbar.compiler.kind import Parameter, Plan
from drawbar.compiler.parameters import merge_parameters
from drawbar.kernel.extras import import_extra
from drawbar.kernel.ports import BackendError
from drawbar.spec.model import Adapter
from drawbar.spec.source import At, Report

if TYPE_CHECKING:
    from drawbar.backends.http.graphql.compile import GraphQlContract
    from drawbar.backends.http.odata.metadata import Metadata


@dataclass(frozen=True, slots=True)
class DialectContracts:
    """Those that the adapter names and that could be read."""

    schema: GraphQlContract | None = None
    metadata: Metadata | None = None


def read_contracts(adapter: Adapter, backend: HttpBackendSpec, report: Report) -> DialectContracts:
    """What is wrong is reported."""
    return DialectContracts(
        _graphql(adapter, backend, report) if backend.graphql is not None else None,
        _odata(adapter, backend, report) if backend.odata is not None else None,
    )


def speaks(spec: HttpFunctionSpec) -> bool:
    """Whether the function is one of a dialect."""
    return spec.method is not None or spec.document is not None or spec.odata is not None


def plan_of(
    name: str,
    spec: HttpFunctionSpec,
    backend: HttpBackendSpec,
    contracts: DialectContracts,
    report: Report,
    at: At,
) -> Plan | None:
    """None after a problem was noted."""
    if spec.document is not None:
        return _compile_document(name, spec, contracts.schema, report, at)
    if spec.odata is not None:
        return _compile_odata(name, spec, contracts.metadata, report, at)
    return _compile_method(name, spec, backend, report, at)


def _compile_method(
    name: str, spec: HttpFunctionSpec, backend: HttpBackendSpec, report: Report, at: At
) -> Plan | None:
    from drawbar.backends.http.rpc.compile import compile_method  # noqa: PLC0415 -- others start without

    if backend.protocol is None:
        return None
    parameters = merge_parameters(spec, {}, report, at)
    check_effect("POST", spec, report, (*at, "method"), at)
    places = Places("POST", spec, report, at)
    where = _posted(spec, parameters, places)
    parameters = tuple(places.put(parameter) for parameter in parameters)
    places.check()
    dialect, parameters = compile_method(backend.protocol, spec, parameters, places, report, at)
    if where is None:
        return None
    segments, query = where
    binding = binding_of(name, "POST", segments, places, parameters)
    return Plan(parameters, replace(binding, constant_query=query, dialect=dialect))


def _graphql(adapter: Adapter, backend: HttpBackendSpec, report: Report) -> GraphQlContract | None:
    try:
        import_extra("graphql", "graphql")
    except BackendError as error:
        report.add(("backend", "graphql"), "DB540", error.message)
        return None
    from drawbar.backends.http.graphql.compile import read_contract  # noqa: PLC0415 -- imports the optional library

    return read_contract(adapter, backend, report)


def _compile_document(
    name: str, spec: HttpFunctionSpec, schema: GraphQlContract | None, report: Report, at: At
) -> Plan | None:
    document = None if schema is None else schema.document(spec, report, at)
    if schema is None or document is None:
        return None
    from drawbar.backends.http.graphql.compile import check_variables, compile_document  # noqa: PLC0415 -- as above

    dialect, parameters = compile_document(schema, document, spec, report, at)
    places = Places("POST", spec, report, at)
    where = _posted(spec, parameters, places)
    parameters = tuple(places.put(parameter) for parameter in parameters)
    places.check()
    check_variables(document, places, report, at)
    if where is None:
        return None
    segments, query = where
    binding = binding_of(name, "POST", segments, places, parameters)
    described = replace(binding, constant_query=query, dialect=dialect)
    return Plan(parameters, described, document.description)


def _odata(adapter: Adapter, backend: HttpBackendSpec, report: Report) -> Metadata | None:
    from drawbar.backends.http.odata.compile import read_contract  # noqa: PLC0415 -- others start without

    return read_contract(adapter, backend, report)


def _compile_odata(
    name: str, spec: HttpFunctionSpec, metadata: Metadata | None, report: Report, at: At
) -> Plan | None:
    if metadata is None:
        return None
    from drawbar.backends.http.odata.compile import compile_odata  # noqa: PLC0415 -- as above

    made = compile_odata(name, metadata, spec, report, at)
    return None if made is None else Plan(made[1], made[0])


def _posted(
    spec: HttpFunctionSpec, parameters: tuple[Parameter, ...], places: Places
) -> tuple[tuple[tuple[str | Slot, ...], ...], str] | None:
    """Path and query of what is posted to the backend's own URL, unless `request` names another place."""
    if spec.request is None:
        return (), ""
    match = request_of(spec, ("POST",), places.report, places.at)
    if match is None:
        return None
    return places.read_path(match["path"], parameters), constant_query(match)
