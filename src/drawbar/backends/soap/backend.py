"""A SOAP service that was opened: one call is one POST, and its answer is a value or a BackendError.

What became of the work when a call did not end well is said in `failures`.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from lxml import etree

from drawbar.backends.soap.access.addressing import add_addressing, check_related
from drawbar.backends.soap.access.failures import (
    MULTIPLE_CHOICES,
    encrypted,
    faulted,
    misconfigured,
    no_soap,
    not_served,
    refused,
)
from drawbar.backends.soap.access.negotiation import logins
from drawbar.backends.soap.access.post import Answer, Post, can_connect
from drawbar.backends.soap.access.security import Security
from drawbar.backends.soap.compile import CODES, Binding, Kept, bind, compile_functions, kept
from drawbar.backends.soap.contract.documents import UnreadableXml
from drawbar.backends.soap.contract.wsdl import Operation, Unsupported
from drawbar.backends.soap.contract.xsd import Unresolved
from drawbar.backends.soap.message.attachments import (
    by_part,
    content_of_part,
    listed,
    put_back,
    set_aside,
    take_out,
    with_attachments,
)
from drawbar.backends.soap.message.binary import Bytes
from drawbar.backends.soap.message.check import Check, body_check
from drawbar.backends.soap.message.header_parts import header_check, take_headers
from drawbar.backends.soap.message.headers import http_headers, soap_headers
from drawbar.backends.soap.message.multipart import MULTIPART, BrokenMultipart, Part, split_parts
from drawbar.backends.soap.message.multiref import TooManyReferences, resolved
from drawbar.backends.soap.message.reply import (
    NoEnvelope,
    Reading,
    body_in,
    capped,
    envelope_in,
    fault_in,
    says_something,
)
from drawbar.backends.soap.message.request import (
    Version,
    WrongValue,
    bodies_of,
    envelope_of,
    nested,
)
from drawbar.backends.soap.options import SoapBackendSpec, SoapFunctionSpec
from drawbar.backends.soap.zeep.annotate import annotate
from drawbar.backends.soap.zeep.wire import CannotServe, General, NotRead
from drawbar.compiler.draft import Draft, DraftWish
from drawbar.compiler.kind import Plan
from drawbar.kernel.files import Attachments
from drawbar.kernel.ports import BackendError, Call, Health, Reply
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.kernel.workers import Workers
from drawbar.spec.model import Adapter, BackendSpec, FunctionSpec
from drawbar.spec.source import Report

_HEALTH_SECONDS = 5.0
_SHORT = 16_384
"""Bytes of arguments or of a reply that the plan works through in about a millisecond."""
_OK = 200
_ENCRYPTED = "{http://www.w3.org/2001/04/xmlenc#}"
ATTACHMENTS = "_attachments"
"""Under this name stands what a reply has attached without referring to it."""


class SoapKind:
    """How the core meets this kind."""

    name = "soap"
    options: type[BackendSpec] = SoapBackendSpec
    function: type[FunctionSpec] = SoapFunctionSpec
    codes = CODES
    stored: tuple[type, ...] = (Kept,)

    def ingredients(self, adapter: Adapter) -> JsonValue:
        """Where the contract is, and which part of it is meant."""
        backend = adapter.backend
        assert isinstance(backend, SoapBackendSpec)  # noqa: S101 -- the loader parses with this kind's models
        return [backend.wsdl, backend.service, backend.port, backend.endpoint]

    def to_store(self, binding: Binding) -> Kept:
        return kept(binding)

    def compile(self, adapter: Adapter, report: Report) -> Mapping[str, Plan]:
        return compile_functions(adapter, report)

    def open(self, adapter: Adapter, plans: Mapping[str, Plan], workers: Workers) -> SoapBackend:
        del plans  # a call brings the binding of its plan
        assert isinstance(adapter.backend, SoapBackendSpec)  # noqa: S101 -- the loader parses with this kind's models
        return SoapBackend(adapter.backend, adapter.folder, workers)

    def draft(self, source: str, wish: DraftWish) -> Draft:
        from drawbar.backends.soap.draft.adapter import draft_adapter  # noqa: PLC0415 -- no call needs it

        return draft_adapter(source, wish)


KIND = SoapKind()


@dataclass(frozen=True, slots=True)
class _Request:
    """One request, ready to be sent."""

    envelope: bytes
    headers: Mapping[str, str]
    message_id: str | None = None
    """Of WS-Addressing, where the adapter asks for it."""
    attachments: tuple[Part, ...] = ()

    def payload(self, version: Version) -> tuple[bytes, Mapping[str, str]]:
        """What is posted, and its headers: the envelope, or all parts where some are attached."""
        if not self.attachments:
            return self.envelope, self.headers
        return with_attachments(self.envelope, self.headers, self.attachments, version)


@dataclass(frozen=True, slots=True)
class _Checks:
    """What the messages of an operation are held against."""

    body: Check
    header: Check
    """Of the header elements that are parameters."""


class SoapBackend:
    """Envelopes are sent on the event loop; long ones are written and read in the backend's threads.

    A short one of the compiled plan takes less time than it takes to wake a thread.
    """

    def __init__(self, options: SoapBackendSpec, folder: Path, workers: Workers) -> None:
        self._options = options
        self._workers = workers
        self._post = Post(options.endpoint, workers.size, options.tls, folder)
        self._login = logins(options.auth, options.endpoint)
        self._security = Security(options, folder)
        self._general = General()
        self._checks: dict[Binding, _Checks] = {}
        self._folder = folder
        self._bound: dict[Kept, Binding] = {}
        self._lock = threading.Lock()

    def _bind(self, kept: Kept) -> Binding:
        try:
            binding = bind(kept, self._options, self._folder)
        except (UnreadableXml, Unresolved, Unsupported) as error:
            why = f"the WSDL `{self._options.wsdl}` is not what it was at the start: {error}"
            raise misconfigured(why, "the operator has to restart the gateway") from None
        with self._lock:
            return self._bound.setdefault(kept, binding)

    async def invoke(self, binding: Any, call: Call) -> Reply:  # the port's own annotation
        if isinstance(binding, Kept):
            binding = self._bound.get(binding) or await self._workers.run(self._bind, binding)
        assert isinstance(binding, Binding)  # noqa: S101 -- plans of this kind carry nothing else
        masked = call.mode == "dry_run"
        if self._is_short(binding, call):
            request = self._write(binding, call, masked=masked)
        else:
            request = await self._workers.run(self._write, binding, call, masked=masked)
        if masked:
            return Reply({"request": self._described(request), "wire": binding.wire})
        answer = await self._sent(binding, call, request)
        if self._is_light(binding) and len(answer.body) <= _SHORT:
            return self._read(binding, call, request, answer)
        return await self._workers.run(self._read, binding, call, request, answer)

    async def _sent(self, binding: Binding, call: Call, request: _Request) -> Answer:
        body, headers = request.payload(binding.operation.version)
        if self._login is None:
            return await self._post.send(body, headers, call, fresh=not binding.reads)
        return await self._post.send_after(self._login(), self._workers, body, headers, call)

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

    def _is_light(self, binding: Binding) -> bool:
        """Whether its messages are the plan's alone: without zeep, keys and files."""
        return binding.wire == "plan" and self._options.security is None

    def _is_short(self, binding: Binding, call: Call) -> bool:
        """Whether the request is written sooner than a thread has begun with it."""
        checks = self._checks.get(binding)
        return (
            self._is_light(binding)
            and checks is not None
            and checks.body.is_free
            and len(orjson.dumps(call.arguments)) <= _SHORT
        )

    # -- the request ----------------------------------------------------------------------------

    def _write(self, binding: Binding, call: Call, *, masked: bool) -> _Request:
        operation = binding.operation
        values = nested(call.arguments, binding.places)
        try:
            chosen = take_headers(values, binding.headers)
        except WrongValue as error:
            raise refused(str(error)) from None
        for node in chosen:
            if (why := self._checks_of(binding).header.problem(node)) is not None:
                raise refused(why)
        body, beside = self._body(binding, values)
        filled = soap_headers(self._options, binding.contract, call.caller, masked=masked)
        headers = [*filled, *chosen]
        envelope = envelope_of(operation.version, headers, body)
        message_id = add_addressing(envelope, self._options, operation.addressed)
        self._security.add(envelope, call.caller, masked=masked)
        # After signing: a signature covers the bytes in their place.
        attachments = (*self._taken_out(operation, body), *beside)
        text = etree.tostring(
            envelope,
            encoding="utf-8",
            # Some servers cannot read a declaration inside a part; without it, XML is UTF-8 all the same.
            xml_declaration=not attachments,
            pretty_print=masked,
        )
        said = http_headers(self._options, operation.version, operation.action, masked=masked)
        return _Request(text, said, message_id, attachments)

    def _taken_out(self, operation: Operation, body: list[etree._Element]) -> tuple[Part, ...]:
        item = operation.request
        if not self._options.mtom or operation.sent.encoded or item is None or not body:
            return ()
        holder = body[0].getparent() if operation.sent.spread else body[0]
        return tuple(take_out(holder, item)) if holder is not None else ()

    def _body(
        self, binding: Binding, values: JsonObject
    ) -> tuple[list[etree._Element], list[Part]]:
        """The elements of the body, held against the contract, and what is attached to them."""
        operation = binding.operation
        try:
            if binding.wire == "zeep":
                body = self._general.write(binding.contract, operation, values)
            else:
                body = bodies_of(operation, values)
        except WrongValue as error:
            raise refused(str(error)) from None
        except CannotServe as error:
            raise not_served(operation.name, str(error)) from None
        check = self._checks_of(binding).body
        body, beside = set_aside(body, operation.sent.attached)
        for node in body:
            if (why := check.problem(node)) is not None:
                raise refused(why)
            if operation.sent.encoded and operation.request is not None:
                annotate(node, operation.request, operation.version, rpc=operation.rpc)
        return body, beside

    def _checks_of(self, binding: Binding) -> _Checks:
        with self._lock:
            if binding not in self._checks:
                contract = binding.contract
                body = body_check(contract, binding.operation)
                self._checks[binding] = _Checks(body, header_check(contract, binding.headers))
            return self._checks[binding]

    def _described(self, request: _Request) -> JsonObject:
        said: JsonObject = {
            "method": "POST",
            "url": self._options.endpoint,
            "headers": dict(request.headers),
            "body": request.envelope.decode(),
        }
        if request.attachments:
            said["attachments"] = listed(request.attachments, Bytes("describe", Attachments()))
        return said

    # -- the reply ------------------------------------------------------------------------------

    def _read(self, binding: Binding, call: Call, request: _Request, answer: Answer) -> Reply:
        operation = binding.operation
        returned = operation.returned
        reading = Reading(
            binding.contract.shapes,
            encoded=returned is not None and returned.encoded,
            shown=Bytes(binding.bytes_form, call.files),
        )
        body, beside = self._body_of(answer, request, reading)
        if not _OK <= answer.status < MULTIPLE_CHOICES:
            raise no_soap(answer, "it has an error status, but no fault")
        if operation.one_way and not any(map(says_something, body if body is not None else ())):
            return Reply(None, ("The service took the request; this operation has no reply.",))
        if body is None:
            raise no_soap(answer, "it is empty")
        try:
            value = self._value(binding, body, reading) if len(body) else None
        except TooManyReferences:
            raise no_soap(answer, "its references stand for too much") from None
        if beside:
            value = _with_beside(value, beside, binding, Bytes(binding.bytes_form, call.files))
        value, cuts = capped(value, call.max_rows)
        return Reply(value, reading.remarks.notes, cuts)

    def _body_of(
        self, answer: Answer, request: _Request, reading: Reading
    ) -> tuple[etree._Element | None, list[Part]]:
        """The body of the answer, once it is known to be the service's; None where nothing came.

        And the attachments that it does not refer to. Raises BackendError, also for a fault.
        """
        if not answer.body.strip():
            return None, []
        try:
            data, parts = answer.body, []
            if answer.content_type == MULTIPART:
                root, *parts = split_parts(answer.body, answer.content_type_header)
                data = root.data
            envelope = envelope_in(data)
            beside = put_back(envelope, parts) if parts else []
            body = body_in(envelope)
        except (NoEnvelope, BrokenMultipart) as error:
            raise no_soap(answer, str(error)) from None
        try:
            if request.message_id is not None:
                check_related(envelope, request.message_id)
            if self._security.verifies:
                body = self._security.checked(envelope)
        except BackendError:
            if (fault := fault_in(body, reading)) is not None:
                raise faulted(fault, answer.status, trusted=False) from None
            raise
        if (fault := fault_in(body, reading)) is not None:
            raise faulted(fault, answer.status)
        if len(body) and str(body[0].tag).startswith(_ENCRYPTED):
            raise encrypted()
        return body, beside

    def _value(self, binding: Binding, body: etree._Element, reading: Reading) -> JsonValue:
        """What the body says; where zeep does not read it, it is read by names as the plan does."""
        operation = binding.operation
        if operation.returned is not None and operation.returned.encoded:
            body = resolved(body)
        if binding.wire == "zeep" and not _has_bytes(body, reading):
            try:
                return self._general.read(binding.contract, operation, body)
            except (NotRead, CannotServe):
                pass
        if operation.returned is not None and operation.returned.spread:
            return reading.element(body, operation.reply)
        return reading.root(body[0], operation.reply, rpc=operation.rpc)


def _has_bytes(body: etree._Element, reading: Reading) -> bool:
    """Whether a reply may hold bytes that are not shown as they are written, which zeep would do."""
    shown = reading.shown
    if shown is None or shown.form == "keep":
        return False
    least = shown.files.inline if shown.form == "file" else 0
    return any(len(node.text or "") > least for node in body.iter(etree.Element))


def _with_beside(
    value: JsonValue, beside: list[Part], binding: Binding, shown: Bytes
) -> JsonObject:
    """The value of a reply with what was attached to it and stands nowhere in it."""
    found: JsonObject = dict(value) if isinstance(value, dict) else {"value": value}
    named, others = by_part(beside, binding.operation.attached_to_reply)
    for name, part in named.items():
        found[name] = content_of_part(part, shown)
    if others:
        found[ATTACHMENTS] = listed(others, shown)
    return found
