"""From a TCP adapter to bindings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from drawbar.backends.tcp.backend import TcpBackend
from drawbar.backends.tcp.framing import Counted, Framing, Marked, UntilClosed
from drawbar.backends.tcp.options import EndSpec, LengthSpec, TcpBackendSpec, TcpFunctionSpec
from drawbar.codecs.codec import CODES as CODEC_CODES
from drawbar.codecs.copybook.compile import Copybooks
from drawbar.codecs.message import compile_message, message_parameters
from drawbar.codecs.text import find_encoding
from drawbar.compiler.kind import Plan, compile_each, options_of
from drawbar.kernel.ports import Backend
from drawbar.kernel.workers import Workers
from drawbar.spec.model import Adapter, BackendSpec, FunctionSpec
from drawbar.spec.source import At, Report

_ADDRESS = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:\[\]/@]+)):(?P<port>\d{1,5})")
_LAST_PORT = 65535

CODES = {
    "DB901": "an address that is not HOST:PORT",
    "DB902": "marks of a framing that are not bytes written as hex",
    "DB903": "a connection that cannot be kept",
    **CODEC_CODES,
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens."""

    host: str
    port: int


class TcpKind:
    """Fills the port `drawbar.compiler.kind.Kind`."""

    name = "tcp"
    options: type[BackendSpec] = TcpBackendSpec
    function: type[FunctionSpec] = TcpFunctionSpec
    codes: Mapping[str, str] = CODES

    def compile(self, adapter: Adapter, report: Report) -> Mapping[str, Plan]:
        backend = options_of(adapter, TcpBackendSpec)
        _check(backend, report)
        encoding = find_encoding(backend.encoding) or "utf-8"
        copybooks = Copybooks(adapter.folder, report)

        def plan(_: str, spec: TcpFunctionSpec, at: At) -> Plan | None:
            parameters = message_parameters(spec, copybooks, at)
            message = compile_message(spec, parameters, copybooks, at, encoding=encoding)
            return None if message is None else Plan(tuple(parameters.values()), message)

        return compile_each(adapter, report, TcpFunctionSpec, plan)

    def open(self, adapter: Adapter, plans: Mapping[str, Plan], workers: Workers) -> Backend:
        del plans, workers  # messages come with each call, and nothing here blocks
        backend = options_of(adapter, TcpBackendSpec)
        address = parse_address(backend.address)
        framing = make_framing(backend)
        if address is None or framing is None:
            raise TypeError("an adapter with an error is never opened")
        return TcpBackend(backend, address.host, address.port, framing, adapter.folder)


KIND = TcpKind()


def parse_address(text: str) -> Address | None:
    match = _ADDRESS.fullmatch(text)
    if match is None or not 0 < int(match["port"]) <= _LAST_PORT:
        return None
    return Address(match["six"] or match["host"], int(match["port"]))


def make_framing(backend: TcpBackendSpec) -> Framing | None:
    match backend.framing:
        case "line":
            return Marked(b"\n", name="a line end")
        case "close":
            return UntilClosed()
        case "rdw":
            return Counted(2, "big", counts_itself=True, zeros=2)
        case LengthSpec(length=width, order=order, counts_itself=counts):
            return Counted(width, order, counts)
        case EndSpec(start=start, end=end):
            try:
                return Marked(bytes.fromhex(end), bytes.fromhex(start))
            except ValueError:
                return None


def _check(backend: TcpBackendSpec, report: Report) -> None:
    if parse_address(backend.address) is None:
        report.add(
            ("backend", "address"),
            "DB901",
            "this is no address",
            fix="write HOST:PORT, such as warehouse.internal:7001",
        )
    if make_framing(backend) is None:
        report.add(
            ("backend", "framing"),
            "DB902",
            "`start` and `end` are bytes in hex",
            fix="write two digits a byte, such as end: 1c0d",
        )
    if backend.framing == "close" and backend.connection == "kept":
        report.add(
            ("backend", "connection"),
            "DB903",
            "with `framing: close` each connection carries one message",
            fix="leave `connection` out",
        )
    if find_encoding(backend.encoding) is None:
        report.add(("backend", "encoding"), "DB801", f"no encoding is called `{backend.encoding}`")
