"""The words of an adapter whose backend answers on NATS."""

from __future__ import annotations

from pydantic import Field, model_validator

from drawbar.codecs.message_spec import MessageFunctionSpec
from drawbar.spec.model import BackendSpec, SecretText, Spec, UrlText
from drawbar.spec.tls import TlsSpec


class NatsUserSpec(Spec):
    username: str
    password: SecretText


class NatsAuthSpec(Spec):
    """How the gateway shows who it is. Exactly one of the four."""

    user: NatsUserSpec | None = None
    token: SecretText | None = None
    nkey: SecretText | None = Field(None, description="An nkey seed.")
    credentials: SecretText | None = Field(
        None, description="The content of a .creds file: `${file:/run/secrets/nats.creds}`."
    )

    @model_validator(mode="after")
    def _one(self) -> NatsAuthSpec:
        ways = (self.user, self.token, self.nkey, self.credentials)
        if sum(way is not None for way in ways) != 1:
            raise ValueError("write exactly one of user, token, nkey and credentials")
        return self


class NatsBackendSpec(BackendSpec):
    """The servers of one NATS system."""

    servers: tuple[UrlText, ...] = Field(
        min_length=1, description="Such as nats://queue.internal:4222; any of them will do."
    )
    auth: NatsAuthSpec | None = None
    tls: TlsSpec | None = None
    encoding: str = Field("utf-8", description="Of text and lines.")


class NatsFunctionSpec(MessageFunctionSpec):
    """One request on a subject, and its reply."""

    subject: str = Field(
        description="Such as rooms.{room_no}.book; {name} stands for a parameter, which is one token of the subject."
    )
