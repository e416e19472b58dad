"""The words of an adapter whose backend speaks over a plain socket."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from drawbar.codecs.message_spec import MessageFunctionSpec
from drawbar.spec.model import BackendSpec, Spec
from drawbar.spec.tls import TlsSpec


class LengthSpec(Spec):
    """Each message begins with its length."""

    length: Literal[1, 2, 4, 8] = Field(description="Bytes that hold the length.")
    order: Literal["big", "little"] = "big"
    counts_itself: bool = Field(False, description="The length counts its own bytes, too.")


class EndSpec(Spec):
    """Each message stands between marks that occur in none."""

    start: str = Field(
        "", description="Bytes before each message, as hex, such as 0b for HL7's MLLP."
    )
    end: str = Field(min_length=2, description="Bytes after each message, as hex, such as 1c0d.")


class TcpBackendSpec(BackendSpec):
    """One server on a socket."""

    address: str = Field(description="HOST:PORT, or [IPV6]:PORT.")
    tls: TlsSpec | None = None
    framing: Literal["line", "close", "rdw"] | LengthSpec | EndSpec = Field(
        "line",
        description="Where a message ends: at a line end; where the connection does; after its length, rdw being that of IBM's "
        "record descriptor word; or at a mark.",
    )
    connection: Literal["each", "kept"] = Field(
        "each",
        description="A connection for each call, or kept open and used by one call at a time.",
    )
    encoding: str = Field("utf-8", description="Of text and lines.")


class TcpFunctionSpec(MessageFunctionSpec):
    """One exchange."""
