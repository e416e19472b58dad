"""The other path: zeep writes the body and reads the reply. The one place that imports zeep's client.

The compiled plan writes and reads every style (see `request` and `reply`). An adapter can send an operation
through zeep with `wire: zeep`: to compare, and where a service takes only what zeep writes. Both paths share
the envelope's headers, the check against the XSD, the POST and what its answers mean; zeep works on trees in
the backend's threads and never touches the network. It is loaded late: it takes a third of a second.
"""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from lxml import etree

from drawbar.backends.soap.contract.wsdl import Contract, Operation
from drawbar.backends.soap.contract.xsd import Unresolved
from drawbar.backends.soap.message.request import WrongValue
from drawbar.backends.soap.zeep.annotate import has_odd_boolean, tidy
from drawbar.backends.soap.zeep.digest import NAMESPACE, digest_of
from drawbar.backends.soap.zeep.objects import Objects
from drawbar.kernel.values import JsonObject, JsonValue

_RAISED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
    etree.LxmlError,
)
"""What comes out of zeep, besides its own errors, when something does not fit."""


class CannotServe(Exception):
    """zeep does not take the operation's contract; the message says why."""


class NotRead(Exception):
    """zeep does not read this reply, which says nothing about the reply."""


class General:
    """zeep for the operations of one backend: each is loaded at its first call, then shared by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._served: dict[int, _Served] = {}

    def write(
        self, contract: Contract, operation: Operation, values: JsonObject
    ) -> list[etree._Element]:
        """The elements of the body. Raises WrongValue or CannotServe."""
        if operation.sent.attached:
            raise CannotServe("zeep sends no attachments")
        return self._of(contract, operation).write(values)

    def read(self, contract: Contract, operation: Operation, body: etree._Element) -> JsonValue:
        """The value of a reply. Raises NotRead, also where zeep would lose some of it; or CannotServe."""
        return self._of(contract, operation).read(body)

    def _of(self, contract: Contract, operation: Operation) -> _Served:
        with self._lock:
            served = self._served.get(id(operation))
            if served is None:
                served = self._served[id(operation)] = _Served(contract, operation)
            return served


class _Served:
    """One operation, loaded. Keeps the operation, so that its identity stays its own."""

    def __init__(self, contract: Contract, operation: Operation) -> None:
        from zeep.exceptions import Error  # noqa: PLC0415 -- heavy, and few adapters use it

        self._operation = operation
        self._raised: tuple[type[Exception], ...] = (Error, *_RAISED)
        try:
            client = _client(digest_of(contract, operation))
            self._zeep = client.wsdl.bindings[f"{{{NAMESPACE}}}Binding"].get(operation.name)
            self._objects = Objects(client)
        except Unresolved as error:
            raise CannotServe(error.message) from None
        except self._raised as error:
            raise CannotServe(str(error) or type(error).__name__) from error

    def write(self, values: JsonObject) -> list[etree._Element]:
        sent = self._operation.sent
        args, named = self._objects.arguments(sent.item, values, spread=sent.spread)
        try:
            envelope = self._zeep.create(*args, **named).content
        except self._raised as error:
            raise WrongValue("", str(error) or type(error).__name__) from error
        return list(envelope[-1])

    def read(self, body: etree._Element) -> JsonValue:
        returned = self._operation.returned
        if returned is None or returned.item is None or not len(body):
            raise NotRead
        if returned.encoded:
            tidy(body[0], returned.item)
        if has_odd_boolean(body if returned.spread else body[0], returned.item):
            raise NotRead
        try:
            with _strictly() as wrong:
                found = self._zeep.output._deserialize_body(body)  # noqa: SLF001 -- its public way unwraps values, and then they cannot be told apart
                if wrong:
                    raise NotRead
                return self._objects.value(returned.item, found["body"], spread=returned.spread)
        except self._raised as error:
            raise NotRead from error


def _client(wsdl: bytes) -> Any:  # zeep has no annotations
    from zeep import Client, Settings  # noqa: PLC0415 -- heavy, and few adapters use it

    settings = Settings(
        forbid_dtd=True, forbid_entities=True, forbid_external=True, force_https=False
    )
    return Client(io.BytesIO(wsdl), transport=_Nowhere(), settings=settings)  # type: ignore[no-untyped-call]  # as above


class _Nowhere:
    """A transport that fetches nothing: a digest is whole."""

    def load(self, url: str) -> bytes:
        raise LookupError(f"zeep asks for {url}, and contracts are never fetched")


_wrong: ContextVar[list[str] | None] = ContextVar("wrong values in a reply", default=None)


class _NoticeWrongValues(logging.Filter):
    """zeep logs a value that its type does not know, and makes None of it; here it is noticed instead."""

    def filter(self, record: logging.LogRecord) -> bool:
        found = _wrong.get()
        if found is None:
            return True
        found.append(record.getMessage())
        return False


_notice = _NoticeWrongValues()


@contextmanager
def _strictly() -> Iterator[list[str]]:
    """Collects what zeep could not read and would drop."""
    for name in ("zeep.xsd.types.simple", "zeep.xsd.elements.attribute"):
        logging.getLogger(name).addFilter(_notice)  # adding it again changes nothing
    wrong: list[str] = []
    token = _wrong.set(wrong)
    try:
        yield wrong
    finally:
        _wrong.reset(token)
