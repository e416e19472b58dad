"""From an AMQP adapter to bindings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drawbar.backends.amqp.options import AmqpBackendSpec, AmqpFunctionSpec
from drawbar.codecs.codec import CODES as CODEC_CODES
from drawbar.codecs.copybook.compile import Copybooks
from drawbar.codecs.message import Message, compile_message, message_parameters
from drawbar.codecs.routes import Route, Tokens, compile_route
from drawbar.codecs.text import find_encoding
from drawbar.compiler.kind import Plan
from drawbar.kernel.ports import Backend
from drawbar.kernel.workers import Workers
from drawbar.spec.model import Adapter, BackendSpec, FunctionSpec
from drawbar.spec.source import At, Report

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
        encoding = find_encoding(_backend(adapter).encoding)
        if encoding is None:
            report.add(("backend", "encoding"), "DB801", "Python knows no such encoding")
        copybooks = Copybooks(adapter.folder, report)
        plans = {}
        for name, spec in adapter.functions.items():
            if not isinstance(spec, AmqpFunctionSpec):
                raise TypeError("the loader reads functions by this kind's own model")
            at: At = ("functions", name)
            parameters = message_parameters(spec, copybooks, at)
            key = compile_route(spec.routing_key, _WORD, parameters, report, (*at, "routing_key"))
            used = frozenset(key.template.parameters if key else ())
            message = compile_message(
                spec, parameters, copybooks, at, used=used, encoding=encoding or "utf-8"
            )
            if key is not None and message is not None and not report.is_broken(at):
                plans[name] = Plan(tuple(parameters.values()), Binding(spec.exchange, key, message))
        return plans

    def open(self, adapter: Adapter, plans: Mapping[str, Plan], workers: Workers) -> Backend:
        from drawbar.backends.amqp.backend import AmqpBackend  # noqa: PLC0415 -- only where one is opened

        del plans, workers  # bindings come with each call, and nothing here blocks
        return AmqpBackend(_backend(adapter), adapter.folder)


KIND = AmqpKind()


def _backend(adapter: Adapter) -> AmqpBackendSpec:
    if not isinstance(adapter.backend, AmqpBackendSpec):
        raise TypeError("the loader reads `backend` by this kind's own model")
    return adapter.backend
