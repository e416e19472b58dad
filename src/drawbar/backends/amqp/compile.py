"""From an AMQP adapter to bindings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drawbar.backends.amqp.options import AmqpBackendSpec, AmqpFunctionSpec
from drawbar.codecs.codec import CODES as CODEC_CODES
from drawbar.codecs.message import Message
from drawbar.codecs.message_spec import MessageFunctionSpec
from drawbar.codecs.routes import Route, Tokens, compile_routed
from drawbar.compiler.kind import Plan, options_of
from drawbar.kernel.ports import Backend
from drawbar.kernel.workers import Workers
from drawbar.spec.model import Adapter, BackendSpec, FunctionSpec
from drawbar.spec.source import Report

_WORD = Tokens(
    r"[^\s.*#\x00]{1,100}", "one word of a routing key, without dots, blanks, `*` and `#`"
)


@dataclass(frozen=True, slots=True)
class Binding:
    """One function, compiled."""

    exchange: str
    routing_key: Route
    message: Message


class AmqpKind:
    """Fills the port `drawbar.compiler.kind.Kind`."""

    name = "amqp"
    options: type[BackendSpec] = AmqpBackendSpec
    function: type[FunctionSpec] = AmqpFunctionSpec
    codes: Mapping[str, str] = CODEC_CODES

    def compile(self, adapter: Adapter, report: Report) -> Mapping[str, Plan]:
        return compile_routed(
            adapter,
            report,
            encoding=options_of(adapter, AmqpBackendSpec).encoding,
            word="routing_key",
            tokens=_WORD,
            bind=_bind,
        )

    def open(self, adapter: Adapter, plans: Mapping[str, Plan], workers: Workers) -> Backend:
        from drawbar.backends.amqp.backend import AmqpBackend  # noqa: PLC0415 -- only where one is opened

        del plans, workers  # bindings come with each call, and nothing here blocks
        return AmqpBackend(options_of(adapter, AmqpBackendSpec), adapter.folder)


def _bind(spec: MessageFunctionSpec, route: Route, message: Message) -> Binding:
    if not isinstance(spec, AmqpFunctionSpec):
        raise TypeError("the loader reads functions by this kind's own model")
    return Binding(spec.exchange, route, message)


KIND = AmqpKind()
