"""Real programs in a folder of the test, and adapters from YAML that start them."""

from __future__ import annotations

import json
import stat
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from drawbar.backends import InstalledKinds
from drawbar.backends.command.backend import CommandBackend
from drawbar.compiler.toolset import CompiledAdapter, compile_adapter
from drawbar.kernel.ports import BackendError, Call, Mode, Progress, Reply
from drawbar.kernel.values import Caller, JsonObject
from drawbar.kernel.workers import Workers
from drawbar.spec.load import parse_adapter

KINDS = InstalledKinds()


def compiled(
    text: str, environ: Mapping[str, str] | None = None, folder: Path = Path()
) -> CompiledAdapter:
    loaded = parse_adapter(textwrap.dedent(text), "a.yaml", folder, KINDS, environ or {})
    return compile_adapter(loaded, KINDS)


@dataclass
class Opened:
    """An adapter that was compiled and opened."""

    adapter: CompiledAdapter
    backend: CommandBackend

    async def invoke(
        self,
        function: str,
        arguments: JsonObject | None = None,
        *,
        seconds: float = 10.0,
        mode: Mode = "run",
        max_rows: int = 500,
        max_bytes: int = 1_000_000,
        progress: Progress | None = None,
    ) -> Reply:
        call = Call(
            function,
            arguments or {},
            Caller("anna"),
            time.monotonic() + seconds,
            max_rows=max_rows,
            max_bytes=max_bytes,
            mode=mode,
            progress=progress or Progress(),
        )
        return await self.backend.invoke(self.adapter.plans[function].binding, call)

    async def fail(
        self,
        function: str,
        arguments: JsonObject | None = None,
        **how: Any,  # keywords of `invoke`
    ) -> BackendError:
        with pytest.raises(BackendError) as caught:
            await self.invoke(function, arguments, **how)
        return caught.value


@dataclass(frozen=True)
class Folder:
    """Where the programs of a test are."""

    path: Path

    def python(self, name: str, code: str) -> str:
        """A Python program; gives the words for `program:`."""
        (self.path / name).write_text(textwrap.dedent(code))
        return json.dumps([sys.executable, "-S", f"./{name}"])

    def script(self, name: str, code: str) -> str:
        """A script of /bin/sh, which is quick to start; what is tested never starts one itself."""
        file = self.path / name
        file.write_text("#!/bin/sh\n" + textwrap.dedent(code))
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        return json.dumps([f"./{name}"])


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
async def open_command(tmp_path: Path) -> AsyncIterator[Callable[..., Opened]]:
    opened: list[Opened] = []

    def open_it(text: str, environ: Mapping[str, str] | None = None) -> Opened:
        adapter = compiled(text, environ, tmp_path)
        assert [p for p in adapter.problems if p.severity == "error"] == []
        assert adapter.adapter is not None
        backend = KINDS.find("command").open(adapter.adapter, adapter.plans, Workers("x", 1))
        assert isinstance(backend, CommandBackend)
        opened.append(Opened(adapter, backend))
        return opened[-1]

    yield open_it
    for each in opened:
        await each.backend.close()


@pytest.fixture
def compile_text() -> Callable[..., CompiledAdapter]:
    return compiled


@pytest.fixture
def problems() -> Callable[[str], list[str]]:
    """Compiles an adapter and gives its errors as `line:column: code message`."""

    def find(text: str) -> list[str]:
        return [
            f"{problem.place.line}:{problem.place.column}: {problem.code} {problem.message}"
            for problem in compiled(text).problems
            if not problem.code.startswith("DB2")
        ]

    return find
