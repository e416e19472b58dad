"""The headers of a request: those of HTTP, and the elements of the SOAP header that an adapter asks for."""

from __future__ import annotations

import base64

from lxml import etree

from drawbar.backends.soap.contract.shape import Item
from drawbar.backends.soap.contract.wsdl import Contract
from drawbar.backends.soap.contract.xsd import Component, SchemaDocument, Unresolved
from drawbar.backends.soap.message.request import Version, header_of
from drawbar.backends.soap.options import SoapBackendSpec
from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import Caller, JsonValue, Secret

MASK = "***"


def soap_headers(
    options: SoapBackendSpec, contract: Contract, caller: Caller, *, masked: bool
) -> list[etree._Element]:
    """Raises BackendError when the caller lacks a claim that one of them carries."""
    return [
        header_of(name, value, _declared(contract, name))
        for name, value in _contents(options, caller, masked=masked).items()
    ]


def _contents(options: SoapBackendSpec, caller: Caller, *, masked: bool) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {}
    for name, header in options.soap_headers.items():
        if header.omit:
            continue
        if header.from_ is not None:
            found[name] = of_caller(caller, header.from_)
        elif header.secret is not None:
            found[name] = shown(header.secret, masked=masked)
        else:
            found[name] = header.const
    if options.identity is not None:
        identity = options.identity.header
        found[identity.name] = of_caller(caller, identity.from_)
    return found


def http_headers(
    options: SoapBackendSpec, version: Version, action: str, *, masked: bool
) -> dict[str, str]:
    headers = {name: shown(value, masked=masked) for name, value in options.headers.items()}
    if version == "1.1":
        headers["Content-Type"] = "text/xml; charset=utf-8"
        headers["SOAPAction"] = f'"{action}"'
    else:
        headers["Content-Type"] = f'application/soap+xml; charset=utf-8; action="{action}"'
    headers["Accept"] = "text/xml, application/soap+xml, application/xml, multipart/related"
    auth = options.auth
    if auth is not None and auth.bearer is not None:
        headers["Authorization"] = f"Bearer {shown(auth.bearer.token, masked=masked)}"
    if auth is not None and auth.basic is not None:
        pair = f"{auth.basic.username}:{auth.basic.password.reveal()}".encode()
        headers["Authorization"] = f"Basic {MASK if masked else base64.b64encode(pair).decode()}"
    if masked and auth is not None and (auth.ntlm or auth.kerberos):
        scheme = auth.ntlm.scheme if auth.ntlm is not None else "Negotiate"
        headers["Authorization"] = f"{scheme} {MASK}"  # made anew in each handshake
    return headers


def _declared(contract: Contract, name: str) -> Item | None:
    """The declaration of a header element, when the contract has one."""
    node = etree.Element("header")
    try:
        return contract.shapes.element(name, Component(node, SchemaDocument(node, "", "header")))
    except Unresolved:
        return None


def shown(secret: Secret, *, masked: bool) -> str:
    return MASK if masked else secret.reveal()


def of_caller(caller: Caller, path: str) -> JsonValue:
    """`caller.subject`, `caller.roles`, `caller.claims.NAME`, or `caller.NAME` for a claim.

    Raises BackendError when the caller has no such claim.
    """
    name = path.removeprefix("caller.")
    if name == "subject":
        return caller.subject
    if name == "roles":
        return ",".join(caller.roles)
    value = caller.claims.get(name.removeprefix("claims."))
    if value is None:
        raise BackendError(
            f"the caller has no claim `{name.removeprefix('claims.')}`, which the service has to be told",
            code="identity_missing",
            work="not_started",
            hint="the operator has to give this caller the claim",
        )
    return value
