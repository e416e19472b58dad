"""The words of a SOAP adapter."""

from __future__ import annotations

from typing import Any, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from drawbar.spec.model import BackendSpec, FunctionSpec, SecretText, Spec
from drawbar.spec.scalars import Duration
from drawbar.spec.tls import TlsSpec

BytesForm: TypeAlias = Literal["file", "keep", "describe"]
CALLER = r"^caller\.[A-Za-z_][A-Za-z0-9_.-]*$"
HEADER = r"^\{[^{}]*\}[^{}:\s]+$"
"""An XML name in full: `{urn:hr}OnBehalfOf`."""


class BasicSpec(Spec):
    """HTTP basic authentication."""

    username: str
    password: SecretText


class BearerSpec(Spec):
    """A token in the Authorization header."""

    token: SecretText


class UsernameTokenSpec(Spec):
    """WS-Security UsernameToken in the SOAP header."""

    username: str
    password: SecretText
    digest: bool = Field(
        False, description="Send a digest with nonce and time instead of the password itself."
    )
    nonce: bool = Field(
        False,
        description="Send nonce and time beside the password too, where a service wants them.",
    )


class NtlmSpec(Spec):
    """NTLM, as services on Windows want it. Needs the extra `ntlm`."""

    username: str = Field(description="`DOMAIN\\\\user`, or `user@domain`.")
    password: SecretText
    scheme: Literal["NTLM", "Negotiate"] = Field(
        "NTLM", description="`Negotiate` for services that offer only that."
    )


class KerberosSpec(Spec):
    """Kerberos. Needs the extra `kerberos`. Without a name, the tickets of the process are used."""

    username: str | None = Field(None, description="The principal, such as `drawbar@EXAMPLE.ORG`.")
    password: SecretText | None = None
    host: str | None = Field(
        None,
        description="Host of the service principal `HTTP/host`, where it is not the endpoint's.",
    )


class AuthSpec(Spec):
    """How Drawbar proves to the service who it is. One of them."""

    basic: BasicSpec | None = None
    bearer: BearerSpec | None = None
    wsse_username: UsernameTokenSpec | None = None
    ntlm: NtlmSpec | None = None
    kerberos: KerberosSpec | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        ways = (self.basic, self.bearer, self.wsse_username, self.ntlm, self.kerberos)
        if sum(each is not None for each in ways) != 1:
            message = "write exactly one of basic, bearer, wsse_username, ntlm and kerberos"
            raise ValueError(message)
        return self


class SoapHeaderSpec(Spec):
    """The content of one element of the SOAP header. One of the four."""

    const: Any = Field(
        None, description="A text, number, or a mapping of child elements by their names."
    )
    secret: SecretText | None = Field(None, description="A text that is never shown.")
    from_: str | None = Field(
        None,
        alias="from",
        pattern=CALLER,
        description="Taken from the caller: `caller.subject` or `caller.claims.NAME`.",
    )
    omit: bool = Field(
        False, description="It is not sent: the contract has it, and the service does without."
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [each is not None for each in (self.const, self.secret, self.from_)]
        if sum([*given, self.omit]) != 1:
            message = "write exactly one of const, secret, from and omit"
            raise ValueError(message)
        return self


class IdentityHeaderSpec(Spec):
    """A SOAP header element that carries who is behind the call."""

    name: str = Field(pattern=HEADER, description="In full, such as `{urn:hr}OnBehalfOf`.")
    from_: str = Field(
        alias="from",
        pattern=CALLER,
        description="`caller.subject`, `caller.claims.NAME`, or `caller.NAME` for the claim NAME.",
    )


class IdentitySpec(Spec):
    """How the service learns who is behind a call. The call is refused when the caller has no such claim."""

    header: IdentityHeaderSpec


Algorithm = Literal["sha256", "sha1"]


class SignSpec(Spec):
    """An X.509 signature over the body and the Timestamp. Needs the extra `wss`."""

    certificate: str = Field(description="PEM file; sent with each message.")
    key: str | None = Field(None, description="PEM file of its key, when that is another file.")
    key_password: SecretText | None = Field(None, description="Where the key is encrypted.")
    algorithm: Algorithm = Field(
        "sha256", description="`sha1` only for services that know no other."
    )


class VerifySpec(Spec):
    """Replies count only with a signature over their body. Needs the extra `wss`."""

    certificate: str = Field(
        description="PEM file with the service's certificate; with several, one of them has to fit."
    )
    algorithm: Algorithm = Field("sha256", description="`sha1` also takes signatures with SHA-1.")


class SamlSpec(Spec):
    """A SAML assertion, passed on as it is. One of the two."""

    file: str | None = Field(None, description="A file that holds it; read anew for each call.")
    from_: str | None = Field(
        None,
        alias="from",
        pattern=CALLER,
        description="Taken from the caller, such as `caller.claims.saml`: XML, or XML in base64.",
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.file is None) == (self.from_ is None):
            message = "write exactly one of file and from"
            raise ValueError(message)
        return self


class SecuritySpec(Spec):
    """What the WS-Security header holds beside a UsernameToken, and what is asked of replies."""

    timestamp: Duration | None = Field(
        None, description="Send a Timestamp; the message counts that long. 5m with `sign`."
    )
    sign: SignSpec | None = None
    verify: VerifySpec | None = None
    saml: SamlSpec | None = None


class SoapBackendSpec(BackendSpec):
    """A SOAP service and the contract it is called by."""

    wsdl: str = Field(
        description="The WSDL file, beside the adapter; nothing is fetched from the network."
    )
    endpoint: str = Field(
        pattern=r"^https?://[^\s/]",
        description="Where calls are sent. The address inside the WSDL is never used.",
    )
    service: str | None = Field(None, description="The WSDL service, where there are several.")
    port: str | None = Field(None, description="The port of the service, where there are several.")
    auth: AuthSpec | None = None
    headers: dict[str, SecretText] = Field(
        default_factory=dict, description="HTTP headers sent with every call; never shown."
    )
    soap_headers: dict[str, SoapHeaderSpec] = Field(
        default_factory=dict, description="Elements of the SOAP header, by full name `{ns}Name`."
    )
    identity: IdentitySpec | None = None
    security: SecuritySpec | None = None
    addressing: Literal["1.0", "2004/08"] | None = Field(
        None,
        description="Send WS-Addressing headers of this edition, and check whom a reply answers.",
    )
    addressed_to: str | None = Field(
        None, description="What `To` says, where it is not the endpoint."
    )
    mtom: bool = Field(
        False,
        description="Send bytes beside the message (MTOM), as services with large files want it.",
    )
    tls: TlsSpec | None = None


class SoapFunctionSpec(FunctionSpec):
    """One operation of the contract."""

    operation: str = Field(description="Name of the operation in the WSDL.")
    wire: Literal["plan", "zeep"] = Field(
        "plan",
        description="Who writes and reads the messages: Drawbar's compiled plan, or the library zeep, to compare "
        "with.",
    )
    header_parameters: tuple[str, ...] = Field(
        (),
        description="SOAP headers of the operation that are parameters, by their names in the contract.",
    )
    hide: tuple[str, ...] = Field(
        (),
        description="Optional parts of the input that are not offered, as dotted paths.",
    )
    keep: tuple[str, ...] | None = Field(
        None,
        description="Of the optional parts only these are offered: at the top, and inside each part that a "
        "path leads into. What is required stays.",
    )
    base64: BytesForm = Field(
        "file",
        description="What becomes of bytes in a reply: a file where they are more than `returns: {inline: ...}`, "
        "their base64 however long, or only their media type, size and SHA-256.",
    )
    types: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="By abstract type of the contract: the concrete types that are offered for it.",
    )
