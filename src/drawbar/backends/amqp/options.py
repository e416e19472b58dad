"""The words of an adapter whose backend takes its messages from queues."""

from __future__ import annotations

from pydantic import Field

from drawbar.codecs.message_spec import MessageFunctionSpec
from drawbar.spec.model import BackendSpec, SecretText
from drawbar.spec.tls import TlsSpec


class AmqpBackendSpec(BackendSpec):
    """One virtual host of a broker."""

    host: str
    port: int | None = Field(
        None, ge=1, le=65535, description="5672, or 5671 with `tls`, unless set."
    )
    virtual_host: str = "/"
    username: str = "guest"
    password: SecretText | None = None
    tls: TlsSpec | None = None
    encoding: str = Field("utf-8", description="Of text and lines.")


class AmqpFunctionSpec(MessageFunctionSpec):
    """One message to an exchange, and the reply to it."""

    exchange: str = Field(
        "", description="The default exchange, which knows queues by name, unless set."
    )
    routing_key: str = Field(
        description="The queue's name, or what the exchange routes by; {name} stands for a parameter."
    )
