"""Adapters from YAML over contracts of our own, compiled and opened."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from drawbar.backends import InstalledKinds
from drawbar.backends.soap import KIND
from drawbar.backends.soap.backend import SoapBackend
from drawbar.compiler.stored import packing_of
from drawbar.compiler.toolset import CompiledAdapter, compile_adapter
from drawbar.kernel.ports import BackendError, Call, Mode, Progress, Reply
from drawbar.kernel.values import Caller, JsonValue
from drawbar.spec.load import parse_adapter

from .soap_office import WSDL

KINDS = InstalledKinds()
PACKING = packing_of(KIND)
ANNA = Caller("anna", ("crew",), {"email": "anna@example.org", "emp_no": "1042"})


def compiled(text: str) -> CompiledAdapter:
    return compile_adapter(parse_adapter(text, "a.yaml", WSDL, KINDS, {}), KINDS)


@dataclass
class Calls:
    """An opened adapter."""

    adapter: CompiledAdapter
    backend: SoapBackend

    async def call(self, function: str, arguments: Mapping[str, JsonValue], **more: Any) -> Reply:
        """Each binding goes to disk and back, as it does between two starts."""
        binding = PACKING.unpack(
            orjson.loads(PACKING.pack(KIND.to_store(self.adapter.plans[function].binding)))
        )
        return await self.backend.invoke(binding, make_call(arguments, **more))

    async def error(
        self, function: str, arguments: Mapping[str, JsonValue], **more: Any
    ) -> BackendError:
        with pytest.raises(BackendError) as caught:
            await self.call(function, arguments, **more)
        return caught.value


def make_call(
    arguments: Mapping[str, JsonValue],
    *,
    seconds: float = 10,
    mode: Mode = "run",
    max_rows: int = 500,
    max_bytes: int = 1_000_000,
    progress: Progress | None = None,
    caller: Caller = ANNA,
) -> Call:
    return Call(
        "f",
        arguments,
        caller,
        time.monotonic() + seconds,
        max_rows=max_rows,
        max_bytes=max_bytes,
        mode=mode,
        progress=progress or Progress(),
    )
