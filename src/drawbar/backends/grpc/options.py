"""The words of an adapter whose backend is a gRPC service."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from drawbar.spec.model import BackendSpec, FunctionSpec, SecretText
from drawbar.spec.tls import TlsSpec


class GrpcTlsSpec(TlsSpec):
    """The same words as elsewhere, but one: gRPC's library has no way to skip the verification."""

    verify: Literal[True] = Field(
        True, description="Always on: name the authority that signed the server's certificate."
    )

    @field_validator("verify", mode="before")
    @classmethod
    def _always(cls, value: object) -> object:
        if value is False:
            raise ValueError("gRPC's library always verifies; name the authority with `ca`")
        return value


class GrpcBackendSpec(BackendSpec):
    """One gRPC server and the descriptors of its services."""

    address: str = Field(description="HOST:PORT.")
    descriptors: str = Field(
        description="A FileDescriptorSet beside the adapter, as `protoc --include_imports --include_source_info -o FILE` "
        "writes it, or `drawbar new grpc`. Comments in it become descriptions."
    )
    tls: GrpcTlsSpec | None = Field(None, description="Plain text when left out.")
    metadata: dict[str, SecretText] = Field(
        default_factory=dict,
        description="Sent with every call, such as authorization: Bearer ${TOKEN}; never shown.",
    )


class GrpcFunctionSpec(FunctionSpec):
    """One method. It takes one message and answers with one, or with a stream of them, which becomes a list."""

    method: str = Field(description="Such as orders.v1.Orders/GetOrder.")
