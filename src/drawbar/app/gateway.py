"""A gateway in a Python program: adapters compiled offline, functions called through one dispatcher.

    gateway = drawbar.load("config/drawbar.yaml")
    async with gateway:
        outcome = await gateway.call("hr_get_employee", {"emp_no": "1007"}, caller=Caller("anna"))

`load` raises only for settings that are wrong. What is broken in an adapter stays listed with its reason.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from drawbar.backends import InstalledKinds
from drawbar.backends.results import ADAPTER as RESULTS
from drawbar.backends.results import ResultsBackend, own_functions
from drawbar.compiler.cache import Cache
from drawbar.compiler.function import Function
from drawbar.compiler.kind import Kinds
from drawbar.compiler.toolset import (
    CompiledAdapter,
    clashes,
    compile_adapter,
    compile_toolset,
)
from drawbar.dispatch.dispatcher import Dispatcher
from drawbar.dispatch.invocation import Invocation, Surface
from drawbar.dispatch.limits import DEFAULT_CONCURRENCY
from drawbar.dispatch.redact import Redactor
from drawbar.kernel.errors import AuthorError, OperatorError, Problem
from drawbar.kernel.ids import new_id
from drawbar.kernel.outcome import Outcome
from drawbar.kernel.ports import Backend
from drawbar.kernel.values import Caller, JsonValue
from drawbar.kernel.workers import Workers
from drawbar.settings import LoadedSettings, adapter_files, cache_folder, load_settings
from drawbar.spec.load import load_adapter
from drawbar.spec.secrets import secrets_of
from drawbar.store.database import Store

_log = logging.getLogger(__name__)

SETTINGS_FILE = Path("config/drawbar.yaml")


def load(
    settings: str | os.PathLike[str] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
    cached: bool = True,
) -> Gateway:
    """Read settings and adapters and compile them. Nothing is connected to, nothing is written.

    `settings` defaults to DRAWBAR_SETTINGS, then to config/drawbar.yaml. `flags` win over the file and
    the environment; their names are dotted, such as `model.provider`. What was compiled by an earlier start
    and has not changed is read from the `cache` of the settings, unless `cached` is false; then the adapters
    have their tests with them. Raises AuthorError when the settings are wrong, OperatorError when there are none.
    """
    environ = os.environ if environ is None else environ
    given = settings or environ.get("DRAWBAR_SETTINGS")
    if not given and not SETTINGS_FILE.exists():
        raise OperatorError(
            f"There are no settings at {SETTINGS_FILE}. Name a file with --settings or DRAWBAR_SETTINGS."
        )
    given = given or SETTINGS_FILE
    loaded = load_settings(Path(given), environ, flags or {})
    if any(problem.severity == "error" for problem in loaded.problems):
        raise AuthorError(loaded.problems)
    kinds = InstalledKinds()
    if wrong := kinds.configure(loaded):
        raise AuthorError(wrong)
    files, missing = adapter_files(loaded)
    folder = cache_folder(loaded.settings) if cached else None
    cache = None if folder is None else Cache(folder)
    compiled = [
        compile_adapter(load_adapter(path, kinds, environ), kinds)
        if cache is None
        else cache.compiled(path, kinds, environ)
        for path in files
    ]
    return Gateway(loaded, compiled, kinds, missing, cache)


class Gateway:
    """Compiled functions, and what it takes to call them."""

    def __init__(
        self,
        loaded: LoadedSettings,
        compiled: Sequence[CompiledAdapter],
        kinds: Kinds,
        missing: Sequence[Problem] = (),
        cache: Cache | None = None,
    ) -> None:
        self.loaded = loaded
        self.settings = loaded.settings
        self.adapters = tuple(compiled)
        with_own = [*compiled, *own_functions(compiled)]
        self.toolset = compile_toolset(*with_own)
        self.problems: tuple[Problem, ...] = (
            *loaded.problems,
            *missing,
            *(problem for item in compiled for problem in item.problems),
            *clashes(*with_own),
        )
        self.kinds = kinds
        self._cache = cache
        self._opened: contextlib.AsyncExitStack | None = None
        self.backends: Mapping[str, Backend] = {}
        self._dispatcher: Dispatcher | None = None
        self._store: Store | None = None

    @property
    def functions(self) -> Mapping[str, Function]:
        """By name: description, effect, schema, strict_schema, adapter, problems, ..."""
        return MappingProxyType(self.toolset)

    @property
    def dispatcher(self) -> Dispatcher:
        if self._dispatcher is None:
            raise RuntimeError("the gateway is not open; use `async with gateway:`")
        return self._dispatcher

    @property
    def store(self) -> Store:
        if self._store is None:
            raise RuntimeError("the gateway is not open; use `async with gateway:`")
        return self._store

    async def __aenter__(self) -> Self:
        await self.open(exclusive=False)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def open(self, *, exclusive: bool) -> None:
        """Open the store and make the backends, which connect at their first call.

        `exclusive` keeps every other gateway off an SQLite store; `drawbar serve` asks for it.
        """
        if self._opened is not None:
            raise RuntimeError("the gateway is open already")
        async with contextlib.AsyncExitStack() as stack:
            self._store = await Store.open(
                self.settings.store,
                exclusive=exclusive,
                files=self.settings.files,
                results=self.settings.results,
            )
            stack.push_async_callback(self._store.close)
            backends: dict[str, Backend] = {}
            secrets = list(secrets_of(self.settings))
            for item in self.adapters:
                if item.adapter is None or not item.plans or item.name in backends:
                    continue  # its functions say why they cannot be called
                secrets += secrets_of(item.adapter)
                size = item.adapter.limits.concurrency or DEFAULT_CONCURRENCY
                workers = Workers(item.adapter.name, size)
                stack.callback(workers.close)
                kind = self.kinds.find(item.adapter.kind)
                backend = kind.open(item.adapter, item.plans, workers)
                stack.push_async_callback(backend.close)
                backends[item.adapter.name] = backend
            self.backends = MappingProxyType(backends)
            self._dispatcher = Dispatcher(
                self.toolset,
                {RESULTS: ResultsBackend(self._store.results), **backends},
                ledger=self._store.ledger,
                audit=self._store.audit,
                files=self._store.files,
                results=self._store.results,
                limits={
                    item.adapter.name: item.adapter.limits
                    for item in self.adapters
                    if item.adapter is not None
                },
                redactor=Redactor(secrets),
            )
            self._opened = stack.pop_all()
        self._keep()

    def _keep(self) -> None:
        """Write what was compiled, for the next start."""
        if self._cache is not None:
            self._cache.keep()
            for note in self._cache.notes:
                _log.info("cache: %s", note)
            self._cache.notes.clear()

    async def close(self) -> None:
        """Let go of backends, threads and the store; nothing is left behind."""
        if self._opened is not None:
            opened, self._opened = self._opened, None
            self._dispatcher = None
            self._store = None
            await opened.aclose()

    async def call(
        self,
        name: str,
        arguments: str | Mapping[str, JsonValue] | None = None,
        *,
        caller: Caller | None = None,
        dry_run: bool = False,
        surface: Surface = "python",
    ) -> Outcome:
        """Invoke one function. The outcome is a value, also when the backend said no.

        Without `caller` it is the anonymous caller of the settings, else `local` without any role.
        """
        invocation = Invocation(
            name,
            {} if arguments is None else arguments,
            caller or self.default_caller(),
            new_id("call_"),
            surface,
        )
        return await self.dispatcher.dispatch(invocation, mode="dry_run" if dry_run else "run")

    def default_caller(self) -> Caller:
        anonymous = self.settings.anonymous
        if anonymous is None:
            return Caller("local")
        return Caller(anonymous.subject, anonymous.roles, anonymous.claims)
