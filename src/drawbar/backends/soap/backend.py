"""A SOAP service that was opened: one call is one POST, and its answer is a value or a BackendError.

What became of the work, when a call did not end well:

* a fault is the server's own no: by SOAP's contract the request was not carried out, so `rolled_back`
* an answer that is no SOAP (an error page, half an envelope, nothing) says nothing: `unknown`
* an HTTP status below 500 without a fault comes from a door in front of the service: `not_started`
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lxml import etree

from drawbar.backends.soap.annotate import annotate
from drawbar.backends.soap.check import BodyCheck
from drawbar.backends.soap.compile import CODES, Binding, compile_functions
from drawbar.backends.soap.options import SoapBackendSpec, SoapFunctionSpec
from drawbar.backends.soap.post import Answer, Post, Tls, beginning, can_connect
from drawbar.backends.soap.reply import (
    Fault,
    NoEnvelope,
    Reading,
    body_in,
    capped,
    fault_in,
    says_something,
)
from drawbar.backends.soap.request import (
    Version,
    WrongValue,
    body_of,
    envelope_of,
    header_of,
    nested,
)
from drawbar.backends.soap.shape import Item
from drawbar.backends.soap.wire import (
    CannotServe,
    General,
    NotRead,
    add_username_token,
    resolved,
)
from drawbar.backends.soap.wsdl import Contract, Operation
from drawbar.backends.soap.xsd import Component, SchemaDocument, Unresolved
from drawbar.compiler.kind import Plan
from drawbar.kernel.ports import BackendError, Call, Health, Reply
from drawbar.kernel.values import Caller, JsonObject, JsonValue, Secret
from drawbar.kernel.workers import Workers
from drawbar.spec.model import Adapter
from drawbar.spec.source import Report

_MASK = "***"
_HEALTH_SECONDS = 5.0
_OK = 200
_MULTIPLE_CHOICES = 300
_SERVER_ERROR = 500
_DENIED = frozenset({401, 403, 407})
_BUSY = frozenset({429, 503})
_XML_TYPES = ("xml", "soap")


class SoapKind:
    """How the core meets this kind."""

    name = "soap"
    options = SoapBackendSpec
    function = SoapFunctionSpec
    codes = CODES

    def compile(self, adapter: Adapter, report: Report) -> Mapping[str, Plan]:
        return compile_functions(adapter, report)

    def open(self, adapter: Adapter, plans: Mapping[str, Plan], workers: Workers) -> SoapBackend:
        del plans  # a call brings the binding of its plan
        assert isinstance(adapter.backend, SoapBackendSpec)  # noqa: S101 -- the loader parses with this kind's models
        return SoapBackend(adapter.backend, adapter.folder, workers)


KIND = SoapKind()


@dataclass(frozen=True, slots=True)
class _Request:
    """One request, ready to be sent."""

    envelope: bytes
    headers: Mapping[str, str]


class SoapBackend:
    """Thread-safe: envelopes are written and read in the backend's threads, sent on the event loop."""

    def __init__(self, options: SoapBackendSpec, folder: Path, workers: Workers) -> None:
        self._options = options
        self._workers = workers
        self._post = Post(options.endpoint, workers.size, _tls(options, folder))
        self._general = General()
        self._checks: dict[Binding, BodyCheck] = {}
        self._lock = threading.Lock()

    async def invoke(self, binding: Any, call: Call) -> Reply:  # the port's own annotation
        assert isinstance(binding, Binding)  # noqa: S101 -- plans of this kind carry nothing else
        masked = call.mode == "dry_run"
        request = await self._workers.run(self._write, binding, call, masked=masked)
        if masked:
            return Reply({"request": self._described(request), "wire": binding.wire})
        answer = await self._post.send(
            request.envelope, request.headers, call, fresh=not binding.reads
        )
        return await self._workers.run(self._read, binding, call, answer)

    async def health(self) -> Health:
        """Whether a connection can be made; nothing is sent over it."""
        parts = urlsplit(self._options.endpoint)
        tls = parts.scheme == "https"
        host, port = parts.hostname or "", parts.port or (443 if tls else 80)
        try:
            secure = (self._post.tls() or True) if tls else False
        except BackendError as error:
            return Health(ok=False, detail=error.message)
        why = await can_connect(host, port, tls=secure, within=_HEALTH_SECONDS)
        what = f"{'TLS' if tls else 'TCP'} connection to {host}:{port}"
        return Health(why is None, f"{what}: {why or 'made'}")

    async def close(self) -> None:
        await self._post.close()
        self._checks.clear()

    # -- the request ----------------------------------------------------------------------------

    def _write(self, binding: Binding, call: Call, *, masked: bool) -> _Request:
        operation = binding.operation
        body = self._body(binding, nested(call.arguments, binding.places))
        headers = [
            header_of(name, value, _declared(binding.contract, name))
            for name, value in self._soap_headers(call.caller, masked=masked).items()
        ]
        envelope = envelope_of(operation.version, headers, body)
        auth = self._options.auth
        if auth is not None and (token := auth.wsse_username) is not None:
            password = _shown(token.password, masked=masked)
            add_username_token(
                envelope, token.username, password, digest=token.digest and not masked
            )
        text = etree.tostring(envelope, encoding="utf-8", xml_declaration=True, pretty_print=masked)
        return _Request(
            text, self._http_headers(operation.version, operation.action, masked=masked)
        )

    def _body(self, binding: Binding, values: JsonObject) -> list[etree._Element]:
        """The elements of the body, held against the contract."""
        operation = binding.operation
        try:
            if binding.wire == "zeep":
                body = self._general.write(binding.contract, operation, values)
            else:
                root = body_of(operation, values)
                body = [] if root is None else [root]
        except WrongValue as error:
            raise _refused(str(error)) from None
        except CannotServe as error:
            raise _not_served(operation, str(error)) from None
        check = self._check(binding)
        for node in body:
            if (why := check.problem(node)) is not None:
                raise _refused(why)
            if operation.sent.encoded and operation.request is not None:
                annotate(node, operation.request, operation.version, rpc=operation.rpc)
        return body

    def _check(self, binding: Binding) -> BodyCheck:
        with self._lock:
            if binding not in self._checks:
                self._checks[binding] = BodyCheck(binding.contract, binding.operation)
            return self._checks[binding]

    def _soap_headers(self, caller: Caller, *, masked: bool) -> dict[str, JsonValue]:
        found: dict[str, JsonValue] = {}
        for name, header in self._options.soap_headers.items():
            if header.from_ is not None:
                found[name] = _of_caller(caller, header.from_)
            elif header.secret is not None:
                found[name] = _shown(header.secret, masked=masked)
            else:
                found[name] = header.const
        if self._options.identity is not None:
            identity = self._options.identity.header
            found[identity.name] = _of_caller(caller, identity.from_)
        return found

    def _http_headers(self, version: Version, action: str, *, masked: bool) -> dict[str, str]:
        headers = {
            name: _shown(value, masked=masked) for name, value in self._options.headers.items()
        }
        if version == "1.1":
            headers["Content-Type"] = "text/xml; charset=utf-8"
            headers["SOAPAction"] = f'"{action}"'
        else:
            headers["Content-Type"] = f'application/soap+xml; charset=utf-8; action="{action}"'
        headers["Accept"] = "text/xml, application/soap+xml, application/xml"
        auth = self._options.auth
        if auth is not None and auth.bearer is not None:
            headers["Authorization"] = f"Bearer {_shown(auth.bearer.token, masked=masked)}"
        if auth is not None and auth.basic is not None:
            pair = f"{auth.basic.username}:{auth.basic.password.reveal()}".encode()
            headers["Authorization"] = (
                f"Basic {_MASK if masked else base64.b64encode(pair).decode()}"
            )
        return headers

    def _described(self, request: _Request) -> JsonObject:
        return {
            "method": "POST",
            "url": self._options.endpoint,
            "headers": dict(request.headers),
            "body": request.envelope.decode(),
        }

    # -- the reply ------------------------------------------------------------------------------

    def _read(self, binding: Binding, call: Call, answer: Answer) -> Reply:
        try:
            body = body_in(answer.body) if answer.body.strip() else None
        except NoEnvelope as error:
            raise _no_soap(answer, str(error)) from None
        operation = binding.operation
        returned = operation.returned
        reading = Reading(
            binding.contract.shapes, encoded=returned is not None and returned.encoded
        )
        if body and (fault := fault_in(body, reading)) is not None:
            raise _faulted(fault, answer.status)
        if not _OK <= answer.status < _MULTIPLE_CHOICES:
            raise _no_soap(answer, "it has an error status, but no fault")
        if operation.one_way and not any(map(says_something, body or ())):
            return Reply(None, ("The service took the request; this operation has no reply.",))
        if body is None:
            raise _no_soap(answer, "it is empty")
        value = self._value(binding, body, reading) if body else None
        value, cuts = capped(value, call.max_rows)
        return Reply(value, reading.remarks.notes, cuts)

    def _value(self, binding: Binding, body: list[etree._Element], reading: Reading) -> JsonValue:
        """What the body says; where zeep does not read it, it is read by names as the plan does."""
        operation = binding.operation
        whole = body[0].getparent()
        if binding.wire == "zeep" and whole is not None:
            whole = resolved(whole)
            try:
                return self._general.read(binding.contract, operation, whole)
            except (NotRead, CannotServe):
                body = list(whole)
        if operation.returned is not None and operation.returned.spread and whole is not None:
            return reading.element(whole, operation.reply)
        return reading.root(body[0], operation.reply)


def _tls(options: SoapBackendSpec, folder: Path) -> Tls | None:
    if (tls := options.tls) is None:
        return None
    ca, certificate, key = (
        None if path is None else folder / path for path in (tls.ca, tls.certificate, tls.key)
    )
    return Tls(ca, certificate, key)


def _declared(contract: Contract, name: str) -> Item | None:
    """The declaration of a header element, when the contract has one."""
    node = etree.Element("header")
    try:
        return contract.shapes.element(name, Component(node, SchemaDocument(node, "", "header")))
    except Unresolved:
        return None


def _shown(secret: Secret, *, masked: bool) -> str:
    return _MASK if masked else secret.reveal()


def _of_caller(caller: Caller, path: str) -> JsonValue:
    """`caller.subject`, `caller.roles`, `caller.claims.NAME`, or `caller.NAME` for a claim."""
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


def _refused(why: str) -> BackendError:
    """The contract does not take these values; nothing was sent."""
    return BackendError(
        f"the arguments do not fit the service's contract: {why}",
        code="invalid_arguments",
        work="not_started",
        hint="change the argument that is named and call again",
    )


def _not_served(operation: Operation, why: str) -> BackendError:
    """Zeep does not take what the compiler took; nothing was sent."""
    return BackendError(
        f"the messages of `{operation.name}` cannot be written: {why}",
        code="unsupported_operation",
        work="not_started",
        hint="the operator has to use another operation, or `wire: plan` where the plan covers this one",
    )


def _faulted(fault: Fault, status: int) -> BackendError:
    return BackendError(
        fault.text,
        code="fault",
        work="rolled_back",
        detail={"fault": fault.code, "detail": fault.detail},
        facts={**fault.facts, "status": status},
    )


def _no_soap(answer: Answer, why: str) -> BackendError:
    """An answer without an envelope: from a proxy, a broken server, or an address that is no SOAP service."""
    status = answer.status
    facts: dict[str, str | int] = {"status": status}
    start = f": {beginning(answer.body)}" if answer.body.strip() else ""
    if status in _DENIED:
        return BackendError(
            f"the service refused Drawbar's credentials (HTTP {status}){start}",
            code="unauthorized",
            work="not_started",
            hint="the operator has to correct `auth:` of the adapter",
            facts=facts,
        )
    if _MULTIPLE_CHOICES <= status < _SERVER_ERROR:
        return BackendError(
            f"HTTP {status} instead of a SOAP answer{start}",
            code="http_error",
            retryable=status in _BUSY,
            work="not_started",
            facts=facts,
        )
    if status >= _SERVER_ERROR:
        return BackendError(
            f"HTTP {status} without a SOAP fault{start}",
            code="http_error",
            retryable=status in _BUSY,
            work="unknown",
            facts=facts,
        )
    return _unusable(answer, why, facts, start)


def _unusable(answer: Answer, why: str, facts: Mapping[str, str | int], start: str) -> BackendError:
    """Status 200, but no envelope: empty, of another type, or not whole."""
    if not answer.body.strip():
        return BackendError(
            f"HTTP {answer.status} with an empty reply",
            code="empty_reply",
            work="unknown",
            facts=facts,
        )
    if not any(word in answer.content_type for word in _XML_TYPES):
        return BackendError(
            f"the reply is {answer.content_type}, not SOAP{start}",
            code="wrong_content_type",
            work="unknown",
            facts=facts,
        )
    return BackendError(
        f"the reply cannot be read, {why}{start}", code="broken_reply", work="unknown", facts=facts
    )
