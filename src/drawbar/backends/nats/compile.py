"""From a NATS adapter to bindings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drawbar.backends.nats.options import NatsBackendSpec, NatsFunctionSpec
from drawbar.codecs.codec import CODES as CODEC_CODES
from drawbar.codecs.message import Message
from drawbar.codecs.message_spec import MessageFunctionSpec
from drawbar.codecs.routes import Route, Tokens, compile_routed
from drawbar.compiler.kind import Plan, options_of
from drawbar.kernel.ports import Backend
from drawbar.kernel.workers import Workers
from drawbar.spec.model import Adapter, BackendSpec, FunctionSpec
from drawbar.spec.source import Report

_TOKEN = Tokens(r"[^\s.*>\x00]+", "one token of a subject, without dots, blanks, `*` and `>`")


@dataclass(frozen=True, slots=True)
class Binding:
    """One function, compiled."""

    subject: Route
    message: Message


class NatsKind:
    """Fills the port `drawbar.compiler.kind.Kind`."""

    name = "nats"
    options: type[BackendSpec] = NatsBackendSpec
    function: type[FunctionSpec] = NatsFunctionSpec
    codes: Mapping[str, str] = CODEC_CODES

    def compile(self, adapter: Adapter, report: Report) -> Mapping[str, Plan]:
        return compile_routed(
            adapter,
            report,
            encoding=options_of(adapter, NatsBackendSpec).encoding,
            word="subject",
            tokens=_TOKEN,
            bind=_bind,
        )

    def open(self, adapter: Adapter, plans: Mapping[str, Plan], workers: Workers) -> Backend:
        from drawbar.backends.nats.backend import NatsBackend  # noqa: PLC0415 -- only where one is opened

        del plans, workers  # bindings come with each call, and nothing here blocks
        return NatsBackend(options_of(adapter, NatsBackendSpec), adapter.folder)


def _bind(spec: MessageFunctionSpec, route: Route, message: Message) -> Binding:
    del spec
    return Binding(route, message)


KIND = NatsKind()
