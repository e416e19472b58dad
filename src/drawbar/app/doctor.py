"""Walks the hops to each backend, in their order, and says which one is broken.

Nothing is changed anywhere: names are looked up, ports are opened and closed, `health` is asked, and kinds look at what
they compiled. No store is opened, so it also works beside a gateway that is running.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from drawbar.compiler.diagnosis import (
    Finding,
    Hop,
    Verified,
    VerifyingKind,
    drift,
    source_changed,
)
from drawbar.compiler.draft import DraftingKind, DraftWish
from drawbar.compiler.kind import Kind, Kinds
from drawbar.compiler.toolset import CompiledAdapter
from drawbar.dispatch.limits import DEFAULT_CONCURRENCY
from drawbar.kernel.errors import OperatorError, Problem
from drawbar.kernel.ports import Backend, BackendError
from drawbar.kernel.values import Secret
from drawbar.kernel.workers import Workers
from drawbar.spec.load import load_adapter
from drawbar.spec.lock import read_lock
from drawbar.spec.model import Adapter, BackendSpec
from drawbar.spec.tls import TlsSpec

Verdict = Literal["ok", "warning", "broken", "skipped"]
_UNTYPED = "DB202"
_WITHIN = 5.0
"""Seconds for each hop on the way; a kind's own look may take longer."""
_PORTS: Mapping[str, int] = {
    "http": 80,
    "https": 443,
    "postgresql": 5432,
    "postgres": 5432,
    "mariadb": 3306,
    "mysql": 3306,
    "firebird": 3050,
    "nats": 4222,
    "tls": 4222,
    "amqp": 5672,
    "amqps": 5671,
}
_SECURE = frozenset({"https", "amqps", "tls"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a backend is reached."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What one hop has shown."""

    adapter: str
    hop: Hop
    verdict: Verdict
    message: str
    problem: Problem | None = None
    """With its place, where something of the adapter's file is meant."""


class Unreached(Exception):
    """A hop is broken, so those behind it cannot be looked at."""

    def __init__(self, hop: Hop, message: str) -> None:
        super().__init__(message)
        self.hop = hop


class Examination:
    """One adapter while it is examined. `verified` is what its kind found out, if it came that far."""

    def __init__(
        self, item: CompiledAdapter, kinds: Kinds, environ: Mapping[str, str] = os.environ
    ) -> None:
        self.item = item
        self.verified: Verified | None = None
        self._kinds = kinds
        self._environ = environ

    async def steps(self) -> AsyncIterator[Step]:
        broken = [each for each in self.item.problems if each.severity == "error"]
        for problem in broken:
            yield self._step("adapter", "broken", problem.message, problem)
        # What was compiled has let go of the text of its functions.
        adapter = load_adapter(Path(self.item.file), self._kinds, self._environ).adapter
        if adapter is None or self.item.adapter is None or not self._can_open(broken):
            return
        if not broken:
            count = len(self.item.functions)
            yield self._step("adapter", "ok", f"{count} function{'' if count == 1 else 's'}")
        try:
            async for step in self._way(adapter):
                yield step
        except Unreached as error:
            yield self._step(error.hop, "broken", str(error))
        except BackendError as error:
            yield self._step("answer", "broken", error.message)

    def _can_open(self, broken: list[Problem]) -> bool:
        """Where nothing could be compiled, only a type that is missing leaves something to find out."""
        return bool(self.item.plans) or all(each.code == _UNTYPED for each in broken)

    async def _way(self, adapter: Adapter) -> AsyncIterator[Step]:
        for endpoint in endpoints_of(adapter):
            async for hop, message in walk(endpoint):
                yield self._step(hop, "ok", message)
        kind = self._kinds.find(adapter.kind)
        async with _opened(kind, self.item, adapter) as backend:
            yield self._step("answer", "ok", await _healthy(backend))
            if isinstance(kind, VerifyingKind):
                self.verified = await kind.verify(adapter, self.item.plans, backend)
                for step in self._verified(adapter, self.verified):
                    yield step
        if isinstance(kind, DraftingKind):
            async for step in self._source(adapter, kind):
                yield step

    def _verified(self, adapter: Adapter, verified: Verified) -> Iterator[Step]:
        sections = read_lock(adapter.folder).get(adapter.name, {})
        findings = [*verified.findings, *drift(sections, verified)]
        for finding in findings:
            verdict: Verdict = "broken" if finding.severity == "error" else "warning"
            yield self._step(finding.hop, verdict, finding.message, self._problem(finding))
        if not findings:
            yield self._step("query", "ok", verified.checked)

    async def _source(self, adapter: Adapter, kind: DraftingKind) -> AsyncIterator[Step]:
        """What a draft would be now, against the last one; nothing where there was none."""
        lock = read_lock(adapter.folder).get(adapter.name, {})
        source = lock.get("made", {}).get("source")
        if source is None:
            return
        wish = DraftWish.earlier(adapter.name, lock)
        try:
            draft = await asyncio.to_thread(kind.draft, source, wish)
        except OperatorError as error:
            yield self._step("contract", "skipped", f"it cannot be drafted again: {error}")
            return
        problem = source_changed(self.item.place, adapter, lock, draft)
        if problem is None:
            yield self._step("contract", "ok", f"{source} says what it said when it was drafted")
        else:
            yield self._step("contract", "warning", problem.message, problem)

    def _problem(self, finding: Finding) -> Problem:
        places = {each.local_name: each.place for each in self.item.functions}
        place = places.get(finding.function) or self.item.place
        message = finding.message
        if finding.function:
            message = f"`{finding.function}`: {message}"
        return Problem(place, finding.code, message, finding.fix, finding.severity)

    def _step(
        self, hop: Hop, verdict: Verdict, message: str, problem: Problem | None = None
    ) -> Step:
        return Step(self.item.name, hop, verdict, message, problem)


@contextlib.asynccontextmanager
async def _opened(kind: Kind, item: CompiledAdapter, adapter: Adapter) -> AsyncIterator[Backend]:
    workers = Workers(adapter.name, adapter.limits.concurrency or DEFAULT_CONCURRENCY)
    try:
        backend = kind.open(adapter, item.plans, workers)
        try:
            yield backend
        finally:
            await backend.close()
    finally:
        workers.close()


async def _healthy(backend: Backend) -> str:
    """What it answered. Raises Unreached."""
    try:
        async with asyncio.timeout(_WITHIN):
            health = await backend.health()
    except TimeoutError:
        raise Unreached("answer", f"no answer within {_WITHIN:g} seconds") from None
    if not health.ok:
        raise Unreached("auth" if health.denied else "answer", health.detail)
    return health.detail


def endpoints_of(adapter: Adapter) -> Iterator[Endpoint]:
    """Hosts that the options of the backend name under the words that kinds have for it; none for a file."""
    backend = adapter.backend
    tls = getattr(backend, "tls", None)
    for text in _addresses(backend):
        parts = urlsplit(text if "://" in text else f"//{text}")
        scheme = parts.scheme.partition("+")[0]
        try:
            port = parts.port or _PORTS.get(scheme)
        except ValueError:
            continue  # its own kind has reported it
        if parts.hostname and port:
            secured = isinstance(tls, TlsSpec) or scheme in _SECURE
            words = tls if isinstance(tls, TlsSpec) else TlsSpec()
            context = words.context(adapter.folder) if secured else None
            yield Endpoint(parts.hostname, port, context)


def _addresses(backend: BackendSpec) -> Iterator[str]:
    for word in ("url", "endpoint", "address", "servers"):
        value = getattr(backend, word, None)
        for text in value if isinstance(value, tuple) else (value,):
            if text is not None:
                yield text.reveal() if isinstance(text, Secret) else str(text)
    first = (
        getattr(backend, "jump", None) or backend
    )  # a host on the way is all that is reached from here
    host, port = getattr(first, "host", None), getattr(first, "port", None)
    if isinstance(host, str):
        secured = getattr(backend, "tls", None) is not None
        yield f"{backend.kind}{'s' if secured else ''}://{host}{f':{port}' if port else ''}"


async def walk(endpoint: Endpoint) -> AsyncIterator[tuple[Hop, str]]:
    """Each hop that was passed, with what it showed. Raises Unreached at the first that was not."""
    loop = asyncio.get_running_loop()
    host, port = endpoint.host, endpoint.port
    try:
        async with asyncio.timeout(_WITHIN):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise Unreached("dns", f"{host}: no answer within {_WITHIN:g} seconds") from None
    except OSError as error:
        raise Unreached("dns", f"{host}: {error.strerror or error}") from None
    addresses = dict.fromkeys(str(each[4][0]) for each in found)
    is_name = list(addresses) != [host]
    yield "dns", f"{host} is {', '.join(addresses) if is_name else 'an address'}"
    await _connect(endpoint, None, "tcp")
    yield "tcp", f"{host} takes connections on port {port}"
    if endpoint.tls is not None:
        yield "tls", await _connect(endpoint, endpoint.tls, "tls")


async def _connect(endpoint: Endpoint, tls: ssl.SSLContext | None, hop: Hop) -> str:
    """Connect and hang up; what was agreed on. Raises Unreached."""
    host, port = endpoint.host, endpoint.port
    name = host if tls is not None else None
    try:
        async with asyncio.timeout(_WITHIN):
            _, writer = await asyncio.open_connection(host, port, ssl=tls, server_hostname=name)
    except TimeoutError:
        raise Unreached(hop, f"{host}:{port}: no answer within {_WITHIN:g} seconds") from None
    except ssl.SSLCertVerificationError as error:
        raise Unreached(hop, f"the certificate of {host}: {error.verify_message}") from None
    except OSError as error:
        raise Unreached(hop, f"{host}:{port}: {error.strerror or error}") from None
    agreed = writer.get_extra_info("ssl_object")
    writer.close()
    with contextlib.suppress(OSError):  # how the other side takes it says nothing
        await writer.wait_closed()
    return f"{agreed.version()}, and the certificate is good" if agreed is not None else ""
