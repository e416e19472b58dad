"""From a gRPC adapter to bindings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drawbar.backends.grpc.contract import Contract, ContractError
from drawbar.backends.grpc.options import GrpcBackendSpec, GrpcFunctionSpec
from drawbar.compiler.draft import Draft, DraftWish
from drawbar.compiler.kind import Parameter, Plan, compile_each, options_of
from drawbar.compiler.parameters import Inherited, merge_parameters
from drawbar.kernel.ports import Backend, BackendError
from drawbar.kernel.values import JsonValue
from drawbar.kernel.workers import Workers
from drawbar.spec.model import Adapter, BackendSpec, FunctionSpec
from drawbar.spec.names import closest
from drawbar.spec.source import At, Report

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, MethodDescriptor

_ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+):\d{1,5}")

CODES = {
    "DB911": "an address that is not HOST:PORT",
    "DB912": "descriptors that cannot be read",
    "DB913": "a method that is not in the descriptors, or that takes a stream",
    "DB914": "a parameter that no field of the method's message takes",
}


@dataclass(frozen=True, slots=True)
class Binding:
    """One function, compiled. `ways` are where parameters go in the request message."""

    method: str
    ways: Mapping[str, tuple[str, ...]]
    streams: bool
    changes: bool


class GrpcKind:
    """Fills the port `drawbar.compiler.kind.Kind`."""

    name = "grpc"
    options: type[BackendSpec] = GrpcBackendSpec
    function: type[FunctionSpec] = GrpcFunctionSpec
    codes: Mapping[str, str] = CODES
    stored: tuple[type, ...] = (Binding,)

    def ingredients(self, adapter: Adapter) -> JsonValue:
        """Nothing that may be secret: the descriptors are a file, and metadata changes no function."""
        del adapter
        return None

    def to_store(self, binding: Binding) -> Binding:
        return binding

    def compile(self, adapter: Adapter, report: Report) -> Mapping[str, Plan]:
        backend = options_of(adapter, GrpcBackendSpec)
        if not _ADDRESS.fullmatch(backend.address):
            report.add(
                ("backend", "address"),
                "DB911",
                "this is no address",
                fix="write HOST:PORT, such as orders.internal:50051",
            )
        contract = _contract(adapter, report)

        def plan(_: str, spec: GrpcFunctionSpec, at: At) -> Plan | None:
            return None if contract is None else _plan(spec, contract, report, at)

        return compile_each(adapter, report, GrpcFunctionSpec, plan)

    def open(self, adapter: Adapter, plans: Mapping[str, Plan], workers: Workers) -> Backend:
        from drawbar.backends.grpc.backend import GrpcBackend  # noqa: PLC0415 -- imports the optional library

        del plans, workers  # bindings come with each call, and nothing here blocks
        backend = options_of(adapter, GrpcBackendSpec)
        contract = Contract((adapter.folder / backend.descriptors).read_bytes())
        return GrpcBackend(backend, contract, adapter.folder)

    def draft(self, source: str, wish: DraftWish) -> Draft:
        """From a running server, or a file of descriptors."""
        from drawbar.backends.grpc.draft import draft_adapter  # noqa: PLC0415 -- nobody else needs it

        return draft_adapter(source, wish)


KIND = GrpcKind()


def _contract(adapter: Adapter, report: Report) -> Contract | None:
    at: At = ("backend", "descriptors")
    path = adapter.folder / options_of(adapter, GrpcBackendSpec).descriptors
    report.files.add(path)
    try:
        return Contract(path.read_bytes())
    except OSError as error:
        report.add(
            at, "DB912", f"cannot be read: {error.strerror}", fix="`drawbar new grpc` writes it"
        )
    except (ContractError, BackendError) as error:
        report.add(at, "DB912", str(error))
    return None


def _plan(spec: GrpcFunctionSpec, contract: Contract, report: Report, at: At) -> Plan | None:
    method = contract.method(spec.method)
    if method is None:
        near = closest(spec.method, tuple(contract.methods()))
        report.add(
            (*at, "method"),
            "DB913",
            f"the descriptors have no method `{spec.method}`",
            fix=f"did you mean `{near}`?" if near else None,
        )
        return None
    if method.client_streaming:
        report.add((*at, "method"), "DB913", "this method takes a stream of messages, not one")
        return None
    message = method.input_type
    inherited = {
        field.name: Inherited(contract.schema(field), field.is_required, field.name)
        for field in message.fields
    }
    parameters = merge_parameters(
        spec, inherited, report, at, lambda way: _inherited(contract, message, way)
    )
    ways = _ways(parameters, contract, message, report, at)
    binding = Binding(spec.method, ways, method.server_streaming, spec.effect != "read")
    return Plan(parameters, binding, _description(contract, method))


def _description(contract: Contract, method: MethodDescriptor) -> str | None:
    return contract.comment(method.full_name)


def _inherited(contract: Contract, message: Descriptor, way: str) -> Inherited | None:
    field = contract.field(message, way)
    return None if field is None else Inherited(contract.schema(field), field.is_required, way)


def _ways(
    parameters: tuple[Parameter, ...],
    contract: Contract,
    message: Descriptor,
    report: Report,
    at: At,
) -> dict[str, tuple[str, ...]]:
    ways = {}
    for parameter in parameters:
        way = parameter.to or parameter.name
        if contract.field(message, way) is None:
            near = closest(way, tuple(message.fields_by_name))
            report.add(
                (*at, "parameters", parameter.name),
                "DB914",
                f"`{message.full_name}` has no field `{way}`",
                fix=f"did you mean `{near}`?" if near else "name one by `to`",
            )
        ways[parameter.name] = tuple(way.split("."))
    return ways
