"""From a NATS adapter to bindings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drawbar.backends.nats.options import NatsBackendSpec, NatsFunctionSpec
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
        encoding = find_encoding(_backend(adapter).encoding)
        if encoding is None:
            report.add(("backend", "encoding"), "DB801", "Python knows no such encoding")
        copybooks = Copybooks(adapter.folder, report)
        plans = {}
        for name, spec in adapter.functions.items():
            if not isinstance(spec, NatsFunctionSpec):
                raise TypeError("the loader reads functions by this kind's own model")
            at: At = ("functions", name)
            parameters = message_parameters(spec, copybooks, at)
            subject = compile_route(spec.subject, _TOKEN, parameters, report, (*at, "subject"))
            used = frozenset(subject.template.parameters if subject else ())
            message = compile_message(
                spec, parameters, copybooks, at, used=used, encoding=encoding or "utf-8"
            )
            if subject is not None and message is not None and not report.is_broken(at):
                plans[name] = Plan(tuple(parameters.values()), Binding(subject, message))
        return plans

    def open(self, adapter: Adapter, plans: Mapping[str, Plan], workers: Workers) -> Backend:
        from drawbar.backends.nats.backend import NatsBackend  # noqa: PLC0415 -- only where one is opened

        del plans, workers  # bindings come with each call, and nothing here blocks
        return NatsBackend(_backend(adapter), adapter.folder)


KIND = NatsKind()


def _backend(adapter: Adapter) -> NatsBackendSpec:
    if not isinstance(adapter.backend, NatsBackendSpec):
        raise TypeError("the loader reads `backend` by this kind's own model")
    return adapter.backend
