"""From a running gRPC server with reflection, or a descriptor file, to a first version of an adapter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from drawbar.backends.grpc.contract import Contract, ContractError
from drawbar.compiler.draft import (
    Draft,
    DraftWish,
    Inline,
    Node,
    Noted,
    Reference,
    function_names,
    functions_node,
    proposed_effect,
    snake_case,
    write_yaml,
)
from drawbar.kernel.errors import OperatorError
from drawbar.kernel.extras import import_extra
from drawbar.kernel.ports import BackendError

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

_PATIENCE = 10.0
"""Seconds for the server to be reached."""
_OF_GRPC_ITSELF = ("grpc.reflection.", "grpc.health.", "grpc.channelz.")


def draft_adapter(source: str, wish: DraftWish) -> Draft:
    """`source` is a file, or HOST:PORT of a server that tells its descriptors. Raises OperatorError."""
    wish.check_options({})
    path = Path(source)
    try:
        data = path.read_bytes() if path.is_file() else _reflected(source)
        contract = Contract(data)
    except (ContractError, BackendError) as error:
        raise OperatorError(f"{source}: {error}") from None
    offered, streaming = _chosen(contract, wish)
    if not offered:
        names = ", ".join(_methods(contract)) or "nothing"
        raise OperatorError(f"{source} offers none of these; it has {names}")
    return _draft(source, wish, data, contract, offered, streaming)


def _methods(contract: Contract) -> list[str]:
    return [name for name in contract.methods() if not name.startswith(_OF_GRPC_ITSELF)]


def _chosen(contract: Contract, wish: DraftWish) -> tuple[list[str], list[str]]:
    """Methods that can be offered, and those that cannot, as they take a stream."""
    offered: list[str] = []
    streaming: list[str] = []
    for name in _methods(contract):
        if wish.wants(name) or wish.wants(name.rpartition("/")[2]):
            method = contract.method(name)
            streams = method is None or method.client_streaming
            (streaming if streams else offered).append(name)
    return offered, streaming


def _draft(
    source: str,
    wish: DraftWish,
    data: bytes,
    contract: Contract,
    offered: list[str],
    streaming: list[str],
) -> Draft:
    name = wish.name or snake_case(offered[0].split("/")[0].rpartition(".")[2])
    names = function_names(
        {method: method.rpartition("/")[2] for method in offered}, f"{name}_", wish.named
    )
    file = f"grpc/{name}.protoset"
    address = Reference(f"{name.upper()}_ADDRESS")
    document: dict[str, Node] = {
        "adapter": Noted(name, "A draft. Read it, prune it, and decide about each effect."),
        "backend": {
            "kind": "grpc",
            "address": Noted(address, f"Drafted from {source}."),
            "descriptors": f"./{file}",
        },
        "limits": Noted(Inline({"timeout": "20s", "concurrency": 8}), apart=True),
        "functions": functions_node({names[each]: _function(contract, each) for each in offered}),
    }
    return Draft(
        name,
        write_yaml(document),
        files={file: data},
        notes=tuple(f"{each} takes a stream of messages and is left out" for each in streaming),
        named={each: names[each] for each in offered},
        undecided=tuple(names[each] for each in offered),
        environ={address.name: "127.0.0.1:50051" if Path(source).is_file() else source},
    )


def _function(contract: Contract, name: str) -> dict[str, Node]:
    method = name.rpartition("/")[2]
    said = contract.comment(name.replace("/", "."))
    words: dict[str, Node] = {"method": name}
    if not said:
        words["description"] = f"{' '.join(snake_case(method).split('_')).capitalize()}."
    effect = proposed_effect(method)
    words["effect"] = Noted(effect, beside="proposed by its name; decide")
    return words


def _reflected(address: str) -> bytes:
    """The descriptors that a server tells of itself (grpc.reflection.v1alpha)."""
    grpc = import_extra("grpc", "grpc")
    database_module = import_extra(
        "grpc_reflection.v1alpha.proto_reflection_descriptor_database", "grpc"
    )
    descriptor_pb2 = import_extra("google.protobuf.descriptor_pb2", "grpc")
    files: dict[str, FileDescriptorProto] = {}
    with grpc.insecure_channel(address) as channel:
        try:
            grpc.channel_ready_future(channel).result(_PATIENCE)
            database = database_module.ProtoReflectionDescriptorDatabase(channel)
            services = [
                name for name in database.get_services() if not name.startswith(_OF_GRPC_ITSELF)
            ]
            wanted = [database.FindFileContainingSymbol(name) for name in services]
            while wanted:
                file = wanted.pop()
                if file.name not in files:
                    files[file.name] = file
                    wanted += [database.FindFileByName(name) for name in file.dependency]
        except grpc.FutureTimeoutError:
            raise OperatorError(
                f"{address} is no file, and no gRPC server answers there within {_PATIENCE:.0f} s"
            ) from None
        except KeyError as error:
            raise OperatorError(
                f"{address} lists {error.args[0]} and does not describe it"
            ) from None
        except grpc.RpcError as error:
            raise OperatorError(
                f"{address} does not tell its descriptors ({error.code().name}); "
                "name a file that `protoc --include_imports --include_source_info -o FILE` wrote"
            ) from None
    whole = descriptor_pb2.FileDescriptorSet(file=files.values())
    data: bytes = whole.SerializeToString(deterministic=True)
    return data
